//! What the entries say, without time: each grant is pending, refused, revoked, or granted for a window.
//!
//! A function of one source's entries, this host's names and what the host remembers. Whatever is missing, unreadable or
//! contradictory refuses; nothing here may turn the absence of an entry into access.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dn::Dn;
use crate::grant::{EntryUuid, Grant, GrantTree, Revocation};
use crate::heard::{Evidence, Heard};
use crate::host::HostNames;
use crate::name::{Login, Service, SourceName};
use crate::reason::Refusal;
use crate::role::Role;
use crate::source::{Proof, RoleEntry, Source};
use crate::time::{Timestamp, Window};

mod apart;
mod approvals;
mod distinct;
mod eligibility;
mod evidence;
mod window;

use approvals::Tally;
use eligibility::Membership;
use evidence::Asked;

/// What this host remembers about grants, kept in the ledger: it makes a removal final whatever a replica says later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Revocations seen, by grant; they hold even if the entry is deleted again.
    pub revoked: BTreeMap<EntryUuid, Revocation>,
    /// Grants that were here and then gone from a whole sync.
    pub deleted: BTreeSet<EntryUuid>,
    /// The earliest time from which a grant's duration was ever counted ([`AssessedGrant::began`]): removing an early
    /// approval must not restart the clock.
    pub began: BTreeMap<EntryUuid, Timestamp>,
}

/// An approval that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub dn: Dn,
    /// When, by the directory's clock; where signatures are needed, by what he signed.
    pub at: Timestamp,
    /// What proves it.
    pub evidence: Evidence,
}

/// Which services a grant opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// All that are guarded.
    AllGuarded,
    /// These and no others; may be empty when grant and role share none.
    Only(BTreeSet<Service>),
}

impl Services {
    /// Whether a guarded service is among them.
    pub fn include(&self, service: &Service) -> bool {
        match self {
            Services::AllGuarded => true,
            Services::Only(services) => services.contains(service),
        }
    }
}

/// What the entries say about one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assessed {
    /// It lacks approvals.
    Pending {
        /// How many more it takes.
        missing: u32,
        /// From members of these groups.
        from: BTreeSet<Dn>,
        /// Who has approved already.
        approved: Vec<Approver>,
    },
    /// It does not count.
    Refused(Refusal),
    /// Somebody took it away.
    Revoked(Revocation),
    /// It is good for a while.
    Granted {
        /// When.
        window: Window,
        /// Whose approvals it rests on, spare ones too; in the order of time.
        approved: Vec<Approver>,
    },
}

/// A grant, what it means on this host, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssessedGrant {
    /// Where it comes from.
    pub source: SourceName,
    /// The grant as written.
    pub grant: Arc<Grant>,
    /// The role it is under, if it is known.
    pub role: Option<Arc<Role>>,
    /// The logins it is for, with their DNs: the eligible ones. Of a refused grant everybody whom its subject names, so
    /// that they can be told. Shared by all grants of one subject in one role: any of a thousand people may write thousands for them all.
    pub logins: Arc<BTreeMap<Login, Dn>>,
    /// Grant ∩ role.
    pub services: Services,
    /// Since when a duration counts, jitNotBefore aside: the time of the approval that completed the number needed, or of
    /// the grant's making where none is needed; the earliest that was ever found. `None` as long as there is none.
    pub began: Option<Timestamp>,
    /// What it means.
    pub assessed: Assessed,
    /// Whether it would have the approvals that it needs if all those were good whose signatures nobody could check here, there being
    /// no list of signers that can be used.
    pub in_doubt: bool,
    /// What became of each approval, whatever the grant comes to: to explain it.
    pub heard: Vec<Heard>,
    /// For each of `logins`, in their order, the groups that lead from him to what makes him eligible for the role, his own first;
    /// no groups if the role names himself, or is for everybody. `None` for who is not eligible, and nothing at all if nobody is. To
    /// explain it.
    pub eligible_by: Arc<[Option<Arc<[Dn]>>]>,
}

impl AssessedGrant {
    /// The groups that make this login eligible for the grant's role, his own first; none if the role names himself, or is for
    /// everybody. `None` if he is not shown to be.
    pub fn eligible_by(&self, login: &Login) -> Option<&[Dn]> {
        let place = self.logins.keys().position(|other| other == login)?;
        self.eligible_by.get(place)?.as_deref()
    }
}

