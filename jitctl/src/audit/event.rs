//! What a line says, as docs/audit.md has it. Fields that this version does not know are passed over; a kind of event or a version of the
//! format that it does not know is an error, for the line may say what would change the answer.

use std::borrow::Cow;

use jit_control::audit::{Approver, Grant};
use jit_model::time::Timestamp;
use serde::Deserialize;

use super::lines::{End, Raw};
use crate::terminal::beginning;
use crate::when;

/// The version of the format that is understood.
pub const VERSION: u32 = 1;

/// The events of that version.
const EVENTS: [&str; 20] = [
    "decision",
    "session",
    "start",
    "stop",
    "mode",
    "config",
    "source",
    "signers",
    "clock",
    "revocation",
    "deletion",
    "grant",
    "more-grants",
    "group-refused",
    "person-refused",
    "set-aside",
    "disk",
    "control",
    "audit",
    "lost",
];

/// What is in every line.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// Version of the format.
    pub v: u32,
    /// The kernel's boot id.
    #[serde(borrow)]
    pub boot: Cow<'a, str>,
    /// Number of the line.
    pub seq: u64,
    /// SHA-256 of the line before.
    #[serde(borrow)]
    pub prev: Cow<'a, str>,
    /// When.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    /// The host's own name.
    #[serde(borrow)]
    pub host: Cow<'a, str>,
    /// What kind of event.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
}

/// Why a line is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It ends with the file.
    #[error("torn: the file ends within it")]
    Torn,
    /// It is longer than any of jitd's.
    #[error("not jitd's: longer than 1 MiB")]
    Endless,
    /// It is no text.
    #[error("not jitd's: not UTF-8")]
    NotText,
    /// A collector put something before it.
    #[error(
        "something stands before the `{{`: have the collector write jitd's lines alone, or cut it off (sed 's/^[^{{]*//')"
    )]
    Prefixed,
    /// It is no line of ours.
    #[error("torn, or not jitd's: {0}")]
    Foreign(String),
    /// It is newer than this program.
    #[error(
        "version {0} of the format, which this jitctl does not know: read it with the jitctl of the host's own version"
    )]
    Version(u32),
    /// It is newer than this program.
    #[error(
        "event `{0}`, which this jitctl does not know: read it with the jitctl of the host's own version"
    )]
    Event(String),
    /// One of its fields is not what it should be.
    #[error("event `{0}` is not as docs/audit.md has it: {1}")]
    Fields(String, String),
}

/// Reads what is in every line.
///
/// # Errors
/// When it is no whole line of jitd's.
pub fn head<'a>(raw: &Raw<'a>) -> Result<Head<'a>, Trouble> {
    match raw.end {
        End::Whole => {}
        End::Torn => return Err(Trouble::Torn),
        End::Endless => return Err(Trouble::Endless),
    }
    serde_json::from_slice(raw.bytes).map_err(|error| {
        if std::str::from_utf8(raw.bytes).is_err() {
            return Trouble::NotText;
        }
        let begin = raw.bytes.iter().position(|byte| *byte == b'{');
        let ours = |from: usize| {
            raw.bytes.get(from..).is_some_and(|rest| serde_json::from_slice::<Head<'_>>(rest).is_ok())
        };
        match begin {
            Some(from) if from > 0 && ours(from) => Trouble::Prefixed,
            _ => Trouble::Foreign(in_short(&error)),
        }
    })
}

/// What a parser says may repeat what it found, and that may be as long as a line.
fn in_short(error: &serde_json::Error) -> String {
    beginning(&error.to_string(), 200)
}

/// Whether the line is of a version and a kind that are understood.
///
/// # Errors
/// When it is newer.
pub fn known(head: &Head<'_>) -> Result<(), Trouble> {
    if head.v != VERSION {
        return Err(Trouble::Version(head.v));
    }
    match EVENTS.contains(&head.event.as_ref()) {
        true => Ok(()),
        false => Err(Trouble::Event(head.event.chars().take(64).collect())),
    }
}

