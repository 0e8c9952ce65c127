//! The processes of a host as this machine numbers them, and what each of them costs. Read from outside: nobody in the host is
//! disturbed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::Host;
use crate::marked::VARIABLE;
use crate::trouble::{Result, Trouble};

/// A process of a host.
#[derive(Clone, Debug)]
struct Seen {
    inside: i32,
    parent: i32,
    name: String,
    mark: Option<String>,
}

/// Who is in a host at one moment, as numbered outside.
#[derive(Debug)]
pub struct Census(HashMap<i32, Seen>);

impl Census {
    /// Of this host.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of(host: &Host) -> Result<Census> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let ours = namespace(&host.first_process().to_string());
        let proc = Path::new("/proc");
        let mut all = HashMap::new();
        for entry in fs::read_dir(proc).map_err(|e| Trouble::io(proc, e))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(pid) = name.parse() else { continue };
            if namespace(&name) == ours {
                // Whoever is gone by now is none of those that stay.
                all.extend(seen(&entry.path()).map(|seen| (pid, seen)));
            }
        }
        Ok(Census(all))
    }

    /// The process of this number inside.
    ///
    /// # Errors
    /// When there is none.
    pub fn inside(&self, pid: i32) -> Result<i32> {
        let found = self.0.iter().find(|(_, seen)| seen.inside == pid).map(|(outside, _)| *outside);
        found.ok_or_else(|| Trouble::new(format!("process {pid} of the host is not there")))
    }

    /// The oldest process of this name, by its number inside.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, name: &str) -> Result<i32> {
        let all = self.0.iter().filter(|(_, seen)| seen.name == name);
        let first = all.min_by_key(|(_, seen)| seen.inside).map(|(outside, _)| *outside);
        first.ok_or_else(|| Trouble::new(format!("no {name} runs in the host")))
    }

    /// Whether the process of this number outside has this name.
    pub fn is(&self, pid: i32, name: &str) -> bool {
        self.0.get(&pid).is_some_and(|seen| seen.name == name)
    }

    /// The processes of an ssh session: those with this mark, and sshd's own above them, but for the one that listens.
    ///
    /// # Errors
    /// When there is none.
    pub fn session(&self, mark: &str) -> Result<Vec<i32>> {
        let marked = self.0.iter().filter(|(_, seen)| seen.mark.as_deref() == Some(mark));
        let mut found: Vec<i32> = marked.map(|(pid, _)| *pid).collect();
        let is_sshd = |pid: i32| self.is(pid, "sshd");
        let mut at = 0;
        while let Some(seen) = found.get(at).and_then(|pid| self.0.get(pid)) {
            at += 1;
            let parent = seen.parent;
            let listens = self.0.get(&parent).is_none_or(|above| !is_sshd(above.parent));
            if is_sshd(parent) && !listens && !found.contains(&parent) {
                found.push(parent);
            }
        }
        if at == 0 { Err(Trouble::new(format!("nothing is marked {mark}"))) } else { Ok(found) }
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let status = fs::read_to_string(path.join("status")).ok()?;
    let word = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
    };
    let environment = fs::read(path.join("environ")).unwrap_or_default();
    let variable = format!("{VARIABLE}=").into_bytes();
    let mark = environment.split(|byte| *byte == 0).find_map(|one| one.strip_prefix(variable.as_slice()));
    Some(Seen {
        inside: word("NSpid:")?.parse().ok()?,
        parent: word("PPid:")?.parse().ok()?,
        name: word("Name:")?,
        mark: mark.map(|mark| String::from_utf8_lossy(mark).into_owned()),
    })
}

/// What a process holds of memory, in KiB, by a line of its smaps_rollup (proc(5)): `Rss:` or `Pss:`.
///
/// # Errors
/// When it is not there.
pub fn kibibytes(pid: i32, what: &str) -> Result<f64> {
    line_of(pid, "smaps_rollup", what)
}

/// The most that a process has held of memory so far, in KiB.
///
/// # Errors
/// When it is not there.
pub fn peak(pid: i32) -> Result<f64> {
    line_of(pid, "status", "VmHWM:")
}

fn line_of(pid: i32, file: &str, what: &str) -> Result<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/{file}"));
    let text = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
    let line = text.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
    number.ok_or_else(|| Trouble::new(format!("{} has no {what}", path.display())))
}

/// How long a process has had a CPU so far, all its threads together.
///
/// # Errors
/// When it is not there.
pub fn cpu_time(pid: i32) -> Result<Duration> {
    let tasks = PathBuf::from(format!("/proc/{pid}/task"));
    let mut sum = 0;
    for task in fs::read_dir(&tasks).map_err(|e| Trouble::io(&tasks, e))?.flatten() {
        let path = task.path().join("schedstat");
        let text = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
        let first = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
        sum += first.ok_or_else(|| Trouble::new(format!("{} says {text:?}", path.display())))?;
    }
    Ok(Duration::from_nanos(sum))
}
