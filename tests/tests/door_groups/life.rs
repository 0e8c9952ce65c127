//! From when until when somebody is in a group: to the second, with jitd running, and with jitd killed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use jit_tests::door::{Door, Mode};
use jit_tests::host::Host;
use jit_tests::ldif::{Grant, Ldif, generalized};
use jit_tests::trouble::Result;

use crate::{cc, dba, group_line, groups_of, is_in, up, with_roles};

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

fn between(id: &str, login: &str, window: &Range<i64>) -> Grant {
    let grant = dba(id, login).with("jitNotBefore", generalized(window.start));
    grant.with("jitNotAfter", generalized(window.end))
}

/// What `id` said of somebody, all within one second.
struct Said {
    at: i64,
    is_in: bool,
}

/// Asks `id` about all of them, again and again, until this second is over. Answers that took the turn of a second are left out.
fn watch(door: &Door, logins: &[&str], last: i64) -> Result<BTreeMap<String, Vec<Said>>> {
    let script = format!(
        "while :; do before=$(date +%s); said=$(id -nG {} | tr '\\n' '|'); after=$(date +%s); \
         echo \"$before $after $said\"; [ $after -le {last} ] || break; sleep 0.02; done",
        logins.join(" ")
    );
    let output = door.host().sh(&script).run()?.must()?;
    let mut all: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for line in output.lines() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let [before, after, said] = words[..] else { panic!("{line}") };
        if before != after {
            continue;
        }
        let groups: Vec<&str> = said.split_terminator('|').collect();
        assert_eq!(groups.len(), logins.len(), "id answers about everybody: {line}");
        let at = before.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
        for (login, groups) in logins.iter().zip(groups) {
            let is_in = groups.split(' ').any(|name| name == "jit-dba");
            assert_eq!(is_in, groups.split(' ').any(|name| name == "adm"), "local groups too: {line}");
            all.entry((*login).to_owned()).or_default().push(Said { at, is_in });
        }
    }
    Ok(all)
}

/// In it in each second of the window, and in no other; asked in the last second before, the first, the last, and the first after it.
fn follows(all: &BTreeMap<String, Vec<Said>>, login: &str, window: &Range<i64>, watched: &Range<i64>) {
    let said = &all[login];
    for Said { at, is_in } in said {
        assert_eq!(*is_in, window.contains(at), "{login} at {at}, of {window:?}");
    }
    for turn in [window.start - 1, window.start, window.end - 1, window.end] {
        let seen = said.iter().any(|said| said.at == turn);
        assert!(seen || !watched.contains(&turn), "nobody asked about {login} at {turn}, of {window:?}");
    }
}

/// What happens to jitd before the first of the grants begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Jitd {
    GoesOn,
    IsKilled,
}

fn groups_follow_the_clock(jitd: Jitd) -> Result<()> {
    let door = up("files jit", Mode::Permissive, &Ldif::new())?;
    let start = now();
    let begins_and_ends = start + 4..start + 6;
    let ends = start - 60..start + 5;
    // Two grants without a gap between them, and two that overlap.
    let (first, second) = (start - 60..start + 4, start + 4..start + 3600);
    let (early, late) = (start + 3..start + 5, start + 4..start + 6);
    let grants = Ldif::new()
        .grant(&between("scheduled", "alice", &begins_and_ends))
        .grant(&between("live", "bob", &ends))
        .grant(&between("first", "carol", &first))
        .grant(&between("second", "carol", &second))
        .grant(&between("early", "dave", &early))
        .grant(&between("late", "dave", &late));
    door.grants(&with_roles(&grants))?;
    if jitd == Jitd::IsKilled {
        door.kill_jitd()?;
    }
    let watched = now() + 1..start + 7;
    assert!(watched.start <= start + 3, "this machine is too slow for the test: {watched:?} of {start}");
    let all = watch(&door, &["alice", "bob", "carol", "dave"], watched.end)?;
    follows(&all, "alice", &begins_and_ends, &watched);
    follows(&all, "bob", &ends, &watched);
    follows(&all, "carol", &(first.start..second.end), &watched);
    follows(&all, "dave", &(early.start..late.end), &watched);
    let (_, members) = group_line(door.host(), "jit-dba")?;
    assert_eq!(members, ["carol"]);
    by_a_wrong_clock(door.host())
}

