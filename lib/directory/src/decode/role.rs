//! A role. Strict in everything: a role that is half understood would be a policy nobody wrote.

use jit_model::name::UnixGroup;
use jit_model::role::{MOST_EACH, Role, TicketPattern};

use super::class::Classes;
use super::fields::{Fault, Fields};
use super::grant::class;
use crate::entry::Entry;
use crate::schema::{
    APPROVALS_FROM_EACH, APPROVALS_REQUIRED, APPROVER_GROUP, ELIGIBLE, HOST, LOCAL_GROUP, MAX_DURATION,
    REASON_REQUIRED, SERVICE, SIGNATURE_REQUIRED, TICKET_PATTERN,
};

const OF_ROLE: &[&str] = &[
    HOST,
    ELIGIBLE,
    MAX_DURATION,
    APPROVALS_REQUIRED,
    APPROVER_GROUP,
    APPROVALS_FROM_EACH,
    SIGNATURE_REQUIRED,
    SERVICE,
    LOCAL_GROUP,
    REASON_REQUIRED,
    TICKET_PATTERN,
];

/// Reads an entry that stands where roles stand.
pub(super) fn role(entry: &Entry) -> Result<Role, Fault> {
    let fields = Fields(entry);
    class(&Classes::of(entry), |classes| classes.role, "jitRole")?;
    fields.only("role", OF_ROLE)?;
    let role = Role {
        dn: Some(entry.dn.clone()),
        name: fields.cn()?.to_owned(),
        hosts: fields.hosts()?,
        eligible: fields.dns(ELIGIBLE)?,
        max_duration: fields.required_span(MAX_DURATION)?,
        approvals_required: fields.approvals_required()?,
        approver_groups: fields.dns(APPROVER_GROUP)?,
        approvals_from_each: fields.flag(APPROVALS_FROM_EACH)?,
        signature_required: fields.flag(SIGNATURE_REQUIRED)?,
        services: fields.services()?,
        local_groups: fields.names(LOCAL_GROUP, UnixGroup::new)?,
        reason_required: fields.flag(REASON_REQUIRED)?,
        ticket_pattern: fields
            .optional_text(TICKET_PATTERN)?
            .map(|text| TicketPattern::new(&text).map_err(|why| Fault::at(TICKET_PATTERN, why)))
            .transpose()?,
    };
    if role.eligible.is_empty() {
        return Err(Fault::at(
            ELIGIBLE,
            "is missing; add the DN of each person or group that may hold the role",
        ));
    }
    // Where each group must be heard, none at all would mean that nobody need be.
    if (role.approvals_required > 0 || role.approvals_from_each) && role.approver_groups.is_empty() {
        return Err(Fault::at(
            APPROVER_GROUP,
            "is missing, but approvals are required; add the DN of the group that approves",
        ));
    }
    if role.approvals_from_each && role.approver_groups.len() > MOST_EACH {
        return Err(Fault::at(
            APPROVER_GROUP,
            format!(
                "has more than {MOST_EACH} values, and each of the groups would have to be heard; name fewer"
            ),
        ));
    }
    Ok(role)
}
