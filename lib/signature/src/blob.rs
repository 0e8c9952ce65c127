//! The bytes in the armour (OpenSSH's PROTOCOL.sshsig §2) taken apart: strings of RFC 4251 §5 that fill exactly what they say, with
//! nothing behind them. Read here and not by ssh-key, which lets a length pass that reaches beyond what it frames.

use ssh_key::PublicKey;
use ssh_key::public::KeyData;

/// What begins a signature, and what is signed.
const MAGIC: &[u8; 6] = b"SSHSIG";
const VERSION: u32 = 1;

/// A signature, as far as its form goes.
#[derive(Debug)]
pub(crate) struct Blob<'a> {
    pub(crate) key: KeyData,
    pub(crate) namespace: &'a str,
    pub(crate) hash: Hash,
    pub(crate) signature: Raw<'a>,
}

/// What the message is hashed with: sshsig.c, HASHALG_ALLOWED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

/// A signature of RFC 4253 §6.6.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    /// What it is made with, such as `rsa-sha2-512`.
    pub(crate) algorithm: &'a str,
    /// The numbers.
    pub(crate) numbers: &'a [u8],
    /// Of a security key: its flags and its counter (PROTOCOL.u2f). Empty for any other.
    pub(crate) touch: &'a [u8],
}

/// Why it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlobError {
    #[error("its signature is not put together as PROTOCOL.sshsig says")]
    Form,
    #[error("its signature has another version than {VERSION}")]
    Version,
    #[error("its signature has something in the field that is reserved")]
    Reserved,
    #[error("its signature is over a hash that is neither sha256 nor sha512")]
    Hash,
    #[error("its key cannot be read")]
    Key,
}

impl Blob<'_> {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Blob<'_>, BlobError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(BlobError::Form)?;
        let (version, after) = rest.split_first_chunk::<4>().ok_or(BlobError::Form)?;
        // Version 0 never was; sshsig_parse_preamble lets it pass.
        if u32::from_be_bytes(*version) != VERSION {
            return Err(BlobError::Version);
        }
        rest = after;
        let mut next = || string(&mut rest).ok_or(BlobError::Form);
        let (key, namespace, reserved, hash, signature) = (next()?, next()?, next()?, next()?, next()?);
        if !rest.is_empty() {
            return Err(BlobError::Form);
        }
        // sshsig_wrap_verify signs over an empty field, whatever stands here, so that two values would be one signature.
        if !reserved.is_empty() {
            return Err(BlobError::Reserved);
        }
        let hash = match hash {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            _ => return Err(BlobError::Hash),
        };
        let mut rest = signature;
        let algorithm = string(&mut rest).ok_or(BlobError::Form)?;
        let numbers = string(&mut rest).ok_or(BlobError::Form)?;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| BlobError::Form);
        Ok(Blob {
            key: key_data(key).ok_or(BlobError::Key)?,
            namespace: text(namespace)?,
            hash,
            signature: Raw { algorithm: text(algorithm)?, numbers, touch: rest },
        })
    }
}

/// A key, if these bytes are the one way to write it.
pub(crate) fn key_data(bytes: &[u8]) -> Option<KeyData> {
    let key = PublicKey::from_bytes(bytes).ok()?;
    (key.to_bytes().ok()? == bytes).then(|| key.key_data().clone())
}

/// What the key signs (PROTOCOL.sshsig §3), given the hash of the message.
pub(crate) fn signed(namespace: &str, hash: Hash, digest: &[u8]) -> Vec<u8> {
    let hash: &[u8] = match hash {
        Hash::Sha256 => b"sha256",
        Hash::Sha512 => b"sha512",
    };
    let mut signed = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", hash, digest] {
        // None is near 4 GiB.
        signed.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        signed.extend_from_slice(part);
    }
    signed
}

/// The string (RFC 4251 §5) at the front, taken off.
pub(crate) fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(part)
}
