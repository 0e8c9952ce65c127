//! A real 389 Directory Server in a throw-away host, with the project's own schema and access rules, TLS under the tests' authority, and
//! the usual company in it. Setting one up takes a quarter of a minute, so that is done once and kept as an archive; a server is unpacked
//! and started. It must be gone when dropped, and listen on loopback alone unless it is put into a throw-away host's network.

mod instance;

use std::fs;
use std::net::TcpStream;
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::host::Host;
use crate::host::daemon::Daemon;
use crate::root::workspace;
use crate::server::Server;
use crate::slapd::{BASE, authority, free_port};
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
        let host = Host::named("ds").of(instance::DS389);
        let host = match self.network_of {
            Some(other) => host.in_network_of(other).up()?,
            None => host.up()?,
        };
        let ports = if self.network_of.is_some() { (389, 636) } else { (free_port()?, free_port()?) };
        let reached = Server { at: instance::socket(&host), ports, certificates: authority()? };
        let mut server = Ds389 { server: reached, shared: self.network_of.is_some(), host, daemon: None };
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
    server: Server,
    daemon: Option<Daemon>,
    host: Host,
    shared: bool,
}

impl Deref for Ds389 {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Ds389 {
    /// A server with the usual company, push, and the project's access rules.
    pub fn plan<'a>() -> Plan<'a> {
        Plan { network_of: None, data: String::new(), bare: false }
    }

    /// The host that it runs in: its logs are under `/var/log/dirsrv`.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        let mut daemon = instance::start(&self.host, self.shared)?;
        daemon.wait_until("389-ds answers", || {
            let open = |port| self.shared || TcpStream::connect(("127.0.0.1", port)).is_ok();
            UnixStream::connect(&self.at).is_ok() && open(self.ports.0) && open(self.ports.1)
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
        self.host.remove(instance::SOCKET)
    }

    /// Ends it in order and starts it again: some settings count only then.
    ///
    /// # Errors
    /// When it does not end, or does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        self.host.remove(instance::SOCKET)?;
        self.start()
    }

    /// Sends a signal: STOP and CONT to make it hang.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.daemon.as_ref().ok_or_else(|| Trouble::new("389-ds does not run"))?.signal(signal)
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
