//! The syntaxes of RFC 4517 that our attributes have, read strictly. A value that is nearly right is wrong: each error says
//! how to write it.

use jit_model::digest::unhex;
use jit_model::time::{Between, Timestamp};

/// Why a value does not have its syntax.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// Empty.
    #[error("is empty; leave the attribute out instead")]
    Empty,
    /// Something that a terminal or a log line could misread.
    #[error("holds a control character; write plain text on one line")]
    ControlCharacter,
    /// RFC 4517 §3.3.3
    #[error("`{0}` is neither TRUE nor FALSE (capital letters)")]
    Boolean(String),
    /// RFC 4517 §3.3.16, not negative here.
    #[error("`{0}` is no whole number: write digits without sign or leading zero, at most {1}")]
    Integer(String, u64),
    /// A span of zero seconds.
    #[error("is 0; write a positive number of seconds")]
    Zero,
    /// RFC 4517 §3.3.13
    #[error("`{0}` is no GeneralizedTime: write UTC as in 20261231235959Z")]
    Time(String),
    /// Hexadecimal SHA-256.
    #[error("`{0}` is no SHA-256 digest: write 64 hexadecimal digits")]
    Digest(String),
    /// RFC 4530 §2.1
    #[error("`{0}` is no UUID: write it as in 597ae2f6-16a6-1027-98f4-d28b5365dc14")]
    Uuid(String),
}

/// UTF-8 text without control characters, not empty.
///
/// # Errors
/// When it is not that.
pub fn text(value: &[u8]) -> Result<&str, SyntaxError> {
    let text = std::str::from_utf8(value).map_err(|_| SyntaxError::NotText)?;
    if text.is_empty() {
        return Err(SyntaxError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(SyntaxError::ControlCharacter);
    }
    Ok(text)
}

/// A value as it can be shown in an error: no control characters, not endless.
pub fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push_str("...");
    }
    shown
}

/// `TRUE` or `FALSE`.
///
/// # Errors
/// For anything else; lower case is not allowed.
pub fn boolean(value: &[u8]) -> Result<bool, SyntaxError> {
    match value {
        b"TRUE" => Ok(true),
        b"FALSE" => Ok(false),
        other => Err(SyntaxError::Boolean(shown(other))),
    }
}

/// A whole number from 0 to `most`, as RFC 4517 writes it: no sign, no leading zero.
///
/// # Errors
/// For anything else.
pub fn integer(value: &[u8], most: u64) -> Result<u64, SyntaxError> {
    let bad = || SyntaxError::Integer(shown(value), most);
    let digits = std::str::from_utf8(value).map_err(|_| bad())?;
    if digits.is_empty()
        || !digits.bytes().all(|b| b.is_ascii_digit())
        || (digits.len() > 1 && digits.starts_with('0'))
    {
        return Err(bad());
    }
    digits.parse().ok().filter(|n| *n <= most).ok_or_else(bad)
}

/// A positive number of seconds.
///
/// # Errors
/// For zero and anything that is no number.
pub fn seconds(value: &[u8]) -> Result<u64, SyntaxError> {
    match integer(value, u64::MAX)? {
        0 => Err(SyntaxError::Zero),
        n => Ok(n),
    }
}

/// GeneralizedTime; see [`Timestamp::from_generalized`]. Whole seconds: a fraction is cut off, as it must be from an end.
///
/// # Errors
/// When it is not that, or names a day that does not exist.
pub fn generalized_time(value: &[u8]) -> Result<Timestamp, SyntaxError> {
    time(value, Between::Down)
}

/// GeneralizedTime at which a window begins: a fraction is rounded up, so that no window is longer than written.
///
/// # Errors
/// When it is not that, or names a day that does not exist.
pub fn start_time(value: &[u8]) -> Result<Timestamp, SyntaxError> {
    time(value, Between::Up)
}

fn time(value: &[u8], between: Between) -> Result<Timestamp, SyntaxError> {
    let time =
        std::str::from_utf8(value).ok().and_then(|text| Timestamp::from_generalized(text, between).ok());
    time.ok_or_else(|| SyntaxError::Time(shown(value)))
}

/// 32 bytes from 64 hexadecimal digits.
///
/// # Errors
/// When it is not that.
pub fn digest(value: &[u8]) -> Result<[u8; 32], SyntaxError> {
    unhex(value).ok_or_else(|| SyntaxError::Digest(shown(value)))
}

