//! Before a session begins: whether the server is to be believed, how it can be followed, and where to search. Also the plain
//! reading of grants and roles that this and polling need.

use std::sync::Arc;

use jit_model::dn::Dn;
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
use crate::decode::cut_down;

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
    let sent =
        search.all(&base.to_string(), Scope::Subtree, &filter::for_host(&config.host), &ATTRIBUTES).await?;
    belief.shows_grants().await?;
    let mut entries = EntrySet::new();
    for sent in sent {
        let entry = cut_down(message::identified(sent, None).map_err(Cause::Nonsense)?);
        entries.insert(entry.uuid, Arc::new(entry));
    }
    Ok(Content { entries, cookie: None })
}

/// What stands under the two bases, out of everything that was found.
pub(crate) fn merged(contents: &[Content], config: &LdapConfig) -> EntrySet {
    let ours = |dn: &Dn| dn.is_below(&config.bases.grants) || dn.is_below(&config.bases.roles);
    let all = contents.iter().flat_map(|content| content.entries.iter());
    all.filter(|(_, entry)| ours(&entry.dn)).map(|(uuid, entry)| (*uuid, entry.clone())).collect()
}
