//! The processes of this host, from /proc: which servers run, and under which command line. Those of containers, in a process namespace of their own, are
//! not this host's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::doctor::host::Host;

/// A process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// The program that it runs; ` (deleted)` taken off.
    pub(super) exe: PathBuf,
    line: Vec<u8>,
    /// All four of its uids are root's.
    is_roots: bool,
}

impl Process {
    /// The last part of its program's path.
    pub(super) fn program(&self) -> &str {
        self.exe.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it runs as root, and was begun by root.
    pub(super) fn is_roots(&self) -> bool {
        self.is_roots
    }

    /// Its command line, in words.
    pub(super) fn line(&self) -> String {
        let words = self.line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        words.map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
}

/// All that can be seen; none of a tree that is not this host.
pub(super) fn of(host: &Host) -> Vec<Process> {
    if host.root != Path::new("/") {
        return Vec::new();
    }
    let space = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = space("self");
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let pid = name.parse().ok()?;
            if space(&name) != ours {
                return None;
            }
            let exe = fs::read_link(entry.path().join("exe")).ok()?;
            // proc(5): so it looks after an upgrade.
            let exe =
                exe.to_str().map(|path| PathBuf::from(path.trim_end_matches(" (deleted)"))).unwrap_or(exe);
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
            let is_roots = uids.split_whitespace().all(|uid| uid == "0");
            Some(Process { pid, exe, line, is_roots })
        })
        .collect()
}
