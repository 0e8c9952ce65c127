//! What people do in a session, and what they do to stay: each a way to start it that returns when it runs.

use std::fmt;
use std::fs;
use std::time::Duration;

use crate::client::Client;
use crate::door::{Door, SOON};
use crate::marked::list;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// A way to stay.
pub struct Job {
    /// What it is called, here and in marks.
    pub name: &'static str,
    start: Start,
}

/// How it is started, and `line`: what the command line holds of that process of it by which it is seen to run. What a shell reads may
/// name the mark as `$JIT_MARK`.
enum Start {
    /// A command over ssh that stays connected.
    Stays { command: &'static str, line: &'static str },
    /// A command over ssh that leaves something behind and ends.
    Leaves { command: &'static str, line: &'static str },
    /// A program in Perl, left behind: nothing of it lives long enough to be seen, and all of it writes to its [`pulse`].
    Pulses { perl: &'static str },
    /// Lines typed at a shell on a terminal.
    Typed { lines: &'static [&'static str], line: &'static str },
    /// Another one, for this person and with this mark.
    By(fn(&Door, &str, &str) -> Result<Vec<Client>>),
}

/// Somebody's job that runs.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    /// The mark of all its processes.
    pub mark: String,
    /// The connections that are open; none where the person has left already.
    pub clients: Vec<Client>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Job {
    /// Starts it as `who`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn start(&self, door: &Door, who: &str) -> Result<Running> {
        let mark = format!("{who}-{}", self.name);
        let clients = self
            .start
            .clients(door, who, &mark)
            .map_err(|e| Trouble::new(format!("the job `{}` of {who} did not start: {e}", self.name)))?;
        Ok(Running { name: self.name, mark, clients })
    }
}

impl Running {
    /// Whether anything of it goes on.
    fn rest(&self, door: &Door) -> String {
        let open = self.clients.iter().filter(|client| client.status().is_none());
        let open: String = open.map(|client| format!("{client:?}\n")).collect();
        let pulse = if pulses(door, &self.mark) { "its pulse\n" } else { "" };
        format!("{}{pulse}{open}", list(&door.marked(&self.mark)))
    }

    /// Waits until all of it is over, its connections too.
    ///
    /// # Errors
    /// When something goes on; with what does.
    pub fn is_over(&self, door: &Door) -> Result<()> {
        until(SOON, "it ends", || self.rest(door).is_empty()).map_err(|_| {
            Trouble::new(format!(
                "of the job `{}` ({}) this goes on:\n{}",
                self.name,
                self.mark,
                self.rest(door)
            ))
        })
    }

    /// Sees that it goes on.
    ///
    /// # Errors
    /// When it does not.
    pub fn goes_on(&self, door: &Door) -> Result<()> {
        let connected = self.clients.iter().all(|client| client.status().is_none());
        // A connection that only forwards has no marked process.
        let marked = self.name == FORWARD.name || !door.marked(&self.mark).is_empty();
        if connected && marked {
            return Ok(());
        }
        Err(Trouble::new(format!(
            "the job `{}` ({}) should go on; of it:\n{}clients: {:?}",
            self.name,
            self.mark,
            list(&door.marked(&self.mark)),
            self.clients
        )))
    }
}

impl Start {
    /// Starts it, and waits until it runs; the connections that stay.
    fn clients(&self, door: &Door, who: &str, mark: &str) -> Result<Vec<Client>> {
        match *self {
            Start::Stays { command, line } => {
                running(door, mark, line, door.client(who).marked(mark).runs(command)?)
            }
            Start::Leaves { command, line } => {
                leaves(door, who, mark, command)?;
                door.marked_running(mark, line).map(|_| Vec::new())
            }
            Start::Pulses { perl } => {
                let command = format!("perl -e '{perl}' </dev/null >{} 2>&1", pulse(mark));
                leaves(door, who, mark, &command)?;
                until(SOON, "it pulses", || pulses(door, mark)).map(|()| Vec::new())
            }
            Start::Typed { lines, line } => {
                let mut client = door.terminal(who, mark)?;
                for typed in lines {
                    client.types(typed)?;
                }
                running(door, mark, line, client)
            }
            Start::By(start) => start(door, who, mark),
        }
    }
}

