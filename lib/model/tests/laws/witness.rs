//! The rules of approval, counted out once more and in another way: an assessment that lets in too much cannot hide behind laws that
//! only compare it with itself.

use std::collections::BTreeSet;

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, End};
use jit_model::signature::{Signature, Signed};
use jit_model::source::{Proof, Source};
use jit_model::time::{Timestamp, Window};
use proptest::prelude::*;

use crate::Host;
use crate::worlds::a_world;

fn signed_of(approval: &Approval) -> Option<&Signed> {
    match &approval.signature {
        Signature::Good(signed) => Some(signed),
        Signature::Absent | Signature::Unchecked(_) | Signature::Bad(_) => None,
    }
}

/// When an approval was given.
fn given_at(approval: &Approval, to_sign: bool) -> Option<Timestamp> {
    if to_sign { signed_of(approval).map(|signed| signed.at) } else { approval.provenance.created }
}

/// What a grant that is good lacks, if it lacks anything: the rules of docs/design.md §4, counted out.
fn lacks(source: &Source, judged: &AssessedGrant, window: Window) -> Option<&'static str> {
    let (grant, role) = (&judged.grant, judged.role.as_ref()?);
    let tree = &source.grants[&grant.uuid];
    let people = &source.people;
    let in_file = source.proof == Proof::Source;
    let to_sign = role.signature_required || source.proof == Proof::Signature;
    let authors = [&grant.provenance.creator, &grant.provenance.modifier];
    let named = |one: &Dn, other: &Dn| one.rdn_value() == other.rdn_value();
    let proved = |a: &&Approval| {
        let own = |dn: &Option<Dn>| dn.as_ref() == Some(&a.approver);
        let p = &a.provenance;
        let in_directory =
            own(&p.creator) && own(&p.modifier) && p.modified == p.created && p.created.is_some();
        let is_own = match (source.proof, to_sign) {
            (Proof::CreatorsName, _) => in_directory,
            (Proof::Source, false) => p.created.is_some(),
            (Proof::Signature, _) | (Proof::Source, true) => true,
        };
        let is_signed = |s: &Signed| {
            (&s.approver, s.grant, s.digest) == (&a.approver, grant.uuid, digest(grant))
                && s.principal == a.approver.rdn_value()
        };
        let is_his = named(&a.approver, &grant.subject)
            || authors.into_iter().flatten().any(|author| named(author, &a.approver));
        let gets_it = people.reach(&grant.subject).into_iter().any(|dn| named(dn, &a.approver));
        is_own
            && !is_his
            && a.digest == digest(grant)
            && (!to_sign || signed_of(a).is_some_and(is_signed) && !gets_it)
    };
    let lasts = |a: &&Approval| {
        a.not_after.is_none_or(|end| window.end() <= end)
            && a.duration.is_none_or(|span| window.end() <= window.start().plus(span))
            && (!to_sign || signed_of(a).is_some_and(|signed| window.end() <= signed.latest_end))
    };
    let given = |a: &&Approval| given_at(a, to_sign).is_some_and(|at| at <= window.start());
    let of = |a: &Approval, group: &Dn| people.is_member(&a.approver, group);
    let speaks = |a: &&Approval| role.approver_groups.iter().any(|group| of(a, group));
    // Any choice of approvals of different people with different keys; one entry may speak for two groups.
    let enough = |counts: &dyn Fn(&&Approval) -> bool| {
        let all: Vec<&Approval> = tree.approvals.iter().filter(counts).collect();
        (0_u32..1 << all.len()).any(|bits| {
            let who: Vec<&Approval> =
                all.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, a)| *a).collect();
            let names: BTreeSet<String> = who.iter().map(|a| a.approver.rdn_value()).collect();
            let keys: BTreeSet<&str> =
                who.iter().filter_map(|a| signed_of(a)).map(|signed| signed.key.as_str()).collect();
            names.len() == who.len()
                && (!to_sign || keys.len() == who.len())
                && u32::try_from(who.len()).is_ok_and(|n| n >= role.approvals_required)
                && (!role.approvals_from_each
                    || role.approver_groups.iter().all(|group| who.iter().any(|a| of(a, group))))
        })
    };
    let willing = |a: &&Approval| proved(a) && speaks(a) && lasts(a);
    let early = |a: &&Approval| proved(a) && given(a);
    let needs_none =
        role.approvals_required == 0 && (!role.approvals_from_each || role.approver_groups.is_empty());
    let may_write = |author: &Option<Dn>| {
        author.as_ref().is_some_and(|a| {
            *a == grant.subject || people.is_member(a, &grant.subject) || source.writers.contains(a)
        })
    };
    let eligible = |dn: &Dn| {
        grant.role.is_none()
            || role.eligible.contains(dn)
            || role.eligible.iter().any(|group| people.is_member(dn, group))
    };
    let words = match grant.end {
        End::At(end) => end,
        End::After(span) => window.start().plus(span),
    };
    [
        (needs_none || enough(&willing), "approvers, of each group"),
        (needs_none || enough(&early), "time: it begins before enough have spoken"),
        (!needs_none || !to_sign, "anybody who signs"),
        (!needs_none || in_file || authors.iter().all(|author| may_write(author)), "an author who may"),
        (judged.logins.values().all(eligible), "eligibility"),
        (window.end() <= words && window.end().since(window.start()) <= role.max_duration, "modesty"),
        (grant.not_before.is_none_or(|start| start <= window.start()), "patience"),
        (to_sign || grant.provenance.created.is_none_or(|made| made <= window.start()), "having been made"),
    ]
    .into_iter()
    .find_map(|(holds, what)| (!holds).then_some(what))
}

/// That a clock which is said to have begun then had reason to: one that begins too early takes from a grant what is its due, and is
/// remembered for good.
fn may_begin(source: &Source, judged: &AssessedGrant, began: Timestamp) -> bool {
    let (grant, Some(role)) = (&judged.grant, judged.role.as_ref()) else { return true };
    let to_sign = role.signature_required || source.proof == Proof::Signature;
    let spoken = source.grants[&grant.uuid]
        .approvals
        .iter()
        .filter(|a| given_at(a, to_sign).is_some_and(|at| at <= began) && a.digest == digest(grant));
    let by: BTreeSet<&Dn> = spoken.map(|a| &a.approver).collect();
    let heard = |group: &Dn| by.iter().any(|dn| source.people.is_member(dn, group));
    (to_sign && !by.is_empty() || grant.provenance.created.is_none_or(|made| made <= began))
        && u32::try_from(by.len()).is_ok_and(|n| n >= role.approvals_required)
        && (!role.approvals_from_each || role.approver_groups.iter().all(heard))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Said once more, by counting: whoever is let in has the word of enough others, each for as long as it lasts.
    #[test]
    fn every_window_rests_on_enough_words(world in a_world()) {
        let (source, host) = (world.source(), Host::sees(&world));
        for judged in &host.assessed {
            if let Assessed::Granted { window, .. } = judged.assessed {
                prop_assert!(judged.began.is_some(), "a window without a start to remember: {judged:#?}");
                let why = lacks(&source, judged, window);
                prop_assert!(why.is_none(), "{why:?}: {judged:#?}\n{source:#?}");
            }
            if let Some(began) = judged.began {
                prop_assert!(may_begin(&source, judged, began), "{judged:#?}\n{source:#?}");
            }
        }
    }
}
