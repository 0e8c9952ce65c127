//! The mode is a file: written whole, removed without a daemon, and not written where it would lock everybody out.

mod fake;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fake::{Daemon, Ran, run, status};
use jit_control::{Answer, Request, Status};

const RENDERED: &str = "guard sshd\nguard sudo\nbreak-glass-user root\nend enforcing\n";

/// A daemon that renders `text`, and whose mode is the file's existence.
fn daemon(file: PathBuf, text: &'static str, mut status: Status) -> Daemon {
    Daemon::answering(move |request| match request {
        Request::RenderEnforcing {} => Answer::Enforcing { text: text.to_owned() },
        Request::Status {} => {
            status.mode = if file.exists() { "enforcing" } else { "permissive" }.to_owned();
            Answer::Status(status.clone())
        }
        other => panic!("{other:?}"),
    })
}

fn mode(daemon: &Daemon, file: &Path, args: &[&str]) -> Ran {
    let mut all = vec!["mode", "--file", file.to_str().unwrap()];
    all.extend(args);
    daemon.run(&all)
}

fn only(directory: &Path, names: &[&str]) {
    let mut found: Vec<String> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names);
}

/// Setting the mode takes root. A test that cannot run fails: a skip would look like a proof.
fn needs_root() {
    assert_eq!(fs::metadata("/proc/self").unwrap().uid(), 0, "needs root: run it by `make test` as root");
}

#[test]
fn shows_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, status());
    let ran = mode(&daemon, &file, &[]);
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "permissive\n", ""));
    fs::write(&file, RENDERED).unwrap();
    assert_eq!(mode(&daemon, &file, &[]).out, "enforcing\n");
    let json = mode(&daemon, &file, &["--json"]).json();
    assert_eq!(json["answer"], "mode");
    assert_eq!(json["mode"], "enforcing");
}

#[test]
fn without_a_daemon_the_file_speaks() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, file) = (dir.path().join("none.sock"), dir.path().join("enforcing"));
    let args = ["mode", "--file", file.to_str().unwrap()];
    let ran = run(&socket, &args);
    assert_eq!((ran.status, ran.out.as_str()), (0, "permissive\n"));
    assert!(ran.err.contains("does not answer"), "{ran:?}");
    fs::write(&file, "").unwrap();
    assert_eq!(run(&socket, &args).out, "enforcing\n");
    fs::write(&file, "guard sshd\nuntil 2020-01-01T00:00:00Z\nend enforcing\n").unwrap();
    let ran = run(&socket, &args);
    assert_eq!(ran.out, "permissive\n", "a file that was not confirmed in time is void");
    assert!(ran.err.contains("was not confirmed by 2020-01-01"), "{ran:?}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let ran = run(&socket, &args);
    assert_eq!(ran.out, "enforcing\n");
    assert!(ran.err.contains("cannot be used (not a regular file)"), "{ran:?}");
}

#[test]
fn enforcing_writes_what_the_daemon_renders() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    fs::create_dir(&etc).unwrap();
    let file = etc.join("enforcing");
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    symlink(&elsewhere, &file).unwrap();
    let daemon = daemon(file.clone(), RENDERED, status());
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "enforcing\n"));
    assert!(ran.err.contains("in without a grant: break-glass-user root"), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), RENDERED);
    let meta = fs::symlink_metadata(&file).unwrap();
    assert!(meta.is_file(), "the link was replaced, not followed");
    assert_eq!(meta.permissions().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "untouched");
    only(&etc, &["enforcing"]);
    let ran = mode(&daemon, &file, &["permissive"]);
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "permissive\n", ""));
    only(&etc, &[]);
}

#[test]
fn permissive_needs_no_daemon() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let (socket, file) = (dir.path().join("none.sock"), dir.path().join("enforcing"));
    fs::write(&file, RENDERED).unwrap();
    for _ in 0..2 {
        let ran = run(&socket, &["mode", "--file", file.to_str().unwrap(), "permissive"]);
        assert_eq!((ran.status, ran.out.as_str()), (0, "permissive\n"), "{ran:?}");
        assert!(!file.exists());
    }
}

#[test]
fn enforcing_without_a_daemon_is_refused() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let ran = run(
        &dir.path().join("none.sock"),
        &["mode", "--file", file.to_str().unwrap(), "enforcing", "--force"],
    );
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(!file.exists());
}

#[test]
fn what_would_lock_everybody_out_takes_force() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), "guard sshd\nbreak-glass-console yes\nend enforcing\n", status());
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("lock everybody out") && ran.err.contains("--force"), "{ran:?}");
    assert!(!file.exists());
    assert_eq!(mode(&daemon, &file, &["--json", "enforcing"]).json()["code"], "locked-out");
    let ran = mode(&daemon, &file, &["enforcing", "--force"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.err.contains("lock everybody out"), "{ran:?}");
    assert!(file.exists());
}

#[test]
fn a_host_that_is_not_production_is_not_applicable() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, Status { production: false, ..status() });
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.err.contains("production = true"), "{ran:?}");
    assert!(!file.exists());
}

#[test]
fn what_is_no_enforcing_file_is_not_written() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    for text in ["guard sshd\n", "open sesame\nend enforcing\n", "end enforcing\n"] {
        let daemon = daemon(file.clone(), text, status());
        let ran = mode(&daemon, &file, &["enforcing", "--force"]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains("no enforcing file (line"), "{ran:?}");
        assert!(!file.exists());
    }
}

#[test]
fn what_modules_would_not_read_is_not_written() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let long: String = (0..8_000).map(|n| format!("guard s{n}\n")).collect();
    let daemon = daemon(file.clone(), Box::leak((long + "end enforcing\n").into_boxed_str()), status());
    let ran = mode(&daemon, &file, &["enforcing", "--force"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("longer than the 64 KiB"), "{ran:?}");
    assert!(!file.exists());
}

#[test]
fn a_daemon_that_looks_elsewhere_is_found_out() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(dir.path().join("other"), RENDERED, status());
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("does it read another file?"), "{ran:?}");
}

#[test]
fn a_directory_that_is_not_there_is_said() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("none/enforcing");
    let daemon = daemon(file.clone(), RENDERED, status());
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("cannot be written") && ran.err.contains("the mode is as it was"), "{ran:?}");
}
