//! Signatures by security keys (PROTOCOL.u2f): there is no hardware here, so an authenticator in software makes them by hand, and
//! ssh-keygen says whether they are well formed.

mod openssh;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jit_model::signature::{BadSignature, Signature};
use jit_signature::{AllowedSigners, Statement, attribute, check};
use openssh::{OpenSsh, statement};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256, Sha512};

const AT: &str = "20261123041500Z";
const APPLICATION: &str = "ssh:";
/// User presence; user verification (a PIN).
const TOUCHED: u8 = 0x01;
const VERIFIED: u8 = 0x04;

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

struct Authenticator {
    pair: Pair,
    random: SystemRandom,
    counter: u32,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| string(part)).collect()
}

fn mpint(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    if number[0] >= 0x80 { string(&[&[0], number].concat()) } else { string(number) }
}

impl Authenticator {
    fn ed25519() -> Authenticator {
        let random = SystemRandom::new();
        let pair =
            Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        Authenticator { pair: Pair::Ed25519(pair), random, counter: 7 }
    }

    fn p256() -> Authenticator {
        let random = SystemRandom::new();
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(how, pair.as_ref(), &random).unwrap();
        Authenticator { pair: Pair::P256(pair), random, counter: 1 << 31 }
    }

    fn kind(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "sk-ssh-ed25519@openssh.com",
            Pair::P256(_) => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn key(&self) -> Vec<u8> {
        let kind = self.kind().as_bytes();
        match &self.pair {
            Pair::Ed25519(pair) => strings(&[kind, pair.public_key().as_ref(), APPLICATION.as_bytes()]),
            Pair::P256(pair) => {
                strings(&[kind, b"nistp256", pair.public_key().as_ref(), APPLICATION.as_bytes()])
            }
        }
    }

    fn line(&self, principal: &str) -> String {
        format!("{principal} {} {}\n", self.kind(), STANDARD.encode(self.key()))
    }

    /// A value of jitSignature whose signature claims these flags and was made over those.
    fn approve(&mut self, statement: &Statement, claimed: u8, made: u8) -> Vec<u8> {
        self.counter += 1;
        let counter = self.counter.to_be_bytes();
        let digest = Sha512::digest(statement.text());
        let message =
            [b"SSHSIG".to_vec(), strings(&[b"jit-approval", b"", b"sha512", digest.as_slice()])].concat();
        let (application, hash) = (Sha256::digest(APPLICATION), Sha256::digest(&message));
        let signed = [application.as_slice(), &[made], &counter, hash.as_slice()].concat();
        let numbers = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(&signed).as_ref().to_vec(),
            Pair::P256(pair) => {
                let signature = pair.sign(&self.random, &signed).unwrap();
                let (r, s) = signature.as_ref().split_at(32);
                [mpint(r), mpint(s)].concat()
            }
        };
        let signature =
            [strings(&[self.kind().as_bytes(), &numbers]), vec![claimed], counter.to_vec()].concat();
        let blob = [
            b"SSHSIG\0\0\0\x01".to_vec(),
            strings(&[&self.key(), b"jit-approval", b"", b"sha512", &signature]),
        ]
        .concat();
        let armored = format!(
            "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
            STANDARD.encode(blob)
        );
        attribute(statement, &armored).unwrap()
    }
}

#[test]
fn a_touched_key_counts_and_an_untouched_one_does_not() {
    let ssh = OpenSsh::new();
    let bob = statement("bob", AT);
    for mut authenticator in [Authenticator::ed25519(), Authenticator::p256()] {
        let list = authenticator.line("bob");
        let allowed = AllowedSigners::parse(&list);
        assert_eq!(allowed.skipped(), []);
        for touch in [TOUCHED, TOUCHED | VERIFIED] {
            // Numbers of many lengths: the first byte of r and s may be anything.
            for _ in 0..16 {
                let value = authenticator.approve(&bob, touch, touch);
                let word = check(&value, &bob.approver, &allowed);
                assert!(matches!(&word, Signature::Good(signed) if signed.principal == "bob"), "{word:?}");
                assert!(ssh.verifies(&value, "bob", list.as_bytes(), AT, "UTC0"), "it is well formed");
            }
        }
        for flags in [0, VERIFIED] {
            let value = authenticator.approve(&bob, flags, flags);
            // Stricter than ssh-keygen, which leaves the touch to sshd.
            assert!(ssh.verifies(&value, "bob", list.as_bytes(), AT, "UTC0"), "it is well formed");
            assert_eq!(check(&value, &bob.approver, &allowed), Signature::Bad(BadSignature::NotTouched));
        }
        let forged = authenticator.approve(&bob, TOUCHED, 0);
        assert_eq!(check(&forged, &bob.approver, &allowed), Signature::Bad(BadSignature::Forged));
        assert!(!ssh.verifies(&forged, "bob", list.as_bytes(), AT, "UTC0"));
    }
}

#[test]
fn a_security_key_is_another_key_than_the_plain_one_of_its_numbers() {
    let mut authenticator = Authenticator::ed25519();
    let bob = statement("bob", AT);
    let value = authenticator.approve(&bob, TOUCHED, TOUCHED);
    let Pair::Ed25519(pair) = &authenticator.pair else { unreachable!() };
    let plain = strings(&[b"ssh-ed25519", pair.public_key().as_ref()]);
    let elsewhere = strings(&[b"sk-ssh-ed25519@openssh.com", pair.public_key().as_ref(), b"ssh:elsewhere"]);
    for (kind, key) in [("ssh-ed25519", plain), ("sk-ssh-ed25519@openssh.com", elsewhere)] {
        let allowed = AllowedSigners::parse(format!("bob {kind} {}\n", STANDARD.encode(key)));
        assert_eq!((allowed.signers().len(), allowed.skipped().len()), (1, 0));
        let word = check(&value, &bob.approver, &allowed);
        assert!(matches!(word, Signature::Bad(BadSignature::UnknownKey(_))), "{word:?}");
    }
}

#[test]
fn no_byte_of_a_security_keys_signature_can_be_another() {
    let bob = statement("bob", AT);
    for mut authenticator in [Authenticator::ed25519(), Authenticator::p256()] {
        let allowed = AllowedSigners::parse(authenticator.line("*"));
        let value = authenticator.approve(&bob, TOUCHED, TOUCHED);
        assert!(matches!(check(&value, &bob.approver, &allowed), Signature::Good(_)));
        let mut changed = value.clone();
        for at in 0..value.len() {
            for by in [1_u8, 2, 4, 8, 0x10, 0x20, 0x2a, 0x40, 0x80, 0xff] {
                changed[at] = value[at] ^ by;
                let word = check(&changed, &bob.approver, &allowed);
                assert!(!matches!(word, Signature::Good(_)), "byte {at} xor {by:#x}: {word:?}");
            }
            changed[at] = value[at];
        }
    }
}
