use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use jit_model::time::Timestamp;
use jitctl::audit::input::gather;
use jitctl::audit::verify::{Kind, verify};
use jitd::audit::Record;
use jitd::audit::event::Event;
use jitd::audit::file::File;
use jitd::clock::BootId;
use jitd::mode::Mode;
use proptest::prelude::*;

use crate::lines::{DAY, Daemon, HOST, answer, file};

/// The script, as docs/audit.md has it.
fn script(files: &[PathBuf]) -> (bool, String) {
    let docs = include_str!("../../../docs/audit.md");
    let begin = docs.find("#!/bin/sh\n# verify FILE").unwrap();
    let script = &docs[begin..begin + docs[begin..].find("```").unwrap()];
    let output = Command::new("sh").args(["-c", script, "verify"]).args(files).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// jitd's own writer, which makes the file as logrotate left it.
fn write(writer: &mut File, count: i64) {
    for n in 0..count {
        let event = Event::Stop { reason: format!("for the {n}th time, \",\"prev\":\"").into() };
        let record =
            Record { time: Timestamp(DAY + n), mode: Mode::Permissive, host: Arc::from(HOST), event };
        writer.append(&[record]).unwrap();
    }
}

fn writer(dir: &Path) -> File {
    File::new(dir.join("audit.jsonl"), BootId([0xb0; 16]))
}

/// Both judge the same, and name the same line first.
#[track_caller]
fn agree(dir: &Path, files: &[&str], good: bool) -> serde_json::Value {
    let files: Vec<PathBuf> = files.iter().map(|name| dir.join(name)).collect();
    let (passed, said) = script(&files);
    let (status, found) = answer(&["verify"], &files);
    assert_eq!((passed, status == 0), (good, good), "{said}\n{found}");
    if !good {
        let first = &found["faults"][0];
        let place = format!("{}: line {} ", first["file"].as_str().unwrap(), first["line"]);
        assert!(said.starts_with(&place), "{said}\n{found}");
    }
    found
}

fn kinds(found: &serde_json::Value) -> Vec<String> {
    found["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// A file of ten lines, changed.
fn changed(change: impl Fn(&mut Vec<String>)) -> (tempfile::TempDir, serde_json::Value) {
    let dir = tempfile::tempdir().unwrap();
    write(&mut writer(dir.path()), 9);
    let path = dir.path().join("audit.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let found = agree(dir.path(), &["audit.jsonl"], false);
    (dir, found)
}

#[test]
fn whole_files_rotated_or_copied_away_are_good() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut jitd = writer(dir.path());
    write(&mut jitd, 5);
    agree(dir.path(), &["audit.jsonl"], true);
    fs::rename(at("audit.jsonl"), at("audit.jsonl.2")).unwrap();
    write(&mut jitd, 5);
    // copytruncate
    fs::copy(at("audit.jsonl"), at("audit.jsonl.1")).unwrap();
    fs::write(at("audit.jsonl"), "").unwrap();
    write(&mut jitd, 5);
    // Another jitd goes on.
    write(&mut writer(dir.path()), 3);
    let found = agree(dir.path(), &["audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"], true);
    assert_eq!(found["checked"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["checked"][0]["how"], "chain");
    // In whatever order they are named, and as a directory.
    let shuffled = ["audit.jsonl", "audit.jsonl.2", "audit.jsonl.1"].map(at).to_vec();
    assert_eq!(answer(&["verify"], &shuffled).0, 0);
    assert_eq!(answer(&["verify"], &[dir.path().to_owned()]).0, 0);
    // One is missing: under these names, and under others.
    fs::remove_file(at("audit.jsonl.1")).unwrap();
    assert_eq!(kinds(&agree(dir.path(), &["audit.jsonl.2", "audit.jsonl"], false)), ["removed"]);
    fs::rename(at("audit.jsonl.2"), at("old.jsonl")).unwrap();
    let (status, found) = answer(&["verify"], &[at("old.jsonl"), at("audit.jsonl")]);
    assert_eq!((status, kinds(&found)), (1, vec!["removed".to_owned()]), "{found}");
}

#[test]
fn a_torn_line_is_a_fault_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    write(&mut writer(dir.path()), 3);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 700.min(text.len() / 4)]).unwrap();
    let torn = fs::read_to_string(&path).unwrap().lines().count();
    // Cut in the middle of `prev` or before it the script sees it, too; else only we do.
    let mut bytes = fs::read(&path).unwrap();
    let cut = bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 30;
    bytes.truncate(cut);
    fs::write(&path, &bytes).unwrap();
    write(&mut writer(dir.path()), 3);
    let found = agree(dir.path(), &["audit.jsonl"], false);
    assert_eq!(kinds(&found), ["torn"], "{found}");
    assert_eq!(found["faults"][0]["line"], torn, "{found}");
}

#[test]
fn what_was_done_to_a_line_is_said() {
    let (_, edited) = changed(|lines| lines[3] = lines[3].replace("for the", "For the"));
    assert_eq!((kinds(&edited), &edited["faults"][0]["line"]), (vec!["changed".to_owned()], &5.into()));
    let (_, cut) = changed(|lines| drop(lines.drain(3..5)));
    assert_eq!(kinds(&cut), ["removed"]);
    assert_eq!((&cut["faults"][0]["seq"], &cut["faults"][0]["to"]), (&4.into(), &5.into()));
    let (_, inserted) = changed(|lines| lines.insert(4, lines[1].clone()));
    assert_eq!(kinds(&inserted), ["inserted", "inserted"]);
    assert!(inserted["faults"][0]["text"].as_str().unwrap().contains("copy"), "{inserted}");
    let (_, swapped) = changed(|lines| lines.swap(3, 4));
    assert!(swapped["faults"].as_array().unwrap().len() >= 2, "{swapped}");
    let (_, foreign) = changed(|lines| lines.insert(4, "whatever".to_owned()));
    assert_eq!(kinds(&foreign), ["torn", "inserted"]);
}

/// What the script cannot see: jitd goes on after the end that was cut off, and the chain holds, but the numbers tell.
#[test]
fn lines_cut_off_while_jitd_writes_leave_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut jitd = writer(dir.path());
    write(&mut jitd, 9);
    let text = fs::read_to_string(&path).unwrap();
    let kept: usize = text.lines().take(6).map(|line| line.len() + 1).sum();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(u64::try_from(kept).unwrap()).unwrap();
    write(&mut jitd, 3);
    assert!(script(std::slice::from_ref(&path)).0);
    let (status, found) = answer(&["verify"], &[path]);
    assert_eq!((status, kinds(&found)), (1, vec!["removed".to_owned()]), "{found}");
    assert_eq!((&found["faults"][0]["seq"], &found["faults"][0]["to"]), (&7.into(), &10.into()), "{found}");
}

