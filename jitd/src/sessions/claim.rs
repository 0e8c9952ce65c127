//! Which processes belong to a session or to a person. A pure function of the process table, and the place where it is decided who
//! is signalled: each rule names evidence that others cannot have by accident, and that who wants to stay cannot shed.
//!
//! Three kinds of evidence, in this order. The *mark* of a login ([`AuditMark`]) is inherited by everything that comes from it and cannot be
//! changed by who is not root; another login's mark says as firmly that a process is not ours. The *scope* is logind's cgroup of
//! the login. The *tree* is who came from whom, and holds only while the parents live. Names prove nothing and are not looked at.
//!
//! A process is never older than the leader of its session, nor than its parent: that tells apart numbers that were used again.
//!
//! What is not fought: root, who can shed every mark. What is not known: a service that was started again by hand from a session, and
//! not through systemd, is that session's like everything else that was started from it.

mod mark;
mod marking;
mod person;
mod rules;
mod session;
mod within;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::process::{AuditMark, Process, ProcessId, Table};

pub use marking::{Marking, Modules};
pub use within::{Within, within};

/// What kind of session a service opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Somebody comes in: sshd, login, a display manager, cron. Everything that comes from it is its own.
    Login,
    /// Somebody who is in becomes another: sudo, su, doas. Its own are its tree, and what in the login around it runs
    /// under another uid than the person's and is in no other session's tree.
    Become,
}

impl Kind {
    /// By the service's name.
    pub fn of(service: &str) -> Kind {
        match service {
            "su" | "su-l" | "sudo" | "sudo-i" | "doas" | "polkit-1" => Kind::Become,
            _ => Kind::Login,
        }
    }
}

/// By what the processes of a session are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The process that opened it.
    pub leader: ProcessId,
    /// What kind it is.
    pub kind: Kind,
    /// The person's uid.
    pub uid: u32,
    /// The login it is (Login) or is in (Become); only one that is provably not shared with daemons or with other logins. None if the
    /// host makes no such marks. The login that a Become is in may be another person's, who became this one; then it
    /// only says that the mark is no stranger's.
    pub audit: Option<AuditMark>,
    /// The cgroup of the login, `…/session-N.scope`; only where logind names our leader (Login) or the login around it (Become).
    pub scope: Option<String>,
}

/// Whose processes are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One session's.
    Session(Mark),
    /// Everything of a person on this host: logins, lingering services, cron and at jobs, what sudo left behind.
    Person {
        /// His uid, never 0.
        uid: u32,
        /// Whether this host marks logins ([`AuditMark`], [`Marking`]): then a process without a mark came from no login, and running as
        /// him does not make it his (a system service with `User=`).
        marked: bool,
    },
}

/// Whose processes, and whose they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose processes are meant.
    pub whose: Whose,
    /// The other sessions that are known and go on: never theirs. Except that what somebody became within a login (Kind::Become) ends
    /// with that login, and with what it was itself started from.
    pub spared: Vec<Mark>,
}

impl Claim {
    /// Every living process that belongs, in no order. Never process 1, this daemon, or a thread of the kernel's.
    pub fn members(&self, table: &Table) -> Vec<ProcessId> {
        match &self.whose {
            Whose::Session(mark) => session::members(mark, &self.spared, table),
            Whose::Person { uid, marked } => person::members(*uid, *marked, &self.spared, table),
        }
    }

    /// Whether a process that is not in the table yet belongs, given those that do: for catching what forks without pause. Less than
    /// [`Claim::members`] can see with a whole table, and never more. `members` must be the numbers of processes that are members
    /// now: a number that was used again makes a stranger's child look like theirs where the host makes no marks.
    pub fn takes(&self, process: &Process, members: &BTreeSet<i32>) -> bool {
        match &self.whose {
            Whose::Session(mark) => session::takes(mark, &self.spared, process, members),
            Whose::Person { uid, marked } => person::takes(*uid, *marked, &self.spared, process, members),
        }
    }
}

#[cfg(test)]
mod tests;
