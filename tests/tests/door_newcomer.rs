//! The path of README.md from an empty directory to the first login that somebody approved: every command as it is written there, one
//! after the other, in one throw-away host.
//!
//! What surrounds them, and is not part of the path:
//! - the host: Debian with systemd, sshd and sudo, and a slapd as its package sets it up when it is told the domain `example.com` and the
//!   password `secret`; nothing is added to it;
//! - local accounts of alice and bob, and root's key, which opens alice's by ssh;
//! - the source tree, in which `cargo` has built already: a stand-in for it says so;
//! - whoever sits at the terminal, types passwords, and says yes;
//! - `$ID`, which a person copies from what `jitctl request` printed.

use std::fs;
use std::process::Command;
use std::time::Duration;

use jit_tests::built;
use jit_tests::host::Host;
use jit_tests::root::{NEWCOMER, workspace};
use jit_tests::seat::Seat;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use serde_json::Value;

/// The line that begins the block in README.md.
const MARKER: &str = "```sh newcomer\n";

/// What is typed at which prompt.
const ANSWERS: [(&str, &str); 2] = [("Password", "secret"), ("[y/N]", "y")];

/// Fewer than this many commands.
const FEW: usize = 15;

/// How a host is set up before the first command.
const EMPTY_SLAPD: &str = "set -e
    systemctl stop slapd
    printf 'slapd slapd/%s\\n' 'domain string example.com' 'password1 password secret' 'password2 password secret' \
        'internal/adminpw password' 'internal/generated_adminpw password' 'purge_database boolean true' \
        'move_old_database boolean false' 'no_configuration boolean false' | debconf-set-selections
    rm -rf /etc/ldap/slapd.d /var/lib/ldap/*
    DEBIAN_FRONTEND=noninteractive dpkg-reconfigure slapd
    systemctl restart slapd";

/// What stands in for cargo.
const CARGO: &str = "#!/bin/sh\nmkdir -p target/pages\necho \"cargo $*: built already\"\n";

/// alice comes with root's key, as everywhere in these tests.
const KEYS: &str = "set -e
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    install -d -o alice -g alice -m 700 /home/alice/.ssh
    install -o alice -g alice -m 600 /root/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys
    echo \"web1.prod.example.com $(cat /etc/ssh/ssh_host_ed25519_key.pub)\" >/root/.ssh/known_hosts";

/// The commands of the block. One goes on to the end of its here-document.
fn commands(readme: &str) -> Result<Vec<String>> {
    let none = || Trouble::new(format!("README.md has no block that begins with {MARKER:?}"));
    let block = readme.split_once(MARKER).and_then(|(_, rest)| rest.split_once("\n```")).ok_or_else(none)?.0;
    let mut commands: Vec<String> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut command = line.to_owned();
        if let Some((_, after)) = line.split_once("<<'") {
            let end = after.split_once('\'').map_or(after, |(end, _)| end);
            for line in lines.by_ref() {
                command.push('\n');
                command.push_str(line);
                if line == end {
                    break;
                }
            }
        }
        commands.push(command);
    }
    Ok(commands)
}

/// A host as it is before the first command.
fn host() -> Result<Host> {
    let host = Host::named("web1.prod.example.com").booted().of(NEWCOMER).up()?;
    host.sh(EMPTY_SLAPD).run()?.must()?;
    host.user("alice", 5001)?;
    host.user("bob", 5002)?;
    host.sh(KEYS).run()?.must()?;
    let tree = "/root/jit";
    host.write(&format!("{tree}/README.md"), 0o644, "")?;
    let copied = Command::new("cp")
        .args(["-r", "--"])
        .arg(workspace().join("packaging"))
        .arg(host.path(tree))
        .status()
        .map_err(|e| Trouble::new(format!("cp: {e}")))?;
    assert!(copied.success(), "packaging was not copied");
    host.install(&workspace().join("Makefile"), &format!("{tree}/Makefile"), 0o644)?;
    for (built, place) in [
        (built::pam_jit()?, "release/libpam_jit.so"),
        (built::nss_jit()?, "guest/libnss_jit.so"),
        (built::jitd()?, "release/jitd"),
        (built::jitctl()?, "release/jitctl"),
    ] {
        host.install(&built, &format!("{tree}/target/{place}"), 0o755)?;
    }
    host.write("/usr/local/bin/cargo", 0o755, CARGO)?;
    // With a directory, too, jitd calls nothing that its unit's filter refuses: it would be killed, and the end of the test would see it.
    let strict = "[Service]\nSystemCallErrorNumber=kill\n";
    host.write("/etc/systemd/system/jitd.service.d/strict.conf", 0o644, strict)?;
    // Who compiles has a compiler; `make install` asks it where libraries lie.
    let triplet = format!("#!/bin/sh\necho {}-linux-gnu\n", std::env::consts::ARCH);
    host.write("/usr/local/bin/gcc", 0o755, triplet)?;
    Ok(host)
}

#[test]
fn from_an_empty_directory_to_the_first_approved_login() -> Result<()> {
    let path = workspace().join("README.md");
    let readme = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
    let commands = commands(&readme)?;
    assert!(commands.len() < FEW, "{} commands:\n{}", commands.len(), commands.join("\n"));

    let host = host()?;
    let mut id = String::new();
    let mut logins = Vec::new();
    for command in &commands {
        let set = format!("ID={id}");
        let mut seat = Seat::at(&host, &["env", "-C", "/root/jit", &set, "bash", "-c", command])?;
        let status = seat.ends(Duration::from_secs(60), &ANSWERS)?;
        let screen = seat.screen();
        println!("$ {command}\n{screen}");
        if command.starts_with("ssh ") {
            logins.push((status, screen));
            continue;
        }
        assert_eq!(status, 0, "`{command}` failed:\n{screen}");
        if command.contains("jitctl request ") {
            id = approvable(&screen)?;
            // A person takes longer to read that than a host to hear of it.
            let hears =
                || host.sh(&format!("jitctl grants | grep {id}")).run().is_ok_and(|output| output.ok());
            until(Duration::from_secs(30), "the host hears of the request", hears)?;
        }
        if command.contains("jitctl approve ") {
            let live = || host.exec(["jitctl", "why", "alice"]).run().is_ok_and(|output| output.ok());
            until(Duration::from_secs(30), "the host hears of the approval", live)?;
        }
    }

    // Refused first, and told the very line that is typed next; then in.
    let asked =
        commands.iter().find_map(|command| command.strip_prefix("sudo -u alice ")).unwrap_or_default();
    let line = asked.split(" --reason").next().unwrap_or_default();
    let [(refused, banner), (entered, inside)] = logins.as_slice() else {
        return Err(Trouble::new("the path has two logins"));
    };
    assert!(*refused != 0 && banner.contains(&format!("ask: {line}")), "{refused}: {banner}");
    assert!(*entered == 0 && inside.contains("(alice)"), "{entered}: {inside}");

    let restarts = host.sh("systemctl show --value --property=NRestarts jitd").run()?.must()?;
    assert_eq!(restarts, "0\n", "jitd was killed");

    // Whose word it was stands in the audit.
    let approved = || -> Option<Value> {
        let audit = host.read("/var/log/jitd/audit.jsonl").ok()?;
        let events = audit.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.into_iter().find(|event| {
            event["event"] == "decision" && event["verdict"] == "allow" && event["name"] == "alice"
        })
    };
    until(Duration::from_secs(10), "the audit shows alice's login", || approved().is_some())?;
    let event = approved().unwrap_or_default();
    assert_eq!(event["grants"][0]["approvers"][0]["dn"], "uid=bob,ou=people,dc=example,dc=com", "{event}");
    Ok(())
}

/// The id in the line that `jitctl request` prints for approvers.
fn approvable(screen: &str) -> Result<String> {
    let id = screen.split("jitctl approve ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.map(str::to_owned)
        .ok_or_else(|| Trouble::new(format!("`jitctl request` named nothing to approve:\n{screen}")))
}

#[test]
fn commands_are_taken_as_they_are_written() -> Result<()> {
    let text =
        "x\n```sh newcomer\n# why\none  # two\n\ncat <<'.'\n# kept\n\n.\nthree $ID\n```\n```sh\nfour\n```\n";
    assert_eq!(commands(text)?, ["one  # two", "cat <<'.'\n# kept\n\n.", "three $ID"]);
    assert!(commands("```sh\nfour\n```\n").is_err());
    Ok(())
}
