//! The mode is a file: written whole, removed without a daemon, and not written where it would lock everybody out.

mod fake;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fake::{Daemon, NOW, Ran, run, status};
use jit_control::{Answer, Request, Session, Sessions, Status};
use jit_proto::enforcing::Rules;

const RENDERED: &str = "guard sshd\nguard sudo\nbreak-glass-user root\nend enforcing\n";

/// A daemon that renders `text`, whose mode is the file's existence, and where nobody is in.
fn daemon(file: PathBuf, text: &'static str, status: Status) -> Daemon {
    with_sessions(file, text, status, Vec::new())
}

fn with_sessions(file: PathBuf, text: &'static str, mut status: Status, sessions: Vec<Session>) -> Daemon {
    Daemon::answering(move |request| match request {
        Request::RenderEnforcing {} => Answer::Enforcing { text: text.to_owned() },
        Request::Sessions {} => {
            assert!(file.exists(), "those that open before the host enforces would be missing");
            Answer::Sessions(Sessions { now: NOW, sessions: sessions.clone() })
        }
        Request::Status {} => {
            status.mode = if file.exists() { "enforcing" } else { "permissive" }.to_owned();
            let text = fs::read(&file).unwrap_or_default();
            status.until = Rules::parse(&text).ok().and_then(|rules| rules.until());
            Answer::Status(status.clone())
        }
        Request::ModeSet {} => Answer::Done { text: "noted".to_owned() },
        Request::Confirm {} => confirmable(&file),
        other => panic!("{other:?}"),
    })
}

/// As jitd answers somebody who may confirm.
fn confirmable(file: &Path) -> Answer {
    match fs::read_to_string(file) {
        Ok(text) if text.contains("\nuntil ") => Answer::Enforcing { text },
        Ok(_) => Answer::Done { text: "this host enforces for good already".to_owned() },
        Err(_) => {
            Answer::Refused { code: "not-enforcing".to_owned(), text: "this host is permissive".to_owned() }
        }
    }
}

/// On a host of which the doctor sees nothing: what it finds is tested where it looks.
fn mode(daemon: &Daemon, file: &Path, args: &[&str]) -> Ran {
    let root = daemon.dir.path().join("root");
    fs::create_dir_all(&root).unwrap();
    let mut all = vec!["mode", "--file", file.to_str().unwrap(), "--root", root.to_str().unwrap()];
    all.extend(args);
    daemon.run(&all)
}

/// What was said, but for what the doctor found on that host.
fn said(ran: &Ran) -> Vec<&str> {
    let doctors = ["lock-out: ", "hole: ", "warning: ", "things could not be examined"];
    ran.err.lines().filter(|line| !doctors.iter().any(|word| line.contains(word))).collect()
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
    assert_eq!(said(&ran).len(), 1, "{ran:?}");
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

/// Enforcing does not end who came in while nothing was enforced, and the one who types it must not believe so.
#[test]
fn who_stays_in_without_a_deadline_is_said() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let session = |standing: Option<&str>| Session {
        id: "83r6gcjq".to_owned(),
        user: "alice".to_owned(),
        service: "sshd".to_owned(),
        target: None,
        from: None,
        pid: 4711,
        since: NOW - 3_600,
        grants: Vec::new(),
        until: None,
        standing: standing.map(str::to_owned),
        state: "open".to_owned(),
    };
    // Of these each has its end, never had one to lose, or waits for its judgement.
    let others = ["break-glass", "exempt", "unguarded", "warned", "found"].map(|why| session(Some(why)));
    let ending = Session { state: "ending".to_owned(), ..session(Some("permissive")) };
    let timed = Session { until: Some(NOW + 60), ..session(None) };
    let others: Vec<Session> = others.into_iter().chain([ending, timed]).collect();
    let end = "without a deadline; jitctl sessions shows them; to end one: jitctl sessions terminate ID --reason TEXT";
    for (from_before, said) in [
        (&[][..], None),
        (&["lifted"], Some("1 session that was open while this host was permissive goes on")),
        (
            &["permissive", "lifted", "permissive"],
            Some("3 sessions that were open while this host was permissive go on"),
        ),
    ] {
        let sessions =
            others.iter().cloned().chain(from_before.iter().map(|why| session(Some(why)))).collect();
        let daemon = with_sessions(file.clone(), RENDERED, status(), sessions);
        let ran = mode(&daemon, &file, &["enforcing"]);
        assert_eq!((ran.status, ran.out.as_str()), (0, "enforcing\n"), "{ran:?}");
        let said: Vec<String> = said.iter().map(|said| format!("{said} {end}")).collect();
        let told: Vec<&str> = ran.err.lines().filter(|line| line.contains("deadline")).collect();
        assert_eq!(told.len(), said.len(), "{ran:?}");
        assert!(told.iter().zip(&said).all(|(told, said)| told.ends_with(said)), "{ran:?}");
        let json = mode(&daemon, &file, &["--json", "enforcing"]).json();
        let warned =
            json["warnings"].as_array().unwrap().iter().filter(|text| said.iter().any(|said| *text == said));
        assert_eq!(warned.count(), said.len(), "{json}");
        fs::remove_file(&file).unwrap();
    }
}

