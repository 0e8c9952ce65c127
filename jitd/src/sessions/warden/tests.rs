use std::collections::VecDeque;
use std::path::PathBuf;

use jit_directory::decode::Bases;
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_directory::update::{Membership, Update, Word as SourceWord};
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::session::Rest;

use super::*;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::system::SystemClock;
use crate::config;
use crate::follow::Follower;
use crate::mode::ModeFile;
use crate::remember::{Found, Remembered};
use crate::scribe::Scribe;
use crate::sessions::claim::Kind;
use crate::sessions::ending::Look;
use crate::sessions::process::{AuditMark, Process, Run, Uids};
use crate::sessions::record::Order;
use crate::sessions::signals::{Sent, Signal, Signals};
use crate::sessions::state::StateDir;
use crate::sessions::terminal::Told;
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n\
                      base = \"dc=example,dc=com\"\n[default_role]\nmax_duration = \"30d\"\n";

/// The 1000th uid is alice, the next bob, and so on.
const PEOPLE: [&str; 2] = ["alice", "bob"];

/// A host whose processes end when they are asked.
#[derive(Default)]
struct Village {
    processes: BTreeMap<i32, Process>,
    /// Those that only SIGKILL ends.
    stubborn: BTreeSet<i32>,
    sent: Vec<(i32, Signal)>,
    said: Vec<(Vec<i32>, String)>,
    /// Whose signals the kernel refuses.
    refused: BTreeSet<i32>,
    /// What reading the table comes to, where it fails.
    faults: VecDeque<io::ErrorKind>,
}

impl Signals for Village {
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent {
        let Some(process) = self.processes.get_mut(&to.pid).filter(|process| process.id == to) else {
            return Sent::Gone;
        };
        if self.refused.contains(&to.pid) {
            return Sent::Refused;
        }
        self.sent.push((to.pid, signal));
        match signal {
            Signal::Stop => process.run = Run::Stopped,
            Signal::Continue => process.run = Run::Running,
            Signal::Hangup | Signal::Terminate if self.stubborn.contains(&to.pid) => {}
            Signal::Hangup | Signal::Terminate | Signal::Kill => {
                self.processes.remove(&to.pid);
            }
        }
        Sent::Done
    }
}

/// There is nothing in no table.
#[derive(Default)]
struct Nothing;

impl Look for Nothing {
    fn newest(&mut self) -> Option<i32> {
        None
    }

    fn look(&mut self, _: i32) -> Option<Process> {
        None
    }

    fn limit(&mut self) -> i32 {
        32_768
    }
}

impl Host for Village {
    type Look = Nothing;

    fn table(&mut self) -> io::Result<Table> {
        match self.faults.pop_front() {
            Some(kind) => Err(kind.into()),
            None => Ok(Table::of(self.processes.values().cloned())),
        }
    }

    fn tell(&mut self, _: &Table, members: &[ProcessId], _: &BTreeSet<u32>, text: &str) -> Told {
        self.said.push((members.iter().map(|id| id.pid).collect(), text.to_owned()));
        Told { on: vec!["/dev/pts/7".to_owned()], failed: Vec::new() }
    }

    fn lacks(&mut self, _: Mode) -> Vec<String> {
        Vec::new()
    }
}

/// A warden on such a host, with a source that says what it is told to.
struct Stage {
    dir: tempfile::TempDir,
    warden: Warden<Village>,
    heard: mpsc::UnboundedReceiver<Word>,
    follower: Follower,
    clock: Arc<SystemClock>,
}

/// What a warden needs. Enforcing.
struct Room {
    dir: tempfile::TempDir,
    registry: Registry,
    desk: Desk,
    heard: mpsc::UnboundedReceiver<Word>,
    follower: Follower,
    clock: Arc<SystemClock>,
}

