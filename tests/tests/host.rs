//! The hosts themselves: up, apart, and gone without a trace, also when the test that raised them panics or is killed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use jit_tests::host::Host;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

const SOON: Duration = Duration::from_secs(30);

/// Processes of this machine whose command line holds `word`.
fn running(word: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc");
    let lines = entries.flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(word)).count()
}

/// Mounts of this machine whose line holds `word`.
fn mounted(word: &str) -> usize {
    fs::read_to_string("/proc/self/mounts")
        .expect("mounts")
        .lines()
        .filter(|line| line.contains(word))
        .count()
}

#[test]
fn runs_programs_and_tells_how_they_ended() -> Result<()> {
    let host = Host::named("web1.prod.example.com").up()?;
    let output = host.sh("echo out; echo err >&2; hostname; exit 7").run()?;
    assert_eq!(
        (output.status, output.stdout.as_str(), output.stderr.as_str()),
        (7, "out\nweb1.prod.example.com\n", "err\n")
    );
    assert_eq!(host.sh("kill -9 $$").run()?.status, 137);
    assert_eq!(host.exec(["cat"]).stdin("typed").run()?.stdout, "typed");
    let late = host.exec(["sleep", "1000"]).deadline(Duration::from_millis(200)).run();
    assert!(late.is_err_and(|e| e.to_string().contains("was not done")));
    host.user("alice", 5001)?;
    assert_eq!(host.exec_as("alice", ["id", "-un"]).run()?.stdout, "alice\n");
    host.write("/etc/one/two", 0o640, "content")?;
    assert_eq!(host.sh("stat -c '%a %U' /etc/one/two; cat /etc/one/two").run()?.stdout, "640 root\ncontent");
    host.exec(["logger", "--socket-errors=on", "hello"]).run()?.must()?;
    until(SOON, "syslog hears it", || host.syslog().iter().any(|line| line.contains("hello")))
}

#[test]
fn two_hosts_share_nothing_until_joined() -> Result<()> {
    let one = Host::named("one.example.com").up()?;
    let two = Host::named("two.example.com").up()?;
    one.write("/etc/mark", 0o644, "one")?;
    assert!(two.read("/etc/mark").is_err());
    one.join(&two, "eth0", "10.9.0.1/24", "10.9.0.2/24")?;
    let sshd = two.start("sshd", ["/usr/sbin/sshd", "-D"])?;
    let scan = || {
        one.exec(["ssh-keyscan", "-T", "1", "10.9.0.2"]).run().is_ok_and(|o| o.stdout.contains("ssh-ed25519"))
    };
    until(SOON, "sshd answers over the cable", scan)?;
    sshd.stop()?;
    let beside = Host::named("beside.example.com").in_network_of(&one).up()?;
    assert!(beside.exec(["ip", "address"]).run()?.stdout.contains("10.9.0.1/24"));
    Ok(())
}

#[test]
fn is_gone_when_dropped() -> Result<()> {
    let host = Host::named("dropped.example.com").up()?;
    let _daemon = host.start("sleep", ["sleep", "86401.25"])?;
    host.sh("setsid sleep 86402.25 >/dev/null 2>&1 </dev/null &").run()?.must()?;
    until(SOON, "both run", || running("86401.25") > 0 && running("86402.25") > 0)?;
    assert_eq!(mounted("jit-dropped"), 0, "a host's mounts are its own");
    drop(host);
    until(SOON, "nothing runs", || running("86401.25") + running("86402.25") == 0)?;
    let proc_left = fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
        fs::read_to_string(entry.path().join("mounts")).is_ok_and(|mounts| mounts.contains("jit-dropped"))
    });
    assert!(!proc_left, "some process still holds the mounts");
    Ok(())
}

