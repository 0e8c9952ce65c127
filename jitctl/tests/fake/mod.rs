//! A daemon that says what a test wants, on a real Unix socket, and jitctl run against it as people run it.
#![allow(dead_code)] // Each test file uses its part.

pub(crate) mod reading;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use jit_control::{Answer, Grant, Request, SourceStatus, Status};
use serde_json::Value;

/// Listens until the test's process ends.
pub(crate) struct Daemon {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) asked: Arc<Mutex<Vec<Request>>>,
}

impl Daemon {
    /// Answers each request as told.
    pub(crate) fn answering(answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Daemon {
        let answer = Mutex::new(answer);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let dir = Daemon::serving(move |mut stream| {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let request: Request = serde_json::from_str(&line).unwrap();
            log.lock().unwrap().push(request.clone());
            let text = serde_json::to_string(&(answer.lock().unwrap())(&request)).unwrap();
            let _ = stream.write_all(format!("{text}\n").as_bytes());
        });
        Daemon { dir, asked }
    }

    /// Does with each connection what the test wants.
    pub(crate) fn serving(serve: impl Fn(UnixStream) + Send + 'static) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("jitd.sock")).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap());
            }
        });
        dir
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("jitd.sock")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&self.socket(), args)
    }
}

/// What a run of jitctl left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its standard output as the one line of JSON that it must be.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub(crate) fn command(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitctl"));
    command.arg("--socket").arg(socket).args(args);
    command
}

pub(crate) fn run(socket: &Path, args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } =
        command(socket, args).stdin(std::process::Stdio::null()).output().unwrap();
    Ran {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

pub(crate) const NOW: i64 = 1_795_359_845; // 2026-11-22T15:04:05Z

pub(crate) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        host: "web1.prod.example.com".to_owned(),
        answers_to: vec!["web1.prod.example.com".to_owned(), "@web".to_owned(), "*".to_owned()],
        production: true,
        mode: "permissive".to_owned(),
        until: None,
        lapsed: None,
        guarded: vec!["sshd".to_owned(), "sudo".to_owned()],
        now: NOW,
        clock: None,
        sources: vec![ldif_source("/etc/jitd/grants.ldif")],
        live: 0,
        sessions: 0,
        on_end: Some("terminate".to_owned()),
        config: None,
        set_aside: Vec::new(),
        stuck: Vec::new(),
        groups_refused: Vec::new(),
        people_refused: Vec::new(),
        degraded: Vec::new(),
    }
}

pub(crate) fn ldif_source(path: &str) -> SourceStatus {
    SourceStatus {
        name: "ldif".to_owned(),
        kind: "ldif".to_owned(),
        at: path.to_owned(),
        heard: Some(NOW - 3),
        stale: false,
        trouble: None,
        entries: 2,
        grants_base: Some("ou=grants,ou=jit,dc=local".to_owned()),
        roles_base: Some("ou=roles,ou=jit,dc=local".to_owned()),
        people_base: Some("ou=people,dc=local".to_owned()),
        groups_base: Some("ou=groups,dc=local".to_owned()),
        login_attribute: Some("uid".to_owned()),
        default_max: Some(8 * 3_600),
    }
}

pub(crate) fn grant(id: &str, state: &str) -> Grant {
    Grant {
        id: id.to_owned(),
        dn: format!("cn={id},ou=grants,ou=jit,dc=local"),
        source: "ldif".to_owned(),
        subject: "uid=alice,ou=people,dc=local".to_owned(),
        logins: vec!["alice".to_owned()],
        role: None,
        hosts: vec!["web1.prod.example.com".to_owned()],
        services: Vec::new(),
        groups: Vec::new(),
        state: state.to_owned(),
        why: None,
        start: Some(NOW - 60),
        end: Some(NOW + 7_140),
        reason: Some("INC-1 the disk is full".to_owned()),
        ticket: None,
        approved: Vec::new(),
        groups_refused: Vec::new(),
        digest: None,
        ..Grant::default()
    }
}
