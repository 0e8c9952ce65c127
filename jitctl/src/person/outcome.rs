//! What was written, and what the grant has come to by it: the end of every command that writes into the directory.

use jit_control::{Answer, Asked, Grant};
use jit_directory::write::NewEntry;
use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::dn::Dn;
use jit_model::signature::Signature;
use jit_model::source::Source;
use jit_model::state::State;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::propose::state_of;
use super::session::Session;
use super::who;
use crate::command::grants::short_id;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{clean, quoted};
use crate::when;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A grant.
    Request,
    /// An approval.
    Approval,
    /// A revocation.
    Revocation,
    /// Nothing: it was so already.
    Nothing,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Request => "request",
            Kind::Approval => "approval",
            Kind::Revocation => "revocation",
            Kind::Nothing => "nothing",
        }
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// What was written.
    pub kind: Kind,
    /// The entry.
    pub entry: Dn,
    /// The grant it is, or belongs to.
    pub grant: Dn,
    /// What was done, in a few words: `approved`.
    pub verb: &'static str,
    /// Lines to add below the grant's state, without indentation: what to do next. `{id}` stands for the short id.
    pub next: Vec<String>,
}

/// Adds an entry; a refusal by the directory's rules says what they do not let the person do.
///
/// # Errors
/// When the directory refuses it, or does not answer.
pub fn add(session: &mut Session, entry: &NewEntry, what: &str, who_may: &str) -> Result<(), Failure> {
    let me = who::name(&session.source().people, session.me());
    session.add(entry).map_err(|failure| match failure.code.as_str() {
        "forbidden" => Failure {
            text: format!(
                "the directory's rules do not let {me} {what}; nothing was written\nThey should let: {who_may}\n{}",
                failure.text
            ),
            ..failure
        },
        _ => failure,
    })
}

/// The report, by what the directory shows now.
pub fn report(session: &Session, done: Done, mut notes: Vec<String>, now: Timestamp) -> Report {
    let judged = session.grants().iter().find(|judged| judged.grant.dn == done.grant);
    // As it was written, where that can be seen: a name does not keep its capitals.
    let id = judged.map_or_else(|| done.grant.rdn_value(), |judged| judged.grant.id.clone());
    let known: Vec<&str> = session.grants().iter().map(|judged| judged.grant.id.as_str()).collect();
    let short = quoted(&short_id(&id, &known));
    let aside = session.source().set_aside.iter().find(|aside| aside.dn == done.grant);
    notes.extend(session.notes().iter().cloned());
    notes.extend(skew(session.source(), &done, now));
    let (head, state, approvers) = match (judged, aside) {
        (None, Some(aside)) => {
            notes.push(format!("it is no grant that counts: {}", aside.reason));
            (done.verb.to_owned(), format!("id {short}"), Vec::new())
        }
        (None, None) => {
            notes.push(
                "the directory does not show the grant yet: a replica that lags, or an access rule"
                    .to_owned(),
            );
            (done.verb.to_owned(), format!("id {short}"), Vec::new())
        }
        (Some(judged), _) => {
            let (state, approvers) = standing(session.source(), judged, now);
            let head = format!("{}: {}", done.verb, sentence(session.source(), judged));
            (head, format!("id {short}, {state}"), approvers)
        }
    };
    let mut text = format!("{}\n  {}\n", clean(&head), clean(&state));
    for line in &done.next {
        text.push_str(&format!("  {}\n", clean(&line.replace("{id}", &short))));
    }
    let asked = Asked {
        kind: done.kind.word().to_owned(),
        id,
        dn: done.entry.to_string(),
        grant: judged.map(|judged| Grant::of(judged, by_now(judged, now))),
        approvers,
        text: head,
    };
    Report { answer: Answer::Asked(Box::new(asked)), text, notes, exit: Exit::Done }
}

