use std::fs;
use std::path::PathBuf;

use jit_model::time::Timestamp;

use super::*;
use crate::sessions::record::{Basis, Standing};
use crate::sessions::testing::{BOOT, rest, session, visitor};

struct Place {
    dir: tempfile::TempDir,
    registry: Registry,
    heard: mpsc::UnboundedReceiver<Word>,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let (registry, heard) = Registry::new(StateDir::below(dir.path()), BOOT, (vec![], vec![]));
        Place { dir, registry, heard }
    }

    fn state(&self) -> StateDir {
        StateDir::below(self.dir.path())
    }

    /// What a daemon would find that begins now.
    fn on_disk(&self) -> (Vec<Session>, Vec<Visitor>) {
        let kept = self.state().read(BOOT);
        assert_eq!(kept.aside, []);
        let (again, _) = Registry::new(self.state(), BOOT, (kept.sessions, kept.visitors));
        (again.sessions(), again.visitors())
    }

    fn assert_on_disk(&self) {
        assert_eq!(self.on_disk(), (self.registry.sessions(), self.registry.visitors()));
    }

    fn words(&mut self) -> Vec<Word> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }

    /// A disk that says no, until it is mended.
    fn break_disk(&self) -> PathBuf {
        let away = self.dir.path().join("away");
        let _ = fs::create_dir_all(self.state().path());
        fs::rename(self.state().path(), &away).unwrap();
        fs::write(self.state().path(), "a file in the way").unwrap();
        away
    }

    fn mend_disk(&self, away: PathBuf) {
        fs::remove_file(self.state().path()).unwrap();
        fs::rename(away, self.state().path()).unwrap();
    }
}

fn standing(pid: i32) -> Session {
    Session { basis: Basis::Standing(Standing::Exempt), ..session(pid) }
}

#[test]
fn a_session_is_on_disk_with_its_person_and_the_warden_knows() {
    let mut place = Place::new();
    assert_eq!(place.registry.open(session(10)), Room::Found);
    assert_eq!(place.registry.open(standing(11)), Room::Found);
    let (sessions, visitors) = place.on_disk();
    assert_eq!((sessions.len(), visitors), (2, vec![visitor("alice")]));
    place.assert_on_disk();
    assert_eq!(place.words(), [session(10), standing(11)].map(|session| Word::Opened(session.id)));
    // Whoever came without a grant is no visitor.
    let registry = &place.registry;
    registry.forget_visitor(&visitor("alice").login);
    registry.open(standing(12));
    assert_eq!(registry.visitors(), []);
    place.assert_on_disk();
}

#[test]
fn a_visitor_rests_on_all_that_his_sessions_rest_on() {
    let place = Place::new();
    let opened = |pid, opened, rests| {
        let basis = Basis::Grants { rests, until: Timestamp(9000) };
        place.registry.open(Session { basis, opened: Timestamp(opened), ..session(pid) });
        place.assert_on_disk();
        place.registry.visitors().remove(0).rests
    };
    assert_eq!(opened(1, 1000, vec![rest(1, 5000), rest(2, 6000)]), [rest(1, 5000), rest(2, 6000)]);
    assert_eq!(opened(2, 1000, vec![rest(2, 7000)]), [rest(1, 5000), rest(2, 7000)], "the newer word counts");
    assert_eq!(
        opened(3, 5000, vec![rest(3, 9000)]),
        [rest(2, 7000), rest(3, 9000)],
        "what is over is left out"
    );
}

#[test]
fn the_newest_session_of_a_leader_and_service_is_closed() {
    let mut place = Place::new();
    let registry = &place.registry;
    let leader = session(10).mark.leader;
    let of = |opened| Session { id: registry.new_id(leader), opened: Timestamp(opened), ..session(10) };
    let (old, new) = (of(1000), of(2000));
    let other_service =
        Session { id: registry.new_id(leader), service: Service::new("su").unwrap(), ..session(10) };
    let other_leader = Session { opened: Timestamp(3000), ..session(11) };
    for each in [&old, &new, &other_service, &other_leader] {
        registry.open(each.clone());
    }
    let life = |session: &Session| place.registry.session(&session.id).unwrap().life;
    place.registry.close(ProcessId { start: 78, ..leader }, &new.service);
    assert_eq!(life(&new), Life::Open, "another process of the same number");
    place.registry.close(leader, &new.service);
    assert_eq!(
        [&old, &new, &other_service, &other_leader].map(life),
        [Life::Open, Life::Closed, Life::Open, Life::Open]
    );
    place.registry.close(leader, &new.service);
    assert_eq!(life(&old), Life::Closed);
    place.registry.close(leader, &new.service);
    place.assert_on_disk();
    let closed: Vec<Word> = place.words().into_iter().skip(4).collect();
    assert_eq!(closed, [Word::Closed(new.id), Word::Closed(old.id)]);
}

