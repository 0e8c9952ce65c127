//! The laws of sessions, over the same random directories, whose grants are divided between two sources:
//!
//! - silence never ends a session: not a stale source, nor one that has not spoken, before the end that was known;
//! - nothing that is taken away extends one, whoever is silent;
//! - a grant that is added never shortens one;
//! - where every source speaks, a session goes on exactly where and as long as the door is open;
//! - whose last grant is over, his guarded sessions are over.

use std::cell::RefCell;
use std::rc::Rc;

use jit_model::session::{Presence, Rest, Stay, presence, stay};
use jit_model::snapshot::Freshness;
use jit_model::time::Span;
use proptest::sample::Index;

use super::*;
use crate::changes::Removal;

/// Where a grant comes from: those with an even number from another source than the others.
fn home(judged: &AssessedGrant) -> usize {
    usize::from(judged.grant.uuid.0[3] % 2 == 0)
}

fn name(which: usize) -> jit_model::name::SourceName {
    jit_model::name::SourceName::new(["odd", "even"][which]).expect("a name")
}

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Fresh,
    Stale,
    /// Its set is from disk.
    Recalled,
    /// It was never heard, but shows a set without knowing people.
    NeverHeard,
    /// It was never read, and shows nothing.
    Nothing,
}

const SPEAKS: [Voice; 2] = [Voice::Fresh, Voice::Stale];
const VOICES: [Voice; 5] = [Voice::Fresh, Voice::Stale, Voice::Recalled, Voice::NeverHeard, Voice::Nothing];

fn speaking() -> impl Strategy<Value = [Voice; 2]> {
    [select(&SPEAKS[..]), select(&SPEAKS[..])]
}

fn any_voices() -> impl Strategy<Value = [Voice; 2]> {
    [select(&VOICES[..]), select(&VOICES[..])]
}

/// What a host knows, with sources that stand like this, at each time that was asked about: many ask.
struct Seen<'a> {
    host: &'a Host,
    voices: [Voice; 2],
    at: RefCell<BTreeMap<i64, Rc<Snapshot>>>,
}

impl<'a> Seen<'a> {
    fn by(host: &'a Host, voices: [Voice; 2]) -> Seen<'a> {
        Seen { host, voices, at: RefCell::default() }
    }

    fn at(&self, now: i64) -> Rc<Snapshot> {
        let mut known = self.at.borrow_mut();
        Rc::clone(known.entry(now).or_insert_with(|| Rc::new(seen(self.host, self.voices, now))))
    }
}

fn seen(host: &Host, voices: [Voice; 2], now: i64) -> Snapshot {
    let freshness = |voice: Voice| match voice {
        Voice::Fresh => Freshness { heard: Some(at(now)), max_offline: Some(Span(1)) },
        Voice::Stale | Voice::Recalled => Freshness { heard: Some(at(now - 9)), max_offline: Some(Span(1)) },
        Voice::NeverHeard | Voice::Nothing => Freshness { heard: None, max_offline: Some(Span(1)) },
    };
    let grants = host.assessed.iter().filter(|judged| voices[home(judged)] != Voice::Nothing);
    let grants =
        grants.map(|judged| Arc::new(AssessedGrant { source: name(home(judged)), ..judged.clone() }));
    let sources = (0..2).map(|which| (name(which), freshness(voices[which])));
    let recalled = (0..2).filter(|which| voices[*which] == Voice::Recalled).map(name);
    let whole = host.snapshot(at(now));
    let (policy, known) = (whole.policy().clone(), whole.known().clone());
    Snapshot::new(policy, sources.collect(), grants.collect(), Vec::new(), known).recalled(recalled)
}

const FRESH: [Voice; 2] = [Voice::Fresh; 2];

/// A session that goes on.
#[derive(Clone, Debug)]
struct Open {
    who: &'static str,
    what: &'static str,
    since: i64,
    rests: Vec<Rest>,
    until: Timestamp,
}

/// Every session that goes on at some time, on a host that hears everything.
fn sessions(host: &Host) -> Vec<Open> {
    let mut open = Vec::new();
    for since in NOWS.step_by(9) {
        let snapshot = seen(host, FRESH, since);
        for who in PEOPLE {
            for what in ["sshd", "sudo", "cron"] {
                if let Stay::Until { rests, until, .. } =
                    stay(&snapshot, &question(who, what), &[], at(since))
                {
                    open.push(Open { who, what, since, rests, until });
                }
            }
        }
    }
    open
}

impl Open {
    fn stay(&self, seen: &Seen<'_>, now: i64) -> Stay {
        stay(&seen.at(now), &question(self.who, self.what), &self.rests, at(now))
    }

    /// From when it was looked at to beyond its end.
    fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let until = self.until.0;
        (self.since..until).step_by(7).chain([until - 1, until, until + 5])
    }
}

