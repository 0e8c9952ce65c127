//! The envelope: eight bytes of header, then a body. One question and one answer per connection.
//!
//! ```text
//! 0..4  "JITP"
//! 4     version, 1
//! 5     kind: 1 question, 2 answer
//! 6..8  length of the body, u16, little-endian; the whole frame is at most 4,096 bytes
//! 8..   body
//! ```
//!
//! Integers are little-endian. A text is its length as u16, then UTF-8. An optional text that is absent has length 65,535.
//! Each value has exactly one encoding. Never allocates.

use core::fmt;

/// The longest frame, header included, in bytes.
pub const MAX_FRAME: usize = 4096;
/// The length of the header in bytes.
pub const HEADER: usize = 8;
/// The version of the protocol that this crate speaks. Another version is an error on both sides.
pub const VERSION: u8 = 1;

const MAGIC: [u8; 4] = *b"JITP";
const ABSENT: u16 = u16::MAX;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a module.
    Question,
    /// From the daemon.
    Answer,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Kind::Question => 1,
            Kind::Answer => 2,
        }
    }
}

/// Why bytes are no frame, or a value does not fit into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin as a frame does.
    Magic,
    /// A version that this crate does not speak.
    Version(u8),
    /// Another kind than was expected.
    Kind(u8),
    /// The header announces more than a frame may hold.
    Length(u16),
    /// The bytes end before the frame does.
    Truncated,
    /// There are bytes after the end.
    Trailing,
    /// A number outside its range.
    Code(&'static str, u8),
    /// A text that must not be empty is.
    Empty(&'static str),
    /// A text is longer than its limit.
    TooLong(&'static str),
    /// A text is not UTF-8.
    Utf8(&'static str),
    /// A text holds a control character, or one that turns the direction of writing.
    Control(&'static str),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Magic => f.write_str("not a frame"),
            FrameError::Version(v) => write!(f, "protocol version {v}, expected {VERSION}"),
            FrameError::Kind(k) => write!(f, "unexpected kind of frame {k}"),
            FrameError::Length(n) => write!(f, "a frame with a body of {n} bytes is too long"),
            FrameError::Truncated => f.write_str("the frame ends early"),
            FrameError::Trailing => f.write_str("bytes after the end of the frame"),
            FrameError::Code(what, code) => write!(f, "{what} cannot be {code}"),
            FrameError::Empty(what) => write!(f, "{what} is empty"),
            FrameError::TooLong(what) => write!(f, "{what} is too long"),
            FrameError::Utf8(what) => write!(f, "{what} is not UTF-8"),
            FrameError::Control(what) => write!(f, "{what} holds a control character"),
        }
    }
}

impl core::error::Error for FrameError {}

/// How many bytes the frame that begins with `begun` needs in all, as far as can be told: [`HEADER`] until the header is there.
/// A reader reads until it has that many, and refuses more. Wrong first bytes are refused as early as they are seen.
///
/// # Errors
/// When no frame of the expected kind begins so.
pub fn needed(expected: Kind, begun: &[u8]) -> Result<usize, FrameError> {
    if begun.iter().zip(MAGIC).any(|(&have, want)| have != want) {
        return Err(FrameError::Magic);
    }
    if let Some(&version) = begun.get(4).filter(|&&version| version != VERSION) {
        return Err(FrameError::Version(version));
    }
    if let Some(&kind) = begun.get(5).filter(|&&kind| kind != expected.code()) {
        return Err(FrameError::Kind(kind));
    }
    let Some(&[_, _, _, _, _, _, low, high]) = begun.first_chunk::<HEADER>() else {
        return Ok(HEADER);
    };
    let body = u16::from_le_bytes([low, high]);
    match HEADER.checked_add(usize::from(body)) {
        Some(whole) if whole <= MAX_FRAME => Ok(whole),
        _ => Err(FrameError::Length(body)),
    }
}

/// An encoded frame in a buffer of fixed size.
#[derive(Clone)]
pub struct Frame {
    bytes: [u8; MAX_FRAME],
    len: usize,
}

impl Frame {
    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.len)
    }
}

