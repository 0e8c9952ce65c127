//! An audit as jitctl reads it: files that others wrote, on which somebody then bases what he exempts.

use std::fs;

use jitctl::audit::event::head;
use jitctl::audit::input::gather;
use jitctl::audit::lines::{Raw, each};
use jitctl::audit::read::read;
use jitctl::audit::replay::Gathered;
use jitctl::audit::sessions::{Sessions, Wanted};
use jitctl::audit::verify::{Kind, verify};

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n";

/// Lines of an audit: none is left out without a word, and what is proposed to be pasted is `[[exempt]]` blocks for those of whom it is said.
pub fn trail(data: &[u8]) {
    let place = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = place.path().join("audit.jsonl");
    // Whole lines: at the end of a torn one it is waited for jitd to write the rest.
    let written = fs::write(&path, [data, b"\n"].concat());
    written.unwrap_or_else(|error| panic!("{error}"));
    let input = gather(&[path]);

    let (mut good, mut bad) = (0_u64, 0_u64);
    for series in &input.series {
        let count = |raw: &Raw<'_>| match head(raw) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        };
        each(series, count, |_, _, text| panic!("{text}"));
    }
    let whole = verify(&input, Kind::Whole);
    assert_eq!(whole.lines, good + bad);
    let torn = whole.faults.iter().filter(|fault| fault.kind == "torn").count();
    assert!(bad == 0 || torn > 0, "{whole:?}");
    verify(&input, Kind::Collected);

    let mut sessions = Sessions::of(Wanted::default());
    let reading = read(&input, |told| sessions.see(told));
    assert!(reading.lines <= good);
    let (sessions, _) = sessions.finish(&reading.numbers);
    assert!(sessions.is_sorted_by_key(|session| session.begin));

    let mut gathered = Gathered::since(i64::MIN);
    let reading = read(&input, |told| gathered.see(told));
    let replay = gathered.finish(reading);
    let config = jitd::config::parse(&format!("{CONFIG}{}", replay.exempt));
    let config = config.unwrap_or_else(|problems| panic!("{problems:?} in\n{}", replay.exempt));
    let blocks = replay.exempt.lines().filter(|line| *line == "[[exempt]]").count();
    assert_eq!(config.policy.exempt.len(), blocks, "{}", replay.exempt);
    for exempt in &config.policy.exempt {
        let jit_model::policy::Who::User(login) = &exempt.who else { panic!("{exempt:?}") };
        let said = |found: &jit_control::audit::Automation| found.user == login.as_str();
        assert!(replay.automation.iter().any(said) && !exempt.services.is_empty(), "{exempt:?}");
    }
}
