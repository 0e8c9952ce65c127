//! Every forgery that an approval has to withstand, by name: what it is told to be, and that it lets nobody in.

use std::sync::Arc;

use jit_model::assess::Assessed;
use jit_model::digest::digest;
use jit_model::grant::End;
use jit_model::heard::{Ignored, Outcome};
use jit_model::people::{Account, Person};
use jit_model::reason::Refusal;
use jit_model::signature::{BadSignature, Signature};
use jit_model::source::Proof;
use jit_model::time::Span;

use crate::world::{World, approved, at, dn, group, login, person, signed, uuid, written};

/// Of a world with one grant: why its only approval does not count, and what the grant comes to.
fn told(world: &World) -> (Ignored, Option<Refusal>) {
    let assessed = world.assessed(1);
    assert!(!matches!(assessed, Assessed::Granted { .. }), "{assessed:?}");
    match world.heard(1).as_slice() {
        [Outcome::Ignored(why)] => (why.clone(), world.refusal(1)),
        other => panic!("{other:?}"),
    }
}

/// The only approval, so edited.
fn forged(edit: impl FnOnce(&mut jit_model::grant::Approval)) -> World {
    signed(|w| edit(&mut w.tree(1).approvals[0]))
}

fn bad(why: BadSignature) -> World {
    forged(|a| a.signature = Signature::Bad(why))
}

#[test]
fn self_approval() {
    for signatures in [false, true] {
        let own = |who: &str| {
            signed(|w| {
                w.source.proof = if signatures { Proof::Signature } else { Proof::CreatorsName };
                w.members("leads", &[person("alice"), person("bob")]).tree(1).approvals.clear();
                w.sign(1, who, 2_000, |_| {});
            })
        };
        assert_eq!(told(&own("alice")), (Ignored::OwnGrant, None));
        // Nor as who wrote it for somebody else, or changed it.
        for changed in [false, true] {
            let mut world = own("bob");
            let shown = &mut Arc::make_mut(&mut world.tree(1).grant).provenance;
            *(if changed { &mut shown.modifier } else { &mut shown.creator }) = Some(person("bob"));
            assert_eq!(told(&world), (Ignored::OwnWords, None));
        }
    }
}

/// Another entry of the same name is the same person.
#[test]
fn self_approval_by_another_account() {
    let admin = dn("uid=alice,ou=admins,dc=x");
    for proof in [Proof::CreatorsName, Proof::Signature] {
        let world = signed(|w| {
            w.source.proof = proof;
            w.members("leads", std::slice::from_ref(&admin));
            let signature = Signature::Good(w.signed(1, &admin, 2_000));
            let approval = &mut w.tree(1).approvals[0];
            (approval.approver, approval.signature) = (admin.clone(), signature);
            approval.provenance = written(&admin, 2_000);
        });
        assert_eq!(told(&world), (Ignored::OwnGrant, None));
        let mut world = world;
        Arc::make_mut(&mut world.tree(1).grant).subject = person("dave");
        let digest = digest(&world.tree(1).grant);
        world.tree(1).approvals[0].digest = digest;
        assert_eq!(told(&world), (Ignored::OwnWords, None), "she wrote it");
    }
}

/// Who gets in is decided by the login, which is an attribute of the entry: whose login it is, is he, whatever the entry is called.
#[test]
fn self_approval_by_another_name_for_the_same_login() {
    let renamed = dn("cn=somebody,ou=people,dc=x");
    for proof in [Proof::CreatorsName, Proof::Signature, Proof::Source] {
        let world = signed(|w| {
            w.source.proof = proof;
            // bob's own entry is gone, but groups go on naming it.
            w.persons.retain(|p| p.dn != person("bob"));
            let (dn, login) = (renamed.clone(), login("Bob"));
            w.persons.push(Person { dn, login, uid_number: None, account: Account::default() });
            w.members("devs", std::slice::from_ref(&renamed)).grant(1, |g| g.subject = renamed.clone());
            w.sign(1, "bob", 2_000, |_| {});
        });
        assert_eq!(told(&world), (Ignored::OwnGrant, None), "{proof:?}");
        // Of a group that has to be signed for, likewise.
        let mut world = world;
        world.grant(1, |g| g.subject = group("devs")).sign(1, "bob", 2_000, |_| {});
        match proof {
            Proof::Signature => assert_eq!(told(&world), (Ignored::OneOfThem, None)),
            Proof::CreatorsName | Proof::Source => assert!(world.window(1).is_some()),
        }
    }
}

