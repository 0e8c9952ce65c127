use std::io::Read;
use std::process::{Command, Stdio};

use nix::unistd::getpid;
use proptest::prelude::*;

use super::*;
use crate::sessions::process::{Process, Run, identify, look};
use crate::sessions::testing;

const LEADER: ProcessId = ProcessId { pid: 100, start: 5 };
const ALICES: AuditMark = AuditMark { login_uid: 1000, session: 7 };
const BOBS: AuditMark = AuditMark { login_uid: 1001, session: 8 };
const SCOPE: &str = "/user.slice/user-1000.slice/session-4.scope";

fn marked(audit: AuditMark) -> Facts {
    Facts { audit: Some(audit), ..Facts::default() }
}

fn scoped(leader: i32) -> Facts {
    let logind = Some(logind::Login { leader, scope: "session-4.scope".to_owned() });
    Facts { scope: Some(SCOPE.to_owned()), logind, ..Facts::default() }
}

fn audit(kind: Kind, facts: &Facts) -> Option<AuditMark> {
    Mark::seen(LEADER, kind, 1000, facts).audit
}

fn scope(kind: Kind, facts: &Facts) -> Option<String> {
    Mark::seen(LEADER, kind, 1000, facts).scope
}

#[test]
fn a_login_has_the_mark_that_is_its_own() {
    assert_eq!(audit(Kind::Login, &marked(ALICES)), Some(ALICES));
    assert_eq!(audit(Kind::Login, &Facts::default()), None);
    assert_eq!(audit(Kind::Login, &marked(BOBS)), None, "whose listener was started from his login");
    let parents = Facts { others: vec![ALICES], ..marked(ALICES) };
    assert_eq!(audit(Kind::Login, &parents), None);
    let beside = Facts { others: vec![BOBS], everybodys: vec![BOBS], ..marked(ALICES) };
    assert_eq!(audit(Kind::Login, &beside), Some(ALICES));
    let everybodys = Facts { everybodys: vec![ALICES], ..marked(ALICES) };
    assert_eq!(audit(Kind::Login, &everybodys), None);
}

#[test]
fn who_becomes_another_has_the_mark_of_the_login_around() {
    assert_eq!(audit(Kind::Become, &marked(ALICES)), Some(ALICES));
    assert_eq!(audit(Kind::Become, &marked(BOBS)), Some(BOBS));
    let parents = Facts { others: vec![ALICES], ..marked(ALICES) };
    assert_eq!(audit(Kind::Become, &parents), Some(ALICES));
    let everybodys = Facts { everybodys: vec![ALICES], ..marked(ALICES) };
    assert_eq!(audit(Kind::Become, &everybodys), None);
}

#[test]
fn a_scope_is_taken_at_the_word_of_logind() {
    assert_eq!(scope(Kind::Login, &scoped(100)).as_deref(), Some(SCOPE));
    assert_eq!(scope(Kind::Login, &scoped(101)), None);
    assert_eq!(scope(Kind::Become, &scoped(101)).as_deref(), Some(SCOPE));
    for kind in [Kind::Login, Kind::Become] {
        assert_eq!(scope(kind, &Facts { logind: None, ..scoped(100) }), None);
        assert_eq!(scope(kind, &Facts { scope: None, ..scoped(100) }), None);
    }
}

fn process(pid: i32, start: u64, parent: i32, audit: Option<AuditMark>) -> Process {
    Process { audit, ..testing::process(ProcessId { pid, start }, parent) }
}

#[test]
fn a_table_says_whose_mark_it_was_first() {
    let facts = |others: &[Process]| {
        let known = [process(1, 1, 0, None), process(50, 2, 1, None), process(60, 3, 1, None)];
        let leader = process(100, 5, 50, Some(ALICES));
        let table = Table::of(known.into_iter().chain([leader]).chain(others.iter().cloned()));
        Mark::seen(LEADER, Kind::Login, 1000, &Facts::of(LEADER, &table, 60, Path::new("/nonexistent"))).audit
    };
    assert_eq!(facts(&[]), Some(ALICES));
    assert_eq!(facts(&[process(101, 5, 100, Some(ALICES)), process(99, 6, 1, Some(ALICES))]), Some(ALICES));
    assert_eq!(facts(&[process(99, 4, 1, Some(ALICES))]), None, "an older one");
    assert_eq!(facts(&[process(50, 2, 1, Some(ALICES))]), None, "its parent");
    assert_eq!(facts(&[process(50, 5, 1, Some(ALICES))]), None, "its parent, of the same moment");
    assert_eq!(facts(&[process(60, 3, 1, Some(ALICES))]), None, "this daemon");
    assert_eq!(facts(&[process(1, 1, 0, Some(ALICES))]), None, "process 1");
    assert_eq!(facts(&[process(100, 9, 50, Some(ALICES))]), None, "not this leader");
    let dead = Process { run: Run::Dead, ..process(100, 5, 50, Some(ALICES)) };
    assert_eq!(facts(&[dead]), None);
}

