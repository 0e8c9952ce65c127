//! Who could still get in if this host began to enforce now. Asked before the file is written, for afterwards there may
//! be nobody left to ask. Judges by what the daemon says at this moment; it can promise no more than that.

use std::collections::BTreeSet;

use jit_control::Status;

/// The ways into an enforcing host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// A directory answers, so that people can be granted access without being on this host.
    pub directory: bool,
    /// Grants that are live here.
    pub live: usize,
    /// Break-glass and exempt users and groups that exist on this host, as people name them.
    pub standing: BTreeSet<String>,
    /// Break-glass and exempt users and groups that are named but that nobody on this host is.
    pub hollow: BTreeSet<String>,
    /// A local console lets root in.
    pub console: bool,
}

impl Ways {
    /// As the daemon's state and the file it rendered say.
    ///
    /// # Errors
    /// When the text is no enforcing file.
    pub fn of(status: &Status, _text: &str) -> Result<Ways, String> {
        Ok(Ways { directory: directory_answers(status), live: status.live, ..Ways::default() })
    }
}

/// What to know although somebody can get in; or, as an error, why nobody could.
pub fn judge(ways: &Ways) -> Result<Vec<String>, String> {
    let console = if ways.console {
        "root on a local console could (do you have one here?)"
    } else {
        "not even root on a console could"
    };
    let hollow = match ways.hollow.len() {
        0 => String::new(),
        _ => {
            format!(" ({}: nobody on this host)", ways.hollow.iter().cloned().collect::<Vec<_>>().join(", "))
        }
    };
    if !ways.standing.is_empty() {
        return Ok(Vec::new());
    }
    if ways.directory {
        return Ok(vec![format!(
            "no break-glass user or group is on this host{hollow}: if the directory is gone for longer than max_offline, nobody gets in; {console}"
        )]);
    }
    match ways.live {
        0 => Err(format!(
            "enforcing now would lock everybody out: no grant is live, no directory answers, and there is no break-glass or exempt \
             user or group{hollow}; {console}"
        )),
        live => Ok(vec![format!(
            "the only way in {}; see `jitctl grants` for when that ends. Grant anew before that: no directory answers, and there is no \
             break-glass or exempt user or group{hollow}; {console}",
            if live == 1 { "is 1 live grant".to_owned() } else { format!("are {live} live grants") }
        )]),
    }
}

/// Whether a source of that kind, as it is now, can bring grants that nobody on this host has to write.
pub fn directory_answers(status: &Status) -> bool {
    status.sources.iter().any(|s| s.kind != "ldif" && s.heard.is_some() && !s.stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn nobody_is_locked_out_unasked() {
        let danger = judge(&Ways { console: true, ..Ways::default() }).unwrap_err();
        assert!(
            danger.contains("lock everybody out") && danger.contains("console could (do you"),
            "{danger}"
        );
        let hollow = Ways { hollow: names(&["group jit-breakglass"]), ..Ways::default() };
        let danger = judge(&hollow).unwrap_err();
        assert!(danger.contains("group jit-breakglass: nobody on this host"), "{danger}");
        assert!(danger.contains("not even root on a console"), "{danger}");
    }

    #[test]
    fn each_way_in_is_enough() {
        assert!(judge(&Ways { directory: true, ..Ways::default() }).unwrap()[0].contains("max_offline"));
        assert!(judge(&Ways { live: 1, ..Ways::default() }).unwrap()[0].contains("1 live grant;"));
        assert_eq!(
            judge(&Ways { standing: names(&["ops"]), ..Ways::default() }).unwrap(),
            Vec::<String>::new()
        );
    }
}
