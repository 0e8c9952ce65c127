//! What the rules about PAM look at: this host's stacks, what is guarded, and how our lines came there.

use std::collections::{BTreeMap, BTreeSet};

use jit_proto::enforcing::{Rule, Rules, Switch};

use super::services::{Purpose, Purposes, declared_open, is_service, with_program};
use crate::doctor::host::Host;
use crate::doctor::stack::chain::{Handler, Module, Service};
use crate::doctor::stack::libpam::Libpam;
use crate::doctor::stack::load::Loader;
use crate::doctor::stack::tree::Tree;
use crate::doctor::{Finding, Findings, Level};

/// Our module's name.
const OURS: &str = "pam_jit";

/// Everything that is looked at.
pub(super) struct View {
    pub(super) tree: Tree,
    pub(super) libpam: Libpam,
    pub(super) purposes: Purposes,
    /// Those that have a file of their own, or a program that asks for one; the last one stands for all others.
    pub(super) services: Vec<Service>,
    /// What could not be looked at.
    pub(super) unexamined: Vec<String>,
}

impl View {
    /// Of a host; `None` where nothing is guarded.
    pub(super) fn of(host: &Host) -> Option<View> {
        let tree = Tree::new(&host.root);
        let libpam = Libpam::find(&tree);
        // As the modules do: what cannot be understood is the built-in defaults.
        let rules = Rules::parse(host.rules.as_bytes()).unwrap_or_else(|_| Rules::built_in());
        if rules.iter().any(|rule| rule == Rule::Production(Switch::No)) {
            return None;
        }
        let mut unexamined = Vec::new();
        if libpam.file.is_none() {
            unexamined
                .push("pam: no libpam.so.0 was found, so where it looks for modules is not known".to_owned());
        }
        let open = declared_open(host, &tree).unwrap_or_else(|why| {
            unexamined.push(format!("pam: which services are open on purpose is not known: {why}"));
            BTreeSet::new()
        });
        let guarded = rules.iter().filter_map(|rule| match rule {
            Rule::Guard(service) => Some(service.to_owned()),
            _ => None,
        });
        let purposes = Purposes { guarded: guarded.collect(), open };
        let loader = Loader::new(&tree, &libpam);
        let names = loader.names().unwrap_or_else(|why| {
            unexamined.push(format!("pam: {why}"));
            Vec::new()
        });
        let mut services: Vec<Service> =
            names.iter().filter(|name| is_service(name)).map(|name| loader.service(name)).collect();
        services.retain(|service| service.name != "other");
        // Whose file is gone is let in by `other`.
        let bare = with_program(&tree).filter(|name| !names.iter().any(|named| named == name));
        services.extend(bare.map(|name| loader.service(name)));
        services.push(loader.service("other"));
        if names.is_empty() {
            unexamined.push("pam: there is no file in /etc/pam.d".to_owned());
        }
        Some(View { tree, libpam, purposes, services, unexamined })
    }

    /// Services of a kind.
    pub(super) fn with(&self, purpose: Purpose) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| self.purposes.of(&service.name) == purpose)
    }
}

/// Whether a line calls us.
pub(super) fn is_ours(handler: &Handler) -> bool {
    handler.module().is_some_and(|module| module.stem() == OURS)
}

/// The lines of a stack that call us.
pub(super) fn ours(chain: &[Handler]) -> impl DoubleEndedIterator<Item = (&Handler, &Module)> {
    chain.iter().filter(|handler| is_ours(handler)).filter_map(|handler| Some((handler, handler.module()?)))
}

/// Findings, of which those that say the same of several services are one.
#[derive(Default)]
pub(super) struct Ledger {
    entries: BTreeMap<(&'static str, String, String), Entry>,
    order: Vec<(&'static str, String, String)>,
}

struct Entry {
    level: Level,
    services: Vec<String>,
    cure: String,
    /// Where the cure is another for each service.
    cures: Vec<String>,
}

/// What to type.
pub(super) enum Cure {
    /// Once, whatever the services are.
    Once(String),
    /// For this service.
    Each(String),
}

impl Ledger {
    /// Notes that something is wrong with a service.
    pub(super) fn note(
        &mut self,
        level: Level,
        code: &'static str,
        place: impl ToString,
        text: impl Into<String>,
        service: &str,
        cure: Cure,
    ) {
        let key = (code, place.to_string(), text.into());
        if !self.entries.contains_key(&key) {
            self.order.push(key.clone());
        }
        let entry = self.entries.entry(key).or_insert(Entry {
            level,
            services: Vec::new(),
            cure: String::new(),
            cures: Vec::new(),
        });
        entry.level = entry.level.max(level);
        if !entry.services.iter().any(|known| known == service) {
            entry.services.push(service.to_owned());
        }
        match cure {
            Cure::Once(cure) => entry.cure = cure,
            Cure::Each(cure) if entry.cures.contains(&cure) => {}
            Cure::Each(cure) => entry.cures.push(cure),
        }
    }

    /// In the order in which they came up.
    pub(super) fn into_findings(mut self) -> Findings {
        let mut findings = Findings::default();
        for key in self.order {
            let Some(Entry { level, services, cure, cures }) = self.entries.remove(&key) else { continue };
            let (code, place, text) = key;
            let cure = if cures.is_empty() { cure } else { cures.join("\n") };
            let text = format!("{text} ({})", services.join(", "));
            findings.findings.push(Finding { level, code, place, text, cure });
        }
        findings
    }
}
