//! Entries as people add them: a grant, an approval, a revocation. Values only; [`crate::ldap::visit`] sends them. What a host would
//! refuse is not noticed here, but by judging the entry as hosts do before it is written.

use std::collections::BTreeSet;

use jit_model::dn::{Dn, DnError};
use jit_model::grant::{End, Grant, GrantDigest};
use jit_model::host::HostPattern;
use jit_model::time::{Span, Timestamp};

use crate::schema;

/// An entry to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Where.
    pub dn: Dn,
    /// What it says: each attribute once, each value once.
    pub attributes: Vec<(&'static str, BTreeSet<Vec<u8>>)>,
}

impl NewEntry {
    fn new(dn: Dn, class: &'static str) -> NewEntry {
        let mut entry = NewEntry { attributes: Vec::new(), dn };
        entry.say(schema::OBJECT_CLASS, [class]);
        let cn = entry.dn.rdn_value();
        entry.say(schema::CN, [cn]);
        entry
    }

    fn say<T: Into<Vec<u8>>>(&mut self, name: &'static str, values: impl IntoIterator<Item = T>) {
        let values: BTreeSet<Vec<u8>> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.attributes.push((name, values));
        }
    }
}

/// The entry of a grant. Its uuid and provenance are the directory's to make.
pub fn grant(grant: &Grant) -> NewEntry {
    let mut entry = NewEntry::new(grant.dn.clone(), "jitGrant");
    entry.say(schema::SUBJECT, [grant.subject.as_str()]);
    entry.say(schema::ROLE_DN, grant.role.as_ref().map(Dn::as_str));
    entry.say(schema::HOST, grant.hosts.iter().map(HostPattern::as_str));
    entry.say(schema::SERVICE, grant.services.iter().map(|service| service.as_str()));
    entry.say(schema::NOT_BEFORE, grant.not_before.map(generalized));
    match grant.end {
        End::At(at) => entry.say(schema::NOT_AFTER, [generalized(at)]),
        End::After(span) => entry.say(schema::DURATION, [span.0.to_string()]),
    }
    entry.say(schema::REASON, grant.reason.clone());
    entry.say(schema::TICKET, grant.ticket.clone());
    entry
}

/// An approval to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApproval<'a> {
    /// Of which grant.
    pub grant: &'a Grant,
    /// Its own name below the grant, such as `approval-` and random digits.
    pub id: String,
    /// Who approves.
    pub approver: Dn,
    /// What: the digest of the grant as the approver saw it.
    pub digest: GrantDigest,
    /// Only for this long.
    pub duration: Option<Span>,
    /// Only until then.
    pub not_after: Option<Timestamp>,
    /// What the approver signed, with his signature.
    pub signature: Option<Vec<u8>>,
}

/// The entry of an approval.
///
/// # Errors
/// When no name can be made of the id.
pub fn approval(new: &NewApproval<'_>) -> Result<NewEntry, DnError> {
    let mut entry = NewEntry::new(new.grant.dn.child(schema::CN, &new.id)?, "jitApproval");
    entry.say(schema::APPROVER, [new.approver.as_str()]);
    entry.say(schema::HOST, new.grant.hosts.iter().map(HostPattern::as_str));
    entry.say(schema::GRANT_DIGEST, [new.digest.to_string()]);
    entry.say(schema::DURATION, new.duration.map(|span| span.0.to_string()));
    entry.say(schema::NOT_AFTER, new.not_after.map(generalized));
    entry.say(schema::SIGNATURE, new.signature.clone());
    Ok(entry)
}

/// The entry of a revocation of the grant of this name, for the hosts that the grant is for.
///
/// # Errors
/// When no name can be made of the id.
pub fn revocation(
    grant: &Dn,
    hosts: &BTreeSet<HostPattern>,
    id: &str,
    reason: Option<&str>,
) -> Result<NewEntry, DnError> {
    let mut entry = NewEntry::new(grant.child(schema::CN, id)?, "jitRevocation");
    entry.say(schema::HOST, hosts.iter().map(HostPattern::as_str));
    entry.say(schema::REASON, reason);
    Ok(entry)
}

fn generalized(at: Timestamp) -> String {
    at.to_generalized()
}
