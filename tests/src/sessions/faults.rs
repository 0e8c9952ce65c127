//! A session's life from the first question to the last process gone, with jitd killed somewhere in it and started again at once: when
//! it ended, what it left, and whether anybody else was touched. What is asked of every such life is asked here.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::jobs::{Running, SHELL};
use super::{Kind, people};
use crate::client::Client;
use crate::door::{Door, Mode, SOON};
use crate::ldif::{Grant, generalized};
use crate::strace::{Point, Watch, jitd};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// Whose calls a session's life consists of: who hears of it, who watches and ends it, who writes it down.
pub const THREADS: [&str; 3] = ["pam", "sessions", "audit"];

/// From the moment the grant is written to its end, in seconds: time to come in and to be warned.
const LASTS: u64 = 4;

/// What may pass, beyond the restart, between a deadline and the last obedient process gone.
const LATE: f64 = 1.0;

/// From asking to killing.
const GRACE: f64 = 1.0;

/// Her processes: one that obeys, out of sight, and one on the terminal that does not.
const OBEDIENT: &str = "sleep 600.71";
const DEAF: &str = "perl -e";
const COMMAND: &str = "setsid sleep 600.71 </dev/null >/dev/null 2>&1 & \
                       exec perl -e '$SIG{$_} = \"IGNORE\" for qw(HUP TERM INT QUIT); sleep 1 while 1'";

/// What came of a life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Where jitd died; None when it reached no such call.
    pub died_at: Option<Point>,
    /// Whether she came in.
    pub came_in: bool,
    /// Seconds between the deadline, or jitd's return where that was later, and the last obedient process gone.
    pub late: f64,
    /// The same for the deaf one.
    pub deaf_late: f64,
    /// What the three threads did, when nothing was to be cut.
    pub calls: Vec<Point>,
}

/// A host for many lives, one after the other.
pub struct Lives {
    door: Door,
    his: Running,
    count: u32,
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// What /proc/PID/stat says of the state, as long as it is this process.
fn state(door: &Door, pid: i32) -> Option<char> {
    let text = fs::read_to_string(door.host().path(&format!("/proc/{pid}/stat"))).ok()?;
    let state = text.rsplit_once(") ")?.1.chars().next()?;
    (!"ZX".contains(state)).then_some(state)
}

/// Every process of the host that is stopped.
fn stopped(door: &Door) -> Vec<String> {
    let all = door.running("").into_iter().filter(|found| !found.line.is_empty());
    all.filter(|found| state(door, found.pid) == Some('T')).map(|found| found.to_string()).collect()
}

/// One process of hers, watched.
struct Seen {
    pid: i32,
    gone: Option<f64>,
    frozen_early: bool,
}

/// What was watched, and how long nobody looked at the most: the machine may be busy, and that is not jitd's doing.
struct Course {
    obedient: Seen,
    deaf: Seen,
    back: Option<f64>,
    stall: f64,
}

impl Lives {
    /// A host with a person whom all this is not about.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn begin() -> Result<Lives> {
        let session = "[session]\nwarn = [\"2s\"]\ngrace = \"1s\"\n";
        let entries = people().grant(&Grant::live("bobs", "bob"));
        let door = Kind::Plain.door_with("", Mode::Enforcing, session, &entries)?;
        let his = SHELL.start(&door, "bob")?;
        Ok(Lives { door, his, count: 0 })
    }

    /// One life: jitd dies at `cut`, if it comes by there. Where it never does, it is not killed.
    ///
    /// # Errors
    /// When anything is not as it should be.
    pub fn live(&mut self, cut: Option<&Point>) -> Result<Life> {
        let told = |trouble: Trouble| {
            let cut = cut.map(ToString::to_string).unwrap_or_default();
            Trouble::new(format!("with jitd to die at {cut}: {trouble}\n{}", self.door.jitd_output()))
        };
        self.count += 1;
        one(&self.door, &self.his, self.count, cut).map_err(told)
    }
}