impl Room {
    fn new(more: &str, kept: Vec<Session>) -> Room {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        let passwd: String =
            (1000..).zip(PEOPLE).map(|(uid, n)| format!("{n}:x:{uid}:100::/:/bin/sh\n")).collect();
        std::fs::write(file("passwd"), passwd).unwrap();
        std::fs::write(file("group"), "").unwrap();
        std::fs::create_dir_all(file("run/state/sessions")).unwrap();
        // A broken file is an enforcing one, whoever runs this.
        std::fs::write(file("enforcing"), "nonsense\n").unwrap();
        let config = Arc::new(config::parse(&format!("{CONFIG}{more}")).unwrap());
        let found = Found::read(dir.path());
        let clock = Arc::new(SystemClock::start(None).unwrap());
        let audit = Audit::start(file("audit.jsonl"), clock.boot(), "web1", Syslog::new(file("no-syslog")));
        let scribe = Scribe::new(Arc::new(audit.unwrap()), Arc::clone(&clock), Mode::Enforcing);
        let remembered = Remembered::start(found, &scribe).unwrap();
        let follower = Follower::new(config, Arc::clone(&clock), scribe.clone(), remembered);
        let accounts = Accounts::at(file("passwd"), file("group"));
        let mode = ModeFile::at(file("enforcing"));
        let desk = Desk::new(follower.current(), Arc::clone(&clock), scribe, accounts, mode);
        let (registry, heard) =
            Registry::new(StateDir::below(&file("run")), clock.boot(), (kept, Vec::new()));
        Room { dir, registry, desk, heard, follower, clock }
    }
}

impl Stage {
    fn new() -> Stage {
        Stage::with("")
    }

    /// With this in the configuration besides. Enforcing.
    fn with(more: &str) -> Stage {
        let Room { dir, registry, desk, heard, follower, clock } = Room::new(more, Vec::new());
        let mut host = Village::default();
        host.processes.insert(1, process(1, 0, None));
        let warden = Warden::new(Arc::new(registry), Arc::new(desk), host);
        Stage { dir, warden, heard, follower, clock }
    }

    fn enforcing_file(&self) -> PathBuf {
        self.dir.path().join("enforcing")
    }

    fn enforce(&mut self) {
        std::fs::write(self.enforcing_file(), "nonsense\n").unwrap();
    }

    fn permit(&mut self) {
        std::fs::remove_file(self.enforcing_file()).unwrap();
    }

    fn now(&self) -> Timestamp {
        self.clock.now().settled
    }

    /// The source shows these grants and no others: of whom, and how many seconds from now they end.
    fn show(&mut self, grants: &[(&str, i64)]) {
        let mut text =
            "dn: ou=grants,ou=jit,dc=example,dc=com\nobjectClass: organizationalUnit\nou: grants\n\n\
                        dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n"
                .to_owned();
        for name in PEOPLE {
            text.push_str(&format!(
                "dn: uid={name},ou=people,dc=example,dc=com\nobjectClass: account\nuid: {name}\n\n"
            ));
        }
        for (name, seconds) in grants {
            let time = |seconds: i64| {
                let at = Timestamp(self.now().0 + seconds);
                jit_model::text::rfc3339(at).replace(['-', ':', 'T'], "")
            };
            let (start, end) = (time(-3600), time(*seconds));
            text.push_str(&format!(
                "dn: cn=g-{name},ou=grants,ou=jit,dc=example,dc=com\nobjectClass: jitGrant\ncn: g-{name}\n\
                 jitSubject: uid={name},ou=people,dc=example,dc=com\njitHost: *\njitReason: test\n\
                 jitNotBefore: {start}\njitNotAfter: {end}\n\n"
            ));
        }
        let bases = Bases::under(&Dn::parse("dc=example,dc=com").unwrap()).unwrap();
        let entries = Arc::new(gather(parse(text.as_bytes()).unwrap(), &bases).unwrap());
        let word = SourceWord::Whole { entries, membership: Membership::Read, directory_time: None };
        self.follower.hear(Update { source: SourceName::new("ldif").unwrap(), word });
    }

