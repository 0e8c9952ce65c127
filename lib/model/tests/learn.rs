//! What is remembered of a set, and when it need not be.

mod world;

use std::collections::BTreeSet;

use jit_model::assess::Memory;
use jit_model::grant::End;
use jit_model::learn::{held, learn, over};
use jit_model::source::Proof;
use jit_model::time::Span;
use world::{World, at, login, person, uuid};

/// What a host knows after it has seen `world`, with what it knew in `world.memory`.
fn learned(world: &World) -> Memory {
    learn(&world.memory, &BTreeSet::new(), &world.source(), &world.assess())
}

fn approved() -> World {
    let mut world = World::new();
    world.grant(1, |_| {}).approve(1, "bob", 5_000, |_| {});
    world
}

#[test]
fn the_earliest_clock_is_remembered() {
    let mut world = approved();
    world.memory = learned(&world);
    assert_eq!(world.memory.began.get(&uuid(1)), Some(&at(5_000)));
    // An earlier approval comes to light, and is taken away again.
    world.approve(1, "carol", 2_000, |_| {});
    world.memory = learned(&world);
    assert_eq!(world.memory.began.get(&uuid(1)), Some(&at(2_000)));
    world.tree(1).approvals.pop();
    world.memory = learned(&world);
    assert_eq!(world.memory.began.get(&uuid(1)), Some(&at(2_000)));
    assert_eq!(world.window(1), Some((2_000, 9_200)));
}

/// A file shows no createTimestamp: the clock of a grant that took no approval began with its first day, and does not begin
/// again when the role comes to require one.
#[test]
fn a_role_that_begins_to_require_approvals_restarts_no_clock() {
    let mut world = World::new();
    world.source.proof = Proof::Source;
    world.role(|r| r.approvals_required = 0).grant(1, |g| {
        (g.not_before, g.end, g.provenance.created) = (Some(at(3_000)), End::After(Span(60)), None);
    });
    assert_eq!(world.window(1), Some((3_000, 3_060)));
    world.memory = learned(&world);
    world.role(|r| r.approvals_required = 1).approve(1, "bob", 5_000, |_| {});
    assert_eq!(world.window(1), Some((3_000, 3_060)));
    // Whoever sees it for the first time now knows of no earlier start.
    world.memory = Memory::default();
    assert_eq!(world.window(1), Some((5_000, 5_060)));
}

#[test]
fn a_memory_newer_than_the_judgement_is_not_undone() {
    let world = approved();
    let newer = Memory { began: [(uuid(1), at(1_500))].into(), ..Memory::default() };
    let memory = learn(&newer, &BTreeSet::new(), &world.source(), &world.assess());
    assert_eq!(memory.began.get(&uuid(1)), Some(&at(1_500)));
}

#[test]
fn what_was_there_and_is_gone_is_deleted() {
    let mut world = approved();
    let before = BTreeSet::from([uuid(1), uuid(2)]);
    world.memory.deleted.insert(uuid(7));
    let memory = learn(&world.memory, &before, &world.source(), &world.assess());
    assert_eq!(memory.deleted, BTreeSet::from([uuid(2), uuid(7)]));
    assert_eq!(learned(&approved()).deleted, BTreeSet::new(), "nothing was there before");
}

#[test]
fn the_revocation_seen_first_is_kept() {
    let mut world = approved();
    world.revoke(1, Some("bob"), Some(6_000));
    world.memory = learned(&world);
    world.revoke(1, Some("carol"), Some(5_500));
    let memory = learned(&world);
    assert_eq!(memory.revoked.get(&uuid(1)).and_then(|r| r.by.clone()), Some(person("bob")));
}

#[test]
fn who_holds_a_grant_is_known_from_its_first_second() {
    let assessed = approved().assess();
    assert_eq!(held(&assessed, at(4_999)), BTreeSet::new());
    for now in [5_000, 99_999] {
        assert_eq!(held(&assessed, at(now)), BTreeSet::from([login("alice")]), "{now}");
    }
    let mut revoked = approved();
    revoked.revoke(1, None, None);
    assert_eq!(held(&revoked.assess(), at(6_000)), BTreeSet::new());
}

#[test]
fn when_it_need_not_be_remembered() {
    let over = |world: &World| over(&world.assess().remove(0));
    assert_eq!(over(&approved()), Some(at(12_200)));
    let mut world = approved();
    world.tree(1).approvals.clear();
    assert_eq!(over(&world), None, "the clock has not begun");
    world.grant(1, |g| g.end = End::At(at(9_000)));
    assert_eq!(over(&world), Some(at(9_000)));
    world.grant(1, |g| (g.not_before, g.end) = (Some(at(7_000)), End::After(Span(10)))).approve(
        1,
        "bob",
        5_000,
        |_| {},
    );
    assert_eq!(over(&world), Some(at(7_010)));
}
