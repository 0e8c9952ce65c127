//! A production host as an admin would set it up from the README: sshd, sudo, su, login, doas, cron and at ask pam_jit.so,
//! and jitd reads one LDIF file. Everything here is the real thing; only the passwords are missing, so that a test shows what
//! *our* account phase decides.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::built;
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::host::exec::{Exec, Output};
use crate::ldif::{BASE, Ldif};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// The host's own name.
pub const NAME: &str = "web1.prod.example.com";

/// The services whose PAM files get our line, as in README.md. `su-l` includes `su`; a second line there would ask twice.
pub const SERVICES: [&str; 8] = ["sshd", "login", "sudo", "sudo-i", "su", "doas", "cron", "atd"];

/// The line itself; first in its phase, so that nothing before it can settle the matter.
pub const LINE: &str = "account required pam_jit.so\n";

/// Generous: on a busy machine everything takes longer, and nothing here measures time.
const SOON: Duration = Duration::from_secs(30);

/// What an admin writes.
pub const CONFIG: &str = r#"
[host]
name = "web1.prod.example.com"
groups = ["web"]

[source.ldif]
path = "/etc/jitd/grants.ldif"
base = "dc=example,dc=com"

[default_role]
max_duration = "8h"
"#;

/// Which way jitd was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Logs what it would deny.
    Permissive,
    /// Denies.
    Enforcing,
}

/// A host whose doors are guarded.
#[derive(Debug)]
pub struct Door {
    host: Host,
    jitd: RefCell<Option<Daemon>>,
    _sshd: Daemon,
    marks: Cell<u32>,
}