    /// A login of a person, with a shell and a daemon of its own; its leader.
    fn log_in(&mut self, name: &str) -> SessionId {
        let uid = 1000 + u32::try_from(PEOPLE.iter().position(|n| *n == name).unwrap()).unwrap();
        let n = i32::try_from(self.warden.host.processes.len()).unwrap() * 10 + 100;
        let mark = AuditMark { login_uid: uid, session: u32::try_from(n).unwrap() };
        let leader = self.spawn(n, 1, 0, Some(mark));
        self.spawn(n + 1, n, uid, Some(mark));
        self.spawn(n + 2, 1, uid, Some(mark));
        let view = self.follower.current().get();
        let login = Login::new(name).unwrap();
        let rests: Vec<Rest> =
            view.snapshot.grants_of(&login).iter().filter_map(|grant| Rest::of(grant)).collect();
        let until = rests.iter().map(|rest| rest.end).max().unwrap();
        let registry = &self.warden.registry;
        let id = registry.new_id(leader);
        registry.open(Session {
            id: id.clone(),
            boot: registry.boot(),
            mark: Mark { leader, kind: Kind::Login, uid, audit: Some(mark), scope: None },
            login,
            service: Service::new("sshd").unwrap(),
            target: None,
            rhost: None,
            tty: Some("ssh".to_owned()),
            opened: self.now(),
            basis: Basis::Grants { rests, until },
            life: Life::Open,
            warned: self.now(),
            order: None,
        });
        id
    }

    fn spawn(&mut self, pid: i32, parent: i32, uid: u32, mark: Option<AuditMark>) -> ProcessId {
        let process = Process { parent, audit: mark, ..process(pid, uid, mark) };
        let id = process.id;
        self.warden.host.processes.insert(pid, process);
        id
    }

    /// Hears what was told, and goes on with what has begun until it is over.
    fn settle(&mut self) {
        let mut words = Vec::new();
        while let Ok(word) = self.heard.try_recv() {
            words.push(word);
        }
        self.warden.hear(words);
        for _ in 0..2000 {
            if std::mem::take(&mut self.warden.again) {
                self.warden.evaluate();
            }
            let Some(next) = self.warden.next_step() else { return };
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            self.warden.step();
        }
        panic!("it does not end: {:?}", self.warden.underway);
    }

    fn evaluate(&mut self) {
        self.warden.evaluate();
        self.settle();
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.warden.registry.session(id)
    }

    fn standing(&self, id: &SessionId) -> Option<Standing> {
        match self.session(id)?.basis {
            Basis::Standing(standing) => Some(standing),
            Basis::Grants { .. } => None,
        }
    }

    /// The processes that live, but for process 1.
    fn living(&self) -> Vec<i32> {
        self.warden.host.processes.keys().copied().filter(|pid| *pid != 1).collect()
    }

