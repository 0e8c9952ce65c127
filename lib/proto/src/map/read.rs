//! Answers from a map. Must never panic, whatever the bytes are, and never give half an answer: what cannot be read is [`Damaged`].

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::MAX;
use super::layout::{
    COVERED, ConferredRow, FIXED, GroupRow, HEADER, Header, MAGIC, MemberRow, PersonRow, Row, Table, Text,
    UserRow, checksum,
};

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
    file: &'a [u8],
    header: Header,
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
    /// Takes what stands in the file from [`FIXED`] on, if it is whole: the word before may change at any time, and is not looked at.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn open(rest: &'a [u8]) -> Result<Map<'a>, Damaged> {
        let header = Header::read(rest).ok_or(Damaged)?;
        let length = rest.len().checked_add(FIXED).ok_or(Damaged)?;
        if length > MAX || header.length != length as u64 || length < HEADER {
            return Err(Damaged);
        }
        let covered = COVERED.checked_sub(FIXED).and_then(|at| rest.get(at..)).ok_or(Damaged)?;
        if checksum(covered) != header.checksum {
            return Err(Damaged);
        }
        Ok(Map { file: rest, header })
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
        let rows = self.rows::<GroupRow>(Table::Groups)?;
        rows.find(|row| Ok(self.text(row.name)?.cmp(name)))?.map(|row| self.named(row)).transpose()
    }

    /// The group of this number.
    pub fn group_of_gid(&self, gid: u32) -> Result<Option<Group<'a>>, Damaged> {
        let rows = self.rows::<GroupRow>(Table::Groups)?;
        let index = self.rows::<u32>(Table::GroupsByGid)?;
        let found = index.find(|row| Ok(rows.row(*row)?.gid.cmp(&gid)))?;
        found.map(|row| self.named(rows.row(row)?)).transpose()
    }

    /// The groups one after the other, by number from 0; `None` after the last.
    pub fn group_at(&self, n: u32) -> Result<Option<Group<'a>>, Damaged> {
        let rows = self.rows::<GroupRow>(Table::Groups)?;
        (n < rows.count).then(|| self.named(rows.row(n)?)).transpose()
    }

    /// The logins of who is in a group now.
    pub fn members(&self, group: &Group<'a>, now: Now) -> Result<Members<'a>, Damaged> {
        let rows = self.rows(Table::Members)?;
        Ok(Members { map: *self, rows: rows.run(group.first, group.count)?, now })
    }

    /// The numbers of the groups that somebody is in now.
    pub fn groups_of(&self, user: &[u8], now: Now) -> Result<Gids<'a>, Damaged> {
        let users = self.rows::<UserRow>(Table::Users)?;
        let found = users.find(|row| Ok(self.text(row.name)?.cmp(user)))?;
        let (first, count) = found.map_or((0, 0), |row| (row.first, row.count));
        Ok(Gids { rows: self.rows(Table::Conferred)?.run(first, count)?, now })
    }

    /// The person of this login, if he is known now.
    pub fn person(&self, name: &[u8], now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People)?;
        let found = rows.find(|row| Ok(self.text(row.name)?.cmp(name)))?;
        self.known(found, now)
    }

    /// The person of this number, if he is known now.
    pub fn person_of_uid(&self, uid: u32, now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People)?;
        let index = self.rows::<u32>(Table::PeopleByUid)?;
        let found = index.find(|row| Ok(rows.row(*row)?.uid.cmp(&uid)))?;
        self.known(found.map(|row| rows.row(row)).transpose()?, now)
    }

    /// The people one after the other, by number from 0: the inner `None` is one who is not known any more, the outer comes after the last.
    #[allow(clippy::option_option, reason = "the end and a gap are two things")]
    pub fn person_at(&self, n: u32, now: Now) -> Result<Option<Option<Person<'a>>>, Damaged> {
        let rows = self.rows::<PersonRow>(Table::People)?;
        (n < rows.count).then(|| self.known(Some(rows.row(n)?), now)).transpose()
    }

    fn named(&self, row: GroupRow) -> Result<Group<'a>, Damaged> {
        // Nobody confers root's group, whatever the file says.
        let gid = Some(row.gid).filter(|gid| *gid != 0).ok_or(Damaged)?;
        Ok(Group { name: self.text(row.name)?, gid, first: row.first, count: row.count })
    }

    fn known(&self, row: Option<PersonRow>, now: Now) -> Result<Option<Person<'a>>, Damaged> {
        let Some(row) = row.filter(|row| now.0 < row.until) else { return Ok(None) };
        if row.uid == 0 || row.gid == 0 {
            return Err(Damaged);
        }
        Ok(Some(Person {
            name: self.text(row.name)?,
            gecos: self.text(row.gecos)?,
            home: self.text(row.home)?,
            shell: self.text(row.shell)?,
            uid: row.uid,
            gid: row.gid,
        }))
    }

    fn bytes(&self, table: Table, size: usize) -> Result<(&'a [u8], u32), Damaged> {
        let extent = self.header.tables.get(table as usize).ok_or(Damaged)?;
        let from = usize::try_from(extent.offset).ok().and_then(|offset| offset.checked_sub(FIXED));
        let length = usize::try_from(extent.count).ok().and_then(|count| count.checked_mul(size));
        let to = from.zip(length).and_then(|(from, length)| from.checked_add(length));
        let bytes = from.zip(to).and_then(|(from, to)| self.file.get(from..to)).ok_or(Damaged)?;
        Ok((bytes, extent.count))
    }

    fn rows<R: Row>(&self, table: Table) -> Result<Rows<'a, R>, Damaged> {
        let (bytes, count) = self.bytes(table, R::SIZE)?;
        Ok(Rows { bytes, count, row: PhantomData })
    }

    fn text(&self, text: Text) -> Result<&'a [u8], Damaged> {
        let (bytes, _) = self.bytes(Table::Text, 1)?;
        let from = usize::try_from(text.offset).map_err(|_| Damaged)?;
        let to =
            usize::try_from(text.length).ok().and_then(|length| from.checked_add(length)).ok_or(Damaged)?;
        bytes.get(from..to).ok_or(Damaged)
    }
}

