//! Sessions on disk: one small file for each below /run/jitd/state/sessions, so that an opening costs one write however many there are,
//! and one file for the visitors. Damaged and foreign files are set aside; what belongs to another boot is removed.
//!
//! Nothing is forced to disk: after a loss of power it is another boot's. (On the tmpfs that /run is that would cost nothing; where it
//! is none, every login would wait for the disk.)
//!
//! What is read here decides which processes get signals, so it is read whole or not at all, and from a directory that nobody
//! but the daemon may enter.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{Session, SessionId, Visitor};
use crate::clock::BootId;
use crate::disk::{self, Damage, Kind, SetAside, WriteError};

/// A session's file. A change of [`Session`] or of anything in it must raise the version, and then the old one must still be read:
/// an upgrade that sets sessions aside forgets when they end. (A word that is added at the end of an enum changes no old file.)
pub const SESSION: Kind = Kind { magic: *b"jitsessn", version: 1, max: 1 << 20 };

/// The visitors' file; the same holds for it.
pub const VISITORS: Kind = Kind { magic: *b"jitvisit", version: 1, max: 64 << 20 };

/// Its name: none that a session can have.
const ALL_VISITORS: &str = "all-visitors";

/// The directory.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Kept {
    /// Sessions of this boot.
    pub sessions: Vec<Session>,
    /// Visitors of this boot.
    pub visitors: Vec<Visitor>,
    /// What could not be used.
    pub aside: Vec<SetAside>,
}

/// The boot in which they came, and the visitors.
type Visitors = (BootId, Vec<Visitor>);

/// What a file in the directory is, by its name.
enum Named {
    /// A session's.
    Session(SessionId),
    /// The visitors'.
    Visitors,
    /// Begun and never finished: the one beside it is the newer.
    Begun,
    /// Set aside before, for somebody to look at.
    Aside,
    /// None of ours.
    Foreign,
}

impl Named {
    fn of(name: &str) -> Named {
        if name == ALL_VISITORS {
            Named::Visitors
        } else if name.contains(".damaged.") {
            Named::Aside
        } else if name.ends_with(".new") {
            Named::Begun
        } else {
            SessionId::typed(name).map_or(Named::Foreign, Named::Session)
        }
    }
}

impl StateDir {
    /// Below `runtime_dir/state`.
    pub fn below(runtime_dir: &Path) -> StateDir {
        StateDir(runtime_dir.join("state").join("sessions"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Everything that is there.
    pub fn read(&self, boot: BootId) -> Kept {
        let mut kept = Kept::default();
        let unreadable = |error: &std::io::Error| SetAside {
            path: self.0.clone(),
            damage: Damage::Unreadable(error.kind()),
            to: None,
        };
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return kept,
            Err(error) => {
                kept.aside.push(unreadable(&error));
                return kept;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.take(&entry.path(), boot, &mut kept),
                Err(error) => {
                    kept.aside.push(unreadable(&error));
                    break;
                }
            }
        }
        kept
    }

    /// Reads one file. What cannot be removed is left: it counts as little as if it were gone.
    fn take(&self, path: &Path, boot: BootId, kept: &mut Kept) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match Named::of(name) {
            Named::Session(id) => {
                let sound = |session: &Session| session.id == id;
                if let Some(session) = whole(path, SESSION, sound, &mut kept.aside) {
                    if session.boot == boot {
                        kept.sessions.push(session);
                    } else {
                        let _ = fs::remove_file(path);
                    }
                }
            }
            Named::Visitors => {
                let sound = |_: &Visitors| true;
                if let Some((theirs, visitors)) = whole(path, VISITORS, sound, &mut kept.aside) {
                    if theirs == boot {
                        kept.visitors = visitors;
                    } else {
                        let _ = fs::remove_file(path);
                    }
                }
            }
            Named::Begun => {
                let _ = fs::remove_file(path);
            }
            Named::Aside => {}
            Named::Foreign => kept.aside.push(disk::set_aside(path, Damage::Foreign)),
        }
    }

    /// Writes one session.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write(&self, session: &Session) -> Result<(), WriteError> {
        self.put(&self.0.join(session.id.as_str()), SESSION, session)
    }

    /// Removes one session. One that cannot be removed is found again after a restart; its leader is gone by then, and so is it.
    pub fn remove(&self, id: &SessionId) {
        let _ = fs::remove_file(self.0.join(id.as_str()));
    }

    /// Writes the visitors.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write_visitors(&self, boot: BootId, visitors: &[&Visitor]) -> Result<(), WriteError> {
        self.put(&self.0.join(ALL_VISITORS), VISITORS, &(boot, visitors))
    }

    fn put(&self, path: &Path, kind: Kind, value: &impl Serialize) -> Result<(), WriteError> {
        let payload = postcard::to_allocvec(value)
            .map_err(|error| WriteError::Encode { path: path.to_owned(), error })?;
        match disk::write_for_this_boot(path, kind, &payload) {
            Err(WriteError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                // The directory is not there yet, or somebody took it away.
                disk::private_directory(&self.0).map_err(|error| WriteError::Io {
                    path: self.0.clone(),
                    step: "making of the directory",
                    error,
                })?;
                disk::write_for_this_boot(path, kind, &payload)
            }
            other => other,
        }
    }
}