/// How many pending grants of one subject are borne; with more, all of them are refused.
pub const MAX_PENDING: usize = 20;

/// How many names a subject that is a group may lead to; a grant for more is refused. Whoever is in a group may ask for all of
/// it, and each host would have to read them all.
pub const MAX_SUBJECTS: usize = 1_000;

/// Judges every grant of a source for this host, in the order of their identities.
///
/// Set-aside grants appear in [`Source::set_aside`], not here. That entries stand where they may is not judged here but
/// when they are decoded: a role elsewhere is simply not there.
pub fn assess(source: &Source, host: &HostNames, memory: &Memory) -> Vec<AssessedGrant> {
    let judge = Judge { source, host, memory, membership: Membership::of(&source.people) };
    let mut assessed: Vec<AssessedGrant> = source.grants.values().map(|tree| judge.grant(tree)).collect();
    refuse_floods(&mut assessed);
    assessed
}

/// What it takes to judge one grant.
struct Judge<'a> {
    source: &'a Source,
    host: &'a HostNames,
    memory: &'a Memory,
    membership: Membership<'a>,
}

impl<'a> Judge<'a> {
    fn grant(&self, tree: &'a GrantTree) -> AssessedGrant {
        let grant = &tree.grant;
        let remembered = self.memory.began.get(&grant.uuid).copied();
        let found = self.role(grant);
        let mut judged = AssessedGrant {
            source: self.source.name.clone(),
            grant: Arc::clone(grant),
            role: found.as_ref().ok().map(Arc::clone),
            logins: Arc::default(),
            services: found.as_ref().map_or(Services::Only(BTreeSet::new()), |role| services(grant, role)),
            began: remembered,
            assessed: Assessed::Refused(Refusal::NoRole),
            in_doubt: false,
            heard: Vec::new(),
            eligible_by: Arc::default(),
        };
        let audience = found.and_then(|role| {
            let tally = Tally::of(tree, &role, self.source.proof, &self.membership);
            judged.began = [tally.began(grant, &role), remembered].into_iter().flatten().min();
            let audience = self.membership.audience(grant, &role);
            judged.assessed = audience
                .as_ref()
                .map_err(Refusal::clone)
                .and_then(|_| self.judge(grant, &role, &tally, judged.began))
                .unwrap_or_else(Assessed::Refused);
            judged.in_doubt = tally.in_doubt(&role);
            judged.heard = tally.heard();
            audience
        });
        // A removal says more than any fault of what was removed.
        if let Some(revocation) = self.revocation(tree) {
            judged.assessed = Assessed::Revoked(revocation.clone());
        } else if self.memory.deleted.contains(&grant.uuid) {
            judged.assessed = Assessed::Refused(Refusal::Deleted);
        } else if let Err(refusal) = &audience {
            judged.assessed = Assessed::Refused(refusal.clone());
        }
        match (audience, &judged.assessed) {
            (Ok(audience), Assessed::Granted { .. } | Assessed::Pending { .. }) => {
                (judged.logins, judged.eligible_by) = audience.who.shared();
            }
            (Err(_), Assessed::Granted { .. } | Assessed::Pending { .. }) => {}
            (Ok(audience), Assessed::Refused(_) | Assessed::Revoked(_)) => {
                (judged.logins, judged.eligible_by) = audience.named.shared();
            }
            (Err(_), Assessed::Refused(_) | Assessed::Revoked(_)) => {
                judged.logins = self.membership.named(&grant.subject);
            }
        }
        judged
    }

