//! What is published: grants and roles together with the people and groups that they refer to, and never one without the
//! other. Pure. A removal must never wait for anything; something new waits until everybody it refers to is known.

use std::sync::Arc;

use jit_model::dn::Dn;

use super::content::EntrySet;
use super::refer::References;
use crate::decode::Bases;
use crate::entry::Entries;

/// What is known, and what was published.
#[derive(Debug)]
pub(crate) struct Assembly {
    bases: Bases,
    writers: Vec<Dn>,
    access: Option<EntrySet>,
    people: EntrySet,
    /// The references that `people` answers: looked up, or tried and kept as they were.
    covered: References,
    published: Option<Arc<Entries>>,
}

impl Assembly {
    /// With what an earlier run knew; its people are kept until they have been read again.
    pub(crate) fn new(bases: Bases, writers: Vec<Dn>, last: Option<&Entries>) -> Assembly {
        let (people, covered) = match last {
            Some(last) => (last.people.clone(), References::of_all(&last.access, &writers, &bases)),
            None => (EntrySet::new(), References::default()),
        };
        Assembly { bases, writers, access: None, people, covered, published: None }
    }

    /// Grants and roles as they are now.
    pub(crate) fn take_access(&mut self, access: EntrySet) {
        self.access = Some(access);
    }

    /// Grants and roles, and people and groups, as far as they are known.
    pub(crate) fn known(&self) -> Option<(&EntrySet, &EntrySet)> {
        self.access.as_ref().map(|access| (access, &self.people))
    }

    /// Whom the grants and roles refer to.
    pub(crate) fn references(&self) -> Option<References> {
        self.access.as_ref().map(|access| References::of_all(access, &self.writers, &self.bases))
    }

    /// People and groups as they are now.
    pub(crate) fn take_people(&mut self, references: References, people: EntrySet) {
        self.people = people;
        self.covered = references;
    }

    /// They could not be read: what is known of them stays.
    pub(crate) fn keep_people(&mut self, references: References) {
        self.covered.add(references);
    }

    /// What has to be published now, if anything has.
    pub(crate) fn next(&mut self) -> Option<Arc<Entries>> {
        let entries = Entries { access: self.presentable()?, people: self.people.clone() };
        if self.published.as_deref() == Some(&entries) {
            return None;
        }
        let entries = Arc::new(entries);
        self.published = Some(entries.clone());
        Some(entries)
    }

    /// Grants and roles without what refers to somebody not looked up yet: of such an entry the published form stays, if
    /// there is one. The first set waits for everybody.
    fn presentable(&self) -> Option<EntrySet> {
        let access = self.access.as_ref()?;
        if self.published.is_none() && !self.covered.cover(&self.references()?) {
            return None;
        }
        let mut presentable = EntrySet::new();
        for (uuid, entry) in access {
            if self.covered.cover(&References::of(entry, &self.bases)) {
                presentable.insert(*uuid, entry.clone());
            } else if let Some(earlier) =
                self.published.as_ref().and_then(|published| published.access.get(uuid))
            {
                presentable.insert(*uuid, earlier.clone());
            }
        }
        Some(presentable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jit_model::grant::EntryUuid;

    use super::*;
    use crate::entry::Entry;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    fn assembly() -> Assembly {
        Assembly::new(Bases::under(&dn("dc=x")).unwrap(), Vec::new(), None)
    }

    fn entry(n: u8, attribute: &str, value: &str) -> (EntryUuid, Arc<Entry>) {
        let attributes = BTreeMap::from([(attribute.to_owned(), vec![value.as_bytes().to_vec()])]);
        let entry =
            Entry { uuid: EntryUuid([n; 16]), dn: dn(&format!("cn=e{n},ou=grants,ou=jit,dc=x")), attributes };
        (entry.uuid, Arc::new(entry))
    }

    fn grant(n: u8, subject: &str) -> (EntryUuid, Arc<Entry>) {
        entry(n, "jitsubject", &format!("uid={subject},ou=people,dc=x"))
    }

    /// Everything that is asked for is looked up, and nobody is found.
    fn look_up(assembly: &mut Assembly) {
        let references = assembly.references().unwrap();
        assembly.take_people(references, EntrySet::new());
    }

    fn shown(entries: Option<Arc<Entries>>) -> Option<Vec<u8>> {
        entries.map(|entries| entries.access.keys().map(|uuid| uuid.0[0]).collect())
    }

    #[test]
    fn the_first_set_waits_for_everybody() {
        let mut assembly = assembly();
        assert_eq!(shown(assembly.next()), None);
        assembly.take_access(EntrySet::from([grant(1, "alice"), entry(2, "jithost", "*")]));
        assert_eq!(shown(assembly.next()), None);
        look_up(&mut assembly);
        assert_eq!(shown(assembly.next()), Some(vec![1, 2]));
        assert_eq!(shown(assembly.next()), None);
    }

    #[test]
    fn a_removal_waits_for_nothing_and_something_new_for_its_people() {
        let mut assembly = assembly();
        assembly.take_access(EntrySet::from([grant(1, "alice"), grant(2, "alice")]));
        look_up(&mut assembly);
        assembly.next().unwrap();
        // 1 goes, 3 is new and for somebody unknown, 4 is a revocation, 2 is changed to somebody unknown.
        assembly.take_access(EntrySet::from([grant(2, "carol"), grant(3, "bob"), entry(4, "jithost", "*")]));
        let now = assembly.next().unwrap();
        assert_eq!(shown(Some(now.clone())), Some(vec![2, 4]));
        assert_eq!(now.access[&EntryUuid([2; 16])], grant(2, "alice").1);
        look_up(&mut assembly);
        let now = assembly.next().unwrap();
        assert_eq!(shown(Some(now.clone())), Some(vec![2, 3, 4]));
        assert_eq!(now.access[&EntryUuid([2; 16])], grant(2, "carol").1);
    }

    #[test]
    fn people_that_cannot_be_read_stay_and_hold_up_nothing() {
        let mut assembly = assembly();
        assembly.take_access(EntrySet::from([grant(1, "alice")]));
        let alice = entry(9, "uid", "alice");
        assembly.take_people(assembly.references().unwrap(), EntrySet::from([alice.clone()]));
        assembly.next().unwrap();
        assembly.take_access(EntrySet::from([grant(1, "alice"), grant(2, "bob")]));
        assembly.keep_people(assembly.references().unwrap());
        let now = assembly.next().unwrap();
        assert_eq!(shown(Some(now.clone())), Some(vec![1, 2]));
        assert_eq!(now.people, EntrySet::from([alice]));
    }

    #[test]
    fn what_an_earlier_run_knew_makes_the_first_set_at_once() {
        let last = Entries {
            access: EntrySet::from([grant(1, "alice")]),
            people: EntrySet::from([entry(9, "uid", "alice")]),
        };
        let mut assembly = Assembly::new(Bases::under(&dn("dc=x")).unwrap(), Vec::new(), Some(&last));
        assembly.take_access(EntrySet::from([entry(2, "jithost", "*")]));
        let now = assembly.next().unwrap();
        assert_eq!(shown(Some(now.clone())), Some(vec![2]), "its grants are not: they are read");
        assert_eq!(now.people, last.people);
    }
}
