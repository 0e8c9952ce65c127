//! Which processes belong to a session or to a person. A pure function of the process table, and the place where it is decided who
//! is signalled: each rule names evidence that others cannot have by accident.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::process::{AuditMark, Process, ProcessId, Table};

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
    /// host makes no such marks.
    pub audit: Option<AuditMark>,
    /// The cgroup of the login, `…/session-N.scope`; only where logind names our leader (Login) or the login around it (Become).
    pub scope: Option<String>,
}

impl Mark {
    /// What can be seen of a leader now. The kernel's and logind's word, so it may be told again when it says more.
    pub fn of(leader: ProcessId, kind: Kind, uid: u32) -> Mark {
        Mark { leader, kind, uid, audit: None, scope: None }
    }
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
        /// Whether this host marks logins ([`AuditMark`]): then a process without a mark came from no login, and running as
        /// him does not make it his (a system service with `User=`).
        marked: bool,
    },
}

/// Whose processes, and whose they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose processes are meant.
    pub whose: Whose,
    /// The other sessions that are known and go on: never theirs.
    pub spared: Vec<Mark>,
}

impl Claim {
    /// Every living process that belongs, in no order. Never process 1, this daemon, or a thread of the kernel's.
    pub fn members(&self, _table: &Table) -> Vec<ProcessId> {
        Vec::new()
    }

    /// Whether a process that is not in the table yet belongs, given those that do: for catching what forks without pause.
    pub fn takes(&self, _process: &Process, _members: &BTreeSet<i32>) -> bool {
        false
    }
}
