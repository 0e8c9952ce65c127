//! Which lines of which host there are, in whatever order they come and however often: what is missing, what stands there twice, and
//! what does not follow from the line with the number before. Keeps 24 bytes or so for each line.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jit_control::audit::Missing;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::lines::Hash;

/// Whether a line has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// It has not.
    New,
    /// Word for word.
    Again,
    /// Another one with its number, of the same host and boot.
    Conflict,
}

/// The beginning of a hash: enough to tell lines apart, and to find one that was changed.
type Print = u64;

#[derive(Debug, Default)]
struct Boot {
    lines: HashMap<u64, (Print, Print)>,
    /// jitd said that it began.
    started: bool,
    /// Numbers that two different lines have, with the time of the second.
    conflicts: Vec<(u64, i64)>,
    /// When the lines at the edges were written. Filled for all; asked for those beside a gap.
    times: BTreeMap<u64, i64>,
    /// The last number in order, whose time is kept only if a gap follows.
    newest: Option<(u64, i64)>,
    /// Events that jitd had no room for: at which number, when, and how many.
    lost: Vec<(u64, i64, u64)>,
}

/// The lines of every host.
#[derive(Debug, Default)]
pub struct Numbers {
    hosts: BTreeMap<Rc<str>, BTreeMap<Rc<str>, Boot>>,
}

/// What a line says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Whose.
    pub host: &'a str,
    /// In which boot.
    pub boot: &'a str,
    /// Its number.
    pub seq: u64,
    /// The hash of the line before, in hexadecimal.
    pub prev: &'a str,
    /// Its own.
    pub hash: &'a Hash,
    /// When.
    pub time: i64,
    /// What kind of event.
    pub event: &'a str,
}

fn print(hash: &Hash) -> Print {
    hash.iter().take(8).fold(0, |print, byte| print << 8 | Print::from(*byte))
}

/// Of a hash in hexadecimal; none for what is no hash.
fn print_of(hex: &str) -> Option<Print> {
    hex.get(..16).and_then(|begin| Print::from_str_radix(begin, 16).ok())
}

impl Numbers {
    /// Takes a line in.
    pub fn see(&mut self, line: Line<'_>) -> Novelty {
        if !self.hosts.contains_key(line.host) {
            self.hosts.insert(Rc::from(line.host), BTreeMap::new());
        }
        let Some(boots) = self.hosts.get_mut(line.host) else { return Novelty::New };
        if !boots.contains_key(line.boot) {
            boots.insert(Rc::from(line.boot), Boot::default());
        }
        let Some(boot) = boots.get_mut(line.boot) else { return Novelty::New };
        let own = print(line.hash);
        match boot.lines.get(&line.seq) {
            Some((seen, _)) if *seen == own => return Novelty::Again,
            Some(_) => {
                boot.conflicts.push((line.seq, line.time));
                return Novelty::Conflict;
            }
            None => {}
        }
        // A `prev` that is no hash follows from nothing.
        boot.lines.insert(line.seq, (own, print_of(line.prev).unwrap_or(!own)));
        boot.started |= line.event == "start";
        match boot.newest {
            Some((newest, _)) if newest.checked_add(1) == Some(line.seq) => {}
            Some((newest, time)) => {
                boot.times.insert(newest, time);
                boot.times.insert(line.seq, line.time);
            }
            None => drop(boot.times.insert(line.seq, line.time)),
        }
        boot.newest = Some((line.seq, line.time));
        Novelty::New
    }

    /// jitd says in a line that it had no room for so many events.
    pub fn lost(&mut self, line: Line<'_>, count: u64) {
        if let Some(boot) = self.hosts.get_mut(line.host).and_then(|boots| boots.get_mut(line.boot)) {
            boot.lost.push((line.seq, line.time, count));
        }
    }

