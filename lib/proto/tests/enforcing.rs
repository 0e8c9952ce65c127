//! The enforcing file: what is rendered reads back, what is not understood is broken, and broken never lets anybody in.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail"
)]

use std::ffi::CString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use jit_proto::enforcing::{
    Asked, Broken, Exempt, Fault, MAX_FILE, MOST_UNCONFIRMED, Reading, Rule, Rules, Standing, Switch,
    Unreadable, Who, is_void, judge, read,
};
use jit_proto::local::{Accounts, is_member_in, uid_in};
use jit_proto::sys::Pages;
use proptest::collection::vec;
use proptest::prelude::*;

/// root, rescue (in no group), alice (of `backup` and `jit-breakglass`), all local.
struct Local;

impl Accounts for Local {
    fn uid_of(&mut self, user: &str) -> Option<u32> {
        uid_in(
            b"root:x:0:0:root:/root:/bin/sh\nrescue:x:900:900::/:/bin/sh\nalice:x:1000:34::/:/bin/sh",
            user,
            7,
        )
    }
    fn is_member(&mut self, user: &str, group: &str) -> bool {
        let primary = (user == "alice").then_some(34);
        is_member_in(b"backup:x:34:\njit-breakglass:x:77:alicf,alice\nempty:x:35:\n", user, group, primary, 5)
    }
}

const ALICE: Asked<'static> =
    Asked { service: "sshd", user: "alice", uid: Some(1000), rhost: Some("10.1.2.3"), tty: Some("ssh") };
const ROOT: Asked<'static> =
    Asked { service: "login", user: "root", uid: Some(0), rhost: None, tty: Some("tty1") };

fn standing(file: &str, asked: Asked<'_>) -> Standing {
    Rules::parse(file.as_bytes()).unwrap().standing(&asked, &mut Local)
}

#[test]
fn an_empty_file_is_the_built_in_defaults() {
    for file in ["", "\n", "# nothing yet\n\n"] {
        assert_eq!(Rules::parse(file.as_bytes()), Ok(Rules::built_in()));
        assert_eq!(
            standing(file, Asked { service: "su-l", user: "bob", uid: Some(7), ..ALICE }),
            Standing::Guarded
        );
        assert_eq!(standing(file, Asked { service: "cron", ..ALICE }), Standing::NotGuarded);
        assert_eq!(standing(file, ROOT), Standing::BreakGlass);
        assert_eq!(standing(file, ALICE), Standing::BreakGlass);
    }
}

#[test]
fn the_built_in_defaults_are_themselves_a_good_file() {
    let mut text = String::new();
    Rules::built_in().iter().for_each(|rule| writeln!(text, "{rule}").unwrap());
    let again = Rules::parse(text.as_bytes()).unwrap();
    assert!(again.iter().eq(Rules::built_in().iter()));
    assert_eq!(again, Rules::built_in());
}

