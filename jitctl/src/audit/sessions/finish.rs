//! From events to sessions: a decision belongs to the session that it opened, which no field says; the same host, boot, service, person
//! and place, and the nearest line, do. What fits nothing stands by itself: nothing is left out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jit_control::audit::{Grant, Session, Word};

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Same {
    place: Where,
    service: Word,
    user: Word,
    from: Option<Word>,
}

impl Sessions {
    /// Everybody who was in or refused, in the order of time, and how many decisions were about services that are not guarded.
    pub fn finish(mut self, numbers: &Numbers) -> (Vec<Session>, u64) {
        for word in OURS {
            self.word(word);
        }
        let mut asked = std::mem::take(&mut self.asked);
        asked.sort_by(|a, b| (&a.place, a.seq).cmp(&(&b.place, b.seq)));
        let mut alone: Vec<Asked> = Vec::new();
        let mut opening: HashMap<Same, BTreeMap<u64, Asked>> = HashMap::new();
        for (same, decision) in logins(asked) {
            match decision.phase {
                Phase::Open if decision.verdict.as_ref() != "deny" => {
                    opening.entry(same).or_default().insert(decision.seq, decision);
                }
                _ => alone.push(decision),
            }
        }

        let mut lives: Vec<_> = std::mem::take(&mut self.lives).into_iter().collect();
        lives.sort_by(|((a, _), one), ((b, _), other)| (a, one.oldest).cmp(&(b, other.oldest)));
        let ends = self.ends(numbers);
        let mut sessions = Vec::with_capacity(lives.len() + alone.len());
        for ((place, id), life) in lives {
            let same = Same {
                place: place.clone(),
                service: life.service.clone(),
                user: life.user.clone(),
                from: life.from.clone(),
            };
            let decision = match life.begin {
                Some((at, seq, Begin::Opened)) => {
                    opening.get_mut(&same).and_then(|waiting| nearest(waiting, seq, at))
                }
                _ => None,
            };
            sessions.push(self.told(&place, &id, life, decision, &ends));
        }
        alone.extend(opening.into_values().flat_map(BTreeMap::into_values));
        sessions.extend(alone.into_iter().map(|decision| self.attempt(decision)));
        within(&mut sessions);
        sessions.retain(|session| {
            let over = match session.state.as_ref() {
                "refused" | "passed" => Some(session.begin),
                _ => session.end,
            };
            self.wanted.time(session.begin, over)
        });
        sessions.sort_by(|a, b| (a.begin, &a.host, a.lines).cmp(&(b.begin, &b.host, b.lines)));
        (sessions, self.unguarded)
    }

    fn told(
        &self,
        place: &Where,
        id: &Word,
        life: Life,
        decision: Option<Asked>,
        ends: &super::ends::Ends<'_>,
    ) -> Session {
        let (begin, kind) = match life.begin {
            Some((at, _, kind)) => (at, Some(kind)),
            None => (life.oldest.1, None),
        };
        let mut session = Session {
            host: place.0.clone(),
            boot: place.1.clone(),
            kind: self.known("session"),
            id: Some(id.clone()),
            user: life.user.clone(),
            uid: Some(life.uid),
            service: life.service.clone(),
            target: life.target.clone(),
            from: life.from.clone(),
            audit_session: life.audit_session,
            begin,
            until: life.until,
            standing: life.standing.clone(),
            would_end: life.would_end,
            lines: (life.oldest.0, life.newest.0),
            ..Session::default()
        };
        [session.verdict, session.code, session.why] = match kind {
            Some(Begin::Found) => {
                ["found", "found", "it was there when jitd came, or began to be told of sessions"]
            }
            Some(Begin::Opened) | None => match life.standing.as_deref() {
                _ if !life.grants.is_empty() => ["allow", "grant", NO_DECISION],
                Some("exempt") => ["exempt", "exempt", NO_DECISION],
                Some("break-glass") => ["break-glass", "break-glass", NO_DECISION],
                _ => ["unknown", "unknown", NO_DECISION],
            },
        }
        .map(|word| self.known(word));
        if kind.is_none() {
            session.why = self.known("its beginning is missing");
        }
        let mut rests = life.grants.clone();
        if let Some(decision) = decision {
            session.lines.0 = session.lines.0.min(decision.first.0);
            rests.splice(
                0..0,
                decision.grants.iter().filter(|id| !life.grants.contains(id)).cloned().collect::<Vec<_>>(),
            );
            judged(&mut session, &decision);
        }
        session.grants = self.rests(&place.0, &rests);
        ends.apply(&mut session, &life);
        session
    }

