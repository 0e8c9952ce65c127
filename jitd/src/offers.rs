//! Which roles of this host somebody could ask for: so that a denial names the command that leads in. A hint for people and never a
//! part of a decision. Of a group the host knows its members' DNs and not their logins, so a login is compared with what people call
//! the entry (the value of its RDN): most directories name people by their login, and where one does not, nothing is named.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::name::{Login, Service};
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::Source;

/// The roles of one source that can be used on this host, and for whom they seem to be.
#[derive(Debug, Default)]
pub struct Offers(Vec<Offer>);

/// One role.
#[derive(Debug)]
struct Offer {
    role: Arc<Role>,
    /// One set for each person or group that is eligible.
    eligible: Vec<Arc<Names>>,
}

/// What people call entries, and the logins that are known, in lower case: directories compare them without case.
type Names = HashSet<String>;

impl Offers {
    /// Of a source, for the host of these names.
    pub fn of(source: &Source, host: &HostNames) -> Offers {
        // Many roles are for few groups.
        let mut known: BTreeMap<&Dn, Arc<Names>> = BTreeMap::new();
        let offers = source.known_roles().filter(|role| host.meets(&role.hosts)).map(|role| {
            let names =
                |dn| Arc::clone(known.entry(dn).or_insert_with(|| Arc::new(names(dn, &source.people))));
            Offer { role: Arc::clone(role), eligible: role.eligible.iter().map(names).collect() }
        });
        Offers(offers.collect())
    }

    /// The roles that open the service and that this login seems to be eligible for, by name.
    pub fn for_whom<'o>(&'o self, login: &Login, service: &'o Service) -> Vec<&'o Arc<Role>> {
        let login = login.as_str().to_lowercase();
        let of = self.0.iter().filter(|offer| opens(&offer.role, service));
        let mut roles: Vec<_> = of
            .filter(|offer| offer.eligible.iter().any(|names| names.contains(&login)))
            .map(|offer| &offer.role)
            .collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        roles
    }
}

/// Whether a role opens a guarded service.
pub fn opens(role: &Role, service: &Service) -> bool {
    role.services.is_empty() || role.services.contains(service)
}

/// A person, or everybody in a group.
fn names(dn: &Dn, people: &People) -> Names {
    let everybody: BTreeSet<&Dn> = match people.group(dn) {
        Some(_) => people.reach(dn),
        None => BTreeSet::from([dn]),
    };
    let mut names = Names::with_capacity(everybody.len());
    for dn in everybody.into_iter().filter(|dn| people.group(dn).is_none()) {
        names.insert(dn.rdn_value().to_lowercase());
        if let Some(person) = people.person(dn) {
            names.insert(person.login.as_str().to_lowercase());
        }
    }
    names
}

#[cfg(test)]
mod tests;