#[test]
fn exemptions_are_as_narrow_as_they_are_written() {
    let file = "guard sshd\nguard sudo\nexempt user alice services sshd from 10.0.0.0/8,2001:db8::/32\nend enforcing\n";
    let from = |rhost| standing(file, Asked { rhost, ..ALICE });
    for inside in ["10.255.255.255", "::ffff:10.0.0.1", "2001:db8:ffff::1"] {
        assert_eq!(from(Some(inside)), Standing::Exempt, "{inside}");
    }
    for outside in [
        None,
        Some(""),
        Some("11.0.0.0"),
        Some("2001:db9::"),
        Some("10.0.0.1.example.com"),
        Some("10.0.0.1 "),
        Some("::ffff:11.0.0.1"),
        Some("0x0a.0.0.1"),
    ] {
        assert_eq!(from(outside), Standing::Guarded, "{outside:?}");
    }
    assert_eq!(standing(file, Asked { service: "sudo", ..ALICE }), Standing::Guarded);
    assert_eq!(standing(file, Asked { user: "alicia", ..ALICE }), Standing::Guarded);
    assert_eq!(standing(file, Asked { uid: None, ..ALICE }), Standing::Guarded);
    let all = "guard sshd\nexempt group backup from 0.0.0.0/0\nend enforcing\n";
    assert_eq!(standing(all, ALICE), Standing::Exempt);
    assert_eq!(standing(all, Asked { user: "rescue", uid: Some(900), ..ALICE }), Standing::Guarded);
    assert_eq!(standing(all, Asked { rhost: Some("::1"), ..ALICE }), Standing::Guarded);
    // Of a local name under another uid, another name service speaks: as jitd, the module gives him none of its groups. Whom no
    // file knows but a group's line is listed on purpose.
    assert_eq!(standing(all, Asked { uid: Some(5000), ..ALICE }), Standing::Guarded);
    let listed = "guard sshd\nexempt group jit-breakglass\nend enforcing\n";
    assert_eq!(standing(listed, Asked { user: "alicf", uid: Some(5001), ..ALICE }), Standing::Exempt);
    let everywhere = "guard sshd\nexempt user alice\nend enforcing\n";
    assert_eq!(standing(everywhere, Asked { rhost: None, ..ALICE }), Standing::Exempt);
}

#[test]
fn break_glass_is_for_local_accounts() {
    let file = "guard sshd\nbreak-glass-user rescue\nbreak-glass-group jit-breakglass\nend enforcing\n";
    let rescue = Asked { user: "rescue", uid: Some(900), ..ALICE };
    assert_eq!(standing(file, rescue), Standing::BreakGlass);
    assert_eq!(standing(file, ALICE), Standing::BreakGlass);
    // The same name from a directory, under another uid.
    assert_eq!(standing(file, Asked { uid: Some(10_900), ..rescue }), Standing::Guarded);
    assert_eq!(standing(file, Asked { uid: None, ..rescue }), Standing::Guarded);
    assert_eq!(standing(file, Asked { user: "alicf", uid: Some(1001), ..ALICE }), Standing::Guarded);
    assert_eq!(standing(file, Asked { user: "", uid: Some(0), ..ALICE }), Standing::Guarded);
}

#[test]
fn the_console_is_for_root_with_hands_on_the_machine() {
    let on = "guard login\nbreak-glass-console yes\nend enforcing\n";
    for tty in ["tty1", "/dev/tty63", "ttyS0", "/dev/ttyAMA0", "console", "hvc0"] {
        assert_eq!(standing(on, Asked { tty: Some(tty), ..ROOT }), Standing::BreakGlass, "{tty}");
    }
    for tty in
        ["", "tty", "ttyp0", "pts/0", "/dev/pts/1", "ssh", "tty1/../pts/0", "/dev//dev/tty1", ":0", "ttyS"]
    {
        assert_eq!(standing(on, Asked { tty: Some(tty), ..ROOT }), Standing::Guarded, "{tty}");
    }
    assert_eq!(standing(on, Asked { tty: None, ..ROOT }), Standing::Guarded);
    assert_eq!(standing(on, Asked { rhost: Some("192.0.2.1"), ..ROOT }), Standing::Guarded);
    assert_eq!(standing(on, Asked { rhost: Some(""), ..ROOT }), Standing::BreakGlass);
    assert_eq!(standing(on, Asked { user: "rescue", uid: Some(900), ..ROOT }), Standing::Guarded);
    // uid 0 by the word of a directory.
    assert_eq!(standing(on, Asked { user: "toor", ..ROOT }), Standing::Guarded);
    assert_eq!(standing("guard login\nend enforcing\n", ROOT), Standing::Guarded);
}

#[test]
fn nothing_is_guarded_where_the_file_says_so() {
    assert_eq!(standing("production no\nend enforcing\n", ALICE), Standing::NotGuarded);
    assert_eq!(standing("guard sshd\nproduction no\nend enforcing\n", ALICE), Standing::NotGuarded);
}

