//! Rows of one table of a map, as they lie in its bytes. Must never panic, whatever the bytes and the numbers are.

use core::cmp::Ordering;
use core::marker::PhantomData;

use super::layout::Row;
use super::read::Damaged;

/// Rows of one table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a, R> {
    bytes: &'a [u8],
    count: u32,
    row: PhantomData<R>,
}

impl<'a, R: Row> Rows<'a, R> {
    /// So many rows; there must be bytes for all of them.
    pub(super) fn new(bytes: &'a [u8], count: u32) -> Rows<'a, R> {
        Rows { bytes, count, row: PhantomData }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The one of this number, from 0.
    pub(super) fn row(&self, n: u32) -> Result<R, Damaged> {
        self.from(n).and_then(R::read).ok_or(Damaged)
    }

    /// So many from that one on.
    pub(super) fn run(&self, first: u32, count: u32) -> Result<Rows<'a, R>, Damaged> {
        first.checked_add(count).filter(|end| *end <= self.count).ok_or(Damaged)?;
        Ok(Rows::new(self.from(first).ok_or(Damaged)?, count))
    }

    /// Takes the first off.
    pub(super) fn next(&mut self) -> Option<Result<R, Damaged>> {
        self.count = self.count.checked_sub(1)?;
        let row = R::read(self.bytes).ok_or(Damaged);
        self.bytes = self.bytes.get(R::SIZE..).unwrap_or_default();
        Some(row)
    }

    /// The row that compares as equal, of rows in order. Of rows that are in none it may miss one, but finds no other, and asks no oftener.
    pub(super) fn find(
        &self,
        compare: impl Fn(&R) -> Result<Ordering, Damaged>,
    ) -> Result<Option<R>, Damaged> {
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

    fn from(&self, n: u32) -> Option<&'a [u8]> {
        self.bytes.get(usize::try_from(n).ok()?.checked_mul(R::SIZE)?..)
    }
}
