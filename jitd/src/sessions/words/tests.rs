use std::collections::{BTreeMap, BTreeSet};

use jit_model::assess::Services;
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, Provenance, Revocation};
use jit_model::heard::Evidence;
use jit_model::host::HostPattern;
use jit_model::name::{Login, SourceName};
use jit_model::reason::Refusal;
use jit_model::snapshot::{Freshness, Snapshot};
use jit_model::time::Window;

use super::*;
use crate::config;
use crate::sessions::record::Standing;
use crate::sessions::testing;

const LDIF: &str =
    "[host]\nname = \"web1.prod.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n";
const LDAP: &str = "[host]\nname = \"web1.prod.example.com\"\n[source.ldif]\nbind = { method = \"anonymous\" }\n\
    uris = [\"ldaps://ldap.example.com\"]\nca = \"/etc/ssl/ca.crt\"\nbase = \"dc=example,dc=com\"\n";
const WARN: &str = "[session]\non_end = \"warn\"\n";

/// 15:00 UTC of some day, as in the text.
const END: i64 = 1_795_359_600;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn granted(approvers: &[&str]) -> Assessed {
    let approved = approvers.iter().map(|cn| Approver {
        dn: dn(&format!("uid={cn},ou=p")),
        at: Timestamp(0),
        evidence: Evidence::Source,
    });
    let window = Window::new(Timestamp(END - 3_600), Timestamp(END)).unwrap();
    Assessed::Granted { window, approved: approved.collect() }
}

fn revoked(reason: Option<&str>) -> Assessed {
    let reason = reason.map(str::to_owned);
    Assessed::Revoked(Revocation { dn: dn("cn=r,cn=g1,ou=g"), by: None, at: None, reason })
}

/// alice's grant `g1`, as a source shows it.
fn grant(assessed: Assessed, edit: impl FnOnce(&mut Grant)) -> Arc<AssessedGrant> {
    let mut grant = Grant {
        uuid: EntryUuid([1; 16]),
        dn: dn("cn=g1,ou=g"),
        id: "g1".to_owned(),
        subject: dn("uid=alice,ou=p"),
        role: None,
        hosts: BTreeSet::from([HostPattern::new("*").unwrap()]),
        services: BTreeSet::new(),
        not_before: None,
        end: End::At(Timestamp(END)),
        reason: Some("disk full".to_owned()),
        ticket: Some("INC-4711".to_owned()),
        provenance: Provenance::default(),
    };
    edit(&mut grant);
    Arc::new(AssessedGrant {
        source: SourceName::new("ldif").unwrap(),
        grant: Arc::new(grant),
        role: None,
        logins: Arc::new(BTreeMap::from([(Login::new("alice").unwrap(), dn("uid=alice,ou=p"))])),
        services: Services::AllGuarded,
        began: None,
        assessed,
        heard: Vec::new(),
        in_doubt: false,
        eligible_by: Arc::default(),
    })
}

fn view(config: &str, grants: Vec<Arc<AssessedGrant>>) -> View {
    let config = Arc::new(config::parse(config).unwrap());
    let fresh = Freshness { heard: Some(Timestamp(0)), max_offline: None };
    let sources = config.sources.keys().map(|name| (name.clone(), fresh.clone())).collect();
    let snapshot = Snapshot::new(config.policy.clone(), sources, grants, Vec::new(), BTreeSet::new());
    View {
        config,
        snapshot,
        sources: BTreeMap::new(),
        people: BTreeMap::new(),
        offers: BTreeMap::new(),
        conferred: std::sync::Arc::default(),
        served: std::sync::Arc::default(),
        concerns: Vec::new(),
    }
}

/// alice's session, until 15:00.
fn session(service: &str) -> Session {
    let mut session = testing::session(1);
    session.service = jit_model::name::Service::new(service).unwrap();
    session.basis = Basis::Grants { rests: vec![testing::rest(1, END)], until: Timestamp(END) };
    session
}

fn over(view: &View, reason: DenyReason) -> String {
    last(view, &session("sudo"), &Why::Over(reason))
}

fn id() -> String {
    "g1".to_owned()
}

fn expired(ago: u64) -> DenyReason {
    DenyReason::Expired { ago: Span(ago), grant: id() }
}

const AGAIN: &str = "\nroot can grant it on this host: jitctl grant add alice --for 2h --reason '...'";

#[test]
fn the_warning() {
    let shown = view(LDIF, vec![grant(granted(&["bob"]), |_| {})]);
    assert_eq!(
        warning(&shown, &session("sudo"), Span(299)),
        "jit: your access to web1.prod.example.com by sudo ends in 5 min, at 15:00 UTC (grant g1, INC-4711: disk full).\n\
         root can extend it on this host: jitctl grant add alice --for 1h --reason '...'"
    );
    let bare = view(
        LDAP,
        vec![grant(granted(&["bob"]), |grant| {
            (grant.reason, grant.ticket) = (None, None);
        })],
    );
    assert_eq!(
        warning(&bare, &session("sshd"), Span(86_400)),
        "jit: your access to web1.prod.example.com by sshd ends in 1d, at 2026-11-22 15:00 UTC (grant g1).\n\
         to go on: jitctl extend g1 --for 1h"
    );
    // It is remembered and not shown.
    let (first, _) = warning(&view(LDIF, Vec::new()), &session("sudo"), Span(60))
        .split_once('\n')
        .map(|(first, rest)| (first.to_owned(), rest.to_owned()))
        .unwrap();
    assert_eq!(
        first,
        "jit: your access to web1.prod.example.com by sudo ends in 1 min, at 15:00 UTC (grant g1)."
    );
}

