//! Approvals that are signed, by the real ssh-keygen and a real ssh-agent, and verified by ssh-keygen.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use super::desk::{Desk, GRANTS, person, public};

/// What stands in jitSignature of the only approval.
fn signature(desk: &Desk) -> String {
    let found = desk.slapd.search(
        GRANTS,
        &["-t", "-T", &desk.path("").display().to_string(), "(objectClass=jitApproval)", "jitSignature"],
    );
    let found = found.expect("a search");
    if let Some(plain) = found.lines().find_map(|line| line.strip_prefix("jitSignature:< file://")) {
        return fs::read_to_string(plain).expect("a value");
    }
    panic!("no signature in {found}");
}

/// As anybody with OpenSSH would verify it.
fn verifies(desk: &Desk, value: &str, signer: &str, key: &Path) {
    let (statement, armour) = value.split_at(value.find("-----BEGIN").expect("armour"));
    assert_eq!(statement.lines().count(), 6, "{statement}");
    let sig = desk.write("verify.sig", armour).expect("a file");
    let signers = desk.write("signers", &format!("{signer} {}\n", public(key))).expect("a file");
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "jit-approval", "-I", signer, "-f"])
        .arg(&signers)
        .arg("-s")
        .arg(&sig)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("ssh-keygen");
    child.stdin.take().expect("stdin").write_all(statement.as_bytes()).expect("stdin");
    assert!(child.wait().expect("ssh-keygen").success(), "{value}");
}

#[test]
fn a_key_file_signs_and_openssh_verifies() -> Result<()> {
    let desk = Desk::up()?;
    let key = desk.key("bob_key", "")?;
    let id = desk.ask("alice", "signed", &[]);
    // Without a key nothing is written.
    desk.run("bob", &["approve", &id, "-y"])
        .must(1, &["there is no ssh-agent", "nothing was written", "--key FILE"]);
    desk.run("bob", &["approve", &id, "-y", "--key", "/nonexistent"])
        .must(1, &["there is no key /nonexistent"]);
    let other = desk.write("junk", "no key\n")?.display().to_string();
    desk.run("bob", &["approve", &id, "-y", "--key", &other])
        .must(1, &["ssh-keygen did not sign", "nothing was written"]);
    assert_eq!(desk.count("jitApproval"), 0);

    let path = key.display().to_string();
    let done = desk.run("bob", &["--json", "approve", &id, "-y", "--key", &path]).must(0, &[]).json();
    assert_eq!(done["grant"]["state"], "live");
    let value = signature(&desk);
    verifies(&desk, &value, "bob", &key);
    let lines: Vec<&str> = value.lines().collect();
    let digest = done["grant"]["digest"].as_str().expect("a digest");
    assert_eq!(lines[0], "jit-approval-1");
    assert_eq!(lines[2], format!("digest {digest}"));
    assert_eq!(lines[3], format!("approver {}", person("bob")));
    let uuid = desk.slapd.search(&format!("cn={id},{GRANTS}"), &["-s", "base", "entryUUID"])?;
    assert!(uuid.contains(&lines[1].replace("grant ", "entryUUID: ")), "{uuid} {value}");
    Ok(())
}

#[test]
fn the_configuration_names_a_key_and_a_list() -> Result<()> {
    let desk = Desk::up()?;
    let (key, other) = (desk.key("bob_key", "")?, desk.key("other_key", "")?);
    let signers = desk.write("allowed", &format!("bob namespaces=\"jit-approval\" {}\n", public(&key)))?;
    let sign = |key: &Path| {
        format!("[sign]\nkey = \"{}\"\nallowed_signers = \"{}\"\n", key.display(), signers.display())
    };
    desk.configure("bob", "", &sign(&other))?;
    // Also where no host asks for one, whoever has set a key signs.
    let id = desk.ask("alice", "ops", &[]);
    desk.run("bob", &["approve", &id, "-y"])
        .must(1, &["no host would count your signature", "in no line of the list"]);
    desk.configure("bob", "", &sign(&key.with_extension("pub")))?;
    desk.run("bob", &["approve", &id, "-y"]).must(0, &["live until", "signed by 256 SHA256:"]);
    verifies(&desk, &signature(&desk), "bob", &key);
    Ok(())
}

#[test]
fn a_passphrase_is_asked_for_at_the_terminal() -> Result<()> {
    let desk = Desk::up()?;
    let key = desk.key("bob_key", "let me in")?;
    let id = desk.ask("alice", "signed", &[]);
    let path = key.display().to_string();
    let wrong = [("approve? [y/N]", "y"), ("Enter passphrase:", "wrong")];
    let args = ["approve", id.as_str(), "--key", path.as_str()];
    desk.types("bob", &args, &wrong, || ())
        .must(1, &["ssh-keygen did not sign", "incorrect passphrase", "nothing was written"]);
    let right = [("approve? [y/N]", "y"), ("Enter passphrase:", "let me in")];
    let ran = desk.types("bob", &args, &right, || ()).must(0, &["signing with 256 SHA256:", "live until"]);
    assert!(!ran.err.contains("let me in"), "{ran:?}");
    verifies(&desk, &signature(&desk), "bob", &key);
    Ok(())
}

/// A real ssh-agent that is gone when dropped.
struct Agent {
    child: Child,
    socket: String,
}

impl Agent {
    fn with(desk: &Desk, keys: &[&Path]) -> Result<Agent> {
        let socket = desk.path("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
        let child = command.spawn().map_err(|e| Trouble::new(format!("ssh-agent: {e}")))?;
        let agent = Agent { child, socket: socket.display().to_string() };
        until(Duration::from_secs(10), "the agent listens", || socket.exists())?;
        for key in keys {
            let added =
                Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status();
            if !added.is_ok_and(|status| status.success()) {
                return Err(Trouble::new("ssh-add takes no key"));
            }
        }
        Ok(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_signs_with_the_key_that_the_list_knows() -> Result<()> {
    let desk = Desk::up()?;
    let (other, key) = (desk.key("other_key", "")?, desk.key("bob_key", "")?);
    let id = desk.ask("alice", "signed", &[]);
    let empty = Agent::with(&desk, &[])?;
    let run =
        |agent: &Agent| desk.run_with("bob", &["approve", &id, "-y"], &[("SSH_AUTH_SOCK", &agent.socket)]);
    run(&empty).must(1, &["the ssh-agent has no keys", "ssh-add"]);
    drop(empty);
    fs::remove_file(desk.path("agent")).ok();

    let agent = Agent::with(&desk, &[&other, &key])?;
    let known = public(&key);
    // The agent alone has the private half now.
    fs::remove_file(&key).expect("a key");
    let signers = desk.write("allowed", "bob ssh-ed25519 AAAA\n")?;
    let sign = format!("[sign]\nallowed_signers = \"{}\"\n", signers.display());
    desk.configure("bob", "", &sign)?;
    run(&agent).must(1, &["none of the ssh-agent's keys", "nothing was written"]);
    desk.write("allowed", &format!("bob {known}\n"))?;
    run(&agent).must(0, &["live until", "bob_key (ED25519)"]);
    verifies(&desk, &signature(&desk), "bob", &key);
    Ok(())
}
