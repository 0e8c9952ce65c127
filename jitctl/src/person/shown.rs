//! Grants as a person's tool shows them: what they were judged to be, in the words of hosts, and what that is to the one who asks.

use std::collections::BTreeSet;

use jit_control::Grant;
use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use jit_model::source::SetAside;
use jit_model::time::{Span, Timestamp};

use super::judging::{Picture, UNCHECKED};
use super::standing;
use crate::terminal::{beginning, some_of};
use crate::when;

/// Every grant of a picture as it is to `me` at `now`.
pub fn all(picture: &Picture, me: &Dn, now: Timestamp) -> Vec<Shown> {
    let waiting: BTreeSet<EntryUuid> = standing::wait_for(picture, me, now);
    picture
        .grants
        .iter()
        .map(|assessed| {
            let mut grant = Grant::of(assessed, now);
            if grant.state == "pending" {
                grant.waits_for_me = Some(waiting.contains(&assessed.grant.uuid));
            }
            Shown { uuid: assessed.grant.uuid, grant }
        })
        .collect()
}

/// A grant as shown, and which one it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its identity.
    pub uuid: EntryUuid,
    /// What is shown.
    pub grant: Grant,
}

/// What is wrong with an entry that could not be understood.
pub fn fault(aside: &SetAside) -> String {
    let attribute = aside.attribute.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    format!("{attribute}{}", aside.reason)
}

/// Whom it is for: logins, or what the subject is called.
pub fn who(grant: &Grant) -> String {
    match grant.logins.as_slice() {
        [] => called(&grant.subject),
        logins => some_of(logins, 3),
    }
}

/// What people call the entry of this name.
pub fn called(dn: &str) -> String {
    Dn::parse(dn).map_or_else(|_| dn.to_owned(), |dn| super::who::called(&dn))
}

/// How long it is asked for, and from when if that is said: `2h`, `2h from 2026-11-24 22:00`, `until 2026-11-24 06:00`.
pub fn asked_for(grant: &Grant, now: Timestamp) -> String {
    let from = grant.start.map(|at| format!(" from {}", when::short(Timestamp(at), now))).unwrap_or_default();
    match (grant.duration, grant.end) {
        (Some(seconds), _) => format!("{}{from}", Span(seconds)),
        (None, Some(end)) => format!("until {}{from}", when::short(Timestamp(end), now)),
        (None, None) => "-".to_owned(),
    }
}

/// How many more approvals it takes, and from whom: `2 of leads, dba`.
pub fn needs(grant: &Grant) -> String {
    let from: Vec<String> = grant.from.iter().map(|dn| called(dn)).collect();
    format!("{} of {}", grant.missing.unwrap_or(0), from.join(", "))
}

/// `bob 12:04, carol 12:06 (signed)`: who has approved.
pub fn approved(grant: &Grant, now: Timestamp) -> String {
    let each: Vec<String> = grant
        .approved
        .iter()
        .map(|approver| {
            let signed = match &approver.signed {
                None => "",
                Some(key) if key.starts_with(UNCHECKED) => " (signed; hosts check it)",
                Some(_) => " (signed)",
            };
            format!("{} {}{signed}", called(&approver.dn), when::short(Timestamp(approver.at), now))
        })
        .collect();
    each.join(", ")
}

/// The reason with its ticket, as they fit into a list: no blanks in a row, which could push the rest to where a terminal begins a line, and
/// no more than a few lines. Whoever approves sees the whole.
pub fn reason(grant: &Grant) -> String {
    /// Of characters.
    const MOST: usize = 200;
    let short = |text: &String| beginning(&text.split_whitespace().collect::<Vec<_>>().join(" "), MOST);
    match (&grant.reason.as_ref().map(short), &grant.ticket.as_ref().map(short)) {
        (Some(reason), Some(ticket)) => format!("{reason} [{ticket}]"),
        (Some(reason), None) => reason.clone(),
        (None, Some(ticket)) => format!("[{ticket}]"),
        (None, None) => "-".to_owned(),
    }
}

/// Whether it is over by its own words although nobody has decided: it can no longer come to anything.
pub fn is_overdue(grant: &Grant, now: Timestamp) -> bool {
    grant.state == "pending" && grant.duration.is_none() && grant.end.is_some_and(|end| end <= now.0)
}

/// The requests among them that still wait, in the order of [`by_waiting`].
pub fn waiting(all: &[Shown], now: Timestamp) -> Vec<Grant> {
    let waits = |one: &&Shown| one.grant.state == "pending" && !is_overdue(&one.grant, now);
    let mut waiting: Vec<Shown> = all.iter().filter(waits).cloned().collect();
    by_waiting(&mut waiting);
    waiting.into_iter().map(|one| one.grant).collect()
}

/// The longest wait first, and before that those that wait for whoever asks.
pub fn by_waiting(shown: &mut [Shown]) {
    shown.sort_by(|a, b| {
        let key = |one: &Shown| (one.grant.waits_for_me != Some(true), one.grant.asked.unwrap_or(i64::MAX));
        key(a).cmp(&key(b)).then_with(|| a.grant.id.cmp(&b.grant.id))
    });
}
