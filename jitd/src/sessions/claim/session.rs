//! What belongs to one session.

use std::collections::{BTreeSet, HashSet};

use super::rules::{
    Nearest, Others, SelfMade, ancestors, children, is_nobodys, is_nobodys_in, runs_as, runs_as_another,
};
use super::{Kind, Mark};
use crate::sessions::process::{AuditMark, Process, ProcessId, Run, Table, session_scope};

/// See [`super::Claim::members`].
pub(super) fn members(mark: &Mark, spared: &[Mark], table: &Table) -> Vec<ProcessId> {
    let mut search = Search::new(mark, spared, table);
    search.tree();
    search.rest();
    let living = |process: &&&Process| process.run != Run::Dead;
    search.found.iter().filter(living).map(|process| process.id).collect()
}

/// See [`super::Claim::takes`].
pub(super) fn takes(mark: &Mark, spared: &[Mark], process: &Process, members: &BTreeSet<i32>) -> bool {
    if is_nobodys(process) || process.is_older_than(mark.leader) {
        return false;
    }
    let child = members.contains(&process.parent);
    // What has lost its parents could come from whoever else became another in the same login.
    let same = |other: &Mark| {
        other.kind == Kind::Become && (&other.audit, &other.scope) == (&mark.audit, &mark.scope)
    };
    let lost = process.parent == 1 && (mark.kind == Kind::Login || !spared.iter().any(same));
    // A session of setsid(2) is looked at only where nothing is marked.
    let related = child || mark.audit.is_none() && lost && members.contains(&process.session);
    // A mark that a person has given himself is none; root's are given by every login.
    let unmarked = process.audit.is_none() || mark.uid != 0 && process.uids.real == mark.uid;
    let evident = match (mark.kind, mark.audit) {
        // Everything that comes from it bears its mark: there is nothing to be guessed. But a login without a mark of its own may
        // have inherited this one.
        (Kind::Login, Some(audit)) => {
            let alike = |other: &Mark| other.audit.is_none() && other.uid == mark.uid;
            process.audit == Some(audit) && (child || !came_later(mark, spared, alike))
        }
        (Kind::Login, None) => {
            let scoped = process.audit.is_none() && in_scope(mark, process);
            let alike = |other: &Mark| other.audit.is_none() && other.scope.is_none();
            related && unmarked || scoped && !came_later(mark, spared, alike)
        }
        (Kind::Become, Some(audit)) => {
            process.audit == Some(audit) && (related || lost && around(mark, process))
        }
        (Kind::Become, None) => related && unmarked,
    };
    // Last, for most processes are neither, and there may be many others.
    evident && !is_of_others(mark, spared, process)
}

/// Whether a process is of one of the sessions that are spared.
fn is_of_others(mark: &Mark, spared: &[Mark], process: &Process) -> bool {
    let own: Vec<AuditMark> = mark.audit.into_iter().collect();
    let scopes: Vec<&str> = mark.scope.as_deref().into_iter().collect();
    let others = Others::of(spared.iter(), &own, &scopes);
    // Whoever became another within a login ends with it, and with nothing else that can be seen here.
    let counts = |other: &Mark| other.kind == Kind::Login || mark.kind == Kind::Become;
    others.led_by(process.id).is_some_and(counts) || others.bear(process, &own)
}

/// Whether there is such a login among these that may have come from ours: by a listener that was started by hand.
fn came_later(mark: &Mark, spared: &[Mark], such: impl Fn(&Mark) -> bool) -> bool {
    let later = |other: &&Mark| other.kind == Kind::Login && other.leader.start >= mark.leader.start;
    spared.iter().filter(later).any(such)
}

/// Whether a process is in the scope of a mark.
fn in_scope(mark: &Mark, process: &Process) -> bool {
    mark.scope.is_some() && session_scope(&process.cgroup) == mark.scope.as_deref()
}

