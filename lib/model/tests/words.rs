//! Hosts, names, spans, windows, people: the words that everything else is said in.

mod world;

use std::collections::BTreeSet;

use jit_model::grant::EntryUuid;
use jit_model::host::{HostNames, HostPattern};
use jit_model::name::{Login, Service};
use jit_model::people::{Account, Group, People, Person};
use jit_model::text::plain;
use jit_model::time::{Span, Timestamp, Window};
use proptest::prelude::*;
use world::{at, dn, group, host, login, person};

#[test]
fn a_host_answers_to_a_finite_set_of_names() {
    let names = HostNames::new("Web1.Prod.Example.com.", ["web", "DMZ"]).expect("names");
    let all: Vec<&str> = names.iter().map(HostPattern::as_str).collect();
    assert_eq!(
        all,
        ["*", "*.com", "*.example.com", "*.prod.example.com", "@dmz", "@web", "web1.prod.example.com"]
    );
    let means = |pattern: &str| names.meets(&BTreeSet::from([host(pattern)]));
    for pattern in [
        "web1.prod.example.com",
        "WEB1.PROD.EXAMPLE.COM.",
        "*.prod.example.com",
        "*.EXAMPLE.com",
        "@Web",
        "*",
    ] {
        assert!(means(pattern), "{pattern}");
    }
    // A wildcard ends at the border of a label and is not the domain itself.
    for pattern in [
        "web1",
        "web1.prod",
        "b1.prod.example.com",
        "*.web1.prod.example.com",
        "*.rod.example.com",
        "@we",
        "prod.example.com",
    ] {
        assert!(!means(pattern), "{pattern}");
    }
    assert!(!names.meets(&BTreeSet::new()));
    assert!(HostNames::new("localhost", []).is_ok());
    for fqdn in ["", "*", "*.example.com", "@web", "a..b", ".a", "a b"] {
        assert!(HostNames::new(fqdn, []).is_err(), "{fqdn}");
    }
    assert!(HostNames::new("a", ["a.b"]).is_err() && HostNames::new("a", [""]).is_err());
}

#[test]
fn no_host() {
    for text in [
        "", ".", "*.", "**", "*.*", "web*", "*web", "a.*.b", "@", "@a.b", "@*", "-a", "a.-b", "ä.de", "a/b",
        "a\n",
    ] {
        let judged = HostPattern::new(text);
        // What is around a name is not part of it.
        assert!(
            judged.is_err() || judged.as_ref().is_ok_and(|h| h.as_str() == text.trim()),
            "{text:?} {judged:?}"
        );
        assert_eq!(judged.is_ok(), text == "a\n", "{text:?}");
    }
    assert!(HostPattern::new(&format!("{}.com", "a".repeat(64))).is_err());
    assert!(HostPattern::new(&"a.".repeat(200)).is_err());
}

#[test]
fn names_have_narrow_alphabets() {
    for text in ["", "a b", "a/b", "-a", "a\n", "ä", "a\0", &"a".repeat(256)] {
        assert!(Service::new(text).is_err() && Login::new(text).is_err(), "{text:?}");
    }
    for text in ["alice", "a.b-c_d", "host$", "a@example.com", "1000", "_apt"] {
        assert_eq!(Login::new(text).map(String::from), Ok(text.to_owned()));
    }
    assert_ne!(Service::new("su"), Service::new("SU"));
}

#[test]
fn spans_are_read_and_written() {
    for (text, seconds) in [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7_200), ("30d", 2_592_000)] {
        assert_eq!(text.parse(), Ok(Span(seconds)));
    }
    for text in [
        "",
        "s",
        "10",
        "-1s",
        "+1s",
        "1.5h",
        "1 h",
        "1H",
        "1w",
        "1h30m",
        "999999999999999999999s",
        "9999999999999999999d",
        "1é",
    ] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
    let shown = [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61, "1m 1s"),
        (3_600, "1h"),
        (5_400, "1h 30m"),
        (86_400, "1d"),
        (90_000, "1d 1h"),
    ];
    for (seconds, text) in shown {
        assert_eq!(Span(seconds).to_string(), text);
    }
}

#[test]
fn windows_are_half_open_and_never_empty() {
    assert_eq!(Window::new(at(5), at(5)), None);
    assert_eq!(Window::new(at(6), at(5)), None);
    let window = Window::new(at(5), at(7)).expect("a window");
    let inside: Vec<i64> = (3..9).filter(|now| window.contains(at(*now))).collect();
    assert_eq!(inside, [5, 6]);
    assert_eq!(at(i64::MAX).plus(Span(u64::MAX)), at(i64::MAX));
    assert_eq!(at(i64::MIN).plus(Span(u64::MAX)), Timestamp(i64::MAX));
    assert_eq!(at(3).since(at(5)), Span(0));
    assert_eq!(at(i64::MAX).since(at(i64::MIN)), Span(i64::MAX.unsigned_abs()));
}