#[test]
fn what_is_not_understood_breaks_the_file() {
    for (file, line, fault) in [
        ("guard sshd\n", 2, Fault::NoEnd),
        ("guard sshd\nend enforcing", 2, Fault::NoEnd),
        ("until 2026-11-22T15:04:05Z\nend enforcing\n", 3, Fault::NothingGuarded),
        ("end enforcing\n", 2, Fault::NothingGuarded),
        ("guard sshd\nend enforcing\nguard su\n", 3, Fault::AfterEnd),
        ("guard sshd \nend enforcing\n", 1, Fault::NotUnderstood),
        ("guard  sshd\nend enforcing\n", 1, Fault::NotUnderstood),
        ("Guard sshd\nend enforcing\n", 1, Fault::NotUnderstood),
        ("guard sshd\nallow everybody\nend enforcing\n", 2, Fault::NotUnderstood),
        ("guard sshd\nend it\n", 2, Fault::NotUnderstood),
        ("guard sshd\r\nend enforcing\n", 1, Fault::NotText),
        ("guard sshd\0\nend enforcing\n", 1, Fault::NotText),
        ("production no\nproduction no\nend enforcing\n", 2, Fault::Repeated),
        (
            "guard sshd\nuntil 2026-11-22T15:04:05Z\nuntil 2026-11-23T15:04:05Z\nend enforcing\n",
            3,
            Fault::Repeated,
        ),
        ("exempt user\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob from\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob from 10.0.0.0\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob from 10.0.0.0/33\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob from 10.0.0.0/+8\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob services\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob services sshd,\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt user bob form 10.0.0.0/8\nend enforcing\n", 1, Fault::NotUnderstood),
        ("exempt everybody\nend enforcing\n", 1, Fault::NotUnderstood),
        ("until tomorrow\nend enforcing\n", 1, Fault::NotUnderstood),
    ] {
        assert_eq!(Rules::parse(file.as_bytes()), Err(Broken { line, fault }), "{file:?}");
    }
    assert_eq!(Rules::parse(b"guard sshd\n\xff"), Err(Broken { line: 2, fault: Fault::NotText }));
}

#[test]
fn the_time_makes_it_void() {
    let file = b"guard sshd\nuntil 1970-01-01T00:16:40Z\nend enforcing\n";
    assert!(matches!(judge(file, 999), Reading::Enforcing(_)));
    assert_eq!(judge(file, 1000), Reading::Void(1000));
    assert_eq!(judge(file, 1000).rules(), None);
    // A clock that was set back by more than anybody is given: not a year of it.
    assert!(matches!(judge(file, 1000 - MOST_UNCONFIRMED), Reading::Enforcing(_)));
    assert_eq!(judge(file, 999 - MOST_UNCONFIRMED), Reading::Void(1000));
    // Not for a file that is broken elsewhere.
    let broken = judge(b"guard sshd\nuntil 1970-01-01T00:16:40Z\n", 1000);
    assert!(matches!(broken, Reading::Broken(Unreadable::Broken(_))));
    assert_eq!(broken.rules(), Some(Rules::built_in()));
}

fn on_disk(path: &Path) -> Result<&'static str, Unreadable> {
    let mut room = Pages::<MAX_FILE>::new().unwrap();
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    match read(&path, 0, room.bytes()) {
        Reading::Permissive => Ok("permissive"),
        Reading::Enforcing(rules) => Ok(if rules == Rules::built_in() { "built-in" } else { "rules" }),
        Reading::Void(_) => Ok("void"),
        Reading::Broken(why) => Err(why),
    }
}

