//! Looks at the sessions that nobody tells anything of: whose leader went without a word, whose person left and whose last process has
//! gone, and whose marks the host made a moment after they opened.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::host::Host;
use super::spared::Spared;
use super::underway::Whom;
use super::{Known, SETTLED, Warden, note};
use crate::audit::session::SessionState;
use crate::sessions::claim::{Kind, Mark, Marking, Modules};
use crate::sessions::ending::Hunt;
use crate::sessions::process::{AuditMark, Table, session_scope};
use crate::sessions::record::{Basis, Life, Session, SessionId};

/// Between two looks at who has gone without a word.
const EVERY: Duration = Duration::from_secs(60);

/// A look rests so many times as long as it took: on a host with many processes where somebody leaves every second, it is never more than
/// a small part of the work.
const REST: u32 = 20;

/// So long a look goes on at most before the rest of the sessions is left to the next one: somebody can leave thousands behind, and
/// nobody's end may wait for them (nor the watchdog, which would have the daemon started again, and find the same). The hunt for what is in
/// no table has a bound of its own, and what it found is told apart for as long again.
const LONGEST: Duration = Duration::from_secs(1);

/// When to look.
#[derive(Debug)]
pub(super) struct Prune {
    /// Somebody has left.
    asked: bool,
    /// When it is time anyway.
    due: Instant,
    /// Not before this, whoever leaves.
    rests: Instant,
    /// Where the last look left off.
    from: Option<SessionId>,
}

impl Prune {
    pub(super) fn new(now: Instant) -> Prune {
        Prune { asked: false, due: now, rests: now, from: None }
    }

    /// Somebody has left.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    fn is_due(&self, now: Instant) -> bool {
        self.rests <= now && (self.asked || self.due <= now)
    }

    /// It was done: begun then, and over now; up to `from`, if that was not all.
    fn done(&mut self, begun: Instant, now: Instant, from: Option<SessionId>) {
        let rest = now.saturating_duration_since(begun).saturating_mul(REST);
        let after = |wait: Duration| now.checked_add(wait).unwrap_or(now);
        *self = Prune { asked: from.is_some(), due: after(EVERY), rests: after(rest.min(EVERY)), from };
    }
}

impl<H: Host> Warden<H> {
    /// Looks again at the marks of sessions that opened a moment ago. Not at all processes: people come in all the time.
    pub(super) fn refresh(&mut self, now: Instant) {
        let due = |at: &Instant| now.saturating_duration_since(*at) >= SETTLED;
        let (ripe, fresh) = std::mem::take(&mut self.fresh).into_iter().partition(|(_, at)| due(at));
        self.fresh = fresh;
        for (id, _) in ripe {
            let Some(session) = self.registry.session(&id) else { continue };
            let mut mark = session.mark.clone();
            let seen = Mark::of(mark.leader, mark.kind, mark.uid);
            mark.audit = mark.audit.or(seen.audit);
            mark.scope = mark.scope.or(seen.scope);
            let session = self.learn(&session, mark);
            self.witness(&session, Modules::Done);
        }
    }

    /// Takes out what has gone by itself, when it is time to.
    pub(super) fn prune(&mut self, known: &Known, now: Instant) {
        if !self.prune.is_due(now) {
            return;
        }
        let from = self.take_out_the_gone(known);
        self.prune.done(now, Instant::now(), from);
        // A person who stayed for the sake of a session may have to leave.
        self.again = true;
    }

    /// From where the last look left off; where this one did.
    fn take_out_the_gone(&mut self, known: &Known) -> Option<SessionId> {
        let mut sessions = self.registry.sessions();
        sessions.retain(|session| !self.underway.contains_key(&Whom::Session(session.id.clone())));
        if sessions.is_empty() {
            return None;
        }
        let from = self.prune.from.take();
        let first = sessions.iter().position(|session| Some(&session.id) == from.as_ref()).unwrap_or(0);
        // After the sessions were listed: the leader of each was there before its session was.
        let table = self.table()?;
        let mut spared = Spared::of(self);
        let mut same = BTreeSet::new();
        let certain = self.registry.marking() == Marking::Made;
        let begun = Instant::now();
        let (mut gone, mut next) = (Vec::new(), None);
        for session in sessions.into_iter().skip(first) {
            if begun.elapsed() >= LONGEST {
                next = Some(session.id);
                break;
            }
            let session = self.refresh_mark(&table, &session);
            if !certain {
                self.witness_in(&table, known, &session);
            }
            let led = table.alive(session.mark.leader).is_some();
            if session.life != Life::Closed && led {
                continue;
            }
            if spared.members(&table, &session).is_empty() {
                gone.push(session);
            } else if !led && left_behind(&session).is_some_and(|left| !same.insert(left)) {
                let text = "closed; what was left in the login around it is another session's as well";
                self.forget(known, &session, text);
            } else {
                self.keep_closed(&session);
            }
        }
        let first_left = self.forget_the_gone(known, &table, &mut spared, &gone, begun);
        first_left.or(next)
    }

