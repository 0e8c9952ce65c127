//! One ending, from the first freeze to the last process gone. A state machine that is stepped with the process table and the time, so
//! that many can end at once on one look at /proc.
//!
//! Freeze (SIGSTOP) until nothing new appears; then HUP, TERM, CONT; after the grace freeze again and KILL; done when nothing is left.
//! The processes that carry the terminal (the leader and its like-named children: sshd's) are spared until the others are gone or a
//! moment has passed, so that the last words reach the person.
//!
//! Must never leave a process frozen that it does not end, nor believe that something is gone because a table does not show it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::claim::{Claim, Whose};
use super::process::{Process, ProcessId, Run, Table};
use super::signals::{Signal, Signals};

mod crowd;
mod hunt;

use crowd::{Asked, Crowd};
pub use hunt::{Host, Hunt, Look};

/// So long at most is what appears frozen before what is known is asked, or killed.
const FREEZE: Duration = Duration::from_millis(500);
/// And so many times at least is it tried again, on a host where each look at the processes takes longer than that.
const ROUNDS: u32 = 2;
/// So many tables without anything new, when something does not stop (it waits in the kernel, for a child of vfork maybe).
const QUIET: u32 = 3;
/// So long at most are the transport processes spared: by their names alone, which anybody can give himself. On a busy machine sshd
/// needs its turn to pass the last words on, and does not when it is asked to end first.
const SPARE: Duration = Duration::from_millis(250);
/// And so long once nothing else is left: an sshd whose shell has ended goes by itself, with everything said.
const ALONE: Duration = Duration::from_millis(50);
/// So long they have to put things in order before they are hung up on.
const HANGUP: Duration = Duration::from_millis(100);
/// The first pause between two looks.
const SHORT: Duration = Duration::from_millis(5);
/// The longest, while something stubborn is waited for.
const LONG: Duration = Duration::from_millis(100);
/// What lives so long after SIGKILL is reported.
const SURVIVES: Duration = Duration::from_secs(5);
/// And tried again so often.
const RETRY: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many processes there were in all.
    pub processes: usize,
    /// Those that did not end when asked and were killed: number and name; the first 16.
    pub killed: Vec<(i32, String)>,
    /// How many more were.
    pub more_killed: usize,
    /// How long it took.
    pub took: Duration,
}

/// What an ending wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To be stepped again after this time, with a fresh table.
    Again(Duration),
    /// It cannot go on: the kernel refuses signals, or a process survives SIGKILL (a broken disk, most likely). Said once; to be stepped again.
    Stuck {
        /// Why.
        why: String,
        /// When to try again.
        again: Duration,
    },
    /// Nothing is left.
    Done(Outcome),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Everything is stopped, so that nothing new appears while the rest is signalled.
    Freeze { then: Then, since: Instant, rounds: u32, quiet: u32 },
    /// It was asked, and has until the grace is over.
    Grace { since: Instant },
    /// It was killed.
    Kill { since: Instant },
}

/// What comes after a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Ask,
    Kill,
}

/// What was reported.
#[derive(Debug, Default)]
struct Said {
    refused: bool,
    surviving: bool,
}

/// One ending.
#[derive(Debug)]
pub struct Ending {
    /// Whose processes end. The others that are spared may change while it lasts.
    pub claim: Claim,
    grace: Duration,
    begun: Instant,
    phase: Phase,
    pause: Duration,
    crowd: Crowd,
    hunt: Hunt,
    said: Said,
    members: Vec<ProcessId>,
    /// Since when nothing but the transport is left.
    alone: Option<Instant>,
}

impl Ending {
    /// Begins. `grace` is the time from the polite to the final signal.
    pub fn new(claim: Claim, grace: Duration, now: Instant) -> Ending {
        Ending {
            claim,
            grace,
            begun: now,
            phase: Phase::Freeze { then: Then::Ask, since: now, rounds: 0, quiet: 0 },
            pause: SHORT,
            crowd: Crowd::default(),
            hunt: Hunt::default(),
            said: Said::default(),
            members: Vec::new(),
            alone: None,
        }
    }

    /// Goes on. The table must be read after the step before.
    pub fn step(&mut self, now: Instant, table: &Table, signals: &mut impl Signals) -> Step {
        self.step_on(now, table, signals, &mut Host::default())
    }

