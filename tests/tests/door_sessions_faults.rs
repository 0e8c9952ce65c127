//! What breaks while sessions are open: the daemon at any of its system calls, process numbers that are given again, the grants file.

use std::time::Duration;

use jit_tests::door::Door;
use jit_tests::ldif::{Grant, Ldif, from_now};
use jit_tests::sessions::faults::{Lives, all};
use jit_tests::sessions::jobs::{NOHUP, SHELL};
use jit_tests::sessions::{Kind, is, people};
use jit_tests::strace::Point;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

/// Only ends a hopeless wait.
const SOON: Duration = Duration::from_secs(30);

/// A place in a session's life: the thread, its call, what the call was about, and how many such calls come before.
const PLACES: [(&str, &str, &str, usize); 13] = [
    // The account phase's answer; the file, just before it is there; the answer to the opening, when it is.
    ("pam", "sendto", "", 0),
    ("pam", "rename", "/state/sessions/", 0),
    ("pam", "sendto", "", 1),
    ("sessions", "write", "ends in", 0),
    ("sessions", "rename", "/state/sessions/", 0),
    ("sessions", "write", "has ended", 0),
    // One is frozen, the other is not.
    ("sessions", "pidfd_send_signal", "SIGSTOP", 1),
    // Both are, and neither has been asked; one has; both have, and are still frozen.
    ("sessions", "pidfd_send_signal", "SIGHUP", 0),
    ("sessions", "pidfd_send_signal", "SIGHUP", 1),
    ("sessions", "pidfd_send_signal", "SIGCONT", 0),
    // The deaf one is frozen again.
    ("sessions", "pidfd_send_signal", "SIGKILL", 0),
    // Nothing is left but the file.
    ("sessions", "unlink", " = 0", 0),
    ("audit", "write", ": ends: ", 0),
];

/// Killed where it matters: no session outlives its end by more than the restart and a second, none ends early, nothing is left.
#[test]
fn killed_at_any_moment_of_a_sessions_life() -> Result<()> {
    let whole = Lives::begin()?.live(None)?;
    for point in whole.calls.iter().filter(|point| point.matters()) {
        println!("{point}");
    }
    let find = |(thread, call, text, before): &(&str, &str, &str, usize)| {
        let fits =
            |point: &&Point| point.thread == *thread && point.call == *call && point.seen.contains(text);
        whole
            .calls
            .iter()
            .filter(fits)
            .nth(*before)
            .cloned()
            .ok_or_else(|| Trouble::new(format!("no {call} {text}")))
    };
    let cuts = PLACES.iter().map(find).collect::<Result<Vec<_>>>()?;
    let lives = all(&cuts, 3, Duration::from_secs(200))?;
    assert_eq!(lives.len(), cuts.len(), "there was no time for all of them");
    let hit = lives.iter().filter(|life| life.died_at.is_some()).count();
    assert!(hit >= cuts.len() - 2, "jitd died in {hit} of {} lives", cuts.len());
    Ok(())
}

/// A session's leader is killed while nobody watches, and its number is given to a process of another person's before her time is over:
/// he is not touched at her end, nor by another daemon after it. What she left behind ends all the same.
#[test]
fn a_number_that_is_given_again_is_another_process() -> Result<()> {
    let long = people().grant(&Grant::live("bobs", "bob"));
    let door = Kind::Plain.door(&long.clone().grant(&Grant::live("alices", "alice")))?;
    let (hers, left) = (SHELL.start(&door, "alice")?, NOHUP.start(&door, "alice")?);
    until(SOON, "both are known", || door.known().is_ok_and(|all| all.len() == 2))?;
    let sessions = door.known()?;
    let open = sessions.iter().find(|session| session["state"] == "open");
    let leader = open.and_then(|session| session["pid"].as_i64()).ok_or_else(|| Trouble::new("no leader"))?;
    door.stop_jitd()?;
    // Children first, so that somebody is there to reap them: a number is not free as long as anything is called by it. The leader
    // follows, and finds nobody to tell.
    let mut all = door.marked(&hers.mark);
    all.sort_by_key(|found| std::cmp::Reverse(found.pid));
    for pid in all.iter().map(|found| i64::from(found.pid)).filter(|pid| *pid != leader) {
        door.host().sh(&format!("kill -9 {pid}")).run()?.must()?;
        gone(&door, pid)?;
    }
    gone(&door, leader)?;
    let his = given(&door, leader)?;

    let end = from_now(6);
    door.host().remove("/etc/jitd/grants.ldif")?;
    let lasts = long.grant(&Grant::live("alices", "alice").with("jitNotAfter", &end));
    door.host().write("/etc/jitd/grants.ldif", 0o644, format!("{}{lasts}", Ldif::containers()))?;
    door.start_jitd()?;
    assert_eq!(his(&door), 2, "as it came back");
    assert!(from_now(0) < end, "the machine is too slow for this");
    left.goes_on(&door)?;
    left.is_over(&door)?;
    assert!(from_now(0) >= end, "ended early");
    until(SOON, "nothing of hers is known", || door.known().is_ok_and(|all| all.is_empty()))?;
    assert_eq!(his(&door), 2, "after her end");
    door.kill_jitd()?;
    door.start_jitd()?;
    door.grants(&people())?;
    assert_eq!(his(&door), 2, "after another daemon's start");
    Ok(())
}

