//! Before a session begins: whether the server is to be believed, how it can be followed, and where to search. Also the plain
//! reading of grants and roles that this and polling need.

use std::collections::BTreeMap;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use ldap3::Scope;

use super::assembly::Assembly;
use super::believe::Belief;
use super::config::{Follow, LdapConfig};
use super::connect::{Connection, Features};
use super::content::{Content, EntrySet};
use super::filter;
use super::message;
use super::people::Reader;
use super::push;
use super::search::Search;
use super::session::{Carried, Resume, Way};
use super::trouble::{Cause, Step};
use crate::decode::{cut_down, syntax};
use crate::entry::Entry;
use crate::schema::ENTRY_UUID;

/// Everything of an entry that the server shows, and the operational attributes that prove who wrote it, by name.
pub(crate) const ATTRIBUTES: [&str; 6] =
    ["*", "creatorsName", "modifiersName", "createTimestamp", "modifyTimestamp", "entryUUID"];

/// What all tasks of a session need.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<LdapConfig>,
    pub(crate) search: Search,
    pub(crate) features: Features,
    pub(crate) belief: Belief,
    pub(crate) way: Way,
}

/// Finds out whether the server is to be believed, how it can be followed, and where to search.
pub(crate) async fn prepare(
    config: &Arc<LdapConfig>,
    connection: &Connection,
    carried: &mut Carried,
) -> Result<(Shared, Vec<Dn>), (Step, Cause)> {
    let (search, features) = (connection.search.clone(), connection.features.clone());
    let mut belief = Belief::new(search.clone(), &config.bases, &features, carried.known.clone());
    let look = |cause| (Step::Look, cause);
    belief.shows_grants().await.map_err(|cause| (Step::Grants, cause))?;
    let bases = belief.fewest(&features, [&config.bases.grants, &config.bases.roles]).await.map_err(look)?;
    if let Err(cause) = belief.is_not_behind().await {
        let behind = matches!(cause, Cause::Behind(_));
        if !behind
            || !shows_what_is_known(config, &search, &belief, &bases, &carried.assembly)
                .await
                .map_err(look)?
        {
            return Err((Step::Look, cause));
        }
        belief = belief.excused();
        // Its own cookies are older than ours: OpenLDAP refuses them with rc 53.
        carried.resume = Resume::default();
    }
    let way = match config.follow {
        Follow::Poll => Way::Poll,
        Follow::Push if push::offered(&search, &features, &config.bases.grants).await.map_err(look)? => {
            Way::Push
        }
        Follow::Push => Way::Poll,
    };
    Ok((Shared { config: config.clone(), search, features, belief, way }, bases))
}

/// Whether a server that looks behind shows exactly what is known, so that following it takes nothing back. That is so
/// after a crash of OpenLDAP when the last change was a deletion: the deletion is on its disk, but its number is not
/// (unless olcSpCheckpoint is 1), and no server will ever show that number again.
async fn shows_what_is_known(
    config: &Arc<LdapConfig>,
    search: &Search,
    belief: &Belief,
    bases: &[Dn],
    assembly: &Assembly,
) -> Result<bool, Cause> {
    let (Some((access, people)), Some(references)) = (assembly.known(), assembly.references()) else {
        return Ok(false);
    };
    let mut contents = Vec::new();
    for base in bases {
        contents.push(whole(config, search, belief, base).await?);
    }
    if merged(&contents, config) != *access {
        return Ok(false);
    }
    let mut reader = Reader::new(search.clone(), belief.clone(), config.clone()).await?;
    Ok(reader.resolve(&references).await?.entries == *people)
}

/// What a plain search shows under a base.
pub(crate) async fn whole(
    config: &LdapConfig,
    search: &Search,
    belief: &Belief,
    base: &Dn,
) -> Result<Content, Cause> {
    belief.shows_grants().await?;
    let filter = filter::concerning(&config.host, config.since);
    let sent = search.all(&base.to_string(), Scope::Subtree, &filter, &ATTRIBUTES).await?;
    belief.shows_grants().await?;
    let mut entries = EntrySet::new();
    for sent in sent {
        let entry = cut_down(message::identified(sent, None).map_err(Cause::Nonsense)?);
        entries.insert(entry.uuid, Arc::new(entry));
    }
    Ok(Content { entries, cookie: None })
}

