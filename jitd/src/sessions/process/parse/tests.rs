use proptest::prelude::*;

use super::*;

const CAT: &[u8] = b"2394 (cat) R 2389 2388 30179 34816 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 1473313 3133440 365 1 2 3 4 5 0 0 0 0 0 0 0 0 0 17 1\n";

/// A line of stat with this name, state, flags and number of threads.
fn line(name: &[u8], state: char, flags: u64, threads: i64) -> Vec<u8> {
    let mut line = b"7 (".to_vec();
    line.extend(name);
    line.extend(
        format!(") {state} 5 6 4 -2147483648 -1 {flags} 1 2 3 4 5 6 7 8 20 0 {threads} 0 99 1 2\n").bytes(),
    );
    line
}

#[test]
fn a_line_of_stat() {
    let expected = Stat {
        id: ProcessId { pid: 2394, start: 1473313 },
        name: "cat".to_owned(),
        run: Run::Running,
        parent: 2389,
        group: 2388,
        session: 30179,
        terminal: 34816,
        kernel: false,
        headless: false,
    };
    assert_eq!(stat(CAT), Some(expected));
}

#[test]
fn a_device_number_is_not_negative() {
    assert_eq!(stat(&line(b"x", 'S', 0, 1)).unwrap().terminal, 0x8000_0000);
}

#[test]
fn who_runs_and_who_is_dead() {
    let run = |state, threads| stat(&line(b"x", state, 0, threads)).unwrap().run;
    for state in ['R', 'S', 'D', 'I', 'W', 'P', 'K'] {
        assert_eq!(run(state, 1), Run::Running, "{state}");
    }
    assert_eq!([run('T', 1), run('t', 3)], [Run::Stopped, Run::Stopped]);
    assert_eq!([run('Z', 1), run('Z', 0), run('X', 0), run('x', 0)], [Run::Dead; 4]);
    assert_eq!(run('Z', 2), Run::Running, "only its first thread has ended");
    let headless = |state, threads| stat(&line(b"x", state, 0, threads)).unwrap().headless;
    assert_eq!([headless('Z', 2), headless('Z', 1), headless('S', 2)], [true, false, false]);
}

#[test]
fn threads_of_the_kernel() {
    assert!(stat(&line(b"kworker/0:1", 'I', 69_238_880, 1)).unwrap().kernel);
    assert!(!stat(&line(b"kthreadd", 'S', 4_194_304, 1)).unwrap().kernel);
}

#[test]
fn no_name_moves_another_field() {
    for name in [&b""[..], b")", b") R 1 1 1 0", b"a) Z 1 1\n9 (b", b"\xff\xfe(", b"\x1b[2J"] {
        let stat = stat(&line(name, 'S', 0, 1)).unwrap();
        assert_eq!((stat.id, stat.parent, stat.run), (ProcessId { pid: 7, start: 99 }, 5, Run::Running));
    }
    assert_eq!(stat(&line(b"a\nb\x1b)", 'S', 0, 1)).unwrap().name, "a?b?)");
}

#[test]
fn uids_and_namespaces() {
    let of = |text: &str| status(text.as_bytes());
    let uids = Uids { real: 1000, effective: 0, saved: 4_294_967_294, fs: 3 };
    let there = |nested| Some(Status { of: 7, uids, nested });
    let head = "Name:\tUid:\\n0 0\nState:\tS (sleeping)\nTgid:\t7\nUid:\t1000\t0\t4294967294\t3\n";
    assert_eq!(of(&format!("{head}Groups:\t \nNSpid:\t7\t1\nNSsid:\t7\t1\n")), there(true));
    assert_eq!(of(&format!("{head}NSpid:\t7\n")), there(false));
    assert_eq!(of(head), there(false), "a kernel without namespaces");
    assert_eq!(of("Name:\tx\nTgid:\t7\nUid:\t1000\t0\n"), None);
    assert_eq!(of("Name:\tx\nUid:\t1000\t0\t0\t0\n"), None);
    assert_eq!(of(""), None);
}

#[test]
fn minus_one_is_no_mark() {
    assert_eq!(mark(b"4294967295"), None);
    assert_eq!(mark(b"-1"), None);
    assert_eq!(mark(b""), None);
    assert_eq!(mark(b"0"), Some(0));
    assert_eq!(mark(b"1000\n"), Some(1000));
}

#[test]
fn the_place_in_the_hierarchy_of_systemd() {
    let of = |text: &str| cgroup(text.as_bytes());
    assert_eq!(of("0::/user.slice/session-4.scope\n"), "/user.slice/session-4.scope");
    let hybrid = "12:pids:/elsewhere/and/longer/than/all\n1:name=systemd:/user.slice/session-4.scope\n0::/user.slice/session-4.scope\n";
    assert_eq!(of(hybrid), "/user.slice/session-4.scope");
    assert_eq!(of("9:name=systemd:/\n4:memory:/docker/1\n0::/init.scope\n"), "/init.scope");
    assert_eq!(of("9:name=systemd:/init.scope\n0::/\n"), "/init.scope");
    assert_eq!(of("9:name=systemd:/\n8:pids:/\n0::/\n"), "/");
    assert_eq!(of("0::/a:b::c\n"), "/a:b::c");
    assert_eq!(of("0::/system.slice/x.service (deleted)\n"), "/system.slice/x.service");
    assert_eq!([of(""), of("0:"), of("::\n:")], ["", "", ""]);
    assert_eq!(of("3:name=other:/x\n0:cpu:/y\n"), "");
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(bytes in any::<Vec<u8>>()) {
        let _ = (stat(&bytes), status(&bytes), mark(&bytes), cgroup(&bytes));
    }

    #[test]
    fn nothing_in_the_right_shape_makes_it_fail(
        name in any::<Vec<u8>>(), fields in proptest::collection::vec("[-]?[0-9]{0,25}|[A-Z]", 0..30), cut in any::<prop::sample::Index>(),
    ) {
        let mut text = b"1 (".to_vec();
        text.extend(name);
        text.extend(b") ");
        text.extend(fields.join(" ").bytes());
        let _ = stat(text.get(..cut.index(text.len())).unwrap_or_default());
        let _ = stat(&text);
    }

    #[test]
    fn any_name_is_only_a_name(name in any::<Vec<u8>>()) {
        let stat = stat(&line(&name, 'S', 0, 1)).unwrap();
        prop_assert_eq!((stat.id.start, stat.parent, stat.group, stat.session), (99, 5, 6, 4));
        prop_assert!(!stat.name.chars().any(char::is_control));
    }
}
