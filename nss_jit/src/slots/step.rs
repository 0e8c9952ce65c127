//! Atomics that can be taken step by step: what a thread does is run again from its beginning with the results that it has seen so far, goes
//! one access further, and is stopped. So its state is the list of what it saw, and can be kept, compared and continued at will.
//!
//! Without [`next`] around them they are the ordinary ones.
#![allow(clippy::arithmetic_side_effects, reason = "part of the tests")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;

/// The result of an access: whether it went well, and what it saw.
pub(super) type Seen = (bool, u64);

struct Run {
    seen: Vec<Seen>,
    /// How many of these have been given out.
    given: usize,
    /// Whether the one further access has been made.
    stopped: bool,
}

struct Stop;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Goes one access further than `seen`: what has been seen then, and what came of all of it if that was the end.
pub(super) fn next<T>(seen: &[Seen], run: impl FnOnce() -> T) -> (Vec<Seen>, Option<T>) {
    RUN.set(Some(Run { seen: seen.to_vec(), given: 0, stopped: false }));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let seen = RUN.take().map(|run| run.seen).unwrap_or_default();
    match outcome {
        Ok(outcome) => (seen, Some(outcome)),
        Err(stop) if stop.is::<Stop>() => (seen, None),
        Err(other) => resume_unwind(other),
    }
}

fn access(make: impl FnOnce() -> Seen) -> Seen {
    RUN.with_borrow_mut(|run| {
        let Some(run) = run else { return make() };
        if let Some(seen) = run.seen.get(run.given) {
            run.given += 1;
            return *seen;
        }
        if run.stopped {
            resume_unwind(Box::new(Stop));
        }
        let seen = make();
        run.seen.push(seen);
        run.given += 1;
        run.stopped = true;
        seen
    })
}

macro_rules! number {
    ($name:ident, $number:ty) => {
        pub(super) struct $name(std::sync::atomic::$name);

        #[allow(dead_code, clippy::cast_possible_truncation, reason = "one for both")]
        impl $name {
            pub(super) const fn new(value: $number) -> $name {
                $name(std::sync::atomic::$name::new(value))
            }

            pub(super) fn load(&self, order: Ordering) -> $number {
                access(|| (true, self.0.load(order) as u64)).1 as $number
            }

            pub(super) fn store(&self, value: $number, order: Ordering) {
                access(|| (self.0.store(value, order), (true, 0)).1);
            }

            pub(super) fn fetch_add(&self, value: $number, order: Ordering) -> $number {
                access(|| (true, self.0.fetch_add(value, order) as u64)).1 as $number
            }

            pub(super) fn fetch_sub(&self, value: $number, order: Ordering) -> $number {
                access(|| (true, self.0.fetch_sub(value, order) as u64)).1 as $number
            }

            pub(super) fn fetch_and(&self, value: $number, order: Ordering) -> $number {
                access(|| (true, self.0.fetch_and(value, order) as u64)).1 as $number
            }

            pub(super) fn fetch_or(&self, value: $number, order: Ordering) -> $number {
                access(|| (true, self.0.fetch_or(value, order) as u64)).1 as $number
            }

            pub(super) fn compare_exchange(
                &self,
                old: $number,
                new: $number,
                good: Ordering,
                bad: Ordering,
            ) -> Result<$number, $number> {
                let (good, seen) = access(|| match self.0.compare_exchange(old, new, good, bad) {
                    Ok(seen) => (true, seen as u64),
                    Err(seen) => (false, seen as u64),
                });
                if good { Ok(seen as $number) } else { Err(seen as $number) }
            }
        }
    };
}

number!(AtomicU32, u32);
number!(AtomicUsize, usize);

pub(super) struct AtomicPtr<T>(std::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    pub(super) const fn new(value: *mut T) -> AtomicPtr<T> {
        AtomicPtr(std::sync::atomic::AtomicPtr::new(value))
    }

    pub(super) fn load(&self, order: Ordering) -> *mut T {
        access(|| (true, self.0.load(order).addr() as u64)).1 as usize as *mut T
    }

    pub(super) fn store(&self, value: *mut T, order: Ordering) {
        access(|| (self.0.store(value, order), (true, 0)).1);
    }
}
