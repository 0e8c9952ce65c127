//! What an administrator can do that no rule binds: write attributes that the server alone writes otherwise, or as somebody else; and what
//! somebody sees.

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
        let mut command = self.by_password("ldapmodify", "cn=admin,dc=example,dc=com", "admin-secret");
        piped(command.args(["-e", &control]), ldif).map(drop)
    }

    /// Everything that somebody may read below an entry, as LDIF, with what the server alone writes.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn search_as(&self, dn: &str, password: &str, base: &str) -> Result<String> {
        let mut command = self.by_password("ldapsearch", dn, password);
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", base]);
        let output = piped(command.args(["(objectClass=*)", "*", "+"]), "")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
