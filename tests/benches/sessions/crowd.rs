//! A thousand sessions that end in the same second, and somebody else who comes in meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jit_proto::Verdict;
use jit_tests::bench::census::{Census, cpu_time, kibibytes, peak};
use jit_tests::bench::place::{ask, compiled};
use jit_tests::bench::report::{Part, Row, Unit, load};
use jit_tests::bench::samples::Samples;
use jit_tests::bench::watch::Watch;
use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::host::Host;
use jit_tests::host::daemon::Daemon;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use super::{LIMIT, Plan, SESSION, after, at_most, borrowed, grants, killed, names, second, shells};

/// Sessions that end in one second, how many of them real ssh, and whose they are.
const CROWD: usize = 1000;
const REAL: usize = 50;
const CROWD_PEOPLE: usize = 50;
/// Who comes in meanwhile.
const GUEST: &str = "guest";
/// Between two questions: what asks must not be what is waited for.
const BREATH: Duration = Duration::from_millis(3);

/// Whether the processes of the driver bear marks of their own, as logins do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    Given,
    None,
}

impl Marks {
    fn directory(self) -> &'static str {
        match self {
            Marks::Given => "/srv/pam/marked",
            Marks::None => "/srv/pam/unmarked",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Marks::Given => "each with a login uid and an audit session of its own (pam_loginuid)",
            Marks::None => "those of the driver without a mark: known by their tree",
        }
    }
}

/// What came of one crowd.
struct Ended {
    each: Vec<Duration>,
    /// Before the end, and while it goes on.
    logins: [Vec<Duration>; 2],
    questions: [Vec<Duration>; 2],
    phases: [Vec<u64>; 3],
    jitd: Costs,
}

/// What jitd took.
struct Costs {
    alone: f64,
    with_all: f64,
    highest: f64,
    cpu: Duration,
}

/// Crowds with marks of their own and without, on one host.
pub(crate) fn crowd(plan: &Plan) -> Result<Vec<Part>> {
    let people = names("c", CROWD_PEOPLE);
    let mut everybody = borrowed(&people);
    everybody.push(GUEST);
    let later = second() + 7200;
    let long = grants(everybody.iter().map(|login| (*login, later)));
    let door = Door::up(&everybody, Mode::Enforcing, &format!("{CONFIG}{SESSION}"), &long)?;
    door.host().install(&compiled("pamsessions")?, "/usr/local/bin/pamsessions", 0o755)?;
    for (marks, more) in [(Marks::Given, "session required pam_loginuid.so\n"), (Marks::None, "")] {
        let stack = format!("account required pam_jit.so\n{more}session required pam_jit.so\n");
        door.host().write(&format!("{}/sshd", marks.directory()), 0o644, stack)?;
        door.host().write(&format!("{}/other", marks.directory()), 0o644, "")?;
    }
    let usual = logins(door.host(), plan.logins)?;
    let mut parts = Vec::new();
    for marks in [Marks::Given, Marks::None] {
        let mut all = Vec::new();
        for round in 0..plan.crowds {
            let kind = marks.words();
            eprintln!("  {CROWD} sessions, {kind}: {} of {} (load {}) …", round + 1, plan.crowds, load());
            door.grants(&long)?;
            all.push(one_crowd(&door, plan, marks, &borrowed(&people), &format!("{marks:?}{round}"))?);
        }
        let mut part = told(marks, &usual, all)?;
        part.note.push_str(&format!(" {}", killed(&door)?));
        parts.push(part);
    }
    Ok(parts)
}

fn login(host: &Host) -> Result<Duration> {
    let began = Instant::now();
    host.exec(["ssh", &format!("{GUEST}@{NAME}"), "true"]).run()?.must()?;
    Ok(began.elapsed())
}

fn logins(host: &Host, count: usize) -> Result<Vec<Duration>> {
    (0..count).map(|_| login(host)).collect()
}

/// The driver's sessions: their processes inside, and how long each phase took.
fn driven(
    host: &Host,
    marks: Marks,
    people: &[&str],
    name: &str,
) -> Result<(Daemon, Vec<i32>, [Vec<u64>; 3])> {
    let count = (CROWD - REAL).to_string();
    let line = ["/usr/local/bin/pamsessions", marks.directory(), &count];
    let driver = host.start(name, line.iter().chain(people))?;
    let mut output = String::new();
    until(Duration::from_secs(300), "everybody is in", || {
        output = driver.output();
        output.contains("ready\n") || output.contains("pamsessions:")
    })?;
    let (mut pids, mut phases) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for line in output.lines().filter(|line| *line != "ready") {
        let bad = || Trouble::new(format!("the driver says: {line}"));
        let mut words = line.split_whitespace();
        pids.push(words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?);
        for phase in &mut phases {
            phase.push(words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?);
        }
    }
    Ok((driver, pids, phases))
}

