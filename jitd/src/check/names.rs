//! What `[groups]` and `[people]` come to on this host: the numbers of groups, what would be refused whoever asks, what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jit_model::confer::{Conferred, IdRange, Local, confer};
use jit_model::snapshot::Snapshot;
use jit_model::time::Timestamp;

use crate::config::Config;

/// Numbers that processes here can have: gid_map of user_namespaces(7). A container may have but a few.
pub(super) struct Mapped(Vec<IdRange>);

impl Mapped {
    /// Those of this process; all of them where that cannot be read.
    pub(super) fn of_host() -> Mapped {
        Mapped::parse(&std::fs::read_to_string("/proc/self/gid_map").unwrap_or_default())
    }

    fn parse(text: &str) -> Mapped {
        let range = |line: &str| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
            let (first, _, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some(IdRange { first, last: first.saturating_add(count.checked_sub(1)?) })
        };
        Mapped(text.lines().filter_map(range).collect())
    }

    fn contains(&self, gid: u32) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(gid))
    }
}

/// A sentence for each thing that whoever wrote the configuration may want to know.
pub(super) fn notes(
    config: &Config,
    local: &Local,
    mapped: &Mapped,
    is_there: impl Fn(&Path) -> bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    let Conferred { groups, refused } = confer(&nothing(config), &config.groups, local, Timestamp(0));
    for refused in &refused {
        notes.push(format!("groups.allow: {} would not be conferred: {}", refused.group, refused.why));
    }
    // With nobody in any group, only those that are not local are here.
    for (name, group) in &groups {
        let gid = group.gid;
        notes.push(format!("groups.allow: {name} is no local group: its number is {gid}, from its name"));
        if !mapped.contains(gid) {
            notes.push(format!(
                "groups.allow: {name}: no process here can have the number {gid} (/proc/self/gid_map), so nobody in this group could log in: give [groups] gids a range that is mapped"
            ));
        }
    }
    let people = config.people.iter();
    for shell in people.flat_map(|people| &people.shells).filter(|shell| !is_there(Path::new(shell))) {
        notes.push(format!("people.shells: there is no {shell} here, so nobody who has it could log in"));
    }
    notes
}

/// A host with this configuration that has heard of nobody.
fn nothing(config: &Config) -> Snapshot {
    Snapshot::new(config.policy.clone(), BTreeMap::new(), Vec::new(), Vec::new(), BTreeSet::new())
}

#[cfg(test)]
mod tests {
    use jit_model::confer::LocalUser;
    use jit_model::name::{Login, UnixGroup};

    use super::*;
    use crate::config;

    fn of(more: &str, mapped: &str) -> Vec<String> {
        let least = "[host]\nproduction = false\nname = \"web1.example.com\"\n";
        let config = config::parse(&format!("{least}{more}")).unwrap();
        let group = |name: &str, gid| (UnixGroup::new(name).unwrap(), gid);
        let local = Local {
            users: BTreeMap::from([(Login::new("root").unwrap(), LocalUser { uid: 0, gid: 0 })]),
            groups: BTreeMap::from([group("root", 0), group("wheel", 0), group("adm", 4)]),
            ..Local::default()
        };
        notes(&config, &local, &Mapped::parse(mapped), |path| path == Path::new("/bin/sh"))
    }

    #[track_caller]
    fn say(found: &[String], expected: &[&str]) {
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, begins) in found.iter().zip(expected) {
            assert!(found.starts_with(begins), "expected `{begins}…`, found `{found}`");
        }
    }

    const ALL: &str = "         0          0 4294967295\n";

    #[test]
    fn what_needs_no_word_gets_none() {
        assert_eq!(of("", ALL), [""; 0]);
        assert_eq!(
            of("[groups]\nallow = [\"adm\"]\n[people]\nserve = false\nshells = [\"/bin/zsh\"]\n", ALL),
            [""; 0]
        );
    }

    #[test]
    fn the_numbers_of_groups_are_told() {
        let found = of("[groups]\nallow = [\"adm\", \"dba\", \"wheel\"]\n", ALL);
        let gid = "groups.allow: dba is no local group: its number is 2023618582,";
        say(&found, &["groups.allow: wheel would not be conferred: it is root's group", gid]);
        let one = of("[groups]\nallow = [\"dba\", \"web\"]\ngids = \"70000-70000\"\n", ALL);
        let both = ["dba would", "web would"].map(|begins| {
            format!("groups.allow: {begins} not be conferred: its name comes to the same number, 70000,")
        });
        say(&one, &[&both[0], &both[1]]);
    }

    /// setgroups(2) of such a number fails, and the login with it.
    #[test]
    fn a_number_that_is_not_mapped_is_told() {
        let found = of("[groups]\nallow = [\"adm\", \"dba\"]\n", "0 100000 65536\n");
        say(
            &found,
            &[
                "groups.allow: dba is no local group",
                "groups.allow: dba: no process here can have the number",
            ],
        );
        // What cannot be read is no reason for alarm.
        for mapped in ["", "x y z", "0 100000 65536\n70000 1 1\n"] {
            let found = of("[groups]\nallow = [\"dba\"]\ngids = \"70000-70000\"\n", mapped);
            say(&found, &["groups.allow: dba is no local group"]);
        }
    }

    #[test]
    fn a_shell_that_is_not_there_is_told() {
        let found = of("[people]\nserve = true\nshells = [\"/bin/sh\", \"/bin/zsh\"]\n", ALL);
        say(&found, &["people.shells: there is no /bin/zsh here"]);
    }
}
