//! The processes of one ending: who is there, what each was sent, and what came of it. Once known is known until it is gone: a
//! process whose parent dies has lost its place in the tree, and belongs all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::super::claim::{Claim, Whose};
use super::super::process::{Process, ProcessId, Run, Table};
use super::super::signals::{Sent, Signal, Signals};
use super::Outcome;
use super::hunt::Look;

/// How many are named.
const NAMED: usize = 16;
/// A setsid-session in which nothing was seen for so long is over: its number may be used again.
const HELD: Duration = Duration::from_secs(1);

/// What a process was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing yet.
    No,
    /// SIGTERM at this time, and no SIGHUP: what carries the terminal may have something to put in order.
    Terminate(Instant),
    /// SIGHUP and SIGTERM.
    All,
}

/// One process.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// In the last table.
    pub(super) run: Run,
    pub(super) asked: Asked,
    /// Stopped by us, and to be continued by us.
    frozen: bool,
    killed: Option<Instant>,
    /// Why it could not be signalled.
    pub(super) refused: Option<Errno>,
}

/// All of them that live.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    living: BTreeMap<ProcessId, Member>,
    /// The sessions of setsid(2) that members began, and when something was last seen in them: the kernel gives their numbers
    /// to nobody else while anything is left in them.
    held: BTreeMap<ProcessId, Instant>,
    /// The leaders of the sessions that were spared when it began.
    spared: Option<BTreeSet<ProcessId>>,
    outcome: Outcome,
}

