//! Decoding, attribute by attribute. Entries are written as a directory would show them.

use jit_model::grant::End;
use jit_model::host::HostPattern;
use jit_model::name::Login;
use jit_model::time::{Span, Timestamp};
use proptest::prelude::*;

use super::*;

mod people;

/// An entry that is too large is cut down to one that is still too large, and still what it is.
#[test]
fn what_is_too_large_is_cut_down() {
    let small = grant_entry("", &[]);
    assert_eq!(cut_down(small.clone()), small);
    let long = format!("description: {}", "x".repeat(4 << 20));
    let many = vec!["aAA: y"; 1 << 20];
    let most = entry(1, &format!("cn=g1,{GRANTS}"), &[&format!("description: {}", "x".repeat(16_000))]);
    assert_eq!(cut_down(most.clone()), most, "what may be understood stays as it is");
    for (lines, kind) in [(GRANT, EntryKind::Grant), (REVOCATION, EntryKind::Revocation)] {
        for large in
            [vec![long.as_str()], many.clone(), vec![format!("cn: {}", "z".repeat(1 << 20)).as_str()]]
        {
            let lines: Vec<&str> = lines.iter().copied().chain(large).collect();
            let name = if kind == EntryKind::Grant {
                format!("cn=g1,{GRANTS}")
            } else {
                format!("cn=r1,cn=g1,{GRANTS}")
            };
            let cut = cut_down(entry(1, &name, &lines));
            let size: usize =
                cut.attributes.iter().map(|(n, v)| v.iter().map(|v| v.len() + n.len()).sum::<usize>()).sum();
            assert!(size <= fields::MOST_BYTES + 64, "{size}");
            let mut beside = grant_entry("", &[]);
            beside.uuid = EntryUuid([9; 16]);
            let source = if kind == EntryKind::Grant { read(vec![cut]) } else { read(vec![beside, cut]) };
            let aside: Vec<_> = source
                .set_aside
                .iter()
                .map(|aside| (aside.kind, aside.reason.contains("more than 16384")))
                .collect();
            assert_eq!(aside, [(kind, true)]);
            assert_eq!(
                source.grants.values().map(|tree| tree.revocations.len()).sum::<usize>(),
                usize::from(kind == EntryKind::Revocation)
            );
        }
    }
}

const GRANTS: &str = "ou=grants,ou=jit,dc=local";

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn bases() -> Bases {
    Bases::under(&dn("dc=local")).unwrap()
}

fn reading() -> Reading {
    Reading {
        name: SourceName::new("ldap").unwrap(),
        proof: Proof::CreatorsName,
        writers: BTreeSet::new(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    }
}

/// An entry from `name: value` lines.
fn entry(uuid: u8, name: &str, lines: &[&str]) -> Entry {
    let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        attributes.entry(name.to_ascii_lowercase()).or_default().push(value.as_bytes().to_vec());
    }
    Entry { uuid: EntryUuid([uuid; 16]), dn: dn(name), attributes }
}

fn set(access: Vec<Entry>, people: Vec<Entry>) -> Entries {
    let by_uuid = |entries: Vec<Entry>| entries.into_iter().map(|e| (e.uuid, Arc::new(e))).collect();
    Entries { access: by_uuid(access), people: by_uuid(people) }
}

fn read(access: Vec<Entry>) -> Source {
    decode(&set(access, Vec::new()), &bases(), &reading())
}

const GRANT: &[&str] = &[
    "objectClass: jitGrant",
    "cn: g1",
    "jitSubject: uid=alice,ou=people,dc=local",
    "jitRoleDN: cn=ops,ou=roles,ou=jit,dc=local",
    "jitHost: Web1.Example.COM.",
    "jitHost: @web",
    "jitService: sshd",
    "jitDuration: 7200",
    "jitNotBefore: 20261122150405Z",
    "jitReason: INC-1: disk full",
    "jitTicket: INC-1",
    "creatorsName: uid=alice,ou=people,dc=local",
    "createTimestamp: 20261122150000Z",
];
const ROLE: &[&str] = &[
    "objectClass: jitRole",
    "cn: ops",
    "jitHost: *.example.com",
    "jitEligible: cn=devs,ou=groups,dc=local",
    "jitMaxDuration: 28800",
    "jitApprovalsRequired: 1",
    "jitApproverGroup: cn=leads,ou=groups,dc=local",
    "jitApprovalsFromEach: TRUE",
    "jitTicketPattern: INC-[0-9]+",
    "jitLocalGroup: docker",
];
const REVOCATION: &[&str] = &["objectClass: jitRevocation", "cn: r1", "jitHost: web1.example.com"];

