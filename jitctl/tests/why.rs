//! What `jitctl why` says a grant rests on, line by line.

mod fake;

use fake::{Daemon, NOW, grant};
use jit_control::{Answer, Approval, Eligible, Grant, Why};

/// A verdict, and the grants that it is about.
fn why(grants: Vec<Grant>) -> Why {
    Why {
        user: "alice".to_owned(),
        service: "sshd".to_owned(),
        at: NOW,
        verdict: "deny".to_owned(),
        code: Some("pending".to_owned()),
        text: "pending".to_owned(),
        until: None,
        mode: "enforcing".to_owned(),
        road: Vec::new(),
        grants,
    }
}

fn group(name: &str) -> String {
    format!("cn={name},ou=groups,dc=local")
}

fn counts(who: &str, evidence: &str, key: Option<&str>, groups: &[&[&str]]) -> Approval {
    Approval {
        approver: format!("uid={who},ou=people,dc=local"),
        counts: true,
        at: Some(1_795_319_100),
        evidence: Some(evidence.to_owned()),
        key: key.map(str::to_owned),
        groups: groups.iter().map(|path| path.iter().map(|name| group(name)).collect()).collect(),
        ..Approval::default()
    }
}

fn ignored(dn: &str, why: &str) -> Approval {
    Approval { approver: dn.to_owned(), why: Some(why.to_owned()), ..Approval::default() }
}

fn eligible(by: &[&str]) -> Option<Eligible> {
    Some(Eligible {
        login: "alice".to_owned(),
        dn: "uid=alice,ou=people,dc=local".to_owned(),
        by: by.iter().map(|name| group(name)).collect(),
    })
}

/// What is said after the table.
fn said(grants: Vec<Grant>) -> String {
    let daemon = Daemon::answering(move |_| Answer::Why(why(grants.clone())));
    let out = daemon.run(&["why", "alice"]).out;
    out.split_once("\nwhat ").map(|(_, said)| format!("what {said}")).unwrap_or_default()
}

#[test]
fn the_whole_chain() {
    let pending = Grant {
        role: Some("web-ops".to_owned()),
        eligible: eligible(&["devs", "engineers"]),
        approvals: vec![
            counts("bob", "signature", Some("SHA256:47DEQpj8"), &[&["oncall", "sre-leads"], &["security"]]),
            ignored("uid=mallory,ou=people,dc=local", "he is in none of the role's approver groups"),
            ignored("uid=erin,ou=people,dc=local", "it is not signed"),
        ],
        missing: Some(1),
        from: vec![group("sre-leads"), group("security")],
        ..grant("g1", "pending")
    };
    let live = Grant {
        role: Some("dba".to_owned()),
        eligible: eligible(&[]),
        approvals: vec![
            counts("carol", "creators-name", None, &[&["night", "oncall", "leads"]]),
            counts("dave", "source", None, &[&["leads"]]),
        ],
        more_approvals: 3,
        ..grant("g2", "live")
    };
    let expected = "\
what g1 rests on:
  role      web-ops
  eligible  alice -> devs -> engineers (eligible of web-ops)
  approval  bob at 2026-11-22 03:45 UTC: counts: signature SHA256:47DEQpj8, in sre-leads by oncall and security
  approval  mallory: does not count: he is in none of the role's approver groups
  approval  erin: does not count: it is not signed
  needs     1 more from sre-leads, security

what g2 rests on:
  role      dba
  eligible  alice, whom dba names
  approval  carol at 2026-11-22 03:45 UTC: counts: written by himself, says the directory, in leads by night -> oncall
  approval  dave at 2026-11-22 03:45 UTC: counts: its source is root's, in leads
  approval  and 3 more
";
    assert_eq!(said(vec![pending, live]), expected);
}

#[test]
fn two_of_one_name_are_told_apart() {
    let grant = Grant {
        approvals: vec![
            counts("bob", "source", None, &[&["leads"]]),
            ignored("uid=bob,ou=old,dc=local", "the same signer is counted already"),
        ],
        ..grant("g1", "live")
    };
    let expected = "\
what g1 rests on:
  role      -
  approval  uid=bob,ou=people,dc=local at 2026-11-22 03:45 UTC: counts: its source is root's, in leads
  approval  uid=bob,ou=old,dc=local: does not count: the same signer is counted already
";
    assert_eq!(said(vec![grant]), expected);
}

#[test]
fn what_is_over_or_says_nothing_is_left_out() {
    let over = |state| Grant { eligible: eligible(&[]), ..grant("g1", state) };
    assert_eq!(said(vec![over("expired"), over("revoked"), grant("g2", "live")]), "");
    assert!(said(vec![over("refused")]).contains("whom - names"));
}

/// An approver writes his own entry, and others' groups are not ours to trust.
#[test]
fn nothing_of_it_acts_on_the_terminal() {
    let evil = "\u{1b}[2J\u{202e}\nx";
    let bad = Grant {
        role: Some(evil.to_owned()),
        eligible: Some(Eligible { login: evil.to_owned(), dn: evil.to_owned(), by: vec![evil.to_owned()] }),
        approvals: vec![
            ignored(evil, evil),
            Approval {
                approver: evil.to_owned(),
                counts: true,
                evidence: Some("signature".to_owned()),
                key: Some(evil.to_owned()),
                groups: vec![vec![evil.to_owned()]],
                ..Approval::default()
            },
        ],
        missing: Some(2),
        from: vec![evil.to_owned()],
        ..grant(evil, "pending")
    };
    let said = said(vec![bad]);
    assert_eq!(said.lines().count(), 6, "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
}
