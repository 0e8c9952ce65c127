//! Which groups are conferred, on whom, under which number, from when until when; and what is not, and why.

mod world;

#[path = "confer/numbers.rs"]
mod numbers;
#[path = "confer/time.rs"]
mod time;

use std::collections::{BTreeMap, BTreeSet};

use jit_model::confer::{Conferred, GroupRefusal, GroupRules, IdRange, Local, LocalUser, confer};
use jit_model::name::UnixGroup;

use world::{World, at, login};

fn group(name: &str) -> UnixGroup {
    UnixGroup::new(name).unwrap_or_else(|error| panic!("{error}"))
}

fn groups(names: &[&str]) -> BTreeSet<UnixGroup> {
    names.iter().map(|name| group(name)).collect()
}

fn allow(names: &[&str]) -> GroupRules {
    GroupRules { allow: groups(names), ..GroupRules::default() }
}

/// A host with these groups of its own, and a few accounts.
fn local(own: &[(&str, u32)]) -> Local {
    let user = |name: &str, uid: u32, gid: u32| (login(name), LocalUser { uid, gid });
    Local {
        users: BTreeMap::from([
            user("root", 0, 0),
            user("toor", 0, 0),
            user("app", 900, 900),
            user("bob", 1_002, 100),
        ]),
        groups: own.iter().map(|(name, gid)| (group(name), *gid)).collect(),
        ..Local::default()
    }
}

const OWN: [(&str, u32); 4] = [("root", 0), ("adm", 4), ("docker", 990), ("users", 100)];

/// alice, in the role `dba` that names these groups, from 10 to 100.
fn alice(named: &[&str]) -> World {
    let mut world = World::new();
    world.role(|role| role.local_groups = groups(named)).fixed(1, 10, 100, &[]);
    world
}

/// Logins, each from when until when.
type Members<'a> = Vec<(&'a str, i64, i64)>;

/// Names and numbers of the groups, with the members' logins and times.
fn shown(conferred: &Conferred) -> Vec<(&str, u32, Members<'_>)> {
    let all = conferred.groups.iter().map(|(name, group)| {
        let members = group.members.iter().map(|m| (m.login.as_str(), m.from.0, m.until.0));
        (name.as_str(), group.gid, members.collect())
    });
    all.collect()
}

/// The members of a group.
fn members<'a>(conferred: &'a Conferred, name: &str) -> Members<'a> {
    let all = shown(conferred).into_iter().find(|(group, ..)| *group == name);
    all.map(|(_, _, members)| members).unwrap_or_default()
}

fn why(conferred: &Conferred, name: &str) -> Option<GroupRefusal> {
    let refused = conferred.refused.iter().find(|refused| refused.group == group(name));
    assert!(
        refused.is_none() || !conferred.groups.contains_key(&group(name)),
        "{name} is refused and conferred: {conferred:?}"
    );
    refused.map(|refused| refused.why.clone())
}

/// What comes of one grant in a role that names these groups, on a host that allows those.
fn of(named: &[&str], rules: &GroupRules, local: &Local) -> Conferred {
    confer(&alice(named).snapshot(), rules, local, at(20))
}

#[test]
fn a_live_grant_confers_the_allowed_groups_of_its_role() {
    let conferred = of(&["adm", "dba"], &allow(&["adm", "dba", "docker"]), &local(&OWN));
    let dba = jit_model::confer::gid_of(&group("dba"), GroupRules::default().gids);
    assert_eq!(
        shown(&conferred),
        // docker is local and nobody is in it: its number has a name already.
        [("adm", 4, vec![("alice", 10, 100)]), ("dba", dba, vec![("alice", 10, 100)])]
    );
    assert_eq!(conferred.refused, []);
}

#[test]
fn a_group_that_is_not_local_has_its_name_though_nobody_is_in_it() {
    let conferred = of(&[], &allow(&["adm", "dba"]), &local(&OWN));
    let dba = jit_model::confer::gid_of(&group("dba"), GroupRules::default().gids);
    assert_eq!(shown(&conferred), [("dba", dba, vec![])]);
}

#[test]
fn what_the_host_does_not_allow_is_refused_with_its_roles() {
    let conferred = of(&["adm", "docker"], &allow(&["adm"]), &local(&OWN));
    assert_eq!(why(&conferred, "docker"), Some(GroupRefusal::NotAllowed));
    assert_eq!(conferred.refused[0].roles, BTreeSet::from(["dba".to_owned()]));
    assert_eq!(shown(&conferred), [("adm", 4, vec![("alice", 10, 100)])]);
    // Nothing is allowed unless somebody says so.
    let conferred = of(&["adm", "docker"], &GroupRules::default(), &local(&OWN));
    assert_eq!((shown(&conferred).len(), conferred.refused.len()), (0, 2));
}

