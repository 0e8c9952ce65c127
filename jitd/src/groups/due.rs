//! When a new map must be written, from what the one in force says and what is now. A function of values.

use jit_model::time::{Span, Timestamp};

/// A new one is written when the one in force has no more than this left.
const HALF_A_DAY: Span = Span(43_200);

/// How far the settled time may lie from where a reader of the map would see it, in milliseconds: more is a jump. Readers go by
/// whatever is later of this and their own clock, so a jump that is not in the map comes back when the clock is set back.
pub const JUMP_MS: u64 = 2_000;

/// What a map says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The settled time when it was written, in milliseconds.
    pub settled_ms: i64,
    /// CLOCK_BOOTTIME then, in milliseconds.
    pub boot_ms: i64,
    /// Until when it answers.
    pub valid_until: i64,
}

/// Whether what is to be said is what the map in force says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is.
    Already,
    /// It is not.
    Otherwise,
}

/// Whether a map must be written: `written` is the one in force, if there is one; `next` what one would say that is written now; `now`
/// the time for logins.
pub fn is_due(written: Option<Times>, next: Times, said: Said, now: Timestamp) -> bool {
    let (Some(written), Said::Already) = (written, said) else { return true };
    let passed = next.boot_ms.saturating_sub(written.boot_ms);
    let seen = written.settled_ms.saturating_add(passed);
    passed < 0
        || next.settled_ms.abs_diff(seen) > JUMP_MS
        || next.valid_until < written.valid_until
        || written.valid_until <= now.plus(HALF_A_DAY).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Times = Times { settled_ms: 1_000_000_000, boot_ms: 5_000, valid_until: 1_086_400 };

    fn after(seconds: i64) -> (Times, Timestamp) {
        let next = Times {
            settled_ms: WRITTEN.settled_ms + seconds * 1000,
            boot_ms: WRITTEN.boot_ms + seconds * 1000,
            valid_until: WRITTEN.valid_until + seconds,
        };
        (next, Timestamp(1_000_000 + seconds))
    }

    fn due(change: impl FnOnce(&mut Times, &mut Timestamp)) -> bool {
        let (mut next, mut now) = after(10);
        change(&mut next, &mut now);
        is_due(Some(WRITTEN), next, Said::Already, now)
    }

    #[test]
    fn nothing_is_written_while_nothing_changes() {
        for seconds in [0, 1, 3600, 43_199] {
            let (next, now) = after(seconds);
            assert!(!is_due(Some(WRITTEN), next, Said::Already, now), "{seconds}");
        }
    }

    #[test]
    fn what_is_to_be_said_is_written() {
        let (next, now) = after(0);
        assert!(is_due(None, next, Said::Already, now));
        assert!(is_due(Some(WRITTEN), next, Said::Otherwise, now));
    }

    #[test]
    fn it_is_renewed_at_half_a_day() {
        let (next, now) = after(43_200);
        assert!(is_due(Some(WRITTEN), next, Said::Already, now));
        // A wall clock that runs ahead unconfirmed: readers go by it.
        assert!(due(|_, now| *now = Timestamp(1_050_000)));
    }

    #[test]
    fn one_that_is_valid_for_ever_is_not_renewed() {
        let written = Times { valid_until: i64::MAX, ..WRITTEN };
        let (next, now) = after(100_000_000);
        let next = Times { valid_until: i64::MAX, ..next };
        assert!(!is_due(Some(written), next, Said::Already, now));
        assert!(is_due(Some(written), Times { valid_until: 1, ..next }, Said::Already, now));
    }

    #[test]
    fn a_jump_of_the_settled_time_is_written() {
        assert!(!due(|next, _| next.settled_ms += 2_000));
        assert!(due(|next, _| next.settled_ms += 2_001));
        assert!(!due(|next, _| next.settled_ms -= 2_000));
        assert!(due(|next, _| next.settled_ms -= 2_001));
    }

    #[test]
    fn so_is_a_boot_time_that_went_back() {
        assert!(due(|next, _| next.boot_ms = WRITTEN.boot_ms - 1));
    }
}
