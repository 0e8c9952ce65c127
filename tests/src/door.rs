//! A production host as an admin would set it up from the README: sshd, sudo, su, login, doas, cron and at ask pam_jit.so,
//! and jitd reads one LDIF file. Everything here is the real thing; only the passwords are missing, so that a test shows what
//! *our* phases decide. On a plain host sshd and jitd are started by hand; on a booted one they are units.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::built;
use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::host::exec::{Exec, Output};
use crate::ldif::{BASE, Ldif};
use crate::root::workspace;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// The host's own name.
pub const NAME: &str = "web1.prod.example.com";

/// The services whose PAM files get our line, as in README.md. `su-l` includes `su`; a second line there would ask twice.
pub const SERVICES: [&str; 8] = ["sshd", "login", "sudo", "sudo-i", "su", "doas", "cron", "atd"];

/// The account line; first in its phase, so that nothing before it can settle the matter.
pub const LINE: &str = "account required pam_jit.so\n";

/// The session line; after those that make the session (pam_loginuid, pam_systemd), so that it is there when we look.
pub const SESSION_LINE: &str = "session required pam_jit.so\n";

/// The daemon's units, in `packaging/systemd` of this source tree.
const UNITS: [&str; 3] = ["jitd.service", "jitd.socket", "jitd-control.socket"];

/// Generous: on a busy machine everything takes longer, and nothing here measures time.
pub const SOON: Duration = Duration::from_secs(30);

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
    /// None where it is a unit.
    _sshd: Option<Daemon>,
    marks: Cell<u32>,
}

