//! An entry as a directory shows it: names and bytes, not yet understood. The store keeps these, so that a newer
//! version reads what an older one could not.

use std::collections::BTreeMap;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use serde::{Deserialize, Serialize};

/// One entry. Attribute names are in lower case and without options; values as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its identity (RFC 4530); for LDIF entries without one, derived from the DN.
    pub uuid: EntryUuid,
    /// Where it stands.
    pub dn: Dn,
    /// What it says.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

/// Everything a source showed about this host, whole: the last good sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// Grants with what is under them, and roles.
    pub access: BTreeMap<EntryUuid, Arc<Entry>>,
    /// People and groups that those refer to, and everybody who shares a login with one of them.
    pub people: BTreeMap<EntryUuid, Arc<Entry>>,
}
