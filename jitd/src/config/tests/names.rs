//! `[groups]`, `[people]` and `[keys]`.

use jit_model::confer::{GroupRules, IdRange};
use jit_model::serve::PeopleRules;

use super::*;

fn allowed(config: &Config) -> Vec<&str> {
    config.groups.allow.iter().map(|group| group.as_str()).collect()
}

#[test]
fn without_them_nothing_is_conferred_shown_or_set() {
    for text in [LEAST.to_owned(), with("[groups]\n[people]\n[keys]\n"), with("[people]\nserve = false\n")] {
        let config = parse(&text).unwrap();
        assert_eq!(
            (config.groups, config.people, config.keys),
            (GroupRules::default(), None, Keys::default())
        );
    }
    let config = parse(&with("[people]\nserve = true\n")).unwrap();
    let rules = config.people.unwrap();
    assert_eq!(rules, PeopleRules::default());
    assert_eq!(rules.ids, IdRange { first: 10_000, last: 2_000_000_000 });
    assert_eq!(
        (rules.shells, rules.homes),
        (vec!["/bin/bash".into(), "/bin/sh".into()], vec!["/home".into()])
    );
    assert_eq!(rules.linger, Span(30 * 86_400));
    assert!(!rules.ids.overlaps(config.groups.gids), "the defaults go together");
}

#[test]
fn they_mean_what_they_say() {
    let config = parse(&with(
        "[groups]\nallow = [\"dba\", \"adm\", \"dba\"]\ngids = \"70000-79999\"\n\
         [people]\nserve = true\nids = \"1000-60000\"\nshells = [\"/bin/zsh\"]\nhomes = [\"/u\", \"/home\"]\nlinger = \"7d\"\n\
         [keys]\nuser = \"jit-keys\"\noptions = [\"no-pty\", \"FROM\", \"no-X11-forwarding\"]\n",
    ))
    .unwrap();
    assert_eq!(allowed(&config), ["adm", "dba"]);
    assert_eq!(config.groups.gids, IdRange { first: 70_000, last: 79_999 });
    let expected = PeopleRules {
        ids: IdRange { first: 1_000, last: 60_000 },
        shells: vec!["/bin/zsh".to_owned()],
        homes: vec!["/u".to_owned(), "/home".to_owned()],
        linger: Span(7 * 86_400),
    };
    assert_eq!(config.people, Some(expected));
    assert_eq!(config.keys.user.as_ref().map(|user| user.as_str()), Some("jit-keys"));
    let options: Vec<&str> = config.keys.options.iter().map(String::as_str).collect();
    assert_eq!(options, ["from", "no-pty", "no-x11-forwarding"]);
}

#[test]
fn what_no_directory_may_confer_cannot_be_allowed() {
    for (name, why) in [
        ("jit-admin", "may ask about everybody"),
        ("JIT-admin", "may ask about everybody"),
        ("root", "root's group"),
        ("jit-breakglass", "[break_glass]"),
        ("0", "a number"),
        ("+dba", "begins with"),
        ("two words", "is no group name"),
        ("", "1 to 255 characters"),
    ] {
        let text = with(&format!("[groups]\nallow = [\n  \"adm\",\n  \"{name}\",\n]\n"));
        refused(&text, "8:3: groups.allow: ");
        assert!(faults(&text)[0].contains(why), "{:?}", faults(&text));
    }
    let names = |n: usize| -> String { (0..n).map(|n| format!("\"g{n}\", ")).collect() };
    refused(
        &with(&format!("[groups]\nallow = [{}]\n", names(1_001))),
        "5:1: groups: `allow` names 1001 groups",
    );
    parse(&with(&format!("[groups]\nallow = [{}]\n", names(1_000)))).unwrap();
    // By default sudo's `%jit-dba` takes the one for the other.
    refused(
        &with("[groups]\nallow = [\"jit-dba\", \"JIT-dba\"]\n"),
        "5:1: groups: `allow` names jit-dba and JIT-dba",
    );
    parse(&with("[groups]\nallow = [\"dba\", \"dba\"]\n")).unwrap();
    // Whichever groups these are here, wherever it is written.
    let glass = "[groups]\nallow = [\"firefighters\"]\n[break_glass]\ngroups = [\"firefighters\"]\n";
    refused(&with(glass), "6:10: groups.allow: `firefighters` is a group of [break_glass]");
    let other = "[groups]\nallow = [\"jit-breakglass\"]\n[break_glass]\ngroups = [\"firefighters\"]\n";
    assert_eq!(allowed(&parse(&with(other)).unwrap()), ["jit-breakglass"]);
}

