//! When a server's answers are believed. An access rule that was changed, or a replica that lags, also answers "success"
//! and shows less; taken for the truth, that would delete grants or bring revoked ones back. So a server must show the
//! container of the grants itself, before and after it is asked, and must not know less than the directory has shown.
//!
//! What cannot be told apart, because the protocol gives no sign: a rule that hides single grants while the container stays
//! to be seen looks like their deletion, once they are asked for from nothing; one that hides the members of a group looks
//! like an empty group. Both take access away and never give any.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jit_model::dn::Dn;
use jit_model::time::Timestamp;

use super::connect::Features;
use super::csn::{Csns, Reached};
use super::search::Search;
use super::trouble::Cause;
use crate::decode::Bases;

/// What the directory has shown so far, whichever server it was.
pub(crate) type Known = Arc<Mutex<Reached>>;

/// Judges one connection.
#[derive(Clone)]
pub(crate) struct Belief {
    search: Search,
    bases: Bases,
    contexts: Vec<Dn>,
    known: Known,
    /// What this server must not fall behind: what is known, unless it was excused.
    floor: Known,
}

impl Belief {
    pub(crate) fn new(search: Search, bases: &Bases, features: &Features, known: Known) -> Belief {
        let all = [&bases.grants, &bases.roles, &bases.people, &bases.groups];
        let mut contexts: Vec<Dn> =
            all.into_iter().filter_map(|base| features.context_of(base).cloned()).collect();
        contexts.sort();
        contexts.dedup();
        Belief { search, bases: bases.clone(), contexts, floor: known.clone(), known }
    }

    /// The same for a server that looks behind and yet shows all that is known: from here on it is measured by itself.
    pub(crate) fn excused(self) -> Belief {
        Belief { floor: Known::default(), ..self }
    }

    /// The container of the grants is to be seen.
    pub(crate) async fn shows_grants(&self) -> Result<(), Cause> {
        self.shows(&self.bases.grants).await
    }

    /// An entry is to be seen.
    pub(crate) async fn shows(&self, dn: &Dn) -> Result<(), Cause> {
        match self.search.entry(&dn.to_string(), &["objectClass"]).await? {
            Some(_) => Ok(()),
            None => Err(Cause::Hidden(format!("{dn} is not to be seen"))),
        }
    }

    /// It knows everything that the directory has shown. Also notes what it knows beyond that.
    pub(crate) async fn is_not_behind(&self) -> Result<(), Cause> {
        for context in &self.contexts {
            let found = self.search.entry(&context.to_string(), &["contextCSN"]).await?;
            let values =
                found.and_then(|entry| entry.attributes.get("contextcsn").cloned()).unwrap_or_default();
            let csns = Csns::from_values(values);
            let missing = locked(&self.floor).missing_from(context, &csns);
            if let Some(missing) = missing {
                return Err(Cause::Behind(missing));
            }
            if !csns.is_empty() {
                locked(&self.floor).read(context, &csns);
                locked(&self.known).read(context, &csns);
            }
        }
        Ok(())
    }

    /// Notes what a cookie shows.
    pub(crate) fn note(&self, features: &Features, cookie: &[u8]) {
        if let Some(context) = features.context_of(&self.bases.grants) {
            let csns = Csns::from_cookie(cookie);
            locked(&self.floor).advance(context, &csns);
            locked(&self.known).advance(context, &csns);
        }
    }

    /// A time that the directory's clock has reached.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        locked(&self.known).newest()
    }

    /// The fewest bases to search for everything under `wanted`: one that holds them all, if the server shows it and
    /// keeps all in one tree. Each base more costs the server a subscription for each host.
    pub(crate) async fn fewest(&self, features: &Features, wanted: [&Dn; 2]) -> Result<Vec<Dn>, Cause> {
        let apart: Vec<Dn> = wanted.into_iter().cloned().collect();
        let [first, second] = wanted;
        let Some(common) = common(first, second) else { return Ok(apart) };
        let context = features.context_of(&common);
        let together = context.is_some() && wanted.iter().all(|base| features.context_of(base) == context);
        if together && self.search.entry(&common.to_string(), &["1.1"]).await?.is_some() {
            return Ok(vec![common]);
        }
        Ok(apart)
    }
}

fn locked(known: &Known) -> MutexGuard<'_, Reached> {
    // Nothing that holds it can panic half-way; a value is whole in any case.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The deepest name that is, or stands above, both.
fn common(first: &Dn, second: &Dn) -> Option<Dn> {
    let mut candidate = Some(first.clone());
    while let Some(dn) = candidate {
        if dn == *second || second.is_below(&dn) {
            return Some(dn);
        }
        candidate = dn.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_name() {
        let dn = |text: &str| Dn::parse(text).unwrap();
        let grants = dn("ou=grants,ou=jit,dc=x,dc=y");
        assert_eq!(common(&grants, &dn("ou=roles,ou=jit,dc=x,dc=y")), Some(dn("ou=jit,dc=x,dc=y")));
        assert_eq!(common(&grants, &grants), Some(grants.clone()));
        assert_eq!(common(&grants, &dn("ou=jit,dc=x,dc=y")), Some(dn("ou=jit,dc=x,dc=y")));
        assert_eq!(common(&grants, &dn("dc=z")), None);
    }
}
