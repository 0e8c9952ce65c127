//! What a module asks: may this person use this service now? Facts as the module sees them, nothing decided yet.

use crate::frame::{Frame, FrameError, Kind, Lines, Put, Take, TextRule};

/// The longest name in a question, in bytes.
pub const MAX_NAME: usize = 255;
/// The longest SSH_AUTH_INFO_0 in a question, in bytes; the rest is cut and the question says so.
pub const MAX_AUTH_INFO: usize = 2500;

const AUTH_INFO_CUT: u8 = 1;
const HAS_UID: u8 = 2;

const fn name(name: &'static str) -> TextRule {
    TextRule { name, max: MAX_NAME, lines: Lines::One }
}
const SERVICE: TextRule = name("service");
const SUBJECT: TextRule = name("subject");
const TARGET: TextRule = name("target");
const RUSER: TextRule = name("ruser");
const RHOST: TextRule = name("rhost");
const TTY: TextRule = name("tty");
const AUTH_INFO: TextRule = TextRule { name: "auth_info", max: MAX_AUTH_INFO, lines: Lines::Several };

/// What the question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// May this person come in? The gate.
    Account,
    /// The same, asked early, before a password is asked for.
    Auth,
    /// A session begins.
    Open,
    /// A session ends.
    Close,
}

impl Phase {
    fn code(self) -> u8 {
        match self {
            Phase::Account => 1,
            Phase::Auth => 2,
            Phase::Open => 3,
            Phase::Close => 4,
        }
    }

    fn from_code(code: u8) -> Result<Phase, FrameError> {
        match code {
            1 => Ok(Phase::Account),
            2 => Ok(Phase::Auth),
            3 => Ok(Phase::Open),
            4 => Ok(Phase::Close),
            _ => Err(FrameError::Code("phase", code)),
        }
    }
}

/// One question. Which process asks, the daemon learns from the socket (SO_PEERCRED).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// What it is for.
    pub phase: Phase,
    /// PAM_SERVICE; not empty. Not checked against any alphabet here.
    pub service: &'a str,
    /// The login of the person in question: PAM_USER for sshd and login, the calling user for su and sudo. Not empty.
    /// Not checked against any alphabet here.
    pub subject: &'a str,
    /// The subject's uid. `None` when this host has no account of exactly this name, byte for byte, or the name did not
    /// fit into the question unchanged: where the rule applies, such a question is to be denied.
    pub uid: Option<u32>,
    /// Whom the subject wants to become: PAM_USER for su and sudo.
    pub target: Option<&'a str>,
    /// PAM_RUSER, as given.
    pub ruser: Option<&'a str>,
    /// PAM_RHOST, as given.
    pub rhost: Option<&'a str>,
    /// PAM_TTY, as given.
    pub tty: Option<&'a str>,
    /// SSH_AUTH_INFO_0, in which sshd names the key: one method per line. For the audit; nothing may be decided by it.
    pub auth_info: Option<&'a str>,
    /// Whether the end of `auth_info` is missing.
    pub auth_info_cut: bool,
}

impl<'a> Question<'a> {
    /// Encodes.
    ///
    /// # Errors
    /// When a text is too long, empty where it must not be, or holds a control character. See [`crate::Cleaned`].
    pub fn encode(&self) -> Result<Frame, FrameError> {
        self.check()?;
        let cut = if self.auth_info_cut { AUTH_INFO_CUT } else { 0 };
        let has_uid = if self.uid.is_some() { HAS_UID } else { 0 };
        let mut put = Put::new(Kind::Question)?;
        put.bytes(&[self.phase.code(), cut | has_uid])?;
        put.bytes(&self.uid.unwrap_or(0).to_le_bytes())?;
        put.text(SERVICE, self.service)?;
        put.text(SUBJECT, self.subject)?;
        put.option(TARGET, self.target)?;
        put.option(RUSER, self.ruser)?;
        put.option(RHOST, self.rhost)?;
        put.option(TTY, self.tty)?;
        put.option(AUTH_INFO, self.auth_info)?;
        put.finish()
    }

    /// Decodes a whole frame.
    ///
    /// # Errors
    /// On anything that [`Question::encode`] would not have written.
    pub fn decode(frame: &'a [u8]) -> Result<Question<'a>, FrameError> {
        let mut take = Take::new(Kind::Question, frame)?;
        let phase = Phase::from_code(take.u8()?)?;
        let flags = take.u8()?;
        if flags & !(AUTH_INFO_CUT | HAS_UID) != 0 {
            return Err(FrameError::Code("flags", flags));
        }
        let uid = match (take.u32()?, flags & HAS_UID != 0) {
            (uid, true) => Some(uid),
            (0, false) => None,
            (_, false) => return Err(FrameError::Code("flags", flags)),
        };
        let question = Question {
            phase,
            service: take.text(SERVICE)?,
            subject: take.text(SUBJECT)?,
            uid,
            target: take.option(TARGET)?,
            ruser: take.option(RUSER)?,
            rhost: take.option(RHOST)?,
            tty: take.option(TTY)?,
            auth_info: take.option(AUTH_INFO)?,
            auth_info_cut: flags & AUTH_INFO_CUT != 0,
        };
        take.finish()?;
        question.check()?;
        Ok(question)
    }

    fn check(&self) -> Result<(), FrameError> {
        if self.service.is_empty() {
            return Err(FrameError::Empty(SERVICE.name));
        }
        if self.subject.is_empty() {
            return Err(FrameError::Empty(SUBJECT.name));
        }
        if self.auth_info_cut && self.auth_info.is_none() {
            return Err(FrameError::Code("flags", AUTH_INFO_CUT));
        }
        Ok(())
    }
}
