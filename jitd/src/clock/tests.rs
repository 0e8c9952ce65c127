//! Laws of the clock, over worlds in which true time, the wall clock, boots and a directory move independently.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-11-22T12:00:00Z, in milliseconds.
const BEGIN: i64 = 1_795_348_800_000;
/// 2038-01-19.
const Y2038: i64 = 2_147_483_647_000;

/// From the kernel's start to the daemon's.
const BOOTING: i64 = 20_000;

/// What is really so.
#[derive(Clone, Debug)]
struct World {
    truth: i64,
    booted: i64,
    boots: u8,
    /// How wrong the wall clock is.
    off_by: i64,
    clock: Clock,
    /// On disk.
    kept: Moment,
}

impl World {
    fn new() -> World {
        let reading = Reading { wall_ms: BEGIN, boot_ms: HOUR, boot: BootId([1; 16]) };
        let clock = Clock::new(None, reading);
        let kept = clock.moment();
        World { truth: BEGIN, booted: BEGIN - HOUR, boots: 1, off_by: 0, clock, kept }
    }

    fn reading(&self) -> Reading {
        Reading {
            wall_ms: self.truth + self.off_by,
            boot_ms: self.truth - self.booted,
            boot: BootId([self.boots; 16]),
        }
    }

    fn step(&mut self, step: &Step) -> Now {
        match *step {
            Step::Pass(ms) => self.truth += ms,
            Step::SetWall(off_by) => self.off_by = off_by,
            Step::Witness(lag) => {
                self.clock.observe(self.reading());
                return self.clock.witness(Timestamp((self.truth - lag).div_euclid(1000)));
            }
            Step::Keep => self.kept = self.clock.moment(),
            Step::Restart => {
                self.kept = self.clock.moment();
                self.clock = Clock::new(Some(self.kept), self.reading());
            }
            Step::Crash => self.clock = Clock::new(Some(self.kept), self.reading()),
            Step::Reboot(away) => {
                self.kept = self.clock.moment();
                self.booted = self.truth + away;
                self.truth = self.booted + BOOTING;
                self.boots = self.boots.wrapping_add(1);
                self.clock = Clock::new(Some(self.kept), self.reading());
            }
        }
        self.clock.observe(self.reading())
    }

