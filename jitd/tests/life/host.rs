//! A directory that looks like a host to jitd, and the daemon that runs in it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jit_proto::frame::{Kind, needed};
use jit_proto::{Phase, Question, Verdict};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A free uid, for somebody whom no file knows.
pub(crate) const SOMEBODY: u32 = 54_321;

/// The entries every LDIF file needs, and two people.
pub(crate) const PEOPLE: &str = "\
dn: ou=grants,ou=jit,dc=local\nobjectClass: organizationalUnit\nou: grants\n\n\
dn: uid=alice,ou=people,dc=local\nobjectClass: inetOrgPerson\nuid: alice\ncn: Alice\nsn: A\n\n\
dn: uid=bob,ou=people,dc=local\nobjectClass: inetOrgPerson\nuid: bob\ncn: Bob\nsn: B\n\n";

/// A grant for one of them that is live for years.
pub(crate) fn grant(id: &str, who: &str) -> String {
    format!(
        "dn: cn={id},ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: {id}\njitSubject: uid={who},ou=people,dc=local\n\
         jitHost: *\njitNotBefore: 20200101000000Z\njitNotAfter: 20290101000000Z\n\n"
    )
}

/// Waits until something holds; these tests wait for conditions, never for time.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where a daemon can live.
pub(crate) struct Host {
    dir: TempDir,
}

impl Host {
    /// Takes root. A test that cannot run fails: a skip would look like a proof.
    pub(crate) fn new() -> Host {
        assert!(geteuid().is_root(), "jitd reads only files of root's: run it by `make test` as root");
        let dir = tempfile::Builder::new().prefix("jitd-life").tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let host = Host { dir };
        host.write("jitd.toml", &host.config());
        host.write("grants.ldif", PEOPLE);
        host
    }

    /// An enforcing host where alice has a grant.
    pub(crate) fn granted() -> Host {
        let host = Host::new();
        host.write("enforcing", "");
        host.write("grants.ldif", &format!("{PEOPLE}{}", grant("g1", "alice")));
        host
    }

    /// The configuration that most tests use.
    pub(crate) fn config(&self) -> String {
        let ldif = self.path("grants.ldif");
        format!(
            "[host]\nname = \"web1.prod.example.com\"\n\n[source.ldif]\npath = \"{}\"\n\n[default_role]\nmax_duration = \"3650d\"\n",
            ldif.display()
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts a file in its place at once, readable by all.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// The daemon, not yet started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jitd"));
        command.args(self.arguments());
        command
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let option = |name: &str, file: &str| format!("--{name}={}", self.path(file).display());
        vec![
            option("config", "jitd.toml"),
            option("state-dir", "state"),
            option("runtime-dir", "run"),
            option("log-dir", "log"),
            option("enforcing", "enforcing"),
        ]
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&self) -> Daemon<'_> {
        self.run(self.command())
    }

    /// The same, and waits until sshd would let somebody in.
    #[track_caller]
    pub(crate) fn start_for(&self, who: &str) -> Daemon<'_> {
        let daemon = self.start();
        daemon.comes_to(who, Verdict::Allow);
        daemon
    }

    /// Starts it in some other way.
    pub(crate) fn run(&self, mut command: Command) -> Daemon<'_> {
        let mut daemon = Daemon { host: self, child: Reaped::run(command.stderr(Stdio::piped())) };
        until("jitd answers", || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                let mut said = String::new();
                daemon.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("jitd ended ({status}): {said}");
            }
            self.try_control(&json!({ "ask": "status" }))
        });
        daemon
    }

    /// Runs the daemon when it should not start, or only check; its status and what it says.
    pub(crate) fn fails(&self, mut command: Command) -> (ExitStatus, String) {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        self.fails_keeping_stdio(command)
    }

    /// The same, for a command whose standard input and output are taken.
    pub(crate) fn fails_keeping_stdio(&self, mut command: Command) -> (ExitStatus, String) {
        let mut daemon = Daemon { host: self, child: Reaped::run(command.stderr(Stdio::piped())) };
        let status = until("jitd ends by itself", || daemon.child.try_wait().unwrap());
        let mut said = String::new();
        if let Some(mut out) = daemon.child.stdout.take() {
            out.read_to_string(&mut said).unwrap();
        }
        daemon.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }

    pub(crate) fn try_control(&self, request: &Value) -> Option<Value> {
        let mut stream = UnixStream::connect(self.path("run/jitd.sock")).ok()?;
        writeln!(stream, "{request}").ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Every event of the audit.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("log/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for an event.
    #[track_caller]
    pub(crate) fn audited(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.audit().into_iter().find(&wanted))
    }
}

