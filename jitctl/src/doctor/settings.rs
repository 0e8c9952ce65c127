//! What of jitd.toml the rules need: which files it names, and what it turns on. jitd alone judges whether it is good (`jitd --check`); here it is only
//! read, so that a host whose jitd is dead can be examined, too. Must never read a secret.

use std::path::PathBuf;

use jit_directory::ldap::config::{Bind, LdapConfig};
use jit_directory::ldap::gssapi::Credentials;
use jit_model::host::HostNames;
use jit_model::source::Proof;
use jit_settings::directory::{self, Directory};
use jit_settings::section::{self, Section};
use jit_settings::values;

use crate::doctor::host::Host;

/// What jitd.toml says.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// `[source.NAME]`.
    pub(super) sources: Vec<Source>,
    /// `[groups] allow`.
    pub(super) groups: Vec<String>,
    /// `[people] serve`.
    pub(super) people: bool,
    /// `[keys] user`.
    pub(super) asker: Option<String>,
    /// `[signatures] allowed_signers`.
    pub(super) signers: PathBuf,
}

/// Where grants come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) place: Place,
}

/// A file or a directory.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Ldif(PathBuf),
    Ldap { session: Box<LdapConfig>, proof: Proof },
}

impl Settings {
    /// As they stand on the host's disk.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(super) fn of(host: &Host) -> Result<Settings, String> {
        let path = host.path(&host.config);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", host.config.display()))?;
        parse(&text).map_err(|problems| format!("{}: {problems}", host.config.display()))
    }

    /// The directories among the sources.
    pub(super) fn directories(&self) -> impl Iterator<Item = (&str, &LdapConfig, Proof)> {
        self.sources.iter().filter_map(|source| match &source.place {
            Place::Ldap { session, proof } => Some((source.name.as_str(), session.as_ref(), *proof)),
            Place::Ldif(_) => None,
        })
    }

    /// The files with secrets that the sources name: passwords, keys, keytabs.
    pub(super) fn secrets(&self) -> Vec<PathBuf> {
        let of = |session: &LdapConfig| match &session.bind {
            Bind::Simple { password_file, .. } => Some(password_file.clone()),
            Bind::Gssapi { credentials: Credentials::Keytab { keytab, .. } } => Some(keytab.clone()),
            Bind::External { certificate } => certificate.as_ref().map(|shown| shown.key.clone()),
            Bind::Gssapi { credentials: Credentials::Ticket } | Bind::Password { .. } | Bind::Anonymous => {
                None
            }
        };
        self.directories().filter_map(|(_, session, _)| of(session)).collect()
    }
}

fn parse(text: &str) -> Result<Settings, String> {
    let all = |problems: Vec<section::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    section::parse(text, |root, _| {
        let mut settings =
            Settings { signers: PathBuf::from("/etc/jitd/allowed_signers"), ..Settings::default() };
        let name = root.table("host").and_then(|host| host.parsed("name", word)).map(|at| at.value);
        let host = name.and_then(|name| HostNames::new(&name, std::iter::empty::<&str>()).ok());
        for (name, _, section) in root.table("source").iter().flat_map(Section::children) {
            if let Some(place) = place(&section, host.as_ref()) {
                settings.sources.push(Source { name: name.to_owned(), place });
            }
        }
        if let Some(groups) = root.table("groups") {
            settings.groups = groups.list("allow", word).unwrap_or_default();
        }
        settings.people = root.table("people").and_then(|people| people.boolean("serve")).unwrap_or(false);
        settings.asker = root.table("keys").and_then(|keys| keys.parsed("user", word)).map(|at| at.value);
        let signers =
            root.table("signatures").and_then(|table| table.parsed("allowed_signers", values::path));
        if let Some(signers) = signers {
            settings.signers = signers.value;
        }
        Some(settings)
    })
    .map_err(all)
}

fn word(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn place(section: &Section<'_, '_>, host: Option<&HostNames>) -> Option<Place> {
    if section.has("path") {
        return section.parsed("path", values::path).map(|at| Place::Ldif(at.value));
    }
    let read = Directory::read(section, &values::path, |section| bind(section, host));
    let proof = read.proof;
    let mut session = LdapConfig {
        servers: read.servers?,
        ca: read.ca,
        bind: read.bind?,
        bases: read.bases?,
        login_attribute: read.login_attribute,
        writers: Vec::new(),
        host: host?.clone(),
        since: None,
        follow: jit_directory::ldap::config::Follow::Push,
        patience: jit_directory::ldap::config::Patience::default(),
    };
    // A doctor is not waited for as long as a daemon waits.
    session.patience.connect = std::time::Duration::from_secs(5);
    session.patience.operation = std::time::Duration::from_secs(5);
    Some(Place::Ldap { session: Box::new(session), proof })
}

fn bind(section: &Section<'_, '_>, host: Option<&HostNames>) -> Option<Bind> {
    let table = section.table("bind")?;
    Some(match table.parsed("method", word)?.value.as_str() {
        "simple" => Bind::Simple {
            dn: table.parsed("dn", values::dn)?.value,
            password_file: table.parsed("password_file", values::path)?.value,
        },
        "external" => Bind::External { certificate: directory::certificate(&table, &values::path)? },
        "gssapi" => {
            let named = table.parsed("principal", word).map(|at| at.value);
            let usual = || host.map(|host| format!("host/{}", host.fqdn().as_str()));
            let keytab = table.parsed("keytab", values::path)?.value;
            Bind::Gssapi { credentials: Credentials::Keytab { keytab, principal: named.or_else(usual)? } }
        }
        _ => Bind::Anonymous,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rules_need_is_read() {
        let settings = parse(
            r#"
            [host]
            name = "web1.example.com"
            [guard]
            services = ["sshd"]
            [source.ldif]
            path = "/etc/jitd/grants.ldif"
            [source.ldap]
            uris = ["ldaps://ldap1.example.com"]
            base = "dc=example,dc=com"
            ca = "/etc/ca.crt"
            proof = "signature"
            bind = { method = "external", cert = "/etc/jitd/c.crt", key = "/etc/jitd/c.key" }
            poll = "60s"
            [groups]
            allow = ["jit-dba"]
            [people]
            serve = true
            [keys]
            user = "jit-keys"
            "#,
        )
        .unwrap();
        assert_eq!(settings.sources.len(), 2);
        assert_eq!(settings.secrets(), [PathBuf::from("/etc/jitd/c.key")]);
        assert_eq!(settings.groups, ["jit-dba"]);
        assert!(settings.people && settings.asker.as_deref() == Some("jit-keys"));
        assert_eq!(settings.signers, PathBuf::from("/etc/jitd/allowed_signers"));
        let (name, session, proof) = settings.directories().next().unwrap();
        assert_eq!((name, proof), ("ldap", Proof::Signature));
        assert_eq!(session.ca, Some(PathBuf::from("/etc/ca.crt")));
        assert!(parse("[source.ldap]\nuris = 3\n").is_err());
    }
}
