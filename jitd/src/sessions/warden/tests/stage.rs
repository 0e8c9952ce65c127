//! A warden on a host of values: a source that says what it is told to, processes that end when they are asked.

use std::collections::VecDeque;
use std::path::PathBuf;

use jit_directory::decode::Bases;
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_directory::update::{Membership, Update, Word as SourceWord};
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::session::Rest;

use super::super::*;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::system::SystemClock;
use crate::config;
use crate::follow::Follower;
use crate::groups::Groups;
use crate::mode::ModeFile;
use crate::remember::{Found, Remembered};
use crate::scribe::Scribe;
use crate::sessions::claim::Kind;
use crate::sessions::ending::Look;
use crate::sessions::process::{AuditMark, Process, ProcessId, Run, Uids};
use crate::sessions::signals::{Sent, Signal, Signals};
use crate::sessions::state::StateDir;
use crate::sessions::terminal::Told;
use crate::sessions::testing;
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n\
                      base = \"dc=example,dc=com\"\n[default_role]\nmax_duration = \"30d\"\n";

/// The 1000th uid is alice, the next bob, and so on.
const PEOPLE: [&str; 2] = ["alice", "bob"];

/// A host whose processes end when they are asked.
#[derive(Default)]
pub(super) struct Village {
    pub(super) processes: BTreeMap<i32, Process>,
    /// Those that fork and exit too fast for a table.
    pub(super) unseen: BTreeMap<i32, Process>,
    /// Those that only SIGKILL ends.
    pub(super) stubborn: BTreeSet<i32>,
    pub(super) sent: Vec<(i32, Signal)>,
    pub(super) said: Vec<(Vec<i32>, String)>,
    /// Whose signals the kernel refuses.
    pub(super) refused: BTreeSet<i32>,
    /// What reading the table comes to, where it fails.
    pub(super) faults: VecDeque<io::ErrorKind>,
}

impl Signals for Village {
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent {
        let there = self.processes.get_mut(&to.pid).or(self.unseen.get_mut(&to.pid));
        let Some(process) = there.filter(|process| process.id == to) else {
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
                self.unseen.remove(&to.pid);
            }
        }
        Sent::Done
    }
}

/// What is in no table.
#[derive(Default)]
pub(super) struct Unseen(BTreeMap<i32, Process>);

impl Look for Unseen {
    fn newest(&mut self) -> Option<i32> {
        self.0.keys().next_back().copied()
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        self.0.get(&pid).cloned()
    }

    fn limit(&mut self) -> i32 {
        32_768
    }
}

impl Host for Village {
    type Look = Unseen;

    fn look_about(&mut self) -> Unseen {
        Unseen(self.unseen.clone())
    }

