//! Whom a grant is for: the people its subject names, as far as they are eligible for its role.
//!
//! Membership is judged as it is now. A login that two entries share, or that is root, holds no grant.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::MAX_SUBJECTS;
use crate::dn::Dn;
use crate::grant::Grant;
use crate::name::Login;
use crate::people::{People, Person, climb};
use crate::reason::Refusal;
use crate::role::Role;

/// The group that lists each DN on a shortest way from a group down to it ([`People::lead`]).
type ListedBy<'a> = BTreeMap<&'a Dn, &'a Dn>;

/// The way up to a group from one that it lists, directly or not.
type Ways<'a> = BTreeMap<(Dn, &'a Dn), Arc<[Dn]>>;

/// Whom grants are for, by subject and role.
type Audiences = BTreeMap<(Dn, Option<Dn>), Result<Audience, Refusal>>;

/// Logins, with the DNs of the entries that hold them.
type Logins = BTreeMap<Login, Dn>;

/// What makes each of several people eligible, in the order of their logins: the groups that lead there from him.
type EligibleBy = [Option<Arc<[Dn]>>];

/// Who is in which group, and how, looked up once per group: many grants refer to few groups.
pub(super) struct Membership<'a> {
    people: &'a People,
    reached: RefCell<BTreeMap<Dn, Rc<ListedBy<'a>>>>,
    /// The same for everybody who is listed there.
    ways: RefCell<Ways<'a>>,
    /// Of everybody whom a role names himself.
    no_way: Arc<[Dn]>,
    /// Found out once: whoever may ask for a large group may ask many times.
    audiences: RefCell<Audiences>,
    named: RefCell<BTreeMap<Dn, Arc<Logins>>>,
}

/// Whom grants of one subject in one role are for.
#[derive(Clone)]
pub(super) struct Audience {
    /// The eligible ones, never none.
    pub(super) who: Them,
    /// Everybody whom the subject names, eligible or not.
    pub(super) named: Them,
}

/// People, and in their order the groups that make each eligible; `None` for who is not.
#[derive(Clone)]
pub(super) struct Them {
    logins: Arc<Logins>,
    by: Arc<EligibleBy>,
}

impl Them {
    /// The logins, and what makes them eligible.
    pub(super) fn shared(&self) -> (Arc<Logins>, Arc<EligibleBy>) {
        (Arc::clone(&self.logins), Arc::clone(&self.by))
    }
}

