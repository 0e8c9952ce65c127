use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, symlink};

use nix::fcntl::{FcntlArg, fcntl};
use nix::pty::openpty;
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::{geteuid, mkfifo, read, ttyname};
use proptest::prelude::*;

use super::super::process::Process;
use super::super::testing::process;
use super::*;

/// What the kernel does with a device number in stat(5): fs/proc/array.c, include/linux/kdev_t.h.
fn encoded(major: u32, minor: u32) -> u64 {
    u64::from((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
}

fn path(major: u32, minor: u32) -> Option<String> {
    Some(Device::decode(encoded(major, minor))?.path()?.display().to_string())
}

#[test]
fn numbers_lead_to_files() {
    for (major, minor, file) in [
        (136, 0, "/dev/pts/0"),
        (136, 255, "/dev/pts/255"),
        (136, 256, "/dev/pts/256"),
        (136, 0xf_ffff, "/dev/pts/1048575"),
        (137, 1, "/dev/pts/257"),
        (143, 255, "/dev/pts/2047"),
        (4, 1, "/dev/tty1"),
        (4, 63, "/dev/tty63"),
        (4, 64, "/dev/ttyS0"),
        (4, 255, "/dev/ttyS191"),
        (204, 64, "/dev/ttyAMA0"),
        (229, 0, "/dev/hvc0"),
    ] {
        assert_eq!(path(major, minor).as_deref(), Some(file), "{major}:{minor}");
    }
    // tty0 and console stand for whichever is in front, tty for the reader's own, ptmx for a new one; the others are no terminals.
    for (major, minor) in
        [(4, 0), (4, 256), (5, 0), (5, 1), (5, 2), (1, 3), (135, 0), (144, 0), (204, 63), (204, 80)]
    {
        assert_eq!(path(major, minor), None, "{major}:{minor}");
    }
    assert_eq!(Device::decode(0), None);
    // 34816 is what ps(1) has shown for pts/0 ever since.
    assert_eq!(Device::decode(34816), Some(Device { major: 136, minor: 0 }));
    // Printed as a signed number by the kernel, and read as such.
    let high = i32::from_ne_bytes(0xfff8_88ff_u32.to_ne_bytes());
    let read = u64::from_ne_bytes(i64::from(high).to_ne_bytes());
    assert_eq!(Device::decode(read), Device::decode(0xfff8_88ff));
}

proptest! {
    #[test]
    fn any_number_is_decoded_as_it_was_encoded(major in 0u32..4096, minor in 0u32..(1 << 20)) {
        let expected = (major, minor) != (0, 0);
        let device = Device::decode(encoded(major, minor));
        prop_assert_eq!(device, expected.then_some(Device { major, minor }));
    }

    #[test]
    fn nothing_but_printable_lines_reaches_a_screen(text in any::<String>()) {
        let words = on_a_screen(&text);
        prop_assert!(words.starts_with(b"\r\n") && words.ends_with(b"\r\n"));
        let shown = String::from_utf8(words).unwrap();
        for line in shown.split("\r\n") {
            prop_assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
        }
    }
}

/// A shell on a terminal; `parent` is another process of the table, or 1.
fn shell(pid: i32, parent: i32, device: Device) -> Process {
    let terminal = encoded(device.major, device.minor);
    Process { name: "sh".to_owned(), terminal, ..process(ProcessId { pid, start: 7 }, parent) }
}

/// A pseudo-terminal, and a process that has it (ours, for the table only).
struct Pty {
    screen: OwnedFd,
    line: OwnedFd,
    name: String,
    device: Device,
    table: Table,
    members: Vec<ProcessId>,
    owner: BTreeSet<u32>,
}

impl Pty {
    fn new() -> Pty {
        let pty = openpty(None, None).unwrap();
        let name = ttyname(&pty.slave).unwrap().display().to_string();
        let stat = fs::metadata(&name).unwrap();
        let device = Device {
            major: major(stat.rdev()).try_into().unwrap(),
            minor: minor(stat.rdev()).try_into().unwrap(),
        };
        let process = shell(77, 1, device);
        let id = process.id;
        Pty {
            screen: pty.master,
            line: pty.slave,
            name,
            device,
            table: Table::of([process]),
            members: vec![id],
            owner: BTreeSet::from([geteuid().as_raw()]),
        }
    }

    fn tell(&self, text: &str) -> Told {
        tell_those(&self.table, &self.members, &self.owner, text, |_| Some(self.device))
    }

    /// Why it was not reached.
    fn refuses(&self, told: &Told) -> Unreached {
        let all = [
            Unreached::Another,
            Unreached::Left,
            Unreached::Full,
            Unreached::HungUp,
            Unreached::Absent,
            Unreached::Owner(geteuid().as_raw()),
        ];
        assert!(told.on.is_empty(), "{told:?}");
        let [(name, why)] = told.failed.as_slice() else { panic!("{told:?}") };
        assert_eq!(*name, self.name);
        all.into_iter().find(|known| known.to_string() == *why).unwrap_or_else(|| panic!("{why}"))
    }

    fn shows(&self) -> String {
        let mut buffer = [0; 65536];
        let taken = read(&self.screen, &mut buffer).unwrap();
        // A terminal that is not raw adds one of its own to each newline.
        String::from_utf8(buffer[..taken].to_vec()).unwrap().replace("\r\r\n", "\r\n")
    }
}

fn does_not_wait(fd: impl AsFd) {
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
}

#[test]
fn words_stand_on_lines_of_their_own() {
    let pty = Pty::new();
    let told = pty.tell("1 minute left\nask: \x1b]0;t\x07 \u{fc}");
    assert_eq!(told, Told { on: vec![pty.name.clone()], failed: Vec::new() });
    assert_eq!(pty.shows(), "\r\n1 minute left\r\nask: ?]0;t? ?\r\n");
    does_not_wait(&pty.screen);
    let told = tell_those(&pty.table, &pty.members, &pty.owner, "x", |_| None);
    assert_eq!(pty.refuses(&told), Unreached::Left);
    assert!(read(&pty.screen, &mut [0; 8]).is_err(), "nothing came of it");
}

#[test]
fn somebody_elses_terminal_is_left_alone() {
    let pty = Pty::new();
    does_not_wait(&pty.screen);
    let others = BTreeSet::from([geteuid().as_raw() + 1]);
    let told = tell_those(&pty.table, &pty.members, &others, "x", |_| Some(pty.device));
    assert_eq!(pty.refuses(&told), Unreached::Owner(geteuid().as_raw()));
    // The member of the table has ended, and another has its number.
    let gone = [ProcessId { pid: 77, start: 8 }];
    assert_eq!(tell_those(&pty.table, &gone, &pty.owner, "x", |_| Some(pty.device)), Told::default());
    assert!(read(&pty.screen, &mut [0; 8]).is_err());
}

#[test]
fn a_terminal_that_does_not_take_words_holds_nobody_up() {
    let stopped = Pty::new();
    tcflow(&stopped.line, FlowArg::TCOOFF).unwrap();
    assert_eq!(stopped.refuses(&stopped.tell("x")), Unreached::Full);
    tcflow(&stopped.line, FlowArg::TCOON).unwrap();
    assert_eq!(stopped.tell("x").on, [stopped.name.as_str()]);

    let unread = Pty::new();
    does_not_wait(&unread.line);
    while write(&unread.line, &[b'y'; 512]).is_ok() {}
    let told = unread.tell("x");
    assert!(told.on.is_empty() && told.failed.len() == 1, "{told:?}");

    let mut closed = Pty::new();
    closed.screen = fs::File::open("/dev/null").unwrap().into();
    let why = closed.refuses(&closed.tell("x"));
    assert!(matches!(why, Unreached::HungUp | Unreached::Absent), "{why:?}");
}

#[test]
fn a_screen_that_is_inside_another_is_not_told_twice() {
    let (outer, inner, own) = (Pty::new(), Pty::new(), Pty::new());
    // ssh's shell, sudo, and what sudo runs on a terminal of its own; beside them a tmux server's.
    let processes = [
        shell(10, 1, outer.device),
        shell(11, 10, outer.device),
        shell(12, 11, inner.device),
        shell(13, 12, inner.device),
        shell(20, 1, own.device),
    ];
    let tell = |processes: &[Process]| {
        let members: Vec<ProcessId> = processes.iter().map(|process| process.id).rev().collect();
        let table = Table::of(processes.to_vec());
        let terminal_of = |id: ProcessId| table.alive(id).and_then(|p| Device::decode(p.terminal));
        let mut told = tell_those(&table, &members, &outer.owner, "x", terminal_of);
        told.on.sort();
        told
    };
    let names = |ptys: &[&Pty]| {
        let mut names: Vec<String> = ptys.iter().map(|pty| pty.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(tell(&processes), Told { on: names(&[&outer, &own]), failed: Vec::new() });
    // The outer one is not a member's, or does not take it.
    assert_eq!(tell(&processes[2..]).on, names(&[&inner, &own]));
    tcflow(&outer.line, FlowArg::TCOOFF).unwrap();
    let told = tell(&processes);
    assert_eq!((told.on, told.failed.len()), (names(&[&inner, &own]), 1));
    tcflow(&outer.line, FlowArg::TCOON).unwrap();
    // Something on the inner one that nobody's terminal is around: better twice than not at all.
    let mut orphaned = processes.to_vec();
    orphaned.push(shell(14, 1, inner.device));
    assert_eq!(tell(&orphaned).on, names(&[&outer, &inner, &own]));
    // Parents in a circle.
    orphaned.extend([shell(30, 31, own.device), shell(31, 30, own.device)]);
    assert_eq!(tell(&orphaned).on.len(), 3);
}

#[test]
fn what_is_no_terminal_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let device = Device { major: 136, minor: 3 };
    let owners = BTreeSet::from([geteuid().as_raw(), 0]);
    let reached = |name: &str| reach(&dir.path().join(name), device, &owners, || true).map(drop);
    fs::write(dir.path().join("file"), "precious").unwrap();
    symlink("/dev/null", dir.path().join("link")).unwrap();
    mkfifo(&dir.path().join("pipe"), Mode::S_IRWXU).unwrap();
    assert_eq!(reached("file"), Err(Unreached::Another));
    assert_eq!(reached("link"), Err(Unreached::Another));
    assert_eq!(reached("pipe"), Err(Unreached::HungUp));
    assert_eq!(reached("nothing"), Err(Unreached::Absent));
    assert_eq!(reach(Path::new("/dev/null"), device, &owners, || true).map(drop), Err(Unreached::Another));
}

#[test]
fn what_cannot_be_reached_is_named() {
    let process = |pid: i32, major, minor| shell(pid, 0, Device { major, minor });
    let tell = |processes: Vec<Process>| {
        let members: Vec<ProcessId> = processes.iter().map(|process| process.id).collect();
        tell_those(&Table::of(processes), &members, &BTreeSet::new(), "x", |_| None)
    };
    let told = tell(vec![process(1, 5, 1)]);
    assert_eq!(told.failed, [("device 5:1".to_owned(), Unreached::Unknown.to_string())]);
    // Two processes on one terminal are one terminal; none has none.
    assert_eq!(tell(vec![process(1, 5, 1), process(2, 5, 1), process(3, 0, 0)]).failed.len(), 1);
    let many = (1..=70).zip(1000..).map(|(pid, minor)| process(pid, 5, minor)).collect();
    let told = tell(many);
    assert_eq!(told.failed.len(), MOST + 1);
    assert_eq!(told.failed[MOST], ("6 more".to_owned(), Unreached::TooMany.to_string()));
}

#[test]
fn what_is_above_is_looked_up_once_and_parents_in_a_circle_end() {
    let device = |minor: u32| Device { major: 136, minor };
    // Five on three terminals, one inside the other, and two that are each other's parents.
    let chain = [(10, 1, 1), (11, 10, 1), (12, 11, 2), (13, 12, 3), (14, 13, 3), (30, 31, 4), (31, 30, 5)];
    let table = Table::of(chain.map(|(pid, parent, minor)| shell(pid, parent, device(minor))));
    let around = |order: &[i32]| {
        let mut above = Above { table: &table, known: HashMap::new() };
        order.iter().for_each(|pid| drop(above.of(*pid)));
        [(3, vec![14, 13]), (2, vec![12]), (1, vec![11, 10]), (3, vec![14, 12]), (4, vec![30]), (9, vec![77])]
            .map(|(minor, holders)| {
                let holders: Vec<ProcessId> =
                    holders.iter().map(|pid| shell(*pid, 0, device(0)).id).collect();
                above.around(device(minor), &holders).into_iter().map(|outer| outer.minor).collect::<Vec<_>>()
            })
    };
    let expected: [Vec<u32>; 6] = [vec![1, 2], vec![1], vec![], vec![1], vec![5], vec![]];
    assert_eq!(around(&[]), expected);
    assert_eq!(around(&[14]), expected);
    assert_eq!(around(&[10, 11, 12, 13, 14]), expected);
}
