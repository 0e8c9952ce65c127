//! Who is remembered, with which data, how long, and what a file of it comes back as.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::assess::{Assessed, AssessedGrant, Services};
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::people::{Account, Person};
use jit_model::reason::Refusal;
use jit_model::time::Window;
use proptest::prelude::*;

use super::*;
use crate::disk;
use crate::disk::envelope::Damage;
use crate::groups::testing::entry;

const NOW: Timestamp = Timestamp(1_795_348_800);
const HOUR: Span = Span(3_600);
const DAY: Span = Span(86_400);
const LINGER: Span = Span(30 * 86_400);

fn login(text: &str) -> Login {
    Login::new(text).unwrap()
}

fn source(text: &str) -> SourceName {
    SourceName::new(text).unwrap()
}

fn before(span: Span) -> Timestamp {
    Timestamp(NOW.0 - i64::try_from(span.0).unwrap())
}

/// What the sources show, put together step by step.
#[derive(Clone, Default)]
struct World {
    grants: Vec<Arc<AssessedGrant>>,
    people: BTreeMap<SourceName, Arc<BTreeMap<Dn, Person>>>,
    recalled: BTreeSet<SourceName>,
}

impl World {
    /// A person of a source, with a grant of this assessment.
    fn with(mut self, of: &str, who: &str, uid: u32, assessed: Assessed) -> World {
        let dn = Dn::parse(&format!("uid={who},ou=people,dc={of}")).unwrap();
        let account = Account {
            gid_number: Some(uid),
            gecos: Some(format!("{who} of {of}")),
            ssh_keys: vec!["ssh-ed25519 AAAA".to_owned()],
            ..Account::default()
        };
        let person = Person { dn: dn.clone(), login: login(who), uid_number: Some(uid), account };
        Arc::make_mut(self.people.entry(source(of)).or_default()).insert(dn.clone(), person);
        let n = u8::try_from(self.grants.len()).unwrap();
        let grant = entry([n; 16], n.into(), &format!("ou=grants,dc={of}"), &dn, NOW);
        self.grants.push(Arc::new(AssessedGrant {
            source: source(of),
            grant: Arc::new(grant),
            role: None,
            logins: Arc::new(BTreeMap::from([(login(who), dn)])),
            services: Services::AllGuarded,
            began: None,
            assessed,
            heard: Vec::new(),
            in_doubt: false,
            eligible_by: Arc::default(),
        }));
        self
    }

    fn recalled(mut self, of: &str) -> World {
        self.recalled.insert(source(of));
        self
    }

    fn showing(&self) -> Showing<'_> {
        Showing { grants: &self.grants, people: &self.people, recalled: &self.recalled }
    }

    /// Shown to a roll at a time: who is known, and how soon it must be on disk.
    fn to(&self, roll: &mut Roll, now: Timestamp) -> (BTreeMap<Login, KnownPerson>, Option<Urgency>) {
        roll.take(&self.showing(), LINGER, now)
    }
}

fn granted(start: Timestamp, end: Timestamp) -> Assessed {
    Assessed::Granted { window: Window::new(start, end).unwrap(), approved: Vec::new() }
}

/// A grant that is live for one hour yet.
fn live() -> Assessed {
    granted(before(HOUR), NOW.plus(HOUR))
}

fn nothing() -> World {
    World::default()
}

/// `(uid, last, shown)` of somebody.
fn brief(known: &BTreeMap<Login, KnownPerson>, who: &str) -> Option<(u32, Timestamp, bool)> {
    known.get(&login(who)).map(|known| (known.uid_number.unwrap(), known.last, known.shown))
}

