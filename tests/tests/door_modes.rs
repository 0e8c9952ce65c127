//! When the rule does not apply, or not yet: permissive, not production, exempt, break-glass; and when nobody can be asked.

use std::time::Duration;

use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::host::console::Console;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn permissive_lets_in_and_says_what_it_would_have_done() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Permissive, CONFIG, &Ldif::new())?;
    let output = door.ssh("alice", "sudo -n id -u")?;
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "0\n", ""));
    for service in ["sshd", "sudo"] {
        let event =
            door.decided("what would have been denied", |e| e["service"] == service && e["name"] == "alice")?;
        assert_eq!(
            (event["verdict"].as_str(), event["mode"].as_str()),
            (Some("would-deny"), Some("permissive")),
            "{event}"
        );
        assert!(event.to_string().contains("no grant"), "{event}");
    }
    // The file makes the difference, at once and both ways.
    door.enforce()?;
    assert!(!door.ssh("alice", "true")?.ok());
    door.jitctl(["mode", "permissive"]).run()?.must()?;
    assert!(door.ssh("alice", "true")?.ok());
    Ok(())
}

#[test]
fn what_is_not_production_guards_nothing() -> Result<()> {
    let config = CONFIG.replace("[host]", "[host]\nproduction = false");
    let door = Door::up(&["alice"], Mode::Permissive, &config, &Ldif::new())?;
    let refused = door.jitctl(["mode", "enforcing", "--force"]).run()?;
    assert_eq!(refused.status, 3, "{refused}");
    door.host().write("/etc/jitd/enforcing", 0o644, "")?;
    let output = door.ssh("alice", "sudo -n id -u")?;
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "0\n", ""));
    let why = door.jitctl(["why", "alice"]).run()?;
    assert_eq!(why.status, 3, "{why}");
    Ok(())
}

