//! What an earlier life of the daemon left that ran as root, handed over to the user that the next one has: a ledger that it cannot read
//! would be set aside, and with it the revocations that it remembers; and the word of a map can be set only by whom it belongs to.
//!
//! The directories are that user's, so everything in them may be his choice: a symbolic link, another's file by a hard link, a FIFO, something
//! that changes while it is looked at. Must never give away anything but what root's jitd wrote: a plain file, root's, writable by nobody
//! else, of one name, that begins as such a file does. One name alone proves nothing: where hard links are not protected
//! (fs.protected_hardlinks), he can link a file of root's here, and the next time that root replaces it, his is the only name. What it
//! begins with he cannot choose, for he cannot write to it.
//!
//! What is not given stays as it is, and whoever needs it says so: nothing here keeps the daemon from starting.

use std::ffi::CStr;
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt, fchown};

use nix::dir::Dir;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{Checked, Owner};

/// No more files in one directory: some sessions, and what was set aside.
const MOST: usize = 65_536;

/// Never through a link, never waiting for anybody, never becoming the terminal of this process.
const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

impl Checked {
    /// Gives a file to its owner, if it is what root's jitd wrote and begins with one of these. Its group stays.
    pub fn give(&self, name: &CStr, beginnings: &[&[u8]], owner: Owner) {
        let Ok(file) = openat(&self.dir, name, FLAGS, Mode::empty()).map(File::from) else { return };
        if file.metadata().is_ok_and(|meta| is_roots(&meta) && meta.is_file() && meta.nlink() == 1)
            && beginnings.iter().any(|beginning| begins_with(&file, beginning))
        {
            let _ = fchown(&file, Some(owner.uid), None);
        }
    }

    /// The same with a directory and each file in it. That is nobody's choice if it is root's still: nobody else can put one here.
    pub fn give_all(&self, name: &CStr, beginnings: &[&[u8]], owner: Owner) {
        let opened = openat(&self.dir, name, FLAGS | OFlag::O_DIRECTORY, Mode::empty()).map(File::from);
        let Ok(inside) = opened.map(|dir| Checked { dir }) else { return };
        if !inside.dir.metadata().is_ok_and(|meta| is_roots(&meta)) {
            return;
        }
        let listed =
            openat(&inside.dir, c".", FLAGS | OFlag::O_DIRECTORY, Mode::empty()).and_then(Dir::from_fd);
        for entry in listed.into_iter().flatten().flatten().take(MOST) {
            if !entry.file_name().to_bytes().starts_with(b".") {
                inside.give(entry.file_name(), beginnings, owner);
            }
        }
        // Last: killed before, it is root's at the next start, too.
        let _ = fchown(&inside.dir, Some(owner.uid), Some(owner.gid));
    }
}

fn is_roots(meta: &Metadata) -> bool {
    meta.uid() == 0 && meta.mode() & 0o022 == 0
}

fn begins_with(file: &File, beginning: &[u8]) -> bool {
    let mut found = vec![0; beginning.len()];
    file.read_exact_at(&mut found, 0).is_ok() && found == beginning
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::path::Path;

    use super::*;
    use crate::directories::{Ownership, ensure};

    const NOBODY: Owner = Owner { uid: 65_534, gid: 65_534 };

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    /// To be run as root, as the daemon is that gives something away.
    fn room() -> (tempfile::TempDir, Checked) {
        let dir = tempfile::tempdir().unwrap();
        let checked = ensure(dir.path(), 0o700, Ownership::Give(NOBODY)).unwrap();
        (dir, checked)
    }

    #[test]
    fn what_root_left_is_given() {
        let (dir, checked) = room();
        let ledger = dir.path().join("ledger");
        fs::write(&ledger, "jitledgr and so on").unwrap();
        chown(&ledger, Some(0), Some(4)).unwrap();
        checked.give(c"ledger", &[b"jitother", b"jitledgr"], NOBODY);
        assert_eq!(owner(&ledger), NOBODY.uid);
        assert_eq!(fs::metadata(&ledger).unwrap().gid(), 4);
        checked.give(c"missing", &[b"jitledgr"], NOBODY);

        let sessions = dir.path().join("sessions");
        fs::create_dir(&sessions).unwrap();
        fs::write(sessions.join("one"), "jitsessn").unwrap();
        fs::write(sessions.join("two"), "else").unwrap();
        checked.give_all(c"sessions", &[b"jitsessn"], NOBODY);
        assert_eq!((owner(&sessions), owner(&sessions.join("one"))), (NOBODY.uid, NOBODY.uid));
        assert_eq!(owner(&sessions.join("two")), 0);
    }

    /// Whatever the owner of the directory puts there, he gets nothing that was not jitd's.
    #[test]
    fn nothing_else_is() {
        let (dir, checked) = room();
        let elsewhere = tempfile::tempdir().unwrap();
        let root = elsewhere.path().join("precious");
        fs::write(&root, "jitledgr of another").unwrap();
        let give = |name: &str| checked.give(&CString::new(name).unwrap(), &[b"jitledgr"], NOBODY);
        symlink(&root, dir.path().join("symbolic")).unwrap();
        give("symbolic");
        assert_eq!(owner(&root), 0);
        fs::hard_link(&root, dir.path().join("hard")).unwrap();
        give("hard");
        assert_eq!(owner(&root), 0, "of two names");

        // Root replaces its own, as passwd(1) does: the link is the only name that is left.
        let shadow = elsewhere.path().join("shadow");
        fs::write(&shadow, "root:$y$j9T$...").unwrap();
        fs::hard_link(&shadow, dir.path().join("only")).unwrap();
        fs::write(elsewhere.path().join("new"), "root:*").unwrap();
        fs::rename(elsewhere.path().join("new"), &shadow).unwrap();
        give("only");
        assert_eq!(owner(&dir.path().join("only")), 0);

        fs::write(dir.path().join("writable"), "jitledgr").unwrap();
        fs::set_permissions(dir.path().join("writable"), fs::Permissions::from_mode(0o620)).unwrap();
        give("writable");
        assert_eq!(owner(&dir.path().join("writable")), 0);
        fs::write(dir.path().join("daemons"), "jitledgr").unwrap();
        chown(dir.path().join("daemons"), Some(1), Some(1)).unwrap();
        give("daemons");
        assert_eq!(owner(&dir.path().join("daemons")), 1, "somebody else's");
        nix::unistd::mkfifo(&dir.path().join("fifo"), Mode::S_IRUSR).unwrap();
        give("fifo");
        assert_eq!(owner(&dir.path().join("fifo")), 0);
        fs::create_dir(dir.path().join("directory")).unwrap();
        give("directory");
        assert_eq!(owner(&dir.path().join("directory")), 0);

        // A directory that is his already: what he has linked into it was not put there by root.
        let his = dir.path().join("sessions");
        fs::create_dir(&his).unwrap();
        fs::write(his.join("one"), "jitledgr").unwrap();
        chown(&his, Some(NOBODY.uid), None).unwrap();
        checked.give_all(c"sessions", &[b"jitledgr"], NOBODY);
        assert_eq!(owner(&his.join("one")), 0);
        symlink(elsewhere.path(), dir.path().join("away")).unwrap();
        checked.give_all(c"away", &[b"jitledgr"], NOBODY);
        assert_eq!((owner(elsewhere.path()), owner(&root)), (0, 0));
    }
}
