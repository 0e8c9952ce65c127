//! Under which number a group is conferred: never under one that means another group here.

use super::*;
use jit_model::confer::{Unfit, gid_of};

const DEFAULT: IdRange = IdRange { first: 2_013_265_920, last: 2_030_043_135 };

/// Published: other programs may count it out, and every host must come to the same.
#[test]
fn a_name_comes_to_the_same_number_everywhere() {
    // printf NAME | sha256sum | cut -c-16, modulo 16,777,216, plus 2,013,265,920.
    for (name, gid) in VECTORS {
        assert_eq!(gid_of(&group(name), DEFAULT), gid, "{name}");
    }
    assert_eq!(GroupRules::default().gids, DEFAULT);
}

#[test]
fn a_number_lies_in_its_range() {
    for range in
        [(7, 7), (5, 6), (1, u32::MAX), (u32::MAX, u32::MAX)].map(|(first, last)| IdRange { first, last })
    {
        for n in 0..200 {
            let gid = gid_of(&group(&format!("g{n}")), range);
            assert!(range.contains(gid), "{gid} of {range}");
        }
    }
    // The fields are public: a range that begins after its end is still none that panics.
    assert_eq!(gid_of(&group("dba"), IdRange { first: 9, last: 3 }), 9);
}

#[test]
fn a_local_group_keeps_its_number_wherever_it_lies() {
    let own = [("root", 0), ("dba", DEFAULT.first + 5), ("nogroup", 65_534)];
    let conferred = of(&["dba", "nogroup"], &allow(&["dba", "nogroup"]), &local(&own));
    let alice = vec![("alice", 10, 100)];
    assert_eq!(shown(&conferred), [("dba", DEFAULT.first + 5, alice.clone()), ("nogroup", 65_534, alice)]);
}

#[test]
fn a_number_that_somebody_has_is_not_given_again() {
    let rules = allow(&["dba", "web"]);
    let dba = gid_of(&group("dba"), DEFAULT);
    let conferred = of(&["dba", "web"], &rules, &local(&[("root", 0), ("ops", dba)]));
    assert_eq!(
        why(&conferred, "dba"),
        Some(GroupRefusal::Taken { gid: dba, by: "the group ops".to_owned() })
    );
    assert_eq!(members(&conferred, "web").len(), 1, "of another number");
    // The primary group of an account, which need not be in /etc/group.
    let mut host = local(&OWN);
    host.users.insert(login("svc"), LocalUser { uid: 77, gid: dba });
    let Some(GroupRefusal::Taken { gid, by }) = why(&of(&["dba"], &rules, &host), "dba") else { panic!() };
    assert!(gid == dba && by.contains("svc"), "{by}");
    // A uid of that number is nobody's group.
    host.users.insert(login("svc"), LocalUser { uid: dba, gid: 77 });
    assert_eq!(why(&of(&["dba"], &rules, &host), "dba"), None);
}

#[test]
fn two_names_of_one_number_are_both_refused() {
    let narrow =
        |names: &[&str]| GroupRules { gids: IdRange { first: 50_000, last: 50_000 }, ..allow(names) };
    let conferred = of(&["dba"], &narrow(&["dba", "web"]), &local(&OWN));
    assert_eq!(why(&conferred, "dba"), Some(GroupRefusal::Collision { gid: 50_000, with: group("web") }));
    assert_eq!(why(&conferred, "web"), Some(GroupRefusal::Collision { gid: 50_000, with: group("dba") }));
    assert_eq!(conferred.refused[1].roles, BTreeSet::new(), "it is only allowed");
    // A local group for one of them is the way out; a name that only a role says takes nobody's number.
    let own = [("root", 0), ("web", 80)];
    assert_eq!(why(&of(&["dba", "web"], &narrow(&["dba", "web"]), &local(&own)), "dba"), None);
    let conferred = of(&["dba", "web"], &narrow(&["dba"]), &local(&OWN));
    assert_eq!((why(&conferred, "dba"), why(&conferred, "web")), (None, Some(GroupRefusal::NotAllowed)));
}

/// Whoever is in the one is in the other: that is not what the host has allowed.
#[test]
fn two_local_groups_of_one_number_are_not_conferred() {
    let own = [("root", 0), ("helpers", 900), ("jit-admin", 900), ("adm", 4)];
    let conferred = of(&["helpers", "adm"], &allow(&["helpers", "adm"]), &local(&own));
    assert_eq!(why(&conferred, "helpers"), Some(GroupRefusal::Alias { gid: 900, with: group("jit-admin") }));
    assert_eq!(shown(&conferred), [("adm", 4, vec![("alice", 10, 100)])]);
    // Though both are allowed: no number stands twice in a map.
    let own = [("root", 0), ("ops", 900), ("sre", 900)];
    assert_eq!(shown(&of(&["ops", "sre"], &allow(&["ops", "sre"]), &local(&own))), []);
}