/// Reads the fields of an event.
///
/// # Errors
/// When they are not as documented.
pub fn body<'a, T: Deserialize<'a>>(raw: &Raw<'a>, head: &Head<'_>) -> Result<T, Trouble> {
    serde_json::from_slice(raw.bytes)
        .map_err(|error| Trouble::Fields(head.event.clone().into_owned(), in_short(&error)))
}

/// A time of a line, in Unix seconds.
///
/// # Errors
/// When it is none.
pub fn time(head: &Head<'_>) -> Result<i64, Trouble> {
    at(&head.time)
        .ok_or_else(|| Trouble::Fields(head.event.clone().into_owned(), "`time` is no time".to_owned()))
}

fn at(text: &str) -> Option<i64> {
    when::rfc3339(text).map(|Timestamp(at)| at)
}

/// `decision`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/audit.md says what each field means")]
pub struct Decision<'a> {
    #[serde(borrow)]
    pub service: Cow<'a, str>,
    #[serde(borrow)]
    pub phase: Cow<'a, str>,
    pub uid: Option<u32>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub dn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub rhost: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub verdict: Cow<'a, str>,
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    #[serde(borrow)]
    pub refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    #[serde(borrow)]
    pub until: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub nearest: Option<Cow<'a, str>>,
    #[serde(default)]
    pub grants: Vec<GrantRecord>,
}

/// `session`
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/audit.md says what each field means")]
pub struct Session<'a> {
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub service: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    pub uid: u32,
    #[serde(borrow)]
    pub target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub rhost: Option<Cow<'a, str>>,
    pub audit_session: Option<u32>,
    #[serde(default)]
    pub grants: Vec<String>,
    #[serde(borrow)]
    pub until: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub standing: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub code: Option<Cow<'a, str>>,
    pub by: Option<u32>,
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    #[serde(default)]
    pub told: Vec<String>,
}

/// `grant`, `deletion`
#[derive(Debug, Deserialize)]
pub struct Granted {
    /// What it says.
    pub grant: Option<GrantRecord>,
}

/// `lost`
#[derive(Debug, Deserialize)]
pub struct Lost {
    /// How many.
    pub count: u64,
}

/// `audit`
#[derive(Debug, Deserialize)]
pub struct Opened<'a> {
    /// `new`, `continued`, `rotated`, `repaired`.
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
}

/// A grant, in a decision and in its own events.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/audit.md says what each field means")]
pub struct GrantRecord {
    pub id: String,
    pub dn: Option<String>,
    pub uuid: Option<String>,
    pub source: Option<String>,
    pub subject: Option<String>,
    pub role: Option<String>,
    pub start: Option<String>,
    pub end: Option<String>,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    pub creator: Option<String>,
    #[serde(default)]
    pub approvers: Vec<ApproverRecord>,
    #[serde(default)]
    pub more_approvers: u64,
}

/// Who approved.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/audit.md says what each field means")]
pub struct ApproverRecord {
    pub dn: String,
    pub at: Option<String>,
    #[serde(default)]
    pub proof: String,
    pub key: Option<String>,
}

impl From<GrantRecord> for Grant {
    fn from(grant: GrantRecord) -> Grant {
        let seconds = |text: Option<String>| text.as_deref().and_then(at);
        let approver = |approver: ApproverRecord| Approver {
            at: seconds(approver.at),
            dn: approver.dn,
            proof: approver.proof,
            key: approver.key,
        };
        Grant {
            id: grant.id,
            dn: grant.dn,
            uuid: grant.uuid,
            source: grant.source,
            subject: grant.subject,
            role: grant.role,
            start: seconds(grant.start),
            end: seconds(grant.end),
            reason: grant.reason,
            ticket: grant.ticket,
            creator: grant.creator,
            approvers: grant.approvers.into_iter().map(approver).collect(),
            more_approvers: grant.more_approvers,
        }
    }
}

/// A time in a field.
pub fn seconds(text: Option<&str>) -> Option<i64> {
    text.and_then(at)
}
