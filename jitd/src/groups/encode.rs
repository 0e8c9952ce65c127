//! Writes a map into memory. The layout is lib/proto's; here is only what goes where. A function of values.

use std::collections::BTreeMap;

use jit_proto::map::MAX;
use jit_proto::map::layout::{
    ALIGN, COVERED, ConferredRow, Extent, GroupRow, HEADER, Header, MemberRow, PersonRow, Row, TABLES, Text,
    UserRow, checksum, is_field, is_name, is_number,
};

/// Who is in a group, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Whose.
    pub login: String,
    /// From then on.
    pub from: i64,
    /// Until then, which is not included.
    pub until: i64,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub gid: u32,
    /// Who is in it, for how long: of one login no two at the same time.
    pub members: Vec<Membership>,
}

/// A person whom the directory describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// The real name.
    pub gecos: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
    /// Until when he is known.
    pub until: i64,
}

/// Everything that a map says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The groups by name.
    pub groups: BTreeMap<String, Group>,
    /// The people by login.
    pub people: BTreeMap<String, Person>,
    /// The settled time, in milliseconds.
    pub settled_ms: i64,
    /// CLOCK_BOOTTIME, in milliseconds.
    pub boot_ms: i64,
    /// Until when it answers.
    pub valid_until: i64,
}

/// Why there is no such map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It would be larger than readers take.
    #[error("the group map would be larger than {} MiB: let fewer grants confer groups here, or serve fewer people", MAX >> 20)]
    TooLarge,
    /// A text that no reader gives away, as it would break a line of passwd(5) or group(5).
    #[error("{0:?} fits no line of passwd or group: correct it in the directory")]
    Text(String),
    /// A number that no reader gives away, or that two groups have, or two people.
    #[error("the number {0} is not for a group or a person, or for one only: correct it in the directory")]
    Number(u32),
}

/// The text of a map: each piece once, with a zero after it.
#[derive(Default)]
struct Pool<'a> {
    bytes: Vec<u8>,
    known: BTreeMap<&'a str, Text>,
}

impl<'a> Pool<'a> {
    fn name(&mut self, name: &'a str) -> Result<Text, Unwritable> {
        if is_name(name.as_bytes()) { self.put(name) } else { Err(Unwritable::Text(name.to_owned())) }
    }

    fn field(&mut self, text: &'a str) -> Result<Text, Unwritable> {
        if is_field(text.as_bytes()) { self.put(text) } else { Err(Unwritable::Text(text.to_owned())) }
    }

    fn put(&mut self, text: &'a str) -> Result<Text, Unwritable> {
        if let Some(known) = self.known.get(text) {
            return Ok(*known);
        }
        let at = Text { offset: small(self.bytes.len())?, length: small(text.len())? };
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.known.insert(text, at);
        Ok(at)
    }
}

/// Rows as they stand in the file.
struct Table {
    bytes: Vec<u8>,
    size: usize,
}

impl Table {
    fn of<R: Row>() -> Table {
        Table { bytes: Vec::new(), size: R::SIZE }
    }

    fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
    }

    fn count(&self) -> Result<u32, Unwritable> {
        small(self.bytes.len() / self.size)
    }
}

fn small(number: usize) -> Result<u32, Unwritable> {
    u32::try_from(number).ok().filter(|_| number <= MAX).ok_or(Unwritable::TooLarge)
}

/// The map as bytes, not superseded.
///
/// # Errors
/// When it would be larger than [`MAX`], or readers would not take it: names and texts as [`is_name`] and [`is_field`] have them, and
/// numbers that are good and each there once, are the caller's duty.
pub fn encode(content: &Content) -> Result<Vec<u8>, Unwritable> {
    let mut pool = Pool::default();
    let (mut groups, mut members) = (Table::of::<GroupRow>(), Table::of::<MemberRow>());
    let mut of_users: BTreeMap<&str, Vec<ConferredRow>> = BTreeMap::new();
    for (name, group) in &content.groups {
        let first = members.count()?;
        for Membership { login, from, until } in &group.members {
            members.push(&MemberRow { name: pool.name(login)?, from: *from, until: *until }.to_bytes());
            let conferred = ConferredRow { gid: group.gid, from: *from, until: *until };
            of_users.entry(login).or_default().push(conferred);
        }
        let row = GroupRow {
            name: pool.name(name)?,
            gid: number(group.gid)?,
            first,
            count: small(group.members.len())?,
        };
        groups.push(&row.to_bytes());
    }
    let (mut users, mut conferred) = (Table::of::<UserRow>(), Table::of::<ConferredRow>());
    for (login, rows) in &of_users {
        let row = UserRow { name: pool.name(login)?, first: conferred.count()?, count: small(rows.len())? };
        users.push(&row.to_bytes());
        rows.iter().for_each(|row| conferred.push(&row.to_bytes()));
    }
    let mut people = Table::of::<PersonRow>();
    for (login, person) in &content.people {
        let row = PersonRow {
            name: pool.name(login)?,
            gecos: pool.field(&person.gecos)?,
            home: pool.field(&person.home)?,
            shell: pool.field(&person.shell)?,
            uid: number(person.uid)?,
            gid: number(person.gid)?,
            until: person.until,
        };
        people.push(&row.to_bytes());
    }
    let tables: [Table; TABLES] = [
        groups,
        by_number(content.groups.values().map(|group| group.gid))?,
        members,
        users,
        conferred,
        people,
        by_number(content.people.values().map(|person| person.uid))?,
        Table { bytes: pool.bytes, size: 1 },
    ];
    lay_out(content, &tables)
}

fn number(number: u32) -> Result<u32, Unwritable> {
    if is_number(number) { Ok(number) } else { Err(Unwritable::Number(number)) }
}

/// The numbers of rows, in the order of what they are found by.
fn by_number(numbers: impl Iterator<Item = u32>) -> Result<Table, Unwritable> {
    let mut rows = BTreeMap::new();
    for (row, number) in numbers.enumerate() {
        if rows.insert(number, row).is_some() {
            return Err(Unwritable::Number(number));
        }
    }
    let mut index = Table::of::<u32>();
    for row in rows.into_values() {
        index.push(&small(row)?.to_le_bytes());
    }
    Ok(index)
}

fn lay_out(content: &Content, tables: &[Table; TABLES]) -> Result<Vec<u8>, Unwritable> {
    let mut header = Header {
        settled_ms: content.settled_ms,
        boot_ms: content.boot_ms,
        valid_until: content.valid_until,
        ..Header::default()
    };
    let mut file = vec![0; HEADER];
    for (extent, table) in header.tables.iter_mut().zip(tables) {
        file.resize(file.len().next_multiple_of(ALIGN), 0);
        *extent = Extent { offset: small(file.len())?, count: table.count()? };
        file.extend_from_slice(&table.bytes);
    }
    header.length = u64::from(small(file.len())?);
    let put = |file: &mut [u8], header: Header| file[..HEADER].copy_from_slice(&header.to_bytes());
    put(&mut file, header);
    header.checksum = checksum(&file[COVERED..]);
    put(&mut file, header);
    Ok(file)
}

#[cfg(test)]
mod tests;
