//! libnss_jit.so.2, called as glibc calls it. The program that calls it (`nss_driver`) runs in a throw-away host, where the map is the
//! test's own.

pub mod ffi;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jit_proto::map::layout::SUPERSEDED;
use jitd::groups::encode::{Content, Group, Membership, Person, encode};

use crate::host::Host;
use crate::trouble::{Result, Trouble};
use ffi::Called;

/// When this file is there, the driver ends what has no end of its own.
pub const ENOUGH: &str = "/run/enough";

/// An answer that no map of [`standing`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStanding;

/// Unix seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

/// A map that says nothing, written now, for an hour.
pub fn empty() -> Content {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let boot_ms = boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000;
    Content { settled_ms: now() * 1000, boot_ms, valid_until: now() + 3600, ..Content::default() }
}

/// A group with members from an hour ago until in an hour.
pub fn group<'a>(gid: u32, members: impl IntoIterator<Item = &'a str>) -> Group {
    let member =
        |login: &str| Membership { login: login.to_owned(), from: now() - 3600, until: now() + 3600 };
    Group { gid, members: members.into_iter().map(member).collect() }
}

/// A person, for an hour.
pub fn person(name: &str, uid: u32) -> Person {
    Person {
        uid,
        gid: uid,
        gecos: format!("{name} of the house"),
        home: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        until: now() + 3600,
    }
}

/// The group dba with alice and one other, alice herself, and her groups: each answer tells the generation, and all of them the same.
pub fn standing(generation: u32) -> Content {
    let mut content = empty();
    content.groups.insert("dba".to_owned(), group(50_000 + generation, ["alice", &format!("m{generation}")]));
    content.people.insert("alice".to_owned(), person("alice", 20_001 + generation));
    content
}

/// Of which generation an answer of [`standing`] is.
///
/// # Errors
/// When it is no such answer.
pub fn generation(called: &Called) -> std::result::Result<u32, NotStanding> {
    let all = |generation: u32| {
        let number = 20_001 + generation;
        [
            format!("dba:*:{}:alice,m{generation}", 50_000 + generation),
            format!("alice:*:{number}:{number}:alice of the house:/home/alice:/bin/bash"),
            format!("[7, {}]", 50_000 + generation),
        ]
    };
    let digits =
        |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u32>().ok();
    let field = called.line.split([':', ',']).nth(if called.line.starts_with('[') { 1 } else { 2 });
    let number = field.and_then(digits).ok_or(NotStanding)?;
    let base = if called.line.starts_with("alice") { 20_001 } else { 50_000 };
    let generation = number.checked_sub(base).ok_or(NotStanding)?;
    if called.status == 1 && all(generation).contains(&called.line) {
        Ok(generation)
    } else {
        Err(NotStanding)
    }
}

/// Whatever the umask is: what others may write is no map.
fn mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| Trouble::io(path, e))
}

/// The places of the map in a host, written as the daemon writes them.
#[derive(Debug)]
pub struct Place {
    /// What counts.
    pub map: PathBuf,
    /// What is about to.
    pub next: PathBuf,
    fresh: PathBuf,
}

impl Place {
    /// In this host; nothing is there yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn of(host: &Host) -> Result<Place> {
        let folder = host.path("/run/jitd/pub");
        fs::create_dir_all(&folder).map_err(|e| Trouble::io(&folder, e))?;
        folder.ancestors().take(2).try_for_each(|folder| mode(folder, 0o755))?;
        let [map, next, fresh] = ["groups.map", "groups.map.next", "fresh"].map(|name| folder.join(name));
        Ok(Place { map, next, fresh })
    }

    /// Puts a map into force.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, content: &Content) -> Result<()> {
        self.put_bytes(&encode(content).map_err(|e| Trouble::new(e.to_string()))?)
    }

    /// The same with a file of any kind.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<()> {
        fs::write(&self.fresh, bytes).map_err(|e| Trouble::io(&self.fresh, e))?;
        mode(&self.fresh, 0o644)?;
        fs::rename(&self.fresh, &self.next).map_err(|e| Trouble::io(&self.next, e))?;
        if self.map.exists() {
            self.supersede()?;
        }
        fs::rename(&self.next, &self.map).map_err(|e| Trouble::io(&self.map, e))
    }

    /// Takes the map out of force.
    ///
    /// # Errors
    /// When there is none.
    pub fn supersede(&self) -> Result<()> {
        let file = File::options().write(true).open(&self.map).map_err(|e| Trouble::io(&self.map, e))?;
        file.write_all_at(&1_u32.to_le_bytes(), SUPERSEDED as u64).map_err(|e| Trouble::io(&self.map, e))
    }
}
