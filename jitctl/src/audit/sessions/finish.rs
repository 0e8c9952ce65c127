//! From events to sessions: a decision belongs to the session that it opened, which no field says; the same host, boot, service, person
//! and place, and the nearest line, do. What fits nothing stands by itself: nothing is left out.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jit_control::audit::Session;

use super::{Asked, Begin, Life, Phase, Sessions, Where};
use crate::audit::numbers::Numbers;

/// How long a login takes at most, from its account phase to its session: passwords are typed before.
const LOGIN: i64 = 600;
/// How far apart the decision about a session and the word that it is opened are.
const OPENING: i64 = 120;

/// What a decision and a session have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Same {
    place: Where,
    service: Rc<str>,
    user: Rc<str>,
    from: Option<Rc<str>>,
}

fn text(word: Option<&Rc<str>>) -> Option<String> {
    word.map(|word| word.as_ref().to_owned())
}

impl Sessions {
    /// Everybody who was in or refused, in the order of time, and how many decisions were about services that are not guarded.
    pub fn finish(mut self, numbers: &Numbers) -> (Vec<Session>, u64) {
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
                service: Rc::clone(&life.service),
                user: Rc::clone(&life.user),
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
            let over = match session.state.as_str() {
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
        id: &str,
        life: Life,
        decision: Option<Asked>,
        ends: &super::ends::Ends<'_>,
    ) -> Session {
        let (begin, kind) = match life.begin {
            Some((at, _, kind)) => (at, Some(kind)),
            None => (life.oldest.1, None),
        };
        let mut session = Session {
            host: place.0.as_ref().to_owned(),
            boot: place.1.as_ref().to_owned(),
            kind: "session".to_owned(),
            id: Some(id.to_owned()),
            user: life.user.as_ref().to_owned(),
            uid: Some(life.uid),
            service: life.service.as_ref().to_owned(),
            target: text(life.target.as_ref()),
            from: text(life.from.as_ref()),
            audit_session: life.audit_session,
            begin,
            until: life.until,
            standing: text(life.standing.as_ref()),
            would_end: life.would_end,
            lines: (life.oldest.0, life.newest.0),
            ..Session::default()
        };
        (session.verdict, session.code, session.why) = match kind {
            Some(Begin::Found) => {
                ("found", "found", "it was there when jitd came, or began to be told of sessions")
            }
            Some(Begin::Opened) | None => match life.standing.as_deref() {
                _ if !life.grants.is_empty() => ("allow", "grant", "the line with the decision is missing"),
                Some("exempt") => ("exempt", "exempt", "the line with the decision is missing"),
                Some("break-glass") => {
                    ("break-glass", "break-glass", "the line with the decision is missing")
                }
                _ => ("unknown", "unknown", "the line with the decision is missing"),
            },
        }
        .map_owned();
        if kind.is_none() {
            session.why = "its beginning is missing".to_owned();
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
        let kind = if decision.verdict.as_ref() == "deny" { "refused" } else { "passed" };
        let mut session = Session {
            host: decision.place.0.as_ref().to_owned(),
            boot: decision.place.1.as_ref().to_owned(),
            kind: kind.to_owned(),
            user: decision.user.as_ref().to_owned(),
            service: decision.service.as_ref().to_owned(),
            from: text(decision.from.as_ref()),
            begin: decision.first.1,
            state: kind.to_owned(),
            until: decision.until,
            grants: self.rests(&decision.place.0, &decision.grants),
            lines: (decision.first.0, decision.seq),
            ..Session::default()
        };
        judged(&mut session, &decision);
        session
    }

    /// The grants, as they were when they counted; of one that no line tells of, the id.
    fn rests(&self, host: &Rc<str>, ids: &[Rc<str>]) -> Vec<jit_control::audit::Grant> {
        let known = |id: &Rc<str>| match self.grants.get(&(Rc::clone(host), Rc::clone(id))) {
            Some((_, _, grant)) => grant.clone(),
            None => jit_control::audit::Grant { id: id.as_ref().to_owned(), ..Default::default() },
        };
        ids.iter().map(known).collect()
    }
}

trait Owned {
    fn map_owned(self) -> (String, String, String);
}

impl Owned for (&str, &str, &str) {
    fn map_owned(self) -> (String, String, String) {
        (self.0.to_owned(), self.1.to_owned(), self.2.to_owned())
    }
}

/// What the decision says of a session.
fn judged(session: &mut Session, decision: &Asked) {
    session.uid = session.uid.or(decision.uid);
    session.dn = text(decision.dn.as_ref());
    session.target = session.target.take().or_else(|| text(decision.target.as_ref()));
    session.tty = text(decision.tty.as_ref());
    session.key = text(decision.key.as_ref());
    session.verdict = decision.verdict.as_ref().to_owned();
    session.code = decision.code.as_ref().to_owned();
    session.refusal = text(decision.refusal.as_ref());
    session.why = decision.why.as_ref().to_owned();
}

/// One decision for each login: those before the session are gone into the one that opened it.
fn logins(asked: Vec<Asked>) -> Vec<(Same, Asked)> {
    let mut waiting: HashMap<Same, Vec<Asked>> = HashMap::new();
    let mut all = Vec::with_capacity(asked.len());
    for mut decision in asked {
        let same = Same {
            place: decision.place.clone(),
            service: Rc::clone(&decision.service),
            user: Rc::clone(&decision.user),
            from: decision.from.clone(),
        };
        if decision.phase == Phase::Close {
            continue;
        }
        // The oldest that is not too old: logins overtake each other, and it does not matter which is which, for they are alike.
        if decision.phase == Phase::Open {
            if let Some(before) = waiting.get_mut(&same) {
                let old = before
                    .iter()
                    .position(|earlier| decision.time - earlier.time <= LOGIN)
                    .unwrap_or(before.len());
                all.extend(before.drain(..old).map(|earlier| (same.clone(), earlier)));
                if !before.is_empty() {
                    let earlier = before.remove(0);
                    decision.first = earlier.first;
                    decision.key = decision.key.take().or(earlier.key);
                    decision.target = decision.target.take().or(earlier.target);
                    decision.tty = decision.tty.take().or(earlier.tty);
                }
            }
        }
        match (decision.phase, decision.verdict.as_ref()) {
            (Phase::Before, verdict) if verdict != "deny" => waiting.entry(same).or_default().push(decision),
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
    let mut logins: HashMap<(String, String, u32), (i64, String)> = HashMap::new();
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
