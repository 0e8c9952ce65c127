//! The published test vectors (docs/digest.md) are what the code computes.

use std::collections::BTreeSet;

use jit_model::digest::{digest, encoding};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, GrantDigest, Provenance};
use jit_model::host::HostPattern;
use jit_model::name::Service;
use jit_model::time::{Between, Span, Timestamp};

const PAGE: &str = include_str!("../../../docs/digest.md");

/// The blocks of this kind on the page.
fn blocks(kind: &str) -> Vec<&'static str> {
    PAGE.split("```").filter_map(|block| block.strip_prefix(kind)?.strip_prefix('\n')).collect()
}

fn values<'a>(block: &'a str, name: &str) -> Vec<&'a str> {
    block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

fn grant(block: &str) -> Grant {
    let one = |name: &str| {
        let values = values(block, name);
        assert!(values.len() < 2, "{name} twice in:\n{block}");
        values.first().copied()
    };
    let dn = |text: &str| Dn::parse(text).expect("a name");
    let time = |text: &str, between| Timestamp::from_generalized(text, between).expect("a time");
    let end = match (one("jitNotAfter"), one("jitDuration")) {
        (Some(at), None) => End::At(time(at, Between::Down)),
        (None, Some(span)) => End::After(Span(span.parse().expect("a number"))),
        _ => panic!("one end in:\n{block}"),
    };
    Grant {
        uuid: EntryUuid([7; 16]),
        dn: dn(one("dn").expect("a dn")),
        id: "not part of it".to_owned(),
        subject: dn(one("jitSubject").expect("a subject")),
        role: one("jitRoleDN").map(dn),
        hosts: values(block, "jitHost").into_iter().map(|h| HostPattern::new(h).expect("a host")).collect(),
        services: values(block, "jitService")
            .into_iter()
            .map(|s| Service::new(s).expect("a service"))
            .collect(),
        not_before: one("jitNotBefore").map(|at| time(at, Between::Up)),
        end,
        reason: one("jitReason").map(str::to_owned),
        ticket: one("jitTicket").map(str::to_owned),
        provenance: Provenance::default(),
    }
}

#[test]
fn the_published_vectors_hold() {
    let vectors = blocks("vector");
    assert_eq!(vectors.len(), 5, "a vector was added or lost: update this number");
    for block in vectors {
        let published = values(block, "digest").first().copied().expect("a digest");
        assert_eq!(digest(&grant(block)).to_string(), published, "{block}");
        assert_eq!(published.parse(), Ok(digest(&grant(block))));
    }
}

#[test]
fn the_published_bytes_hold() {
    let hex: String = blocks("bytes").concat().split_whitespace().collect();
    let first = grant(blocks("vector").first().expect("a vector"));
    let ours: String = encoding(&first).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ours, hex);
}

/// Whatever an approver would want to know changes the digest, and nothing else does.
#[test]
fn every_word_counts() {
    let block = blocks("vector").get(2).copied().expect("a vector");
    let base = grant(block);
    type Change = fn(&mut Grant);
    let changes: [(&str, Change); 17] = [
        ("name", |g| g.dn = Dn::parse("cn=1,ou=grants,ou=jit,dc=example,dc=com").expect("a name")),
        ("role", |g| g.role = Some(g.subject.clone())),
        ("subject", |g| g.subject = Dn::parse("uid=mallory").expect("a name")),
        ("host more", |g| g.hosts.extend(HostPattern::new("db1"))),
        ("host fewer", |g| drop(g.hosts.pop_first())),
        ("service more", |g| g.services.extend(Service::new("su"))),
        ("no services", |g| g.services.clear()),
        ("starts sooner", |g| g.not_before = g.not_before.map(|at| Timestamp(at.0 - 1))),
        ("starts at once", |g| g.not_before = None),
        ("ends later", |g| g.end = End::At(Timestamp(1_795_392_246))),
        ("ends at the start", |g| g.end = End::At(Timestamp(1_795_363_445))),
        ("lasts", |g| g.end = End::After(Span(1_795_392_245))),
        ("reason", |g| g.reason = Some("x".to_owned())),
        ("empty reason", |g| g.reason = Some(String::new())),
        ("ticket", |g| g.ticket = Some("x".to_owned())),
        ("empty ticket", |g| g.ticket = Some(String::new())),
        ("a host as a service", |g| {
            g.hosts.remove(&HostPattern::new("web1.prod.example.com").expect("a host"));
            g.services.insert(Service::new("web1.prod.example.com").expect("a service"));
        }),
    ];
    let mut seen = BTreeSet::from([digest(&base).to_string()]);
    for (what, change) in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert!(seen.insert(digest(&changed).to_string()), "{what} makes no difference");
    }
    let mut same = base.clone();
    same.uuid = EntryUuid([8; 16]);
    same.id = "other".to_owned();
    same.provenance.creator = Some(same.subject.clone());
    assert_eq!(digest(&same), digest(&base));
}

#[test]
fn no_digest() {
    for text in
        ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)]
    {
        assert!(text.parse::<GrantDigest>().is_err(), "{text}");
    }
    assert_eq!("AB".repeat(32).parse(), Ok(GrantDigest([0xab; 32])));
}
