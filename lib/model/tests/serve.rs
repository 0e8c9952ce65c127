//! Who is shown as an account of this host, as what, and who is not, and why.

mod world;

#[path = "serve/fields.rs"]
mod fields;

use std::collections::{BTreeMap, BTreeSet};

use jit_model::confer::{ConferredGroup, IdRange, Local, LocalUser};
use jit_model::name::{Login, UnixGroup};
use jit_model::people::Account;
use jit_model::serve::{KnownPerson, PeopleRules, Served, ServedPerson, serve};
use jit_model::time::Span;

use world::{at, login};

fn person(uid: u32, gid: u32) -> KnownPerson {
    let account = Account {
        gid_number: Some(gid),
        gecos: Some("Somebody".to_owned()),
        home: None,
        shell: Some("/bin/sh".to_owned()),
        ssh_keys: Vec::new(),
    };
    KnownPerson { uid_number: Some(uid), account, last: at(1_000), shown: true }
}

/// root, postgres (26, of group 26), bob (20001, of group 100), svc (700, of a group without a name).
fn local() -> Local {
    let user = |name: &str, uid: u32, gid: u32| (login(name), LocalUser { uid, gid });
    let group = |name: &str, gid: u32| (UnixGroup::new(name).unwrap(), gid);
    Local {
        users: BTreeMap::from([
            user("root", 0, 0),
            user("postgres", 26, 26),
            user("bob", 20_001, 100),
            user("svc", 700, 30_000),
        ]),
        groups: BTreeMap::from([group("root", 0), group("postgres", 26), group("staff", 20_050)]),
        ..Local::default()
    }
}

fn known(all: &[(&str, KnownPerson)]) -> BTreeMap<Login, KnownPerson> {
    all.iter().map(|(name, person)| (login(name), person.clone())).collect()
}

fn of(all: &[(&str, KnownPerson)]) -> Served {
    serve(&known(all), &PeopleRules::default(), &local(), &BTreeMap::new())
}

fn one(name: &str, person: KnownPerson) -> Served {
    of(&[(name, person)])
}

#[track_caller]
fn hidden(served: &Served, name: &str, why: &str) {
    assert!(!served.people.contains_key(&login(name)), "{name} is shown: {served:?}");
    let said = served.refused.get(&login(name)).map(String::as_str).unwrap_or_default();
    assert!(said.contains(why), "expected `{why}`, found `{said}`");
}

#[track_caller]
fn there(served: &Served, name: &str) -> ServedPerson {
    served.people.get(&login(name)).cloned().unwrap_or_else(|| panic!("{name}: {:?}", served.refused))
}

#[test]
fn a_person_is_shown_as_the_directory_has_him() {
    let served = one("alice", person(20_000, 20_000));
    let expected = ServedPerson {
        uid: 20_000,
        gid: 20_000,
        gecos: "Somebody".to_owned(),
        home: "/home/alice".to_owned(),
        shell: "/bin/sh".to_owned(),
        until: at(1_000 + 30 * 86_400),
    };
    assert_eq!((there(&served, "alice"), served.refused.len()), (expected, 0));
    // At the end of time, too.
    let served = one("alice", KnownPerson { last: at(i64::MAX - 3), ..person(20_000, 20_000) });
    assert_eq!(there(&served, "alice").until, at(i64::MAX));
    let rules = PeopleRules { linger: Span(5), ..PeopleRules::default() };
    let served = serve(&known(&[("alice", person(20_000, 20_000))]), &rules, &local(), &BTreeMap::new());
    assert_eq!(there(&served, "alice").until, at(1_005));
}

#[test]
fn numbers_lie_in_the_range() {
    for good in [10_000, 20_000, 61_183, 65_520, 65_533, 65_536, 2_000_000_000] {
        there(&one("alice", person(good, 20_000)), "alice");
        there(&one("alice", person(20_000, good)), "alice");
    }
    for bad in [0, 1, 999, 9_999, 2_000_000_001, u32::MAX - 1, u32::MAX] {
        hidden(
            &one("alice", person(bad, 20_000)),
            "alice",
            &format!("uidNumber {bad} lies outside [people] ids"),
        );
        hidden(
            &one("alice", person(20_000, bad)),
            "alice",
            &format!("gidNumber {bad} lies outside [people] ids"),
        );
    }
    // systemd's, for services: accounts of this host that stand in no file.
    for bad in [61_184, 65_519] {
        hidden(&one("alice", person(bad, 20_000)), "alice", "uidNumber");
        hidden(&one("alice", person(20_000, bad)), "alice", "systemd gives to services (61184-65519)");
    }
    // Whatever the range says: root and nobody are not for directories.
    let wide = PeopleRules { ids: IdRange { first: 0, last: u32::MAX }, ..PeopleRules::default() };
    for bad in [0, 65_534, 65_535, u32::MAX - 1, u32::MAX] {
        for person in [person(bad, 20_000), person(20_000, bad)] {
            let served = serve(&known(&[("alice", person.clone())]), &wide, &local(), &BTreeMap::new());
            hidden(&served, "alice", "Number ");
            // Though nobody else had it.
            let served = serve(&known(&[("alice", person)]), &wide, &Local::default(), &BTreeMap::new());
            hidden(&served, "alice", "Number ");
        }
    }
}

#[test]
fn who_lacks_a_number_is_not_shown() {
    hidden(&one("alice", KnownPerson { uid_number: None, ..person(1, 20_000) }), "alice", "no uidNumber");
    let mut lacking = person(20_000, 1);
    lacking.account.gid_number = None;
    hidden(&one("alice", lacking), "alice", "no gidNumber");
}