    /// What the audit says of sessions: state and name, and the code.
    fn told(&self) -> Vec<String> {
        assert!(self.warden.desk.scribe().audit().flush(Duration::from_secs(30)));
        let text = std::fs::read_to_string(self.dir.path().join("audit.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let sessions = lines.filter(|line| line["event"] == "session");
        let whom = |line: &serde_json::Value| if line["id"].is_null() { "" } else { " session" };
        sessions
            .map(|line| {
                let code = line["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
                format!(
                    "{} {}{}{code}",
                    line["state"].as_str().unwrap(),
                    line["name"].as_str().unwrap(),
                    whom(&line)
                )
            })
            .collect()
    }
}

fn process(pid: i32, uid: u32, mark: Option<AuditMark>) -> Process {
    Process {
        id: ProcessId { pid, start: u64::try_from(pid).unwrap() },
        name: "process".to_owned(),
        run: Run::Running,
        parent: 0,
        group: pid,
        session: pid,
        terminal: 0,
        uids: Uids { real: uid, effective: uid, saved: uid, fs: uid },
        audit: mark,
        cgroup: String::new(),
        kernel: false,
        nested: false,
    }
}

#[test]
fn a_grant_that_is_gone_ends_its_session_and_everything_of_its_person() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    let (alice, bob) = (stage.log_in("alice"), stage.log_in("bob"));
    let bobs: Vec<i32> = stage.living().split_off(3);
    // At work for alice, in no session that is known: an at job.
    stage.spawn(900, 1, 1000, Some(AuditMark { login_uid: 1000, session: 900 }));
    stage.settle();
    assert_eq!(stage.living().len(), 7);
    assert_eq!(stage.told(), ["opened alice session", "opened bob session"]);

    stage.show(&[("bob", 3600)]);
    stage.evaluate();
    assert_eq!(stage.living(), bobs);
    assert!(stage.warden.host.sent.iter().all(|(pid, _)| !bobs.contains(pid)));
    assert_eq!(stage.session(&alice), None);
    assert!(stage.session(&bob).is_some());
    let told = stage.told().split_off(2);
    assert_eq!(told.len(), 4, "{told:?}");
    for line in
        ["ending alice session gone", "ended alice session gone", "ending alice gone", "ended alice gone"]
    {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
    assert_eq!(stage.warden.registry.visitors().len(), 1);
    assert!(stage.warden.underway.is_empty());
    // Said before the first signal, to the session's processes.
    let (to, text) = stage.warden.host.said.first().unwrap();
    assert!(to.len() == 3 && !text.is_empty(), "{to:?} {text:?}");
}

#[test]
fn permissive_lifts_deadlines_for_good() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.permit();
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.standing(&id), Some(Standing::Lifted));
    assert_eq!(stage.told(), ["opened alice session", "would-end alice session"]);
    stage.enforce();
    stage.evaluate();
    assert_eq!(stage.living().len(), 3);
    assert_eq!(stage.warden.host.sent, []);
    assert_eq!(stage.told().len(), 2);
}

#[test]
fn on_end_warn_only_says_so() {
    let mut stage = Stage::with("[session]\non_end = \"warn\"\n");
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.show(&[]);
    stage.evaluate();
    stage.evaluate();
    assert_eq!(stage.standing(&id), Some(Standing::Warned));
    assert_eq!(stage.warden.host.said.len(), 1);
    assert_eq!(stage.warden.host.sent, []);
    assert_eq!(stage.told(), ["opened alice session", "would-end alice session gone"]);
}

#[test]
fn an_extension_moves_the_end_and_a_shorter_grant_is_warned_of() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let until = |stage: &Stage| match stage.session(&id).unwrap().basis {
        Basis::Grants { until, .. } => until,
        Basis::Standing(standing) => panic!("{standing:?}"),
    };
    let before = until(&stage);
    stage.show(&[("alice", 7200)]);
    stage.evaluate();
    assert!(until(&stage) >= before.plus(Span(3500)));
    assert_eq!(stage.warden.host.said, []);
    stage.show(&[("alice", 240)]);
    stage.evaluate();
    stage.evaluate();
    assert_eq!(stage.warden.host.said.len(), 1, "{:?}", stage.warden.host.said);
    assert_eq!(
        stage.told(),
        ["opened alice session", "moved alice session", "moved alice session", "warned alice session"]
    );
    // Woken for the last minute, and not before.
    let next = stage.warden.next.unwrap();
    assert_eq!(next, Timestamp(until(&stage).0 - 60));
}