#[test]
fn ranges_are_ranges() {
    let gids = |range: &str| with(&format!("[groups]\ngids = \"{range}\"\n"));
    let ids = |range: &str| with(&format!("[people]\nids = \"{range}\"\n"));
    for (range, why) in [
        ("", "no range"),
        ("10000", "no range"),
        ("10000-", "no range"),
        ("-20000", "no range"),
        ("10000 - 20000", "no range"),
        ("+10000-20000", "no range"),
        ("1e4-2e4", "no range"),
        ("0x10-0x20", "no range"),
        ("10000-20000-30000", "no range"),
        ("10000-4294967296", "no range"),
        ("20000-10000", "write it as \\\"10000-20000\\\""),
        ("0-20000", "holds 0"),
        ("0-0", "holds 0"),
        ("10000-4294967294", "end it earlier"),
        ("10000-4294967295", "end it earlier"),
        ("4294967294-4294967295", "end it earlier"),
        ("10000-65534", "holds 65534"),
        ("10000-65535", "which is nobody's"),
        ("65535-70000", "holds 65535"),
        ("65534-65534", "holds 65534"),
    ] {
        let why = why.replace("\\\"", "\"");
        refused(&gids(range), "6:8: groups.gids: ");
        refused(&ids(range), "6:7: people.ids: ");
        assert!(faults(&gids(range))[0].contains(&why), "{:?}", faults(&gids(range)));
    }
    for good in ["1-1", "1-61183", "65520-65533", "65536-4294967293", "10000-10000"] {
        assert_eq!(parse(&gids(good)).unwrap().groups.gids.to_string(), good);
        parse(&ids(good)).unwrap();
    }
    // People's numbers may lie on both sides of nobody's; a group's would sooner or later be one.
    parse(&ids("10000-70000")).unwrap();
    refused(&gids("10000-70000"), "6:8: groups.gids: `10000-70000` holds 65534");
    for range in ["61000-61184", "65519-65533", "62000-62001", "60000-65533"] {
        refused(
            &gids(range),
            &format!("6:8: groups.gids: `{range}` holds some of 61184-65519, which systemd"),
        );
        parse(&ids(range)).unwrap();
    }
    assert!(faults(&with("[groups]\ngids = [1, 2]\n"))[0].contains("expects a text in quotes"));
}

#[test]
fn the_numbers_of_groups_and_people_lie_apart() {
    let both = |gids: &str, ids: &str| {
        with(&format!("[groups]\ngids = \"{gids}\"\n[people]\nserve = true\nids = \"{ids}\"\n"))
    };
    parse(&both("70000-79999", "10000-69999")).unwrap();
    parse(&both("70000-79999", "80000-89999")).unwrap();
    for ids in ["10000-70000", "79999-90000", "75000-75001", "10000-90000"] {
        refused(&both("70000-79999", ids), "9:7: people.ids: the numbers of people");
    }
    // The default of the one may be in the way of the other.
    let text = with("[groups]\ngids = \"70000-79999\"\n[people]\nserve = true\n");
    refused(&text, "7:1: people: the numbers of people (10000-2000000000) and those of groups");
    // As long as nobody is shown, no number is anybody's.
    parse(&with("[groups]\ngids = \"70000-79999\"\n[people]\nserve = false\n")).unwrap();
}

#[test]
fn accounts_have_shells_and_homes() {
    for bad in ["bash", "", "/bin/b:ash", "/bin/bash/", "/bin/ba\\u0007sh", "/bin/\\u0000", "/bin/a\\nb"] {
        refused(&with(&format!("[people]\nshells = [\"/bin/sh\", \"{bad}\"]\n")), "6:22: people.shells: ");
    }
    for bad in ["home", "", "/", "/home/", "/home//x", "/home/../etc", "/.", "/ho:me", "/ho\\nme"] {
        refused(&with(&format!("[people]\nhomes = [\"{bad}\"]\n")), "6:10: people.homes: ");
    }
    let long = format!("/{}", "x".repeat(256));
    refused(&with(&format!("[people]\nhomes = [\"{long}\"]\n")), "6:10: people.homes: is longer");
    refused(&with(&format!("[people]\nshells = [\"{long}\"]\n")), "6:11: people.shells: is longer");
    refused(&with("[people]\nshells = []\n"), "5:1: people: `shells` is empty");
    refused(&with("[people]\nhomes = []\n"), "5:1: people: `homes` is empty");
    for bad in ["0s", "30", "forever", "99999d"] {
        refused(&with(&format!("[people]\nlinger = \"{bad}\"\n")), "6:10: people.linger: ");
    }
    // The faults of people who are not shown are faults, too.
    refused(&with("[people]\nserve = false\nshells = [\"bash\"]\n"), "7:11: people.shells: ");
}

#[test]
fn keys_have_the_options_that_sshd_knows() {
    for (bad, why) in [
        ("expiry-time", "sets `expiry-time` itself"),
        ("Expiry-Time", "sets `expiry-time` itself"),
        ("cert-authority", "whomever it signs for"),
        ("no-touch", "no option of authorized_keys"),
        ("from=\\\"10.0.0.0/8\\\"", "no option of authorized_keys"),
        ("", "no option of authorized_keys"),
    ] {
        let text = with(&format!("[keys]\noptions = [\"{bad}\"]\n"));
        refused(&text, "6:12: keys.options: ");
        assert!(faults(&text)[0].contains(why), "{:?}", faults(&text));
    }
    refused(&with("[keys]\nuser = \"-u\"\n"), "6:8: keys.user: ");
}

#[test]
fn a_key_that_nobody_knows_is_a_fault() {
    for section in ["groups", "people", "keys"] {
        refused(
            &with(&format!("[{section}]\nallowed = true\n")),
            &format!("6:1: {section}.allowed: unknown key"),
        );
        refused(&with(&format!("[[{section}]]\n")), &format!("5:1: {section}: expects a table"));
    }
}

/// A set that is on disk stays good: the same entries are asked for, whatever is made of them.
#[test]
fn other_rules_make_no_other_source() {
    let plain = parse(FULL).unwrap();
    let ruled = parse(&format!(
        "{FULL}[groups]\nallow = [\"adm\"]\ngids = \"3-4\"\n[people]\nserve = true\nids = \"5-6\"\nshells = [\"/bin/zsh\"]\n\
         homes = [\"/u\"]\nlinger = \"1d\"\n[keys]\nuser = \"k\"\noptions = [\"pty\"]\n"
    ))
    .unwrap();
    assert_ne!(plain, ruled);
    assert_eq!(plain.sources, ruled.sources);
    for (name, source) in &plain.sources {
        let host = &plain.policy.host;
        assert_eq!(source.fingerprint(host), ruled.sources[name].fingerprint(host), "{name}");
    }
}
