//! jitd killed at every system call that it makes from a change of the directory until the map shows it, and shortly after: those that change
//! anything outside it several times over, and of the others as many as there is time for. Readers are at work all the while.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use jit_tests::nss_map::kills;
use jit_tests::nss_map::stage::Stage;
use jit_tests::strace::Point;
use jit_tests::trouble::Result;

const READER: &str = env!("CARGO_BIN_EXE_nss_map_reader");

/// For all of them.
const TIME: Duration = Duration::from_secs(400);

/// How often what matters is tried at least.
const TIMES: usize = 3;

#[test]
fn killed_at_every_call_of_a_replacement() -> Result<()> {
    let begun = Instant::now();
    let mut stage = Stage::up(Path::new(READER), &[20, 40, 60, 120, 3600])?;
    let readers = stage.readers(1)?;
    let points = kills::whole(&mut stage)?;
    let (matter, others): (Vec<Point>, Vec<Point>) = points.into_iter().partition(Point::matters);
    let (mut tried, mut places) = (0, BTreeSet::new());
    let all = (0..TIMES).flat_map(|_| &matter).chain(&others);
    for cut in all {
        if begun.elapsed() > TIME {
            break;
        }
        let died = kills::all(&mut stage, std::slice::from_ref(cut), &readers)?;
        places.extend(died.into_iter().map(|at| (at.call, at.number)));
        tried += 1;
    }
    let asked = readers.end(&stage)?;
    println!(
        "{} calls, {} of which change anything: {tried} lives, jitd died at {} places; {asked} questions",
        matter.len() + others.len(),
        matter.len(),
        places.len()
    );
    assert!(tried >= matter.len() * TIMES, "there was time for {tried} lives; {} matter", matter.len());
    assert!(
        places.len() * 10 >= matter.len() * 7,
        "jitd died at {} of {} places",
        places.len(),
        matter.len()
    );
    Ok(())
}
