//! What all servers share, made once under `target/slapd`: a copy of the program, and the certificates.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::piped;
use crate::root::target;
use crate::trouble::{Result, Trouble};

const TLS: &str = include_str!("tls.sh");

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A copy of slapd: where AppArmor confines `/usr/sbin/slapd` to the system's own directory, it leaves another path alone.
pub(crate) fn program() -> Result<PathBuf> {
    let own = Path::new("/usr/sbin/slapd");
    let copy = target().join("slapd/slapd");
    let age = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified());
    let there =
        age(own).map_err(|e| Trouble::new(format!("{} ({e}): apt-get install slapd", own.display())))?;
    if age(&copy).is_ok_and(|copied| copied >= there) {
        return Ok(copy);
    }
    let parent = target().join("slapd");
    fs::create_dir_all(&parent).map_err(|e| Trouble::io(&parent, e))?;
    // Under another name first: other tests may be starting it at this moment.
    let fresh =
        parent.join(format!("slapd.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    // By another program: a process that we fork for another test would hold our file open for writing, and then
    // nobody could run it ("text file busy").
    piped(Command::new("cp").args([own, &fresh]), "")?;
    fs::rename(&fresh, &copy).map_err(|e| Trouble::io(&copy, e))?;
    Ok(copy)
}

/// The certificates, made once a week and shared by all servers.
pub(crate) fn authority() -> Result<PathBuf> {
    let parent = target().join("slapd");
    let path = parent.join("tls");
    let io = |e| Trouble::io(&path, e);
    fs::create_dir_all(&parent).map_err(io)?;
    let lock = File::create(parent.join("tls.lock")).map_err(io)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| io(e.into()))?;
    let week = Duration::from_secs(7 * 86_400);
    // The recipe they were made by is the mark that they are done.
    let done = path.join("done");
    let made = fs::metadata(&done).and_then(|meta| meta.modified());
    let young = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < week));
    if young && fs::read_to_string(&done).is_ok_and(|recipe| recipe == TLS) {
        return Ok(path);
    }
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).map_err(io)?;
    piped(Command::new("sh").arg("-s").arg(&path), TLS)?;
    fs::write(done, TLS).map_err(io)?;
    Ok(path)
}
