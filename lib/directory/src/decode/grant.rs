//! A grant, and what stands under it: approvals and revocations.

use jit_model::grant::{Approval, End, Grant, GrantDigest, Revocation};
use jit_model::reason::Refusal;
use jit_model::signature::Signature;
use jit_model::time::Timestamp;

use super::class::Classes;
use super::fields::{Fault, Fields};
use super::syntax;
use crate::entry::Entry;
use crate::schema::{
    APPROVER, DURATION, GRANT_DIGEST, HOST, NOT_AFTER, NOT_BEFORE, REASON, ROLE_DN, SERVICE, SIGNATURE,
    SUBJECT, TICKET,
};

const OF_GRANT: &[&str] = &[SUBJECT, ROLE_DN, HOST, SERVICE, NOT_BEFORE, NOT_AFTER, DURATION, REASON, TICKET];
const OF_APPROVAL: &[&str] = &[APPROVER, HOST, GRANT_DIGEST, DURATION, NOT_AFTER, SIGNATURE, REASON, TICKET];

/// What stands one below a grant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// A well-formed approval.
    Approval(Box<Approval>),
    /// An approval that does not count.
    Void(Fault),
    /// A revocation; with the fault, if it has one: it revokes all the same.
    Revocation(Revocation, Option<Fault>),
    /// Made by a newer version: nobody knows here what it takes away.
    Newer(Fault),
    /// Something that has no business there.
    Foreign,
}

/// Reads an entry that stands where grants stand.
pub(super) fn grant(entry: &Entry) -> Result<Grant, Fault> {
    let fields = Fields(entry);
    class(&Classes::of(entry), |classes| classes.grant, "jitGrant")?;
    fields.only("grant", OF_GRANT)?;
    let end = match (fields.optional_time(NOT_AFTER)?, fields.optional_span(DURATION)?) {
        (Some(at), None) => End::At(at),
        (None, Some(span)) => End::After(span),
        (Some(_), Some(_)) => {
            return Err(Fault::at(DURATION, "stands beside jitNotAfter; keep one of the two"));
        }
        (None, None) => return Err(Fault::entry("it has no end: add jitNotAfter or jitDuration")),
    };
    Ok(Grant {
        uuid: entry.uuid,
        dn: entry.dn.clone(),
        id: fields.cn()?.to_owned(),
        subject: fields.required_dn(SUBJECT)?,
        role: fields.optional_dn(ROLE_DN)?,
        hosts: fields.hosts()?,
        services: fields.services()?,
        not_before: fields.optional_start(NOT_BEFORE)?,
        end,
        reason: fields.optional_text(REASON)?,
        ticket: fields.optional_text(TICKET)?,
        provenance: fields.provenance(),
    })
}

/// Checks that an entry claims one class of ours, the right one, and is not open to any attribute.
pub(super) fn class(classes: &Classes, right: impl Fn(&Classes) -> bool, name: &str) -> Result<(), Fault> {
    if classes.extensible {
        return Err(Fault::at(
            "objectclass",
            "is extensibleObject too, which no entry of ours may be; remove it",
        ));
    }
    if let Some(unknown) = &classes.unknown {
        let unknown = syntax::shown(unknown.as_bytes());
        return Err(Fault::at("objectclass", Refusal::NeedsNewerJitd(unknown)));
    }
    if !right(classes) {
        return Err(Fault::at(
            "objectclass",
            format!("is not {name}, and nothing else belongs here; move the entry"),
        ));
    }
    if classes.ours() > 1 {
        return Err(Fault::at("objectclass", format!("claims more than {name}; keep one class")));
    }
    Ok(())
}

/// Reads an entry that stands one below a grant. Whatever may be a revocation is one.
pub(super) fn child(entry: &Entry) -> Child {
    let classes = Classes::of(entry);
    let claims_approval = classes.approval
        || (!classes.any && [APPROVER, GRANT_DIGEST].iter().any(|name| entry.attributes.contains_key(*name)));
    if classes.revocation || (!classes.any && !claims_approval) {
        return revocation(entry, &classes);
    }
    if let Some(unknown) = &classes.unknown {
        let unknown = syntax::shown(unknown.as_bytes());
        return Child::Newer(Fault::at("objectclass", Refusal::NeedsNewerJitd(unknown)));
    }
    if !claims_approval {
        return Child::Foreign;
    }
    match approval(entry, &classes) {
        Ok(approval) => Child::Approval(Box::new(approval)),
        Err(fault) => Child::Void(fault),
    }
}

fn approval(entry: &Entry, classes: &Classes) -> Result<Approval, Fault> {
    let fields = Fields(entry);
    class(classes, |classes| classes.approval, "jitApproval")?;
    fields.only("jitApproval", OF_APPROVAL)?;
    Ok(Approval {
        dn: entry.dn.clone(),
        approver: fields.required_dn(APPROVER)?,
        digest: GrantDigest(fields.required_digest(GRANT_DIGEST)?),
        not_after: fields.optional_time(NOT_AFTER)?,
        duration: fields.optional_span(DURATION)?,
        signature: fields
            .optional(SIGNATURE)?
            .map_or(Signature::Absent, |raw| Signature::Unchecked(raw.to_vec())),
        provenance: fields.provenance(),
    })
}

/// A revocation has no way to fail: with what can be read of it, it revokes.
pub(super) fn revocation(entry: &Entry, classes: &Classes) -> Child {
    let fields = Fields(entry);
    let provenance = fields.provenance();
    let at: Option<Timestamp> = provenance.created;
    let reason = fields.optional_text(REASON);
    let fault = class(classes, |classes| classes.revocation, "jitRevocation")
        .and_then(|()| fields.only("jitRevocation", &[HOST, REASON, TICKET]))
        .and_then(|()| {
            reason
                .as_ref()
                .map(|_| ())
                .map_err(|fault| Fault { attribute: fault.attribute.clone(), reason: fault.reason.clone() })
        })
        .err();
    let revocation =
        Revocation { dn: entry.dn.clone(), by: provenance.creator, at, reason: reason.ok().flatten() };
    Child::Revocation(revocation, fault)
}