    /// Nothing of these is in a table. What forks and exits without pause never is, and would be nobody's once its session is forgotten.
    /// The first that it did not come to.
    fn forget_the_gone(
        &mut self,
        known: &Known,
        table: &Table,
        spared: &mut Spared,
        gone: &[Session],
        begun: Instant,
    ) -> Option<SessionId> {
        if gone.is_empty() {
            return None;
        }
        let logins: BTreeSet<AuditMark> = gone.iter().filter_map(|session| session.mark.audit).collect();
        let scopes: BTreeSet<&str> =
            gone.iter().filter_map(|session| session.mark.scope.as_deref()).collect();
        let left = Hunt::newcomers(table, &mut self.host.look_about(), |process| {
            process.audit.is_some_and(|audit| logins.contains(&audit))
                || session_scope(&process.cgroup).is_some_and(|scope| scopes.contains(scope))
        });
        for session in gone {
            if begun.elapsed() >= LONGEST.saturating_mul(2) {
                return Some(session.id.clone());
            }
            if !left.is_empty() && spared.takes_any(session, &left) {
                self.keep_closed(session);
            } else {
                self.forget(known, session, "closed");
            }
        }
        None
    }

    /// It is over, and something of it is left.
    fn keep_closed(&self, session: &Session) {
        // Of one whose ending had begun it is to be known still that something may be stopped.
        if session.life == Life::Open {
            self.registry.change(&session.id, |kept| kept.life = Life::Closed);
        }
    }

    fn forget(&self, known: &Known, session: &Session, text: &'static str) {
        self.registry.remove(&session.id);
        self.note(known.mode, note::of(session, SessionState::Closed, text));
    }

    /// Looks again at a mark that says too little.
    fn refresh_mark(&self, table: &Table, session: &Session) -> Session {
        let mut mark = session.mark.clone();
        mark.refresh(table);
        self.learn(session, mark)
    }

    /// A session with this mark from now on.
    fn learn(&self, session: &Session, mark: Mark) -> Session {
        if mark != session.mark {
            self.registry.change(&session.id, |kept| kept.mark = mark.clone());
            if mark.audit.is_some() {
                self.registry.witness(Marking::Borne);
            }
        }
        Session { mark, ..session.clone() }
    }
}

/// By what it is told what became sessions whose leader is gone have left behind: in the login around it, whatever runs as another. Two that
/// agree in all this have the same left, and end at the same time; one of them is enough to remember. None for other sessions.
fn left_behind(session: &Session) -> Option<String> {
    let Mark { kind, uid, audit, scope, .. } = &session.mark;
    let around = *kind == Kind::Become && (audit.is_some() || scope.is_some());
    let basis = match session.basis {
        Basis::Grants { .. } => None,
        Basis::Standing(standing) => Some(standing),
    };
    let Session { login, service, order, .. } = session;
    (around && order.is_none()).then(|| format!("{uid} {audit:?} {scope:?} {basis:?} {login} {service}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::record::Standing;
    use crate::sessions::testing::session;

    #[test]
    fn a_long_look_is_followed_by_a_long_rest() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut prune = Prune::new(begun);
        assert!(prune.is_due(begun));
        prune.done(begun, at(400), None);
        prune.ask();
        assert!(!prune.is_due(at(8_000)));
        assert!(prune.is_due(at(8_400)));
        prune.done(at(10_000), at(10_001), None);
        assert!(!prune.is_due(at(50_000)), "nobody asked");
        assert!(prune.is_due(at(70_001)));
        prune.done(at(0), at(3_600_000), None);
        assert!(prune.is_due(at(3_660_000)), "never longer than without any");
        prune.done(at(0), at(1_000), Some(session(7).id));
        assert!(!prune.is_due(at(20_999)));
        assert!(prune.is_due(at(21_000)), "goes on where it left off, though nobody asks");
    }

    #[test]
    fn only_what_is_left_in_a_login_around_is_the_same_for_two() {
        let became = |pid: i32| {
            let mut session = session(pid);
            session.mark.kind = Kind::Become;
            session.mark.audit = Some(AuditMark { login_uid: 1000, session: 4 });
            session
        };
        let (one, two) = (left_behind(&became(1)), left_behind(&became(2)));
        assert!(one.is_some() && one == two);
        let mut other = became(2);
        other.basis = Basis::Standing(Standing::Lifted);
        assert_ne!(one, left_behind(&other));
        other = became(2);
        other.mark.audit = Some(AuditMark { login_uid: 1000, session: 5 });
        assert_ne!(one, left_behind(&other));
        other.mark.audit = None;
        assert_eq!(left_behind(&other), None, "without a mark only its own tree is its own");
        assert_eq!(left_behind(&session(2)), None);
    }
}
