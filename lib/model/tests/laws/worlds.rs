//! Random directories: mostly in order, sometimes not.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, End, Grant, GrantTree, Provenance, Revocation};
use jit_model::host::HostPattern;
use jit_model::name::Service;
use jit_model::people::Group;
use jit_model::role::{Role, TicketPattern};
use jit_model::signature::{BadSignature, Signature, Signed};
use jit_model::source::{Proof, RoleEntry};
use jit_model::time::{Span, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{self, World, at, group, host, person, role_dn, service, uuid};

pub(crate) const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const GROUPS: [&str; 4] = ["devs", "leads", "security", "ring"];
pub(crate) const ROLES: [&str; 2] = ["dba", "web"];

pub(crate) fn a_person() -> impl Strategy<Value = Dn> {
    select(&PEOPLE[..]).prop_map(person)
}

pub(crate) fn a_group() -> impl Strategy<Value = Dn> {
    select(&GROUPS[..]).prop_map(group)
}

pub(crate) fn somebody() -> impl Strategy<Value = Dn> {
    prop_oneof![3 => a_person(), 1 => a_group()]
}

/// Another entry of the same name, in a place where nobody is looked for but whom a group lists.
fn elsewhere() -> impl Strategy<Value = Dn> {
    select(&["alice", "bob", "carol"][..]).prop_map(|name| world::dn(&format!("uid={name},ou=old,dc=x")))
}

fn an_approver() -> impl Strategy<Value = Dn> {
    prop_oneof![14 => a_person(), 1 => elsewhere()]
}

/// Whom a group lists.
fn listed() -> impl Strategy<Value = Dn> {
    prop_oneof![9 => a_person(), 3 => a_group(), 1 => elsewhere()]
}

pub(crate) fn some<T: std::fmt::Debug + Clone + 'static>(
    one: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<T>> {
    proptest::option::weighted(0.3, one).boxed()
}

pub(crate) fn a_set<T: Ord + std::fmt::Debug>(
    one: impl Strategy<Value = T>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = BTreeSet<T>> {
    proptest::collection::vec(one, size).prop_map(|list| list.into_iter().collect())
}

fn hosts() -> impl Strategy<Value = BTreeSet<HostPattern>> {
    a_set(
        select(&["@db", "*", "db1.prod.example.com", "*.example.com", "*", "@web"][..]).prop_map(host),
        1..4,
    )
}

fn services() -> impl Strategy<Value = BTreeSet<Service>> {
    prop_oneof![2 => Just(BTreeSet::new()), 1 => a_set(select(&["sshd", "sudo"][..]).prop_map(service), 1..3)]
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..120).prop_map(at)
}

pub(crate) fn a_span() -> impl Strategy<Value = Span> {
    (1_u64..60).prop_map(Span)
}

/// What a directory shows of an entry of `author`'s: mostly in order, sometimes not.
fn provenance(author: Dn) -> impl Strategy<Value = Provenance> {
    (time(), 0_u8..40, a_person(), 0_i64..3).prop_map(move |(when, fault, other, later)| {
        let mut shown = world::written(&author, when.0);
        match fault {
            0 => shown.creator = Some(other),
            1 => shown.modifier = Some(other),
            2 => shown.modified = Some(at(when.0 + later)),
            3 => shown.creator = None,
            4 => shown.created = None,
            _ => {}
        }
        shown
    })
}

fn a_role(name: &'static str) -> impl Strategy<Value = Role> {
    let who = (a_set(somebody(), 2..6), a_set(a_group(), 0..4), 0_u32..4, proptest::bool::weighted(0.3));
    let what = (hosts(), services(), 30_u64..150, 0_u8..20);
    (who, what).prop_map(
        move |((eligible, approver_groups, required, each), (hosts, services, max, rare))| Role {
            dn: Some(role_dn(name)),
            name: name.to_owned(),
            hosts,
            eligible,
            max_duration: Span(max),
            approvals_required: required % 3,
            approver_groups,
            approvals_from_each: each,
            signature_required: matches!(rare, 0 | 3 | 4),
            services,
            local_groups: BTreeSet::new(),
            reason_required: rare == 1,
            ticket_pattern: (rare == 2).then(|| TicketPattern::new("T-[0-9]").ok()).flatten(),
        },
    )
}

fn an_end() -> impl Strategy<Value = End> {
    prop_oneof![a_span().prop_map(End::After), (30_i64..150).prop_map(|end| End::At(at(end)))]
}

fn a_grant(n: u32) -> impl Strategy<Value = Grant> {
    let role = prop_oneof![8 => select(&ROLES[..]).prop_map(|name| Some(role_dn(name))), 1 => Just(None)];
    let author = prop_oneof![5 => Just(None), 1 => a_person().prop_map(Some)];
    (somebody(), role, (hosts(), services()), (some(time()), an_end()), author, any::<bool>()).prop_flat_map(
        move |(subject, role, (hosts, services), (not_before, end), author, words)| {
            let grant = Grant {
                uuid: uuid(n),
                dn: world::dn(&format!("cn=g{n},ou=grants,dc=x")),
                id: format!("g{n}"),
                subject: subject.clone(),
                role,
                hosts,
                services,
                not_before,
                end,
                reason: words.then(|| "why".to_owned()),
                ticket: words.then(|| "T-1".to_owned()),
                provenance: Provenance::default(),
            };
            let editor = proptest::option::weighted(0.1, a_person());
            (provenance(author.unwrap_or(subject)), editor).prop_map(move |(mut provenance, editor)| {
                provenance.modifier = editor.or(provenance.modifier);
                Grant { provenance, ..grant.clone() }
            })
        },
    )
}

fn an_approval(grant: Arc<Grant>) -> impl Strategy<Value = Approval> {
    (an_approver(), some(time()), some(a_span()), 0_u8..10).prop_flat_map(
        move |(approver, not_after, duration, wrong)| {
            let mut right = digest(&grant);
            right.0[0] ^= u8::from(wrong == 0);
            let dn = grant.dn.child("cn", "a").expect("a name");
            let shown = (provenance(approver.clone()), a_signature(&grant, &approver));
            shown.prop_map(move |(provenance, signature)| Approval {
                dn: dn.clone(),
                approver: approver.clone(),
                digest: right,
                not_after,
                duration,
                signature,
                provenance,
            })
        },
    )
}

/// Mostly good, by one's own key; sometimes by another or by one that root lists for several, of other words, or of no worth.
pub(crate) fn a_signature(grant: &Grant, approver: &Dn) -> impl Strategy<Value = Signature> + use<> {
    let principal = approver.rdn_value();
    let right = Signed {
        key: format!("SHA256:{principal}"),
        principal,
        approver: approver.clone(),
        grant: grant.uuid,
        digest: digest(grant),
        duration: None,
        at: at(0),
        latest_end: at(0),
    };
    let latest_end = prop_oneof![5 => (100_i64..300).prop_map(at), 1 => time()];
    (time(), latest_end, 0_u8..60, a_person(), 0_u8..10).prop_map(
        move |(at, latest_end, fault, other, key)| {
            let mut signed = Signed { at, latest_end, ..right.clone() };
            match key {
                0 | 1 => signed.key = "SHA256:shared".to_owned(),
                2 => signed.key.push('2'),
                4 => signed.duration = Some(Span(u64::from(fault))),
                3 => signed.key = format!("SHA256:{}", other.rdn_value()),
                _ => {}
            }
            match fault {
                0 => signed.approver = other,
                1 => signed.principal = other.rdn_value(),
                2 => signed.grant = uuid(99),
                3 => signed.digest.0[0] ^= 1,
                4 => return Signature::Bad(BadSignature::Forged),
                5 | 6 => return Signature::Absent,
                7 | 8 => return Signature::Unchecked(b"jit-approval-1".to_vec()),
                _ => {}
            }
            Signature::Good(signed)
        },
    )
}

pub(crate) fn a_tree(n: u32) -> impl Strategy<Value = GrantTree> {
    a_grant(n).prop_flat_map(|grant| {
        let grant = Arc::new(grant);
        let approvals = proptest::collection::vec(an_approval(Arc::clone(&grant)), 0..8);
        let revoked = proptest::bool::weighted(0.1);
        (approvals, revoked).prop_map(move |(approvals, revoked)| {
            let revocations = if revoked { vec![a_revocation(&grant)] } else { Vec::new() };
            GrantTree { grant: Arc::clone(&grant), approvals, revocations }
        })
    })
}

pub(crate) fn a_revocation(grant: &Grant) -> Revocation {
    Revocation { dn: grant.dn.child("cn", "r").expect("a name"), by: None, at: None, reason: None }
}

pub(crate) fn a_world() -> impl Strategy<Value = World> {
    let groups = proptest::collection::vec(a_set(listed(), 1..6), GROUPS.len());
    let roles = (a_role("dba"), a_role("web"));
    let trees = (a_tree(1), a_tree(2), a_tree(3), a_tree(4));
    let trust = (0_u8..9, some(a_role("default")), a_set(a_person(), 0..2));
    let shown = proptest::collection::vec(0_u8..4, 4);
    (groups, roles, trees, trust, shown).prop_map(
        |(groups, (dba, web), trees, (proof, default, writers), shown)| {
            let mut world = World::new();
            world.groups =
                GROUPS.iter().zip(groups).map(|(name, members)| Group { dn: group(name), members }).collect();
            for mut role in [dba, web] {
                // Where approvals must be signed, a role that nobody approves grants nothing: most have somebody.
                if (proof > 6 || role.signature_required) && role.max_duration.0 % 8 != 0 {
                    role.approvals_required = role.approvals_required.max(1);
                    role.approver_groups.extend(["leads", "security"].map(group));
                }
                let dn = role.dn.clone().expect("a name");
                world.source.roles.insert(dn, RoleEntry::Known(Arc::new(role)));
            }
            world.source.default_role = default.map(|role| Arc::new(Role { dn: None, ..role }));
            world.source.proof = match proof {
                0..=2 => Proof::Source,
                3..=6 => Proof::CreatorsName,
                _ => Proof::Signature,
            };
            world.source.writers = writers;
            let (a, b, c, d) = trees;
            let mut trees = [a, b, c, d];
            if world.source.proof == Proof::Source {
                // What people write into a file by hand shows nothing of its making.
                for (tree, _) in trees.iter_mut().zip(shown).filter(|(_, shown)| *shown < 3) {
                    Arc::make_mut(&mut tree.grant).provenance = Provenance::default();
                }
            }
            world.source.grants = trees.into_iter().map(|tree| (tree.grant.uuid, tree)).collect();
            world
        },
    )
}
