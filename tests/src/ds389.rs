//! A real 389 Directory Server in a throw-away host, with the project's own schema and access rules, TLS under the tests' authority, and
//! the usual company in it. Setting one up takes a quarter of a minute, so that is done once and kept as an archive; a server is unpacked
//! and started. It must be gone when dropped, and listen on loopback alone unless it is put into a throw-away host's network.

mod instance;

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::root::workspace;
use crate::slapd::{BASE, authority, free_port, piped};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// What the administrator is called.
pub const ADMIN: &str = "cn=Directory Manager";
/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "admin-secret";

/// More people than the usual ones, and the group that the access rules know approvers by.
const MORE: &str = include_str!("ds389/more.ldif");

/// A server to be: see [`Ds389::plan`].
#[derive(Debug)]
#[must_use]
pub struct Plan<'a> {
    network_of: Option<&'a Host>,
    data: String,
    bare: bool,
}

impl<'a> Plan<'a> {
    /// On every address of a throw-away host, ports 389 and 636.
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

    /// As it comes: the suffix, ou=people and ou=groups, and nothing of ours.
    pub fn bare(mut self) -> Plan<'a> {
        self.bare = true;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When this process is not root, or the server cannot be set up or does not come up.
    pub fn up(self) -> Result<Ds389> {
        let tls = authority()?;
        let host = Host::named("ds").of(instance::DS389);
        let host = match self.network_of {
            Some(other) => host.in_network_of(other).up()?,
            None => host.up()?,
        };
        let ports = if self.network_of.is_some() { (389, 636) } else { (free_port()?, free_port()?) };
        let mut server = Ds389 { shared: self.network_of.is_some(), host, tls, ports, daemon: None };
        if self.bare {
            instance::unpack(&server.host, instance::Stage::Bare)?;
        } else {
            instance::unpack(&server.host, instance::Stage::Ready)?;
        }
        instance::listen_on(&server.host, server.shared, ports)?;
        server.start()?;
        if !self.bare {
            server.add(&instance::without_containers(BASE))?;
            server.add(MORE)?;
        }
        if !self.data.is_empty() {
            server.add(&self.data)?;
        }
        Ok(server)
    }
}

/// A server that runs, or is between two runs.
#[derive(Debug)]
pub struct Ds389 {
    daemon: Option<Daemon>,
    host: Host,
    shared: bool,
    tls: PathBuf,
    ports: (u16, u16),
}

impl Ds389 {
    /// A server with the usual company, push, and the project's access rules.
    pub fn plan<'a>() -> Plan<'a> {
        Plan { network_of: None, data: String::new(), bare: false }
    }

    /// `ldap://127.0.0.1:…`
    pub fn plain(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ports.0)
    }

    /// `ldap://localhost:…`, the name in its certificate, for StartTLS.
    pub fn named(&self) -> String {
        format!("ldap://localhost:{}", self.ports.0)
    }

    /// `ldaps://localhost:…`
    pub fn tls(&self) -> String {
        format!("ldaps://localhost:{}", self.ports.1)
    }

    /// `ldapi://…`, reached from this machine whatever the network: root is the administrator there.
    pub fn socket(&self) -> String {
        format!("ldapi://{}", self.socket_path().display().to_string().replace('/', "%2F"))
    }

    fn socket_path(&self) -> PathBuf {
        self.host.path("/run/slapd-jit.socket")
    }

    /// The port of `ldap`.
    pub fn port(&self) -> u16 {
        self.ports.0
    }

    /// The host that it runs in: its logs are under `/var/log/dirsrv`.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A file made for TLS: `ca.crt`, `server.crt`; another authority's `stranger.crt`.
    pub fn tls_file(&self, name: &str) -> PathBuf {
        self.tls.join(name)
    }

    /// A file with a password, readable by us alone; gone with the server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self, password: &str) -> Result<PathBuf> {
        let path = self.host.path("/root/secret");
        let io = |e| Trouble::io(&path, e);
        let mut file = File::create(&path).map_err(io)?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(io)?;
        file.write_all(format!("{password}\n").as_bytes()).map_err(io)?;
        Ok(path)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        let mut daemon = instance::start(&self.host, self.shared)?;
        let (socket, ports, shared) = (self.socket_path(), self.ports, self.shared);
        daemon.wait_until("389-ds answers", || {
            let open = |port| shared || TcpStream::connect(("127.0.0.1", port)).is_ok();
            UnixStream::connect(&socket).is_ok() && open(ports.0) && open(ports.1)
        })?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let daemon = self.daemon.take().ok_or_else(|| Trouble::new("389-ds does not run"))?;
        daemon.kill()?;
        self.host.remove("/run/slapd-jit.socket")
    }

    /// Ends it in order and starts it again: some settings count only then.
    ///
    /// # Errors
    /// When it does not end, or does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        self.host.remove("/run/slapd-jit.socket")?;
        self.start()
    }

    /// Sends a signal: STOP and CONT to make it hang.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.daemon.as_ref().ok_or_else(|| Trouble::new("389-ds does not run"))?.signal(signal)
    }

    fn admin(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-Q", "-Y", "EXTERNAL", "-H", &self.socket()]);
        command
    }

    /// Makes the changes of an LDIF text (RFC 2849), as administrator.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn change(&self, ldif: &str) -> Result<()> {
        piped(&mut self.admin("ldapmodify"), ldif).map(drop)
    }

    /// The same as a person or host, by password.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn change_as(&self, dn: &str, password: &str, ldif: &str) -> Result<()> {
        piped(Command::new("ldapmodify").args(["-x", "-D", dn, "-w", password, "-H", &self.socket()]), ldif)
            .map(drop)
    }

    /// Adds the entries of an LDIF text, as administrator.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn add(&self, ldif: &str) -> Result<()> {
        piped(&mut self.admin("ldapadd"), ldif).map(drop)
    }

    /// Deletes an entry, as administrator.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn delete(&self, dn: &str) -> Result<()> {
        piped(self.admin("ldapdelete").arg(dn), "").map(drop)
    }

    /// What a search shows the administrator, as LDIF.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn search(&self, base: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.admin("ldapsearch");
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", base]).args(arguments);
        let output = piped(&mut command, "")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Takes all access rules off an entry and puts these in their place, one a line.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rules(&self, dn: &str, rules: &str) -> Result<()> {
        let rules: String = rules.lines().map(|rule| format!("aci: {rule}\n")).collect();
        self.change(&format!("dn: {dn}\nchangetype: modify\nreplace: aci\n{rules}"))
    }
}

/// A file of `packaging/ldap/389ds`.
pub(crate) fn shipped(name: &str) -> Result<String> {
    let path = workspace().join("packaging/ldap/389ds").join(name);
    fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))
}

/// Waits for a condition of the set-up.
fn wait(what: &str, condition: impl FnMut() -> bool) -> Result<()> {
    until(Duration::from_secs(60), what, condition)
}
