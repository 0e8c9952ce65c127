use jit_model::time::Timestamp;
use jitd::audit::decision::{Decision, VerdictWord};
use jitd::audit::event::{Event, Text, Time};
use jitd::audit::session::{SessionEvent, SessionState};
use jitd::mode::Mode;
use serde_json::Value;

use crate::lines::{DAY, Daemon, answer, decision, file, grant, jitctl, session};

/// A day on a host: alice by a grant, with sudo within; bob refused; eve by break-glass, who is still there.
fn day() -> Daemon {
    let mut jitd = Daemon::new(Mode::Enforcing);
    let allowed = |service: &str, phase| Decision {
        grants: vec![grant("g1")],
        until: Some(Time(Timestamp(DAY + 7_200))),
        ..decision(service, phase, VerdictWord::Allow, "grant")
    };
    jitd.at = DAY + 60;
    jitd.decide(Decision { key: Some("SHA256:key".into()), ..allowed("sshd", "account") });
    jitd.at += 1;
    jitd.decide(allowed("sshd", "open"));
    let rests = |state, id: &str, service: &str| SessionEvent {
        grants: vec!["g1".into()],
        ..session(state, id, service)
    };
    jitd.session(rests(SessionState::Opened, "ssh1", "sshd"));
    jitd.at += 30;
    jitd.decide(allowed("sudo", "account"));
    jitd.session(SessionEvent {
        target: Some("root".into()),
        ..rests(SessionState::Opened, "sudo1", "sudo")
    });
    jitd.decide(allowed("sudo", "open"));
    jitd.at += 30;
    jitd.session(rests(SessionState::Closed, "sudo1", "sudo"));
    jitd.at += 30;
    let bob = Decision {
        name: "bob".into(),
        uid: Some(5002),
        ..decision("sshd", "account", VerdictWord::Deny, "no-grant")
    };
    jitd.decide(bob);
    jitd.at += 30;
    let eve = |phase| Decision {
        name: "eve".into(),
        uid: Some(5003),
        ..decision("sshd", phase, VerdictWord::BreakGlass, "break-glass")
    };
    jitd.decide(eve("account"));
    jitd.decide(eve("open"));
    let opened = SessionEvent {
        standing: Some("break-glass"),
        name: "eve".into(),
        uid: 5003,
        ..session(SessionState::Opened, "ssh2", "sshd")
    };
    jitd.session(SessionEvent { audit_session: Some(8), ..opened });
    jitd.at = DAY + 7_200;
    jitd.session(SessionEvent { code: Some("expired"), ..rests(SessionState::Ended, "ssh1", "sshd") });
    jitd
}

fn report(lines: &[String], arguments: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.jsonl", &lines.concat());
    let (status, found) = answer(&[&["report"], arguments].concat(), &[path]);
    assert_eq!(status, 0, "{found}");
    found
}

fn column<'a>(found: &'a Value, field: &str) -> Vec<&'a str> {
    found["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session[field].as_str().unwrap_or(""))
        .collect()
}

#[test]
fn who_was_in_and_why() {
    let found = report(&day().lines, &[]);
    assert_eq!(column(&found, "user"), ["alice", "alice", "bob", "eve"]);
    assert_eq!(column(&found, "verdict"), ["allow", "allow", "deny", "break-glass"]);
    assert_eq!(column(&found, "state"), ["ended", "closed", "refused", "open"]);
    assert_eq!(column(&found, "within"), ["", "ssh1", "", ""]);
    assert_eq!(column(&found, "target"), ["", "root", "", ""]);
    let alice = &found["sessions"][0];
    assert_eq!((&alice["key"], &alice["end_code"]), (&"SHA256:key".into(), &"expired".into()), "{alice}");
    let rests = &alice["grants"][0];
    assert_eq!(
        (&rests["id"], &rests["reason"], &rests["ticket"]),
        (&"g1".into(), &"disk full on db1".into(), &"OPS-123".into())
    );
    assert_eq!(rests["approvers"][0]["dn"], "uid=bob,ou=people,dc=example,dc=com");
    assert_eq!(rests["approvers"][0]["proof"], "signature");
    assert_eq!(found["missing"], Value::Array(Vec::new()));
}

