//! A grant before it is written: judged as a host would judge it, by the same code, with the entry put in among those that are there. What
//! would be refused is not written, and the refusal says what would do. Functions of values; must never write.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant, MAX_PENDING};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, GrantTree, Provenance};
use jit_model::host::HostPattern;
use jit_model::name::Service;
use jit_model::reason::Refusal;
use jit_model::role::Role;
use jit_model::source::{Proof, RoleEntry, Source};
use jit_model::state::{State, state};
use jit_model::time::Timestamp;

use super::cover::{self, Cover, cover};
use super::judging::Picture;
use super::{example, who};
use crate::report::Failure;

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// For whom: himself, or a group.
    pub subject: Dn,
    /// Under which role.
    pub role: Arc<Role>,
    /// Where, never empty.
    pub hosts: BTreeSet<HostPattern>,
    /// For what; empty means the role's.
    pub services: BTreeSet<Service>,
    /// From when.
    pub not_before: Option<Timestamp>,
    /// How long, or until when.
    pub end: End,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that belongs to it.
    pub ticket: Option<String>,
}

/// The grant that a wish comes to, as the directory would show it if `me` wrote it now. `random`: what makes its name and, until the
/// directory gives it one, its identity.
///
/// # Errors
/// When no name can be made of it, which hexadecimal digits rule out.
pub fn draft(wish: &Wish, grants: &Dn, me: &Dn, random: [u8; 16], now: Timestamp) -> Result<Grant, Failure> {
    let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Grant {
        uuid: EntryUuid(random),
        dn: grants.child("cn", &id).map_err(|e| Failure::no("file", e.to_string()))?,
        id,
        subject: wish.subject.clone(),
        role: wish.role.dn.clone(),
        hosts: wish.hosts.clone(),
        services: wish.services.clone(),
        not_before: wish.not_before,
        end: wish.end,
        reason: wish.reason.clone(),
        ticket: wish.ticket.clone(),
        provenance: written_by(me, now),
    })
}

/// What the directory will say of an entry that `me` adds now.
pub fn written_by(me: &Dn, now: Timestamp) -> Provenance {
    Provenance {
        creator: Some(me.clone()),
        modifier: Some(me.clone()),
        created: Some(now),
        modified: Some(now),
    }
}

/// What a grant would come to.
///
/// # Errors
/// When hosts would refuse it, with what would do; when its role is not for its hosts or services, which each host would find by itself.
pub fn foresee(source: &Source, wish: &Wish, grant: &Grant) -> Result<(AssessedGrant, Vec<String>), Failure> {
    let notes = fits(wish)?;
    let mut with = source.clone();
    let tree = GrantTree { grant: Arc::new(grant.clone()), approvals: Vec::new(), revocations: Vec::new() };
    with.grants.insert(grant.uuid, tree);
    let mut judged = Picture::of(with).grants.into_iter();
    let Some(judged) = judged.find(|judged| judged.grant.uuid == grant.uuid) else {
        return Err(Failure::no("not-written", "it would not come out as a grant; nothing was written"));
    };
    match &judged.assessed {
        Assessed::Refused(refusal) => Err(advise(source, wish, refusal)),
        Assessed::Pending { .. } | Assessed::Granted { .. } | Assessed::Revoked(_) => Ok((judged, notes)),
    }
}

/// Whether the role is for these hosts and services; what only the hosts know comes back as notes.
fn fits(wish: &Wish) -> Result<Vec<String>, Failure> {
    let role = &wish.role;
    let mut notes = Vec::new();
    for host in &wish.hosts {
        let allowed = cover::names(&role.hosts);
        match cover(&role.hosts, host) {
            Cover::Whole => {}
            Cover::Part => notes
                .push(format!("{host} is wider than the role {}: it counts only on {allowed}", role.name)),
            Cover::Unknown => notes.push(format!(
                "the role {} is for {allowed}; whether {host} is meant is known on the host only",
                role.name
            )),
            Cover::Nothing => {
                let text = format!(
                    "the role {} is not for {host}, but for {allowed}; nothing was written\nWhere else you can ask: jitctl role list",
                    role.name
                );
                return Err(Failure::no("not-this-host", text));
            }
        }
    }
    let beyond: Vec<&str> = match role.services.is_empty() {
        true => Vec::new(),
        false => wish.services.difference(&role.services).map(Service::as_str).collect(),
    };
    if !beyond.is_empty() {
        let allowed: Vec<&str> = role.services.iter().map(Service::as_str).collect();
        let text = format!(
            "the role {} is not for {}, but for {}; nothing was written\nWithout --service it is for all of these.",
            role.name,
            beyond.join(", "),
            allowed.join(", ")
        );
        return Err(Failure::no("wrong-service", text));
    }
    Ok(notes)
}

