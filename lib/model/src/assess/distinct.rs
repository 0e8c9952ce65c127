//! How many people gave a set of approvals: one name, one entry or one key never counts twice.
//!
//! Root may list one key for two names, a directory may hold one name in two places, and one person may sign with several
//! keys. So nobody can say which of two approvals is the spare one without looking at all of them: what is asked is whether
//! there is *any* choice of approvals, no two of them by the same name or the same key, that is enough. Another approval can
//! then never make fewer of them, and one that is removed never more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::dn::Dn;

mod each;

/// Who speaks by an approval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Speaker<'a> {
    /// His name: the value of the first part of his DN, so that two entries of one name are one.
    pub(super) name: String,
    /// The key by which he signed. Without signatures his name is all there is.
    pub(super) key: Option<&'a str>,
    /// The approver groups that he speaks for.
    pub(super) groups: BTreeSet<&'a Dn>,
}

impl Speaker<'_> {
    /// What no two that count may share besides the name.
    fn mark(&self) -> Mark<'_> {
        self.key.map_or(Mark::Name(&self.name), Mark::Key)
    }

    fn is_apart_from(&self, other: &Speaker<'_>) -> bool {
        self.name != other.name && self.mark() != other.mark()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark<'a> {
    Key(&'a str),
    Name(&'a str),
}

/// As many as there can be, no two of one name or one key: which, by their places, the first ones rather than later ones.
pub(super) fn most(speakers: &[&Speaker<'_>]) -> BTreeSet<usize> {
    let mut pairs = Pairs::default();
    for (place, speaker) in speakers.iter().enumerate() {
        pairs.of_name.entry(&speaker.name).or_default().push((place, speaker.mark()));
        if !pairs.chosen.contains_key(speaker.name.as_str()) && !pairs.holder.contains_key(&speaker.mark()) {
            pairs.pair(&speaker.name, place, speaker.mark());
        }
    }
    while pairs.grow() {}
    pairs.chosen.into_values().map(|(place, _)| place).collect()
}

/// Whether there are `count` of them, no two of one name or one key, among whom each of `groups` is spoken for. One who is in
/// two groups speaks for both.
pub(super) fn enough(speakers: &[&Speaker<'_>], count: usize, groups: &[&Dn]) -> bool {
    let heard = |group: &&Dn| speakers.iter().any(|speaker| speaker.groups.contains(group));
    if !groups.iter().all(heard) {
        return false;
    }
    let chosen = most(speakers);
    if chosen.len() < count {
        return false;
    }
    let unlike: BTreeSet<&Speaker<'_>> = speakers.iter().copied().collect();
    // Where nobody is like another, they all speak together.
    chosen.len() == unlike.len() || groups.is_empty() || each::can_hear(groups, &unlike, count)
}

/// Names paired with keys, each at most once, made as many as can be by augmenting paths (Berge 1957).
#[derive(Default)]
struct Pairs<'a> {
    of_name: BTreeMap<&'a str, Vec<(usize, Mark<'a>)>>,
    chosen: BTreeMap<&'a str, (usize, Mark<'a>)>,
    holder: BTreeMap<Mark<'a>, &'a str>,
}

impl<'a> Pairs<'a> {
    /// Pairs a name with a key, and says which key it had.
    fn pair(&mut self, name: &'a str, place: usize, mark: Mark<'a>) -> Option<Mark<'a>> {
        self.holder.insert(mark, name);
        self.chosen.insert(name, (place, mark)).map(|(_, mark)| mark)
    }

    /// One pair more, if there can be; nobody who has one loses it.
    fn grow(&mut self) -> bool {
        let mut reached: BTreeMap<Mark<'a>, (&'a str, usize)> = BTreeMap::new();
        let mut open: VecDeque<&'a str> =
            self.of_name.keys().filter(|name| !self.chosen.contains_key(*name)).copied().collect();
        while let Some(name) = open.pop_front() {
            for (place, mark) in self.of_name.get(name).into_iter().flatten().copied() {
                if reached.contains_key(&mark) {
                    continue;
                }
                reached.insert(mark, (name, place));
                match self.holder.get(&mark) {
                    Some(holder) => open.push_back(holder),
                    None => {
                        self.hand_on(mark, &reached);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Gives a free key to the name from which it was reached, the key that this one had to the next, and so on up to one that had
    /// none.
    fn hand_on(&mut self, free: Mark<'a>, reached: &BTreeMap<Mark<'a>, (&'a str, usize)>) {
        let mut next = Some(free);
        while let Some((mark, (name, place))) = next.and_then(|mark| Some((mark, *reached.get(&mark)?))) {
            next = self.pair(name, place, mark);
        }
    }
}

#[cfg(test)]
mod tests;
