//! Who could still get in if this host began to enforce now. Asked before the file is written, for afterwards there may
//! be nobody left to ask. Judges by what the daemon says at this moment; it can promise no more than that.

use std::collections::{BTreeMap, BTreeSet};

use jit_control::Status;
use jit_proto::enforcing::{Broken, Exempt, Rule, Rules, Switch, Who};

/// The ways into an enforcing host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// A directory answers, so that people can be granted access without being on this host.
    pub directory: bool,
    /// Grants that are live here.
    pub live: usize,
    /// Break-glass users and groups that exist on this host, and exemptions wide enough to repair it.
    pub standing: BTreeSet<String>,
    /// Users and groups that are named for that, but that nobody on this host is.
    pub hollow: BTreeSet<String>,
    /// A local console lets root in.
    pub console: bool,
}

impl Ways {
    /// As the daemon's state, the file it rendered, and the accounts of this host say.
    ///
    /// # Errors
    /// When the text is no enforcing file.
    pub fn of(status: &Status, rendered: &str, local: &Local) -> Result<Ways, Broken> {
        let named = Ways::named(&Rules::parse(rendered.as_bytes())?, local);
        Ok(Ways { directory: directory_answers(status), live: status.live, ..named })
    }

    /// As the file and the accounts say alone: what is left with jitd dead.
    pub fn named(rules: &Rules<'_>, local: &Local) -> Ways {
        let mut ways = Ways::default();
        // Who could repair this host without break-glass: come in, and become root. sudo and su know no address, so an exemption
        // with networks is none for them.
        let mut exempt_for: BTreeMap<String, Exemptions> = BTreeMap::new();
        for rule in rules.iter() {
            match rule {
                Rule::BreakGlassUser(name) => ways.add(format!("user {name}"), local.users.contains(name)),
                Rule::BreakGlassGroup(name) => ways.add(format!("group {name}"), local.groups.contains(name)),
                Rule::BreakGlassConsole(switch) => ways.console = switch == Switch::Yes,
                Rule::Exempt(exempt) => {
                    let (who, exists) = match exempt.who {
                        // May be an account of the directory: nothing to look up here.
                        Who::User(name) => (format!("exempt user {name}"), true),
                        Who::Group(name) => (format!("exempt group {name}"), local.groups.contains(name)),
                    };
                    let all = exempt_for.entry(who).or_default();
                    all.exists = exists;
                    all.enters |= opens(&exempt, &["sshd"]);
                    all.rises |= exempt.from.is_none() && opens(&exempt, &["sudo", "su"]);
                }
                Rule::Guard(_) | Rule::Production(_) | Rule::Until(_) | Rule::End => {}
            }
        }
        for (who, all) in exempt_for {
            if all.enters && all.rises {
                ways.add(who, all.exists);
            }
        }
        ways
    }

    fn add(&mut self, who: String, exists: bool) {
        if exists { &mut self.standing } else { &mut self.hollow }.insert(who);
    }
}

/// What all exemptions of one account or group come to.
#[derive(Clone, Copy, Debug, Default)]
struct Exemptions {
    exists: bool,
    enters: bool,
    rises: bool,
}

/// Whether an exemption is for one of these services.
fn opens(exempt: &Exempt<'_>, services: &[&str]) -> bool {
    exempt.services.is_none_or(|list| list.split(',').any(|service| services.contains(&service)))
}

/// Whom /etc/passwd and /etc/group know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Logins.
    pub users: BTreeSet<String>,
    /// Groups in which one of them is.
    pub groups: BTreeSet<String>,
}

impl Local {
    /// Of this host. A file that cannot be read knows nobody: that leads to a warning too many, never to one too few.
    pub fn of_host() -> Local {
        let read =
            |path| std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        Local::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    fn parse(passwd: &str, group: &str) -> Local {
        let mut users = BTreeSet::new();
        let mut primary = BTreeSet::new();
        for line in passwd.lines() {
            let mut fields = line.split(':');
            if let (Some(name), Some(gid)) = (fields.next(), fields.nth(2)) {
                users.insert(name.to_owned());
                primary.insert(gid);
            }
        }
        let mut groups = BTreeSet::new();
        for line in group.lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(gid), Some(members)) = (fields.next(), fields.nth(1), fields.next()) else {
                continue;
            };
            if primary.contains(gid) || members.split(',').any(|member| users.contains(member)) {
                groups.insert(name.to_owned());
            }
        }
        Local { users, groups }
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

    fn local() -> Local {
        Local::parse(
            "root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/:/bin/sh\n",
            "root:x:0:\njit-breakglass:x:990:ops\nempty:x:991:\ngone:x:992:nobody-here\n",
        )
    }

    fn status(kind: &str, heard: Option<i64>, stale: bool) -> Status {
        let source = serde_json::json!({ "name": "s", "kind": kind, "at": "", "heard": heard, "stale": stale, "entries": 1 });
        serde_json::from_value(serde_json::json!({
            "version": "", "host": "h", "answers_to": [], "production": true, "mode": "permissive", "guarded": [],
            "now": 0, "sources": [source], "live": 2, "set_aside": [], "degraded": [],
        }))
        .unwrap()
    }

    #[test]
    fn only_who_exists_is_a_way_in() {
        let text = "guard sshd\nbreak-glass-user ops\nbreak-glass-user olga\nbreak-glass-group jit-breakglass\nbreak-glass-group empty\n\
            break-glass-group gone\nbreak-glass-group missing\nbreak-glass-console yes\nexempt user ansible services sshd from 10.0.0.0/8\nexempt user ansible services sudo\nexempt user far services sshd,sudo from 10.0.0.0/8\n\
            exempt user backup services sshd\nend enforcing\n";
        let ways = Ways::of(&status("ldif", Some(1), false), text, &local()).unwrap();
        assert_eq!(ways.standing, names(&["user ops", "group jit-breakglass", "exempt user ansible"]));
        assert_eq!(ways.hollow, names(&["user olga", "group empty", "group gone", "group missing"]));
        assert!(ways.console && !ways.directory && ways.live == 2);
    }

    #[test]
    fn a_directory_counts_only_while_it_answers() {
        let text = "guard sshd\nend enforcing\n";
        for (kind, heard, stale, counts) in [
            ("ldap", Some(1), false, true),
            ("ldap", Some(1), true, false),
            ("ldap", None, false, false),
            ("ldif", Some(1), false, false),
        ] {
            let ways = Ways::of(&status(kind, heard, stale), text, &local()).unwrap();
            assert_eq!(ways.directory, counts, "{kind} {heard:?} {stale}");
        }
        assert!(Ways::of(&status("ldap", Some(1), false), "guard sshd\n", &local()).is_err());
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