/// Two hosts' lines between each other, some twice, out of order.
#[test]
fn collected_lines_are_checked_by_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (Daemon::new(Mode::Permissive), Daemon::new(Mode::Permissive));
    // The first lines are the first's; from here on another host.
    two.host = "web2.prod.example.com".to_owned();
    two.lines.clear();
    for n in 0..10 {
        for daemon in [&mut one, &mut two] {
            daemon.at += 60;
            daemon.put(Event::Stop { reason: n.to_string().into() });
        }
    }
    let mut lines: Vec<String> =
        one.lines.iter().rev().zip(&two.lines).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    lines.extend(one.lines.iter().take(4).cloned());
    let path = file(dir.path(), "all.jsonl", &lines.concat());
    let (status, unsaid) = answer(&["verify"], std::slice::from_ref(&path));
    assert!(status == 1 && kinds(&unsaid)[0] == "mixed", "{unsaid}");
    let (status, found) = answer(&["verify", "--collected"], &[path]);
    assert_eq!((status, &found["checked"][0]["how"]), (0, &"numbers".into()), "{found}");
    assert_eq!(found["checked"][0]["hosts"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["again"], 2, "{found}");

    lines.remove(4);
    let edited = lines[9].replace("\"reason\":\"", "\"reason\":\"x");
    lines[9] = edited;
    lines.push("not ours\n".to_owned());
    let (status, found) =
        answer(&["verify", "--collected"], &[file(dir.path(), "all.jsonl", &lines.concat())]);
    let mut kinds = kinds(&found);
    kinds.sort();
    assert_eq!((status, kinds), (1, ["changed", "missing", "torn"].map(str::to_owned).to_vec()), "{found}");
    assert_eq!(found["lines"], u64::try_from(lines.len()).unwrap());
}

/// Who renames the host of some lines does not have them taken for collected ones.
#[test]
fn another_hosts_name_excuses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut jitd = Daemon::new(Mode::Permissive);
    jitd.put(Event::Stop { reason: "x".into() });
    jitd.lines[0] = jitd.lines[0].replace(HOST, "web2.prod.example.com");
    let (status, found) = answer(&["verify"], &[file(dir.path(), "a.jsonl", &jitd.text())]);
    assert_eq!((status, kinds(&found)), (1, ["mixed", "changed"].map(str::to_owned).to_vec()), "{found}");
}

#[test]
fn events_that_jitd_had_no_room_for_are_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mut jitd = Daemon::new(Mode::Permissive);
    jitd.put(Event::Lost { count: 17 });
    let (status, found) = answer(&["verify"], &[file(dir.path(), "a.jsonl", &jitd.text())]);
    assert_eq!((status, kinds(&found)), (1, vec!["lost".to_owned()]));
    assert!(found["faults"][0]["text"].as_str().unwrap().contains("17"), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Any single byte of any line but the last, newlines included, to any other.
    #[test]
    fn any_changed_byte_is_found(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut jitd = Daemon::new(Mode::Permissive);
        for n in 0..3 {
            jitd.put(Event::Stop { reason: format!("{n}").into() });
        }
        let mut bytes = jitd.text().into_bytes();
        let last = jitd.lines.last().unwrap().len();
        let at = at.index(bytes.len() - last);
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        fs::write(&path, &bytes).unwrap();
        let found = verify(&gather(&[path]), Kind::Whole);
        prop_assert!(!found.faults.is_empty());
    }
}
