//! Throw-away hosts: real sshd, sudo and cron in namespaces of their own over a shared read-only root, up in well under a
//! tenth of a second. A host must never outlive its test or leave a mount, a process or a file behind: everything in it hangs on one
//! process, and that process on a pipe that the kernel closes when the test ends, whether it returns, panics or is killed.

mod booted;
pub mod console;
pub mod daemon;
pub mod exec;
mod names;
mod syslog;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::root::{BOOTED, BaseRoot, DOOR, target};
use crate::trouble::{Result, Trouble};
use daemon::Daemon;
use exec::Exec;
use syslog::Syslog;

const INIT: &str = include_str!("host/init.sh");
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A host to be: see [`Host::named`].
#[derive(Debug)]
#[must_use]
pub struct Plan<'a> {
    name: String,
    root: BaseRoot,
    network_of: Option<&'a Host>,
    first: First,
}

/// What is process 1 of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// A script that mounts and waits: no services but those that a test starts.
    Script,
    /// systemd, with what the base root enables.
    Systemd,
}

impl<'a> Plan<'a> {
    /// Made of another base root than [`DOOR`].
    pub fn of(mut self, root: BaseRoot) -> Plan<'a> {
        self.root = root;
        self
    }

    /// In the network namespace of another host: they share addresses and ports.
    pub fn in_network_of(mut self, other: &'a Host) -> Plan<'a> {
        self.network_of = Some(other);
        self
    }

    /// With systemd as process 1, logind and sshd, cron and atd as its units; made of [`BOOTED`]. Its addresses are its own.
    pub fn booted(mut self) -> Plan<'a> {
        self.root = BOOTED;
        self.first = First::Systemd;
        self
    }

    /// Raises it.
    ///
    /// # Errors
    /// When this process is not root, the base root cannot be built, or the kernel refuses a mount.
    pub fn up(self) -> Result<Host> {
        if !rustix::process::geteuid().is_root() {
            return Err(Trouble::new(
                "throw-away hosts need root (namespaces, mounts, logins): run this as root, e.g. `sudo make test`",
            ));
        }
        let base = self.root.ready()?;
        let mountpoint = target().join("roots/mnt");
        fs::create_dir_all(&mountpoint).map_err(|e| Trouble::io(&mountpoint, e))?;
        if self.first == First::Systemd {
            return booted::up(&self.name, &base, &mountpoint);
        }
        let mut command = match self.network_of {
            Some(other) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/proc/{}/ns/net", other.init)).args(["--", "unshare"]);
                command
            }
            None => {
                let mut command = Command::new("unshare");
                command.arg("--net");
                command
            }
        };
        command.args([
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            "--",
            "sh",
            "-c",
            INIT,
            "init",
        ]);
        command.arg(&self.name).args([&base, &mountpoint]);
        command.env("PATH", PATH).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command
            .spawn()
            .map_err(|e| Trouble::new(format!("unshare does not start ({e}): apt-get install util-linux")))?;
        match wait_until_up(&mut holder) {
            Ok(init) => {
                let mut host = Host { name: self.name, init, holder, syslog: None };
                host.syslog = Some(Syslog::listen(&host.path("/dev/log"))?);
                Ok(host)
            }
            Err(trouble) => {
                drop(holder.stdin.take());
                let _ = holder.kill();
                let _ = holder.wait();
                Err(Trouble::new(format!("host {} did not come up: {trouble}", self.name)))
            }
        }
    }
}

/// The process that is number 1 inside, by its number outside.
fn wait_until_up(holder: &mut Child) -> Result<i32> {
    let mut word = String::new();
    if let Some(out) = holder.stdout.take() {
        // Nothing to read means that the script failed; its own words follow.
        let _ = BufReader::new(out).read_line(&mut word);
    }
    if word.trim() != "up" {
        return Err(Trouble::new(words(holder)));
    }
    let id = holder.id();
    let path = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
    let children = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
    let first = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
    first.ok_or_else(|| Trouble::new("its first process is gone"))
}

/// What a script that failed says.
fn words(holder: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut err) = holder.stderr.take() {
        let _ = err.read_to_string(&mut text);
    }
    text.trim().to_owned()
}

