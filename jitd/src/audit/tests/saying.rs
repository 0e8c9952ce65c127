//! What a line says, of whom and in which words, and that nobody's name breaks it.

use jit_model::assess::{Approver, Assessed, AssessedGrant, Services};
use jit_model::decide::{Allow, Unguarded, Verdict};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, Provenance};
use jit_model::heard::Evidence;
use jit_model::host::HostPattern;
use jit_model::name::{Login, SourceName};
use jit_model::reason::{DenyReason, Refusal};
use jit_model::time::{Span, Window};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::event::Text;
use super::super::line::{self, Head, append};
use super::super::*;
use super::{BOOT, NOW, denied, question, record};

#[test]
fn a_line_says_everything() {
    let mut bytes = Vec::new();
    let mut head = Head::NEW;
    append(&mut bytes, &mut head, &BOOT.to_string(), &denied("alice", "10.0.0.9")).unwrap();
    let expected = concat!(
        r#"{"v":1,"boot":"b0b0b0b0-b0b0-b0b0-b0b0-b0b0b0b0b0b0","seq":1,"#,
        r#""prev":"0000000000000000000000000000000000000000000000000000000000000000","#,
        r#""time":"2026-11-22T12:00:05Z","mode":"enforcing","host":"web1.example.com","event":"decision","#,
        r#""service":"sshd","phase":"account","uid":1000,"name":"alice","rhost":"10.0.0.9","tty":"ssh","#,
        r#""verdict":"deny","code":"no-account","reason":"this host has no account of exactly this name"}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(head.next, 2);
    assert_eq!(head.prev.as_slice(), Sha256::digest(expected.trim_end()).as_slice());
}

/// A grant that is live from NOW for an hour, with approvals.
fn grant(id: &str, approvers: usize) -> Arc<AssessedGrant> {
    let dn = |text: &str| Dn::parse(text).unwrap();
    let approved = |n| Approver {
        dn: dn(&format!("uid=approver{n},dc=example")),
        at: Timestamp(NOW.0 - 60),
        evidence: match n {
            0 => Evidence::CreatorsName,
            _ => Evidence::Signature(format!("SHA256:{n}")),
        },
    };
    let window = Window::new(NOW, NOW.plus(Span(3600))).unwrap();
    Arc::new(AssessedGrant {
        source: SourceName::new("ldap").unwrap(),
        grant: Arc::new(Grant {
            uuid: EntryUuid([0x11; 16]),
            dn: dn(&format!("cn={id},ou=grants,dc=example")),
            id: id.to_owned(),
            subject: dn("cn=dbas,ou=groups,dc=example"),
            role: None,
            hosts: [HostPattern::new("*").unwrap()].into(),
            services: [].into(),
            not_before: None,
            end: End::After(Span(3600)),
            reason: Some("disk \u{202e}full\n".to_owned()),
            ticket: Some("OPS-1".to_owned()),
            provenance: Provenance { creator: Some(dn("uid=alice,dc=example")), ..Provenance::default() },
        }),
        role: None,
        logins: Arc::new([(Login::new("alice").unwrap(), dn("uid=alice,dc=example"))].into()),
        services: Services::AllGuarded,
        began: Some(NOW),
        assessed: Assessed::Granted { window, approved: (0..approvers).map(approved).collect() },
        heard: Vec::new(),
        in_doubt: false,
        eligible_by: Arc::default(),
    })
}

fn judged(verdict: &Verdict, mode: Mode) -> (Value, (Severity, String)) {
    let decision = Decision::judged(&question("alice", "10.0.0.9"), Some("SHA256:abc"), None, verdict, mode);
    let told = decision.for_syslog();
    let mut bytes = Vec::new();
    append(&mut bytes, &mut Head::NEW.clone(), "boot", &record(Event::Decision(Box::new(decision)))).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), told)
}

#[test]
fn an_allow_names_its_grants_and_approvers() {
    let grants = vec![grant("g1", 2), grant("g2", 0)];
    let (event, (severity, told)) =
        judged(&Verdict::Allow(Allow::Grants { grants, until: NOW.plus(Span(7200)) }), Mode::Enforcing);
    assert_eq!(
        (&event["verdict"], &event["code"], &event["dn"], &event["until"], &event["key"]),
        (
            &"allow".into(),
            &"grant".into(),
            &"uid=alice,dc=example".into(),
            &"2026-11-22T14:00:05Z".into(),
            &"SHA256:abc".into()
        )
    );
    let first = &event["grants"][0];
    assert_eq!(
        *first,
        serde_json::json!({
            "id": "g1", "dn": "cn=g1,ou=grants,dc=example", "uuid": "11111111-1111-1111-1111-111111111111",
            "source": "ldap", "subject": "cn=dbas,ou=groups,dc=example",
            "start": "2026-11-22T12:00:05Z", "end": "2026-11-22T13:00:05Z",
            "reason": "disk \u{202e}full\n", "ticket": "OPS-1", "creator": "uid=alice,dc=example",
            "approvers": [
                {"dn": "uid=approver0,dc=example", "at": "2026-11-22T11:59:05Z", "proof": "creators-name"},
                {
                    "dn": "uid=approver1,dc=example", "at": "2026-11-22T11:59:05Z",
                    "proof": "signature", "key": "SHA256:1"
                }
            ]
        })
    );
    assert_eq!(event["grants"][1]["id"], "g2");
    assert_eq!(severity, Severity::Info);
    assert!(told.contains("approved by \"uid=approver1,dc=example\""), "{told}");
}