#[test]
fn exemptions_are_as_narrow_as_they_are_written() -> Result<()> {
    let config = format!(
        "{CONFIG}\n[[exempt]]\nuser = \"ansible\"\nservices = [\"sshd\"]\nfrom = [\"127.0.0.0/8\"]\n\
         [[exempt]]\ngroup = \"backup\"\nservices = [\"sudo\"]\n\
         [[exempt]]\nuser = \"distant\"\nfrom = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n"
    );
    let door = Door::up(&["ansible", "keeper", "distant", "alice"], Mode::Enforcing, &config, &Ldif::new())?;
    door.host().sh("sed -i '/^backup:/s/$/keeper/' /etc/group").run()?.must()?;
    assert!(door.ssh("ansible", "true")?.ok());
    let event = door.decided("the exemption", |e| e["name"] == "ansible" && e["service"] == "sshd")?;
    assert_eq!(event["verdict"], "exempt", "{event}");
    assert!(!door.ssh("ansible", "sudo -n true")?.ok(), "sshd only");
    assert!(!door.ssh("keeper", "true")?.ok(), "sudo only");
    assert!(door.host().exec_as("keeper", ["sudo", "-n", "true"]).run()?.ok());
    assert!(!door.ssh("distant", "true")?.ok(), "from elsewhere only");
    assert!(
        !door.host().exec_as("distant", ["sudo", "-n", "true"]).run()?.ok(),
        "a local call comes from no network"
    );
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

#[test]
fn break_glass_passes_and_raises_an_alert() -> Result<()> {
    let config = format!("{CONFIG}\n[break_glass]\nusers = [\"oncall\"]\ngroups = [\"jit-breakglass\"]\n");
    let door = Door::up(&["oncall", "member", "alice"], Mode::Enforcing, &config, &Ldif::new())?;
    door.host().append("/etc/group", "jit-breakglass:x:4100:member\n")?;
    for who in ["oncall", "member"] {
        let output = door.ssh(who, "sudo -n id -u")?;
        assert_eq!((output.status, output.stdout.as_str()), (0, "0\n"), "{who}: {output}");
        let event = door.decided("the glass", |e| e["name"] == who && e["service"] == "sshd")?;
        assert_eq!(event["verdict"], "break-glass", "{event}");
        alerted(&door, who)?;
    }
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

/// Waits for a line in syslog that is urgent (alert: severity 1) and tells of broken glass.
fn alerted(door: &Door, who: &str) -> Result<()> {
    until(SOON, &format!("syslog is alerted that {who} broke the glass"), || {
        door.host().syslog().iter().any(|line| {
            let priority = line
                .strip_prefix('<')
                .and_then(|rest| rest.split_once('>'))
                .and_then(|(n, _)| n.parse::<u32>().ok());
            priority.is_some_and(|n| n % 8 == 1) && line.contains("break-glass") && line.contains(who)
        })
    })
}

/// Sits down at a terminal, logs in and says what is there.
fn sits_down(console: &mut Console, who: &str) -> Result<()> {
    console.shows("login: ")?;
    console.types(who)?;
    console.shows("Password: ")?;
    console.types("pw")
}

#[test]
fn the_console_is_roots_way_in() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &Ldif::new())?;
    door.host().exec(["chpasswd"]).stdin("alice:pw\nroot:pw\n").run()?.must()?;
    // Failed logins would otherwise wait three seconds each.
    door.host().sh("sed -i '/pam_faildelay/d' /etc/pam.d/login").run()?.must()?;

    assert!(!door.ssh("root", "true")?.ok(), "root has no grant, and ssh is no console");

    let mut elsewhere = Console::on_a_pseudo_terminal(door.host())?;
    sits_down(&mut elsewhere, "root")?;
    elsewhere.shows("root holds no grant")?;

    let mut console = Console::open(door.host(), "tty1")?;
    sits_down(&mut console, "alice")?;
    console.shows("no grant")?;
    drop(console);
    let mut console = Console::open(door.host(), "tty1")?;
    sits_down(&mut console, "root")?;
    // What is typed before the shell is there is lost.
    console.shows("# ")?;
    console.types("echo uid=$((0+$(id -u))) on $(tty)")?;
    console.shows("uid=0 on /dev/tty1")?;
    let on_the_console =
        |e: &Value| e["name"] == "root" && e["service"] == "login" && e["verdict"] == "break-glass";
    let event = door.decided("the glass", on_the_console)?;
    assert!(event["tty"].as_str().is_some_and(|tty| tty.ends_with("tty1")), "{event}");
    alerted(&door, "root")?;

    // The same with nobody to ask.
    door.kill_jitd()?;
    let mut console = Console::open(door.host(), "ttyS0")?;
    sits_down(&mut console, "root")?;
    // What is typed before the shell is there is lost.
    console.shows("# ")?;
    console.types("echo uid=$((0+$(id -u))) on $(tty)")?;
    console.shows("uid=0 on /dev/ttyS0")
}

#[test]
fn the_console_can_be_closed() -> Result<()> {
    let config = format!("{CONFIG}\n[break_glass]\nconsole = false\n");
    let door = Door::up(&[], Mode::Enforcing, &config, &Ldif::new())?;
    door.host().exec(["chpasswd"]).stdin("root:pw\n").run()?.must()?;
    let mut console = Console::open(door.host(), "tty1")?;
    sits_down(&mut console, "root")?;
    console.shows("root holds no grant")
}

/// Runs `backup`'s cron and at jobs and sees them done.
fn jobs_run(door: &Door, when: &str) -> Result<()> {
    let host = door.host();
    host.sh("rm -f /tmp/cron-ran /tmp/at-ran /run/crond.reboot").run()?.must()?;
    let cron = host.start("cron", ["cron", "-f"])?;
    let atd = host.start("atd", ["atd", "-f"])?;
    host.exec_as("app", ["at", "now"]).stdin("touch /tmp/at-ran\n").run()?.must()?;
    until(SOON, &format!("cron runs the job, {when}"), || host.path("/tmp/cron-ran").exists())?;
    until(SOON, &format!("atd runs the job, {when}"), || host.path("/tmp/at-ran").exists())?;
    cron.kill()?;
    atd.kill()
}

#[test]
fn background_jobs_of_applications_are_untouched() -> Result<()> {
    let door = Door::up(&["app"], Mode::Enforcing, CONFIG, &Ldif::new())?;
    // @reboot: what cron runs when it starts, so that nobody waits for the next minute.
    door.host().sh("echo '@reboot touch /tmp/cron-ran' | crontab -u app -").run()?.must()?;
    jobs_run(&door, "daemon alive")?;
    door.kill_jitd()?;
    jobs_run(&door, "daemon dead")
}

