//! Taking an entry apart, attribute by attribute. Each reader says which attribute is at fault and why, so that the report
//! tells an admin what to change where.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::dn::Dn;
use jit_model::grant::Provenance;
use jit_model::host::HostPattern;
use jit_model::name::{NameError, Service};
use jit_model::reason::Refusal;
use jit_model::time::{Span, Timestamp};

use super::syntax;
use crate::entry::Entry;
use crate::schema;

/// The most an entry of ours may weigh: DN, names and values together. Nothing that people write comes near it.
pub(super) const MOST_BYTES: usize = 16 << 10;

/// The most that a count of approvals may ask for; nobody collects more, and a typing error should not go unnoticed.
const MOST_APPROVALS: u64 = 100;

/// What is wrong with an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The attribute, in lower case.
    pub(super) attribute: Option<String>,
    /// What is wrong with it and what would do.
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn entry(reason: impl Into<String>) -> Fault {
        Fault { attribute: None, reason: reason.into() }
    }

    pub(super) fn at(attribute: &str, reason: impl ToString) -> Fault {
        let mut reason = reason.to_string();
        // A reason may quote a value of 16 KiB, and is shown to people.
        if let Some((end, _)) = reason.char_indices().nth(300) {
            reason.truncate(end);
            reason.push_str("...");
        }
        Fault { attribute: Some(attribute.to_owned()), reason }
    }
}

/// The readers, over one entry.
pub(super) struct Fields<'a>(pub(super) &'a Entry);

impl<'a> Fields<'a> {
    /// Size and attribute names: everything that starts with `jit` must be known, and belong on this kind of entry.
    pub(super) fn only(&self, what: &str, allowed: &[&str]) -> Result<(), Fault> {
        for name in self.0.attributes.keys() {
            if !is_ours(name) || allowed.contains(&name.as_str()) {
                continue;
            }
            return Err(if schema::ATTRIBUTES.contains(&name.as_str()) {
                Fault::at(name, format!("does not belong on a {what}; remove it"))
            } else {
                Fault::at(name, Refusal::NeedsNewerJitd(syntax::shown(name.as_bytes())))
            });
        }
        let weight = weight(self.0);
        if weight > MOST_BYTES {
            return Err(Fault::entry(format!(
                "the entry has {weight} bytes, more than {MOST_BYTES}; shorten it"
            )));
        }
        Ok(())
    }