    /// The hosts, each with its smallest and greatest number.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, (u64, u64))> {
        self.hosts.iter().filter_map(|(host, boots)| {
            let numbers = || boots.values().flat_map(|boot| boot.lines.keys().copied());
            Some((host.as_ref(), (numbers().min()?, numbers().max()?)))
        })
    }

    /// The boots of a host in their order, each with its first number and when that line was written.
    pub fn boots(&self, host: &str) -> Vec<(String, u64, i64)> {
        let told = |(boot, numbers, lines): (&str, Vec<u64>, &Boot)| {
            let first = numbers.first().copied().unwrap_or(0);
            (boot.to_owned(), first, lines.times.get(&first).copied().unwrap_or(0))
        };
        self.in_order(host).into_iter().map(told).collect()
    }

    /// What is missing of a host, or stands there in two versions, in the order of boots.
    pub fn missing(&self, host: &str) -> Vec<Missing> {
        let mut all = Vec::new();
        let mut before: Option<(u64, Option<i64>)> = None;
        for (boot, numbers, lines) in self.in_order(host) {
            let missing = |kind: &str, from: u64, to: u64, text: String| Missing {
                kind: kind.to_owned(),
                host: host.to_owned(),
                boot: boot.to_owned(),
                from,
                to,
                text,
                ..Missing::default()
            };
            let time = |seq: u64| {
                let edge = lines.newest.filter(|(newest, _)| *newest == seq).map(|(_, time)| time);
                lines.times.get(&seq).copied().or(edge)
            };
            let first = numbers.first().copied().unwrap_or(0);
            if let Some((last, after)) = before.filter(|(last, _)| last.saturating_add(1) < first) {
                let text = gap(last + 1, first - 1, "between two boots");
                all.push(Missing {
                    after,
                    before: time(first),
                    ..missing("numbers", last + 1, first - 1, text)
                });
            }
            if !lines.started {
                let text = format!(
                    "no line says that jitd started in this boot; its lines begin with number {first}"
                );
                all.push(Missing { before: time(first), ..missing("start", first, first, text) });
            }
            for pair in numbers.windows(2) {
                let &[last, next] = pair else { continue };
                if last.saturating_add(1) < next {
                    let text = gap(last + 1, next - 1, "in one boot");
                    let (after, before) = (time(last), time(next));
                    all.push(Missing { after, before, ..missing("numbers", last + 1, next - 1, text) });
                }
            }
            for (seq, at) in &lines.conflicts {
                let text = format!(
                    "two different lines have number {seq}: one of them is not jitd's, or jitd began its file anew"
                );
                all.push(Missing {
                    after: Some(*at),
                    before: Some(*at),
                    ..missing("conflict", *seq, *seq, text)
                });
            }
            for (seq, at, count) in &lines.lost {
                let text =
                    format!("jitd had no room for {count} events at that time; look for them in syslog");
                all.push(Missing {
                    after: Some(*at),
                    before: Some(*at),
                    ..missing("lost", *seq, *seq, text)
                });
            }
            let last = numbers.last().copied().unwrap_or(0);
            before = Some((last, time(last)));
        }
        all
    }

    /// The numbers of lines of a host that do not follow from the line with the number before.
    pub fn unfollowing(&self, host: &str) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        let mut before: Option<(u64, Print)> = None;
        for (boot, numbers, lines) in self.in_order(host) {
            for seq in numbers {
                let Some((own, said)) = lines.lines.get(&seq).copied() else { continue };
                if before.is_some_and(|(last, hash)| last.checked_add(1) == Some(seq) && hash != said) {
                    all.push((boot.to_owned(), seq));
                }
                before = Some((seq, own));
            }
        }
        all
    }

    /// The boots in the order of their numbers, each with its own in order.
    fn in_order(&self, host: &str) -> Vec<(&str, Vec<u64>, &Boot)> {
        let boots = self.hosts.get(host).into_iter().flatten();
        let mut all: Vec<_> = boots
            .map(|(boot, lines)| {
                let mut numbers: Vec<u64> = lines.lines.keys().copied().collect();
                numbers.sort_unstable();
                (boot.as_ref(), numbers, lines)
            })
            .collect();
        all.sort_by_key(|(_, numbers, _)| numbers.first().copied());
        all
    }
}

fn gap(from: u64, to: u64, where_: &str) -> String {
    match to - from {
        0 => format!("line {from} is missing, {where_}"),
        _ => format!("lines {from} to {to} are missing, {where_}"),
    }
}

/// When something was missing, for people.
pub fn span(missing: &Missing) -> String {
    let shown = |at: i64| clock_time(Timestamp(at));
    match (missing.after, missing.before) {
        (Some(after), Some(before)) if after == before => format!(" ({})", shown(after)),
        (Some(after), Some(before)) => format!(" ({} to {})", shown(after), shown(before)),
        (Some(after), None) => format!(" (after {})", shown(after)),
        (None, Some(before)) => format!(" (before {})", shown(before)),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(seq: u64) -> Hash {
        let mut hash = [7; 32];
        hash[..8].copy_from_slice(&seq.to_be_bytes());
        hash
    }

    fn see(numbers: &mut Numbers, boot: &str, seq: u64, event: &str) -> Novelty {
        let prev = format!("{:016x}", seq - 1);
        let time = i64::try_from(seq).unwrap() * 60;
        numbers.see(Line { host: "web1", boot, seq, prev: &prev, hash: &hash(seq), time, event })
    }

    #[test]
    fn any_order_and_twice() {
        let mut numbers = Numbers::default();
        for seq in [5, 3, 4, 1, 2, 9, 8] {
            assert_eq!(see(&mut numbers, "b", seq, "start"), Novelty::New);
        }
        assert_eq!(see(&mut numbers, "b", 3, "start"), Novelty::Again);
        let missing = numbers.missing("web1");
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!((missing[0].from, missing[0].to), (6, 7));
        assert_eq!((missing[0].after, missing[0].before), (Some(300), Some(480)));
        assert_eq!(numbers.unfollowing("web1"), []);
        assert_eq!(numbers.hosts().collect::<Vec<_>>(), [("web1", (1, 9))]);
    }

    #[test]
    fn boots_are_one_row_of_numbers() {
        let mut numbers = Numbers::default();
        for (boot, seq) in [("x", 1), ("x", 2), ("a", 5), ("a", 6)] {
            see(&mut numbers, boot, seq, if seq == 1 { "start" } else { "decision" });
        }
        let missing = numbers.missing("web1");
        assert_eq!(
            missing.iter().map(|m| (m.kind.as_str(), m.boot.as_str(), m.from, m.to)).collect::<Vec<_>>(),
            [("numbers", "a", 3, 4), ("start", "a", 5, 5)]
        );
    }

    #[test]
    fn two_lines_with_one_number_are_told() {
        let mut numbers = Numbers::default();
        see(&mut numbers, "b", 1, "start");
        let other = Line { host: "web1", boot: "b", seq: 1, prev: "", hash: &[9; 32], time: 0, event: "x" };
        assert_eq!(numbers.see(other), Novelty::Conflict);
        assert_eq!(numbers.missing("web1")[0].kind, "conflict");
        // What follows from another line than the one that is there.
        numbers.see(Line { seq: 2, prev: "00000000000000ff", ..other });
        assert_eq!(numbers.unfollowing("web1"), [("b".to_owned(), 2)]);
    }
}
