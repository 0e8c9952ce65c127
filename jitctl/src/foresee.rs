//! What the daemon will make of a grant that is not written yet: the same text, read and judged by the same code, with the
//! daemon's own word about this host and its default role. What only the daemon knows (its ledger) is left to the daemon.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_control::{SourceStatus, Status};
use jit_directory::decode::{Bases, Reading, decode};
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::{LOGIN_ATTRIBUTE, parse};
use jit_model::assess::{Assessed, Memory, assess};
use jit_model::grant::EntryUuid;
use jit_model::host::HostNames;
use jit_model::name::SourceName;
use jit_model::role::Role;
use jit_model::source::Proof;
use jit_model::time::Span;

/// The names of the daemon's host; `None` if it says something that cannot be one.
pub fn host_names(status: &Status) -> Option<HostNames> {
    HostNames::new(&status.host, status.answers_to.iter().filter_map(|name| name.strip_prefix('@'))).ok()
}

/// Why the daemon will refuse the grant; `Ok` if it will not, as far as can be told from the text.
///
/// # Errors
/// The reason, in a sentence that begins with "it".
pub fn refusal(
    text: &[u8],
    bases: &Bases,
    source: &SourceStatus,
    host: &HostNames,
    grant: EntryUuid,
) -> Result<(), String> {
    let name = SourceName::new(&source.name).map_err(|e| e.to_string())?;
    let entries = parse::parse(text).and_then(|records| gather(records, bases)).map_err(|e| e.to_string())?;
    let reading = Reading {
        name,
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: source.default_max.map(|most| Arc::new(Role::default_of(Span(most)))),
        login_attribute: LOGIN_ATTRIBUTE.to_owned(),
    };
    let decoded = decode(&entries, bases, &reading);
    let judged = assess(&decoded, host, &Memory::default());
    match judged.iter().find(|judged| judged.grant.uuid == grant).map(|judged| &judged.assessed) {
        Some(Assessed::Refused(why)) => Err(why.to_string()),
        Some(Assessed::Revoked(_)) => Err("it is revoked by an entry that is there already".to_owned()),
        Some(Assessed::Granted { .. } | Assessed::Pending { .. }) => Ok(()),
        None => Err("it does not come out as a grant".to_owned()),
    }
}
