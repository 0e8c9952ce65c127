//! What time it is, when the wall clock may be wrong, set back, or set forward.
//!
//! Two times are told apart. The **settled** time is what this host has witnessed: it never goes back, survives restarts
//! and reboots (see [`Moment`]), and runs on with CLOCK_BOOTTIME, which nobody can set. The **login** time is the later of
//! settled time and wall clock. New logins are judged by the login time; sessions end, the ledger forgets, and words from
//! a directory are dated by the settled one.
//!
//! - A wall clock *behind* the settled time changes nothing: time goes on as if nobody had touched it. Nobody is denied.
//! - A wall clock *ahead* by no more than ten minutes in all, counted in one boot from the last confirmation, is believed.
//! - A wall clock *further ahead* counts for new logins while it lasts, and is believed (settles) only when a directory's
//!   clock agrees within ten minutes, or root says so. If a directory's clock has reached some time that the wall clock has
//!   passed as well, that much is believed: two witnesses. So a jump to 2038 and back leaves no trace.
//! - After a reboot the same holds, counted from the settled time kept on disk plus the time since the boot. How long the host was
//!   off cannot be known: an hour too far ahead (a hardware clock in local time) looks like an hour without power. So a host
//!   that was off for a week judges logins by its wall clock, as it must, and waits for a directory or root before it forgets
//!   or ends anything by it. Without either, a clock set back later is caught only down to the settled time; `status` says so.
//! - The first start of all has nothing to compare with, and believes the wall clock.
//!
//! This file is a pure state machine over [`Reading`]s; [`system`] reads the real clocks.

pub mod system;

use jit_model::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How far the wall clock may run ahead without a witness, and how closely a directory's clock must agree.
pub const TOLERANCE: Span = Span(600);

const TOLERANCE_MS: i64 = 600_000;

/// Which boot of the kernel: `/proc/sys/kernel/random/boot_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootId(pub [u8; 16]);

impl BootId {
    /// Reads the kernel's text form, a UUID.
    pub fn parse(text: &str) -> Option<BootId> {
        let digits: Vec<u8> = text.trim().bytes().filter(|b| *b != b'-').collect();
        jit_model::digest::unhex(&digits).map(BootId)
    }
}

impl std::fmt::Display for BootId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&jit_model::grant::EntryUuid(self.0), f)
    }
}

/// Both clocks at one instant, and the boot they belong to. Milliseconds, so that rounding makes no steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// CLOCK_REALTIME.
    pub wall_ms: i64,
    /// CLOCK_BOOTTIME: time since the boot, time asleep included.
    pub boot_ms: i64,
    /// Which boot.
    pub boot: BootId,
}

/// A settled time and when, in the life of which boot, it was settled. On disk this is the ratchet; beside a source's
/// entries it is when there was last word from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    settled_ms: i64,
    boot_ms: i64,
    boot: BootId,
}

impl Moment {
    /// The settled time.
    pub fn settled(&self) -> Timestamp {
        Timestamp(self.settled_ms.div_euclid(1000))
    }

    /// The settled time, in milliseconds.
    pub fn settled_ms(&self) -> i64 {
        self.settled_ms
    }

    /// CLOCK_BOOTTIME, in milliseconds.
    pub fn boot_ms(&self) -> i64 {
        self.boot_ms
    }

    /// The later of two moments: what a host still knows when one of its files is lost.
    pub fn later(self, other: Moment) -> Moment {
        if other.settled_ms > self.settled_ms { other } else { self }
    }

    /// The earliest time it can be at `reading`, by this moment and CLOCK_BOOTTIME alone. A moment of another boot was
    /// before this boot began; a boot time that went back (a container moved) adds nothing.
    fn at_least(&self, reading: &Reading) -> i64 {
        let since = if self.boot == reading.boot { self.boot_ms } else { 0 };
        self.settled_ms.saturating_add(reading.boot_ms.saturating_sub(since).max(0))
    }
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For new logins: never earlier than `settled`.
    pub login: Timestamp,
    /// For ending, forgetting and dating: never goes back.
    pub settled: Timestamp,
    /// What is wrong, if anything.
    pub concern: Option<Concern>,
}

/// What is wrong with the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// It is behind the settled time by more than a minute; the settled time counts.
    Behind(Span),
    /// It is ahead by more than the tolerance, and nobody agrees.
    Ahead(Span),
    /// A directory's clock is ahead of it by more than the tolerance: one of the two is wrong. Nothing follows from it but
    /// this word; a directory's clock alone moves nothing.
    DirectoryAhead(Span),
}

impl std::fmt::Display for Concern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Concern::Behind(by) => write!(
                f,
                "the clock is {by} behind the time this host has already seen, which counts instead; if the clock is right, \
                 run: jitctl clock accept"
            ),
            Concern::Ahead(by) => write!(
                f,
                "the clock is {by} ahead of what this host can account for, and no directory confirms it; it counts for new \
                 logins only; if the clock is right, run: jitctl clock accept"
            ),
            Concern::DirectoryAhead(by) => write!(
                f,
                "a directory's clock is {by} ahead of this host's; set the one that is wrong, for grants end by this host's"
            ),
        }
    }
}

/// How far behind the wall clock may be before it is worth a word.
const BEHIND_WORTH_A_WORD_MS: i64 = 60_000;

/// The state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The newest reading.
    reading: Reading,
    /// The settled time at some reading of this boot.
    settled: Moment,
    /// The last confirmed time (or the first of this boot): the wall clock may run ahead of it by the tolerance.
    confirmed: Moment,
    /// What a directory's clock last said.
    witnessed: Option<Moment>,
}