#[test]
fn an_order_ends_one_session_and_no_more() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let (first, second) = (stage.log_in("alice"), stage.log_in("alice"));
    stage.settle();
    let seconds = stage.living().split_off(3);
    let order = Order { by: 0, reason: "leaves the company".to_owned() };
    assert!(stage.warden.registry.order(&first, order));
    stage.settle();
    assert_eq!(stage.living(), seconds);
    assert!(stage.session(&first).is_none() && stage.session(&second).is_some());
    assert_eq!(stage.told().split_off(2), ["ending alice session ordered", "ended alice session ordered"]);
}

#[test]
fn what_is_stubborn_is_killed_and_written_down() {
    let mut stage = Stage::with("[session]\ngrace = \"1s\"\n");
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let stubborn = stage.living()[2];
    stage.warden.host.stubborn.insert(stubborn);
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.living(), [0; 0]);
    assert!(stage.session(&id).is_none());
    assert_eq!(stage.warden.host.sent.last(), Some(&(stubborn, Signal::Kill)));
    assert_eq!(stage.told().len(), 4);
    let text = std::fs::read_to_string(stage.dir.path().join("audit.jsonl")).unwrap();
    assert!(text.contains("\"killed\":[\"process\"]"), "{text}");
}

#[test]
fn a_denied_peer_ends_only_while_enforcing() {
    let mut stage = Stage::new();
    stage.show(&[]);
    let leader = stage.spawn(300, 1, 0, None);
    stage.spawn(301, 300, 1000, None);
    let denied = || Word::Denied {
        mark: Box::new(Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None }),
        login: "alice".to_owned(),
        service: "sshd".to_owned(),
    };
    stage.permit();
    stage.warden.registry.tell(denied());
    stage.settle();
    assert_eq!(stage.living(), [300, 301]);
    stage.enforce();
    stage.warden.registry.tell(denied());
    stage.settle();
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stage.told(), ["ending alice denied", "ended alice denied"]);
}

#[test]
fn a_denied_peer_is_not_forgotten_while_nothing_can_be_seen() {
    for permitted in [false, true] {
        let mut stage = Stage::new();
        stage.show(&[]);
        let leader = stage.spawn(300, 1, 0, None);
        stage.warden.host.faults.extend([io::ErrorKind::PermissionDenied; 3]);
        stage.warden.registry.tell(Word::Denied {
            mark: Box::new(Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None }),
            login: "alice".to_owned(),
            service: "sshd".to_owned(),
        });
        stage.settle();
        assert!(stage.warden.next.is_some_and(|next| next > stage.now()));
        stage.evaluate();
        assert_eq!(stage.living(), [300]);
        if permitted {
            stage.permit();
        }
        stage.evaluate();
        assert_eq!(stage.living().is_empty(), !permitted);
        // Those who may stay now may stay for good.
        stage.enforce();
        stage.evaluate();
        assert_eq!(stage.living().is_empty(), !permitted);
    }
}

#[test]
fn no_name_keeps_a_denied_peer_from_being_ended() {
    for name in ["", "-rf", "DOMAIN\\\\user", "ann\u{e9}\n", &"x".repeat(5000)] {
        assert!(Login::new(&tamed(name)).is_ok() && Service::new(&tamed(name)).is_ok(), "{name:?}");
    }
    assert_eq!(tamed("alice"), "alice");
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_gone() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.show(&[]);
    stage.warden.host.faults.extend([io::ErrorKind::PermissionDenied; 2]);
    stage.warden.evaluate();
    assert_eq!(stage.warden.host.sent, []);
    // Asked again in the next second, and not before.
    assert!(stage.warden.next.is_some_and(|next| next > stage.now()));
    stage.warden.look();
    assert!(stage.warden.registry.concern().is_some_and(|concern| concern.contains("/proc")));
    assert!(stage.session(&id).is_some());
    stage.evaluate();
    assert_eq!(stage.living(), [0; 0]);
}

