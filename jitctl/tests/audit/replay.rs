use std::collections::BTreeSet;

use jit_model::name::{Login, Service};
use jit_model::question::Question;
use jitd::audit::decision::{Decision, VerdictWord};
use jitd::audit::session::{SessionEvent, SessionState};
use jitd::mode::Mode;
use serde_json::Value;

use crate::lines::{DAY, Daemon, HOST, answer, decision, file};

fn would(service: &str, phase: &'static str, name: &str, uid: u32, rhost: Option<&str>) -> Decision {
    Decision {
        name: name.into(),
        uid: Some(uid),
        rhost: rhost.map(Into::into),
        ..decision(service, phase, VerdictWord::WouldDeny, "no-grant")
    }
}

/// A login of a program: in and out.
fn login(jitd: &mut Daemon, name: &str, uid: u32, from: &str) {
    for phase in ["account", "open"] {
        jitd.decide(would("sshd", phase, name, uid, Some(from)));
    }
    let id = format!("s{}", jitd.lines.len());
    let of = |state| SessionEvent {
        name: name.into(),
        uid,
        rhost: Some(from.into()),
        ..crate::lines::session(state, &id, "sshd")
    };
    jitd.session(of(SessionState::Opened));
    jitd.at += 5;
    jitd.session(of(SessionState::Closed));
}

/// A month: ansible round the clock from six addresses and with sudo, monitoring as a system account, root's nightly backup, and people.
fn month() -> Daemon {
    let mut jitd = Daemon::new(Mode::Permissive);
    for hour in 0..72 {
        jitd.at = DAY + hour * 3_600;
        login(&mut jitd, "ansible", 2_001, &format!("10.0.0.{}", 16 + hour % 6));
        jitd.decide(would("sudo", "account", "ansible", 2_001, None));
        jitd.decide(would("sudo", "open", "ansible", 2_001, None));
    }
    for day in 0..12 {
        jitd.at = DAY + day * 86_400 + 3 * 3_600;
        login(&mut jitd, "root", 0, "::ffff:10.0.1.9");
        jitd.decide(would("sshd", "account", "nagios", 117, Some("2001:db8::5")));
        jitd.decide(would("sshd", "account", "nagios", 117, Some("monitor.example.com")));
    }
    for n in 0..15 {
        jitd.at = DAY + n / 5 * 86_400 + 9 * 3_600 + (n % 5) * 4_321;
        jitd.decide(would("sshd", "account", "alice", 5_001, Some("192.0.2.7")));
        jitd.decide(Decision {
            tty: Some("/dev/pts/0".into()),
            ..would("sudo", "account", "alice", 5_001, None)
        });
    }
    // As often as a program, but at a terminal.
    for n in 0..40 {
        jitd.at = DAY + n * 3_600;
        login(&mut jitd, "carol", 5_003, "192.0.2.8");
        jitd.decide(Decision {
            tty: Some("/dev/pts/1".into()),
            ..would("sudo", "account", "carol", 5_003, None)
        });
    }
    jitd
}

fn replay(text: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let (status, found) =
        answer(&["replay", "--since", "2026-11-01T00:00Z"], &[file(dir.path(), "a.jsonl", text)]);
    assert_eq!(status, 0, "{found}");
    found
}

#[test]
fn counted_per_person_and_service() {
    let found = replay(&month().text());
    let refused = found["refused"].as_array().unwrap();
    let of = |user: &str, service: &str| {
        refused.iter().find(|r| r["user"] == user && r["service"] == service).unwrap()
    };
    assert_eq!((&of("ansible", "sshd")["count"], &of("ansible", "sudo")["count"]), (&72.into(), &72.into()));
    assert_eq!((&of("root", "sshd")["count"], &of("alice", "sshd")["count"]), (&12.into(), &15.into()));
    assert_eq!(
        (&of("alice", "sudo")["code"], &of("alice", "sshd")["from"][0]),
        (&"no-grant".into(), &"192.0.2.7".into())
    );
    let programs: Vec<&str> =
        found["automation"].as_array().unwrap().iter().map(|a| a["user"].as_str().unwrap()).collect();
    assert_eq!(programs, ["ansible", "nagios", "root"]);
}

