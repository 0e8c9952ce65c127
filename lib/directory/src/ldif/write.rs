//! Adding grants and revocations to the text of the file. Pure: text in, text out. What was there stays byte for byte; new
//! entries are appended. The result is read and decoded again before it is handed back, so that what is written to disk is
//! known to mean what was asked for.

use std::collections::BTreeSet;

use jit_model::dn::{Dn, DnError};
use jit_model::grant::{End, EntryUuid};
use jit_model::host::HostPattern;
use jit_model::name::{Login, NameError, Service, SourceName};
use jit_model::source::{Proof, RoleEntry, Source};
use jit_model::time::Timestamp;

use super::LOGIN_ATTRIBUTE;
use super::parse::{Fault, Record, parse};
use super::record::{Lines, generalized_time};
use crate::decode::{Bases, Reading};
use crate::schema;

/// What `jitctl grant add` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// Its cn: 128 random bits in hexadecimal, made by the caller.
    pub id: String,
    /// Its entryUUID, made by the caller.
    pub uuid: EntryUuid,
    /// Who gets the access.
    pub login: Login,
    /// On which hosts; at least one.
    pub hosts: BTreeSet<HostPattern>,
    /// For which services; none means the role's.
    pub services: BTreeSet<Service>,
    /// The cn of a role in the file; none means the default role.
    pub role: Option<String>,
    /// Not before this time.
    pub not_before: Option<Timestamp>,
    /// Until when. A duration counts from `now`, or from the approval that the role wants.
    pub end: End,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that belongs to it.
    pub ticket: Option<String>,
    /// Who writes it: the login behind root, where it is known.
    pub by: Option<Login>,
    /// The time of writing.
    pub now: Timestamp,
}

/// What `jitctl grant revoke` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevocation {
    /// The grant: its DN, its cn, or the beginning of its cn (at least four characters) if only one grant has it.
    pub grant: String,
    /// Who revokes: the login behind root, where it is known.
    pub by: Option<Login>,
    /// Why.
    pub reason: Option<String>,
    /// The time of writing.
    pub now: Timestamp,
}

