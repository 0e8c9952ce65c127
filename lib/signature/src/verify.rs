//! Whether a signature counts: the checks of OpenSSH's sshsig.c (sshsig_wrap_verify, sshsig_check_allowed_keys), in the order in which
//! they say most to the one who asks.

use std::fmt::Display;

use jit_model::dn::Dn;
use jit_model::signature::{BadSignature, Signature, Signed};
use sha2::{Digest, Sha256, Sha512};

use crate::allowed::{AllowedSigners, fingerprint};
use crate::blob::{self, Blob, Hash};
use crate::key::{Key, Misfit};
use crate::statement::{self, StatementError};
use crate::{NAMESPACE, armor};

/// What the value of jitSignature comes to, when the approval claims to be by `approver`: his key must have signed, whose name is the
/// first part of his DN. Whether the statement speaks of him, of this grant and of its words is for [`jit_model::assess`] to compare.
pub fn check(value: &[u8], approver: &Dn, allowed: &AllowedSigners) -> Signature {
    match signed(value, approver, allowed) {
        Ok(signed) => Signature::Good(signed),
        Err(bad) => Signature::Bad(bad),
    }
}

fn signed(value: &[u8], approver: &Dn, allowed: &AllowedSigners) -> Result<Signed, BadSignature> {
    let malformed = |error: &dyn Display| BadSignature::Malformed(error.to_string());
    let (statement, armored) = statement::split(value).map_err(|error| malformed(&error))?;
    let blob = armor::decode(armored).ok_or_else(|| malformed(&StatementError::Armor))?;
    let blob = Blob::parse(&blob).map_err(|error| malformed(&error))?;
    // sshsig_wrap_verify compares the namespace with strcmp.
    if blob.namespace != NAMESPACE {
        return Err(BadSignature::Namespace(blob.namespace.to_owned()));
    }
    let shown = fingerprint(&blob.key);
    let key = Key::of(&blob.key)
        .map_err(|unfit| BadSignature::KeyUnfit { key: shown.clone(), why: unfit.to_string() })?;
    let principal = approver.rdn_value();
    let key_end = allowed.look_up(&blob.key, &principal, statement.at)?;
    // What was signed is what was read: there is one way to write a statement.
    let text = statement.text();
    let digest = match blob.hash {
        Hash::Sha256 => Sha256::digest(&text).to_vec(),
        Hash::Sha512 => Sha512::digest(&text).to_vec(),
    };
    let message = blob::signed(NAMESPACE, blob.hash, &digest);
    key.verify(&message, blob.signature).map_err(|misfit| match misfit {
        Misfit::Forged => BadSignature::Forged,
        Misfit::NotTouched => BadSignature::NotTouched,
    })?;
    Ok(Signed {
        principal,
        key: shown,
        approver: statement.approver,
        duration: statement.duration,
        grant: statement.grant,
        digest: statement.digest,
        at: statement.at,
        latest_end: key_end.map_or(statement.latest_end, |end| end.min(statement.latest_end)),
    })
}
