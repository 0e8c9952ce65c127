//! What an approver approves, as 32 bytes: SHA-256 over everything that a grant says (docs/digest.md, with test vectors).
//!
//! Each field is written as the number of its values and then each value with its length, so that no two grants that differ
//! write the same bytes. A change of the format is a new version: old approvals then no longer count.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::grant::{End, Grant, GrantDigest};

/// The first field of every digest.
pub const VERSION: &str = "jit-grant-digest-1";

/// The digest of a grant as it stands.
pub fn digest(grant: &Grant) -> GrantDigest {
    GrantDigest(Sha256::digest(encoding(grant)).into())
}

/// The bytes that are hashed: for other implementations to compare with.
pub fn encoding(grant: &Grant) -> Vec<u8> {
    let (not_after, duration) = match grant.end {
        End::At(at) => (Some(at.0.to_string()), None),
        End::After(span) => (None, Some(span.0.to_string())),
    };
    let not_before = grant.not_before.map(|at| at.0.to_string());
    let mut bytes = Vec::with_capacity(512);
    field(&mut bytes, [VERSION]);
    field(&mut bytes, [grant.dn.as_str()]);
    field(&mut bytes, grant.role.as_ref().map(|role| role.as_str()));
    field(&mut bytes, [grant.subject.as_str()]);
    field(&mut bytes, grant.hosts.iter().map(|host| host.as_str()));
    field(&mut bytes, grant.services.iter().map(|service| service.as_str()));
    field(&mut bytes, not_before.as_deref());
    field(&mut bytes, not_after.as_deref());
    field(&mut bytes, duration.as_deref());
    field(&mut bytes, grant.reason.as_deref());
    field(&mut bytes, grant.ticket.as_deref());
    bytes
}

/// The number of values, then each value with its length; both numbers as eight bytes, the highest first.
fn field<'a>(bytes: &mut Vec<u8>, values: impl IntoIterator<Item = &'a str>) {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 8]);
    let mut count: u64 = 0;
    for value in values {
        bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
        bytes.extend_from_slice(value.as_bytes());
        count = count.saturating_add(1);
    }
    for (place, byte) in bytes.iter_mut().skip(at).zip(count.to_be_bytes()) {
        *place = byte;
    }
}

/// 64 hexadecimal digits in lower case, as jitGrantDigest holds them.
impl fmt::Display for GrantDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grant's digest is 64 hexadecimal digits")]
pub struct DigestError;

impl FromStr for GrantDigest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<GrantDigest, DigestError> {
        unhex(text.as_bytes()).map(GrantDigest).ok_or(DigestError)
    }
}

/// Bytes from hexadecimal digits of either case, exactly enough of them.
pub fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    if digits.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let nibble = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(nibble).ok()?;
        }
    }
    Some(bytes)
}