/// The text with the addition, and what was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The whole new text; it begins with the old one.
    pub text: Vec<u8>,
    /// The DN of the entry that was added.
    pub dn: Dn,
    /// The cn of the grant that it is about.
    pub grant: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file that is there has an error; it is not touched before that is mended.
    #[error("the file has an error, and is left as it is: {0}")]
    Broken(#[source] Fault),
    /// What came out would not be taken by the daemon.
    #[error("this would not be understood: {0}")]
    Refused(String),
    /// A value that cannot stand where it should.
    #[error(transparent)]
    Dn(#[from] DnError),
    /// Two entries under people have the login.
    #[error("the login {0} belongs to two entries ({1} and {2}); remove one of them")]
    LoginShared(Login, Dn, Dn),
    /// No such role in the file.
    #[error("there is no role `{0}` in the file; there is: {1}")]
    NoRole(String, String),
    /// The role is there but malformed.
    #[error("the role `{0}` cannot be used: {1}")]
    BadRole(String, String),
    /// No such grant in the file.
    #[error("there is no grant `{0}` in the file; `jitctl grants --all` lists them")]
    NoGrant(String),
    /// More than one grant begins like this.
    #[error("more than one grant begins with `{0}`: {1}; write more of it")]
    Ambiguous(String, String),
    /// It is revoked already.
    #[error("the grant {0} is revoked already, by the entry {1}")]
    Revoked(String, Dn),
    /// Cannot happen with a name from this file.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Adds a grant, and the containers and the person's entry where they are missing. An empty text becomes a whole file.
///
/// # Errors
/// See [`WriteError`].
pub fn add_grant(text: &[u8], bases: &Bases, grant: &NewGrant) -> Result<Written, WriteError> {
    let records = parse(text).map_err(WriteError::Broken)?;
    let mut lines = Lines::after(text);
    for container in containers(bases, &records) {
        lines.container(&container);
    }
    let before = read(&lines.clone().text(), bases)?.map_err(WriteError::Broken)?;
    let subject = person(&records, bases, &grant.login)?;
    let subject = match subject {
        Some(dn) => dn,
        None => {
            let dn = bases.people.child(LOGIN_ATTRIBUTE, grant.login.as_str())?;
            if records.iter().any(|record| record.dn == dn) {
                return Err(WriteError::Refused(format!(
                    "{dn} has another {LOGIN_ATTRIBUTE} than its name says"
                )));
            }
            lines.begin(&dn);
            lines.add("objectClass", "account");
            lines.add(LOGIN_ATTRIBUTE, grant.login.as_str());
            dn
        }
    };
    let role = grant.role.as_deref().map(|name| role(&before, bases, name)).transpose()?;
    let dn = bases.grants.child("cn", &grant.id)?;
    lines.begin(&dn);
    lines.add("objectClass", "jitGrant");
    lines.add("cn", &grant.id);
    lines.add("entryUUID", &grant.uuid.to_string());
    lines.add("jitSubject", &subject.to_string());
    if let Some(role) = &role {
        lines.add("jitRoleDN", &role.to_string());
    }
    for host in &grant.hosts {
        lines.add("jitHost", host.as_str());
    }
    for service in &grant.services {
        lines.add("jitService", service.as_str());
    }
    if let Some(at) = grant.not_before {
        lines.add("jitNotBefore", &generalized_time(at));
    }
    match grant.end {
        End::At(at) => lines.add("jitNotAfter", &generalized_time(at)),
        End::After(span) => lines.add("jitDuration", &span.0.to_string()),
    }
    for (name, value) in [("jitReason", &grant.reason), ("jitTicket", &grant.ticket)] {
        if let Some(value) = value {
            lines.add(name, value);
        }
    }
    made(&mut lines, bases, grant.by.as_ref(), grant.now)?;
    let text = lines.text();
    let source = understood(&text, bases)?;
    refuse_if_set_aside(&source, &dn)?;
    if !source.grants.contains_key(&grant.uuid) {
        return Err(WriteError::Refused(format!("{dn} does not come out as a grant")));
    }
    Ok(Written { text, dn, grant: grant.id.clone() })
}

/// Adds a revocation under a grant.
///
/// # Errors
/// See [`WriteError`].
pub fn add_revocation(text: &[u8], bases: &Bases, revocation: &NewRevocation) -> Result<Written, WriteError> {
    let records = parse(text).map_err(WriteError::Broken)?;
    read(text, bases)?.map_err(WriteError::Broken)?;
    let grant = find(&records, bases, &revocation.grant)?;
    let id = cn(grant);
    if let Some(already) = records.iter().find(|r| r.dn.is_directly_under(&grant.dn) && is_revocation(r)) {
        return Err(WriteError::Revoked(id, already.dn.clone()));
    }
    let name = format!("revocation-{}", generalized_time(revocation.now));
    let dn = grant.dn.child("cn", &name)?;
    let mut lines = Lines::after(text);
    lines.begin(&dn);
    lines.add("objectClass", "jitRevocation");
    lines.add("cn", &name);
    for host in grant.attributes.get(schema::HOST).into_iter().flatten() {
        lines.add_bytes("jitHost", host);
    }
    if let Some(reason) = &revocation.reason {
        lines.add("jitReason", reason);
    }
    made(&mut lines, bases, revocation.by.as_ref(), revocation.now)?;
    let text = lines.text();
    let source = understood(&text, bases)?;
    refuse_if_set_aside(&source, &dn)?;
    let mut revoked =
        source.grants.values().flat_map(|tree| &tree.revocations).chain(source.revoked_aside.values());
    if !revoked.any(|revocation| revocation.dn == dn) {
        return Err(WriteError::Refused(format!("{dn} does not come out as a revocation")));
    }
    Ok(Written { text, dn, grant: id })
}

/// The containers that a whole file has: the bases, and what they stand in below the suffix that they share.
fn containers(bases: &Bases, records: &[Record]) -> Vec<Dn> {
    let all = [&bases.roles, &bases.grants, &bases.people, &bases.groups];
    let mut containers = Vec::new();
    for base in all {
        let mut chain = vec![base.clone()];
        let mut above = base.parent();
        // Up to the suffix: the first name that the other bases stand below too.
        while let Some(dn) = above.filter(|dn| !all.iter().all(|base| base.is_below(dn))) {
            above = dn.parent();
            chain.push(dn);
        }
        containers.extend(chain.into_iter().rev());
    }
    let mut seen: BTreeSet<Dn> = records.iter().map(|record| record.dn.clone()).collect();
    containers.retain(|dn| seen.insert(dn.clone()));
    containers
}

/// The entry under people that has the login.
fn person(records: &[Record], bases: &Bases, login: &Login) -> Result<Option<Dn>, WriteError> {
    let has = |record: &&Record| {
        let logins = record.attributes.get(LOGIN_ATTRIBUTE).into_iter().flatten();
        record.dn.is_below(&bases.people)
            && logins.into_iter().any(|value| value == login.as_str().as_bytes())
    };
    let mut found = records.iter().filter(has).map(|record| record.dn.clone());
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => Err(WriteError::LoginShared(login.clone(), one, other)),
        (one, _) => Ok(one),
    }
}

/// The role with this name, if it can be used.
fn role(source: &Source, bases: &Bases, name: &str) -> Result<Dn, WriteError> {
    let wanted = bases.roles.child("cn", name)?;
    match source.roles.get(&wanted) {
        Some(RoleEntry::Known(_)) => Ok(wanted),
        Some(RoleEntry::Malformed(why)) => Err(WriteError::BadRole(name.to_owned(), why.reason.clone())),
        None => {
            let names: Vec<String> = source.roles.keys().map(Dn::rdn_value).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(WriteError::NoRole(name.to_owned(), names))
        }
    }
}

/// The grant that is meant, malformed ones too: what cannot be understood must still be revocable.
fn find<'a>(records: &'a [Record], bases: &Bases, wanted: &str) -> Result<&'a Record, WriteError> {
    let grants = || records.iter().filter(|record| record.dn.is_directly_under(&bases.grants));
    let missing = || WriteError::NoGrant(wanted.chars().flat_map(char::escape_debug).take(80).collect());
    if wanted.contains('=') {
        let dn = Dn::parse(wanted)?;
        return grants().find(|record| record.dn == dn).ok_or_else(missing);
    }
    let wanted_lower = wanted.to_lowercase();
    if let Some(exact) = grants().find(|record| record.dn.rdn_value() == wanted_lower) {
        return Ok(exact);
    }
    if wanted.chars().count() < 4 {
        return Err(missing());
    }
    let found: Vec<&Record> =
        grants().filter(|record| record.dn.rdn_value().starts_with(&wanted_lower)).collect();
    match found.as_slice() {
        [] => Err(missing()),
        [one] => Ok(one),
        many => {
            let names: Vec<String> = many.iter().take(5).map(|record| record.dn.rdn_value()).collect();
            Err(WriteError::Ambiguous(wanted.to_owned(), names.join(", ")))
        }
    }
}