impl Crowd {
    pub(super) fn is_empty(&self) -> bool {
        self.living.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ProcessId, &Member)> {
        self.living.iter().map(|(id, member)| (*id, member))
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&Member> {
        self.living.get(&id)
    }

    /// Those that ran in the last table.
    pub(super) fn running(&self) -> Vec<ProcessId> {
        self.iter().filter(|(_, member)| member.run == Run::Running).map(|(id, _)| id).collect()
    }

    /// What each was asked, and whether it ran in the last table.
    pub(super) fn states(&self) -> Vec<(ProcessId, Asked, Run)> {
        self.iter().map(|(id, member)| (id, member.asked, member.run)).collect()
    }

    pub(super) fn ids(&self) -> Vec<ProcessId> {
        self.living.keys().copied().collect()
    }

    /// The numbers of all of them, and of the setsid-sessions that they began.
    pub(super) fn pids(&self) -> BTreeSet<i32> {
        self.living.keys().chain(self.held.keys()).map(|id| id.pid).collect()
    }

    pub(super) fn outcome(&self, took: Duration) -> Outcome {
        Outcome { took, ..self.outcome.clone() }
    }

    /// Takes in what the table shows, and lets go of what is gone. How many are new.
    pub(super) fn refresh(
        &mut self,
        claim: &Claim,
        now: Instant,
        table: &Table,
        look: &mut impl Look,
        signals: &mut impl Signals,
    ) -> usize {
        self.living.retain(|id, member| {
            let seen = match table.get(id.pid) {
                Some(process) => (process.id == *id).then_some(process.run),
                // Newer than the table, or left out of it: gone only when it is gone.
                None => look.look(id.pid).filter(|process| process.id == *id).map(|process| process.run),
            };
            member.run = seen.unwrap_or(Run::Dead);
            member.run != Run::Dead
        });
        let claimed: BTreeSet<ProcessId> = claim.members(table).into_iter().collect();
        let before = self.outcome.processes;
        let cut_off: Vec<ProcessId> =
            self.living.keys().filter(|id| !claimed.contains(id)).copied().collect();
        for id in &claimed {
            if let Some(process) = table.alive(*id) {
                self.insert(process);
            }
        }
        if self.spared.is_none() {
            self.spared = Some(claim.spared.iter().map(|mark| mark.leader).collect());
        }
        if !cut_off.is_empty() {
            self.let_go(claim, table, &cut_off, signals);
        }
        self.hold(now, table);
        self.follow(claim, table);
        self.outcome.processes - before
    }

    /// A session that is spared only now takes its own back, and they run on.
    fn let_go(&mut self, claim: &Claim, table: &Table, cut_off: &[ProcessId], signals: &mut impl Signals) {
        let begun_with = self.spared.clone().unwrap_or_default();
        for mark in claim.spared.iter().filter(|mark| !begun_with.contains(&mark.leader)) {
            let its = Claim { whose: Whose::Session(mark.clone()), spared: Vec::new() };
            let its: BTreeSet<ProcessId> = its.members(table).into_iter().collect();
            for id in cut_off.iter().filter(|id| its.contains(id)) {
                self.thaw(*id, signals);
                self.living.remove(id);
            }
        }
    }

    /// Remembers which setsid-sessions members began, and forgets those that are over.
    fn hold(&mut self, now: Instant, table: &Table) {
        self.held.retain(|leader, seen| {
            if table.in_session(leader.pid).next().is_some() {
                *seen = now;
            }
            let reused = table.get(leader.pid).is_some_and(|process| process.id != *leader);
            !reused && now.saturating_duration_since(*seen) < HELD
        });
        for id in self.living.keys() {
            if table.alive(*id).is_some_and(|process| process.session == id.pid) {
                self.held.insert(*id, now);
            }
        }
    }

    /// What comes from those that have lost their place in the tree, or was born to them when they died.
    fn follow(&mut self, claim: &Claim, table: &Table) {
        let mut pids = self.pids();
        let mut look_at: Vec<i32> = pids.iter().copied().collect();
        while let Some(pid) = look_at.pop() {
            for process in table.children(pid).chain(table.in_session(pid)) {
                if process.run != Run::Dead
                    && !pids.contains(&process.id.pid)
                    && self.takes(claim, process, &pids)
                {
                    pids.insert(process.id.pid);
                    look_at.push(process.id.pid);
                    self.insert(process);
                }
            }
        }
    }

    /// Whether a process that is not known yet belongs. `pids` are [`Crowd::pids`].
    pub(super) fn takes(&self, claim: &Claim, process: &Process, pids: &BTreeSet<i32>) -> bool {
        // The dead have no children: who has the number of one as his parent's is somebody else's.
        let parent = process.parent;
        (!pids.contains(&parent) || self.lives(parent)) && claim.takes(process, pids)
    }

    fn lives(&self, pid: i32) -> bool {
        let (from, to) = (ProcessId { pid, start: 0 }, ProcessId { pid, start: u64::MAX });
        self.living.range(from..=to).next().is_some()
    }

    /// Takes one in, if it is not known yet.
    pub(super) fn insert(&mut self, process: &Process) {
        self.living.entry(process.id).or_insert_with(|| {
            self.outcome.processes += 1;
            Member {
                name: process.name.clone(),
                run: process.run,
                asked: Asked::No,
                frozen: false,
                killed: None,
                refused: None,
            }
        });
    }

    /// Sends to one, and remembers.
    pub(super) fn send(&mut self, id: ProcessId, signal: Signal, now: Instant, signals: &mut impl Signals) {
        let Some(member) = self.living.get_mut(&id) else { return };
        match signals.send(id, signal) {
            Sent::Done => {
                member.refused = None;
                match signal {
                    Signal::Stop => member.frozen = true,
                    Signal::Continue => member.frozen = false,
                    Signal::Hangup | Signal::Terminate => {}
                    Signal::Kill => {
                        if member.killed.is_none() {
                            member.killed = Some(now);
                            if self.outcome.killed.len() < NAMED {
                                self.outcome.killed.push((id.pid, member.name.clone()));
                            } else {
                                self.outcome.more_killed += 1;
                            }
                        }
                    }
                }
            }
            Sent::Gone => {
                self.living.remove(&id);
            }
            Sent::Refused => member.refused = Some(Errno::EPERM),
            Sent::Failed(fault) => member.refused = Some(fault),
        }
    }

    /// Says what it was asked.
    pub(super) fn asked(&mut self, id: ProcessId, asked: Asked) {
        if let Some(member) = self.living.get_mut(&id) {
            member.asked = asked;
        }
    }

    /// Continues one if it was stopped by us.
    fn thaw(&mut self, id: ProcessId, signals: &mut impl Signals) {
        if let Some(member) = self.living.get_mut(&id).filter(|member| member.frozen) {
            member.frozen = false;
            // Best effort: whoever is gone needs no continuing.
            let _ = signals.send(id, Signal::Continue);
        }
    }

    /// Continues everything that was stopped by us.
    pub(super) fn thaw_all(&mut self, signals: &mut impl Signals) {
        for id in self.ids() {
            self.thaw(id, signals);
        }
    }

    /// Those the kernel does not let us signal, to be read by people.
    pub(super) fn refused(&self) -> Option<String> {
        let refused = || self.iter().filter(|(_, member)| member.refused.is_some());
        let (_, first) = refused().next()?;
        let why = first.refused.unwrap_or(Errno::EPERM);
        let remedy = match why {
            Errno::EPERM => "jitd needs CAP_KILL (systemd: AmbientCapabilities=CAP_KILL)",
            Errno::EMFILE | Errno::ENFILE => "raise its limit of open files (systemd: LimitNOFILE=)",
            _ => "it will be tried again",
        };
        let count = refused().count();
        Some(format!(
            "{} cannot be signalled ({}): {}; {remedy}",
            processes(count),
            why.desc(),
            named(refused())
        ))
    }

    /// Those that are left after SIGKILL, to be read by people.
    pub(super) fn surviving(&self, now: Instant, after: Duration) -> String {
        let old =
            |member: &Member| member.killed.is_some_and(|at| now.saturating_duration_since(at) >= after);
        let survivors = || self.iter().filter(|(_, member)| old(member));
        if survivors().next().is_some() {
            format!(
                "SIGKILL has not ended {} in {} s: {}; a device or a file server that does not answer, most likely",
                processes(survivors().count()),
                after.as_secs(),
                named(survivors()),
            )
        } else {
            format!(
                "new processes appear as fast as they are killed, for {} s now: {}; they will be hunted on",
                after.as_secs(),
                named(self.iter()),
            )
        }
    }
}

fn processes(count: usize) -> String {
    format!("{count} process{}", if count == 1 { "" } else { "es" })
}

fn named<'a>(members: impl Iterator<Item = (ProcessId, &'a Member)>) -> String {
    let names: Vec<String> =
        members.take(NAMED).map(|(id, member)| format!("{} {}", id.pid, member.name)).collect();
    names.join(", ")
}