/// Somebody who holds or held a grant cannot leave a job behind that outlives it.
#[test]
fn a_crontab_does_not_outlive_its_grant() -> Result<()> {
    let grant = Grant::live("one", "alice");
    let entries = Ldif::new().person("alice").grant(&grant);
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &entries)?;
    let host = door.host();
    host.sh("echo '@reboot touch /tmp/cron-ran' | crontab -u alice -").run()?.must()?;
    let cron = host.start("cron", ["cron", "-f"])?;
    until(SOON, "cron runs the job", || host.path("/tmp/cron-ran").exists())?;
    cron.kill()?;
    door.grants(&entries.revocation(&grant))?;
    host.sh("rm -f /tmp/cron-ran /run/crond.reboot").run()?.must()?;
    let _cron = host.start("cron", ["cron", "-f"])?;
    door.decided("cron's question", |e| {
        e["service"] == "cron" && e["name"] == "alice" && e["verdict"] == "deny"
    })?;
    assert!(!host.path("/tmp/cron-ran").exists());
    Ok(())
}

#[test]
fn without_its_daemon_the_module_does_as_the_file_says() -> Result<()> {
    let entries = Ldif::new().person("alice").grant(&Grant::live("one", "alice"));
    let config = format!(
        "{CONFIG}\n[break_glass]\nusers = [\"oncall\"]\n[[exempt]]\nuser = \"ansible\"\nservices = [\"sshd\"]\n"
    );
    let people = ["alice", "oncall", "ansible"];
    let door = Door::up(&people, Mode::Permissive, &config, &entries)?;
    door.enforce()?;
    assert!(door.ssh("alice", "sudo -n true")?.ok());
    door.kill_jitd()?;

    let refused = door.ssh("alice", "true")?;
    assert!(
        !refused.ok() && refused.stdout.is_empty(),
        "a live grant that nobody can confirm is none: {refused}"
    );
    assert!(!door.host().exec_as("alice", ["sudo", "-n", "true"]).run()?.ok());
    assert!(door.ssh("oncall", "sudo -n true")?.ok(), "break-glass needs no daemon");
    assert!(door.ssh("ansible", "true")?.ok(), "nor does an exemption that needs none");
    assert!(!door.ssh("ansible", "sudo -n true")?.ok());

    // Whatever is wrong with the file, it is enforcing; only its absence is permissive.
    for (what, script) in [
        ("empty", ": >/etc/jitd/enforcing"),
        ("garbage", "head -c 3000 /dev/urandom >/etc/jitd/enforcing"),
        ("a folder", "rm /etc/jitd/enforcing; mkdir /etc/jitd/enforcing"),
        ("a loop", "rmdir /etc/jitd/enforcing; ln -s enforcing /etc/jitd/enforcing"),
        ("a folder in its way", "rm /etc/jitd/enforcing; mv /etc/jitd /etc/jitd.away; : >/etc/jitd"),
    ] {
        door.host().sh(script).run()?.must()?;
        let refused = door.ssh("alice", "true")?;
        assert!(!refused.ok() && refused.stdout.is_empty(), "{what}: {refused}");
    }
    door.host().sh("rm /etc/jitd; mkdir -m 755 /etc/jitd").run()?.must()?;
    let before = door.host().syslog().len();
    assert!(door.ssh("alice", "sudo -n true")?.ok(), "permissive");
    until(SOON, "the module says in syslog that it asked nobody", || {
        let lines = door.host().syslog();
        lines.iter().skip(before).any(|line| line.contains("pam_jit"))
    })?;
    // And with the daemon back, all is as before.
    door.host()
        .sh("rmdir /etc/jitd; mv /etc/jitd.away /etc/jitd; rm -f /etc/jitd/enforcing; : >/etc/jitd/enforcing")
        .run()?
        .must()?;
    door.start_jitd()?;
    until(SOON, &format!("alice gets into {NAME}"), || {
        door.ssh("alice", "true").is_ok_and(|output| output.ok())
    })
}
