//! Held against trying every choice there is.

use proptest::prelude::*;

use super::*;
use crate::role::MOST_EACH;

const GROUPS: [&str; 3] = ["cn=a,dc=x", "cn=b,dc=x", "cn=c,dc=x"];

fn groups() -> Vec<Dn> {
    GROUPS.iter().map(|text| Dn::parse(text).expect("a name")).collect()
}

/// Names, keys (the last means none) and groups by their bits.
type Drawn = Vec<(u8, u8, u8)>;

fn drawn() -> impl Strategy<Value = Drawn> {
    proptest::collection::vec((0_u8..4, 0_u8..4, 0_u8..8), 0..7)
}

const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];

fn speakers<'a>(drawn: &Drawn, groups: &'a [Dn], signed: bool) -> Vec<Speaker<'a>> {
    let one = |(name, key, bits): &(u8, u8, u8)| Speaker {
        name: format!("n{name}"),
        key: signed.then(|| KEYS[usize::from(*key)]),
        groups: groups.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, dn)| dn).collect(),
    };
    drawn.iter().map(one).collect()
}

/// Every choice of them in which no two share a name or a key.
fn choices<'s, 'a>(speakers: &'s [Speaker<'a>]) -> impl Iterator<Item = Vec<&'s Speaker<'a>>> {
    (0_u32..1 << speakers.len()).filter_map(|bits| {
        let chosen: Vec<&Speaker<'_>> =
            speakers.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, s)| s).collect();
        let apart = |(i, one): (usize, &&Speaker<'_>)| {
            chosen
                .iter()
                .take(i)
                .all(|other| one.name != other.name && (one.key.is_none() || one.key != other.key))
        };
        chosen.iter().enumerate().all(apart).then_some(chosen)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn most_is_the_most_there_can_be(drawn in drawn(), signed: bool) {
        let groups = groups();
        let all = speakers(&drawn, &groups, signed);
        let chosen = most(&all.iter().collect::<Vec<_>>());
        let largest = choices(&all).map(|choice| choice.len()).max().unwrap_or(0);
        prop_assert_eq!(chosen.len(), largest);
        let apart = |a: &usize, b: &usize| a == b || all[*a].is_apart_from(&all[*b]);
        prop_assert!(chosen.iter().all(|a| chosen.iter().all(|b| apart(a, b))));
    }

    #[test]
    fn enough_is_any_choice_that_is_enough(drawn in drawn(), signed: bool, count in 0_usize..5, each in 0_usize..4) {
        let groups = groups();
        let all = speakers(&drawn, &groups, signed);
        let asked: Vec<&Dn> = groups.iter().take(each).collect();
        let whole = enough(&all.iter().collect::<Vec<_>>(), count, &asked);
        let tried = choices(&all).any(|choice| {
            choice.len() >= count && asked.iter().all(|group| choice.iter().any(|s| s.groups.contains(group)))
        });
        prop_assert_eq!(whole, tried);
        // So one less is never more.
        for left_out in 0..all.len() {
            let rest: Vec<&Speaker<'_>> =
                all.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, s)| s).collect();
            prop_assert!(whole || !enough(&rest, count, &asked));
        }
    }
}

/// Whoever owns a directory can make approvals by the thousand, so that no host may try every choice: this one would take it until
/// after the end of the world. Many people speak for all groups but two, which are heard by one person's two entries alone.
#[test]
fn many_who_could_be_chosen_are_not_tried_one_by_one() {
    let groups: Vec<Dn> =
        (0..MOST_EACH).map(|n| Dn::parse(&format!("cn=g{n},dc=x")).expect("a name")).collect();
    let asked: Vec<&Dn> = groups.iter().collect();
    let (last_but_one, last) = (&groups[MOST_EACH - 2], &groups[MOST_EACH - 1]);
    let mut all: Vec<Speaker<'_>> = Vec::new();
    for n in 0..3_000 {
        // Two entries of each name, for different groups.
        for entry in 0..2 {
            let group = &groups[(n + entry * 3) % (MOST_EACH - 2)];
            all.push(Speaker { name: format!("n{n}"), key: None, groups: BTreeSet::from([group]) });
        }
    }
    for group in [last_but_one, last] {
        all.push(Speaker { name: "bob".to_owned(), key: None, groups: BTreeSet::from([group]) });
    }
    let speakers = |all: &[Speaker<'_>]| enough(&all.iter().collect::<Vec<_>>(), 3, &asked);
    assert!(!speakers(&all), "bob does not speak for both");
    all.push(Speaker { name: "carol".to_owned(), key: None, groups: BTreeSet::from([last]) });
    assert!(speakers(&all));
}

/// The first of two by one person is the one that is named.
#[test]
fn the_first_rather_than_a_later_one() {
    let of = |name: &str, key| Speaker { name: name.to_owned(), key, groups: BTreeSet::new() };
    let all =
        [of("bob", Some("k1")), of("bob", Some("k2")), of("carol", Some("k3")), of("carol", Some("k3"))];
    assert_eq!(most(&all.iter().collect::<Vec<_>>()), BTreeSet::from([0, 2]));
}

/// Who has to be heard may leave too few others: bob's entry in the first group signed with the key that carol has no other than.
#[test]
fn whoever_is_heard_takes_his_key_with_him() {
    let groups = groups();
    let drawn = [("bob", "k1", 0), ("bob", "k2", 1), ("carol", "k1", 1)];
    let all = drawn.map(|(name, key, group)| Speaker {
        name: name.to_owned(),
        key: Some(key),
        groups: BTreeSet::from([&groups[group]]),
    });
    let all: Vec<&Speaker<'_>> = all.iter().collect();
    assert!(enough(&all, 2, &[&groups[1]]), "bob with his second key, and carol");
    assert!(enough(&all, 1, &[&groups[0]]));
    assert!(!enough(&all, 2, &[&groups[0]]), "with bob's first key carol is left without one");
}
