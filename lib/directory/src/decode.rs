//! From raw entries to the model's words. Strict: what cannot be understood is set aside and reported, never guessed, and
//! an entry counts only where its kind belongs. The one exception is on the safe side: a revocation that cannot be
//! understood still revokes.
//!
//! Decoding judges no time, no membership and no host; that is [`jit_model::assess`]. It must never let an entry that it
//! does not understand open a door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::dn::{Dn, DnError};
use jit_model::grant::{Approval, EntryUuid, GrantTree, Revocation};
use jit_model::name::SourceName;
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::{EntryKind, Proof, RoleEntry, SetAside, Source};

use crate::entry::{Entries, Entry};
use crate::schema;

mod account;
mod class;
mod fields;
mod grant;
mod people;
mod place;
mod role;
pub mod syntax;
#[cfg(test)]
mod tests;

pub(crate) use account::{ATTRIBUTES as ACCOUNT, bounded};
use class::Classes;
pub(crate) use fields::cut_down;
use fields::{Fault, Fields};
use grant::Child;
use people::Somebody;
pub(crate) use people::without_uid;
use place::{Place, place};

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

    /// The base, by its name in the configuration, that lies at or below the one for grants, where everybody may write:
    /// whoever may write a grant could write a role, a person or a group too. Such bases must not be used.
    pub fn within_grants(&self) -> Option<&'static str> {
        let within = |base: &Dn| *base == self.grants || base.is_below(&self.grants);
        let others = [("roles", &self.roles), ("people", &self.people), ("groups", &self.groups)];
        others.into_iter().find(|(_, base)| within(base)).map(|(name, _)| name)
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
    let mut tray = Tray::default();
    for entry in entries.access.values() {
        tray.sort(entry, bases);
    }
    let people = tray.people(entries, bases, &reading.login_attribute.to_ascii_lowercase());
    tray.hang_children();
    tray.set_aside.sort_by(|a, b| a.dn.cmp(&b.dn).then_with(|| a.attribute.cmp(&b.attribute)));
    Source {
        name: reading.name.clone(),
        proof: reading.proof,
        writers: reading.writers.clone(),
        default_role: reading.default_role.clone(),
        grants: tray.grants,
        roles: tray.roles,
        people,
        set_aside: tray.set_aside,
        revoked_aside: tray.revoked_aside,
    }
}

/// What has been read so far.
#[derive(Default)]
struct Tray<'a> {
    grants: BTreeMap<EntryUuid, GrantTree>,
    /// Every entry where grants stand, well-formed or not, by name.
    at: BTreeMap<Dn, Vec<EntryUuid>>,
    roles: BTreeMap<Dn, RoleEntry>,
    /// What stands below a grant, under the grant's name.
    children: Vec<(Dn, &'a Entry, Child)>,
    set_aside: Vec<SetAside>,
    revoked_aside: BTreeMap<EntryUuid, Revocation>,
}

impl<'a> Tray<'a> {
    fn sort(&mut self, entry: &'a Entry, bases: &Bases) {
        match place(&entry.dn, bases) {
            Place::Base => {}
            Place::Role => self.role(entry),
            Place::Grant => self.grant(entry),
            Place::Child(grant) => self.children.push((grant, entry, grant::child(entry))),
            Place::Deeper(grant) => self.deeper(grant, entry),
            Place::Elsewhere => {
                let classes = Classes::of(entry);
                if classes.ours() > 0 {
                    let why = Fault::entry(format!(
                        "it stands neither directly under {} nor directly under {}; move it",
                        bases.roles, bases.grants
                    ));
                    self.report(entry, kind(&classes), why);
                }
            }
        }
    }

    fn role(&mut self, entry: &Entry) {
        let role = match role::role(entry) {
            Ok(role) => RoleEntry::Known(Arc::new(role)),
            Err(fault) => RoleEntry::Malformed(self.report(entry, EntryKind::Role, fault)),
        };
        if self.roles.insert(entry.dn.clone(), role).is_some() {
            let twice = self.report(entry, EntryKind::Role, Fault::entry(TWICE));
            self.roles.insert(entry.dn.clone(), RoleEntry::Malformed(twice));
        }
    }

    fn grant(&mut self, entry: &Entry) {
        self.at.entry(entry.dn.clone()).or_default().push(entry.uuid);
        match grant::grant(entry) {
            Ok(grant) => {
                let tree =
                    GrantTree { grant: Arc::new(grant), approvals: Vec::new(), revocations: Vec::new() };
                self.grants.insert(entry.uuid, tree);
            }
            Err(fault) => {
                self.report(entry, EntryKind::Grant, fault);
            }
        }
    }

    /// Below an approval or a revocation nothing belongs, and no approval counts there. A revocation does: nobody writes
    /// one by mistake, and taking away is the safe side.
    fn deeper(&mut self, grant: Dn, entry: &'a Entry) {
        let classes = Classes::of(entry);
        let why = || Fault::entry(format!("it stands deeper than one below the grant {grant}; move it up"));
        if classes.revocation {
            let child = grant::revocation(entry, &classes);
            self.report(entry, EntryKind::Revocation, why());
            self.children.push((grant, entry, child));
        } else {
            self.report(entry, kind(&classes), why());
        }
    }