impl Door {
    /// Raises the host with people `people` (local logins from uid 5001 up), jitd on this configuration and these
    /// entries, in this mode.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn up(people: &[&str], mode: Mode, config: &str, entries: &Ldif) -> Result<Door> {
        let door = Door::without_daemon(people, config)?;
        door.put(entries)?;
        door.start_jitd()?;
        door.settle(entries)?;
        if mode == Mode::Enforcing {
            door.enforce()?;
        }
        Ok(door)
    }

    /// `jitctl mode enforcing`, whoever may be locked out by it.
    ///
    /// # Errors
    /// When jitctl refuses.
    pub fn enforce(&self) -> Result<()> {
        self.jitctl(["mode", "enforcing", "--force"]).run()?.must().map(drop)
    }

    /// The same with jitd installed but not running, permissive, without a grants file.
    ///
    /// # Errors
    /// When something is not built, or sshd does not come up.
    pub fn without_daemon(people: &[&str], config: &str) -> Result<Door> {
        Door::on(Host::named(NAME).up()?, people, config)
    }

    /// The same on a host that is there, made of a base root that holds all of [`crate::root::DOOR`]'s packages.
    ///
    /// # Errors
    /// When something is not built, or sshd does not come up.
    pub fn on(host: Host, people: &[&str], config: &str) -> Result<Door> {
        let (module, jitd, jitctl) = (built::pam_jit()?, built::jitd()?, built::jitctl()?);
        let multiarch = format!("/usr/lib/{}-linux-gnu/security/pam_jit.so", std::env::consts::ARCH);
        host.install(&module, &multiarch, 0o644)?;
        host.install(&jitd, "/usr/sbin/jitd", 0o755)?;
        host.install(&jitctl, "/usr/bin/jitctl", 0o755)?;
        host.system_user("jitd", 990)?;
        for (uid, person) in (5001..).zip(people) {
            host.user(person, uid)?;
        }
        configure(&host, config)?;
        for service in SERVICES {
            let file = format!("/etc/pam.d/{service}");
            host.write(&file, 0o644, guarded(&host.read(&file)?))?;
        }
        host.write("/etc/sudoers.d/people", 0o440, "ALL ALL=(ALL:ALL) NOPASSWD: ALL\n")?;
        host.write("/etc/doas.conf", 0o600, "permit nopass :people\n")?;
        host.append("/etc/group", &format!("people:x:4000:{}\n", people.join(",")))?;
        let mut sshd = open_sshd(&host, people)?;
        sshd.wait_until("sshd listens", || host.path("/run/sshd.pid").exists())?;
        Ok(Door { host, jitd: RefCell::new(None), _sshd: sshd, marks: Cell::new(0) })
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Starts jitd and waits until it answers.
    ///
    /// # Errors
    /// When it does not; with what it printed.
    pub fn start_jitd(&self) -> Result<()> {
        let mut jitd = self.host.start("jitd", ["/usr/sbin/jitd", "--user", "jitd"])?;
        jitd.wait_until("jitd answers", || {
            // 1 is a degraded daemon: it answers.
            self.jitctl(["status"]).run().is_ok_and(|output| output.status <= 1)
        })?;
        *self.jitd.borrow_mut() = Some(jitd);
        Ok(())
    }

    /// Writes another configuration; jitd reads it at SIGHUP.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, config: &str) -> Result<()> {
        configure(&self.host, config)
    }

    /// Ends jitd as `systemctl stop` does.
    ///
    /// # Errors
    /// When it is not running or does not end.
    pub fn stop_jitd(&self) -> Result<()> {
        self.jitd.take().map_or_else(|| Err(Trouble::new("jitd is not running")), Daemon::stop)
    }

    /// Kills jitd.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill_jitd(&self) -> Result<()> {
        self.jitd.take().map_or_else(|| Err(Trouble::new("jitd is not running")), Daemon::kill)
    }

    /// Sends jitd a signal.
    ///
    /// # Errors
    /// When it is not running.
    pub fn signal_jitd(&self, signal: Signal) -> Result<()> {
        self.jitd
            .borrow()
            .as_ref()
            .map_or_else(|| Err(Trouble::new("jitd is not running")), |jitd| jitd.signal(signal))
    }

    /// What jitd printed.
    pub fn jitd_output(&self) -> String {
        self.host.read("/var/log/jitd.out").unwrap_or_default()
    }

    /// Puts these entries in the place of all others, and waits until jitd has read them.
    ///
    /// # Errors
    /// When jitd does not.
    pub fn grants(&self, entries: &Ldif) -> Result<()> {
        self.put(entries)?;
        self.settle(entries)
    }

    /// The entries and a mark: a grant of nobody's, new each time, whose appearance shows that the file was read.
    fn put(&self, entries: &Ldif) -> Result<()> {
        self.marks.set(self.marks.get() + 1);
        let text = format!("{}{entries}{}", Ldif::containers(), mark(self.marks.get()));
        self.host.write("/etc/jitd/grants.ldif", 0o644, text)
    }

    fn settle(&self, entries: &Ldif) -> Result<()> {
        let id = mark_id(self.marks.get());
        let seen = until(SOON, "jitd has read the grants file", || {
            let listed = self.jitctl(["grants", "--all", "--json"]).run();
            listed.is_ok_and(|output| output.stdout.contains(&id))
        });
        seen.map_err(|e| {
            let status = self.jitctl(["status"]).run().map(|o| o.to_string()).unwrap_or_default();
            Trouble::new(format!(
                "{e}\njitd said:\n{}\nstatus: {status}\nthe file:\n{entries}",
                self.jitd_output()
            ))
        })
    }

    /// `jitctl`, as root.
    pub fn jitctl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Exec {
        self.host.exec(["jitctl"].into_iter().chain(arguments))
    }

    /// A command of `user` over ssh, by a key that sshd accepts; from the host itself.
    ///
    /// # Errors
    /// When ssh cannot be run.
    pub fn ssh(&self, user: &str, command: &str) -> Result<Output> {
        self.host.exec(["ssh", &format!("{user}@{NAME}"), command]).run()
    }

    /// Every event of the audit, oldest first.
    ///
    /// # Errors
    /// When there is none, or a line is not JSON.
    pub fn audit(&self) -> Result<Vec<Value>> {
        let text = self.host.read("/var/log/jitd/audit.jsonl")?;
        let parse = |line: &str| {
            serde_json::from_str(line)
                .map_err(|e| Trouble::new(format!("the audit holds a line that is no JSON ({e}): {line}")))
        };
        text.lines().map(parse).collect()
    }

    /// Waits for an audit event that `wanted` accepts, and returns the newest such: the audit is written after the
    /// answer.
    ///
    /// # Errors
    /// When there is none; with the last events.
    pub fn audited(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut found = None;
        let waited = until(Duration::from_secs(10), &format!("the audit shows {what}"), || {
            found = self.audit().unwrap_or_default().into_iter().rev().find(&wanted);
            found.is_some()
        });
        match (waited, found) {
            (Ok(()), Some(event)) => Ok(event),
            (waited, _) => {
                let events = self.audit()?;
                let last: Vec<String> = events.iter().rev().take(8).map(Value::to_string).collect();
                let why = waited.err().map(|e| e.to_string()).unwrap_or_default();
                Err(Trouble::new(format!("{why}; the newest events:\n{}", last.join("\n"))))
            }
        }
    }
}

