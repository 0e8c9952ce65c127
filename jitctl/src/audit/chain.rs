//! The chain of whole files, in constant memory: each line holds the hash of the one before, and its number is one more. What does not fit
//! is told with what it looks like; what it was nobody can know for certain.

use std::collections::VecDeque;

use super::event::{self, Head};
use super::lines::{End, Hash, Raw};

/// How many hashes are remembered, to tell where a line that does not follow comes from.
const REMEMBERED: usize = 64;

/// Where the chain of some files stands.
#[derive(Debug, Default)]
pub struct Walk {
    /// The hash of the line before; none before the first.
    before: Option<Hash>,
    /// The last line that could be read.
    last: Option<Stand>,
    /// Lines since then that could not be.
    foreign: u64,
    /// The hashes of the lines before the last one, newest first.
    earlier: VecDeque<Hash>,
    /// The first line that could be read.
    first: Option<Stand>,
    /// Lines of several hosts stand between each other.
    mixed: bool,
}

/// Where a line stands in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Whose line.
    pub host: String,
    /// In which boot.
    pub boot: String,
    /// Its number.
    pub seq: u64,
    /// What it says about the line before.
    pub prev: String,
    /// Its own hash.
    pub hash: Hash,
}

/// What is wrong at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// A word of [`jit_control::audit::Fault::kind`].
    pub kind: &'static str,
    /// For people.
    pub text: String,
    /// Of lines that are not there, the first and the last number.
    pub gone: Option<(u64, u64)>,
}

/// Whose hash a line says it follows. As in the script of docs/audit.md, the first there is, so that a line that is torn, too, is judged.
pub fn said(bytes: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b",\"prev\":\"";
    let at = bytes.windows(MARK.len()).position(|window| window == MARK)?;
    let rest = bytes.get(at + MARK.len()..)?;
    rest.split(|byte| *byte == b'"').next()
}

/// Whether a hexadecimal text is this hash, as jitd writes it.
pub fn is(text: &[u8], hash: &Hash) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or_default();
    let mut written = hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    text.len() == 64 && text.iter().all(|byte| Some(*byte) == written.next())
}

impl Walk {
    /// The next line; `head` is what could be read of it.
    pub fn step(&mut self, raw: &Raw<'_>, head: Option<&Head<'_>>) -> Vec<Break> {
        let mut breaks = Vec::new();
        let torn = head.is_none();
        if torn {
            let text = match raw.end {
                End::Torn => "the file ends within this line: torn, or cut off",
                End::Endless => "longer than any line of jitd's",
                End::Whole => "torn, or not jitd's",
            };
            breaks.push(Break { kind: "torn", text: text.to_owned(), gone: None });
        }
        let expected = self.last.as_ref().map(|last| last.seq.saturating_add(self.foreign).saturating_add(1));
        // Of what is not JSON, the script asks the same.
        let says = match head {
            Some(head) => Some(head.prev.as_bytes()),
            None => said(raw.bytes),
        };
        match (self.before.as_ref(), says, head) {
            (Some(before), Some(says), _) if !is(says, before) => {
                breaks.push(self.broken(says, raw, head, expected));
                self.mixed |=
                    matches!((&self.last, head), (Some(last), Some(head)) if last.host != head.host);
            }
            // The numbers go on by one, also where the chain holds: who cuts off the end of the file that jitd writes has it go on
            // from the line that is the last then.
            (Some(_), _, Some(head)) => {
                if let Some(expected) = expected.filter(|expected| *expected < head.seq) {
                    let (from, to) = (expected, head.seq - 1);
                    let text = format!(
                        "{} before this one: cut off the end of the file before jitd went on",
                        are_gone(from, to)
                    );
                    breaks.push(Break { kind: "removed", text, gone: Some((from, to)) });
                } else if let Some(last) = self.last.as_ref().filter(|last| last.seq >= head.seq) {
                    let text = format!("its number, {}, does not go on from {}", head.seq, last.seq);
                    breaks.push(Break { kind: "out-of-order", text, gone: None });
                }
            }
            _ => {}
        }
        self.take(raw, head);
        breaks
    }

    fn take(&mut self, raw: &Raw<'_>, head: Option<&Head<'_>>) {
        if let Some(before) = self.before.replace(raw.hash) {
            self.earlier.push_front(before);
            self.earlier.truncate(REMEMBERED);
        }
        match head {
            None => self.foreign = self.foreign.saturating_add(1),
            Some(head) => {
                let stand = Stand {
                    host: head.host.clone().into_owned(),
                    boot: head.boot.clone().into_owned(),
                    seq: head.seq,
                    prev: head.prev.clone().into_owned(),
                    hash: raw.hash,
                };
                if self.first.is_none() {
                    self.first = Some(stand.clone());
                }
                self.last = Some(stand);
                self.foreign = 0;
            }
        }
    }

    /// A line does not follow from the one before: what that looks like.
    fn broken(&self, says: &[u8], raw: &Raw<'_>, head: Option<&Head<'_>>, expected: Option<u64>) -> Break {
        let plain = |kind, text: String| Break { kind, text, gone: None };
        if says.iter().all(|byte| *byte == b'0') && head.is_some_and(|head| begins_anew(raw, head)) {
            let text = "the chain begins anew: jitd found no audit here when it started (moved away while it was down, or removed)";
            return plain("anew", text.to_owned());
        }
        if self.before.iter().chain(&self.earlier).any(|hash| *hash == raw.hash) {
            return plain("inserted", "it is a copy of a line that stands above".to_owned());
        }
        if let Some(at) = self.earlier.iter().position(|hash| is(says, hash)) {
            let text = match at {
                0 => "it follows from the line before the last: the line before this one was inserted"
                    .to_owned(),
                more => format!(
                    "it follows from an earlier line: the {} lines before this one were inserted",
                    more + 1
                ),
            };
            return plain("inserted", text);
        }
        let (Some(head), Some(expected)) = (head, expected) else {
            return plain(
                "changed",
                "it does not follow from the line before: one of them was changed".to_owned(),
            );
        };
        match head.seq.cmp(&expected) {
            std::cmp::Ordering::Equal => plain(
                "changed",
                "it does not follow from the line before: that one was changed, or this one was".to_owned(),
            ),
            std::cmp::Ordering::Greater => {
                let (from, to) = (expected, head.seq - 1);
                Break {
                    kind: "removed",
                    text: format!("{} before this one", are_gone(from, to)),
                    gone: Some((from, to)),
                }
            }
            std::cmp::Ordering::Less => {
                let text = format!(
                    "it has number {} where {expected} should be: inserted, or out of order",
                    head.seq
                );
                plain("out-of-order", text)
            }
        }
    }

    /// The first and the last line that could be read.
    pub fn ends(&self) -> Option<(&Stand, &Stand)> {
        self.first.as_ref().zip(self.last.as_ref())
    }

    /// Whether lines of several hosts stand between each other, without a chain: that is how collected lines look. Or a file in which
    /// somebody gave lines another name; so it is a fault until somebody says that they were collected.
    pub fn is_mixed(&self) -> bool {
        self.mixed
    }
}

fn begins_anew(raw: &Raw<'_>, head: &Head<'_>) -> bool {
    head.event == "audit"
        && event::body::<event::Opened<'_>>(raw, head).is_ok_and(|opened| opened.chain == "new")
}

fn are_gone(from: u64, to: u64) -> String {
    match to.saturating_sub(from) {
        0 => format!("line number {from} is missing"),
        _ => format!("lines number {from} to {to} are missing"),
    }
}
