use jit_model::grant::EntryUuid;
use jit_model::name::{Login, Service, SourceName};

use super::*;
use crate::clock::BootId;
use crate::sessions::claim::{Kind, Mark, Marking};
use crate::sessions::process::ProcessId;
use crate::sessions::record::{Life, Order, SessionId};

const NOW: Timestamp = Timestamp(10_000);

fn rest(n: u8, end: i64) -> Rest {
    let source = SourceName::new("corp").unwrap();
    Rest { source, uuid: EntryUuid([n; 16]), id: format!("g{n}"), start: Timestamp(0), end: Timestamp(end) }
}

fn session(basis: Basis) -> Session {
    let leader = ProcessId { pid: 77, start: 5 };
    Session {
        id: SessionId::new(BootId::default(), leader, 1),
        boot: BootId::default(),
        mark: Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None },
        login: Login::new("alice").unwrap(),
        service: Service::new("sshd").unwrap(),
        target: None,
        rhost: None,
        tty: None,
        opened: Timestamp(9_000),
        basis,
        life: Life::Open,
        warned: Timestamp(9_500),
        order: None,
    }
}

fn granted(until: i64) -> Session {
    session(Basis::Grants { rests: vec![rest(1, until)], until: Timestamp(until) })
}

fn until(n: u8, end: i64) -> Stay {
    Stay::Until { grants: Vec::new(), rests: vec![rest(n, end)], until: Timestamp(end) }
}

fn over() -> Stay {
    Stay::Over(DenyReason::NoGrant)
}

const MODES: [Mode; 2] = [Mode::Permissive, Mode::Enforcing];
const ENDS: [OnEnd; 2] = [OnEnd::Terminate, OnEnd::Warn];

#[test]
fn an_order_ends_a_session_whatever_its_basis_or_the_mode() {
    let order = Order { by: 0, reason: "leaves".to_owned() };
    for basis in [Basis::Standing(Standing::BreakGlass), granted(20_000).basis] {
        let ordered = Session { order: Some(order.clone()), ..session(basis) };
        for (mode, on_end) in MODES.into_iter().flat_map(|mode| ENDS.map(|on_end| (mode, on_end))) {
            let act = judge(&ordered, mode, on_end, || until(1, 20_000));
            assert_eq!(act, Act::End(Why::Ordered(order.clone())));
        }
    }
}

#[test]
fn without_a_deadline_nothing_is_asked() {
    let standing = [
        Standing::Permissive,
        Standing::Exempt,
        Standing::BreakGlass,
        Standing::Lifted,
        Standing::Unguarded,
        Standing::Warned,
        Standing::Found,
    ];
    for standing in standing {
        for (mode, on_end) in MODES.into_iter().flat_map(|mode| ENDS.map(|on_end| (mode, on_end))) {
            let act = judge(&session(Basis::Standing(standing)), mode, on_end, || panic!("asked"));
            assert_eq!(act, Act::Keep);
        }
    }
}

#[test]
fn permissive_lifts_and_never_ends() {
    for (on_end, stay) in [(OnEnd::Terminate, over()), (OnEnd::Warn, over()), (OnEnd::Terminate, until(1, 2))]
    {
        assert_eq!(judge(&granted(20_000), Mode::Permissive, on_end, || stay), Act::WouldEnd);
    }
}

#[test]
fn what_is_over_ends_or_is_only_said() {
    let end = |on_end| judge(&granted(9_999), Mode::Enforcing, on_end, over);
    assert_eq!(end(OnEnd::Terminate), Act::End(Why::Over(DenyReason::NoGrant)));
    assert_eq!(end(OnEnd::Warn), Act::OnlySay(DenyReason::NoGrant));
    // Doubt ends nothing.
    assert_eq!(judge(&granted(9_999), Mode::Enforcing, OnEnd::Terminate, || Stay::Unknown), Act::Keep);
}

#[test]
fn the_rule_that_no_longer_applies_lifts() {
    let lift = |stay| judge(&granted(20_000), Mode::Enforcing, OnEnd::Terminate, || stay);
    assert_eq!(lift(Stay::Unguarded(Unguarded::Exempt(3))), Act::Lift(Standing::Exempt));
    assert_eq!(lift(Stay::Unguarded(Unguarded::Service)), Act::Lift(Standing::Unguarded));
    assert_eq!(lift(Stay::Unguarded(Unguarded::NotProduction)), Act::Lift(Standing::Unguarded));
    assert_eq!(lift(Stay::BreakGlass), Act::Lift(Standing::BreakGlass));
}