/// Every line twice, backwards: the same report.
#[test]
fn the_order_of_lines_does_not_matter() {
    let day = day();
    let straight = report(&day.lines, &[]);
    let mut lines = [day.lines.clone(), day.lines.clone()].concat();
    lines.reverse();
    let mut backwards = report(&lines, &[]);
    backwards["lines"] = straight["lines"].clone();
    assert_eq!(backwards, straight);
}

#[test]
fn only_what_is_asked_for() {
    let lines = day().lines;
    assert_eq!(column(&report(&lines, &["--user", "bob"]), "user"), ["bob"]);
    assert_eq!(column(&report(&lines, &["--host", "*.example.com"]), "user").len(), 4);
    assert_eq!(column(&report(&lines, &["--host", "web2.prod.example.com"]), "user").len(), 0);
    // Her ssh session reaches into the time, the others were over.
    let late = report(&lines, &["--from", "2026-11-22T01:00Z", "--to", "2026-11-22T02:30Z"]);
    assert_eq!(column(&late, "id"), ["ssh1", "ssh2"]);
    assert_eq!(column(&report(&lines, &["--to", "2026-11-21T00:00Z"]), "id").len(), 0);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_made_up() {
    let mut day = day();
    // The end of the sudo session, and the beginning of the ssh one with its decision.
    let gone = day.lines.iter().position(|line| line.contains("\"closed\"")).unwrap();
    day.lines.remove(gone);
    day.lines.remove(4);
    day.lines.remove(3);
    let found = report(&day.lines, &[]);
    let missing = found["missing"].as_array().unwrap();
    assert_eq!(
        missing.iter().map(|m| (m["from"].as_u64(), m["to"].as_u64())).collect::<Vec<_>>(),
        [(Some(4), Some(5)), (Some(9), Some(9))]
    );
    let sudo = found["sessions"].as_array().unwrap().iter().find(|s| s["id"] == "sudo1").unwrap();
    assert_eq!(sudo["state"], "unknown", "{sudo}");
    assert!(sudo["end_text"].as_str().unwrap().contains("line 9 is missing"), "{sudo}");
    // What is left of the ssh session is told, and what rests on missing lines is said to.
    let ssh = found["sessions"].as_array().unwrap().iter().find(|s| s["id"] == "ssh1").unwrap();
    assert_eq!(
        (&ssh["verdict"], &ssh["why"]),
        (&"allow".into(), &"its beginning is missing".into()),
        "{ssh}"
    );
    // The decision before it is left alone, and shown as such.
    assert_eq!(column(&found, "kind").iter().filter(|kind| **kind == "passed").count(), 1, "{found}");
    // A boot of which the beginning is missing.
    let tail = report(&day.lines[4..], &[]);
    assert_eq!(tail["missing"][0]["kind"], "start", "{tail}");
}

#[test]
fn lines_that_cannot_be_read_are_named_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let day = day();
    let mut bytes = Vec::new();
    let newer = day.lines[2].replace("{\"v\":1,", "{\"v\":2,");
    let unknown = day.lines[3].replace("\"event\":\"decision\"", "\"event\":\"miracle\"");
    let prefixed = format!("Nov 22 web1 jitd: {}", day.lines[4]);
    for line in [newer.as_bytes(), unknown.as_bytes(), prefixed.as_bytes(), b"\xff\xfe\n", b"{\"v\":1,\n"] {
        bytes.extend_from_slice(line);
    }
    bytes.extend_from_slice(day.lines[5..].concat().as_bytes());
    bytes.extend_from_slice(b"{\"v\":1,\"boot\":\"x");
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, &bytes).unwrap();
    let (status, found) = answer(&["report"], &[path]);
    let unread = found["unread"].as_array().unwrap();
    let texts: Vec<&str> = unread.iter().map(|unread| unread["text"].as_str().unwrap()).collect();
    for (text, part) in texts.iter().zip([
        "version 2",
        "`miracle`",
        "something stands before",
        "not UTF-8",
        "not jitd's",
        "torn",
    ]) {
        assert!(text.contains(part), "{part}: {texts:?}");
    }
    assert_eq!((status, texts.len(), column(&found, "user").len()), (0, 6, 4), "{found}");
    assert_eq!(unread[5]["line"], 5 + day.lines[5..].len() + 1);
}