#[test]
fn a_holder_is_known_and_then_remembered_for_a_while() {
    let mut roll = Roll::default();
    let (known, urgency) = nothing().with("a", "alice", 10_000, live()).to(&mut roll, NOW);
    assert_eq!(brief(&known, "alice"), Some((10_000, NOW.plus(HOUR), true)));
    assert_eq!(known[&login("alice")].account.gecos.as_deref(), Some("alice of a"));
    assert_eq!(known[&login("alice")].account.ssh_keys, [""; 0]);
    assert_eq!(urgency, Some(Urgency::Soon));
    // The same again is nothing new.
    let world = nothing().with("a", "alice", 10_000, live());
    assert_eq!(world.to(&mut roll, NOW.plus(Span(60))).1, None);

    // Her grant ran out; then everything of hers is gone from the directory.
    let (known, urgency) = world.to(&mut roll, NOW.plus(DAY));
    assert_eq!(brief(&known, "alice"), Some((10_000, NOW.plus(HOUR), true)));
    assert_eq!(urgency, Some(Urgency::Lazy));
    let (known, _) = nothing().to(&mut roll, NOW.plus(DAY));
    assert_eq!(brief(&known, "alice"), Some((10_000, NOW.plus(HOUR), false)));
    let last = NOW.plus(HOUR).plus(LINGER);
    assert_eq!(nothing().to(&mut roll, Timestamp(last.0 - 1)).0.len(), 1);
    assert_eq!(nothing().to(&mut roll, last), (BTreeMap::new(), Some(Urgency::Lazy)));
    assert_eq!(nothing().to(&mut roll, NOW).0.len(), 0, "forgotten for good");
}

#[test]
fn whose_grant_is_taken_away_held_it_until_then() {
    let mut roll = Roll::default();
    let long = granted(NOW, NOW.plus(LINGER));
    let (known, _) = nothing().with("a", "alice", 10_000, long.clone()).to(&mut roll, NOW);
    assert_eq!(brief(&known, "alice"), Some((10_000, NOW.plus(LINGER), true)));
    let late = NOW.plus(Span(86_400 * 5));
    assert_eq!(nothing().with("a", "alice", 10_000, long).to(&mut roll, late).1, Some(Urgency::Lazy));
    let (known, _) = nothing().to(&mut roll, late.plus(HOUR));
    assert_eq!(brief(&known, "alice"), Some((10_000, late, false)));
}

#[test]
fn who_is_yet_to_come_is_known_and_not_remembered() {
    let mut roll = Roll::default();
    let scheduled = granted(NOW.plus(HOUR), NOW.plus(DAY));
    let (known, urgency) = nothing().with("a", "alice", 10_000, scheduled).to(&mut roll, NOW);
    assert_eq!((brief(&known, "alice"), urgency), (Some((10_000, NOW.plus(DAY), true)), None));
    assert_eq!(nothing().to(&mut roll, NOW).0, BTreeMap::new());
}

#[test]
fn whose_grants_are_long_over_is_nobody_and_costs_nothing() {
    let mut roll = Roll::default();
    let over = granted(before(Span(LINGER.0 + 86_400)), before(LINGER));
    assert_eq!(nothing().with("a", "alice", 10_000, over).to(&mut roll, NOW), (BTreeMap::new(), None));
    let recent = granted(before(Span(LINGER.0 + 86_400)), before(DAY));
    let (known, _) = nothing().with("a", "bob", 10_001, recent).to(&mut roll, NOW);
    assert_eq!(brief(&known, "bob"), Some((10_001, before(DAY), true)));
}

/// Only a grant that counts says who somebody is.
#[test]
fn nobody_takes_over_a_number_by_a_grant_that_does_not_count() {
    let mut roll = Roll::default();
    nothing().with("a", "alice", 10_000, live()).to(&mut roll, NOW);
    let refused = Assessed::Refused(Refusal::NoRole);
    for assessed in [refused, Assessed::Pending { missing: 1, from: BTreeSet::new(), approved: Vec::new() }] {
        let world = nothing().with("a", "alice", 666, assessed.clone()).with("a", "mallory", 667, assessed);
        let (known, _) = world.to(&mut roll, NOW);
        assert_eq!(brief(&known, "alice"), Some((10_000, NOW, false)));
        assert_eq!(brief(&known, "mallory"), None);
    }
}

#[test]
fn a_directory_that_speaks_counts_before_what_is_remembered_and_that_before_an_old_set() {
    let mut roll = Roll::default();
    let old = nothing().with("a", "alice", 1, live()).with("a", "bob", 2, live()).recalled("a");
    // Nobody knows better yet.
    assert_eq!(brief(&old.to(&mut roll, NOW).0, "alice"), Some((1, NOW.plus(HOUR), true)));
    let (known, urgency) = nothing().with("a", "alice", 10_000, live()).to(&mut roll, NOW);
    assert_eq!((brief(&known, "alice").unwrap().0, urgency), (10_000, Some(Urgency::Soon)));
    let (known, urgency) = old.to(&mut roll, NOW);
    assert_eq!((brief(&known, "alice").unwrap().0, urgency), (10_000, None));
    assert!(brief(&known, "alice").unwrap().2, "her directory may show her still");
}

