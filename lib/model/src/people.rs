//! People and groups that grants and roles refer to, and who is a member of what, nested groups included.
//!
//! Membership is what the groups say now. Groups may hold each other in a circle; nothing here recurses, so no nesting
//! is too deep. Must never answer that somebody is a member because something is missing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// What else it says of a Unix account. Nothing of it decides about access.
    pub account: Account,
}

/// What a directory says of a person's Unix account (RFC 2307 posixAccount) and keys, as it stands there: who hands it on must look at
/// every part of it first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// gidNumber.
    pub gid_number: Option<u32>,
    /// gecos, or cn where there is none.
    pub gecos: Option<String>,
    /// homeDirectory.
    pub home: Option<String>,
    /// loginShell.
    pub shell: Option<String>,
    /// sshPublicKey: each a line as in authorized_keys.
    pub ssh_keys: Vec<String>,
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
    /// Logins that more than one entry of the directory holds, in lower case.
    shared: BTreeSet<String>,
}

impl People {
    /// Everybody, and the logins that more than one entry holds: the caller must hand over all entries that hold a login
    /// in question, not only those that a grant refers to. Directories compare logins without case, so `Bob` and `bob`
    /// share one. `claimed`: the logins that person entries hold which are set aside; whoever else holds one shares it.
    /// Of two entries with the same DN the last counts.
    pub fn new(
        persons: impl IntoIterator<Item = Person>,
        groups: impl IntoIterator<Item = Group>,
        claimed: impl IntoIterator<Item = Login>,
    ) -> People {
        let persons: BTreeMap<Dn, Person> = persons.into_iter().map(|p| (p.dn.clone(), p)).collect();
        let groups = groups.into_iter().map(|g| (g.dn.clone(), g)).collect();
        let claimed: Vec<Login> = claimed.into_iter().collect();
        let (mut seen, mut shared) = (BTreeSet::new(), BTreeSet::new());
        for login in persons.values().map(|person| &person.login).chain(&claimed) {
            let login = login.as_str().to_ascii_lowercase();
            if !seen.insert(login.clone()) {
                shared.insert(login);
            }
        }
        People { persons, groups, shared }
    }

    /// The person with this DN.
    pub fn person(&self, dn: &Dn) -> Option<&Person> {
        self.persons.get(dn)
    }

    /// The group with this DN.
    pub fn group(&self, dn: &Dn) -> Option<&Group> {
        self.groups.get(dn)
    }

    /// Every person, in the order of their DNs.
    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.persons.values()
    }

    /// Every group, in the order of their DNs.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// Whether more than one entry holds this login.
    pub fn is_shared(&self, login: &Login) -> bool {
        self.shared.contains(&login.as_str().to_ascii_lowercase())
    }

    /// Whether `dn` is in `group`, directly or through groups in it. Nobody is a member of what is no group.
    pub fn is_member(&self, dn: &Dn, group: &Dn) -> bool {
        self.reach(group).contains(dn)
    }

    /// The people in `group`, directly or through groups in it.
    pub fn members_of(&self, group: &Dn) -> Vec<&Person> {
        self.reach(group).into_iter().filter_map(|dn| self.persons.get(dn)).collect()
    }

    /// Every DN that `group` lists, directly or through groups that it lists: people, groups, and what is neither.
    pub fn reach(&self, group: &Dn) -> BTreeSet<&Dn> {
        self.lead(group).into_keys().collect()
    }

    /// The groups that lead from `dn` up to `group` by as few memberships as there can be: the one that lists him first, and
    /// `group` itself last. Of several chains of that length always the same. `None` if he is not in it.
    pub fn path(&self, dn: &Dn, group: &Dn) -> Option<Vec<Dn>> {
        climb(&self.lead(group), dn, group)
    }

    /// Every DN that `group` lists, directly or through groups that it lists, with the group that lists it on a shortest way there.
    pub(crate) fn lead(&self, group: &Dn) -> BTreeMap<&Dn, &Dn> {
        let mut listed_by = BTreeMap::new();
        let mut open: VecDeque<&Group> = self.groups.get(group).into_iter().collect();
        while let Some(group) = open.pop_front() {
            for member in &group.members {
                if let Entry::Vacant(place) = listed_by.entry(member) {
                    place.insert(&group.dn);
                    open.extend(self.groups.get(member));
                }
            }
        }
        listed_by
    }
}

/// From `dn` up to `group`, by what [`People::lead`] says of `group`.
pub(crate) fn climb(listed_by: &BTreeMap<&Dn, &Dn>, dn: &Dn, group: &Dn) -> Option<Vec<Dn>> {
    let mut above = *listed_by.get(dn)?;
    let mut path = vec![above.clone()];
    // Each step is nearer to the group, so that even a circle of groups ends here.
    while above != group {
        above = listed_by.get(above)?;
        path.push(above.clone());
    }
    Some(path)
}
