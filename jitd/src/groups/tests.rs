//! When a map is written and when not, what becomes of it when it cannot be, and what each costs.

use std::fs;

use jit_model::time::Span;
use jit_proto::map::layout::{FIXED, SUPERSEDED};
use jit_proto::map::read::{Clocks, Map};

use super::testing::{NOW, grant};
use super::*;
use crate::audit::Audit;
use crate::clock::system::SystemClock;
use crate::config;
use crate::mode::Mode;
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[groups]\nallow = [\"jit-dba\"]\n\
    [source.ldap]\nbind = { method = \"anonymous\" }\nuris = [\"ldaps://ldap.example.com\"]\nca = \"/etc/ssl/ca.crt\"\n\
    base = \"dc=example,dc=com\"\nmax_offline = \"1h\"\n";

/// A host with nobody local, and the room.
struct Room {
    dir: tempfile::TempDir,
    groups: Groups,
    basis: Basis,
}

impl Room {
    fn new() -> Room {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock::start(None).unwrap());
        let syslog = Syslog::new(dir.path().join("no-syslog"));
        let audit = Audit::start(dir.path().join("audit"), clock.boot(), "web1", syslog).unwrap();
        let scribe = Scribe::new(Arc::new(audit), clock, Mode::Enforcing);
        std::fs::write(dir.path().join("passwd"), "root:x:0:0:::\n").unwrap();
        std::fs::write(dir.path().join("group"), "root:x:0:\n").unwrap();
        let accounts = Accounts::at(dir.path().join("passwd"), dir.path().join("group"));
        let groups = Groups::new(dir.path(), accounts, scribe);
        let basis = Basis {
            config: Arc::new(config::parse(CONFIG).unwrap()),
            sources: BTreeMap::new(),
            grants: Vec::new(),
            people: BTreeMap::new(),
        };
        let mut room = Room { dir, groups, basis };
        room.hear(0);
        room
    }

    /// There was word from the source, so many seconds after the beginning.
    fn hear(&mut self, at: i64) {
        let fresh = Freshness { heard: Some(Timestamp(NOW + at)), max_offline: Some(Span(3600)) };
        self.basis.sources.insert(SourceName::new("ldap").unwrap(), fresh);
    }

    /// So many seconds after the beginning; `ahead` is how far the settled time has jumped.
    fn look(&mut self, at: i64, ahead: i64) {
        let settled = NOW + at + ahead;
        let now = Now { login: Timestamp(settled), settled: Timestamp(settled), concern: None };
        self.groups.confer(self.basis.clone(), now);
        self.groups.write(moment(settled, at), now.login);
    }

    /// Which map it is: its checksum, in which the time of its writing is.
    fn file(&self) -> Option<[u8; 8]> {
        let bytes = fs::read(self.dir.path().join("groups.map")).ok()?;
        bytes.get(FIXED + 8..)?.first_chunk().copied()
    }

    /// Who the map says is in the group, by a wall clock that was set back for years.
    fn members(&self, at: i64) -> Option<Vec<String>> {
        let bytes = fs::read(self.dir.path().join("groups.map")).unwrap();
        if bytes[SUPERSEDED] != 0 {
            return None;
        }
        let map = Map::open(&bytes[FIXED..]).unwrap();
        let now = map.at(Clocks { real: 0, boot_ms: boot_ms(at) }).unwrap();
        let group = map.group(b"jit-dba").unwrap().unwrap();
        let name = |name: Result<&[u8], _>| String::from_utf8(name.unwrap().to_vec()).unwrap();
        Some(map.members(&group, now).unwrap().map(name).collect())
    }
}

fn boot_ms(at: i64) -> i64 {
    77_000 + at * 1000
}

