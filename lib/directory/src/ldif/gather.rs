//! From records to one whole set of entries, as the daemon takes it from any source.

use std::collections::BTreeMap;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use sha2::{Digest, Sha256};

use super::parse::{Fault, Problem, Record};
use crate::decode::{Bases, syntax};
use crate::entry::{Entries, Entry};
use crate::schema;

/// Makes one set of all records. Entries elsewhere than under the bases are left out, but for those that carry something
/// of ours: decoding reports them as misplaced.
///
/// # Errors
/// When a DN or an entryUUID occurs twice, an entryUUID is malformed, or the container for grants is missing.
pub fn gather(records: Vec<Record>, bases: &Bases) -> Result<Entries, Fault> {
    let mut lines: BTreeMap<Dn, usize> = BTreeMap::new();
    let mut uuids: BTreeMap<EntryUuid, usize> = BTreeMap::new();
    let mut entries = Entries::default();
    for record in records {
        let fault = |problem| Fault { line: record.line, dn: Some(record.dn.to_string()), problem };
        if let Some(first) = lines.insert(record.dn.clone(), record.line) {
            return Err(fault(Problem::SameDn(first)));
        }
        let uuid = identity(&record).map_err(fault)?;
        if let Some(first) = uuids.insert(uuid, record.line) {
            return Err(fault(Problem::SameUuid(first)));
        }
        let part = if within(&record.dn, &bases.grants) || within(&record.dn, &bases.roles) {
            &mut entries.access
        } else if within(&record.dn, &bases.people) || within(&record.dn, &bases.groups) {
            &mut entries.people
        } else if is_ours(&record) {
            &mut entries.access
        } else {
            continue;
        };
        part.insert(uuid, Arc::new(Entry { uuid, dn: record.dn, attributes: record.attributes }));
    }
    if !lines.contains_key(&bases.grants) {
        return Err(Fault { line: 0, dn: None, problem: Problem::NoContainer(bases.grants.clone()) });
    }
    Ok(entries)
}

fn within(dn: &Dn, base: &Dn) -> bool {
    dn == base || dn.is_below(base)
}

fn is_ours(record: &Record) -> bool {
    let class = |value: &Vec<u8>| value.to_ascii_lowercase().starts_with(schema::PREFIX.as_bytes());
    record.attributes.keys().any(|name| name.starts_with(schema::PREFIX))
        || record.attributes.get(schema::OBJECT_CLASS).into_iter().flatten().any(class)
}

fn identity(record: &Record) -> Result<EntryUuid, Problem> {
    match record.attributes.get(schema::ENTRY_UUID).map(Vec::as_slice) {
        None | Some([]) => Ok(derived(&record.dn)),
        Some([one]) => syntax::uuid(one).map(EntryUuid).map_err(|why| Problem::Uuid(why.to_string())),
        Some(many) => Err(Problem::Uuid(format!("has {} values; keep one", many.len()))),
    }
}

/// The identity of an entry that has no entryUUID: the first 16 bytes of the SHA-256 of its normalised DN. So a grant that
/// is deleted and written again under the same name is the same grant, and stays deleted.
pub fn derived(dn: &Dn) -> EntryUuid {
    let hash = Sha256::digest(dn.to_string().as_bytes());
    let mut uuid = [0; 16];
    for (to, from) in uuid.iter_mut().zip(hash) {
        *to = from;
    }
    EntryUuid(uuid)
}