/// Waits until what a client started runs, as `line` shows.
fn running(door: &Door, mark: &str, line: &str, client: Client) -> Result<Vec<Client>> {
    door.marked_running(mark, line).map_err(|e| Trouble::new(format!("{e}\n{client:?}")))?;
    Ok(vec![client])
}

/// A command over ssh that ends well.
fn leaves(door: &Door, who: &str, mark: &str, command: &str) -> Result<()> {
    let client = door.client(who).marked(mark).runs(command)?;
    if client.ends()? == 0 { Ok(()) } else { Err(Trouble::new(format!("{client:?}"))) }
}

/// An interactive shell with something in the foreground.
pub const SHELL: Job =
    Job { name: "shell", start: Start::Typed { lines: &["sleep 600.01"], line: "600.01" } };

/// A command without a terminal.
pub const COMMAND: Job =
    Job { name: "command", start: Start::Stays { command: "sleep 600.02", line: "600.02" } };

/// In a session, group and with descriptors of its own.
pub const SETSID: Job = Job {
    name: "setsid",
    start: Start::Stays {
        command: "setsid sh -c 'sleep 600.03; :' </dev/null >/dev/null 2>&1 & exec sleep 600",
        line: "600.03",
    },
};

/// An orphan, as daemons make themselves.
pub const DOUBLE_FORK: Job = Job {
    name: "double-fork",
    start: Start::Stays {
        command: "sh -c '(setsid sleep 600.04 </dev/null >/dev/null 2>&1 &) &'; exec sleep 600",
        line: "600.04",
    },
};

/// `nohup … &`, and gone.
pub const NOHUP: Job = Job {
    name: "nohup",
    start: Start::Leaves { command: "nohup sleep 600.05 </dev/null >/dev/null 2>&1 &", line: "600.05" },
};

/// An orphan whose person is gone.
pub const ORPHAN: Job = Job {
    name: "orphan",
    start: Start::Leaves {
        command: "sh -c '(setsid sleep 600.06 </dev/null >/dev/null 2>&1 &) &'",
        line: "600.06",
    },
};

/// A tmux server, detached.
pub const TMUX: Job = Job {
    name: "tmux",
    start: Start::Leaves {
        command: "tmux -f /dev/null -L $JIT_MARK new-session -d 'sleep 600.07'",
        line: "600.07",
    },
};

/// Nothing but a forwarded port: no process of the person's own, only sshd's.
pub const FORWARD: Job = Job {
    name: "forward",
    start: Start::By(|door, who, _| {
        let port = 20_000 + who.bytes().map(u16::from).sum::<u16>();
        let client = door.client(who).flag("-N").flag("-L").flag(&format!("{port}:127.0.0.1:22")).start()?;
        let scan = format!("ssh-keyscan -T 1 -p {port} 127.0.0.1");
        until(SOON, "the forwarded port answers", || {
            door.host().sh(&scan).run().is_ok_and(|output| output.stdout.contains("ssh-"))
        })
        .map_err(|e| Trouble::new(format!("{e}\n{client:?}")))?;
        Ok(vec![client])
    }),
};

/// A subsystem without a terminal.
pub const SFTP: Job = Job {
    name: "sftp",
    start: Start::By(|door, who, mark| {
        let client = door.client(who).marked(mark).flag("-s").runs("sftp")?;
        running(door, mark, "sftp-server", client)
    }),
};

/// A root shell inside, on a terminal of sudo's own (use_pty).
pub const SUDO_SHELL: Job = Job {
    name: "sudo-shell",
    start: Start::Typed { lines: &["sudo JIT_MARK=$JIT_MARK -s", "sleep 600.08"], line: "600.08" },
};

/// A root command without a terminal.
pub const SUDO_COMMAND: Job = Job {
    name: "sudo-command",
    start: Start::Stays { command: "sudo JIT_MARK=$JIT_MARK sleep 600.09", line: "600.09" },
};

