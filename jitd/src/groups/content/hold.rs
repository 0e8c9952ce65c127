//! Whether the map in force may stay when the next one cannot be written. A function of values.
//!
//! A full /run must not take everybody's groups away because a lease wanted renewing or a grant was added; nor must what was taken away
//! stay. So it stays if everything that it tells anybody, now or later, stands in the next one as well.

use std::collections::BTreeMap;

use crate::groups::due::JUMP_MS;
use crate::groups::encode::{Content, Membership, Person};

/// Whether each row of `old` that is not over is in `new`, with an end no earlier: `old` is what the map in force was written from, `new`
/// what one would be written from now. What is over by the old one's own clock it tells nobody any more. That `new` says more is no
/// reason: whoever waits for a group waits until there is room.
pub fn still_holds(old: &Content, new: &Content) -> bool {
    // The earliest time at which anybody reads it from now on.
    let passed = new.boot_ms.saturating_sub(old.boot_ms).max(0);
    let seen_ms = old.settled_ms.saturating_add(passed);
    // By a clock that was mended since, it would let begin what is to come later.
    let is_ahead = seen_ms > new.settled_ms && seen_ms.abs_diff(new.settled_ms) > JUMP_MS;
    let seen = seen_ms.div_euclid(1000);
    !is_ahead && groups_hold(old, new, seen) && people_hold(old, new, seen)
}

fn groups_hold(old: &Content, new: &Content, seen: i64) -> bool {
    old.groups.iter().all(|(name, group)| {
        let tells = || group.members.iter().filter(|member| seen < member.until);
        match new.groups.get(name) {
            // A local group without members is in no map.
            None => tells().next().is_none(),
            Some(next) => {
                let mut rows: BTreeMap<&str, Vec<&Membership>> = BTreeMap::new();
                for row in &next.members {
                    rows.entry(&row.login).or_default().push(row);
                }
                let holds = |member: &Membership| {
                    let covers =
                        |row: &&Membership| row.from <= member.from.max(seen) && member.until <= row.until;
                    rows.get(member.login.as_str()).into_iter().flatten().any(covers)
                };
                group.gid == next.gid && tells().all(holds)
            }
        }
    })
}

