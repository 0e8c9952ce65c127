//! The endings that have begun: all of them go on together, on one look at the processes, until nothing is left of each.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jit_model::name::Login;
use jit_model::reason::DenyReason;

use super::found::unguarded;
use super::host::Host;
use super::say::Announced;
use super::spared::Spared;
use super::{Due, Known, Warden, note};
use crate::audit::event::Text;
use crate::audit::session::{SessionEvent, SessionState};
use crate::mode::Mode;
use crate::sessions::claim::{Claim, Whose};
use crate::sessions::ending::{Ending, Outcome, Step};
use crate::sessions::process::{ProcessId, Run, Table};
use crate::sessions::record::{Basis, Life, Session, SessionId, Visitor};
use crate::sessions::registry::Stuck;
use crate::sessions::signals::Signal;
use crate::sessions::words::Why;

/// Endings that want to go on within this time go on together: a look at the processes costs more than it.
const TOGETHER: Duration = Duration::from_millis(2);

/// When the processes cannot be seen, they are looked for again after this time.
const BLIND: Duration = Duration::from_secs(1);

/// How often a person of whom nothing is left is looked at while his sessions still end.
const LINGER: Duration = Duration::from_millis(500);

/// Whose ending it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whom {
    /// A session's.
    Session(SessionId),
    /// A peer's that was denied.
    Peer(ProcessId),
    /// A person's.
    Person(Login),
}

/// What is remembered of it for the audit.
#[derive(Debug)]
pub(super) enum Of {
    /// A session, and why it ends.
    Session(Box<Session>, Why),
    /// A denied peer, as a session that never was.
    Peer(Box<Session>),
    /// Somebody, and why he leaves.
    Person(Visitor, DenyReason),
}

/// An ending that has begun.
#[derive(Debug)]
pub(super) struct Underway {
    pub(super) ending: Ending,
    /// When it wants to go on.
    next: Instant,
    /// What came of it before it began again, for a person whose sessions were still ending.
    before: Outcome,
    pub(super) of: Of,
    /// Since when it does not get on, and why.
    stuck: Option<(Instant, String)>,
}

impl Underway {
    fn new(claim: Claim, grace: Duration, of: Of) -> Underway {
        let now = Instant::now();
        let ending = Ending::new(claim, grace, now);
        Underway { ending, next: now, before: Outcome::default(), of, stuck: None }
    }

    /// It is to go on at once.
    #[cfg(test)]
    pub(super) fn hurry(&mut self) {
        self.next = Instant::now();
    }

    /// Why.
    pub(super) fn why(&self) -> Why {
        match &self.of {
            Of::Session(_, why) => why.clone(),
            Of::Peer(_) => Why::Denied,
            Of::Person(_, reason) => Why::Over(reason.clone()),
        }
    }

    /// Something that happened in its course.
    pub(super) fn event(&self, state: SessionState, text: impl Into<Text>) -> SessionEvent {
        let mut event = match &self.of {
            Of::Session(session, _) => note::of(session, state, text),
            Of::Peer(session) => SessionEvent { id: None, until: None, ..note::of(session, state, text) },
            Of::Person(visitor, _) => note::of_person(visitor, state, text),
        };
        note::code(&mut event, &self.why());
        event
    }
}

impl<H: Host> Warden<H> {
    /// When the next ending wants to go on.
    pub(super) fn next_step(&self) -> Option<Instant> {
        self.underway.values().map(|underway| underway.next).min()
    }