#[test]
fn who_left_is_forgotten_when_nothing_of_his_is_left() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let living = stage.living();
    let close = |stage: &mut Stage, pid: i32| {
        stage.warden.host.processes.remove(&pid);
        stage.warden.registry.tell(Word::Closed(id.clone()));
        stage.settle();
        // It rests after the last look.
        stage.warden.prune = Prune::new(Instant::now());
        stage.warden.look();
    };
    // The leader and the shell are gone; what it left in the background is not.
    close(&mut stage, living[0]);
    close(&mut stage, living[1]);
    assert_eq!(stage.session(&id).map(|session| session.life), Some(Life::Closed));
    close(&mut stage, living[2]);
    assert_eq!(stage.session(&id), None);
    assert_eq!(stage.told(), ["opened alice session", "closed alice session"]);
    assert_eq!(stage.warden.host.sent, []);
    // He may come back.
    stage.evaluate();
    assert_eq!(stage.warden.registry.visitors().len(), 1);
    // Until his grant is over: nothing is left to end, and one line says so.
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.told().split_off(2), ["ended alice gone"]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

/// A daemon of root's.
fn run_daemon(stage: &mut Stage, pid: i32, name: &str) {
    stage.spawn(pid, 1, 0, None);
    name.clone_into(&mut stage.warden.host.processes.get_mut(&pid).unwrap().name);
}

/// Somebody who comes in by such a daemon, and nobody tells of it.
fn come_in_silence(stage: &mut Stage, daemon: i32, leader: i32, uid: u32) {
    let mark = AuditMark { login_uid: uid, session: u32::try_from(leader).unwrap() };
    stage.spawn(leader, daemon, 0, Some(mark));
    stage.spawn(leader + 1, leader, uid, Some(mark));
    let name = stage.warden.host.processes[&daemon].name.clone();
    stage.warden.host.processes.get_mut(&leader).unwrap().name = name;
}

#[test]
fn sessions_that_nobody_told_of_are_found_and_judged_after_a_grace() {
    let mut stage = Stage::new();
    run_daemon(&mut stage, 50, "sshd");
    run_daemon(&mut stage, 60, "cron");
    come_in_silence(&mut stage, 50, 100, 1000);
    come_in_silence(&mut stage, 50, 200, 1001);
    // A job of bob's, who has no grant, and an application's: nobody's business.
    come_in_silence(&mut stage, 60, 300, 1001);
    come_in_silence(&mut stage, 60, 400, 4242);
    let begun = Instant::now();
    let search = |stage: &mut Stage, seconds| {
        let known = stage.warden.known();
        stage.warden.search(&known, begun + Duration::from_secs(seconds));
        stage.settle();
    };
    stage.show(&[("alice", 3600)]);
    search(&mut stage, 0);
    search(&mut stage, 4);
    // Whoever is not in /etc/passwd has to be asked for, on another thread.
    while !matches!(stage.warden.search, Search::Judging(_)) {
        search(&mut stage, 5);
        std::thread::yield_now();
    }
    assert_eq!(stage.told(), ["found alice session", "found bob session"]);
    search(&mut stage, 12);
    stage.evaluate();
    assert_eq!(stage.warden.host.sent, []);
    search(&mut stage, 60);
    stage.evaluate();
    assert_eq!(stage.living(), [50, 60, 100, 101, 300, 301, 400, 401]);
    let told = stage.told().split_off(2);
    assert_eq!(told, ["moved alice session", "ending bob session no-grant", "ended bob session no-grant"]);
    // alice's is like any other now, and so is she.
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.living(), [50, 60, 300, 301, 400, 401]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

#[test]
fn what_is_found_is_not_judged_while_a_source_is_silent() {
    let mut stage = Stage::new();
    run_daemon(&mut stage, 50, "sshd");
    come_in_silence(&mut stage, 50, 100, 1000);
    let begun = Instant::now();
    for seconds in [0, 4, 5, 60, 600] {
        let known = stage.warden.known();
        stage.warden.search(&known, begun + Duration::from_secs(seconds));
        stage.settle();
    }
    assert_eq!(stage.told(), ["found alice session"]);
    assert_eq!(stage.warden.host.sent, []);
    assert!(matches!(stage.warden.search, Search::Judging(_)), "it is judged when there is word");
}

#[test]
fn the_same_words_are_said_once() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    for name in ["alice", "alice", "bob"] {
        stage.log_in(name);
    }
    stage.settle();
    stage.show(&[]);
    stage.evaluate();
    let mut said: Vec<usize> = stage.warden.host.said.iter().map(|(members, _)| members.len()).collect();
    said.sort_unstable();
    assert_eq!(said, [3, 6]);
}

