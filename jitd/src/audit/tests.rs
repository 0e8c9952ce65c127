use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use jit_model::assess::{Approver, Assessed, AssessedGrant, Services};
use jit_model::decide::{Allow, Unguarded, Verdict};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, Provenance};
use jit_model::host::HostPattern;
use jit_model::name::{Login, SourceName};
use jit_model::reason::{DenyReason, Refusal};
use jit_model::time::{Span, Window};
use proptest::prelude::*;
use serde_json::Value;

use super::file::File;
use super::line::{Head, Tail, append, hex, tail};
use super::*;
use event::Text;
use sha2::{Digest, Sha256};

const BOOT: BootId = BootId([0xb0; 16]);
const NOW: Timestamp = Timestamp(1_795_348_805);
const ALL: Duration = Duration::from_secs(60);

fn question<'a>(subject: &'a str, rhost: &'a str) -> jit_proto::Question<'a> {
    jit_proto::Question {
        phase: jit_proto::Phase::Account,
        service: "sshd",
        subject,
        uid: Some(1000),
        target: None,
        ruser: None,
        rhost: Some(rhost),
        tty: Some("ssh"),
        auth_info: None,
        auth_info_cut: false,
    }
}

fn denied(name: &str, rhost: &str) -> Record {
    let verdict = Verdict::Deny(DenyReason::NoAccount);
    let decision = Decision::judged(&question(name, rhost), None, None, &verdict, Mode::Enforcing);
    record(Event::Decision(Box::new(decision)))
}

fn record(event: Event) -> Record {
    Record { time: NOW, mode: Mode::Enforcing, host: Arc::from("web1.example.com"), event }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Every line of these files, in their order, must follow from the one before, torn ones too; gives the whole ones.
fn verified(paths: &[&Path]) -> Vec<Value> {
    let mut prev = hex(&[0; 32]);
    let mut events = Vec::new();
    for line in paths.iter().flat_map(|path| lines(path)) {
        if let Ok(event) = serde_json::from_str::<Value>(&line) {
            assert_eq!(event["prev"], prev, "{line}");
            events.push(event);
        }
        prev = hex(&Sha256::digest(&line));
    }
    events
}

fn told(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {}", event["seq"], event["chain"].as_str().unwrap_or("-")))
        .collect()
}

#[test]
fn a_line_says_everything() {
    let mut bytes = Vec::new();
    let mut head = Head::NEW;
    append(&mut bytes, &mut head, &BOOT.to_string(), &denied("alice", "10.0.0.9")).unwrap();
    let expected = concat!(
        r#"{"v":1,"boot":"b0b0b0b0-b0b0-b0b0-b0b0-b0b0b0b0b0b0","seq":1,"#,
        r#""prev":"0000000000000000000000000000000000000000000000000000000000000000","#,
        r#""time":"2026-11-22T12:00:05Z","mode":"enforcing","host":"web1.example.com","event":"decision","#,
        r#""service":"sshd","phase":"account","uid":1000,"name":"alice","rhost":"10.0.0.9","tty":"ssh","#,
        r#""verdict":"deny","code":"no-account","reason":"this host has no account of exactly this name"}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(head.next, 2);
    assert_eq!(head.prev.as_slice(), Sha256::digest(expected.trim_end()).as_slice());
}

/// A grant that is live from NOW for an hour, with approvals.
fn grant(id: &str, approvers: usize) -> Arc<AssessedGrant> {
    let dn = |text: &str| Dn::parse(text).unwrap();
    let approved = |n| Approver { dn: dn(&format!("uid=approver{n},dc=example")), at: Timestamp(NOW.0 - 60) };
    let window = Window::new(NOW, NOW.plus(Span(3600))).unwrap();
    Arc::new(AssessedGrant {
        source: SourceName::new("ldap").unwrap(),
        grant: Arc::new(Grant {
            uuid: EntryUuid([0x11; 16]),
            dn: dn(&format!("cn={id},ou=grants,dc=example")),
            id: id.to_owned(),
            subject: dn("cn=dbas,ou=groups,dc=example"),
            role: None,
            hosts: [HostPattern::new("*").unwrap()].into(),
            services: [].into(),
            not_before: None,
            end: End::After(Span(3600)),
            reason: Some("disk \u{202e}full\n".to_owned()),
            ticket: Some("OPS-1".to_owned()),
            provenance: Provenance { creator: Some(dn("uid=alice,dc=example")), ..Provenance::default() },
        }),
        role: None,
        logins: [(Login::new("alice").unwrap(), dn("uid=alice,dc=example"))].into(),
        services: Services::AllGuarded,
        began: Some(NOW),
        assessed: Assessed::Granted { window, approved: (0..approvers).map(approved).collect() },
    })
}

fn judged(verdict: &Verdict, mode: Mode) -> (Value, (Severity, String)) {
    let decision = Decision::judged(&question("alice", "10.0.0.9"), Some("SHA256:abc"), None, verdict, mode);
    let told = decision.for_syslog();
    let mut bytes = Vec::new();
    append(&mut bytes, &mut Head::NEW.clone(), "boot", &record(Event::Decision(Box::new(decision)))).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), told)
}

