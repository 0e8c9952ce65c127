use std::slice;

use super::super::testing::{NOW, approve, asking, asking_signed, grant, person, picture, take};
use super::*;

const HOUR: Span = Span(3_600);

fn planned(source: &Source, me: &str, only: Option<Span>, by: &By) -> Result<Plan, Failure> {
    plan(source, &picture(source).grants[0], &person(me), only, by, NOW)
}

/// What alice asks for.
fn asked(role: &str, more: &str) -> String {
    grant("g1", "alice", role, &format!("jitReason: r\njitTicket: OPS-1\n{more}\n"))
}

#[test]
fn only_what_hosts_would_count_is_planned() {
    let text = asked("ops", "jitDuration: 7200");
    let source = asking(slice::from_ref(&text));
    assert!(planned(&source, "carol", None, &By::Word).unwrap().completes);
    for (me, said) in [
        (
            "alice",
            "it is your own grant, and nobody approves his own; nothing was written\nThese can: bob, carol",
        ),
        ("mallory", "you are in none of the role's approver groups (leads)"),
    ] {
        let failure = planned(&source, me, None, &By::Word).unwrap_err();
        assert_eq!(failure.code, "not-written");
        assert!(failure.text.contains(said), "{}", failure.text);
    }
    // Whoever changed it since is no approver of his own words.
    let changed = text.replace(
        &format!("modifiersName: {}", person("alice")),
        &format!("modifiersName: {}", person("bob")),
    );
    let failure = planned(&asking(&[changed]), "bob", None, &By::Word).unwrap_err();
    assert!(failure.text.contains("you wrote it"), "{}", failure.text);
    let free = asking(&[asked("free", "jitDuration: 7200")]);
    let failure = planned(&free, "carol", None, &By::Word).unwrap_err();
    assert!(failure.text.contains("requires no approval"), "{}", failure.text);
}

#[test]
fn what_is_over_is_not_approved() {
    let text = asked("ops", "jitDuration: 7200");
    let mut twice = asking(slice::from_ref(&text));
    approve(&mut twice, "g1", "carol", 30);
    let failure = planned(&twice, "carol", None, &By::Word).unwrap_err();
    assert!(failure.text.contains("you approved it already, 2026-11-22 15:03 UTC"), "{}", failure.text);
    // One more is a spare one.
    assert!(planned(&twice, "bob", None, &By::Word).unwrap().completes);

    let mut ended = asking(&[asked("ops", "jitDuration: 60")]);
    approve(&mut ended, "g1", "carol", 60);
    assert_eq!(planned(&ended, "bob", None, &By::Word).unwrap_err().code, "over");
    let mut revoked = asking(&[text]);
    take(&mut revoked, "g1", "bob", "no");
    let failure = planned(&revoked, "carol", None, &By::Word).unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.text.contains("it was taken away by bob: no")),
        ("revoked", true)
    );
    let long = asking(&[asked("ops", "jitDuration: 99999")]);
    assert_eq!(planned(&long, "carol", None, &By::Word).unwrap_err().code, "refused");
    // Its own end is past: nothing would come of it.
    let past = asking(&[asked("ops", "jitNotAfter: 20261122150330Z")]);
    let failure = planned(&past, "carol", None, &By::Word).unwrap_err();
    assert_eq!(failure.code, "not-written", "{}", failure.text);
}

#[test]
fn what_is_signed_ends_as_late_as_it_must_and_no_later() {
    let end = |more: &str, role: &str, only| {
        let source = asking(&[asked(role, more)]);
        let plan = planned(&source, "carol", only, &By::Word).unwrap();
        (plan.latest_end.since(NOW), plan.completes)
    };
    let day = |span: u64| Span(span + WAIT.0);
    assert_eq!(end("jitDuration: 7200", "ops", None), (Span(7_200), true));
    assert_eq!(end("jitDuration: 7200", "ops", Some(HOUR)), (HOUR, true));
    // It waits for the other one.
    assert_eq!(end("jitDuration: 7200", "two", None), (day(7_200), false));
    assert_eq!(end("jitDuration: 7200", "two", Some(HOUR)), (day(3_600), false));
    // From its beginning, where that is still to come.
    assert_eq!(end("jitDuration: 7200\njitNotBefore: 20261122160405Z", "ops", None), (Span(10_800), true));
    assert_eq!(end("jitDuration: 7200\njitNotBefore: 20261122140000Z", "ops", None), (Span(7_200), true));
    // A grant that names its end has said it.
    assert_eq!(end("jitNotAfter: 20261122160405Z", "two", None), (HOUR, false));
    assert_eq!(end("jitNotAfter: 20261122160405Z", "ops", Some(Span(60))), (Span(60), true));
}

#[test]
fn nobody_allows_more_than_was_asked() {
    let source = asking(&[asked("ops", "jitDuration: 3600")]);
    let failure = planned(&source, "carol", Some(Span(3_601)), &By::Word).unwrap_err();
    assert_eq!(failure.code, "too-long");
    assert!(failure.text.starts_with("3601s is longer than the 1h that was asked for"), "{}", failure.text);
    assert_eq!(planned(&source, "carol", Some(HOUR), &By::Word).unwrap().duration, Some(HOUR));
}

#[test]
fn where_signatures_are_needed_a_word_is_not_enough() {
    let source = asking_signed(&[asked("ops", "jitDuration: 3600")]);
    let failure = planned(&source, "carol", None, &By::Word).unwrap_err();
    assert!(failure.text.contains("it is not signed"), "{}", failure.text);
    let plan = planned(&source, "carol", None, &By::SignatureToCome).unwrap();
    assert!(plan.completes);
    // For another grant, another's name, or other words it is no signature of this.
    let good = Signed {
        principal: "carol".to_owned(),
        key: "SHA256:x".to_owned(),
        approver: person("carol"),
        grant: plan.grant,
        digest: plan.digest,
        duration: None,
        at: NOW,
        latest_end: plan.latest_end,
    };
    assert!(planned(&source, "carol", None, &By::Signature(good.clone())).is_ok());
    for bad in [
        Signed { approver: person("bob"), ..good.clone() },
        Signed { grant: EntryUuid([9; 16]), ..good.clone() },
        Signed { digest: GrantDigest([9; 32]), ..good.clone() },
    ] {
        assert!(planned(&source, "carol", None, &By::Signature(bad.clone())).is_err(), "{bad:?}");
    }
}
