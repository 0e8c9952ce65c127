//! `[source.NAME]`: where grants come from. A source is ldap when it has `uris`, ldif when it has `path`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jit_directory::decode::{Bases, Reading};
use jit_directory::ldap::config::{Bind, Follow, LdapConfig, Patience};
use jit_directory::ldap::gssapi::Credentials;
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::name::SourceName;
use jit_model::role::Role;
use jit_model::source::Proof;
use jit_model::time::Span;
use jit_settings::Section;
use jit_settings::directory::{self, Directory};

use sha2::{Digest, Sha256};

use super::{bind, values};
use crate::store::Fingerprint;

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// How its entries are to be read.
    pub reading: Reading,
    /// Where entries of each kind stand.
    pub bases: Bases,
    /// Where they come from.
    pub place: Place,
}

impl SourceConfig {
    /// How long its grants hold without word from it; `None` means for ever.
    pub fn max_offline(&self) -> Option<Span> {
        match &self.place {
            Place::Ldap { max_offline, .. } => Some(*max_offline),
            Place::Ldif(_) => None,
        }
    }

    /// What of it chooses the entries: a set that was read under another is not used. How the source is reached is not in it.
    pub fn fingerprint(&self, host: &HostNames) -> Fingerprint {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        let Bases { grants, roles, people, groups } = &self.bases;
        for base in [grants, roles, people, groups] {
            add(base.as_str());
        }
        add(&self.reading.login_attribute);
        match &self.place {
            Place::Ldif(path) => add(&format!("ldif {}", path.display())),
            Place::Ldap { session, .. } => {
                add("ldap");
                host.iter().for_each(|name| add(name.as_str()));
                self.reading.writers.iter().for_each(|writer| add(writer.as_str()));
                match &session.bind {
                    Bind::Anonymous => add("anonymous"),
                    Bind::Simple { dn, .. } | Bind::Password { dn, .. } => add(&format!("simple {dn}")),
                    Bind::Gssapi { credentials: Credentials::Keytab { principal, .. } } => {
                        add(&format!("gssapi {principal}"));
                    }
                    Bind::Gssapi { credentials: Credentials::Ticket } => add("gssapi"),
                    Bind::External { certificate } => {
                        let cert =
                            certificate.as_ref().map(|certificate| certificate.cert.display().to_string());
                        add(&format!("external {}", cert.unwrap_or_default()));
                    }
                }
            }
        }
        Fingerprint(hash.finalize().into())
    }

    /// `ldap` or `ldif`.
    pub fn kind(&self) -> &'static str {
        match &self.place {
            Place::Ldap { .. } => "ldap",
            Place::Ldif(_) => "ldif",
        }
    }
}

/// Where entries come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Ldap {
        /// How it is spoken to.
        session: Box<LdapConfig>,
        /// How long its grants hold without word from it.
        max_offline: Span,
    },
    /// One file.
    Ldif(PathBuf),
}

/// What stands under `[source]`.
pub(super) struct Sources {
    /// The good ones.
    pub(super) configured: BTreeMap<SourceName, SourceConfig>,
    /// Whether there is anything at all.
    pub(super) written: bool,
}

/// All `[source.NAME]` tables.
pub(super) fn sources(
    root: &Section<'_, '_>,
    host: Option<&HostNames>,
    default_role: Option<&Arc<Role>>,
) -> Sources {
    let Some(sources) = root.table("source") else {
        return Sources { configured: BTreeMap::new(), written: root.has("source") };
    };
    let written = !sources.children().is_empty();
    let mut all = BTreeMap::new();
    for (name, span, section) in sources.children() {
        let name = SourceName::new(name).map_err(|error| sources.fault_at(name, span, error)).ok();
        // Its body is read even under a bad name, so that its faults are shown too.
        let stand_in = || SourceName::new("unnamed").ok();
        let Some(used) = name.clone().or_else(stand_in) else { continue };
        if let (Some(config), Some(name)) = (source(section, used, host, default_role), name) {
            all.insert(name, config);
        }
    }
    sources.finish();
    Sources { configured: all, written }
}

fn source(
    section: Section<'_, '_>,
    name: SourceName,
    host: Option<&HostNames>,
    default: Option<&Arc<Role>>,
) -> Option<SourceConfig> {
    match (section.has("uris"), section.has("path")) {
        (true, false) => ldap(section, name, host),
        (false, true) => ldif(section, name, default),
        (true, true) => {
            section.fault("has `uris` and `path`: make two sources of it, one ldap and one ldif");
            None
        }
        (false, false) => {
            section.fault("is neither: add `uris` to make it ldap, or `path` to make it ldif");
            None
        }
    }
}

fn ldif(section: Section<'_, '_>, name: SourceName, default: Option<&Arc<Role>>) -> Option<SourceConfig> {
    let path = section.parsed("path", values::path);
    let base = match section.parsed("base", values::dn) {
        Some(base) => Some(base.value),
        None if section.has("base") => None,
        None => Dn::parse(jit_directory::ldif::SUFFIX).ok(),
    };
    let login_attribute = section.parsed("login_attribute", values::attribute);
    let bases = directory::bases(&section, base.as_ref());
    section.finish();
    let reading = Reading {
        name,
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: default.cloned(),
        login_attribute: login_attribute.map_or_else(|| "uid".to_owned(), |at| at.value),
    };
    Some(SourceConfig { reading, bases: bases?, place: Place::Ldif(path?.value) })
}

fn ldap(section: Section<'_, '_>, name: SourceName, host: Option<&HostNames>) -> Option<SourceConfig> {
    let directory = Directory::read(&section, &values::path, |section| bind::bind(section, host));
    let writers = section.list("writers", values::dn).unwrap_or_default();
    let poll = section.parsed("poll", values::span).map_or(Span(60), |at| at.value);
    let max_offline = section.parsed("max_offline", values::span);
    if let Some(max_offline) = max_offline.as_ref().filter(|max_offline| max_offline.value < poll) {
        let what = format!("is shorter than `poll` ({poll}), so the source would always be stale");
        section.fault_at("max_offline", max_offline.span.clone(), what);
    }
    let max_offline = max_offline.map_or(Span(86_400), |at| at.value);
    let usual = Patience::default();
    let patience = Patience {
        poll: Duration::from_secs(poll.0),
        // A quiet directory that is well must not look like one that is gone.
        heartbeat: usual.heartbeat.min(Duration::from_secs((max_offline.0 / 3).max(1))),
        ..usual
    };

    let Directory { servers, bases, ca, bind, login_attribute, proof } = directory;
    let reading = Reading {
        name,
        proof,
        writers: writers.iter().cloned().collect(),
        default_role: None,
        login_attribute: login_attribute.clone(),
    };
    let bases = bases.zip(bind).zip(servers).zip(host).map(|(((bases, bind), servers), host)| {
        let session = LdapConfig {
            servers,
            ca,
            bind,
            bases: bases.clone(),
            login_attribute,
            writers,
            host: host.clone(),
            since: None,
            follow: Follow::Push,
            patience,
        };
        // A server that could not be understood has been reported; without it, the rest would be judged wrongly.
        if let Err(error) = session.check() {
            section.fault(error);
        }
        (bases, session)
    });
    section.finish();
    let (bases, session) = bases?;
    Some(SourceConfig { reading, bases, place: Place::Ldap { session: Box::new(session), max_offline } })
}