/// Files of the test are root's only if the test is; without root the last word on each is "not root's alone".
#[test]
fn only_roots_own_regular_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert_eq!(on_disk(&at("missing")), Ok("permissive"));
    assert_eq!(on_disk(&at("missing/deep")), Ok("permissive"));
    std::fs::create_dir(at("directory")).unwrap();
    assert_eq!(on_disk(&at("directory")), Err(Unreadable::NotRegular));
    symlink("missing", at("dangling")).unwrap();
    assert!(matches!(on_disk(&at("dangling")), Err(Unreadable::System(_))));
    assert!(matches!(on_disk(&at("dangling").join("x")), Ok("permissive")));
    std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    assert!(matches!(on_disk(&at("socket")), Err(Unreadable::System(_))));
    let fifo = CString::new(at("fifo").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with NUL.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    assert_eq!(on_disk(&at("fifo")), Err(Unreadable::NotRegular));
    let write = |name: &str, content: &[u8], mode| {
        std::fs::write(at(name), content).unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        on_disk(&at(name))
    };
    for mode in [0o664, 0o646, 0o666] {
        assert_eq!(write("loose", b"", mode), Err(Unreadable::NotRootsAlone), "{mode:o}");
    }
    symlink(at("good"), at("link")).unwrap();
    // SAFETY: getuid has no preconditions.
    if unsafe { libc::getuid() } == 0 {
        let good = b"guard sshd\nend enforcing\n";
        assert_eq!(write("empty", b"", 0o644), Ok("built-in"));
        assert_eq!(write("good", good, 0o644), Ok("rules"));
        let mut long = vec![b'\n'; MAX_FILE - good.len()];
        long.extend(good);
        assert_eq!(write("longest", &long, 0o644), Ok("rules"));
        long.push(b'\n');
        assert_eq!(write("too-long", &long, 0o644), Err(Unreadable::TooLong));
        std::os::unix::fs::chown(at("good"), Some(1), None).unwrap();
    }
    assert_eq!(write("good", b"", 0o644), Err(Unreadable::NotRootsAlone));
    assert!(matches!(on_disk(&at("link")), Err(Unreadable::System(_))));
}

#[test]
fn local_files_are_read_as_they_are() {
    let passwd = b"root:x:0:0\nbad:x:1\nnone\nbob:x:+1:1:::\nalice:x:1000:1000:A,:/:/bin/sh\nalice:x:0:0:::\neve:x:4294967296:1:::\nlast:x:7:7:::";
    for at_once in 1..=passwd.len() {
        assert_eq!(uid_in(passwd, "alice", at_once), Some(1000));
        assert_eq!(uid_in(passwd, "last", at_once), Some(7));
        for none in ["", "root", "bad", "none", "bob", "eve", "alic", "alice:x", "x", "\n"] {
            assert_eq!(uid_in(passwd, none, at_once), None, "{none}");
        }
    }
    let group = b"a:x:1:alice,bob\nb:x:2:alicebob\nc:x:3:\nd:x:4:x,,alice:junk\nab:x:5:bob\nf:x:\ng:x:7:bob";
    for at_once in 1..=group.len() {
        let member = |user, group_name, primary| is_member_in(group, user, group_name, primary, at_once);
        assert!(member("alice", "a", None) && member("bob", "a", None) && member("bob", "g", None));
        assert!(member("alice", "c", Some(3)));
        for (user, name) in
            [("alice", "b"), ("bob", "b"), ("alice", "c"), ("alice", "d"), ("alice", "ab"), ("", "d")]
        {
            assert!(!member(user, name, None), "{user} {name}");
        }
        assert!(
            !member("alice", "f", Some(0)) && !member("alice", "zz", Some(3)) && !member("a", "", Some(3))
        );
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._][a-zA-Z0-9._-]{0,12}"
}

fn network() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<[u8; 4]>(), 0_u8..=32).prop_map(|(ip, p)| format!("{}/{p}", std::net::Ipv4Addr::from(ip))),
        (any::<[u8; 16]>(), 0_u8..=128).prop_map(|(ip, p)| format!("{}/{p}", std::net::Ipv6Addr::from(ip))),
    ]
}

type Line = (u8, String, Vec<String>, Vec<String>, i64);