    /// Goes on. `look` is where new processes are looked for: a [`Host`] for all endings that are stepped on one table, or a likeness.
    pub fn step_on(
        &mut self,
        now: Instant,
        table: &Table,
        signals: &mut impl Signals,
        look: &mut impl Look,
    ) -> Step {
        let new = self.crowd.refresh(&self.claim, now, table, look, signals);
        self.members = self.crowd.ids();
        if self.crowd.is_empty() && self.catch(now, table, signals, look) == 0 {
            return Step::Done(self.crowd.outcome(now.saturating_duration_since(self.begun)));
        }
        let pause = match self.phase {
            Phase::Freeze { .. } => self.freeze(new, now, table, signals, look),
            Phase::Grace { since } if now.saturating_duration_since(since) < self.grace => {
                self.wait(since, now, table, signals)
            }
            Phase::Grace { .. } => {
                self.phase = Phase::Freeze { then: Then::Kill, since: now, rounds: 0, quiet: 0 };
                self.freeze(new, now, table, signals, look)
            }
            Phase::Kill { since } => {
                self.kill(now, signals);
                self.catch(now, table, signals, look);
                if now.saturating_duration_since(since) < SURVIVES { self.patience(LONG) } else { RETRY }
            }
        };
        self.report(now, pause)
    }

    /// Why it does not get on, once that was said and as long as it is so.
    pub fn stuck(&self, now: Instant) -> Option<String> {
        let refused = self.said.refused.then(|| self.crowd.refused()).flatten();
        refused.or_else(|| self.said.surviving.then(|| self.crowd.surviving(now, SURVIVES)))
    }

    /// The members at the last step, to find their terminals.
    pub fn members(&self) -> &[ProcessId] {
        &self.members
    }

    /// Lets everything that is stopped run again: for a daemon that is told to stop in the middle of an ending.
    pub fn release(&mut self, signals: &mut impl Signals) {
        self.crowd.thaw_all(signals);
    }

    /// One round of a freeze; what comes after it, if it is over.
    fn freeze(
        &mut self,
        new: usize,
        now: Instant,
        table: &Table,
        signals: &mut impl Signals,
        look: &mut impl Look,
    ) -> Duration {
        let Phase::Freeze { then, since, rounds, quiet } = self.phase else { return SHORT };
        let transport = match then {
            Then::Ask => self.transport(table),
            Then::Kill => BTreeSet::new(),
        };
        let (carriers, others): (Vec<ProcessId>, Vec<ProcessId>) =
            self.crowd.running().into_iter().partition(|id| transport.contains(id));
        for id in &others {
            self.crowd.send(*id, Signal::Stop, now, signals);
        }
        // The first table shows what there is; only then is it worth looking for what it does not show.
        let caught = if rounds == 0 { 0 } else { self.catch(now, table, signals, look) };
        let quiet = if new == 0 && caught == 0 { quiet + 1 } else { 0 };
        // What cannot be signalled is not waited for.
        let stopped =
            others.iter().all(|id| self.crowd.get(*id).is_none_or(|member| member.refused.is_some()));
        let frozen = quiet > 0 && (stopped || quiet >= QUIET);
        if !frozen && (rounds < ROUNDS || now.saturating_duration_since(since) < FREEZE) {
            if now.saturating_duration_since(self.begun) >= SPARE {
                for id in carriers {
                    self.crowd.send(id, Signal::Stop, now, signals);
                }
            }
            self.phase = Phase::Freeze { then, since, rounds: rounds.saturating_add(1), quiet };
            return SHORT;
        }
        self.pause = SHORT;
        match then {
            Then::Ask => {
                self.phase = Phase::Grace { since: now };
                self.wait(now, now, table, signals)
            }
            Then::Kill => {
                self.phase = Phase::Kill { since: now };
                self.kill(now, signals);
                SHORT
            }
        }
    }

