//! Figures as a table for people and as JSON for programs. A missed target is said and nothing more: a figure never fails a run.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::Serialize;
use serde_json::Value;

use super::samples::Samples;
use crate::trouble::{Result, Trouble};

/// A unit of what is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Microseconds
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds
    #[serde(rename = "ms")]
    Milliseconds,
    /// 1,024 bytes
    #[serde(rename = "KiB")]
    Kibibytes,
}

impl Unit {
    fn of_nanoseconds(self, nanoseconds: f64) -> f64 {
        match self {
            Unit::Microseconds => nanoseconds / 1e3,
            Unit::Milliseconds => nanoseconds / 1e6,
            Unit::Kibibytes => nanoseconds,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Kibibytes => "KiB",
        })
    }
}

/// Something that was compared with a wish.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// The wish in words.
    pub wish: String,
    /// Whether it came true.
    pub reached: bool,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The median, or the one value.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// What one in ten is below, and one in ten above.
    pub spread: Option<(f64, f64)>,
    /// How many times it was measured.
    pub count: usize,
    /// A comparison with another row of the same run, in words.
    pub compared: Option<String>,
    /// What it should be.
    pub target: Option<Target>,
}

impl Row {
    /// A row of times.
    pub fn times(what: impl Into<String>, unit: Unit, samples: &Samples) -> Row {
        let scaled = |nanoseconds| unit.of_nanoseconds(nanoseconds);
        Row {
            what: what.into(),
            value: scaled(samples.median()),
            unit,
            spread: Some((scaled(samples.percentile(10)), scaled(samples.percentile(90)))),
            count: samples.count(),
            compared: None,
            target: None,
        }
    }

    /// A row of one value.
    pub fn one(what: impl Into<String>, unit: Unit, value: f64) -> Row {
        Row { what: what.into(), value, unit, spread: None, count: 1, compared: None, target: None }
    }

    /// Compared with something of the same run.
    #[must_use]
    pub fn compared(mut self, words: impl Into<String>) -> Row {
        self.compared = Some(words.into());
        self
    }

    /// Compared with a wish.
    #[must_use]
    pub fn target(mut self, wish: impl Into<String>, reached: bool) -> Row {
        self.target = Some(Target { wish: wish.into(), reached });
        self
    }
}

/// Everything of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When, as `date` says it.
    pub date: String,
    /// On what.
    pub machine: String,
    /// The figures, under headings.
    pub parts: Vec<Part>,
    /// What could not be measured, and who got in or did not.
    pub failures: Vec<String>,
}

impl Report {
    /// Without any figure yet.
    pub fn new() -> Report {
        Report { date: date(), machine: machine(), parts: Vec::new(), failures: Vec::new() }
    }

    /// Writes it as JSON: the whole file, or beside what is there under a key of its own.
    ///
    /// # Errors
    /// When the file cannot be written, or holds something else than JSON.
    pub fn save(&self, path: &Path, key: Option<&str>) -> Result<()> {
        let bad = |e: serde_json::Error| Trouble::new(format!("{}: {e}", path.display()));
        let own = serde_json::to_value(self).map_err(bad)?;
        let whole = match key {
            None => own,
            Some(key) => {
                let there = fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
                let mut there: Value = serde_json::from_str(&there).map_err(bad)?;
                let Some(keys) = there.as_object_mut() else {
                    return Err(Trouble::new(format!("{} is no JSON object", path.display())));
                };
                keys.insert(key.to_owned(), own);
                there
            }
        };
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(path, format!("{whole:#}\n")));
        written.map_err(|e| Trouble::io(path, e))
    }
}

impl Default for Report {
    fn default() -> Report {
        Report::new()
    }
}

/// What a program of this machine prints.
pub fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn date() -> String {
    said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!(
        "{} CPUs ({}), Linux {}, load {} when it began",
        thread::available_parallelism().map_or(0, usize::from),
        cpu.trim_start_matches([' ', '\t', ':']),
        said("uname", &["-r"]),
        load()
    )
}

/// How many processes want a CPU, on the average of the last minute.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

/// Figures under a heading.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// The heading.
    pub title: String,
    /// The figures.
    pub rows: Vec<Row>,
    /// What has to be known to read them.
    pub note: String,
}

/// Three digits that count, and no more.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let heads = ["", "median", "10 %–90 %", "n", "in the same run", "target"].map(str::to_owned);
        let cells = |row: &Row| {
            [
                row.what.clone(),
                format!("{} {}", short(row.value), row.unit),
                row.spread.map(|(low, high)| format!("{}–{}", short(low), short(high))).unwrap_or_default(),
                row.count.to_string(),
                row.compared.clone().unwrap_or_default(),
                row.target.as_ref().map_or_else(String::new, |target| {
                    let came = if target.reached { "reached" } else { "**missed**" };
                    format!("{}: {came}", target.wish)
                }),
            ]
        };
        let lines: Vec<[String; 6]> = std::iter::once(heads).chain(self.rows.iter().map(cells)).collect();
        let widths: [usize; 6] = std::array::from_fn(|i| {
            lines.iter().filter_map(|line| line.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        });
        for (n, line) in lines.iter().enumerate() {
            let mut text = String::from("|");
            for (cell, width) in line.iter().zip(widths) {
                // Writing to a String cannot fail.
                let _ = write!(text, " {cell:<width$} |");
            }
            writeln!(f, "{text}")?;
            if n == 0 {
                let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
                writeln!(f, "|{rule}")?;
            }
        }
        if !self.note.is_empty() {
            writeln!(f, "\n{}", self.note)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}.", self.date, self.machine)?;
        for part in &self.parts {
            write!(f, "\n{part}")?;
        }
        for failure in &self.failures {
            writeln!(f, "\nNOT MEASURED, OR WRONG: {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reports_share_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let [mut door, mut sessions] = [Report::new(), Report::new()];
        door.failures.push("of the door".to_owned());
        sessions.failures.push("of sessions".to_owned());
        door.save(file.path(), None).unwrap();
        sessions.save(file.path(), Some("sessions")).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let there: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(there["failures"][0], "of the door");
        assert_eq!(there["sessions"]["failures"][0], "of sessions");
        fs::write(file.path(), "[]").unwrap();
        assert!(sessions.save(file.path(), Some("sessions")).is_err());
    }
}