    fn table(&mut self) -> io::Result<Table> {
        match self.faults.pop_front() {
            Some(kind) => Err(kind.into()),
            None => Ok(Table::of(self.processes.values().cloned())),
        }
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        self.processes.get(&pid).cloned()
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
pub(super) struct Stage {
    pub(super) dir: tempfile::TempDir,
    pub(super) warden: Warden<Village>,
    pub(super) heard: mpsc::UnboundedReceiver<Word>,
    pub(super) follower: Follower,
    pub(super) clock: Arc<SystemClock>,
}

/// What a warden needs. Enforcing.
pub(super) struct Room {
    pub(super) dir: tempfile::TempDir,
    pub(super) registry: Registry,
    pub(super) desk: Desk,
    pub(super) heard: mpsc::UnboundedReceiver<Word>,
    pub(super) follower: Follower,
    pub(super) clock: Arc<SystemClock>,
}

impl Room {
    pub(super) fn new(more: &str, kept: Vec<Session>) -> Room {
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
        let accounts = || Accounts::at(file("passwd"), file("group"));
        let groups = Groups::new(dir.path(), accounts(), scribe.clone());
        let follower = Follower::new(config, Arc::clone(&clock), scribe.clone(), remembered, groups);
        let mode = ModeFile::at(file("enforcing"));
        let desk = Desk::new(follower.current(), Arc::clone(&clock), scribe, accounts(), mode);
        let (registry, heard) =
            Registry::new(StateDir::below(&file("run")), clock.boot(), (kept, Vec::new()));
        Room { dir, registry, desk, heard, follower, clock }
    }
}

impl Stage {
    pub(super) fn new() -> Stage {
        Stage::with("")
    }

    /// With this in the configuration besides. Enforcing.
    pub(super) fn with(more: &str) -> Stage {
        let Room { dir, registry, desk, heard, follower, clock } = Room::new(more, Vec::new());
        let mut host = Village::default();
        host.processes.insert(1, process(1, 0, None));
        let warden = Warden::new(Arc::new(registry), Arc::new(desk), host);
        Stage { dir, warden, heard, follower, clock }
    }

    /// The daemon is killed, and another one begins.
    pub(super) fn restart(&mut self) {
        let state = StateDir::below(&self.dir.path().join("run"));
        let boot = self.warden.registry.boot();
        let kept = state.read(boot);
        assert_eq!(kept.aside, []);
        let (registry, heard) = Registry::new(state, boot, (kept.sessions, kept.visitors));
        let host = std::mem::take(&mut self.warden.host);
        self.warden = Warden::new(Arc::new(registry), Arc::clone(&self.warden.desk), host);
        self.heard = heard;
    }

    pub(super) fn enforcing_file(&self) -> PathBuf {
        self.dir.path().join("enforcing")
    }

    pub(super) fn enforce(&mut self) {
        std::fs::write(self.enforcing_file(), "nonsense\n").unwrap();
    }

    pub(super) fn permit(&mut self) {
        std::fs::remove_file(self.enforcing_file()).unwrap();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now().settled
    }

    /// The source shows these grants and no others: of whom, and how many seconds from now they end.
    pub(super) fn show(&mut self, grants: &[(&str, i64)]) {
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
    pub(super) fn log_in(&mut self, name: &str) -> SessionId {
        let uid = 1000 + u32::try_from(PEOPLE.iter().position(|n| *n == name).unwrap()).unwrap();
        let n = i32::try_from(self.warden.host.processes.len()).unwrap() * 10 + 100;
        let mark = AuditMark { login_uid: uid, session: u32::try_from(n).unwrap() };
        let leader = self.spawn(n, 1, 0, Some(mark));
        self.spawn(n + 1, n, uid, Some(mark));
        self.spawn(n + 2, 1, uid, Some(mark));
        self.open(name, Mark { leader, kind: Kind::Login, uid, audit: Some(mark), scope: None })
    }

    /// A session of a person's, on all his grants.
    pub(super) fn open(&mut self, name: &str, mark: Mark) -> SessionId {
        let service = Service::new(if mark.kind == Kind::Login { "sshd" } else { "sudo" }).unwrap();
        let view = self.follower.current().get();
        let login = Login::new(name).unwrap();
        let rests: Vec<Rest> =
            view.snapshot.grants_of(&login).iter().filter_map(|grant| Rest::of(grant)).collect();
        let until = rests.iter().map(|rest| rest.end).max().unwrap();
        let registry = &self.warden.registry;
        let id = registry.new_id(mark.leader);
        registry.open(Session {
            id: id.clone(),
            boot: registry.boot(),
            mark,
            login,
            service,
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

    pub(super) fn spawn(&mut self, pid: i32, parent: i32, uid: u32, mark: Option<AuditMark>) -> ProcessId {
        let process = Process { parent, audit: mark, ..process(pid, uid, mark) };
        let id = process.id;
        self.warden.host.processes.insert(pid, process);
        id
    }

    /// Hears what was told, and goes on with what has begun until it is over.
    pub(super) fn settle(&mut self) {
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

    /// Goes on with the search for those whom nobody told of, so many seconds after it began.
    pub(super) fn search(&mut self, begun: Instant, seconds: u64) {
        let known = self.warden.known();
        self.warden.search(&known, begun + Duration::from_secs(seconds));
        self.settle();
    }

    pub(super) fn evaluate(&mut self) {
        self.warden.evaluate();
        self.settle();
    }

    pub(super) fn session(&self, id: &SessionId) -> Option<Session> {
        self.warden.registry.session(id)
    }

    pub(super) fn standing(&self, id: &SessionId) -> Option<Standing> {
        match self.session(id)?.basis {
            Basis::Standing(standing) => Some(standing),
            Basis::Grants { .. } => None,
        }
    }

    /// The processes that live, but for process 1.
    pub(super) fn living(&self) -> Vec<i32> {
        self.warden.host.processes.keys().copied().filter(|pid| *pid != 1).collect()
    }

    /// What the audit says of sessions: state and name, and the code.
    pub(super) fn told(&self) -> Vec<String> {
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

pub(super) fn process(pid: i32, uid: u32, mark: Option<AuditMark>) -> Process {
    Process {
        name: "process".to_owned(),
        uids: Uids { real: uid, effective: uid, saved: uid, fs: uid },
        audit: mark,
        ..testing::process(ProcessId { pid, start: u64::try_from(pid).unwrap() }, 0)
    }
}

/// A daemon of root's.
pub(super) fn run_daemon(stage: &mut Stage, pid: i32, name: &str) {
    stage.spawn(pid, 1, 0, None);
    name.clone_into(&mut stage.warden.host.processes.get_mut(&pid).unwrap().name);
}

/// Somebody who comes in by such a daemon, and nobody tells of it.
pub(super) fn come_in_silence(stage: &mut Stage, daemon: i32, leader: i32, uid: u32) {
    let mark = AuditMark { login_uid: uid, session: u32::try_from(leader).unwrap() };
    stage.spawn(leader, daemon, 0, Some(mark));
    stage.spawn(leader + 1, leader, uid, Some(mark));
    let name = stage.warden.host.processes[&daemon].name.clone();
    stage.warden.host.processes.get_mut(&leader).unwrap().name = name;
}

/// A person's processes outside of his sessions, at work for a while.
pub(super) fn leave_a_job(stage: &mut Stage, pid: i32) {
    stage.spawn(pid, 1, 1000, Some(AuditMark { login_uid: 1000, session: u32::try_from(pid).unwrap() }));
    stage.warden.host.stubborn.insert(pid);
}