/// Whether a process is, in the login around a Become, not the person but whom he became. Only in a login of his own: in that of
/// another, who became him, the others are that one's.
fn around(mark: &Mark, process: &Process) -> bool {
    let his = |audit: AuditMark| audit.login_uid == mark.uid && process.audit == Some(audit);
    let slice = |scope: &str| scope.rsplit('/').nth(1) == Some(&format!("user-{}.slice", mark.uid));
    let in_his =
        || process.audit.is_none() && in_scope(mark, process) && mark.scope.as_deref().is_some_and(slice);
    runs_as_another(process, mark.uid) && (mark.audit.is_some_and(his) || in_his())
}

/// One search.
struct Search<'a> {
    mark: &'a Mark,
    table: &'a Table,
    others: Others<'a>,
    /// The marks that the session's processes bear by right: its own, and what its leader has inherited.
    own: Vec<AuditMark>,
    /// Whether a login that goes on bears our mark as well.
    shared: bool,
    /// Those above the leader, and the leader of the login around it.
    above: HashSet<ProcessId>,
    nearest: Nearest<'a>,
    self_made: SelfMade<'a>,
    seen: HashSet<i32>,
    found: Vec<&'a Process>,
}

impl<'a> Search<'a> {
    fn new(mark: &'a Mark, spared: &'a [Mark], table: &'a Table) -> Search<'a> {
        let leader = table.alive(mark.leader);
        let own: Vec<AuditMark> =
            mark.audit.into_iter().chain(leader.and_then(|leader| leader.audit)).collect();
        let mut above: HashSet<ProcessId> =
            leader.into_iter().flat_map(|leader| ancestors(table, leader)).map(|above| above.id).collect();
        // A login that we are within keeps its leader, but what is in its tree may be ours.
        let around = |other: &Mark| {
            let same = || {
                other.audit.is_some() && other.audit == mark.audit
                    || other.scope.is_some() && other.scope == mark.scope
            };
            other.kind == Kind::Login
                && (above.contains(&other.leader) || mark.kind == Kind::Become && same())
        };
        let (around, spared): (Vec<&Mark>, Vec<&Mark>) = spared.iter().partition(|other| around(other));
        above.extend(around.iter().map(|login| login.leader));
        // Within a login nothing belongs to who became another there: it all ends with the login.
        let counts = |other: &&Mark| other.kind == Kind::Login || mark.kind == Kind::Become;
        let spared: Vec<&Mark> = spared.into_iter().filter(counts).collect();
        let same = |other: &&Mark| other.kind == Kind::Login && other.audit == mark.audit;
        let shared = mark.kind == Kind::Login && spared.iter().any(same);
        let spared = spared.into_iter();
        // A login that came in by a listener within another one is in that one's scope.
        let inherited = leader.and_then(|leader| session_scope(&leader.cgroup));
        let scopes: Vec<&str> = mark.scope.as_deref().into_iter().chain(inherited).collect();
        let others = Others::of(spared.clone(), &own, &scopes);
        let leaders = spared.map(|other| other.leader).chain([mark.leader]);
        Search {
            nearest: Nearest::new(table, leaders),
            self_made: SelfMade::by(mark.uid, table),
            seen: HashSet::new(),
            found: Vec::new(),
            mark,
            table,
            others,
            own,
            shared,
            above,
        }
    }

    /// What came from the leader and still has its parents.
    fn tree(&mut self) {
        let Some(leader) = self.table.alive(self.mark.leader) else { return };
        if self.others.led_by(leader.id).is_some() || is_nobodys_in(self.table, leader) {
            return;
        }
        let from = self.found.len();
        self.take(leader);
        self.descend(from, |search, child| {
            let into = |other: &Mark| other.kind == Kind::Login;
            if search.others.led_by(child.id).is_some_and(into) {
                return false;
            }
            // A login within it that nobody told of, and what was marked again by a sudo whose stack does that.
            let again = |audit: AuditMark| audit.login_uid == search.mark.uid || audit.login_uid == 0;
            search.is_unmarked_or_own(child) || child.audit.is_some_and(again)
        });
    }

    /// What has lost its parents.
    fn rest(&mut self) {
        let from = self.found.len();
        let table = self.table;
        match self.mark.kind {
            Kind::Login => {
                let own = self.mark.audit.filter(|audit| !self.is_shared(*audit));
                let marked = own.into_iter().flat_map(|audit| table.in_login(audit.session));
                let scope = self.mark.scope.as_deref();
                let scoped = scope.into_iter().flat_map(|scope| table.in_scope(scope));
                for process in marked {
                    self.consider(process);
                }
                for process in scoped {
                    // Who gave himself a mark is where he was without it.
                    if process.audit.is_none_or(|audit| self.self_made.is(audit)) {
                        self.consider(process);
                    }
                }
                self.session_of_the_dead();
            }
            Kind::Become => {
                let login = self.mark.audit.into_iter().flat_map(|audit| table.in_login(audit.session));
                let scoped = self.mark.scope.as_deref().into_iter().flat_map(|scope| table.in_scope(scope));
                for process in login.chain(scoped) {
                    if around(self.mark, process) {
                        self.consider(process);
                    }
                }
            }
        }
        self.and_what_came_from_it(from);
    }

    /// Whether somebody bore our mark before us, or a login that goes on bears it as well: then it is not evidence.
    fn is_shared(&self, audit: AuditMark) -> bool {
        self.shared
            || self.table.in_login(audit.session).any(|process| process.is_older_than(self.mark.leader))
    }

    /// On a host without marks: who is in the session of setsid(2) that the leader began, though the leader is gone. The number may
    /// have been used again, so it has to be the person.
    fn session_of_the_dead(&mut self) {
        let pid = self.mark.leader.pid;
        if self.mark.audit.is_some() || self.table.get(pid).is_some() {
            return;
        }
        for process in self.table.in_session(pid) {
            let unmarked = process.audit.is_none_or(|audit| self.self_made.is(audit));
            if unmarked && runs_as(process, self.mark.uid) {
                self.consider(process);
            }
        }
    }

    /// Children of members, and on a host without marks, who is in a session of setsid(2) that a member began: those lose their
    /// parents, but not that.
    fn and_what_came_from_it(&mut self, mut from: usize) {
        let table = self.table;
        let mut begun = 0;
        loop {
            self.descend(from, |search, child| {
                search.others.led_by(child.id).is_none() && search.is_unmarked_or_own(child)
            });
            from = self.found.len();
            while let Some(leader) = self.found.get(begun).filter(|_| self.mark.audit.is_none()).copied() {
                begun += 1;
                for process in table.in_session(leader.id.pid) {
                    if !process.is_older_than(leader.id) && self.is_unmarked_or_own(process) {
                        self.consider(process);
                    }
                }
            }
            if self.found.len() == from {
                return;
            }
        }
    }

    /// Takes one that shows evidence other than the tree, unless it is in another's tree.
    fn consider(&mut self, process: &'a Process) {
        let nearest = self.nearest.of(process);
        if nearest.is_none_or(|leader| leader.id == self.mark.leader) && self.may_take(process) {
            self.take(process);
        }
    }

    /// Takes the children of all that were found from there on, and theirs.
    fn descend(&mut self, from: usize, mut belongs: impl FnMut(&mut Search<'a>, &'a Process) -> bool) {
        let mut next = from;
        while let Some(parent) = self.found.get(next).copied() {
            next += 1;
            for child in children(self.table, parent) {
                if self.may_take(child) && belongs(self, child) {
                    self.take(child);
                }
            }
        }
    }

    fn take(&mut self, process: &'a Process) {
        if self.seen.insert(process.id.pid) {
            self.found.push(process);
        }
    }

    /// Whether nothing forbids it.
    fn may_take(&self, process: &Process) -> bool {
        !self.seen.contains(&process.id.pid)
            && !is_nobodys_in(self.table, process)
            && !process.is_older_than(self.mark.leader)
            && !self.above.contains(&process.id)
            && !self.others.bear(process, &self.own)
    }

    /// Whether its mark does not speak against it.
    fn is_unmarked_or_own(&mut self, process: &Process) -> bool {
        process.audit.is_none_or(|audit| self.own.contains(&audit) || self.self_made.is(audit))
    }
}
