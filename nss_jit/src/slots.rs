//! Which mapping of the group map is the current one, for all threads of a process at once, without a lock.
//!
//! A few slots, each of which holds at most one mapping. Whoever looks something up takes part in the current one for that long; whoever
//! finds it superseded puts a new one into a free slot and makes that one current. The old one is taken out by the last who leaves it. A
//! fork in the middle of a lookup of another thread leaves the child with a slot that nobody ever leaves: it stays as it is. When no slot
//! is free, a lookup maps the file for itself alone. Nobody ever waits for anybody.
//!
//! This file only counts: it says who may touch which mapping. What a mapping is, and the touching, is [`crate::host`]'s.

use core::sync::atomic::Ordering::SeqCst;
#[cfg(not(test))]
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
#[cfg(test)]
use step::{AtomicPtr, AtomicU32, AtomicUsize};

/// In a slot's word: it holds a mapping, or is about to, or was a moment ago.
const TAKEN: u32 = 1 << 31;
/// It is not the current one any more: the last who leaves takes it out. The rest of the word counts who takes part. All in one word: who
/// saw that nobody takes part must not find out later that the slot has been retired, and that somebody does.
const RETIRED: u32 = 1 << 30;

/// A mapping as its address and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) address: *mut u8,
    pub(crate) length: usize,
}

struct Slot {
    word: AtomicU32,
    address: AtomicPtr<u8>,
    length: AtomicUsize,
}

/// The slots of a process. More than two only for the children of forks in bad moments.
pub(crate) struct Slots<const COUNT: usize = 4> {
    /// The number of the current one plus one; 0 for none.
    current: AtomicUsize,
    slots: [Slot; COUNT],
}

/// Taking part in a slot. To be given back by [`Slots::leave`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part(usize);

impl<const COUNT: usize> Slots<COUNT> {
    pub(crate) const fn new() -> Slots<COUNT> {
        Slots { current: AtomicUsize::new(0), slots: [const { Slot::empty() }; COUNT] }
    }

    fn slot(&self, number: usize) -> Option<&Slot> {
        self.slots.get(number.checked_sub(1)?)
    }

    /// Takes part in the current one: it is not taken out before that is given back.
    pub(crate) fn join(&self) -> Joined {
        let number = self.current.load(SeqCst);
        let Some(slot) = self.slot(number) else { return Joined::None };
        slot.word.fetch_add(1, SeqCst);
        // Current after we were counted: nobody takes it out before we leave.
        if self.current.load(SeqCst) != number {
            return Joined::Overtaken(self.leave(Part(number)));
        }
        Joined::Part(Part(number), slot.raw())
    }

    /// Gives a part back; what is to be unmapped then, if it was the last of a retired one.
    #[must_use]
    pub(crate) fn leave(&self, part: Part) -> Option<Raw> {
        let slot = self.slot(part.0)?;
        if slot.word.fetch_sub(1, SeqCst) != TAKEN | RETIRED | 1 {
            return None;
        }
        // Somebody may have been counted in by mistake since; then it is he who leaves last.
        slot.word.compare_exchange(TAKEN | RETIRED, TAKEN, SeqCst, SeqCst).ok()?;
        let raw = slot.raw();
        slot.word.fetch_and(!TAKEN, SeqCst);
        Some(raw)
    }

    /// Makes a new mapping the current one in place of that in which `old` takes part, or of none, and takes part in it. `old` is still
    /// to be left.
    pub(crate) fn replace(&self, old: Option<&Part>, new: Raw) -> Replaced {
        let empty = |slot: &&Slot| slot.word.compare_exchange(0, TAKEN | 1, SeqCst, SeqCst).is_ok();
        let Some((number, slot)) = (1..).zip(&self.slots).find(|(_, slot)| empty(slot)) else {
            return Replaced::Full;
        };
        slot.address.store(new.address, SeqCst);
        slot.length.store(new.length, SeqCst);
        let before = old.map_or(0, |part| part.0);
        if self.current.compare_exchange(before, number, SeqCst, SeqCst).is_err() {
            // It never was the current one: nobody but us looks at it.
            slot.word.fetch_sub(TAKEN | 1, SeqCst);
            return Replaced::Overtaken;
        }
        // We take part in the old one still, so it is taken out when we leave it, or later.
        if let Some(slot) = self.slot(before) {
            slot.word.fetch_or(RETIRED, SeqCst);
        }
        Replaced::Part(Part(number))
    }
}

impl Slot {
    const fn empty() -> Slot {
        Slot {
            word: AtomicU32::new(0),
            address: AtomicPtr::new(core::ptr::null_mut()),
            length: AtomicUsize::new(0),
        }
    }

    fn raw(&self) -> Raw {
        Raw { address: self.address.load(SeqCst), length: self.length.load(SeqCst) }
    }
}

/// What came of [`Slots::join`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// There is no current one.
    None,
    /// Somebody replaced it in that moment: to be tried again, once this is unmapped.
    Overtaken(Option<Raw>),
    /// This is the current one.
    Part(Part, Raw),
}

/// What came of [`Slots::replace`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It is the current one.
    Part(Part),
    /// Somebody else was faster, and the new mapping is the caller's still.
    Overtaken,
    /// There is no room for it, and it is the caller's still.
    Full,
}

#[cfg(test)]
mod interleaved;
#[cfg(test)]
mod step;
#[cfg(test)]
mod tests;
