//! From events to sessions: a decision belongs to the session that it opened, which no field says; the same host, boot, service, person
//! and place, and the nearest line, do. What fits nothing stands by itself: nothing is left out.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jit_control::audit::{Grant, Session, Word};

use super::words::Id;
use super::{Asked, Begin, Life, Phase, Sessions, Where};
use crate::audit::numbers::Numbers;

/// How long a login takes at most, from its account phase to its session: passwords are typed before.
const LOGIN: i64 = 600;
/// How far apart the decision about a session and the word that it is opened are.
const OPENING: i64 = 120;

/// What is said of sessions, for each of many.
const OURS: [&str; 6] = ["session", "refused", "passed", "open", "unknown", NO_DECISION];
const NO_DECISION: &str = "the line with the decision is missing";

/// What a decision and a session have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Same {
    place: Where,
    service: Id,
    user: Id,
    from: Option<Id>,
}

impl Same {
    fn of(asked: &Asked) -> Same {
        Same { place: asked.place, service: asked.service, user: asked.user, from: asked.from }
    }
}

/// Decisions about openings: those that no session has been found for, by the numbers of their lines, each with its place among all.
type Openings = HashMap<Same, BTreeMap<u64, usize>>;

impl Sessions {
    /// Everybody who was in or refused, in the order of time, and how many decisions were about services that are not guarded.
    pub fn finish(mut self, numbers: &Numbers) -> (Vec<Session>, u64) {
        for word in OURS {
            self.words.id(word);
        }
        let mut asked = std::mem::take(&mut self.asked);
        asked.sort_unstable_by_key(|asked| (asked.place, asked.seq));
        let (mut opening, mut alone) = self.logins(&mut asked);

        let mut lives: Vec<_> = std::mem::take(&mut self.lives).into_iter().collect();
        lives.sort_unstable_by_key(|((place, id), life)| (*place, life.oldest, *id));
        let ends = self.ends(numbers);
        let mut sessions = Vec::with_capacity(lives.len().saturating_add(alone.len()));
        for ((place, id), life) in &lives {
            let same = Same { place: *place, service: life.service, user: life.user, from: life.from };
            let decision = match life.begin {
                Some((at, seq, Begin::Opened)) => {
                    opening.get_mut(&same).and_then(|waiting| nearest(waiting, &asked, seq, at))
                }
                _ => None,
            };
            sessions.push(self.told(*place, *id, life, decision, &ends));
        }
        drop((lives, ends));
        alone.extend(opening.into_values().flat_map(BTreeMap::into_values));
        alone.sort_unstable();
        sessions
            .extend(alone.into_iter().filter_map(|at| asked.get(at)).map(|decision| self.attempt(decision)));
        drop(asked);
        within(&mut sessions);
        sessions.retain(|session| {
            let over = match session.state.as_ref() {
                "refused" | "passed" => Some(session.begin),
                _ => session.end,
            };
            self.wanted.time(session.begin, over)
        });
        sessions.sort_unstable_by(|a, b| {
            (a.begin, &a.host, a.lines, &a.id).cmp(&(b.begin, &b.host, b.lines, &b.id))
        });
        (sessions, self.unguarded)
    }

    fn told(
        &self,
        place: Where,
        id: Id,
        life: &Life,
        decision: Option<&Asked>,
        ends: &super::ends::Ends<'_>,
    ) -> Session {
        let (begin, kind) = match life.begin {
            Some((at, _, kind)) => (at, Some(kind)),
            None => (life.oldest.1, None),
        };
        let (words, some) = (&self.words, |id: Option<Id>| id.map(|id| self.words.word(id)));
        let mut session = Session {
            host: words.word(place.0),
            boot: words.word(place.1),
            kind: words.ours("session"),
            id: Some(words.word(id)),
            user: words.word(life.user),
            uid: Some(life.uid),
            service: words.word(life.service),
            target: some(life.target),
            from: some(life.from),
            audit_session: life.audit_session,
            begin,
            until: life.until,
            standing: some(life.standing),
            would_end: life.would_end,
            lines: (life.oldest.0, life.newest.0),
            ..Session::default()
        };
        [session.verdict, session.code, session.why] = match kind {
            Some(Begin::Found) => {
                ["found", "found", "it was there when jitd came, or began to be told of sessions"]
            }
            Some(Begin::Opened) | None => match session.standing.as_deref() {
                _ if !life.grants.is_empty() => ["allow", "grant", NO_DECISION],
                Some("exempt") => ["exempt", "exempt", NO_DECISION],
                Some("break-glass") => ["break-glass", "break-glass", NO_DECISION],
                _ => ["unknown", "unknown", NO_DECISION],
            },
        }
        .map(|word| words.ours(word));
        if kind.is_none() {
            session.why = words.ours("its beginning is missing");
        }
        let first = decision.map(|decision| decision.grants.as_slice()).unwrap_or_default();
        let others: HashSet<Id> = life.grants.iter().copied().collect();
        let first = first.iter().filter(|id| !others.contains(id));
        session.grants = self.rests(place.0, first.chain(&life.grants));
        if let Some(decision) = decision {
            session.lines.0 = session.lines.0.min(decision.first.0);
            self.judged(&mut session, decision);
        }
        ends.apply(&mut session, place, life);
        session
    }

