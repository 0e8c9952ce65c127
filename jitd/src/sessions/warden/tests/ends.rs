//! Sessions begin, move, end, and everything of their person with them.

use super::super::*;
use super::stage::*;
use crate::sessions::process::AuditMark;
use crate::sessions::record::Order;
use crate::sessions::signals::Signal;

#[test]
fn a_grant_that_is_gone_ends_its_session_and_everything_of_its_person() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    let (alice, bob) = (stage.log_in("alice"), stage.log_in("bob"));
    let bobs: Vec<i32> = stage.living().split_off(3);
    // At work for alice, in no session that is known: an at job.
    stage.spawn(900, 1, 1000, Some(AuditMark { login_uid: 1000, session: 900 }));
    stage.settle();
    assert_eq!(stage.living().len(), 7);
    assert_eq!(stage.told(), ["opened alice session", "opened bob session"]);

    stage.show(&[("bob", 3600)]);
    stage.evaluate();
    assert_eq!(stage.living(), bobs);
    assert!(stage.warden.host.sent.iter().all(|(pid, _)| !bobs.contains(pid)));
    assert_eq!(stage.session(&alice), None);
    assert!(stage.session(&bob).is_some());
    let told = stage.told().split_off(2);
    assert_eq!(told.len(), 4, "{told:?}");
    for line in
        ["ending alice session gone", "ended alice session gone", "ending alice gone", "ended alice gone"]
    {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
    assert_eq!(stage.warden.registry.visitors().len(), 1);
    assert!(stage.warden.underway.is_empty());
    // Said before the first signal, to the session's processes.
    let (to, text) = stage.warden.host.said.first().unwrap();
    assert!(to.len() == 3 && !text.is_empty(), "{to:?} {text:?}");
}

#[test]
fn permissive_lifts_deadlines_for_good() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.permit();
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.standing(&id), Some(Standing::Lifted));
    assert_eq!(stage.told(), ["opened alice session", "would-end alice session"]);
    stage.enforce();
    stage.evaluate();
    assert_eq!(stage.living().len(), 3);
    assert_eq!(stage.warden.host.sent, []);
    assert_eq!(stage.told().len(), 2);
}

#[test]
fn on_end_warn_only_says_so() {
    let mut stage = Stage::with("[session]\non_end = \"warn\"\n");
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.show(&[]);
    stage.evaluate();
    stage.evaluate();
    assert_eq!(stage.standing(&id), Some(Standing::Warned));
    assert_eq!(stage.warden.host.said.len(), 1);
    assert_eq!(stage.warden.host.sent, []);
    assert_eq!(stage.told(), ["opened alice session", "would-end alice session gone"]);
}

#[test]
fn an_extension_moves_the_end_and_a_shorter_grant_is_warned_of() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let until = |stage: &Stage| match stage.session(&id).unwrap().basis {
        Basis::Grants { until, .. } => until,
        Basis::Standing(standing) => panic!("{standing:?}"),
    };
    let before = until(&stage);
    stage.show(&[("alice", 7200)]);
    stage.evaluate();
    assert!(until(&stage) >= before.plus(Span(3500)));
    assert_eq!(stage.warden.host.said, []);
    stage.show(&[("alice", 240)]);
    stage.evaluate();
    stage.evaluate();
    assert_eq!(stage.warden.host.said.len(), 1, "{:?}", stage.warden.host.said);
    assert_eq!(
        stage.told(),
        ["opened alice session", "moved alice session", "moved alice session", "warned alice session"]
    );
    // Woken for the last minute, and not before.
    let next = stage.warden.next.unwrap();
    assert_eq!(next, Timestamp(until(&stage).0 - 60));
}

#[test]
fn an_order_ends_one_session_and_no_more() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let (first, second) = (stage.log_in("alice"), stage.log_in("alice"));
    stage.settle();
    let seconds = stage.living().split_off(3);
    let order = Order { by: 0, reason: "leaves the company".to_owned() };
    assert!(stage.warden.registry.order(&first, order));
    stage.settle();
    assert_eq!(stage.living(), seconds);
    assert!(stage.session(&first).is_none() && stage.session(&second).is_some());
    assert_eq!(stage.told().split_off(2), ["ending alice session ordered", "ended alice session ordered"]);
}

#[test]
fn what_is_stubborn_is_killed_and_written_down() {
    let mut stage = Stage::with("[session]\ngrace = \"1s\"\n");
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let stubborn = stage.living()[2];
    stage.warden.host.stubborn.insert(stubborn);
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.living(), [0; 0]);
    assert!(stage.session(&id).is_none());
    assert_eq!(stage.warden.host.sent.last(), Some(&(stubborn, Signal::Kill)));
    assert_eq!(stage.told().len(), 4);
    let text = std::fs::read_to_string(stage.dir.path().join("audit.jsonl")).unwrap();
    assert!(text.contains("\"killed\":[\"process\"]"), "{text}");
}
