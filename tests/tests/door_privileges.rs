//! What the daemon is once it has become its own user, started as root by hand: not root, and with no more than it needs to end a session
//! and to say so. Seen from outside, in /proc. As a unit it never was root: `booted_unit`.

use std::collections::BTreeMap;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::{Result, Trouble};

/// /proc/PID/status of each thread of the host's jitd, asked of the host.
fn threads(door: &Door) -> Result<Vec<BTreeMap<String, String>>> {
    let shown = door.host().sh("cat /proc/$(pidof jitd)/task/*/status").run()?.must()?;
    let mut threads: Vec<BTreeMap<String, String>> = Vec::new();
    for line in shown.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if key == "Name" {
            threads.push(BTreeMap::new());
        }
        let thread = threads.last_mut().ok_or_else(|| Trouble::new("no name comes first"))?;
        thread.insert(key.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(threads)
}

/// CAP_KILL and nothing else, uid and gid 990 in all four places, the group tty (5 in Debian) and no other.
fn has_what_it_needs(door: &Door) -> Result<()> {
    let threads = threads(door)?;
    assert!(threads.len() > 3, "{threads:?}");
    let expected = [
        ("Uid", "990 990 990 990"),
        ("Gid", "990 990 990 990"),
        ("Groups", "5"),
        ("CapEff", "0000000000000020"),
        ("CapPrm", "0000000000000020"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ];
    for thread in &threads {
        for (key, value) in expected {
            assert_eq!(thread.get(key).map(String::as_str), Some(value), "{key} of {}", thread["Name"]);
        }
    }
    Ok(())
}

fn alice() -> Ldif {
    Ldif::new().person("alice").grant(&Grant::live("all", "alice"))
}

#[test]
fn started_by_hand() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    has_what_it_needs(&door)
}