/// What root's shell left behind, while the login goes on.
pub const SUDO_LEFT: Job = Job {
    name: "sudo-left",
    start: Start::Stays {
        command: "sudo JIT_MARK=$JIT_MARK sh -c 'setsid sleep 600.10 </dev/null >/dev/null 2>&1 &'; exec sleep 600",
        line: "600.10",
    },
};

/// Another person's shell, with his password.
pub const SU: Job = Job {
    name: "su",
    start: Start::By(|door, who, mark| {
        door.host().exec(["chpasswd"]).stdin("carol:hers\n").run()?.must()?;
        let mut client = door.terminal(who, mark)?;
        client.types("su carol -c 'sleep 600.11'")?;
        client.shows("Password: ")?;
        client.types("hers")?;
        running(door, mark, "600.11", client)
    }),
};

/// Root by doas.
pub const DOAS: Job = Job {
    name: "doas",
    start: Start::Stays { command: "doas env JIT_MARK=$JIT_MARK sleep 600.12", line: "600.12" },
};

/// Forks and exits for ever: each process lives for microseconds, and leaves a byte.
pub const CHAIN: Job = Job {
    name: "chain",
    start: Start::Pulses { perl: "while (1) { syswrite STDOUT, \".\"; exit if fork }" },
};

/// Several such at once, in sessions of their own.
pub const SWARM: Job = Job {
    name: "swarm",
    start: Start::Pulses {
        perl: "use POSIX; for (1..6) { last if !fork } POSIX::setsid(); \
               while (1) { syswrite STDOUT, \".\"; exit if fork }",
    },
};

/// Where those leave their bytes: a process that is gone before its environment can be read is not to be found by it.
fn pulse(mark: &str) -> String {
    format!("/tmp/{mark}.pulse")
}

/// Whether bytes come.
fn pulses(door: &Door, mark: &str) -> bool {
    let length = || fs::metadata(door.host().path(&pulse(mark))).map_or(0, |file| file.len());
    let before = length();
    before > 0 && until(Duration::from_millis(100), "it pulses", || length() > before).is_ok()
}

/// Deaf to every signal that can be ignored.
pub const STUBBORN: Job = Job {
    name: "stubborn",
    start: Start::Stays {
        command: "exec perl -e '$SIG{$_} = \"IGNORE\" for qw(HUP TERM INT QUIT); sleep 1 while 1'",
        line: "perl",
    },
};

/// Stopped with Ctrl-Z.
pub const STOPPED: Job = Job {
    name: "stopped",
    start: Start::By(|door, who, mark| {
        let mut client = door.terminal(who, mark)?;
        client.types("sleep 600.13")?;
        door.marked_running(mark, "600.13")?;
        client.presses("\u{1a}")?;
        client.shows("Stopped")?;
        Ok(vec![client])
    }),
};

/// Root in user and pid namespaces of his own, as a rootless container has them, and gone.
pub const NAMESPACE: Job = Job {
    name: "namespace",
    start: Start::Leaves {
        command: "setsid unshare --user --map-root-user --pid --fork --kill-child sleep 600.14 </dev/null >/dev/null 2>&1 &",
        line: "sleep 600.14",
    },
};

/// All that are calm: they wait, and do not eat the machine.
pub const CALM: [&Job; 15] = [
    &SHELL,
    &COMMAND,
    &SETSID,
    &DOUBLE_FORK,
    &NOHUP,
    &ORPHAN,
    &TMUX,
    &FORWARD,
    &SFTP,
    &SUDO_SHELL,
    &SUDO_COMMAND,
    &SUDO_LEFT,
    &SU,
    &DOAS,
    &NAMESPACE,
];

/// Starts these as one person.
///
/// # Errors
/// When one does not run.
pub fn start(jobs: &[&Job], door: &Door, who: &str) -> Result<Vec<Running>> {
    jobs.iter().map(|job| job.start(door, who)).collect()
}
