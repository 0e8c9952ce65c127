//! What directory servers of any make have in common: where they are reached, and what their administrator and people do there with
//! ldap-utils. Root is the administrator at the server's own socket.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::slapd::piped;
use crate::trouble::{Result, Trouble};

/// A directory server, as others see it.
#[derive(Debug)]
pub struct Server {
    /// Its Unix socket, in a directory that is gone with the server.
    pub(crate) at: PathBuf,
    /// Of `ldap` and `ldaps`.
    pub(crate) ports: (u16, u16),
    /// Where its certificates are.
    pub(crate) certificates: PathBuf,
}

impl Server {
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

    /// `ldapi://…`, reached from this machine whatever the network.
    pub fn socket(&self) -> String {
        format!("ldapi://{}", self.at.display().to_string().replace('/', "%2F"))
    }

    /// The port of `ldap`.
    pub fn port(&self) -> u16 {
        self.ports.0
    }

    /// A file made for TLS: `ca.crt`, `server.crt`, `host.crt`, `host.key`; another authority's `stranger.crt`, and what that
    /// one calls the server, `impostor.crt`.
    pub fn tls_file(&self, name: &str) -> PathBuf {
        self.certificates.join(name)
    }

    /// A file with a password, readable by us alone; gone with the server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self, password: &str) -> Result<PathBuf> {
        let path = self.at.with_file_name("secret");
        let io = |e| Trouble::io(&path, e);
        let mut file = File::create(&path).map_err(io)?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(io)?;
        file.write_all(format!("{password}\n").as_bytes()).map_err(io)?;
        Ok(path)
    }

    fn admin(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-Q", "-Y", "EXTERNAL", "-H", &self.socket()]);
        command
    }

    /// A program as somebody with a password.
    pub(crate) fn by_password(&self, program: &str, dn: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-x", "-D", dn, "-w", password, "-H", &self.socket()]);
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
        piped(&mut self.by_password("ldapmodify", dn, password), ldif).map(drop)
    }

    /// Adds the entries of an LDIF text, as administrator.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn add(&self, ldif: &str) -> Result<()> {
        piped(&mut self.admin("ldapadd"), ldif).map(drop)
    }

    /// The same as a person or host, by password.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn add_as(&self, dn: &str, password: &str, ldif: &str) -> Result<()> {
        piped(&mut self.by_password("ldapadd", dn, password), ldif).map(drop)
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
}
