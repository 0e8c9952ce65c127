//! Lines by jitd's own code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use jit_model::time::Timestamp;
use jitd::audit::Record;
use jitd::audit::decision::{Decision, VerdictWord};
use jitd::audit::event::{Chain, Event, Text, Time};
use jitd::audit::grant::{ApproverRecord, GrantRecord};
use jitd::audit::line::{Head, append};
use jitd::audit::session::{SessionEvent, SessionState};
use jitd::mode::Mode;
use serde_json::Value;

pub(crate) const HOST: &str = "web1.prod.example.com";
/// 2026-11-22T00:00:00Z
pub(crate) const DAY: i64 = 1_795_305_600;

/// A jitd that writes into memory.
pub(crate) struct Daemon {
    pub(crate) host: String,
    pub(crate) boot: String,
    pub(crate) at: i64,
    pub(crate) mode: Mode,
    head: Head,
    pub(crate) lines: Vec<String>,
}

impl Daemon {
    /// Which has just started.
    pub(crate) fn new(mode: Mode) -> Daemon {
        let mut daemon = Daemon {
            host: HOST.to_owned(),
            boot: "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0".to_owned(),
            at: DAY,
            mode,
            head: Head::NEW,
            lines: Vec::new(),
        };
        daemon.put(Event::Audit { chain: Chain::New, text: "there was no audit before".into() });
        daemon.put(Event::Start { version: "0.1.0" });
        daemon
    }

    pub(crate) fn put(&mut self, event: Event) {
        let record =
            Record { time: Timestamp(self.at), mode: self.mode, host: Arc::from(self.host.as_str()), event };
        let mut bytes = Vec::new();
        append(&mut bytes, &mut self.head, &self.boot, &record).unwrap();
        self.lines.push(String::from_utf8(bytes).unwrap());
    }

    pub(crate) fn decide(&mut self, decision: Decision) {
        self.put(Event::Decision(Box::new(decision)));
    }

    pub(crate) fn session(&mut self, event: SessionEvent) {
        self.put(Event::Session(Box::new(event)));
    }

    pub(crate) fn text(&self) -> String {
        self.lines.concat()
    }
}

/// A decision about alice.
pub(crate) fn decision(
    service: &str,
    phase: &'static str,
    verdict: VerdictWord,
    code: &'static str,
) -> Decision {
    Decision {
        service: service.into(),
        phase,
        uid: Some(5001),
        name: "alice".into(),
        dn: None,
        rhost: (service == "sshd").then(|| "192.0.2.7".into()),
        tty: None,
        target: None,
        ruser: None,
        key: None,
        verdict,
        code,
        refusal: None,
        reason: code.into(),
        until: None,
        nearest: None,
        grants: Vec::new(),
        more_grants: 0,
    }
}

/// Something that happened to a session of hers.
pub(crate) fn session(state: SessionState, id: &str, service: &str) -> SessionEvent {
    SessionEvent {
        id: Some(id.into()),
        service: Some(service.into()),
        rhost: (service == "sshd").then(|| "192.0.2.7".into()),
        audit_session: Some(7),
        ..SessionEvent::new(state, "alice".into(), 5001, "as it was".into())
    }
}

pub(crate) fn grant(id: &str) -> GrantRecord {
    GrantRecord {
        id: id.into(),
        dn: Text::from(format!("cn={id},ou=grants,ou=jit,dc=example,dc=com")),
        uuid: "7d793037-a076-4b1e-8c1a-1f0e5b1c2d3e".into(),
        source: "ldap".into(),
        subject: "uid=alice,ou=people,dc=example,dc=com".into(),
        role: Some("dba".into()),
        logins: Vec::new(),
        groups: Vec::new(),
        start: Some(Time(Timestamp(DAY))),
        end: Some(Time(Timestamp(DAY + 7_200))),
        reason: Some("disk full on db1".into()),
        ticket: Some("OPS-123".into()),
        creator: Some("uid=alice,ou=people,dc=example,dc=com".into()),
        approvers: vec![ApproverRecord {
            dn: "uid=bob,ou=people,dc=example,dc=com".into(),
            at: Time(Timestamp(DAY - 60)),
            proof: "signature",
            key: Some("SHA256:abc".into()),
        }],
        more_approvers: 0,
    }
}

/// `jitctl audit …`
pub(crate) fn jitctl(arguments: &[&str], input: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitctl"));
    command.args(arguments).arg("--input").args(input);
    command.output().unwrap()
}

/// The same as JSON, with the exit status.
pub(crate) fn answer(arguments: &[&str], input: &[PathBuf]) -> (i32, Value) {
    let output = jitctl(&[&["--json", "audit"], arguments].concat(), input);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

/// A file of these lines.
pub(crate) fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