#[test]
fn an_allow_names_its_grants_and_approvers() {
    let grants = vec![grant("g1", 2), grant("g2", 0)];
    let (event, (severity, told)) =
        judged(&Verdict::Allow(Allow::Grants { grants, until: NOW.plus(Span(7200)) }), Mode::Enforcing);
    assert_eq!(
        (&event["verdict"], &event["code"], &event["dn"], &event["until"], &event["key"]),
        (
            &"allow".into(),
            &"grant".into(),
            &"uid=alice,dc=example".into(),
            &"2026-11-22T14:00:05Z".into(),
            &"SHA256:abc".into()
        )
    );
    let first = &event["grants"][0];
    assert_eq!(
        *first,
        serde_json::json!({
            "id": "g1", "dn": "cn=g1,ou=grants,dc=example", "uuid": "11111111-1111-1111-1111-111111111111",
            "source": "ldap", "subject": "cn=dbas,ou=groups,dc=example",
            "start": "2026-11-22T12:00:05Z", "end": "2026-11-22T13:00:05Z",
            "reason": "disk \u{202e}full\n", "ticket": "OPS-1", "creator": "uid=alice,dc=example",
            "approvers": [
                {"dn": "uid=approver0,dc=example", "at": "2026-11-22T11:59:05Z"},
                {"dn": "uid=approver1,dc=example", "at": "2026-11-22T11:59:05Z"}
            ]
        })
    );
    assert_eq!(event["grants"][1]["id"], "g2");
    assert_eq!(severity, Severity::Info);
    assert!(told.contains("approved by \"uid=approver1,dc=example\""), "{told}");
}

#[test]
fn a_line_stays_within_the_window_whatever_is_in_it() {
    let mut fat = AssessedGrant::clone(&grant(&"\u{202e}".repeat(600), 40));
    let Assessed::Granted { approved, .. } = &mut fat.assessed else { panic!() };
    for approver in approved.iter_mut() {
        approver.dn = Dn::parse(&format!("uid={},dc=example", "\u{e9}".repeat(2000))).unwrap();
    }
    let fat = Arc::new(fat);
    let grants = (0..20).map(|_| Arc::clone(&fat)).collect();
    let (event, _) =
        judged(&Verdict::Allow(Allow::Grants { grants, until: NOW.plus(Span(9)) }), Mode::Enforcing);
    assert_eq!((&event["more_grants"], &event["grants"][0]["more_approvers"]), (&12.into(), &8.into()));
    assert_eq!(event["grants"][0]["approvers"].as_array().map(Vec::len), Some(32));
    // Escaping makes at most six bytes of two.
    assert!(event.to_string().len() * 3 < line::WINDOW, "{}", event.to_string().len());
}