/// A clock that is set back brings nothing back: the map knows how long ago it was written. One that is far ahead ends what would end by then.
fn by_a_wrong_clock(host: &Host) -> Result<()> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slapd_door/clock.c");
    cc(host, &["-shared", "-fPIC", "-O1", "-Wall", "-Werror", source], "/usr/lib/clock.so")?;
    for (wall, carols) in [(0, true), (-3600, true), (-30, true), (3500, true), (7200, false)] {
        host.write("/run/clock", 0o644, format!("{wall} 0"))?;
        let ask = ["env", "LD_PRELOAD=/usr/lib/clock.so", "id", "-nG", "alice", "bob", "carol", "dave"];
        let said = host.exec(ask).run()?.must()?;
        let is_in: Vec<bool> = said.lines().map(|line| line.ends_with(" jit-dba")).collect();
        assert_eq!(is_in, [false, false, carols, false], "{wall} s off: {said}");
    }
    Ok(())
}

#[test]
fn groups_begin_and_end_with_the_second() -> Result<()> {
    groups_follow_the_clock(Jitd::GoesOn)
}

#[test]
fn groups_begin_and_end_with_the_second_when_jitd_is_dead() -> Result<()> {
    groups_follow_the_clock(Jitd::IsKilled)
}

/// What changes in the directory counts as soon as jitd knows of it.
#[test]
fn groups_follow_what_changes() -> Result<()> {
    let door = up("files jit", Mode::Permissive, &Ldif::new())?;
    let host = door.host();
    assert!(!is_in(host, "alice", "jit-dba")?);
    // Its number has a name even if nobody is in it.
    let (gid, members) = group_line(host, "jit-dba")?;
    assert!(members.is_empty(), "{members:?}");

    let (alices, bobs) = (dba("alices", "alice"), dba("bobs", "bob"));
    let both = Ldif::new().grant(&alices).grant(&bobs);
    door.grants(&with_roles(&both))?;
    assert_eq!(groups_of(host, "alice")?, ["adm", "alice", "jit-dba", "people"]);
    assert_eq!(group_line(host, "jit-dba")?, (gid, vec!["alice".to_owned(), "bob".to_owned()]));

    // Revoked.
    door.grants(&with_roles(&both.clone().revocation(&alices)))?;
    assert_eq!(groups_of(host, "alice")?, ["alice", "people"]);
    assert!(is_in(host, "bob", "jit-dba")?);
    // Gone without a trace, which is a revocation too; and so is a role that confers less.
    door.grants(&with_roles(&Ldif::new()))?;
    assert!(!is_in(host, "bob", "jit-dba")?);
    assert_eq!(group_line(host, "jit-dba")?, (gid, vec![]));

    // Another role; a grant that only waits, or is for another host, confers nothing.
    let web = Grant::live("webs", "alice").under("web");
    let elsewhere = dba("elsewhere", "bob").with("jitHost", "web2.prod.example.com");
    let none = Grant::live("none", "carol");
    let waits = Grant::live("waits", "dave").under("imagined");
    let entries = [&web, &elsewhere, &none, &waits].iter().fold(Ldif::new(), |ldif, grant| ldif.grant(grant));
    door.grants(&with_roles(&entries))?;
    assert_eq!(groups_of(host, "alice")?, ["alice", "jit-web", "people"]);
    for other in ["bob", "carol", "dave"] {
        assert_eq!(groups_of(host, other)?, [other, "people"]);
    }

    // A restart changes nothing, and what is superseded by the next daemon is not missed.
    let before = groups_of(host, "alice")?;
    door.kill_jitd()?;
    assert_eq!(groups_of(host, "alice")?, before);
    door.start_jitd()?;
    assert_eq!(groups_of(host, "alice")?, before);
    door.stop_jitd()?;
    assert_eq!(groups_of(host, "alice")?, before);
    Ok(())
}