/// The mode is what it is, whether or not somebody can say who is in.
#[test]
fn a_daemon_that_lists_no_sessions_does_not_change_the_mode() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let there = file.clone();
    let daemon = Daemon::answering(move |request| match request {
        Request::RenderEnforcing {} => Answer::Enforcing { text: RENDERED.to_owned() },
        Request::Status {} => {
            let mode = if there.exists() { "enforcing" } else { "permissive" };
            Answer::Status(Status { mode: mode.to_owned(), ..status() })
        }
        Request::ModeSet {} => Answer::Done { text: "noted".to_owned() },
        _ => Answer::Refused { code: "bad-request".to_owned(), text: "unknown variant".to_owned() },
    });
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "enforcing\n"), "{ran:?}");
    assert!(ran.err.contains("sessions without a deadline may be open"), "{ran:?}");
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

fn until_in(file: &Path) -> Option<i64> {
    Rules::parse(&fs::read(file).unwrap()).unwrap().until()
}

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
        .unwrap()
}

/// A status by a daemon whose clock is this one.
fn in_time() -> Status {
    Status { now: now(), ..status() }
}

#[test]
fn unconfirmed_it_says_until_when_and_what_to_type() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, in_time());
    let before = now();
    let ran = mode(&daemon, &file, &["enforcing", "--confirm-within", "10m"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.out.starts_with("enforcing, unconfirmed until ") && ran.out.contains("then permissive"),
        "{ran:?}"
    );
    let lines = said(&ran);
    assert!(lines.iter().any(|line| line.contains("goes back to permissive by itself")), "{ran:?}");
    let last = lines.last().unwrap();
    assert!(last.contains("open a second one") && last.ends_with("sudo jitctl mode confirm"), "{ran:?}");
    let until = until_in(&file).unwrap();
    assert!((before + 600..=now() + 600).contains(&until), "{until}");
    // For people who find the file.
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("# Unconfirmed: ") && text.contains("sudo jitctl mode confirm"), "{text}");
    assert!(daemon.asked.lock().unwrap().contains(&Request::ModeSet {}));
    // A script that comes by confirms nothing, and gives no more time.
    let again = mode(&daemon, &file, &["enforcing"]);
    assert_eq!((again.status, until_in(&file)), (0, Some(until)), "{again:?}");
    // Nor does anything say that it is for good.
    let json = mode(&daemon, &file, &["--json"]).json();
    assert_eq!((&json["mode"], &json["until"]), (&"enforcing".into(), &until.into()));
}

/// The doctor looks around for seconds, and somebody types `jitctl mode confirm`, or begins, in just those.
#[test]
fn what_happens_to_the_file_meanwhile_counts() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let soon = jit_model::text::rfc3339(jit_model::time::Timestamp(now() + 600));
    let waits = format!("guard sshd\nuntil {soon}\nend enforcing\n");
    for (before, meanwhile, until) in [
        (Some(waits.as_str()), "guard sshd\nend enforcing\n", None),
        (None, waits.as_str(), Rules::parse(waits.as_bytes()).unwrap().until()),
    ] {
        let _ = fs::remove_file(&file);
        before.iter().for_each(|text| fs::write(&file, text).unwrap());
        let (there, text) = (file.clone(), meanwhile.to_owned());
        let daemon = Daemon::answering(move |request| match request {
            Request::RenderEnforcing {} => {
                fs::write(&there, &text).unwrap();
                Answer::Enforcing { text: RENDERED.to_owned() }
            }
            Request::Status {} => Answer::Status(in_time()),
            Request::ModeSet {} => Answer::Done { text: "noted".to_owned() },
            other => panic!("{other:?}"),
        });
        let ran = mode(&daemon, &file, &["enforcing"]);
        assert_eq!(until_in(&file), until, "{ran:?}");
        assert!(fs::read_to_string(&file).unwrap().contains("guard sudo"), "{ran:?}");
    }
}

