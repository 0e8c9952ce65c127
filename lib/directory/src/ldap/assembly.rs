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
