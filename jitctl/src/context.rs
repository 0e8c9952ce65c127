//! What a command needs of the world, in one place, so that a test can put something else there.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jit_control::client::{Client, PATIENCE};
use jit_control::{Answer, Request, Status};
use jit_directory::ldif;
use jit_model::time::Timestamp;

use crate::cli::Cli;
use crate::report::Failure;
use crate::terminal::Colour;

/// Who runs the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Effective uid 0.
    Root,
    /// Anybody else.
    Person,
}

/// Where it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// A terminal: somebody reads what is said, and can type something else.
    Terminal,
    /// Anywhere else: a script, configuration management.
    Elsewhere,
}

/// What a command needs of the world.
#[derive(Clone, Debug)]
pub struct Context {
    /// The daemon.
    pub client: Client,
    /// This host's wall clock when the command began.
    pub now: Timestamp,
    /// For standard output.
    pub colour: Colour,
    /// Who runs it.
    pub caller: Caller,
    /// Where.
    pub seat: Seat,
    /// The uid that must own the LDIF file: root's, but for tests that are not root.
    pub owner: u32,
    /// Where jit's own files lie: here, and nowhere else, the daemon may name a file that is still to be made.
    pub etc: PathBuf,
}

impl Context {
    /// Of this process.
    pub fn of_process(cli: &Cli) -> Context {
        let root = nix::unistd::geteuid().is_root();
        Context {
            client: Client::new(&cli.socket, PATIENCE),
            now: wall_clock(),
            colour: Colour::for_stdout(),
            caller: if root { Caller::Root } else { Caller::Person },
            seat: if std::io::stdin().is_terminal() { Seat::Terminal } else { Seat::Elsewhere },
            owner: 0,
            etc: Path::new(ldif::PATH).parent().unwrap_or(Path::new("/etc/jitd")).to_owned(),
        }
    }

    /// Asks the daemon; its refusal is a failure.
    ///
    /// # Errors
    /// When it cannot be reached or says no.
    pub fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        match self.client.ask(request)? {
            Answer::Refused { code, text } => Err(Failure::refused(code, text)),
            answer => Ok(answer),
        }
    }

    /// How the daemon is.
    ///
    /// # Errors
    /// When it cannot be reached or says no.
    pub fn status(&self) -> Result<Status, Failure> {
        match self.ask(&Request::Status {})? {
            Answer::Status(status) => Ok(status),
            _ => Err(self.beside_the_point()),
        }
    }

    /// The failure for an answer to another question.
    pub fn beside_the_point(&self) -> Failure {
        Failure::beside_the_point(self.client.socket())
    }

    /// Only root may go on.
    ///
    /// # Errors
    /// For everybody else, with what to type instead.
    pub fn root_only(&self, what: &str, command: &str) -> Result<(), Failure> {
        match self.caller {
            Caller::Root => Ok(()),
            Caller::Person => Err(Failure::no(
                "not-root",
                format!("{what} takes root; as root, or with sudo in front:\n  {command}"),
            )),
        }
    }
}

/// What this machine's clock shows.
pub(crate) fn wall_clock() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_secs()).unwrap_or(0);
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
}