/// A person's processes outside of his sessions, at work for a while.
fn leave_a_job(stage: &mut Stage, pid: i32) {
    stage.spawn(pid, 1, 1000, Some(AuditMark { login_uid: 1000, session: u32::try_from(pid).unwrap() }));
    stage.warden.host.stubborn.insert(pid);
}

#[test]
fn who_may_be_here_again_keeps_what_has_not_ended() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    stage.log_in("alice");
    stage.settle();
    leave_a_job(&mut stage, 900);
    stage.show(&[]);
    stage.warden.evaluate();
    assert_eq!(stage.warden.host.processes[&900].run, Run::Stopped);
    assert!(stage.warden.is_leaving(1000));
    // The same grant would not count; this is another day.
    let login = Login::new("alice").unwrap();
    stage.warden.call_off(Mode::Enforcing, &BTreeSet::from([1001]));
    assert_eq!(stage.warden.host.processes[&900].run, Run::Running);
    assert!(!stage.warden.is_leaving(1000));
    assert!(stage.warden.registry.visitors().iter().any(|visitor| visitor.login == login));
    assert_eq!(stage.told().last().map(String::as_str), Some("lifted alice gone"));
}

#[test]
fn a_session_without_a_deadline_keeps_its_person() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let (ends, stays) = (stage.log_in("alice"), stage.log_in("alice"));
    stage.settle();
    leave_a_job(&mut stage, 900);
    stage.warden.registry.change(&stays, |session| session.basis = Basis::Standing(Standing::Exempt));
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.session(&ends), None);
    assert!(stage.session(&stays).is_some() && stage.warden.host.processes.contains_key(&900));
    // When that is over, so is he.
    stage.warden.host.stubborn.clear();
    let order = Order { by: 0, reason: "enough".to_owned() };
    assert!(stage.warden.registry.order(&stays, order));
    stage.settle();
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

#[test]
fn what_the_kernel_refuses_is_said_once_and_tried_again() {
    let mut stage = Stage::with("[session]\ngrace = \"1s\"\n");
    stage.show(&[("alice", 3600)]);
    stage.log_in("alice");
    stage.settle();
    stage.warden.host.refused.extend(stage.living());
    stage.show(&[]);
    stage.warden.evaluate();
    for _ in 0..20 {
        for underway in stage.warden.underway.values_mut() {
            underway.hurry();
        }
        stage.warden.step();
    }
    let stuck = |stage: &Stage| stage.told().iter().filter(|told| told.starts_with("stuck")).count();
    assert_eq!(stuck(&stage), 1);
    stage.warden.host.refused.clear();
    stage.settle();
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stuck(&stage), 1);
}

