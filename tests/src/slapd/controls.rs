//! What an administrator can do that no rule binds: write attributes that the server alone writes otherwise, or as somebody else; and what
//! somebody sees.

use std::process::Command;

use super::{Slapd, piped};
use crate::trouble::Result;

/// A control (RFC 4511 §4.1.11) that an administrator sends along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// manageDIT, 1.3.6.1.4.1.4203.666.5.12: creatorsName, createTimestamp, entryUUID and the like are taken as they are given.
    Relax,
    /// Proxied authorization (RFC 4370), as this DN: to the server it is he who writes.
    As(&'a str),
}

impl Slapd {
    /// Makes changes as administrator, under a control.
    ///
    /// # Errors
    /// When the server refuses one.
    pub fn change_under(&self, control: Control<'_>, ldif: &str) -> Result<()> {
        let control = match control {
            Control::Relax => "!relax".to_owned(),
            Control::As(dn) => format!("!authzid=dn:{dn}"),
        };
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-D", "cn=admin,dc=example,dc=com", "-w", "admin-secret", "-e", &control]);
        piped(command.args(["-H", &self.socket()]), ldif).map(drop)
    }

    /// Everything that somebody may read below an entry, as LDIF, with what the server alone writes.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn search_as(&self, dn: &str, password: &str, base: &str) -> Result<String> {
        let mut command = Command::new("ldapsearch");
        command.args([
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-x",
            "-D",
            dn,
            "-w",
            password,
            "-H",
            &self.socket(),
            "-b",
            base,
        ]);
        let output = piped(command.args(["(objectClass=*)", "*", "+"]), "")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
