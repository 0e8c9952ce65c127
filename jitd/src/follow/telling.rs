//! Which grants have a line of the audit to themselves when many come, change or go at once, and what is said of the others: whoever may
//! write himself grants must not be able to bury everybody else's lines under thousands of his own, at each set and each start. Nor may he
//! hide who was in a group, which nothing but these lines tells: of the others, one line says for whom they are, and what they confer.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::name::{Login, UnixGroup};
use jit_model::state::State;
use jit_model::time::{Timestamp, Window};

use crate::audit::Event;
use crate::audit::event::{Fate, Text, Time};

/// The most events about single entries that one set or one look may cause, but for the first ones of each who is in a group.
pub(super) const MOST: usize = 200;

/// So many more are told of the same people in the same groups.
const MOST_OF_ONE: usize = 20;

/// Whether a grant has a line to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Own,
    Common,
}

/// Whom grants put into which groups; nobody into none, if they confer nothing.
type Members = (BTreeSet<Login>, BTreeSet<UnixGroup>);

/// Those without a line to themselves, of one kind.
#[derive(Default)]
struct Others {
    count: u64,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// What has been told at once.
#[derive(Default)]
pub(super) struct Telling {
    told: usize,
    of_one: BTreeMap<Members, usize>,
    others: BTreeMap<(Fate, Members), Others>,
}

impl Telling {
    /// Takes one of which there is something to tell. `groups` are those that it confers now, or did until now.
    pub(super) fn take(
        &mut self,
        fate: Fate,
        grant: Option<&AssessedGrant>,
        groups: &BTreeSet<UnixGroup>,
    ) -> Line {
        let members = match grant {
            Some(grant) if !groups.is_empty() => (grant.logins.keys().cloned().collect(), groups.clone()),
            Some(_) | None => Members::default(),
        };
        let confers = members != Members::default();
        let of_one = self.of_one.entry(members.clone()).or_default();
        if self.told < MOST || (confers && *of_one < MOST_OF_ONE) {
            self.told = self.told.saturating_add(1);
            *of_one = of_one.saturating_add(1);
            return Line::Own;
        }
        let window = grant.and_then(window);
        let others = self.others.entry((fate, members)).or_default();
        others.count = others.count.saturating_add(1);
        if let Some(window) = window {
            others.start = Some(others.start.map_or(window.start(), |start| start.min(window.start())));
            others.end = others.end.max(Some(window.end()));
        }
        Line::Common
    }

    /// What is said of those without a line to themselves.
    pub(super) fn rest(self) -> impl Iterator<Item = Event> {
        self.others.into_iter().map(|((state, (logins, groups)), others)| Event::MoreGrants {
            state,
            count: others.count,
            logins: logins.iter().map(Text::from).collect(),
            groups: groups.iter().map(Text::from).collect(),
            start: others.start.map(Time),
            end: others.end.map(Time),
        })
    }
}

fn window(grant: &AssessedGrant) -> Option<Window> {
    match &grant.assessed {
        Assessed::Granted { window, .. } => Some(*window),
        Assessed::Pending { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => None,
    }
}

/// What a grant confers that was live until now, or is: only then does it matter who was in its groups. A scheduled one counts, too: it
/// begins by the map, and may be over when the daemon comes back.
pub(super) fn while_live(
    before: Option<(State, Option<&BTreeSet<UnixGroup>>)>,
    state: State,
    groups: &BTreeSet<UnixGroup>,
) -> BTreeSet<UnixGroup> {
    let in_map = |state| matches!(state, State::Live | State::Scheduled);
    let mut all = if in_map(state) { groups.clone() } else { BTreeSet::new() };
    if let Some((_, before)) = before.filter(|(state, _)| in_map(*state)) {
        // Not found out yet: it was recalled from disk.
        all.extend(before.unwrap_or(groups).iter().cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::groups::testing::grant;

    fn dba() -> BTreeSet<UnixGroup> {
        BTreeSet::from([UnixGroup::new("jit-dba").unwrap()])
    }

    fn take(telling: &mut Telling, grants: &[Arc<AssessedGrant>], groups: &BTreeSet<UnixGroup>) -> usize {
        let lines = grants.iter().map(|grant| telling.take(Fate::Live, Some(grant), groups));
        lines.filter(|line| *line == Line::Own).count()
    }

    #[test]
    fn nobody_buries_the_others_under_his_own() {
        let mut telling = Telling::default();
        let mut his: Vec<_> = (0..10_000).map(|_| grant(7, 500)).collect();
        his.push(grant(7, 900));
        assert_eq!(take(&mut telling, &his, &dba()), MOST);
        // Whoever comes after that is told, each of them.
        let others: Vec<_> = (100..1_100).map(|n| grant(n, 500)).collect();
        assert_eq!(take(&mut telling, &others, &dba()), 1_000);
        // The same people, of another group.
        let web = BTreeSet::from([UnixGroup::new("jit-web").unwrap()]);
        assert_eq!(take(&mut telling, &his, &web), MOST_OF_ONE);
        // What confers nothing, the decisions tell.
        assert_eq!(take(&mut telling, &others, &BTreeSet::new()), 0);
        assert_eq!(telling.take(Fate::Deleted, None, &dba()), Line::Common);

        let rest: Vec<_> = telling.rest().map(|event| serde_json::to_value(event).unwrap()).collect();
        let find = |groups: &serde_json::Value, state: &str| {
            let is = |event: &&serde_json::Value| &event["groups"] == groups && event["state"] == state;
            rest.iter().find(is).unwrap().clone()
        };
        let of_dba = find(&serde_json::json!(["jit-dba"]), "live");
        assert_eq!((&of_dba["event"], &of_dba["count"]), (&"more-grants".into(), &(10_001 - MOST).into()));
        assert_eq!(of_dba["logins"], serde_json::json!(["user7"]));
        let end = jit_model::text::rfc3339(grant_end(&his));
        assert_eq!(of_dba["end"], end.as_str(), "the latest");
        assert_eq!(find(&serde_json::json!(["jit-web"]), "live")["count"], 10_001 - MOST_OF_ONE);
        let none = find(&serde_json::Value::Null, "live");
        assert_eq!((&none["count"], &none["logins"]), (&1_000.into(), &serde_json::Value::Null));
        assert_eq!(find(&serde_json::Value::Null, "deleted")["count"], 1);
        assert_eq!(rest.len(), 4);
    }

    fn grant_end(grants: &[Arc<AssessedGrant>]) -> Timestamp {
        grants.iter().filter_map(|grant| window(grant)).map(Window::end).max().unwrap()
    }

    #[test]
    fn what_was_in_no_map_put_nobody_into_a_group() {
        let nobody = BTreeSet::new();
        for state in [State::Pending, State::Refused, State::Revoked, State::Expired] {
            assert_eq!(while_live(None, state, &dba()), nobody);
            assert_eq!(while_live(Some((State::Pending, Some(&dba()))), state, &dba()), nobody);
            for before in [State::Live, State::Scheduled] {
                assert_eq!(while_live(Some((before, Some(&dba()))), state, &nobody), dba());
                assert_eq!(while_live(Some((before, None)), state, &dba()), dba(), "from disk");
            }
        }
        for state in [State::Live, State::Scheduled] {
            assert_eq!(while_live(None, state, &dba()), dba());
            assert_eq!(while_live(Some((state, Some(&dba()))), state, &nobody), dba(), "left it");
        }
    }
}
