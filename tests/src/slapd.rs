//! A real OpenLDAP server with the project's own schema and access rules, TLS under an authority of its own, and a small
//! company in it. It listens on free loopback ports and a Unix socket, of this machine or of a throw-away host, and is gone when dropped. Its
//! first process stays the same program all along, so that it can be stopped, killed and started again.

mod config;
mod controls;
mod prepare;

pub use controls::Control;

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::host::Host;
use crate::kdc::Kdc;
use crate::root::{target, workspace};
use crate::server::Server;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

pub(crate) use prepare::authority;
use prepare::program;

pub(crate) const BASE: &str = include_str!("slapd/base.ldif");
/// What hosts and people need, or what they read ends at 500 entries.
const LIMITS: &str = "olcLimits: dn.children=\"ou=hosts,dc=example,dc=com\" size=unlimited time=unlimited\n\
    olcLimits: dn.children=\"ou=people,dc=example,dc=com\" size=20000\n";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A server to be: see [`Slapd::plan`].
#[derive(Debug)]
#[must_use]
pub struct Plan<'a> {
    network_of: Option<&'a Host>,
    data: String,
    push: Push,
    limits: String,
    checkpoint: &'static str,
    rules: Rules,
    schema: Schema,
    server_ids: String,
    id: u32,
    kerberos: Vec<(&'static str, PathBuf)>,
}

/// Whether the server has content synchronisation (RFC 4533).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// With a session log: deletions are told by name as long as the server runs.
    Log,
    /// Without one: a resumed sync always has a present phase.
    NoLog,
    /// Not at all: hosts have to poll.
    None,
}

/// Which schema of ours it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schema {
    /// That of `packaging/ldap`.
    Shipped,
    /// The same, but grants may be of any other class besides.
    WithoutContentRules,
}

/// Which access rules it starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Those of `packaging/ldap`.
    Shipped,
    /// Everybody reads everything.
    Open,
    /// None at all.
    None,
}

