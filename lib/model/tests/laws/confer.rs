//! The laws of groups, over the same random directories, whose roles name groups and whose grants are divided between two sources:
//!
//! - at each second those are in a group whom a grant names that is live then, of a source that is not silent for too long, in a role that
//!   names the group; and nobody else. Counted out by itself here, second by second;
//! - whom the door lets in by a grant is in the groups of its role, and who is in a group has a live grant;
//! - what is said now of a later second is what is said then, if nothing is heard in between;
//! - removing anything adds nobody to a group, nor does a revocation, nor a role that names fewer groups;
//! - nobody is in a group twice at a time, no two groups have one number, and none has root's.

use jit_model::assess::Services;
use jit_model::confer::{Conferred, GroupRules, Local, LocalUser, Membership, confer};
use jit_model::grant::End;
use jit_model::name::{SourceName, UnixGroup};
use jit_model::role::Role;
use jit_model::snapshot::{Freshness, Silence};
use jit_model::state::{State, state};
use jit_model::time::Span;

use super::*;

/// What roles name, and whether this host would ever confer it: `adm` and `docker` are local, `dba` is not; `wheel` has number 0.
const NAMES: [(&str, bool); 8] = [
    ("adm", true),
    ("docker", true),
    ("dba", true),
    ("wheel", false),
    ("root", false),
    ("jit-admin", false),
    ("Docker", false),
    ("0", false),
];

fn unix(name: &str) -> UnixGroup {
    UnixGroup::new(name).expect("a name")
}

/// Names of the list above.
fn some_names() -> impl Strategy<Value = BTreeSet<UnixGroup>> {
    proptest::collection::btree_set(select(&NAMES[..]).prop_map(|(name, _)| unix(name)), 2..8)
}

/// Erin is a name of root's here.
fn local() -> Local {
    let user = |name: &str, uid: u32| (login(name), LocalUser { uid, gid: uid });
    let group = |name: &str, gid: u32| (unix(name), gid);
    Local {
        users: BTreeMap::from([user("root", 0), user("erin", 0), user("bob", 1_002)]),
        groups: BTreeMap::from([group("root", 0), group("wheel", 0), group("adm", 4), group("docker", 990)]),
        ..Local::default()
    }
}

fn rules(allow: &BTreeSet<UnixGroup>) -> GroupRules {
    GroupRules { allow: allow.clone(), ..GroupRules::default() }
}

/// A directory whose roles name groups. Every other one lets nearly everybody have what he writes, at few points in time: so that many are
/// in the same groups, in windows that overlap, touch and lie within each other.
fn a_conferring_world() -> impl Strategy<Value = World> {
    let names = (some_names(), some_names(), some_names());
    (a_world(), names, any::<bool>()).prop_map(|(mut world, (dba, web, default), open)| {
        for (role, names) in [("dba", dba), ("web", web)] {
            name_groups(&mut world, role, &names);
        }
        if let Some(role) = &mut world.source.default_role {
            Arc::make_mut(role).local_groups = default;
        }
        if open {
            open_up(&mut world);
        }
        world
    })
}

fn open_up(world: &mut World) {
    for role in ROLES {
        if let Some(RoleEntry::Known(role)) = world.source.roles.get_mut(&role_dn(role)) {
            let role = Arc::make_mut(role);
            let free = Role::default_of(Span(200));
            let eligible = PEOPLE.map(world::person).into();
            let (dn, name, services) = (role.dn.clone(), role.name.clone(), role.services.clone());
            let local_groups = role.local_groups.clone();
            *role = Role { dn, name, services, local_groups, eligible, ..free };
        }
    }
    world.source.writers = PEOPLE.map(world::person).into();
    for tree in world.source.grants.values_mut() {
        let grant = Arc::make_mut(&mut tree.grant);
        let turn = 40 * i64::from(grant.uuid.0[3] / 2);
        let start = grant.not_before.unwrap_or(at(turn)).0 / 40 * 40;
        grant.not_before = Some(at(start));
        grant.end = match grant.end {
            End::At(end) => End::At(at((end.0 / 40 * 40).max(start + 40))),
            End::After(span) => End::At(at(start + 40 + i64::try_from(span.0).expect("short") / 40 * 40)),
        };
        if ["bob", "carol"].map(world::person).contains(&grant.subject) {
            grant.subject = world::person("alice");
        }
        grant.provenance = world::written(&world::person("alice"), 0);
    }
}

fn name_groups(world: &mut World, role: &str, names: &BTreeSet<UnixGroup>) {
    if let Some(RoleEntry::Known(role)) = world.source.roles.get_mut(&role_dn(role)) {
        Arc::make_mut(role).local_groups.clone_from(names);
    }
}

