//! What explains an assessment: the groups that make somebody eligible, those that an approver speaks for, and every approval.

use std::sync::Arc;

use jit_model::heard::{Evidence, Heard, Ignored, Outcome};
use jit_model::people::{Group, People};
use jit_model::role::Role;
use jit_model::snapshot::Aside;
use jit_model::source::Proof;
use jit_model::time::Span;

use crate::world::{World, approved, at, dn, group, login, person};

fn nested(groups: &[(&str, &[&str])]) -> People {
    let groups = groups.iter().map(|(name, members)| Group {
        dn: group(name),
        members: members.iter().map(|m| m.strip_prefix('@').map_or_else(|| person(m), group)).collect(),
    });
    People::new([], groups, [])
}

#[test]
fn a_path_is_the_shortest_there_is_and_always_the_same() {
    let people = nested(&[
        ("all", &["@b", "@a", "@deep"]),
        ("a", &["alice"]),
        ("b", &["alice", "bob"]),
        ("deep", &["@deeper"]),
        ("deeper", &["carol", "alice", "@all"]),
    ]);
    let path = |who: &str, to: &str| people.path(&person(who), &group(to));
    let names = |names: &[&str]| Some(names.iter().map(|name| group(name)).collect::<Vec<_>>());
    assert_eq!(path("alice", "a"), names(&["a"]));
    assert_eq!(path("alice", "all"), names(&["a", "all"]), "a before b");
    assert_eq!(path("carol", "all"), names(&["deeper", "deep", "all"]));
    assert_eq!(path("bob", "deeper"), names(&["b", "all", "deeper"]), "round the circle");
    assert_eq!(people.path(&group("all"), &group("all")), names(&["deeper", "deep", "all"]));
    assert_eq!(path("dave", "all"), None);
    assert_eq!(path("alice", "gone"), None);
    assert_eq!(people.path(&group("a"), &group("a")), None, "a group is not in itself");
    for to in ["all", "a", "b", "deep", "deeper"] {
        for who in ["alice", "bob", "carol", "dave"] {
            assert_eq!(path(who, to).is_some(), people.is_member(&person(who), &group(to)));
        }
    }
}

#[test]
fn everybody_is_told_what_makes_him_eligible() {
    let mut world = approved(|w| {
        w.members("engineers", &[group("devs"), person("erin")]);
        w.members("everyone", &[person("alice"), person("dave"), person("erin")]);
        w.role(|r: &mut Role| r.eligible = [group("engineers"), person("dave")].into());
        w.grant(1, |g| g.subject = group("everyone"));
    });
    let judged = world.assess().remove(0);
    let by = |who: &str| judged.eligible_by(&login(who)).map(<[_]>::to_vec);
    assert_eq!(by("alice"), Some(vec![group("devs"), group("engineers")]));
    assert_eq!(by("erin"), Some(vec![group("engineers")]));
    assert_eq!(by("dave"), Some(vec![]), "the role names him");
    assert_eq!(by("bob"), None);
    // Of several ways the shortest.
    world.role(|r| r.eligible.extend([group("devs")]));
    assert_eq!(world.assess()[0].eligible_by(&login("alice")), Some(&[group("devs")][..]));
    // Whatever the grant comes to: of a refused one everybody is named, and who of them is eligible.
    world.members("everyone", &[person("alice"), person("carol")]).revoke(1, None, None);
    let revoked = world.assess().remove(0);
    assert_eq!(revoked.logins.keys().collect::<Vec<_>>(), [&login("alice"), &login("carol")]);
    assert_eq!(revoked.eligible_by(&login("alice")), Some(&[group("devs")][..]));
    assert_eq!(revoked.eligible_by(&login("carol")), None);
    world.members("devs", &[]);
    assert!(world.assess()[0].eligible_by.is_empty());
    // The default role is for everybody.
    let world = approved(|w| {
        w.source.default_role = Some(Arc::new(Role::default_of(Span(9_999))));
        w.grant(1, |g| g.role = None);
    });
    assert_eq!(world.assess()[0].eligible_by(&login("alice")), Some(&[][..]));
}