/// Whoever allows one of these by mistake, or in spite, has not allowed a way past the rule.
#[test]
fn a_way_past_the_rule_is_never_conferred() {
    let names = ["jit-admin", "JIT-Admin", "jit-breakglass", "Jit-breakglass", "firefighters"];
    for own in [&[("root", 0), ("jit-admin", 900), ("jit-breakglass", 901), ("firefighters", 902)][..], &[]] {
        let mut world = alice(&names);
        world.policy.break_glass.groups = groups(&["jit-breakglass", "firefighters"]);
        let conferred = confer(&world.snapshot(), &allow(&names), &local(own), at(20));
        for name in names {
            assert_eq!(why(&conferred, name), Some(GroupRefusal::Never), "{name}");
        }
        assert_eq!(shown(&conferred), []);
    }
}

#[test]
fn roots_group_is_never_conferred_under_any_name() {
    let own = [("root", 0), ("wheel", 0), ("adm", 4)];
    let conferred = of(&["root", "wheel"], &allow(&["root", "wheel"]), &local(&own));
    assert_eq!(
        (why(&conferred, "root"), why(&conferred, "wheel")),
        (Some(GroupRefusal::Root), Some(GroupRefusal::Root))
    );
    assert_eq!(shown(&conferred), []);
    // Neither where the file could not be read, nor where root is the name of another number.
    for own in [&[][..], &[("root", 4_000)]] {
        assert_eq!(why(&of(&["root"], &allow(&["root"]), &local(own)), "root"), Some(GroupRefusal::Root));
    }
    // Nor where nobody allowed it: the reason must not send anybody to the list.
    assert_eq!(why(&of(&["wheel"], &allow(&[]), &local(&own)), "wheel"), Some(GroupRefusal::Root));
}

#[test]
fn an_account_of_roots_number_gets_nothing() {
    let mut world = alice(&["adm"]);
    for person in &mut world.persons {
        if person.login == login("alice") {
            person.login = login("toor");
        }
    }
    let conferred = confer(&world.snapshot(), &allow(&["adm"]), &local(&OWN), at(20));
    assert_eq!(shown(&conferred), []);
    // A system account is somebody like others.
    for person in &mut world.persons {
        if person.login == login("toor") {
            person.login = login("app");
        }
    }
    let conferred = confer(&world.snapshot(), &allow(&["adm"]), &local(&OWN), at(20));
    assert_eq!(members(&conferred, "adm"), [("app", 10, 100)]);
}

#[test]
fn only_what_is_granted_confers() {
    let rules = allow(&["adm"]);
    let none = |world: &World, what: &str| {
        let conferred = confer(&world.snapshot(), &rules, &local(&OWN), at(20));
        assert_eq!((shown(&conferred).len(), conferred.refused.len()), (0, 0), "{what}: {conferred:?}");
    };
    assert_eq!(members(&confer(&alice(&["adm"]).snapshot(), &rules, &local(&OWN), at(20)), "adm").len(), 1);
    let mut world = alice(&["adm", "docker"]);
    world.tree(1).approvals.clear();
    none(&world, "pending");
    let mut world = alice(&["adm", "docker"]);
    world.revoke(1, Some("bob"), Some(15));
    none(&world, "revoked");
    let mut world = alice(&["adm", "docker"]);
    world.members("devs", &[]);
    none(&world, "not eligible");
    let mut world = alice(&["adm", "docker"]);
    world.memory.deleted.insert(world::uuid(1));
    none(&world, "deleted and back");
    let mut world = alice(&["adm", "docker"]);
    world.source.roles.clear();
    none(&world, "no role");
}

#[test]
fn a_grant_for_a_group_confers_on_everybody_in_it_who_may() {
    let mut world = alice(&["adm"]);
    world.members("team", &[world::person("alice"), world::person("dave"), world::person("erin")]);
    world.fixed(2, 30, 60, &["sudo"]);
    let tree = world.tree(2);
    let grant = std::sync::Arc::make_mut(&mut tree.grant);
    grant.subject = world::group("team");
    tree.approvals.clear();
    world.approve(2, "bob", 0, |_| {});
    let conferred = confer(&world.snapshot(), &allow(&["adm"]), &local(&OWN), at(20));
    assert_eq!(members(&conferred, "adm"), [("alice", 10, 100), ("dave", 30, 60)], "erin is not eligible");
}

#[test]
fn the_ranges_speak_for_themselves() {
    let range = |first, last| IdRange { first, last };
    assert!(range(1, 5).contains(1) && range(1, 5).contains(5));
    assert!(!range(1, 5).contains(0) && !range(1, 5).contains(6));
    assert!(
        range(1, 5).overlaps(range(5, 9))
            && range(5, 9).overlaps(range(1, 5))
            && range(1, 9).overlaps(range(3, 4))
    );
    assert!(!range(1, 5).overlaps(range(6, 9)) && !range(6, 9).overlaps(range(1, 5)));
    assert_eq!(GroupRules::default().gids.to_string(), "2013265920-2030043135");
}
