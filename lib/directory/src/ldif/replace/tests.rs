//! Replacing on a real file system, by several writers at once.

use std::convert::Infallible;
use std::os::unix::fs::MetadataExt;

use super::*;

fn place() -> (tempfile::TempDir, PathBuf, Ownership) {
    let directory = tempfile::tempdir().unwrap();
    let metadata = fs::metadata(directory.path()).unwrap();
    let path = directory.path().canonicalize().unwrap().join("grants.ldif");
    (directory, path, Ownership { owner: metadata.uid(), group: metadata.gid() })
}

fn append(path: &Path, ownership: Ownership, more: &str) -> Result<(), ReplaceError<Infallible>> {
    replace(path, ownership, |old| Ok([old, more.as_bytes()].concat()))
}

#[test]
fn a_new_file_is_0640_and_an_old_one_keeps_its_permissions() {
    let (_directory, path, ownership) = place();
    append(&path, ownership, "a").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
    append(&path, ownership, "b").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o604);
    assert_eq!(fs::read(&path).unwrap(), b"ab");
    if ownership.owner == file::ROOT {
        std::os::unix::fs::chown(&path, None, Some(4_321)).unwrap();
        append(&path, ownership, "c").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().gid(), 4_321);
    }
}

#[test]
fn no_addition_is_lost() {
    let (directory, path, ownership) = place();
    std::thread::scope(|scope| {
        for letter in ["a", "b", "c", "d"] {
            let path = &path;
            scope.spawn(move || (0..5).for_each(|_| append(path, ownership, letter).unwrap()));
        }
    });
    let mut text = fs::read(&path).unwrap();
    text.sort_unstable();
    assert_eq!(text, b"aaaaabbbbbcccccddddd");
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "only the file and its lock are left: {left:?}");
}

#[test]
fn what_an_editor_wrote_meanwhile_is_not_lost() {
    let (directory, path, ownership) = place();
    append(&path, ownership, "a").unwrap();
    let outcome = replace(&path, ownership, |old| {
        fs::write(&path, "by hand").unwrap();
        Ok::<_, Infallible>(old.to_vec())
    });
    assert!(matches!(outcome, Err(ReplaceError::Changed(_))));
    assert_eq!(fs::read(&path).unwrap(), b"by hand");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_file_that_is_not_trusted_is_not_touched() {
    let (_directory, path, ownership) = place();
    append(&path, ownership, "a").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(append(&path, ownership, "b"), Err(ReplaceError::File(FileError::Writable(_)))));
    assert_eq!(fs::read(&path).unwrap(), b"a");
}

#[test]
fn what_is_refused_is_not_written() {
    let (_directory, path, ownership) = place();
    append(&path, ownership, "a").unwrap();
    let outcome = replace(&path, ownership, |_| Err(io::Error::other("no")));
    assert!(matches!(outcome, Err(ReplaceError::Edit(_))));
    assert_eq!(fs::read(&path).unwrap(), b"a");
}

#[test]
fn a_link_in_the_temporary_files_place_is_not_followed() {
    let (directory, path, ownership) = place();
    let victim = directory.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let temporary = path.with_file_name(format!(".grants.ldif.new.{}", std::process::id()));
    std::os::unix::fs::symlink(&victim, &temporary).unwrap();
    append(&path, ownership, "a").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!(fs::read(&path).unwrap(), b"a");
}
