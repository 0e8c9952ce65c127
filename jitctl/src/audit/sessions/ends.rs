//! How a session ended; and of one that no line says the end of, what can be said: that it goes on is only said where nothing is missing.

use std::collections::HashMap;

use jit_control::audit::Session;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::words::Id;
use super::{Life, Sessions, Where};
use crate::audit::numbers::Numbers;

/// What is known of the ends of lines of each host.
pub(super) struct Ends<'a> {
    sessions: &'a Sessions,
    /// Of each host the first number of what is missing and a word on it, in order.
    gaps: HashMap<Id, Vec<(u64, String)>>,
    boots: HashMap<Id, Boots>,
}

/// The boots of a host.
struct Boots {
    /// The first number of each.
    first: HashMap<String, u64>,
    /// The first numbers in order, with when that line was written.
    order: Vec<(u64, i64)>,
}

impl Boots {
    fn of(host: &str, numbers: &Numbers) -> Boots {
        let all = numbers.boots(host);
        let order = all.iter().map(|(_, first, at)| (*first, *at)).collect();
        Boots { first: all.into_iter().map(|(boot, first, _)| (boot, first)).collect(), order }
    }
}

impl Sessions {
    pub(super) fn ends<'a>(&'a self, numbers: &Numbers) -> Ends<'a> {
        let name = |host: Id| self.words.text(host);
        Ends {
            sessions: self,
            gaps: self.hosts.keys().map(|host| (*host, gaps(name(*host), numbers))).collect(),
            boots: self.hosts.keys().map(|host| (*host, Boots::of(name(*host), numbers))).collect(),
        }
    }
}

fn gaps(host: &str, numbers: &Numbers) -> Vec<(u64, String)> {
    let missing = numbers.missing(host).into_iter();
    let gaps = missing.filter(|missing| matches!(missing.kind.as_str(), "numbers" | "lost"));
    let mut gaps: Vec<(u64, String)> = gaps.map(|missing| (missing.from, missing.text)).collect();
    gaps.sort_by_key(|(from, _)| *from);
    gaps
}

/// The first of what is in order behind a number. A file may have many sessions and many gaps, so it is not searched for one by one.
fn behind<T>(ordered: &[(u64, T)], number: u64) -> Option<&(u64, T)> {
    ordered.get(ordered.partition_point(|(first, _)| *first <= number)..)?.first()
}

impl Ends<'_> {
    /// Writes down how a session ended.
    pub(super) fn apply(&self, session: &mut Session, place: Where, life: &Life) {
        let words = &self.sessions.words;
        if let Some((at, end)) = &life.end {
            session.state = words.word(end.state);
            session.end = end.over.then_some(*at);
            session.end_code = end.code.map(|code| words.word(code));
            session.ended_by = end.by;
            session.end_text = Some(words.word(end.text));
            if end.over {
                return;
            }
        }
        match self.unknown(place, life) {
            Some(why) => {
                session.state = words.ours("unknown");
                session.end_text = Some(why.into());
            }
            None if life.end.is_none() => {
                session.state = words.ours("open");
                let last = self.sessions.hosts.get(&place.0);
                session.end_text =
                    last.map(|last| words.ours(&format!("as of {}", clock_time(Timestamp(last.time)))));
            }
            None => {}
        }
    }

    /// Why nobody can know from these lines whether it goes on.
    fn unknown(&self, (host, boot): Where, life: &Life) -> Option<String> {
        let newest = life.newest.0;
        let boots = self.boots.get(&host)?;
        let later = behind(&boots.order, *boots.first.get(self.sessions.words.text(boot))?);
        let gap = behind(self.gaps.get(&host)?, newest);
        let shown = |at: i64| clock_time(Timestamp(at));
        match (later, gap) {
            (Some((first, at)), _) if *first > newest => {
                Some(format!("no line says: the host was started anew by {}", shown(*at)))
            }
            (_, Some((_, text))) => Some(format!("no line says: {text}")),
            _ => {
                let last = self.sessions.hosts.get(&host)?;
                last.stopped.then(|| format!("no line says: jitd was stopped at {}", shown(last.time)))
            }
        }
    }
}