/// Where the directory's word about who wrote the grant is not believed, none of those who get it may be the one who approves.
#[test]
fn self_approval_as_one_of_a_group() {
    let for_devs = |w: &mut World| {
        w.members("leads", &[person("dave")]).grant(1, |g| g.subject = group("devs")).sign(
            1,
            "dave",
            2_000,
            |_| {},
        );
    };
    assert_eq!(told(&signed(for_devs)), (Ignored::OneOfThem, None));
    let required = approved(|w| {
        w.role(|r| r.signature_required = true);
        for_devs(w);
    });
    assert_eq!(told(&required), (Ignored::OneOfThem, None));
    // Nor under another entry's name.
    let world = signed(|w| {
        for_devs(w);
        w.members("devs", &[person("alice"), dn("uid=dave,ou=admins,dc=x")]);
    });
    assert_eq!(told(&world), (Ignored::OneOfThem, None));
}

#[test]
fn approval_by_a_non_member() {
    let world = signed(|w| {
        w.tree(1).approvals.clear();
        w.sign(1, "erin", 2_000, |_| {});
    });
    assert_eq!(told(&world), (Ignored::NoApprover, None));
    let world = approved(|w| {
        w.members("leads", &[person("carol")]);
    });
    assert_eq!(told(&world), (Ignored::NoApprover, None));
}