/// A file's value, all of it or nothing.
fn whole<T: DeserializeOwned>(
    path: &Path,
    kind: Kind,
    sound: impl Fn(&T) -> bool,
    aside: &mut Vec<SetAside>,
) -> Option<T> {
    let decode = |payload: Vec<u8>| match postcard::take_from_bytes::<T>(&payload) {
        Ok((value, [])) if sound(&value) => Ok(value),
        Ok(_) | Err(_) => Err(Damage::Payload),
    };
    let (value, damaged) = disk::read(path, kind).decode(path, decode).split();
    aside.extend(damaged);
    value
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::sessions::testing::{BOOT, session, visitor};

    fn place() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::below(dir.path());
        (dir, state)
    }

    #[test]
    fn what_was_written_is_found_again_in_private() {
        let (_dir, state) = place();
        assert!(state.read(BOOT).sessions.is_empty(), "nothing there is no fault");
        let (one, two) = (session(1), session(2));
        for each in [&one, &two] {
            state.write(each).unwrap();
        }
        state.write_visitors(BOOT, &[&visitor("alice")]).unwrap();
        let mut kept = state.read(BOOT);
        kept.sessions.sort_by_key(|session| session.mark.leader.pid);
        assert_eq!(
            (kept.sessions, kept.visitors, kept.aside),
            (vec![one, two.clone()], vec![visitor("alice")], vec![])
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(&state.path().join(two.id.as_str())), 0o600);
        state.remove(&two.id);
        assert_eq!(state.read(BOOT).sessions.len(), 1);
    }

    #[test]
    fn what_is_of_another_boot_is_removed() {
        let (_dir, state) = place();
        state.write(&Session { boot: BootId([9; 16]), ..session(1) }).unwrap();
        state.write(&session(2)).unwrap();
        state.write_visitors(BootId([9; 16]), &[&visitor("alice")]).unwrap();
        let kept = state.read(BOOT);
        assert_eq!((kept.sessions, kept.visitors, kept.aside), (vec![session(2)], vec![], vec![]));
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_ours_is_set_aside_and_the_rest_is_read() {
        let (_dir, state) = place();
        let (good, cut, other, lying) = (session(1), session(2), session(3), session(4));
        for each in [&good, &cut, &other] {
            state.write(each).unwrap();
        }
        let at = |name: &str| state.path().join(name);
        let file = fs::read(at(cut.id.as_str())).unwrap();
        fs::write(at(cut.id.as_str()), &file[..file.len() - 1]).unwrap();
        // Under another session's name, with a sum that fits.
        fs::copy(at(good.id.as_str()), at(lying.id.as_str())).unwrap();
        // More than the record.
        let longer = [postcard::to_allocvec(&other).unwrap(), vec![0]].concat();
        disk::write(&at(other.id.as_str()), SESSION, &longer).unwrap();
        fs::write(at("all-visitors"), "nonsense").unwrap();
        fs::write(at("Notes"), "nonsense").unwrap();
        fs::create_dir(at("a-directory")).unwrap();
        symlink("/etc/passwd", at("bbbbbbbb")).unwrap();
        // Left behind by a write that was cut short.
        fs::write(at(&format!("{}.new", good.id)), "half").unwrap();

        let kept = state.read(BOOT);
        assert_eq!((kept.sessions, kept.visitors), (vec![good], vec![]));
        let mut damage: Vec<(String, Damage)> = kept
            .aside
            .iter()
            .map(|aside| (aside.path.file_name().unwrap().to_str().unwrap().to_owned(), aside.damage))
            .collect();
        damage.sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = vec![
            (cut.id.to_string(), Damage::Length { found: file.len() as u64 - 1, said: file.len() as u64 }),
            (other.id.to_string(), Damage::Payload),
            (lying.id.to_string(), Damage::Payload),
            ("all-visitors".to_owned(), Damage::Foreign),
            ("Notes".to_owned(), Damage::Foreign),
            ("a-directory".to_owned(), Damage::Foreign),
            ("bbbbbbbb".to_owned(), Damage::Untrusted),
        ];
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(damage, expected);
        // The next start finds nothing to say about it.
        let again = state.read(BOOT);
        assert_eq!((again.sessions.len(), again.aside), (1, vec![]));
    }

    #[test]
    fn a_directory_that_is_taken_away_is_made_again() {
        let (_dir, state) = place();
        state.write(&session(1)).unwrap();
        fs::remove_dir_all(state.path()).unwrap();
        state.write(&session(2)).unwrap();
        assert_eq!(state.read(BOOT).sessions, [session(2)]);
    }

    #[test]
    fn a_directory_that_is_none_is_told() {
        let (_dir, state) = place();
        fs::create_dir_all(state.path().parent().unwrap()).unwrap();
        fs::write(state.path(), "").unwrap();
        assert_eq!(state.read(BOOT).aside.len(), 1);
        assert!(matches!(state.write(&session(1)), Err(WriteError::Io { .. })));
    }
}