/// A command line that goes on in a host, in all of its namespaces, with a plain environment.
fn enter(init: i32) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &init.to_string(), "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "--"]);
    command.args(["env", "-i", &format!("PATH={PATH}"), "HOME=/root", "TERM=dumb", "LC_ALL=C.UTF-8"]);
    command
}

/// A host that is up. Dropped, it is gone with everything in it.
#[derive(Debug)]
pub struct Host {
    name: String,
    /// Process 1 of the host, as numbered outside.
    init: i32,
    /// Our child, above `init` (`unshare`, or a shell where the host is booted); holds the pipe that keeps the host alive.
    holder: Child,
    /// None where journald listens.
    syslog: Option<Syslog>,
}

impl Host {
    /// A host of this name, a full one, made of [`DOOR`], in a network namespace of its own.
    pub fn named<'a>(name: &str) -> Plan<'a> {
        Plan { name: name.to_owned(), root: DOOR, network_of: None, first: First::Script }
    }

    /// Its full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process 1 of the host, as numbered outside: its namespaces are this one's.
    pub fn first_process(&self) -> i32 {
        self.init
    }

    /// Where a file of the host lies, seen from outside. Absolute links lead astray: name the file itself.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/{}", self.init, inside.trim_start_matches('/')))
    }

    /// A program with its arguments, run by root unless [`Host::exec_as`] is used.
    pub fn exec<A: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = A>) -> Exec {
        let (command, shown) = self.command(argv);
        Exec::new(command, shown)
    }

    /// The same as another user, with his groups.
    pub fn exec_as<A: AsRef<OsStr>>(&self, user: &str, argv: impl IntoIterator<Item = A>) -> Exec {
        let mut line: Vec<OsString> = ["setpriv", "--init-groups"].map(OsString::from).to_vec();
        line.push(format!("--reuid={user}").into());
        line.push(format!("--regid={user}").into());
        line.push("--".into());
        line.extend(argv.into_iter().map(|a| a.as_ref().to_owned()));
        self.exec(line)
    }

    /// A shell script, run by root.
    pub fn sh(&self, script: &str) -> Exec {
        self.exec(["sh", "-c", script])
    }

    /// Starts a program that stays; what it prints goes to `/var/log/NAME.out` of the host.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(&self, name: &str, argv: impl IntoIterator<Item = A>) -> Result<Daemon> {
        let (command, shown) = self.command(argv);
        Daemon::start(command, shown, self.path(&format!("/var/log/{name}.out")))
    }

    /// The same, but in the network of this machine instead of the host's: it listens on loopback ports that tests here can reach.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_in_our_network<A: AsRef<OsStr>>(
        &self,
        name: &str,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<Daemon> {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-m", "-p", "-u", "-i", "-C", "-r", "-w", "--"]);
        command.args(["env", "-i", &format!("PATH={PATH}"), "HOME=/root", "LC_ALL=C.UTF-8"]);
        command.args(argv);
        Daemon::start(command, name.to_owned(), self.path(&format!("/var/log/{name}.out")))
    }

    /// Starts a program on these three streams; it leads a process group, outside.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn<A: AsRef<OsStr>>(
        &self,
        argv: impl IntoIterator<Item = A>,
        [stdin, stdout, stderr]: [Stdio; 3],
    ) -> Result<Child> {
        let (mut command, shown) = self.command(argv);
        command.process_group(0).stdin(stdin).stdout(stdout).stderr(stderr);
        command.spawn().map_err(|e| Trouble::new(format!("`{shown}`: {e}")))
    }

    fn command<A: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = A>) -> (Command, String) {
        let argv: Vec<OsString> = argv.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let shown = argv.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut command = enter(self.init);
        command.args(argv);
        (command, shown)
    }

    /// Writes a file with this mode, owned by root, making its folders.
    ///
    /// # Errors
    /// When it cannot.
    pub fn write(&self, inside: &str, mode: u32, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path(inside);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Trouble::io(folder, e))?;
        }
        // Replaced as an admin's tools do it, so that nobody ever reads half of it.
        let fresh = self.path(&format!("{inside}.new"));
        fs::write(&fresh, content).map_err(|e| Trouble::io(&fresh, e))?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).map_err(|e| Trouble::io(&fresh, e))?;
        fs::rename(&fresh, &path).map_err(|e| Trouble::io(&path, e))
    }

    /// Adds text at the end of a file.
    ///
    /// # Errors
    /// When it cannot.
    pub fn append(&self, inside: &str, text: &str) -> Result<()> {
        let path = self.path(inside);
        let open = fs::OpenOptions::new().append(true).create(true).open(&path);
        open.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|e| Trouble::io(&path, e))
    }

    /// The text of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, inside: &str) -> Result<String> {
        let path = self.path(inside);
        fs::read(&path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|e| Trouble::io(&path, e))
    }

    /// Removes a file if it is there.
    ///
    /// # Errors
    /// When it cannot.
    pub fn remove(&self, inside: &str) -> Result<()> {
        let path = self.path(inside);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Trouble::io(&path, e)),
        }
    }

    /// Copies a file of this machine into the host.
    ///
    /// # Errors
    /// When it cannot.
    pub fn install(&self, from: &Path, inside: &str, mode: u32) -> Result<()> {
        self.write(inside, mode, fs::read(from).map_err(|e| Trouble::io(from, e))?)
    }

    /// A local person with a home and no usable password; like useradd, in a hundredth of its time.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn user(&self, name: &str, uid: u32) -> Result<()> {
        self.append("/etc/passwd", &format!("{name}:x:{uid}:{uid}::/home/{name}:/bin/bash\n"))?;
        self.append("/etc/group", &format!("{name}:x:{uid}:\n"))?;
        self.append("/etc/shadow", &format!("{name}:*:19000:0:99999:7:::\n"))?;
        let home = self.path(&format!("/home/{name}"));
        fs::create_dir_all(&home).map_err(|e| Trouble::io(&home, e))?;
        chown(&home, Some(uid), Some(uid)).map_err(|e| Trouble::io(&home, e))
    }

    /// A user without a home or a shell, for a daemon.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn system_user(&self, name: &str, id: u32) -> Result<()> {
        self.append("/etc/passwd", &format!("{name}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin\n"))?;
        self.append("/etc/group", &format!("{name}:x:{id}:\n"))?;
        self.append("/etc/shadow", &format!("{name}:!:19000::::::\n"))
    }

    /// Reboots a booted host; its disk stays, its /run does not.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn reboot(&mut self) -> Result<()> {
        booted::reboot(self)
    }

    /// Whether systemd is its process 1.
    pub fn is_booted(&self) -> bool {
        self.syslog.is_none()
    }

    /// What was sent to /dev/log so far (in a booted host: to the journal), a line for each message, oldest first.
    pub fn syslog(&self) -> Vec<String> {
        match &self.syslog {
            Some(syslog) => syslog.lines(),
            None => {
                let journal = self.exec(["journalctl", "--quiet", "--no-pager", "-o", "short"]).run();
                journal.map(|output| output.stdout.lines().map(str::to_owned).collect()).unwrap_or_default()
            }
        }
    }

    /// Joins two hosts by a cable: an interface `interface` on both, with these addresses (`10.0.0.1/24`).
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&self, other: &Host, interface: &str, mine: &str, theirs: &str) -> Result<()> {
        // In this host's network and files, but with the outer process numbers, by which the other host is named.
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-m", "-n", "-r", "--"]);
        command.args(["ip", "link", "add", interface, "type", "veth", "peer", "name", interface]);
        command.args(["netns", &other.init.to_string()]);
        Exec::new(command, format!("ip link add {interface}")).run()?.must()?;
        for (host, address) in [(self, mine), (other, theirs)] {
            host.exec(["ip", "address", "add", address, "dev", interface]).run()?.must()?;
            host.exec(["ip", "link", "set", interface, "up"]).run()?.must()?;
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(init) = Pid::from_raw(self.init) {
            // Its end ends every process of the host; the last of them takes the mounts along.
            let _ = kill_process(init, Signal::KILL);
        }
        let _ = self.holder.wait();
    }
}