    fn values(&self, name: &str) -> &'a [Vec<u8>] {
        self.0.attributes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a single-valued attribute.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&'a [u8]>, Fault> {
        match self.values(name) {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            many => Err(Fault::at(name, format!("has {} values; keep one", many.len()))),
        }
    }

    /// The value of a single-valued attribute that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&'a [u8], Fault> {
        self.optional(name)?.ok_or_else(|| Fault::at(name, "is missing; add it"))
    }

    fn optional_as<T, E: ToString>(
        &self,
        name: &str,
        read: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        self.optional(name)?.map(|value| read(value).map_err(|why| Fault::at(name, why))).transpose()
    }

    fn required_as<T, E: ToString>(
        &self,
        name: &str,
        read: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> Result<T, Fault> {
        read(self.required(name)?).map_err(|why| Fault::at(name, why))
    }

    fn set<T: Ord, E: ToString>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<BTreeSet<T>, Fault> {
        let one = |value: &Vec<u8>| {
            let text = syntax::text(value).map_err(|why| Fault::at(name, why))?;
            read(text).map_err(|why| Fault::at(name, why))
        };
        self.values(name).iter().map(one).collect()
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, Fault> {
        self.optional_as(name, |value| syntax::text(value).map(str::to_owned))
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, Fault> {
        self.required_as(name, syntax::text)
    }

    pub(super) fn optional_dn(&self, name: &str) -> Result<Option<Dn>, Fault> {
        self.optional_text(name)?.map(|text| Dn::parse(&text).map_err(|why| Fault::at(name, why))).transpose()
    }

    pub(super) fn required_dn(&self, name: &str) -> Result<Dn, Fault> {
        Dn::parse(self.required_text(name)?).map_err(|why| Fault::at(name, why))
    }

    pub(super) fn dns(&self, name: &str) -> Result<BTreeSet<Dn>, Fault> {
        self.set(name, Dn::parse)
    }

    /// jitHost, at least one.
    pub(super) fn hosts(&self) -> Result<BTreeSet<HostPattern>, Fault> {
        let hosts = self.set(schema::HOST, HostPattern::new)?;
        if hosts.is_empty() {
            return Err(Fault::at(schema::HOST, "is missing; add a full host name, *.domain, @group or *"));
        }
        Ok(hosts)
    }

    /// jitService, perhaps none.
    pub(super) fn services(&self) -> Result<BTreeSet<Service>, Fault> {
        self.names(schema::SERVICE, Service::new)
    }

    pub(super) fn names<T: Ord>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, NameError>,
    ) -> Result<BTreeSet<T>, Fault> {
        self.set(name, read)
    }

    pub(super) fn optional_time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.optional_as(name, syntax::generalized_time)
    }

    pub(super) fn optional_start(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.optional_as(name, syntax::start_time)
    }

    pub(super) fn optional_span(&self, name: &str) -> Result<Option<Span>, Fault> {
        self.optional_as(name, |value| syntax::seconds(value).map(Span))
    }

    pub(super) fn required_span(&self, name: &str) -> Result<Span, Fault> {
        self.required_as(name, |value| syntax::seconds(value).map(Span))
    }

    /// jitApprovalsRequired.
    pub(super) fn approvals_required(&self) -> Result<u32, Fault> {
        self.required_as(schema::APPROVALS_REQUIRED, |value| {
            syntax::integer(value, MOST_APPROVALS).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        })
    }

    /// A boolean; absent means FALSE.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.optional_as(name, syntax::boolean)?.unwrap_or(false))
    }

    pub(super) fn required_digest(&self, name: &str) -> Result<[u8; 32], Fault> {
        self.required_as(name, syntax::digest)
    }

    /// The cn, which must be what the entry's name begins with: so no two entries beside each other share it.
    pub(super) fn cn(&self) -> Result<&'a str, Fault> {
        let cn = self.required_text(schema::CN)?;
        match self.0.dn.parent().map(|above| above.child("cn", cn)) {
            Some(Ok(dn)) if dn == self.0.dn => Ok(cn),
            _ => Err(Fault::at(schema::CN, "is not what the entry's DN begins with; name it cn=<id>,...")),
        }
    }

    /// What the directory says about the entry's making. Whatever cannot be read is absent: evidence that is missing is
    /// refused later, where it is needed.
    pub(super) fn provenance(&self) -> Provenance {
        Provenance {
            creator: self.optional_dn(schema::CREATORS_NAME).ok().flatten(),
            modifier: self.optional_dn(schema::MODIFIERS_NAME).ok().flatten(),
            created: self.optional_time(schema::CREATE_TIMESTAMP).ok().flatten(),
            modified: self.optional_time(schema::MODIFY_TIMESTAMP).ok().flatten(),
        }
    }
}

/// Whether an attribute is one of ours: by its name, or by an OID under our arc.
pub(super) fn is_ours(name: &str) -> bool {
    let oid =
        name.strip_prefix(schema::BASE_OID).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    oid || name.starts_with(schema::PREFIX)
}

/// What is kept of an entry that is too large to be understood anyway: so much that it is still too large, and still what it
/// claims to be, for a revocation of any size revokes. The rest would only fill memory and disk, and whoever may add an entry
/// could fill them on every host.
pub(crate) fn cut_down(mut entry: Entry) -> Entry {
    if weight(&entry) <= MOST_BYTES {
        return entry;
    }
    const FIRST: &[&str] = &[
        schema::OBJECT_CLASS,
        schema::ENTRY_UUID,
        schema::CREATORS_NAME,
        schema::MODIFIERS_NAME,
        schema::CREATE_TIMESTAMP,
        schema::MODIFY_TIMESTAMP,
        schema::SUBJECT,
    ];
    let (first, rest): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut entry.attributes)
        .into_iter()
        .partition(|(name, _)| FIRST.contains(&name.as_str()));
    let mut missing = MOST_BYTES.saturating_add(1).saturating_sub(weight(&entry));
    for (name, values) in first.into_iter().chain(rest) {
        let mut kept = Vec::new();
        for mut value in values {
            if missing == 0 {
                break;
            }
            value.truncate(missing);
            value.shrink_to_fit();
            missing = missing.saturating_sub(name.len()).saturating_sub(value.len());
            kept.push(value);
        }
        if !kept.is_empty() {
            entry.attributes.insert(name, kept);
        }
    }
    entry
}

/// How much an entry weighs.
fn weight(entry: &Entry) -> usize {
    let mut bytes = entry.dn.to_string().len();
    for (name, values) in &entry.attributes {
        for value in values {
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
        }
    }
    bytes
}
