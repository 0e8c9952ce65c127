//! What the daemon answers: the verdict, and for a denied person the words that say why and what to do.

use crate::frame::{Frame, FrameError, Kind, Lines, Put, Take, TextRule};

/// The longest text in an answer, in bytes.
pub const MAX_TEXT: usize = 1024;

const TEXT: TextRule = TextRule { name: "text", max: MAX_TEXT, lines: Lines::Several };
const HAS_UNTIL: u8 = 1;

/// The verdict as a module needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The person may.
    Allow,
    /// The person may not.
    Deny,
    /// The rule does not apply; the rest of the stack decides.
    Unguarded,
}

impl Verdict {
    fn code(self) -> u8 {
        // Not 0 or 1, and no two apart by one bit: memory that was never written is no verdict.
        match self {
            Verdict::Allow => 0x5a,
            Verdict::Deny => 0xa5,
            Verdict::Unguarded => 0x33,
        }
    }

    fn from_code(code: u8) -> Result<Verdict, FrameError> {
        match code {
            0x5a => Ok(Verdict::Allow),
            0xa5 => Ok(Verdict::Deny),
            0x33 => Ok(Verdict::Unguarded),
            _ => Err(FrameError::Code("verdict", code)),
        }
    }
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// When the permission ends, in Unix seconds; nothing with break-glass, a denial or an unguarded question.
    pub until: Option<i64>,
    /// For a denied person: why, and what to do. At most [`MAX_TEXT`] bytes, lines separated by `\n`, no other control
    /// character. May be empty. Nothing is shown to a person who is allowed, whatever stands here.
    pub text: &'a str,
}

impl<'a> Answer<'a> {
    /// Encodes.
    ///
    /// # Errors
    /// When the text is too long or holds a control character. See [`crate::Cleaned::lines`].
    pub fn encode(&self) -> Result<Frame, FrameError> {
        let mut put = Put::new(Kind::Answer)?;
        put.bytes(&[self.verdict.code(), if self.until.is_some() { HAS_UNTIL } else { 0 }])?;
        put.bytes(&self.until.unwrap_or(0).to_le_bytes())?;
        put.text(TEXT, self.text)?;
        put.finish()
    }

    /// Decodes a whole frame.
    ///
    /// # Errors
    /// On anything that [`Answer::encode`] would not have written.
    pub fn decode(frame: &'a [u8]) -> Result<Answer<'a>, FrameError> {
        let mut take = Take::new(Kind::Answer, frame)?;
        let verdict = Verdict::from_code(take.u8()?)?;
        let flags = take.u8()?;
        let until = match (flags, take.i64()?) {
            (HAS_UNTIL, until) => Some(until),
            (0, 0) => None,
            _ => return Err(FrameError::Code("flags", flags)),
        };
        let text = take.text(TEXT)?;
        take.finish()?;
        Ok(Answer { verdict, until, text })
    }
}