#[test]
fn of_two_sources_the_first_counts_that_has_spoken() {
    for reverse in [false, true] {
        let mut both = [("a", 1), ("b", 2)];
        if reverse {
            both.reverse();
        }
        let world = both.iter().fold(nothing(), |world, (of, uid)| world.with(of, "alice", *uid, live()));
        let uid = |world: &World| brief(&world.to(&mut Roll::default(), NOW).0, "alice").unwrap().0;
        assert_eq!(uid(&world), 1);
        assert_eq!(uid(&world.recalled("a")), 2);
    }
}

#[test]
fn a_clock_that_was_ahead_leaves_nobody_for_years() {
    let mut roll = Roll::default();
    let ahead = NOW.plus(Span(86_400 * 4_000));
    nothing().with("a", "alice", 10_000, granted(NOW, ahead.plus(DAY))).to(&mut roll, ahead);
    assert_eq!(roll.restate(NOW), Some(Urgency::Soon));
    assert_eq!(roll.restate(NOW), None);
    assert_eq!(brief(&nothing().to(&mut roll, NOW).0, "alice"), Some((10_000, NOW, false)));
}

#[test]
fn there_is_a_most() {
    let record = |n: usize| roll::testing::former(&format!("u{n}"), before(Span(u64::try_from(n).unwrap())));
    let mut roll: Roll = (0..roll::MOST + 2).map(record).collect();
    let (known, urgency) = nothing().to(&mut roll, NOW);
    assert_eq!((known.len(), urgency), (roll::MOST, Some(Urgency::Lazy)));
    let last = format!("u{}", roll::MOST);
    assert!(!known.contains_key(&login(&last)) && known.contains_key(&login("u0")));
}

#[test]
fn a_damaged_file_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("people");
    assert_eq!(Roll::open(&path), (Roll::default(), None));
    let mut roll = Roll::default();
    nothing().with("a", "alice", 10_000, live()).to(&mut roll, NOW);
    disk::write(&path, KIND, &roll.encode().unwrap()).unwrap();
    assert_eq!(Roll::open(&path), (roll.clone(), None));

    // Sound outside, nonsense inside: a name that is none.
    let mut payload = roll.encode().unwrap();
    let at = payload.windows(5).position(|name| name == b"alice").unwrap();
    payload[at] = b':';
    disk::write(&path, KIND, &payload).unwrap();
    let (found, aside) = Roll::open(&path);
    assert_eq!((found, aside.unwrap().damage), (Roll::default(), Damage::Payload));
    assert!(!path.exists());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(roll) = Roll::decode(&bytes) {
            prop_assert_eq!(Roll::decode(&roll.encode().unwrap()), Ok(roll));
        }
    }

    /// Whatever is shown in whatever order and at whatever times: who is known held or will hold a grant that counts, is known no
    /// longer than `linger` after the last of its ends, and is known again after a restart; and the same shown twice is nothing new.
    #[test]
    fn nobody_is_known_without_a_grant_or_for_too_long(
        shows in proptest::collection::vec((0_u8..4, 0_i64..100, 1_i64..100, any::<bool>(), any::<bool>(), 0_i64..30), 1..12),
    ) {
        let day = 86_400;
        let mut roll = Roll::default();
        let mut now = NOW;
        let mut ends: BTreeMap<String, Timestamp> = BTreeMap::new();
        for (who, start, length, counts, from_disk, step) in shows {
            now = Timestamp(now.0 + step * day);
            let (who, start) = (format!("u{who}"), Timestamp(NOW.0 + start * day));
            let end = Timestamp(start.0 + length * day);
            let assessed = if counts { granted(start, end) } else { Assessed::Refused(Refusal::NoRole) };
            let mut world = nothing().with("a", &who, 10_000, assessed);
            if from_disk {
                world = world.recalled("a");
            }
            let (known, _) = world.to(&mut roll, now);
            if counts {
                let latest = ends.entry(who).or_insert(end);
                *latest = end.max(*latest);
            }
            for (login, known) in &known {
                let Some(end) = ends.get(login.as_str()) else { panic!("{login} never had a grant that counts") };
                prop_assert!(known.last <= *end);
                prop_assert!(known.last.plus(LINGER) > now);
            }
            prop_assert_eq!(world.to(&mut roll, now), (known, None));
            let again = Roll::decode(&roll.encode().unwrap());
            prop_assert_eq!(again.as_ref(), Ok(&roll));
        }
    }
}
