//! The real ssh-keygen and ssh-agent, in a directory of their own, and statements for them to sign.

// Each test binary uses some of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, GrantDigest};
use jit_model::time::{Between, Timestamp};
use jit_signature::Statement;
use tempfile::TempDir;

pub(crate) struct OpenSsh {
    pub(crate) dir: TempDir,
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::from_generalized(text, Between::Down).unwrap()
}

pub(crate) fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

/// A statement by the person of this name, made at this time, that lasts a day.
pub(crate) fn statement(name: &str, at: &str) -> Statement {
    let at = time(at);
    Statement {
        grant: EntryUuid([0x6b; 16]),
        digest: GrantDigest([0x0f; 32]),
        approver: dn(&format!("uid={name},ou=people,dc=example,dc=com")),
        duration: None,
        at,
        latest_end: Timestamp(at.0 + 86_400),
    }
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl OpenSsh {
    pub(crate) fn new() -> OpenSsh {
        OpenSsh { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env_remove("SSH_AUTH_SOCK").env("TZ", "UTC0");
        command
    }

    /// A key in the files NAME and NAME.pub; what stands in the latter.
    pub(crate) fn key(&self, name: &str, kind: &str, bits: &str) -> String {
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-N", "", "-C", "", "-f", name, "-t", kind]);
        if !bits.is_empty() {
            command.args(["-b", bits]);
        }
        done(command.output().expect("no ssh-keygen here: apt-get install openssh-client"));
        fs::read_to_string(self.path().join(format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    pub(crate) fn fingerprint(&self, name: &str) -> String {
        let shown =
            done(self.command("ssh-keygen").args(["-l", "-f", &format!("{name}.pub")]).output().unwrap());
        shown.split(' ').nth(1).unwrap().to_owned()
    }

    /// The armour that ssh-keygen writes over the bytes.
    pub(crate) fn sign(&self, key: &str, message: &str, arguments: &[&str], agent: Option<&Agent>) -> String {
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-f", key]).args(arguments);
        if let Some(agent) = agent {
            command.arg("-U").env("SSH_AUTH_SOCK", &agent.socket);
        }
        fs::write(self.path().join("message"), message).unwrap();
        command.stdin(fs::File::open(self.path().join("message")).unwrap());
        done(command.output().unwrap())
    }

    /// A value of jitSignature, made as jitctl makes it.
    pub(crate) fn attribute(&self, key: &str, statement: &Statement) -> Vec<u8> {
        let armored = self.sign(key, &statement.text(), &["-n", "jit-approval"], None);
        jit_signature::attribute(statement, &armored).unwrap()
    }

    /// What `ssh-keygen -Y verify` says, in the zone TZ.
    pub(crate) fn verifies(
        &self,
        value: &[u8],
        principal: &str,
        allowed: &[u8],
        at: &str,
        zone: &str,
    ) -> bool {
        let (text, armored) = halves(value);
        for (name, bytes) in [("message", text), ("signature", armored), ("allowed", allowed)] {
            fs::write(self.path().join(name), bytes).unwrap();
        }
        let mut command = self.command("ssh-keygen");
        command.args([
            "-Y",
            "verify",
            "-I",
            principal,
            "-n",
            "jit-approval",
            "-f",
            "allowed",
            "-s",
            "signature",
        ]);
        command.arg(format!("-Overify-time={at}")).env("TZ", zone);
        command.stdin(fs::File::open(self.path().join("message")).unwrap());
        command.output().unwrap().status.success()
    }

    pub(crate) fn agent(&self) -> Agent {
        let socket = self.path().join("agent");
        let child = self.command("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn();
        let agent = Agent { child: child.unwrap(), socket };
        while !agent.socket.exists() {
            std::thread::yield_now();
        }
        agent
    }
}

/// The statement and the armour, cut as a person would cut them: `head -6`.
pub(crate) fn halves(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(5)
        .map_or(value.len(), |(at, _)| at + 1);
    value.split_at(end)
}

pub(crate) struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    pub(crate) fn add(&self, ssh: &OpenSsh, key: &str) {
        let mut command = ssh.command("ssh-add");
        command.args(["-q", key]).env("SSH_AUTH_SOCK", &self.socket);
        done(command.output().unwrap());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