/// glibc makes a group of a line that jitd has no name for.
#[test]
fn a_number_of_a_line_without_a_name_is_somebodys() {
    let dba = gid_of(&group("dba"), DEFAULT);
    let mut host = local(&[("root", 0), ("ops", 900)]);
    host.nameless.groups = BTreeSet::from([900, dba]);
    let conferred = of(&["dba", "ops", "web"], &allow(&["dba", "ops", "web"]), &host);
    assert_eq!(why(&conferred, "ops"), Some(GroupRefusal::Nameless { gid: 900 }));
    let Some(GroupRefusal::Taken { gid, by }) = why(&conferred, "dba") else { panic!("{conferred:?}") };
    assert!(gid == dba && by.contains("/etc/group"), "{by}");
    assert_eq!(members(&conferred, "web").len(), 1, "of another number");
    // An account's primary group is no other group of that number, but a number that is taken.
    let mut host = local(&[("root", 0), ("ops", 900)]);
    host.nameless.users = [900, dba].map(|gid| LocalUser { uid: 7, gid }).into();
    let conferred = of(&["dba", "ops"], &allow(&["dba", "ops"]), &host);
    assert!(matches!(why(&conferred, "dba"), Some(GroupRefusal::Taken { .. })));
    assert_eq!(why(&conferred, "ops"), None);
}

#[test]
fn case_matters_and_does_not_deceive() {
    // Programs that ignore case (sudo can) would take it for the local one.
    let conferred = of(&["Docker", "DBA"], &allow(&["Docker", "DBA"]), &local(&OWN));
    assert_eq!(why(&conferred, "Docker"), Some(GroupRefusal::Lookalike { with: group("docker") }));
    assert_eq!(members(&conferred, "DBA").len(), 1);
    // What is allowed is allowed by its very name.
    let conferred = of(&["Docker"], &allow(&["docker"]), &local(&OWN));
    assert_eq!((why(&conferred, "Docker"), shown(&conferred)), (Some(GroupRefusal::NotAllowed), vec![]));
}

#[test]
fn what_programs_take_for_something_else_is_no_name() {
    for (name, unfit) in [
        // chgrp 0 asks for a group of that name before it takes it for a number.
        ("0", Unfit::Number),
        ("65534", Unfit::Number),
        ("0.0", Unfit::Number),
        ("+", Unfit::Beginning),
        ("+dba", Unfit::Beginning),
        ("@dba", Unfit::Beginning),
        ("$dba", Unfit::Beginning),
        (".", Unfit::Beginning),
        ("..", Unfit::Beginning),
    ] {
        let conferred = of(&[name], &allow(&[name]), &local(&OWN));
        assert_eq!(why(&conferred, name), Some(GroupRefusal::Name(unfit)), "{name}");
        assert_eq!(shown(&conferred), [], "{name}");
    }
    for name in ["dba", "_apt", "4eyes", "dba@example.com", "web$", "a+b", "x.y", "0x10"] {
        assert_eq!(why(&of(&[name], &allow(&[name]), &local(&OWN)), name), None, "{name}");
    }
    // A host may have such a group of its own, and mean it.
    assert_eq!(members(&of(&["4711"], &allow(&["4711"]), &local(&[("4711", 4_711)])), "4711").len(), 1);
}

/// setgroups(2) refuses all of them for it: the holder could not log in.
#[test]
fn a_number_that_no_process_can_have_is_not_conferred() {
    let conferred = of(&["odd"], &allow(&["odd"]), &local(&[("odd", u32::MAX)]));
    assert_eq!(why(&conferred, "odd"), Some(GroupRefusal::Reserved { gid: u32::MAX }));
    // The configuration admits no such range; a range made otherwise neither.
    for gid in [61_184, 65_519, 65_534, 65_535, u32::MAX - 1, u32::MAX] {
        let rules = GroupRules { gids: IdRange { first: gid, last: gid }, ..allow(&["dba"]) };
        assert_eq!(why(&of(&["dba"], &rules, &local(&OWN)), "dba"), Some(GroupRefusal::Reserved { gid }));
    }
    let rules = GroupRules { gids: IdRange { first: 0, last: 0 }, ..allow(&["dba"]) };
    assert_eq!(why(&of(&["dba"], &rules, &local(&[])), "dba"), Some(GroupRefusal::Root));
}

/// Each reason ends with what to do, or says that nothing can be done.
#[test]
fn each_refusal_is_a_sentence() {
    for why in [
        GroupRefusal::NotAllowed,
        GroupRefusal::Never,
        GroupRefusal::Root,
        GroupRefusal::Taken { gid: 7, by: "the group ops".to_owned() },
        GroupRefusal::Collision { gid: 7, with: group("ops") },
        GroupRefusal::Alias { gid: 7, with: group("ops") },
        GroupRefusal::Nameless { gid: 7 },
        GroupRefusal::Lookalike { with: group("ops") },
        GroupRefusal::Name(Unfit::Number),
        GroupRefusal::Name(Unfit::Beginning),
        GroupRefusal::Reserved { gid: 7 },
    ] {
        let text = why.to_string();
        assert!(
            text.starts_with(char::is_lowercase) && !text.ends_with('.') && !text.contains('\n'),
            "{text}"
        );
    }
}
const VECTORS: [(&str, u32); 7] = [
    ("adm", 2_018_828_711),
    ("dba", 2_023_618_582),
    ("docker", 2_024_152_462),
    ("web", 2_016_363_193),
    ("sre", 2_027_121_693),
    ("jit-dba", 2_028_190_449),
    ("dba@example.com", 2_025_041_621),
];
