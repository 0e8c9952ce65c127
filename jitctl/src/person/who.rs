//! Who is who to the person at the keyboard: names for people, the roles that somebody can ask for, and those who may approve. Says what
//! can be seen of the directory; hosts judge by their own reading.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::grant::Grant;
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::{RoleEntry, Source};

use crate::report::Failure;
use crate::terminal::{clean, some_of};

/// The most names of a group that are listed.
const MOST: usize = 5;

/// What people call somebody: the login, or the name of the entry where the login was not read. Cleaned, as all names here: the value in a
/// DN may be anything, line breaks too, and these names go into sentences of several lines.
pub fn name(people: &People, dn: &Dn) -> String {
    people.person(dn).map_or_else(|| called(dn), |person| person.login.to_string())
}

/// The value that a DN begins with, cleaned.
pub fn called(dn: &Dn) -> String {
    clean(&dn.rdn_value())
}

/// The login and, where there is one, the full name.
pub fn full_name(people: &People, dn: &Dn) -> String {
    match people.person(dn).and_then(|person| person.account.gecos.as_deref()).filter(|name| !name.is_empty())
    {
        Some(full) => format!("{} ({full})", name(people, dn)),
        None => name(people, dn),
    }
}

/// Whether a role may be held by this person, or by somebody in this group.
pub fn is_eligible(people: &People, role: &Role, subject: &Dn) -> bool {
    let eligible =
        |dn: &Dn| role.eligible.contains(dn) || role.eligible.iter().any(|by| people.is_member(dn, by));
    match people.group(subject) {
        Some(_) => people.members_of(subject).into_iter().any(|person| eligible(&person.dn)),
        None => eligible(subject),
    }
}

/// The roles that somebody can ask for, by name.
pub fn roles_for<'s>(source: &'s Source, subject: &Dn) -> Vec<&'s Arc<Role>> {
    let known = source.roles.values().filter_map(|entry| match entry {
        RoleEntry::Known(role) => Some(role),
        RoleEntry::Malformed(_) => None,
    });
    let mut roles: Vec<_> = known.filter(|role| is_eligible(&source.people, role, subject)).collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    roles
}

/// Everybody in these groups who could still approve the grant: not its subject or anybody in it, whom the shipped rules of directories do
/// not let, not who wrote it, not those who have.
pub fn who_may_approve(
    people: &People,
    groups: &BTreeSet<Dn>,
    grant: &Grant,
    approved: &[Dn],
) -> BTreeSet<Dn> {
    let author = |dn: &Dn| {
        [&grant.provenance.creator, &grant.provenance.modifier]
            .into_iter()
            .flatten()
            .any(|author| author == dn)
    };
    let members = groups.iter().flat_map(|group| people_in(people, group));
    let subjects = people.reach(&grant.subject);
    let own = |dn: &Dn| *dn == grant.subject || subjects.contains(dn);
    members.filter(|dn| !own(dn) && !author(dn) && !approved.contains(dn)).cloned().collect()
}

/// The people in a group, and in the groups in it.
pub fn people_in<'a>(people: &'a People, group: &Dn) -> impl Iterator<Item = &'a Dn> + use<'a> {
    people.reach(group).into_iter().filter(|dn| people.group(dn).is_none())
}

/// Whether something for `subject` is for somebody: it is he, or a group that he is in.
pub fn is_for(people: &People, subject: &Dn, somebody: &Dn) -> bool {
    subject == somebody || people.is_member(somebody, subject)
}

/// The entry that is meant by its DN, or by its name under `base`.
///
/// # Errors
/// When it is no name.
pub fn meant(named: &str, base: &Dn) -> Result<Dn, Failure> {
    let dn = if named.contains('=') { Dn::parse(named) } else { base.child("cn", named) };
    dn.map_err(|e| Failure::usage(e.to_string()))
}

/// Names of entries as a list.
pub fn names<'a>(dns: impl IntoIterator<Item = &'a Dn>) -> String {
    dns.into_iter().map(called).collect::<Vec<_>>().join(", ")
}

/// `leads (bob, carol)`: from whom it takes how many more.
pub fn needed(people: &People, missing: u32, from: &BTreeSet<Dn>, may: &BTreeSet<Dn>) -> String {
    let who: Vec<String> = may.iter().map(|dn| name(people, dn)).collect();
    let seen = if who.is_empty() { String::new() } else { format!(" ({})", some_of(&who, MOST)) };
    format!("needs {}{seen}", more_approvals(missing, from))
}

/// `2 more approvals from leads, dba`.
pub fn more_approvals(missing: u32, from: &BTreeSet<Dn>) -> String {
    format!("{missing} more approval{} from {}", if missing == 1 { "" } else { "s" }, names(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_line_of_its_own() {
        let hostile = Dn::parse(r"cn=leads\0aapproved: ops\1b[2J,ou=groups,dc=x").unwrap();
        let people = People::new([], [], []);
        for shown in [name(&people, &hostile), names([&hostile])] {
            assert_eq!(shown, r"leads\napproved: ops\u{1b}[2j");
        }
    }
}