/// A refusal, and what would do.
pub fn advise(source: &Source, wish: &Wish, refusal: &Refusal) -> Failure {
    let (role, people) = (&wish.role, &source.people);
    let subject = who::name(people, &wish.subject);
    let text = match refusal {
        Refusal::NotEligible(..) => {
            let roles: Vec<&str> =
                who::roles_for(source, &wish.subject).into_iter().map(|role| role.name.as_str()).collect();
            let instead = match roles.as_slice() {
                [] => format!("{subject} can ask for no role here"),
                roles => format!("{subject} can ask for: {}", roles.join(", ")),
            };
            format!(
                "{subject} is not eligible for the role {}: that takes being one of {}\n{instead}",
                role.name,
                who::names(&role.eligible)
            )
        }
        Refusal::TooLong { allowed, .. } => {
            format!("{refusal}\nAsk for less: --for {} at most", typed(*allowed))
        }
        Refusal::ReasonRequired => format!("the role {} wants a reason: --reason 'a sentence'", role.name),
        Refusal::TicketRequired(pattern) => {
            let such = example::of(pattern).map(|ticket| format!(", such as {ticket}")).unwrap_or_default();
            let given = match &wish.ticket {
                Some(ticket) => format!(", and `{ticket}` does not"),
                None => String::new(),
            };
            format!(
                "the role {} wants a ticket that matches {pattern}{such}{given}: --ticket TICKET",
                role.name
            )
        }
        Refusal::TooManyPending(_) => format!(
            "{subject} has {MAX_PENDING} requests that wait for approval, and one more would void them all\n\
             Give back what is not needed: jitctl grants --mine, jitctl release ID"
        ),
        Refusal::SubjectMissing(dn) => format!(
            "{dn} is no person or group that hosts know\nPeople are known by their login attribute: bind as yourself"
        ),
        Refusal::LoginShared(_) | Refusal::Root(_) => refusal.to_string(),
        Refusal::SubjectTooLarge(..) => format!("{refusal}: --group GROUP"),
        Refusal::EvidenceMissing(_) => {
            format!(
                "{refusal}: hosts would refuse it for the same reason; an administrator of the directory must show it"
            )
        }
        other => format!("hosts would refuse it: {other}"),
    };
    Failure::unwritten(refusal.code(), &text)
}

/// A duration as it is typed: `8h`, `90m`, `100s`.
pub fn typed(span: jit_model::time::Span) -> String {
    match span.0 {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// The role that somebody names, by its name or its DN.
///
/// # Errors
/// When there is none, or it is malformed.
pub fn role(source: &Source, roles: &Dn, subject: &Dn, named: &str) -> Result<Arc<Role>, Failure> {
    let dn = who::meant(named, roles)?;
    match source.roles.get(&dn) {
        Some(RoleEntry::Known(role)) => Ok(Arc::clone(role)),
        Some(RoleEntry::Malformed(aside)) => {
            let attribute = aside.attribute.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
            Err(Failure::no(
                "role-malformed",
                format!(
                    "the role {named} is malformed, so every grant under it is refused: {attribute}{}",
                    aside.reason
                ),
            ))
        }
        None => {
            let known: Vec<&str> =
                who::roles_for(source, subject).into_iter().map(|r| r.name.as_str()).collect();
            let instead = match known.as_slice() {
                [] => "and none that you can ask for".to_owned(),
                known => format!("you can ask for: {}", known.join(", ")),
            };
            Err(Failure::no("role-missing", format!("there is no role {named}; {instead}")))
        }
    }
}

/// Whether hosts of this source want approvals in this role signed.
pub fn wants_signature(source: &Source, role: &Role) -> bool {
    source.proof == Proof::Signature || role.signature_required
}

/// The state of a judged grant.
pub fn state_of(judged: &AssessedGrant, now: Timestamp) -> State {
    state(&judged.assessed, now)
}

#[cfg(test)]
mod tests;
