//! What people read about their sessions: the warning and the last words. Lines of plain ASCII, a sentence each.

use jit_model::reason::DenyReason;
use jit_model::time::Span;

use super::record::{Order, Session};
use crate::view::View;

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its grants are over.
    Over(DenyReason),
    /// Somebody ordered it.
    Ordered(Order),
    /// It was denied when it opened, and its service goes on regardless.
    Denied,
}

/// The warning: time left, the grant and its reason, how to get more.
pub fn warning(_view: &View, _session: &Session, _left: Span) -> String {
    String::new()
}

/// The last words: which grant, when and why it ended, who approved it, how to ask again.
pub fn last(_view: &View, _session: &Session, _why: &Why) -> String {
    String::new()
}