/// A process of a test's; killed when dropped.
pub(crate) struct Reaped(Child);

impl Reaped {
    pub(crate) fn run(command: &mut Command) -> Reaped {
        Reaped(command.spawn().unwrap())
    }
}

impl Deref for Reaped {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Reaped {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another process that runs one of the tests that are ignored otherwise, and is spoken to through pipes.
pub(crate) fn ignored(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", test]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon<'h> {
    pub(crate) host: &'h Host,
    child: Reaped,
}

impl Daemon<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Stops it where it stands, and comes back when every thread of it has: the kernel only promises that they will.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let tasks = format!("/proc/{}/task", self.child.id());
        let stands = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
        let all_stand = || {
            std::fs::read_dir(&tasks).unwrap().all(|task| {
                // One that has ended meanwhile is not there at the next look.
                std::fs::read_to_string(task.unwrap().path().join("stat")).is_ok_and(stands)
            })
        };
        while !all_stand() {
            std::thread::yield_now();
        }
    }

    /// Ends it as the service manager does.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.child.wait().unwrap()
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn control(&self, request: &Value) -> Value {
        self.host.try_control(request).expect("jitd should answer")
    }

    pub(crate) fn status(&self) -> Value {
        self.control(&json!({ "ask": "status" }))
    }

    /// What makes it less than healthy, but for syslog, which a test's host need not have.
    pub(crate) fn degraded(&self) -> Vec<String> {
        let status = self.status();
        let all = status["degraded"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        all.filter(|text| !text.starts_with("syslog did not take")).collect()
    }

    /// A module's question.
    pub(crate) fn ask(&self, question: &Question<'_>) -> (Verdict, String) {
        let mut stream = self.connect();
        stream.write_all(question.encode().unwrap().as_bytes()).unwrap();
        read_answer(&mut stream).expect("jitd should answer")
    }

    pub(crate) fn connect(&self) -> UnixStream {
        connect(&self.host.path("run/pam.sock"))
    }

    /// Waits until sshd would let somebody in, or not.
    #[track_caller]
    pub(crate) fn comes_to(&self, who: &str, verdict: Verdict) {
        until(&format!("{who} gets {verdict:?}"), || {
            (self.ask(&sshd(who, SOMEBODY)).0 == verdict).then_some(())
        });
    }
}

pub(crate) fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The answer; nothing when the other side hangs up.
pub(crate) fn read_answer(stream: &mut UnixStream) -> Option<(Verdict, String)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    if bytes.is_empty() {
        return None;
    }
    assert_eq!(needed(Kind::Answer, &bytes), Ok(bytes.len()));
    let answer = jit_proto::Answer::decode(&bytes).unwrap();
    Some((answer.verdict, answer.text.to_owned()))
}

/// What sshd would ask.
pub(crate) fn sshd(subject: &str, uid: u32) -> Question<'_> {
    Question {
        phase: Phase::Account,
        service: "sshd",
        subject,
        uid: Some(uid),
        target: None,
        ruser: None,
        rhost: Some("192.0.2.7"),
        tty: Some("ssh"),
        auth_info: None,
        auth_info_cut: false,
    }
}
