//! What an approver signs: six lines of text that he can read, or seven.
//!
//! ```text
//! jit-approval-1
//! grant 6ba7b810-9dad-11d1-80b4-00c04fd430c8
//! digest 0f…
//! approver uid=bob,ou=people,dc=example,dc=com
//! for 3600
//! signed-at 20261123041500Z
//! not-after 20261123081500Z
//! ```
//!
//! `for` is there only where he lets the grant live for less than it asks: so many seconds. `grant` is the entryUUID: a grant that is
//! deleted and added again is another one, whatever it says. The times are GeneralizedTime in UTC, the approver is a DN in its normal
//! form. The attribute jitSignature holds these bytes and then the armoured signature over them. There is one way to write a statement
//! and one way to write the armour, and anything else is malformed.

use jit_model::digest::unhex;
use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, GrantDigest};
use jit_model::time::{Between, Span, Timestamp};

use crate::armor;

/// No value of jitSignature is longer, in bytes: entries over 16 KiB are refused anyway.
pub const MOST: usize = 16 << 10;

/// The first line: what this is, and in which version.
const FIRST: &str = "jit-approval-1";

/// What an approver signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The grant's identity.
    pub grant: EntryUuid,
    /// Its words, as he saw them.
    pub digest: GrantDigest,
    /// He.
    pub approver: Dn,
    /// Only for this long.
    pub duration: Option<Span>,
    /// When: a duration counts from here.
    pub at: Timestamp,
    /// Until when at the latest, whatever the directory says.
    pub latest_end: Timestamp,
}

/// Why a text is no statement, or a value no statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is longer than [`MOST`] bytes.
    #[error("it is longer than {MOST} bytes")]
    TooLong,
    /// It is not text.
    #[error("it is not UTF-8")]
    NotText,
    /// It does not begin as a statement does.
    #[error("it does not begin with the line `{FIRST}`: it is no statement, or one for a newer jitd")]
    OtherVersion,
    /// A line is missing or says nothing.
    #[error("its line `{0}` is missing, or not written as it must be")]
    Line(&'static str),
    /// Something stands behind the statement.
    #[error("there is something between its line `not-after` and the signature")]
    Trailing,
    /// There is no signature behind it.
    #[error("there is no signature behind the statement")]
    NoSignature,
    /// The armour cannot be read.
    #[error("its armour is not as ssh-keygen writes it (PROTOCOL.sshsig §1)")]
    Armor,
}

impl Statement {
    /// The bytes that are signed.
    pub fn text(&self) -> String {
        let (at, end) = (self.at.to_generalized(), self.latest_end.to_generalized());
        let only = self.duration.map(|Span(seconds)| format!("for {seconds}\n")).unwrap_or_default();
        format!(
            "{FIRST}\ngrant {}\ndigest {}\napprover {}\n{only}signed-at {at}\nnot-after {end}\n",
            self.grant, self.digest, self.approver
        )
    }

    /// Reads what [`Statement::text`] writes, and nothing else.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Statement, StatementError> {
        if text.len() > MOST {
            return Err(StatementError::TooLong);
        }
        let mut lines = Lines { rest: text };
        if lines.rest.split_once('\n').map(|(first, _)| first) != Some(FIRST) {
            return Err(StatementError::OtherVersion);
        }
        lines.next();
        let statement = Statement {
            grant: lines.read("grant", uuid)?,
            digest: lines.read("digest", digest)?,
            approver: lines.read("approver", name)?,
            duration: match lines.rest.starts_with("for ") {
                true => Some(lines.read("for", span)?),
                false => None,
            },
            at: lines.read("signed-at", time)?,
            latest_end: lines.read("not-after", time)?,
        };
        if !lines.rest.is_empty() {
            return Err(StatementError::Trailing);
        }
        Ok(statement)
    }
}

/// The value of jitSignature: the statement and the armoured signature over it, as `ssh-keygen -Y sign` or another signer wrote it.
///
/// # Errors
/// When the armour cannot be read, or the value would be too long.
pub fn attribute(statement: &Statement, armored: &str) -> Result<Vec<u8>, StatementError> {
    if armored.len() > MOST {
        return Err(StatementError::TooLong);
    }
    let blob = armor::decode(armored).ok_or(StatementError::Armor)?;
    let value = (statement.text() + &armor::encode(&blob)).into_bytes();
    if value.len() > MOST { Err(StatementError::TooLong) } else { Ok(value) }
}

/// The statement of a value of jitSignature and its armoured signature. Says nothing about whether the one fits the other.
///
/// # Errors
/// When the value is anything but what [`attribute`] makes.
pub fn split(value: &[u8]) -> Result<(Statement, &str), StatementError> {
    if value.len() > MOST {
        return Err(StatementError::TooLong);
    }
    let value = std::str::from_utf8(value).map_err(|_| StatementError::NotText)?;
    let Some((text, armored)) = value.find(armor::BEGIN).and_then(|at| value.split_at_checked(at)) else {
        // Say what is wrong with the statement first, if it is that.
        return Err(Statement::parse(value).err().unwrap_or(StatementError::NoSignature));
    };
    let statement = Statement::parse(text)?;
    if armor::decode(armored).is_none_or(|blob| armor::encode(&blob) != armored) {
        return Err(StatementError::Armor);
    }
    Ok((statement, armored))
}

/// What is left of a text, line by line.
struct Lines<'a> {
    rest: &'a str,
}

impl<'a> Lines<'a> {
    /// The next line, if it has an end.
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        Some(line)
    }

    /// The value of the next line, which must have this name.
    fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StatementError> {
        let value = self.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(read).ok_or(StatementError::Line(name))
    }
}

/// A DN, if it is in its normal form.
fn name(text: &str) -> Option<Dn> {
    Dn::parse(text).ok().filter(|dn| dn.as_str() == text)
}

fn uuid(text: &str) -> Option<EntryUuid> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let uuid = EntryUuid(unhex(&digits)?);
    (uuid.to_string() == text).then_some(uuid)
}

/// A digest, if it is written as we write it.
fn digest(text: &str) -> Option<GrantDigest> {
    let digest: GrantDigest = text.parse().ok()?;
    (digest.to_string() == text).then_some(digest)
}

/// Seconds, at least one, if they are written as we write them.
fn span(text: &str) -> Option<Span> {
    let seconds: u64 = text.parse().ok()?;
    (seconds > 0 && seconds.to_string() == text).then_some(Span(seconds))
}

/// A time, if it is written as we write it.
fn time(text: &str) -> Option<Timestamp> {
    let time = Timestamp::from_generalized(text, Between::Down).ok()?;
    (time.to_generalized() == text).then_some(time)
}
