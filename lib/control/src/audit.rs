//! What `jitctl audit` says, for programs. Times are Unix seconds by UTC. Everything here was read from files that others wrote: it is
//! handed on as it stands there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod word;

pub use word::Word;

/// To `audit verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Lines that were looked at.
    pub lines: u64,
    /// Lines that stand there again, word for word: collected, or given, twice.
    pub again: u64,
    /// What was looked at, and how.
    pub checked: Vec<Checked>,
    /// What is wrong, in the order of the files; the first 1,000.
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more_faults: u64,
    /// What is worth knowing and no fault, a sentence each.
    pub remarks: Vec<String>,
}

/// Files that belong together, oldest first, and how they were checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The files.
    pub files: Vec<String>,
    /// `chain`: each line follows from the one before. `numbers`: collected lines, of which only the numbers, and each line that follows
    /// directly upon another, could be checked.
    pub how: String,
    /// The hosts whose lines they are.
    pub hosts: Vec<String>,
    /// Lines in them.
    pub lines: u64,
    /// The smallest and the greatest number, of each host.
    pub numbers: Vec<(u64, u64)>,
}

/// Something that is wrong with an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `changed`, `removed`, `inserted`, `out-of-order`, `anew` (the chain begins again), `torn` (or not jitd's), `mixed` (lines of several hosts
    /// without a chain: collected ones), `missing` (numbers that no line has), `conflict` (two lines with one number), `lost` (jitd says so itself) or `file` (it cannot be read).
    pub kind: String,
    /// The file.
    pub file: Option<String>,
    /// The line in it at which it shows, from 1.
    pub line: Option<u64>,
    /// Whose line.
    pub host: Option<String>,
    /// In which boot.
    pub boot: Option<String>,
    /// Its number; of several that are missing, the first.
    pub seq: Option<u64>,
    /// Of several that are missing, the last.
    pub to: Option<u64>,
    /// For people.
    pub text: String,
}

/// A line, or a whole file, that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The file.
    pub file: String,
    /// The line, from 1; none where it is the whole file.
    pub line: Option<u64>,
    /// Why, and what would do.
    pub text: String,
}

/// Lines that should be there and are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// `numbers` (no line has them), `start` (a boot of which the beginning is not there), `conflict` (two different lines have this
    /// number) or `lost` (jitd had no room for so many events).
    pub kind: String,
    /// Whose.
    pub host: String,
    /// In which boot; of numbers that are missing between two boots, the later one.
    pub boot: String,
    /// The first number.
    pub from: u64,
    /// The last number.
    pub to: u64,
    /// When the line before was written, if there is one.
    pub after: Option<i64>,
    /// When the line behind was written, if there is one.
    pub before: Option<i64>,
    /// For people.
    pub text: String,
}

/// To `audit report`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Since when.
    pub from: Option<i64>,
    /// Until when.
    pub to: Option<i64>,
    /// Lines that were read.
    pub lines: u64,
    /// Who was in, and who was refused, in the order of time.
    pub sessions: Vec<Session>,
    /// Decisions about services that are not guarded: left out above.
    pub unguarded: u64,
    /// What is missing of the hosts asked for, in the time asked for.
    pub missing: Vec<Missing>,
    /// What could not be read; the first 1,000.
    pub unread: Vec<Unread>,
    /// How many more lines could not be read.
    pub more_unread: u64,
}

