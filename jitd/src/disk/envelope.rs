//! What stands around a payload on disk, so that a file is either exactly what was written or nothing at all.
//!
//! `magic (8) · format version (4, little endian) · payload length (8, little endian) · SHA-256 (32) · payload`. The sum
//! covers everything but itself. SHA-256 because it is there anyway and leaves no doubt about any damage; it is no proof
//! against somebody who can write the file, the file's owner and mode are.

use sha2::{Digest, Sha256};

/// Bytes before the payload.
pub const HEADER: usize = 52;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The first bytes.
    pub magic: [u8; 8],
    /// The payload's format. A file of another version is not read.
    pub version: u32,
    /// The longest payload, in bytes: more is never read into memory, nor written.
    pub max: usize,
}

/// Why bytes are not a file of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Other first bytes, or too few.
    #[error("it is not a file of this kind")]
    Foreign,
    /// Written by another version of jitd.
    #[error("it has format {found}, and this version of jitd reads format {known} only")]
    Version {
        /// In the file.
        found: u32,
        /// Known here.
        known: u32,
    },
    /// Shorter or longer than its header says.
    #[error("it is {found} bytes long where {said} were written")]
    Length {
        /// As it is.
        found: u64,
        /// As it should be.
        said: u64,
    },
    /// The sum does not fit.
    #[error("its checksum does not fit its content")]
    Sum,
    /// The sum fits, but the payload makes no sense.
    #[error("its content cannot be decoded")]
    Payload,
    /// More than this version would ever write.
    #[error("it is longer than {0} bytes, more than jitd writes")]
    TooLong(u64),
    /// No plain file, or one that others may write.
    #[error("it is not a plain file that only its owner can write")]
    Untrusted,
    /// It is there, and cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
}

/// Puts the envelope around a payload; `None` when it is longer than its kind allows.
pub fn wrap(kind: Kind, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() > kind.max {
        return None;
    }
    let length = u64::try_from(payload.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEADER.saturating_add(payload.len()));
    bytes.extend_from_slice(&kind.magic);
    bytes.extend_from_slice(&kind.version.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    let sum = sum(&bytes, payload);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// The payload of a whole file.
///
/// # Errors
/// On anything that [`wrap`] would not have written.
pub fn unwrap(kind: Kind, file: &[u8]) -> Result<&[u8], Damage> {
    let (magic, rest) = file.split_first_chunk::<8>().ok_or(Damage::Foreign)?;
    if *magic != kind.magic {
        return Err(Damage::Foreign);
    }
    let short = Damage::Length { found: wide(file.len()), said: wide(HEADER) };
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
    let version = u32::from_le_bytes(*version);
    if version != kind.version {
        return Err(Damage::Version { found: version, known: kind.version });
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or(short)?;
    let (stated, payload) = rest.split_first_chunk::<32>().ok_or(short)?;
    let said = u64::from_le_bytes(*length);
    if wide(payload.len()) != said {
        return Err(Damage::Length { found: wide(file.len()), said: said.saturating_add(wide(HEADER)) });
    }
    if payload.len() > kind.max {
        return Err(Damage::TooLong(wide(kind.max)));
    }
    let head = file.get(..20).ok_or(short)?;
    if sum(head, payload) != *stated {
        return Err(Damage::Sum);
    }
    Ok(payload)
}

fn sum(head: &[u8], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(head).chain_update(payload).finalize().into()
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: Kind = Kind { magic: *b"jit-test", version: 3, max: 1000 };

    #[test]
    fn refuses_what_is_too_long() {
        assert_eq!(wrap(KIND, &[0; 1001]), None);
        let roomy = Kind { max: 2000, ..KIND };
        let long = wrap(roomy, &[0; 1001]).unwrap();
        assert_eq!(unwrap(KIND, &long), Err(Damage::TooLong(1000)));
    }

    #[test]
    fn names_what_is_wrong() {
        let good = wrap(KIND, b"hello").unwrap();
        assert_eq!(unwrap(KIND, b""), Err(Damage::Foreign));
        assert_eq!(unwrap(KIND, b"#!/bin/sh\n"), Err(Damage::Foreign));
        assert_eq!(unwrap(Kind { version: 2, ..KIND }, &good), Err(Damage::Version { found: 3, known: 2 }));
        assert_eq!(unwrap(KIND, &good[..56]), Err(Damage::Length { found: 56, said: 57 }));
        let mut bad = good.clone();
        bad[56] ^= 1;
        assert_eq!(unwrap(KIND, &bad), Err(Damage::Sum));
    }

    proptest! {
        #[test]
        fn comes_back(payload in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let file = wrap(KIND, &payload).unwrap();
            prop_assert_eq!(unwrap(KIND, &file), Ok(payload.as_slice()));
        }

        #[test]
        fn any_change_is_seen(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let mut file = wrap(KIND, &payload).unwrap();
            let at = at.index(file.len());
            file[at] ^= flip;
            prop_assert!(unwrap(KIND, &file).is_err());
        }

        #[test]
        fn any_cut_is_seen(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            cut in any::<prop::sample::Index>(),
            more in proptest::collection::vec(any::<u8>(), 1..9),
        ) {
            let file = wrap(KIND, &payload).unwrap();
            prop_assert!(unwrap(KIND, &file[..cut.index(file.len())]).is_err());
            prop_assert!(unwrap(KIND, &[file, more].concat()).is_err());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = unwrap(KIND, &bytes);
            let _ = unwrap(KIND, &[KIND.magic.as_slice(), &3u32.to_le_bytes(), &bytes].concat());
        }
    }
}
