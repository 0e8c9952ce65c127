use proptest::prelude::*;

use super::*;
use crate::clock::{BootId, Clock, Reading};

const NOW: Timestamp = Timestamp(1_795_348_800);

fn uuid(n: u32) -> EntryUuid {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    EntryUuid(id)
}

fn login(text: &str) -> Login {
    Login::new(text).unwrap()
}

fn revocation(n: u32) -> Revocation {
    let dn = Dn::parse(&format!("cn=r{n},cn=g{n},ou=grants,dc=example")).unwrap();
    Revocation {
        dn,
        by: Some(Dn::parse("uid=bob,dc=example").unwrap()),
        at: Some(NOW),
        reason: Some("é\n".into()),
    }
}

fn moment() -> Moment {
    Clock::new(None, Reading { wall_ms: NOW.0 * 1000, boot_ms: 5, boot: BootId([7; 16]) }).moment()
}

/// Remembers a revocation, a deletion and a beginning, each of a grant with a known end.
fn sample() -> Ledger {
    let mut ledger = Ledger::default();
    let memory = Memory {
        revoked: BTreeMap::from([(uuid(1), revocation(1))]),
        deleted: BTreeSet::from([uuid(2)]),
        began: BTreeMap::from([(uuid(3), NOW)]),
    };
    let ends =
        [(uuid(1), Some(NOW)), (uuid(2), Some(NOW.plus(Span(3600)))), (uuid(3), None), (uuid(4), Some(NOW))];
    let learned = ledger.note(memory, ends.into_iter(), NOW);
    assert_eq!(learned.revoked, [(uuid(1), revocation(1))]);
    assert_eq!(learned.deleted, [uuid(2)]);
    assert_eq!(learned.urgency(), Some(Urgency::Now));
    assert_eq!(ledger.hold([login("alice")], NOW), Some(Urgency::Now));
    ledger.settle(moment());
    ledger
}

#[test]
fn comes_back_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    assert_eq!(Ledger::open(&path), (Ledger::default(), None));
    let ledger = sample();
    disk::write(&path, KIND, &ledger.encode().unwrap()).unwrap();
    assert_eq!(Ledger::open(&path), (ledger, None));
}

#[test]
fn a_damaged_one_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    disk::write(&path, KIND, &sample().encode().unwrap()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (ledger, aside) = Ledger::open(&path);
    assert_eq!(ledger, Ledger::default());
    let aside = aside.unwrap();
    assert_eq!(aside.damage, Damage::Sum);
    assert!(aside.to_string().contains("ledger.damaged.1"), "{aside}");
}

#[test]
fn nothing_new_is_not_written() {
    let mut ledger = sample();
    let memory = ledger.memory().clone();
    let learned = ledger.note(memory, std::iter::empty(), NOW);
    assert_eq!(learned.urgency(), None);
    assert_eq!(ledger.hold([login("alice")], NOW.plus(Span(3600))), None);
}

#[test]
fn a_memory_is_kept_until_its_grant_is_surely_over() {
    let mut ledger = sample();
    let shown = BTreeSet::new();
    assert_eq!(ledger.prune(Shown::Whole(&shown), NOW.plus(Span(3600))), Forgotten::default());
    assert_eq!(ledger.memory(), sample().memory());
    assert_eq!(ledger.prune(Shown::Whole(&shown), NOW.plus(MARGIN)), Forgotten { over: 1, early: 0 });
    assert!(ledger.memory().revoked.is_empty());
    assert_eq!(ledger.prune(Shown::Whole(&shown), NOW.plus(UNKNOWN_END)), Forgotten { over: 2, early: 0 });
    assert_eq!(ledger.memory(), &Memory::default());
    assert!(ledger.over.is_empty());
}

#[test]
fn nothing_is_forgotten_while_its_grant_is_shown() {
    let mut ledger = sample();
    let shown = (1..=4).map(uuid).collect();
    assert_eq!(ledger.prune(Shown::Whole(&shown), Timestamp(i64::MAX)), Forgotten::default());
    assert_eq!(ledger.memory(), sample().memory());
}

#[test]
fn nothing_is_forgotten_while_a_source_has_yet_to_show_its_set() {
    let mut ledger = sample();
    let _ = ledger.prune(Shown::Partly(&BTreeSet::new()), Timestamp(i64::MAX));
    assert_eq!(ledger.memory(), sample().memory());
    let _ = ledger.prune(Shown::Whole(&BTreeSet::new()), Timestamp(i64::MAX));
    assert_ne!(ledger.memory(), sample().memory());
}

#[test]
fn a_later_end_is_kept_and_an_earlier_one_shortens_nothing() {
    let mut ledger = sample();
    for end in [NOW.plus(Span(900_000)), NOW] {
        let memory = ledger.memory().clone();
        let _ = ledger.note(memory, [(uuid(1), Some(end))].into_iter(), NOW);
    }
    assert_eq!(ledger.over.get(&uuid(1)), Some(&NOW.plus(Span(900_000)).plus(MARGIN)));
}

