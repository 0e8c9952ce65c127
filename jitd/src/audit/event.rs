//! What can happen, typed: each event is one JSON object with the fields of its kind. docs/audit.md describes every field;
//! fields are added, never renamed or given another meaning (`v` would rise).

use std::path::Path;

use jit_model::confer::RefusedGroup;
use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, Revocation};
use jit_model::name::{Login, SourceName};
use jit_model::source::SetAside;
use jit_model::state::State;
use jit_model::text::rfc3339;
use jit_model::time::Timestamp;
use serde::{Serialize, Serializer};

use super::decision::Decision;
use super::grant::GrantRecord;
use super::session::SessionEvent;
use crate::syslog::Severity;

/// The longest text, in bytes before escaping; the rest is cut and `...` says so.
const MAX_TEXT: usize = 512;

/// The most roles in one line.
const MAX_ROLES: usize = 32;

/// A text of bounded length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl<T: std::fmt::Display> From<T> for Text {
    fn from(text: T) -> Text {
        let mut text = text.to_string();
        if text.len() > MAX_TEXT {
            let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text.push_str("...");
        }
        Text(text)
    }
}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A time, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A question was answered.
    Decision(Box<Decision>),
    /// The daemon is ready.
    Start {
        /// Of jitd.
        version: &'static str,
    },
    /// The daemon ends.
    Stop {
        /// Why.
        reason: Text,
    },
    /// The mode is another, or rests on another file.
    Mode(Box<ModeEvent>),
    /// The configuration was read again.
    Config {
        /// Whether it counts now.
        outcome: Outcome,
        /// What is wrong with it, or what changed.
        text: Text,
    },
    /// A source is in another state.
    Source {
        /// Its name.
        source: Text,
        /// How it is.
        state: Health,
        /// What is wrong, or which server answers.
        text: Text,
    },
    /// The list of signers says something else, or cannot be used.
    Signers {
        /// The keys that may sign approvals now and could not before: `SHA256:… principals`, and for how long; the first 32.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        came: Vec<Text>,
        /// Those that no longer may; the first 32.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        went: Vec<Text>,
        /// For people.
        text: Text,
    },
    /// The clock is in another state.
    Clock {
        /// `agrees`, `ahead`, `behind`, `directory-ahead` or `accepted`.
        state: ClockState,
        /// By how many seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        /// For people.
        text: Text,
    },
    /// A revocation was seen for the first time. It holds from now on, whatever becomes of its entry.
    Revocation {
        /// The source.
        source: Text,
        /// The grant's entryUUID.
        uuid: Text,
        /// The revocation's DN, exactly one below its grant's.
        dn: Text,
        /// Who wrote it, if the directory says.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Text>,
        /// When, if the directory says.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Time>,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
    },
    /// A grant that was there is gone from a whole set. It will not come back.
    Deletion {
        /// The source.
        source: Text,
        /// The grant's entryUUID.
        uuid: Text,
        /// What it said, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<Box<GrantRecord>>,
    },
    /// A grant is in another state: `pending`, `scheduled`, `live`, `expired`, `refused`, `revoked`.
    Grant {
        /// The state.
        state: State,
        /// What it says.
        grant: Box<GrantRecord>,
    },
    /// More grants are in another state, or gone, than were told one by one at that moment: those of one kind, together.
    MoreGrants {
        /// The state, or `deleted`.
        state: Fate,
        /// How many.
        count: u64,
        /// The logins that they are for, if they confer groups.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        logins: Vec<Text>,
        /// The Unix groups that each of them confers on them here.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        groups: Vec<Text>,
        /// The earliest beginning, of those that have a window.
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<Time>,
        /// The latest end.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<Time>,
    },
    /// Something happened to a session.
    Session(Box<SessionEvent>),
    /// An entry cannot be used.
    SetAside {
        /// The source.
        source: Text,
        /// The entry.
        dn: Text,
        /// The attribute at fault, if it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        attribute: Option<Text>,
        /// What is wrong.
        reason: Text,
    },
    /// A Unix group that roles of grants name, or the configuration allows, is not conferred here.
    GroupRefused {
        /// Its name.
        group: Text,
        /// The roles that name it; the first 32.
        roles: Vec<Text>,
        /// Why, and what would do.
        reason: Text,
    },
    /// A person of a directory is not shown as an account here, or not as the directory has him.
    PersonRefused {
        /// The login.
        name: Text,
        /// Why, and what would do.
        reason: Text,
    },
    /// A file of the daemon's own cannot be written, can be again, or was damaged.
    Disk {
        /// The file.
        path: Text,
        /// How it is.
        state: DiskState,
        /// For people.
        text: Text,
    },
    /// Somebody asked the daemon, through its control socket, to do something.
    Control {
        /// Who, by the kernel's word.
        uid: u32,
        /// What.
        request: Text,
        /// Whether it was done.
        outcome: Outcome,
        /// For people.
        text: Text,
    },
    /// This file was opened: the chain begins, goes on, or goes on after a line that was torn.
    Audit {
        /// Which of these.
        chain: Chain,
        /// For people.
        text: Text,
    },
    /// Events could not be written and there was no room to keep them. They went to syslog, if it took them.
    Lost {
        /// How many.
        count: u64,
    },
}

