//! How much of the daemon one person may take: connections at a time, and questions per while. Pure; time comes in.
//!
//! sshd asks for keys as a uid of its own (`[keys] user`), for whoever opens a connection to it: with a limit per while, a stranger
//! who opens many would keep everybody's keys from being found. So that uid is held to no while, and neither crowds others out nor is
//! crowded out by them. What limits the stranger is sshd (MaxStartups, PerSourcePenalties), to whom each of his attempts costs a process
//! and a key exchange, a hundred times what the answer costs here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Connections of one uid at a time.
const AT_ONCE: usize = 8;
/// Connections of all people at a time; root may have as many besides, and so may sshd.
pub(crate) const IN_ALL: usize = 128;
/// Questions of one uid in a row.
const BURST: u32 = 64;
/// How long it takes until one more question is allowed.
const REFILL: Duration = Duration::from_millis(50);
/// How many uids are remembered before the idle ones are forgotten.
const REMEMBERED: usize = 1024;

/// In which capacity somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// root, and `[keys] user`: the host itself.
    Host,
    /// Anybody else.
    Person,
}

/// Why somebody has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// He has too many connections open.
    TooMany,
    /// He asks too often.
    TooOften,
    /// Everybody together has too many open.
    Full,
}

/// Keeps count.
#[derive(Debug, Default)]
pub struct Limits {
    open: usize,
    uids: HashMap<u32, Taken>,
}

#[derive(Debug)]
struct Taken {
    open: usize,
    spent: u32,
    since: Instant,
}

impl Limits {
    /// A new connection of a uid; if it may be served, [`Limits::leave`] must follow, with the same class. The host is never told that
    /// people are too many, and may ask as often as it likes.
    ///
    /// # Errors
    /// When it has to wait.
    pub fn enter(&mut self, uid: u32, class: Class, now: Instant) -> Result<(), Busy> {
        let host = class == Class::Host;
        if self.uids.len() >= REMEMBERED {
            self.uids.retain(|_, taken| taken.open > 0 || taken.spent_at(now) > 0);
        }
        if !host && self.open >= IN_ALL {
            return Err(Busy::Full);
        }
        let taken = self.uids.entry(uid).or_insert(Taken { open: 0, spent: 0, since: now });
        if taken.open >= if host { IN_ALL } else { AT_ONCE } {
            return Err(Busy::TooMany);
        }
        if !host {
            let spent = taken.spent_at(now);
            if spent >= BURST {
                return Err(Busy::TooOften);
            }
            // What is left of the current while counts for the next question.
            if spent != taken.spent {
                taken.since = now;
            }
            taken.spent = spent + 1;
            self.open += 1;
        }
        taken.open += 1;
        Ok(())
    }

    /// A connection that had entered is closed.
    pub fn leave(&mut self, uid: u32, class: Class) {
        if let Some(taken) = self.uids.get_mut(&uid) {
            taken.open = taken.open.saturating_sub(1);
        }
        if class == Class::Person {
            self.open = self.open.saturating_sub(1);
        }
    }
}

impl Taken {
    fn spent_at(&self, now: Instant) -> u32 {
        let refilled = now.saturating_duration_since(self.since).as_millis() / REFILL.as_millis();
        self.spent.saturating_sub(u32::try_from(refilled).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uid_cannot_take_everything() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for _ in 0..AT_ONCE {
            limits.enter(1000, Class::Person, now).unwrap();
        }
        assert_eq!(limits.enter(1000, Class::Person, now), Err(Busy::TooMany));
        assert_eq!(limits.enter(1001, Class::Person, now), Ok(()));
        limits.leave(1000, Class::Person);
        assert_eq!(limits.enter(1000, Class::Person, now), Ok(()));
    }

    #[test]
    fn questions_come_back_with_time() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for _ in 0..BURST {
            limits.enter(1000, Class::Person, now).unwrap();
            limits.leave(1000, Class::Person);
        }
        assert_eq!(limits.enter(1000, Class::Person, now), Err(Busy::TooOften));
        assert_eq!(limits.enter(1000, Class::Person, now + REFILL), Ok(()));
        limits.leave(1000, Class::Person);
        assert_eq!(limits.enter(1000, Class::Person, now + REFILL), Err(Busy::TooOften));
        let later = now + REFILL * (BURST + 1);
        for _ in 0..BURST {
            limits.enter(1000, Class::Person, later).unwrap();
            limits.leave(1000, Class::Person);
        }
        assert_eq!(limits.enter(1000, Class::Person, later), Err(Busy::TooOften));
    }

    #[test]
    fn the_host_comes_through_a_crowd_and_takes_nobodys_place() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let crowd = (1..).take(IN_ALL / AT_ONCE).flat_map(|uid| [uid; AT_ONCE]);
        crowd.for_each(|uid| limits.enter(uid, Class::Person, now).unwrap());
        assert_eq!(limits.enter(5000, Class::Person, now), Err(Busy::Full));
        for uid in [0, 997] {
            for _ in 0..IN_ALL {
                limits.enter(uid, Class::Host, now).unwrap();
            }
            assert_eq!(limits.enter(uid, Class::Host, now), Err(Busy::TooMany));
        }
        limits.leave(1, Class::Person);
        assert_eq!(limits.enter(5000, Class::Person, now), Ok(()));
        (0..IN_ALL).for_each(|_| limits.leave(997, Class::Host));
        assert_eq!(limits.enter(5001, Class::Person, now), Err(Busy::Full));
    }

    /// However many connections a stranger opens to sshd, one after the other: the next one's keys are found.
    #[test]
    fn sshd_asks_as_often_as_it_is_asked() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for _ in 0..100 * BURST {
            limits.enter(997, Class::Host, now).unwrap();
            limits.leave(997, Class::Host);
        }
        for _ in 0..BURST {
            limits.enter(1000, Class::Person, now).unwrap();
            limits.leave(1000, Class::Person);
        }
        assert_eq!(limits.enter(1000, Class::Person, now), Err(Busy::TooOften));
    }

    #[test]
    fn strangers_are_forgotten() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        for uid in 1..5000 {
            let at = now + REFILL * uid;
            limits.enter(uid, Class::Person, at).unwrap();
            limits.leave(uid, Class::Person);
        }
        assert!(limits.uids.len() <= REMEMBERED);
    }
}
