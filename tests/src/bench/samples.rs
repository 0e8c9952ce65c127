//! Times, and what is said about many of them: the median, and how far apart they lie. Never a mean: one turn of the scheduler
//! would outweigh a thousand answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::trouble::{Result, Trouble};

/// Times in nanoseconds, at least one, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// Of these.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(mut nanoseconds: Vec<u64>) -> Result<Samples> {
        if nanoseconds.is_empty() {
            return Err(Trouble::new("nothing was measured"));
        }
        nanoseconds.sort_unstable();
        Ok(Samples(nanoseconds))
    }

    /// Of these.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Result<Samples> {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Samples::new(times.into_iter().map(nanoseconds).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one, in nanoseconds.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The one below which so many of a hundred lie, in nanoseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() - 1) * percent.min(100) / 100;
        // Below 2^53 ns, which is 104 days, nothing is lost.
        self.0.get(at).map_or(0.0, |&nanoseconds| nanoseconds as f64)
    }
}

/// What `pamtime` prints: for each case the times of all its blocks.
///
/// # Errors
/// When it is something else.
pub fn read(text: &str) -> Result<BTreeMap<String, Samples>> {
    let mut cases: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().ok_or_else(|| Trouble::new("an empty line from pamtime"))?;
        let times = cases.entry(name.to_owned()).or_default();
        for word in words {
            times.push(word.parse().map_err(|_| Trouble::new(format!("{word:?} from pamtime is no time")))?);
        }
    }
    cases.into_iter().map(|(name, times)| Ok((name, Samples::new(times)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_many() {
        let samples = Samples::new((1..=101).rev().collect()).unwrap();
        assert_eq!((samples.median(), samples.percentile(90), samples.percentile(10)), (51.0, 91.0, 11.0));
        assert_eq!(Samples::new(vec![7]).unwrap().median(), 7.0);
        assert!(Samples::new(Vec::new()).is_err());
    }

    #[test]
    fn blocks_of_a_case_are_one() {
        let cases = read("a 3 1\nb 9\na 2\n").unwrap();
        assert_eq!(cases["a"], Samples::new(vec![1, 2, 3]).unwrap());
        assert_eq!(cases["b"].count(), 1);
        assert!(read("a x\n").is_err());
    }
}
