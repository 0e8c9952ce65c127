//! The group map: what is written is read, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use jit_proto::map::layout::{FIXED, HEADER};
use jit_proto::map::read::{Clocks, Damaged, Map};
use proptest::prelude::*;

const NAMES: [&str; 6] = ["alice", "bob", "carol", "d", "dave", "zoe"];

fn a_name() -> impl Strategy<Value = String> {
    proptest::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn content() -> impl Strategy<Value = Content> {
    let member = (a_name(), 0_i64..50, 0_i64..50).prop_map(|(login, from, length)| Membership {
        login,
        from,
        until: from + length,
    });
    let members = proptest::collection::vec(member, 0..5).prop_map(|mut members| {
        let mut seen = BTreeSet::new();
        members.retain(|m| seen.insert(m.login.clone()));
        members
    });
    let group = (1_u32..2000, members).prop_map(|(gid, members)| Group { gid, members });
    let person = (1_u32..2000, 1_u32..9, "[ -9;-~é]{0,9}", 0_i64..99).prop_map(|(uid, gid, gecos, until)| {
        Person { uid, gid, gecos, home: "/home/x".to_owned(), shell: String::new(), until }
    });
    let groups = proptest::collection::btree_map("[a-z]{1,6}", group, 0..6);
    let people = proptest::collection::btree_map(a_name(), person, 0..6);
    (groups, people).prop_map(|(mut groups, mut people)| {
        let mut gids = BTreeSet::new();
        groups.retain(|_, group| gids.insert(group.gid));
        let mut uids = BTreeSet::new();
        people.retain(|_, person| uids.insert(person.uid));
        Content { groups, people, settled_ms: 0, boot_ms: 0, valid_until: 1000 }
    })
}

fn at(now: i64) -> Clocks {
    Clocks { real: now, boot_ms: 0 }
}

proptest! {
    #[test]
    fn what_is_written_is_read(content in content(), now in 0_i64..100) {
        let file = encode(&content).unwrap();
        let map = Map::open(&file[FIXED..]).unwrap();
        let when = map.at(at(now)).unwrap();
        let is_in = |m: &&Membership| m.from <= now && now < m.until;
        let mut n = 0;
        for (name, group) in &content.groups {
            let found = map.group(name.as_bytes()).unwrap().unwrap();
            prop_assert_eq!((found.name, found.gid), (name.as_bytes(), group.gid));
            prop_assert_eq!(map.group_of_gid(group.gid).unwrap(), Some(found));
            prop_assert_eq!(map.group_at(n).unwrap(), Some(found));
            n += 1;
            let members: Vec<&[u8]> = map.members(&found, when).unwrap().map(Result::unwrap).collect();
            let meant: Vec<&[u8]> = group.members.iter().filter(is_in).map(|m| m.login.as_bytes()).collect();
            prop_assert_eq!(members, meant);
        }
        prop_assert_eq!(map.group_at(n).unwrap(), None);
        for user in NAMES.iter().chain(&["", "alic", "alice2", "nobody"]) {
            let gids: BTreeSet<u32> = map.groups_of(user.as_bytes(), when).unwrap().map(Result::unwrap).collect();
            let of = |g: &&Group| g.members.iter().filter(is_in).any(|m| m.login == **user);
            let meant: BTreeSet<u32> = content.groups.values().filter(of).map(|g| g.gid).collect();
            prop_assert_eq!(gids, meant);
            let person = content.people.get(*user).filter(|p| now < p.until);
            let found = map.person(user.as_bytes(), when).unwrap();
            prop_assert_eq!(found.map(|p| (p.uid, p.gid, p.gecos)), person.map(|p| (p.uid, p.gid, p.gecos.as_bytes())));
        }
        for uid in 0..2000 {
            let meant: BTreeMap<u32, &str> = content.people.iter().filter(|(_, p)| now < p.until).map(|(n, p)| (p.uid, n.as_str())).collect();
            prop_assert_eq!(map.person_of_uid(uid, when).unwrap().map(|p| p.name), meant.get(&uid).map(|n| n.as_bytes()));
        }
        prop_assert_eq!(map.group(b"nosuchgroup"), Ok(None));
        prop_assert_eq!(map.group_of_gid(0), Ok(None));
    }

    /// One byte that is another, or a file that is longer or shorter, is no map.
    #[test]
    fn what_is_damaged_is_no_map(content in content(), at in any::<prop::sample::Index>(), by in 1_u8..=255, cut in 1_usize..64) {
        let file = encode(&content).unwrap();
        let mut other = file.clone();
        let at = FIXED + at.index(file.len() - FIXED);
        other[at] ^= by;
        prop_assert_eq!(Map::open(&other[FIXED..]).unwrap_err(), Damaged, "{}", at);
        prop_assert!(Map::open(&file[FIXED..file.len().saturating_sub(cut).max(FIXED)]).is_err());
        let longer: Vec<u8> = file.iter().copied().chain(vec![0; cut]).collect();
        prop_assert!(Map::open(&longer[FIXED..]).is_err());
    }
}

#[test]
fn a_clock_that_is_set_back_prolongs_nothing() {
    let members = vec![Membership { login: "alice".to_owned(), from: 0, until: 500 }];
    let content = Content {
        groups: BTreeMap::from([("dba".to_owned(), Group { gid: 7, members })]),
        settled_ms: 400_000,
        boot_ms: 10_000,
        valid_until: 900,
        ..Content::default()
    };
    let file = encode(&content).unwrap();
    let map = Map::open(&file[FIXED..]).unwrap();
    let is_in = |real, boot_ms| {
        map.at(Clocks { real, boot_ms }).map(|now| map.groups_of(b"alice", now).unwrap().count())
    };
    assert_eq!(is_in(400, 10_000), Some(1));
    assert_eq!(is_in(0, 109_999), Some(1), "the wall clock is behind");
    assert_eq!(is_in(0, 110_000), Some(0), "and yet it ends");
    assert_eq!(is_in(500, 10_000), Some(0), "a wall clock ahead counts");
    assert_eq!(is_in(400, 9_999), None, "another boot");
    assert_eq!(is_in(900, 10_000), None, "too old");
    assert_eq!(is_in(i64::MAX, i64::MAX), None);
    assert_eq!(is_in(i64::MIN, i64::MIN), None);
    assert_eq!(HEADER % 8, 0);
}
