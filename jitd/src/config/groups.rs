//! Which Unix groups a directory may confer on this host: `[groups]`. What could only be a mistake is a fault here; what depends on the
//! host's own groups is looked at when they are conferred ([`jit_model::confer`]).

use std::collections::BTreeMap;

use jit_model::confer::{ADMIN, GroupRules, unfit};
use jit_model::name::UnixGroup;
use jit_model::policy::BreakGlass;
use jit_settings::Section;

use super::values::{self, Ids};

/// Nobody can be in more than 65,536 groups (setgroups(2)), nor have more rows in the group map.
const MOST: usize = 1_000;

/// `[groups]`; nothing is allowed without it.
pub(super) fn groups(root: &Section<'_, '_>, break_glass: &BreakGlass) -> GroupRules {
    let mut rules = GroupRules::default();
    let Some(section) = root.table("groups") else { return rules };
    if let Some(allow) = section.list("allow", |text| allowed(text, break_glass)) {
        if allow.len() > MOST {
            section.fault(format!("`allow` names {} groups: the most is {MOST}", allow.len()));
        }
        let mut lower = BTreeMap::new();
        for group in &allow {
            let before =
                lower.insert(group.as_str().to_ascii_lowercase(), group).filter(|before| *before != group);
            if let Some(before) = before {
                section.fault(format!(
                    "`allow` names {before} and {group}, which are one group to programs that ignore case (sudo does): take one out"
                ));
            }
        }
        rules.allow = allow.into_iter().collect();
    }
    if let Some(gids) = section.parsed("gids", |text| values::ids(text, Ids::Assigned)) {
        rules.gids = gids.value;
    }
    section.finish();
    rules
}

fn allowed(text: &str, break_glass: &BreakGlass) -> Result<UnixGroup, String> {
    let group = UnixGroup::new(text).map_err(|error| error.to_string())?;
    let is = |name: &str| name.eq_ignore_ascii_case(text);
    if is(ADMIN) {
        return Err(format!(
            "`{text}` may ask about everybody and end sessions, so no directory may confer it: take it out"
        ));
    }
    if break_glass.groups.iter().any(|glass| is(glass.as_str())) {
        return Err(format!(
            "`{text}` is a group of [break_glass], whose members need no grant, so no directory may confer it: take it out of one of the two"
        ));
    }
    if is("root") {
        return Err("root's group is never conferred: take it out".to_owned());
    }
    match unfit(text) {
        Some(unfit) => Err(format!("`{text}` is no name to confer ({unfit}): take it out")),
        None => Ok(group),
    }
}
