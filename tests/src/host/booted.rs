//! A host with systemd as process 1, logind and real units, through systemd-nspawn; it needs no systemd on the machine. What a plain
//! host promises, it promises too: nothing of it outlives its test, its control groups included (boot.sh).

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Host, PATH, enter};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

const BOOT: &str = include_str!("boot.sh");

/// A busy machine boots slowly.
const SOON: Duration = Duration::from_secs(60);

/// Raises it.
pub(super) fn up(name: &str, base: &Path, mountpoint: &Path) -> Result<Host> {
    let mut command = Command::new("sh");
    command.args(["-c", BOOT, "hold", "hold", name]).args([base, mountpoint]);
    command.env("PATH", PATH).env("SCRIPT", BOOT);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group of its own: who kills the test's whole group leaves the one alive that cleans up.
    command.process_group(0);
    let mut holder = command.spawn().map_err(|e| Trouble::new(format!("sh does not start: {e}")))?;
    match wait_until_up(&mut holder, mountpoint) {
        Ok(init) => Ok(Host { name: name.to_owned(), init, holder, syslog: None }),
        Err(trouble) => {
            drop(holder.stdin.take());
            let _ = holder.wait();
            Err(Trouble::new(format!("host {name} did not boot: {trouble}")))
        }
    }
}

fn wait_until_up(holder: &mut Child, mountpoint: &Path) -> Result<i32> {
    let mut word = String::new();
    if let Some(out) = holder.stdout.take() {
        // Nothing to read means that the script failed; its own words follow.
        let _ = BufReader::new(out).read_line(&mut word);
    }
    if word.trim() != "up" {
        return Err(Trouble::new(super::words(holder)));
    }
    let id = i32::try_from(holder.id()).map_err(|_| Trouble::new("a process number out of range"))?;
    // The holder's child is unshare; unshare's is process 1 of the outer namespaces.
    let outer = only_child(id).and_then(only_child).ok_or_else(|| Trouble::new("its holder is gone"))?;
    let mut init = None;
    let running = until(SOON, "systemd is up", || {
        init = init.or_else(|| systemd_below(outer));
        init.is_some_and(is_running)
    });
    match (running, init) {
        (Ok(()), Some(init)) => Ok(init),
        (waited, _) => {
            let console =
                PathBuf::from(format!("/proc/{outer}/root")).join(relative(mountpoint)).join("console");
            let said = fs::read_to_string(&console).unwrap_or_default();
            let why = waited.err().map(|e| e.to_string()).unwrap_or_default();
            Err(Trouble::new(format!("{why}; is systemd-container installed? Its console:\n{said}")))
        }
    }
}

/// Reboots it: everything that runs ends, and a new systemd finds the disk as it was left.
pub(super) fn reboot(host: &mut Host) -> Result<()> {
    // What it ends, and when, is its own affair: it does not answer.
    let _ = host.exec(["systemctl", "reboot"]).run();
    let before = host.init;
    let gone = || !Path::new(&format!("/proc/{before}")).exists();
    until(SOON, "the old systemd is gone", gone)?;
    let id = i32::try_from(host.holder.id()).map_err(|_| Trouble::new("a process number out of range"))?;
    let outer = only_child(id).and_then(only_child).ok_or_else(|| Trouble::new("its holder is gone"))?;
    let mut init = None;
    until(SOON, "systemd is up again", || {
        init = systemd_below(outer).filter(|init| *init != before);
        init.is_some_and(is_running)
    })?;
    host.init = init.ok_or_else(|| Trouble::new("systemd is gone"))?;
    Ok(())
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn only_child(pid: i32) -> Option<i32> {
    children(pid).first().copied()
}

/// The process below this one that is number 1 where it lives, and is systemd already.
fn systemd_below(pid: i32) -> Option<i32> {
    children(pid).into_iter().find_map(|child| {
        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        let name = status.lines().next().unwrap_or_default();
        let first = numbers.split_whitespace().last() == Some("1");
        if first && name.ends_with("systemd") { Some(child) } else { systemd_below(child) }
    })
}

/// Whether it has done what it does at a boot; a unit that failed is not our concern.
fn is_running(init: i32) -> bool {
    let mut command = enter(init);
    command.args(["systemctl", "is-system-running"]).stdin(Stdio::null());
    let said = command.output().map(|output| output.stdout).unwrap_or_default();
    ["running", "degraded"].contains(&String::from_utf8_lossy(&said).trim())
}