/// Who has asked already needs approvals and not another request.
#[test]
fn the_warning_names_what_waits() {
    let pending = Assessed::Pending { missing: 1, from: BTreeSet::new(), approved: Vec::new() };
    let longer = grant(pending, |grant| {
        (grant.id, grant.end) = ("g2".to_owned(), End::After(Span(3_600)));
    });
    let text =
        warning(&view(LDAP, vec![grant(granted(&["bob"]), |_| {}), longer]), &session("sudo"), Span(60));
    assert!(text.ends_with("\nyou have asked already; to approve it: jitctl approve g2"), "{text}");
    // What would end no later is no help.
    let pending = Assessed::Pending { missing: 1, from: BTreeSet::new(), approved: Vec::new() };
    let text = warning(
        &view(LDAP, vec![grant(granted(&["bob"]), |_| {}), grant(pending, |_| {})]),
        &session("sudo"),
        Span(60),
    );
    assert!(text.ends_with("\nto go on: jitctl extend g1 --for 1h"), "{text}");
}

/// Of the grants that follow each other, the one that ends last.
#[test]
fn the_warning_is_about_the_last_grant() {
    let mut session = session("sudo");
    let rests = vec![testing::rest(2, END - 60), testing::rest(3, END), testing::rest(4, END - 30)];
    session.basis = Basis::Grants { rests, until: Timestamp(END) };
    assert!(warning(&view(LDIF, Vec::new()), &session, Span(60)).contains("(grant g3)"));
}

#[test]
fn spans_for_people() {
    let cases = [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (89, "1 min"),
        (90, "2 min"),
        (299, "5 min"),
        (900, "15 min"),
        (3_599, "1 h"),
        (5_400, "1 h 30 min"),
        (86_399, "24 h"),
        (90_000, "1d 1h"),
        (u64::MAX, "213503982334601d 7h"),
    ];
    for (seconds, words) in cases {
        assert_eq!(in_words(Span(seconds)), words, "{seconds}");
    }
}

#[test]
fn the_last_words_for_each_end() {
    let host = "web1.prod.example.com";
    let many = ["bob", "carol", "dave", "erin", "frank", "grace"];
    let refused = |why| DenyReason::Refused { why, grant: id() };
    let revoked_by = |by: Option<&str>| DenyReason::Revoked { by: by.map(str::to_owned), grant: id() };
    let cases: Vec<(Option<Assessed>, DenyReason, String)> = vec![
        (
            Some(granted(&["bob", "carol"])),
            expired(2),
            format!("grant g1 for {host} ended at 15:00 UTC; approved by bob, carol"),
        ),
        (
            Some(granted(&many)),
            expired(90_000),
            format!(
                "grant g1 for {host} ended at 2026-11-22 15:00 UTC; approved by bob, carol, dave, erin and 2 more"
            ),
        ),
        (Some(granted(&[])), expired(0), format!("grant g1 for {host} ended at 15:00 UTC")),
        // What is known of a grant that is not shown is when it ended.
        (None, expired(0), format!("grant g1 for {host} ended at 15:00 UTC")),
        (
            None,
            DenyReason::Expired { ago: Span(300), grant: "other".to_owned() },
            format!("grant other for {host} ended 5 min ago"),
        ),
        (Some(revoked(None)), revoked_by(Some("bob")), format!("grant g1 for {host} was revoked by bob")),
        (
            Some(revoked(Some("left the team"))),
            revoked_by(Some("bob")),
            format!("grant g1 for {host} was revoked by bob: left the team"),
        ),
        (None, revoked_by(None), format!("grant g1 for {host} was revoked")),
        (
            None,
            DenyReason::Gone { grant: id() },
            format!("grant g1 for {host} was deleted, or is not for you any more"),
        ),
        (
            None,
            refused(Refusal::ChangedAfterApproval),
            format!("grant g1 for {host} does not count any more: it was changed after it was approved"),
        ),
        (
            None,
            DenyReason::WrongService { service: "sudo".to_owned(), grant: id() },
            format!("grant g1 for {host} is not for sudo any more"),
        ),
        (None, DenyReason::NoGrant, format!("nothing in the directory speaks for you on {host}")),
        (None, DenyReason::Root, "root holds no grant".to_owned()),
    ];
    for (assessed, reason, story) in cases {
        let view = view(LDIF, assessed.map(|assessed| grant(assessed, |_| {})).into_iter().collect());
        let again = if reason == DenyReason::Root { "\ncome as yourself" } else { AGAIN };
        assert_eq!(over(&view, reason), format!("jit: your sudo session has ended: {story}.{again}"));
    }
    let pending = DenyReason::Pending { missing: 1, from: "leads".to_owned(), grant: id() };
    assert_eq!(
        over(&view(LDIF, Vec::new()), pending),
        format!(
            "jit: your sudo session has ended: grant g1 for {host}: pending: needs 1 more approval from leads.\n\
             ask the approvers for grant g1"
        )
    );
    assert_eq!(
        over(&view(LDAP, Vec::new()), expired(0)),
        format!(
            "jit: your sudo session has ended: grant g1 for {host} ended at 15:00 UTC.\n\
             ask: jitctl request --host {host}"
        )
    );
}

