//! Who changed the mode belongs into the audit. jitd sees that the file is another one, and from whom it hears of it is the evidence; without jitd
//! the system log is told. Nothing that goes wrong here undoes a change, or hides it.

use std::fs;

use jit_control::{Answer, Request};
use jit_proto::log::{self, Severity};

use crate::context::Context;

/// Says that the mode was set to this by whoever runs jitctl.
pub(super) fn tell(context: &Context, mode: &str) {
    if let Ok(Answer::Done { .. }) = context.client.ask(&Request::ModeSet {}) {
        return;
    }
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    // −1: nobody logged in.
    let login = login.and_then(|text| text.trim().parse::<u32>().ok()).filter(|uid| *uid != u32::MAX);
    let login = login.map(|uid| format!(" loginuid={uid}")).unwrap_or_default();
    let uid = nix::unistd::getuid();
    log::line(
        Severity::Notice,
        "jitctl",
        format_args!(
            "mode {mode}, set by uid={uid}{login}; jitd does not answer, so this is not in its audit"
        ),
    );
}
