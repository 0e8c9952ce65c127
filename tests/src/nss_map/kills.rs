//! jitd killed at its system calls while it puts a new map in the place of the old one, with readers at work all the time, and started again.

use super::stage::{Readers, Stage};
use crate::door::SOON;
use crate::strace::{Point, Watch, jitd};
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// The thread that writes maps.
pub const THREAD: &str = "jitd";

/// What strace writes of a start.
const WATCHED: &str = "/var/log/strace-start.out";

/// What it does from a change of the directory until the map shows it.
///
/// # Errors
/// When it does not come to show it.
pub fn whole(stage: &mut Stage) -> Result<Vec<Point>> {
    let watch = Watch::of(&stage.door, THREAD, None)?;
    stage.change()?;
    stage.shown()?;
    watch.points(&stage.door)
}

/// The calls by which a map takes another's place, from the first that names one on, and the next after that: what changes nothing outside
/// jitd is left out.
pub fn of_maps(points: &[Point]) -> Vec<Point> {
    let names = |point: &Point| point.seen.contains("groups.map");
    let first = points.iter().position(names).unwrap_or(points.len());
    let last = points.iter().rposition(names).unwrap_or(0);
    let after = (last + 1..points.len()).find(|at| points[*at].matters()).unwrap_or(last);
    points.iter().take(after + 1).skip(first).filter(|point| point.matters()).cloned().collect()
}

/// One change, with jitd killed at this call if it comes by there. Where it died.
///
/// # Errors
/// When a new process has a wrong answer after that.
pub fn die(stage: &mut Stage, cut: &Point) -> Result<Option<Point>> {
    let daemon = jitd(&stage.door)?;
    stage.kept()?;
    let watch = Watch::of(&stage.door, THREAD, Some(cut))?;
    stage.change()?;
    let gone = || !jitd(&stage.door).is_ok_and(|pid| pid == daemon);
    until(SOON, "it dies, or goes on", || gone() || stage.map() == Some(stage.state()))?;
    // What was to come after the map in the same breath.
    if !gone() {
        stage.door.jitctl(["status"]).run()?;
    }
    let died = if gone() { watch.died_at(&stage.door)? } else { None };
    drop(watch);
    if died.is_some() {
        // It is dead already; this only forgets it.
        let _ = stage.door.kill_jitd();
    }
    // Old or new, but one of them, whole, for a process that never saw a map before.
    stage.ask_once().map_err(|e| Trouble::new(format!("afterwards: {e}")))?;
    Ok(died)
}

/// The same, and jitd started again.
///
/// # Errors
/// When any answer was wrong: of a process that is new while jitd is dead, or after its return.
pub fn one(stage: &mut Stage, cut: &Point) -> Result<Option<Point>> {
    let died = die(stage, cut)?;
    if died.is_some() {
        stage.revive()?;
    }
    stage.shown()?;
    stage.ask_once().map_err(|e| Trouble::new(format!("after it came back: {e}")))?;
    Ok(died)
}

/// jitd started with any of its threads to die at its N-th call of this name; whether it died.
///
/// # Errors
/// When a new process has a wrong answer after that.
pub fn start_and_die(stage: &mut Stage, call: &str, number: u32) -> Result<bool> {
    stage.doubt()?;
    let mut line = ["strace", "-f", "-qq", "-o", WATCHED, "-e"].map(str::to_owned).to_vec();
    line.extend([
        format!("trace={call}"),
        "-e".to_owned(),
        format!("inject={call}:signal=KILL:when={number}"),
    ]);
    line.extend(["/usr/sbin/jitd", "--user", "jitd"].map(str::to_owned));
    stage.door.host().remove(WATCHED)?;
    let strace = stage.door.host().start("jitd", line)?;
    let mut died = false;
    until(SOON, "it dies, or its map is there", || {
        died = stage.door.host().read(WATCHED).is_ok_and(|text| text.contains("+++ killed by SIGKILL +++"));
        died || stage.map() == Some(stage.state())
    })?;
    if !died {
        // It may come to that call in this very moment, and be gone: that it is gone is seen below.
        if let Ok(pid) = jitd(&stage.door) {
            stage.door.host().sh(&format!("kill -9 {pid}")).run()?;
        }
    }
    // With its last thread: until then it holds the lock of its directory.
    let free = || {
        stage.door.host().exec(["flock", "-n", "/var/lib/jitd", "true"]).run().is_ok_and(|output| output.ok())
    };
    until(SOON, "it is gone", || jitd(&stage.door).is_err() && free())?;
    drop(strace);
    stage.ask_once().map_err(|e| Trouble::new(format!("afterwards: {e}")))?;
    Ok(died)
}

/// All of these, one after the other; where it died. Every answer was right.
///
/// # Errors
/// When one was not, with the call at which jitd had been killed.
pub fn all(stage: &mut Stage, cuts: &[Point], readers: &Readers) -> Result<Vec<Point>> {
    let mut died = Vec::new();
    for cut in cuts {
        let told = |e: Trouble| Trouble::new(format!("with jitd to die at {cut}: {e}"));
        let at = one(stage, cut).map_err(told)?;
        readers.are_content().map_err(told)?;
        println!("{}", at.as_ref().map_or_else(|| format!("not reached: {cut}"), ToString::to_string));
        died.extend(at);
    }
    Ok(died)
}
