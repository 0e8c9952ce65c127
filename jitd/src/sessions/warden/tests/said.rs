//! What is said, to whom, and how often.

use super::super::*;
use super::stage::*;

#[test]
fn the_same_words_are_said_once() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    for name in ["alice", "alice", "bob"] {
        stage.log_in(name);
    }
    stage.settle();
    stage.show(&[]);
    stage.evaluate();
    let mut said: Vec<usize> = stage.warden.host.said.iter().map(|(members, _)| members.len()).collect();
    said.sort_unstable();
    assert_eq!(said, [3, 6]);
}

#[test]
fn who_cannot_be_told_in_time_is_told_at_the_next_look() {
    for on_end in ["terminate", "warn"] {
        let mut stage = Stage::with(&format!("[session]\non_end = \"{on_end}\"\n"));
        stage.warden.patience = Duration::ZERO;
        stage.show(&[("alice", 3600)]);
        let ids = [(); 3].map(|()| stage.log_in("alice"));
        stage.settle();
        let leaders = ids.clone().map(|id| stage.session(&id).unwrap().mark.leader.pid);
        // Who is still there comes before who has left something behind.
        stage.warden.registry.change(&ids[0], |session| session.life = Life::Closed);
        match on_end {
            "warn" => stage.show(&[]),
            _ => stage.show(&[("alice", 240)]),
        }
        for nth in 1..=3 {
            stage.warden.evaluate();
            assert_eq!(stage.warden.host.said.len(), nth, "{on_end}");
            let soon = stage.warden.next.is_some_and(|next| next <= stage.now().plus(Span(2)));
            assert_eq!(soon, nth < 3, "{on_end}: awake again while somebody is left");
        }
        let mut said: Vec<i32> = stage.warden.host.said.iter().map(|(members, _)| members[0]).collect();
        assert_eq!(said.pop(), Some(leaders[0]), "{on_end}");
        said.sort_unstable();
        assert_eq!(said, leaders[1..], "{on_end}");
        stage.warden.evaluate();
        assert_eq!(stage.warden.host.said.len(), 3, "{on_end}: each is told once");
    }
}
