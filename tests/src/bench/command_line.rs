//! What is typed behind `cargo bench … --`, and what becomes of the report.

use std::path::PathBuf;
use std::process::ExitCode;

use super::report::Report;

/// Measures as the command line says: by `whole`, or by `quick` with `--quick`; the parts that it names (`parts` are all there are), or all.
/// Prints the report, and puts it under `key` into the file behind `--json`.
pub fn run<P>(
    [whole, quick]: [P; 2],
    parts: &str,
    key: &str,
    measure: impl FnOnce(&P, &[String]) -> Report,
) -> ExitCode {
    let (mut json, mut plan) = (None, whole);
    let mut quick = Some(quick);
    let mut wanted: Vec<String> = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => json = words.next().map(PathBuf::from),
            "--quick" => plan = quick.take().unwrap_or(plan),
            "--part" => wanted.extend(words.next()),
            // What cargo adds.
            "--bench" => {}
            other => {
                eprintln!("{other:?}: the options are --json FILE, --quick, --part {parts}");
                return ExitCode::from(2);
            }
        }
    }
    let report = measure(&plan, &wanted);
    println!("{report}");
    if let Some(path) = json {
        if let Err(trouble) = report.save(&path, Some(key)) {
            eprintln!("{trouble}");
            return ExitCode::FAILURE;
        }
        println!("The same as JSON, under {key:?}: {}", path.display());
    }
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
