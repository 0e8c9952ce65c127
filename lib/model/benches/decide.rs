//! How long the pure core takes: one decision, and judging a whole set. Reported by `make bench`, never gating.
//!
//! 20 grants is what a host usually has; 10,000 is what it must bear. In the second row of decisions one person holds all of
//! them, which is the worst that can be.

use std::sync::Arc;

use divan::{Bencher, black_box};
use jit_model::assess::assess;
use jit_model::decide::{Verdict, decide, explain};
use jit_model::grant::End;
use jit_model::people::{Account, Person};
use jit_model::snapshot::Snapshot;

#[path = "../tests/world/mod.rs"]
mod world;

use world::{World, at, login, person, question, written};

fn main() {
    divan::main();
}

const COUNTS: [u32; 2] = [20, 10_000];

/// Whose grants they are.
#[derive(Clone, Copy)]
enum Whose {
    /// Each somebody else's; alice's is one of them.
    Everybody,
    Alice,
}

/// So many approved grants, live from 2000 to 9200 or a little later.
fn company(count: u32, whose: Whose) -> World {
    let mut world = World::new();
    for n in 0..count {
        let subject = match (whose, n) {
            (Whose::Alice, _) | (Whose::Everybody, 0) => person("alice"),
            (Whose::Everybody, n) => {
                let name = format!("user{n}");
                world.persons.push(Person {
                    dn: person(&name),
                    login: login(&name),
                    uid_number: Some(2_000 + n),
                    account: Account::default(),
                });
                person(&name)
            }
        };
        world
            .grant(n, |g| {
                g.provenance = written(&subject, 1_000);
                g.subject = subject;
                g.end = End::At(at(9_200 + i64::from(n % 97)));
            })
            .approve(n, "bob", 2_000, |_| {});
    }
    let everybody: Vec<_> = world.persons.iter().map(|p| p.dn.clone()).collect();
    world.members("devs", &everybody);
    world
}

fn ask(bencher: Bencher, count: u32, whose: Whose, now: i64) {
    let snapshot: Snapshot = company(count, whose).snapshot();
    let question = question("alice", "sshd");
    let allowed = matches!(decide(&snapshot, &question, at(now)), Verdict::Allow(_));
    assert_eq!(allowed, now == 3_000, "the question is not the one meant");
    bencher.bench(|| decide(black_box(&snapshot), black_box(&question), at(black_box(now))));
}

#[divan::bench(args = COUNTS)]
fn allow(bencher: Bencher, count: u32) {
    ask(bencher, count, Whose::Everybody, 3_000);
}

#[divan::bench(args = COUNTS)]
fn deny(bencher: Bencher, count: u32) {
    ask(bencher, count, Whose::Everybody, 99_000);
}

#[divan::bench(args = COUNTS)]
fn allow_one_holds_all(bencher: Bencher, count: u32) {
    ask(bencher, count, Whose::Alice, 3_000);
}

#[divan::bench(args = COUNTS)]
fn deny_one_holds_all(bencher: Bencher, count: u32) {
    ask(bencher, count, Whose::Alice, 99_000);
}

#[divan::bench]
fn explain_an_allow(bencher: Bencher) {
    let snapshot = company(20, Whose::Everybody).snapshot();
    let question = question("alice", "sshd");
    bencher.bench(|| explain(black_box(&snapshot), black_box(&question), at(3_000)));
}

#[divan::bench(args = COUNTS)]
fn assess_a_source(bencher: Bencher, count: u32) {
    let world = company(count, Whose::Everybody);
    let source = world.source();
    bencher.bench(|| assess(black_box(&source), &world.host, &world.memory));
}

#[divan::bench(args = COUNTS)]
fn build_a_snapshot(bencher: Bencher, count: u32) {
    let world = company(count, Whose::Everybody);
    let grants: Vec<_> = world.assess().into_iter().map(Arc::new).collect();
    let sources = world.snapshot().sources().clone();
    bencher.bench(|| {
        Snapshot::new(world.policy.clone(), sources.clone(), grants.clone(), Vec::new(), world.known.clone())
    });
}