/// When things began, and how long each took.
type Log = Mutex<Vec<(SystemTime, Duration)>>;

/// Does something again and again until it is over.
fn again_and_again(
    log: &Log,
    over: &AtomicBool,
    pause: Duration,
    act: impl Fn() -> Result<Duration>,
) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let began = SystemTime::now();
        let took = act()?;
        log.lock().unwrap_or_else(PoisonError::into_inner).push((began, took));
        thread::sleep(pause);
    }
    Ok(())
}

/// What was done wholly before the first of these moments; and what was under way at any time between the other two.
fn apart(log: Log, calm: SystemTime, from: SystemTime, to: SystemTime) -> [Vec<Duration>; 2] {
    let log = log.into_inner().unwrap_or_else(PoisonError::into_inner);
    let took = |wanted: &dyn Fn(SystemTime, SystemTime) -> bool| {
        let wanted = log.iter().filter(|(began, took)| wanted(*began, *began + *took));
        wanted.map(|(_, took)| *took).collect()
    };
    [took(&|_, ended| ended < calm), took(&|began, ended| began <= to && ended >= from)]
}

/// Asks jitd about the guest, as the module would.
fn ask_once(host: &Host, uid: u32) -> Result<Duration> {
    let began = Instant::now();
    match ask(host, GUEST, uid)? {
        Verdict::Allow => Ok(began.elapsed()),
        other => Err(Trouble::new(format!("jitd says {other:?} about {GUEST}"))),
    }
}

fn one_crowd(door: &Door, plan: &Plan, marks: Marks, people: &[&str], round: &str) -> Result<Ended> {
    let host = door.host();
    let jitd = Census::of(host)?.named("jitd")?;
    let alone = kibibytes(jitd, "Rss:")?;
    let (_driver, driven, phases) = driven(host, marks, people, &format!("pamsessions-{round}"))?;
    let real: Vec<&str> = people.iter().copied().cycle().take(REAL).collect();
    let (_clients, mut sessions) = shells(door, &real, round)?;
    let census = Census::of(host)?;
    for pid in driven {
        sessions.push(vec![census.inside(pid)?]);
    }
    let known = door.sessions()?.len();
    if known < CROWD {
        return Err(Trouble::new(format!("jitd knows {known} sessions of {CROWD}")));
    }
    let with_all = kibibytes(jitd, "Rss:")?;
    let watch = Watch::of(&sessions)?;
    let uid = door.host().sh(&format!("id -u {GUEST}")).run()?.must()?;
    let uid = uid.trim().parse().map_err(|_| Trouble::new(format!("{GUEST} has the uid {uid}")))?;
    let (over, came, asked) = (AtomicBool::new(false), Log::default(), Log::default());
    let told = thread::scope(|scope| {
        let coming = scope.spawn(|| again_and_again(&came, &over, Duration::ZERO, || login(host)));
        let asking = scope.spawn(|| again_and_again(&asked, &over, BREATH, || ask_once(host, uid)));
        let watching = || {
            until(LIMIT, "the guest has come in often enough", || {
                came.lock().unwrap_or_else(PoisonError::into_inner).len() >= plan.logins
            })?;
            let calm = SystemTime::now();
            let end = second() + 5;
            let ends = people.iter().map(|login| (*login, end)).chain([(GUEST, end + 7200)]);
            door.grants(&grants(ends))?;
            let cpu = cpu_time(jitd)?;
            if second() >= end {
                return Err(Trouble::new("it took jitd too long to read the grants"));
            }
            let gone = watch.wait(LIMIT)?;
            Ok((calm, end, gone, cpu_time(jitd)?.saturating_sub(cpu)))
        };
        let told = watching();
        over.store(true, Ordering::Relaxed);
        for thread in [coming, asking] {
            thread.join().unwrap_or_else(|_| Err(Trouble::new("a thread panicked")))?;
        }
        told
    });
    let (calm, end, gone, cpu) = told?;
    let each = gone.iter().map(|at| after(end, *at)).collect::<Result<Vec<Duration>>>()?;
    let last = gone.into_iter().max().unwrap_or(calm);
    let from = last - each.iter().max().copied().unwrap_or_default();
    for login in people {
        door.gone(&format!("{round}-{login}"))?;
    }
    let jitd = Costs { alone, with_all, highest: peak(jitd)?, cpu };
    let (logins, questions) = (apart(came, calm, from, last), apart(asked, calm, from, last));
    Ok(Ended { each, logins, questions, phases, jitd })
}