fn people_hold(old: &Content, new: &Content, seen: i64) -> bool {
    old.people.iter().filter(|(_, person)| seen < person.until).all(|(login, person)| {
        let says_the_same = |next: &Person| Person { until: next.until, ..person.clone() } == *next;
        new.people.get(login).is_some_and(|next| person.until <= next.until && says_the_same(next))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::groups::encode::{Group, encode};

    const NOW: i64 = 1_800_000_000;

    fn member(login: &str, from: i64, until: i64) -> Membership {
        Membership { login: login.to_owned(), from: NOW + from, until: NOW + until }
    }

    /// After so many seconds.
    fn at(seconds: i64, members: &[Membership], people: &[(&str, u32, i64)]) -> Content {
        let person = |(login, uid, until): &(&str, u32, i64)| {
            let text = |text: &str| text.to_owned();
            let (gecos, home, shell) = (text(""), text("/home/x"), text("/bin/sh"));
            let until = NOW + until;
            ((*login).to_owned(), Person { uid: *uid, gid: 20_000, gecos, home, shell, until })
        };
        Content {
            groups: [("dba".to_owned(), Group { gid: 900, members: members.to_vec() })].into(),
            people: people.iter().map(person).collect(),
            settled_ms: (NOW + seconds) * 1000,
            boot_ms: 77_000 + seconds * 1000,
            valid_until: i64::MAX,
        }
    }

    fn holds(old: &[Membership], new: &[Membership], seconds: i64) -> bool {
        still_holds(&at(0, old, &[]), &at(seconds, new, &[]))
    }

    #[test]
    fn what_is_renewed_or_added_or_over_is_no_reason() {
        let alice = || member("alice", -60, 500);
        assert!(holds(&[alice()], &[alice()], 10));
        assert!(holds(&[alice()], &[member("alice", -60, 900)], 10), "a lease is renewed");
        assert!(holds(&[alice()], &[alice(), member("bob", 0, 70)], 10));
        assert!(holds(&[alice()], &[], 500), "her grant has ended, and the old one says so itself");
        let (early, late) = (member("alice", 100, 200), member("alice", 200, 300));
        assert!(holds(&[early, late], &[member("alice", 50, 300)], 10), "two that have become one");
        let without = Content { groups: [].into(), ..at(500, &[], &[]) };
        assert!(still_holds(&at(0, &[alice()], &[]), &without), "nor is an empty group that is gone");
    }

    #[test]
    fn what_was_taken_away_is() {
        let alice = || member("alice", -60, 500);
        assert!(!holds(&[alice()], &[], 499));
        assert!(!holds(&[alice()], &[member("bob", -60, 500)], 10));
        assert!(!holds(&[alice()], &[member("alice", -60, 499)], 10), "shortened");
        assert!(!holds(&[alice()], &[member("alice", 11, 500)], 10), "put off");
        assert!(holds(&[alice()], &[member("alice", 10, 500)], 10), "begun by now");
        assert!(!holds(&[member("alice", 100, 500)], &[member("alice", 101, 500)], 10));
        let without = Content { groups: [].into(), ..at(10, &[], &[]) };
        assert!(!still_holds(&at(0, &[alice()], &[]), &without));
        let mut other = at(10, &[alice()], &[]);
        other.groups.get_mut("dba").unwrap().gid = 901;
        assert!(!still_holds(&at(0, &[alice()], &[]), &other));
        assert!(!still_holds(&at(0, &[], &[]), &Content { groups: other.groups, ..at(10, &[], &[]) }));
    }

    #[test]
    fn people_must_be_who_they_were() {
        let holds = |new: &[(&str, u32, i64)], seconds| {
            still_holds(&at(0, &[], &[("carol", 10_001, 500)]), &at(seconds, &[], new))
        };
        assert!(holds(&[("carol", 10_001, 500), ("dave", 10_002, 1)], 10));
        assert!(holds(&[("carol", 10_001, 900)], 10));
        assert!(!holds(&[("carol", 10_001, 499)], 10));
        assert!(!holds(&[("carol", 10_002, 500)], 10));
        assert!(!holds(&[], 499) && holds(&[], 500));
    }

    #[test]
    fn a_clock_that_was_ahead_is_a_reason() {
        let scheduled = [member("alice", 3600, 7200)];
        let (old, mut new) = (at(0, &scheduled, &[]), at(10, &scheduled, &[]));
        new.settled_ms -= 2_000;
        assert!(still_holds(&old, &new));
        new.settled_ms -= 1;
        assert!(!still_holds(&old, &new));
        // One that was behind is none: rows end at the same times.
        new.settled_ms = old.settled_ms + 3_000_000;
        assert!(still_holds(&old, &new));
    }

    /// Of these rows those that do not overlap with one before, in order.
    fn apart(rows: impl IntoIterator<Item = Membership>) -> Vec<Membership> {
        let mut members: Vec<Membership> = Vec::new();
        for row in rows {
            let overlaps = |other: &Membership| {
                other.login == row.login && row.from < other.until && other.from < row.until
            };
            if !members.iter().any(overlaps) {
                members.push(row);
            }
        }
        members.sort_by_key(|row| (row.login.clone(), row.from));
        members
    }

    fn some() -> impl Strategy<Value = Vec<Membership>> {
        let row = ("[ab]", -5_i64..5, 1_i64..6);
        let row = row.prop_map(|(login, from, length)| member(&login, from, from + length));
        proptest::collection::vec(row, 0..4).prop_map(apart)
    }

    /// A map and one that may follow it: most rows are there still, some last longer, and there are others.
    fn two() -> impl Strategy<Value = (Vec<Membership>, Vec<Membership>)> {
        let kept = proptest::collection::vec((proptest::bool::weighted(0.8), 0_i64..3), 4);
        (some(), kept, some()).prop_map(|(old, kept, others)| {
            let still = old.iter().zip(kept).filter(|(_, (is_kept, _))| *is_kept);
            let still =
                still.map(|(row, (_, longer))| Membership { until: row.until + longer, ..row.clone() });
            let new = apart(still.chain(others));
            (old, new)
        })
    }

    proptest! {
        /// Asked as readers ask, at every second from now on: one that holds names nobody whom the next one does not name.
        #[test]
        fn one_that_holds_tells_nothing_that_the_next_does_not((old, new) in two(), seconds in 0_i64..8) {
            use jit_proto::map::layout::FIXED;
            use jit_proto::map::read::{Clocks, Map};
            let (old, new) = (at(0, &old, &[]), at(seconds, &new, &[]));
            // More than half of them do.
            if !still_holds(&old, &new) {
                return Ok(());
            }
            let (old, new) = (encode(&old).unwrap(), encode(&new).unwrap());
            let members = |bytes: &[u8], after: i64| {
                let map = Map::open(&bytes[FIXED..]).unwrap();
                let now = map.at(Clocks { real: 0, boot_ms: 77_000 + after * 1000 }).unwrap();
                let group = map.group(b"dba").unwrap().unwrap();
                map.members(&group, now).unwrap().map(|name| name.unwrap().to_vec()).collect::<Vec<_>>()
            };
            for after in seconds..14 {
                let there = members(&new, after);
                prop_assert!(members(&old, after).iter().all(|name| there.contains(name)), "{after}");
            }
        }
    }
}