    /// Begins what is due, and says what is to be said.
    pub(super) fn begin(&mut self, known: &Known, table: &Table, due: Due) {
        let Due { end, only_say, warn, leave, denied, go_on } = due;
        self.let_go_on(known, table, &go_on);
        let grace = Duration::from_secs(known.view.config.session.grace.0);
        let mut begun = Vec::new();
        // All of them before anything is said: those that end at the same time do not spare each other.
        for (session, why) in end {
            let whom = Whom::Session(session.id.clone());
            // Before anything of it is stopped: should we be killed, the next daemon knows who stopped it.
            self.registry.change(&session.id, |kept| kept.life = Life::Ending);
            let claim = Claim { whose: Whose::Session(session.mark.clone()), spared: Vec::new() };
            self.underway
                .insert(whom.clone(), Underway::new(claim, grace, Of::Session(Box::new(session), why)));
            begun.push(whom);
        }
        for session in denied {
            let whom = Whom::Peer(session.mark.leader);
            if table.alive(session.mark.leader).is_none() || self.underway.contains_key(&whom) {
                continue;
            }
            let claim = Claim { whose: Whose::Session(session.mark.clone()), spared: Vec::new() };
            self.underway.insert(whom.clone(), Underway::new(claim, grace, Of::Peer(Box::new(session))));
            begun.push(whom);
        }
        let marked = self.registry.marking().is_marked();
        let free = match leave.is_empty() {
            true => BTreeSet::new(),
            false => unguarded(table, &self.registry.sessions(), known.view.snapshot.policy()),
        };
        for (visitor, reason) in leave.into_iter().filter(|(visitor, _)| !free.contains(&visitor.uid)) {
            let whom = Whom::Person(visitor.login.clone());
            let whose = Whose::Person { uid: visitor.uid, marked };
            let claim = Claim { whose, spared: Vec::new() };
            self.underway.insert(whom.clone(), Underway::new(claim, grace, Of::Person(visitor, reason)));
            begun.push(whom);
        }
        self.say(known, table, Announced { begun, only_say, warn });
        self.show_underway();
    }

    /// A daemon that was killed may have left them stopped.
    fn let_go_on(&mut self, known: &Known, table: &Table, sessions: &[Session]) {
        if sessions.is_empty() {
            return;
        }
        let mut spared = Spared::of(self);
        for session in sessions {
            for id in spared.members(table, session) {
                if table.alive(id).is_some_and(|process| process.run == Run::Stopped) {
                    // Whoever is gone needs no continuing.
                    let _ = self.host.send(id, Signal::Continue);
                }
            }
            let life = if table.alive(session.mark.leader).is_some() { Life::Open } else { Life::Closed };
            self.registry.change(&session.id, |kept| kept.life = life);
            let Some(kept) = self.registry.session(&session.id) else { continue };
            let state = match kept.basis {
                Basis::Grants { .. } => SessionState::Moved,
                Basis::Standing(_) => SessionState::Lifted,
            };
            let text = "goes on: what its ending had stopped before jitd began runs again";
            self.note(known.mode, note::of(&kept, state, text));
        }
    }

    /// Goes on with every ending that wants to.
    pub(super) fn step(&mut self) {
        match self.table() {
            Some(table) => self.step_on(&table),
            None => {
                let later = Instant::now().checked_add(BLIND).unwrap_or_else(Instant::now);
                for underway in self.underway.values_mut() {
                    underway.next = underway.next.max(later);
                }
            }
        }
    }

    /// The same, on a table that was read a moment ago.
    pub(super) fn step_on(&mut self, table: &Table) {
        let mode = self.mode.unwrap_or(Mode::Enforcing);
        let soon = Instant::now().checked_add(TOGETHER).unwrap_or_else(Instant::now);
        let mut spared = Spared::of(self);
        let mut look = self.host.look_about();
        let mut done = Vec::new();
        let mut notes = Vec::new();
        for (whom, underway) in &mut self.underway {
            if underway.next > soon {
                continue;
            }
            let Underway { ending, .. } = underway;
            let now = Instant::now();
            let step = spared
                .lend_ending(whom, ending, |ending| ending.step_on(now, table, &mut self.host, &mut look));
            let since = underway.stuck.take().map_or(now, |(since, _)| since);
            underway.stuck = ending.stuck(now).map(|why| (since, why));
            let after = |wait: Duration| Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
            match step {
                Step::Again(wait) => underway.next = after(wait),
                Step::Stuck { why, again } => {
                    underway.next = after(again);
                    notes.push(underway.event(SessionState::Stuck, format!("it cannot be ended: {why}")));
                }
                Step::Done(outcome) => done.push((whom.clone(), outcome)),
            }
        }
        for event in notes {
            self.note(mode, event);
        }
        for (whom, outcome) in done {
            self.finish(mode, &whom, outcome);
        }
        self.show_underway();
    }

