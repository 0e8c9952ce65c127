//! What a whole file says, against a model that is a list and knows no offsets.

use std::collections::{BTreeMap, BTreeSet};

use jit_proto::map::layout::{ConferredRow, GroupRow, MemberRow, PersonRow, UserRow};
use jit_proto::map::read::Clocks;
use proptest::prelude::*;

use crate::draft::Draft;
use crate::{ask, at, config, open};

/// Who is in which group, from when until when; the groups' numbers; and the people's, with their ends.
#[derive(Clone, Debug)]
struct Said {
    groups: BTreeMap<String, u32>,
    rows: Vec<(String, String, i64, i64)>,
    people: BTreeMap<String, (u32, i64)>,
}

fn said() -> impl Strategy<Value = Said> {
    let name = || proptest::sample::select(&["a", "aa", "ab", "alice", "b", "bob", "é", "z-1_.@$"][..]);
    let groups = proptest::collection::btree_map(name(), 1_u32..40, 0..7);
    let row = (name(), name(), -2_i64..10, 0_i64..8);
    let rows = proptest::collection::vec(row, 0..20);
    let people = proptest::collection::btree_map(name(), (1_u32..40, 0_i64..12), 0..7);
    (groups, rows, people).prop_map(|(groups, rows, people)| {
        let mut numbers = BTreeSet::new();
        let groups: BTreeMap<String, u32> =
            groups.into_iter().filter(|(_, gid)| numbers.insert(*gid)).map(|(n, g)| (n.into(), g)).collect();
        let mut numbers = BTreeSet::new();
        let people = people.into_iter().filter(|(_, (uid, _))| numbers.insert(*uid));
        let people = people.map(|(name, person)| (name.to_owned(), person)).collect();
        let rows = rows.into_iter().filter(|(group, ..)| groups.contains_key(*group));
        let rows = rows.map(|(group, login, from, long)| (group.into(), login.into(), from, from + long));
        Said { rows: rows.collect(), groups, people }
    })
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap()
}

