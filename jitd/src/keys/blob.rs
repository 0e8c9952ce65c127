//! Whether the base64 of a line is a key of the type that stands before it (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4, and OpenSSH's
//! PROTOCOL.u2f): sshd goes by what is inside.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Exactly one key of this type, with nothing behind it.
pub(super) fn is_key(kind: &str, base64: &str) -> bool {
    STANDARD.decode(base64).is_ok_and(|blob| parts(&blob).is_some_and(|parts| fits(kind, &parts)))
}

fn fits(kind: &str, parts: &[&[u8]]) -> bool {
    let Some((inner, parts)) = parts.split_first() else { return false };
    if *inner != kind.as_bytes() {
        return false;
    }
    match (kind, parts) {
        ("ssh-ed25519", [key]) => key.len() == 32,
        ("sk-ssh-ed25519@openssh.com", [key, application]) => key.len() == 32 && !application.is_empty(),
        ("ecdsa-sha2-nistp256", [curve, point]) => *curve == b"nistp256" && is_point(point, 32),
        ("ecdsa-sha2-nistp384", [curve, point]) => *curve == b"nistp384" && is_point(point, 48),
        ("ecdsa-sha2-nistp521", [curve, point]) => *curve == b"nistp521" && is_point(point, 66),
        ("sk-ecdsa-sha2-nistp256@openssh.com", [curve, point, application]) => {
            *curve == b"nistp256" && is_point(point, 32) && !application.is_empty()
        }
        // How long it must be is sshd's to say (RequiredRSASize).
        ("ssh-rsa", [exponent, modulus]) => is_positive(exponent) && is_positive(modulus),
        _ => false,
    }
}

/// A point that is not compressed (SEC 1 §2.3.3).
fn is_point(point: &[u8], size: usize) -> bool {
    point.first() == Some(&4) && point.len() == 1 + 2 * size
}

/// A positive mpint (RFC 4251 §5).
fn is_positive(number: &[u8]) -> bool {
    number.first().is_some_and(|first| *first < 0x80) && number.iter().any(|byte| *byte != 0)
}

/// The strings (RFC 4251 §5) that a blob is made of, if it is made of nothing else.
fn parts(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !blob.is_empty() {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        parts.push(part);
        blob = rest;
    }
    Some(parts)
}
