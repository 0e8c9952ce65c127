//! What the enforcing file says, for the rules: which services are guarded, and who is let in without a grant. As jitd renders it now, or, with jitd dead, as it
//! stands on disk: that is what modules go by then.

use jit_proto::enforcing::{Rule, Rules};

use crate::doctor::host::Host;

/// The text understood; the built-in defaults where there is none, or none that can be used, as the modules have it.
pub(super) fn of(host: &Host) -> Rules<'_> {
    Rules::parse(host.rules.as_bytes()).unwrap_or_else(|_| Rules::built_in())
}

/// The services that are guarded.
pub(super) fn guarded(host: &Host) -> Vec<String> {
    of(host)
        .iter()
        .filter_map(|rule| match rule {
            Rule::Guard(service) => Some(service.to_owned()),
            _ => None,
        })
        .collect()
}
