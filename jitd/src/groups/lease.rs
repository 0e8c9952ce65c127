//! For how long a map may speak for each source without the daemon: until the source would have been silent for too long, reckoned
//! from a word that it is dated by. A source that speaks every second must not cause a map every second, so the word that the map is
//! dated by is an earlier one, by a sixteenth of the time at most; and once a source has fallen silent, its very last.

use std::collections::BTreeMap;

use jit_model::name::SourceName;
use jit_model::snapshot::Freshness;
use jit_model::time::{Span, Timestamp};

/// No word is older than this in a map while there are newer ones.
const STEP: Span = Span(600);

/// A word that moves back by more is dated anew: root mended the clock, or one that was ahead has come back. Less is rounding.
const MOVED: Span = Span(2);

/// A map answers at least for so long after it was written; its rows bear their own ends.
const DAY: Span = Span(86_400);

/// The words that the map is dated by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    dated: BTreeMap<SourceName, Freshness>,
}

impl Lease {
    /// How fresh the map takes the sources for, now that they are as fresh as that.
    pub fn at(
        &mut self,
        sources: &BTreeMap<SourceName, Freshness>,
        now: Timestamp,
    ) -> BTreeMap<SourceName, Freshness> {
        self.dated =
            sources.iter().map(|(name, fresh)| (name.clone(), self.date(name, fresh, now))).collect();
        self.dated.clone()
    }

    fn date(&self, name: &SourceName, fresh: &Freshness, now: Timestamp) -> Freshness {
        let dated = self.dated.get(name).filter(|dated| dated.max_offline == fresh.max_offline);
        match (dated.and_then(|dated| dated.heard), fresh.heard, fresh.max_offline) {
            // For ever, whenever it was.
            (Some(heard), Some(_), None) => Freshness { heard: Some(heard), ..fresh.clone() },
            (Some(before), Some(heard), Some(Span(limit))) => {
                let step = STEP.min(Span(limit / 16));
                let newer = heard > before && now.since(before) >= step;
                let moved = before.since(heard) > MOVED;
                Freshness { heard: Some(if newer || moved { heard } else { before }), ..fresh.clone() }
            }
            _ => fresh.clone(),
        }
    }

    /// Until when a map that is written now answers.
    pub fn valid_until(&self, now: Timestamp) -> i64 {
        let end = |fresh: &Freshness| match (fresh.max_offline, fresh.heard) {
            (None, _) => i64::MAX,
            (Some(limit), Some(heard)) => heard.plus(limit).0,
            (Some(_), None) => i64::MIN,
        };
        self.dated.values().map(end).fold(now.plus(DAY).0, i64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn sources(heard: Option<i64>, max_offline: Option<u64>) -> BTreeMap<SourceName, Freshness> {
        let name = SourceName::new("ldap").unwrap();
        let fresh = Freshness { heard: heard.map(Timestamp), max_offline: max_offline.map(Span) };
        BTreeMap::from([(name, fresh)])
    }

    fn dated(lease: &mut Lease, heard: i64, max_offline: u64, now: i64) -> i64 {
        let sources = sources(Some(heard), Some(max_offline));
        lease.at(&sources, Timestamp(now)).into_values().next().unwrap().heard.unwrap().0
    }

    #[test]
    fn a_word_counts_anew_after_a_sixteenth_or_ten_minutes() {
        for (limit, step) in [(24 * HOUR, 600), (HOUR, 225)] {
            let mut lease = Lease::default();
            assert_eq!(dated(&mut lease, 1000, limit, 1000), 1000);
            assert_eq!(dated(&mut lease, 1000 + step - 1, limit, 1000 + step - 1), 1000);
            assert_eq!(dated(&mut lease, 1000 + step, limit, 1000 + step), 1000 + step);
        }
    }

    #[test]
    fn of_a_silent_source_the_last_word_is_said_once() {
        let mut lease = Lease::default();
        assert_eq!(dated(&mut lease, 1000, HOUR, 1000), 1000);
        assert_eq!(dated(&mut lease, 1100, HOUR, 1100), 1000);
        assert_eq!(dated(&mut lease, 1100, HOUR, 1224), 1000);
        assert_eq!(dated(&mut lease, 1100, HOUR, 1225), 1100);
        // Rounding does not make it dance.
        assert_eq!(dated(&mut lease, 1099, HOUR, 1800), 1100);
        assert_eq!(dated(&mut lease, 1100, HOUR, 1801), 1100);
    }

    #[test]
    fn a_word_that_moved_back_and_another_limit_count_at_once() {
        let mut lease = Lease::default();
        assert_eq!(dated(&mut lease, 9000, HOUR, 9000), 9000);
        assert_eq!(dated(&mut lease, 8997, HOUR, 9001), 8997);
        assert_eq!(dated(&mut lease, 8999, 2 * HOUR, 9002), 8999);
    }

    #[test]
    fn a_map_answers_for_a_day_or_as_long_as_a_source_may() {
        let mut lease = Lease::default();
        let mut valid = |heard, max_offline| {
            lease.at(&sources(heard, max_offline), Timestamp(100_000));
            lease.valid_until(Timestamp(100_000))
        };
        assert_eq!(valid(None, Some(HOUR)), 186_400);
        assert_eq!(valid(Some(90_000), Some(HOUR)), 186_400);
        assert_eq!(valid(Some(90_000), Some(1_000_000)), 1_090_000);
        assert_eq!(valid(Some(90_000), Some(u64::MAX)), i64::MAX);
        assert_eq!(valid(None, None), i64::MAX);
    }

    #[test]
    fn of_a_source_that_is_never_stale_the_first_word_does() {
        let mut lease = Lease::default();
        let first = lease.at(&sources(Some(1000), None), Timestamp(1000));
        assert_eq!(lease.at(&sources(Some(900_000), None), Timestamp(900_000)), first);
        assert_eq!(lease.at(&sources(None, Some(HOUR)), Timestamp(900_000)), sources(None, Some(HOUR)));
    }
}