impl<'a> Plan<'a> {
    /// Without any entry: it takes them over from another server.
    pub fn empty(mut self) -> Plan<'a> {
        self.data.clear();
        self
    }

    /// As it comes: no schema, modules, indexes, limits, rules or entries of ours.
    pub fn bare(mut self) -> Plan<'a> {
        self = self.empty().push(Push::None).limits("");
        self.rules = Rules::None;
        self
    }

    /// On every address of a throw-away host.
    pub fn in_network_of(mut self, host: &'a Host) -> Plan<'a> {
        self.network_of = Some(host);
        self
    }

    /// With more entries than the usual ones, as LDIF.
    pub fn with(mut self, ldif: &str) -> Plan<'a> {
        self.data.push('\n');
        self.data.push_str(ldif);
        self
    }

    /// With or without content synchronisation; [`Push::Log`] unless said otherwise.
    pub fn push(mut self, push: Push) -> Plan<'a> {
        self.push = push;
        self
    }

    /// With the rules that everybody reads everything.
    pub fn open(mut self) -> Plan<'a> {
        self.rules = Rules::Open;
        self
    }

    /// With a schema without content rules, as a directory has it that loaded ours before it had them.
    pub fn lenient(mut self) -> Plan<'a> {
        self.schema = Schema::WithoutContentRules;
        self
    }

    /// With this `olcLimits`, or none if empty, instead of the unlimited ones for hosts.
    pub fn limits(mut self, ldif: &str) -> Plan<'a> {
        self.limits = ldif.to_owned();
        self
    }

    /// Without its newest change number on disk, as OpenLDAP is unless told otherwise: a crash loses it.
    pub fn forgetful(mut self) -> Plan<'a> {
        self.checkpoint = "";
        self
    }

    /// Set up so that it tells a host that was away nothing of deletions: a mistake that OpenLDAP allows.
    pub fn lossy(mut self) -> Plan<'a> {
        self.push = Push::NoLog;
        self.checkpoint = "olcSpCheckpoint: 1 1\nolcSpNoPresent: TRUE\nolcSpReloadHint: TRUE\n";
        self
    }

    /// As one of several servers that write: its number.
    pub fn server_id(mut self, id: u32) -> Plan<'a> {
        self.id = id;
        self.server_ids.push_str(&format!("olcServerID: {id}\n"));
        self
    }

    /// With GSSAPI by the key that the realm has for it, mapping hosts and people to their entries.
    pub fn kerberos(mut self, realm: &Kdc) -> Plan<'a> {
        self.server_ids.push_str(&realm.sasl());
        self.kerberos = vec![("KRB5_KTNAME", realm.server_keytab()), ("KRB5_CONFIG", realm.config())];
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When slapd, ldap-utils or openssl is missing, or it does not come up.
    pub fn up(self) -> Result<Slapd> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short: the socket's path must fit 107 bytes.
        let dir = target().join(format!("slapd/{}-{number}", std::process::id()));
        let io = |e| Trouble::io(&dir, e);
        fs::create_dir_all(dir.join("db")).map_err(io)?;
        fs::create_dir_all(dir.join("config")).map_err(io)?;
        let tls = authority()?;
        let config = config::text(&self, &dir, &tls)?;
        let f = dir.join("config").display().to_string();
        piped(Command::new(program()?).args(["-T", "add", "-n0", "-F", &f]), &config)?;
        let id = self.id.to_string();
        let mut load = Command::new(program()?);
        piped(load.args(["-T", "add", "-n1", "-w", "-S", &id, "-F", &f]), &self.data)?;

        let network = self.network_of.map(|host| format!("--net=/proc/{}/ns/net", host.first_process()));
        let ports = if network.is_some() { (389, 636) } else { (free_port()?, free_port()?) };
        let server = Server { at: dir.join("ldapi"), ports, certificates: tls };
        let mut slapd = Slapd { server, dir, network, kerberos: self.kerberos, child: None };
        slapd.start()?;
        match self.rules {
            Rules::Open => slapd.rules("{0}to * by * read")?,
            Rules::Shipped => slapd.shipped_rules()?,
            Rules::None => {}
        }
        Ok(slapd)
    }
}

/// A server that runs, or is between two runs.
#[derive(Debug)]
pub struct Slapd {
    server: Server,
    dir: PathBuf,
    network: Option<String>,
    kerberos: Vec<(&'static str, PathBuf)>,
    child: Option<Child>,
}

impl Deref for Slapd {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Slapd {
    /// A server with the usual company, push, and the project's access rules.
    pub fn plan<'a>() -> Plan<'a> {
        Plan {
            network_of: None,
            data: BASE.to_owned(),
            push: Push::Log,
            limits: LIMITS.to_owned(),
            checkpoint: "olcSpCheckpoint: 1 1\n",
            rules: Rules::Shipped,
            schema: Schema::Shipped,
            server_ids: String::new(),
            id: 0,
            kerberos: Vec::new(),
        }
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        let (plain, tls) = self.ports;
        let socket = self.socket();
        // A throw-away host's network is its own, so it may listen on all of it: on its loopback and to whom it is joined.
        let (at, tcp) =
            if self.network.is_none() { ("127.0.0.1", vec![plain, tls]) } else { ("", Vec::new()) };
        self.listen(&format!("ldap://{at}:{plain}/ ldaps://{at}:{tls}/ {socket}/"), &tcp)
    }