/// How two sources stand: heard of at some time, or not yet; for a while, or for ever.
fn freshness() -> impl Strategy<Value = [Freshness; 2]> {
    let heard = || proptest::option::weighted(0.85, (-30_i64..160).prop_map(at));
    let limit = || proptest::option::weighted(0.7, (0_u64..150).prop_map(Span));
    let one = || (heard(), limit()).prop_map(|(heard, max_offline)| Freshness { heard, max_offline });
    [one(), one()]
}

fn always() -> [Freshness; 2] {
    [(); 2].map(|()| Freshness { heard: None, max_offline: None })
}

/// What a host knows, whose grants with an even number come from another source than the others.
fn seen(host: &Host, freshness: &[Freshness; 2]) -> Snapshot {
    let name = |which: usize| SourceName::new(["odd", "even"][which]).expect("a name");
    let home = |judged: &AssessedGrant| usize::from(judged.grant.uuid.0[3] % 2 == 0);
    let grants = host.assessed.iter();
    let grants =
        grants.map(|judged| Arc::new(AssessedGrant { source: name(home(judged)), ..judged.clone() }));
    let sources = (0..2).map(|which| (name(which), freshness[which].clone())).collect();
    Snapshot::new(host.world.policy.clone(), sources, grants.collect(), Vec::new(), BTreeSet::new())
}

/// Who is in which group at a second.
type In = BTreeSet<(UnixGroup, Login)>;

/// By the map.
fn says(conferred: &Conferred, t: i64) -> In {
    let is_in = |member: &&Membership| member.from.0 <= t && t < member.until.0;
    let all = conferred.groups.iter().flat_map(|(name, group)| {
        group.members.iter().filter(is_in).map(|member| (name.clone(), member.login.clone()))
    });
    all.collect()
}

