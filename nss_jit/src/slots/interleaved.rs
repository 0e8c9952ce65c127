//! Every interleaving of a few threads' accesses, with the code as it is: nothing is touched after it was taken out, nothing is taken out
//! twice or forgotten. The accesses are all sequentially consistent, so one after the other is all that can happen. That no thread need ever
//! go on again, for a fork or a signal, is in it: every beginning of every interleaving is one.
#![allow(clippy::arithmetic_side_effects, reason = "part of the tests")]

use std::collections::HashSet;

use super::step::{Seen, next};
use super::*;

/// One lookup of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lookup {
    /// Finds the current one good.
    Looks,
    /// Finds it superseded, and brings another.
    Renews,
}

/// What a thread is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Doing {
    Join,
    /// In place of the one in which it takes part, with this mapping.
    Replace(Option<usize>, usize),
    /// Leaves this, and then that.
    Leave(usize, Option<usize>),
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thread {
    number: usize,
    to_do: Vec<Lookup>,
    doing: Doing,
    seen: Vec<Seen>,
    /// Which mappings it may touch.
    holds: Vec<usize>,
}

/// The numbers in the slots: the current one; word, address and length of each.
type Memory<const COUNT: usize> = (usize, [(u32, usize, usize); COUNT]);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State<const COUNT: usize> {
    memory: Memory<COUNT>,
    threads: Vec<Thread>,
    /// What is mapped.
    alive: Vec<usize>,
}

fn thaw<const COUNT: usize>((current, slots): &Memory<COUNT>) -> Slots<COUNT> {
    let thawed = Slots::new();
    thawed.current.store(*current, SeqCst);
    for (to, (word, address, length)) in thawed.slots.iter().zip(slots) {
        to.word.store(*word, SeqCst);
        to.address.store(*address as *mut u8, SeqCst);
        to.length.store(*length, SeqCst);
    }
    thawed
}

fn freeze<const COUNT: usize>(slots: &Slots<COUNT>) -> Memory<COUNT> {
    let numbers =
        |slot: &Slot| (slot.word.load(SeqCst), slot.address.load(SeqCst).addr(), slot.length.load(SeqCst));
    (slots.current.load(SeqCst), slots.slots.each_ref().map(numbers))
}

fn raw(mapping: usize) -> Raw {
    Raw { address: mapping as *mut u8, length: mapping }
}

impl<const COUNT: usize> State<COUNT> {
    fn end(&mut self, raw: Option<Raw>) {
        let Some(raw) = raw else { return };
        assert_eq!(raw.address.addr(), raw.length, "halves of two mappings: {self:?}");
        let place = self.alive.iter().position(|mapping| *mapping == raw.length);
        self.alive.remove(place.unwrap_or_else(|| panic!("{raw:?} taken out twice: {self:?}")));
        let held = self.threads.iter().any(|thread| thread.holds.contains(&raw.length));
        assert!(!held, "{raw:?} taken out under somebody: {self:?}");
    }

    fn may_touch(&mut self, thread: usize, raw: Raw) {
        assert_eq!(raw.address.addr(), raw.length, "halves of two mappings: {self:?}");
        assert!(self.alive.contains(&raw.length), "{raw:?} was taken out: {self:?}");
        self.threads[thread].holds.push(raw.length);
    }