fn moment(settled: i64, at: i64) -> Moment {
    let text = format!(
        "{{\"settled_ms\":{},\"boot_ms\":{},\"boot\":{:?}}}",
        settled * 1000,
        boot_ms(at),
        [0_u8; 16]
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn it_is_written_when_it_says_something_else_and_not_otherwise() {
    let mut room = Room::new();
    room.look(0, 0);
    let empty = room.file();
    assert_eq!(room.members(0), Some(vec![]));
    for at in 1..60 {
        room.hear(at);
        room.look(at, 0);
    }
    assert_eq!(room.file(), empty, "a word every second");
    room.basis.grants = vec![grant(1, 500), grant(2, 900)];
    room.look(60, 0);
    let both = room.file();
    assert_ne!(both, empty);
    assert_eq!(room.members(60), Some(vec!["user1".to_owned(), "user2".to_owned()]));
    // The same grants in other places in memory say the same.
    room.basis.grants = vec![grant(1, 500), grant(2, 900)];
    room.look(61, 0);
    assert_eq!(room.file(), both);
    room.basis.grants.remove(1);
    room.look(62, 0);
    assert_eq!(room.members(62), Some(vec!["user1".to_owned()]));
    // Another configuration.
    let none = CONFIG.replace("jit-dba", "jit-web");
    room.basis.config = Arc::new(config::parse(&none).unwrap());
    let before = room.file();
    room.look(63, 0);
    assert_ne!(room.file(), before);
}

#[test]
fn what_was_seen_to_end_stays_ended_and_a_jump_is_written() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 500)];
    room.look(0, 0);
    // The clock is set forward by ten minutes, which is believed, and back.
    assert_eq!(room.members(10), Some(vec!["user1".to_owned()]));
    room.hear(10);
    room.look(10, 600);
    assert_eq!(room.members(10), Some(vec![]));
    // The jump alone.
    let before = room.file();
    room.look(11, 602);
    assert_eq!(room.file(), before);
    room.look(12, 603);
    assert_ne!(room.file(), before);
}

/// What had ended by a clock that was wrong is live again for the door; so it is here.
#[test]
fn what_root_sets_back_comes_back() {
    let mut room = Room::new();
    let name = SourceName::new("ldap").unwrap();
    // One that is never stale: its last word tells nothing of the clock.
    room.basis.sources.insert(name, Freshness { heard: Some(Timestamp(NOW)), max_offline: None });
    room.basis.grants = vec![grant(1, 500)];
    room.look(10, 600);
    assert_eq!(room.members(10), Some(vec![]));
    room.look(11, 0);
    assert_eq!(room.members(11), Some(vec!["user1".to_owned()]));
}

#[test]
fn an_end_is_written_though_nobody_tells() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 100)];
    room.look(0, 0);
    let before = room.file();
    room.look(99, 0);
    assert_eq!(room.file(), before);
    room.look(100, 0);
    assert_ne!(room.file(), before);
    assert_eq!(room.members(100), Some(vec![]));
    let bytes = fs::read(room.dir.path().join("groups.map")).unwrap();
    assert!(!bytes.windows(5).any(|bytes| bytes == b"user1"), "no clock can bring it back");
}

#[test]
fn one_that_somebody_removed_is_written_anew() {
    let mut room = Room::new();
    room.look(0, 0);
    fs::remove_file(room.dir.path().join("groups.map")).unwrap();
    room.look(1, 0);
    assert_eq!(room.members(1), Some(vec![]));
}

#[test]
fn a_source_that_speaks_prolongs_it_now_and_then() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 100_000)];
    room.look(0, 0);
    let mut files = BTreeSet::from([room.file()]);
    for at in 1..=900 {
        room.hear(at);
        room.look(at, 0);
        files.insert(room.file());
    }
    assert_eq!(files.len(), 5, "a sixteenth of an hour is 225 s");
    assert_eq!(room.members(900 + 3599), Some(vec!["user1".to_owned()]));
    assert_eq!(room.members(900 + 3602), Some(vec![]), "right when jitd is dead");
}

#[test]
fn where_it_cannot_be_written_there_is_none_until_it_can() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 500)];
    room.look(0, 0);
    let blocker = room.dir.path().join("groups.map.new");
    fs::create_dir(&blocker).unwrap();
    room.look(1, 0);
    assert_eq!(room.groups.concern(), None, "nothing had to be written");
    room.basis.grants.clear();
    room.look(2, 0);
    assert_eq!(room.members(2), None, "superseded");
    let concern = room.groups.concern().unwrap().to_owned();
    assert!(
        concern.contains("nobody has a group by his grant") && concern.contains("groups.map.new"),
        "{concern}"
    );
    room.look(3, 0);
    assert_eq!(room.groups.concern(), Some(concern.as_str()));
    fs::remove_dir(&blocker).unwrap();
    room.look(4, 0);
    assert_eq!(room.groups.concern(), None);
    assert_eq!(room.members(4), Some(vec![]));
}