    fn settled(&self) -> i64 {
        self.clock.moment().settled_ms
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    SetWall(i64),
    /// A directory with a right clock, whose newest entry is this old.
    Witness(i64),
    Keep,
    Restart,
    Crash,
    Reboot(i64),
}

fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), -15 * 60_000i64..15 * 60_000, -2 * DAY..2 * DAY, Just(Y2038 - BEGIN), Just(-BEGIN),]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6 * HOUR).prop_map(Step::Pass),
        3 => offset().prop_map(Step::SetWall),
        2 => prop_oneof![0..20 * 60_000i64, 0..9 * DAY].prop_map(Step::Witness),
        1 => Just(Step::Keep),
        1 => Just(Step::Restart),
        1 => (0..8 * DAY).prop_map(Step::Reboot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Nothing that moves a clock, a boot or a directory lengthens a grant: settled time never goes back and never runs slower than
    /// CLOCK_BOOTTIME, and login time is never before it.
    #[test]
    fn settled_time_is_a_ratchet(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            let (before, boot_before, boots) = (world.settled(), world.reading().boot_ms, world.boots);
            let now = world.step(step);
            prop_assert!(now.login >= now.settled);
            prop_assert_eq!(now.settled, world.clock.moment().settled());
            let boot_before = if world.boots == boots { boot_before } else { 0 };
            let passed = world.reading().boot_ms - boot_before;
            prop_assert!(world.settled() >= before + passed, "{step:?}: {before} + {passed} > {}", world.settled());
        }
    }

    /// A crash forgets at most what was settled since the last save, never the time that ran since.
    #[test]
    fn a_crash_keeps_what_was_kept(
        before in proptest::collection::vec(step(), 0..20),
        after in proptest::collection::vec(step(), 0..20),
    ) {
        let mut world = World::new();
        before.iter().for_each(|step| { world.step(step); });
        world.step(&Step::Keep);
        let (kept, boots, boot_ms) = (world.kept.settled_ms, world.boots, world.reading().boot_ms);
        after.iter().filter(|step| !matches!(step, Step::Reboot(_))).for_each(|step| { world.step(step); });
        world.step(&Step::Crash);
        prop_assert_eq!(boots, world.boots);
        prop_assert!(world.settled() >= kept + world.reading().boot_ms - boot_ms);
    }

    /// Whatever the wall clock says, settled time is never more than the tolerance beyond the truth: no wrong clock
    /// can lock a host out for good, or end what should go on. (Each start begins the tolerance anew.)
    #[test]
    fn no_wrong_clock_settles(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        let mut starts = 1;
        for step in &steps {
            starts += i64::from(matches!(step, Step::Restart | Step::Reboot(_)));
            world.step(step);
            prop_assert!(world.settled() <= world.truth + starts * TOLERANCE_MS, "{step:?}");
        }
    }

    /// A jump far ahead and back leaves no trace, with and without a directory watching.
    #[test]
    fn a_jump_and_back_leaves_no_trace(
        before in proptest::collection::vec(step(), 0..10),
        during in proptest::collection::vec(
            prop_oneof![(0..6 * HOUR).prop_map(Step::Pass), (0..5 * 60_000i64).prop_map(Step::Witness)], 0..10),
        jump in prop_oneof![Just(Y2038 - BEGIN), (30 * 60_000..30 * DAY)],
    ) {
        let mut calm = World::new();
        before.iter().for_each(|step| { calm.step(step); });
        calm.step(&Step::SetWall(0));
        calm.step(&Step::Witness(0));
        let mut wild = calm.clone();
        let jumped = wild.step(&Step::SetWall(jump));
        prop_assert!(jumped.login.0 * 1000 > calm.truth + jump - 1000, "it counts for new logins");
        for step in &during {
            calm.step(step);
            wild.step(step);
        }
        wild.step(&Step::SetWall(0));
        prop_assert_eq!(wild.step(&Step::Pass(0)), calm.step(&Step::Pass(0)));
        prop_assert_eq!(wild.settled(), calm.settled());
    }

    /// A clock set back changes nothing at all: nobody is denied, nothing is lengthened.
    #[test]
    fn behind_is_as_if_nobody_had_touched_it(
        back in 0..30 * DAY,
        during in proptest::collection::vec(0..6 * HOUR, 1..10),
    ) {
        let (mut calm, mut wild) = (World::new(), World::new());
        wild.step(&Step::SetWall(-back));
        for pass in during {
            let (a, b) = (calm.step(&Step::Pass(pass)), wild.step(&Step::Pass(pass)));
            prop_assert_eq!((a.login, a.settled), (b.login, b.settled));
        }
    }

    /// The age of a word from a directory in this boot is what really passed, whatever the wall clock does meanwhile.
    #[test]
    fn ages_are_true(steps in proptest::collection::vec(step(), 0..20)) {
        let mut world = World::new();
        let (heard, then) = (world.clock.moment(), world.truth);
        for step in steps.iter().filter(|step| !matches!(step, Step::Reboot(_))) {
            let now = world.step(step);
            let age = u64::try_from(world.truth - then).unwrap() / 1000;
            prop_assert_eq!(world.clock.age(&heard), Span(age));
            prop_assert_eq!(now.login.since(world.clock.login_time_of(&heard)), Span(age));
        }
    }

    /// After a reboot an age is never taken for less than it was by any clock that this host believed.
    #[test]
    fn ages_across_boots_are_not_too_short(away in 0..30 * DAY, pass in 0..DAY, back in 0..30 * DAY) {
        let mut world = World::new();
        let heard = world.clock.moment();
        world.step(&Step::Pass(pass));
        world.step(&Step::Reboot(away));
        prop_assert_eq!(world.clock.age(&heard), span(pass + away + BOOTING), "right clock");
        world.step(&Step::SetWall(-back));
        let Span(age) = world.clock.age(&heard);
        prop_assert!(i64::try_from(age).unwrap() >= pass / 1000, "clock set back");
    }
}

