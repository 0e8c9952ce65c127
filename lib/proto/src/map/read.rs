//! Answers from a map. Must never panic, whatever the bytes are, never give half an answer (what cannot be read is [`Damaged`]), and never
//! one that could make somebody root, or break a line of passwd(5) or group(5) or a C string.
//!
//! Once, when the file is mapped: the checksum. Each time it is asked: that the tables lie in it, one after the other (that is eight
//! comparisons), and of the answer itself that its rows are there, its numbers are good and its texts plain and closed by a zero. So a
//! lookup costs a binary search and its own members, whatever the file says. Whether rows are in order is not looked at: a file in which they
//! are not hides something, as one that lacks it does, and shows nothing that it does not say.

use super::MAX;
use super::layout::{
    ALIGN, COVERED, ConferredRow, FIXED, GROUPS, GroupRow, HEADER, Header, MAGIC, MemberRow, ORDER,
    PersonRow, Row, TABLES, Table, Text, UserRow, checksum, is_field, is_name, is_number,
};
use super::rows::Rows;

/// The file is no map that this code understands: cut short, damaged, of another version, too large, or something else altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// What the clocks of this host say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// CLOCK_REALTIME, in seconds.
    pub real: i64,
    /// CLOCK_BOOTTIME, in milliseconds.
    pub boot_ms: i64,
}

/// A moment at which a map is asked, by the daemon's own rule: never before the time that the daemon had settled when it wrote, plus what
/// has passed since. So a clock that is set back prolongs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(i64);

/// A map. Checked as a whole when it was opened.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    header: Header,
    /// In the order of [`Table`].
    tables: [&'a [u8]; TABLES],
}

/// The first [`FIXED`] bytes of a file; whether it may be a map.
pub fn is_map(first: &[u8; FIXED]) -> bool {
    first.starts_with(&MAGIC)
}

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its number.
    pub gid: u32,
    first: u32,
    count: u32,
}

/// A person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person<'a> {
    /// The login.
    pub name: &'a [u8],
    /// The real name and what else there is.
    pub gecos: &'a [u8],
    /// The home directory.
    pub home: &'a [u8],
    /// The login shell.
    pub shell: &'a [u8],
    /// The number.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
}

impl<'a> Map<'a> {
    /// Takes what stands in the file from [`FIXED`] on, if it is whole: the word before may change at any time, and is not looked at. That
    /// it is a map, of this version, says [`is_map`].
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn open(rest: &'a [u8]) -> Result<Map<'a>, Damaged> {
        let map = Map::again(rest)?;
        let covered = COVERED.checked_sub(FIXED).and_then(|at| rest.get(at..)).ok_or(Damaged)?;
        if checksum(covered) != map.header.checksum {
            return Err(Damaged);
        }
        Ok(map)
    }

    /// The same of bytes that [`Map::open`] has taken before, and that have not changed since: without the checksum.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn again(rest: &'a [u8]) -> Result<Map<'a>, Damaged> {
        let header = Header::read(rest).ok_or(Damaged)?;
        let length = rest.len().checked_add(FIXED).ok_or(Damaged)?;
        if length > MAX || header.length != length as u64 {
            return Err(Damaged);
        }
        let mut tables: [&[u8]; TABLES] = [&[]; TABLES];
        // Nothing overlaps: each begins where the one before has ended, or after that.
        let mut free = HEADER;
        for ((bytes, extent), table) in tables.iter_mut().zip(header.tables).zip(ORDER) {
            let from = usize::try_from(extent.offset).map_err(|_| Damaged)?;
            let size = usize::try_from(extent.count).ok().and_then(|count| count.checked_mul(table.row()));
            let to =
                size.and_then(|size| from.checked_add(size)).filter(|to| *to <= length).ok_or(Damaged)?;
            if from < free || from.checked_rem(ALIGN) != Some(0) {
                return Err(Damaged);
            }
            let within = from.checked_sub(FIXED).zip(to.checked_sub(FIXED));
            *bytes = within.and_then(|(from, to)| rest.get(from..to)).ok_or(Damaged)?;
            free = to;
        }
        let map = Map { header, tables };
        let indexed = map.count(Table::Groups) == map.count(Table::GroupsByGid)
            && map.count(Table::People) == map.count(Table::PeopleByUid);
        indexed.then_some(map).ok_or(Damaged)
    }

    /// Until when it answers.
    pub fn valid_until(&self) -> i64 {
        self.header.valid_until
    }

    /// The moment at which it is asked; `None` if it answers nothing then: it is too old, or was written before this boot.
    pub fn at(&self, clocks: Clocks) -> Option<Now> {
        let since = clocks.boot_ms.checked_sub(self.header.boot_ms).filter(|since| *since >= 0)?;
        let settled = self.header.settled_ms.checked_add(since)?.checked_div_euclid(1000)?;
        let now = settled.max(clocks.real);
        (now < self.header.valid_until).then_some(Now(now))
    }