fn draft(said: &Said) -> Draft {
    let mut draft = Draft::new();
    for (group, gid) in &said.groups {
        let first = number(draft.members.len());
        for (_, login, from, until) in said.rows.iter().filter(|row| row.0 == *group) {
            let name = draft.text(login);
            draft.members.push(MemberRow { name, from: *from, until: *until });
        }
        let row = GroupRow {
            name: draft.text(group),
            gid: *gid,
            first,
            count: number(draft.members.len()) - first,
        };
        draft.groups.push(row);
    }
    let logins: BTreeSet<&String> = said.rows.iter().map(|row| &row.1).collect();
    for login in logins {
        let first = number(draft.conferred.len());
        for (group, _, from, until) in said.rows.iter().filter(|row| row.1 == *login) {
            draft.conferred.push(ConferredRow { gid: said.groups[group], from: *from, until: *until });
        }
        let count = number(draft.conferred.len()) - first;
        let name = draft.text(login);
        draft.users.push(UserRow { name, first, count });
    }
    for (login, (uid, until)) in &said.people {
        let [name, gecos] = [login.clone(), format!("the {login}")].map(|text| draft.text(text));
        let [home, shell] = [format!("/home/{login}"), String::new()].map(|text| draft.text(text));
        draft.people.push(PersonRow { name, gecos, home, shell, uid: *uid, gid: 100, until: *until });
    }
    let mut by_gid: Vec<u32> = (0..number(draft.groups.len())).collect();
    by_gid.sort_by_key(|row| draft.groups[*row as usize].gid);
    let mut by_uid: Vec<u32> = (0..number(draft.people.len())).collect();
    by_uid.sort_by_key(|row| draft.people[*row as usize].uid);
    (draft.groups_by_gid, draft.people_by_uid) = (by_gid, by_uid);
    draft
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn what_a_whole_file_says(said in said(), now in 0_i64..20) {
        let file = draft(&said).file();
        prop_assert!(ask(&file).is_ok());
        let map = open(&file).unwrap();
        let when = at(&map, now);
        let live = said.rows.iter().filter(|(_, _, from, until)| *from <= now && now < *until);
        let live: Vec<(&String, &String)> = live.map(|(group, login, ..)| (group, login)).collect();
        for name in ["", "a", "aa", "ab", "abc", "alice", "alicf", "b", "bob", "é", "z-1_.@$", "zz"] {
            let group = map.group(name.as_bytes()).unwrap();
            prop_assert_eq!(group.map(|group| group.gid), said.groups.get(name).copied());
            let members = group.map(|group| map.members(&group, when).unwrap().map(Result::unwrap).collect());
            let mut members: Vec<&[u8]> = members.unwrap_or_default();
            let mut meant: Vec<&[u8]> =
                live.iter().filter(|(group, _)| *group == name).map(|(_, login)| login.as_bytes()).collect();
            members.sort_unstable();
            meant.sort_unstable();
            prop_assert_eq!(members, meant);
            let mut gids: Vec<u32> = map.groups_of(name.as_bytes(), when).unwrap().map(Result::unwrap).collect();
            let mut meant: Vec<u32> =
                live.iter().filter(|(_, login)| *login == name).map(|(group, _)| said.groups[*group]).collect();
            gids.sort_unstable();
            meant.sort_unstable();
            prop_assert_eq!(gids, meant);
            let meant = said.people.get(name).filter(|(_, until)| now < *until).map(|(uid, _)| *uid);
            prop_assert_eq!(map.person(name.as_bytes(), when).unwrap().map(|person| person.uid), meant);
        }
        for number in 0..41 {
            let group = map.group_of_gid(number).unwrap().map(|group| group.name);
            let meant = said.groups.iter().find(|(_, gid)| **gid == number).map(|(name, _)| name.as_bytes());
            prop_assert_eq!(group, meant);
            let person = map.person_of_uid(number, when).unwrap().map(|person| person.name);
            let meant = said.people.iter().find(|(_, (uid, until))| *uid == number && now < *until);
            prop_assert_eq!(person, meant.map(|(name, _)| name.as_bytes()));
        }
    }

    /// The daemon's own law of time: never before what it had settled, plus what has passed; never from before it was written.
    #[test]
    fn what_time_it_is(settled in any::<i64>(), boot in any::<i64>(), until in any::<i64>(), real in any::<i64>(), now in any::<i64>()) {
        let mut draft = Draft::new();
        (draft.header.settled_ms, draft.header.boot_ms, draft.header.valid_until) = (settled, boot, until);
        let file = draft.file();
        let map = open(&file).unwrap();
        let [wide_boot, wide_settled] = [boot, settled].map(i128::from);
        let since = i128::from(now) - wide_boot;
        let due = (wide_settled + since).div_euclid(1000).max(i128::from(real));
        let fits = |number: i128| i64::try_from(number).is_ok();
        let answers = since >= 0 && fits(since) && fits(wide_settled + since) && due < i128::from(until);
        prop_assert_eq!(map.at(Clocks { real, boot_ms: now }).is_some(), answers);
    }
}

/// The first second counts, the last does not; nothing is from before or after.
#[test]
fn the_ends_of_a_row() {
    let file = Draft::small().file();
    let map = open(&file).unwrap();
    let is_in = |now| map.groups_of(b"alice", at(&map, now)).unwrap().count();
    assert_eq!([0, 1, 999, 1000].map(is_in), [0, 1, 1, 0]);
    let mut draft = Draft::small();
    draft.header.valid_until = 500;
    let file = draft.file();
    let map = open(&file).unwrap();
    let answers = |real| map.at(Clocks { real, boot_ms: 0 }).is_some();
    assert_eq!([499, 500].map(answers), [true, false]);
}