/// What a text may hold.
#[derive(Clone, Copy)]
pub(crate) struct TextRule {
    pub(crate) name: &'static str,
    pub(crate) max: usize,
    pub(crate) lines: Lines,
}

/// Whether a text may have more than one line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    One,
    Several,
}

impl TextRule {
    pub(crate) fn check(self, text: &str) -> Result<(), FrameError> {
        if text.len() > self.max {
            return Err(FrameError::TooLong(self.name));
        }
        let good = |c: char| crate::clean::printable(c) || (c == '\n' && self.lines == Lines::Several);
        if text.chars().all(good) { Ok(()) } else { Err(FrameError::Control(self.name)) }
    }
}

/// Builds a frame.
pub(crate) struct Put {
    frame: Frame,
}

impl Put {
    pub(crate) fn new(kind: Kind) -> Result<Put, FrameError> {
        let mut put = Put { frame: Frame { bytes: [0; MAX_FRAME], len: 0 } };
        put.bytes(&MAGIC)?;
        put.bytes(&[VERSION, kind.code(), 0, 0])?;
        Ok(put)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let end = self.frame.len.checked_add(bytes.len()).ok_or(FrameError::TooLong("the frame"))?;
        let room = self.frame.bytes.get_mut(self.frame.len..end).ok_or(FrameError::TooLong("the frame"))?;
        room.copy_from_slice(bytes);
        self.frame.len = end;
        Ok(())
    }

    pub(crate) fn text(&mut self, rule: TextRule, text: &str) -> Result<(), FrameError> {
        rule.check(text)?;
        let len = u16::try_from(text.len()).map_err(|_| FrameError::TooLong(rule.name))?;
        self.bytes(&len.to_le_bytes())?;
        self.bytes(text.as_bytes())
    }

    pub(crate) fn option(&mut self, rule: TextRule, text: Option<&str>) -> Result<(), FrameError> {
        match text {
            Some(text) => self.text(rule, text),
            None => self.bytes(&ABSENT.to_le_bytes()),
        }
    }

    pub(crate) fn finish(mut self) -> Result<Frame, FrameError> {
        let body = self.frame.len.saturating_sub(HEADER);
        let body = u16::try_from(body).map_err(|_| FrameError::TooLong("the frame"))?;
        if let Some(length) = self.frame.bytes.get_mut(6..HEADER) {
            length.copy_from_slice(&body.to_le_bytes());
        }
        Ok(self.frame)
    }
}

/// Takes a frame apart, borrowing from it.
pub(crate) struct Take<'a> {
    rest: &'a [u8],
}

impl<'a> Take<'a> {
    pub(crate) fn new(kind: Kind, frame: &'a [u8]) -> Result<Take<'a>, FrameError> {
        let whole = needed(kind, frame)?;
        if frame.len() > whole {
            return Err(FrameError::Trailing);
        }
        let rest = frame.get(HEADER..whole).ok_or(FrameError::Truncated)?;
        Ok(Take { rest })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or(FrameError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, FrameError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn text(&mut self, rule: TextRule) -> Result<&'a str, FrameError> {
        let len = self.array().map(u16::from_le_bytes)?;
        self.text_of(rule, len)
    }

    pub(crate) fn option(&mut self, rule: TextRule) -> Result<Option<&'a str>, FrameError> {
        match self.array().map(u16::from_le_bytes)? {
            ABSENT => Ok(None),
            len => self.text_of(rule, len).map(Some),
        }
    }

    fn text_of(&mut self, rule: TextRule, len: u16) -> Result<&'a str, FrameError> {
        let (text, rest) = self.rest.split_at_checked(usize::from(len)).ok_or(FrameError::Truncated)?;
        self.rest = rest;
        let text = core::str::from_utf8(text).map_err(|_| FrameError::Utf8(rule.name))?;
        rule.check(text)?;
        Ok(text)
    }

    pub(crate) fn finish(self) -> Result<(), FrameError> {
        if self.rest.is_empty() { Ok(()) } else { Err(FrameError::Trailing) }
    }
}
