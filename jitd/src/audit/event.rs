//! What can happen, typed: each event is one JSON object with the fields of its kind. docs/audit.md describes every field;
//! fields are added, never renamed or given another meaning (`v` would rise).

use std::path::Path;

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, Revocation};
use jit_model::name::SourceName;
use jit_model::source::SetAside;
use jit_model::text::rfc3339;
use jit_model::time::Timestamp;
use serde::{Serialize, Serializer};

use super::decision::Decision;
use crate::mode::Mode;
use crate::syslog::Severity;

/// The longest text, in bytes before escaping; the rest is cut and `...` says so.
const MAX_TEXT: usize = 512;
/// The most approvers of a grant in one line.
pub(super) const MAX_APPROVERS: usize = 32;

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
    /// The mode is another.
    Mode {
        /// What it was.
        from: &'static str,
        /// What it is.
        to: &'static str,
        /// Until when it is unconfirmed.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
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
        state: jit_model::state::State,
        /// What it says.
        grant: Box<GrantRecord>,
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

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// It began.
    Opened,
    /// It was there when the daemon came, and nobody had told of it.
    Found,
    /// Its deadline is another: a grant was added, extended, shortened.
    Moved,
    /// Its people were warned, or could not be.
    Warned,
    /// It has no deadline any more.
    Lifted,
    /// Enforcing, it would be ended now, or at `until` if the host just went permissive.
    WouldEnd,
    /// It is being ended.
    Ending,
    /// It was ended, and nothing of it is left.
    Ended,
    /// It cannot be ended at the moment; tried again until it is.
    Stuck,
    /// Its person left, and nothing of it remains.
    Closed,
}

/// Something that happened to a session, or (`id` absent) to everything of a person whose last grant is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionEvent {
    /// What happened.
    pub state: SessionState,
    /// The session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Text>,
    /// Whose.
    pub name: Text,
    /// His uid.
    pub uid: u32,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rhost: Option<Text>,
    /// Whom he became, for su and sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
    /// The leader's process number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The kernel's number of this login (/proc/PID/sessionid), under which auditd knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_session: Option<u32>,
    /// The ids of the grants it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Text>,
    /// When it ends, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Why it has no deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<&'static str>,
    /// A stable word for why it ends: the codes of a denial, `ordered` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Who ordered the end, by the kernel's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<u32>,
    /// For people.
    pub text: Text,
    /// The terminals that were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Text>,
    /// How many processes were ended in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<usize>,
    /// The names of those that did not end when asked and were killed; the first 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub killed: Vec<Text>,
}

/// A grant, with everything that must be known of it in ten years.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantRecord {
    /// Its cn.
    pub id: Text,
    /// Its DN.
    pub dn: Text,
    /// Its entryUUID.
    pub uuid: Text,
    /// The source.
    pub source: Text,
    /// The subject's DN: a person's or a group's.
    pub subject: Text,
    /// The role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Text>,
    /// Its start, if it has a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Time>,
    /// Its end, if it has a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Time>,
    /// The reason given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The ticket given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Text>,
    /// Who wrote the grant, by the directory's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<Text>,
    /// Who approved, when; the first 32.
    pub approvers: Vec<ApproverRecord>,
    /// How many more approved.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_approvers: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Who approved, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApproverRecord {
    /// The approver's DN.
    pub dn: Text,
    /// By the directory's clock.
    pub at: Time,
}

impl From<&AssessedGrant> for GrantRecord {
    fn from(assessed: &AssessedGrant) -> GrantRecord {
        let grant = &assessed.grant;
        let (window, approved) = match &assessed.assessed {
            Assessed::Granted { window, approved } => (Some(*window), approved.as_slice()),
            Assessed::Pending { approved, .. } => (None, approved.as_slice()),
            Assessed::Refused(_) | Assessed::Revoked(_) => (None, &[][..]),
        };
        GrantRecord {
            id: Text::from(&grant.id),
            dn: Text::from(&grant.dn),
            uuid: Text::from(grant.uuid),
            source: Text::from(&assessed.source),
            subject: Text::from(&grant.subject),
            role: assessed.role.as_ref().map(|role| Text::from(&role.name)),
            start: window.map(|window| Time(window.start())),
            end: window.map(|window| Time(window.end())),
            reason: grant.reason.as_ref().map(Text::from),
            ticket: grant.ticket.as_ref().map(Text::from),
            creator: grant.provenance.creator.as_ref().map(Text::from),
            approvers: approved
                .iter()
                .take(MAX_APPROVERS)
                .map(|approver| ApproverRecord { dn: Text::from(&approver.dn), at: Time(approver.at) })
                .collect(),
            more_approvers: approved.len().saturating_sub(MAX_APPROVERS),
        }
    }
}

impl Event {
    /// The mode was changed.
    pub fn mode(from: Mode, to: Mode, until: Option<Timestamp>) -> Event {
        Event::Mode { from: from.as_str(), to: to.as_str(), until: until.map(Time) }
    }

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
    pub fn deletion(source: &SourceName, grant: EntryUuid, was: Option<&AssessedGrant>) -> Event {
        let grant_record = was.map(|was| Box::new(GrantRecord::from(was)));
        Event::Deletion { source: Text::from(source), uuid: Text::from(grant), grant: grant_record }
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
            Event::Mode { from, to, .. } => (Severity::Warning, format!("mode {to}, was {from}")),
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
            Event::Session(session) => session.for_syslog(),
            Event::SetAside { dn, reason, .. } => {
                (Severity::Warning, format!("entry {:?} is not used: {:?}", dn.0, reason.0))
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

impl SessionEvent {
    fn for_syslog(&self) -> (Severity, String) {
        let severity = match self.state {
            SessionState::Opened | SessionState::Closed | SessionState::Moved => Severity::Info,
            SessionState::Warned | SessionState::Lifted | SessionState::Ending | SessionState::Ended => {
                Severity::Notice
            }
            SessionState::Found | SessionState::WouldEnd => Severity::Warning,
            SessionState::Stuck => Severity::Alert,
        };
        let what = match (&self.id, &self.service) {
            (Some(id), Some(service)) => format!("session {} ({:?})", id.0, service.0),
            (None, Some(service)) => format!("session ({:?})", service.0),
            (_, None) => "everything".to_owned(),
        };
        (severity, format!("{what} of {:?}: {}", self.name.0, self.text.0))
    }
}