#[test]
fn words_for_a_terminal_are_plain() {
    assert_eq!(plain("sre-leads (EU)"), "sre-leads (EU)");
    assert_eq!(plain("a\u{1b}[31m\n\té\u{202e}"), "a?[31m????");
    assert_eq!(plain(&"x".repeat(120)), "x".repeat(120));
    assert_eq!(plain(&"é".repeat(121)), format!("{}...", "?".repeat(120)));
    assert_eq!(EntryUuid([0xab; 16]).to_string(), "abababab-abab-abab-abab-abababababab");
}

fn a_group(name: &str, members: &[jit_model::dn::Dn]) -> Group {
    Group { dn: group(name), members: members.iter().cloned().collect() }
}

fn somebody(name: &str, text: &str) -> Person {
    Person { dn: person(name), login: login(text), uid_number: None, account: Account::default() }
}

#[test]
fn membership_goes_through_groups_and_circles() {
    let people = People::new(
        [somebody("alice", "alice"), somebody("bob", "bob")],
        [
            a_group("a", &[group("b"), person("alice")]),
            a_group("b", &[group("c"), person("stranger")]),
            a_group("c", &[group("a"), person("bob")]),
            a_group("empty", &[]),
        ],
        [],
    );
    for name in ["a", "b", "c"] {
        assert!(people.is_member(&person("alice"), &group(name)));
        assert!(people.is_member(&person("stranger"), &group(name)));
        assert_eq!(people.members_of(&group(name)).len(), 2, "the stranger is no person here");
        assert!(people.is_member(&group(name), &group(name)), "that is what the circle says");
    }
    assert!(!people.is_member(&person("alice"), &group("empty")));
    assert!(!people.is_member(&person("alice"), &group("gone")));
    assert!(!people.is_member(&person("alice"), &person("alice")), "a person is no group");
    assert!(people.members_of(&person("alice")).is_empty());
    assert_eq!(people.person(&person("bob")).map(|p| &p.login), Some(&login("bob")));
    assert_eq!(people.person(&group("a")), None);
    assert_eq!((people.persons().count(), people.groups().count()), (2, 4));
    assert!(people.group(&group("a")).is_some());
}

#[test]
fn no_nesting_is_too_deep() {
    let name = |n: u32| format!("g{n}");
    let groups = (0..20_000).map(|n| a_group(&name(n), &[group(&name(n + 1))]));
    let last = a_group(&name(20_000), &[person("alice")]);
    let people = People::new([somebody("alice", "alice")], groups.chain([last]), []);
    assert!(people.is_member(&person("alice"), &group("g0")));
    assert_eq!(people.members_of(&group("g0")).len(), 1);
}

#[test]
fn shared_logins_are_found() {
    let people = People::new(
        [
            somebody("alice", "alice"),
            somebody("alice2", "Alice"),
            somebody("bob", "bob"),
            somebody("carol", "carol"),
        ],
        [],
        [login("BOB"), login("dave")],
    );
    for (name, shared) in
        [("alice", true), ("ALICE", true), ("bob", true), ("carol", false), ("dave", false), ("erin", false)]
    {
        assert_eq!(people.is_shared(&login(name)), shared, "{name}");
    }
    // The same entry twice is one entry.
    let people = People::new([somebody("alice", "alice"), somebody("alice", "alice")], [], []);
    assert!(!people.is_shared(&login("alice")));
    assert!(People::default().persons().next().is_none());
    assert_eq!(dn("UID=Alice,ou=people,dc=x"), person("alice"));
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC*|[a-z0-9.*@-]{0,300}") {
        if let Ok(pattern) = HostPattern::new(&text) {
            prop_assert_eq!(HostPattern::new(pattern.as_str()), Ok(pattern.clone()));
            prop_assert!(pattern.as_str().is_ascii());
        }
        let _ = (text.parse::<Span>(), Login::new(&text), HostNames::new(&text, [text.as_str()]));
        prop_assert!(plain(&text).is_ascii() && plain(&text).len() <= 123);
    }

    #[test]
    fn spans_never_overflow(seconds: u64) {
        let _ = Span(seconds).to_string();
        prop_assert!(at(0).plus(Span(seconds)) >= at(0));
    }
}
