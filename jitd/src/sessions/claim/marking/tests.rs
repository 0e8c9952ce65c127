use super::*;
use crate::sessions::process::{AuditMark, ProcessId, Uids};
use crate::sessions::testing;

const ALICES: AuditMark = AuditMark { login_uid: 1000, session: 7 };

fn process(pid: i32, parent: i32, uid: u32, audit: Option<AuditMark>) -> Process {
    Process {
        uids: Uids { real: uid, effective: uid, saved: uid, fs: uid },
        audit,
        ..testing::process(ProcessId { pid, start: u64::try_from(pid).unwrap() }, parent)
    }
}

fn mark(kind: Kind, audit: Option<AuditMark>) -> Mark {
    Mark { leader: process(70, 50, 0, None).id, kind, uid: 1000, audit, scope: None }
}

fn of(mark: &Mark, leader: &Process, parent: &Process) -> Marking {
    Marking::of(mark, Some(leader), Some(parent), Modules::Done)
}

#[test]
fn a_mark_is_made_where_root_gave_it_to_roots() {
    let (login, leader) = (mark(Kind::Login, Some(ALICES)), process(70, 50, 0, Some(ALICES)));
    let listener = process(50, 1, 0, None);
    assert_eq!(of(&login, &leader, &listener), Marking::Made);
    let asked = Marking::of(&login, Some(&leader), Some(&listener), Modules::Asked);
    assert_eq!(asked, Marking::Made, "it is there already");
    // A listener that somebody started by hand, from a login of his own.
    let by_hand = process(50, 1, 0, Some(AuditMark { login_uid: 1001, session: 6 }));
    assert_eq!(of(&login, &leader, &by_hand), Marking::Made);
    // By process 1: getty, and an sshd for each connection.
    assert_eq!(of(&login, &Process { parent: 1, ..leader }, &process(1, 0, 0, None)), Marking::Made);
}

#[test]
fn a_mark_that_a_person_may_have_given_himself_is_only_borne() {
    let login = mark(Kind::Login, Some(ALICES));
    let (leader, listener) = (process(70, 50, 0, Some(ALICES)), process(50, 1, 0, None));
    let borne = |mark: &Mark, leader: &Process, parent: &Process| {
        assert_eq!(of(mark, leader, parent), Marking::Borne, "{mark:?} {leader:?} {parent:?}");
    };
    // What he became.
    borne(&mark(Kind::Become, Some(ALICES)), &leader, &listener);
    // A leader that has become the person, or began as a setuid program of his.
    borne(&login, &process(70, 50, 1000, Some(ALICES)), &listener);
    let setuid = Uids { real: 1000, effective: 0, saved: 0, fs: 0 };
    borne(&login, &Process { uids: setuid, ..leader.clone() }, &listener);
    // It came from him.
    borne(&login, &leader, &process(50, 1, 1000, None));
    borne(&login, &leader, &process(50, 1, 0, Some(ALICES)));
    // In a container.
    borne(&login, &Process { nested: true, ..leader.clone() }, &listener);
    // Numbers that were used again: the leader's, and its parent's.
    let other = ProcessId { pid: 70, start: 4711 };
    borne(&login, &Process { id: other, ..leader.clone() }, &listener);
    borne(&login, &leader, &Process { id: ProcessId { pid: 50, start: 4711 }, ..listener.clone() });
    // Gone.
    assert_eq!(Marking::of(&login, None, None, Modules::Done), Marking::Borne);
    assert_eq!(Marking::of(&login, Some(&leader), None, Modules::Done), Marking::Borne);
}

#[test]
fn a_mark_is_lacking_only_where_root_has_none_when_all_is_done() {
    let login = mark(Kind::Login, None);
    let (leader, listener) = (process(70, 50, 0, None), process(50, 1, 0, None));
    assert_eq!(of(&login, &leader, &listener), Marking::Lacking);
    let asked = Marking::of(&login, Some(&leader), Some(&listener), Modules::Asked);
    assert_eq!(asked, Marking::Unseen, "it may yet be made");
    // What its leader inherited is no login's own, and says nothing of what this host does.
    assert_eq!(of(&login, &process(70, 50, 0, Some(ALICES)), &listener), Marking::Unseen);
    assert_eq!(of(&login, &process(70, 50, 1000, None), &listener), Marking::Unseen);
    assert_eq!(of(&mark(Kind::Become, None), &leader, &listener), Marking::Unseen);
    assert_eq!(Marking::of(&login, None, Some(&listener), Modules::Done), Marking::Unseen);
}

#[test]
fn one_mark_that_was_made_outweighs_all_and_one_that_was_not_outweighs_doubt() {
    use Marking::{Borne, Lacking, Made, Unseen};
    for (all, marked) in [
        (&[][..], false),
        (&[Unseen], false),
        (&[Unseen, Borne], true),
        (&[Borne, Lacking], false),
        (&[Lacking, Made, Borne], true),
    ] {
        let together = all.iter().copied().max().unwrap_or_default();
        assert_eq!(together.is_marked(), marked, "{all:?}");
    }
}

#[test]
fn what_was_written_as_a_yes_or_no_is_still_read() {
    for (was, is) in [(false, Marking::Unseen), (true, Marking::Borne)] {
        let bytes = postcard::to_allocvec(&was).unwrap();
        assert_eq!(postcard::from_bytes::<Marking>(&bytes).unwrap(), is);
    }
}
