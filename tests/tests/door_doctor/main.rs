//! `jitctl doctor` on a real host: nothing is wrong with one that is set up as README.md says, and each fault that is planted there is found, by its code and
//! level, and nothing else beside it. One host for all: a fault is planted, found, taken away, and the host is good again.

mod faults;
mod good;
mod units;

use std::collections::BTreeSet;
use std::time::Duration;

use jit_tests::host::Host;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use serde_json::Value;

use faults::Fault;
use good::Good;

/// Long enough for jitd to read a file again on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What the doctor says.
#[derive(Debug)]
struct Said {
    status: i32,
    /// Levels and codes of everything worse than a note.
    found: BTreeSet<(String, String)>,
    whole: Value,
}

/// Asks it.
fn doctor(host: &Host) -> Result<Said> {
    let output = host.exec(["jitctl", "doctor", "--json"]).run()?;
    let whole: Value = serde_json::from_str(&output.stdout)
        .map_err(|e| Trouble::new(format!("jitctl doctor --json printed no JSON ({e}): {output}")))?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = whole["findings"].as_array().cloned().unwrap_or_default();
    let found = findings
        .iter()
        .map(|finding| (text(finding, "level"), text(finding, "code")))
        .filter(|(level, _)| level != "note")
        .collect();
    Ok(Said { status: output.status, found, whole })
}

/// Waits until it finds exactly this: jitd may still be reading what has changed.
fn finds(host: &Host, wanted: &[(&str, &str)]) -> std::result::Result<(), String> {
    let wanted: BTreeSet<(String, String)> =
        wanted.iter().map(|(level, code)| ((*level).to_owned(), (*code).to_owned())).collect();
    let mut last = None;
    let _ = until(SOON, "the doctor finds it", || {
        last = doctor(host).ok();
        last.as_ref().is_some_and(|said| said.found == wanted)
    });
    match last {
        Some(said) if said.found == wanted && said.status == i32::from(!wanted.is_empty()) => Ok(()),
        Some(said) => {
            Err(format!("found {:?} (exit status {}): {:#}", said.found, said.status, said.whole["findings"]))
        }
        None => Err("it said nothing".to_owned()),
    }
}

#[test]
fn each_planted_fault_is_found_and_nothing_else() -> Result<()> {
    let good = Good::up()?;
    let host = good.host();
    finds(host, &[]).map_err(|why| Trouble::new(format!("the good host: {why}")))?;
    let all = doctor(host)?;
    assert!(
        all.whole["unexamined"].as_array().is_some_and(|what| what.len() <= 1),
        "{:#}",
        all.whole["unexamined"]
    );
    let only = std::env::var("JIT_FAULT").ok();
    let mut failures = Vec::new();
    for Fault { what, plant, remove, codes } in faults::ALL {
        if only.as_ref().is_some_and(|only| !what.contains(only.as_str())) {
            continue;
        }
        good.run(plant).map_err(|e| Trouble::new(format!("{what}: {e}")))?;
        if let Err(why) = finds(host, codes) {
            failures.push(format!("{what}: expected {codes:?}, {why}"));
        }
        good.mend(remove).map_err(|e| Trouble::new(format!("{what}: {e}")))?;
        if let Err(why) = finds(host, &[]) {
            return Err(Trouble::new(format!("{}\nafter {what} was taken away: {why}", failures.join("\n"))));
        }
    }
    assert!(
        failures.is_empty(),
        "{} faults were not found as they should be:\n{}",
        failures.len(),
        failures.join("\n")
    );
    Ok(())
}