/// The mode is another, or rests on another file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModeEvent {
    /// What it was.
    pub from: &'static str,
    /// What it is.
    pub to: &'static str,
    /// Until when it is unconfirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// What was done, or happened.
    pub change: ModeChange,
    /// Who did it, by the kernel's word; none if nobody did, or nobody told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Who logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The session in which it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Text>,
    /// Whose session that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// How the mode came to be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeChange {
    /// An enforcing file was written.
    Enforcing,
    /// The same, which is for good now.
    Confirmed,
    /// The enforcing file was removed.
    Permissive,
    /// It was not confirmed in time.
    FellBack,
    /// The clock went back to when it was not over yet.
    Clock,
}

impl ModeEvent {
    /// The line for syslog, and how urgent it is.
    fn for_syslog(&self) -> (Severity, String) {
        let ModeEvent { from, to, .. } = self;
        let by = match (self.uid, &self.name) {
            (Some(uid), Some(name)) => format!(", by uid {uid} in a session of {:?}", name.0),
            (Some(uid), None) => format!(", by uid {uid}"),
            (None, _) => String::new(),
        };
        let text = self.text.as_ref().map(|text| format!(": {}", text.0)).unwrap_or_default();
        let severity = match self.change {
            ModeChange::FellBack => Severity::Alert,
            ModeChange::Enforcing | ModeChange::Confirmed | ModeChange::Permissive | ModeChange::Clock => {
                Severity::Warning
            }
        };
        let confirmed = if self.change == ModeChange::Confirmed { " for good" } else { "" };
        (severity, format!("mode {to}{confirmed}, was {from}{by}{text}"))
    }
}

/// What became of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// [`State::Pending`]
    Pending,
    /// [`State::Scheduled`]
    Scheduled,
    /// [`State::Live`]
    Live,
    /// [`State::Expired`]
    Expired,
    /// [`State::Refused`]
    Refused,
    /// [`State::Revoked`]
    Revoked,
    /// It is gone.
    Deleted,
}

impl From<State> for Fate {
    fn from(state: State) -> Fate {
        match state {
            State::Pending => Fate::Pending,
            State::Scheduled => Fate::Scheduled,
            State::Live => Fate::Live,
            State::Expired => Fate::Expired,
            State::Refused => Fate::Refused,
            State::Revoked => Fate::Revoked,
        }
    }
}

/// Whether something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was.
    Done,
    /// It was not.
    Refused,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It cannot be used at the moment; its last good set stays in force.
    Trouble,
    /// There is word from it again.
    Recovered,
    /// There was no word from it for too long: its grants no longer count.
    Stale,
}

/// How the clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// Nothing is wrong any more.
    Agrees,
    /// See [`crate::clock::Concern::Ahead`].
    Ahead,
    /// See [`crate::clock::Concern::Behind`].
    Behind,
    /// See [`crate::clock::Concern::DirectoryAhead`].
    DirectoryAhead,
    /// Root says that the wall clock is right.
    Accepted,
}

/// How one of the daemon's files is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskState {
    /// It cannot be written.
    Failing,
    /// It can be written again.
    Recovered,
    /// It was damaged or foreign, and counts as none.
    SetAside,
    /// There was more to keep in it than it may hold, and something was forgotten early.
    Full,
}

/// How the chain of lines goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// There is no line before this one: `prev` is all zeros.
    New,
    /// `prev` belongs to the last line of this file.
    Continued,
    /// The same, but that line is torn or is not ours.
    Repaired,
    /// `prev` belongs to the last line of the file that was here before.
    Rotated,
}

impl Event {
    /// A source's state changed.
    pub fn source(source: &SourceName, state: Health, text: impl std::fmt::Display) -> Event {
        Event::Source { source: Text::from(source), state, text: Text::from(text) }
    }

    /// The clock's state changed.
    pub fn clock(concern: Option<crate::clock::Concern>) -> Event {
        use crate::clock::Concern;
        let (state, seconds) = match concern {
            None => (ClockState::Agrees, None),
            Some(Concern::Ahead(by)) => (ClockState::Ahead, Some(by.0)),
            Some(Concern::Behind(by)) => (ClockState::Behind, Some(by.0)),
            Some(Concern::DirectoryAhead(by)) => (ClockState::DirectoryAhead, Some(by.0)),
        };
        let text = concern.map_or_else(|| Text::from("the clock agrees again"), Text::from);
        Event::Clock { state, seconds, text }
    }

    /// A revocation was seen for the first time.
    pub fn revocation(source: &SourceName, grant: EntryUuid, revocation: &Revocation) -> Event {
        Event::Revocation {
            source: Text::from(source),
            uuid: Text::from(grant),
            dn: Text::from(&revocation.dn),
            by: revocation.by.as_ref().map(Text::from),
            at: revocation.at.map(Time),
            reason: revocation.reason.as_ref().map(Text::from),
        }
    }

