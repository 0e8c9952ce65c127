//! How a command ends: what it found, or why it did nothing.

use std::process::ExitCode;

use jit_control::Answer;
use jit_control::client::AskError;

/// The exit status, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; allowed; healthy.
    Done,
    /// 1: denied, refused, degraded.
    No,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: not guarded here, or not this tool's to change.
    NotApplicable,
    /// 4: the daemon does not answer.
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::NotApplicable => 3,
            Exit::Unreachable => 4,
        })
    }
}

/// What a command found or did.
#[derive(Debug)]
pub struct Report {
    /// For programs.
    pub answer: Answer,
    /// For people, on standard output: whole lines, cleaned.
    pub text: String,
    /// For people, on standard error: what they should know besides. Cleaned when printed.
    pub notes: Vec<String>,
    /// How it ended.
    pub exit: Exit,
}

/// Why a command did nothing.
#[derive(Debug)]
pub struct Failure {
    /// How it ended.
    pub exit: Exit,
    /// A stable word for programs (see [`Answer::Refused`]).
    pub code: String,
    /// Why, and what would do. May have several lines; cleaned when printed.
    pub text: String,
}

impl Failure {
    /// The command line makes no sense.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { exit: Exit::Usage, code: "usage".to_owned(), text: text.into() }
    }

    /// No, for the reason that `code` names.
    pub fn no(code: &str, text: impl Into<String>) -> Failure {
        Failure { exit: Exit::No, code: code.to_owned(), text: text.into() }
    }

    /// The same, which left everything as it was: the first line says so, too.
    pub fn unwritten(code: &str, why: &str) -> Failure {
        let end = why.find('\n').unwrap_or(why.len());
        let (head, rest) = why.split_at(end);
        Failure::no(code, format!("{head}; nothing was written{rest}"))
    }

    /// Not here, or not with this tool.
    pub fn not_applicable(code: &str, text: impl Into<String>) -> Failure {
        Failure { exit: Exit::NotApplicable, code: code.to_owned(), text: text.into() }
    }

    /// The daemon said no. One line, whatever it sent: text from a directory may be in it.
    pub fn refused(code: String, text: String) -> Failure {
        let exit = match code.as_str() {
            "bad-request" => Exit::Usage,
            "busy" => Exit::Unreachable,
            _ => Exit::No,
        };
        Failure { exit, code, text: text.lines().collect::<Vec<_>>().join(" ") }
    }

    /// The daemon answered something else than was asked.
    pub fn beside_the_point(socket: &std::path::Path) -> Failure {
        let text = format!(
            "what listens at {} answered something else than was asked; are jitctl and jitd from the same package?",
            socket.display()
        );
        Failure { exit: Exit::Unreachable, code: "unreachable".to_owned(), text }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Failure {
        let (exit, code) = match error {
            AskError::Unsendable => (Exit::Usage, "usage"),
            _ => (Exit::Unreachable, "unreachable"),
        };
        let cure = match &error {
            AskError::Absent { .. } => "\nIs jitd running? What would stop it from starting: jitd --check",
            AskError::Silent { .. } | AskError::Broken { .. } => "\nWhat jitd is busy with is in its log.",
            _ => "",
        };
        Failure { exit, code: code.to_owned(), text: format!("{error}{cure}") }
    }
}
