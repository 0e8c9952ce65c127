//! One line: pure ASCII JSON, and the hash that ties it to the line before.
//!
//! Everything that is not printable ASCII is escaped, also inside names that an attacker chose: no line can be broken, no
//! terminal commanded, no reader's direction of writing turned.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};
use sha2::{Digest, Sha256};

use super::Record;
use super::event::{Event, Time};

/// The version of the format.
pub const VERSION: u32 = 1;

/// How each line of that version begins.
pub const BEGINNING: &[u8] = br#"{"v":1,"boot":""#;

/// Where the chain stands: what the next line says in `seq` and `prev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the next line.
    pub next: u64,
    /// SHA-256 of the line before, without its newline; zeros if there is none.
    pub prev: [u8; 32],
}

impl Head {
    /// Before the first line.
    pub const NEW: Head = Head { next: 1, prev: [0; 32] };

    /// After a line, given without its newline.
    fn after(self, line: &[u8]) -> Head {
        Head { next: self.next.saturating_add(1), prev: Sha256::digest(line).into() }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    boot: &'a str,
    seq: u64,
    prev: String,
    time: Time,
    mode: &'static str,
    host: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// Appends a line to `bytes` and moves the head on.
///
/// # Errors
/// Never, in practice: nothing in an event refuses to be written as JSON.
pub fn append(bytes: &mut Vec<u8>, head: &mut Head, boot: &str, record: &Record) -> serde_json::Result<()> {
    let line = Line {
        v: VERSION,
        boot,
        seq: head.next,
        prev: hex(&head.prev),
        time: Time(record.time),
        mode: record.mode.as_str(),
        host: &record.host,
        event: &record.event,
    };
    let mut text = Vec::with_capacity(1024);
    line.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Ascii))?;
    *head = head.after(&text);
    bytes.extend_from_slice(&text);
    bytes.push(b'\n');
    Ok(())
}

/// Compact JSON in which every character outside printable ASCII is escaped (RFC 8259 §7).
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let plain = |c: char| c == ' ' || c.is_ascii_graphic();
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !plain(c)) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            for unit in chars.next().into_iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// There is nothing in it.
    Empty,
    /// With a whole line of ours.
    Whole(Head),
    /// With something else: a line without its newline, or one that is not ours. The chain goes on after it all the same.
    Torn {
        /// Where the chain stands after it.
        head: Head,
        /// Whether a newline must come first.
        newline: bool,
    },
    /// With a line that is longer than any of ours: it is not read, and the chain begins anew.
    Foreign {
        /// Whether a newline must come first.
        newline: bool,
    },
}

/// How much of a file's end is looked at. Longer than any line of ours.
pub const WINDOW: usize = 1 << 20;

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// How a file ends, from its last bytes: `end` is the whole file, or its last [`WINDOW`] bytes.
pub fn tail(end: &[u8], is_whole_file: bool) -> Tail {
    let (text, newline) = match end {
        [] => return Tail::Empty,
        [text @ .., b'\n'] => (text, false),
        text => (text, true),
    };
    let mut lines = text.rsplit(|byte| *byte == b'\n');
    let last = lines.next().unwrap_or_default();
    if last.len() == text.len() && !is_whole_file {
        return Tail::Foreign { newline };
    }
    let number = |line: &[u8]| serde_json::from_slice::<Numbered>(line).ok().map(|line| line.seq);
    // A line that is not ours counts as one, so that the next number shows the gap. The first line in the window may be cut.
    let mut after = 0_u64;
    let mut seq = None;
    for line in std::iter::once(last).chain(lines) {
        seq = number(line);
        if seq.is_some() {
            break;
        }
        after = after.saturating_add(1);
    }
    let next = seq.unwrap_or(0).saturating_add(after).saturating_add(1);
    let head = Head { next, prev: Sha256::digest(last).into() };
    if after == 0 && !newline { Tail::Whole(head) } else { Tail::Torn { head, newline } }
}
