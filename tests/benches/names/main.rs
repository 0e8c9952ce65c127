//! `make bench`, of names: what glibc's answers cost with our module, beside the floor and beside what people would use instead, all in one run
//! on one host. Figures are reported and never fail a run. What does fail it: something that could not be measured, and an
//! answer, ours or another's, that was not the expected one: the time of such an answer means nothing.

use std::fs;
use std::process::ExitCode;

use jit_tests::bench::command_line;
use jit_tests::bench::names::place::Place;
use jit_tests::bench::report::{Part, Report, Row, Unit, load};
use jit_tests::built;
use jit_tests::trouble::{Result, Trouble};

mod first;
mod maps;
mod warm;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Sets of processes.
    runs: u32,
    /// Turns of each.
    rounds: u32,
}

const WHOLE: Plan = Plan { runs: 6, rounds: 12 };
const QUICK: Plan = Plan { runs: 2, rounds: 4 };

fn main() -> ExitCode {
    let parts = "warm|maps|replaced|load|first|size";
    command_line::run([WHOLE, QUICK], parts, "names", |plan, parts| measure(*plan, parts))
}

/// Measures one thing.
type Measure = fn(&Place, Plan) -> Result<Vec<Part>>;

fn measure(plan: Plan, wanted: &[String]) -> Report {
    let mut report = Report::new();
    let place = match Place::up() {
        Ok(place) => place,
        Err(trouble) => {
            report.failures.push(trouble.to_string());
            return report;
        }
    };
    let all: [(&str, Measure); 6] = [
        ("warm", warm::warm),
        ("maps", maps::maps),
        ("replaced", maps::replaced),
        ("load", first::load),
        ("first", first::first),
        ("size", size),
    ];
    for (title, part) in all {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == title) {
            continue;
        }
        let load = load();
        eprintln!("measuring: {title} (load {load}) …");
        match part(&place, plan) {
            Ok(parts) => report.parts.extend(parts.into_iter().map(|mut part| {
                part.note.push_str(&format!(" Load {load} when this began."));
                part
            })),
            Err(trouble) => report.failures.push(format!("{title}: {trouble}")),
        }
    }
    report
}

/// The size of the library as it is installed.
fn size(_: &Place, _: Plan) -> Result<Vec<Part>> {
    let path = built::nss_jit()?;
    let bytes = fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.len();
    let kibibytes = bytes as f64 / 1024.0;
    let row = Row::one("libnss_jit.so.2, stripped", Unit::Kibibytes, kibibytes)
        .compared(format!("{bytes} bytes"))
        .target("≤ 40 KiB", kibibytes <= 40.0);
    Ok(vec![Part { title: "Size".to_owned(), rows: vec![row], note: "As it is installed.".to_owned() }])
}
