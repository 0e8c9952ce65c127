//! People and groups: who is a person, and which logins he holds.

use jit_model::people::{Account, Group, Person};

use super::*;

#[test]
fn people_and_groups() {
    let person = |n, name: &str, lines: &[&str]| entry(n, &format!("{name},ou=people,dc=local"), lines);
    let entries = set(
        vec![],
        vec![
            person(1, "uid=alice", &["objectClass: account", "uid: alice", "uidNumber: 1000"]),
            person(2, "uid=two", &["uid: two", "uid: deux"]),
            person(3, "cn=none", &["objectClass: account"]),
            person(4, "uid=bad", &["uid: bad", "uidNumber: 00"]),
            entry(
                5,
                "cn=devs,ou=groups,dc=local",
                &[
                    "objectClass: groupOfNames",
                    "member: UID=Alice,ou=People,dc=local",
                    "member: uid=mallory,ou=elsewhere,dc=local",
                    "member: cn=inner,ou=groups,dc=local",
                    "uniqueMember: uid=bob,ou=people,dc=local#'01'B",
                    "member: nonsense",
                ],
            ),
            entry(6, "uid=eve,dc=local", &["uid: eve"]),
        ],
    );
    let source = decode(&entries, &bases(), &reading());
    let expected = People::new(
        [Person {
            dn: dn("uid=alice,ou=people,dc=local"),
            login: Login::new("alice").unwrap(),
            uid_number: Some(1_000),
            account: Account::default(),
        }],
        [Group {
            dn: dn("cn=devs,ou=groups,dc=local"),
            members: [
                "uid=alice,ou=people,dc=local",
                "cn=inner,ou=groups,dc=local",
                "uid=bob,ou=people,dc=local",
            ]
            .map(dn)
            .into(),
        }],
        ["two", "deux", "bad"].map(|l| Login::new(l).unwrap()),
    );
    assert_eq!(source.people, expected);
    let reported: Vec<_> = source.set_aside.iter().map(|s| s.kind).collect();
    assert_eq!(reported.len(), 5, "{:?}", source.set_aside);
}

#[test]
fn a_person_set_aside_still_holds_his_logins() {
    let alice = entry(1, "uid=alice,ou=people,dc=local", &["uid: alice"]);
    let sly = entry(2, "uid=mallory,ou=people,dc=local", &["uid: mallory", "uid: alice"]);
    let source = decode(&set(vec![], vec![alice, sly]), &bases(), &reading());
    assert!(source.people.is_shared(&Login::new("alice").unwrap()));
}

#[test]
fn a_bad_key_or_number_does_not_void_a_person() {
    let lines =
        ["uid: alice", "uidNumber: 1000", "gidNumber: x", "loginShell: /bin/sh", "sshPublicKey: a\tb"];
    let entries = set(vec![], vec![entry(1, "uid=alice,ou=people,dc=local", &lines)]);
    let source = decode(&entries, &bases(), &reading());
    let person = source.people.person(&dn("uid=alice,ou=people,dc=local")).unwrap();
    assert_eq!((person.uid_number, person.account.gid_number), (Some(1_000), None));
    assert_eq!(person.account.shell.as_deref(), Some("/bin/sh"));
    let reported: Vec<_> = source.set_aside.iter().map(|s| (s.kind, s.attribute.as_deref())).collect();
    let account = EntryKind::Account;
    assert_eq!(reported, [(account, Some("gidnumber")), (account, Some("sshpublickey"))]);
}

#[test]
fn where_people_and_groups_share_a_base_the_class_decides() {
    let users = dn("cn=users,dc=local");
    let bases = Bases { people: users.clone(), groups: users, ..bases() };
    let entries = set(
        vec![],
        vec![
            entry(1, "cn=alice,cn=users,dc=local", &["objectClass: user", "sAMAccountName: alice"]),
            entry(2, "cn=devs,cn=users,dc=local", &["objectClass: group", "sAMAccountName: devs"]),
        ],
    );
    let reading = Reading { login_attribute: "sAMAccountName".to_owned(), ..reading() };
    let source = decode(&entries, &bases, &reading);
    assert_eq!(source.set_aside, vec![]);
    let person = Person {
        dn: dn("cn=alice,cn=users,dc=local"),
        login: Login::new("alice").unwrap(),
        uid_number: None,
        account: Account::default(),
    };
    let group = Group { dn: dn("cn=devs,cn=users,dc=local"), members: BTreeSet::new() };
    assert_eq!(source.people, People::new([person], [group], []));
}

#[test]
fn nobody_is_a_person_under_the_grants() {
    let bases = Bases { people: dn("dc=local"), groups: dn("dc=local"), ..bases() };
    assert_eq!(bases.within_grants(), None);
    let sly = entry(
        1,
        &format!("cn=g1,{GRANTS}"),
        &["objectClass: jitGrant", "objectClass: posixAccount", "uid: bob"],
    );
    let bob = entry(2, "uid=bob,dc=local", &["objectClass: account", "uid: bob"]);
    let source = decode(&set(vec![], vec![sly, bob]), &bases, &reading());
    assert_eq!(source.people.persons().count(), 1);
    assert!(!source.people.is_shared(&Login::new("bob").unwrap()));
    for base in [GRANTS.to_owned(), format!("ou=x,{GRANTS}")] {
        assert_eq!(Bases { roles: dn(&base), ..bases.clone() }.within_grants(), Some("roles"));
        assert_eq!(Bases { people: dn(&base), ..bases.clone() }.within_grants(), Some("people"));
    }
}
