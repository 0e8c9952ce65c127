//! Calls libnss_jit.so.2 as the tests in tests/nss_module/ want it: `nss_driver WHAT [ARGUMENT…]`, in a throw-away host. What may not
//! be, panics; what was asked for is printed.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Barrier, Mutex, OnceLock};
use std::thread;

use jit_tests::nss::ffi::{
    Called, Caller, Key, Module, Others, cancel_myself, close_streams, fork, group_list, interrupt, reap,
    sandbox, streams_are_closed, uncancellable,
};
use jit_tests::nss::{ENOUGH, NotStanding, generation};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Room for anything.
const AMPLE: usize = 1 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let module = match Module::load() {
        Ok(module) => module,
        Err(trouble) => {
            println!("{trouble}");
            return ExitCode::FAILURE;
        }
    };
    match *words {
        ["ask", ref questions @ ..] => questions.iter().for_each(|question| ask(module, question)),
        ["list"] => list(module),
        ["lists"] => lists(module),
        ["rooms", group, person] => rooms(module, group, person),
        ["groups", user] => println!("{:?}", group_list(user, 7)),
        ["added", user] => added(module, user),
        ["steady"] => steady(module),
        ["sandboxed"] => {
            sandbox(&[libc::SYS_openat], Others::Allowed);
            ask(module, "g:dba");
        }
        ["without-files"] => {
            let none = Rlimit { current: Some(0), maximum: Some(0) };
            setrlimit(Resource::Nofile, none).unwrap();
            ["g:dba", "p:alice", "i:alice"].iter().for_each(|question| ask(module, question));
        }
        ["chroot", before] => {
            if before == "asked" {
                ask(module, "g:dba");
            }
            rustix::process::chroot("/srv").unwrap();
            ask(module, "g:dba");
        }
        ["without-streams"] => without_streams(module),
        ["cancelled"] => cancelled(module),
        ["threads"] => threads(module),
        ["forks"] => forks(module),
        ["signals"] => signals(module),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn question(module: Module, question: &str) -> Called {
    let (kind, key) = question.split_once(':').unwrap();
    let number = || Key::Number(key.parse().unwrap());
    match kind {
        "g" => module.group(Key::Name(key), 0, AMPLE),
        "G" => module.group(number(), 0, AMPLE),
        "p" => module.person(Key::Name(key), 0, AMPLE),
        "P" => module.person(number(), 0, AMPLE),
        "i" => {
            let (status, errno, groups, _) = module.init_groups(Caller::Glibc, key, 7, &[7], 16, -1);
            Called { status, errno, line: if status == 1 { format!("{groups:?}") } else { String::new() } }
        }
        _ => panic!("{question}"),
    }
}

fn ask(module: Module, text: &str) {
    let Called { status, errno, line } = question(module, text);
    println!("{text} {status} {errno} {line}");
}

/// Everything, twice; the second time from the middle on.
fn list(module: Module) {
    for round in 0..2 {
        assert_eq!([module.first_group(), module.first_person()], [1, 1]);
        loop {
            // Too small a buffer loses nothing.
            assert_ne!(module.group(Key::Next, 0, 9).status, 1);
            let group = module.group(Key::Next, 0, AMPLE);
            if group.status != 1 {
                println!("{} {}", group.status, group.errno);
                break;
            }
            println!("{}", group.line);
            if round == 1 {
                break;
            }
        }
        loop {
            assert_ne!(module.person(Key::Next, 0, 9).status, 1);
            let person = module.person(Key::Next, 0, AMPLE);
            if person.status != 1 {
                println!("{} {}", person.status, person.errno);
                break;
            }
            println!("{}", person.line);
        }
    }
}

/// Again and again to the end, which comes although the map is another one at each step.
fn lists(module: Module) {
    println!("begun");
    while !Path::new(ENOUGH).exists() {
        module.first_group();
        module.first_person();
        let groups = (0..10).map(|_| module.group(Key::Next, 0, 1024)).find(|called| called.status != 1);
        let people = (0..10).map(|_| module.person(Key::Next, 0, 1024)).find(|called| called.status != 1);
        assert_eq!(
            [groups, people],
            [Some(Called::not(0, libc::ENOENT)), Some(Called::not(0, libc::ENOENT))]
        );
    }
    println!("ended");
}

/// Every size of buffer from 0 up, at every alignment: ERANGE up to some size, and from there on the whole answer.
fn rooms(module: Module, group: &str, person: &str) {
    type Call<'a> = &'a dyn Fn(usize, usize) -> Called;
    let calls: [(&str, Call<'_>); 2] = [
        ("group", &|from, length| module.group(Key::Name(group), from, length)),
        ("person", &|from, length| module.person(Key::Name(person), from, length)),
    ];
    for (what, call) in calls {
        let whole = call(0, AMPLE);
        assert_eq!(whole.status, 1);
        let mut needed = Vec::new();
        for from in 0..8 {
            let fits = (0..AMPLE).find(|length| {
                let called = call(from, *length);
                assert!(called == whole || called == Called::not(-2, libc::ERANGE), "{called:?}");
                called == whole
            });
            let fits = fits.unwrap();
            assert!((fits..fits + 64).all(|length| call(from, length) == whole));
            needed.push(fits);
        }
        println!("{what} {needed:?}");
    }
}

/// initgroups_dyn with lists of many sizes and limits.
fn added(module: Module, user: &str) {
    let (_, _, all, _) = module.init_groups(Caller::Glibc, user, u32::MAX, &[], 1 << 16, -1);
    let show = |(status, errno, groups, size): (i32, i32, Vec<u32>, i64)| {
        println!("{status} {errno} {} {size} {}", groups.len(), groups.ends_with(&all));
    };
    // glibc's own beginnings: getgrouplist with room for one, initgroups with a limit.
    show(module.init_groups(Caller::Glibc, user, 7, &[7], 1, -1));
    show(module.init_groups(Caller::Glibc, user, 7, &[7], 64, 65536));
    show(module.init_groups(Caller::Glibc, user, 7, &[], 1, 0));
    // The limit cuts off, and the list is full: nothing is added.
    show(module.init_groups(Caller::Glibc, user, 7, &[7], 2, 5));
    show(module.init_groups(Caller::Glibc, user, 7, &[7, 8, 9], 3, 3));
    // The primary one is not added, wherever it stands.
    for primary in all.iter().take(3) {
        let (status, _, groups, _) = module.init_groups(Caller::Glibc, user, *primary, &[*primary], 16, -1);
        assert!(status == 1 && groups.len() == all.len(), "{groups:?}");
        assert_eq!(groups.iter().filter(|gid| *gid == primary).count(), 1);
    }
    // A stranger's list is not ours to make longer; one that is long enough will do, and so will one that is cut off.
    show(module.init_groups(Caller::Stranger, user, 7, &[7], 64, -1));
    show(module.init_groups(Caller::Stranger, user, 7, &[7], 1024, -1));
    show(module.init_groups(Caller::Stranger, user, 7, &[7], 64, 64));
    // A list that makes no sense is left alone.
    let (status, errno, groups, size) = module.init_groups(Caller::Glibc, user, 7, &[7], 1, 1);
    println!("{status} {errno} {groups:?} {size}");
}

/// Of each kind one, and then a thousand without a single system call: another one would kill us.
fn steady(module: Module) {
    const KINDS: [&str; 9] =
        ["g:dba", "g:nothing", "G:50000", "G:5", "p:alice", "p:nobody", "P:20001", "i:alice", "i:nobody"];
    let first = question(module, KINDS[0]);
    assert_eq!(first.status, 1);
    // Grown now, so that the C library needs no memory from the kernel later.
    let expected: Vec<Called> = KINDS.iter().map(|kind| question(module, kind)).collect();
    // Where the vDSO has a clock, this is not called; where it has not, it must be.
    let mut allowed = vec![libc::SYS_write, libc::SYS_exit_group, libc::SYS_clock_gettime];
    // For the test's own memory, and for the end of a program in Rust.
    allowed.extend([libc::SYS_brk, libc::SYS_munmap, libc::SYS_sigaltstack]);
    let small = |kind: &str| {
        let (kind, key) = kind.split_once(':').unwrap();
        match kind {
            "g" => module.group(Key::Name(key), 0, 1024),
            "G" => module.group(Key::Number(key.parse().unwrap()), 0, 1024),
            "p" => module.person(Key::Name(key), 0, 1024),
            "P" => module.person(Key::Number(key.parse().unwrap()), 0, 1024),
            _ => question(module, &format!("{kind}:{key}")),
        }
    };
    sandbox(&allowed, Others::Kill);
    for _ in 0..1000 {
        for (kind, expected) in KINDS.iter().zip(&expected) {
            assert_eq!(small(kind), *expected);
        }
    }
    println!("done");
}

/// A host without its standard streams: they stay closed.
fn without_streams(module: Module) {
    let before = mappings();
    close_streams();
    let called = module.group(Key::Name("dba"), 0, 1024);
    let closed = streams_are_closed();
    assert_eq!([before, mappings()], [0, 1]);
    std::fs::write("/run/without-streams", format!("{} {closed}", called.line)).unwrap();
}

/// A thread that is to be cancelled comes back from each lookup, the first one too.
fn cancelled(module: Module) {
    let thread = thread::spawn(move || {
        cancel_myself();
        let first = module.group(Key::Name("dba"), 0, 1024);
        let second = module.group(Key::Name("dba"), 0, 1024);
        uncancellable();
        (first, second)
    });
    let (first, second) = thread.join().unwrap();
    println!("{} {}", first.line, first == second);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .filter(|line| line.contains("groups.map"))
        .count()
}

/// Lookups in many threads until the test has had enough: of one generation each, and never of an older one than before.
fn threads(module: Module) {
    let before = descriptors();
    let enough = AtomicBool::new(false);
    let seen: Mutex<Vec<(u32, u32)>> = Mutex::new(Vec::new());
    let under_way = Barrier::new(7);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let (mut last, mut count, mut changes) = (0, 0, 0);
                assert_eq!(question_small(module, "g:dba").status, 1);
                under_way.wait();
                while !enough.load(SeqCst) {
                    for kind in ["g:dba", "p:alice", "i:alice"] {
                        let called = question_small(module, kind);
                        let now =
                            generation(&called).unwrap_or_else(|NotStanding| panic!("{kind}: {called:?}"));
                        assert!(now >= last, "{kind}: {now} after {last}");
                        changes += u32::from(now > last);
                        last = now;
                        count += 1;
                    }
                }
                seen.lock().unwrap().push((changes, count));
            });
        }
        under_way.wait();
        println!("begun");
        while !Path::new(ENOUGH).exists() {
            thread::sleep(std::time::Duration::from_millis(5));
        }
        enough.store(true, SeqCst);
    });
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|(changes, _)| *changes > 1), "nobody saw a change: {seen:?}");
    // Nobody looks up now: the current one, and nothing else, is mapped.
    println!("descriptors {} mappings {}", descriptors().wrapping_sub(before), mappings());
}