#[test]
fn every_verdict_has_its_word() {
    let refused = || DenyReason::Refused { why: Refusal::NoRole, grant: "g1".to_owned() };
    for (verdict, mode, word, code, severity) in [
        (Verdict::Allow(Allow::BreakGlass), Mode::Enforcing, "break-glass", "break-glass", Severity::Alert),
        (Verdict::Deny(DenyReason::NoGrant), Mode::Enforcing, "deny", "no-grant", Severity::Notice),
        (Verdict::Deny(refused()), Mode::Permissive, "would-deny", "refused", Severity::Notice),
        (Verdict::Unguarded(Unguarded::Exempt(0)), Mode::Enforcing, "exempt", "exempt", Severity::Info),
        (Verdict::Unguarded(Unguarded::Service), Mode::Enforcing, "unguarded", "service", Severity::Info),
    ] {
        let (event, (urgency, _)) = judged(&verdict, mode);
        assert_eq!((&event["verdict"], &event["code"], urgency), (&word.into(), &code.into(), severity));
        assert_eq!(event["mode"], "enforcing", "of the record, not of the decision");
    }
    let (event, _) = judged(&Verdict::Deny(refused()), Mode::Enforcing);
    assert_eq!((&event["refusal"], &event["nearest"]), (&"no-role".into(), &"g1".into()));
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    for _ in 0..3 {
        let mut file = File::new(path.clone(), BOOT);
        file.append(&[denied("alice", "a"), denied("bob", "b")]).unwrap();
        file.append(&[denied("carol", "c")]).unwrap();
    }
    let events = verified(&[&path]);
    assert_eq!(
        told(&events),
        [
            "1 new",
            "2 -",
            "3 -",
            "4 -",
            "5 continued",
            "6 -",
            "7 -",
            "8 -",
            "9 continued",
            "10 -",
            "11 -",
            "12 -"
        ]
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn a_torn_line_is_left_as_it_is_and_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    File::new(path.clone(), BOOT).append(&[denied("alice", "a"), denied("bob", "b")]).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 1..200 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        File::new(path.clone(), BOOT).append(&[denied("carol", "c")]).unwrap();
        let events = verified(&[&path]);
        let last = events.last().unwrap();
        assert_eq!((last["seq"].clone(), last["name"].clone()), (5.into(), "carol".into()), "cut by {cut}");
        assert_eq!(events[events.len() - 2]["chain"], "repaired");
    }
}

#[test]
fn foreign_content_is_followed_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    let forge = |text: &str| {
        let mut other = fs::OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(text.as_bytes()).unwrap();
    };
    forge("{\"seq\":2,\"event\":\"forged\"}\n");
    file.append(&[denied("bob", "b")]).unwrap();
    forge("\n\nnot even JSON");
    file.append(&[denied("carol", "c")]).unwrap();
    let read = lines(&path);
    assert!(
        read[3].contains("\"chain\":\"repaired\"") && read[8].contains("\"chain\":\"repaired\""),
        "{read:#?}"
    );
    let mut prev = hex(&[0; 32]);
    for line in read {
        assert!(!line.contains("\"prev\"") || line.contains(&prev));
        prev = hex(&Sha256::digest(&line));
    }
}

#[test]
fn a_line_too_long_to_be_ours_begins_a_new_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    fs::write(&path, "x".repeat(line::WINDOW + 1)).unwrap();
    File::new(path.clone(), BOOT).append(&[denied("alice", "a")]).unwrap();
    let first: Value = serde_json::from_str(&lines(&path)[1]).unwrap();
    assert_eq!((first["chain"].clone(), first["prev"].clone()), ("new".into(), hex(&[0; 32]).into()));
}

#[test]
fn rotation_is_noticed_and_the_chain_crosses_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old, older) =
        (dir.path().join("audit.jsonl"), dir.path().join("audit.jsonl.1"), dir.path().join("audit.jsonl.2"));
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    fs::rename(&path, &older).unwrap();
    file.append(&[denied("bob", "b")]).unwrap();
    // logrotate's "create".
    fs::rename(&path, &old).unwrap();
    fs::write(&path, "").unwrap();
    file.append(&[denied("carol", "c")]).unwrap();
    // Opened again for nothing: no word about it.
    file.reopen();
    file.append(&[denied("dave", "d")]).unwrap();
    let events = verified(&[&older, &old, &path]);
    assert_eq!(told(&events), ["1 new", "2 -", "3 rotated", "4 -", "5 rotated", "6 -", "7 -"]);
    // logrotate's "copytruncate".
    fs::copy(&path, &old).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    file.append(&[denied("erin", "e")]).unwrap();
    assert_eq!(told(&verified_from(&old, &path)), ["8 rotated", "9 -"]);
}

fn verified_from(before: &Path, path: &Path) -> Vec<Value> {
    let events: Vec<Value> = lines(path).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["prev"], hex(&Sha256::digest(lines(before).last().unwrap())));
    events
}

#[test]
fn links_and_pipes_are_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (path, victim) = (dir.path().join("audit.jsonl"), dir.path().join("victim"));
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    File::new(path.clone(), BOOT).append(&[denied("alice", "a")]).unwrap_err();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    File::new(path, BOOT).append(&[denied("alice", "a")]).unwrap_err();
}