/// What the directory's clock says of ours, by the time that it gave to what was just written. Times count by the clocks of hosts, and
/// a signature by ours.
fn skew(source: &Source, done: &Done, now: Timestamp) -> Option<String> {
    /// Writing and reading again take seconds.
    const MOST: u64 = 120;
    let tree = source.grants.values().find(|tree| tree.grant.dn == done.grant)?;
    let (at, signed) = match done.kind {
        Kind::Nothing => return None,
        Kind::Request => (tree.grant.provenance.created, false),
        Kind::Approval => {
            let approval = tree.approvals.iter().find(|approval| approval.dn == done.entry)?;
            (approval.provenance.created, approval.signature != Signature::Absent)
        }
        Kind::Revocation => (tree.revocations.iter().find(|gone| gone.dn == done.entry)?.at, false),
    };
    let at = at?;
    let (by, way) = if at > now { (at.since(now), "behind") } else { (now.since(at), "ahead of") };
    let matters = match (signed, done.kind) {
        (true, _) => {
            "; a signature counts from the time in it: if the clock here is wrong, set it right, revoke, and ask anew"
        }
        (false, Kind::Request) => "; if the clock here is wrong, so are the times in what you asked for",
        (false, _) => "",
    };
    (by.0 > MOST).then(|| {
        format!(
            "this machine's clock is {} {way} the directory's, where it is {}{matters}",
            when::about(by),
            clock_time(at)
        )
    })
}

/// `ops for alice on web1.example.com`
pub fn sentence(source: &Source, judged: &AssessedGrant) -> String {
    let grant = &judged.grant;
    let role = judged.role.as_ref().map_or("no role", |role| role.name.as_str());
    let hosts = super::cover::names(&grant.hosts);
    format!("{role} for {} on {hosts}", who::name(&source.people, &grant.subject))
}

/// What time it is to this grant: what the directory has written down has happened, also by a clock of ours that is a little behind.
pub fn by_now(judged: &AssessedGrant, now: Timestamp) -> Timestamp {
    match &judged.assessed {
        Assessed::Granted { window, .. } if judged.grant.not_before.is_none_or(|from| from <= now) => {
            now.max(window.start())
        }
        _ => now,
    }
}

/// The state in a few words, and who may still approve.
pub fn standing(source: &Source, judged: &AssessedGrant, now: Timestamp) -> (String, Vec<String>) {
    let now = by_now(judged, now);
    let text = match (&judged.assessed, state_of(judged, now)) {
        (Assessed::Pending { missing, from, approved }, _) => {
            let approved: Vec<Dn> = approved.iter().map(|approver| approver.dn.clone()).collect();
            let may = who::who_may_approve(&source.people, from, &judged.grant, &approved);
            let names = may.iter().map(|dn| who::name(&source.people, dn)).collect();
            return (format!("pending: {}", who::needed(&source.people, *missing, from, &may)), names);
        }
        (Assessed::Granted { window, .. }, State::Live) => {
            format!("live until {}", when::until(window.end(), now))
        }
        (Assessed::Granted { window, .. }, State::Scheduled) => {
            format!("scheduled from {} until {}", clock_time(window.start()), clock_time(window.end()))
        }
        (Assessed::Granted { window, .. }, _) => format!("ended {}", clock_time(window.end())),
        (Assessed::Refused(why), _) => format!("refused: {why}"),
        (Assessed::Revoked(revocation), _) => {
            let by = revocation.by.as_ref().map(|by| format!(" by {}", who::name(&source.people, by)));
            format!("taken away{}", by.unwrap_or_default())
        }
    };
    (text, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::testing::{NOW, OPERATORS, TWO_HOURS, company, grant, role};

    /// The directory says that the grant was written a minute before [`NOW`].
    #[test]
    fn a_clock_that_differs_from_the_directorys_is_told() {
        let ops = role("ops", OPERATORS, 1, &["leads"], "");
        let source = company(&[ops, grant("g1", "alice", "ops", TWO_HOURS)]);
        let dn = source.grants.values().next().unwrap().grant.dn.clone();
        let done =
            |kind| Done { kind, entry: dn.clone(), grant: dn.clone(), verb: "asked", next: Vec::new() };
        let said = |seconds: i64| skew(&source, &done(Kind::Request), Timestamp(NOW.0 - 60 + seconds));
        assert_eq!((said(0), said(60), said(-60)), (None, None, None));
        assert!(said(5 * 3600).is_some_and(|text| text.contains("clock is 5h ahead of the directory's")));
        assert!(said(-5 * 3600).is_some_and(|text| text.contains("clock is 5h behind the directory's")));
        assert_eq!(skew(&source, &done(Kind::Nothing), Timestamp(0)), None);
    }
}