    /// The group of this name.
    ///
    /// # Errors
    /// [`Damaged`], as everywhere below.
    pub fn group(&self, name: &[u8]) -> Result<Option<Group<'a>>, Damaged> {
        let rows = self.rows::<GroupRow>(Table::Groups);
        rows.find(|row| Ok(self.text(row.name)?.cmp(name)))?.map(|row| self.named(row)).transpose()
    }

    /// The group of this number.
    pub fn group_of_gid(&self, gid: u32) -> Result<Option<Group<'a>>, Damaged> {
        let rows = self.rows::<GroupRow>(Table::Groups);
        let index = self.rows::<u32>(Table::GroupsByGid);
        let found = index.find(|row| Ok(rows.row(*row)?.gid.cmp(&gid)))?;
        found.map(|row| self.named(rows.row(row)?)).transpose()
    }

    /// The groups one after the other, by number from 0; `None` after the last.
    pub fn group_at(&self, n: u32) -> Result<Option<Group<'a>>, Damaged> {
        let rows = self.rows::<GroupRow>(Table::Groups);
        (n < rows.count()).then(|| self.named(rows.row(n)?)).transpose()
    }

    /// The logins of who is in a group now.
    pub fn members(&self, group: &Group<'a>, now: Now) -> Result<Members<'a>, Damaged> {
        let rows = self.rows(Table::Members);
        Ok(Members { map: *self, rows: rows.run(group.first, group.count)?, now })
    }

    /// The numbers of the groups that somebody is in now.
    pub fn groups_of(&self, user: &[u8], now: Now) -> Result<Gids<'a>, Damaged> {
        let users = self.rows::<UserRow>(Table::Users);
        let found = users.find(|row| Ok(self.text(row.name)?.cmp(user)))?;
        let (first, count) = found.map_or((0, 0), |row| (row.first, row.count));
        if count > GROUPS {
            return Err(Damaged);
        }
        Ok(Gids { rows: self.rows(Table::Conferred).run(first, count)?, now })
    }

    /// The person of this login, if he is known now.
    pub fn person(&self, name: &[u8], now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People);
        let found = rows.find(|row| Ok(self.text(row.name)?.cmp(name)))?;
        self.known(found, now)
    }

    /// The person of this number, if he is known now.
    pub fn person_of_uid(&self, uid: u32, now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People);
        let index = self.rows::<u32>(Table::PeopleByUid);
        let found = index.find(|row| Ok(rows.row(*row)?.uid.cmp(&uid)))?;
        self.known(found.map(|row| rows.row(row)).transpose()?, now)
    }

    /// The people one after the other, by number from 0: the inner `None` is one who is not known any more, the outer comes after the last.
    #[allow(clippy::option_option, reason = "the end and a gap are two things")]
    pub fn person_at(&self, n: u32, now: Now) -> Result<Option<Option<Person<'a>>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People);
        (n < rows.count()).then(|| self.known(Some(rows.row(n)?), now)).transpose()
    }

    fn named(&self, row: GroupRow) -> Result<Group<'a>, Damaged> {
        // Nobody confers root's group, whatever the file says.
        let gid = Some(row.gid).filter(|gid| is_number(*gid)).ok_or(Damaged)?;
        Ok(Group { name: self.name(row.name)?, gid, first: row.first, count: row.count })
    }

    fn known(&self, row: Option<PersonRow>, now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let Some(row) = row.filter(|row| now.0 < row.until) else { return Ok(None) };
        if !is_number(row.uid) || !is_number(row.gid) {
            return Err(Damaged);
        }
        Ok(Some(Person {
            name: self.name(row.name)?,
            gecos: self.field(row.gecos)?,
            home: self.field(row.home)?,
            shell: self.field(row.shell)?,
            uid: row.uid,
            gid: row.gid,
        }))
    }

    fn count(&self, table: Table) -> u32 {
        self.header.tables.get(table as usize).map_or(0, |extent| extent.count)
    }

    fn bytes(&self, table: Table) -> &'a [u8] {
        self.tables.get(table as usize).copied().unwrap_or_default()
    }

    fn rows<R: Row>(&self, table: Table) -> Rows<'a, R> {
        Rows::new(self.bytes(table), self.count(table))
    }

    /// As it stands there, to be compared.
    fn text(&self, text: Text) -> Result<&'a [u8], Damaged> {
        let from = usize::try_from(text.offset).map_err(|_| Damaged)?;
        let length = usize::try_from(text.length).map_err(|_| Damaged)?;
        let to = from.checked_add(length).ok_or(Damaged)?;
        self.bytes(Table::Text).get(from..to).ok_or(Damaged)
    }

    /// A text to be given away: closed by a zero, and as `is` wants it.
    fn closed(&self, text: Text, is: fn(&[u8]) -> bool) -> Result<&'a [u8], Damaged> {
        let bytes = self.text(text)?;
        let end = text.offset.checked_add(text.length).and_then(|end| usize::try_from(end).ok());
        let zero = end.and_then(|end| self.bytes(Table::Text).get(end)) == Some(&0);
        (zero && is(bytes)).then_some(bytes).ok_or(Damaged)
    }

    fn name(&self, text: Text) -> Result<&'a [u8], Damaged> {
        self.closed(text, is_name)
    }

    fn field(&self, text: Text) -> Result<&'a [u8], Damaged> {
        self.closed(text, is_field)
    }
}

/// See [`Map::members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    map: Map<'a>,
    rows: Rows<'a, MemberRow>,
    now: Now,
}

impl Members<'_> {
    /// No more than so many follow: some of them may not be in the group now.
    pub fn most(&self) -> u32 {
        self.rows.count()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<&'a [u8], Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rows.next()? {
                Ok(row) if row.from <= self.now.0 && self.now.0 < row.until => {
                    return Some(self.map.name(row.name));
                }
                Ok(_) => {}
                Err(damaged) => return Some(Err(damaged)),
            }
        }
    }
}

/// See [`Map::groups_of`].
#[derive(Clone, Debug)]
pub struct Gids<'a> {
    rows: Rows<'a, ConferredRow>,
    now: Now,
}

impl Iterator for Gids<'_> {
    type Item = Result<u32, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rows.next()? {
                Ok(row) if row.from <= self.now.0 && self.now.0 < row.until => {
                    return Some(Some(row.gid).filter(|gid| is_number(*gid)).ok_or(Damaged));
                }
                Ok(_) => {}
                Err(damaged) => return Some(Err(damaged)),
            }
        }
    }
}
