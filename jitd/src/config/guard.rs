//! Which services are guarded, and who passes without a grant: `[guard]`, `[[exempt]]`, `[break_glass]`.

use std::collections::BTreeSet;

use jit_model::name::{Login, Service, UnixGroup};
use jit_model::policy::{self, BreakGlass, Exempt, Who};
use jit_settings::Section;

use super::values;

fn names(list: &[&str]) -> BTreeSet<Service> {
    list.iter().filter_map(|name| Service::new(name).ok()).collect()
}

/// `[guard]`
pub(super) fn services(root: &Section<'_, '_>) -> BTreeSet<Service> {
    let Some(section) = root.table("guard") else { return names(&policy::GUARDED) };
    let services = section.list("services", Service::new);
    if section.is_empty("services") {
        section.fault("`services` is empty, so nothing would be guarded: leave the key out for the default list, or say production = false under [host]");
    }
    // Left open on purpose. It decides nothing here: `jitctl doctor` reads it, and finds no fault with these.
    let open = section.list("open", Service::new).unwrap_or_default();
    let services = services.map_or_else(|| names(&policy::GUARDED), |list| list.into_iter().collect());
    if let Some(both) = open.iter().find(|service| services.contains(*service)) {
        section.fault(format_args!("`open` lists {both}, which is guarded: take it out of one of the two"));
    }
    section.finish();
    services
}

/// Background services, but for those that are listed as guarded for everybody.
pub(super) fn background(guarded: &BTreeSet<Service>) -> BTreeSet<Service> {
    names(&policy::BACKGROUND).difference(guarded).cloned().collect()
}

/// `[[exempt]]`
pub(super) fn exempt(root: &Section<'_, '_>) -> Vec<Exempt> {
    let mut all = Vec::new();
    for section in root.tables("exempt") {
        let user = section.parsed("user", Login::new);
        let group = section.parsed("group", UnixGroup::new);
        let who = match (user, group) {
            (Some(user), None) => Some(Who::User(user.value)),
            (None, Some(group)) => Some(Who::Group(group.value)),
            (Some(_), Some(_)) => {
                section.fault("names a user and a group: make two [[exempt]] tables of it");
                None
            }
            (None, None) => {
                if !section.has("user") && !section.has("group") {
                    section.fault("says not for whom: add user = \"…\" or group = \"…\"");
                }
                None
            }
        };
        let services = section.list("services", Service::new);
        if section.is_empty("services") {
            section.fault("`services` is empty: leave the key out to mean all guarded services");
        }
        let from = section.list("from", values::network);
        if section.is_empty("from") {
            section.fault("`from` is empty: leave the key out to mean from anywhere");
        }
        section.finish();
        if let Some(who) = who {
            let services = services.unwrap_or_default().into_iter().collect();
            all.push(Exempt { who, services, from: from.unwrap_or_default() });
        }
    }
    all
}

/// The local group that passes unless `[break_glass] groups` says otherwise. An empty or missing group lets nobody in.
const BREAK_GLASS: &str = "jit-breakglass";

/// `[break_glass]`. Root's console is a way in unless it is switched off by name.
pub(super) fn break_glass(root: &Section<'_, '_>) -> BreakGlass {
    let groups = UnixGroup::new(BREAK_GLASS).into_iter().collect();
    let mut break_glass = BreakGlass { users: BTreeSet::new(), groups, console: true };
    let Some(section) = root.table("break_glass") else { return break_glass };
    break_glass.users = section.list("users", Login::new).unwrap_or_default().into_iter().collect();
    if let Some(groups) = section.list("groups", UnixGroup::new) {
        break_glass.groups = groups.into_iter().collect();
    }
    break_glass.console = section.boolean("console").unwrap_or(true);
    section.finish();
    break_glass
}