    /// Nothing is left of it.
    fn finish(&mut self, mode: Mode, whom: &Whom, outcome: Outcome) {
        let Some(mut underway) = self.underway.remove(whom) else { return };
        let outcome = sum(std::mem::take(&mut underway.before), outcome);
        match &underway.of {
            Of::Session(session, _) => {
                self.registry.remove(&session.id);
                self.again = true;
                self.hurry_person(session.mark.uid);
            }
            Of::Peer(_) => {}
            Of::Person(visitor, _) => {
                let uid = visitor.uid;
                let ending = |whom: &Whom, other: &Underway| match (&other.of, whom) {
                    (Of::Session(session, _) | Of::Peer(session), _) => session.mark.uid == uid,
                    (Of::Person(..), _) => false,
                };
                if self.underway.iter().any(|(whom, other)| ending(whom, other)) {
                    // What his sessions leave behind is his as well: looked at again until they are gone.
                    let claim = underway.ending.claim;
                    let again = Underway::new(claim, self.grace(), underway.of);
                    let next = again.next.checked_add(LINGER).unwrap_or(again.next);
                    let again = Underway { next, before: outcome, ..again };
                    self.underway.insert(whom.clone(), again);
                    return;
                }
                self.registry.forget_visitor(&visitor.login);
            }
        }
        let mut event = underway.event(SessionState::Ended, "");
        note::outcome(&mut event, &outcome);
        self.note(mode, event);
    }

    /// Whether everything of a uid is being ended.
    pub(super) fn is_leaving(&self, uid: u32) -> bool {
        self.underway
            .values()
            .any(|underway| matches!(&underway.of, Of::Person(visitor, _) if visitor.uid == uid))
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(self.desk.view().config.session.grace.0)
    }

    /// A session of his is gone: whoever waits for that, looks again.
    fn hurry_person(&mut self, uid: u32) {
        for underway in self.underway.values_mut() {
            if matches!(&underway.of, Of::Person(visitor, _) if visitor.uid == uid)
                && underway.ending.members().is_empty()
            {
                underway.next = Instant::now();
            }
        }
    }

    /// Whoever is not among the leavers any more may be here again: what of his has not ended stays.
    pub(super) fn call_off(&mut self, mode: Mode, leaving: &BTreeSet<u32>) {
        let stays = |underway: &Underway| match &underway.of {
            Of::Person(visitor, _) => !leaving.contains(&visitor.uid),
            Of::Session(..) | Of::Peer(_) => false,
        };
        let called_off: Vec<Whom> = self
            .underway
            .iter()
            .filter(|(_, underway)| stays(underway))
            .map(|(whom, _)| whom.clone())
            .collect();
        for mut underway in
            called_off.iter().filter_map(|whom| self.underway.remove(whom)).collect::<Vec<_>>()
        {
            underway.ending.release(&mut self.host);
            let text = "may be here again: what of his has not ended yet goes on";
            self.note(mode, underway.event(SessionState::Lifted, text));
        }
    }

    /// Lets go of what is frozen: the daemon ends, and the next one begins anew.
    pub(super) fn release(&mut self) {
        for underway in self.underway.values_mut() {
            underway.ending.release(&mut self.host);
        }
    }

    fn show_underway(&self) {
        let ids = self.underway.keys().filter_map(|whom| match whom {
            Whom::Session(id) => Some(id.clone()),
            Whom::Peer(_) | Whom::Person(_) => None,
        });
        self.registry.show_ending(ids.collect());
        let stuck = self.underway.values().filter_map(|underway| {
            let (since, why) = underway.stuck.clone()?;
            let (session, login) = match &underway.of {
                Of::Session(session, _) => (Some(session.id.clone()), &session.login),
                Of::Peer(session) => (None, &session.login),
                Of::Person(visitor, _) => (None, &visitor.login),
            };
            Some(Stuck { session, login: login.clone(), since, why })
        });
        self.registry.show_stuck(stuck.collect());
    }
}

/// Two outcomes of one ending.
fn sum(before: Outcome, after: Outcome) -> Outcome {
    let mut killed = before.killed;
    killed.extend(after.killed);
    let cut = killed.len().saturating_sub(16);
    killed.truncate(16);
    Outcome {
        processes: before.processes.saturating_add(after.processes),
        killed,
        more_killed: before.more_killed.saturating_add(after.more_killed).saturating_add(cut),
        took: before.took.saturating_add(after.took),
    }
}
