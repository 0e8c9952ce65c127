use super::*;
use crate::person::testing::{
    NOW, OPERATORS, TWO_HOURS, approve, company, grant, later, picture, role, take,
};

fn waits(more: &str) -> jit_model::source::Source {
    company(&[role("ops", OPERATORS, 2, &["leads"], ""), grant("g1", "alice", "ops", more)])
}

#[test]
fn each_approval_is_said_once_and_the_last_one_ends_it() {
    let mut source = waits(TWO_HOURS);
    let mut waiting = Waiting::new("g1");
    assert_eq!(waiting.sees(&picture(&source), NOW), None);
    assert_eq!(waiting.take(), ["pending: needs 2 more approvals from leads (bob, carol)"]);
    assert_eq!(waiting.sees(&picture(&source), NOW), None);
    assert_eq!(waiting.take(), [""; 0]);
    approve(&mut source, "g1", "bob", 5);
    assert_eq!(waiting.sees(&picture(&source), NOW), None);
    assert_eq!(
        waiting.take(),
        ["15:04 UTC  approved by bob (Bob)", "pending: needs 1 more approval from leads (carol)"]
    );
    approve(&mut source, "g1", "carol", 0);
    let outcome = waiting.sees(&picture(&source), NOW).unwrap();
    assert_eq!(waiting.take(), ["15:04 UTC  approved by carol (Carol)"]);
    assert_eq!(
        (outcome.exit, outcome.text.as_str()),
        (Exit::Done, "live until 2026-11-22 17:04 UTC (2h left)")
    );
    assert_eq!(waiting.grant(NOW).unwrap().state, "live");
}

#[test]
fn what_begins_later_is_done_too() {
    let mut source = waits("jitDuration: 7200\njitNotBefore: 20261122200000Z\n");
    approve(&mut source, "g1", "bob", 5);
    approve(&mut source, "g1", "carol", 5);
    let outcome = Waiting::new("g1").sees(&picture(&source), NOW).unwrap();
    assert_eq!(outcome.exit, Exit::Done);
    assert!(outcome.text.contains("it begins at 2026-11-22 20:00 UTC"), "{}", outcome.text);
}

#[test]
fn what_is_taken_away_says_by_whom_and_why() {
    let mut source = waits(TWO_HOURS);
    take(&mut source, "g1", "carol", "not \u{1b}[2Jtoday");
    let outcome = Waiting::new("g1").sees(&picture(&source), NOW).unwrap();
    assert_eq!(outcome.exit, Exit::No);
    assert_eq!(outcome.text, "it was denied or taken away by carol (Carol) just now: not \u{1b}[2Jtoday");
    let report = outcome.report(None);
    assert!(!report.text.contains('\u{1b}'), "{}", report.text);
}

#[test]
fn time_ends_what_names_its_end() {
    let source = waits("jitNotBefore: 20261122150000Z\njitNotAfter: 20261122160000Z\n");
    let mut waiting = Waiting::new("g1");
    assert_eq!(waiting.sees(&picture(&source), NOW), None);
    assert_eq!(waiting.goes_on(later(60)), None);
    let outcome = waiting.goes_on(later(3_600)).unwrap();
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.text.contains("nobody approved it in time"), "{}", outcome.text);
}

#[test]
fn a_server_that_has_it_not_yet_is_not_one_where_it_is_gone() {
    let source = waits(TWO_HOURS);
    let mut waiting = Waiting::new("g1");
    let empty = picture(&company(&[]));
    assert_eq!(waiting.sees(&empty, NOW), None);
    assert_eq!(waiting.sees(&picture(&source), NOW), None);
    assert_eq!(waiting.sees(&empty, NOW).map(|outcome| outcome.exit), Some(Exit::No));
}

#[test]
fn trouble_is_said_once() {
    let mut waiting = Waiting::new("g1");
    waiting.trouble("away");
    waiting.trouble("still away");
    waiting.back();
    waiting.back();
    assert_eq!(waiting.take().len(), 2);
}
