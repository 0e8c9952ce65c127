//! Whether each of several groups can be heard by people who are apart, and enough of them.
//!
//! In general nobody knows a quick way to find that out, and whoever owns a directory can make approvals by the thousand: a host that
//! tried every choice would think for days, and hear of no revocation meanwhile. So those who could be taken for one another are looked
//! at by themselves, a small circle at a time: what is done for a whole set grows with its size and with two to the number of groups,
//! of which there are at most [`MOST_EACH`]. Only where names and keys are shared crosswise (one key in two names' lines, and one of
//! these names in another key's) is every choice within that circle tried; that takes lines of root's list, and good signatures by
//! their keys.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mark, Speaker, most};
use crate::dn::Dn;
use crate::role::MOST_EACH;

/// Which of the groups are heard, a bit for each of [`MOST_EACH`].
type Bits = u8;

/// How many are apart at most, by the groups that they speak for.
type Ways = BTreeMap<Bits, usize>;

/// Whether there are `count` of them, no two of one name or one key, among whom each of `groups` is spoken for.
pub(super) fn can_hear(groups: &[&Dn], among: &BTreeSet<&Speaker<'_>>, count: usize) -> bool {
    if groups.len() > MOST_EACH {
        return false;
    }
    let bits = |speaker: &Speaker<'_>| {
        let of = |(place, group): (usize, &&Dn)| Bits::from(speaker.groups.contains(*group)) << place;
        groups.iter().enumerate().map(of).fold(0, |all, bit| all | bit)
    };
    let all = (0..groups.len()).fold(0, |all, place| all | 1 << place);
    let mut ways = Ways::from([(0, 0)]);
    for circle in circles(among) {
        let within = within(&circle, &bits);
        let mut with: Ways = Ways::new();
        for (heard, number) in &ways {
            for (more, others) in &within {
                let best = with.entry(heard | more).or_default();
                *best = number.saturating_add(*others).max(*best);
            }
        }
        ways = with;
    }
    ways.get(&all).is_some_and(|number| *number >= count)
}

/// Those who share names or keys, directly or through others; in each circle at least one.
fn circles<'s, 'a>(among: &BTreeSet<&'s Speaker<'a>>) -> Vec<Vec<&'s Speaker<'a>>> {
    let mut by_name: BTreeMap<&str, Vec<&Speaker<'a>>> = BTreeMap::new();
    let mut by_mark: BTreeMap<Mark<'_>, Vec<&Speaker<'a>>> = BTreeMap::new();
    for speaker in among {
        by_name.entry(&speaker.name).or_default().push(speaker);
        by_mark.entry(speaker.mark()).or_default().push(speaker);
    }
    let mut circles = Vec::new();
    for first in among {
        let (mut circle, mut open) = (Vec::new(), vec![*first]);
        while let Some(speaker) = open.pop() {
            // Whoever is found by a name or a key is found once, for it is taken out.
            for like in [by_name.remove(speaker.name.as_str()), by_mark.remove(&speaker.mark())] {
                open.extend(like.iter().flatten());
                circle.extend(like.into_iter().flatten());
            }
        }
        if !circle.is_empty() {
            let once: BTreeSet<&Speaker<'_>> = circle.into_iter().collect();
            circles.push(once.into_iter().collect());
        }
    }
    circles
}

/// What can be had of one circle.
fn within(circle: &[&Speaker<'_>], bits: &dyn Fn(&Speaker<'_>) -> Bits) -> Ways {
    let mut ways = Ways::new();
    let Some(first) = circle.first() else { return ways };
    let one_name = circle.iter().all(|speaker| speaker.name == first.name);
    if one_name || circle.iter().all(|speaker| speaker.mark() == first.mark()) {
        // Any one of them, and never two.
        ways.extend(circle.iter().map(|speaker| (bits(speaker), 1)));
    } else {
        choose(circle, bits, &mut Vec::new(), 0, &mut ways);
    }
    ways
}

/// Everything that those who are chosen can hear with others of the circle, each of whom adds a group.
fn choose<'s, 'a>(
    rest: &[&'s Speaker<'a>],
    bits: &dyn Fn(&Speaker<'_>) -> Bits,
    chosen: &mut Vec<&'s Speaker<'a>>,
    heard: Bits,
    ways: &mut Ways,
) {
    let others = most(rest).len();
    let best = ways.entry(heard).or_default();
    *best = others.saturating_add(chosen.len()).max(*best);
    for speaker in rest {
        let more = heard | bits(speaker);
        if more != heard {
            let apart = rest.iter().filter(|other| speaker.is_apart_from(other)).copied();
            chosen.push(speaker);
            choose(&apart.collect::<Vec<_>>(), bits, chosen, more, ways);
            chosen.pop();
        }
    }
}
