//! jitd.sock: who may ask what, and how much.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStdout, Command};

use jit_proto::{Phase, Question, Verdict};
use serde_json::{Value, json};

use crate::host::{Host, PEOPLE, Reaped, SOMEBODY, grant, ignored, read_answer, sshd, until};

/// Runs one of the `as_somebody` tests below in a process of that uid; what it printed.
fn as_uid(host: &Host, uid: u32, test: &str) -> String {
    // A copy that everybody may run, wherever the build lies.
    let program = host.path("program");
    if !program.exists() {
        // By another process: a descriptor of ours that is open for writing could be in a child that some other test is
        // starting right now, and what is open for writing cannot be run.
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
        assert!(copied.unwrap().success());
    }
    let output = Command::new(program)
        .args(["--ignored", "--exact", "--nocapture", &format!("control::{test}")])
        .env("SOCKET", host.path("run/jitd.sock"))
        .uid(uid)
        .gid(uid)
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn ask(request: &Value) -> Value {
    let mut stream = UnixStream::connect(std::env::var("SOCKET").unwrap()).unwrap();
    // Who is turned away is told so before he has asked, and then finds nobody to ask.
    let _ = writeln!(stream, "{request}");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
#[ignore = "run by another test, as somebody"]
fn as_somebody_ask_everything() {
    let status = ask(&json!({ "ask": "status" }));
    assert_eq!(status["host"], "web1.prod.example.com");
    assert_eq!(status["set_aside"], json!([]), "not for everybody");
    for request in [
        json!({ "ask": "why", "user": "alice" }),
        json!({ "ask": "authorized-keys", "user": "alice" }),
        json!({ "ask": "clock-accept" }),
        json!({ "ask": "render-enforcing" }),
        json!({ "ask": "confirm" }),
        json!({ "ask": "mode-set" }),
        json!({ "ask": "terminate", "id": "22222222", "reason": "because" }),
    ] {
        let answer = ask(&request);
        assert_eq!(answer["code"], "not-permitted", "{request}: {answer}");
    }
    assert_eq!(ask(&json!({ "ask": "sessions" }))["sessions"], json!([]), "others' are not shown");
    assert_eq!(ask(&json!({ "ask": "grants", "all": true }))["grants"], json!([]), "others' are not shown");
}

#[test]
#[ignore = "run by another test, as uid 1"]
fn as_daemon_ask_about_oneself() {
    let why = ask(&json!({ "ask": "why", "user": "daemon" }));
    assert_eq!((&why["verdict"], &why["code"]), (&"allow".into(), &"grant".into()), "{why}");
    let grants = ask(&json!({ "ask": "grants", "all": false }));
    let ids: Vec<&str> =
        grants["grants"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["own"]);
    assert_eq!(ask(&json!({ "ask": "why", "user": "alice" }))["code"], "not-permitted");
}

#[test]
fn everybody_about_himself_and_root_about_all() {
    let host = Host::new();
    let daemon =
        "dn: uid=daemon,ou=people,dc=local\nobjectClass: inetOrgPerson\nuid: daemon\ncn: D\nsn: D\n\n";
    let bad = "dn: cn=bad,ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: bad\njitHost: *\n\n";
    let text = format!("{PEOPLE}{daemon}{}{}{bad}", grant("own", "daemon"), grant("g1", "alice"));
    host.write("grants.ldif", &text);
    let jitd = host.start();
    until("the file is read", || (jitd.status()["live"] == 2).then_some(()));
    as_uid(&host, SOMEBODY, "as_somebody_ask_everything");
    as_uid(&host, 1, "as_daemon_ask_about_oneself");

    let why = jitd.control(&json!({ "ask": "why", "user": "alice", "service": "sudo" }));
    assert_eq!((&why["verdict"], &why["service"]), (&"allow".into(), &"sudo".into()));
    assert!(!why["road"].as_array().unwrap().is_empty());
    assert_eq!(why["grants"][0]["id"], "g1");
    let then = jitd.control(&json!({ "ask": "why", "user": "alice", "at": 1_900_000_000 }));
    assert_eq!((&then["verdict"], &then["code"]), (&"deny".into(), &"expired".into()), "{then}");
    let stranger = jitd.control(&json!({ "ask": "why", "user": "mallory" }));
    assert_eq!((&stranger["verdict"], &stranger["code"]), (&"deny".into(), &"no-grant".into()), "{stranger}");
    assert!(stranger["road"][0].as_str().unwrap().contains("not in /etc/passwd"), "{stranger}");
    assert_eq!(jitd.control(&json!({ "ask": "why", "user": "a b" }))["code"], "bad-request");
    assert_eq!(jitd.status()["set_aside"][0]["dn"], "cn=bad,ou=grants,ou=jit,dc=local");
    assert_eq!(jitd.control(&json!({ "ask": "clock-accept" }))["answer"], "done");
    host.audited("who said so", |event| event["event"] == "control" && event["uid"] == 0);
    assert!(host.audit().iter().all(|event| event["uid"] != SOMEBODY), "who is refused fills no audit");
}

#[test]
#[ignore = "run by another test, as somebody"]
fn as_somebody_ask_too_much() {
    let path = std::env::var("SOCKET").unwrap();
    let mut held = Vec::new();
    let busy = loop {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        let mut said = String::new();
        if stream.read_to_string(&mut said).is_ok() {
            break said;
        }
        held.push(stream);
        assert!(held.len() < 64, "nobody stops me");
    };
    let busy: Value = serde_json::from_str(&busy).unwrap();
    assert_eq!(busy["code"], "busy", "{busy}");
    assert!(held.len() >= 4, "a few at a time are allowed");
    drop(held);
    until("the places are free again", || {
        (ask(&json!({ "ask": "status" }))["answer"] == "status").then_some(())
    });
    let often = (0..1000).find(|_| ask(&json!({ "ask": "status" }))["code"] == "busy");
    assert!(often.is_some_and(|n| n >= 8), "{often:?}");
}

#[test]
fn who_asks_too_much_keeps_only_himself_waiting() {
    let host = Host::granted();
    let jitd = host.start();
    std::thread::scope(|scope| {
        let crowd = scope.spawn(|| as_uid(&host, SOMEBODY, "as_somebody_ask_too_much"));
        while !crowd.is_finished() {
            jitd.comes_to("alice", Verdict::Allow);
            assert_eq!(jitd.status()["answer"], "status", "root comes through");
        }
        crowd.join().unwrap();
    });
}

#[test]
fn requests_are_bounded_and_understood_or_refused() {
    let host = Host::new();
    let jitd = host.start();
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(host.path("run/jitd.sock")).unwrap();
        stream.write_all(bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        said
    };
    let long = vec![b'x'; 20 << 10];
    let nonsense: [&[u8]; 6] = [
        b"",
        b"\n",
        b"{}\n",
        b"{\"ask\":\"fly\"}\n",
        b"{\"ask\":\"status\",\"x\":1}\n",
        b"{\"ask\":\"status\"}",
    ];
    for bytes in nonsense.into_iter().chain([long.as_slice()]) {
        let said = say(bytes);
        assert!(said.is_empty() || said.contains("bad-request"), "{bytes:?}: {said}");
    }
    // Whoever never ends his line is told so before he ends.
    let mut endless = UnixStream::connect(host.path("run/jitd.sock")).unwrap();
    endless.write_all(&long).unwrap();
    let mut said = String::new();
    BufReader::new(endless).read_line(&mut said).unwrap();
    assert!(said.contains("bad-request"), "{said}");
    assert!(say(b"{\"ask\":\"status\"}\nand more").contains("\"answer\":\"status\""));
    assert_eq!(jitd.status()["answer"], "status");
}

/// A local account that every Debian has and that runs nothing.
const GAMES: u32 = 5;

#[test]
#[ignore = "run by another test, as a process that opens a session"]
fn as_root_hold_a_session() {
    let subject = std::env::var("SUBJECT").unwrap();
    let uid = std::env::var("SUBJECT_UID").unwrap().parse().unwrap();
    let question = Question { phase: Phase::Open, target: Some("root"), ..sshd(&subject, uid) };
    let mut stream = UnixStream::connect(std::env::var("SOCKET").unwrap()).unwrap();
    stream.write_all(question.encode().unwrap().as_bytes()).unwrap();
    println!("{:?}", read_answer(&mut stream).expect("jitd should answer").0);
    // Until the test ends it, or jitd does.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A process that has opened a session and goes on.
struct Holder {
    child: Reaped,
    _said: BufReader<ChildStdout>,
}

impl Holder {
    fn new(host: &Host, subject: &str, uid: u32) -> Holder {
        let mut child = Reaped::run(
            ignored("control::as_root_hold_a_session")
                .env("SOCKET", host.path("run/pam.sock"))
                .env("SUBJECT", subject)
                .env("SUBJECT_UID", uid.to_string()),
        );
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let answered = said.by_ref().lines().find(|line| line.as_ref().unwrap().ends_with("Allow"));
        assert!(answered.is_some(), "{subject} got no session");
        Holder { child, _said: said }
    }
}

#[test]
#[ignore = "run by another test, as uid 5"]
fn as_games_see_ones_own_session() {
    let sessions = ask(&json!({ "ask": "sessions" }))["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    assert_eq!(sessions[0]["user"], "games");
    let request = json!({ "ask": "terminate", "id": sessions[0]["id"], "reason": "mine" });
    assert_eq!(ask(&request)["code"], "not-permitted", "one's own neither: log out instead");
}

#[test]
fn sessions_are_shown_to_whom_they_concern_and_ended_by_root() {
    let host = Host::new();
    let games = "dn: uid=games,ou=people,dc=local\nobjectClass: inetOrgPerson\nuid: games\ncn: G\nsn: G\n\n";
    host.write("enforcing", "");
    host.write("grants.ldif", &format!("{PEOPLE}{games}{}{}", grant("g1", "alice"), grant("g2", "games")));
    let jitd = host.start_for("alice");
    let mut alice = Holder::new(&host, "alice", SOMEBODY);
    let _games = Holder::new(&host, "games", GAMES);

    let all = jitd.control(&json!({ "ask": "sessions" }));
    let of = |user: &str| {
        let found = all["sessions"].as_array().unwrap().iter().find(|session| session["user"] == user);
        found.unwrap_or_else(|| panic!("{user}: {all}"))
    };
    let session = of("alice");
    for (field, value) in [
        ("service", json!("sshd")),
        ("target", json!("root")),
        ("from", json!("192.0.2.7")),
        ("pid", json!(alice.child.id())),
        ("grants", json!(["g1"])),
        ("until", json!(1_861_920_000)),
        ("standing", Value::Null),
        ("state", json!("open")),
    ] {
        assert_eq!(session[field], value, "{field}: {session}");
    }
    assert_eq!(jitd.status()["sessions"], 2);
    assert_eq!(of("games")["grants"], json!(["g2"]));
    as_uid(&host, SOMEBODY, "as_somebody_ask_everything");
    as_uid(&host, GAMES, "as_games_see_ones_own_session");

    let end =
        |id: &Value, reason: &str| jitd.control(&json!({ "ask": "terminate", "id": id, "reason": reason }));
    assert_eq!(end(&session["id"], " ")["code"], "bad-request");
    for unknown in ["22222222", "", "../../x", "BBBBBBBB", "\u{1b}[2J"] {
        let refused = end(&json!(unknown), "why not");
        assert_eq!(refused["code"], "no-such-session", "{refused}");
        assert!(!refused["text"].as_str().unwrap().contains('\u{1b}'), "{refused}");
    }
    assert!(alice.child.try_wait().unwrap().is_none(), "nobody was ended yet");

    let done = end(&session["id"], "left\u{1b}[2J the shell open");
    let id = session["id"].as_str().unwrap();
    assert_eq!(done["text"], format!("session {id} of alice (sshd) is being ended"), "{done}");
    let status = until("the process is ended", || alice.child.try_wait().unwrap());
    assert!(status.signal().is_some(), "{status}");
    let ordered = host.audited("who ordered it", |event| event["event"] == "control");
    assert_eq!((&ordered["uid"], &ordered["request"]), (&json!(0), &json!("session-terminate")), "{ordered}");
    let text = ordered["text"].as_str().unwrap();
    assert!(text.contains(id) && text.contains("the shell open"), "{ordered}");
    let ended = host.audited("its end", |event| event["event"] == "session" && event["state"] == "ended");
    assert_eq!(
        (&ended["id"], &ended["code"], &ended["by"]),
        (&json!(id), &json!("ordered"), &json!(0)),
        "{ended}"
    );
    until("it is listed no longer", || {
        let left = jitd.control(&json!({ "ask": "sessions" }))["sessions"].clone();
        (left.as_array().unwrap().len() == 1 && left[0]["user"] == "games").then_some(())
    });
    assert_eq!(end(&session["id"], "again")["code"], "no-such-session");
    assert_eq!(
        host.audit().iter().filter(|event| event["event"] == "control").count(),
        1,
        "refusals fill no audit"
    );
}