    /// Asks whom nobody has asked yet, and says when to look again.
    fn wait(&mut self, since: Instant, now: Instant, table: &Table, signals: &mut impl Signals) -> Duration {
        let transport = self.transport(table);
        let age = now.saturating_duration_since(self.begun);
        let alone = self.crowd.iter().all(|(id, _)| transport.contains(&id));
        self.alone = alone.then(|| self.alone.unwrap_or(now));
        let spared = SPARE.saturating_sub(age);
        let left_alone = |since| ALONE.saturating_sub(now.saturating_duration_since(since));
        let spared = self.alone.map_or(spared, |since| spared.min(left_alone(since)));
        let mut next = self.grace.saturating_sub(now.saturating_duration_since(since));
        let mut woken = Vec::new();
        for (id, asked, run) in self.crowd.states() {
            match asked {
                Asked::No if !transport.contains(&id) => {
                    self.crowd.send(id, Signal::Hangup, now, signals);
                    self.crowd.send(id, Signal::Terminate, now, signals);
                    self.crowd.asked(id, Asked::All);
                    woken.push(id);
                }
                Asked::No if spared.is_zero() => {
                    self.crowd.send(id, Signal::Terminate, now, signals);
                    self.crowd.asked(id, Asked::Terminate(now));
                    next = next.min(HANGUP);
                    woken.push(id);
                }
                Asked::No => next = next.min(spared),
                Asked::Terminate(at) => {
                    let left = HANGUP.saturating_sub(now.saturating_duration_since(at));
                    if left.is_zero() {
                        self.crowd.send(id, Signal::Hangup, now, signals);
                        self.crowd.asked(id, Asked::All);
                    } else {
                        next = next.min(left);
                    }
                }
                Asked::All => {}
            }
            // Stopped by somebody else, or by itself: it cannot do as it was asked.
            if run == Run::Stopped && asked != Asked::No {
                woken.push(id);
            }
        }
        // Only now, when a signal waits for each of them: none can fork first.
        for id in woken {
            self.crowd.send(id, Signal::Continue, now, signals);
        }
        self.patience(LONG).min(next).max(Duration::from_millis(1))
    }

    fn kill(&mut self, now: Instant, signals: &mut impl Signals) {
        for id in self.crowd.ids() {
            self.crowd.send(id, Signal::Kill, now, signals);
        }
    }

    /// Hunts for what is in no table, and does with it what is done with the others now. How many were caught.
    fn catch(
        &mut self,
        now: Instant,
        table: &Table,
        signals: &mut impl Signals,
        look: &mut impl Look,
    ) -> usize {
        let (claim, crowd, phase) = (&self.claim, &mut self.crowd, self.phase);
        let mut pids = crowd.pids();
        self.hunt.run(table, look, |process: &Process| {
            if process.run == Run::Dead
                || crowd.get(process.id).is_some()
                || !crowd.takes(claim, process, &pids)
            {
                return false;
            }
            crowd.insert(process);
            pids.insert(process.id.pid);
            match phase {
                Phase::Freeze { .. } => crowd.send(process.id, Signal::Stop, now, signals),
                Phase::Kill { .. } => crowd.send(process.id, Signal::Kill, now, signals),
                Phase::Grace { .. } => {
                    for signal in [Signal::Hangup, Signal::Terminate, Signal::Continue] {
                        crowd.send(process.id, signal, now, signals);
                    }
                    crowd.asked(process.id, Asked::All);
                }
            }
            true
        })
    }

    /// The leader, and its children of the same name: sshd's two processes, or sudo's. Only of a session: a person has no leader.
    fn transport(&self, table: &Table) -> BTreeSet<ProcessId> {
        let Whose::Session(mark) = &self.claim.whose else { return BTreeSet::new() };
        let Some(leader) = table.alive(mark.leader) else { return BTreeSet::new() };
        let carries = |id: ProcessId| {
            id == leader.id
                || table.alive(id).is_some_and(|it| it.parent == leader.id.pid && it.name == leader.name)
        };
        self.crowd.iter().map(|(id, _)| id).filter(|id| carries(*id)).collect()
    }

    /// The next pause: longer each time, up to `most`.
    fn patience(&mut self, most: Duration) -> Duration {
        let pause = self.pause.min(most);
        self.pause = (self.pause * 3 / 2).min(most);
        pause
    }

    fn report(&mut self, now: Instant, again: Duration) -> Step {
        if let (false, Some(why)) = (self.said.refused, self.crowd.refused()) {
            self.said.refused = true;
            return Step::Stuck { why, again };
        }
        match self.phase {
            Phase::Kill { since }
                if !self.said.surviving && now.saturating_duration_since(since) >= SURVIVES =>
            {
                self.said.surviving = true;
                Step::Stuck { why: self.crowd.surviving(now, SURVIVES), again }
            }
            _ => Step::Again(again),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