#[test]
fn a_line_stays_within_the_window_whatever_is_in_it() {
    let mut fat = AssessedGrant::clone(&grant(&"\u{202e}".repeat(600), 40));
    let Assessed::Granted { approved, .. } = &mut fat.assessed else { panic!() };
    for approver in approved.iter_mut() {
        approver.dn = Dn::parse(&format!("uid={},dc=example", "\u{e9}".repeat(2000))).unwrap();
        approver.evidence = Evidence::Signature("\u{e9}".repeat(2000));
    }
    let fat = Arc::new(fat);
    let grants = (0..20).map(|_| Arc::clone(&fat)).collect();
    let (event, _) =
        judged(&Verdict::Allow(Allow::Grants { grants, until: NOW.plus(Span(9)) }), Mode::Enforcing);
    assert_eq!((&event["more_grants"], &event["grants"][0]["more_approvers"]), (&12.into(), &8.into()));
    assert_eq!(event["grants"][0]["approvers"].as_array().map(Vec::len), Some(32));
    // Escaping makes at most six bytes of two.
    assert!(event.to_string().len() * 3 < line::WINDOW, "{}", event.to_string().len());
}

#[test]
fn every_verdict_has_its_word() {
    let refused = || DenyReason::Refused { why: Refusal::NoRole, grant: "g1".to_owned() };
    for (verdict, mode, word, code, severity) in [
        (Verdict::Allow(Allow::BreakGlass), Mode::Enforcing, "break-glass", "break-glass", Severity::Alert),
        (Verdict::Deny(DenyReason::NoGrant), Mode::Enforcing, "deny", "no-grant", Severity::Notice),
        (Verdict::Deny(refused()), Mode::Permissive, "would-deny", "refused", Severity::Notice),
        (Verdict::Unguarded(Unguarded::Exempt(0)), Mode::Enforcing, "exempt", "exempt", Severity::Info),
        (Verdict::Unguarded(Unguarded::Service), Mode::Enforcing, "unguarded", "service", Severity::Info),
    ] {
        let (event, (urgency, _)) = judged(&verdict, mode);
        assert_eq!((&event["verdict"], &event["code"], urgency), (&word.into(), &code.into(), severity));
        assert_eq!(event["mode"], "enforcing", "of the record, not of the decision");
    }
    let (event, _) = judged(&Verdict::Deny(refused()), Mode::Enforcing);
    assert_eq!((&event["refusal"], &event["nearest"]), (&"no-role".into(), &"g1".into()));
}

proptest! {
    /// Whatever somebody calls himself: one line of printable ASCII, and the very text comes out of it again.
    #[test]
    fn no_name_breaks_a_line(name in any::<String>(), rhost in ".{0,40}") {
        let mut bytes = Vec::new();
        append(&mut bytes, &mut Head::NEW.clone(), "boot", &denied(&name, &rhost)).unwrap();
        let (newline, line) = bytes.split_last().unwrap();
        prop_assert_eq!(*newline, b'\n');
        prop_assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let event: Value = serde_json::from_slice(line).unwrap();
        let bounded = Text::from(&name);
        prop_assert_eq!(event["name"].as_str(), Some(bounded.as_str()));
        prop_assert_eq!(event["rhost"].as_str(), Some(rhost.as_str()));
    }

    #[test]
    fn no_name_breaks_a_line_in_syslog(name in any::<String>()) {
        let (_, text) = denied(&name, "a").event.for_syslog();
        let quoted = format!("{:?}", Text::from(&name).as_str());
        let because = DenyReason::NoAccount;
        prop_assert_eq!(text, format!("deny {quoted} for \"sshd\" from \"a\" because \"{because}\""));
    }

    #[test]
    fn texts_are_bounded(text in ".{0,2000}") {
        let bounded = Text::from(&text);
        prop_assert!(bounded.as_str().len() <= 515);
        prop_assert!(text.len() > 512 || bounded.as_str() == text);
    }
}
