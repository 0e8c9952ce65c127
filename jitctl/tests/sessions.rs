//! `jitctl sessions` against a fake daemon: what is shown of each kind of session, and how the order to end one is passed on.

mod fake;

use fake::{Daemon, NOW, status};
use jit_control::{Answer, Request, Session, Sessions, Status, Stuck};

const GRANT: &str = "0123456789abcdef0123456789abcdef";

fn session(id: &str) -> Session {
    Session {
        id: id.to_owned(),
        user: "alice".to_owned(),
        service: "sshd".to_owned(),
        target: None,
        from: Some("192.0.2.7".to_owned()),
        pid: 4711,
        since: NOW - 3_600,
        grants: vec![GRANT.to_owned()],
        until: Some(NOW + 7_140),
        standing: None,
        state: "open".to_owned(),
    }
}

fn standing(id: &str, why: &str) -> Session {
    Session { grants: Vec::new(), until: None, standing: Some(why.to_owned()), ..session(id) }
}

fn with(sessions: Vec<Session>) -> Daemon {
    Daemon::answering(move |request| match request {
        Request::Sessions {} => Answer::Sessions(Sessions { now: NOW, sessions: sessions.clone() }),
        other => panic!("{other:?}"),
    })
}

#[test]
fn sessions_are_a_table() {
    let sudo = Session {
        service: "sudo".to_owned(),
        target: Some("root".to_owned()),
        from: None,
        since: NOW - 86_400,
        grants: vec!["0123456789ffffffffffffffffffffff".to_owned(), "other".to_owned(), "third".to_owned()],
        until: Some(NOW + 59),
        ..session("bbbbbbbb")
    };
    let closed = Session { state: "closed".to_owned(), until: Some(NOW + 900), ..session("cccccccc") };
    let daemon = with(vec![
        session("22222222"),
        sudo,
        closed,
        standing("dddddddd", "break-glass"),
        standing("ffffffff", "permissive"),
        Session { state: "ending".to_owned(), ..session("gggggggg") },
        Session { until: Some(NOW), ..session("hhhhhhhh") },
    ]);
    let ran = daemon.run(&["sessions"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    let heads = "ID        USER   SERVICE       FROM       SINCE (UTC)       GRANT";
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 9, "{}", ran.out);
    assert!(lines[0].starts_with(heads), "{}", ran.out);
    let words =
        |line: &str| line.split("  ").map(str::trim).filter(|w| !w.is_empty()).collect::<Vec<_>>().join("|");
    let shown: Vec<String> = lines.iter().map(|line| words(line)).collect();
    assert_eq!(
        shown[1..],
        [
            "22222222|alice|sshd|192.0.2.7|14:04|0123456789a|17:03|1h 59m",
            "bbbbbbbb|alice|sudo as root|-|2026-11-21 15:04|0123456789f, other and 1 more|15:05|59s",
            "cccccccc|alice|sshd|192.0.2.7|14:04|0123456789a|15:19|15m",
            "alice has left; what may remain of this session goes on",
            "dddddddd|alice|sshd|192.0.2.7|14:04|-|-|no end: break-glass",
            "ffffffff|alice|sshd|192.0.2.7|14:04|-|-|no end: permissive",
            "gggggggg|alice|sshd|192.0.2.7|14:04|0123456789a|17:03|ending",
            "hhhhhhhh|alice|sshd|192.0.2.7|14:04|0123456789a|15:04|over",
        ]
    );
    let json = daemon.run(&["sessions", "--json"]).json();
    assert_eq!((&json["answer"], &json["now"]), (&"sessions".into(), &NOW.into()));
    assert_eq!(json["sessions"][3]["standing"], "break-glass");
    assert_eq!(json["sessions"][0]["grants"][0], GRANT);
}

#[test]
fn one_grant_is_shown_by_its_beginning() {
    let out = with(vec![session("22222222"), session("bbbbbbbb")]).run(&["sessions"]).out;
    assert!(out.contains("  01234567  17:03"), "{out}");
}

#[test]
fn no_sessions_is_a_sentence() {
    let daemon = with(Vec::new());
    assert!(daemon.run(&["sessions"]).out.starts_with("no open sessions"));
    let json = daemon.run(&["sessions", "--json"]).json();
    assert_eq!(json, serde_json::json!({ "answer": "sessions", "now": NOW, "sessions": [] }));
}

#[test]
fn nothing_in_a_session_acts_on_the_terminal() {
    let hostile = "x\u{1b}]0;owned\u{7}\r\n\u{202e}".to_owned();
    let bad = Session {
        from: Some(hostile.clone()),
        target: Some(hostile.clone()),
        user: hostile.clone(),
        service: hostile.clone(),
        grants: vec![hostile.clone()],
        id: hostile.clone(),
        standing: Some(hostile.clone()),
        until: None,
        state: "closed".to_owned(),
        ..session("")
    };
    let daemon = with(vec![bad]);
    for args in [&["sessions"][..], &["sessions", "--json"]] {
        let ran = daemon.run(args);
        assert!(ran.out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{ran:?}");
        assert_eq!(ran.out.lines().count(), if args.len() == 1 { 3 } else { 1 }, "{ran:?}");
    }
}

#[test]
fn an_end_is_ordered_with_a_reason() {
    let daemon = Daemon::answering(|_| Answer::Done {
        text: "session 22222222 of alice (sshd) is being ended".to_owned(),
    });
    let ran = daemon.run(&["sessions", "terminate", "22222222", "--reason", " shell left open "]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.out, "session 22222222 of alice (sshd) is being ended\n");
    let asked = Request::Terminate { id: "22222222".to_owned(), reason: "shell left open".to_owned() };
    assert_eq!(*daemon.asked.lock().unwrap(), [asked]);
    let json = daemon.run(&["sessions", "terminate", "22222222", "--reason", "x", "--json"]).json();
    assert_eq!(json["answer"], "done");
}

#[test]
fn no_end_without_a_reason() {
    let daemon = with(Vec::new());
    for args in [
        &["sessions", "terminate", "22222222"][..],
        &["sessions", "terminate"],
        &["sessions", "terminate", "--reason", "x"],
        &["sessions", "terminate", "22222222", "--reason", ""],
        &["sessions", "terminate", "22222222", "--reason", " \t"],
        &["sessions", "terminate", "22222222", "--reason", "two\nlines"],
        &["sessions", "terminate", "22222222", "--reason", "\u{1b}[2J"],
        &["sessions", "22222222"],
    ] {
        let ran = daemon.run(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(!ran.err.is_empty() && !ran.err.contains('\u{1b}'), "{args:?}: {ran:?}");
    }
    assert!(daemon.asked.lock().unwrap().is_empty());
}

#[test]
fn whoever_may_not_is_told_so() {
    for (code, exit) in [("no-such-session", 1), ("not-permitted", 1), ("bad-request", 2), ("busy", 4)] {
        let daemon =
            Daemon::answering(move |_| Answer::Refused { code: code.to_owned(), text: "because".to_owned() });
        let ran = daemon.run(&["sessions", "terminate", "22222222", "--reason", "x"]);
        assert_eq!((ran.status, ran.err.as_str()), (exit, "jitctl: because\n"), "{code}");
    }
    let dir = tempfile::tempdir().unwrap();
    for args in [&["sessions"][..], &["sessions", "terminate", "22222222", "--reason", "x"]] {
        assert_eq!(fake::run(&dir.path().join("none.sock"), args).status, 4, "{args:?}");
    }
}

#[test]
fn status_names_the_endings_that_are_stuck() {
    let stuck = |session: Option<&str>, user: &str, seconds| Stuck {
        session: session.map(str::to_owned),
        user: user.to_owned(),
        seconds,
        why: "SIGKILL has not ended 1 process in 5 s: 812 dd\u{1b}[2J".to_owned(),
    };
    let daemon = Daemon::answering(move |_| {
        Answer::Status(Status {
            stuck: vec![stuck(Some("bcdfghjk"), "alice", 190), stuck(None, "bob", 7)],
            degraded: vec!["2 endings do not get on".to_owned()],
            ..status()
        })
    });
    let ran = daemon.run(&["status"]);
    assert_eq!(ran.status, 1, "degraded");
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [&["bcdfghjk", "alice", "3m"][..], &["-", "bob", "7s"]] {
        assert!(lines.iter().any(|line| line == row), "{row:?}: {}", ran.out);
    }
    assert!(ran.out.contains("812 dd") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(!Daemon::answering(|_| Answer::Status(status())).run(&["status"]).out.contains("STUCK"));
}

#[test]
fn status_counts_them_and_says_if_none_is_ended() {
    for (on_end, says) in
        [("terminate", "open sessions   3\n"), ("warn", "open sessions   3; at its end each is only warned")]
    {
        let daemon = Daemon::answering(move |_| {
            Answer::Status(Status { sessions: 3, on_end: Some(on_end.to_owned()), ..status() })
        });
        let out = daemon.run(&["status"]).out;
        assert!(out.contains(says), "{out}");
    }
}
