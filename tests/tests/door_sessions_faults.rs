//! What breaks while sessions are open: the daemon at any of its system calls, process numbers that are given again, the grants file.

use std::time::Duration;

use jit_tests::sessions::faults::{Lives, all};
use jit_tests::strace::Point;
use jit_tests::trouble::{Result, Trouble};

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
