//! Sessions as the daemon learns of them from modules, and finds them again: registered before the answer, closed, there after a
//! restart. How they end, the tests against real sshd and sudo show.
//!
//! Who opens a session here is a process of its own ([`Peer`]), for the daemon ends in earnest what it takes for somebody's.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command};
use std::time::Duration;

use jit_proto::{Phase, Question, Verdict};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::host::{Daemon, Host, PEOPLE, Reaped, SOMEBODY, ignored, sshd, until};

/// How a peer puts its question.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// At once.
    Prompt,
    /// Its last byte so late that the accepting thread does not wait for it.
    Late,
}

/// A process that asks as a module does, and goes on until it is dropped or ended.
struct Peer {
    child: Reaped,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    fn new(host: &Host) -> Peer {
        let mut child =
            Reaped::run(ignored("sessions::as_a_peer").env("JIT_PEER_SOCKET", host.path("run/pam.sock")));
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Peer { child, to, from }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ask(&mut self, question: &Question<'_>) -> Verdict {
        self.ask_as(question, Manner::Prompt)
    }

    fn ask_as(&mut self, question: &Question<'_>, manner: Manner) -> Verdict {
        let frame = hex(question.encode().unwrap().as_bytes());
        writeln!(self.to, "{manner:?} {frame}").unwrap();
        let answer = unhex(&self.line("answer"));
        jit_proto::Answer::decode(&answer).unwrap().verdict
    }

    /// What follows a word that the peer says.
    fn line(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the peer is gone");
            // The first one follows on what the harness says.
            if let Some((_, rest)) = line.trim().split_once(&format!("{word}:")) {
                return rest.to_owned();
            }
        }
    }

    /// Whether it was ended by somebody, once it is.
    fn ended(&mut self) -> bool {
        until("the peer ends", || self.child.try_wait().unwrap()).signal().is_some()
    }
}

/// No test: the process behind a [`Peer`].
#[test]
#[ignore = "a process for the other tests"]
fn as_a_peer() {
    let Some(socket) = std::env::var_os("JIT_PEER_SOCKET") else { return };
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (manner, frame) = line.split_once(' ').unwrap();
        let frame = unhex(frame);
        let mut stream = UnixStream::connect(&socket).unwrap();
        let mut answer = Vec::new();
        let (first, last) = frame.split_at(frame.len() - 1);
        stream.write_all(first).unwrap();
        if manner == "Late" {
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(last).unwrap();
        stream.read_to_end(&mut answer).unwrap();
        println!("answer:{}", hex(&answer));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn opening(subject: &str) -> Question<'_> {
    Question { phase: Phase::Open, ..sshd(subject, SOMEBODY) }
}

/// As the module does: no name service was asked.
fn closing(service: &'static str) -> Question<'static> {
    Question { phase: Phase::Close, service, uid: None, rhost: None, tty: None, ..sshd("whoever", SOMEBODY) }
}

fn listed(jitd: &Daemon<'_>) -> Vec<Value> {
    jitd.control(&json!({ "ask": "sessions" }))["sessions"].as_array().unwrap().clone()
}

fn directory(host: &Host) -> PathBuf {
    host.path("run/state/sessions")
}

/// The files of sessions, by their ids.
fn files(host: &Host) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory(host)) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.len() == 8).collect()
}

#[test]
fn an_opening_is_on_disk_when_the_answer_arrives() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    assert_eq!(files(&host), Vec::<String>::new(), "who asks in the account phase has no session");
    let mut peer = Peer::new(&host);
    for (count, manner) in [Manner::Prompt, Manner::Late].into_iter().cycle().enumerate().take(20) {
        assert_eq!(peer.ask_as(&opening("alice"), manner), Verdict::Allow);
        assert_eq!(files(&host).len(), count + 1, "{manner:?}");
    }
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(directory(&host)), 0o700);
    assert_eq!(mode(directory(&host).join(&files(&host)[0])), 0o600);
    let sessions = listed(&jitd);
    assert_eq!(sessions.len(), 20);
    for session in &sessions {
        for (field, value) in [
            ("user", json!("alice")),
            ("service", json!("sshd")),
            ("from", json!("192.0.2.7")),
            ("pid", json!(peer.pid())),
            ("grants", json!(["g1"])),
            ("until", json!(1_861_920_000)),
            ("standing", Value::Null),
            ("state", json!("open")),
        ] {
            assert_eq!(session[field], value, "{field}: {session}");
        }
    }
    host.audited("the decision", |event| event["phase"] == "open" && event["verdict"] == "allow");
}