/// All crowds of a kind in one table.
fn told(marks: Marks, usual: &[Duration], all: Vec<Ended>) -> Result<Part> {
    let last = Samples::of(all.iter().filter_map(|ended| ended.each.iter().max().copied()))?;
    let of = |pick: fn(&Ended) -> &Vec<Duration>| Samples::of(all.iter().flat_map(pick).copied());
    let (each, before, meanwhile) =
        (of(|ended| &ended.each)?, of(|ended| &ended.logins[0])?, of(|ended| &ended.logins[1])?);
    let (asked_before, asked_meanwhile) =
        (of(|ended| &ended.questions[0])?, of(|ended| &ended.questions[1])?);
    let usual = Samples::of(usual.iter().copied())?;
    let slower = meanwhile.median() / before.median();
    let slower_questions = asked_meanwhile.median() / asked_before.median();
    let mut rows = vec![
        Row::times("deadline → last process of all sessions gone", Unit::Milliseconds, &last)
            .compared(at_most(&last))
            .target("≤ 5000 ms", last.percentile(100) <= 5e9),
        Row::times("deadline → last process gone, of each session", Unit::Milliseconds, &each)
            .compared(at_most(&each)),
        Row::times("`ssh true` of another person, without these sessions", Unit::Milliseconds, &usual),
        Row::times("the same while they are there", Unit::Milliseconds, &before)
            .compared(format!("{:.2} × without", before.median() / usual.median())),
        Row::times("the same while they end", Unit::Milliseconds, &meanwhile)
            .compared(format!("{slower:.2} × while they are there"))
            .target("≤ 2 ×", slower <= 2.0),
        Row::times(
            "a question about that person over pam.sock while they are there",
            Unit::Microseconds,
            &asked_before,
        ),
        Row::times("the same while they end", Unit::Microseconds, &asked_meanwhile)
            .compared(format!("{slower_questions:.2} × while they are there, {}", at_most(&asked_meanwhile))),
    ];
    let phase = |n: usize| {
        let times = all.iter().flat_map(|ended| ended.phases.get(n).into_iter().flatten());
        Samples::new(times.copied().collect())
    };
    let (first, again, open) = (phase(0)?, phase(1)?, phase(2)?);
    rows.push(Row::times("account phase, modules loaded for it", Unit::Microseconds, &first));
    rows.push(Row::times("account phase, again", Unit::Microseconds, &again));
    let with = if marks == Marks::Given { ", with pam_loginuid" } else { "" };
    rows.push(
        Row::times(format!("session opened and registered{with}"), Unit::Microseconds, &open)
            .compared(format!("{:.2} × the account phase, again", open.median() / again.median())),
    );
    if let (Some(ended), Some(last)) = (all.first(), all.last()) {
        rows.push(Row::one("jitd, resident, before", Unit::Kibibytes, ended.jitd.alone));
        let each = (ended.jitd.with_all - ended.jitd.alone) / CROWD as f64;
        rows.push(
            Row::one(format!("jitd, resident, with {CROWD} sessions"), Unit::Kibibytes, ended.jitd.with_all)
                .compared(format!("{each:.1} KiB each")),
        );
        rows.push(Row::one("jitd, resident, at its highest so far", Unit::Kibibytes, last.jitd.highest));
    }
    let cpu = Samples::of(all.iter().map(|ended| ended.jitd.cpu))?;
    rows.push(Row::times("CPU time of jitd, all threads, for the whole end", Unit::Milliseconds, &cpu));
    Ok(Part {
        title: format!("{CROWD} sessions end in the same second, {}", marks.words()),
        rows,
        note: format!(
            "{REAL} are shells as above, the others processes that ask libpam as sshd does (benches/pamsessions.c), of {CROWD_PEOPLE} people; \
             every process is counted. The other person comes in again and again, and jitd is asked about them, from before the \
             deadline until the last process is gone."
        ),
    })
}
