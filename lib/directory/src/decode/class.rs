//! What an entry claims to be, by its objectClass: by name or by OID, for a directory shows either as it was written.

use crate::decode::fields::is_ours;
use crate::entry::Entry;
use crate::schema;

/// extensibleObject's OID (RFC 4512 §4.3).
const EXTENSIBLE_OID: &str = "1.3.6.1.4.1.1466.101.120.111";

/// Classes of groups of other directories: RFC 4519, RFC 2307bis, Active Directory, 389-ds.
const GROUPS: &[&str] = &[
    "group",
    "groupofnames",
    "groupofuniquenames",
    "groupofmembers",
    "groupofentries",
    "groupofurls",
    "posixgroup",
];

/// The classes that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Classes {
    pub(super) grant: bool,
    pub(super) approval: bool,
    pub(super) revocation: bool,
    pub(super) role: bool,
    pub(super) extensible: bool,
    pub(super) group: bool,
    /// A class of ours that this version does not know.
    pub(super) unknown: Option<String>,
    /// Whether the entry shows any class at all.
    pub(super) any: bool,
}

impl Classes {
    pub(super) fn of(entry: &Entry) -> Classes {
        let mut classes = Classes::default();
        for value in entry.attributes.get(schema::OBJECT_CLASS).into_iter().flatten() {
            let name = String::from_utf8_lossy(value).trim().to_ascii_lowercase();
            let ours = name.strip_prefix(schema::BASE_OID).and_then(|rest| rest.strip_prefix(".1."));
            classes.any = true;
            match (name.as_str(), ours) {
                (schema::CLASS_GRANT, _) | (_, Some("1")) => classes.grant = true,
                (schema::CLASS_APPROVAL, _) | (_, Some("2")) => classes.approval = true,
                (schema::CLASS_REVOCATION, _) | (_, Some("3")) => classes.revocation = true,
                (schema::CLASS_ROLE, _) | (_, Some("4")) => classes.role = true,
                (schema::CLASS_EXTENSIBLE | EXTENSIBLE_OID, _) => classes.extensible = true,
                (group, _) if GROUPS.contains(&group) => classes.group = true,
                (other, _) if is_ours(other) => classes.unknown = Some(other.to_owned()),
                _ => {}
            }
        }
        classes
    }

    /// How many of our own classes the entry claims.
    pub(super) fn ours(&self) -> usize {
        [self.grant, self.approval, self.revocation, self.role, self.unknown.is_some()]
            .into_iter()
            .filter(|claimed| *claimed)
            .count()
    }
}
