//! The terminals of a session, and words on them. Found when there is something to say: PAM_TTY is just `ssh` when a session
//! opens, and a multiplexed connection has many. Never waits for a terminal, never takes one as its own, never writes to somebody else's.

use std::collections::BTreeSet;

use super::process::{ProcessId, Table};

/// How the words arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The terminals that took them, such as `/dev/pts/3`.
    pub on: Vec<String>,
    /// Those that did not, and why (`mesg n`, a stopped terminal).
    pub failed: Vec<(String, String)>,
}

/// Says `text` on every terminal of these processes that belongs to one of `owners`. `text` is lines of ASCII separated by `\n`.
pub fn tell(_table: &Table, _members: &[ProcessId], _owners: &BTreeSet<u32>, _text: &str) -> Told {
    Told::default()
}