/// A full disk takes nobody's groups away by itself.
#[test]
fn where_it_cannot_be_written_the_one_before_stays_while_it_is_true() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 500), grant(2, 100)];
    room.look(0, 0);
    let blocker = room.dir.path().join("groups.map.new");
    fs::create_dir(&blocker).unwrap();
    // The lease is renewed, a grant is added, one ends by itself.
    room.hear(300);
    room.basis.grants.push(grant(3, 900));
    for at in [300, 301] {
        room.look(at, 0);
        assert_eq!(room.members(at), Some(vec!["user1".to_owned()]));
        let concern = room.groups.concern().unwrap();
        assert!(concern.contains("cannot be written, so the one before stays in force"), "{concern}");
    }
    room.basis.grants.clear();
    room.look(303, 0);
    assert_eq!(room.members(303), None);
    assert!(room.groups.concern().unwrap().contains("nobody has a group by his grant"));
    // What comes back does not bring that one back.
    room.basis.grants = vec![grant(1, 500)];
    room.look(304, 0);
    assert_eq!(room.members(304), None);
    fs::remove_dir(&blocker).unwrap();
    room.look(305, 0);
    assert_eq!((room.members(305), room.groups.concern()), (Some(vec!["user1".to_owned()]), None));
}

/// Otherwise nobody would hear that it is mended.
#[test]
fn it_is_tried_again_though_it_need_not_be_written_any_more() {
    let mut room = Room::new();
    room.look(0, 0);
    let blocker = room.dir.path().join("groups.map.new");
    fs::create_dir(&blocker).unwrap();
    room.look(1, 600);
    assert!(room.groups.concern().is_some());
    fs::remove_dir(&blocker).unwrap();
    room.look(2, 0);
    assert_eq!(room.groups.concern(), None);
}

/// Nor does one stay that somebody else has put there, or written to.
#[test]
fn where_it_cannot_be_written_a_strange_one_does_not_stay() {
    let mut room = Room::new();
    room.basis.grants = vec![grant(1, 500)];
    room.look(0, 0);
    let map = room.dir.path().join("groups.map");
    let copy = fs::read(&map).unwrap();
    fs::create_dir(room.dir.path().join("groups.map.new")).unwrap();
    fs::remove_file(&map).unwrap();
    fs::write(&map, copy).unwrap();
    room.look(1, 0);
    assert_eq!(room.members(1), None);
}

/// What publishing costs. To be run by hand, in a release build: `cargo test --release -p jitd --lib cost_of -- --ignored --nocapture`.
#[test]
#[ignore = "shows figures, proves nothing"]
fn cost_of_a_map() {
    let took = |what: &str, times: u32, mut work: Box<dyn FnMut(u32) + '_>| {
        let start = std::time::Instant::now();
        (0..times).for_each(&mut work);
        println!("{what}: {:?}", start.elapsed() / times);
    };
    for people in [0, 1_000, 10_000] {
        let mut room = Room::new();
        room.basis.grants = (0..people).map(|n| grant(n, 100_000)).collect();
        room.look(0, 0);
        println!(
            "{people} people, {} bytes",
            fs::metadata(room.dir.path().join("groups.map")).unwrap().len()
        );
        took("  a word, nothing new", 50, Box::new(|_| room.look(0, 0)));
        took("  a word with a set that says the same", 20, {
            let room = &mut room;
            Box::new(move |_| {
                room.basis.grants = (0..people).map(|n| grant(n, 100_000)).collect();
                room.look(0, 0);
            })
        });
        took(
            "    of that, the making of the set",
            20,
            Box::new(|_| drop((0..people).map(|n| grant(n, 100_000)).collect::<Vec<_>>())),
        );
        took("  a change, written", 20, {
            let room = &mut room;
            Box::new(move |n| {
                if n % 2 == 0 {
                    room.basis.grants.push(grant(99_999, 100_000))
                } else {
                    drop(room.basis.grants.pop())
                }
                room.look(0, 0);
            })
        });
    }
}

#[test]
fn without_the_local_accounts_nobody_gets_anything() {
    for missing in ["passwd", "group"] {
        let mut room = Room::new();
        room.basis.grants = vec![grant(1, 500)];
        // Never read so far: what was read once goes on to count.
        fs::remove_file(room.dir.path().join(missing)).unwrap();
        room.look(0, 0);
        assert!(room.groups.conferred().groups.is_empty(), "{missing}");
        assert!(room.groups.concern().is_some_and(|concern| concern.contains("cannot be read")), "{missing}");
        fs::write(
            room.dir.path().join(missing),
            "root:x:0:0:::\n".replace("0:0:::", if missing == "group" { "0:" } else { "0:0:::" }),
        )
        .unwrap();
        room.look(1, 0);
        assert_eq!(
            (room.members(1), room.groups.concern()),
            (Some(vec!["user1".to_owned()]), None),
            "{missing}"
        );
    }
}