fn approval_lines() -> Vec<String> {
    let digest = format!("jitGrantDigest: {}", "0f".repeat(32));
    [
        "objectClass: jitApproval",
        "cn: a1",
        "jitApprover: uid=bob,ou=people,dc=local",
        "jitHost: anything!",
        &digest,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn grant_entry(without: &str, with: &[&str]) -> Entry {
    let lines: Vec<&str> =
        GRANT.iter().filter(|l| without.is_empty() || !l.starts_with(without)).chain(with).copied().collect();
    entry(1, &format!("cn=g1,{GRANTS}"), &lines)
}

fn role_entry(without: &str, with: &[&str]) -> Entry {
    let lines: Vec<&str> =
        ROLE.iter().filter(|l| without.is_empty() || !l.starts_with(without)).chain(with).copied().collect();
    entry(2, "cn=ops,ou=roles,ou=jit,dc=local", &lines)
}

fn approval_entry(without: &str, with: &[&str]) -> Entry {
    let lines = approval_lines();
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|l| without.is_empty() || !l.starts_with(without))
        .chain(with.iter().copied())
        .collect();
    entry(3, &format!("cn=a1,cn=g1,{GRANTS}"), &lines)
}

#[test]
fn a_whole_grant() {
    let source = read(vec![grant_entry("", &[]), role_entry("", &[]), approval_entry("", &[])]);
    assert_eq!(source.set_aside, vec![]);
    let tree = source.grants.values().next().unwrap();
    let grant = &tree.grant;
    assert_eq!(grant.id, "g1");
    assert_eq!(
        grant.hosts,
        BTreeSet::from(["@web", "web1.example.com"].map(|h| HostPattern::new(h).unwrap()))
    );
    assert_eq!(grant.end, End::After(Span(7_200)));
    assert_eq!(grant.not_before, Some(Timestamp(1_795_359_845)));
    assert_eq!(grant.reason.as_deref(), Some("INC-1: disk full"));
    assert_eq!(grant.provenance.creator, Some(dn("uid=alice,ou=people,dc=local")));
    assert_eq!(grant.provenance.modifier, None);
    assert_eq!(tree.approvals.len(), 1);
    assert_eq!(tree.approvals[0].digest.0, [0x0f; 32]);
    let RoleEntry::Known(role) = &source.roles[&dn("cn=ops,ou=roles,ou=jit,dc=local")] else { panic!() };
    assert_eq!(
        (role.approvals_required, role.approvals_from_each, role.signature_required),
        (1, true, false)
    );
    assert!(role.ticket_pattern.as_ref().unwrap().matches("INC-12"));
}

/// Each of these makes a grant unusable, and the report names the attribute and the subject.
#[test]
fn a_malformed_grant_is_set_aside() {
    for (without, with, attribute, word) in [
        ("", "jitSubject: uid=bob,ou=people,dc=local", "jitsubject", "2 values"),
        ("", "jitRoleDN: cn=x,ou=roles,ou=jit,dc=local", "jitroledn", "2 values"),
        ("", "jitNotAfter: 20271122150405Z", "jitduration", "keep one"),
        ("jitDuration", "jitDuration: 0", "jitduration", "positive"),
        ("jitDuration", "jitDuration: -5", "jitduration", "whole number"),
        ("jitDuration", "jitDuration: 2h", "jitduration", "whole number"),
        ("jitDuration", "jitNotAfter: tomorrow", "jitnotafter", "GeneralizedTime"),
        ("jitDuration", "jitTicket2: x", "jitticket2", "newer jitd"),
        ("", "jitFrobnicate: x", "jitfrobnicate", "newer jitd"),
        (
            "",
            "1.2.840.113556.1.8000.2554.29126.64261.28795.18364.33186.9047275.13068248.2.99: x",
            "1.2.840.113556.1.8000.2554.29126.64261.28795.18364.33186.9047275.13068248.2.99",
            "newer jitd",
        ),
        ("", "jitEligible: uid=alice,ou=people,dc=local", "jiteligible", "does not belong"),
        ("", "objectClass: extensibleObject", "objectclass", "extensibleObject"),
        ("", "objectClass: 1.3.6.1.4.1.1466.101.120.111", "objectclass", "extensibleObject"),
        ("", "objectClass: jitRole", "objectclass", "more than"),
        ("", "objectClass: jitHold", "objectclass", "newer jitd"),
        ("objectClass", "objectClass: device", "objectclass", "not jitGrant"),
        ("jitHost", "jitHost: web 1", "jithost", "names no host"),
        ("jitHost", "jitHost: web*.example.com", "jithost", "names no host"),
        ("", "jitService: ../etc/passwd", "jitservice", "no service name"),
        ("cn", "cn: g2", "cn", "DN begins"),
        ("", "cn: g2", "cn", "2 values"),
        ("jitReason", "jitReason: a\u{1b}[2Jb", "jitreason", "control character"),
        ("jitNotBefore", "jitNotBefore: 20261322150405Z", "jitnotbefore", "GeneralizedTime"),
    ] {
        let source = read(vec![grant_entry(without, &[with])]);
        assert!(source.grants.is_empty(), "{with}");
        let [aside] = source.set_aside.as_slice() else { panic!("{with}: {:?}", source.set_aside) };
        assert_eq!(aside.attribute.as_deref(), Some(attribute), "{with}: {aside:?}");
        assert!(aside.reason.contains(word), "{with}: {aside:?}");
        assert_eq!(aside.kind, EntryKind::Grant);
        let two = attribute == "jitsubject";
        assert_eq!(aside.subject, (!two).then(|| dn("uid=alice,ou=people,dc=local")), "{with}");
    }
    for without in ["jitDuration", "jitHost", "jitSubject", "cn", "objectClass"] {
        let source = read(vec![grant_entry(without, &[])]);
        assert!(source.grants.is_empty() && source.set_aside.len() == 1, "{without}: {:?}", source.set_aside);
    }
}

#[test]
fn a_grant_that_is_too_large_is_set_aside() {
    let long = format!("description: {}", "x".repeat(fields::MOST_BYTES));
    let source = read(vec![grant_entry("", &[&long])]);
    assert!(source.grants.is_empty());
    assert!(source.set_aside[0].reason.contains("shorten"), "{:?}", source.set_aside);
}

#[test]
fn a_reason_does_not_quote_a_whole_value() {
    let long = format!("jitHost: {}", "x y".repeat(4_000));
    let source = read(vec![grant_entry("jitHost", &[&long])]);
    assert!(source.set_aside[0].reason.len() < 400, "{:?}", source.set_aside);
}

#[test]
fn a_malformed_role_is_kept_as_malformed() {
    for (without, with) in [
        ("jitMaxDuration", "description: x"),
        ("jitMaxDuration", "jitMaxDuration: 0"),
        ("jitApprovalsRequired", "description: x"),
        ("jitApprovalsRequired", "jitApprovalsRequired: 1000000"),
        ("jitApproverGroup", "description: x"),
        ("jitEligible", "description: x"),
        ("", "jitEligible: everybody"),
        ("jitHost", "description: x"),
        ("", "jitReasonRequired: true"),
        ("", "jitApprovalsFromEach: FALSE"),
        ("jitTicketPattern", "jitTicketPattern: ["),
        ("", "jitQuorum: 3"),
        ("", "objectClass: extensibleObject"),
        ("", "jitLocalGroup: a:b"),
    ] {
        let source = read(vec![role_entry(without, &[with])]);
        let role = &source.roles[&dn("cn=ops,ou=roles,ou=jit,dc=local")];
        assert!(matches!(role, RoleEntry::Malformed(_)), "{without} {with}");
        assert_eq!(source.set_aside.len(), 1, "{without} {with}");
    }
}

/// A role whose groups must all be heard and that has lost its last one lets nobody in without a word.
#[test]
fn a_role_that_lost_its_last_approver_group_is_malformed() {
    let lines: Vec<&str> = ROLE
        .iter()
        .filter(|line| !line.starts_with("jitApproverGroup"))
        .map(|line| if line.starts_with("jitApprovalsRequired") { "jitApprovalsRequired: 0" } else { line })
        .collect();
    let source = read(vec![entry(2, "cn=ops,ou=roles,ou=jit,dc=local", &lines)]);
    let role = &source.roles[&dn("cn=ops,ou=roles,ou=jit,dc=local")];
    let RoleEntry::Malformed(aside) = role else { panic!("{role:?}") };
    assert_eq!(aside.attribute.as_ref().map(ToString::to_string).as_deref(), Some("jitapprovergroup"));
}

/// To find out whether each of very many groups is heard could take a host too long.
#[test]
fn a_role_whose_groups_must_each_be_heard_names_few() {
    let role = |groups: usize, each: &str| {
        let groups: Vec<String> =
            (1..groups).map(|n| format!("jitApproverGroup: cn=g{n},ou=groups,dc=local")).collect();
        let with: Vec<&str> = groups.iter().map(String::as_str).chain([each]).collect();
        read(vec![role_entry("jitApprovalsFromEach", &with)])
            .roles
            .remove(&dn("cn=ops,ou=roles,ou=jit,dc=local"))
    };
    for (groups, each, good) in [
        (8, "jitApprovalsFromEach: TRUE", true),
        (9, "jitApprovalsFromEach: TRUE", false),
        (9, "jitReasonRequired: TRUE", true),
    ] {
        let role = role(groups, each);
        assert_eq!(matches!(role, Some(RoleEntry::Known(_))), good, "{groups} {each} {role:?}");
    }
}

#[test]
fn a_malformed_approval_does_not_count() {
    for (without, with) in [
        ("jitGrantDigest", "description: x"),
        ("jitGrantDigest", "jitGrantDigest: abc"),
        ("jitApprover", "description: x"),
        ("", "jitApprover: uid=carol,ou=people,dc=local"),
        ("", "jitConsent: TRUE"),
        ("", "jitSubject: uid=alice,ou=people,dc=local"),
        ("", "objectClass: extensibleObject"),
        ("", "jitDuration: 0"),
        ("", "jitNotAfter: 2027"),
        ("objectClass", "objectClass: device"),
        ("objectClass", "description: x"),
    ] {
        let source = read(vec![grant_entry("", &[]), approval_entry(without, &[with])]);
        let tree = source.grants.values().next().unwrap();
        assert_eq!((tree.approvals.len(), tree.revocations.len()), (0, 0), "{without} {with}");
        assert_eq!(source.set_aside.len(), 1, "{without} {with}");
    }
}

#[test]
fn whatever_may_be_a_revocation_is_one() {
    let long = format!("description: {}", "x".repeat(fields::MOST_BYTES));
    let oid = format!("objectClass: {}.1.3", schema::BASE_OID);
    for (lines, faulty) in [
        (REVOCATION.to_vec(), false),
        (vec!["objectClass: jitRevocation"], false),
        (vec!["objectClass: JITREVOCATION", "jitFrobnicate: x"], true),
        (vec!["objectClass: jitRevocation", "objectClass: extensibleObject"], true),
        (vec!["objectClass: jitRevocation", "objectClass: jitApproval"], true),
        (vec!["objectClass: jitRevocation", "jitReason: a", "jitReason: b"], true),
        (vec!["objectClass: jitRevocation", "jitReason: \u{7}"], true),
        (vec!["objectClass: jitRevocation", &long], true),
        (vec![&oid], false),
        (vec!["jitHost: web1.example.com"], true),
    ] {
        let source = read(vec![grant_entry("", &[]), entry(4, &format!("cn=r1,cn=g1,{GRANTS}"), &lines)]);
        let tree = source.grants.values().next().unwrap();
        assert_eq!(tree.revocations.len(), 1, "{lines:?}");
        assert_eq!(source.set_aside.len(), usize::from(faulty), "{lines:?} {:?}", source.set_aside);
    }
}

#[test]
fn a_revocation_counts_even_deeper_and_an_approval_does_not() {
    let mut approval = approval_entry("", &[]);
    approval.dn = dn(&format!("cn=a1,cn=x,cn=g1,{GRANTS}"));
    let source = read(vec![
        grant_entry("", &[]),
        entry(4, &format!("cn=r1,cn=x,cn=g1,{GRANTS}"), REVOCATION),
        approval,
    ]);
    let tree = source.grants.values().next().unwrap();
    assert_eq!((tree.approvals.len(), tree.revocations.len()), (0, 1));
    assert_eq!(source.set_aside.len(), 2);
}

#[test]
fn a_child_of_an_unknown_class_refuses_the_grant() {
    let newer = entry(4, &format!("cn=h,cn=g1,{GRANTS}"), &["objectClass: jitHold", "cn: h"]);
    for newer in [newer, approval_entry("", &["objectClass: jitHold"])] {
        let source = read(vec![grant_entry("", &[]), newer]);
        assert!(source.grants.is_empty());
        assert!(
            source.set_aside.iter().any(|s| s.kind == EntryKind::Grant && s.reason.contains("newer jitd"))
        );
    }
}

#[test]
fn a_revocation_outlives_its_grants_being_set_aside() {
    let newer = |name: &str| entry(5, &format!("{name},cn=g1,{GRANTS}"), &["objectClass: jitHold"]);
    for (grant, newer) in [
        (grant_entry("", &["jitFrobnicate: x"]), None),
        (grant_entry("", &[]), Some(newer("cn=z"))),
        (grant_entry("", &[]), Some(newer("cn=a"))),
    ] {
        let revocation = entry(4, &format!("cn=r1,cn=g1,{GRANTS}"), REVOCATION);
        let source = read([grant, revocation].into_iter().chain(newer).collect());
        assert!(source.grants.is_empty());
        assert_eq!(source.revoked_aside.keys().collect::<Vec<_>>(), [&EntryUuid([1; 16])]);
    }
}

#[test]
fn two_roles_of_one_name_are_none() {
    let mut other = role_entry("jitApprovalsRequired", &["jitApprovalsRequired: 0"]);
    other.uuid = EntryUuid([9; 16]);
    let source = read(vec![role_entry("", &[]), other]);
    assert!(source.roles.values().all(|role| matches!(role, RoleEntry::Malformed(_))), "{:?}", source.roles);
}

#[test]
fn entries_count_only_in_their_place() {
    // A role under one's own grant, a grant below a grant, a grant where roles stand, a role where grants stand.
    let mut role = role_entry("", &[]);
    role.dn = dn(&format!("cn=ops,cn=g1,{GRANTS}"));
    let source = read(vec![grant_entry("", &[]), role]);
    assert!(source.roles.is_empty() && source.set_aside.len() == 1);

    let mut deep = grant_entry("", &[]);
    deep.dn = dn(&format!("cn=g1,cn=g0,{GRANTS}"));
    let source = read(vec![deep]);
    assert!(source.grants.is_empty() && source.set_aside.len() == 1);

    let mut role = role_entry("", &[]);
    role.dn = dn(&format!("cn=ops,{GRANTS}"));
    let mut grant = grant_entry("", &[]);
    grant.dn = dn("cn=g1,ou=roles,ou=jit,dc=local");
    let source = read(vec![role, grant]);
    assert!(source.grants.is_empty() && source.roles.values().all(|r| matches!(r, RoleEntry::Malformed(_))));

    let mut outside = grant_entry("", &[]);
    outside.dn = dn("cn=g1,ou=elsewhere,dc=local");
    let source = read(vec![outside]);
    assert!(source.grants.is_empty() && source.set_aside.len() == 1);

    // A comma within a name is no step down.
    let sly = entry(5, &format!("cn=a\\,cn=g1,{GRANTS}"), REVOCATION);
    let source = read(vec![grant_entry("", &[]), sly]);
    assert!(source.grants.values().all(|tree| tree.revocations.is_empty()));
}

#[test]
fn twins_and_orphans_do_not_count() {
    let mut twin = grant_entry("", &[]);
    twin.uuid = EntryUuid([9; 16]);
    let source = read(vec![grant_entry("", &[]), twin]);
    assert!(source.grants.is_empty() && source.set_aside.len() == 2);
    let source = read(vec![approval_entry("", &[])]);
    assert_eq!(source.set_aside.len(), 1);
    assert!(source.set_aside[0].reason.contains("no grant"));
}

#[test]
fn containers_are_no_entries() {
    let ou = |n, name: &str| entry(n, name, &["objectClass: organizationalUnit", "ou: x"]);
    let entries = set(
        vec![ou(1, GRANTS), ou(2, "ou=roles,ou=jit,dc=local"), ou(5, "ou=jit,dc=local")],
        vec![ou(3, "ou=people,dc=local"), ou(4, "ou=groups,dc=local")],
    );
    assert_eq!(decode(&entries, &bases(), &reading()).set_aside, vec![]);
}

#[test]
fn evidence_that_cannot_be_read_is_absent() {
    let source = read(vec![grant_entry(
        "create",
        &["createTimestamp: 20261122150000Z", "createTimestamp: 20201122150000Z", "modifiersName: nobody"],
    )]);
    let provenance = &source.grants.values().next().unwrap().grant.provenance;
    assert_eq!((provenance.created, &provenance.modifier), (None, &None));
}

proptest! {
    /// Any names and values in any place: decoding never panics, and every grant that comes out has a host and stands in
    /// its place.
    #[test]
    fn anything_can_be_decoded(
        picks in prop::collection::vec((0_usize..6, prop::collection::vec((0_usize..26, 0_usize..12, ".{0,12}"), 0..14)), 0..8)
    ) {
        let names = [
            format!("cn=g1,{GRANTS}"), format!("cn=a1,cn=g1,{GRANTS}"), format!("cn=b,cn=a1,cn=g1,{GRANTS}"),
            "cn=ops,ou=roles,ou=jit,dc=local".to_owned(), "uid=alice,ou=people,dc=local".to_owned(), "dc=local".to_owned(),
        ];
        let attributes: Vec<&str> =
            schema::ATTRIBUTES.iter().copied().chain(["objectclass", "cn", "uid", "member", "uniquemember"]).collect();
        let digest = "0f".repeat(32);
        let values = [
            "jitGrant", "jitApproval", "jitRevocation", "jitRole", "g1", "ops", "7200", "TRUE", "20261122150405Z",
            "uid=alice,ou=people,dc=local", "web1.example.com", &digest,
        ];
        let mut entries = Entries::default();
        for (n, (place, lines)) in picks.iter().enumerate() {
            let mut made = entry(u8::try_from(n).unwrap(), &names[*place], &[]);
            for (attribute, value, noise) in lines {
                let value = if noise.len() % 2 == 0 { values[*value].to_owned() } else { noise.clone() };
                made.attributes.entry(attributes[*attribute].to_owned()).or_default().push(value.into_bytes());
            }
            entries.access.insert(made.uuid, Arc::new(made.clone()));
            entries.people.insert(made.uuid, Arc::new(made));
        }
        let source = decode(&entries, &bases(), &reading());
        for tree in source.grants.values() {
            prop_assert!(!tree.grant.hosts.is_empty());
            prop_assert!(tree.grant.dn.to_string().ends_with(GRANTS));
        }
    }
}
