use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn ordered(names: &[&str]) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(dir.path().join(name), "").unwrap();
    }
    let input = gather(&[dir.path().to_owned()]);
    assert_eq!(input.unread, []);
    input.series.iter().map(|series| series.files.iter().map(|file| name_of(&file.path)).collect()).collect()
}

fn found(path: &Path) -> Found {
    let metadata = fs::metadata(path).unwrap();
    Found { path: path.to_owned(), inode: Some((metadata.dev(), metadata.ino())) }
}

/// Between the look at the directory and that at the file.
#[test]
fn what_is_rotated_meanwhile_is_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("audit.jsonl"), "old\n").unwrap();
    let input = gather(&[dir.path().to_owned()]);
    let file = &input.series[0].files[0];
    assert!(open(file).is_ok());
    fs::rename(at("audit.jsonl"), at("audit.jsonl.1")).unwrap();
    fs::write(at("audit.jsonl"), "new\n").unwrap();
    assert!(open(file).err().unwrap().contains("run this again"));
}

#[test]
fn rotated_files_come_oldest_first() {
    let numbered = ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.10.gz", "audit.jsonl.2.gz"];
    assert_eq!(
        ordered(&numbered),
        [["audit.jsonl.10.gz", "audit.jsonl.2.gz", "audit.jsonl.1", "audit.jsonl"]]
    );
    let dated = [
        "audit.jsonl",
        "audit.jsonl-20261122.gz",
        "audit.jsonl-20261121.gz",
        "audit.jsonl-20261122-1795348805",
    ];
    assert_eq!(
        ordered(&dated),
        [[
            "audit.jsonl-20261121.gz",
            "audit.jsonl-20261122.gz",
            "audit.jsonl-20261122-1795348805",
            "audit.jsonl"
        ]]
    );
    assert_eq!(
        ordered(&["web-1.jsonl", "web-2.jsonl", "web-1.jsonl.1"]),
        [vec!["web-1.jsonl.1", "web-1.jsonl"], vec!["web-2.jsonl"]]
    );
}

#[test]
fn nothing_is_left_out_silently() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("deep")).unwrap();
    fs::write(at("deep/audit.jsonl"), "x\n").unwrap();
    fs::write(at("README"), "").unwrap();
    let input = gather(&[dir.path().to_owned(), at("none"), at("deep/audit.jsonl")]);
    let files: Vec<_> = input.series.iter().map(|series| series.files.clone()).collect();
    assert_eq!(files, [[found(&at("deep/audit.jsonl"))]]);
    let named: Vec<_> =
        input.unread.iter().map(|unread| (unread.file.clone(), unread.text.clone())).collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named[0].0.ends_with("README") && named[0].1.contains("name it"), "{named:?}");
    assert!(named[1].0.ends_with("none") && named[1].1.contains("no such file"), "{named:?}");
}

#[test]
fn what_gzip_packed_is_read_whatever_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl.1");
    let mut bytes = Vec::new();
    for text in ["one\n", "two\n"] {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        bytes.extend(gz.finish().unwrap());
    }
    fs::write(&path, &bytes).unwrap();
    let mut text = String::new();
    open(&found(&path)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\ntwo\n");
    // Torn.
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    assert!(open(&found(&path)).unwrap().read_to_string(&mut text).is_err());
    fs::write(dir.path().join("a.xz"), "x").unwrap();
    assert!(open(&found(&dir.path().join("a.xz"))).err().unwrap().contains("unpack it"));
    fs::write(&path, "a").unwrap();
    let mut text = String::new();
    open(&found(&path)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "a");
}

/// Whoever took jitd over may put anything into its directory; root, who looks, opens none of it.
#[test]
fn in_the_daemons_directory_only_plain_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("audit.jsonl"), "x\n").unwrap();
    std::os::unix::fs::symlink("/dev/null", at("audit.jsonl.1")).unwrap();
    std::os::unix::fs::symlink("audit.jsonl", at("audit.jsonl.2")).unwrap();
    fs::create_dir(at("audit.jsonl.3")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("audit.jsonl.4"));
    assert!(socket.is_ok());
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    own(dir.path(), &mut files, &mut unread);
    let names: Vec<String> = files.iter().map(|(path, _)| name_of(path)).collect();
    assert_eq!(names, ["audit.jsonl"]);
    assert!(
        unread.len() == 4 && unread.iter().all(|one| one.text.contains("not a plain file")),
        "{unread:?}"
    );
}