#[test]
fn changes_are_on_disk_and_only_changes_are_written() {
    let place = Place::new();
    let one = session(10);
    place.registry.open(one.clone());
    let file = place.state().path().join(one.id.as_str());
    fs::remove_file(&file).unwrap();
    place.registry.change(&one.id, |session| session.warned = one.warned);
    place.registry.change_visitor(&one.login, |_| {});
    assert!(!file.exists(), "nothing changed, and yet it was written");
    place.registry.change(&one.id, |session| session.warned = Timestamp(4000));
    place.registry.change_visitor(&one.login, |visitor| visitor.marked = Marking::Made);
    place.assert_on_disk();
    assert_eq!(place.registry.visitors()[0].marked, Marking::Made);
    assert_eq!(place.registry.remove(&one.id).unwrap().warned, Timestamp(4000));
    assert_eq!(place.registry.remove(&one.id), None);
    place.registry.forget_visitor(&one.login);
    assert_eq!(place.on_disk(), (vec![], vec![]));
    place.registry.change(&one.id, |_| panic!("it is gone"));
    place.registry.change_visitor(&one.login, |_| panic!("he is gone"));
}

#[test]
fn an_order_is_kept() {
    let mut place = Place::new();
    let order = Order { by: 0, reason: "incident".to_owned() };
    assert!(!place.registry.order(&session(10).id, order.clone()));
    place.registry.open(session(10));
    assert!(place.registry.order(&session(10).id, order.clone()));
    assert_eq!(place.on_disk().0[0].order, Some(order));
    assert_eq!(place.words().pop(), Some(Word::Ordered(session(10).id)));
}

#[test]
fn a_disk_that_fails_costs_nobody_a_session_and_is_tried_again() {
    let place = Place::new();
    assert_eq!(place.registry.concern(), None);
    place.registry.open(session(10));
    let away = place.break_disk();
    assert_eq!(place.registry.open(session(11)), Room::Found);
    place.registry.change(&session(10).id, |session| session.warned = Timestamp(4000));
    place.registry.open(Session { login: Login::new("bob").unwrap(), ..session(12) });
    assert_eq!(place.registry.sessions().len(), 3);
    let concern = place.registry.concern().unwrap();
    assert!(concern.starts_with("sessions are only in memory"), "{concern}");
    place.registry.retry();
    assert!(place.registry.concern().is_some());
    place.mend_disk(away);
    place.registry.retry();
    assert_eq!(place.registry.concern(), None);
    place.assert_on_disk();
    // Any change of the warden's does it too, and so does the next login.
    for mend in [
        (|registry: &Registry| registry.change(&session(10).id, |session| session.order = None))
            as fn(&Registry),
        |registry| drop(registry.remove(&session(10).id)),
        |registry| registry.forget_visitor(&session(10).login),
        |registry| registry.change_visitor(&session(10).login, |_| {}),
        |registry| assert_eq!(registry.open(session(13)), Room::Found),
    ] {
        let away = place.break_disk();
        place.registry.change(&session(11).id, |session| session.warned.0 += 1);
        assert!(place.registry.concern().is_some());
        place.mend_disk(away);
        mend(&place.registry);
        assert_eq!(place.registry.concern(), None);
        place.assert_on_disk();
    }
    // What is gone need not be written any more.
    let away = place.break_disk();
    place.registry.open(session(14));
    assert!(place.registry.concern().is_some());
    place.registry.remove(&session(14).id);
    assert_eq!(place.registry.concern(), None);
    place.mend_disk(away);
    place.assert_on_disk();
}

#[test]
fn when_there_is_no_room_what_matters_least_goes_and_is_told() {
    let mut place = Place::new();
    place.registry.most = 3;
    let registry = &place.registry;
    let has = |pid| registry.session(&session(pid).id).is_some();
    for (pid, life) in [(1, Life::Open), (2, Life::Closed), (3, Life::Closed)] {
        let opened = Timestamp(1000 - i64::from(pid));
        assert_eq!(registry.open(Session { life, opened, ..session(pid) }), Room::Found);
    }
    assert_eq!(registry.concern(), None);
    assert_eq!(registry.open(session(4)), Room::Found);
    assert!(has(1) && has(2) && !has(3) && has(4), "the oldest closed one goes");
    assert!(registry.concern().unwrap().contains("1 closed sessions were forgotten"));
    assert_eq!(registry.open(standing(5)), Room::Found);
    assert!(has(1) && !has(2) && has(4) && has(5));
    assert_eq!(registry.open(standing(6)), Room::Full, "one without a deadline is not remembered");
    assert_eq!(registry.open(session(7)), Room::Found, "one with a deadline takes its place");
    assert!(has(1) && has(4) && !has(5) && has(7));
    assert_eq!(registry.open(session(8)), Room::Full);
    let concern = registry.concern().unwrap();
    assert!(concern.contains("2 closed sessions"), "{concern}");
    assert!(concern.contains("2 sessions without a deadline") && concern.contains("1 sessions were denied"));
    assert_eq!(registry.sessions().len(), 3);
    place.assert_on_disk();
    let opened = place.words().len();
    assert_eq!(opened, 6, "the warden does not hear of what is not known");
}

#[test]
fn ids_are_not_given_twice() {
    let place = Place::new();
    let leader = session(10).mark.leader;
    let ids: BTreeSet<SessionId> = (0..1000).map(|_| place.registry.new_id(leader)).collect();
    let (again, _) = Registry::new(place.state(), BOOT, (vec![], vec![]));
    let more: BTreeSet<SessionId> = (0..1000).map(|_| again.new_id(leader)).collect();
    assert_eq!((ids.len(), more.len(), ids.intersection(&more).count()), (1000, 1000, 0));
}
