//! Asks this host's own programs (`sshd -T`, `cvtsudoers`, `systemctl`) what their configuration comes to, for they alone know. Each has a deadline: a
//! doctor that hangs helps nobody. Must never run anything that changes the host, nor anything of a tree that is not this host.

use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::doctor::host::Host;

/// The longest that one takes that only reads files, or asks a name service at most.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest that `jitd --check` takes: a directory that does not answer costs it ten seconds for each server.
const LONG_PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at a program that runs.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest answer; 10,000 rules of sudo are some 5 MiB.
const MOST: u64 = 32 << 20;

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether it exited with 0.
    pub(super) well: bool,
    /// Its standard output.
    pub(super) out: String,
    /// Its standard error.
    pub(super) err: String,
}

impl Said {
    /// What it complained of, in one line.
    pub(super) fn complaint(&self) -> String {
        let words = if self.err.trim().is_empty() { &self.out } else { &self.err };
        words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// Why nothing was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mute {
    /// The program is not on this host.
    #[error("{0} is not on this host")]
    Missing(String),
    /// Another root than this host's: its programs are not run.
    #[error("{0} is not asked about a tree that is not this host")]
    Elsewhere(String),
    /// No answer in time.
    #[error("{0} did not answer within {1} s")]
    Silent(String, u64),
    /// An answer without end.
    #[error("{0} says more than can be read")]
    Endless(String),
    /// The kernel did not start it.
    #[error("{0} cannot be run: {1}")]
    Failed(String, String),
}

impl Mute {
    /// Whether the program is not on this host.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Mute::Missing(_))
    }
}

/// Runs a program, named by its whole path, with a plain environment.
pub(super) fn ask(host: &Host, argv: &[&str]) -> Result<Said, Mute> {
    ask_for(host, argv, PATIENCE)
}

/// The same of one that may have to wait for directories.
pub(super) fn ask_patiently(host: &Host, argv: &[&str]) -> Result<Said, Mute> {
    ask_for(host, argv, LONG_PATIENCE)
}

fn ask_for(host: &Host, argv: &[&str], patience: Duration) -> Result<Said, Mute> {
    let Some((program, arguments)) = argv.split_first() else { return Err(Mute::Missing(String::new())) };
    let shown = (*program).to_owned();
    if host.root != Path::new("/") {
        return Err(Mute::Elsewhere(shown));
    }
    if !Path::new(program).exists() {
        return Err(Mute::Missing(shown));
    }
    let failed = |error: std::io::Error| Mute::Failed((*program).to_owned(), error.to_string());
    // Files, not pipes: nobody has to read while it writes.
    let (mut out, mut err) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/").stdin(Stdio::null());
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").env("SYSTEMD_COLORS", "0");
    command.stdout(out.try_clone().map_err(failed)?).stderr(err.try_clone().map_err(failed)?);
    // A group of its own, so that what it has started ends with it.
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    let begun = Instant::now();
    let much = |file: &std::fs::File| file.metadata().is_ok_and(|meta| meta.len() > MOST);
    let status = loop {
        let status = child.try_wait().map_err(failed)?;
        let late = begun.elapsed() >= patience;
        if late || much(&out) || much(&err) {
            if let Some(group) =
                Pid::from_raw(child.id().try_into().unwrap_or(0)).filter(|_| status.is_none())
            {
                // Not waited for yet, so the number is still its own.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = child.wait();
            }
            let gave_up = if late { Mute::Silent(shown, patience.as_secs()) } else { Mute::Endless(shown) };
            return Err(gave_up);
        }
        match status {
            Some(status) => break status,
            None => thread::sleep(PAUSE),
        }
    };
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.take(MOST).read_to_end(&mut bytes)).map_err(failed)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Said { well: status.success(), out: read(&mut out)?, err: read(&mut err)? })
}

/// The first of these programs that is on the host.
pub(super) fn first_of<'a>(host: &Host, programs: &[&'a str]) -> Option<&'a str> {
    programs.iter().copied().find(|program| host.path(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::tree;

    #[test]
    fn a_program_is_asked_here_and_nowhere_else() {
        let (mut host, _root) = tree(&[]);
        assert_eq!(ask(&host, &["/bin/true"]), Err(Mute::Elsewhere("/bin/true".to_owned())));
        host.root = "/".into();
        let said = ask(&host, &["/bin/sh", "-c", "echo yes; echo no >&2; exit 3"]).unwrap();
        assert_eq!(said, Said { well: false, out: "yes\n".to_owned(), err: "no\n".to_owned() });
        assert_eq!(ask(&host, &["/no/such"]), Err(Mute::Missing("/no/such".to_owned())));
    }

    #[test]
    fn one_without_an_end_is_ended_with_all_that_it_started() {
        let (mut host, root) = tree(&[]);
        host.root = "/".into();
        let sh = |script: &str, patience| ask_for(&host, &["/bin/sh", "-c", script], patience);
        let endless = sh("yes", Duration::from_secs(60));
        assert_eq!(endless, Err(Mute::Endless("/bin/sh".to_owned())));
        // Whoever has the fifo open keeps it from ending.
        let fifo = root.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .unwrap();
        let script = format!("sleep 1000 >{} & sleep 1000", fifo.display());
        let reader = std::thread::spawn(move || std::fs::read(fifo));
        assert_eq!(sh(&script, Duration::from_millis(500)), Err(Mute::Silent("/bin/sh".to_owned(), 0)));
        assert_eq!(reader.join().unwrap().unwrap(), b"");
    }
}
