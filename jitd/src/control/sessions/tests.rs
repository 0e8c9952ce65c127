//! What is shown of each kind of session, and who may end which: by values, on a registry without a warden. Over the socket, with
//! processes that end, see tests/life/control.rs.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::name::Login;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::system::SystemClock;
use crate::config;
use crate::desk::Peer;
use crate::follow::Follower;
use crate::groups::Groups;
use crate::mode::{FileId, Mode, ModeFile};
use crate::remember::{Found, Remembered};
use crate::scribe::Scribe;
use crate::sessions::record::Standing;
use crate::sessions::registry::Word;
use crate::sessions::state::StateDir;
use crate::sessions::testing::{rest, session};
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n";

/// What a login is said to have been let in by, so that it may confirm it.
#[test]
fn a_decision_names_the_file_while_that_waits_to_be_confirmed() {
    let room = Room::new();
    let asked = jit_proto::Question {
        phase: jit_proto::Phase::Open,
        service: "sshd",
        subject: "alice",
        uid: Some(1000),
        target: None,
        ruser: None,
        rhost: None,
        tty: None,
        auth_info: None,
        auth_info_cut: false,
    };
    let at = |seconds: i64| {
        let until = jit_model::time::Timestamp(room.desk.clock().now().login.0 + seconds);
        format!("guard sshd\nuntil {}\nend enforcing\n", jit_model::text::rfc3339(until))
    };
    let (waits, lapsed) = (at(600), at(-1));
    for (text, file) in [
        (waits.as_str(), Some(FileId::of(waits.as_bytes()))),
        (&lapsed, None),
        ("guard sshd\nend enforcing\n", None),
        ("not understood\n", None),
    ] {
        std::fs::write(room.dir.path().join("enforcing"), text).unwrap();
        assert_eq!(room.desk.decide(&asked).unconfirmed, file, "{text}");
    }
}

/// A desk and a registry in a directory of their own.
struct Room {
    dir: tempfile::TempDir,
    desk: Desk,
    registry: Registry,
    heard: UnboundedReceiver<Word>,
}

impl Room {
    fn new() -> Room {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(file("run/state/sessions")).unwrap();
        let clock = Arc::new(SystemClock::start(None).unwrap());
        let audit = Audit::start(file("audit.jsonl"), clock.boot(), "web1", Syslog::new(file("no-syslog")));
        let scribe = Scribe::new(Arc::new(audit.unwrap()), Arc::clone(&clock), Mode::Enforcing);
        let remembered = Remembered::start(Found::read(dir.path()), &scribe).unwrap();
        let config = Arc::new(config::parse(CONFIG).unwrap());
        let accounts = || Accounts::at(file("passwd"), file("group"));
        let groups = Groups::new(dir.path(), accounts(), scribe.clone());
        let follower = Follower::new(config, Arc::clone(&clock), scribe.clone(), remembered, groups);
        let mode = ModeFile::at(file("enforcing"));
        let desk = Desk::new(follower.current(), Arc::clone(&clock), scribe, accounts(), mode);
        let state = StateDir::below(&file("run"));
        let (registry, heard) = Registry::new(state, clock.boot(), (Vec::new(), Vec::new()));
        Room { dir, desk, registry, heard }
    }

    /// Opens a session like alice's, with this leader, and changes.
    fn open(&self, pid: i32, change: impl FnOnce(&mut Session)) -> SessionId {
        let mut new = session(pid);
        change(&mut new);
        let id = new.id.clone();
        self.registry.open(new);
        id
    }

    fn listed(&self, caller: &Caller) -> Vec<Shown> {
        match sessions(&self.desk, &self.registry, caller) {
            Answer::Sessions(sessions) => sessions.sessions,
            other => panic!("{other:?}"),
        }
    }

    fn terminate(&self, caller: &Caller, id: &SessionId, reason: &str) -> Result<String, (String, String)> {
        match terminate(&self.desk, &self.registry, caller, id.as_str(), reason) {
            Answer::Done { text } => Ok(text),
            Answer::Refused { code, text } => Err((code, text)),
            other => panic!("{other:?}"),
        }
    }

    /// The orders that were passed on.
    fn ordered(&mut self) -> Vec<SessionId> {
        let words = std::iter::from_fn(|| self.heard.try_recv().ok());
        words.filter_map(|word| if let Word::Ordered(id) = word { Some(id) } else { None }).collect()
    }

