//! The keys that name a directory and say how it is spoken to, the same in `jitd.toml` and `client.toml`. As whom to bind differs, so
//! each of the two reads its own `bind`, of the parts that are here.

use std::path::PathBuf;

use jit_directory::decode::Bases;
use jit_directory::ldap::config::ClientCertificate;
use jit_directory::ldap::server::{Server, StartTls};
use jit_model::dn::Dn;
use jit_model::source::Proof;

use crate::section::Section;
use crate::values;

/// How a path is written: absolute everywhere, and `~/…` where one person's file is read.
pub type PathRule<'a> = &'a dyn Fn(&str) -> Result<PathBuf, String>;

/// A directory as configured. What has a fault is `None`, and noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory<B> {
    /// `uris`, in the order in which they are tried; empty when there is none.
    pub servers: Option<Vec<Server>>,
    /// `base`, with `grants`, `roles`, `people` and `groups`.
    pub bases: Option<Bases>,
    /// `ca`: the certificates that a server's must lead to.
    pub ca: Option<PathBuf>,
    /// `bind`: as whom.
    pub bind: Option<B>,
    /// `login_attribute`: what holds a person's login.
    pub login_attribute: String,
    /// `proof`: what shows who wrote an entry.
    pub proof: Proof,
}

impl<B> Directory<B> {
    /// Reads them. Neither finishes the section, which may hold more, nor judges whether the parts fit together:
    /// [`jit_directory::ldap::LdapConfig::check`] does.
    pub fn read<'s, 't>(
        section: &Section<'s, 't>,
        path: PathRule<'_>,
        bind: impl FnOnce(&Section<'s, 't>) -> Option<B>,
    ) -> Directory<B> {
        let start_tls =
            if section.boolean("start_tls").unwrap_or(false) { StartTls::Use } else { StartTls::No };
        let servers = section.list("uris", |text| Server::parse(text, start_tls));
        let way_out = "write where the directory begins, such as dc=example,dc=com";
        let base = section.required("base", way_out, values::dn);
        let bases = bases(section, base.map(|at| at.value).as_ref());
        let ca = section.parsed("ca", path).map(|at| at.value);
        let bind = bind(section);
        let login_attribute = section.parsed("login_attribute", values::attribute);
        let proof = section.parsed("proof", proof);
        Directory {
            servers,
            bases,
            ca,
            bind,
            login_attribute: login_attribute.map_or_else(|| "uid".to_owned(), |at| at.value),
            proof: proof.map_or(Proof::CreatorsName, |at| at.value),
        }
    }
}

fn proof(text: &str) -> Result<Proof, String> {
    match text {
        "creators-name" => Ok(Proof::CreatorsName),
        "signature" => Ok(Proof::Signature),
        other => Err(format!("`{}` is neither \"creators-name\" nor \"signature\"", other.escape_debug())),
    }
}

/// `grants`, `roles`, `people` and `groups`, which are in their usual places under `base` unless told otherwise.
pub fn bases(section: &Section<'_, '_>, base: Option<&Dn>) -> Option<Bases> {
    let (grants, roles) = (section.parsed("grants", values::dn), section.parsed("roles", values::dn));
    let (people, groups) = (section.parsed("people", values::dn), section.parsed("groups", values::dn));
    let usual = match base.map(Bases::under) {
        Some(Ok(usual)) => usual,
        Some(Err(error)) => {
            section.fault(error);
            return None;
        }
        None => return None,
    };
    let bases = Bases {
        grants: grants.map_or(usual.grants, |at| at.value),
        roles: roles.map_or(usual.roles, |at| at.value),
        people: people.map_or(usual.people, |at| at.value),
        groups: groups.map_or(usual.groups, |at| at.value),
    };
    if let Some(inner) = bases.within_grants() {
        section.fault(format!(
            "`{inner}` lies within `grants`, where everybody may write: give it a place of its own"
        ));
    }
    Some(bases)
}

/// What `bind = { method = "external", … }` shows: `cert` with its `key`, or neither. The outer `None` is a fault, and noted.
pub fn certificate(table: &Section<'_, '_>, path: PathRule<'_>) -> Option<Option<ClientCertificate>> {
    let cert = table.parsed("cert", path).map(|at| at.value);
    let key = table.parsed("key", path).map(|at| at.value);
    match (cert, key) {
        (Some(cert), Some(key)) => Some(Some(ClientCertificate { cert, key })),
        // Over ldapi, EXTERNAL means our own uid and shows nothing; LdapConfig::check knows which servers are.
        (None, None) => Some(None),
        _ => {
            table.fault("needs both `cert` and `key`: a certificate is of no use without its key");
            None
        }
    }
}