    fn attempt(&self, decision: &Asked) -> Session {
        let words = &self.words;
        let kind = words.ours(if words.text(decision.verdict) == "deny" { "refused" } else { "passed" });
        let mut session = Session {
            host: words.word(decision.place.0),
            boot: words.word(decision.place.1),
            kind: kind.clone(),
            user: words.word(decision.user),
            service: words.word(decision.service),
            from: decision.from.map(|from| words.word(from)),
            begin: decision.first.1,
            state: kind,
            until: decision.until,
            grants: self.rests(decision.place.0, decision.grants.iter()),
            lines: (decision.first.0, decision.seq),
            ..Session::default()
        };
        self.judged(&mut session, decision);
        session
    }

    /// The grants, as they were when they counted; of one that no line tells of, the id.
    fn rests<'a>(&self, host: Id, ids: impl Iterator<Item = &'a Id>) -> Vec<Arc<Grant>> {
        let known = |id: &Id| match self.grants.get(&(host, *id)) {
            Some((_, _, grant)) => Arc::clone(grant),
            None => Arc::new(Grant { id: self.words.text(*id).to_owned(), ..Grant::default() }),
        };
        ids.map(known).collect()
    }

    /// What the decision says of a session.
    fn judged(&self, session: &mut Session, decision: &Asked) {
        let (words, some) = (&self.words, |id: Option<Id>| id.map(|id| self.words.word(id)));
        session.uid = session.uid.or(decision.uid);
        session.dn = some(decision.dn);
        session.target = session.target.take().or_else(|| some(decision.target));
        session.tty = some(decision.tty);
        session.key = some(decision.key);
        session.verdict = words.word(decision.verdict);
        session.code = words.word(decision.code);
        session.refusal = some(decision.refusal);
        session.why = words.word(decision.why);
    }

    /// One decision for each login: what those before the session say goes into the one that opened it. The others stand alone.
    fn logins(&self, asked: &mut [Asked]) -> (Openings, Vec<usize>) {
        let mut waiting: HashMap<Same, VecDeque<usize>> = HashMap::new();
        let (mut opening, mut alone) = (Openings::new(), Vec::new());
        for at in 0..asked.len() {
            let Some(decision) = asked.get(at) else { continue };
            let (same, phase, seq, time) = (Same::of(decision), decision.phase, decision.seq, decision.time);
            let denied = self.words.text(decision.verdict) == "deny";
            // The oldest that is not too old: logins overtake each other, and it does not matter which is which, for they are alike.
            if let Some(before) = waiting.get_mut(&same).filter(|_| phase == Phase::Open) {
                let is_old =
                    |earlier: &usize| asked.get(*earlier).is_some_and(|earlier| time - earlier.time > LOGIN);
                while before.front().is_some_and(is_old) {
                    alone.extend(before.pop_front());
                }
                if let Some(earlier) = before.pop_front() {
                    go_into(asked, earlier, at);
                }
            }
            match phase {
                Phase::Close => {}
                Phase::Before if !denied => waiting.entry(same).or_default().push_back(at),
                // Of two lines with one number one is not jitd's, and which cannot be told: neither is left out.
                Phase::Open if !denied => alone.extend(opening.entry(same).or_default().insert(seq, at)),
                Phase::Before | Phase::Open => alone.push(at),
            }
        }
        alone.extend(waiting.into_values().flatten());
        (opening, alone)
    }
}

/// What was said before goes into the decision about the session.
fn go_into(asked: &mut [Asked], earlier: usize, later: usize) {
    let Some((first, key, target, tty)) =
        asked.get(earlier).map(|earlier| (earlier.first, earlier.key, earlier.target, earlier.tty))
    else {
        return;
    };
    if let Some(decision) = asked.get_mut(later) {
        decision.first = first;
        decision.key = decision.key.or(key);
        decision.target = decision.target.or(target);
        decision.tty = decision.tty.or(tty);
    }
}

/// The decision that a session was opened by: the nearest line, if it is near enough in time.
fn nearest<'a>(
    waiting: &mut BTreeMap<u64, usize>,
    asked: &'a [Asked],
    seq: u64,
    at: i64,
) -> Option<&'a Asked> {
    let before = waiting.range(..seq).next_back();
    let after = waiting.range(seq..).next();
    let (there, decision) = [before, after]
        .into_iter()
        .flatten()
        .filter_map(|(there, index)| Some((*there, asked.get(*index)?)))
        .filter(|(_, decision)| decision.time.abs_diff(at) <= OPENING.unsigned_abs())
        .min_by_key(|(there, _)| there.abs_diff(seq))?;
    waiting.remove(&there);
    Some(decision)
}

/// Services by which somebody becomes another within a login.
fn is_inside(service: &str) -> bool {
    matches!(service, "sudo" | "sudo-i" | "su" | "su-l" | "doas" | "polkit-1")
}

/// By the kernel's number of the login, which sudo and su keep.
fn within(sessions: &mut [Session]) {
    let mut logins: HashMap<(Word, Word, u32), (i64, Word)> = HashMap::new();
    for session in sessions.iter().filter(|session| !is_inside(&session.service)) {
        let (Some(number), Some(id)) = (session.audit_session, &session.id) else { continue };
        let login = (session.begin, id.clone());
        let known = logins
            .entry((session.host.clone(), session.boot.clone(), number))
            .or_insert_with(|| login.clone());
        if login.0 < known.0 {
            *known = login;
        }
    }
    for session in sessions.iter_mut().filter(|session| is_inside(&session.service)) {
        let Some(number) = session.audit_session else { continue };
        let login = logins.get(&(session.host.clone(), session.boot.clone(), number));
        session.within = login.filter(|(begin, _)| *begin <= session.begin).map(|(_, id)| id.clone());
    }
}
