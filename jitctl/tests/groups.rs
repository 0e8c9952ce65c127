//! What is said of the Unix groups that grants confer, and of those that they do not.

mod fake;

use fake::{Daemon, grant, status};
use jit_control::{Answer, Grants, RefusedGroup, RefusedPerson};

fn refused() -> RefusedGroup {
    RefusedGroup {
        group: "docker".to_owned(),
        roles: vec!["dba".to_owned(), "ops\u{1b}[2J".to_owned()],
        reason: "it is not in [groups] allow of this host's jitd.toml".to_owned(),
    }
}

#[test]
fn status_names_what_is_refused_and_is_no_worse_for_it() {
    let daemon = Daemon::answering(|_| {
        let mut status = status();
        status.groups_refused = vec![refused(), RefusedGroup { roles: Vec::new(), ..refused() }];
        status.people_refused =
            vec![RefusedPerson { user: "bob".to_owned(), reason: "his uid is root's".to_owned() }];
        Answer::Status(status)
    });
    let ran = daemon.run(&["status"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for part in ["docker", "dba, ops", "it is not in [groups] allow", "bob", "his uid is root's"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "{ran:?}");
    let json = daemon.run(&["status", "--json"]).json();
    assert_eq!(json["groups_refused"][0]["group"], "docker");
}

#[test]
fn a_grant_shows_its_groups_while_they_matter() {
    let daemon = Daemon::answering(|_| {
        let conferring = |id: &str, state: &str| {
            let mut grant = grant(id, state);
            grant.groups = vec![format!("group-of-{id}"), "adm".to_owned()];
            grant.groups_refused = vec![refused()];
            grant
        };
        let grants = vec![conferring("live", "live"), conferring("over", "expired"), grant("bare", "live")];
        Answer::Grants(Grants { grants, ..Grants::default() })
    });
    let ran = daemon.run(&["grants", "--all"]);
    assert!(ran.out.contains("    groups: group-of-live, adm\n"), "{}", ran.out);
    assert!(ran.out.contains("    without the group docker: it is not in [groups] allow"), "{}", ran.out);
    assert!(!ran.out.contains("group-of-over"), "{}", ran.out);
    assert_eq!(ran.out.matches("groups: ").count(), 1, "{}", ran.out);
}
