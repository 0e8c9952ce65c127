//! `jitctl grants --resting-on USER`: what would end, and which roles would be stuck, if somebody left. Judged as hosts would judge it.

use std::collections::BTreeSet;

use jit_control::{Answer, Grant, Grants, RestingRole};
use jit_model::assess::Assessed;
use jit_model::dn::Dn;
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::RoleEntry;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use crate::command::grants;
use crate::person::judging::Picture;
use crate::person::standing::{Without, resting_on};
use crate::person::who;
use crate::report::{Exit, Report};
use crate::terminal::{Colour, Tone, clean, some_of};

/// The most names that a sentence lists.
const NAMED: usize = 5;

/// What rests on `who`, whose login is `login`.
pub fn report(picture: &Picture, who: &Dn, login: &str, now: Timestamp, colour: Colour) -> Report {
    let resting = resting_on(picture, who, now);
    let mut listed: Vec<Grant> = Vec::new();
    for assessed in &picture.grants {
        if let Some(without) = resting.get(&assessed.grant.uuid) {
            let mut grant = Grant::of(assessed, now);
            grant.without = Some(sentence(without, login));
            listed.push(grant);
        }
    }
    listed.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    let roles = roles(picture, who, login);
    let mut text = if listed.is_empty() {
        format!("no grant that you can see rests on {}\n", clean(login))
    } else {
        grants::directory_table(&listed, now, colour)
    };
    for role in &roles {
        let name = colour.paint(Tone::Bad, &format!("role {}", clean(&role.role)));
        text.push_str(&format!("{name}: {}\n", clean(&role.text)));
    }
    if roles.is_empty() {
        text.push_str(&format!(
            "no role would be without approvers, or without anybody eligible, if {} left\n",
            clean(login)
        ));
    }
    Report {
        answer: Answer::Grants(Grants { grants: listed, roles }),
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    }
}

fn sentence(without: &Without, login: &str) -> String {
    match without {
        Without::Over => format!("without {login}: it is over, for it is {login}'s"),
        Without::ForOthers => format!("without {login}: it goes on for the others of its group"),
        Without::Shorter(window) => format!("without {login}: it would end at {}", clock_time(window.end())),
        Without::Short(assessed) => match assessed.as_ref() {
            Assessed::Pending { missing, from, .. } => {
                let needed = who::more_approvals(*missing, from);
                format!("without {login}: it would end, and need {needed}")
            }
            Assessed::Refused(why) => format!("without {login}: it would end: {why}"),
            Assessed::Revoked(_) | Assessed::Granted { .. } => format!("without {login}: it would end"),
        },
    }
}

/// The roles that would be stuck.
fn roles(picture: &Picture, who: &Dn, login: &str) -> Vec<RestingRole> {
    let people = &picture.source.people;
    let mut found = Vec::new();
    for entry in picture.source.roles.values() {
        let RoleEntry::Known(role) = entry else { continue };
        let mut say = |part: &str, text: String| {
            found.push(RestingRole { role: role.name.clone(), part: part.to_owned(), text });
        };
        if let Some(text) = approvers(people, role, who, login) {
            say("approver", text);
        }
        if let Some(text) = eligible(people, role, who, login) {
            say("eligible", text);
        }
    }
    found
}

/// The people in these groups, and themselves where they are people.
fn everybody<'a>(people: &'a People, names: impl IntoIterator<Item = &'a Dn>) -> BTreeSet<&'a Dn> {
    let mut all = BTreeSet::new();
    for dn in names {
        match people.group(dn) {
            Some(_) => all.extend(who::people_in(people, dn)),
            None => {
                all.insert(dn);
            }
        }
    }
    all
}

/// Whether fewer people than it takes could approve.
fn approvers(people: &People, role: &Role, who: &Dn, login: &str) -> Option<String> {
    // A group that cannot be seen has nobody in it, and is no approver itself.
    let groups = || role.approver_groups.iter().filter(|group| people.group(group).is_some());
    let all = everybody(people, groups());
    if !all.contains(who) {
        return None;
    }
    let left: Vec<&Dn> = all.iter().copied().filter(|dn| *dn != who).collect();
    let needed = usize::try_from(role.approvals_required).unwrap_or(usize::MAX);
    if left.len() < needed {
        let only =
            if left.is_empty() { "nobody else can".to_owned() } else { format!("only {} can", names(&left)) };
        return Some(format!("it takes {needed} to approve, and without {login} {only}"));
    }
    if !role.approvals_from_each {
        return None;
    }
    let alone = groups().find(|group| {
        let members = everybody(people, [*group]);
        members.contains(who) && members.len() == 1
    });
    alone.map(|group| format!("{} must be heard, and {login} is alone in it", who::called(group)))
}

/// Whether nobody else could hold it.
fn eligible(people: &People, role: &Role, who: &Dn, login: &str) -> Option<String> {
    let all = everybody(people, &role.eligible);
    (all.contains(who) && all.len() == 1).then(|| format!("nobody but {login} is eligible for it"))
}

fn names(dns: &[&Dn]) -> String {
    let names: Vec<String> = dns.iter().map(|dn| who::called(dn)).collect();
    some_of(&names, NAMED)
}

#[cfg(test)]
#[path = "resting/tests.rs"]
mod tests;