#[test]
fn a_script_does_not_begin_anew_what_nobody_confirmed() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let text = "guard sshd\nuntil 2020-01-01T00:00:00Z\nend enforcing\n";
    fs::write(&file, text).unwrap();
    let daemon = daemon(file.clone(), RENDERED, in_time());
    let ran = mode(&daemon, &file, &["enforcing", "--force"]);
    assert!(ran.status == 1 && ran.err.contains("not confirmed by 2020-01-01"), "{ran:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(mode(&daemon, &file, &["enforcing", "--confirm-within", "never"]).status, 0);
    assert_eq!(until_in(&file), None);
}

#[test]
fn confirmed_it_is_the_same_file_for_good() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, in_time());
    assert_eq!(mode(&daemon, &file, &["enforcing", "--confirm-within", "10m"]).status, 0);
    let ran = mode(&daemon, &file, &["confirm"]);
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "enforcing\n", ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), RENDERED);
    only(dir.path(), &["enforcing"]);
    let again = mode(&daemon, &file, &["confirm"]);
    assert!(again.status == 0 && again.err.contains("for good already"), "{again:?}");
    // What enforces for good goes on so, unless something else is asked for; and then it is said to what it goes back.
    let ran = mode(&daemon, &file, &["enforcing"]);
    assert_eq!((ran.status, until_in(&file)), (0, None), "{ran:?}");
    let ran = mode(&daemon, &file, &["enforcing", "--confirm-within", "1h"]);
    assert!(ran.status == 0 && ran.err.contains("it does not go back to that, but to permissive"), "{ran:?}");
    let ran = mode(&daemon, &file, &["enforcing", "--confirm-within", "never"]);
    assert_eq!((ran.status, until_in(&file)), (0, None), "{ran:?}");
}

#[test]
fn what_jitd_refuses_is_not_confirmed() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let soon = jit_model::text::rfc3339(jit_model::time::Timestamp(now() + 600));
    let text = format!("guard sshd\nuntil {soon}\nend enforcing\n");
    fs::write(&file, &text).unwrap();
    let daemon = |answer: fn() -> Answer| {
        Daemon::answering(move |request| match request {
            Request::Confirm {} => answer(),
            other => panic!("{other:?}"),
        })
    };
    let no =
        daemon(|| Answer::Refused { code: "old-session".to_owned(), text: "Keep this one open".to_owned() });
    let ran = mode(&no, &file, &["confirm"]);
    assert!(ran.status == 1 && ran.err.contains("Keep this one open"), "{ran:?}");
    assert_eq!(mode(&no, &file, &["--json", "confirm"]).json()["code"], "old-session");
    let another = daemon(|| Answer::Enforcing { text: "guard su\nend enforcing\n".to_owned() });
    let ran = mode(&another, &file, &["confirm"]);
    assert!(ran.status == 1 && ran.err.contains("is not what jitd goes by"), "{ran:?}");
    let ran = run(&dir.path().join("none.sock"), &["mode", "--file", file.to_str().unwrap(), "confirm"]);
    assert!(ran.status == 4 && ran.err.contains("permissive again from"), "{ran:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_time_that_could_not_be_kept_is_not_written() {
    needs_root();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, Status { now: now() + 3_600, ..status() });
    let ran = mode(&daemon, &file, &["enforcing", "--confirm-within", "10m", "--force"]);
    assert!(ran.status == 1 && ran.err.contains("jitctl clock accept"), "{ran:?}");
    assert!(!file.exists());
    assert_eq!(mode(&daemon, &file, &["enforcing", "--confirm-within", "never"]).status, 0);
}

#[test]
fn what_makes_no_sense_is_usage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = daemon(file.clone(), RENDERED, in_time());
    for args in [
        &["enforcing", "--confirm-within", "25h"][..],
        &["enforcing", "--confirm-within", "soon"],
        &["permissive", "--confirm-within", "10m"],
        &["confirm", "--force"],
        &["--force"],
    ] {
        let ran = mode(&daemon, &file, args);
        assert_eq!(ran.status, 2, "{ran:?}");
    }
    assert!(!file.exists());
}

#[test]
fn what_was_not_confirmed_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("enforcing");
    let daemon = Daemon::answering(move |_| Answer::Status(Status { lapsed: Some(NOW - 60), ..status() }));
    let ran = mode(&daemon, &file, &[]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "permissive\n"));
    assert!(ran.err.contains("was not confirmed by") && ran.err.contains("(1m ago)"), "{ran:?}");
    assert_eq!(mode(&daemon, &file, &["--json"]).json()["lapsed"], NOW - 60);
    assert!(daemon.run(&["status"]).out.contains("because enforcing was not confirmed by"));
}
