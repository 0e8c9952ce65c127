//! Asking by turns: the cases of `benches/nametime.c`, and what comes of them. Two cases are compared turn by turn, so that what the
//! machine did during one of them weighs on both.

use std::collections::BTreeMap;
use std::time::Duration;

use super::place::Place;
use crate::bench::samples::Samples;
use crate::trouble::{Result, Trouble};

/// Long enough for every part, on a machine that has other work.
const DEADLINE: Duration = Duration::from_secs(900);

/// When a case is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In one process, again and again; so many in a row are timed as one, per call.
    Warm(u32),
    /// The first time after another map has taken the place of the one before.
    Replaced,
    /// The first time in a process that was just started.
    Fresh,
    /// A whole program.
    Whole,
}

/// Something that is asked.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called in what comes of it.
    pub name: String,
    /// The name service, by the name of its directory; see [`super::place`].
    pub set: String,
    /// When.
    pub how: How,
    /// A function, as `nametime.c` calls it.
    pub what: &'static str,
    /// About whom. `%d` stands for a number.
    pub whom: String,
    /// Below which that number is.
    pub range: u32,
    /// How many groups, members or people are in the answer; -1 for none that is known.
    pub expect: i64,
    /// How often in one turn.
    pub count: u32,
}

impl Case {
    fn line(&self) -> String {
        let (how, batch) = match self.how {
            How::Warm(batch) => ("warm", batch),
            How::Replaced => ("replaced", 1),
            How::Fresh => ("fresh", 1),
            How::Whole => ("whole", 1),
        };
        let Case { name, set, what, whom, range, expect, count, .. } = self;
        format!("{name}|/run/sets/{set}|{how}|{what}|{whom}|{range}|{expect}|{count}|{batch}")
    }
}

/// The times of one case, turn by turn, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns(Vec<Vec<u64>>);

impl Turns {
    /// All of them together.
    ///
    /// # Errors
    /// When there are none.
    pub fn all(&self) -> Result<Samples> {
        Samples::new(self.0.concat())
    }

    fn medians(&self) -> impl Iterator<Item = f64> {
        self.0.iter().filter_map(|turn| Samples::new(turn.clone()).ok()).map(|turn| turn.median())
    }

    /// How much more than the other one, in nanoseconds: the middle of what each turn says.
    pub fn over(&self, other: &Turns) -> f64 {
        middle(self.medians().zip(other.medians()).map(|(own, other)| own - other))
    }

    /// How many times as much as the other one: the middle of what each turn says.
    pub fn times(&self, other: &Turns) -> f64 {
        middle(self.medians().zip(other.medians()).map(|(own, other)| own / other))
    }
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What came of several cases, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken(BTreeMap<String, Turns>);

impl Taken {
    /// The case of this name.
    ///
    /// # Errors
    /// When it was not measured.
    pub fn of(&self, name: &str) -> Result<&Turns> {
        self.0.get(name).ok_or_else(|| Trouble::new(format!("{name} was not measured")))
    }

    /// Takes in what `nametime` prints.
    fn add(&mut self, text: &str) -> Result<()> {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let name = words.next().ok_or_else(|| Trouble::new("an empty line from nametime"))?;
            let bad = |word: &str| Trouble::new(format!("{word:?} from nametime is no time"));
            let turn: Result<Vec<u64>> = words.map(|word| word.parse().map_err(|_| bad(word))).collect();
            self.0.entry(name.to_owned()).or_default().0.push(turn?);
        }
        Ok(())
    }
}

/// Has the cases take turns, `rounds` times in each of `runs` sets of processes: where things lie in memory is by chance, and lasts as
/// long as a process.
///
/// # Errors
/// When an answer was wrong, or something did not start.
pub fn ask(place: &Place, runs: u32, rounds: u32, cases: &[Case]) -> Result<Taken> {
    let (cpu, rounds) = (place.cpu().to_string(), rounds.to_string());
    let lines: Vec<String> = cases.iter().map(Case::line).collect();
    let mut taken = Taken::default();
    for _ in 0..runs {
        let line = ["nametime", &cpu, &rounds].into_iter().chain(lines.iter().map(String::as_str));
        taken.add(&place.host().exec(line).deadline(DEADLINE).run()?.must()?)?;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_turn_by_turn() {
        let mut taken = Taken::default();
        taken.add("a 10 11 12\nb 20 22 30\na 100 101 102\nb 200 202 300\na 10 11 12\nb 20 22 30\n").unwrap();
        let (a, b) = (taken.of("a").unwrap(), taken.of("b").unwrap());
        assert_eq!((b.over(a), b.times(a)), (11.0, 2.0));
        assert_eq!(a.all().unwrap().count(), 9);
        assert!(taken.of("c").is_err());
        assert!(taken.add("a x\n").is_err());
    }
}
