//! To whom grants and roles refer. Only names under the bases for people and groups count; whatever else an entry names is
//! not even looked up.

use std::collections::BTreeSet;

use jit_model::dn::Dn;

use super::content::EntrySet;
use crate::decode::Bases;
use crate::entry::Entry;
use crate::schema::{APPROVER_GROUP, ELIGIBLE, SUBJECT};

/// Names that have to be known before a set can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// People, or groups of people, whose logins matter.
    pub(crate) subjects: BTreeSet<Dn>,
    /// Groups of which only the membership matters.
    pub(crate) groups: BTreeSet<Dn>,
}

impl References {
    /// Of one entry.
    pub(crate) fn of(entry: &Entry, bases: &Bases) -> References {
        let mut references = References::default();
        for value in values(entry, SUBJECT) {
            if value.is_below(&bases.people) || value.is_below(&bases.groups) {
                references.subjects.insert(value);
            }
        }
        for value in values(entry, ELIGIBLE).chain(values(entry, APPROVER_GROUP)) {
            references.add_group(value, bases);
        }
        references
    }

    /// Of all entries, and of the configuration.
    pub(crate) fn of_all(entries: &EntrySet, writers: &[Dn], bases: &Bases) -> References {
        let mut all = References::default();
        for writer in writers {
            all.add_group(writer.clone(), bases);
        }
        for entry in entries.values() {
            all.add(References::of(entry, bases));
        }
        all
    }

    fn add_group(&mut self, dn: Dn, bases: &Bases) {
        if dn.is_below(&bases.groups) {
            self.groups.insert(dn);
        }
    }

    /// Takes in others.
    pub(crate) fn add(&mut self, mut other: References) {
        self.subjects.append(&mut other.subjects);
        self.groups.append(&mut other.groups);
    }

    /// Whether all of the other's are among these.
    pub(crate) fn cover(&self, other: &References) -> bool {
        other.subjects.is_subset(&self.subjects) && other.groups.is_subset(&self.groups)
    }
}

fn values<'a>(entry: &'a Entry, name: &str) -> impl Iterator<Item = Dn> + 'a {
    let values = entry.attributes.get(name).into_iter().flatten();
    values.filter_map(|value| Dn::parse(std::str::from_utf8(value).ok()?).ok())
}
