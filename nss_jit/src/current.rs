//! The map that counts now: the one that this process has mapped already, or a newer one from the daemon.
//!
//! In the steady state no system call: the mapping's superseded word and the clocks say that it counts. Must never answer from one that
//! does not, never try without end, and never wait.

use jit_proto::map::read::{Clocks, Map};
use jit_proto::map::steps;
use jit_proto::sys::{Found, Mapped, Maps, clocks};

use crate::answer::{Asked, Failure};
use crate::host::{Lent, find, keep, unmap};
use crate::slots::{Joined, Raw, Replaced, Slots};

/// How often the current one may be replaced while we try to take part in it. After that we map for this lookup alone.
const TRIES: usize = 4;

/// How often the file may be replaced while we look at both of its places.
const ROUNDS: usize = 8;

static SLOTS: Slots = Slots::new();

/// Asks the map that counts now.
pub(crate) fn with_map<T>(ask: impl FnOnce(Asked<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut ask = Some(ask);
    let mut answer = Err(Failure::Unavailable);
    find_and(&mut |asked| {
        if let Some(ask) = ask.take() {
            answer = ask(asked);
        }
    })?;
    answer
}

/// Calls `ask` with the map that counts now, if there is one. Once for all kinds of questions: eight copies of it would double the library.
#[inline(never)]
fn find_and(ask: &mut dyn FnMut(Asked<'_>)) -> Result<(), Failure> {
    let mut old = None;
    for _ in 0..TRIES {
        match SLOTS.join() {
            Joined::None => break,
            Joined::Overtaken(left) => end(left),
            Joined::Part(part, raw) => {
                let lent = Lent::new(raw);
                if let Some(asked) = lent.as_ref().and_then(|lent| known(lent.mapped())) {
                    ask(asked);
                    end(SLOTS.leave(part));
                    return Ok(());
                }
                old = Some(part);
                break;
            }
        }
    }
    let newest = newest().map(|(mapped, clocks)| {
        let raw = keep(mapped);
        let replaced = SLOTS.replace(old.as_ref(), raw);
        if let Some(asked) = Lent::new(raw).as_ref().and_then(|lent| asked(lent.mapped(), clocks)) {
            ask(asked);
        }
        match replaced {
            Replaced::Part(part) => end(SLOTS.leave(part)),
            // As good as the other one, but nobody else knows it.
            Replaced::Overtaken | Replaced::Full => end(Some(raw)),
        }
    });
    end(old.and_then(|part| SLOTS.leave(part)));
    newest
}

/// Unmaps what the last who took part in it has left.
fn end(left: Option<Raw>) {
    if let Some(raw) = left {
        unmap(raw);
    }
}

/// To ask a map whose checksum was right when it was mapped.
fn asked(mapped: &Mapped, clocks: Clocks) -> Option<Asked<'_>> {
    let map = Map::again(mapped.rest()).ok()?;
    Some(Asked { map, now: map.at(clocks)? })
}

/// The same now, if the daemon has not superseded it.
fn known(mapped: &Mapped) -> Option<Asked<'_>> {
    if mapped.is_superseded() { None } else { asked(mapped, clocks().ok()?) }
}

/// Whether it is whole, and can be asked now; when that is. Not inlined, as it would be there twice.
#[inline(never)]
fn usable(mapped: &Mapped) -> Option<Clocks> {
    let clocks = clocks().ok()?;
    // What is too old, or from before this boot, need not be read through.
    asked(mapped, clocks)?;
    Map::open(mapped.rest()).ok()?;
    Some(clocks)
}

/// The daemon's newest map, if it can be asked now.
///
/// It supersedes a map only when the next one is whole in its place beside it, and then puts that into the place of the first. So whoever
/// finds the first superseded finds the next beside it, or else at the first place by now; unless the very same file is still there, when
/// there is no next one.
///
/// The clocks are read once it is mapped: by those of a moment before, it may not have been written yet.
fn newest() -> Result<(Mapped, Clocks), Failure> {
    let maps = Maps::open(steps::ROOTS, steps::DAEMONS)?;
    let mut before = None;
    for _ in 0..ROUNDS {
        let mut superseded = None;
        for name in [steps::MAP, steps::NEXT] {
            match find(&maps, name) {
                Ok(Found::Mapped(mapped)) => {
                    if let Some(clocks) = usable(&mapped) {
                        return Ok((mapped, clocks));
                    }
                }
                Ok(Found::Superseded(identity)) if name == steps::MAP => superseded = Some(identity),
                Err(Failure::Exhausted) => return Err(Failure::Exhausted),
                Ok(Found::Superseded(_)) | Err(_) => {}
            }
        }
        if superseded.is_none() || superseded == before {
            break;
        }
        before = superseded;
    }
    Err(Failure::Unavailable)
}