/// What somebody chose reaches neither a terminal nor a spreadsheet as anything but text.
#[test]
fn tables_and_csv_are_clean() {
    let mut jitd = Daemon::new(Mode::Enforcing);
    let bad = Decision {
        name: "=cmd|' /C calc'!A0".into(),
        rhost: Some("\x1b]0;owned\x07,\"x\"".into()),
        reason: Text::from("no\r\nno"),
        ..decision("sshd", "account", VerdictWord::Deny, "no-account")
    };
    jitd.decide(bad);
    let dir = tempfile::tempdir().unwrap();
    let path = [file(dir.path(), "a.jsonl", &jitd.text())];
    for arguments in
        [&["audit", "report"][..], &["audit", "report", "--csv"], &["audit", "replay"], &["audit", "verify"]]
    {
        let text = String::from_utf8(jitctl(arguments, &path).stdout).unwrap();
        assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
    }
    let csv = String::from_utf8(jitctl(&["audit", "report", "--csv"], &path).stdout).unwrap();
    assert!(csv.contains(",'=cmd|' /C calc'!A0,"), "{csv}");
    assert!(csv.contains(r#","\u{1b}]0;owned\u{7},""x""","#), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 2, "{csv:?}");
}

#[test]
fn what_happened_to_a_session_between() {
    let mut jitd = Daemon::new(Mode::Permissive);
    jitd.put(Event::Stop { reason: "x".into() });
    jitd.session(SessionEvent { standing: Some("found"), ..session(SessionState::Found, "s", "sshd") });
    jitd.at += 60;
    jitd.session(session(SessionState::WouldEnd, "s", "sshd"));
    let found = report(&jitd.lines, &[]);
    let it = &found["sessions"][0];
    assert_eq!(
        (&it["verdict"], &it["state"], &it["would_end"]),
        (&"found".into(), &"open".into(), &(DAY + 60).into()),
        "{it}"
    );
    jitd.boot = "11111111-4b5a-4978-8796-a5b4c3d2e1f0".to_owned();
    jitd.at += 60;
    jitd.put(Event::Start { version: "0.1.0" });
    let found = report(&jitd.lines, &[]);
    assert_eq!(found["sessions"][0]["state"], "unknown");
    assert!(found["sessions"][0]["end_text"].as_str().unwrap().contains("started anew"), "{found}");
}

fn renumbered(line: &str, seq: u64) -> String {
    let (before, rest) = line.split_once("\"seq\":").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    format!("{before}\"seq\":{seq},{after}")
}

/// Which of two lines with one number is jitd's cannot be told.
#[test]
fn two_decisions_with_one_number_both_stand() {
    let dir = tempfile::tempdir().unwrap();
    let mut jitd = Daemon::new(Mode::Enforcing);
    for code in ["exempt", "break-glass"] {
        jitd.decide(decision("sshd", "open", VerdictWord::Exempt, code));
    }
    jitd.lines[3] = renumbered(&jitd.lines[3], 3);
    let (_, report) = answer(&["report"], &[file(dir.path(), "audit.jsonl", &jitd.text())]);
    let mut codes: Vec<&str> = report["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["code"].as_str().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["break-glass", "exempt"], "{report}");
    assert_eq!(report["missing"][0]["kind"], "conflict", "{report}");
}

/// What somebody makes of a file fills no screen: the count, and what names the rest.
#[test]
fn people_are_told_the_first_of_many() {
    let dir = tempfile::tempdir().unwrap();
    let mut jitd = Daemon::new(Mode::Enforcing);
    for _ in 0..30 {
        jitd.decide(decision("sshd", "account", VerdictWord::Deny, "no-grant"));
    }
    let mut lines: Vec<String> =
        (0_u64..).zip(&jitd.lines).map(|(n, line)| renumbered(line, 2 * n + 1)).collect();
    lines.push(format!("{{\"v\":\"{}\"}}\n", "x".repeat(100_000)));
    let path = file(dir.path(), "audit.jsonl", &lines.concat());
    let told = jitctl(&["audit", "report"], std::slice::from_ref(&path));
    let (out, err) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
    assert_eq!(out.matches("is missing").count(), 20, "{out}");
    assert!(out.contains("11 more places where lines are missing"), "{out}");
    assert!(err.len() < 1_000 && err.contains("more characters"), "{err}");
    assert_eq!(answer(&["report"], &[path]).1["missing"].as_array().unwrap().len(), 31);
}
