//! Waiting for a grant: who has approved it, who is still needed, until it is live or cannot become so. Writes nothing into the directory:
//! whoever stops waiting leaves the request as it is.

use std::io::{self, Write};

use jit_control::{Answer, Grant, Grants};
use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::dn::Dn;
use jit_model::grant::End as Ends;
use jit_model::people::People;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::following::{End, Event, following};
use super::judging::Picture;
use super::outcome;
use super::session::Session;
use super::standing::approvers;
use super::stopwatch::Stopwatch;
use super::who;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{clean, quoted};
use crate::when;

/// Waits until the grant with this id is live, or scheduled, or has come to nothing. What happens meanwhile is said on standard error.
///
/// Exit status: 0 live or scheduled, 1 refused, taken away, over, or not waited for any longer.
///
/// # Errors
/// When the directory cannot be followed at all.
pub fn wait(context: &Context, session: &Session, id: &str) -> Result<Report, Failure> {
    let clock = Stopwatch::from(context.now);
    let mut waiting = Waiting::new(id);
    let ended = following(session, |event| {
        let now = clock.now();
        let outcome = match event {
            Event::Picture(picture) => waiting.sees(picture, now),
            Event::Tick => waiting.goes_on(now),
            Event::Trouble(why) => waiting.trouble(why),
            Event::Back => waiting.back(),
            Event::Link(_) | Event::Resized => None,
        };
        say(&waiting.take());
        outcome
    })?;
    let now = clock.now();
    Ok(match ended {
        End::With(outcome) => outcome.report(waiting.grant(now)),
        End::Interrupted => Outcome {
            exit: Exit::No,
            text: format!(
                "not waited for any longer: the request stands; to take it back: jitctl release {}",
                quoted(id)
            ),
        }
        .report(waiting.grant(now)),
    })
}

/// Lines for whoever waits. Somebody who closed standard error does not want them.
fn say(lines: &[String]) {
    for line in lines {
        let _ = writeln!(io::stderr().lock(), "{}", clean(line));
    }
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    exit: Exit,
    text: String,
}

impl Outcome {
    fn report(self, grant: Option<Grant>) -> Report {
        let grants = grant.into_iter().collect();
        Report {
            answer: Answer::Grants(Grants { grants, roles: Vec::new() }),
            text: format!("{}\n", clean(&self.text)),
            notes: Vec::new(),
            exit: self.exit,
        }
    }
}

/// What was seen so far of one grant. No clock and no terminal.
#[derive(Debug)]
struct Waiting<'a> {
    id: &'a str,
    last: Option<AssessedGrant>,
    /// The last sentence about who is needed, so that none is said twice.
    needed: String,
    troubled: bool,
    lines: Vec<String>,
}

impl<'a> Waiting<'a> {
    fn new(id: &'a str) -> Waiting<'a> {
        Waiting { id, last: None, needed: String::new(), troubled: false, lines: Vec::new() }
    }

    /// What is to be said since the last time.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn grant(&self, now: Timestamp) -> Option<Grant> {
        self.last.as_ref().map(|judged| Grant::of(judged, now))
    }

    fn sees(&mut self, picture: &Picture, now: Timestamp) -> Option<Outcome> {
        let Some(judged) = picture.grants.iter().find(|judged| judged.grant.id == self.id) else {
            // Before it was seen, another server may not have it yet.
            self.last.as_ref()?;
            return Some(Outcome {
                exit: Exit::No,
                text: "it is in the directory no more: somebody deleted it".to_owned(),
            });
        };
        let people = &picture.source.people;
        self.say_who_approved(judged, people, now);
        self.last = Some(judged.clone());
        if let Some(outcome) = outcome(judged, people, now) {
            return Some(outcome);
        }
        let (standing, _) = outcome::standing(&picture.source, judged, now);
        if standing != self.needed {
            self.lines.push(standing.clone());
            self.needed = standing;
        }
        self.goes_on(now)
    }

    fn say_who_approved(&mut self, judged: &AssessedGrant, people: &People, now: Timestamp) {
        let before: Vec<&Dn> = match &self.last {
            Some(last) => approvers(last).iter().map(|approver| &approver.dn).collect(),
            None => Vec::new(),
        };
        let new = approvers(judged).iter().filter(|approver| !before.contains(&&approver.dn));
        let lines: Vec<String> = new
            .map(|approver| {
                format!(
                    "{} UTC  approved by {}",
                    when::short(approver.at, now),
                    who::full_name(people, &approver.dn)
                )
            })
            .collect();
        self.lines.extend(lines);
    }

    /// Time alone has ended it.
    fn goes_on(&self, now: Timestamp) -> Option<Outcome> {
        let judged = self.last.as_ref()?;
        match judged.grant.end {
            Ends::At(end) if end <= now => Some(Outcome {
                exit: Exit::No,
                text: format!(
                    "nobody approved it in time: the end it asks for, {}, has passed",
                    clock_time(end)
                ),
            }),
            Ends::At(_) | Ends::After(_) => None,
        }
    }

    fn trouble(&mut self, why: &str) -> Option<Outcome> {
        if !std::mem::replace(&mut self.troubled, true) {
            self.lines
                .push(format!("the directory cannot be followed at the moment, and is tried again: {why}"));
        }
        None
    }

    fn back(&mut self) -> Option<Outcome> {
        if std::mem::take(&mut self.troubled) {
            self.lines.push("the directory is followed again".to_owned());
        }
        None
    }
}

/// What has come of it, if it does not wait any more.
fn outcome(judged: &AssessedGrant, people: &People, now: Timestamp) -> Option<Outcome> {
    let no = |text: String| Some(Outcome { exit: Exit::No, text });
    match &judged.assessed {
        Assessed::Pending { .. } => None,
        Assessed::Refused(why) => no(format!("no host counts it: {why}")),
        Assessed::Revoked(revocation) => {
            let by = revocation.by.as_ref().map(|by| format!(" by {}", who::full_name(people, by)));
            let at = revocation.at.map(|at| format!(" {}", when::ago(at, now)));
            let why = revocation.reason.as_ref().map(|reason| format!(": {reason}"));
            let parts: String = [by, at, why].into_iter().flatten().collect();
            no(format!("it was denied or taken away{parts}"))
        }
        Assessed::Granted { window, .. } if window.end() <= now => {
            no(format!("it is over: it ended {}", clock_time(window.end())))
        }
        Assessed::Granted { window, .. } if window.start() > now => Some(Outcome {
            exit: Exit::Done,
            text: format!(
                "approved: it begins at {} ({}) and ends at {}",
                clock_time(window.start()),
                when::ago(window.start(), now),
                clock_time(window.end())
            ),
        }),
        Assessed::Granted { window, .. } => {
            Some(Outcome { exit: Exit::Done, text: format!("live until {}", when::until(window.end(), now)) })
        }
    }
}

#[cfg(test)]
#[path = "wait/tests.rs"]
mod tests;