/// jitd.toml as README.md wants it: root's, readable by the daemon.
fn configure(host: &Host, config: &str) -> Result<()> {
    host.write("/etc/jitd/jitd.toml", 0o600, config)?;
    host.sh("chgrp jitd /etc/jitd/jitd.toml && chmod 640 /etc/jitd/jitd.toml").run()?.must().map(drop)
}

/// A PAM file with our line before the first one of the account phase.
fn guarded(text: &str) -> String {
    let accounts = |line: &str| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("@include"), Some(file)) => file == "common-account",
            (Some(first), _) => first == "account",
            (None, _) => false,
        }
    };
    let mut lines = String::new();
    let mut done = false;
    for line in text.lines() {
        if !done && accounts(line) {
            lines.push_str(LINE);
            done = true;
        }
        lines.push_str(line);
        lines.push('\n');
    }
    if !done {
        lines.push_str(LINE);
    }
    lines
}

/// sshd by keys alone; root's key opens the account of each of the people, and root's own.
fn open_sshd(host: &Host, people: &[&str]) -> Result<Daemon> {
    host.sh("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519").run()?.must()?;
    let key = host.read("/root/.ssh/id_ed25519.pub")?;
    for person in people.iter().chain(&["root"]) {
        host.write(&format!("/etc/ssh/keys/{person}"), 0o644, &key)?;
    }
    let own = host.read("/etc/ssh/ssh_host_ed25519_key.pub")?;
    host.write("/root/.ssh/known_hosts", 0o600, format!("{NAME},localhost,127.0.0.1,127.0.1.1 {own}"))?;
    host.write("/root/.ssh/config", 0o600, "Host *\n  BatchMode yes\n  LogLevel INFO\n")?;
    host.write(
        "/etc/ssh/sshd_config",
        0o644,
        "UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         AuthorizedKeysFile /etc/ssh/keys/%u\nSubsystem sftp /usr/lib/openssh/sftp-server\nPrintMotd no\nPrintLastLog no\n\
         MaxStartups 100\nLogLevel VERBOSE\n",
    )?;
    host.start("sshd", ["/usr/sbin/sshd", "-D", "-e"])
}

fn mark_id(number: u32) -> String {
    format!("mark{number:08}")
}

fn mark(number: u32) -> String {
    let id = mark_id(number);
    format!(
        "dn: cn={id},ou=grants,ou=jit,{BASE}\nobjectClass: jitGrant\ncn: {id}\njitSubject: uid=nobody-at-all,ou=people,{BASE}\n\
         jitHost: *\njitNotAfter: 20380101000000Z\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_line_comes_first_in_its_phase() {
        let sshd =
            "@include common-auth\n# account x\naccount required pam_nologin.so\n@include common-account\n";
        assert_eq!(
            guarded(sshd),
            "@include common-auth\n# account x\naccount required pam_jit.so\naccount required pam_nologin.so\n\
             @include common-account\n"
        );
        assert_eq!(guarded("auth required x.so\n"), format!("auth required x.so\n{LINE}"));
    }
}