fn gone(door: &Door, pid: i64) -> Result<()> {
    until(SOON, &format!("{pid} is gone"), || !door.host().path(&format!("/proc/{pid}")).exists())
}

/// Gives this number to a shell of bob's, with a child; how many of the two are there.
fn given(door: &Door, number: i64) -> Result<impl Fn(&Door) -> usize + use<>> {
    // Between the writing and the fork somebody else may fork: then it is tried again.
    let script = format!(
        "for i in $(seq 200); do\n\
         echo $(({number} - 1)) >/proc/sys/kernel/ns_last_pid\n\
         setpriv --init-groups --reuid=bob --regid=bob sh -c 'sleep 600.81; :' </dev/null >/dev/null 2>&1 &\n\
         [ $! = {number} ] && exit 0\n\
         kill $!; wait $! 2>/dev/null\n\
         done\n\
         exit 1"
    );
    door.host().sh(&script).run()?.must()?;
    let count = move |door: &Door| {
        let his = door.running("sleep 600.81");
        assert!(his.is_empty() || his.iter().any(|found| i64::from(found.pid) == number), "{his:?}");
        his.len()
    };
    until(SOON, "both run", || count(door) == 2)?;
    Ok(count)
}

/// The grants file is damaged, emptied or gone while sessions are open: nobody new comes in by it, who is in stays to the end that was
/// known, and a restart in the middle changes nothing.
#[test]
fn a_grants_file_that_is_damaged_or_gone_ends_nothing_early() -> Result<()> {
    let file = "/etc/jitd/grants.ldif";
    let hour = |who| Grant::live(&format!("of-{who}"), who);
    let door = Kind::Plain.door(&people().grant(&hour("alice")).grant(&hour("bob")))?;
    let (hers, his) = (SHELL.start(&door, "alice")?, NOHUP.start(&door, "bob")?);
    until(SOON, "both are known", || door.known().is_ok_and(|all| all.len() == 2))?;
    let end = from_now(14);
    door.grants(&people().grant(&hour("alice").with("jitNotAfter", &end)).grant(&hour("bob")))?;
    let whole = door.host().read(file)?;
    let both = |door: &Door| hers.goes_on(door).and_then(|()| his.goes_on(door));
    let complains = |door: &Door| {
        until(SOON, "status complains", || door.jitctl(["status"]).run().is_ok_and(|output| !output.ok()))
    };
    let well = |door: &Door| {
        until(SOON, "status is well", || door.jitctl(["status"]).run().is_ok_and(|output| output.ok()))
    };
    well(&door)?;
    let cut = whole.len() / 2;
    for damaged in [format!("{whole}\nthis is no LDIF\n"), whole[..cut].to_owned() + ":", String::new()] {
        door.host().write(file, 0o644, damaged)?;
        complains(&door)?;
        both(&door)?;
        door.host().write(file, 0o644, &whole)?;
        well(&door)?;
    }
    door.host().remove(file)?;
    complains(&door)?;
    both(&door)?;
    door.kill_jitd()?;
    door.host().sh("rm -rf /var/lib/jitd/*").run()?.must()?;
    door.start_jitd()?;
    assert!(!door.ssh("carol", "true")?.ok());
    both(&door)?;
    assert!(from_now(0) < end, "the machine is too slow for this");
    hers.is_over(&door)?;
    assert!(from_now(0) >= end, "ended early");
    his.goes_on(&door)?;
    let of_bob = |event: &serde_json::Value| is(event, "ending", "bob");
    assert!(!door.audit()?.iter().any(of_bob), "his was never ended");
    Ok(())
}