fn audit(path: &Path) -> Audit {
    Audit::start(path.to_owned(), BOOT, "web1.example.com", Syslog::new("/nonexistent/log")).unwrap()
}

#[test]
fn events_are_in_the_file_when_flushed_and_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let audit = audit(&path);
    for n in 0..3000 {
        audit.record(NOW, Mode::Permissive, Event::Lost { count: n });
    }
    assert!(audit.flush(ALL));
    assert_eq!(verified(&[&path]).len(), 3001);
    audit.set_host("web2.example.com");
    audit.record(NOW, Mode::Enforcing, Event::Stop { reason: Text::from("SIGTERM") });
    assert!(audit.flush(ALL));
    let events = verified(&[&path]);
    let last = events.last().unwrap();
    assert_eq!((&last["host"], &last["event"]), (&"web2.example.com".into(), &"stop".into()));
}

#[test]
fn what_cannot_be_written_is_held_and_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("later/audit.jsonl");
    let audit = audit(&path);
    audit.record(NOW, Mode::Enforcing, denied("alice", "a").event);
    assert!(!audit.flush(Duration::from_millis(1)));
    while audit.health().trouble.is_none() {
        thread::yield_now();
    }
    audit.record(NOW, Mode::Enforcing, denied("bob", "b").event);
    while audit.health().held < 2 {
        thread::yield_now();
    }
    assert!(audit.health().concerns()[0].contains("2 events are held"), "{:?}", audit.health());
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(audit.flush(ALL));
    let names: Vec<_> =
        verified(&[&path]).iter().filter_map(|event| event["name"].as_str().map(str::to_owned)).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!((audit.health().trouble, audit.health().held), (None, 0));
}

#[test]
fn past_all_bounds_events_are_counted_and_confessed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("later/audit.jsonl");
    let audit = audit(&path);
    let wave = |count: u64| {
        for _ in 0..count {
            audit.record(NOW, Mode::Enforcing, denied("alice", "a").event);
        }
        // Until the writer has tried, in vain, with everything it was given.
        assert!(!audit.flush(Duration::ZERO));
        while audit.shared.lock().hurry
            || audit.health().held < 16_384
            || !audit.shared.lock().records.is_empty()
        {
            thread::yield_now();
        }
    };
    // The first wave leaves a confession among the events that are held, the second pushes it out again.
    wave(20_000);
    wave(1_000);
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(audit.flush(ALL));
    let events = verified(&[&path]);
    let lost: u64 = events.iter().filter_map(|event| event["count"].as_u64()).sum();
    let kept = events.iter().filter(|event| event["event"] == "decision").count();
    assert_eq!(lost + u64::try_from(kept).unwrap(), 21_000);
    assert_eq!(events[1]["event"], "lost", "what is lost is older than what is left");
    assert!(lost > 0 && audit.health().lost == lost, "{lost}: {:?}", audit.health());
}

/// A writer that hangs (here: none at all) costs one answer a moment, and further ones nothing.
#[test]
fn a_full_queue_delays_but_never_stops_an_answer() {
    let shared =
        Shared { queue: Mutex::default(), changed: Condvar::new(), syslog: Syslog::new("/nonexistent/log") };
    let audit = Audit { shared: Arc::new(shared) };
    for _ in 0..QUEUE + 1000 {
        audit.record(NOW, Mode::Enforcing, denied("alice", "a").event);
    }
    assert_eq!(audit.health().lost, 1000);
    assert!(audit.shared.lock().stalled);
}

/// Runs in a process of its own, by the test below, with a limit on the size of files: the write stops in mid-line.
#[test]
#[ignore = "only as a child of a_full_disk_leaves_no_half_line"]
fn child_with_a_full_disk() {
    let path = std::path::PathBuf::from(std::env::var_os("JIT_TEST_AUDIT").unwrap());
    let mut file = File::new(path.clone(), BOOT);
    file.append(&[denied("alice", "a")]).unwrap();
    let before = fs::read(&path).unwrap();
    let full = file.append(&vec![denied("bob", "b"); 40]).unwrap_err();
    assert_eq!(full.raw_os_error(), Some(libc::EFBIG));
    assert_eq!(fs::read(&path).unwrap(), before, "nothing half-written");
    file.append(&[denied("carol", "c")]).unwrap();
    assert_eq!(told(&verified(&[&path])), ["1 new", "2 -", "3 -"]);
}

