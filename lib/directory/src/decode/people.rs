//! People and groups, as far as grants and roles need them: who has which login, who is a member of what.

use std::collections::BTreeSet;

use jit_model::dn::Dn;
use jit_model::name::Login;
use jit_model::people::{Group, Person};

use super::class::Classes;
use super::fields::{Fault, Fields};
use super::{Bases, account, syntax};
use crate::entry::Entry;
use crate::schema::{MEMBER, UID_NUMBER, UNIQUE_MEMBER};

/// What an entry of the people part is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Somebody {
    /// A person, and what of his account had to be left out.
    Person(Person, Vec<Fault>),
    /// A person that cannot hold a grant, with every login that the entry lays claim to.
    VoidPerson(Fault, BTreeSet<Login>),
    /// A group, and the faults of members that had to be left out.
    Group(Group, Vec<Fault>),
    Foreign(Fault),
}

/// Reads an entry of the people part. Where the two bases overlap, the class tells groups from people.
pub(super) fn somebody(entry: &Entry, bases: &Bases, login_attribute: &str) -> Somebody {
    // Where the base for people is the whole directory, everybody can write below it: under the base for grants.
    let of_access = entry.dn.is_below(&bases.grants) || entry.dn.is_below(&bases.roles);
    let in_groups = entry.dn.is_below(&bases.groups) && !of_access;
    let in_people = entry.dn.is_below(&bases.people) && !of_access;
    match (in_people, in_groups, Classes::of(entry).group) {
        (_, true, true) | (false, true, false) => group(entry, bases),
        (true, _, false) => person(entry, login_attribute),
        (true, false, true) => Somebody::Foreign(Fault::entry(format!(
            "it is a group, but stands outside the base for groups ({}); move it",
            bases.groups
        ))),
        (false, false, _) => Somebody::Foreign(Fault::entry(format!(
            "it stands neither under the base for people ({}) nor under the one for groups ({})",
            bases.people, bases.groups
        ))),
    }
}

fn person(entry: &Entry, login_attribute: &str) -> Somebody {
    let fields = Fields(entry);
    let login = fields
        .required_text(login_attribute)
        .and_then(|text| Login::new(text).map_err(|why| Fault::at(login_attribute, why)));
    match (login, account::number(&fields, UID_NUMBER)) {
        (Ok(login), Ok(uid_number)) => {
            let (account, faults) = account::account(entry);
            Somebody::Person(Person { dn: entry.dn.clone(), login, uid_number, account }, faults)
        }
        (Err(fault), _) | (_, Err(fault)) => {
            let values = entry.attributes.get(login_attribute).into_iter().flatten();
            let logins =
                values.filter_map(|value| Login::new(std::str::from_utf8(value).ok()?).ok()).collect();
            Somebody::VoidPerson(fault, logins)
        }
    }
}

fn group(entry: &Entry, bases: &Bases) -> Somebody {
    let mut members = BTreeSet::new();
    let mut faults = Vec::new();
    for name in [MEMBER, UNIQUE_MEMBER] {
        for value in entry.attributes.get(name).into_iter().flatten() {
            let value = if name == UNIQUE_MEMBER { without_uid(value) } else { value };
            match std::str::from_utf8(value).ok().map(Dn::parse) {
                Some(Ok(dn)) if dn.is_below(&bases.people) || dn.is_below(&bases.groups) => {
                    members.insert(dn);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    let reason = format!("the member `{}` is no DN and is left out", syntax::shown(value));
                    faults.push(Fault::at(name, reason));
                }
            }
        }
    }
    Somebody::Group(Group { dn: entry.dn.clone(), members }, faults)
}

/// A Name And Optional UID (RFC 4517 §3.3.21) without the UID: what stands before `#'0101'B`.
pub(crate) fn without_uid(value: &[u8]) -> &[u8] {
    let name = value.strip_suffix(b"'B").and_then(|rest| {
        let bits = rest.iter().rev().take_while(|b| matches!(b, b'0' | b'1')).count();
        rest.get(..rest.len().checked_sub(bits)?)?.strip_suffix(b"#'")
    });
    name.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optional_uid_is_cut_off() {
        for (value, name) in [
            ("uid=a,dc=x", "uid=a,dc=x"),
            ("uid=a,dc=x#'0101'B", "uid=a,dc=x"),
            ("uid=a,dc=x#''B", "uid=a,dc=x"),
            ("uid=a#b,dc=x", "uid=a#b,dc=x"),
            ("uid=a,dc=x#'012'B", "uid=a,dc=x#'012'B"),
            ("'B", "'B"),
        ] {
            assert_eq!(without_uid(value.as_bytes()), name.as_bytes());
        }
    }
}
