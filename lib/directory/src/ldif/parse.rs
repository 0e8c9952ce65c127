//! LDIF content records (RFC 2849), read strictly and in one pass, without recursion: text in, records with line numbers
//! out. It understands the content form only: a change record, a URL or a control is an error that says what to do instead.
//! More liberal than the RFC in three things: the `version` line may be missing, UTF-8 may stand unencoded, and a comment may
//! stand anywhere between lines. Stricter in two: a value must not end with a space that nobody sees, and the last line must
//! be ended, for a file that was cut short mostly is not.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jit_model::dn::{Dn, DnError};

use crate::decode::syntax::shown;

/// One record: an entry as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line that its `dn:` stands on, counted from 1.
    pub line: usize,
    /// Its name.
    pub dn: Dn,
    /// Attribute names in lower case and without options; values in the order of the file.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
    /// Which bytes of the text it fills, its last line's end included.
    pub bytes: Range<usize>,
}

/// Why a text is no LDIF file that we take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1; 0 if it is the file as a whole.
    pub line: usize,
    /// The entry that the line belongs to, as far as it is known.
    pub dn: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}", self.line)?;
            if let Some(dn) = &self.dn {
                write!(f, " ({dn})")?;
            }
            f.write_str(": ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for Fault {}

/// What can be wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More than [`super::MOST_BYTES`].
    #[error("the file has more than {} MiB; remove entries that ended long ago", super::MOST_BYTES >> 20)]
    TooLarge,
    /// A byte order mark.
    #[error("the file begins with a byte order mark; save it as plain UTF-8")]
    ByteOrderMark,
    /// The last line has no end.
    #[error("the last line is not ended, so the file may have been cut short; end it with a newline")]
    CutShort,
    /// Not UTF-8.
    #[error("the line is not UTF-8; write the value in base64 after `::`")]
    NotUtf8,
    /// A NUL, a lone carriage return, an escape …
    #[error(
        "the line holds a control character (byte {0:#04x}); remove it, or write the value in base64 after `::`"
    )]
    ControlCharacter(u8),
    /// A line that continues nothing.
    #[error("the line begins with a space, but there is no line before it to continue; remove the space")]
    ContinuesNothing,
    /// No colon.
    #[error(
        "`{0}` is no `name: value`; a line that continues the one before begins with a space, a comment with #"
    )]
    NoColon(String),
    /// Not an attribute description (RFC 4512 §2.5).
    #[error("`{0}` is no attribute name; use letters, digits and -")]
    Name(String),
    /// `version` other than 1, or not at the beginning.
    #[error("write `version: 1` as the first line, or leave it out")]
    Version,
    /// A record that does not begin with `dn:`.
    #[error("an entry begins with `dn:`, not with `{0}:`; is there an empty line too many, or a dn missing?")]
    NoDn(String),
    /// A second `dn:` in one record.
    #[error("a second `dn:` in the same entry; put an empty line before it")]
    SecondDn,
    /// Not an RFC 4514 name.
    #[error("{0}")]
    Dn(#[from] DnError),
    /// A name without attributes.
    #[error("the entry has no attributes; add at least its objectClass, without an empty line after `dn:`")]
    Empty,
    /// `changetype`, `control` or a line with `-`.
    #[error(
        "`{0}` belongs to a change record; write the entry as it shall be (to take a grant away, delete it or add a jitRevocation)"
    )]
    Change(String),
    /// `attr:< URL`.
    #[error("values from a URL (`:<`) are not read; write the value itself, in base64 after `::` if need be")]
    Url,
    /// Not base64 as RFC 4648 §4 has it.
    #[error(
        "the value of `{0}` is no base64; encode it anew (base64 -w0), or write it plainly after one colon"
    )]
    Base64(String),
    /// `attr: value `
    #[error("the value ends with a space; remove it, or write the value in base64 after `::`")]
    TrailingSpace,
    /// See [`super::gather`].
    #[error("the same DN stands on line {0} already; keep one of the two")]
    SameDn(usize),
    /// See [`super::gather`].
    #[error(
        "the entry on line {0} has the same entryUUID; remove one of the two lines (a UUID is made from the DN then)"
    )]
    SameUuid(usize),
    /// See [`super::gather`].
    #[error("entryUUID {0}; or leave it out, and one is made from the DN")]
    Uuid(String),
    /// See [`super::gather`].
    #[error(
        "the container {0} is missing, so this may be the wrong file or half of one; add it: dn: {0} / objectClass: organizationalUnit"
    )]
    NoContainer(Dn),
}

/// A logical line: its number, and its text with continuations joined.
struct Line<'a> {
    number: usize,
    text: std::borrow::Cow<'a, str>,
    bytes: Range<usize>,
}