/// Rows of one table.
#[derive(Clone, Copy, Debug)]
struct Rows<'a, R> {
    bytes: &'a [u8],
    count: u32,
    row: PhantomData<R>,
}

impl<'a, R: Row> Rows<'a, R> {
    fn row(&self, n: u32) -> Result<R, Damaged> {
        let from = usize::try_from(n).ok().and_then(|n| n.checked_mul(R::SIZE)).ok_or(Damaged)?;
        self.bytes.get(from..).and_then(R::read).ok_or(Damaged)
    }

    /// So many from that one on.
    fn run(&self, first: u32, count: u32) -> Result<Rows<'a, R>, Damaged> {
        first.checked_add(count).filter(|end| *end <= self.count).ok_or(Damaged)?;
        let from = usize::try_from(first).ok().and_then(|n| n.checked_mul(R::SIZE));
        let bytes = from.and_then(|from| self.bytes.get(from..)).ok_or(Damaged)?;
        Ok(Rows { bytes, count, row: PhantomData })
    }

    /// Takes the first off.
    fn next(&mut self) -> Option<Result<R, Damaged>> {
        self.count = self.count.checked_sub(1)?;
        let row = R::read(self.bytes).ok_or(Damaged);
        self.bytes = self.bytes.get(R::SIZE..).unwrap_or_default();
        Some(row)
    }

    /// The row that compares as equal, of rows in order.
    fn find(&self, compare: impl Fn(&R) -> Result<Ordering, Damaged>) -> Result<Option<R>, Damaged> {
        let (mut from, mut to) = (0, self.count);
        while from < to {
            let middle = from.midpoint(to);
            let row = self.row(middle)?;
            match compare(&row)? {
                Ordering::Equal => return Ok(Some(row)),
                Ordering::Less => from = middle.checked_add(1).ok_or(Damaged)?,
                Ordering::Greater => to = middle,
            }
        }
        Ok(None)
    }
}

/// See [`Map::members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    map: Map<'a>,
    rows: Rows<'a, MemberRow>,
    now: Now,
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<&'a [u8], Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rows.next()? {
                Ok(row) if row.from <= self.now.0 && self.now.0 < row.until => {
                    return Some(self.map.text(row.name));
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
                    return Some(if row.gid == 0 { Err(Damaged) } else { Ok(row.gid) });
                }
                Ok(_) => {}
                Err(damaged) => return Some(Err(damaged)),
            }
        }
    }
}