/// jitd reads the blocks, and decides: what was seen of programs is exempt, from where it was seen; nothing else is.
#[test]
fn the_blocks_mean_what_was_seen_and_no_more() {
    let found = replay(&month().text());
    let blocks = found["exempt"].as_str().unwrap();
    assert!(blocks.contains("root decides") && blocks.contains("never seen at a terminal"), "{blocks}");
    assert!(
        blocks.contains("from = [\"10.0.0.16/29\"]") && blocks.contains("from = [\"10.0.1.9/32\"]"),
        "{blocks}"
    );
    let config =
        format!("[host]\nname = \"{HOST}\"\n\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\n\n{blocks}");
    let policy =
        jitd::config::parse(&config).unwrap_or_else(|problems| panic!("{problems:?}\n{config}")).policy;
    let exempt = |user: &str, uid, service: &str, rhost: Option<&str>| {
        let question = Question {
            service: Service::new(service).unwrap(),
            subject: Login::new(user).unwrap(),
            uid,
            local: true,
            local_groups: BTreeSet::new(),
            rhost: rhost.map(str::to_owned),
            tty: None,
        };
        policy.exemption(&question).is_some()
    };
    let (mut programs, mut people) = (0, 0);
    for line in month().lines {
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["event"] != "decision" {
            continue;
        }
        let (user, rhost) = (line["name"].as_str().unwrap(), line["rhost"].as_str());
        let uid = u32::try_from(line["uid"].as_u64().unwrap()).unwrap();
        let now = exempt(user, uid, line["service"].as_str().unwrap(), rhost);
        // A name in the place of an address is never exempt.
        let expected = ["ansible", "nagios", "root"].contains(&user) && rhost != Some("monitor.example.com");
        assert_eq!(now, expected, "{line}");
        *(if expected { &mut programs } else { &mut people }) += 1;
    }
    assert!(programs > 300 && people > 100, "{programs} {people}");
    assert!(!exempt("ansible", 2_001, "sshd", Some("10.0.0.30")));
    assert!(!exempt("ansible", 2_001, "sshd", None));
    assert!(!exempt("ansible", 2_001, "su", None));
    assert!(!exempt("root", 0, "sudo", None));
}

/// Whoever chooses a name, or what his DNS says, does not write jitd.toml.
#[test]
fn nobody_writes_the_configuration_by_his_name() {
    let mut jitd = Daemon::new(Mode::Permissive);
    for name in ["x\"\n[[exempt]]\nuser = \"mallory", "daemon"] {
        for _ in 0..30 {
            jitd.at += 3_600;
            login(&mut jitd, name, 2, "x\"]\n[[exempt]]\nuser = \"mallory\"\n#");
        }
    }
    let found = replay(&jitd.text());
    let blocks = found["exempt"].as_str().unwrap();
    for line in blocks.lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with('#'), "{blocks}");
    }
}

#[test]
fn what_cannot_be_known_is_said() {
    let mut jitd = month();
    let day = |at: i64| DAY + 20 * 86_400 + at;
    jitd.at = day(0);
    jitd.put(jitd::audit::Event::Stop { reason: "x".into() });
    jitd.at = day(7_200);
    jitd.put(jitd::audit::Event::Start { version: "0.1.0" });
    jitd.put(jitd::audit::Event::Lost { count: 3 });
    let mut lines = jitd.lines;
    lines.remove(10);
    let found = replay(&lines.concat());
    let unknown = found["unknown"].to_string();
    for part in [
        "jitctl doctor",
        "was not there from 2026-12-12 00:00 UTC to 2026-12-12 02:00",
        "line 11 is missing",
        "no room for 3",
    ] {
        assert!(unknown.contains(part), "{part}: {unknown}");
    }
}
