//! alice's login, which is to end, beside others that are not.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::super::world::{Way, World};
use super::super::{Ending, Outcome, Step};
use crate::sessions::claim::{Claim, Kind, Mark, Whose};
use crate::sessions::process::{AuditMark, ProcessId, Run};

pub(super) const GRACE: Duration = Duration::from_secs(5);
pub(super) const ALICE: u32 = 1000;

/// What came of trying in vain.
pub(super) struct Tried {
    /// What it said, and how long after the beginning.
    pub(super) said: Vec<(Duration, String)>,
    /// The last pause.
    pub(super) pause: Duration,
    pub(super) now: Instant,
}

/// alice's login in a world with others in it.
pub(super) struct Scene {
    pub(super) world: RefCell<World>,
    /// sshd's two processes.
    pub(super) leader: ProcessId,
    pub(super) carrier: ProcessId,
    pub(super) shell: ProcessId,
    /// Nobody may touch these.
    pub(super) strangers: Vec<ProcessId>,
    pub(super) marked: bool,
}

impl Scene {
    /// `shell` behaves so; on a host that marks logins, or not.
    pub(super) fn new(way: Way, marked: bool) -> Scene {
        let mut world = World::new();
        let init = world.spawn(0, "systemd", Way::Ignores);
        let listener = world.spawn(init.pid, "sshd", Way::Obeys);
        let mark = |session: u32| marked.then_some(session);
        let bob = world.spawn(listener.pid, "sshd", Way::Carries);
        world.log_in(bob, 1001, mark(6));
        let bobs = world.spawn(bob.pid, "bash", Way::Hangup);
        let other = world.spawn(listener.pid, "sshd", Way::Carries);
        world.log_in(other, ALICE, mark(8));
        let others = world.spawn(other.pid, "bash", Way::Hangup);
        let leader = world.spawn(listener.pid, "sshd", Way::Carries);
        world.log_in(leader, ALICE, mark(7));
        let carrier = world.spawn(leader.pid, "sshd", Way::Carries);
        let shell = world.spawn(carrier.pid, "bash", way);
        world.setsid(shell);
        let strangers = vec![init, listener, bob, bobs, other, others];
        Scene { world: RefCell::new(world), leader, carrier, shell, strangers, marked }
    }

    pub(super) fn spawn(&self, parent: ProcessId, name: &str, way: Way) -> ProcessId {
        self.world.borrow_mut().spawn(parent.pid, name, way)
    }

    fn mark(&self) -> Mark {
        let audit = self.marked.then_some(AuditMark { login_uid: ALICE, session: 7 });
        Mark { leader: self.leader, kind: Kind::Login, uid: ALICE, audit, scope: None }
    }

    pub(super) fn ending(&self, now: Instant) -> Ending {
        Ending::new(Claim { whose: Whose::Session(self.mark()), spared: Vec::new() }, GRACE, now)
    }

    pub(super) fn step(&self, ending: &mut Ending, now: Instant) -> Step {
        let table = self.world.borrow().table();
        ending.step_on(now, &table, &mut &self.world, &mut &self.world)
    }

    /// An ending that has made its first step, and when it did.
    pub(super) fn begun(&self) -> (Ending, Instant) {
        let start = Instant::now();
        let mut ending = self.ending(start);
        self.step(&mut ending, start);
        (ending, start)
    }

    /// Steps until it is done; what it said meanwhile.
    pub(super) fn end(&self) -> (Outcome, Vec<String>) {
        let start = Instant::now();
        self.go_on(&mut self.ending(start), start)
    }

    pub(super) fn go_on(&self, ending: &mut Ending, start: Instant) -> (Outcome, Vec<String>) {
        let mut now = start;
        let mut said = Vec::new();
        for _ in 0..5000 {
            match self.step(ending, now) {
                Step::Again(pause) => now += pause,
                Step::Stuck { why, again } => {
                    said.push(why);
                    now += again;
                }
                Step::Done(outcome) => {
                    self.strangers_are_well();
                    return (outcome, said);
                }
            }
            assert!(now - start < GRACE * 3, "not done after {:?}: {ending:?}", now - start);
            self.world.borrow_mut().pass();
        }
        panic!("too many steps: {ending:?}");
    }

    /// Steps for so long, without coming to an end.
    pub(super) fn tries(&self, ending: &mut Ending, start: Instant, long: Duration) -> Tried {
        let mut tried = Tried { said: Vec::new(), pause: Duration::ZERO, now: start };
        while tried.now - start < long {
            tried.pause = match self.step(ending, tried.now) {
                Step::Again(pause) => pause,
                Step::Stuck { why, again } => {
                    tried.said.push((tried.now - start, why));
                    again
                }
                Step::Done(outcome) => panic!("{outcome:?}"),
            };
            tried.now += tried.pause;
        }
        tried
    }

    fn strangers_are_well(&self) {
        let world = self.world.borrow();
        for id in &self.strangers {
            assert_eq!(world.run(*id), Some(Run::Running), "{id:?}");
            assert_eq!(world.sent(*id), [], "{id:?}");
        }
        assert_eq!(world.others(&self.strangers), Vec::<String>::new(), "left over");
    }
}
