//! What is remembered of a session, also on disk: /run survives a restart of the daemon and ends with the boot.

use std::fmt;

use jit_model::name::{Login, Service};
use jit_model::session::Rest;
use jit_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::claim::{Mark, Marking};
use super::process::ProcessId;
use crate::clock::BootId;

/// What people call a session: eight characters that are easy to tell and to type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(String);

impl SessionId {
    /// Made from what is true of no two openings: the boot, the leader, and how many sessions this daemon has seen.
    pub fn new(boot: BootId, leader: ProcessId, count: u64) -> SessionId {
        // Without letters and digits that are taken for each other, nor vowels that make words.
        const ALPHABET: &[u8; 27] = b"bcdfghjkmnpqrstvwxyz2346789";
        let mut hash = Sha256::new();
        hash.update(boot.0);
        hash.update(leader.pid.to_le_bytes());
        hash.update(leader.start.to_le_bytes());
        hash.update(count.to_le_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        let letter =
            |byte: &u8| ALPHABET.get(usize::from(*byte) % ALPHABET.len()).copied().map_or('b', char::from);
        SessionId(bytes.iter().take(8).map(letter).collect())
    }

    /// As somebody typed it.
    pub fn typed(text: &str) -> Option<SessionId> {
        let good = text.len() == 8 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        good.then(|| SessionId(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a session may stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// It rests on grants, and ends with them.
    Grants {
        /// Those it rests on; never empty.
        rests: Vec<Rest>,
        /// When it ends, as last seen.
        until: Timestamp,
    },
    /// It has no deadline.
    Standing(Standing),
}

/// Why a session has no deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It was opened while the host was permissive.
    Permissive,
    /// It was exempt when it was opened, or became so.
    Exempt,
    /// Break-glass.
    BreakGlass,
    /// The host went permissive meanwhile.
    Lifted,
    /// Its service or its host is no longer guarded.
    Unguarded,
    /// Its grant ended, and `on_end = "warn"`.
    Warned,
    /// Found after a restart, and not judged yet.
    Found,
}

impl Standing {
    /// A stable word, for the audit and jitctl.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Permissive => "permissive",
            Standing::Exempt => "exempt",
            Standing::BreakGlass => "break-glass",
            Standing::Lifted => "lifted",
            Standing::Unguarded => "unguarded",
            Standing::Warned => "warned",
            Standing::Found => "found",
        }
    }
}

/// Somebody with the right to has said that it must end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who, by the kernel's word.
    pub by: u32,
    /// Why.
    pub reason: String,
}

/// Whether it still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It does.
    Open,
    /// The person has left; processes of it may remain, and the end will find them.
    Closed,
    /// Its ending has begun, and processes of it may be stopped. Should it go on after all, by another daemon's judgement, they are to
    /// run again.
    Ending,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What people call it.
    pub id: SessionId,
    /// The boot it belongs to.
    pub boot: BootId,
    /// By what its processes are known.
    pub mark: Mark,
    /// Whose it is.
    pub login: Login,
    /// Of which PAM service.
    pub service: Service,
    /// Whom the person became, for su and sudo.
    pub target: Option<String>,
    /// PAM_RHOST.
    pub rhost: Option<String>,
    /// PAM_TTY, which for sshd is just `ssh`.
    pub tty: Option<String>,
    /// Since when.
    pub opened: Timestamp,
    /// Why it may stay.
    pub basis: Basis,
    /// Whether it goes on.
    pub life: Life,
    /// Warnings up to this moment have been given, or were past when it began.
    pub warned: Timestamp,
    /// An order to end it.
    pub order: Option<Order>,
}

/// Somebody who came in under a grant during this boot: should his last grant end, everything of his ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// Who.
    pub login: Login,
    /// His uid, as the module saw it.
    pub uid: u32,
    /// What was known, when this was written, of whether this host marks those who come in.
    pub marked: Marking,
    /// What his sessions rested on when last looked at.
    pub rests: Vec<Rest>,
}