impl Clock {
    /// The clock at the daemon's start. `ratchet` is what was kept on disk, the latest of all moments that were.
    pub fn new(ratchet: Option<Moment>, reading: Reading) -> Clock {
        let begin = ratchet.map_or(reading.wall_ms, |ratchet| ratchet.at_least(&reading));
        let moment = Moment { settled_ms: begin, boot_ms: reading.boot_ms, boot: reading.boot };
        let mut clock = Clock { reading, settled: moment, confirmed: moment, witnessed: None };
        clock.settle();
        clock
    }

    /// Takes a reading.
    pub fn observe(&mut self, reading: Reading) -> Now {
        self.reading = reading;
        self.settle();
        self.now()
    }

    /// Believes the wall clock as far as it goes without a witness.
    fn settle(&mut self) {
        let ceiling = self.confirmed.at_least(&self.reading).saturating_add(TOLERANCE_MS);
        if self.reading.wall_ms <= ceiling {
            self.raise(self.reading.wall_ms);
        }
    }

    /// Never lowers.
    fn raise(&mut self, to_ms: i64) {
        let line = self.settled.at_least(&self.reading);
        let Reading { boot_ms, boot, .. } = self.reading;
        self.settled = Moment { settled_ms: line.max(to_ms), boot_ms, boot };
    }

    /// The time at the newest reading.
    pub fn now(&self) -> Now {
        let settled_ms = self.settled.at_least(&self.reading);
        let wall_ms = self.reading.wall_ms;
        let login_ms = wall_ms.max(settled_ms);
        let ahead = wall_ms.saturating_sub(settled_ms);
        let directory = self.witnessed.map(|said| said.at_least(&self.reading).saturating_sub(login_ms));
        let concern = match directory {
            _ if ahead > 0 => Some(Concern::Ahead(span(ahead))),
            _ if ahead < -BEHIND_WORTH_A_WORD_MS => Some(Concern::Behind(span(ahead.saturating_neg()))),
            Some(by) if by > TOLERANCE_MS => Some(Concern::DirectoryAhead(span(by))),
            _ => None,
        };
        Now { login: timestamp(login_ms), settled: timestamp(settled_ms), concern }
    }

    /// A directory's clock has reached `at`: a time from its newest entry, or from an answer just heard. It is a lower bound
    /// that may be old, so only what both it and the wall clock have reached is believed.
    pub fn witness(&mut self, at: Timestamp) -> Now {
        let at_ms = at.0.saturating_mul(1000);
        let Reading { wall_ms, boot_ms, boot } = self.reading;
        self.witnessed = Some(Moment { settled_ms: at_ms, boot_ms, boot });
        let both = at_ms.min(wall_ms);
        if wall_ms <= at_ms.saturating_add(TOLERANCE_MS) && at_ms <= wall_ms.saturating_add(TOLERANCE_MS) {
            self.raise(wall_ms);
        } else {
            self.raise(both);
        }
        let known = self.confirmed.at_least(&self.reading).max(both);
        self.confirmed = Moment { settled_ms: known, boot_ms, boot };
        self.settle();
        self.now()
    }

    /// Root says that the wall clock is right. The one road on which settled time can go back: without it, one wrong word
    /// of root or of a directory could never be mended. The caller audits it.
    pub fn accept(&mut self) -> Now {
        let Reading { wall_ms, boot_ms, boot } = self.reading;
        self.settled = Moment { settled_ms: wall_ms, boot_ms, boot };
        self.confirmed = self.settled;
        self.witnessed = None;
        self.now()
    }

    /// The settled time at the newest reading, for the ledger and for dating a source's word.
    pub fn moment(&self) -> Moment {
        let Reading { boot_ms, boot, .. } = self.reading;
        Moment { settled_ms: self.settled.at_least(&self.reading), boot_ms, boot }
    }

    /// How long ago a moment was. In the same boot that is known exactly, whatever happened to the wall clock; across
    /// boots it is the longest it may have been.
    pub fn age(&self, moment: &Moment) -> Span {
        if moment.boot == self.reading.boot && moment.boot_ms <= self.reading.boot_ms {
            return span(self.reading.boot_ms.saturating_sub(moment.boot_ms));
        }
        let latest = self.settled.at_least(&self.reading).max(self.reading.wall_ms);
        span(latest.saturating_sub(moment.settled_ms))
    }

    /// A moment from before [`Clock::accept`] on the scale of now: one of this boot keeps its age; one of another boot that would
    /// now lie in the future says nothing any more, and is taken for as old as can be.
    pub fn restate(&self, moment: &Moment) -> Moment {
        let now = self.moment();
        if moment.boot == now.boot && moment.boot_ms <= now.boot_ms {
            let age = now.boot_ms.saturating_sub(moment.boot_ms);
            Moment { settled_ms: now.settled_ms.saturating_sub(age), ..*moment }
        } else if moment.settled_ms > now.settled_ms {
            Moment { settled_ms: 0, ..*moment }
        } else {
            *moment
        }
    }

    /// When a moment was, on the scale of the login time at the newest reading: what a snapshot says of a source's freshness.
    /// Ask again when the [`Concern`] changes.
    pub fn login_time_of(&self, moment: &Moment) -> Timestamp {
        let Span(age) = self.age(moment);
        Timestamp(self.now().login.0.saturating_sub_unsigned(age))
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp(ms.div_euclid(1000))
}

fn span(ms: i64) -> Span {
    Span(u64::try_from(ms.div_euclid(1000)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
