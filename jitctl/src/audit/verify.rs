//! Whether an audit is whole. Whole files are checked line by line, as the script in docs/audit.md does, and by their numbers; of collected
//! lines, which stand in any order, the numbers are checked, and of those that follow directly upon each other the hashes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use jit_control::audit::{Checked, Fault, Verified};

use super::chain::{Stand, Walk, is};
use super::event;
use super::input::{Input, Series};
use super::lines::{Raw, each};
use super::numbers::{Line, Novelty, Numbers, span};

/// How many faults are told one by one.
const TOLD: usize = 1000;

/// What the files are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole files, as jitd wrote them.
    Whole,
    /// Collected lines, in any order. Only who asks can know that: a file of one host in which lines were given another host's name looks
    /// the same, and would pass.
    Collected,
}

/// Checks what was found.
pub fn verify(input: &Input, kind: Kind) -> Verified {
    let mut verified = Verified::default();
    for unread in &input.unread {
        let text = unread.text.clone();
        let fault =
            Fault { kind: "file".to_owned(), file: Some(unread.file.clone()), text, ..Fault::default() };
        tell(&mut verified, fault);
    }
    match kind {
        Kind::Whole => {
            let ends = input.series.iter().filter_map(|series| walk(&mut verified, series)).collect();
            join(&mut verified, ends);
        }
        Kind::Collected => {
            let mut numbers = Numbers::default();
            for series in &input.series {
                number(&mut verified, &mut numbers, series);
            }
            judge(&mut verified, &numbers);
        }
    }
    verified
}

fn tell(verified: &mut Verified, fault: Fault) {
    match verified.faults.len() < TOLD {
        true => verified.faults.push(fault),
        false => verified.more_faults = verified.more_faults.saturating_add(1),
    }
}

/// A series whose chain was followed: what it is called, and both ends.
struct Whole {
    file: String,
    first: Stand,
    last: Stand,
}

/// Follows the chain of a series.
fn walk(verified: &mut Verified, series: &Series) -> Option<Whole> {
    let mut walk = Walk::default();
    let mut hosts = BTreeSet::new();
    let (mut lines, mut newer) = (0_u64, None);
    let found = RefCell::new(verified);
    each(
        series,
        |raw| {
            let verified = &mut found.borrow_mut();
            lines += 1;
            let head = event::head(raw).ok();
            if let Some(head) = &head {
                if !hosts.contains(head.host.as_ref()) {
                    hosts.insert(head.host.clone().into_owned());
                }
                if newer.is_none() && head.v != event::VERSION {
                    newer = Some(format!(
                        "{}, line {}: {}",
                        raw.file.display(),
                        raw.number,
                        event::Trouble::Version(head.v)
                    ));
                }
                lost(verified, raw, head);
            }
            let was_mixed = walk.is_mixed();
            let breaks = walk.step(raw, head.as_ref());
            if walk.is_mixed() && !was_mixed {
                let text =
                    "lines of another host follow, without a chain: if these were collected, say --collected"
                        .to_owned();
                tell(verified, fault_at("mixed", raw, head.as_ref(), text));
            }
            for broken in breaks {
                let (from, to) = broken.gone.unzip();
                let fault = fault_at(broken.kind, raw, head.as_ref(), broken.text);
                tell(verified, Fault { seq: from.or(fault.seq), to, ..fault });
            }
        },
        |path, line, text| tell(&mut found.borrow_mut(), failure(path, line, text)),
    );
    let verified = found.into_inner();
    verified.lines = verified.lines.saturating_add(lines);
    verified.remarks.extend(newer);
    let files = names(series);
    let ends = walk.ends().map(|(first, last)| Whole {
        file: files.first().cloned().unwrap_or_default(),
        first: first.clone(),
        last: last.clone(),
    });
    verified.checked.push(Checked {
        files,
        how: "chain".to_owned(),
        hosts: hosts.into_iter().collect(),
        lines,
        numbers: ends.iter().map(|whole| (whole.first.seq, whole.last.seq)).collect(),
    });
    ends
}

fn names(series: &Series) -> Vec<String> {
    series.files.iter().map(|file| file.path.display().to_string()).collect()
}

fn failure(path: &std::path::Path, line: Option<u64>, text: String) -> Fault {
    Fault { kind: "file".to_owned(), file: Some(path.display().to_string()), line, text, ..Fault::default() }
}

/// jitd says in a line that there was no room for some events.
fn lost(found: &mut Verified, raw: &Raw<'_>, head: &event::Head<'_>) {
    if head.event != "lost" {
        return;
    }
    let count =
        event::body::<event::Lost>(raw, head).map_or("some".to_owned(), |lost| lost.count.to_string());
    let text = format!("jitd had no room for {count} events here; look for them in syslog");
    tell(found, fault_at("lost", raw, Some(head), text));
}