#[test]
fn a_mark_that_is_known_is_kept() {
    let seen = |facts: &Facts| Mark::seen(LEADER, Kind::Login, 1000, facts);
    let mut mark = seen(&Facts::default());
    assert!(!mark.learn(seen(&Facts::default())));
    assert!(mark.learn(seen(&marked(ALICES))));
    assert_eq!((mark.audit, mark.scope.as_deref()), (Some(ALICES), None));
    assert!(mark.learn(seen(&scoped(100))));
    assert_eq!((mark.audit, mark.scope.as_deref()), (Some(ALICES), Some(SCOPE)));
    assert!(!mark.learn(seen(&Facts::default())));
    assert!(!mark.learn(seen(&marked(AuditMark { login_uid: 1000, session: 9 }))));
    assert_eq!((mark.audit, mark.scope.as_deref()), (Some(ALICES), Some(SCOPE)));
}

/// The kernel's word on real processes: this test has its parent's mark, or none.
#[test]
fn a_child_of_ours_has_no_mark_of_its_own() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let leader = identify(child.id().try_into().unwrap()).unwrap();
    for (kind, uid) in [(Kind::Login, 0), (Kind::Login, 1000), (Kind::Become, 1000)] {
        let mut mark = Mark::of(leader, kind, uid);
        assert_eq!((mark.leader, mark.kind, mark.uid, mark.audit), (leader, kind, uid, None));
        assert!(!mark.refresh(&Table::read().unwrap()));
    }
    let facts = Facts::now(leader, Path::new("/nonexistent")).unwrap();
    assert_eq!(facts.audit, look(leader.pid).unwrap().audit);
    assert_eq!(facts.audit.is_some(), !facts.everybodys.is_empty());
    assert_eq!(Mark::of(ProcessId { start: leader.start + 1, ..leader }, Kind::Login, 0).audit, None);
    drop(child.stdin.take());
    child.wait().unwrap();
    let gone = Facts::now(leader, Path::new("/nonexistent")).unwrap();
    assert_eq!((gone.audit, gone.scope, gone.others), (None, None, vec![]));
    assert_eq!(Mark::of(leader, Kind::Login, 0).audit, None);
}

/// Who is not marked yet may do to himself what pam_loginuid does.
#[test]
fn a_child_that_is_marked_afresh_has_a_mark_of_its_own() {
    let script = "echo 12345 > /proc/self/loginuid; echo; exec cat";
    let command = &mut Command::new("sh");
    let mut child =
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let leader = identify(child.id().try_into().unwrap()).unwrap();
    // Where this test runs in a login itself and is not root's, the kernel says no and the child has what we have.
    let ours = look(getpid().as_raw()).unwrap().audit;
    let fresh = look(leader.pid).unwrap().audit.filter(|audit| Some(*audit) != ours);
    let mut late = Mark { leader, kind: Kind::Login, uid: 12345, audit: None, scope: None };
    assert_eq!(late.refresh(&Table::read().unwrap()), fresh.is_some());
    assert_eq!(late.audit, fresh);
    assert_eq!(Mark::of(leader, Kind::Login, 12345).audit, fresh);
    assert_eq!(Mark::of(leader, Kind::Login, 12346).audit, None);
    assert_eq!(Mark::of(leader, Kind::Become, 12346).audit, fresh);
    assert_eq!(Mark::of(ProcessId { start: leader.start + 1, ..leader }, Kind::Login, 12345).audit, None);
    drop(child.stdin.take());
    child.wait().unwrap();
}

proptest! {
    #[test]
    fn a_look_never_takes_anything_away(
        looks in proptest::collection::vec((any::<Option<bool>>(), any::<bool>(), any::<bool>()), 1..8),
    ) {
        let mut mark = Mark::seen(LEADER, Kind::Login, 1000, &Facts::default());
        for (audit, shared, scope) in looks {
            let before = mark.clone();
            let mut facts = if scope { scoped(100) } else { Facts::default() };
            facts.audit = audit.map(|hers| if hers { ALICES } else { BOBS });
            facts.others.extend(shared.then_some(ALICES));
            let more = mark.learn(Mark::seen(LEADER, Kind::Login, 1000, &facts));
            prop_assert!(before.audit.is_none() || mark.audit == before.audit);
            prop_assert!(before.scope.is_none() || mark.scope == before.scope);
            prop_assert_eq!(more, mark != before);
        }
    }
}
