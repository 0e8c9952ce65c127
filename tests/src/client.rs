//! An ssh client at work: typed at, listened to while it runs, with or without a terminal on the other side. It runs in the
//! host itself, as root, whose key opens everybody's account.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::desk::Text;
use crate::door::{Door, NAME, SOON};
use crate::host::console::terminal;
use crate::host::exec::end_group;
use crate::marked::VARIABLE;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// A client to be: see [`Door::client`].
#[derive(Debug)]
#[must_use]
pub struct Plan<'a> {
    door: &'a Door,
    words: Vec<String>,
    user: String,
    command: Option<String>,
    seat: Seat,
}

/// Where the person sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// In a script: pipes.
    Pipes,
    /// At a terminal of this side; a second session over a connection wants one.
    Terminal,
}

impl Plan<'_> {
    /// Everything that it starts on the other side has this mark.
    pub fn marked(self, mark: &str) -> Self {
        self.option(&format!("SetEnv={VARIABLE}={mark}"))
    }

    /// With a terminal on the other side.
    pub fn with_a_terminal(self) -> Self {
        self.flag("-tt")
    }

    /// With a terminal on this side too.
    pub fn sitting_at_a_terminal(mut self) -> Self {
        self.seat = Seat::Terminal;
        self
    }

    /// An option of ssh_config(5).
    pub fn option(self, option: &str) -> Self {
        self.flag("-o").flag(option)
    }

    /// A word of ssh's command line.
    pub fn flag(mut self, flag: &str) -> Self {
        self.words.push(flag.to_owned());
        self
    }

    /// Starts it, with a shell on the other side or whatever its flags say.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(self) -> Result<Client> {
        let command = ["ssh".to_owned()].into_iter().chain(self.words);
        let command = command.chain([format!("{}@{NAME}", self.user)]).chain(self.command);
        let host = self.door.host();
        let (screen, errors) = (Text::default(), Text::default());
        let (keyboard, child): (Box<dyn Write + Send>, Child) = match self.seat {
            Seat::Pipes => {
                let mut child = host.spawn(command, [Stdio::piped(), Stdio::piped(), Stdio::piped()])?;
                let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
                    return Err(Trouble::new("ssh has no streams"));
                };
                screen.keep(stdout);
                errors.keep(stderr);
                (Box::new(stdin), child)
            }
            Seat::Terminal => {
                let (master, slave) = terminal(host)?;
                let path = host.path(&slave);
                let open = || File::options().read(true).write(true).open(&path).map(Stdio::from);
                let streams = open().and_then(|stdin| Ok([stdin, open()?, open()?]));
                let child = host.spawn(command, streams.map_err(|e| Trouble::io(&path, e))?)?;
                screen.keep(master.try_clone().map_err(|e| Trouble::io(&path, e))?);
                (Box::new(master), child)
            }
        };
        Ok(Client { keyboard: Some(keyboard), child: Mutex::new(child), screen, errors })
    }

    /// Starts it with this command on the other side.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn runs(mut self, command: &str) -> Result<Client> {
        self.command = Some(command.to_owned());
        self.start()
    }
}

/// A client at work. Dropped, it is killed, as when somebody's laptop dies.
pub struct Client {
    keyboard: Option<Box<dyn Write + Send>>,
    child: Mutex<Child>,
    screen: Text,
    errors: Text,
}

impl Client {
    /// Types a line.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn types(&mut self, line: &str) -> Result<()> {
        self.presses(&format!("{line}\n"))
    }

    /// Types characters as they are: `\x1a` is Ctrl-Z.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn presses(&mut self, keys: &str) -> Result<()> {
        let Some(keyboard) = &mut self.keyboard else {
            return Err(Trouble::new("nobody can type any more"));
        };
        let written = keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush());
        written.map_err(|e| Trouble::new(format!("ssh's standard input: {e}; {self:?}")))
    }

    /// Types no more (Ctrl-D without a terminal).
    pub fn hangs_up(&mut self) {
        self.keyboard = None;
    }

    /// What came from the other side so far: the terminal's text, or a command's standard output.
    pub fn screen(&self) -> String {
        self.screen.now().clone()
    }

    /// What ssh itself, or a command's standard error, said so far.
    pub fn errors(&self) -> String {
        self.errors.now().clone()
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Errors
    /// When it does not; with what it shows.
    pub fn shows(&self, text: &str) -> Result<()> {
        until(SOON, &format!("the screen shows {text:?}"), || self.screen().contains(text))
            .map_err(|e| Trouble::new(format!("{e}; {self:?}")))
    }

    /// ssh's exit status, if it has ended.
    pub fn status(&self) -> Option<i32> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().ok().flatten().map(|status| status.code().unwrap_or(-1))
    }

    /// Waits until it has ended, and returns its exit status.
    ///
    /// # Errors
    /// When it does not end.
    pub fn ends(&self) -> Result<i32> {
        until(SOON, "ssh ends", || self.status().is_some())
            .map_err(|e| Trouble::new(format!("{e}; {self:?}")))?;
        Ok(self.status().unwrap_or(-1))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ssh (status {:?})\nscreen: {:?}\nerrors: {:?}",
            self.status(),
            self.screen(),
            self.errors()
        )
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        end_group(child);
    }
}

impl Door {
    /// An ssh client of `user`.
    pub fn client(&self, user: &str) -> Plan<'_> {
        Plan { door: self, words: Vec::new(), user: user.to_owned(), command: None, seat: Seat::Pipes }
    }

    /// An ssh client of `user` with a shell on a terminal, whose processes have this mark.
    ///
    /// # Errors
    /// When it cannot be started, or does not get a prompt.
    pub fn terminal(&self, user: &str, mark: &str) -> Result<Client> {
        let mut client = self.client(user).marked(mark).with_a_terminal().start()?;
        client.types("echo here-$((40 + 2))")?;
        client.shows("here-42")?;
        Ok(client)
    }
}
