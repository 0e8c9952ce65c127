//! Which hosts a grant is for. A host answers to a finite set of names, and a grant lists names; they match when the two
//! sets meet. No globbing, no resolver: that is what lets a directory answer with an equality index.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the names that a grant can list: an FQDN, `*.domain`, `@group` or `*`. Compared without case and without
/// the root dot; kept in that normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(String);

/// Why a text names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no host: write a full name (web1.example.com), *.domain, @group or *")]
pub struct HostError(pub String);

impl HostPattern {
    /// Normalises and checks a name.
    ///
    /// # Errors
    /// When it is neither an FQDN nor `*.domain`, `@group` or `*`.
    pub fn new(text: &str) -> Result<HostPattern, HostError> {
        let name = text.trim().to_ascii_lowercase();
        if name == "*" {
            return Ok(HostPattern(name));
        }
        // `*.` without a domain is a slip of the hand, and must not come to mean every host.
        let name = name.strip_suffix('.').filter(|name| !name.starts_with('@')).unwrap_or(&name);
        let labels = match (name.strip_prefix("*."), name.strip_prefix('@')) {
            (Some(domain), _) => domain,
            (None, Some(group)) if !group.contains('.') => group,
            (None, Some(_)) => return Err(HostError(text.to_owned())),
            (None, None) => name,
        };
        if name.len() > 255 || !labels.split('.').all(is_label) {
            return Err(HostError(text.to_owned()));
        }
        Ok(HostPattern(name.to_owned()))
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && label.bytes().all(inner)
}

impl TryFrom<String> for HostPattern {
    type Error = HostError;
    fn try_from(text: String) -> Result<Self, HostError> {
        Self::new(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> String {
        pattern.0
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All the names that this host answers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNames {
    fqdn: HostPattern,
    answers_to: BTreeSet<HostPattern>,
    reach: Reach,
}

/// From where grants are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reach {
    /// From one host: what is not for it does not count there.
    Host,
    /// From nowhere: a person looks at grants for any host.
    Everywhere,
}

impl HostNames {
    /// The names of the host called `fqdn` that belongs to the host groups `groups` (written without `@`): itself,
    /// `*.domain` for each parent domain, `@group` for each group, and `*`.
    ///
    /// # Errors
    /// When a name is malformed, or `fqdn` is itself a pattern.
    pub fn new<'a>(fqdn: &str, groups: impl IntoIterator<Item = &'a str>) -> Result<HostNames, HostError> {
        let own = HostPattern::new(fqdn)?;
        if own.0.starts_with(['*', '@']) {
            return Err(HostError(fqdn.to_owned()));
        }
        let mut answers_to = BTreeSet::from([own.clone(), HostPattern("*".to_owned())]);
        let mut rest = own.0.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            answers_to.insert(HostPattern(format!("*.{parent}")));
            rest = parent;
        }
        for group in groups {
            answers_to.insert(HostPattern::new(&format!("@{group}"))?);
        }
        Ok(HostNames { fqdn: own, answers_to, reach: Reach::Host })
    }

    /// For somebody who is on no host and looks at the grants for all of them. Never for deciding about access.
    pub fn everywhere() -> HostNames {
        let all = HostPattern("*".to_owned());
        HostNames { fqdn: all.clone(), answers_to: BTreeSet::from([all]), reach: Reach::Everywhere }
    }

    /// Whether this is [`HostNames::everywhere`].
    pub fn are_everywhere(&self) -> bool {
        self.reach == Reach::Everywhere
    }

    /// The host's own name.
    pub fn fqdn(&self) -> &HostPattern {
        &self.fqdn
    }

    /// Every name it answers to, its own included: the terms of the directory's filter.
    pub fn iter(&self) -> impl Iterator<Item = &HostPattern> {
        self.answers_to.iter()
    }

    /// Whether a list of names means this host.
    pub fn meets(&self, hosts: &BTreeSet<HostPattern>) -> bool {
        self.are_everywhere() || !self.answers_to.is_disjoint(hosts)
    }
}
