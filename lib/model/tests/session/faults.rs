//! What a source shows of a grant that no longer holds, and whose word ends a session.

use std::collections::BTreeSet;

use jit_model::grant::End;
use jit_model::session::{Presence, Stay, presence};
use jit_model::time::Span;

use super::{alice, until};
use crate::sources::{SILENT, SPEAKS, Source, remembered, shown};
use crate::world::{self, World, approved, at, login, person, question, service, uuid};

/// What can be shown of a grant that no longer holds; whether it is a removal; and the code and the text of the reason.
pub(crate) fn faults() -> Vec<(World, bool, &'static str, &'static str)> {
    let case =
        |edit: &dyn Fn(&mut World), removal: bool, code, text| (approved(|w| edit(w)), removal, code, text);
    vec![
        case(
            &|w| {
                w.revoke(1, Some("bob"), Some(2_500));
            },
            true,
            "revoked",
            "revoked by bob",
        ),
        case(
            // Whose person is gone from the directory, too.
            &|w| {
                w.revoke(1, Some("bob"), Some(2_500));
                w.persons.retain(|p| p.login != login("alice"));
            },
            true,
            "revoked",
            "revoked by bob",
        ),
        case(
            &|w| {
                w.memory.deleted.insert(uuid(1));
            },
            true,
            "refused",
            "it was deleted and cannot come back; ask again",
        ),
        case(&|w| w.tree(1).approvals.clear(), false, "pending", "pending: needs 1 more approval from leads"),
        case(
            &|w| {
                w.grant(1, |g| g.end = End::After(Span(7_201)));
                let stale = approved(|_| {}).tree(1).approvals.clone();
                w.tree(1).approvals = stale;
            },
            false,
            "refused",
            "it was changed after it was approved",
        ),
        case(
            &|w| {
                w.grant(1, |g| g.end = End::After(Span(900))).approve(1, "bob", 2_000, |_| {});
            },
            false,
            "expired",
            "expired 1m 40s ago",
        ),
        case(
            &|w| {
                let sudo = BTreeSet::from([service("sudo")]);
                w.grant(1, |g| g.services = sudo).approve(1, "bob", 2_000, |_| {});
            },
            false,
            "wrong-service",
            "not for sshd",
        ),
        case(
            &|w| {
                w.members("devs", &[person("dave")]);
            },
            false,
            "refused",
            "uid=alice,ou=people,dc=x is not eligible for the role dba",
        ),
        case(
            &|w| w.persons.retain(|p| p.login != login("alice")),
            false,
            "refused",
            "its subject uid=alice,ou=people,dc=x does not exist or cannot be used",
        ),
        case(
            // It is for a group, and she is in it no more.
            &|w| {
                w.grant(1, |g| g.subject = world::group("devs")).approve(1, "bob", 2_000, |_| {});
                w.members("devs", &[person("dave")]);
            },
            false,
            "gone",
            "its grant is there no more, or for others now",
        ),
        case(
            &|w| {
                w.source.grants.clear();
                w.malformed(1, "g1");
            },
            false,
            "refused",
            "its entry is malformed: jitHost is missing",
        ),
        case(
            &|w| {
                w.source.roles.clear();
            },
            false,
            "refused",
            "its role cn=dba,ou=roles,dc=x does not exist where roles are kept, or is not for this host",
        ),
    ]
}

#[test]
fn a_word_from_a_source_that_has_spoken_is_final() {
    for (i, (world, _, code, text)) in faults().iter().enumerate() {
        for source in SPEAKS {
            let sources = [("ldap", source, world)];
            let Stay::Over(reason) = alice(&sources, &remembered()) else { panic!("case {i}, {source:?}") };
            assert_eq!((reason.code(), reason.to_string().as_str()), (*code, *text), "case {i}, {source:?}");
            assert_eq!(reason.grant(), Some("g1"), "case {i}, {source:?}");
            assert_eq!(
                presence(&shown(&sources), &question("alice", "sudo"), &remembered(), at(3_000)),
                if *code == "wrong-service" { Presence::Welcome } else { Presence::Over(reason) },
                "case {i}, {source:?}"
            );
        }
    }
}

/// A set from disk may lack what was added just before the daemon was killed, and one whose people were never read lacks them.
#[test]
fn of_a_source_that_has_not_spoken_only_a_removal_is_believed() {
    for (i, (world, removal, code, _)) in faults().iter().enumerate() {
        for source in SILENT {
            let stay = alice(&[("ldap", source, world)], &remembered());
            if *removal {
                assert!(matches!(&stay, Stay::Over(reason) if reason.code() == *code), "case {i}: {stay:?}");
            } else {
                assert_eq!(until(&stay), Some(9_200), "case {i}, {source:?}: {stay:?}");
            }
        }
    }
}

/// Silence of its own source does not make a session immortal when another shows the grant for what it is.
#[test]
fn another_source_that_shows_the_grant_is_believed() {
    let nothing = World::new();
    for (i, (world, _, code, _)) in faults().iter().enumerate() {
        for silent in SILENT {
            for source in SPEAKS {
                let stay = alice(&[("ldap", silent, &nothing), ("other", source, world)], &remembered());
                assert!(matches!(&stay, Stay::Over(reason) if reason.code() == *code), "case {i}: {stay:?}");
            }
        }
    }
    // And what shows it live keeps it, whatever else is said.
    let (live, revoked) = (approved(|_| {}), &faults()[0].0);
    let stay = alice(&[("ldap", Source::Spoken, revoked), ("other", Source::Stale, &live)], &remembered());
    assert_eq!(until(&stay), Some(9_200));
}
