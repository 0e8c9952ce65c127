//! A person at a terminal of a host who types a command and answers its questions: `/dev/tty` is there, and so are prompts that no pipe
//! would ever see.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::desk::Text;
use crate::host::Host;
use crate::host::console::terminal;
use crate::host::exec::end_group;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// Somebody who sits at a terminal while a command runs. Dropped, the command is killed.
#[derive(Debug)]
pub struct Seat {
    keyboard: File,
    screen: Text,
    child: Child,
    shown: String,
}

impl Seat {
    /// Starts `argv` at a terminal of its own, as root.
    ///
    /// # Errors
    /// When the terminal cannot be made, or the command cannot be started.
    pub fn at(host: &Host, argv: &[&str]) -> Result<Seat> {
        let (keyboard, slave) = terminal(host)?;
        let path = host.path(&slave);
        let open = || File::options().read(true).write(true).open(&path).map_err(|e| Trouble::io(&path, e));
        let streams = [Stdio::from(open()?), Stdio::from(open()?), Stdio::from(open()?)];
        let command = ["setsid", "--ctty", "--wait"].iter().chain(argv);
        let child = host.spawn(command, streams)?;
        let screen = Text::default();
        screen.keep(keyboard.try_clone().map_err(|e| Trouble::new(format!("terminal: {e}")))?);
        Ok(Seat { keyboard, screen, child, shown: argv.join(" ") })
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the terminal is closed.
    pub fn types(&mut self, line: &str) -> Result<()> {
        let typed = self.keyboard.write_all(format!("{line}\n").as_bytes());
        typed.map_err(|e| Trouble::new(format!("`{}`: its terminal: {e}", self.shown)))
    }

    /// What the screen has shown so far, lines ended by `\n`.
    pub fn screen(&self) -> String {
        self.screen.now().replace("\r\n", "\n")
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Errors
    /// When it does not; with what it shows.
    pub fn shows(&self, text: &str) -> Result<()> {
        let shows = || self.screen().contains(text);
        until(Duration::from_secs(30), &format!("`{}` shows {text:?}", self.shown), shows)
            .map_err(|e| Trouble::new(format!("{e}; it shows:\n{}", self.screen())))
    }

    /// Waits until the command has ended; an answer is typed when its prompt stands in the line that the screen has not finished.
    ///
    /// # Errors
    /// When it does not end; with what it shows.
    pub fn ends(&mut self, within: Duration, answers: &[(&str, &str)]) -> Result<i32> {
        let (mut status, mut answered) = (None, 0);
        let waited = until(within, &format!("`{}` ends", self.shown), || {
            let screen = self.screen();
            let open = screen.get(answered..).unwrap_or_default();
            let line = open.rsplit('\n').next().unwrap_or_default();
            if let Some((_, answer)) = answers.iter().find(|(prompt, _)| line.contains(prompt)) {
                answered = screen.len();
                let _ = self.types(answer);
            }
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        waited.map_err(|e| Trouble::new(format!("{e}; it shows:\n{}", self.screen())))?;
        Ok(status.and_then(|status| status.code()).unwrap_or(-1))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        end_group(&mut self.child);
    }
}
