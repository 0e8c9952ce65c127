//! Where an entry stands relative to the bases. A reference counts only by its place, so this is where nobody must be able
//! to pass off an entry under his own grant as a role.

use jit_model::dn::Dn;

use super::Bases;

/// What the place of an entry in the access part makes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One of the two bases itself: a container, not to be decoded.
    Base,
    /// Directly under the base for roles.
    Role,
    /// Directly under the base for grants.
    Grant,
    /// Exactly one below the grant with this DN.
    Child(Dn),
    /// Deeper under the grant with this DN.
    Deeper(Dn),
    /// Anywhere else.
    Elsewhere,
}

/// The place of `dn`.
pub(super) fn place(dn: &Dn, bases: &Bases) -> Place {
    if *dn == bases.grants || *dn == bases.roles {
        return Place::Base;
    }
    if dn.is_directly_under(&bases.roles) {
        return Place::Role;
    }
    if dn.is_directly_under(&bases.grants) {
        return Place::Grant;
    }
    let mut above = dn.parent().filter(|_| dn.is_below(&bases.grants));
    let direct = above.as_ref().is_some_and(|grant| grant.is_directly_under(&bases.grants));
    while let Some(grant) = above {
        if grant.is_directly_under(&bases.grants) {
            return if direct { Place::Child(grant) } else { Place::Deeper(grant) };
        }
        above = grant.parent();
    }
    Place::Elsewhere
}