fn one(door: &Door, his: &Running, count: u32, cut: Option<&Point>) -> Result<Life> {
    let (mark, grant) = (format!("life{count}"), format!("grant{count}"));
    let daemon = jitd(door)?;
    let threads = THREADS.into_iter().filter(|thread| cut.is_none_or(|point| point.thread == *thread));
    let watches = threads.map(|thread| Watch::of(door, thread, cut)).collect::<Result<Vec<_>>>()?;
    let end = now() as u64 + LASTS;
    let until_then = generalized(i64::try_from(end).unwrap_or(i64::MAX));
    let grants = people().grant(&Grant::live("bobs", "bob"));
    let written = door.grants(&grants.grant(&Grant::live(&grant, "alice").with("jitNotAfter", until_then)));
    // It may have died of it: then it reads them when it is back.
    let mut back = returned(door, daemon)?;
    if back.is_none() {
        written?;
    }
    let client = door.client("alice").marked(&mark).with_a_terminal().runs(COMMAND)?;
    let hers = came_in(door, &client, &mark, daemon, &mut back)?;
    let mut life =
        Life { died_at: None, came_in: hers.is_some(), late: 0.0, deaf_late: 0.0, calls: Vec::new() };
    if let Some(pids) = hers {
        let course = watched(door, pids, daemon, end as f64, back)?;
        judge(&course, end as f64, &mut life)?;
        back = course.back;
    }
    // Whatever happened: nothing is left, nothing is stopped, nobody else was touched.
    if back.is_none() {
        let known = || door.known().is_ok_and(|all| all.iter().all(|session| session["user"] != "alice"));
        let _ = until(SOON, "her session is forgotten", || known() || jitd(door).ok() != Some(daemon));
        returned(door, daemon)?;
    }
    client.ends()?;
    door.gone(&mark)?;
    // It may die as late as now, of its own looks at what nobody tells.
    let mut trouble = None;
    let forgotten = until(SOON, "nothing of her session is known", || {
        if back.is_none() {
            match returned(door, daemon) {
                Ok(at) => back = at,
                Err(e) => trouble = Some(e),
            }
        }
        trouble.is_some()
            || door.known().is_ok_and(|all| all.iter().all(|session| session["user"] != "alice"))
    });
    trouble.map_or(forgotten, Err).map_err(|e| Trouble::new(format!("{e}; known: {:?}", door.known())))?;
    let stopped = stopped(door);
    if !stopped.is_empty() {
        return Err(Trouble::new(format!("left frozen: {}", stopped.join(", "))));
    }
    his.goes_on(door)?;
    for watch in &watches {
        life.died_at = life.died_at.take().or(watch.died_at(door)?);
        if cut.is_none() {
            life.calls.extend(watch.points(door)?);
        }
    }
    drop(watches);
    if back.is_none() {
        // Nothing kills it any more; what dies just now does not answer.
        let _ = until(SOON, "it answers", || door.known().is_ok() || jitd(door).ok() != Some(daemon));
        returned(door, daemon)?;
    }
    Ok(life)
}

/// If jitd has died, starts it again; when it answered.
fn returned(door: &Door, daemon: i32) -> Result<Option<f64>> {
    if jitd(door).is_ok_and(|pid| pid == daemon) {
        return Ok(None);
    }
    // It is dead already; this only forgets it.
    let _ = door.kill_jitd();
    door.start_jitd()?;
    Ok(Some(now()))
}

/// Waits until she is in or is refused: her obedient and her deaf process. Whoever is in is known, or becomes so.
fn came_in(
    door: &Door,
    client: &Client,
    mark: &str,
    daemon: i32,
    back: &mut Option<f64>,
) -> Result<Option<(i32, i32)>> {
    let pid = |line: &str| {
        door.marked(mark).iter().find(|found| found.line.starts_with(line)).map(|found| found.pid)
    };
    let mut hers = None;
    let mut trouble = None;
    until(SOON, "she is in, or refused", || {
        if back.is_none() {
            match returned(door, daemon) {
                Ok(at) => *back = at,
                Err(e) => trouble = Some(e),
            }
        }
        hers = pid(OBEDIENT).zip(pid(DEAF));
        trouble.is_some() || hers.is_some() || client.status().is_some()
    })?;
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    if hers.is_none() {
        if back.is_none() {
            *back = returned(door, daemon)?;
        }
        if back.is_none() {
            return Err(Trouble::new(format!("refused, though jitd was there: {client:?}")));
        }
        return Ok(None);
    }
    Ok(hers)
}

