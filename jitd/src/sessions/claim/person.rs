//! What belongs to a person who has no business on this host any more.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::rules::{Nearest, Others, SelfMade, is_nobodys, is_nobodys_in, parent, runs_as};
use super::{Kind, Mark};
use crate::sessions::process::{Process, ProcessId, Run, Table};

/// See [`super::Claim::members`].
pub(super) fn members(uid: u32, marked: bool, spared: &[Mark], table: &Table) -> Vec<ProcessId> {
    if uid == 0 {
        return Vec::new();
    }
    // Who became another within one of his logins ends with him.
    let spared = spared.iter().filter(|other| other.kind == Kind::Login || other.uid != uid);
    let mut search = Search {
        uid,
        marked,
        table,
        slice: slice(uid, table.get(1)),
        others: Others::of(spared.clone(), &[], &[]),
        logins: Nearest::new(
            table,
            spared.clone().filter(|other| other.kind == Kind::Login).map(|other| other.leader),
        ),
        all: Nearest::new(table, spared.map(|other| other.leader)),
        self_made: SelfMade::by(uid, table),
        outermost: HashMap::new(),
    };
    table
        .iter()
        .filter(|process| process.run != Run::Dead && !is_nobodys_in(table, process))
        .filter(|process| search.is_his(process))
        .map(|process| process.id)
        .collect()
}

/// See [`super::Claim::takes`].
pub(super) fn takes(
    uid: u32,
    marked: bool,
    spared: &[Mark],
    process: &Process,
    members: &BTreeSet<i32>,
) -> bool {
    if uid == 0 || is_nobodys(process) {
        return false;
    }
    let child = members.contains(&process.parent);
    // One that is spared has no other evidence than his if it came in by a listener of his, or marks itself as it likes.
    let logins = || spared.iter().filter(|other| other.kind == Kind::Login && other.audit.is_none());
    let evident = match process.audit {
        Some(audit) => {
            audit.login_uid == uid
                && (child || !process.nested && !logins().any(|other| !marked || other.uid == uid))
        }
        None if in_slice(process, &slice(uid, None)) => child || !logins().any(|other| other.scope.is_none()),
        None => {
            let became = |other: &Mark| other.kind == Kind::Become && other.uid != uid;
            let child = child && !spared.iter().any(became);
            !marked && runs_as(process, uid) && (child || !process.nested && process.parent == 1)
        }
    };
    // Last, for most processes are not his, and there may be many others.
    let others = || Others::of(spared.iter(), &[], &[]);
    let is_theirs = |others: Others<'_>| others.led_by(process.id).is_some() || others.bear(process, &[]);
    evident && !is_theirs(others())
}

/// Where systemd keeps what is his: below the same place as process 1, for a container inside may have one of the same name.
fn slice(uid: u32, init: Option<&Process>) -> String {
    let root = init.and_then(|init| init.cgroup.strip_suffix("/init.scope")).unwrap_or_default();
    format!("{root}/user.slice/user-{uid}.slice")
}

fn in_slice(process: &Process, slice: &str) -> bool {
    process.cgroup.strip_prefix(slice).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

struct Search<'a> {
    uid: u32,
    marked: bool,
    table: &'a Table,
    slice: String,
    others: Others<'a>,
    logins: Nearest<'a>,
    all: Nearest<'a>,
    self_made: SelfMade<'a>,
    outermost: HashMap<i32, &'a Process>,
}

impl<'a> Search<'a> {
    fn is_his(&mut self, process: &'a Process) -> bool {
        if self.others.bear(process, &[]) {
            return false;
        }
        match process.audit {
            Some(audit) if audit.login_uid == self.uid => {
                // A login that is spared may have inherited his mark: its sshd was started by hand from his.
                self.logins.of(process).is_none() && self.is_marked_here(process)
            }
            // Who gave himself a mark is where he was without it.
            Some(audit) if !self.self_made.is(audit) => false,
            Some(_) | None if in_slice(process, &self.slice) => self.logins.of(process).is_none(),
            Some(_) | None => self.only_runs_as_him(process),
        }
    }

    /// Whether nothing but his uid says that a process is his, and that is enough. Who became him in a session of his own is not he.
    fn only_runs_as_him(&mut self, process: &'a Process) -> bool {
        !self.marked && self.all.of(process).is_none() && self.runs_as_him_here(process)
    }

    /// Whether a mark was given on this host. A container may have a person of the same uid, whose logins are marked alike; then
    /// the process that began the container does not bear one of his.
    fn is_marked_here(&mut self, process: &'a Process) -> bool {
        let first = self.outermost(process);
        !process.nested || first.audit.is_some_and(|audit| audit.login_uid == self.uid)
    }

    /// Whether it runs as him, not as somebody of the same uid in a container that is not his.
    fn runs_as_him_here(&mut self, process: &'a Process) -> bool {
        if !runs_as(process, self.uid) || !process.nested {
            return runs_as(process, self.uid);
        }
        let first = self.outermost(process);
        parent(self.table, first).is_none_or(|parent| parent.id.pid == 1 || runs_as(parent, self.uid))
    }

    /// The outermost of the nested processes above a nested one; remembered, since chains can be long.
    fn outermost(&mut self, process: &'a Process) -> &'a Process {
        let mut way = HashSet::new();
        let mut last = process;
        let mut next = Some(process);
        while let Some(above) = next.filter(|above| above.nested && way.insert(above.id.pid)) {
            if let Some(found) = self.outermost.get(&above.id.pid) {
                last = found;
                break;
            }
            last = above;
            next = parent(self.table, above);
        }
        self.outermost.extend(way.into_iter().map(|pid| (pid, last)));
        last
    }
}
