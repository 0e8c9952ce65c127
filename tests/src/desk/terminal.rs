//! A terminal of this machine with a program at it, and somebody who types.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{LIMIT, Ran};
use crate::wait::until;

/// Text that grows.
#[derive(Clone, Debug, Default)]
pub struct Text(Arc<Mutex<String>>);

impl Text {
    /// What there is by now.
    pub fn now(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps everything that comes from somewhere.
    pub fn keep(&self, from: impl Read + Send + 'static) -> JoinHandle<()> {
        let text = self.clone();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            loop {
                let length = match from.fill_buf() {
                    Ok(bytes) if !bytes.is_empty() => {
                        text.now().push_str(&String::from_utf8_lossy(bytes));
                        bytes.len()
                    }
                    // EIO when the last program has closed its terminal.
                    _ => return,
                };
                from.consume(length);
            }
        })
    }
}

/// A program at a terminal of its own.
#[derive(Debug)]
pub struct Terminal {
    /// The program.
    pub child: Child,
    /// What to type on.
    pub keyboard: File,
    /// Everything that it has shown.
    pub screen: Text,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// Starts a program at a terminal of this kind (`TERM`).
    ///
    /// # Panics
    /// When there is no terminal, or no such program.
    pub fn at(argv: &[String], kind: &str) -> Terminal {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("a terminal");
        let name = ptsname(&keyboard, Vec::new()).expect("a terminal").into_string().expect("UTF-8");
        let open = || Stdio::from(File::options().read(true).write(true).open(&name).expect("a terminal"));
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).args(argv).env("TERM", kind);
        command.env_remove("SSH_AUTH_SOCK").env_remove("NO_COLOR");
        let child = command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("setsid");
        let keyboard = File::from(keyboard);
        let screen = Text::default();
        let reading = screen.keep(keyboard.try_clone().expect("a terminal"));
        Terminal { child, keyboard, screen, reading }
    }

    /// Answers each question once, in this order, when it is the last thing on the screen, and waits for the end. `meanwhile` happens before
    /// the last answer.
    ///
    /// # Panics
    /// When a question does not come, or the program does not end; with what it shows.
    pub fn answers(mut self, answers: &[(&str, &str)], meanwhile: impl FnOnce()) -> Ran {
        let screen = self.screen.clone();
        let shown = || screen.now().replace("\r\n", "\n");
        let (mut answered, mut meanwhile) = (0, Some(meanwhile));
        for (i, (question, answer)) in answers.iter().enumerate() {
            until(LIMIT, &format!("the question {question}"), || {
                shown().get(answered..).is_some_and(|new| new.trim_end().ends_with(question))
            })
            .unwrap_or_else(|e| panic!("{e}: {}", shown()));
            answered = shown().len();
            if i + 1 == answers.len() {
                meanwhile.take().into_iter().for_each(|happens| happens());
            }
            self.keyboard.write_all(format!("{answer}\n").as_bytes()).expect("a keyboard");
        }
        let mut status = None;
        until(LIMIT, "the end", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        })
        .unwrap_or_else(|e| panic!("{e}: {}", shown()));
        self.reading.join().expect("a reader");
        Ran { status: status.and_then(|s| s.code()).unwrap_or(-1), out: String::new(), err: shown() }
    }
}