fn watched(door: &Door, pids: (i32, i32), daemon: i32, end: f64, back: Option<f64>) -> Result<Course> {
    let seen = |pid| Seen { pid, gone: None, frozen_early: false };
    let mut course = Course { obedient: seen(pids.0), deaf: seen(pids.1), back, stall: 0.0 };
    let mut known = false;
    let mut last = now();
    while course.obedient.gone.is_none() || course.deaf.gone.is_none() {
        let at = now();
        course.stall = course.stall.max(at - last - 0.01);
        for one in [&mut course.obedient, &mut course.deaf] {
            let state = state(door, one.pid);
            if state.is_none() && one.gone.is_none() {
                one.gone = Some(at);
            }
            one.frozen_early |= state == Some('T') && at < end;
        }
        last = now();
        if course.back.is_none() && !door.host().path(&format!("/proc/{daemon}/stat")).exists() {
            course.back = returned(door, daemon)?;
            last = now();
        }
        if !known && course.back.is_some() && at < end {
            until(SOON, "her session is known", || door.session_of("alice", "sshd").is_ok() || now() >= end)?;
            known = true;
            last = now();
        }
        if at > end.max(course.back.unwrap_or(end)) + SOON.as_secs_f64() {
            return Err(Trouble::new(format!("her session goes on after its end: {:?}", door.sessions()?)));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(course)
}

fn judge(course: &Course, end: f64, life: &mut Life) -> Result<()> {
    let due = end.max(course.back.unwrap_or(end));
    let gone = |seen: &Seen| seen.gone.unwrap_or(f64::INFINITY);
    let (obedient, deaf) = (gone(&course.obedient), gone(&course.deaf));
    if obedient.min(deaf) < end {
        return Err(Trouble::new(format!("ended {:.3} s early", end - obedient.min(deaf))));
    }
    if course.obedient.frozen_early || course.deaf.frozen_early {
        return Err(Trouble::new("frozen before the end"));
    }
    (life.late, life.deaf_late) = (obedient - due, deaf - due);
    for (late, limit) in [(life.late, LATE), (life.deaf_late, LATE + GRACE)] {
        if late > limit + course.stall {
            return Err(Trouble::new(format!(
                "outlived its end by {late:.3} s (allowed: {limit} s, and {:.3} s in which the machine did not let us look)",
                course.stall
            )));
        }
    }
    Ok(())
}

/// Lives with jitd killed at each of these points, on several hosts at once: a life is mostly waiting. What came of each, in the order
/// of the points; those that there was no time for are left out.
///
/// # Errors
/// When any of them was not as it should be.
pub fn all(cuts: &[Point], hosts: usize, time: Duration) -> Result<Vec<Life>> {
    let begun = std::time::Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Life)>> {
        let mut lives = Lives::begin()?;
        let mut done = Vec::new();
        while begun.elapsed() < time {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(cut) = cuts.get(index) else { break };
            let life = lives.live(Some(cut))?;
            println!("{}", life.told(cut));
            done.push((index, life));
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..hosts).map(|_| scope.spawn(work)).collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(Trouble::new("a worker panicked"))));
        joined.collect::<Result<Vec<_>>>()
    })?
    .concat();
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, life)| life).collect())
}

impl Life {
    /// One line.
    pub fn told(&self, cut: &Point) -> String {
        let at = self.died_at.as_ref().map_or_else(|| format!("not reached: {cut}"), ToString::to_string);
        match self.came_in {
            true => format!("late {:.3} s, deaf {:.3} s; died at {at}", self.late, self.deaf_late),
            false => format!("refused; died at {at}"),
        }
    }
}
