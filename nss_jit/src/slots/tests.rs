use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use super::*;

/// Threads that look up and replace at once never touch what was taken out, and everything is taken out in the end.
#[test]
fn nothing_is_taken_out_while_somebody_takes_part() {
    const ROUNDS: usize = 20_000;
    let slots = Slots::<4>::new();
    let alive: Vec<AtomicBool> = (0..4 * ROUNDS + 1).map(|_| AtomicBool::new(false)).collect();
    let next = AtomicUsize::new(1);
    let end = |raw: Option<Raw>| {
        if let Some(raw) = raw {
            assert!(alive[raw.length].swap(false, SeqCst), "taken out twice");
        }
    };
    let fresh = || {
        let n = next.fetch_add(1, SeqCst);
        alive[n].store(true, SeqCst);
        Raw { address: core::ptr::null_mut(), length: n }
    };
    thread::scope(|scope| {
        for thread in 0..4 {
            let (slots, alive, fresh, end) = (&slots, &alive, &fresh, &end);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    match slots.join() {
                        Joined::None if thread == 0 => match slots.replace(None, fresh()) {
                            Replaced::Part(part) => end(slots.leave(part)),
                            other => panic!("{other:?}"),
                        },
                        Joined::None => {}
                        Joined::Overtaken(raw) => end(raw),
                        Joined::Part(part, raw) => {
                            assert!(alive[raw.length].load(SeqCst), "{raw:?} was taken out");
                            if round % 3 == 0 {
                                let new = fresh();
                                match slots.replace(Some(&part), new) {
                                    Replaced::Part(part) => end(slots.leave(part)),
                                    Replaced::Overtaken | Replaced::Full => end(Some(new)),
                                }
                            }
                            assert!(alive[raw.length].load(SeqCst), "{raw:?} was taken out");
                            end(slots.leave(part));
                        }
                    }
                }
            });
        }
    });
    let left = alive.iter().filter(|alive| alive.load(SeqCst)).count();
    assert_eq!(left, 1, "the current one");
}

/// The child of a fork, or a signal handler that never comes back, leaves a part behind for ever: that slot is lost, and no more than that.
#[test]
fn parts_that_nobody_gives_back_cost_their_slots_alone() {
    let slots = Slots::<3>::new();
    let raw = |length| Raw { address: core::ptr::null_mut(), length };
    let mut lost = None;
    for n in 1..=3 {
        // The one before is never left.
        let Replaced::Part(part) = slots.replace(lost.as_ref(), raw(n)) else { panic!("{n}") };
        lost = Some(part);
    }
    assert_eq!(slots.replace(lost.as_ref(), raw(4)), Replaced::Full);
    // The current one is asked all the same, as often as one likes.
    for _ in 0..3 {
        let Joined::Part(part, current) = slots.join() else { panic!("no current one") };
        assert_eq!((slots.leave(part), current), (None, raw(3)));
    }
}