#[test]
fn a_local_account_of_the_name_stays() {
    // The same account: there is nothing to say.
    assert_eq!(one("bob", person(20_001, 20_001)), Served::default());
    assert_eq!(one("bob", KnownPerson { uid_number: None, ..person(1, 1) }), Served::default());
    hidden(&one("bob", person(20_002, 20_002)), "bob", "has uid 20001, and the directory says 20002");
    hidden(&one("root", person(20_002, 20_002)), "root", "has uid 0");
    // Programs that ignore case would take one for the other.
    hidden(&one("Bob", person(20_002, 20_002)), "Bob", "only in case from the local account bob");
}

#[test]
fn what_every_host_has_is_not_served() {
    let empty = Local::default();
    for name in ["root", "nobody", "Root", "NOBODY", "systemd-resolve", "systemd-", "Systemd-x"] {
        let served = serve(
            &known(&[(name, person(20_002, 20_002))]),
            &PeopleRules::default(),
            &empty,
            &BTreeMap::new(),
        );
        hidden(&served, name, "every host has");
    }
}

#[test]
fn a_local_account_of_the_number_stays() {
    hidden(&one("alice", person(20_001, 20_000)), "alice", "that of the local account bob");
}

#[test]
fn nobody_becomes_a_member_of_a_group_by_his_primary_one() {
    hidden(&one("alice", person(20_000, 20_050)), "alice", "local group staff");
    hidden(&one("alice", person(20_000, 30_000)), "alice", "primary group of the local account svc");
    let dba = UnixGroup::new("dba").unwrap();
    let groups = BTreeMap::from([(dba, ConferredGroup { gid: 40_000, members: Vec::new() })]);
    let all = known(&[("alice", person(20_000, 40_000)), ("dave", person(20_003, 40_001))]);
    let served = serve(&all, &PeopleRules::default(), &local(), &groups);
    hidden(&served, "alice", "the group dba, which only grants confer");
    // A uid may have a group's number: they are counted apart.
    there(&served, "dave");
    there(&one("erin", person(20_050, 20_060)), "erin");
    // People may share a primary group.
    let served = of(&[("alice", person(20_000, 20_900)), ("dave", person(20_003, 20_900))]);
    assert_eq!(served.people.len(), 2);
}

/// glibc makes an account or a group of a line that jitd has no name for.
#[test]
fn a_number_of_a_line_without_a_name_is_somebodys() {
    let mut host = local();
    host.nameless.users = BTreeSet::from([LocalUser { uid: 20_100, gid: 20_200 }]);
    host.nameless.groups = BTreeSet::from([20_300]);
    for (uid, gid, what) in [
        (20_100, 20_000, "uidNumber 20100"),
        (20_000, 20_200, "gidNumber 20200"),
        (20_000, 20_300, "gidNumber 20300"),
    ] {
        let all = known(&[("alice", person(uid, gid))]);
        let served = serve(&all, &PeopleRules::default(), &host, &BTreeMap::new());
        hidden(&served, "alice", &format!("{what} stands in a line"));
    }
    let all = known(&[("alice", person(20_200, 20_100))]);
    there(&serve(&all, &PeopleRules::default(), &host, &BTreeMap::new()), "alice");
}

#[test]
fn one_number_has_one_owner() {
    let remembered = |uid| KnownPerson { shown: false, ..person(uid, 20_900) };
    let shown = |uid| person(uid, 20_900);
    let served = of(&[("alice", shown(20_000)), ("dave", shown(20_000)), ("erin", shown(20_002))]);
    hidden(&served, "alice", "that of dave, too");
    hidden(&served, "dave", "that of alice, too");
    there(&served, "erin");
    let served = of(&[("alice", remembered(20_000)), ("dave", shown(20_000)), ("erin", remembered(20_000))]);
    hidden(&served, "alice", "that of dave, too");
    hidden(&served, "erin", "that of dave, too");
    there(&served, "dave");
    let served = of(&[("alice", remembered(20_000)), ("dave", remembered(20_000))]);
    hidden(&served, "alice", "that of dave, too");
    hidden(&served, "dave", "that of alice, too");
    // The files are still of two people if one of them may not be shown for another reason.
    let served = of(&[("alice", shown(20_000)), ("4711", shown(20_000))]);
    hidden(&served, "alice", "that of 4711, too");
    // Logins that differ only in case are two people to Unix, and one to much else.
    let served = of(&[("alice", shown(20_000)), ("Alice", shown(20_009))]);
    hidden(&served, "alice", "only in case from Alice");
    hidden(&served, "Alice", "only in case from alice");
}

#[test]
fn what_programs_take_for_something_else_is_no_login() {
    // chown 4711 asks for an account of that name before it takes it for a number; + is for NIS; .. is the directory above.
    for (name, why) in [
        ("4711", "its name is a number"),
        ("0", "its name is a number"),
        ("0.0", "its name is a number"),
        ("0.", "its name is a number"),
        ("+alice", "begins with"),
        ("+", "begins with"),
        ("@alice", "begins with"),
        ("$alice", "begins with"),
        (".", "begins with"),
        ("..", "begins with"),
        (".alice", "begins with"),
    ] {
        hidden(&one(name, person(20_000, 20_000)), name, why);
    }
    // chown root.root asks for an account of the whole name first.
    for name in ["root.root", "postgres.postgres", "postgres.staff", "bob.", "0.root", "postgres.26"] {
        hidden(&one(name, person(20_000, 20_000)), name, "an account and a group of this host");
    }
    for name in ["bob.alice", "alice.staff", "b.staff", "Bob.staff"] {
        there(&one(name, person(20_000, 20_000)), name);
    }
    for name in
        ["alice", "Alice", "_alice", "4alice", "alice@example.com", "a+b", "web1$", "a.b", "a-b", "systemd"]
    {
        there(&one(name, person(20_000, 20_000)), name);
    }
}