#[test]
fn a_week_without_power() {
    let mut world = World::new();
    let now = world.step(&Step::Reboot(7 * DAY));
    assert_eq!(now.login, timestamp(world.truth), "logins are judged by the wall clock");
    assert_eq!(now.settled, timestamp(BEGIN + BOOTING));
    assert_eq!(now.concern, Some(Concern::Ahead(Span(7 * 86_400))));
    // The newest entry of the directory is a day old: that much is proved.
    let now = world.step(&Step::Witness(DAY));
    assert_eq!(now.settled, timestamp(world.truth - DAY));
    let now = world.step(&Step::Witness(0));
    assert_eq!((now.settled, now.concern), (timestamp(world.truth), None));
}

#[test]
fn a_short_reboot_needs_nobody() {
    let mut world = World::new();
    for _ in 0..50 {
        let now = world.step(&Step::Reboot(5 * 60_000));
        assert_eq!((now.settled, now.concern), (timestamp(world.truth), None));
    }
}

#[test]
fn small_steps_add_up_and_are_caught() {
    let mut world = World::new();
    let mut settled_ahead = 0;
    for minutes in (0..120).step_by(5) {
        world.step(&Step::SetWall(minutes * 60_000));
        settled_ahead = world.settled() - world.truth;
    }
    assert_eq!(settled_ahead, TOLERANCE_MS);
    assert!(matches!(world.clock.now().concern, Some(Concern::Ahead(_))));
}

#[test]
fn root_can_mend_what_root_or_a_directory_broke() {
    let mut world = World::new();
    world.step(&Step::SetWall(Y2038 - BEGIN));
    assert_eq!(world.clock.accept().settled, timestamp(Y2038));
    let now = world.step(&Step::SetWall(0));
    assert!(matches!(now.concern, Some(Concern::Behind(_))));
    assert_eq!(now.login, timestamp(Y2038), "what root accepted holds");
    let now = world.clock.accept();
    assert_eq!((now.settled, now.login, now.concern), (timestamp(world.truth), timestamp(world.truth), None));
}

/// What was heard while the time was wrong must not look like news for years once it is right.
#[test]
fn what_was_heard_keeps_its_age_when_root_mends_the_clock() {
    let mut world = World::new();
    let before_boot = world.clock.moment();
    world.step(&Step::Reboot(HOUR));
    world.step(&Step::SetWall(Y2038 - BEGIN));
    world.clock.accept();
    let heard = world.clock.moment();
    world.step(&Step::Reboot(HOUR));
    let wrong_boot = world.clock.moment();
    world.step(&Step::SetWall(0));
    world.step(&Step::Pass(5000));
    let now = world.clock.accept();
    assert_eq!(now.settled, timestamp(world.truth));
    let age = |moment: &Moment| world.clock.age(&world.clock.restate(moment));
    assert_eq!(age(&wrong_boot), Span(5), "of this boot");
    assert!(age(&heard) > Span(365 * 86_400), "of another boot, and then in the future: nobody knows");
    assert_eq!(age(&before_boot), span(2 * HOUR + 2 * BOOTING + 5000), "of another boot, long ago");
    assert!(world.clock.restate(&wrong_boot).settled() <= now.settled);
}

#[test]
fn a_directory_alone_moves_nothing() {
    let mut world = World::new();
    let before = world.settled();
    let now = world.clock.witness(timestamp(Y2038));
    assert_eq!(world.settled(), before);
    assert!(matches!(now.concern, Some(Concern::DirectoryAhead(_))));
}

#[test]
fn absurd_readings_do_not_overflow() {
    for wall_ms in [i64::MIN, -1, 0, i64::MAX] {
        for boot_ms in [i64::MIN, -1, 0, i64::MAX] {
            let mut clock = Clock::new(None, Reading { wall_ms, boot_ms, boot: BootId([1; 16]) });
            for (wall_ms, boot_ms) in [(i64::MAX, 0), (i64::MIN, i64::MAX), (0, i64::MIN)] {
                let now = clock.observe(Reading { wall_ms, boot_ms, boot: BootId([2; 16]) });
                assert!(now.login >= now.settled);
                let _ = (clock.witness(Timestamp(i64::MAX)), clock.witness(Timestamp(i64::MIN)));
                let _ = clock.login_time_of(&clock.moment());
            }
            clock.accept();
        }
    }
}

#[test]
fn boot_ids() {
    let text = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n";
    assert_eq!(BootId::parse(text).unwrap().to_string(), text.trim());
    for bad in ["", "x", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0é"] {
        assert_eq!(BootId::parse(bad), None, "{bad}");
    }
}