#[test]
fn a_thousand_of_one_group_share_what_makes_them_eligible() {
    let names: Vec<String> = (0..1_000).map(|n| format!("p{n}")).collect();
    let mut world = World::new();
    world.persons = names
        .iter()
        .map(|name| jit_model::people::Person {
            dn: person(name),
            login: login(name),
            uid_number: None,
            account: Default::default(),
        })
        .collect();
    world.members("devs", &names.iter().map(|name| person(name)).collect::<Vec<_>>());
    world.grant(1, |g| g.subject = group("devs")).grant(2, |g| g.subject = group("devs"));
    let judged = world.assess();
    assert_eq!(judged[0].logins.len(), 1_000);
    let ways: Vec<&Arc<[_]>> = judged.iter().flat_map(|judged| judged.eligible_by.iter().flatten()).collect();
    assert_eq!((ways.len(), &**ways[0]), (2_000, &[group("devs")][..]));
    assert!(ways.iter().all(|way| Arc::ptr_eq(way, ways[0])));
    // And any of them may ask for them all, a thousand times: what each grant costs is not a thousand names.
    assert!(Arc::ptr_eq(&judged[0].logins, &judged[1].logins));
    assert!(Arc::ptr_eq(&judged[0].eligible_by, &judged[1].eligible_by));
    // Nor of one that cannot be used.
    for aside in world.malformed(3, "g3").malformed(4, "g4").source.set_aside.iter_mut() {
        aside.subject = Some(group("devs"));
    }
    let aside = Aside::of(&world.source());
    assert_eq!(aside[0].logins.len(), 1_000);
    assert!(Arc::ptr_eq(&aside[0].logins, &aside[1].logins));
}

#[test]
fn every_approval_is_told_in_the_order_of_the_entries() {
    let world = approved(|w| {
        w.members("sre", &[group("oncall")]).members("oncall", &[person("bob")]);
        w.role(|r| r.approver_groups = [group("sre"), group("leads"), group("gone")].into());
        w.approve(1, "erin", 1_500, |_| {}).approve(1, "alice", 1_600, |_| {}).approve(
            1,
            "bob",
            2_500,
            |_| {},
        );
        w.approve(1, "carol", 1_700, |a| a.provenance.created = None);
    });
    let counts = Outcome::Counts {
        at: at(2_000),
        evidence: Evidence::CreatorsName,
        paths: vec![vec![group("leads")], vec![group("oncall"), group("sre")]],
    };
    let expected = [
        ("bob", counts),
        ("erin", Outcome::Ignored(Ignored::NoApprover)),
        ("alice", Outcome::Ignored(Ignored::OwnGrant)),
        ("bob", Outcome::Ignored(Ignored::SameSigner)),
        ("carol", Outcome::Ignored(Ignored::EvidenceMissing("createTimestamp"))),
    ];
    let expected = expected.into_iter().enumerate().map(|(n, (who, outcome))| Heard {
        dn: dn(&format!("cn=a{n},cn=g1,ou=grants,dc=x")),
        approver: person(who),
        outcome,
    });
    assert_eq!(world.assess().remove(0).heard, expected.collect::<Vec<_>>());
    // Whatever the grant comes to.
    let mut revoked = world;
    revoked.revoke(1, None, None);
    assert_eq!(revoked.heard(1).len(), 5);
    revoked.source.proof = Proof::Source;
    assert!(matches!(revoked.heard(1)[0], Outcome::Counts { evidence: Evidence::Source, .. }));
}

/// Part of the audit's and jitctl's format.
#[test]
fn every_reason_has_a_word_of_its_own() {
    use jit_model::signature::BadSignature as Bad;
    let key = String::new;
    let bad = [
        Bad::Malformed(key()),
        Bad::Namespace(key()),
        Bad::UnknownKey(key()),
        Bad::Principal { key: key(), principal: key() },
        Bad::KeyNotForApprovals(key()),
        Bad::KeyNotValid(key()),
        Bad::Forged,
        Bad::NotTouched,
        Bad::NoSigners(key()),
    ];
    for why in bad {
        assert_eq!(Ignored::BadSignature(why.clone()).code(), format!("signature-{}", why.code()));
    }
    let others = [
        (Ignored::NotNeeded, "not-needed"),
        (Ignored::OwnGrant, "own-grant"),
        (Ignored::OwnWords, "own-words"),
        (Ignored::OneOfThem, "one-of-them"),
        (Ignored::NoApprover, "no-approver"),
        (Ignored::EvidenceMissing("x"), "evidence-missing"),
        (Ignored::WrittenByOther(key()), "written-by-other"),
        (Ignored::Changed, "changed"),
        (Ignored::OtherWords, "other-words"),
        (Ignored::OtherGrant, "other-grant"),
        (Ignored::Unsigned, "unsigned"),
        (Ignored::Unchecked, "unchecked"),
        (Ignored::SignedByOther(person("bob")), "signed-by-other"),
        (Ignored::SameSigner, "same-signer"),
    ];
    for (why, word) in others {
        assert_eq!(why.code(), word);
    }
    let evidence = [Evidence::CreatorsName, Evidence::Signature(key()), Evidence::Source];
    assert_eq!(evidence.map(|e| e.code()), ["creators-name", "signature", "source"]);
}