/// Whether the grant that this was would be good if its signatures could be checked.
fn in_doubt(host: &Host, rest: &Rest) -> bool {
    let pending = |judged: &&AssessedGrant| matches!(judged.assessed, Assessed::Pending { .. });
    let same = host.assessed.iter().filter(pending).find(|judged| judged.grant.uuid == rest.uuid);
    same.is_some_and(|judged| judged.in_doubt)
}

/// How long: not at all, until a time, or for ever.
fn length(stay: &Stay) -> i64 {
    match stay {
        Stay::Over(_) => i64::MIN,
        Stay::Until { until, .. } => until.0,
        Stay::Unguarded(_) | Stay::BreakGlass | Stay::Unknown => i64::MAX,
    }
}

/// The same host after some removals.
fn after(host: &Host, removals: &[Removal], revoked: Option<&Index>) -> Host {
    let mut world = host.world.clone();
    for removal in removals {
        remove(&mut world, removal);
    }
    if let Some(index) = revoked {
        revoke(&mut world, index);
    }
    let mut after = host.clone();
    after.sync(&world);
    after
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn silence_never_ends_a_session(world in a_world(), voices in any_voices()) {
        let host = Host::sees(&world);
        let (seen, fresh) = (Seen::by(&host, voices), Seen::by(&host, FRESH));
        let nothing = Seen::by(&host, [Voice::Nothing; 2]);
        for open in sessions(&host) {
            for now in open.times().filter(|now| *now < open.until.0) {
                let stay = open.stay(&seen, now);
                prop_assert_eq!(length(&stay), open.until.0, "{:?} at {}: {:?}", open, now, stay);
                // And what is remembered from then on carries as far.
                let Stay::Until { rests, .. } = stay else { unreachable!("it has a length") };
                let later = Open { rests, ..open.clone() };
                prop_assert_eq!(length(&later.stay(&nothing, now)), open.until.0);
                prop_assert_eq!(length(&later.stay(&fresh, now)), open.until.0);
            }
        }
    }

    /// What is on disk may be older than what a session was opened by: it lacks what was added since.
    #[test]
    fn an_older_set_from_disk_ends_nothing(world in a_world(), since in proptest::collection::vec(a_removal(), 1..4)) {
        let host = Host::sees(&world);
        let mut older = world.clone();
        for added in &since {
            remove(&mut older, added);
        }
        let mut older = Host::sees(&older);
        older.held.clone_from(&host.held);
        let seen = Seen::by(&older, [Voice::Recalled; 2]);
        for open in sessions(&host) {
            for now in open.times().filter(|now| *now < open.until.0) {
                let stay = open.stay(&seen, now);
                prop_assert!(length(&stay) >= open.until.0, "{:?} at {}: {:?}", open, now, stay);
            }
        }
    }

    /// A source that is stale says as much as one that is not.
    #[test]
    fn staleness_changes_nothing(world in a_world(), voices in speaking()) {
        let host = Host::sees(&world);
        let (seen, fresh) = (Seen::by(&host, voices), Seen::by(&host, FRESH));
        for open in sessions(&host) {
            for now in open.times() {
                prop_assert_eq!(open.stay(&seen, now), open.stay(&fresh, now));
            }
        }
    }

    #[test]
    fn nothing_that_is_taken_away_extends_a_session(
        world in a_world(),
        removals in proptest::collection::vec(a_removal(), 0..3),
        revoked in proptest::option::of(any::<Index>()),
        voices in any_voices(),
    ) {
        let host = Host::sees(&world);
        let after = after(&host, &removals, revoked.as_ref());
        let (fresh, seen) = (Seen::by(&host, FRESH), Seen::by(&after, voices));
        for open in sessions(&host) {
            for now in open.times() {
                let (was, is) = (open.stay(&fresh, now), open.stay(&seen, now));
                // It may be longer than what all see, where they do not, but never than what was known.
                prop_assert!(length(&is) <= open.until.0.max(length(&was)), "{:?} at {}: {:?}", open, now, is);
                if voices.iter().all(|voice| SPEAKS.contains(voice)) {
                    prop_assert!(length(&is) <= length(&was), "{:?} at {}: was {:?}, is {:?}", open, now, was, is);
                }
            }
        }
    }

    /// A grant that is revoked holds nobody, whoever shows it, and however silent.
    #[test]
    fn a_revocation_ends_at_once(world in a_world(), which: Index, voices in any_voices()) {
        let host = Host::sees(&world);
        let mut revoked = host.clone();
        let mut world = host.world.clone();
        let Some(gone) = revoke(&mut world, &which) else { return Ok(()) };
        revoked.sync(&world);
        let seen = Seen::by(&revoked, voices);
        for open in sessions(&host) {
            for now in open.times() {
                let shows = |judged: &AssessedGrant| judged.grant.uuid == gone && voices[home(judged)] != Voice::Nothing;
                if !revoked.assessed.iter().any(shows) {
                    continue;
                }
                if let Stay::Until { rests, .. } = open.stay(&seen, now) {
                    prop_assert!(rests.iter().all(|rest| rest.uuid != gone), "{:?} at {}", open, now);
                }
            }
        }
    }

    #[test]
    fn adding_a_grant_never_shortens_a_session(first in a_world(), new in a_tree(9), voices in any_voices()) {
        let host = Host::sees(&first);
        let mut world = first;
        world.source.grants.insert(uuid(9), new);
        let mut after = host.clone();
        after.sync(&world);
        let (before, after) = (Seen::by(&host, voices), Seen::by(&after, voices));
        for open in sessions(&host) {
            for now in open.times() {
                let (was, is) = (open.stay(&before, now), open.stay(&after, now));
                prop_assert!(length(&was) <= length(&is), "{:?} at {}: was {:?}, is {:?}", open, now, was, is);
            }
        }
    }

    /// Whatever was remembered before: where every source has spoken it no longer matters, but for signatures that cannot be checked.
    #[test]
    fn a_session_goes_on_where_the_door_is_open(world in a_world(), removals in proptest::collection::vec(a_removal(), 0..2)) {
        let host = Host::sees(&world);
        let after = after(&host, &removals, None);
        let seen = Seen::by(&after, FRESH);
        let all = sessions(&host);
        let none = NOWS.step_by(9).flat_map(|since| PEOPLE.map(|who| Open { who, what: "sshd", since, rests: Vec::new(), until: at(since) }));
        for open in all.into_iter().chain(none) {
            for now in open.times() {
                let door = decide(&seen.at(now), &question(open.who, open.what), at(now));
                match open.stay(&seen, now) {
                    Stay::Until { grants, rests, until } => {
                        prop_assert!(at(now) < until);
                        prop_assert!(rests.iter().all(|rest| rest.start <= until && at(now) < rest.end));
                        prop_assert_eq!(rests.iter().map(|rest| rest.end).max(), Some(until));
                        // What nobody can check lets nobody in, and ends nothing that was begun while it counted.
                        if !rests.iter().any(|rest| in_doubt(&after, rest)) {
                            prop_assert_eq!(door, Verdict::Allow(Allow::Grants { grants, until }));
                        }
                    }
                    Stay::Over(reason) => {
                        prop_assert!(!matches!(reason.code(), "stale" | "never-heard" | "root"), "{:?}", reason);
                        prop_assert!(matches!(door, Verdict::Deny(_)), "{:?} at {}: {:?}", open, now, door);
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                }
            }
        }
    }

    #[test]
    fn whose_last_grant_is_over_has_no_session(
        world in a_world(),
        removals in proptest::collection::vec(a_removal(), 0..3),
        voices in any_voices(),
    ) {
        let host = Host::sees(&world);
        let after = after(&host, &removals, None);
        let seen = Seen::by(&after, voices);
        for open in sessions(&host) {
            for now in open.times() {
                let snapshot = seen.at(now);
                let ask = |what| question(open.who, what);
                match presence(&snapshot, &ask("login"), &open.rests, at(now)) {
                    Presence::Over(reason) => {
                        prop_assert!(!matches!(reason.code(), "stale" | "never-heard" | "root"), "{:?}", reason);
                        for what in ["sshd", "sudo", "cron"] {
                            let stay = stay(&snapshot, &ask(what), &open.rests, at(now));
                            prop_assert!(matches!(stay, Stay::Over(_)), "{:?} at {}: {:?}", open, now, stay);
                        }
                    }
                    Presence::Welcome | Presence::Standing => {}
                }
            }
        }
    }
}

/// The laws would hold where nobody has a session, too.
#[test]
fn there_are_sessions_to_judge() {
    let mut runner = TestRunner::deterministic();
    let (mut worlds, mut open, mut chains, mut spare, mut both) = (0, 0, 0, 0, 0);
    for _ in 0..300 {
        let world = a_world().new_tree(&mut runner).expect("a world").current();
        let sessions = sessions(&Host::sees(&world));
        worlds += usize::from(!sessions.is_empty());
        open += sessions.len();
        for session in &sessions {
            let own = |rest: &&Rest| rest.end == session.until;
            chains += usize::from(session.rests.iter().any(|rest| rest.start > at(session.since)));
            spare += usize::from(session.rests.iter().filter(|rest| !own(rest)).count() > 0);
            let homes: BTreeSet<&str> = session.rests.iter().map(|rest| rest.source.as_str()).collect();
            both += usize::from(homes.len() > 1);
        }
    }
    assert!(
        worlds > 60 && open > 1_000 && chains > 50 && spare > 50 && both > 50,
        "{worlds} worlds with {open} sessions, {chains} with grants ahead, {spare} with more than one, {both} with both sources"
    );
}
