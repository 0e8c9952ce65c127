//! What can be seen of a leader: the kernel's and logind's word, taken only where it is the leader's own.

use std::io;
use std::path::Path;

use nix::unistd::getpid;

use super::{Kind, Mark};
use crate::sessions::logind;
use crate::sessions::process::{AuditMark, Proc, ProcessId, Table, session_scope};

/// What there is to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The leader's login.
    pub(super) audit: Option<AuditMark>,
    /// Logins that are not the leader's own, whatever it bears: those of process 1 and of this daemon, for all kinds.
    pub(super) everybodys: Vec<AuditMark>,
    /// The same for one who comes in: that of its parent, which takes in others too, and those of what is older than it.
    pub(super) others: Vec<AuditMark>,
    /// The leader's cgroup, up to a `session-N.scope`.
    pub(super) scope: Option<String>,
    /// What logind says of that.
    pub(super) logind: Option<logind::Login>,
}

impl Facts {
    /// Now. Nothing when it cannot be seen, or the leader is gone.
    fn now(leader: ProcessId, logins: &Path) -> io::Result<Facts> {
        let mut proc = Proc::open()?;
        let mut facts = Facts { audit: proc.audit(leader.pid)?, ..Facts::default() };
        if facts.audit.is_some() {
            for pid in [1, getpid().as_raw()] {
                facts.everybodys.extend(proc.audit(pid)?);
            }
            if let Some(parent) = proc.parent(leader.pid)? {
                facts.others.extend(proc.audit(parent)?);
            }
        }
        facts.scoped(&proc.cgroup(leader.pid)?, logins);
        // Last: if it is there now, then it was what all this was read of.
        match proc.identify(leader.pid)? {
            Some(id) if id == leader => Ok(facts),
            _ => Ok(Facts::default()),
        }
    }

    /// In a table.
    pub(super) fn of(leader: ProcessId, table: &Table, us: i32, logins: &Path) -> Facts {
        let Some(process) = table.alive(leader) else { return Facts::default() };
        let mut facts = Facts { audit: process.audit, ..Facts::default() };
        if let Some(audit) = process.audit {
            let borne = |pid| table.get(pid).and_then(|process| process.audit);
            facts.everybodys = [1, us].into_iter().filter_map(borne).collect();
            facts.others.extend(borne(process.parent));
            // Where the parent has gone meanwhile, this still says that others had it first.
            let first = table.in_login(audit.session).find(|other| other.is_older_than(leader));
            facts.others.extend(first.and_then(|other| other.audit));
        }
        facts.scoped(&process.cgroup, logins);
        facts
    }

    fn scoped(&mut self, cgroup: &str, logins: &Path) {
        self.scope = session_scope(cgroup).map(str::to_owned);
        self.logind = self.scope.as_deref().and_then(|scope| logind::login(logins, scope));
    }
}

impl Mark {
    /// What can be seen of a leader now. The kernel's and logind's word; when pam_loginuid or pam_systemd come after us in the stack
    /// it says more a moment later: see [`Mark::refresh`].
    pub fn of(leader: ProcessId, kind: Kind, uid: u32) -> Mark {
        // A kernel that cannot be read says nothing.
        let facts = Facts::now(leader, Path::new(logind::SESSIONS)).unwrap_or_default();
        Mark::seen(leader, kind, uid, &facts)
    }

    /// Looks again for what was not there before: what is known once is kept. Whether there is more now.
    pub fn refresh(&mut self, table: &Table) -> bool {
        if self.audit.is_some() && self.scope.is_some() {
            return false;
        }
        let us = getpid().as_raw();
        let facts = Facts::of(self.leader, table, us, Path::new(logind::SESSIONS));
        self.learn(Mark::seen(self.leader, self.kind, self.uid, &facts))
    }

    /// Takes from a later look what was not known.
    pub(super) fn learn(&mut self, later: Mark) -> bool {
        let before = (self.audit.is_some(), self.scope.is_some());
        self.audit = self.audit.or(later.audit);
        self.scope = self.scope.take().or(later.scope);
        before != (self.audit.is_some(), self.scope.is_some())
    }

    /// What these facts say.
    pub(super) fn seen(leader: ProcessId, kind: Kind, uid: u32, facts: &Facts) -> Mark {
        let among = |marks: &[AuditMark], mark: &AuditMark| marks.iter().any(|m| m.session == mark.session);
        let own = |audit: &AuditMark| match kind {
            // pam_loginuid marks a login by PAM_USER, who is the person; any other mark was inherited.
            Kind::Login => audit.login_uid == uid && !among(&facts.others, audit),
            Kind::Become => true,
        };
        let audit = facts.audit.filter(|audit| own(audit) && !among(&facts.everybodys, audit));
        let named = |login: &logind::Login| match kind {
            Kind::Login => login.leader == leader.pid,
            Kind::Become => true,
        };
        let scope = facts.scope.clone().filter(|_| facts.logind.as_ref().is_some_and(named));
        Mark { leader, kind, uid, audit, scope }
    }
}

#[cfg(test)]
mod tests;
