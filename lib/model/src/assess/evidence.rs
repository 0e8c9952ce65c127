//! Who gave an approval, and when: what proves it, or why nothing does.
//!
//! A claim is no proof. Where signatures are needed the signature alone proves the author, but for a directory that proves
//! authors by creatorsName: there both must hold. A signature that is not needed is not looked at, good or bad.

use crate::grant::{Approval, Grant, GrantDigest};
use crate::heard::{Evidence, Ignored};
use crate::role::Role;
use crate::signature::{BadSignature, Signature, Signed};
use crate::source::Proof;
use crate::time::{Span, Timestamp};

/// What proves the author of an approval.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// The directory's word.
    CreatorsName,
    /// A signature, and the directory's word besides.
    CreatorsNameAndSignature,
    /// A signature.
    Signature,
    /// Nothing: the source is trusted as a whole.
    Source,
}

impl Asked {
    /// Of a source that proves its authors so, in this role.
    pub(super) fn by(proof: Proof, role: &Role) -> Asked {
        match (proof, role.signature_required) {
            (Proof::CreatorsName, false) => Asked::CreatorsName,
            (Proof::CreatorsName, true) => Asked::CreatorsNameAndSignature,
            (Proof::Signature, _) | (Proof::Source, true) => Asked::Signature,
            (Proof::Source, false) => Asked::Source,
        }
    }

    /// Whether approvals count only when signed.
    pub(super) fn signatures(self) -> bool {
        match self {
            Asked::CreatorsNameAndSignature | Asked::Signature => true,
            Asked::CreatorsName | Asked::Source => false,
        }
    }

    /// Proves that an approval was given by whom it names, to this grant as it stands.
    pub(super) fn of<'a>(
        self,
        approval: &'a Approval,
        grant: &Grant,
        expected: GrantDigest,
    ) -> Result<Proved<'a>, Ignored> {
        let proved = match self {
            Asked::CreatorsName => by_word(written(approval)?, Evidence::CreatorsName),
            Asked::Source => by_word(created(approval)?, Evidence::Source),
            Asked::CreatorsNameAndSignature => {
                written(approval)?;
                by_signature(signed(approval, grant, expected)?)
            }
            Asked::Signature => by_signature(signed(approval, grant, expected)?),
        };
        if approval.digest == expected { Ok(proved) } else { Err(Ignored::OtherWords) }
    }
}

/// An approval whose author is proved.
pub(super) struct Proved<'a> {
    /// When it was given.
    pub(super) at: Timestamp,
    /// Until when at the latest, by what was signed.
    pub(super) latest_end: Option<Timestamp>,
    /// Only for this long, by what was signed.
    pub(super) duration: Option<Span>,
    /// What proves it.
    pub(super) evidence: Evidence,
    /// By which key it is signed, where that is needed.
    pub(super) key: Option<&'a str>,
}

/// By the directory's word, at the time that it shows.
fn by_word<'a>(at: Timestamp, evidence: Evidence) -> Proved<'a> {
    Proved { at, latest_end: None, duration: None, evidence, key: None }
}

fn by_signature(signed: &Signed) -> Proved<'_> {
    Proved {
        at: signed.at,
        latest_end: Some(signed.latest_end),
        duration: signed.duration,
        evidence: Evidence::Signature(signed.key.clone()),
        key: Some(&signed.key),
    }
}

/// By the directory's word: written once, by whom it names.
fn written(approval: &Approval) -> Result<Timestamp, Ignored> {
    let created = created(approval)?;
    let shown = &approval.provenance;
    let creator = shown.creator.as_ref().ok_or(Ignored::EvidenceMissing("creatorsName"))?;
    let modifier = shown.modifier.as_ref().ok_or(Ignored::EvidenceMissing("modifiersName"))?;
    let modified = shown.modified.ok_or(Ignored::EvidenceMissing("modifyTimestamp"))?;
    if *creator != approval.approver {
        return Err(Ignored::WrittenByOther(creator.rdn_value()));
    }
    if *modifier != approval.approver || modified != created {
        return Err(Ignored::Changed);
    }
    Ok(created)
}

fn created(approval: &Approval) -> Result<Timestamp, Ignored> {
    approval.provenance.created.ok_or(Ignored::EvidenceMissing("createTimestamp"))
}

/// By his own signature: over this grant, as it stands, as himself. Everything that was signed is compared, whatever the entry
/// beside it says.
fn signed<'a>(approval: &'a Approval, grant: &Grant, expected: GrantDigest) -> Result<&'a Signed, Ignored> {
    let signed = match &approval.signature {
        Signature::Good(signed) => signed,
        Signature::Absent => return Err(Ignored::Unsigned),
        Signature::Unchecked(_) => return Err(Ignored::Unchecked),
        Signature::Bad(why) => return Err(Ignored::BadSignature(why.clone())),
    };
    let principal = approval.approver.rdn_value();
    if signed.approver != approval.approver {
        return Err(Ignored::SignedByOther(signed.approver.clone()));
    }
    if !same_name(&signed.principal, &principal) {
        return Err(Ignored::BadSignature(BadSignature::Principal { key: signed.key.clone(), principal }));
    }
    if signed.grant != grant.uuid {
        return Err(Ignored::OtherGrant);
    }
    if signed.digest != expected {
        return Err(Ignored::OtherWords);
    }
    Ok(signed)
}

/// DNs are in lower case here, as directories compare them; the list of signers is not.
fn same_name(one: &str, other: &str) -> bool {
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}
