//! Whom a grant is for: the people its subject names, as far as they are eligible for its role.
//!
//! Membership is judged as it is now. A login that two entries share, or that is root, holds no grant.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::MAX_SUBJECTS;
use crate::dn::Dn;
use crate::grant::Grant;
use crate::name::Login;
use crate::people::{People, Person};
use crate::reason::Refusal;
use crate::role::Role;

/// Who is in which group, looked up once per group: many grants refer to few groups.
pub(super) struct Membership<'a> {
    people: &'a People,
    reached: RefCell<BTreeMap<Dn, Rc<BTreeSet<&'a Dn>>>>,
}

impl<'a> Membership<'a> {
    pub(super) fn of(people: &'a People) -> Membership<'a> {
        Membership { people, reached: RefCell::default() }
    }

    /// Whether `dn` is in `group`, directly or through groups in it.
    pub(super) fn is_member(&self, dn: &Dn, group: &Dn) -> bool {
        self.reach(group).contains(dn)
    }

    /// Everybody whom a subject names, whatever speaks against them: to tell them, never to let them in.
    pub(super) fn named(&self, subject: &Dn) -> BTreeMap<Login, Dn> {
        self.persons(subject).iter().map(|person| (person.login.clone(), person.dn.clone())).collect()
    }

    /// The logins that a grant in this role is for; never none.
    pub(super) fn audience(&self, grant: &Grant, role: &Role) -> Result<BTreeMap<Login, Dn>, Refusal> {
        let subject = &grant.subject;
        if self.people.person(subject).is_none() && self.people.group(subject).is_none() {
            return Err(Refusal::SubjectMissing(subject.clone()));
        }
        if self.people.person(subject).is_none() && self.reach(subject).len() > MAX_SUBJECTS {
            return Err(Refusal::SubjectTooLarge(subject.clone(), MAX_SUBJECTS));
        }
        let fault = |person: &Person| {
            if is_root(person) {
                Some(Refusal::Root(person.login.to_string()))
            } else if self.people.is_shared(&person.login) {
                Some(Refusal::LoginShared(person.login.to_string()))
            } else if grant.role.is_some() && !self.is_eligible(&person.dn, role) {
                Some(Refusal::NotEligible(person.dn.clone(), role.name.clone()))
            } else {
                None
            }
        };
        let mut faults = Vec::new();
        let mut audience = BTreeMap::new();
        for person in self.persons(subject) {
            match fault(person) {
                Some(fault) => faults.push(fault),
                None => {
                    audience.insert(person.login.clone(), person.dn.clone());
                }
            }
        }
        if !audience.is_empty() {
            return Ok(audience);
        }
        // Of a group with one person left, or of a person, the fault itself is the reason.
        match (faults.pop(), faults.is_empty()) {
            (Some(fault), true) => Err(fault),
            _ => Err(Refusal::NotEligible(subject.clone(), role.name.clone())),
        }
    }

    fn is_eligible(&self, dn: &Dn, role: &Role) -> bool {
        role.eligible.contains(dn) || role.eligible.iter().any(|group| self.is_member(dn, group))
    }

    fn persons(&self, subject: &Dn) -> Vec<&'a Person> {
        match self.people.person(subject) {
            Some(person) => vec![person],
            None => self.reach(subject).iter().filter_map(|dn| self.people.person(dn)).collect(),
        }
    }

    fn reach(&self, group: &Dn) -> Rc<BTreeSet<&'a Dn>> {
        if let Some(reached) = self.reached.borrow().get(group) {
            return Rc::clone(reached);
        }
        let reached = Rc::new(self.people.reach(group));
        self.reached.borrow_mut().insert(group.clone(), Rc::clone(&reached));
        reached
    }
}

/// uid 0 in the directory, or the login that is uid 0 everywhere.
fn is_root(person: &Person) -> bool {
    person.uid_number == Some(0) || person.login.as_str() == "root"
}
