//! What a service's stacks are made of: lines, each with what it calls, what is done with the answer, and where it stands.

use std::fmt;

use super::code::Code;
use super::control::{Action, Control};

/// Which stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// `auth`: pam_authenticate(3) and pam_setcred(3).
    Auth,
    /// `account`: pam_acct_mgmt(3).
    Account,
    /// `session`: pam_open_session(3) and pam_close_session(3).
    Session,
    /// `password`: pam_chauthtok(3).
    Password,
}

impl Phase {
    /// Its word in pam.d.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Auth => "auth",
            Phase::Account => "account",
            Phase::Session => "session",
            Phase::Password => "password",
        }
    }

    pub(super) fn parse(word: &[u8]) -> Option<Phase> {
        let all = [Phase::Auth, Phase::Account, Phase::Session, Phase::Password];
        all.into_iter().find(|phase| word.eq_ignore_ascii_case(phase.word().as_bytes()))
    }
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, on the host.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a line calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// As it stands in the line: a name, or a path.
    pub name: String,
    /// What follows.
    pub arguments: Vec<String>,
    /// Whether libpam can load it.
    pub file: File,
}

impl Module {
    /// Its file's name, without directories and `.so`.
    pub fn stem(&self) -> &str {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        name.strip_suffix(".so").unwrap_or(name)
    }
}

/// A module's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// Here, on the host.
    Found(String),
    /// Nowhere where this libpam looks; the first of those places.
    Missing(String),
    /// Here, but no library for this libpam.
    Foreign(String),
    /// There is no libpam to be found, so nobody knows where it looks.
    Unknown,
}

impl File {
    /// Whether libpam gets nothing to call: each call is PAM_MODULE_UNKNOWN then.
    pub fn is_void(&self) -> bool {
        matches!(self, File::Missing(_) | File::Foreign(_))
    }
}

/// What happens when a line is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A module is called.
    Module(Module),
    /// The line is no good: PAM_PERM_DENIED.
    MustFail,
    /// A substack begins with the next line.
    Substack,
}

/// A line in a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// What happens.
    pub kind: Kind,
    /// In how many substacks.
    pub level: usize,
    /// What is done with what it returns.
    pub control: Control,
    /// Where it stands.
    pub place: Place,
}

impl Handler {
    /// What is called, if anything.
    pub fn module(&self) -> Option<&Module> {
        match &self.kind {
            Kind::Module(module) => Some(module),
            Kind::MustFail | Kind::Substack => None,
        }
    }
}

/// A line or file of which nobody can say how libpam takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// Where.
    pub place: Place,
    /// What is wrong: the rest of a sentence that begins with the line.
    pub why: String,
}

/// Why libpam refuses to begin a transaction: nobody gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub why: &'static str,
}

/// What one file makes, with all that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chains {
    /// `auth`
    pub auth: Vec<Handler>,
    /// `account`
    pub account: Vec<Handler>,
    /// `session`
    pub session: Vec<Handler>,
    /// `password`
    pub password: Vec<Handler>,
    /// Its file, if there is one.
    pub file: Option<String>,
    /// All files, in the order in which they were opened.
    pub files: Vec<String>,
    /// What is not certain.
    pub doubts: Vec<Doubt>,
}

impl Chains {
    /// One of the four.
    pub fn of(&self, phase: Phase) -> &[Handler] {
        match phase {
            Phase::Auth => &self.auth,
            Phase::Account => &self.account,
            Phase::Session => &self.session,
            Phase::Password => &self.password,
        }
    }

    pub(super) fn of_mut(&mut self, phase: Phase) -> &mut Vec<Handler> {
        match phase {
            Phase::Auth => &mut self.auth,
            Phase::Account => &mut self.account,
            Phase::Session => &mut self.session,
            Phase::Password => &mut self.password,
        }
    }

    pub(super) fn len(&self) -> usize {
        [&self.auth, &self.account, &self.session, &self.password].iter().map(|chain| chain.len()).sum()
    }
}

/// A service's stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What its own file makes.
    pub own: Chains,
    /// What `other` makes.
    pub other: Chains,
    /// libpam refuses it as a whole.
    pub refused: Option<Refused>,
}

impl Service {
    /// The stack that is gone through.
    pub fn chain(&self, phase: Phase) -> &[Handler] {
        self.chains(phase).of(phase)
    }

    /// What is not certain about it.
    pub fn doubts(&self, phase: Phase) -> &[Doubt] {
        // A doubtful line might belong to any of its file's stacks, and might fill one that looks empty.
        if self.own.doubts.is_empty() { &self.chains(phase).doubts } else { &self.own.doubts }
    }

    fn chains(&self, phase: Phase) -> &Chains {
        if self.own.of(phase).is_empty() { &self.other } else { &self.own }
    }
}

/// Whether anything in this stack forgets what was before.
pub fn forgets(chain: &[Handler]) -> bool {
    chain.iter().any(|handler| handler.control.has(|action| action == Action::Reset))
}

/// What a line returns of itself, if that is certain.
pub fn certain(handler: &Handler) -> Option<Code> {
    match &handler.kind {
        Kind::Module(module) if module.file.is_void() => Some(Code::MODULE_UNKNOWN),
        Kind::MustFail => Some(Code::PERM_DENIED),
        Kind::Module(_) | Kind::Substack => None,
    }
}