fn cn(grant: &Record) -> String {
    let cn = grant.attributes.get(schema::CN).and_then(|values| values.first());
    cn.and_then(|value| String::from_utf8(value.clone()).ok()).unwrap_or_else(|| grant.dn.rdn_value())
}

fn is_revocation(record: &Record) -> bool {
    let classes = record.attributes.get(schema::OBJECT_CLASS).into_iter().flatten();
    classes.into_iter().any(|class| class.eq_ignore_ascii_case(schema::CLASS_REVOCATION.as_bytes()))
}

/// Who wrote it and when: what a directory server would keep by itself.
fn made(lines: &mut Lines, bases: &Bases, by: Option<&Login>, now: Timestamp) -> Result<(), WriteError> {
    if let Some(by) = by {
        lines.add("creatorsName", &bases.people.child(LOGIN_ATTRIBUTE, by.as_str())?.to_string());
    }
    lines.add("createTimestamp", &generalized_time(now));
    Ok(())
}

/// Reads the text as the daemon will.
fn read(text: &[u8], bases: &Bases) -> Result<Result<Source, Fault>, WriteError> {
    let reading = Reading {
        name: SourceName::new("ldif")?,
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: None,
        login_attribute: LOGIN_ATTRIBUTE.to_owned(),
    };
    Ok(super::read(text, bases, &reading))
}

/// Reads what is about to be written.
fn understood(text: &[u8], bases: &Bases) -> Result<Source, WriteError> {
    read(text, bases)?.map_err(|why| WriteError::Refused(why.to_string()))
}

fn refuse_if_set_aside(source: &Source, dn: &Dn) -> Result<(), WriteError> {
    match source.set_aside.iter().find(|aside| aside.dn == *dn) {
        Some(aside) => {
            let attribute = aside.attribute.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
            Err(WriteError::Refused(format!("{attribute}{}", aside.reason)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