fn render(lines: &[Line]) -> String {
    let mut text = String::from("# made by a test\nguard sshd\n");
    let mut once = (false, false, false);
    for (kind, name, services, from, at) in lines {
        let (services, from) = (services.join(","), from.join(","));
        let list = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let switch = if *at % 2 == 0 { Switch::Yes } else { Switch::No };
        let rule = match kind {
            0 => Rule::Guard(name),
            1 => Rule::Exempt(Exempt { who: Who::User(name), services: list(&services), from: list(&from) }),
            2 => Rule::Exempt(Exempt { who: Who::Group(name), services: list(&services), from: list(&from) }),
            3 => Rule::BreakGlassUser(name),
            4 => Rule::BreakGlassGroup(name),
            5 if !std::mem::replace(&mut once.0, true) => Rule::BreakGlassConsole(switch),
            6 if !std::mem::replace(&mut once.1, true) => Rule::Production(switch),
            7 if !std::mem::replace(&mut once.2, true) => Rule::Until(*at),
            _ => continue,
        };
        writeln!(text, "{rule}").unwrap();
    }
    writeln!(text, "{}", Rule::End).unwrap();
    text
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (0_u8..8, name(), vec(name(), 0..3), vec(network(), 0..3), 0_i64..4_000_000_000);
    vec(line, 0..12)
}

proptest! {
    /// Whatever the clock does, at any moment an unconfirmed file denies for a day more at most; and without `until` no clock makes it void.
    #[test]
    fn no_clock_makes_it_last(until in any::<i64>(), now in any::<i64>(), lines in lines()) {
        prop_assert_eq!(is_void(until, now), !(1..=i128::from(MOST_UNCONFIRMED)).contains(&(i128::from(until) - i128::from(now))));
        let text = render(&lines);
        let rules = Rules::parse(text.as_bytes()).unwrap();
        let enforces = matches!(judge(text.as_bytes(), now), Reading::Enforcing(_));
        prop_assert_eq!(enforces, rules.until().is_none_or(|until| !is_void(until, now)));
    }

    #[test]
    fn what_is_rendered_reads_back(lines in lines()) {
        let text = render(&lines);
        let rules = Rules::parse(text.as_bytes());
        let Ok(rules) = rules else { return Err(TestCaseError::fail(format!("{rules:?} {text}"))) };
        let again: String = rules.iter().map(|rule| format!("{rule}\n")).collect();
        prop_assert_eq!(format!("# made by a test\n{again}"), text);
    }

    /// Cut anywhere, a file is broken, or so short that it says nothing: it never guards less than the defaults.
    #[test]
    fn a_file_cut_short_never_loosens(lines in lines(), cut in any::<prop::sample::Index>()) {
        let text = render(&lines);
        let cut = &text.as_bytes()[..cut.index(text.len())];
        match judge(cut, 0) {
            Reading::Enforcing(rules) => prop_assert_eq!(rules, Rules::built_in()),
            Reading::Broken(_) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Whatever the bytes: no panic, and either rules, or the defaults, or a time that was written there and makes it void.
    #[test]
    fn damage_never_panics(
        noise in vec(any::<u8>(), 0..200),
        lines in lines(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        (user, group) in (".{0,9}", ".{0,9}"),
        at_once in 1_usize..9,
    ) {
        let mut text = render(&lines).into_bytes();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        for file in [&noise, &text] {
            let reading = judge(file, 5);
            if reading.rules().is_none() {
                prop_assert!(matches!(reading, Reading::Void(until) if is_void(until, 5)));
            }
            if let Some(rules) = reading.rules() {
                let _ = rules.standing(&Asked { user: &user, ..ALICE }, &mut Local);
            }
            let whole = file.len().max(1);
            prop_assert_eq!(uid_in(file, &user, at_once), uid_in(file, &user, whole));
            prop_assert_eq!(
                is_member_in(file, &user, &group, Some(7), at_once),
                is_member_in(file, &user, &group, Some(7), whole)
            );
        }
    }
}
