//! The enforcing file as jitctl writes it: whole or not at all, with or without the time until which it has to be confirmed.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jit_model::text::clock_time;
use jit_model::time::Timestamp;
use jit_proto::enforcing::{self, MAX_FILE, Reading, Rule, Rules};

/// How the comments begin that are there only while a file is unconfirmed.
const COMMENT: &str = "# Unconfirmed: ";

/// The file, as a module finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// There is none.
    Absent,
    /// It was not confirmed by then.
    Lapsed(Timestamp),
    /// It enforces until then, or until it is confirmed.
    Unconfirmed { until: Timestamp, text: String },
    /// It enforces.
    ForGood,
    /// It cannot be used, and so enforces.
    Broken(String),
}

/// Reads it.
pub(super) fn read(file: &Path, now: Timestamp) -> OnDisk {
    let Ok(path) = CString::new(file.as_os_str().as_bytes()) else {
        return OnDisk::Broken("no such path can be".to_owned());
    };
    let mut room = Box::new([0; MAX_FILE]);
    let until = match enforcing::read(&path, now.0, &mut room) {
        Reading::Permissive => return OnDisk::Absent,
        Reading::Void(at) => return OnDisk::Lapsed(Timestamp(at)),
        Reading::Broken(why) => return OnDisk::Broken(why.to_string()),
        Reading::Enforcing(rules) => rules.until(),
    };
    let Some(until) = until else { return OnDisk::ForGood };
    // What was read lies in the room, and nothing after it.
    let end = room.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    let text = String::from_utf8_lossy(room.get(..end).unwrap_or_default()).into_owned();
    OnDisk::Unconfirmed { until: Timestamp(until), text }
}

/// A rendered file that has to be confirmed until then: said for modules in a rule, and for people above it.
pub(super) fn unconfirmed(text: &str, until: Timestamp) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim_end() == Rule::End.to_string() {
            for comment in [
                format!("from {} on this file is void, and the host permissive.", clock_time(until)),
                "To enforce for good, type from a login that began after this was written:".to_owned(),
                "  sudo jitctl mode confirm".to_owned(),
            ] {
                out.push_str(&format!("{COMMENT}{comment}\n"));
            }
            out.push_str(&format!("{}\n", Rule::Until(until.0)));
        }
        out.push_str(line);
    }
    out
}

/// The same file, for good.
pub(super) fn confirmed(text: &str) -> String {
    let stays = |line: &&str| {
        let is_until = Rules::parse(format!("production no\n{line}end enforcing\n").as_bytes())
            .is_ok_and(|rules| rules.until().is_some());
        !is_until && !line.starts_with(COMMENT)
    };
    text.split_inclusive('\n').filter(stays).collect()
}

/// Whole or not at all: written beside its place, synced, renamed over it, and the directory synced. 0644, whatever the
/// umask, because modules in unprivileged processes (sudo's user side, polkit's helper) read it too.
pub(super) fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let directory = parent(file);
    let mut beside = tempfile::Builder::new().prefix(".enforcing-").tempfile_in(directory)?;
    beside.write_all(text)?;
    beside.as_file().set_permissions(Permissions::from_mode(0o644))?;
    beside.as_file().sync_all()?;
    beside.persist(file).map_err(|e| e.error)?;
    sync_parent(file)
}

/// Whether there was something to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removed {
    /// There was.
    Now,
    /// There was not.
    Before,
}

/// Removes it.
pub(super) fn remove(file: &Path) -> io::Result<Removed> {
    match fs::remove_file(file) {
        Ok(()) => sync_parent(file).map(|()| Removed::Now),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Removed::Before),
        Err(e) => Err(e),
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_parent(file: &Path) -> io::Result<()> {
    File::open(parent(file))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "# Written by jitctl.\nproduction yes\nguard sshd\nbreak-glass-user rescue\nbreak-glass-console yes\nend enforcing\n";
    const UNTIL: Timestamp = Timestamp(1_795_348_800);

    #[test]
    fn what_is_confirmed_says_what_it_said_before() {
        let text = unconfirmed(RENDERED, UNTIL);
        let rules = Rules::parse(text.as_bytes()).unwrap();
        assert_eq!(rules.until(), Some(UNTIL.0));
        assert!(text.contains("from 2026-11-22 12:00 UTC on this file is void"), "{text}");
        assert!(text.contains("# Unconfirmed:   sudo jitctl mode confirm\n"), "{text}");
        assert_eq!(confirmed(&text), RENDERED);
        assert_eq!(confirmed(RENDERED), RENDERED);
        // Written again with another time.
        assert_eq!(unconfirmed(&confirmed(&text), UNTIL), text);
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        assert!(nix::unistd::geteuid().is_root(), "needs root: run it by `make test` as root");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("enforcing");
        let now = Timestamp(UNTIL.0 - 60);
        assert_eq!(read(&file, now), OnDisk::Absent);
        let text = unconfirmed(RENDERED, UNTIL);
        write(&file, text.as_bytes()).unwrap();
        assert_eq!(read(&file, now), OnDisk::Unconfirmed { until: UNTIL, text: text.clone() });
        assert_eq!(read(&file, UNTIL), OnDisk::Lapsed(UNTIL));
        assert_eq!(read(&file, Timestamp(0)), OnDisk::Lapsed(UNTIL), "a clock in 1970");
        write(&file, confirmed(&text).as_bytes()).unwrap();
        assert_eq!(read(&file, UNTIL), OnDisk::ForGood);
        write(&file, b"guard sshd\n").unwrap();
        assert!(matches!(read(&file, now), OnDisk::Broken(_)));
        assert_eq!((remove(&file).unwrap(), remove(&file).unwrap()), (Removed::Now, Removed::Before));
    }
}
