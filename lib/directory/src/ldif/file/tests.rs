//! Files and directories that others could write, on a real file system. Some need root, who alone can give files away.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use nix::unistd::mkfifo;

use super::*;

struct Place {
    directory: tempfile::TempDir,
    owner: u32,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let owner = fs::metadata(directory.path()).unwrap().uid();
        Place { directory, owner }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "version: 1\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn refusal(&self, path: &Path) -> String {
        open(path, self.owner).unwrap_err().to_string()
    }
}

#[test]
fn a_good_file_is_read() {
    let place = Place::new();
    for mode in [0o600, 0o640, 0o644, 0o755] {
        let mut trusted = open(&place.file("grants.ldif", mode), place.owner).unwrap();
        assert_eq!(trusted.read().unwrap(), b"version: 1\n");
        assert_eq!(trusted.group_and_mode().1, mode);
    }
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let place = Place::new();
    for mode in [0o660, 0o620, 0o602, 0o666] {
        let path = place.file("grants.ldif", mode);
        let refusal = place.refusal(&path);
        assert!(refusal.contains(&format!("chmod go-w {}", path.display())), "{refusal}");
    }
}

#[test]
fn somebody_elses_file_is_refused() {
    let place = Place::new();
    let path = place.file("grants.ldif", 0o600);
    let refusal = open(&path, place.owner + 1).unwrap_err();
    assert!(matches!(refusal, FileError::Owner(..)), "{refusal}");
    if place.owner == ROOT {
        chown(&path, Some(12_345), None).unwrap();
        let refusal = place.refusal(&path);
        assert!(refusal.contains("12345") && refusal.contains("chown root"), "{refusal}");
        // A directory on the way that belongs to somebody else: he could exchange what is in it.
        let sub = place.path("sub");
        fs::create_dir(&sub).unwrap();
        let path = place.file("sub/grants.ldif", 0o600);
        chown(&sub, Some(12_345), None).unwrap();
        let refusal = place.refusal(&path);
        assert!(refusal.contains("sub belongs to uid 12345"), "{refusal}");
    }
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    let place = Place::new();
    let sub = place.path("sub");
    fs::create_dir_all(sub.join("deep")).unwrap();
    let path = place.file("sub/deep/grants.ldif", 0o600);
    for mode in [0o775, 0o757, 0o777] {
        fs::set_permissions(&sub, Permissions::from_mode(mode)).unwrap();
        let refusal = place.refusal(&path);
        assert!(refusal.contains(&format!("chmod go-w {}", sub.display())), "{refusal}");
    }
    fs::set_permissions(&sub, Permissions::from_mode(0o1777)).unwrap();
    assert!(open(&path, place.owner).is_ok());
}

#[test]
fn links_are_refused() {
    let place = Place::new();
    let path = place.file("grants.ldif", 0o600);
    let link = place.path("link.ldif");
    symlink(&path, &link).unwrap();
    assert!(matches!(open(&link, place.owner), Err(FileError::Link(_))));
    fs::create_dir(place.path("real")).unwrap();
    place.file("real/grants.ldif", 0o600);
    symlink(place.path("real"), place.path("way")).unwrap();
    let refusal = open(&place.path("way/grants.ldif"), place.owner).unwrap_err();
    assert!(matches!(&refusal, FileError::Link(at) if at.ends_with("way")), "{refusal}");
}

#[test]
fn only_regular_files_are_read() {
    let place = Place::new();
    let fifo = place.path("fifo");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    assert!(matches!(open(&fifo, place.owner), Err(FileError::NotRegular(_))));
    assert!(matches!(open(place.directory.path(), place.owner), Err(FileError::NotRegular(_))));
    assert!(matches!(open(&place.path("none"), place.owner), Err(FileError::Missing(_))));
    assert!(matches!(open(&place.path("none/grants.ldif"), place.owner), Err(FileError::NoDirectory(_))));
    assert!(matches!(open(Path::new("grants.ldif"), place.owner), Err(FileError::NotAbsolute(_))));
    assert!(matches!(open(&place.path("../x"), place.owner), Err(FileError::NotAbsolute(_))));
}

#[test]
fn a_large_file_is_refused() {
    let place = Place::new();
    let path = place.file("grants.ldif", 0o600);
    File::options().write(true).open(&path).unwrap().set_len((super::super::MOST_BYTES + 1) as u64).unwrap();
    assert!(matches!(open(&path, place.owner).unwrap().read(), Err(FileError::TooLarge(_))));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let place = Place::new();
    let path = place.file("grants.ldif", 0o600);
    let mut trusted = open(&path, place.owner).unwrap();
    fs::write(&path, "# something longer\n").unwrap();
    assert!(matches!(trusted.read(), Err(FileError::Unsettled(_))));
}
