//! The clock: whether something keeps it right, and whether jitd doubts it. A grant's window is only as true as the clock that it is held against.

use crate::doctor::ask::{ask, first_of};
use crate::doctor::host::Host;
use crate::doctor::kernel_clock;
use crate::doctor::{Findings, Level};

const CHRONYC: [&str; 2] = ["/usr/bin/chronyc", "/usr/local/bin/chronyc"];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("clock");
    if let Some(doubt) = host.status.as_ref().and_then(|status| status.clock.as_deref()) {
        found.push(
            Level::Warning,
            "clock-doubt",
            "jitd's clock",
            doubt,
            "set the clock right; if it is right as it is: jitctl clock accept",
        );
    }
    match kept(host) {
        Ok(true) => {}
        Ok(false) => found.push(
            Level::Warning,
            "clock-unsynchronised",
            "this host's clock",
            "nothing keeps it right: it drifts, and grants begin and end with it",
            "timedatectl set-ntp true; or install chrony",
        ),
        Err(why) => found.unexamined(format!("whether the clock is synchronised: {why}")),
    }
    found
}

/// Chrony's word where there is chrony, which need not tell the kernel; else the kernel's.
fn kept(host: &Host) -> Result<bool, String> {
    if let Some(chronyc) = first_of(host, &CHRONYC) {
        if let Ok(said) = ask(host, &[chronyc, "-c", "-n", "tracking"]) {
            if let Some(kept) = by_chrony(&said.out).filter(|_| said.well) {
                return Ok(kept);
            }
        }
    }
    if host.root != std::path::Path::new("/") {
        return Err("another tree than this host's is looked at".to_owned());
    }
    kernel_clock::synchronised().map_err(|error| error.to_string())
}

/// The leap status, the last field of a line of `chronyc -c tracking` (chronyc(1)).
fn by_chrony(line: &str) -> Option<bool> {
    match line.trim().rsplit(',').next()? {
        "Normal" | "Insert second" | "Delete second" => Some(true),
        "Not synchronised" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, status, tree};

    #[test]
    fn chrony_is_understood() {
        let line = "0A000001,10.0.0.1,3,1763800000.1,0.000001,0.1,0.1,-1.0,0.0,0.1,0.01,0.001,64.0,";
        assert_eq!(by_chrony(&format!("{line}Normal\n")), Some(true));
        assert_eq!(by_chrony(&format!("{line}Not synchronised\n")), Some(false));
        assert_eq!(by_chrony("506 Cannot talk to daemon\n"), None);
    }

    #[test]
    fn what_jitd_doubts_is_said() {
        let (mut host, _root) = tree(&[]);
        let mut doubting = status();
        doubting.clock = Some("it is an hour ahead".to_owned());
        host.status = Some(doubting);
        let found = examine(&host);
        assert_eq!(codes(&found), [("warning", "clock-doubt")]);
        assert_eq!(found.unexamined.len(), 1);
    }
}
