//! The file and its chain: after restarts, rotation, foreign hands and a full disk.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::file::File;
use super::super::line::{self, Head, Tail, append, hex, tail};
use super::{BOOT, denied, lines, place, verified};

fn told(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {}", event["seq"], event["chain"].as_str().unwrap_or("-")))
        .collect()
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let (_dir, path) = place();
    for _ in 0..3 {
        let mut file = File::new(path.clone(), BOOT);
        file.append(&[denied("alice", "a"), denied("bob", "b")]).unwrap();
        file.append(&[denied("carol", "c")]).unwrap();
    }
    let events = verified(&[&path]);
    assert_eq!(
        told(&events),
        [
            "1 new",
            "2 -",
            "3 -",
            "4 -",
            "5 continued",
            "6 -",
            "7 -",
            "8 -",
            "9 continued",
            "10 -",
            "11 -",
            "12 -"
        ]
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn a_torn_line_is_left_as_it_is_and_followed() {
    let (_dir, path) = place();
    File::new(path.clone(), BOOT).append(&[denied("alice", "a"), denied("bob", "b")]).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 1..200 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        File::new(path.clone(), BOOT).append(&[denied("carol", "c")]).unwrap();
        let events = verified(&[&path]);
        let last = events.last().unwrap();
        assert_eq!((last["seq"].clone(), last["name"].clone()), (5.into(), "carol".into()), "cut by {cut}");
        assert_eq!(events[events.len() - 2]["chain"], "repaired");
    }
}

#[test]
fn foreign_content_is_followed_too() {
    let (_dir, path) = place();
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    let forge = |text: &str| {
        let mut other = fs::OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(text.as_bytes()).unwrap();
    };
    forge("{\"seq\":2,\"event\":\"forged\"}\n");
    file.append(&[denied("bob", "b")]).unwrap();
    forge("\n\nnot even JSON");
    file.append(&[denied("carol", "c")]).unwrap();
    let read = lines(&path);
    assert!(
        read[3].contains("\"chain\":\"repaired\"") && read[8].contains("\"chain\":\"repaired\""),
        "{read:#?}"
    );
    let mut prev = hex(&[0; 32]);
    for line in read {
        assert!(!line.contains("\"prev\"") || line.contains(&prev));
        prev = hex(&Sha256::digest(&line));
    }
}

#[test]
fn a_line_too_long_to_be_ours_begins_a_new_chain() {
    let (_dir, path) = place();
    fs::write(&path, "x".repeat(line::WINDOW + 1)).unwrap();
    File::new(path.clone(), BOOT).append(&[denied("alice", "a")]).unwrap();
    let first: Value = serde_json::from_str(&lines(&path)[1]).unwrap();
    assert_eq!((first["chain"].clone(), first["prev"].clone()), ("new".into(), hex(&[0; 32]).into()));
}

#[test]
fn rotation_is_noticed_and_the_chain_crosses_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old, older) =
        (dir.path().join("audit.jsonl"), dir.path().join("audit.jsonl.1"), dir.path().join("audit.jsonl.2"));
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    fs::rename(&path, &older).unwrap();
    file.append(&[denied("bob", "b")]).unwrap();
    // logrotate's "create".
    fs::rename(&path, &old).unwrap();
    fs::write(&path, "").unwrap();
    file.append(&[denied("carol", "c")]).unwrap();
    // Opened again for nothing: no word about it.
    file.reopen();
    file.append(&[denied("dave", "d")]).unwrap();
    let events = verified(&[&older, &old, &path]);
    assert_eq!(told(&events), ["1 new", "2 -", "3 rotated", "4 -", "5 rotated", "6 -", "7 -"]);
    // logrotate's "copytruncate".
    fs::copy(&path, &old).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    file.append(&[denied("erin", "e")]).unwrap();
    assert_eq!(told(&verified_from(&old, &path)), ["8 rotated", "9 -"]);
}

fn verified_from(before: &Path, path: &Path) -> Vec<Value> {
    let events: Vec<Value> = lines(path).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["prev"], hex(&Sha256::digest(lines(before).last().unwrap())));
    events
}

