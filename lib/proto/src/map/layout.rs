//! What stands where in the map. Numbers are little-endian. Times are Unix seconds; where it says so, milliseconds.
//!
//! Must never change without another version in [`MAGIC`], but for what readers do not look at: a library that was mapped months ago
//! answers from what this daemon writes, or sees by the version that it cannot. docs/groups-map.md draws it.

pub use super::checksum::checksum;

/// The first eight bytes; the last of them is the version.
pub const MAGIC: [u8; 8] = *b"jitmap\0\x01";

/// Where the superseded word stands: four bytes, 0 as long as the map counts, written by the daemon alone.
pub const SUPERSEDED: usize = 8;

/// From here on, nothing is written again once the map is in its place.
pub const FIXED: usize = 16;

/// From here on, to the end of the file, the checksum covers everything.
pub const COVERED: usize = 32;

/// The length of the header. Its last eight bytes are zero, and not looked at: they are for what may come.
pub const HEADER: usize = 128;

/// Where tables begin: at multiples of this. What lies between them is zero, and not looked at.
pub const ALIGN: usize = 8;

/// No name is longer, in bytes.
pub const NAME: usize = 255;

/// No user has more rows of groups: NGROUPS_MAX of Linux, beyond which setgroups(2) refuses them all. Who puts them into a list without
/// doubles needs a bound, too.
pub const GROUPS: u32 = 65_536;

/// No other text is longer, in bytes.
pub const FIELD: usize = 65_535;

/// The tables, in the order in which the header names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// [`GroupRow`]s by name, each name once.
    Groups,
    /// Numbers of group rows, by gid, each gid once.
    GroupsByGid,
    /// [`MemberRow`]s, those of each group together.
    Members,
    /// [`UserRow`]s by name, each name once.
    Users,
    /// [`ConferredRow`]s, those of each user together.
    Conferred,
    /// [`PersonRow`]s by name, each name once.
    People,
    /// Numbers of person rows, by uid, each uid once.
    PeopleByUid,
    /// Text. Its count is in bytes.
    Text,
}

/// How many tables there are.
pub const TABLES: usize = 8;

/// All of them, in their order.
pub const ORDER: [Table; TABLES] = [
    Table::Groups,
    Table::GroupsByGid,
    Table::Members,
    Table::Users,
    Table::Conferred,
    Table::People,
    Table::PeopleByUid,
    Table::Text,
];

/// Whether a number may be that of a user or a group here: 0 is root's, and the last one means "none" to the kernel (setgroups(2)
/// refuses a whole list for it).
pub fn is_number(number: u32) -> bool {
    number != 0 && number != u32::MAX
}

/// Whether this may be the name of a user or a group: no byte that would end it, the field, the list or the line it stands in.
pub fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= NAME && each_eight(text, |eight| is_plain(eight) & !has(eight, b','))
}

/// Whether this may be another field of a line of passwd(5).
pub fn is_field(text: &[u8]) -> bool {
    text.len() <= FIELD && each_eight(text, is_plain)
}

/// Looks at eight bytes at once: a group of many members is a text for each of them. What is missing at the end is filled with letters.
fn each_eight(text: &[u8], is: impl Fn(u64) -> bool) -> bool {
    let eights = text.chunks_exact(8);
    let last = eights.remainder().iter().fold(all(b'a'), |last, byte| (last << 8) | u64::from(*byte));
    let whole = eights.filter_map(|eight| eight.first_chunk().copied().map(u64::from_ne_bytes));
    whole.fold(is(last), |all, eight| all & is(eight))
}

/// No colon, no control character.
fn is_plain(eight: u64) -> bool {
    !(has_zero(eight & all(0xe0)) | has(eight, b':') | has(eight, 0x7f))
}

/// Whether one of eight bytes is this one.
fn has(eight: u64, byte: u8) -> bool {
    has_zero(eight ^ all(byte))
}

/// Whether one of eight bytes is zero: only such a one, or one above such a one, borrows from its top bit without having it set.
fn has_zero(eight: u64) -> bool {
    eight.wrapping_sub(all(0x01)) & !eight & all(0x80) != 0
}

const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

impl Table {
    /// The size of its rows, in bytes.
    pub fn row(self) -> usize {
        match self {
            Table::Groups => GroupRow::SIZE,
            Table::GroupsByGid | Table::PeopleByUid => u32::SIZE,
            Table::Members => MemberRow::SIZE,
            Table::Users => UserRow::SIZE,
            Table::Conferred => ConferredRow::SIZE,
            Table::People => PersonRow::SIZE,
            Table::Text => 1,
        }
    }
}

/// Where a table stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// From the beginning of the file, in bytes.
    pub offset: u32,
    /// In rows.
    pub count: u32,
}

/// The header, from [`FIXED`] on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Of the whole file, in bytes.
    pub length: u64,
    /// [`checksum`] of the file from [`COVERED`] on.
    pub checksum: u64,
    /// The time when it was written, as the daemon had settled it, in milliseconds.
    pub settled_ms: i64,
    /// CLOCK_BOOTTIME then, in milliseconds.
    pub boot_ms: i64,
    /// From then on the map answers nothing.
    pub valid_until: i64,
    /// Where the tables are, in the order of [`Table`].
    pub tables: [Extent; TABLES],
}

/// A piece of the table of text. A byte of zero follows it there, which is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// From the beginning of the table.
    pub offset: u32,
    /// In bytes.
    pub length: u32,
}

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its name.
    pub name: Text,
    /// Its number, never 0.
    pub gid: u32,
    /// The first of its members.
    pub first: u32,
    /// How many they are.
    pub count: u32,
}

/// Somebody in a group, for a while. Nobody is in the same group twice at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// His login.
    pub name: Text,
    /// From then on.
    pub from: i64,
    /// Until then, which is not included.
    pub until: i64,
}

