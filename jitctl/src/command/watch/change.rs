//! What happened between two looks at the directory: a function of both.

use std::collections::BTreeMap;

use jit_control::{Change, Grant};
use jit_model::grant::EntryUuid;
use jit_model::text::rfc3339;
use jit_model::time::Timestamp;

use crate::person::shown::{self, Shown, called, who};

/// The changes from what was seen `before` (nothing yet, if none) to what is there `now`. Of the first look only what waits is told.
pub(super) fn changes(before: Option<&[Shown]>, after: &[Shown], now: Timestamp) -> Vec<Change> {
    let Some(before) = before else {
        let waiting = shown::waiting(after, now);
        return waiting.into_iter().map(|grant| told("waiting", grant, now)).collect();
    };
    let known: BTreeMap<EntryUuid, &Grant> = before.iter().map(|one| (one.uuid, &one.grant)).collect();
    let mut told_of = Vec::new();
    for one in after {
        let word = match known.get(&one.uuid) {
            None => new(&one.grant),
            Some(before) => changed(before, &one.grant),
        };
        told_of.extend(word.map(|word| told(word, one.grant.clone(), now)));
    }
    let gone = before.iter().filter(|one| after.iter().all(|other| other.uuid != one.uuid));
    told_of.extend(gone.map(|one| told("gone", one.grant.clone(), now)));
    told_of
}

fn new(grant: &Grant) -> Option<&'static str> {
    Some(match grant.state.as_str() {
        "pending" => "new",
        other => state(other)?,
    })
}

fn changed(before: &Grant, after: &Grant) -> Option<&'static str> {
    if before.state != after.state {
        return if after.state == "pending" { Some("new") } else { state(&after.state) };
    }
    if after.state == "pending" && after.approved.len() > before.approved.len() {
        return Some("approved");
    }
    // What only a clock or the one who looks makes different is no change.
    let same = |grant: &Grant| Grant { waits_for_me: None, ..grant.clone() };
    (same(before) != same(after)).then_some("changed")
}

fn state(word: &str) -> Option<&'static str> {
    ["live", "scheduled", "refused", "revoked", "expired"].into_iter().find(|known| *known == word)
}

fn told(word: &str, grant: Grant, now: Timestamp) -> Change {
    let role = grant.role.as_deref().unwrap_or("no role");
    let what = format!("{role} for {} on {}", who(&grant), grant.hosts.join(", "));
    let text = match word {
        "waiting" | "new" => {
            let mine = if grant.waits_for_me == Some(true) { ", waits for you" } else { "" };
            let (time, reason) = (shown::asked_for(&grant, now), shown::reason(&grant));
            format!("{what}, {time}: needs {}{mine}: {reason}", shown::needs(&grant))
        }
        "approved" => {
            let last = grant.approved.iter().max_by_key(|approver| approver.at);
            let by = last.map(|approver| called(&approver.dn)).unwrap_or_default();
            format!("{what}: by {by}; needs {}", shown::needs(&grant))
        }
        "live" => {
            let end = grant.end.map(|at| format!(" until {}", rfc3339(Timestamp(at)))).unwrap_or_default();
            format!("{what}{end}")
        }
        _ => match &grant.why {
            Some(why) => format!("{what}: {why}"),
            None => what,
        },
    };
    Change { at: now.0, change: word.to_owned(), grant: Some(grant), text }
}

/// The directory cannot be followed.
pub(super) fn trouble(why: &str, now: Timestamp) -> Change {
    Change { at: now.0, change: "trouble".to_owned(), grant: None, text: why.to_owned() }
}

/// It can again.
pub(super) fn back(now: Timestamp) -> Change {
    let text = "the directory is followed again".to_owned();
    Change { at: now.0, change: "back".to_owned(), grant: None, text }
}

/// A change as a line for people.
pub(super) fn line(change: &Change) -> String {
    let id = change.grant.as_ref().map(|grant| format!(" {}", grant.id)).unwrap_or_default();
    format!("{} {}{id} {}", rfc3339(Timestamp(change.at)), change.change, change.text)
}