/// A session that is left alone has not ended, and must not be told so.
#[test]
fn a_session_that_is_only_warned_is_told_that_its_access_ended() {
    let view = view(&format!("{LDIF}{WARN}"), vec![grant(granted(&["bob"]), |_| {})]);
    assert_eq!(
        over(&view, expired(0)),
        format!(
            "jit: your access to web1.prod.example.com by sudo has ended, please leave: \
             grant g1 for web1.prod.example.com ended at 15:00 UTC; approved by bob.{AGAIN}"
        )
    );
}

#[test]
fn the_last_words_when_it_was_ordered() {
    let view = view(LDIF, Vec::new());
    let order = |by| Why::Ordered(Order { by, reason: "we are under attack".to_owned() });
    let then = "before you come back, talk to those who run web1.prod.example.com";
    assert_eq!(
        last(&view, &session("sshd"), &order(0)),
        format!(
            "jit: your sshd session on web1.prod.example.com has ended, ordered by root: we are under attack\n{then}"
        )
    );
    assert!(last(&view, &session("sshd"), &order(1_001)).contains("ordered by uid 1001: we are"));
    let mut standing = session("sshd");
    standing.basis = Basis::Standing(Standing::BreakGlass);
    assert!(last(&view, &standing, &order(0)).contains("ordered by root"));
}

#[test]
fn the_last_words_when_it_was_denied() {
    assert_eq!(
        last(&view(LDIF, Vec::new()), &session("sshd"), &Why::Denied),
        format!("jit: sshd on web1.prod.example.com is closed to alice, so this session has ended.{AGAIN}")
    );
}

/// Whatever people write into a directory, a terminal gets two lines of printable ASCII.
#[test]
fn nothing_reaches_a_terminal_unfiltered() {
    let evil = "\x1b]0;owned\x07\n\r\u{9b}2J\u{202e}jit: type your password";
    let cn = "uid=\x1b[2Jb\u{9b}ob\\0A,ou=p";
    let mut assessed = granted(&[]);
    if let Assessed::Granted { approved, .. } = &mut assessed {
        approved.push(Approver { dn: dn(cn), at: Timestamp(0), evidence: Evidence::Source });
    }
    let evil_grant = |assessed| {
        grant(assessed, |grant| {
            grant.id = evil.to_owned();
            grant.reason = Some(evil.repeat(1_000));
            grant.ticket = Some(evil.to_owned());
        })
    };
    let mut session = session("sudo");
    let mut rest = testing::rest(1, END);
    rest.id = evil.to_owned();
    session.basis = Basis::Grants { rests: vec![rest], until: Timestamp(END) };
    let evil = || evil.to_owned();
    let texts: Vec<String> = [assessed, revoked(Some(&evil()))]
        .into_iter()
        .flat_map(|assessed| [LDIF, LDAP].map(|config| view(config, vec![evil_grant(assessed.clone())])))
        .flat_map(|view| {
            let reasons = [
                DenyReason::NoGrant,
                DenyReason::Pending { missing: 1, from: evil(), grant: evil() },
                DenyReason::Scheduled { at: Timestamp(i64::MAX), grant: evil() },
                DenyReason::Expired { ago: Span(1), grant: plain(&evil()) },
                DenyReason::Expired { ago: Span(1), grant: evil() },
                DenyReason::WrongService { service: evil(), grant: evil() },
                DenyReason::Revoked { by: Some(evil()), grant: plain(&evil()) },
                DenyReason::Refused { why: Refusal::Malformed(evil()), grant: evil() },
                DenyReason::Gone { grant: evil() },
            ];
            let whys = reasons.map(Why::Over).into_iter();
            let whys = whys.chain([Why::Ordered(Order { by: 0, reason: evil() }), Why::Denied]);
            let last = whys.map(|why| last(&view, &session, &why)).collect::<Vec<_>>();
            last.into_iter().chain([warning(&view, &session, Span(60))]).collect::<Vec<_>>()
        })
        .collect();
    assert!(texts.iter().any(|text| text.contains("approved by ?[2jb?ob?")), "{texts:#?}");
    for text in &texts {
        assert_eq!(text.lines().count(), 2, "{text:?}");
        for line in text.lines() {
            assert!(line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{line:?}");
            assert!(line.len() <= 400, "{line:?}");
        }
    }
}
