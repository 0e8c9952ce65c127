//! When jitd was not there to answer: while it is away a permissive host lets everybody in, and nobody writes it down.

use std::collections::BTreeMap;

use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use crate::audit::read::Told;

/// More than this, in seconds, is told; a restart is not.
const SHORT: i64 = 60;
/// How many times are told of a host.
const MOST: usize = 8;

/// Starts and stops of each host, by the numbers of their lines.
#[derive(Debug, Default)]
pub(super) struct Away {
    hosts: BTreeMap<String, BTreeMap<(u64, i64), bool>>,
}

impl Away {
    pub(super) fn see(&mut self, told: &Told<'_>) {
        let host = self.hosts.entry(told.head.host.clone().into_owned()).or_default();
        host.insert((told.head.seq, told.time), told.head.event == "start");
    }

    pub(super) fn sentences(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|(host, turns)| of_host(host, turns)).collect()
    }
}

fn of_host(host: &str, turns: &BTreeMap<(u64, i64), bool>) -> Vec<String> {
    let shown = |at: i64| clock_time(Timestamp(at));
    let mut all = Vec::new();
    let mut stopped: Option<i64> = None;
    let mut seen = false;
    for ((_, at), started) in turns {
        match (started, stopped.take()) {
            (false, _) => stopped = Some(*at),
            (true, Some(from)) if at - from > SHORT => {
                all.push(format!(
                    "{host}: jitd was not there from {} to {}; who came then is not here",
                    shown(from),
                    shown(*at)
                ));
            }
            (true, Some(_)) => {}
            (true, None) if seen => {
                let text = "jitd had ended without a word (a crash, or the host's)";
                all.push(format!("{host}: before {} {text}; who came then is not here", shown(*at)));
            }
            (true, None) => {}
        }
        seen = true;
    }
    if let Some(from) = stopped {
        all.push(format!("{host}: jitd was stopped at {} and has not started since", shown(from)));
    }
    let more = all.len().saturating_sub(MOST);
    all.drain(..more);
    if more > 0 {
        all.push(format!("{host}: jitd was away {more} more times before"));
    }
    all
}