/// One session, or one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The host's full name.
    pub host: Word,
    /// The kernel's boot id.
    pub boot: Word,
    /// `session` (jitd knew it and saw its end), `passed` (let in by a service of which jitd is told no sessions, or nothing is known of
    /// one) or `refused`.
    pub kind: Word,
    /// The session's id, as `jitctl sessions` showed it.
    pub id: Option<Word>,
    /// Login: who logged in, or who called su or sudo.
    pub user: Word,
    /// His uid.
    pub uid: Option<u32>,
    /// His entry, where a grant told it.
    pub dn: Option<Word>,
    /// PAM service.
    pub service: Word,
    /// Whom he became, as far as the service told PAM.
    pub target: Option<Word>,
    /// PAM_RHOST: an address, or a name that the peer's own DNS gave.
    pub from: Option<Word>,
    /// PAM_TTY.
    pub tty: Option<Word>,
    /// Fingerprint of the ssh key.
    pub key: Option<Word>,
    /// The kernel's number of the login (`ausearch --session N`).
    pub audit_session: Option<u32>,
    /// The id of the login session that it happened in, for su and sudo.
    pub within: Option<Word>,
    /// `allow`, `deny`, `would-deny`, `exempt`, `break-glass`; `found` for a session of whose beginning jitd was not told.
    pub verdict: Word,
    /// Why, in one stable word (docs/audit.md).
    pub code: Word,
    /// Where `code` is `refused`: what is wrong with the nearest grant.
    pub refusal: Option<Word>,
    /// Why, for people.
    pub why: Word,
    /// When it began, or was refused; of one that was found, when that was.
    pub begin: i64,
    /// When it was over.
    pub end: Option<i64>,
    /// `closed` (left by himself), `ended` (by jitd), `ending`, `stuck`, `open`, `unknown`; `refused` and `passed` as in `kind`.
    pub state: Word,
    /// Why it was ended, in one stable word.
    pub end_code: Option<Word>,
    /// The uid of who ordered the end.
    pub ended_by: Option<u32>,
    /// What else is to be said of its end; where `state` is `unknown`, why.
    pub end_text: Option<Word>,
    /// The last deadline that was told.
    pub until: Option<i64>,
    /// Why it had none.
    pub standing: Option<Word>,
    /// It would have been ended, had this host enforced.
    pub would_end: Option<i64>,
    /// What it rested on.
    #[serde(with = "word::shared")]
    pub grants: Vec<Arc<Grant>>,
    /// The numbers of the first and the last line that tell of it.
    pub lines: (u64, u64),
}

/// A grant, as it was when it counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Its entry.
    pub dn: Option<String>,
    /// Its entryUUID.
    pub uuid: Option<String>,
    /// The source.
    pub source: Option<String>,
    /// The DN that it was given to.
    pub subject: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// Its beginning.
    pub start: Option<i64>,
    /// Its end.
    pub end: Option<i64>,
    /// The reason given.
    pub reason: Option<String>,
    /// The ticket given.
    pub ticket: Option<String>,
    /// Who wrote it, by the directory's word.
    pub creator: Option<String>,
    /// Who approved.
    pub approvers: Vec<Approver>,
    /// How many more approved.
    pub more_approvers: u64,
}

/// Who approved, and what says that it was he.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// His DN.
    pub dn: String,
    /// When.
    pub at: Option<i64>,
    /// `creators-name`, `signature` or `source`.
    pub proof: String,
    /// The key that signed.
    pub key: Option<String>,
}

/// To `audit replay`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Since when.
    pub since: i64,
    /// Lines that were read.
    pub lines: u64,
    /// Per host, person and service, the most frequent first.
    pub refused: Vec<Refused>,
    /// Who looks like automation, and why.
    pub automation: Vec<Automation>,
    /// `[[exempt]]` blocks for jitd.toml, each with its evidence in a comment.
    pub exempt: String,
    /// What cannot be known from these files, a sentence each.
    pub unknown: Vec<String>,
    /// What could not be read; the first 1,000.
    pub unread: Vec<Unread>,
    /// How many more lines could not be read.
    pub more_unread: u64,
}

/// What enforcing would have refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The host.
    pub host: String,
    /// Login.
    pub user: String,
    /// His uid, if he had one.
    pub uid: Option<u32>,
    /// PAM service.
    pub service: String,
    /// How often he would have been refused.
    pub count: u64,
    /// The first time.
    pub first: i64,
    /// The last time.
    pub last: i64,
    /// Why, the last time: one stable word.
    pub code: String,
    /// Where `code` is `refused`: what is wrong with the nearest grant.
    pub refusal: Option<String>,
    /// Why, the last time, for people.
    pub why: String,
    /// The grant that nearly allowed it, the last time.
    pub nearest: Option<String>,
    /// From where, the most frequent first; the first 16.
    pub from: Vec<String>,
    /// How many more places.
    pub more_from: u64,
    /// How many of his sessions would have been ended while they went on.
    pub would_end: u64,
}

/// Somebody who looks like a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automation {
    /// The host.
    pub host: String,
    /// Login.
    pub user: String,
    /// What speaks for it, a sentence each.
    pub evidence: Vec<String>,
    /// The services that the proposed exemptions are for.
    pub services: Vec<String>,
    /// From where, for sshd.
    pub from: Vec<String>,
    /// What they leave out, and why, a sentence each.
    pub left_out: Vec<String>,
}