#[test]
fn a_session_is_closed_by_who_opened_it() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let (mut peer, mut other) = (Peer::new(&host), Peer::new(&host));
    assert_eq!(peer.ask(&opening("alice")), Verdict::Allow);
    let state = || {
        let sessions = listed(&jitd);
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        sessions[0]["state"].clone()
    };
    assert_eq!(other.ask(&closing("sshd")), Verdict::Unguarded);
    assert_eq!(peer.ask(&closing("login")), Verdict::Unguarded);
    assert_eq!(state(), "open", "another process, another service");
    assert_eq!(peer.ask_as(&closing("sshd"), Manner::Late), Verdict::Unguarded);
    assert_eq!(state(), "closed", "its process is still there");
    assert!(host.audit().iter().all(|event| event["phase"] != "close"));
    // When that goes, nothing is left of it.
    drop(peer);
    until("nothing is listed", || listed(&jitd).is_empty().then_some(()));
    assert_eq!(files(&host), Vec::<String>::new());
    host.audited("its end", |event| event["event"] == "session" && event["state"] == "closed");
}

#[test]
fn whoever_has_no_deadline_is_known_too() {
    let host = Host::granted();
    let config =
        format!("{}[break_glass]\nusers = [\"daemon\"]\n[[exempt]]\nuser = \"bob\"\n", host.config());
    host.write("jitd.toml", &config);
    let jitd = host.start_for("alice");
    let mut peer = Peer::new(&host);
    let daemon = Question { phase: Phase::Open, ..sshd("daemon", 1) };
    assert_eq!(peer.ask(&opening("bob")), Verdict::Unguarded);
    assert_eq!(peer.ask(&daemon), Verdict::Allow);
    // Nobody's business, and nobody we know.
    assert_eq!(peer.ask(&Question { service: "dovecot", ..opening("alice") }), Verdict::Unguarded);
    fs::remove_file(host.path("enforcing")).unwrap();
    until("the host is permissive", || (jitd.status()["mode"] == "permissive").then_some(()));
    assert_eq!(peer.ask(&opening("alice")), Verdict::Allow);
    assert_eq!(peer.ask(&opening("carol")), Verdict::Unguarded);
    assert_eq!(peer.ask(&Question { uid: None, ..opening("dave") }), Verdict::Unguarded);
    let mut standing: Vec<(String, String)> = listed(&jitd)
        .iter()
        .map(|session| (session["user"].to_string(), session["standing"].to_string()))
        .collect();
    standing.sort();
    let expected =
        [("alice", "permissive"), ("bob", "exempt"), ("carol", "permissive"), ("daemon", "break-glass")];
    assert_eq!(standing, expected.map(|(user, why)| (json!(user).to_string(), json!(why).to_string())));
}

#[test]
fn a_denied_login_is_ended_and_a_denied_su_is_not() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let (mut su, mut login) = (Peer::new(&host), Peer::new(&host));
    assert_eq!(su.ask(&Question { service: "su", ..opening("bob") }), Verdict::Deny);
    assert_eq!(login.ask(&opening("bob")), Verdict::Deny);
    assert!(login.ended(), "sshd keeps the connection of a denied session up");
    assert_eq!(su.ask(&closing("su")), Verdict::Unguarded, "he is in already, and stays who he is");
    assert_eq!((listed(&jitd), files(&host)), (vec![], vec![]));
    host.audited("the denial", |event| event["phase"] == "open" && event["verdict"] == "deny");
}

#[test]
fn a_crash_forgets_nothing() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let (mut one, mut gone) = (Peer::new(&host), Peer::new(&host));
    assert_eq!(one.ask(&opening("alice")), Verdict::Allow);
    let before = listed(&jitd);
    assert_eq!(gone.ask(&opening("alice")), Verdict::Allow);
    jitd.kill();
    drop(gone);
    let jitd = host.start();
    until("what ended meanwhile is forgotten", || (listed(&jitd) == before).then_some(()));
    assert_eq!(one.ask(&closing("sshd")), Verdict::Unguarded);
    assert_eq!(listed(&jitd)[0]["state"], "closed", "who opened it is known by the same process");
    // What it left ends with its grant, which ends while nobody looks.
    jitd.kill();
    host.write("grants.ldif", PEOPLE);
    let jitd = host.start();
    assert!(one.ended());
    until("nothing is listed", || listed(&jitd).is_empty().then_some(()));
}