/// The whole loop, on a real process: what became overdue while nobody watched ends before anything else is heard of.
#[test]
fn what_is_overdue_at_the_start_ends_at_once() {
    let mut overdue = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let leader = crate::sessions::process::identify(i32::try_from(overdue.id()).unwrap()).unwrap();
    let session = Session {
        mark: Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None },
        ..crate::sessions::testing::session(leader.pid)
    };
    let Room { dir: _dir, registry, desk, heard, follower: _follower, clock: _ } =
        Room::new("", vec![session]);
    let (registry, desk) = (Arc::new(registry), Arc::new(desk));
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = Arc::clone(&registry);
    runtime.block_on(async {
        let serving = tokio::spawn(serve(registry, desk, heard, stopped));
        let gone = async {
            while !known.sessions().is_empty() {
                tokio::task::yield_now().await;
                // The process waits for its parent, who is told so by this alone.
                overdue.try_wait().unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
        assert!(!overdue.wait().unwrap().success());
        drop(stop);
        serving.await.unwrap().unwrap();
    });
}

#[test]
fn who_is_in_by_an_unguarded_service_is_not_seen_off() {
    let living = |guarded: &str| {
        let mut stage = Stage::with(&format!("[guard]\nservices = [{guarded}]\n"));
        stage.show(&[("alice", 3600)]);
        stage.log_in("alice");
        stage.settle();
        // She has been, and has come again; nobody tells of what is not guarded.
        stage.warden.host.processes.retain(|pid, _| *pid == 1);
        run_daemon(&mut stage, 50, "sshd");
        come_in_silence(&mut stage, 50, 100, 1000);
        stage.warden.look();
        assert_eq!(stage.warden.registry.sessions(), []);
        stage.show(&[]);
        stage.evaluate();
        stage.living()
    };
    assert_eq!(living("\"sudo\""), [50, 100, 101]);
    assert_eq!(living("\"sudo\", \"sshd\""), [50]);
}

#[test]
fn a_uid_that_is_somebody_elses_now_is_not_swept() {
    let living = |passwd: &str| {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600)]);
        stage.log_in("alice");
        stage.settle();
        // Who is at work under that uid by now.
        stage.spawn(900, 1, 1000, Some(AuditMark { login_uid: 1000, session: 900 }));
        std::fs::write(stage.dir.path().join("passwd"), passwd).unwrap();
        stage.show(&[]);
        stage.evaluate();
        stage.living()
    };
    assert_eq!(living("alice:x:1000:100::/:/bin/sh\n"), [0; 0]);
    assert_eq!(living("aaron:x:1000:100::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n"), [0; 0], "they share it");
    assert_eq!(living("bob:x:1001:100::/:/bin/sh\n"), [0; 0], "who is not local");
    assert_eq!(living("alice:x:2000:100::/:/bin/sh\n"), [900], "the name has another");
    assert_eq!(living("carol:x:1000:100::/:/bin/sh\n"), [900], "it has another name");
}

#[test]
fn who_cannot_be_told_in_time_is_told_at_the_next_look() {
    for on_end in ["terminate", "warn"] {
        let mut stage = Stage::with(&format!("[session]\non_end = \"{on_end}\"\n"));
        stage.warden.patience = Duration::ZERO;
        stage.show(&[("alice", 3600)]);
        let ids = [(); 3].map(|()| stage.log_in("alice"));
        stage.settle();
        let leaders = ids.clone().map(|id| stage.session(&id).unwrap().mark.leader.pid);
        // Who is still there comes before who has left something behind.
        stage.warden.registry.change(&ids[0], |session| session.life = Life::Closed);
        match on_end {
            "warn" => stage.show(&[]),
            _ => stage.show(&[("alice", 240)]),
        }
        for nth in 1..=3 {
            stage.warden.evaluate();
            assert_eq!(stage.warden.host.said.len(), nth, "{on_end}");
            let soon = stage.warden.next.is_some_and(|next| next <= stage.now().plus(Span(2)));
            assert_eq!(soon, nth < 3, "{on_end}: awake again while somebody is left");
        }
        let mut said: Vec<i32> = stage.warden.host.said.iter().map(|(members, _)| members[0]).collect();
        assert_eq!(said.pop(), Some(leaders[0]), "{on_end}");
        said.sort_unstable();
        assert_eq!(said, leaders[1..], "{on_end}");
        stage.warden.evaluate();
        assert_eq!(stage.warden.host.said.len(), 3, "{on_end}: each is told once");
    }
}