/// 16 bytes from the text form of a UUID (RFC 4122).
///
/// # Errors
/// When it is not that.
pub fn uuid(value: &[u8]) -> Result<[u8; 16], SyntaxError> {
    let bad = || SyntaxError::Uuid(shown(value));
    let dashes = [8, 13, 18, 23];
    if value.len() != 36 || !dashes.iter().all(|at| value.get(*at) == Some(&b'-')) {
        return Err(bad());
    }
    let digits: Vec<u8> =
        value.iter().enumerate().filter(|(i, _)| !dashes.contains(i)).map(|(_, b)| *b).collect();
    unhex(&digits).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use jit_model::text::rfc3339;
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Option<String> {
        generalized_time(text.as_bytes()).ok().map(rfc3339)
    }

    #[test]
    fn times_in_every_form_of_rfc_4517() {
        for (written, meant) in [
            ("20261122150405Z", "2026-11-22T15:04:05Z"),
            ("202611221504Z", "2026-11-22T15:04:00Z"),
            ("2026112215Z", "2026-11-22T15:00:00Z"),
            ("20261122150405.0Z", "2026-11-22T15:04:05Z"),
            ("20261122150405,999999999999Z", "2026-11-22T15:04:05Z"),
            ("2026112215.5Z", "2026-11-22T15:30:00Z"),
            ("202611221504.25Z", "2026-11-22T15:04:15Z"),
            ("20261122150405+0130", "2026-11-22T13:34:05Z"),
            ("20261122150405-01", "2026-11-22T16:04:05Z"),
            ("20240229000000Z", "2024-02-29T00:00:00Z"),
            ("20161231235960Z", "2016-12-31T23:59:59Z"),
            ("19700101000000Z", "1970-01-01T00:00:00Z"),
            ("00000101000000Z", "0000-01-01T00:00:00Z"),
            ("99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(time(written).as_deref(), Some(meant), "{written}");
        }
    }

    #[test]
    fn times_that_are_none() {
        for wrong in [
            "",
            "2026",
            "20261122150405",
            "20261122150405z",
            "20261122150405ZZ",
            " 20261122150405Z",
            "20261122150405.Z",
            "20261322150405Z",
            "20261131150405Z",
            "20250229000000Z",
            "20261122240000Z",
            "20261122156000Z",
            "20261122150461Z",
            "20261122150405+2400",
            "20261122150405+0160",
            "20261122150405+1",
            "2026-11-22T15:04:05Z",
            "+0261122150405Z",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn booleans_and_numbers_are_exact() {
        assert_eq!(boolean(b"TRUE"), Ok(true));
        assert_eq!(boolean(b"FALSE"), Ok(false));
        for wrong in ["true", "yes", "1", "", "TRUE "] {
            assert!(boolean(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(integer(b"0", 5), Ok(0));
        assert_eq!(integer(b"5", 5), Ok(5));
        for wrong in ["6", "-1", "+1", "01", "", " 1", "1.0", "99999999999999999999999"] {
            assert!(integer(wrong.as_bytes(), 5).is_err(), "{wrong}");
        }
        assert_eq!(seconds(b"0"), Err(SyntaxError::Zero));
        assert_eq!(seconds(b"7200"), Ok(7_200));
    }

    #[test]
    fn uuids_and_digests_are_exact() {
        assert_eq!(
            uuid(b"597AE2F6-16a6-1027-98f4-d28b5365dc14").map(|u| u[..2].to_vec()),
            Ok(vec![0x59, 0x7a])
        );
        for wrong in ["597ae2f616a6102798f4d28b5365dc14", "597ae2f6-16a6-1027-98f4-d28b5365dc1g", ""] {
            assert!(uuid(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(digest("0f".repeat(32).as_bytes()), Ok([0x0f; 32]));
        assert!(digest("0f".repeat(31).as_bytes()).is_err());
        assert!(digest("+f".repeat(32).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = (text(&bytes), boolean(&bytes), seconds(&bytes), generalized_time(&bytes), digest(&bytes), uuid(&bytes));
        }

        #[test]
        fn digits_never_panic(text in "[0-9]{8,16}([.,][0-9]{0,24})?(Z|[+-][0-9]{0,5})?") {
            let _ = generalized_time(text.as_bytes());
        }

        #[test]
        fn times_round_trip(seconds in 0_i64..253_402_300_800) {
            let written = rfc3339(Timestamp(seconds)).replace(['-', ':', 'T'], "");
            prop_assert_eq!(generalized_time(written.as_bytes()), Ok(Timestamp(seconds)));
        }
    }
}