    /// What the audit has of requests, once `count` of them are there.
    fn controls(&self, count: usize) -> Vec<Value> {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let text = std::fs::read_to_string(self.dir.path().join("audit.jsonl")).unwrap_or_default();
            let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let controls: Vec<Value> = all.into_iter().filter(|event| event["event"] == "control").collect();
            if controls.len() >= count {
                return controls;
            }
            assert!(std::time::Instant::now() < end, "{controls:?}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn caller(uid: u32, login: &str, reach: Reach) -> Caller {
    Caller { peer: Peer { uid }, login: Login::new(login).ok(), reach }
}

fn root() -> Caller {
    caller(0, "root", Reach::All)
}

#[test]
fn each_kind_is_shown_as_what_it_is() {
    let room = Room::new();
    let held = room.open(10, |session| {
        session.target = Some("root".to_owned());
        session.basis = Basis::Grants {
            rests: vec![rest(1, 4000), rest(2, 5000), rest(1, 4500)],
            until: jit_model::time::Timestamp(5000),
        };
    });
    let closed = room.open(11, |session| session.life = Life::Closed);
    let standing = room.open(12, |session| session.basis = Basis::Standing(Standing::BreakGlass));
    let ending = room.open(13, |session| session.life = Life::Closed);
    room.registry.show_ending(BTreeSet::from([ending.clone()]));

    let all = room.listed(&root());
    let of = |id: &SessionId| all.iter().find(|shown| shown.id == id.as_str()).unwrap();
    assert_eq!(all.len(), 4);
    let shown = of(&held);
    assert_eq!((shown.user.as_str(), shown.service.as_str(), shown.pid), ("alice", "sshd", 10));
    assert_eq!((shown.target.as_deref(), shown.from.as_deref()), (Some("root"), Some("192.0.2.7")));
    assert_eq!((shown.since, shown.until, shown.standing.as_deref()), (1000, Some(5000), None));
    assert_eq!(
        (shown.grants.as_slice(), shown.state.as_str()),
        (&["g1".to_owned(), "g2".to_owned()][..], "open")
    );
    assert_eq!(of(&closed).state, "closed");
    assert_eq!(of(&ending).state, "ending");
    let shown = of(&standing);
    assert_eq!((shown.until, shown.standing.as_deref()), (None, Some("break-glass")));
    assert!(shown.grants.is_empty());
}

#[test]
fn one_sees_ones_own_by_name() {
    let room = Room::new();
    room.open(10, |_| {});
    let own = room.open(11, |session| {
        session.login = Login::new("bob").unwrap();
        // Who shares a uid with somebody does not share his sessions.
        session.mark.uid = 1000;
    });
    let listed = room.listed(&caller(1000, "bob", Reach::Himself));
    assert_eq!(listed.iter().map(|shown| shown.id.as_str()).collect::<Vec<_>>(), [own.as_str()]);
    assert_eq!(room.listed(&caller(1001, "carol", Reach::Himself)), []);
    let nameless = Caller { peer: Peer { uid: 1000 }, login: None, reach: Reach::Himself };
    assert_eq!(room.listed(&nameless), []);
    assert_eq!(room.listed(&caller(1002, "dora", Reach::All)).len(), 2);
}

#[test]
fn roots_sessions_are_roots_to_end() {
    let mut room = Room::new();
    let alices = room.open(10, |_| {});
    let roots = room.open(11, |session| {
        session.mark.uid = 0;
        session.login = Login::new("root").unwrap();
        session.basis = Basis::Standing(Standing::BreakGlass);
    });
    let admin = caller(1001, "bob", Reach::All);
    let (code, text) = room.terminate(&admin, &roots, "tidy up").unwrap_err();
    assert_eq!((code.as_str(), text.contains("only root")), ("not-permitted", true), "{text}");
    let person = caller(1000, "alice", Reach::Himself);
    assert_eq!(room.terminate(&person, &alices, "mine").unwrap_err().0, "not-permitted");
    assert_eq!(room.ordered(), []);
    assert_eq!(room.registry.session(&roots).unwrap().order, None);

    let text = room.terminate(&admin, &alices, "tidy up").unwrap();
    assert_eq!(text, format!("session {alices} of alice (sshd) is being ended"));
    room.terminate(&root(), &roots, "gone home").unwrap();
    assert_eq!(room.ordered(), [alices, roots]);
    let told: Vec<(Value, Value)> =
        room.controls(3).iter().map(|event| (event["uid"].clone(), event["outcome"].clone())).collect();
    let wanted =
        [(1001, "refused"), (1001, "done"), (0, "done")].map(|(uid, word)| (uid.into(), word.into()));
    assert_eq!(told, wanted, "and nothing of who may not");
}

#[test]
fn a_reason_is_given_and_acts_on_no_terminal() {
    let mut room = Room::new();
    let id = room.open(10, |_| {});
    for empty in ["", " ", "\n\t"] {
        assert_eq!(room.terminate(&root(), &id, empty).unwrap_err().0, "bad-request", "{empty:?}");
    }
    assert_eq!(room.ordered(), []);
    let reason = format!(" left\u{1b}]0;x\u{7}\nthe shell \u{202e}open {}", "x".repeat(20_000));
    room.terminate(&root(), &id, &reason).unwrap();
    let order = room.registry.session(&id).unwrap().order.unwrap();
    assert_eq!(order.by, 0);
    assert!(order.reason.starts_with("left?]0;x??the shell ?open xxx"), "{}", order.reason);
    assert!(order.reason.len() < 200 && order.reason.ends_with("..."), "{}", order.reason);
    assert!(room.controls(1)[0].to_string().len() < 2_000);
}
