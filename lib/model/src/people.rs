//! People and groups that grants and roles refer to, and who is a member of what, nested groups included.

use std::collections::{BTreeMap, BTreeSet};

use crate::dn::Dn;
use crate::name::Login;

/// A person that can hold a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where the entry stands.
    pub dn: Dn,
    /// The value of the login attribute; an entry without exactly one such value is set aside.
    pub login: Login,
    /// uidNumber, where the entry has one.
    pub uid_number: Option<u32>,
}

/// A group: the DNs of people or of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where the entry stands.
    pub dn: Dn,
    /// member and uniqueMember, those outside the configured bases left out.
    pub members: BTreeSet<Dn>,
}

/// Everybody that a source's grants and roles refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    persons: BTreeMap<Dn, Person>,
    groups: BTreeMap<Dn, Group>,
    /// Logins that more than one entry of the directory holds.
    shared: BTreeSet<Login>,
}

impl People {
    /// Everybody that a source's entries speak of. `claimed` are logins that further entries lay claim to, which cannot
    /// hold a grant themselves (two logins on one entry, say): whoever else has such a login shares it with them.
    pub fn new(
        persons: impl IntoIterator<Item = Person>,
        groups: impl IntoIterator<Item = Group>,
        claimed: impl IntoIterator<Item = Login>,
    ) -> People {
        let mut people = People { shared: claimed.into_iter().collect(), ..People::default() };
        let mut held = BTreeMap::new();
        for person in persons {
            if held.insert(person.login.clone(), person.dn.clone()).is_some_and(|other| other != person.dn) {
                people.shared.insert(person.login.clone());
            }
            people.persons.insert(person.dn.clone(), person);
        }
        people.groups = groups.into_iter().map(|group| (group.dn.clone(), group)).collect();
        people
    }
}
