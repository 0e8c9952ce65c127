//! What remains when somebody has left, and when he has no business here any more.

use super::super::*;
use super::stage::*;
use crate::sessions::process::{AuditMark, Process, Run};
use crate::sessions::record::Order;

#[test]
fn who_left_is_forgotten_when_nothing_of_his_is_left() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    let living = stage.living();
    let close = |stage: &mut Stage, pid: i32| {
        stage.warden.host.processes.remove(&pid);
        stage.warden.registry.tell(Word::Closed(id.clone()));
        stage.settle();
        // It rests after the last look.
        stage.warden.prune = Prune::new(Instant::now());
        stage.warden.look();
    };
    // The leader and the shell are gone; what it left in the background is not.
    close(&mut stage, living[0]);
    close(&mut stage, living[1]);
    assert_eq!(stage.session(&id).map(|session| session.life), Some(Life::Closed));
    close(&mut stage, living[2]);
    assert_eq!(stage.session(&id), None);
    assert_eq!(stage.told(), ["opened alice session", "closed alice session"]);
    assert_eq!(stage.warden.host.sent, []);
    // He may come back.
    stage.evaluate();
    assert_eq!(stage.warden.registry.visitors().len(), 1);
    // Until his grant is over: nothing is left to end, and one line says so.
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.told().split_off(2), ["ended alice gone"]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

#[test]
fn what_forks_and_exits_without_pause_is_not_taken_for_gone() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    let ids = [stage.log_in("alice"), stage.log_in("alice"), stage.log_in("bob")];
    stage.settle();
    // Of the second one's only something is left that no table shows; beside it is what bears no mark, and what is dead.
    let mark = stage.session(&ids[1]).unwrap().mark.audit;
    stage.warden.host.processes.retain(|pid, _| *pid == 1);
    for (pid, audit, run) in [(5000, mark, Run::Running), (5001, None, Run::Running)] {
        stage.warden.host.unseen.insert(pid, Process { parent: 1, run, ..process(pid, 1000, audit) });
    }
    let dead = stage.session(&ids[2]).unwrap().mark.audit;
    stage.warden.host.unseen.insert(5002, Process { run: Run::Dead, ..process(5002, 1001, dead) });
    stage.warden.look();
    let left: Vec<Option<Life>> = ids.iter().map(|id| Some(stage.session(id)?.life)).collect();
    assert_eq!(left, [None, Some(Life::Closed), None]);
    // It ends with its grant.
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.warden.host.unseen.keys().copied().collect::<Vec<_>>(), [5001, 5002]);
    assert_eq!(stage.warden.registry.sessions(), []);
}

#[test]
fn who_may_be_here_again_keeps_what_has_not_ended() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    stage.log_in("alice");
    stage.settle();
    leave_a_job(&mut stage, 900);
    stage.show(&[]);
    stage.warden.evaluate();
    assert_eq!(stage.warden.host.processes[&900].run, Run::Stopped);
    assert!(stage.warden.is_leaving(1000));
    // The same grant would not count; this is another day.
    let login = Login::new("alice").unwrap();
    stage.warden.call_off(Mode::Enforcing, &BTreeSet::from([1001]));
    assert_eq!(stage.warden.host.processes[&900].run, Run::Running);
    assert!(!stage.warden.is_leaving(1000));
    assert!(stage.warden.registry.visitors().iter().any(|visitor| visitor.login == login));
    assert_eq!(stage.told().last().map(String::as_str), Some("lifted alice gone"));
}

#[test]
fn a_session_without_a_deadline_keeps_its_person() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let (ends, stays) = (stage.log_in("alice"), stage.log_in("alice"));
    stage.settle();
    leave_a_job(&mut stage, 900);
    stage.warden.registry.change(&stays, |session| session.basis = Basis::Standing(Standing::Exempt));
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.session(&ends), None);
    assert!(stage.session(&stays).is_some() && stage.warden.host.processes.contains_key(&900));
    // When that is over, so is he.
    stage.warden.host.stubborn.clear();
    let order = Order { by: 0, reason: "enough".to_owned() };
    assert!(stage.warden.registry.order(&stays, order));
    stage.settle();
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

#[test]
fn who_is_in_by_an_unguarded_service_is_not_seen_off() {
    let living = |guarded: &str| {
        let mut stage = Stage::with(&format!("[guard]\nservices = [{guarded}]\n"));
        stage.show(&[("alice", 3600)]);
        stage.log_in("alice");
        stage.settle();
        // She has been, and has come again; nobody tells of what is not guarded.
        stage.warden.host.processes.retain(|pid, _| *pid == 1);
        run_daemon(&mut stage, 50, "sshd");
        come_in_silence(&mut stage, 50, 100, 1000);
        stage.warden.look();
        assert_eq!(stage.warden.registry.sessions(), []);
        stage.show(&[]);
        stage.evaluate();
        stage.living()
    };
    assert_eq!(living("\"sudo\""), [50, 100, 101]);
    assert_eq!(living("\"sudo\", \"sshd\""), [50]);
}

#[test]
fn a_uid_that_is_somebody_elses_now_is_not_swept() {
    let living = |passwd: &str| {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600)]);
        stage.log_in("alice");
        stage.settle();
        // Who is at work under that uid by now.
        stage.spawn(900, 1, 1000, Some(AuditMark { login_uid: 1000, session: 900 }));
        std::fs::write(stage.dir.path().join("passwd"), passwd).unwrap();
        stage.show(&[]);
        stage.evaluate();
        stage.living()
    };
    assert_eq!(living("alice:x:1000:100::/:/bin/sh\n"), [0; 0]);
    assert_eq!(living("aaron:x:1000:100::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n"), [0; 0], "they share it");
    assert_eq!(living("bob:x:1001:100::/:/bin/sh\n"), [0; 0], "who is not local");
    assert_eq!(living("alice:x:2000:100::/:/bin/sh\n"), [900], "the name has another");
    assert_eq!(living("carol:x:1000:100::/:/bin/sh\n"), [900], "it has another name");
}