#[test]
fn links_and_pipes_are_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (path, victim) = (dir.path().join("audit.jsonl"), dir.path().join("victim"));
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    File::new(path.clone(), BOOT).append(&[denied("alice", "a")]).unwrap_err();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    File::new(path, BOOT).append(&[denied("alice", "a")]).unwrap_err();
}

/// Runs in a process of its own, by the test below, with a limit on the size of files: the write stops in mid-line.
#[test]
#[ignore = "only as a child of a_full_disk_leaves_no_half_line"]
fn child_with_a_full_disk() {
    let path = std::path::PathBuf::from(std::env::var_os("JIT_TEST_AUDIT").unwrap());
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    let before = fs::read(&path).unwrap();
    let full = file.append(&vec![denied("bob", "b"); 40]).unwrap_err();
    assert_eq!(full.raw_os_error(), Some(libc::EFBIG));
    assert_eq!(fs::read(&path).unwrap(), before, "nothing half-written");
    file.append(&[denied("carol", "c")]).unwrap();
    assert_eq!(told(&verified(&[&path])), ["1 new", "2 -", "3 -"]);
}

#[test]
fn a_full_disk_leaves_no_half_line() {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        // 16 blocks of 512 bytes. The signal that comes with the limit would end the process.
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "audit::tests::chain::child_with_a_full_disk", "--ignored", "--test-threads=1"])
        .env("JIT_TEST_AUDIT", dir.path().join("audit.jsonl"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"));
}

/// The script in docs/audit.md accepts what is written and refuses what was changed.
#[test]
fn the_documented_check_works() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let script = page.split("```sh\n").find(|part| part.starts_with("#!/bin/sh")).unwrap();
    let script = script.split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("audit.jsonl"), dir.path().join("audit.jsonl.1"));
    let mut file = File::new(path.clone(), BOOT);
    // Names that look like the chain's own fields.
    let forged = format!("x\",\"prev\":\"{}\"", hex(&[0; 32]));
    file.append(&[denied(&forged, "a"), denied("bo\\b", "%s\\n"), denied("carol", " c ")]).unwrap();
    fs::rename(&path, &old).unwrap();
    file.append(&[denied("dave", "d"), denied("erin", "e")]).unwrap();
    let check = |files: &[&Path]| {
        let output = Command::new("sh").args(["-c", script, "verify"]).args(files).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (good, said) = check(&[&old, &path]);
    assert!(good && said.contains("7 lines"), "{said}");
    assert!(check(&[&path]).0, "a later file alone");
    assert!(!check(&[&path, &old]).0, "in the wrong order");
    let text = fs::read_to_string(&old).unwrap();
    fs::write(&old, text.replace("carol", "mallory")).unwrap();
    assert!(!check(&[&old, &path]).0, "the last line of a rotated file was changed");
    let without: String =
        text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, l)| format!("{l}\n")).collect();
    fs::write(&old, without).unwrap();
    let (good, said) = check(&[&old]);
    assert!(!good && said.contains("line 2"), "a line was taken out: {said}");
    fs::write(&old, format!("{text}{{\"v\":1}}\n")).unwrap();
    assert!(!check(&[&old]).0, "a line was added");
}

proptest! {
    #[test]
    fn any_tail_is_read(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), whole in any::<bool>()) {
        let _ = tail(&bytes, whole);
    }

    /// The end of a file says the same through a window as in full.
    #[test]
    fn a_window_is_enough(count in 1..6u64, cut in 0..200usize) {
        let (mut bytes, mut head, mut last) = (Vec::new(), Head::NEW, 0);
        for _ in 0..count {
            last = bytes.len();
            append(&mut bytes, &mut head, "boot", &denied("alice", "a")).unwrap();
        }
        prop_assert_eq!(tail(&bytes, true), Tail::Whole(head));
        let window = &bytes[last.saturating_sub(cut)..];
        let expected = if last == 0 || cut == 0 { Tail::Foreign { newline: false } } else { Tail::Whole(head) };
        prop_assert_eq!(tail(window, false), expected);
    }
}
