//! The rules that all claims share: who is never anybody's, and what belongs to the sessions that are spared.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use nix::unistd::getpid;

use super::{Kind, Mark};
use crate::sessions::process::{AuditMark, Process, ProcessId, Table, identify, session_scope};

/// Whether a process is never anybody's: process 1, the kernel's threads, and this daemon.
pub(super) fn is_nobodys(process: &Process) -> bool {
    static US: OnceLock<Option<ProcessId>> = OnceLock::new();
    let own = getpid().as_raw();
    // By its start as well, so that a table made by hand may use any number.
    let us = *US.get_or_init(|| identify(own));
    process.id.pid <= 1
        || process.kernel
        || process.id.pid == own && us.is_none_or(|us| us.start == process.id.start)
}

/// The same, with a table: the kernel's helpers too, which it starts as processes of their own.
pub(super) fn is_nobodys_in(table: &Table, process: &Process) -> bool {
    is_nobodys(process) || table.get(process.parent).is_some_and(|parent| parent.kernel)
}

/// The parent of a process, if it really is: a number that was used again while the table was read is of a younger process.
pub(super) fn parent<'t>(table: &'t Table, process: &Process) -> Option<&'t Process> {
    table
        .get(process.parent)
        .filter(|parent| parent.id.pid != process.id.pid && !process.is_older_than(parent.id))
}

/// Its children, in the same sense.
pub(super) fn children<'t>(table: &'t Table, parent: &'t Process) -> impl Iterator<Item = &'t Process> {
    table
        .children(parent.id.pid)
        .filter(|child| child.id.pid != parent.id.pid && !child.is_older_than(parent.id))
}

/// All above a process, from its parent on.
pub(super) fn ancestors<'t>(table: &'t Table, process: &Process) -> Vec<&'t Process> {
    let mut seen = HashSet::from([process.id.pid]);
    let mut above: Vec<&Process> = Vec::new();
    let mut next = parent(table, process);
    while let Some(process) = next.filter(|process| seen.insert(process.id.pid)) {
        above.push(process);
        next = parent(table, process);
    }
    above
}

/// What is the spared sessions'.
pub(super) struct Others<'a> {
    leaders: HashMap<ProcessId, &'a Mark>,
    logins: HashSet<u32>,
    scopes: HashSet<&'a str>,
}

impl<'a> Others<'a> {
    /// By their marks. `own` and `scopes` are ours, or those of the login around us.
    pub(super) fn of(
        spared: impl Iterator<Item = &'a Mark> + Clone,
        own: &[AuditMark],
        scopes: &[&str],
    ) -> Others<'a> {
        let logins = spared.clone().filter(|mark| mark.kind == Kind::Login);
        let strange = |audit: &AuditMark| own.iter().all(|own| own.session != audit.session);
        Others {
            logins: logins
                .clone()
                .filter_map(|mark| mark.audit)
                .filter(strange)
                .map(|audit| audit.session)
                .collect(),
            scopes: logins
                .filter_map(|mark| mark.scope.as_deref())
                .filter(|other| !scopes.contains(other))
                .collect(),
            leaders: spared.map(|mark| (mark.leader, mark)).collect(),
        }
    }

    /// The session that this process is the leader of.
    pub(super) fn led_by(&self, id: ProcessId) -> Option<&'a Mark> {
        self.leaders.get(&id).copied()
    }

    /// Whether a process bears the mark of one of them, or is in the scope of one and bears no mark of ours.
    pub(super) fn bear(&self, process: &Process, own: &[AuditMark]) -> bool {
        let audit = process.audit;
        audit.is_some_and(|audit| self.logins.contains(&audit.session))
            || !self.scopes.is_empty()
                && !audit.is_some_and(|audit| own.contains(&audit))
                && session_scope(&process.cgroup).is_some_and(|scope| self.scopes.contains(scope))
    }
}

/// The nearest leader above each process, itself included; remembered, since chains can be long.
pub(super) struct Nearest<'a> {
    table: &'a Table,
    leaders: HashSet<ProcessId>,
    found: HashMap<i32, Option<&'a Process>>,
}

impl<'a> Nearest<'a> {
    /// Of these leaders.
    pub(super) fn new(table: &'a Table, leaders: impl Iterator<Item = ProcessId>) -> Nearest<'a> {
        Nearest { table, leaders: leaders.collect(), found: HashMap::new() }
    }

    /// The nearest one.
    pub(super) fn of(&mut self, process: &'a Process) -> Option<&'a Process> {
        let mut way = Vec::new();
        let mut next = Some(process);
        let mut result = None;
        while let Some(process) = next {
            if let Some(found) = self.found.get(&process.id.pid) {
                result = *found;
                break;
            }
            if self.leaders.contains(&process.id) {
                result = Some(process);
                self.found.insert(process.id.pid, result);
                break;
            }
            // Also what ends a circle, should there ever be one.
            self.found.insert(process.id.pid, None);
            way.push(process.id.pid);
            next = parent(self.table, process);
        }
        for pid in way {
            self.found.insert(pid, result);
        }
        result
    }
}

/// Marks that a person gave himself. Who has none may write what he likes into his own loginuid (as long as it is not set, the kernel
/// asks for no right), another person's uid too. So a mark says that a process is another's only if another bore it first: the
/// oldest process of a real login is root's.
pub(super) struct SelfMade<'a> {
    table: &'a Table,
    uid: u32,
    known: HashMap<u32, bool>,
}

impl<'a> SelfMade<'a> {
    /// By this person.
    pub(super) fn by(uid: u32, table: &'a Table) -> SelfMade<'a> {
        SelfMade { table, uid, known: HashMap::new() }
    }

    /// Whether he gave himself this one.
    pub(super) fn is(&mut self, audit: AuditMark) -> bool {
        let (table, uid) = (self.table, self.uid);
        uid != 0
            && *self.known.entry(audit.session).or_insert_with(|| {
                let oldest =
                    table.in_login(audit.session).min_by_key(|process| (process.id.start, process.id.pid));
                oldest.is_some_and(|process| process.uids.real == uid)
            })
    }
}

/// Whether any of the four uids is this one.
pub(super) fn runs_as(process: &Process, uid: u32) -> bool {
    process.uids.all().contains(&uid)
}

/// Whether any of the four uids is another one.
pub(super) fn runs_as_another(process: &Process, uid: u32) -> bool {
    process.uids.all().iter().any(|other| *other != uid)
}