/// What stands under the two bases, out of everything that was found, by its entryUUID: 389 Directory Server tells changes by another
/// identifier (nsUniqueId), but what people see and sign is the entry's own. An identity that two entries claim is neither's: whoever can
/// forge one takes nobody's place, and what was signed for it counts for none.
pub(crate) fn merged(contents: &[Content], config: &LdapConfig) -> EntrySet {
    let ours = |dn: &Dn| dn.is_below(&config.bases.grants) || dn.is_below(&config.bases.roles);
    let all = contents.iter().flat_map(|content| content.entries.iter());
    let all: BTreeMap<EntryUuid, &Arc<Entry>> =
        all.filter(|(_, entry)| ours(&entry.dn)).map(|(told, entry)| (*told, entry)).collect();
    let mut claims: BTreeMap<EntryUuid, u32> = BTreeMap::new();
    for own in all.values().filter_map(|entry| own_uuid(entry)) {
        *claims.entry(own).or_default() += 1;
    }
    let mut merged = EntrySet::new();
    for (told, entry) in &all {
        let alone = |own: &EntryUuid| claims.get(own) == Some(&1) && !all.contains_key(own);
        match own_uuid(entry).filter(alone) {
            // A server that tells by entryUUID, or does not show it.
            None => merged.insert(*told, Arc::clone(entry)),
            Some(uuid) => merged.insert(uuid, Arc::new(Entry { uuid, ..Entry::clone(entry) })),
        };
    }
    merged
}

/// The identifier that the entry itself shows (RFC 4530).
fn own_uuid(entry: &Entry) -> Option<EntryUuid> {
    match entry.attributes.get(ENTRY_UUID)?.as_slice() {
        [one] => syntax::uuid(one).ok().map(EntryUuid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jit_model::host::HostNames;

    use super::super::server::StartTls;
    use super::*;
    use crate::decode::Bases;

    fn content(entries: &[(u8, &str, Option<u8>)]) -> Content {
        let entry = |(told, name, own): &(u8, &str, Option<u8>)| {
            let uuid = EntryUuid([*told; 16]);
            let shown = own.map(|own| EntryUuid([own; 16]).to_string().into_bytes());
            let attributes = shown
                .map(|shown| (ENTRY_UUID.to_owned(), vec![shown]))
                .into_iter()
                .collect::<BTreeMap<_, _>>();
            let dn = Dn::parse(&format!("cn={name},ou=grants,ou=jit,dc=x")).unwrap();
            (uuid, Arc::new(Entry { uuid, dn, attributes }))
        };
        Content { entries: entries.iter().map(entry).collect(), cookie: None }
    }

    #[test]
    fn entries_are_known_by_what_they_show_themselves() {
        let bases = Bases::under(&Dn::parse("dc=x").unwrap()).unwrap();
        let config = LdapConfig::new(
            &["ldap://127.0.0.1".to_owned()],
            StartTls::No,
            bases,
            HostNames::new("web1.example.com", [""; 0]).unwrap(),
        );
        let told = content(&[
            (1, "a", Some(11)),
            (2, "b", None),
            (3, "c", Some(3)),
            (4, "d", Some(12)),
            (5, "e", Some(12)),
            (6, "f", Some(7)),
            (7, "g", None),
            (8, "h", Some(3)),
        ]);
        let merged = merged(&[told], &config.unwrap());
        let known: Vec<(u8, String)> =
            merged.iter().map(|(uuid, entry)| (uuid.0[0], entry.dn.rdn_value().to_owned())).collect();
        // Of two that claim one identity neither hides the other, nor takes its place; also where it is what the server tells by.
        let wanted = [(2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f"), (7, "g"), (8, "h"), (11, "a")];
        assert_eq!(known, wanted.map(|(uuid, name)| (uuid, name.to_owned())));
        assert!(merged.iter().all(|(uuid, entry)| *uuid == entry.uuid));
    }
}