    /// The revocation that is shown for a grant: the one that was seen first, or the earliest.
    fn revocation(&self, tree: &'a GrantTree) -> Option<&'a Revocation> {
        self.memory.revoked.get(&tree.grant.uuid).or_else(|| earliest(&tree.revocations))
    }

    /// The role of a grant. One that is named but not there never falls back to the default.
    fn role(&self, grant: &Grant) -> Result<Arc<Role>, Refusal> {
        let Some(dn) = &grant.role else {
            return self.source.default_role.clone().ok_or(Refusal::NoRole);
        };
        match self.source.roles.get(dn) {
            Some(RoleEntry::Known(role)) => Ok(Arc::clone(role)),
            Some(RoleEntry::Malformed(aside)) => {
                let attribute = aside.attribute.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
                Err(Refusal::RoleMalformed(dn.clone(), format!("{attribute}{}", aside.reason)))
            }
            None => Err(Refusal::RoleMissing(dn.clone())),
        }
    }

    /// What the words of a grant come to, its audience and its removal aside.
    fn judge(
        &self,
        grant: &Grant,
        role: &Role,
        tally: &Tally<'_>,
        began: Option<Timestamp>,
    ) -> Result<Assessed, Refusal> {
        if !self.host.meets(&grant.hosts) {
            return Err(Refusal::NotThisHost("it".to_owned()));
        }
        if !self.host.meets(&role.hosts) {
            return Err(Refusal::NotThisHost(format!("its role {}", role.name)));
        }
        if Asked::by(self.source.proof, role).signatures() && !approvals::needed(role) {
            return Err(Refusal::NobodySigns(role.name.clone()));
        }
        if role.reason_required && grant.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Refusal::ReasonRequired);
        }
        if let Some(pattern) = &role.ticket_pattern {
            if !grant.ticket.as_ref().is_some_and(|ticket| pattern.matches(ticket)) {
                return Err(Refusal::TicketRequired(pattern.as_str().to_owned()));
            }
        }
        window::check_length(grant, role)?;
        self.check_author(grant, role)?;
        if let Some(unmet) = tally.unmet(role) {
            return unmet;
        }
        let window = window::window(grant, role, tally, began)?;
        Ok(Assessed::Granted { window, approved: tally.approvers() })
    }

    /// Who wrote the grant must be known, so that nobody approves his own words; and where nobody approves, it must be the
    /// subject or a listed writer. A source that is trusted as a whole needs no such evidence.
    fn check_author(&self, grant: &Grant, role: &Role) -> Result<(), Refusal> {
        match self.source.proof {
            Proof::Source => return Ok(()),
            Proof::CreatorsName | Proof::Signature => {}
        }
        let creator = grant.provenance.creator.as_ref().ok_or(Refusal::EvidenceMissing("creatorsName"))?;
        let modifier = grant.provenance.modifier.as_ref().ok_or(Refusal::EvidenceMissing("modifiersName"))?;
        if approvals::needed(role) {
            return Ok(());
        }
        for author in [creator, modifier] {
            let is_own = *author == grant.subject || self.membership.is_member(author, &grant.subject);
            if !is_own && !self.source.writers.contains(author) {
                return Err(Refusal::WrittenByOther(author.rdn_value()));
            }
        }
        grant.provenance.created.map(drop).ok_or(Refusal::EvidenceMissing("createTimestamp"))
    }
}

/// The revocation to show among several.
pub(crate) fn earliest(revocations: &[Revocation]) -> Option<&Revocation> {
    revocations.iter().min_by_key(|revocation| (revocation.at.is_none(), revocation.at, &revocation.dn))
}

/// Grant ∩ role. A role without services is for all that are guarded, a grant without services for the role's.
fn services(grant: &Grant, role: &Role) -> Services {
    match (grant.services.is_empty(), role.services.is_empty()) {
        (true, true) => Services::AllGuarded,
        (true, false) => Services::Only(role.services.clone()),
        (false, true) => Services::Only(grant.services.clone()),
        (false, false) => Services::Only(grant.services.intersection(&role.services).cloned().collect()),
    }
}

/// Refuses all pending grants of a subject that has more than [`MAX_PENDING`], so that nobody floods the approvers. One that had its
/// approvals asks nobody for any: when an approver leaves, or his key, everything that he ever approved lacks an approval, and that must
/// not keep anybody from asking again.
fn refuse_floods(assessed: &mut [AssessedGrant]) {
    let pending = |judged: &AssessedGrant| {
        let waits = judged.began.is_none() && !judged.in_doubt;
        waits && matches!(judged.assessed, Assessed::Pending { .. })
    };
    let mut counts: BTreeMap<Dn, usize> = BTreeMap::new();
    for judged in assessed.iter().filter(|judged| pending(judged)) {
        let count = counts.entry(judged.grant.subject.clone()).or_default();
        *count = count.saturating_add(1);
    }
    for judged in assessed.iter_mut().filter(|judged| pending(judged)) {
        if counts.get(&judged.grant.subject).is_some_and(|count| *count > MAX_PENDING) {
            judged.assessed = Assessed::Refused(Refusal::TooManyPending(MAX_PENDING));
        }
    }
}
