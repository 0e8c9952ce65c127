//! Denied peers, which nothing but the warden remembers.

use super::super::*;
use super::stage::*;
use crate::sessions::claim::Kind;

#[test]
fn a_denied_peer_ends_only_while_enforcing() {
    let mut stage = Stage::new();
    stage.show(&[]);
    let leader = stage.spawn(300, 1, 0, None);
    stage.spawn(301, 300, 1000, None);
    let denied = || Word::Denied {
        mark: Box::new(Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None }),
        login: "alice".to_owned(),
        service: "sshd".to_owned(),
    };
    stage.permit();
    stage.warden.registry.tell(denied());
    stage.settle();
    assert_eq!(stage.living(), [300, 301]);
    stage.enforce();
    stage.warden.registry.tell(denied());
    stage.settle();
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stage.told(), ["ending alice denied", "ended alice denied"]);
}

#[test]
fn a_denied_peer_is_not_forgotten_while_nothing_can_be_seen() {
    for permitted in [false, true] {
        let mut stage = Stage::new();
        stage.show(&[]);
        let leader = stage.spawn(300, 1, 0, None);
        stage.warden.host.faults.extend([io::ErrorKind::PermissionDenied; 3]);
        stage.warden.registry.tell(Word::Denied {
            mark: Box::new(Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None }),
            login: "alice".to_owned(),
            service: "sshd".to_owned(),
        });
        stage.settle();
        assert!(stage.warden.next.is_some_and(|next| next > stage.now()));
        stage.evaluate();
        assert_eq!(stage.living(), [300]);
        if permitted {
            stage.permit();
        }
        stage.evaluate();
        assert_eq!(stage.living().is_empty(), !permitted);
        // Those who may stay now may stay for good.
        stage.enforce();
        stage.evaluate();
        assert_eq!(stage.living().is_empty(), !permitted);
    }
}

#[test]
fn no_name_keeps_a_denied_peer_from_being_ended() {
    for name in ["", "-rf", "DOMAIN\\\\user", "ann\u{e9}\n", &"x".repeat(5000)] {
        assert!(Login::new(&tamed(name)).is_ok() && Service::new(&tamed(name)).is_ok(), "{name:?}");
    }
    assert_eq!(tamed("alice"), "alice");
}