/// Somebody who is in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// His login.
    pub name: Text,
    /// The first of his groups.
    pub first: u32,
    /// How many they are.
    pub count: u32,
}

/// A group that is conferred on a user, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConferredRow {
    /// Its number.
    pub gid: u32,
    /// From then on.
    pub from: i64,
    /// Until then, which is not included.
    pub until: i64,
}

/// A person whom the directory describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// The login.
    pub name: Text,
    /// The real name and what else there is, as passwd(5) has it.
    pub gecos: Text,
    /// The home directory.
    pub home: Text,
    /// The login shell.
    pub shell: Text,
    /// The number, never 0.
    pub uid: u32,
    /// The primary group, never 0.
    pub gid: u32,
    /// Until when he is known, which is not included.
    pub until: i64,
}

/// A row of fixed size.
pub trait Row: Sized {
    /// In bytes.
    const SIZE: usize;

    /// Reads it; `None` when there are fewer bytes than that.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Option<Text> {
        Some(Text { offset: self.u32()?, length: self.u32()? })
    }
}

/// Puts the parts one after the other; what is left over is zero.
fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut joined = [0; N];
    for (to, from) in joined.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    joined
}

impl Text {
    fn to_bytes(self) -> [u8; 8] {
        join(&[&self.offset.to_le_bytes(), &self.length.to_le_bytes()])
    }
}

impl Header {
    /// Reads it from what stands from [`FIXED`] on.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let mut rest = Rest(bytes);
        let mut header = Header {
            length: rest.u64()?,
            checksum: rest.u64()?,
            settled_ms: rest.i64()?,
            boot_ms: rest.i64()?,
            valid_until: rest.i64()?,
            tables: [Extent::default(); TABLES],
        };
        for extent in &mut header.tables {
            *extent = Extent { offset: rest.u32()?, count: rest.u32()? };
        }
        Some(header)
    }

    /// The whole header, from the first byte of the file on, of a map that is not superseded.
    pub fn to_bytes(self) -> [u8; HEADER] {
        let mut tables = [[0; 8]; TABLES];
        for (to, extent) in tables.iter_mut().zip(self.tables) {
            *to = join(&[&extent.offset.to_le_bytes(), &extent.count.to_le_bytes()]);
        }
        join(&[
            &MAGIC,
            &[0; 8],
            &self.length.to_le_bytes(),
            &self.checksum.to_le_bytes(),
            &self.settled_ms.to_le_bytes(),
            &self.boot_ms.to_le_bytes(),
            &self.valid_until.to_le_bytes(),
            tables.as_flattened(),
        ])
    }
}

impl Row for u32 {
    const SIZE: usize = 4;

    fn read(bytes: &[u8]) -> Option<u32> {
        Rest(bytes).u32()
    }
}

impl Row for GroupRow {
    const SIZE: usize = 24;

    fn read(bytes: &[u8]) -> Option<GroupRow> {
        let mut rest = Rest(bytes);
        let row = GroupRow { name: rest.text()?, gid: rest.u32()?, first: rest.u32()?, count: rest.u32()? };
        rest.u32().map(|_| row)
    }
}

impl GroupRow {
    /// As it stands in the file.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let [gid, first, count] = [self.gid, self.first, self.count].map(u32::to_le_bytes);
        join(&[&self.name.to_bytes(), &gid, &first, &count])
    }
}

impl Row for MemberRow {
    const SIZE: usize = 24;

    fn read(bytes: &[u8]) -> Option<MemberRow> {
        let mut rest = Rest(bytes);
        Some(MemberRow { name: rest.text()?, from: rest.i64()?, until: rest.i64()? })
    }
}

impl MemberRow {
    /// As it stands in the file.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        join(&[&self.name.to_bytes(), &self.from.to_le_bytes(), &self.until.to_le_bytes()])
    }
}

impl Row for UserRow {
    const SIZE: usize = 16;

    fn read(bytes: &[u8]) -> Option<UserRow> {
        let mut rest = Rest(bytes);
        Some(UserRow { name: rest.text()?, first: rest.u32()?, count: rest.u32()? })
    }
}

impl UserRow {
    /// As it stands in the file.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        join(&[&self.name.to_bytes(), &self.first.to_le_bytes(), &self.count.to_le_bytes()])
    }
}

impl Row for ConferredRow {
    const SIZE: usize = 24;

    fn read(bytes: &[u8]) -> Option<ConferredRow> {
        let mut rest = Rest(bytes);
        let gid = rest.u32()?;
        rest.u32()?;
        Some(ConferredRow { gid, from: rest.i64()?, until: rest.i64()? })
    }
}

impl ConferredRow {
    /// As it stands in the file.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        join(&[&self.gid.to_le_bytes(), &[0; 4], &self.from.to_le_bytes(), &self.until.to_le_bytes()])
    }
}

impl Row for PersonRow {
    const SIZE: usize = 48;

    fn read(bytes: &[u8]) -> Option<PersonRow> {
        let mut rest = Rest(bytes);
        Some(PersonRow {
            name: rest.text()?,
            gecos: rest.text()?,
            home: rest.text()?,
            shell: rest.text()?,
            uid: rest.u32()?,
            gid: rest.u32()?,
            until: rest.i64()?,
        })
    }
}

impl PersonRow {
    /// As it stands in the file.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let [name, gecos, home, shell] = [self.name, self.gecos, self.home, self.shell].map(Text::to_bytes);
        let [uid, gid] = [self.uid, self.gid].map(u32::to_le_bytes);
        join(&[&name, &gecos, &home, &shell, &uid, &gid, &self.until.to_le_bytes()])
    }
}
