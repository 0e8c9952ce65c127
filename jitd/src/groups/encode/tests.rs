//! The group map: what is written is read, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use jit_proto::map::layout::{FIXED, HEADER};
use jit_proto::map::read::{Clocks, Damaged, Map, is_map};
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

fn one(login: &str, gid: u32) -> Content {
    let members = vec![Membership { login: login.to_owned(), from: 0, until: 500 }];
    Content {
        groups: BTreeMap::from([("dba".to_owned(), Group { gid, members })]),
        valid_until: 900,
        ..Content::default()
    }
}

fn person() -> Person {
    let [gecos, home, shell] = ["Alice", "/home/alice", "/bin/sh"].map(str::to_owned);
    Person { uid: 1001, gid: 100, gecos, home, shell, until: 500 }
}

/// What a reader would not give away is not written: else one bad row would be a lookup that fails for ever, and nobody told.
#[test]
fn what_readers_would_not_take_is_not_written() {
    assert!(encode(&one("alice", 7)).is_ok());
    for name in ["", "a:b", "a,b", "a\nb", "a\0b", "\u{7f}", &"x".repeat(256)] {
        assert_eq!(encode(&one(name, 7)), Err(Unwritable::Text(name.to_owned())), "{name:?}");
    }
    for gid in [0, u32::MAX] {
        assert_eq!(encode(&one("alice", gid)), Err(Unwritable::Number(gid)));
    }
    let with = |change: fn(&mut Person)| {
        let mut alice = person();
        change(&mut alice);
        let bob = Person { uid: 1002, ..person() };
        let people = BTreeMap::from([("alice".to_owned(), alice), ("bob".to_owned(), bob)]);
        encode(&Content { people, ..Content::default() })
    };
    assert!(with(|_| ()).is_ok());
    assert_eq!(with(|person| person.uid = 0), Err(Unwritable::Number(0)));
    assert_eq!(with(|person| person.gid = u32::MAX), Err(Unwritable::Number(u32::MAX)));
    assert_eq!(with(|person| person.uid = 1002), Err(Unwritable::Number(1002)), "two of one number");
    let bad = || Err(Unwritable::Text("a:0".to_owned()));
    assert_eq!(with(|person| person.gecos = "a:0".to_owned()), bad());
    assert_eq!(with(|person| person.home = "a:0".to_owned()), bad());
    assert_eq!(with(|person| person.shell = "a:0".to_owned()), bad());
    let mut twice = one("alice", 7);
    twice.groups.insert("adm".to_owned(), Group { gid: 7, members: Vec::new() });
    assert_eq!(encode(&twice), Err(Unwritable::Number(7)), "two groups of one number");
}

/// As large as readers take, and no larger: a map that nobody takes must not be put in the place of one that counts.
#[test]
fn what_is_too_large_is_not_written() {
    // Long fields, each of them another.
    let many = |count: usize| {
        let people = (1..).zip(0..count).map(|(uid, n)| {
            let gecos = format!("{n:065000}");
            (format!("{n}"), Person { uid, gecos, ..person() })
        });
        encode(&Content { people: people.collect(), ..Content::default() })
    };
    let file = many(MAX / 65_100).unwrap();
    assert!(file.len() <= MAX && file.len() > MAX - (1 << 17));
    assert!(Map::again(&file[FIXED..]).is_ok());
    assert_eq!(many(MAX / 65_000 + 1), Err(Unwritable::TooLarge));
}

/// The same content is the same file, byte for byte: what has not changed can be told.
#[test]
fn the_same_again() {
    let content = Content { people: BTreeMap::from([("alice".to_owned(), person())]), ..one("alice", 7) };
    let file = encode(&content).unwrap();
    assert_eq!(encode(&content.clone()).unwrap(), file);
    assert!(is_map(file.first_chunk().unwrap()));
    // Each text is there once: her name is one of a member, a user and a person.
    let found = file.windows(6).filter(|text| *text == b"alice\0").count();
    assert_eq!(found, 2, "her name, and the end of her home");
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
