//! Sessions and processes for tests.

use jit_model::grant::EntryUuid;
use jit_model::name::{Login, Service, SourceName};
use jit_model::session::Rest;
use jit_model::time::Timestamp;

use super::claim::{Kind, Mark, Marking};
use super::process::{Process, ProcessId, Run, Uids};
use super::record::{Basis, Life, Session, SessionId, Visitor};
use crate::clock::BootId;

/// The boot of all of them.
pub(crate) const BOOT: BootId = BootId([7; 16]);

/// alice over ssh, with this process as the leader, until 5000.
pub(crate) fn session(pid: i32) -> Session {
    let leader = ProcessId { pid, start: 77 };
    Session {
        id: SessionId::new(BOOT, leader, 1),
        boot: BOOT,
        mark: Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None },
        login: Login::new("alice").unwrap(),
        service: Service::new("sshd").unwrap(),
        target: None,
        rhost: Some("192.0.2.7".to_owned()),
        tty: Some("ssh".to_owned()),
        opened: Timestamp(1000),
        basis: Basis::Grants { rests: vec![rest(1, 5000)], until: Timestamp(5000) },
        life: Life::Open,
        warned: Timestamp(1000),
        order: None,
    }
}

/// A process of root's in a setsid-session of its own, without a mark, a cgroup or a terminal.
pub(crate) fn process(id: ProcessId, parent: i32) -> Process {
    Process {
        id,
        name: "x".to_owned(),
        run: Run::Running,
        parent,
        group: id.pid,
        session: id.pid,
        terminal: 0,
        uids: Uids { real: 0, effective: 0, saved: 0, fs: 0 },
        audit: None,
        cgroup: String::new(),
        kernel: false,
        nested: false,
    }
}

/// Grant number `n`, until `end`.
pub(crate) fn rest(n: u8, end: i64) -> Rest {
    Rest {
        source: SourceName::new("ldif").unwrap(),
        uuid: EntryUuid([n; 16]),
        id: format!("g{n}"),
        start: Timestamp(0),
        end: Timestamp(end),
    }
}

/// Somebody who came under grant number 1.
pub(crate) fn visitor(login: &str) -> Visitor {
    Visitor {
        login: Login::new(login).unwrap(),
        uid: 1000,
        marked: Marking::Unseen,
        rests: vec![rest(1, 5000)],
    }
}
