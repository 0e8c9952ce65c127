//! Files as a test wants them, right or wrong in any place, with a checksum that is right. Not the daemon's way of writing one: what is
//! read here was written by other hands.

use jit_proto::map::layout::{
    COVERED, ConferredRow, Extent, GroupRow, HEADER, Header, MemberRow, PersonRow, TABLES, Table, Text,
    UserRow, checksum,
};

/// A file to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) header: Header,
    pub(crate) groups: Vec<GroupRow>,
    pub(crate) groups_by_gid: Vec<u32>,
    pub(crate) members: Vec<MemberRow>,
    pub(crate) users: Vec<UserRow>,
    pub(crate) conferred: Vec<ConferredRow>,
    pub(crate) people: Vec<PersonRow>,
    pub(crate) people_by_uid: Vec<u32>,
    pub(crate) text: Vec<u8>,
}

impl Draft {
    /// Says nothing, and that until the end of time.
    pub(crate) fn new() -> Draft {
        Draft { header: Header { valid_until: i64::MAX, ..Header::default() }, ..Draft::default() }
    }

    /// alice is in dba (7) from 1 until 1000, and served as 1001; bob is in it for ever.
    pub(crate) fn small() -> Draft {
        let mut draft = Draft::new();
        let [alice, bob, dba] = ["alice", "bob", "dba"].map(|name| draft.text(name));
        let [gecos, home, shell] = ["Alice A.", "/home/alice", "/bin/sh"].map(|text| draft.text(text));
        let ever = i64::MAX;
        draft.groups = vec![GroupRow { name: dba, gid: 7, first: 0, count: 2 }];
        draft.members = vec![
            MemberRow { name: alice, from: 1, until: 1000 },
            MemberRow { name: bob, from: 0, until: ever },
        ];
        draft.users =
            vec![UserRow { name: alice, first: 0, count: 1 }, UserRow { name: bob, first: 1, count: 1 }];
        draft.conferred = vec![
            ConferredRow { gid: 7, from: 1, until: 1000 },
            ConferredRow { gid: 7, from: 0, until: ever },
        ];
        draft.people = vec![PersonRow { name: alice, gecos, home, shell, uid: 1001, gid: 100, until: ever }];
        (draft.groups_by_gid, draft.people_by_uid) = (vec![0], vec![0]);
        draft
    }

    /// Adds a text with its zero.
    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) -> Text {
        let text = text.as_ref();
        let number = |n: usize| u32::try_from(n).unwrap();
        let at = Text { offset: number(self.text.len()), length: number(text.len()) };
        self.text.extend_from_slice(text);
        self.text.push(0);
        at
    }

    fn tables(&self) -> [(Table, Vec<u8>, usize); TABLES] {
        let numbers = |rows: &[u32]| rows.iter().flat_map(|row| row.to_le_bytes()).collect::<Vec<u8>>();
        let groups = self.groups.iter().flat_map(|row| row.to_bytes()).collect();
        let members = self.members.iter().flat_map(|row| row.to_bytes()).collect();
        let users = self.users.iter().flat_map(|row| row.to_bytes()).collect();
        let conferred = self.conferred.iter().flat_map(|row| row.to_bytes()).collect();
        let people = self.people.iter().flat_map(|row| row.to_bytes()).collect();
        [
            (Table::Groups, groups, self.groups.len()),
            (Table::GroupsByGid, numbers(&self.groups_by_gid), self.groups_by_gid.len()),
            (Table::Members, members, self.members.len()),
            (Table::Users, users, self.users.len()),
            (Table::Conferred, conferred, self.conferred.len()),
            (Table::People, people, self.people.len()),
            (Table::PeopleByUid, numbers(&self.people_by_uid), self.people_by_uid.len()),
            (Table::Text, self.text.clone(), self.text.len()),
        ]
    }

    /// The file.
    pub(crate) fn file(&self) -> Vec<u8> {
        self.file_with(|_| ())
    }

    /// The file with a header that is changed before the sum is made.
    pub(crate) fn file_with(&self, change: impl Fn(&mut Header)) -> Vec<u8> {
        let mut header = self.header;
        let mut file = vec![0; HEADER];
        for (table, bytes, count) in self.tables() {
            file.resize(file.len().next_multiple_of(8), 0);
            let number = |n: usize| u32::try_from(n).unwrap();
            header.tables[table as usize] = Extent { offset: number(file.len()), count: number(count) };
            file.extend_from_slice(&bytes);
        }
        header.length = file.len() as u64;
        change(&mut header);
        file[..HEADER].copy_from_slice(&header.to_bytes());
        sealed(file)
    }
}

/// The same file with the right checksum. Its length is left as it is said.
pub(crate) fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    if file.len() >= COVERED {
        let sum = checksum(&file[COVERED..]);
        file[24..32].copy_from_slice(&sum.to_le_bytes());
    }
    file
}