impl Door {
    /// Raises the host with people `people` (local logins from uid 5001 up), jitd on this configuration and these
    /// entries, in this mode.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn up(people: &[&str], mode: Mode, config: &str, entries: &Ldif) -> Result<Door> {
        Door::without_daemon(people, config)?.opened(mode, entries)
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
        if host.is_booted() {
            install_units(&host)?;
            // For what lingers; its own session lines come before ours.
            let lingering = host.read("/usr/lib/pam.d/systemd-user")?;
            host.write("/etc/pam.d/systemd-user", 0o644, format!("{LINE}{lingering}{SESSION_LINE}"))?;
        }
        let sshd = open_sshd(&host, people)?;
        Ok(Door { host, jitd: RefCell::new(None), _sshd: sshd, marks: Cell::new(0) })
    }

    /// [`Door::up`] on a host with systemd and logind.
    ///
    /// # Errors
    /// When something is not built, or does not come up.
    pub fn booted(people: &[&str], mode: Mode, config: &str, entries: &Ldif) -> Result<Door> {
        Door::on(Host::named(NAME).booted().up()?, people, config)?.opened(mode, entries)
    }

    /// Starts jitd with these entries, in this mode, on a host that has none running yet.
    ///
    /// # Errors
    /// When it does not come up, or jitctl refuses.
    pub fn opened(self, mode: Mode, entries: &Ldif) -> Result<Door> {
        self.put(entries)?;
        self.start_jitd()?;
        self.settle(entries)?;
        if mode == Mode::Enforcing {
            self.enforce()?;
        }
        Ok(self)
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Reboots the host, a booted one. Who was in is gone.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn reboot(&mut self) -> Result<()> {
        self.host.reboot()
    }

    /// Starts jitd and waits until it answers.
    ///
    /// # Errors
    /// When it does not; with what it printed.
    pub fn start_jitd(&self) -> Result<()> {
        // 1 is a degraded daemon: it answers.
        let answers = || self.jitctl(["status"]).run().is_ok_and(|output| output.status <= 1);
        if self.host.is_booted() {
            self.systemctl(["start", "jitd"])
                .map_err(|e| Trouble::new(format!("{e}\n{}", self.jitd_output())))?;
            return until(SOON, "jitd answers", answers);
        }
        let mut jitd = self.host.start("jitd", ["/usr/sbin/jitd", "--user", "jitd"])?;
        jitd.wait_until("jitd answers", answers)?;
        *self.jitd.borrow_mut() = Some(jitd);
        Ok(())
    }

    fn systemctl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
        self.host.exec(["systemctl"].into_iter().chain(arguments)).run()?.must().map(drop)
    }

    /// Writes another configuration; jitd reads it at SIGHUP.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, config: &str) -> Result<()> {
        configure(&self.host, config)
    }

    /// Ends jitd as `systemctl stop` does. Where it is a unit, its sockets go with it: the next login would start it again.
    ///
    /// # Errors
    /// When it is not running or does not end.
    pub fn stop_jitd(&self) -> Result<()> {
        if self.host.is_booted() {
            return self.systemctl(["stop", "jitd.socket", "jitd-control.socket", "jitd"]);
        }
        self.jitd.take().map_or_else(|| Err(Trouble::new("jitd is not running")), Daemon::stop)
    }

    /// Kills jitd. A booted host starts it again by itself.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill_jitd(&self) -> Result<()> {
        if self.host.is_booted() {
            return self.systemctl(["kill", "--kill-who=main", "--signal=KILL", "jitd"]);
        }
        self.jitd.take().map_or_else(|| Err(Trouble::new("jitd is not running")), Daemon::kill)
    }

    /// Sends jitd a signal.
    ///
    /// # Errors
    /// When it is not running.
    pub fn signal_jitd(&self, signal: Signal) -> Result<()> {
        if self.host.is_booted() {
            let signal = format!("--signal={}", signal.as_raw());
            return self.systemctl(["kill", "--kill-who=main", &signal, "jitd"]);
        }
        self.jitd
            .borrow()
            .as_ref()
            .map_or_else(|| Err(Trouble::new("jitd is not running")), |jitd| jitd.signal(signal))
    }

    /// What jitd printed.
    pub fn jitd_output(&self) -> String {
        if self.host.is_booted() {
            let journal = self.host.exec(["journalctl", "--quiet", "--no-pager", "-u", "jitd"]).run();
            return journal.map(|output| output.stdout).unwrap_or_default();
        }
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

    /// The sessions that jitd knows, as `jitctl sessions --json` shows them to root.
    ///
    /// # Errors
    /// When jitctl fails, or prints something else.
    pub fn sessions(&self) -> Result<Vec<Value>> {
        let text = self.jitctl(["sessions", "--json"]).run()?.must()?;
        let answer: Value = serde_json::from_str(&text)
            .map_err(|e| Trouble::new(format!("jitctl sessions --json printed no JSON ({e}): {text}")))?;
        let listed = answer.get("sessions").and_then(Value::as_array);
        listed.cloned().ok_or_else(|| Trouble::new(format!("jitctl sessions --json printed {text}")))
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

    /// The newest decision at the door (PAM's account phase) that `wanted` accepts, as [`Door::audited`].
    ///
    /// # Errors
    /// When there is none; with the last events.
    pub fn decided(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.audited(what, |event| {
            event["event"] == "decision" && event["phase"] == "account" && wanted(event)
        })
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

/// The daemon as a unit, with its sockets.
fn install_units(host: &Host) -> Result<()> {
    for unit in UNITS {
        let file = workspace().join("packaging/systemd").join(unit);
        host.install(&file, &format!("/usr/lib/systemd/system/{unit}"), 0o644)?;
    }
    host.exec(["systemctl", "daemon-reload"]).run()?.must().map(drop)
}

/// A PAM file with our lines: before the first one of the account phase, and after the session is made.
fn guarded(text: &str) -> String {
    let includes = |line: &str, file: &str| {
        let mut words = line.split_whitespace();
        words.next() == Some("@include") && words.next() == Some(file)
    };
    let of_account =
        |line: &str| includes(line, "common-account") || line.split_whitespace().next() == Some("account");
    let makes_session =
        |line: &str| includes(line, "common-session") || includes(line, "common-session-noninteractive");
    let (mut account, mut session) = (Some(LINE), Some(SESSION_LINE));
    let mut lines = String::new();
    for line in text.lines() {
        if of_account(line) {
            lines.push_str(account.take().unwrap_or_default());
        }
        lines.push_str(line);
        lines.push('\n');
        if makes_session(line) {
            lines.push_str(session.take().unwrap_or_default());
        }
    }
    lines.push_str(account.unwrap_or_default());
    lines.push_str(session.unwrap_or_default());
    lines
}

/// sshd by keys alone; root's key opens the account of each of the people, and root's own. A client may send JIT_MARK. None where it is a
/// unit.
///
/// # Errors
/// When it does not come up.
pub fn open_sshd(host: &Host, people: &[&str]) -> Result<Option<Daemon>> {
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
         MaxStartups 100\nLogLevel VERBOSE\nAcceptEnv JIT_MARK\n",
    )?;
    if host.is_booted() {
        // It was up with Debian's own configuration; it answers when this returns.
        host.exec(["systemctl", "restart", "ssh"]).run()?.must()?;
        return Ok(None);
    }
    let mut sshd = host.start("sshd", ["/usr/sbin/sshd", "-D", "-e"])?;
    sshd.wait_until("sshd listens", || host.path("/run/sshd.pid").exists())?;
    Ok(Some(sshd))
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
    fn our_lines_stand_where_the_readme_puts_them() {
        let sshd =
            "@include common-auth\n# account x\naccount required pam_nologin.so\n@include common-account\n";
        assert_eq!(
            guarded(sshd),
            "@include common-auth\n# account x\naccount required pam_jit.so\naccount required pam_nologin.so\n\
             @include common-account\nsession required pam_jit.so\n"
        );
        assert_eq!(guarded("auth required x.so\n"), format!("auth required x.so\n{LINE}{SESSION_LINE}"));
        assert_eq!(
            guarded("@include common-session\nsession optional pam_mail.so\naccount include x\n"),
            format!(
                "@include common-session\n{SESSION_LINE}session optional pam_mail.so\n{LINE}account include x\n"
            )
        );
    }
}
