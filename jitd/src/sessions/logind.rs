//! logind's word about a login, from the file it keeps for each below /run/systemd/sessions: root's, readable by everybody, and
//! there without D-Bus. Asked for one thing only: whether a cgroup `session-N.scope` is really the login of some leader. No word, or one that
//! is not understood, is no evidence, and nothing worse.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Where logind keeps them.
pub(crate) const SESSIONS: &str = "/run/systemd/sessions";

/// Far more than logind writes.
const MOST: u64 = 64 << 10;

/// A login as logind knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// The process that opened it.
    pub(crate) leader: i32,
    /// The name of its unit, `session-N.scope`.
    pub(crate) scope: String,
}

/// The login whose cgroup this is, by its path. `directory` is [`SESSIONS`], or another in tests.
pub(crate) fn login(directory: &Path, cgroup: &str) -> Option<Login> {
    let unit = cgroup.rsplit('/').next()?;
    let id = unit.strip_prefix("session-")?.strip_suffix(".scope")?;
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::options()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(directory.join(id))
        .ok()?;
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    parse(&bytes).filter(|login| login.scope == unit)
}

/// Its file: lines of KEY=VALUE, of which a program that logs in chooses some values. One that says a thing twice says nothing.
fn parse(bytes: &[u8]) -> Option<Login> {
    let once = |key: &[u8]| {
        let mut values = bytes.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(key));
        let value = values.next()?;
        values.next().is_none().then(|| std::str::from_utf8(value).ok())?
    };
    let leader = once(b"LEADER=")?.parse().ok().filter(|pid| *pid > 1)?;
    Some(Login { leader, scope: once(b"SCOPE=")?.to_owned() })
}

#[cfg(test)]
mod tests;
