//! Points in time, spans and windows: whole UTC seconds, as GeneralizedTime (RFC 4517 §3.3.13) has them.
//! A window is half-open, `[start, end)`: a grant that ends at 15:00:00 is over at 15:00:00. Never reads a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod generalized;

pub use generalized::{Between, GeneralizedTimeError};

/// A point in time: seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time plus a span, clamped at the end of what an i64 can count.
    pub fn plus(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(span.0))
    }

    /// How long from `earlier` to this time; zero if `earlier` is not earlier.
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

/// Why a text is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: write a whole number and a unit, such as 90s, 15m, 2h or 30d")]
pub struct SpanError(pub String);

impl FromStr for Span {
    type Err = SpanError;

    /// Reads `90s`, `15m`, `2h`, `30d`: digits and one unit, nothing else.
    fn from_str(text: &str) -> Result<Span, SpanError> {
        let bad = || SpanError(text.to_owned());
        let unit = text.chars().last().ok_or_else(bad)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(bad()),
        };
        let digits = text.strip_suffix(unit).ok_or_else(bad)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let count: u64 = digits.parse().map_err(|_| bad())?;
        count.checked_mul(seconds).map(Span).ok_or_else(bad)
    }
}

impl fmt::Display for Span {
    /// The largest units that lose nothing people care about: `45s`, `4m`, `1h 30m`, `2d 3h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, h, m, s) = (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        match (d, h, m, s) {
            (0, 0, 0, s) => write!(f, "{s}s"),
            (0, 0, m, 0) => write!(f, "{m}m"),
            (0, 0, m, s) => write!(f, "{m}m {s}s"),
            (0, h, 0, _) => write!(f, "{h}h"),
            (0, h, m, _) => write!(f, "{h}h {m}m"),
            (d, 0, _, _) => write!(f, "{d}d"),
            (d, h, _, _) => write!(f, "{d}d {h}h"),
        }
    }
}

/// A half-open stretch of time, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// From `start` up to but not including `end`; `None` if that is empty.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Window> {
        (start < end).then_some(Window { start, end })
    }

    /// The first second inside.
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// The first second no longer inside.
    pub fn end(self) -> Timestamp {
        self.end
    }

    /// Whether `at` lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}