/// Reads a whole text.
///
/// # Errors
/// The first fault, with its line.
pub fn parse(text: &[u8]) -> Result<Vec<Record>, Fault> {
    let whole = |problem| Fault { line: 0, dn: None, problem };
    if text.len() > super::MOST_BYTES {
        return Err(whole(Problem::TooLarge));
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(whole(Problem::ByteOrderMark));
    }
    let mut reader = Reader::default();
    let mut pending: Option<Line<'_>> = None;
    let (mut at, mut number) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        number += 1;
        let Some(length) = rest.iter().position(|b| *b == b'\n') else {
            return Err(reader.fault(number, Problem::CutShort));
        };
        let bytes = at..at.saturating_add(length).saturating_add(1);
        at = bytes.end;
        let raw = rest.get(..length).unwrap_or_default();
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if let Some(control) = raw.iter().find(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
            return Err(reader.fault(number, Problem::ControlCharacter(*control)));
        }
        // Bytes beyond ASCII may be split over two physical lines only by writers that base64 them anyway.
        let physical = std::str::from_utf8(raw).map_err(|_| reader.fault(number, Problem::NotUtf8))?;
        if let Some(more) = physical.strip_prefix(' ') {
            let Some(line) = pending.as_mut() else {
                return Err(reader.fault(number, Problem::ContinuesNothing));
            };
            line.text.to_mut().push_str(more);
            line.bytes.end = bytes.end;
            continue;
        }
        if let Some(line) = pending.take() {
            reader.line(&line)?;
        }
        if physical.is_empty() {
            reader.end_record()?;
        } else {
            pending = Some(Line { number, text: physical.into(), bytes });
        }
    }
    if let Some(line) = pending.take() {
        reader.line(&line)?;
    }
    reader.end_record()?;
    Ok(reader.records)
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    records: Vec<Record>,
    current: Option<Record>,
    /// Whether anything but comments and empty lines has been seen.
    begun: bool,
}

impl Reader {
    fn fault(&self, line: usize, problem: Problem) -> Fault {
        Fault { line, dn: self.current.as_ref().map(|record| record.dn.to_string()), problem }
    }

    fn end_record(&mut self) -> Result<(), Fault> {
        if let Some(record) = self.current.take() {
            if record.attributes.is_empty() {
                let dn = Some(record.dn.to_string());
                return Err(Fault { line: record.line, dn, problem: Problem::Empty });
            }
            self.records.push(record);
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let text = line.text.as_ref();
        if text.starts_with('#') {
            return Ok(());
        }
        let fault = |reader: &Reader, problem| Err(reader.fault(line.number, problem));
        if text == "-" {
            return fault(self, Problem::Change("-".to_owned()));
        }
        let Some((description, value)) = text.split_once(':') else {
            return fault(self, Problem::NoColon(shown(text.as_bytes())));
        };
        let Some(name) = attribute_name(description) else {
            return fault(self, Problem::Name(shown(description.as_bytes())));
        };
        let value = match decode_value(&name, value) {
            Ok(value) => value,
            Err(problem) => return fault(self, problem),
        };
        let first = !std::mem::replace(&mut self.begun, true);
        if name == "version" && self.current.is_none() {
            return if first && value == b"1" { Ok(()) } else { fault(self, Problem::Version) };
        }
        match (name.as_str(), &mut self.current) {
            ("changetype" | "control", _) => fault(self, Problem::Change(name)),
            ("dn", Some(_)) => fault(self, Problem::SecondDn),
            ("dn", None) => {
                match std::str::from_utf8(&value).ok().map(Dn::parse) {
                    Some(Ok(dn)) => {
                        self.current = Some(Record {
                            line: line.number,
                            dn,
                            attributes: BTreeMap::new(),
                            bytes: line.bytes.clone(),
                        });
                        Ok(())
                    }
                    // Quoted with its control characters made visible, for base64 can hide some.
                    Some(Err(_)) | None => fault(self, Problem::Dn(DnError(shown(&value)))),
                }
            }
            (_, None) => fault(self, Problem::NoDn(name)),
            (_, Some(record)) => {
                record.bytes.end = line.bytes.end;
                record.attributes.entry(name).or_default().push(value);
                Ok(())
            }
        }
    }
}

/// The attribute type of a description, in lower case; its options are dropped, as a search for the type would
/// (RFC 4512 §2.5.2). `None` if it is no description.
fn attribute_name(description: &str) -> Option<String> {
    let mut parts = description.split(';');
    let name = parts.next()?;
    let key = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(key);
    let oid = name.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    let options = parts.all(|option| !option.is_empty() && option.chars().all(key));
    ((word || oid) && options).then(|| name.to_ascii_lowercase())
}

/// The value behind the first colon.
fn decode_value(name: &str, rest: &str) -> Result<Vec<u8>, Problem> {
    if rest.starts_with('<') {
        return Err(Problem::Url);
    }
    if let Some(encoded) = rest.strip_prefix(':') {
        let encoded = encoded.trim_start_matches(' ');
        return STANDARD.decode(encoded).map_err(|_| Problem::Base64(name.to_owned()));
    }
    let value = rest.trim_start_matches(' ');
    if value.ends_with([' ', '\t']) {
        return Err(Problem::TrailingSpace);
    }
    Ok(value.as_bytes().to_vec())
}

#[cfg(test)]
mod tests;