fn fault_at(kind: &str, raw: &Raw<'_>, head: Option<&event::Head<'_>>, text: String) -> Fault {
    Fault {
        kind: kind.to_owned(),
        file: Some(raw.file.display().to_string()),
        line: Some(raw.number),
        host: head.map(|head| head.host.clone().into_owned()),
        boot: head.map(|head| head.boot.clone().into_owned()),
        seq: head.map(|head| head.seq),
        to: None,
        text,
    }
}

/// Takes in the lines of a series that were collected.
fn number(verified: &mut Verified, numbers: &mut Numbers, series: &Series) {
    let mut lines = 0;
    let failures = RefCell::new(Vec::new());
    each(
        series,
        |raw| {
            lines += 1;
            take(verified, numbers, raw);
        },
        |path, line, text| failures.borrow_mut().push(failure(path, line, text)),
    );
    failures.into_inner().into_iter().for_each(|fault| tell(verified, fault));
    verified.lines += lines;
    let how = "numbers".to_owned();
    verified.checked.push(Checked { files: names(series), how, lines, ..Checked::default() });
}

/// Takes in a line that was collected.
fn take(verified: &mut Verified, numbers: &mut Numbers, raw: &Raw<'_>) {
    let head = match event::head(raw) {
        Ok(head) => head,
        Err(trouble) => return tell(verified, fault_at("torn", raw, None, trouble.to_string())),
    };
    let time = event::time(&head).unwrap_or_default();
    let line = Line {
        host: &head.host,
        boot: &head.boot,
        seq: head.seq,
        prev: &head.prev,
        hash: &raw.hash,
        time,
        event: &head.event,
    };
    match numbers.see(line) {
        Novelty::Again => verified.again += 1,
        Novelty::New => lost(verified, raw, &head),
        Novelty::Conflict => {
            let text = format!(
                "another line of {} in the same boot has number {}: one of them is not jitd's, or jitd began its file anew",
                head.host, head.seq
            );
            tell(verified, fault_at("conflict", raw, Some(&head), text));
        }
    }
}

/// What is wrong with lines that were collected.
fn judge(verified: &mut Verified, numbers: &Numbers) {
    let hosts: Vec<(String, (u64, u64))> =
        numbers.hosts().map(|(host, all)| (host.to_owned(), all)).collect();
    for (host, _) in &hosts {
        for missing in numbers.missing(host) {
            let mut text = missing.text.clone();
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", span(&missing));
            match missing.kind.as_str() {
                "numbers" => tell(
                    verified,
                    Fault {
                        kind: "missing".to_owned(),
                        host: Some(missing.host),
                        boot: Some(missing.boot),
                        seq: Some(missing.from),
                        to: Some(missing.to),
                        text,
                        ..Fault::default()
                    },
                ),
                "start" => verified.remarks.push(format!("{host}, boot {}: {text}", missing.boot)),
                _ => {}
            }
        }
        for (boot, seq) in numbers.unfollowing(host) {
            let text = format!(
                "line number {seq} does not follow from number {}: one of them was changed",
                seq.saturating_sub(1)
            );
            let fault = Fault {
                kind: "changed".to_owned(),
                host: Some(host.clone()),
                boot: Some(boot),
                seq: Some(seq),
                text,
                ..Fault::default()
            };
            tell(verified, fault);
        }
    }
    for checked in
        verified.checked.iter_mut().filter(|checked| checked.how == "numbers" && checked.hosts.is_empty())
    {
        (checked.hosts, checked.numbers) = hosts.iter().cloned().unzip();
    }
}

/// Whether several series of one host follow from each other, whatever their files are called.
fn join(verified: &mut Verified, mut whole: Vec<Whole>) {
    whole.sort_by(|a, b| (&a.first.host, a.first.seq).cmp(&(&b.first.host, b.first.seq)));
    for pair in whole.windows(2) {
        let [a, b] = pair else { continue };
        if a.last.host != b.first.host {
            continue;
        }
        let fault = |kind: &str, text: String, gone: Option<(u64, u64)>| Fault {
            kind: kind.to_owned(),
            file: Some(b.file.clone()),
            line: Some(1),
            host: Some(b.first.host.clone()),
            boot: Some(b.first.boot.clone()),
            seq: gone.map(|(from, _)| from).or(Some(b.first.seq)),
            to: gone.map(|(_, to)| to),
            text,
        };
        let next = a.last.seq.saturating_add(1);
        match b.first.seq.cmp(&next) {
            std::cmp::Ordering::Equal if is(b.first.prev.as_bytes(), &a.last.hash) => {}
            std::cmp::Ordering::Equal => {
                let text = format!("it does not follow from the last line of {}", a.file);
                tell(verified, fault("changed", text, None));
            }
            std::cmp::Ordering::Greater => {
                let to = b.first.seq - 1;
                let text = format!("lines number {next} to {to} are missing between this file and {}", a.file);
                tell(verified, fault("removed", text, Some((next, to))));
            }
            std::cmp::Ordering::Less => verified.remarks.push(format!(
                "{} and {} have lines of {} with the same numbers, {} to {}: not compared with each other; with --collected they are",
                a.file,
                b.file,
                a.last.host,
                b.first.seq,
                a.last.seq.min(b.last.seq)
            )),
        }
    }
}