    /// Puts approvals and revocations to their grants. Only after all grants are known, for entries come in any order.
    fn hang_children(&mut self) {
        self.refuse_twins();
        let mut children = std::mem::take(&mut self.children);
        children.sort_by(|a, b| a.1.dn.cmp(&b.1.dn));
        for (above, entry, child) in children {
            let uuids = self.at.get(&above).cloned().unwrap_or_default();
            if uuids.is_empty() {
                let missing = Fault::entry(format!("there is no grant {above} above it"));
                self.report(entry, kind(&Classes::of(entry)), missing);
                continue;
            }
            match child {
                Child::Approval(approval) => {
                    // At most one of them is still there: twins have been refused.
                    for uuid in &uuids {
                        if let Some(tree) = self.grants.get_mut(uuid) {
                            tree.approvals.push(Approval::clone(&approval));
                        }
                    }
                }
                Child::Void(fault) => {
                    self.report(entry, EntryKind::Approval, fault);
                }
                Child::Revocation(revocation, fault) => {
                    if let Some(mut fault) = fault {
                        fault.reason.push_str(" (it revokes all the same)");
                        self.report(entry, EntryKind::Revocation, fault);
                    }
                    for uuid in &uuids {
                        match self.grants.get_mut(uuid) {
                            Some(tree) => tree.revocations.push(revocation.clone()),
                            None => {
                                self.revoked_aside.entry(*uuid).or_insert_with(|| revocation.clone());
                            }
                        }
                    }
                }
                Child::Newer(fault) => {
                    self.report(entry, EntryKind::Other, fault);
                    for uuid in &uuids {
                        if let Some(tree) = self.grants.remove(uuid) {
                            if let Some(revocation) = tree.revocations.into_iter().next() {
                                self.revoked_aside.insert(*uuid, revocation);
                            }
                            self.set_aside.push(SetAside {
                                dn: above.clone(),
                                uuid: Some(*uuid),
                                kind: EntryKind::Grant,
                                attribute: None,
                                reason: format!("{} stands under it, which needs a newer jitd", entry.dn),
                                subject: Some(tree.grant.subject.clone()),
                            });
                        }
                    }
                }
                Child::Foreign => {
                    let why = Fault::entry("it is neither jitApproval nor jitRevocation; remove it");
                    self.report(entry, EntryKind::Other, why);
                }
            }
        }
    }

    /// Two grants with one name: nobody can say which one was approved or revoked, so neither counts.
    fn refuse_twins(&mut self) {
        for (dn, uuids) in &self.at {
            if uuids.len() < 2 {
                continue;
            }
            for uuid in uuids {
                if let Some(tree) = self.grants.remove(uuid) {
                    self.set_aside.push(SetAside {
                        dn: dn.clone(),
                        uuid: Some(*uuid),
                        kind: EntryKind::Grant,
                        attribute: None,
                        reason: TWICE.to_owned(),
                        subject: Some(tree.grant.subject.clone()),
                    });
                }
            }
        }
    }

    fn people(&mut self, entries: &Entries, bases: &Bases, login_attribute: &str) -> People {
        let (mut persons, mut groups, mut claimed) = (Vec::new(), Vec::new(), BTreeSet::new());
        for entry in entries.people.values() {
            if entry.dn == bases.people || entry.dn == bases.groups {
                continue;
            }
            match people::somebody(entry, bases, login_attribute) {
                Somebody::Person(person, faults) => {
                    for fault in faults {
                        self.report(entry, EntryKind::Account, fault);
                    }
                    persons.push(person);
                }
                Somebody::VoidPerson(fault, logins) => {
                    self.report(entry, EntryKind::Person, fault);
                    claimed.extend(logins);
                }
                Somebody::Group(group, faults) => {
                    for fault in faults {
                        self.report(entry, EntryKind::Group, fault);
                    }
                    groups.push(group);
                }
                Somebody::Foreign(fault) => {
                    self.report(entry, EntryKind::Other, fault);
                }
            }
        }
        People::new(persons, groups, claimed)
    }

    fn report(&mut self, entry: &Entry, kind: EntryKind, fault: Fault) -> SetAside {
        let subject = match kind {
            EntryKind::Grant => Fields(entry).optional_dn(schema::SUBJECT).ok().flatten(),
            _ => None,
        };
        let set_aside = SetAside {
            dn: entry.dn.clone(),
            uuid: Some(entry.uuid),
            kind,
            attribute: fault.attribute,
            reason: fault.reason,
            subject,
        };
        self.set_aside.push(set_aside.clone());
        set_aside
    }
}

const TWICE: &str = "another entry has the same DN; remove one of the two";

/// What an entry was meant to be.
fn kind(classes: &Classes) -> EntryKind {
    match classes {
        Classes { revocation: true, .. } => EntryKind::Revocation,
        Classes { approval: true, .. } => EntryKind::Approval,
        Classes { grant: true, .. } => EntryKind::Grant,
        Classes { role: true, .. } => EntryKind::Role,
        _ => EntryKind::Other,
    }
}
