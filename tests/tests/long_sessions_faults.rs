//! jitd killed at every system call of a session's life that changes anything outside it, and at as many others as there is time for.

use std::collections::BTreeSet;
use std::time::Duration;

use jit_tests::sessions::faults::{Life, Lives, all};
use jit_tests::strace::Point;
use jit_tests::trouble::Result;

/// For all of them.
const TIME: Duration = Duration::from_secs(540);

/// At once.
const HOSTS: usize = 6;

/// How many lives there is about time for, beyond the places that matter.
const OTHERS: usize = 300;

#[test]
fn killed_at_every_call() -> Result<()> {
    let whole = Lives::begin()?.live(None)?;
    let (mut cuts, others): (Vec<Point>, Vec<Point>) =
        whole.calls.into_iter().partition(|point| point.matters());
    let (matter, harmless) = (cuts.len(), others.len());
    // Evenly, all over the life.
    cuts.extend(others.into_iter().step_by(harmless.div_ceil(OTHERS).max(1)));
    let lives = all(&cuts, HOSTS, TIME)?;
    let died: Vec<&Life> = lives.iter().filter(|life| life.died_at.is_some()).collect();
    let places: BTreeSet<&Point> = died.iter().filter_map(|life| life.died_at.as_ref()).collect();
    let most = |late: fn(&Life) -> f64| lives.iter().map(late).fold(0.0, f64::max);
    println!(
        "of {} calls ({matter} of which change anything) {} were tried: jitd died in {} lives, at {} places; {} were refused; \
         at the most {:.3} s late, and {:.3} s for what obeys nothing",
        matter + harmless,
        lives.len(),
        died.len(),
        places.len(),
        lives.iter().filter(|life| !life.came_in).count(),
        most(|life| life.late),
        most(|life| life.deaf_late)
    );
    assert!(lives.len() >= matter, "there was time for {} lives; {matter} matter", lives.len());
    assert!(died.len() * 10 >= lives.len() * 7, "jitd died in {} of {} lives", died.len(), lives.len());
    Ok(())
}
