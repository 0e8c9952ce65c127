//! What one grant confers on this host, and what not though its role says so. For people and for the audit: the map follows from all
//! grants together.

use std::collections::BTreeSet;

use jit_model::assess::AssessedGrant;
use jit_model::confer::{Conferred, GroupRefusal, GroupRules};
use jit_model::name::UnixGroup;

/// The groups of a grant's role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfGrant {
    /// Those that it confers while it is live.
    pub conferred: BTreeSet<UnixGroup>,
    /// Those that it does not, and why.
    pub refused: Vec<(UnixGroup, GroupRefusal)>,
}

/// What a grant confers, whatever its state.
pub fn of_grant(grant: &AssessedGrant, rules: &GroupRules, conferred: &Conferred) -> OfGrant {
    let mut all = OfGrant::default();
    for group in grant.role.iter().flat_map(|role| &role.local_groups) {
        let refused = conferred.refused.iter().find(|refused| refused.group == *group);
        match refused.map(|refused| &refused.why) {
            Some(why) => all.refused.push((group.clone(), why.clone())),
            // Every allowed one has been judged; of the others only those of grants that are not over.
            None if !rules.allow.contains(group) => {
                all.refused.push((group.clone(), GroupRefusal::NotAllowed))
            }
            None => {
                all.conferred.insert(group.clone());
            }
        }
    }
    all
}