/// Of a grant that says the very same, too: its DN and its entryUUID are others.
#[test]
fn approval_of_another_grant_replayed() {
    for same_words in [true, false] {
        let replayed = signed(|w| {
            w.grant(2, |g| {
                if !same_words {
                    g.reason = Some("another".to_owned());
                }
            });
            let stolen = w.signed(2, &person("bob"), 2_000);
            let digest = digest(&w.tree(1).grant);
            let approval = &mut w.tree(1).approvals[0];
            (approval.signature, approval.digest) = (Signature::Good(stolen), digest);
        });
        assert_eq!(told(&replayed), (Ignored::OtherGrant, None));
    }
    // By creatorsName alone the digest tells: it is over the DN, too.
    let copied = approved(|w| {
        let theirs = digest(&w.grant(2, |_| {}).tree(2).grant);
        w.tree(1).approvals[0].digest = theirs;
    });
    assert_eq!(told(&copied), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
}

#[test]
fn grant_edited_after_approval() {
    for mut world in [approved(|_| {}), signed(|_| {})] {
        let grant = Arc::make_mut(&mut world.tree(1).grant);
        grant.hosts.insert(crate::world::host("*"));
        assert_eq!(told(&world), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
    }
    // Nor when the entry beside the signature is mended to fit the new words.
    let mut world = signed(|_| {});
    Arc::make_mut(&mut world.tree(1).grant).reason = Some("other".to_owned());
    let mended = digest(&world.tree(1).grant);
    world.tree(1).approvals[0].digest = mended;
    assert_eq!(told(&world), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
}

/// A signature that fits does not make up for an entry that does not.
#[test]
fn entry_that_approves_other_words_than_its_signature() {
    let world = forged(|a| a.digest.0[0] ^= 1);
    assert_eq!(told(&world), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
}

#[test]
fn approver_attribute_claiming_somebody_else() {
    let by_name = approved(|w| w.tree(1).approvals[0].provenance = written(&person("mallory"), 2_000));
    assert_eq!(told(&by_name), (Ignored::WrittenByOther("mallory".to_owned()), None));
    // erin signs, and the entry says that it was bob.
    let mut world = signed(|_| {});
    let erins = world.signed(1, &person("erin"), 2_000);
    world.tree(1).approvals[0].signature = Signature::Good(erins);
    assert_eq!(told(&world), (Ignored::SignedByOther(person("erin")), None));
    // Somebody of the same name elsewhere is somebody else.
    let other = dn("uid=bob,ou=old,dc=x");
    let his = world.signed(1, &other, 2_000);
    world.tree(1).approvals[0].signature = Signature::Good(his);
    assert_eq!(told(&world), (Ignored::SignedByOther(other), None));
}

#[test]
fn same_approver_twice() {
    for (proof, twice) in [(Proof::CreatorsName, "two entries"), (Proof::Signature, "two keys")] {
        let world = signed(|w| {
            w.source.proof = proof;
            w.role(|r| r.approvals_required = 2).sign(1, "bob", 3_000, |s| s.key.push('2'));
        });
        assert!(matches!(world.assessed(1), Assessed::Pending { missing: 1, .. }), "{twice}");
        let heard = world.heard(1);
        assert!(matches!(heard[0], Outcome::Counts { .. }), "{heard:?}");
        assert_eq!(heard[1], Outcome::Ignored(Ignored::SameSigner), "{twice}");
    }
}

/// Two entries of one name, or one key that root lists for two, are one.
#[test]
fn same_signer_under_two_names() {
    let elsewhere = dn("uid=bob,ou=old,dc=x");
    for proof in [Proof::CreatorsName, Proof::Signature] {
        let world = signed(|w| {
            w.source.proof = proof;
            w.role(|r| r.approvals_required = 2).members("leads", &[person("bob"), elsewhere.clone()]);
            let signature = Signature::Good(w.signed(1, &elsewhere, 3_000));
            w.approve(1, "bob", 3_000, |a| {
                (a.approver, a.signature) = (elsewhere.clone(), signature);
                a.provenance = written(&elsewhere, 3_000);
            });
        });
        assert_eq!(world.heard(1)[1], Outcome::Ignored(Ignored::SameSigner), "{proof:?}");
        assert!(matches!(world.assessed(1), Assessed::Pending { missing: 1, .. }), "{proof:?}");
    }
    let world = signed(|w| {
        w.role(|r| r.approvals_required = 2).sign(1, "carol", 3_000, |s| s.key = "SHA256:bob".to_owned());
    });
    assert_eq!(world.heard(1)[1], Outcome::Ignored(Ignored::SameSigner));
    assert!(matches!(world.assessed(1), Assessed::Pending { missing: 1, .. }));
}

#[test]
fn approval_edited_later() {
    let later = approved(|w| w.tree(1).approvals[0].provenance.modified = Some(at(2_001)));
    assert_eq!(told(&later), (Ignored::Changed, None));
    let by_other = approved(|w| w.tree(1).approvals[0].provenance.modifier = Some(person("alice")));
    assert_eq!(told(&by_other), (Ignored::Changed, None));
    // With signatures it is the words that are signed: a longer time beside them gives nothing.
    let longer = signed(|w| {
        w.tree(1).approvals.clear();
        w.sign(1, "bob", 2_000, |s| s.latest_end = at(3_000));
        w.tree(1).approvals[0].not_after = Some(at(9_000));
        w.tree(1).approvals[0].provenance.modified = Some(at(2_500));
    });
    assert_eq!(longer.window(1), Some((2_000, 3_000)));
}

/// Where entries stand is looked at when they are decoded; a role that stands elsewhere is not there.
#[test]
fn role_entry_written_under_ones_own_grant() {
    let own = dn("cn=mine,cn=g1,ou=grants,dc=x");
    let world = signed(|w| {
        w.grant(1, |g| g.role = Some(own.clone())).sign(1, "bob", 2_000, |_| {});
    });
    assert_eq!(world.refusal(1), Some(Refusal::RoleMissing(own)));
}

/// A directory admin can write whatever the directory is to say of an entry, and not what bob signs.
#[test]
fn creators_name_forged_by_a_directory_admin() {
    let forged = |w: &mut World| {
        w.tree(1).approvals.clear();
        w.approve(1, "bob", 2_000, |_| {});
    };
    assert_eq!(told(&signed(forged)), (Ignored::Unsigned, None));
    let required = approved(|w| {
        w.role(|r| r.signature_required = true);
        forged(w);
    });
    assert_eq!(told(&required), (Ignored::Unsigned, None));
    // Where no signature is required it is believed: see the threat model.
    assert_eq!(approved(forged).window(1), Some((2_000, 9_200)));
    // Where both must hold, the signature does not make up for the directory's word.
    let world = approved(|w| {
        w.role(|r| r.signature_required = true).tree(1).approvals.clear();
        w.sign(1, "bob", 2_000, |_| {});
        w.tree(1).approvals[0].provenance.creator = Some(person("mallory"));
    });
    assert_eq!(told(&world), (Ignored::WrittenByOther("mallory".to_owned()), None));
}

#[test]
fn create_timestamp_forged_by_a_directory_admin() {
    let world = signed(|w| w.tree(1).approvals[0].provenance = written(&person("bob"), 500_000));
    assert_eq!(world.window(1), Some((2_000, 9_200)), "the clock runs since the signing");
    // The grant's own moves nothing either, however much later bob let it end at the latest; nor does none.
    for made in [Some(at(9_000)), Some(at(90_000)), None] {
        let world = signed(|w| {
            w.tree(1).approvals.clear();
            w.sign(1, "bob", 2_000, |s| s.latest_end = at(88_400));
            Arc::make_mut(&mut w.tree(1).grant).provenance.created = made;
        });
        assert_eq!(world.window(1), Some((2_000, 9_200)), "{made:?}");
    }
    // Nor does one that makes an end look near enough let it last longer than the role allows.
    let world = signed(|w| {
        w.grant(1, |g| {
            g.end = End::At(at(80_000));
            g.provenance.created = Some(at(79_000));
        });
        w.sign(1, "bob", 2_000, |_| {});
    });
    assert_eq!(world.window(1), Some((2_000, 2_000 + 28_800)));
}

#[test]
fn expired_wrong_namespace_wrong_principal_wrong_key() {
    let key = || "SHA256:bob".to_owned();
    let cases = [
        BadSignature::KeyNotValid(key()),
        BadSignature::Namespace("file".to_owned()),
        BadSignature::Principal { key: key(), principal: "bob".to_owned() },
        BadSignature::UnknownKey(key()),
        BadSignature::KeyNotForApprovals(key()),
        BadSignature::Forged,
        BadSignature::Malformed("cut short".to_owned()),
        BadSignature::NotTouched,
        BadSignature::NoSigners("/etc/jitd/allowed_signers is missing".to_owned()),
    ];
    for why in cases {
        assert_eq!(told(&bad(why.clone())), (Ignored::BadSignature(why), None));
    }
    assert_eq!(told(&forged(|a| a.signature = Signature::Absent)), (Ignored::Unsigned, None));
    let unchecked = forged(|a| a.signature = Signature::Unchecked(b"jit-approval-1\n".to_vec()));
    assert_eq!(told(&unchecked), (Ignored::Unchecked, None), "what nobody has checked proves nothing");
}

/// Whoever checked the signature, the name is compared here once more.
#[test]
fn signature_that_was_checked_for_another_name() {
    let world = signed(|w| {
        w.tree(1).approvals.clear();
        w.sign(1, "bob", 2_000, |s| s.principal = "erin".to_owned());
    });
    let why = BadSignature::Principal { key: "SHA256:bob".to_owned(), principal: "bob".to_owned() };
    assert_eq!(told(&world), (Ignored::BadSignature(why), None));
    // The list of signers may write it with capitals; DNs have none.
    let world = signed(|w| {
        w.tree(1).approvals.clear();
        w.sign(1, "bob", 2_000, |s| s.principal = "BOB".to_owned());
    });
    assert!(world.window(1).is_some());
}

#[test]
fn signature_over_a_shorter_grant_used_for_a_longer_one() {
    let mut world = signed(|_| {});
    Arc::make_mut(&mut world.tree(1).grant).end = End::After(Span(28_800));
    assert_eq!(told(&world), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
    let mended = digest(&world.tree(1).grant);
    world.tree(1).approvals[0].digest = mended;
    assert_eq!(told(&world), (Ignored::OtherWords, Some(Refusal::ChangedAfterApproval)));
}

/// Its words are the same to the last byte; its entryUUID is new. Under the old one it is remembered.
#[test]
fn deleted_and_added_again_with_its_old_signed_approval() {
    let mut world = signed(|_| {});
    let old = world.source.grants.remove(&uuid(1)).expect("the grant");
    let mut again = old.clone();
    Arc::make_mut(&mut again.grant).uuid = uuid(7);
    world.source.grants.insert(uuid(7), again);
    world.memory.deleted.insert(uuid(1));
    assert_eq!(digest(&world.tree(7).grant), old.approvals[0].digest);
    assert_eq!(world.heard(7), [Outcome::Ignored(Ignored::OtherGrant)]);
    assert!(matches!(world.assessed(7), Assessed::Pending { .. }));
    world.source.grants = [(uuid(1), old)].into();
    assert_eq!(world.refusal(1), Some(Refusal::Deleted));
}

/// A good signature that nobody needs is nothing, and so is a bad one.
#[test]
fn signatures_that_are_not_needed() {
    for signature in [Signature::Absent, Signature::Bad(BadSignature::Forged), Signature::Unchecked(vec![])] {
        let world = approved(|w| w.tree(1).approvals[0].signature = signature);
        assert_eq!(world.window(1), Some((2_000, 9_200)));
    }
    let mut world = approved(|_| {});
    let mut stolen = world.signed(1, &person("carol"), 0);
    (stolen.latest_end, stolen.grant) = (at(1), uuid(9));
    world.tree(1).approvals[0].signature = Signature::Good(stolen);
    assert_eq!(world.window(1), Some((2_000, 9_200)));
    // Where the role requires no approval, one is told to be spare.
    let world = approved(|w| {
        w.role(|r| r.approvals_required = 0);
    });
    assert_eq!(world.heard(1), [Outcome::Ignored(Ignored::NotNeeded)]);
    assert!(world.window(1).is_some());
}