#[test]
fn damage_is_set_aside_and_told() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let mut peer = Peer::new(&host);
    peer.ask(&opening("alice"));
    peer.ask(&opening("alice"));
    jitd.kill();
    let names = files(&host);
    let damaged = directory(&host).join(&names[0]);
    let mut bytes = fs::read(&damaged).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    // Begun by a write that the crash cut short.
    fs::write(directory(&host).join(format!("{}.new", names[1])), "half").unwrap();
    let jitd = host.start();
    assert_eq!(listed(&jitd).iter().filter(|session| session["id"] == names[1].as_str()).count(), 1);
    assert!(!directory(&host).join(format!("{}.new", names[1])).exists());
    let aside = directory(&host).join(format!("{}.damaged.1", names[0]));
    assert!(aside.exists());
    let told = |text: &str| text.contains(&names[0]) && text.contains("checksum");
    assert!(jitd.degraded().iter().any(|text| told(text)), "{:?}", jitd.degraded());
    let event = host.audited("it", |event| event["event"] == "disk" && event["state"] == "set-aside");
    assert!(told(event["text"].as_str().unwrap()), "{event}");
}

/// The state of another boot is not this one's: its process numbers mean others now.
#[test]
fn another_boots_sessions_are_forgotten() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let mut peer = Peer::new(&host);
    peer.ask(&opening("alice"));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = unhex(&boot.trim().replace('-', ""));
    jitd.kill();
    // The file says which boot it is of, and a sum protects it; so it is written anew.
    let path = directory(&host).join(&files(&host)[0]);
    let file = fs::read(&path).unwrap();
    let (head, payload) = file.split_at(jitd::disk::envelope::HEADER);
    let at = payload.windows(16).position(|window| window == boot).expect("it should name its boot");
    let mut payload = payload.to_vec();
    payload[at] ^= 1;
    jitd::disk::write(&path, jitd::sessions::state::SESSION, &payload).unwrap();
    assert_ne!(fs::read(&path).unwrap()[..], [head, &payload].concat()[..]);
    let jitd = host.start();
    assert_eq!(files(&host).iter().filter(|name| path.ends_with(name)).count(), 0);
    assert!(jitd.degraded().iter().all(|text| !text.contains("state/sessions")), "{:?}", jitd.degraded());
}

#[test]
fn a_disk_that_fails_keeps_nobody_out() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    let mut peer = Peer::new(&host);
    assert_eq!(peer.ask(&opening("alice")), Verdict::Allow);
    let away = host.path("away");
    fs::rename(directory(&host), &away).unwrap();
    fs::write(directory(&host), "in the way").unwrap();
    assert_eq!(peer.ask(&opening("alice")), Verdict::Allow);
    assert_eq!(listed(&jitd).len(), 2);
    let failing = |text: &String| text.starts_with("sessions are only in memory");
    assert!(jitd.degraded().iter().any(failing), "{:?}", jitd.degraded());
    host.audited("that", |event| event["event"] == "disk" && event["state"] == "failing");
    fs::remove_file(directory(&host)).unwrap();
    fs::rename(away, directory(&host)).unwrap();
    assert_eq!(peer.ask(&opening("alice")), Verdict::Allow);
    assert_eq!(files(&host).len(), 3, "what could not be written before is written with the next one");
    assert!(!jitd.degraded().iter().any(failing));
    host.audited("that too", |event| event["event"] == "disk" && event["state"] == "recovered");
}

/// A peer in a pid namespace that is not below the daemon's has no number there, so nothing of its session could be found again.
#[test]
fn whoever_cannot_be_seen_gets_no_session_that_would_have_to_end() {
    let host = Host::granted();
    let config = format!("{}[break_glass]\nusers = [\"daemon\"]\n", host.config());
    host.write("jitd.toml", &config);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", env!("CARGO_BIN_EXE_jitd")]);
    command.args(host.arguments());
    let jitd = host.run(command);
    jitd.comes_to("alice", Verdict::Allow);
    let mut peer = Peer::new(&host);
    assert_eq!(peer.ask(&opening("alice")), Verdict::Deny);
    let denied = host.audited("the denial", |event| event["phase"] == "open" && event["name"] == "alice");
    assert_eq!((&denied["verdict"], &denied["code"]), (&json!("deny"), &json!("endless")));
    let daemon = Question { phase: Phase::Open, ..sshd("daemon", 1) };
    assert_eq!(peer.ask(&daemon), Verdict::Allow, "break-glass has no deadline");
    assert_eq!(peer.ask(&closing("sshd")), Verdict::Unguarded);
    assert_eq!((listed(&jitd), files(&host)), (vec![], vec![]));
}

/// Whoever has gone when the question is read could be anybody by then: its number may be another's.
#[test]
fn whoever_has_hung_up_gets_no_session() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    jitd.freeze();
    let mut stream = jitd.connect();
    stream.write_all(opening("alice").encode().unwrap().as_bytes()).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    jitd.signal(Signal::SIGCONT);
    let event = host.audited("the denial", |event| event["phase"] == "open");
    assert_eq!(event["code"], "endless", "{event}");
    assert_eq!((listed(&jitd), files(&host)), (vec![], vec![]));
}