    /// Starts it with these URLs, and waits for its socket and these ports.
    fn listen(&mut self, urls: &str, ports: &[u16]) -> Result<()> {
        let io = |e| Trouble::io(&self.log(), e);
        let log = File::options().create(true).append(true).open(self.log()).map_err(io)?;
        // It must not outlive the test, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(network) = &self.network {
            command.args(["nsenter", network, "--"]);
        }
        command.arg(program()?).args(["-d", "0", "-F"]).arg(self.dir.join("config")).args(["-h", urls]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.envs(self.kerberos.iter().map(|(name, path)| (name, path)));
        let child = command.spawn().map_err(|e| Trouble::new(format!("slapd does not start: {e}")))?;
        self.child = Some(child);
        until(Duration::from_secs(30), "slapd answers", || {
            UnixStream::connect(&self.at).is_ok()
                && ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        })
        .map_err(|trouble| {
            Trouble::new(format!("{trouble}\n{}", fs::read_to_string(self.log()).unwrap_or_default()))
        })
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        if let Some(mut child) = self.child.take() {
            child.wait().map_err(|e| Trouble::new(format!("slapd: {e}")))?;
        }
        // So that the next run's readiness is not this run's leavings.
        let _ = fs::remove_file(&self.at);
        Ok(())
    }

    /// Sends a signal: STOP and CONT to make it hang.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id =
            self.child.as_ref().map(Child::id).and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = id.ok_or_else(|| Trouble::new("slapd does not run"))?;
        kill_process(pid, signal).map_err(|e| Trouble::new(format!("slapd: {e}")))
    }

    /// Makes changes while nobody is connected and before the next start: no log tells of them then.
    ///
    /// # Errors
    /// When it runs, or a change cannot be made.
    pub fn unseen(&mut self, ldif: &str) -> Result<()> {
        if self.child.is_some() {
            return Err(Trouble::new("slapd runs: kill it before changing its data unseen"));
        }
        self.listen(&format!("{}/", self.socket()), &[])?;
        self.change(ldif)?;
        self.kill()
    }

    /// Replaces all access rules by these, one a line.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rules(&self, rules: &str) -> Result<()> {
        let rules: String = rules.lines().map(|rule| format!("olcAccess: {rule}\n")).collect();
        self.change(&format!(
            "dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nreplace: olcAccess\n{rules}"
        ))
    }

    /// Replaces all access rules by the project's own.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn shipped_rules(&self) -> Result<()> {
        let shipped = |name: &str| {
            let path = workspace().join("packaging/ldap/openldap").join(name);
            fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))
        };
        // The rules about grants are put before the ones that are there.
        self.change(&shipped("acl-people.ldif")?.replace("add: olcAccess", "replace: olcAccess"))?;
        self.change(&shipped("acl.ldif")?)
    }

    /// Makes it take over every change of another server, or of none.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn replicate(&self, from: Option<&Slapd>) -> Result<()> {
        let target = "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n";
        self.change(&match from {
            None => format!("{target}delete: olcMultiProvider\n-\ndelete: olcSyncrepl\n"),
            Some(from) => format!(
                "{target}add: olcSyncrepl\nolcSyncrepl: rid=001 provider={} bindmethod=simple \
                 binddn=\"cn=admin,dc=example,dc=com\" credentials=admin-secret searchbase=\"dc=example,dc=com\" \
                 type=refreshAndPersist retry=\"1 +\"\n-\nadd: olcMultiProvider\nolcMultiProvider: TRUE\n",
                from.plain()
            ),
        })
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A port that nobody listens on at this moment, and below those that the kernel gives to connections: otherwise another test's
/// connection may have it before we listen on it. Tests that run side by side begin at different ones.
pub(crate) fn free_port() -> Result<u16> {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(16);
    let tries = (0..COUNT).map(|_| begin.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = tries.filter_map(|port| u16::try_from(port).ok()).find(free);
    port.ok_or_else(|| Trouble::new("no free port between 10000 and 30000"))
}

/// Runs a program with this input, and wants it to succeed.
pub(crate) fn piped(command: &mut Command, input: &str) -> Result<Output> {
    let shown = format!("{:?}", Path::new(command.get_program()).file_name().unwrap_or_default());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| {
        Trouble::new(format!("{shown} does not start ({e}): apt-get install slapd ldap-utils openssl"))
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all says why below.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| Trouble::new(format!("{shown}: {e}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Trouble::new(format!("{shown} ({}):\n{out}{err}\n{input}", output.status)))
}
