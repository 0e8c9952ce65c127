//! Every refusal that assessing gives, with its word and its text.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::assess::MAX_SUBJECTS;
use jit_model::grant::End;
use jit_model::people::{Account, Person};
use jit_model::reason::Refusal;
use jit_model::role::TicketPattern;
use jit_model::source::{EntryKind, Proof, RoleEntry, SetAside};
use jit_model::time::Span;

use crate::world::{
    World, approved, at, dba, dn, group, host, login, person, role_dn, unapproved, uuid, written,
};

/// Every refusal that assessing gives, by what causes it, with its word and its text.
#[test]
fn every_refusal() {
    let pattern = || TicketPattern::new("OPS-[0-9]+").ok();
    let malformed_role = || {
        RoleEntry::Malformed(SetAside {
            dn: role_dn("dba"),
            uuid: None,
            kind: EntryKind::Role,
            attribute: None,
            reason: "has two ends".to_owned(),
            subject: None,
        })
    };
    let cases: Vec<(&str, World, &str)> = vec![
        (
            "no-role",
            approved(|w| {
                w.grant(1, |g| g.role = None);
            }),
            "it names no role",
        ),
        (
            "role-missing",
            approved(|w| {
                w.source.roles.clear();
            }),
            "its role cn=dba,ou=roles,dc=x does not exist where roles are kept, or is not for this host",
        ),
        (
            "role-missing",
            approved(|w| {
                // A named role never falls back to the default.
                w.source.roles.clear();
                w.source.default_role = Some(Arc::new(dba()));
            }),
            "its role cn=dba,ou=roles,dc=x does not exist where roles are kept, or is not for this host",
        ),
        (
            "role-malformed",
            approved(|w| {
                w.source.roles.insert(role_dn("dba"), malformed_role());
            }),
            "its role cn=dba,ou=roles,dc=x is malformed: has two ends",
        ),
        (
            "not-this-host",
            approved(|w| {
                w.role(|r| r.hosts = BTreeSet::from([host("@web")]));
            }),
            "its role dba is not for this host",
        ),
        (
            "not-this-host",
            approved(|w| {
                w.grant(1, |g| g.hosts = BTreeSet::from([host("db2.prod.example.com")]));
            }),
            "it is not for this host",
        ),
        (
            "subject-missing",
            approved(|w| {
                w.grant(1, |g| g.subject = person("nobody"));
            }),
            "its subject uid=nobody,ou=people,dc=x does not exist or cannot be used",
        ),
        (
            "subject-too-large",
            approved(|w| {
                let staff = (0..MAX_SUBJECTS).map(|n| person(&format!("p{n}")));
                w.members("staff", &staff.chain([person("alice")]).collect::<Vec<_>>());
                w.grant(1, |g| g.subject = group("staff"));
            }),
            "its subject cn=staff,ou=groups,dc=x holds more than 1000 names; ask for a smaller group",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.grant(1, |g| g.subject = person("erin"));
            }),
            "uid=erin,ou=people,dc=x is not eligible for the role dba",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.grant(1, |g| g.subject = group("leads"));
            }),
            "cn=leads,ou=groups,dc=x is not eligible for the role dba",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.members("devs", &[]);
            }),
            "uid=alice,ou=people,dc=x is not eligible for the role dba",
        ),
        (
            "login-shared",
            approved(|w| {
                w.persons.push(Person {
                    dn: dn("cn=other,dc=x"),
                    login: login("Alice"),
                    uid_number: None,
                    account: Account::default(),
                });
            }),
            "the login alice belongs to more than one entry",
        ),
        (
            "root",
            approved(|w| {
                w.persons[0].uid_number = Some(0);
            }),
            "alice is root, and root holds no grant",
        ),
        (
            "root",
            approved(|w| {
                w.persons[0].login = login("root");
            }),
            "root is root, and root holds no grant",
        ),
        (
            "too-long",
            approved(|w| {
                w.role(|r| r.max_duration = Span(3_600));
            }),
            "it lasts 2h, longer than the 1h its role allows",
        ),
        (
            "too-long",
            approved(|w| {
                w.grant(1, |g| g.end = End::At(at(1_000 + 28_801)));
            }),
            "it lasts 28801s, longer than the 28800s its role allows",
        ),
        (
            "too-long",
            approved(|w| {
                w.grant(1, |g| (g.not_before, g.end) = (Some(at(0)), End::At(at(30_000))));
            }),
            "it lasts 8h 20m, longer than the 8h its role allows",
        ),
        (
            "empty-window",
            approved(|w| {
                w.grant(1, |g| (g.not_before, g.end) = (Some(at(5_000)), End::At(at(5_000))));
            }),
            "it ends before it begins",
        ),
        (
            "empty-window",
            approved(|w| {
                // Approved when it was over.
                w.grant(1, |g| g.end = End::At(at(1_500))).approve(1, "bob", 2_000, |_| {});
            }),
            "it ends before it begins",
        ),
        (
            "empty-window",
            approved(|w| {
                w.grant(1, |_| {}).approve(1, "bob", 2_000, |a| a.not_after = Some(at(2_000)));
            }),
            "it ends before it begins",
        ),
        (
            "reason-required",
            approved(|w| {
                w.role(|r| r.reason_required = true);
            }),
            "its role wants a reason",
        ),
        (
            "reason-required",
            approved(|w| {
                w.role(|r| r.reason_required = true).grant(1, |g| g.reason = Some(" \t".to_owned()));
            }),
            "its role wants a reason",
        ),
        (
            "ticket-required",
            approved(|w| {
                w.role(|r| r.ticket_pattern = pattern());
            }),
            "its role wants a ticket that matches OPS-[0-9]+",
        ),
        (
            "ticket-required",
            approved(|w| {
                w.role(|r| r.ticket_pattern = pattern()).grant(1, |g| g.ticket = Some("OPS-12 ".to_owned()));
            }),
            "its role wants a ticket that matches OPS-[0-9]+",
        ),
        (
            "changed-after-approval",
            approved(|w| {
                Arc::make_mut(&mut w.tree(1).grant).hosts.insert(host("*"));
            }),
            "it was changed after it was approved",
        ),
        (
            "written-by-other",
            unapproved(|w| {
                w.grant(1, |g| g.provenance = written(&person("bob"), 1_000));
            }),
            "it was written by bob, who is neither its subject nor a listed writer",
        ),
        (
            "written-by-other",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.modifier = Some(person("bob")));
            }),
            "it was written by bob, who is neither its subject nor a listed writer",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.creator = None);
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.modifier = None);
            }),
            "the directory does not show its modifiersName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.created = None);
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.grant(1, |g| g.provenance.creator = None);
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.creator = None;
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.modifier = None;
            }),
            "the directory does not show its modifiersName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.created = None;
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.modified = None;
            }),
            "the directory does not show its modifyTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.source.proof = Proof::Source;
                w.grant(1, |g| (g.end, g.provenance.created) = (End::At(at(5_000)), None));
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "deleted",
            approved(|w| {
                w.memory.deleted.insert(uuid(1));
            }),
            "it was deleted and cannot come back; ask again",
        ),
        (
            "nobody-signs",
            unapproved(|w| {
                w.role(|r| r.signature_required = true);
            }),
            "approvals must be signed here, and its role dba requires none: nobody answers for it",
        ),
        (
            "nobody-signs",
            unapproved(|w| {
                w.source.proof = Proof::Signature;
            }),
            "approvals must be signed here, and its role dba requires none: nobody answers for it",
        ),
        (
            "too-many-pending",
            {
                let mut world = World::new();
                for n in 0..=20 {
                    world.grant(n, |_| {});
                }
                world
            },
            "its subject has more than 20 pending grants",
        ),
    ];
    let mut seen = BTreeSet::from(["malformed", "needs-newer-jitd"]);
    for (i, (code, world, text)) in cases.iter().enumerate() {
        let refusal = world.refusal(1).unwrap_or_else(|| panic!("case {i}, {code}: {:?}", world.assessed(1)));
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (*code, *text), "case {i}");
        assert!(refusal.to_string().len() < 120, "too long for a prompt: {refusal}");
        seen.insert(refusal.code());
    }
    assert_eq!(seen.len(), every_code().len(), "a refusal without a case");
    assert_eq!(seen, every_code());
}

/// What `Refusal::code` can say: whoever adds a refusal there adds it here, and a case above.
fn every_code() -> BTreeSet<&'static str> {
    BTreeSet::from([
        "malformed",
        "needs-newer-jitd",
        "no-role",
        "role-missing",
        "role-malformed",
        "not-this-host",
        "subject-missing",
        "subject-too-large",
        "not-eligible",
        "login-shared",
        "root",
        "too-long",
        "empty-window",
        "reason-required",
        "ticket-required",
        "changed-after-approval",
        "written-by-other",
        "evidence-missing",
        "deleted",
        "too-many-pending",
        "nobody-signs",
    ])
}

#[test]
fn refusals_that_decoding_gives() {
    let malformed = Refusal::Malformed("jitHost is missing".to_owned());
    assert_eq!(
        (malformed.code(), malformed.to_string().as_str()),
        ("malformed", "its entry is malformed: jitHost is missing")
    );
    let newer = Refusal::NeedsNewerJitd("jitMood".to_owned());
    assert_eq!(
        (newer.code(), newer.to_string().as_str()),
        ("needs-newer-jitd", "it uses `jitMood`, which needs a newer jitd")
    );
}
