//! The writer: what it is given is in the file in the end, or counted and confessed, and nobody waits for it long.

use std::fs;
use std::path::Path;

use super::super::event::Text;
use super::super::*;
use super::{BOOT, NOW, denied, place, verified};

const ALL: Duration = Duration::from_secs(60);

fn audit(path: &Path) -> Audit {
    Audit::start(path.to_owned(), BOOT, "web1.example.com", Syslog::new("/nonexistent/log")).unwrap()
}

#[test]
fn events_are_in_the_file_when_flushed_and_after_the_end() {
    let (_dir, path) = place();
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