#[test]
fn is_gone_after_a_panic() {
    let result = std::panic::catch_unwind(|| {
        let host = Host::named("panicked.example.com").up().expect("up");
        host.sh("setsid sleep 86403.25 >/dev/null 2>&1 </dev/null &").run().expect("runs");
        assert_eq!(running("sleep\u{0}86403.25"), 1);
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(result.is_err());
    until(SOON, "nothing runs", || running("sleep\u{0}86403.25") == 0).expect("gone");
}

/// Not a test of its own: what the next test starts as another process, to kill it.
const VICTIM: &str = "JIT_TEST_VICTIM";

#[test]
fn is_gone_when_the_test_is_killed() -> Result<()> {
    if std::env::var_os(VICTIM).is_some() {
        let host = Host::named("killed.example.com").up()?;
        host.exec(["sleep", "86404.25"]).deadline(Duration::from_secs(600)).run()?;
        return Ok(());
    }
    let myself = std::env::current_exe().expect("this program");
    let mut victim = std::process::Command::new(myself)
        .args(["--exact", "is_gone_when_the_test_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let ran = until(SOON, "its host runs", || running("sleep\u{0}86404.25") > 0);
    victim.kill().expect("kills");
    victim.wait().expect("ends");
    ran?;
    until(SOON, "nothing runs", || running("86404.25") == 0)
}

#[test]
fn console_is_a_real_login_on_tty1() -> Result<()> {
    let host = Host::named("console.example.com").up()?;
    host.exec(["chpasswd"]).stdin("root:secret\n").run()?.must()?;
    let mut console = jit_tests::host::console::Console::open(&host, "tty1")?;
    console.shows("login: ")?;
    console.types("root")?;
    console.shows("Password: ")?;
    console.types("secret")?;
    console.shows("# ")?;
    console.types("tty; echo uid $((0+$(id -u)))")?;
    console.shows("/dev/tty1")?;
    console.shows("uid 0")
}

/// Groups of this machine whose name begins so.
fn groups(prefix: &str) -> usize {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]
        .iter()
        .filter_map(|place| fs::read_dir(place).ok())
        .flat_map(Iterator::flatten)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .count()
}

#[test]
fn boots_systemd_and_leaves_nothing() -> Result<()> {
    let host = Host::named("booted.example.com").booted().up()?;
    assert!(host.is_booted());
    assert_eq!(
        host.sh("cat /proc/1/comm; hostname; ps -C systemd-logind -o comm=").run()?.must()?,
        "systemd\nbooted.example.com\nsystemd-logind\n"
    );
    assert_eq!(host.sh("getent hosts localhost | wc -l").run()?.must()?.trim(), "1");
    host.write("/etc/one/two", 0o640, "content")?;
    assert_eq!(host.read("/etc/one/two")?, "content");
    host.exec(["logger", "hello"]).run()?.must()?;
    until(SOON, "the journal has it", || host.syslog().iter().any(|line| line.contains("hello")))?;
    host.exec(["systemd-run", "--quiet", "sleep", "86405.25"]).run()?.must()?;
    until(SOON, "it runs", || running("sleep\u{0}86405.25") == 1)?;
    assert_ne!(groups("jit-booted.example.com-"), 0);
    assert_eq!(mounted("jit-booted"), 0, "a host's mounts are its own");
    drop(host);
    assert_eq!((running("86405.25"), groups("jit-booted.example.com-")), (0, 0));
    Ok(())
}

#[test]
fn a_booted_one_is_gone_when_the_test_is_killed() -> Result<()> {
    if std::env::var_os(VICTIM).is_some() {
        let host = Host::named("slain.example.com").booted().up()?;
        host.exec(["sleep", "86406.25"]).deadline(Duration::from_secs(600)).run()?;
        return Ok(());
    }
    let myself = std::env::current_exe().expect("this program");
    let mut victim = std::process::Command::new(myself)
        .args(["--exact", "a_booted_one_is_gone_when_the_test_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let ran = until(Duration::from_secs(90), "its host runs", || running("sleep\u{0}86406.25") > 0);
    victim.kill().expect("kills");
    victim.wait().expect("ends");
    ran?;
    until(SOON, "nothing is left", || running("86406.25") + groups("jit-slain.example.com-") == 0)
}

/// What is in place is not built again: a root that is built takes the place of the other one.
#[test]
fn roots_are_cached() -> Result<()> {
    let folder = || -> Result<u64> {
        let path = jit_tests::root::DOOR.ready()?;
        assert!(path.join("usr/sbin/sshd").exists());
        Ok(fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.ino())
    };
    assert_eq!(folder()?, folder()?);
    Ok(())
}