    /// One thread makes one access, and whatever it does by itself after that.
    fn step(&self, thread: usize) -> State<COUNT> {
        let mut after = self.clone();
        let slots = thaw(&self.memory);
        let Thread { number, seen, doing, .. } = self.threads[thread].clone();
        let fresh = number * 10 + self.threads[thread].to_do.len();
        let (seen, then) = match doing {
            Doing::Nothing => return after,
            Doing::Join => {
                let (seen, joined) = next(&seen, || slots.join());
                let then = joined.map(|joined| match joined {
                    Joined::None => Doing::Replace(None, fresh),
                    Joined::Overtaken(left) => {
                        after.end(left);
                        Doing::Join
                    }
                    Joined::Part(part, raw) => {
                        after.may_touch(thread, raw);
                        match after.threads[thread].to_do[0] {
                            Lookup::Looks => Doing::Leave(part.0, None),
                            Lookup::Renews => Doing::Replace(Some(part.0), fresh),
                        }
                    }
                });
                (seen, then)
            }
            Doing::Replace(old, mapping) => {
                if seen.is_empty() {
                    after.alive.push(mapping);
                }
                let part = old.map(Part);
                let (seen, replaced) = next(&seen, || slots.replace(part.as_ref(), raw(mapping)));
                let then = replaced.map(|replaced| match (replaced, old) {
                    (Replaced::Part(part), _) => {
                        after.may_touch(thread, raw(mapping));
                        Doing::Leave(part.0, old)
                    }
                    (Replaced::Overtaken | Replaced::Full, old) => {
                        after.end(Some(raw(mapping)));
                        old.map_or(Doing::Nothing, |old| Doing::Leave(old, None))
                    }
                });
                (seen, then)
            }
            Doing::Leave(part, other) => {
                if seen.is_empty() {
                    let holds = &mut after.threads[thread].holds;
                    // The new one is left first, and was taken part in last.
                    holds.pop();
                }
                let (seen, left) = next(&seen, || slots.leave(Part(part)));
                let then = left.map(|left| {
                    after.end(left);
                    other.map_or(Doing::Nothing, |other| Doing::Leave(other, None))
                });
                (seen, then)
            }
        };
        after.memory = freeze(&slots);
        let thread = &mut after.threads[thread];
        thread.seen = seen;
        if let Some(then) = then {
            thread.seen.clear();
            thread.doing = then;
            if then == Doing::Nothing {
                thread.to_do.remove(0);
                thread.doing = if thread.to_do.is_empty() { Doing::Nothing } else { Doing::Join };
            }
        }
        after.alive.sort_unstable();
        after
    }

    /// Nobody does anything any more.
    fn is_sound_at_the_end(&self) -> bool {
        let (current, slots) = self.memory;
        let good = |(number, (word, _, length)): (usize, (u32, usize, usize))| {
            if number == current { word == TAKEN && self.alive == [length] } else { word == 0 }
        };
        (1..).zip(slots).all(good) && self.alive.len() == usize::from(current != 0)
    }
}

/// How it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// With nothing mapped.
    Empty,
    /// With one mapping, the current one.
    Mapped,
}

/// Goes through all that can happen; how many states that were.
fn explore<const COUNT: usize>(begin: Begin, threads: &[&[Lookup]]) -> usize {
    let thread = |(number, to_do): (usize, &&[Lookup])| Thread {
        number,
        to_do: to_do.to_vec(),
        doing: Doing::Join,
        seen: Vec::new(),
        holds: Vec::new(),
    };
    let threads: Vec<Thread> = (1..).zip(threads).map(thread).collect();
    let mut first = State::<COUNT> { memory: freeze(&Slots::new()), threads, alive: Vec::new() };
    if begin == Begin::Mapped {
        first.memory.0 = 1;
        first.memory.1[0] = (TAKEN, 1, 1);
        first.alive.push(1);
    }
    let (mut known, mut open) = (HashSet::from([first.clone()]), vec![first]);
    while let Some(state) = open.pop() {
        let able: Vec<usize> =
            (0..state.threads.len()).filter(|n| state.threads[*n].doing != Doing::Nothing).collect();
        if able.is_empty() {
            assert!(state.is_sound_at_the_end(), "{state:?}");
        }
        for thread in able {
            let after = state.step(thread);
            if known.insert(after.clone()) {
                open.push(after);
            }
        }
    }
    known.len()
}

use Lookup::{Looks, Renews};

#[test]
fn two_threads_that_renew_again_and_again() {
    let states = explore::<2>(Begin::Empty, &[&[Renews, Renews, Renews], &[Renews, Renews, Looks]]);
    assert!(states > 10_000, "{states}");
}

#[test]
fn one_who_looks_while_two_renew() {
    let states = explore::<2>(Begin::Empty, &[&[Renews], &[Renews], &[Looks]]);
    assert!(states > 1_000, "{states}");
}

/// Minutes: only in `make test-long`.
#[test]
fn one_who_looks_while_two_renew_again_and_again() {
    if std::env::var_os("NEXTEST_PROFILE").is_some_and(|profile| profile == "long") {
        // A slot that one takes and gives up again, while another is still counted in there by mistake.
        let states = explore::<3>(Begin::Mapped, &[&[Renews], &[Renews, Renews], &[Looks]]);
        assert!(states > 100_000, "{states}");
        let states = explore::<2>(Begin::Empty, &[&[Renews, Renews], &[Renews, Renews], &[Looks, Looks]]);
        assert!(states > 900_000, "{states}");
    }
}
