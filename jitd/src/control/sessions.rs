//! The sessions on this host, and the order to end one.

use jit_control::{Answer, Sessions};

use super::{Caller, Reach, refused};
use crate::desk::Desk;
use crate::sessions::registry::Registry;

/// The sessions that the caller may see.
pub(super) fn sessions(desk: &Desk, _registry: &Registry, _caller: &Caller) -> Answer {
    Answer::Sessions(Sessions { now: desk.clock().now().login.0, sessions: Vec::new() })
}

/// Orders the end of a session.
pub(super) fn terminate(
    _desk: &Desk,
    _registry: &Registry,
    caller: &Caller,
    id: &str,
    _reason: &str,
) -> Answer {
    if caller.reach != Reach::All {
        return refused("not-permitted", "only root and the group jit-admin may end sessions");
    }
    refused("no-such-session", format!("there is no session {id:?} here; jitctl sessions lists them"))
}
