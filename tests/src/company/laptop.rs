//! A machine of people's own, joined to the directory and to no guarded host: everything that is asked for and approved comes from there,
//! by jitctl.

use std::path::Path;

use serde_json::Value;

use crate::built;
use crate::company::Company;
use crate::host::Host;
use crate::host::exec::{Exec, Output};
use crate::ldif::BASE;
use crate::trouble::{Result, Trouble};

/// The machine. Each of its people has a home, and a configuration and a password there.
#[derive(Debug)]
pub struct Laptop {
    host: Host,
}

/// How its people come to be believed by the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// `ldaps://ldap.example.com`, or another way.
    pub uri: &'static str,
    /// The rest of the line `bind = `.
    pub bind: &'static str,
    /// What proves who approved, as the hosts have it.
    pub proof: &'static str,
}

/// By passwords, over TLS.
pub const PASSWORDS: Client = Client {
    uri: "ldaps://ldap.example.com",
    bind: "{ method = \"simple\", dn = \"uid={login},ou=people,dc=example,dc=com\", password_file = \"~/.secret\" }",
    proof: "creators-name",
};

impl Company {
    /// A machine of these people's.
    ///
    /// # Errors
    /// When jitctl is not built, or it does not come up.
    pub fn laptop(&self, people: &[&str], client: Client) -> Result<Laptop> {
        Laptop::joined(&self.ldap, &self.slapd.tls_file("ca.crt"), people, client)
    }
}

impl Laptop {
    /// A machine of these people's, joined to the host of a directory that this authority vouches for.
    ///
    /// # Errors
    /// When jitctl is not built, or it does not come up.
    pub fn joined(ldap: &Host, authority: &Path, people: &[&str], client: Client) -> Result<Laptop> {
        let host = Host::named("laptop.example.com").up()?;
        host.join(ldap, "desk", "10.9.1.1/24", "10.9.1.2/24")?;
        host.append("/etc/hosts", "10.9.1.2 ldap.example.com\n")?;
        host.install(&built::jitctl()?, "/usr/bin/jitctl", 0o755)?;
        host.install(authority, "/etc/jit/ca.crt", 0o644)?;
        let Client { uri, bind, proof } = client;
        let config = format!(
            "[directory]\nuris = [\"{uri}\"]\nbase = \"{BASE}\"\nca = \"/etc/jit/ca.crt\"\nproof = \"{proof}\"\nbind = {bind}\n"
        );
        for (uid, person) in (5001..).zip(people) {
            host.user(person, uid)?;
            host.write(&format!("/home/{person}/.config/jit/config.toml"), 0o600, &config)?;
            host.write(&format!("/home/{person}/.secret"), 0o600, format!("{person}-secret\n"))?;
            host.sh(&format!("chown -R {person}: /home/{person}")).run()?.must()?;
        }
        Ok(Laptop { host })
    }

    /// The machine itself.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A program as one of its people.
    pub fn exec<'a>(&self, who: &'a str, command: impl IntoIterator<Item = &'a str>) -> Exec {
        let home = format!("HOME=/home/{who}");
        let agent = format!("SSH_AUTH_SOCK={}", agent(who));
        let words = ["env", &home, &agent].into_iter().map(str::to_owned);
        self.host.exec_as(who, words.chain(command.into_iter().map(str::to_owned)))
    }

    /// `jitctl` as one of its people.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn jitctl<'a>(&self, who: &'a str, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output> {
        self.exec(who, ["jitctl"].into_iter().chain(arguments)).run()
    }

    /// What it answers where it does what it is told.
    ///
    /// # Errors
    /// When it does not; with what it says.
    pub fn does<'a>(&self, who: &'a str, arguments: impl IntoIterator<Item = &'a str>) -> Result<Value> {
        let output = self.jitctl(who, ["--json"].into_iter().chain(arguments))?.must()?;
        serde_json::from_str(&output)
            .map_err(|e| Trouble::new(format!("jitctl printed no JSON ({e}): {output}")))
    }

    /// A key of somebody's that from now on his ssh-agent alone has; the line with its public half.
    ///
    /// # Errors
    /// When OpenSSH's tools refuse.
    pub fn key_in_agent(&self, who: &str) -> Result<String> {
        let key = format!("/home/{who}/key");
        self.exec(who, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &key]).run()?.must()?;
        // It goes to the background by itself, and keeps our pipes unless told otherwise.
        let start = format!("ssh-agent -a {} >/dev/null 2>&1 </dev/null", agent(who));
        self.exec(who, ["sh", "-c", &start]).run()?.must()?;
        self.exec(who, ["ssh-add", "-q", &key]).run()?.must()?;
        self.host.remove(&key)?;
        self.host.read(&format!("{key}.pub"))
    }
}

/// Where somebody's ssh-agent listens, if he has one.
fn agent(who: &str) -> String {
    format!("/home/{who}/agent.sock")
}