#[test]
fn a_full_disk_leaves_no_half_line() {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        // 16 blocks of 512 bytes. The signal that comes with the limit would end the process.
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "audit::tests::child_with_a_full_disk", "--ignored", "--test-threads=1"])
        .env("JIT_TEST_AUDIT", dir.path().join("audit.jsonl"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"));
}

/// The script in docs/audit.md accepts what is written and refuses what was changed.
#[test]
fn the_documented_check_works() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let script = page.split("```sh\n").find(|part| part.starts_with("#!/bin/sh")).unwrap();
    let script = script.split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("audit.jsonl"), dir.path().join("audit.jsonl.1"));
    let mut file = File::new(path.clone(), BOOT);
    // Names that look like the chain's own fields.
    let forged = format!("x\",\"prev\":\"{}\"", hex(&[0; 32]));
    file.append(&[denied(&forged, "a"), denied("bo\\b", "%s\\n"), denied("carol", " c ")]).unwrap();
    fs::rename(&path, &old).unwrap();
    file.append(&[denied("dave", "d"), denied("erin", "e")]).unwrap();
    let check = |files: &[&Path]| {
        let output = Command::new("sh").args(["-c", script, "verify"]).args(files).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (good, said) = check(&[&old, &path]);
    assert!(good && said.contains("7 lines"), "{said}");
    assert!(check(&[&path]).0, "a later file alone");
    assert!(!check(&[&path, &old]).0, "in the wrong order");
    let text = fs::read_to_string(&old).unwrap();
    fs::write(&old, text.replace("carol", "mallory")).unwrap();
    assert!(!check(&[&old, &path]).0, "the last line of a rotated file was changed");
    let without: String =
        text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, l)| format!("{l}\n")).collect();
    fs::write(&old, without).unwrap();
    let (good, said) = check(&[&old]);
    assert!(!good && said.contains("line 2"), "a line was taken out: {said}");
    fs::write(&old, format!("{text}{{\"v\":1}}\n")).unwrap();
    assert!(!check(&[&old]).0, "a line was added");
}

proptest! {
    /// Whatever somebody calls himself: one line of printable ASCII, and the very text comes out of it again.
    #[test]
    fn no_name_breaks_a_line(name in any::<String>(), rhost in ".{0,40}") {
        let mut bytes = Vec::new();
        append(&mut bytes, &mut Head::NEW.clone(), "boot", &denied(&name, &rhost)).unwrap();
        let (newline, line) = bytes.split_last().unwrap();
        prop_assert_eq!(*newline, b'\n');
        prop_assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let event: Value = serde_json::from_slice(line).unwrap();
        let bounded = Text::from(&name);
        prop_assert_eq!(event["name"].as_str(), Some(bounded.as_str()));
        prop_assert_eq!(event["rhost"].as_str(), Some(rhost.as_str()));
    }

    #[test]
    fn no_name_breaks_a_line_in_syslog(name in any::<String>()) {
        let (_, text) = denied(&name, "a").event.for_syslog();
        let quoted = format!("{:?}", Text::from(&name).as_str());
        let because = DenyReason::NoAccount;
        prop_assert_eq!(text, format!("deny {quoted} for \"sshd\" from \"a\" because \"{because}\""));
    }

    #[test]
    fn any_tail_is_read(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), whole in any::<bool>()) {
        let _ = tail(&bytes, whole);
    }

    /// The end of a file says the same through a window as in full.
    #[test]
    fn a_window_is_enough(count in 1..6u64, cut in 0..200usize) {
        let (mut bytes, mut head, mut last) = (Vec::new(), Head::NEW, 0);
        for _ in 0..count {
            last = bytes.len();
            append(&mut bytes, &mut head, "boot", &denied("alice", "a")).unwrap();
        }
        prop_assert_eq!(tail(&bytes, true), Tail::Whole(head));
        let window = &bytes[last.saturating_sub(cut)..];
        let expected = if last == 0 || cut == 0 { Tail::Foreign { newline: false } } else { Tail::Whole(head) };
        prop_assert_eq!(tail(window, false), expected);
    }

    #[test]
    fn texts_are_bounded(text in ".{0,2000}") {
        let bounded = Text::from(&text);
        prop_assert!(bounded.as_str().len() <= 515);
        prop_assert!(text.len() > 512 || bounded.as_str() == text);
    }
}