impl<'a> Membership<'a> {
    pub(super) fn of(people: &'a People) -> Membership<'a> {
        Membership {
            people,
            reached: RefCell::default(),
            ways: RefCell::default(),
            no_way: Vec::new().into(),
            audiences: RefCell::default(),
            named: RefCell::default(),
        }
    }

    /// Whether `dn` is in `group`, directly or through groups in it.
    pub(super) fn is_member(&self, dn: &Dn, group: &Dn) -> bool {
        self.reach(group).contains_key(dn)
    }

    /// The groups that lead from `dn` up to `group`; see [`People::path`].
    pub(super) fn path(&self, dn: &Dn, group: &Dn) -> Option<Vec<Dn>> {
        climb(&self.reach(group), dn, group)
    }

    /// The names of everybody in `group`, directly or through groups in it: the values of the first parts of their DNs, and their
    /// logins in lower case. None if it is too large to be the subject of a grant.
    pub(super) fn names_in(&self, group: &Dn) -> BTreeSet<String> {
        let reached = self.reach(group);
        let them = || reached.keys().filter(|_| reached.len() <= MAX_SUBJECTS);
        them().map(|dn| dn.rdn_value()).chain(them().filter_map(|dn| self.login(dn))).collect()
    }

    /// The login of a person, in lower case.
    pub(super) fn login(&self, dn: &Dn) -> Option<String> {
        self.people.person(dn).map(|person| person.login.as_str().to_lowercase())
    }

    /// Everybody whom a subject names, whatever speaks against them: to tell them, never to let them in.
    pub(super) fn named(&self, subject: &Dn) -> Arc<Logins> {
        if let Some(named) = self.named.borrow().get(subject) {
            return Arc::clone(named);
        }
        let them = self.persons(subject).into_iter();
        let named = Arc::new(them.map(|person| (person.login.clone(), person.dn.clone())).collect());
        self.named.borrow_mut().insert(subject.clone(), Arc::clone(&named));
        named
    }

    /// The logins that a grant in this role is for; never none. The role is the one that the grant names, or the default one.
    pub(super) fn audience(&self, grant: &Grant, role: &Role) -> Result<Audience, Refusal> {
        let key = (grant.subject.clone(), grant.role.clone());
        if let Some(audience) = self.audiences.borrow().get(&key) {
            return audience.clone();
        }
        let audience = self.find_audience(grant, role);
        self.audiences.borrow_mut().insert(key, audience.clone());
        audience
    }

    fn find_audience(&self, grant: &Grant, role: &Role) -> Result<Audience, Refusal> {
        let subject = &grant.subject;
        if self.people.person(subject).is_none() && self.people.group(subject).is_none() {
            return Err(Refusal::SubjectMissing(subject.clone()));
        }
        if self.people.person(subject).is_none() && self.reach(subject).len() > MAX_SUBJECTS {
            return Err(Refusal::SubjectTooLarge(subject.clone(), MAX_SUBJECTS));
        }
        let judge = |person: &Person| {
            if is_root(person) {
                return Err(Refusal::Root(person.login.to_string()));
            }
            if self.people.is_shared(&person.login) {
                return Err(Refusal::LoginShared(person.login.to_string()));
            }
            match grant.role {
                // The default role is for everybody.
                None => Ok(Arc::clone(&self.no_way)),
                Some(_) => self
                    .eligible_by(&person.dn, role)
                    .ok_or_else(|| Refusal::NotEligible(person.dn.clone(), role.name.clone())),
            }
        };
        let mut faults = Vec::new();
        let mut audience = BTreeMap::new();
        for person in self.persons(subject) {
            match judge(person) {
                Err(fault) => faults.push(fault),
                Ok(by) => {
                    audience.insert(person.login.clone(), (person.dn.clone(), by));
                }
            }
        }
        if !audience.is_empty() {
            return Ok(self.them(subject, audience));
        }
        // Of a group with one person left, or of a person, the fault itself is the reason.
        match (faults.pop(), faults.is_empty()) {
            (Some(fault), true) => Err(fault),
            _ => Err(Refusal::NotEligible(subject.clone(), role.name.clone())),
        }
    }

    fn them(&self, subject: &Dn, eligible: BTreeMap<Login, (Dn, Arc<[Dn]>)>) -> Audience {
        let logins = self.named(subject);
        let by = logins.keys().map(|login| eligible.get(login).map(|(_, by)| Arc::clone(by))).collect();
        let named = Them { logins, by };
        if named.by.iter().all(Option::is_some) {
            return Audience { who: named.clone(), named };
        }
        let (logins, by): (BTreeMap<_, _>, Vec<_>) =
            eligible.into_iter().map(|(login, (dn, by))| ((login, dn), Some(by))).unzip();
        Audience { who: Them { logins: Arc::new(logins), by: by.into() }, named }
    }

    /// The groups that make a DN eligible for a role, of several ways the shortest; none if the role names it.
    fn eligible_by(&self, dn: &Dn, role: &Role) -> Option<Arc<[Dn]>> {
        if role.eligible.contains(dn) {
            return Some(Arc::clone(&self.no_way));
        }
        role.eligible.iter().filter_map(|group| self.way(dn, group)).min_by_key(|way| way.len())
    }

    /// As [`Membership::path`], kept: a thousand people of one group have one way.
    fn way(&self, dn: &Dn, group: &Dn) -> Option<Arc<[Dn]>> {
        let reached = self.reach(group);
        let first = *reached.get(dn)?;
        let key = (group.clone(), first);
        if let Some(way) = self.ways.borrow().get(&key) {
            return Some(Arc::clone(way));
        }
        let way: Arc<[Dn]> = climb(&reached, dn, group)?.into();
        self.ways.borrow_mut().insert(key, Arc::clone(&way));
        Some(way)
    }

    fn persons(&self, subject: &Dn) -> Vec<&'a Person> {
        match self.people.person(subject) {
            Some(person) => vec![person],
            None => self.reach(subject).keys().filter_map(|dn| self.people.person(dn)).collect(),
        }
    }

    fn reach(&self, group: &Dn) -> Rc<ListedBy<'a>> {
        if let Some(reached) = self.reached.borrow().get(group) {
            return Rc::clone(reached);
        }
        let reached = Rc::new(self.people.lead(group));
        self.reached.borrow_mut().insert(group.clone(), Rc::clone(&reached));
        reached
    }
}

/// uid 0 in the directory, or the login that is uid 0 everywhere.
fn is_root(person: &Person) -> bool {
    person.uid_number == Some(0) || person.login.as_str() == "root"
}