#[test]
fn a_clock_that_was_years_ahead_leaves_nobody_known_for_years() {
    let mut ledger = Ledger::default();
    let ahead = NOW.plus(Span(12 * 365 * 86_400));
    let _ = (ledger.hold([login("alice")], NOW), ledger.hold([login("bob")], ahead));
    ledger.restate(NOW.plus(GRAIN));
    let known = |ledger: &Ledger, span| ledger.lately(NOW.plus(span)).into_iter().collect::<Vec<_>>();
    assert_eq!(known(&ledger, LATELY), [login("alice"), login("bob")], "what is true stays");
    assert_eq!(known(&ledger, Span(LATELY.0 + GRAIN.0)), [login("bob")], "alice's time was right");
    assert_eq!(known(&ledger, Span(LATELY.0 + 2 * GRAIN.0)), []);
}

#[test]
fn who_held_a_grant_is_known_for_a_month() {
    let mut ledger = sample();
    let lately = |ledger: &Ledger, span| ledger.lately(NOW.plus(span));
    assert!(lately(&ledger, LATELY).contains(&login("alice")));
    assert!(lately(&ledger, Span(LATELY.0 + GRAIN.0)).is_empty());
    assert_eq!(ledger.hold([login("alice")], NOW.plus(GRAIN)), Some(Urgency::Lazy));
    assert!(lately(&ledger, Span(LATELY.0 + GRAIN.0)).contains(&login("alice")));
    let _ = ledger.prune(Shown::Whole(&BTreeSet::new()), NOW.plus(Span(LATELY.0 + 2 * GRAIN.0)));
    assert!(ledger.held.is_empty());
}

#[test]
fn it_is_bounded_and_says_so() {
    let mut ledger = Ledger::default();
    let count = u32::try_from(MOST).unwrap() + 10;
    let memory = Memory { deleted: (0..count).map(uuid).collect(), ..Memory::default() };
    let ends = (0..count).map(|n| (uuid(n), Some(NOW.plus(Span(u64::from(n))))));
    let _ = ledger.note(memory, ends, NOW);
    // Before a source has shown its set, too: it may never show one.
    assert_eq!(ledger.clone().prune(Shown::Partly(&BTreeSet::new()), NOW), Forgotten { over: 0, early: 10 });
    assert_eq!(ledger.prune(Shown::Whole(&BTreeSet::from([uuid(0)])), NOW), Forgotten { over: 0, early: 9 });
    let kept = &ledger.memory().deleted;
    assert_eq!(kept.len(), MOST + 1, "what is shown does not count");
    assert!(kept.contains(&uuid(0)) && kept.contains(&uuid(10)) && !kept.contains(&uuid(9)));
    assert!(ledger.encode().unwrap().len() < KIND.max);
}

/// What version 1 looks like on disk. If this test fails, the format has changed: raise the version and read the old one.
#[test]
fn the_format_is_pinned() {
    use sha2::{Digest, Sha256};
    let hex: String =
        Sha256::digest(sample().encode().unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (KIND.version, hex.as_str()),
        (1, "a35153281d29244ea33d2ae27b92613c718a4ebf9b2ef16c49d45a255dbd50b0")
    );
}

proptest! {
    #[test]
    fn decode_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Ledger::decode(&bytes);
    }

    #[test]
    fn never_half_read(cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let good = sample().encode().unwrap();
        prop_assert!(Ledger::decode(&good[..cut.index(good.len())]).is_err());
        prop_assert!(Ledger::decode(&[good.clone(), vec![with]].concat()).is_err());
        let mut bad = good.clone();
        bad[at.index(good.len())] = with;
        if let Ok(ledger) = Ledger::decode(&bad) {
            let again = Ledger::decode(&ledger.encode().unwrap());
            prop_assert_eq!(again, Ok(ledger));
        }
    }

    /// Pruning never takes away what may still be needed, in whatever order things are learned and time moves.
    #[test]
    fn pruning_forgets_nothing_too_early(
        grants in proptest::collection::vec((0u32..8, 0u64..40 * 86_400, any::<bool>()), 1..20),
        prunes in proptest::collection::vec(0u64..20 * 86_400, 1..10),
    ) {
        let mut ledger = Ledger::default();
        let mut needed: BTreeMap<EntryUuid, Timestamp> = BTreeMap::new();
        let mut now = NOW;
        for ((n, end, deleted), pass) in grants.into_iter().zip(prunes.into_iter().cycle()) {
            let end = now.plus(Span(end));
            let mut memory = ledger.memory().clone();
            if deleted { memory.deleted.insert(uuid(n)); } else { memory.revoked.insert(uuid(n), revocation(n)); }
            let _ = ledger.note(memory, [(uuid(n), Some(end))].into_iter(), now);
            let last = needed.entry(uuid(n)).or_insert(end);
            *last = end.max(*last);
            now = now.plus(Span(pass));
            let _ = ledger.prune(Shown::Whole(&BTreeSet::new()), now);
            for (uuid, end) in &needed {
                let memory = ledger.memory();
                let kept = memory.deleted.contains(uuid) || memory.revoked.contains_key(uuid);
                prop_assert!(kept || *end < now, "{uuid} needed until {end:?}, forgotten by {now:?}");
            }
        }
    }
}