fn question_small(module: Module, kind: &str) -> Called {
    match kind {
        "g:dba" => module.group(Key::Name("dba"), 0, 1024),
        "p:alice" => module.person(Key::Name("alice"), 0, 1024),
        other => question(module, other),
    }
}

/// Forks in the middle of other threads' lookups: the children look up all the same.
fn forks(module: Module) {
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !enough.load(SeqCst) {
                    assert_eq!(question_small(module, "g:dba").status, 1);
                }
            });
        }
        println!("begun");
        let (mut children, mut sound) = (0, 0);
        while !Path::new(ENOUGH).exists() || children < 50 {
            // malloc is glibc's to keep whole across a fork, and it does.
            let child = fork(|| (0..50).all(|_| module.group(Key::Name("dba"), 0, 1024).status == 1));
            sound += u32::from(reap(child));
            children += 1;
        }
        enough.store(true, SeqCst);
        println!("{}", if children == sound { "all" } else { "not all" });
    });
}

static MODULE: OnceLock<Module> = OnceLock::new();
static INTERRUPTED: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_a_signal(_: i32) {
    let Some(module) = MODULE.get() else { return };
    INTERRUPTED.fetch_add(1, SeqCst);
    let mut room = [0_u64; 64];
    if !module.group_is_there("dba", &mut room) {
        WRONG.fetch_add(1, SeqCst);
    }
}

/// Lookups that are interrupted by lookups.
fn signals(module: Module) {
    let module = *MODULE.get_or_init(|| module);
    println!("begun");
    interrupt(in_a_signal);
    let mut room = [0_u64; 64];
    while !Path::new(ENOUGH).exists() || INTERRUPTED.load(SeqCst) < 100 {
        for _ in 0..1000 {
            assert!(module.group_is_there("dba", &mut room));
        }
    }
    println!("wrong {}", WRONG.load(SeqCst));
}
