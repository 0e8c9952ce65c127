//! Which people of a directory are shown as accounts of this host: `[people]`.

use jit_model::confer::IdRange;
use jit_model::serve::PeopleRules;
use jit_settings::Section;

use super::values::{self, Ids};

/// `[people]`; nobody is shown without `serve = true`. `gids`: where the numbers of conferred groups come from.
pub(super) fn people(root: &Section<'_, '_>, gids: IdRange) -> Option<PeopleRules> {
    let section = root.table("people")?;
    let mut rules = PeopleRules::default();
    let serve = section.boolean("serve").unwrap_or(false);
    let ids = section.parsed("ids", |text| values::ids(text, Ids::Spanned));
    rules.ids = ids.as_ref().map_or(rules.ids, |ids| ids.value);
    if serve && rules.ids.overlaps(gids) {
        let what = format!(
            "the numbers of people ({}) and those of groups (gids = \"{gids}\" in [groups]) overlap, so a person's own group could be one that grants confer: make them two ranges",
            rules.ids
        );
        match ids {
            Some(ids) => section.fault_at("ids", ids.span, what),
            None => section.fault(what),
        }
    }
    if let Some(shells) = section.list("shells", values::field) {
        rules.shells = shells;
        if section.is_empty("shells") {
            section.fault(
                "`shells` is empty, so nobody could have one: leave the key out for /bin/bash and /bin/sh",
            );
        }
    }
    if let Some(homes) = section.list("homes", values::home) {
        rules.homes = homes;
        if section.is_empty("homes") {
            section.fault("`homes` is empty, so nobody could have one: leave the key out for /home");
        }
    }
    if let Some(linger) = section.parsed("linger", values::span) {
        rules.linger = linger.value;
    }
    section.finish();
    serve.then_some(rules)
}
