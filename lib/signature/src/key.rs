//! Keys that may sign, and whether a signature fits one: the formats by ssh-key, the arithmetic by ring. Each type as OpenSSH's
//! ssh-ed25519.c, ssh-ecdsa.c, ssh-rsa.c, ssh-ed25519-sk.c and ssh-ecdsa-sk.c check it, and nothing that is weaker: an RSA key has at
//! least 2048 bits, and a security key was touched.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use sha2::{Digest, Sha256};
use ssh_key::public::{EcdsaPublicKey, KeyData};

use crate::blob::{Raw, string};

/// The types of keys that may sign.
pub(crate) const TYPES: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The fewest and the most bits of an RSA key: ssh-keygen's own default is 3072.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Somebody touched the security key (SSH_SK_USER_PRESENCE_REQD; WebAuthn §6.1, UP).
const PRESENT: u8 = 0x01;

/// Why a key may not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("is of the type {}, which cannot be checked here: use one of {}", .0.escape_debug(), TYPES.join(", "))]
    Type(String),
    #[error("has {0} bits: an RSA key must have from {least} to {most}", least = RSA_BITS.start(), most = RSA_BITS.end())]
    Bits(usize),
    #[error("is no point on its curve that is written in full")]
    Point,
    #[error("has a number that is not positive")]
    Number,
}

/// Why a signature does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is not the key's over these bytes.
    Forged,
    /// It is, but nobody touched the security key.
    NotTouched,
}

/// A key that may sign.
#[derive(Debug)]
pub(crate) struct Key<'a> {
    numbers: Numbers<'a>,
    /// What a security key is for (`ssh:`); it signs this, too. `None` for any other.
    application: Option<&'a str>,
}

#[derive(Debug)]
enum Numbers<'a> {
    Ed25519(&'a [u8]),
    P256(&'a [u8]),
    P384(&'a [u8]),
    Rsa { n: &'a [u8], e: &'a [u8] },
}

impl<'a> Key<'a> {
    /// Understands a key.
    ///
    /// # Errors
    /// When it may not sign.
    pub(crate) fn of(data: &'a KeyData) -> Result<Key<'a>, Unfit> {
        // Only points that are written in full: sshbuf_get_ec refuses any other, and ring too.
        let in_full = |point: &'a [u8]| if point.first() == Some(&4) { Ok(point) } else { Err(Unfit::Point) };
        let (numbers, application) = match data {
            KeyData::Ed25519(key) => (Numbers::Ed25519(&key.0), None),
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => {
                (Numbers::P256(in_full(point.as_bytes())?), None)
            }
            KeyData::Ecdsa(EcdsaPublicKey::NistP384(point)) => {
                (Numbers::P384(in_full(point.as_bytes())?), None)
            }
            KeyData::Rsa(key) => {
                let n = key.n.as_positive_bytes().ok_or(Unfit::Number)?;
                let e = key.e.as_positive_bytes().ok_or(Unfit::Number)?;
                let leading = n.first().map_or(8, |byte| byte.leading_zeros() as usize);
                let bits = (8 * n.len()).saturating_sub(leading);
                if !RSA_BITS.contains(&bits) {
                    return Err(Unfit::Bits(bits));
                }
                (Numbers::Rsa { n, e }, None)
            }
            KeyData::SkEd25519(key) => (Numbers::Ed25519(&key.public_key().0), Some(key.application())),
            KeyData::SkEcdsaSha2NistP256(key) => {
                (Numbers::P256(in_full(key.ec_point().as_bytes())?), Some(key.application()))
            }
            other => return Err(Unfit::Type(other.algorithm().as_str().to_owned())),
        };
        Ok(Key { numbers, application })
    }

    /// Whether a signature is this key's over these bytes.
    ///
    /// # Errors
    /// When it is not, or a security key was not touched.
    pub(crate) fn verify(&self, signed: &[u8], signature: Raw<'_>) -> Result<(), Misfit> {
        let Some(application) = self.application else {
            let alone = signature.touch.is_empty().then_some(());
            return alone.and_then(|()| self.fits(signed, signature)).ok_or(Misfit::Forged);
        };
        // PROTOCOL.u2f: the authenticator signs the hash of the application, its flags and counter, and the hash of the message.
        let &[flags, _, _, _, _] = signature.touch else { return Err(Misfit::Forged) };
        let application = Sha256::digest(application.as_bytes());
        let by_key = [application.as_slice(), signature.touch, Sha256::digest(signed).as_slice()].concat();
        self.fits(&by_key, signature).ok_or(Misfit::Forged)?;
        if flags & PRESENT == 0 { Err(Misfit::NotTouched) } else { Ok(()) }
    }

    fn fits(&self, signed: &[u8], Raw { algorithm, numbers, touch: _ }: Raw<'_>) -> Option<()> {
        // Each type of key has its own algorithm: one name, but for RSA.
        match (&self.numbers, self.application, algorithm) {
            (Numbers::Ed25519(key), None, "ssh-ed25519")
            | (Numbers::Ed25519(key), Some(_), "sk-ssh-ed25519@openssh.com") => {
                verified(&ED25519, key, signed, numbers)
            }
            (Numbers::P256(key), None, "ecdsa-sha2-nistp256")
            | (Numbers::P256(key), Some(_), "sk-ecdsa-sha2-nistp256@openssh.com") => {
                verified(&ECDSA_P256_SHA256_FIXED, key, signed, &fixed::<32>(numbers)?)
            }
            (Numbers::P384(key), None, "ecdsa-sha2-nistp384") => {
                verified(&ECDSA_P384_SHA384_FIXED, key, signed, &fixed::<48>(numbers)?)
            }
            // sshsig.c, RSA_SIGN_ALLOWED: never with SHA-1.
            (Numbers::Rsa { n, e }, None, "rsa-sha2-256" | "rsa-sha2-512") => {
                let how = if algorithm == "rsa-sha2-256" {
                    &RSA_PKCS1_2048_8192_SHA256
                } else {
                    &RSA_PKCS1_2048_8192_SHA512
                };
                // ssh-rsa.c: a signature that begins with zeros may come without them.
                let missing = n.len().checked_sub(numbers.len())?;
                let whole = [vec![0; missing].as_slice(), numbers].concat();
                RsaPublicKeyComponents { n, e }.verify(how, signed, &whole).ok()
            }
            _ => None,
        }
    }
}

fn verified(
    how: &'static dyn ring::signature::VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Option<()> {
    UnparsedPublicKey::new(how, key).verify(signed, signature).ok()
}

/// The two numbers of an ECDSA signature (RFC 5656 §3.1.2), each in N bytes.
fn fixed<const N: usize>(mut signature: &[u8]) -> Option<Vec<u8>> {
    let mut numbers = Vec::with_capacity(2 * N);
    for _ in 0..2 {
        let number = string(&mut signature)?;
        // mpint (RFC 4251 §5): positive, and no byte more than it needs.
        let number = match number {
            [0, number @ ..] if number.first().is_some_and(|first| *first >= 0x80) => number,
            [1..=0x7f, ..] => number,
            _ => return None,
        };
        let missing = N.checked_sub(number.len())?;
        numbers.resize(numbers.len() + missing, 0);
        numbers.extend_from_slice(number);
    }
    signature.is_empty().then_some(numbers)
}
