//! Whether this host marks those who come in, by what its logins show. Where it does, an unmarked process came from no login, and running
//! as somebody does not make it his; where it does not, nothing but that says that it is his.
//!
//! That somebody bears a mark proves nothing: as long as his loginuid is not set, the kernel lets anybody set his own, and what he then
//! becomes by sudo bears it too. So only what was root's from the beginning is asked: the process that opened a login, as the warden
//! finds it a moment later. In doubt a host marks: then less is taken of what runs as somebody.
//!
//! What is not fought: on a host without marks, a program that is setuid root, opens sessions by a service that is not among those of
//! [`Kind::Become`], and has changed all its uids to root's, started by somebody who has marked himself and orphaned it.

use serde::{Deserialize, Serialize};

use super::{Kind, Mark};
use crate::sessions::process::Process;

/// What one opening shows, or all of them together: the greatest of what each shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Marking {
    // In the files of visitors the first two stand as `false` and `true` stood: they may only be added to at the end.
    /// Nothing.
    #[default]
    Unseen,
    /// There is a mark, and it cannot be told who gave it.
    Borne,
    /// Root's process has opened a login and has no mark: this host makes none, or not for this service.
    Lacking,
    /// Root's process that opened a login was marked for it: this host makes marks.
    Made,
}

/// Whether the modules that are asked at an opening are all done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modules {
    /// pam_loginuid may come after ours.
    Asked,
    /// None will make a mark any more.
    Done,
}

impl Marking {
    /// What an opening shows by its mark, its leader as it is now, and that one's parent.
    pub fn of(mark: &Mark, leader: Option<&Process>, parent: Option<&Process>, modules: Modules) -> Marking {
        let borne = if mark.audit.is_some() { Marking::Borne } else { Marking::Unseen };
        let Some(leader) = leader.filter(|leader| leader.id == mark.leader && is_roots(leader)) else {
            return borne;
        };
        if mark.kind != Kind::Login {
            return borne;
        }
        match (mark.audit, leader.audit) {
            (Some(own), Some(audit)) if own == audit => {
                let gave = |parent: &Process| {
                    parent.id.pid == leader.parent
                        && !leader.is_older_than(parent.id)
                        && is_roots(parent)
                        && parent.audit.is_none_or(|above| above.session != audit.session)
                };
                if parent.is_some_and(gave) { Marking::Made } else { borne }
            }
            (None, None) if modules == Modules::Done => Marking::Lacking,
            _ => borne,
        }
    }

    /// Whether the host marks logins.
    pub fn is_marked(self) -> bool {
        match self {
            Marking::Borne | Marking::Made => true,
            Marking::Unseen | Marking::Lacking => false,
        }
    }
}

/// Whether it runs as root alone, and on this host. A setuid program keeps the real uid of who started it.
fn is_roots(process: &Process) -> bool {
    process.uids.all().iter().all(|uid| *uid == 0) && !process.nested
}

#[cfg(test)]
mod tests;
