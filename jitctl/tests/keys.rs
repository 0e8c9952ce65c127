//! `jitctl authorized-keys` as sshd runs it: without an environment, for keys or for nothing, and never for long.

mod fake;

use std::process::Output;
use std::time::Duration;

use fake::{Daemon, Ran, command, run};
use jit_control::{Answer, Request};

const LINE: &str =
    "no-pty,command=\"a \\\"b\\\\ c\",expiry-time=\"20261122150405\" ssh-ed25519 AAAA alice@laptop";

fn refused(code: &str) -> Answer {
    Answer::Refused { code: code.to_owned(), text: "no, not \u{1b}[2J you".to_owned() }
}

#[test]
fn keys_are_printed_as_they_are_and_nothing_else() {
    let lines = vec![LINE.to_owned(), "ssh-ed25519 BBBB".to_owned()];
    let daemon = Daemon::answering(move |_| Answer::AuthorizedKeys { lines: lines.clone() });
    let ran = daemon.run(&["authorized-keys", "alice"]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, &*format!("{LINE}\nssh-ed25519 BBBB\n"), "")
    );
    assert_eq!(*daemon.asked.lock().unwrap(), [Request::AuthorizedKeys { user: "alice".to_owned() }]);
    let json = daemon.run(&["--json", "authorized-keys", "alice"]).json();
    assert_eq!((json["answer"].as_str(), json["lines"][0].as_str()), (Some("authorized-keys"), Some(LINE)));
}

#[test]
fn no_environment_is_needed() {
    let daemon = Daemon::answering(|_| Answer::AuthorizedKeys { lines: vec![LINE.to_owned()] });
    let Output { status, stdout, .. } = command(&daemon.socket(), &["authorized-keys", "alice"])
        .env_clear()
        .current_dir("/")
        .output()
        .unwrap();
    assert!(status.success());
    assert_eq!(String::from_utf8(stdout).unwrap(), format!("{LINE}\n"));
}

#[test]
fn a_line_that_is_two_is_none() {
    let lines = vec![format!("{LINE}\nssh-ed25519 CCCC"), LINE.to_owned(), format!("{LINE}\r")];
    let daemon = Daemon::answering(move |_| Answer::AuthorizedKeys { lines: lines.clone() });
    let ran = daemon.run(&["authorized-keys", "alice"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, &*format!("{LINE}\n")));
    assert!(ran.err.contains("2 of jitd's lines"), "{ran:?}");
}

/// Nothing on standard output, which sshd reads.
fn nothing(ran: &Ran, status: i32) {
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{ran:?}");
    assert!(ran.err.starts_with("jitctl: ") && !ran.err.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn without_an_answer_there_is_nothing_and_all_is_well() {
    let dir = tempfile::tempdir().unwrap();
    nothing(&run(&dir.path().join("jitd.sock"), &["authorized-keys", "alice"]), 0);
    let daemon = Daemon::answering(|_| refused("busy"));
    nothing(&daemon.run(&["authorized-keys", "alice"]), 0);
    let garbage = Daemon::serving(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"ssh-ed25519 AAAA\n");
    });
    nothing(&run(&garbage.path().join("jitd.sock"), &["authorized-keys", "alice"]), 0);
    // One that takes the question and never answers: given up by itself, long before the test would be.
    let silent = Daemon::serving(|stream| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(60));
            drop(stream);
        });
    });
    nothing(&run(&silent.path().join("jitd.sock"), &["authorized-keys", "alice"]), 0);
}

#[test]
fn a_name_that_is_none_is_nobodys() {
    let daemon = Daemon::answering(|_| Answer::AuthorizedKeys { lines: vec![LINE.to_owned()] });
    for user in ["", "-x", "a b", "a/b", "alice\n"] {
        nothing(&daemon.run(&["authorized-keys", user]), 0);
    }
    assert!(daemon.asked.lock().unwrap().is_empty());
}

#[test]
fn who_may_not_ask_is_told_so() {
    let daemon = Daemon::answering(|_| refused("not-permitted"));
    nothing(&daemon.run(&["authorized-keys", "alice"]), 1);
}