    fn attempt(&self, decision: Asked) -> Session {
        let kind = self.known(if decision.verdict == "deny" { "refused" } else { "passed" });
        let mut session = Session {
            host: decision.place.0.clone(),
            boot: decision.place.1.clone(),
            kind: kind.clone(),
            user: decision.user.clone(),
            service: decision.service.clone(),
            from: decision.from.clone(),
            begin: decision.first.1,
            state: kind,
            until: decision.until,
            grants: self.rests(&decision.place.0, &decision.grants),
            lines: (decision.first.0, decision.seq),
            ..Session::default()
        };
        judged(&mut session, &decision);
        session
    }

    /// The text, kept once if it is a word of ours, or of the lines.
    pub(super) fn known(&self, text: &str) -> Word {
        self.words.get(text).cloned().unwrap_or_else(|| Word::from(text))
    }

    /// The grants, as they were when they counted; of one that no line tells of, the id.
    fn rests(&self, host: &Word, ids: &[Word]) -> Vec<Arc<Grant>> {
        let known = |id: &Word| match self.grants.get(&(host.clone(), id.clone())) {
            Some((_, _, grant)) => grant.clone(),
            None => Arc::new(Grant { id: id.to_string(), ..Grant::default() }),
        };
        ids.iter().map(known).collect()
    }
}

/// What the decision says of a session.
fn judged(session: &mut Session, decision: &Asked) {
    session.uid = session.uid.or(decision.uid);
    session.dn = decision.dn.clone();
    session.target = session.target.take().or_else(|| decision.target.clone());
    session.tty = decision.tty.clone();
    session.key = decision.key.clone();
    session.verdict = decision.verdict.clone();
    session.code = decision.code.clone();
    session.refusal = decision.refusal.clone();
    session.why = decision.why.clone();
}

/// One decision for each login: those before the session are gone into the one that opened it.
fn logins(asked: Vec<Asked>) -> Vec<(Same, Asked)> {
    let mut waiting: HashMap<Same, VecDeque<Asked>> = HashMap::new();
    let mut all = Vec::with_capacity(asked.len());
    for mut decision in asked {
        let same = Same {
            place: decision.place.clone(),
            service: decision.service.clone(),
            user: decision.user.clone(),
            from: decision.from.clone(),
        };
        if decision.phase == Phase::Close {
            continue;
        }
        // The oldest that is not too old: logins overtake each other, and it does not matter which is which, for they are alike.
        if decision.phase == Phase::Open {
            if let Some(before) = waiting.get_mut(&same) {
                let is_old = |earlier: &Asked| decision.time - earlier.time > LOGIN;
                while before.front().is_some_and(is_old) {
                    all.extend(before.pop_front().map(|earlier| (same.clone(), earlier)));
                }
                if let Some(earlier) = before.pop_front() {
                    decision.first = earlier.first;
                    decision.key = decision.key.take().or(earlier.key);
                    decision.target = decision.target.take().or(earlier.target);
                    decision.tty = decision.tty.take().or(earlier.tty);
                }
            }
        }
        match (decision.phase, decision.verdict.as_ref()) {
            (Phase::Before, verdict) if verdict != "deny" => {
                waiting.entry(same).or_default().push_back(decision)
            }
            _ => all.push((same, decision)),
        }
    }
    all.extend(
        waiting
            .into_iter()
            .flat_map(|(same, rest)| rest.into_iter().map(move |decision| (same.clone(), decision))),
    );
    all
}

/// The decision that a session was opened by: the nearest line, if it is near enough in time.
fn nearest(waiting: &mut BTreeMap<u64, Asked>, seq: u64, at: i64) -> Option<Asked> {
    let before = waiting.range(..seq).next_back();
    let after = waiting.range(seq..).next();
    let (found, _) = [before, after]
        .into_iter()
        .flatten()
        .filter(|(_, decision)| decision.time.abs_diff(at) <= OPENING.unsigned_abs())
        .min_by_key(|(there, _)| there.abs_diff(seq))?;
    let found = *found;
    waiting.remove(&found)
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
