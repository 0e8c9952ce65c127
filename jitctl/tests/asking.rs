//! What the asking commands print and how they end, against a fake daemon and against none.

mod fake;

use std::io::Write;
use std::thread;

use fake::{Daemon, NOW, grant, run, status};
use jit_control::{Answer, Grants, Request, SetAside, Why};

fn why(verdict: &str) -> Why {
    Why {
        user: "alice".to_owned(),
        service: "sshd".to_owned(),
        at: NOW,
        verdict: verdict.to_owned(),
        code: (verdict == "deny").then(|| "no-grant".to_owned()),
        text: "no grant".to_owned(),
        until: (verdict == "allow").then_some(NOW + 7_140),
        mode: "enforcing".to_owned(),
        road: vec!["sshd is guarded".to_owned(), "alice holds no grant".to_owned()],
        grants: Vec::new(),
    }
}

#[test]
fn status_of_a_healthy_daemon() {
    let daemon = Daemon::answering(|_| Answer::Status(status()));
    let ran = daemon.run(&["status"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for part in [
        "jitd 0.1.0: healthy",
        "web1.prod.example.com",
        "permissive: what would be denied is logged",
        "/etc/jitd/grants.ldif",
        "3s ago",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(*daemon.asked.lock().unwrap(), [Request::Status {}]);
    let json = daemon.run(&["status", "--json"]).json();
    assert_eq!(json["answer"], "status");
    assert_eq!(json["sources"][0]["default_max"], 28_800);
}

#[test]
fn status_of_a_degraded_daemon_exits_1_and_says_what() {
    let daemon = Daemon::answering(|_| {
        let mut status = status();
        status.degraded.push("the disk is full".to_owned());
        status.sources[0].trouble = Some("line 7: no colon".to_owned());
        status.set_aside.push(SetAside {
            source: "ldif".to_owned(),
            dn: "cn=x\u{1b}[2J,ou=grants,ou=jit,dc=local".to_owned(),
            attribute: Some("jitHost".to_owned()),
            reason: "`a b` names no host".to_owned(),
        });
        Answer::Status(status)
    });
    let ran = daemon.run(&["status"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    for part in ["degraded", "- the disk is full", "line 7: no colon", "jitHost", "`a b` names no host"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "{ran:?}");
}

#[test]
fn why_ends_as_the_verdict() {
    for (verdict, exit) in [("allow", 0), ("deny", 1), ("unguarded", 3), ("perhaps", 1)] {
        let daemon = Daemon::answering(move |_| Answer::Why(why(verdict)));
        let ran = daemon.run(&["why", "alice"]);
        assert_eq!(ran.status, exit, "{ran:?}");
        assert!(ran.out.starts_with(&format!("{verdict}: ")), "{ran:?}");
        assert!(ran.out.contains("1. sshd is guarded"), "{ran:?}");
        let ran = daemon.run(&["--json", "why", "alice"]);
        assert_eq!(ran.status, exit, "{ran:?}");
        assert_eq!(ran.json()["verdict"], verdict);
    }
}

#[test]
fn why_asks_what_was_typed() {
    let daemon = Daemon::answering(|_| Answer::Why(why("deny")));
    daemon.run(&["why", "alice", "--service", "sudo", "--at", "2026-11-22T15:04:05Z"]);
    let asked = Request::Why { user: "alice".to_owned(), service: Some("sudo".to_owned()), at: Some(NOW) };
    assert_eq!(*daemon.asked.lock().unwrap(), [asked]);
}

#[test]
fn why_says_when_a_denial_is_not_carried_out() {
    let daemon = Daemon::answering(|_| Answer::Why(Why { mode: "permissive".to_owned(), ..why("deny") }));
    let ran = daemon.run(&["why", "alice"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("is logged, and not carried out"), "{ran:?}");
}

#[test]
fn nonsense_is_not_sent() {
    let daemon = Daemon::answering(|_| Answer::Why(why("deny")));
    for args in [
        &["why", "al ice"][..],
        &["why", "-x"],
        &["why", ""],
        &["why", "alice", "--service", "ss/hd"],
        &["why", "alice", "--at", "noon"],
        &["why"],
        &["frobnicate"],
        &[],
    ] {
        let ran = daemon.run(args);
        assert_eq!(ran.status, 2, "{args:?}: {ran:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
    assert!(daemon.asked.lock().unwrap().is_empty());
    assert_eq!(daemon.run(&["--json", "why", "alice", "--at", "noon"]).json()["code"], "usage");
}

#[test]
fn a_refusal_is_passed_on() {
    for (code, exit) in [("not-permitted", 1), ("no-such-user", 1), ("bad-request", 2), ("busy", 4)] {
        let daemon = Daemon::answering(move |_| Answer::Refused {
            code: code.to_owned(),
            text: "because\x07\nof".to_owned(),
        });
        let ran = daemon.run(&["why", "bob"]);
        assert_eq!(ran.status, exit, "{code}: {ran:?}");
        assert_eq!((ran.err.as_str(), ran.out.as_str()), ("jitctl: because\\u{7} of\n", ""));
        let json = daemon.run(&["why", "bob", "--json"]).json();
        assert_eq!((&json["answer"], &json["code"]), (&"refused".into(), &code.into()));
    }
}

#[test]
fn grants_are_a_table() {
    let id = "0123456789abcdef0123456789abcdef";
    let daemon = Daemon::answering(move |_| {
        let mut refused = grant("0123456789ffffffffffffffffffffff", "refused");
        refused.why = Some("it lasts 9h, longer than the 8h its role allows".to_owned());
        refused.reason = Some("x\r\n\x1b[31mlive\u{202e}".to_owned());
        Answer::Grants(Grants { grants: vec![grant(id, "live"), refused], ..Grants::default() })
    });
    let ran = daemon.run(&["grants", "--all"]);
    assert_eq!(ran.status, 0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert!(lines[0].starts_with("ID           STATE    WHO"), "{ran:?}");
    assert!(lines[1].starts_with("0123456789a  live     alice"), "{ran:?}");
    assert!(lines[1].contains("until 2026-11-22 17:03 UTC"), "{ran:?}");
    // Breaks are blanks in a cell; the rest of what does not belong there is written out.
    assert!(lines[2].ends_with("  x \\u{1b}[31mlive\\u{202e}"), "{ran:?}");
    assert_eq!(lines[3].trim(), "it lasts 9h, longer than the 8h its role allows");
    assert_eq!(daemon.run(&["grants", "--json"]).json()["grants"][0]["id"], id);
    assert_eq!(daemon.asked.lock().unwrap()[0], Request::Grants { all: true });
    assert_eq!(daemon.asked.lock().unwrap()[1], Request::Grants { all: false });
}

#[test]
fn no_grants_is_a_sentence() {
    let daemon = Daemon::answering(|_| Answer::Grants(Grants { grants: Vec::new(), ..Grants::default() }));
    assert!(daemon.run(&["grants"]).out.contains("--all"));
    assert_eq!(
        daemon.run(&["grants", "--json"]).json(),
        serde_json::json!({ "answer": "grants", "grants": [] })
    );
}

#[test]
fn json_is_safe_on_a_terminal_too() {
    let hostile = "\u{1b}[2J\u{9b}2J\u{202e}\u{7f}";
    let daemon = Daemon::answering(move |_| {
        let mut grant = grant("abcd", "live");
        grant.reason = Some(hostile.to_owned());
        Answer::Grants(Grants { grants: vec![grant], ..Grants::default() })
    });
    let ran = daemon.run(&["grants", "--json"]);
    assert!(ran.out.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{ran:?}");
    assert_eq!(ran.json()["grants"][0]["reason"], hostile);
}

#[test]
fn nobody_there_is_4() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["status"][..], &["why", "alice"], &["grants"]] {
        let ran = run(&dir.path().join("none.sock"), args);
        assert_eq!(ran.status, 4, "{ran:?}");
        assert!(ran.err.contains("does not answer at") && ran.err.contains("jitd --check"), "{ran:?}");
    }
    let json = run(&dir.path().join("none.sock"), &["status", "--json"]).json();
    assert_eq!(json["code"], "unreachable");
}

#[test]
fn a_command_line_that_makes_no_sense_is_json_too() {
    let dir = tempfile::tempdir().unwrap();
    for args in
        [&["--json", "bogus"][..], &["request", "--json", "--host"], &["--json", "approve", "--", "a", "b"]]
    {
        let ran = run(&dir.path().join("none.sock"), args);
        assert_eq!((ran.status, ran.json()["code"].as_str()), (2, Some("usage")), "{ran:?}");
    }
    let help = run(&dir.path().join("none.sock"), &["--json", "--help"]);
    assert!(help.status == 0 && help.out.contains("Usage"), "{help:?}");
}

#[test]
fn a_daemon_that_misbehaves_is_4() {
    type Serve = fn(std::os::unix::net::UnixStream);
    let cases: [(&str, Serve); 5] = [
        ("hung up", |_| {}),
        ("hung up", |mut s| s.write_all(b"{\"answer\":\"status\"").unwrap()),
        ("no jitd of this version", |mut s| s.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap()),
        ("no jitd of this version", |mut s| s.write_all(b"{\"answer\":\"from-the-future\"}\n").unwrap()),
        ("answered something else", |mut s| s.write_all(b"{\"answer\":\"grants\",\"grants\":[]}\n").unwrap()),
    ];
    for (says, serve) in cases {
        let dir = Daemon::serving(move |stream| {
            // The request is read first, or closing would reset the connection under the answer.
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(&stream), &mut line).unwrap();
            serve(stream);
        });
        let ran = run(&dir.path().join("jitd.sock"), &["status"]);
        assert_eq!(ran.status, 4, "{says}: {ran:?}");
        assert!(ran.err.contains(says), "{says}: {ran:?}");
    }
}

#[test]
fn a_daemon_that_sends_without_end_is_cut_off() {
    let dir = Daemon::serving(|mut stream| while stream.write_all(&[b' '; 1 << 16]).is_ok() {});
    let ran = run(&dir.path().join("jitd.sock"), &["status"]);
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.err.contains("longer than 16 MiB"), "{ran:?}");
}

#[test]
fn a_daemon_that_hangs_is_given_up() {
    let dir = Daemon::serving(|stream| {
        thread::park();
        drop(stream);
    });
    let ran = run(&dir.path().join("jitd.sock"), &["status"]);
    assert_eq!(ran.status, 4, "{ran:?}");
    assert!(ran.err.contains("did not answer within 5s"), "{ran:?}");
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let daemon = Daemon::answering(|_| Answer::Status(status()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = fake::command(&daemon.socket(), &["status"]).stdout(writer).output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert!(done.stderr.is_empty(), "{done:?}");
}