/// By the grants.
fn counted(snapshot: &Snapshot, allow: &BTreeSet<UnixGroup>, t: i64) -> In {
    let mut all = In::new();
    for grant in snapshot.grants() {
        let live = state(&grant.assessed, at(t)) == State::Live;
        if !live || snapshot.silence(&grant.source, at(t)) != Silence::Fresh {
            continue;
        }
        for (name, can_be) in NAMES {
            let named = grant.role.as_ref().is_some_and(|role| role.local_groups.contains(&unix(name)));
            if named && can_be && allow.contains(&unix(name)) {
                let people = grant.logins.keys().filter(|who| who.as_str() != "erin");
                all.extend(people.map(|who| (unix(name), who.clone())));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is said at `now` of each second from then on.
    #[test]
    fn in_a_group_are_those_whose_live_grants_name_it(
        world in a_conferring_world(),
        allow in some_names(),
        freshness in freshness(),
        now in NOWS,
    ) {
        let snapshot = seen(&Host::sees(&world), &freshness);
        let conferred = confer(&snapshot, &rules(&allow), &local(), at(now));
        for t in now..NOWS.end {
            prop_assert_eq!(says(&conferred, t), counted(&snapshot, &allow, t), "at {}, said at {}", t, now);
        }
    }

    #[test]
    fn the_door_and_the_map_agree(
        world in a_conferring_world(),
        allow in some_names(),
        freshness in freshness(),
        who in select(&PEOPLE[..4]),
    ) {
        let host = Host::sees(&world);
        let snapshot = seen(&host, &freshness);
        let conferred = confer(&snapshot, &rules(&allow), &local(), at(NOWS.start));
        for t in NOWS {
            let groups: BTreeSet<UnixGroup> =
                says(&conferred, t).into_iter().filter(|(_, login)| login.as_str() == who).map(|(name, _)| name).collect();
            match decide(&snapshot, &question(who, "sshd"), at(t)) {
                Verdict::Allow(Allow::Grants { grants, .. }) => {
                    let role = grants.first().and_then(|grant| grant.role.clone()).expect("a role");
                    for (name, can_be) in NAMES {
                        let named = role.local_groups.contains(&unix(name)) && allow.contains(&unix(name));
                        prop_assert!(!(named && can_be) || groups.contains(&unix(name)), "{who} lacks {name} at {t}");
                    }
                }
                // What opens every door would have opened this one.
                Verdict::Deny(_) => {
                    let opens = |grant: &&Arc<AssessedGrant>| grant.services == Services::AllGuarded;
                    let conferring = |grant: &Arc<AssessedGrant>| {
                        grant.role.iter().any(|role| role.local_groups.iter().any(|name| groups.contains(name)))
                    };
                    let grants = snapshot.grants_of(&login(who)).iter().filter(opens);
                    let live = grants.filter(|grant| state(&grant.assessed, at(t)) == State::Live);
                    let fresh = live.filter(|grant| snapshot.silence(&grant.source, at(t)) == Silence::Fresh);
                    prop_assert!(!fresh.into_iter().any(conferring), "{who} has {groups:?} at {t}, and no way in");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    /// So a map may stand as long as nothing is heard.
    #[test]
    fn what_is_said_now_of_later_is_said_later(
        world in a_conferring_world(),
        allow in some_names(),
        freshness in freshness(),
        now in NOWS,
        later in 0_i64..100,
    ) {
        let snapshot = seen(&Host::sees(&world), &freshness);
        let early = confer(&snapshot, &rules(&allow), &local(), at(now));
        let late = confer(&snapshot, &rules(&allow), &local(), at(now + later));
        for t in now + later..NOWS.end.max(now + later) {
            prop_assert_eq!(says(&early, t), says(&late, t));
        }
        let numbers = |conferred: &Conferred| -> Vec<(UnixGroup, u32)> {
            conferred.groups.iter().map(|(name, group)| (name.clone(), group.gid)).collect()
        };
        // A group of one name has one number, early and late.
        for (name, gid) in numbers(&late) {
            prop_assert_eq!(early.groups.get(&name).map(|group| group.gid), Some(gid));
        }
    }

    #[test]
    fn removing_adds_nobody_to_a_group(
        first in a_conferring_world(),
        removals in proptest::collection::vec(a_removal(), 1..4),
        revoked: Option<Index>,
        fewer in proptest::option::of((select(&ROLES[..]), select(&NAMES[..]))),
        allow in some_names(),
        freshness in freshness(),
    ) {
        let mut host = Host::sees(&first);
        let mut world = first;
        let all = |host: &Host, freshness: &[Freshness; 2]| {
            confer(&seen(host, freshness), &rules(&allow), &local(), at(NOWS.start))
        };
        // Nor does one that says nothing any more.
        for freshness in [&freshness, &always()] {
            let mut host = host.clone();
            let mut world = world.clone();
            let before = all(&host, freshness);
            for removal in &removals {
                remove(&mut world, removal);
            }
            host.sync(&world);
            let after = all(&host, freshness);
            for t in NOWS {
                prop_assert!(says(&after, t).is_subset(&says(&before, t)), "{removals:?} at {t}");
            }
        }
        let before = all(&host, &freshness);
        if let Some(which) = &revoked {
            revoke(&mut world, which);
        }
        if let Some((role, (name, _))) = fewer {
            if let Some(RoleEntry::Known(role)) = world.source.roles.get_mut(&role_dn(role)) {
                Arc::make_mut(role).local_groups.remove(&unix(name));
            }
        }
        host.sync(&world);
        let after = all(&host, &freshness);
        for t in NOWS {
            prop_assert!(says(&after, t).is_subset(&says(&before, t)), "{revoked:?} {fewer:?} at {t}");
        }
    }

    #[test]
    fn a_map_of_it_is_in_order(
        world in a_conferring_world(),
        allow in some_names(),
        freshness in freshness(),
        now in NOWS,
    ) {
        let conferred = confer(&seen(&Host::sees(&world), &freshness), &rules(&allow), &local(), at(now));
        let numbers: BTreeSet<u32> = conferred.groups.values().map(|group| group.gid).collect();
        prop_assert_eq!(numbers.len(), conferred.groups.len());
        prop_assert!(!numbers.contains(&0));
        for group in conferred.groups.values() {
            for pair in group.members.windows(2) {
                let [one, next] = pair else { continue };
                prop_assert!(one.login <= next.login);
                prop_assert!(one.login < next.login || one.until < next.from, "{pair:?}");
            }
            prop_assert!(group.members.iter().all(|m| m.from < m.until && now < m.until.0));
        }
        for refused in &conferred.refused {
            prop_assert!(!conferred.groups.contains_key(&refused.group));
        }
    }
}

/// The laws would hold where nobody is ever in a group, too.
#[test]
fn somebody_is_in_a_group() {
    let mut runner = TestRunner::deterministic();
    let (mut members, mut cut) = (0, 0);
    for _ in 0..300 {
        let world = a_conferring_world().new_tree(&mut runner).expect("a world").current();
        let [one, other] = freshness().new_tree(&mut runner).expect("a freshness").current();
        let allow: BTreeSet<UnixGroup> = NAMES.iter().map(|(name, _)| unix(name)).collect();
        let host = Host::sees(&world);
        let all = |freshness| -> Vec<Membership> {
            let conferred = confer(&seen(&host, freshness), &rules(&allow), &local(), at(NOWS.start));
            conferred.groups.into_values().flat_map(|group| group.members).collect()
        };
        let (heard, whole) = (all(&[one, other]), all(&always()));
        members += heard.len();
        cut += heard.iter().filter(|member| !whole.contains(member)).count();
    }
    assert!(members > 300 && cut > 20, "{members} members, {cut} cut short");
}
