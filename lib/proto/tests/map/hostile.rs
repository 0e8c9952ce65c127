//! Files that are wrong on purpose, with a checksum that is right: the daemon's own mistake, or somebody who can write as it. No panic, no
//! root, nothing that breaks a line, no work without end.

use jit_proto::map::layout::{
    COVERED, ConferredRow, Extent, FIXED, GROUPS, GroupRow, MemberRow, TABLES, Table, Text, UserRow,
};
use jit_proto::map::read::Damaged;
use proptest::prelude::*;

use crate::draft::{Draft, sealed};
use crate::{ask, at, config, open};

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases * 8, ..config() })]
    /// Numbers that hurt, anywhere, as many as there are.
    #[test]
    fn any_number_is_another(changes in proptest::collection::vec((any::<prop::sample::Index>(), a_number()), 1..6)) {
        let mut file = Draft::small().file();
        for (at, number) in changes {
            let at = FIXED + at.index((file.len() - FIXED - 4) / 4) * 4;
            file[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let _ = ask(&sealed(file));
    }

    /// Any bytes are others, and some are gone, and it says that this is its length.
    #[test]
    fn any_byte_is_another(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in 0_usize..40) {
        let mut file = Draft::small().file();
        for (at, byte) in changes {
            let at = FIXED + at.index(file.len() - FIXED);
            file[at] = byte;
        }
        file.truncate(file.len() - cut);
        let length = file.len() as u64;
        file[16..24].copy_from_slice(&length.to_le_bytes());
        let _ = ask(&sealed(file));
    }

    /// Nothing but noise behind a header that is right.
    #[test]
    fn any_bytes_are_rows(extents in proptest::collection::vec((0_u32..600, 0_u32..12), TABLES), noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut draft = Draft::new();
        draft.text = noise;
        let change = |header: &mut jit_proto::map::layout::Header| {
            let mut offset = 128;
            for (extent, (gap, count)) in header.tables.iter_mut().zip(&extents) {
                *extent = Extent { offset, count: *count };
                offset += gap / 8 * 8;
            }
            for (table, index) in [(Table::Groups, Table::GroupsByGid), (Table::People, Table::PeopleByUid)] {
                header.tables[index as usize].count = header.tables[table as usize].count;
            }
        };
        let _ = ask(&draft.file_with(change));
    }
}

fn a_number() -> impl Strategy<Value = u32> {
    let bad = proptest::sample::select(
        &[0, 1, 2, 7, 8, 127, 128, 1 << 16, 64 << 20, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, u32::MAX][..],
    );
    prop_oneof![bad, any::<u32>(), 0_u32..64]
}

/// What each of these changes does to what is asked of it: the group dba, its members, alice's groups and her entry.
fn outcome(change: impl FnOnce(&mut Draft)) -> [bool; 4] {
    let mut draft = Draft::small();
    change(&mut draft);
    let file = draft.file();
    let _ = ask(&file);
    let Ok(map) = open(&file) else { return [false; 4] };
    let now = at(&map, 5);
    let group = map.group(b"dba");
    let members = || map.members(&group?.ok_or(Damaged)?, now)?.collect::<Result<Vec<_>, _>>();
    let gids = || map.groups_of(b"alice", now)?.collect::<Result<Vec<_>, _>>();
    let fine = [group.is_ok(), members().is_ok(), gids().is_ok(), map.person(b"alice", now).is_ok()];
    // By number it is the same.
    assert!(fine[0] || map.group_of_gid(draft.groups[0].gid).is_err());
    assert!(fine[3] || map.person_of_uid(draft.people[0].uid, now).is_err());
    fine
}

const FINE: [bool; 4] = [true; 4];
const NO_GROUP: [bool; 4] = [false, false, true, true];
const NO_MEMBERS: [bool; 4] = [true, false, true, true];
const NO_GROUPS_OF: [bool; 4] = [true, true, false, true];
const NO_PERSON: [bool; 4] = [true, true, true, false];

#[test]
fn nobody_is_root_nor_nobody() {
    assert_eq!(outcome(|_| ()), FINE);
    for number in [0, u32::MAX] {
        assert_eq!(outcome(|draft| draft.groups[0].gid = number), NO_GROUP);
        assert_eq!(outcome(|draft| draft.conferred[0].gid = number), NO_GROUPS_OF);
        assert_eq!(outcome(|draft| draft.people[0].uid = number), NO_PERSON);
        assert_eq!(outcome(|draft| draft.people[0].gid = number), NO_PERSON);
        // Not now: nobody is told.
        assert_eq!(outcome(|draft| draft.conferred[1].gid = number), FINE);
    }
}

#[test]
fn no_text_breaks_a_line() {
    let bad: [&[u8]; 9] =
        [b"a:0", b"a\nroot", b"a\0b", b"\x7f", b"\x1b[2J", b"\t", b":", b"\r", &[b'x'; 65_536]];
    for text in bad {
        assert_eq!(outcome(|draft| draft.members[0].name = draft.text(text)), NO_MEMBERS, "{text:?}");
        for field in 0..3 {
            let change = |draft: &mut Draft| {
                let text = draft.text(text);
                let person = &mut draft.people[0];
                *[&mut person.gecos, &mut person.home, &mut person.shell].into_iter().nth(field).unwrap() =
                    text;
            };
            assert_eq!(outcome(change), NO_PERSON, "{text:?}");
        }
    }
    // What is no name, but may be another field.
    for text in [b"".as_slice(), b"a,root", &[b'x'; 256]] {
        assert_eq!(outcome(|draft| draft.members[0].name = draft.text(text)), NO_MEMBERS, "{text:?}");
        assert_eq!(outcome(|draft| draft.people[0].gecos = draft.text(text)), FINE, "{text:?}");
    }
    // A name that one asks for is not answered either if it is bad: glibc asks for what it is given.
    for name in [b"".as_slice(), b"a:b", b"a,b"] {
        let mut draft = Draft::small();
        draft.groups[0].name = draft.text(name);
        draft.people[0].name = draft.text(name);
        let file = draft.file();
        let map = open(&file).unwrap();
        assert_eq!(map.group(name), Err(Damaged), "{name:?}");
        assert_eq!(map.person(name, at(&map, 5)), Err(Damaged), "{name:?}");
    }
}

#[test]
fn every_text_is_closed_and_there() {
    let texts: [fn(&mut Draft) -> &mut Text; 3] =
        [|d| &mut d.members[0].name, |d| &mut d.people[0].gecos, |d| &mut d.people[0].shell];
    let wanted = [NO_MEMBERS, NO_PERSON, NO_PERSON];
    for (text, wanted) in texts.into_iter().zip(wanted) {
        // Shorter than it is, so that no zero follows; longer, so that one is within.
        assert_eq!(outcome(|draft| text(draft).length -= 1), wanted);
        assert_eq!(outcome(|draft| text(draft).length += 1), wanted);
        for (offset, length) in
            [(0, u32::MAX), (u32::MAX, 0), (u32::MAX, 1), (u32::MAX, u32::MAX), (1 << 20, 1)]
        {
            assert_eq!(outcome(|draft| *text(draft) = Text { offset, length }), wanted, "{offset} {length}");
        }
        // The last text of all, without its zero.
        let change = |draft: &mut Draft| {
            *text(draft) = draft.text("end");
            draft.text.pop();
        };
        assert_eq!(outcome(change), wanted);
    }
    // The end of one text is a text.
    assert_eq!(outcome(|draft| draft.members[0].name = Text { offset: 2, length: 3 }), FINE);
}

#[test]
fn rows_that_are_not_there() {
    for (first, count) in
        [(0, 3), (2, 1), (3, 0), (0, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX), (1, u32::MAX)]
    {
        let change = |draft: &mut Draft| (draft.groups[0].first, draft.groups[0].count) = (first, count);
        assert_eq!(outcome(change), NO_MEMBERS, "{first} {count}");
        let change = |draft: &mut Draft| (draft.users[0].first, draft.users[0].count) = (first, count);
        assert_eq!(outcome(change), NO_GROUPS_OF, "{first} {count}");
        // At once, and not after so many rows that are not there.
        let mut draft = Draft::small();
        (draft.groups[0].first, draft.groups[0].count) = (first, count);
        let file = draft.file();
        let map = open(&file).unwrap();
        assert!(map.members(&map.group(b"dba").unwrap().unwrap(), at(&map, 5)).is_err(), "{first} {count}");
    }
    // None, at the end, is none.
    assert_eq!(outcome(|draft| (draft.groups[0].first, draft.groups[0].count) = (2, 0)), FINE);
    // An index that names a row which is not there, or not every row.
    for row in [1, u32::MAX] {
        let mut draft = Draft::small();
        (draft.groups_by_gid, draft.people_by_uid) = (vec![row], vec![row]);
        let file = draft.file();
        let map = open(&file).unwrap();
        assert_eq!(map.group_of_gid(7), Err(Damaged));
        assert_eq!(map.person_of_uid(7, at(&map, 5)), Err(Damaged));
        assert!(map.group(b"dba").unwrap().is_some());
    }
    for (by_gid, by_uid) in
        [(vec![], vec![0]), (vec![0], vec![]), (vec![0, 0], vec![0]), (vec![0], vec![0, 0])]
    {
        let draft = Draft { groups_by_gid: by_gid, people_by_uid: by_uid, ..Draft::small() };
        assert!(open(&draft.file()).is_err());
    }
}

#[test]
fn tables_that_are_not_there_or_overlap() {
    let draft = Draft::small();
    let length = u32::try_from(draft.file().len()).unwrap();
    for table in 0..TABLES {
        for count in [u32::MAX, u32::MAX / 48, 1 << 22, length] {
            assert!(
                open(&draft.file_with(|header| header.tables[table].count = count)).is_err(),
                "{table} {count}"
            );
        }
        for offset in [0, 8, 16, 120, length, length.next_multiple_of(8), 0x8000_0000, u32::MAX - 7, u32::MAX]
        {
            let file = draft.file_with(|header| header.tables[table].offset = offset);
            assert!(open(&file).is_err(), "{table} {offset}");
        }
        // Where it does not begin, though it would not overlap.
        assert!(open(&draft.file_with(|header| header.tables[table].offset += 4)).is_err(), "{table}");
    }
    for table in 1..TABLES {
        let file = draft.file_with(|header| header.tables[table].offset = header.tables[table - 1].offset);
        assert!(open(&file).is_err(), "{table} lies on the one before");
        let file = draft.file_with(|header| header.tables.swap(table, table - 1));
        assert!(open(&file).is_err(), "{table} before the one before");
    }
}

/// Rows in no order, names and numbers twice: some are not found, and what is found is what was asked for.
#[test]
fn rows_in_disorder() {
    let mut draft = Draft::new();
    let names: Vec<Text> = ["m", "c", "z", "a", "m", "q", "b"].iter().map(|name| draft.text(name)).collect();
    for (n, name) in (0_u32..).zip(&names) {
        draft.groups.push(GroupRow { name: *name, gid: 50 - n % 3, first: 0, count: 7 });
        draft.groups_by_gid.push(6 - n);
        draft.members.push(MemberRow { name: *name, from: 0, until: i64::MAX });
        draft.users.push(UserRow { name: *name, first: 0, count: 7 });
        draft.conferred.push(ConferredRow { gid: 50 - n % 3, from: 0, until: i64::MAX });
    }
    // `ask` compares what it got with what it asked for.
    assert!(ask(&draft.file()).unwrap() > 0);
    // All groups share their members, and all users their groups: each lookup costs its own, and no more.
    let file = draft.file();
    let map = open(&file).unwrap();
    let group = map.group_at(0).unwrap().unwrap();
    assert_eq!(map.members(&group, at(&map, 5)).unwrap().count(), 7);
}

/// A user of more groups than the kernel takes: no list of them, nor the work that it would be to make one without doubles.
#[test]
fn groups_beyond_number() {
    for (more, answers) in [(0, true), (1, false)] {
        let mut draft = Draft::small();
        let many = GROUPS + more;
        draft.conferred = (1..=many).map(|gid| ConferredRow { gid, from: 0, until: i64::MAX }).collect();
        (draft.users[0].first, draft.users[0].count) = (0, many);
        let file = draft.file();
        let map = open(&file).unwrap();
        assert_eq!(map.groups_of(b"alice", at(&map, 5)).is_ok(), answers);
    }
}

/// Times that are backwards or at the ends of what there is.
#[test]
fn times_at_the_ends() {
    for (from, until) in
        [(1000, 0), (i64::MIN, i64::MIN), (i64::MAX, i64::MAX), (5, 5), (i64::MIN, 5), (6, i64::MAX)]
    {
        let mut draft = Draft::small();
        (draft.conferred[0].from, draft.conferred[0].until) = (from, until);
        (draft.members[0].from, draft.members[0].until) = (from, until);
        let file = draft.file();
        let map = open(&file).unwrap();
        let now = at(&map, 5);
        assert_eq!(map.groups_of(b"alice", now).unwrap().count(), 0, "{from} {until}");
        assert_eq!(map.members(&map.group(b"dba").unwrap().unwrap(), now).unwrap().count(), 1);
    }
}

/// What readers do not look at is free for what may come: the header's last bytes, gaps between tables, anything after the last.
#[test]
fn room_for_what_may_come() {
    let draft = Draft::small();
    let plain = ask(&draft.file()).unwrap();
    let mut file = draft.file();
    file[120..128].fill(255);
    assert_eq!(ask(&sealed(file.clone())), Ok(plain));
    let more = 64;
    let shifted = [&file[..128], &vec![0xaa; more], &file[128..], &vec![0xbb; more]].concat();
    let mut header = jit_proto::map::layout::Header::read(&shifted[FIXED..]).unwrap();
    header.length = shifted.len() as u64;
    header.tables.iter_mut().for_each(|extent| extent.offset += u32::try_from(more).unwrap());
    let file = sealed([&header.to_bytes()[..], &shifted[128..]].concat());
    assert_eq!(ask(&file), Ok(plain));
    assert!(file.len() > COVERED);
}
