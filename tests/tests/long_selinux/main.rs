//! jit on a machine that boots with SELinux enforcing, and on one with AppArmor: the door does what it does elsewhere, jitd is confined,
//! nothing that concerns it is denied; and without our rules it is, so that the silence says something. What the tests print stands in
//! docs/selinux.md.

mod apparmor;
mod door;
mod selinux;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jit_tests::built;
use jit_tests::door::CONFIG;
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::root::{MACHINE, workspace};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::vm::{Machine, Overlay};

/// Only ends a hopeless wait.
const LIMIT: Duration = Duration::from_secs(600);

/// bob's grant, as door.sh knows it.
const BOBS: &str = "b0b00000000000000000000000000001";

/// Beside the LDIF file: a directory on the same host, who may be asked whom a key belongs to, and an end without delay.
const MORE: &str = r#"
[source.ldap]
uris = ["ldap://127.0.0.1"]
base = "dc=example,dc=com"
bind = { method = "anonymous" }
writers = ["cn=admin,dc=example,dc=com"]

[groups]
allow = ["jit-dba"]

[keys]
user = "jit-keys"

[session]
warn = []
grace = "1s"
"#;

/// The people, and the role that confers `jit-dba`, with the grants of these. dave has a key there, if the schema knows it.
fn entries(granted: &[(&str, &str)], daves: &[(&str, &str)]) -> String {
    let people = ["alice", "bob", "carol", "dave"];
    let members = people.map(person);
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut dave = vec![("objectClass", "inetOrgPerson"), ("uid", "dave"), ("cn", "dave"), ("sn", "dave")];
    dave.extend(daves);
    let everybody = group("everybody");
    let role = [("jitHost", "*"), ("jitEligible", everybody.as_str()), ("jitLocalGroup", "jit-dba")];
    let ldif = people.iter().take(3).fold(Ldif::new(), |ldif, login| ldif.person(login));
    let ldif = ldif.entry(&person("dave"), &dave).group("everybody", &members).role("dba", &role);
    let grants = granted.iter().map(|(id, login)| Grant::live(id, login).under("dba"));
    format!("{}{}", Ldif::containers(), grants.fold(ldif, |ldif, grant| ldif.grant(&grant)))
}

/// Runs a program here; what it prints.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|e| Trouble::new(format!("{command:?}: {e}")))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(Trouble::new(format!("{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr))))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| Trouble::io(path, e))
}

/// A host with everything of ours on it, as `make stage` puts it there.
fn installed() -> Result<Overlay> {
    for built in [built::pam_jit, built::nss_jit, built::jitd, built::jitctl] {
        built()?;
    }
    let over = Overlay::new()?;
    let to = format!("DESTDIR={}", over.path().display());
    run(Command::new("make").args(["-s", "stage", "DISTRIBUTION=debian", &to]).current_dir(workspace()))?;
    over.write("/etc/jitd/jitd.toml", format!("{CONFIG}{MORE}"))?;
    let file = [(BOBS, "bob"), ("da7e0000000000000000000000000001", "dave")];
    over.write("/etc/jitd/grants.ldif", entries(&file, &[("sshPublicKey", "@KEY@")]))?;
    over.write("/root/directory.ldif", entries(&[("ca401000000000000000000000000001", "carol")], &[]))?;
    over.write("/root/slapd.ldif", include_str!("slapd.ldif"))?;
    Ok(over)
}

/// The machine, prepared by prepare.sh and this script, and the questions: those at the door and these.
fn machine(over: &Overlay, prepare: &str) -> Result<Machine> {
    Machine::of(MACHINE, over, &format!("{}{prepare}", include_str!("prepare.sh")))
}

fn questions(more: &str) -> String {
    format!("BOBS={BOBS}\n{}{more}", door::QUESTIONS)
}

/// The lines that concern us: of jitd, of what is its, of a module of ours.
fn ours(denials: &str) -> Vec<&str> {
    denials.lines().filter(|line| line.contains("jit")).collect()
}