#[test]
fn a_deadline_moves_and_a_closer_one_is_told_of() {
    let moved = |stay| match judge(&granted(20_000), Mode::Enforcing, OnEnd::Terminate, || stay) {
        Act::Rest { until, moved, warned, .. } => Some((until.0, moved, warned)),
        Act::Keep => None,
        act => panic!("{act:?}"),
    };
    assert_eq!(moved(until(1, 20_000)), None);
    // Another grant with the same end: to be remembered, no news.
    assert_eq!(moved(until(2, 20_000)), Some((20_000, false, Timestamp(9_500))));
    assert_eq!(moved(until(1, 30_000)), Some((30_000, true, Timestamp(9_500))));
    let (closer, _, warned) = moved(until(1, 10_200)).unwrap();
    let due = warnings(Timestamp(closer), &[Span(900), Span(300), Span(60)], warned, NOW);
    assert_eq!(due, Warnings { due: Some(Timestamp(9_900)), next: Some(Timestamp(10_140)) });
}

#[test]
fn one_warning_is_given_for_all_that_are_due() {
    let before = [Span(900), Span(300), Span(60)];
    let at = |now, warned| warnings(Timestamp(20_000), &before, Timestamp(warned), Timestamp(now));
    let due =
        |due: Option<i64>, next: Option<i64>| Warnings { due: due.map(Timestamp), next: next.map(Timestamp) };
    assert_eq!(at(10_000, 9_000), due(None, Some(19_100)));
    assert_eq!(at(19_100, 9_000), due(Some(19_100), Some(19_700)));
    assert_eq!(at(19_101, 19_100), due(None, Some(19_700)));
    // The daemon was away for a while.
    assert_eq!(at(19_950, 9_000), due(Some(19_940), None));
    // It began four minutes before its end.
    assert_eq!(at(19_760, 19_760), due(None, Some(19_940)));
    assert_eq!(warnings(Timestamp(20_000), &[], Timestamp(0), NOW), due(None, None));
}

fn visitor(name: &str, uid: u32, presence: Presence) -> (Visitor, Presence) {
    (Visitor { login: Login::new(name).unwrap(), uid, marked: Marking::Made, rests: Vec::new() }, presence)
}

fn leaving(visitors: &[(Visitor, Presence)], sessions: &[Stays]) -> Vec<String> {
    leavers(visitors, sessions).into_iter().map(|(visitor, _)| visitor.login.to_string()).collect()
}

#[test]
fn everything_of_a_person_ends_only_when_nothing_of_him_may_stay() {
    let over = || Presence::Over(DenyReason::NoGrant);
    let alice = || visitor("alice", 1000, over());
    let stays = |uid, ending| Stays { uid, ending };
    assert_eq!(leaving(&[alice()], &[]), ["alice"]);
    assert_eq!(leaving(&[alice()], &[stays(1000, true), stays(1001, false)]), ["alice"]);
    // A session without a deadline, or one that is not over for whatever reason.
    assert_eq!(leaving(&[alice()], &[stays(1000, true), stays(1000, false)]), [""; 0]);
    assert_eq!(leaving(&[visitor("alice", 1000, Presence::Welcome)], &[]), [""; 0]);
    assert_eq!(leaving(&[visitor("alice", 1000, Presence::Standing)], &[]), [""; 0]);
    // Somebody else has the same uid.
    assert_eq!(leaving(&[alice(), visitor("deploy", 1000, Presence::Welcome)], &[]), [""; 0]);
    assert_eq!(leaving(&[alice(), visitor("deploy", 1000, Presence::Standing)], &[]), [""; 0]);
    assert_eq!(leaving(&[alice(), visitor("deploy", 1000, over())], &[]), ["alice"]);
    assert_eq!(leaving(&[alice(), visitor("bob", 1001, Presence::Welcome)], &[]), ["alice"]);
    // Never root's.
    assert_eq!(leaving(&[visitor("toor", 0, over())], &[]), [""; 0]);
}