    /// A grant is gone.
    pub fn deletion(source: &SourceName, grant: EntryUuid, was: Option<GrantRecord>) -> Event {
        Event::Deletion { source: Text::from(source), uuid: Text::from(grant), grant: was.map(Box::new) }
    }

    /// An entry cannot be used.
    pub fn set_aside(source: &SourceName, what: &SetAside) -> Event {
        Event::SetAside {
            source: Text::from(source),
            dn: Text::from(&what.dn),
            attribute: what.attribute.as_ref().map(Text::from),
            reason: Text::from(&what.reason),
        }
    }

    /// A group is not conferred.
    pub fn group_refused(refused: &RefusedGroup) -> Event {
        Event::GroupRefused {
            group: Text::from(&refused.group),
            roles: refused.roles.iter().take(MAX_ROLES).map(Text::from).collect(),
            reason: Text::from(&refused.why),
        }
    }

    /// A person is not shown.
    pub fn person_refused(login: &Login, reason: &str) -> Event {
        Event::PersonRefused { name: Text::from(login), reason: Text::from(reason) }
    }

    /// One of the daemon's files is in another state.
    pub fn disk(path: &Path, state: DiskState, text: impl std::fmt::Display) -> Event {
        Event::Disk { path: Text::from(path.display()), state, text: Text::from(text) }
    }
}

/// A DN, where one is known.
pub(super) fn dn(dn: Option<&Dn>) -> Option<Text> {
    dn.map(Text::from)
}

impl Event {
    /// The line for syslog, and how urgent it is. What somebody else chose stands in quotes, escaped.
    pub fn for_syslog(&self) -> (Severity, String) {
        match self {
            Event::Decision(decision) => decision.for_syslog(),
            Event::Start { version } => (Severity::Notice, format!("jitd {version} is ready")),
            Event::Stop { reason } => (Severity::Notice, format!("jitd ends: {}", reason.0)),
            Event::Mode(mode) => mode.for_syslog(),
            Event::Config { outcome: Outcome::Done, text } => {
                (Severity::Notice, format!("configuration read again: {}", text.0))
            }
            Event::Config { outcome: Outcome::Refused, text } => {
                (Severity::Error, format!("the new configuration is not used: {}", text.0))
            }
            Event::Source { source, state, text } => {
                let severity = if *state == Health::Recovered { Severity::Notice } else { Severity::Error };
                (severity, format!("source {}: {}", source.0, text.0))
            }
            Event::Signers { came, went, text } => {
                let (came, went) = (came.len(), went.len());
                (Severity::Warning, format!("signers: {} ({came} came, {went} went)", text.0))
            }
            Event::Clock { state, text, .. } => {
                let calm = matches!(state, ClockState::Agrees | ClockState::Accepted);
                (if calm { Severity::Notice } else { Severity::Warning }, text.0.clone())
            }
            Event::Revocation { dn, by, .. } => {
                let by = by.as_ref().map_or("somebody unknown", Text::as_str);
                (Severity::Notice, format!("revocation {:?} by {by:?}", dn.0))
            }
            Event::Deletion { uuid, grant, .. } => {
                let dn = grant.as_ref().map_or("", |grant| grant.dn.as_str());
                (Severity::Notice, format!("grant {dn:?} ({}) is gone", uuid.0))
            }
            Event::Grant { state, grant } => {
                let state = format!("{state:?}").to_ascii_lowercase();
                (Severity::Info, format!("grant {:?} is {state}", grant.dn.0))
            }
            Event::MoreGrants { state, count, .. } => {
                let state = format!("{state:?}").to_ascii_lowercase();
                (Severity::Info, format!("{count} more grants are {state}"))
            }
            Event::Session(session) => session.for_syslog(),
            Event::SetAside { dn, reason, .. } => {
                (Severity::Warning, format!("entry {:?} is not used: {:?}", dn.0, reason.0))
            }
            Event::GroupRefused { group, reason, .. } => {
                (Severity::Notice, format!("group {:?} is not conferred: {:?}", group.0, reason.0))
            }
            Event::PersonRefused { name, reason } => {
                (Severity::Warning, format!("person {:?}: {:?}", name.0, reason.0))
            }
            Event::Disk { state, text, .. } => {
                let severity = match state {
                    DiskState::Failing | DiskState::Full => Severity::Error,
                    DiskState::Recovered => Severity::Notice,
                    DiskState::SetAside => Severity::Alert,
                };
                (severity, text.0.clone())
            }
            Event::Control { uid, request, outcome, text } => {
                let done = if *outcome == Outcome::Done { "done" } else { "refused" };
                (Severity::Notice, format!("uid {uid} asked for {:?}, {done}: {}", request.0, text.0))
            }
            Event::Audit { text, .. } => (Severity::Notice, format!("audit: {}", text.0)),
            Event::Lost { count } => (Severity::Alert, format!("{count} events are not in the audit file")),
        }
    }
}
