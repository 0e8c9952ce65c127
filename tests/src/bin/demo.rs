//! `make demo`: one throw-away host with real sshd and sudo, and a grant from its beginning to its end. Each step says what
//! it shows, shows the real output, and is checked; the exit status is 0 only when every step showed what it should.

use std::process::ExitCode;

use jit_tests::door::{CONFIG, Door, NAME};
use jit_tests::host::exec::Output;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

fn main() -> ExitCode {
    let shown = match std::env::var("DIRECTORY").as_deref() {
        Err(_) | Ok("ldif") => with_ldif(),
        Ok(other) => Err(Trouble::new(format!("DIRECTORY={other}: say ldif or slapd"))),
    };
    match shown {
        Ok(0) => {
            println!("\nAll of it as it should be. The host is gone; nothing outside target/ was changed.");
            ExitCode::SUCCESS
        }
        Ok(wrong) => {
            eprintln!("\n{wrong} of the steps did not show what they should.");
            ExitCode::FAILURE
        }
        Err(trouble) => {
            eprintln!("demo: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The steps that were shown so far.
#[derive(Debug, Default)]
struct Steps {
    number: usize,
    wrong: usize,
}

impl Steps {
    /// Shows one step: what it proves, what was typed, what came back, and whether that is right.
    fn show(&mut self, what: &str, typed: &str, output: &Output, right: bool) {
        self.number += 1;
        println!("\n{}. {what}\n   $ {typed}", self.number);
        for line in output.stderr.lines().chain(output.stdout.lines()) {
            println!("   | {line}");
        }
        if right {
            println!("   exit {}: as it should be", output.status);
        } else {
            self.wrong += 1;
            println!("   exit {}: THIS IS NOT WHAT IT SHOULD SHOW", output.status);
        }
    }
}

/// The LDIF file as the directory, and jitctl as root.
fn with_ldif() -> Result<usize> {
    println!(
        "raising {NAME}: real sshd and sudo, pam_jit.so in their PAM files, jitd enforcing on one LDIF file"
    );
    let door = Door::without_daemon(&["alice"], CONFIG)?;
    door.start_jitd()?;
    door.enforce()?;
    let mut steps = Steps::default();

    let out = door.ssh("alice", "id")?;
    let told = out.stderr.contains("jitctl grant add alice");
    steps.show("alice has no grant: ssh refuses her and says what to do", SSH_ID, &out, !out.ok() && told);

    let out = door.jitctl(["grant", "add", "alice", "--for", "2h", "--reason", "disk full on web1"]).run()?;
    let typed = "jitctl grant add alice --for 2h --reason 'disk full on web1'";
    steps.show("root grants her two hours", typed, &out, out.ok());

    let out = door.ssh("alice", "id")?;
    let silent = out.stderr.is_empty();
    steps.show(
        "ssh lets her in, and adds not a word",
        SSH_ID,
        &out,
        out.ok() && silent && out.stdout.contains("(alice)"),
    );

    let out = door.ssh("alice", "sudo id")?;
    steps.show(
        "sudo works too",
        &format!("ssh alice@{NAME} sudo id"),
        &out,
        out.ok() && out.stdout.contains("uid=0(root)"),
    );

    let out = door.jitctl(["why", "alice"]).run()?;
    steps.show("why she may", "jitctl why alice", &out, out.ok() && out.stdout.contains("disk full on web1"));

    let id = granted(&door)?;
    let out = door.jitctl(["grant", "revoke", &id, "--reason", "disk is fine again"]).run()?;
    let typed = format!("jitctl grant revoke {id} --reason 'disk is fine again'");
    steps.show("root takes it back", &typed, &out, out.ok());
    refused_from_now_on(&door)?;

    let out = door.ssh("alice", "id")?;
    steps.show("the next ssh is refused", SSH_ID, &out, !out.ok() && out.stderr.contains("revoked"));

    let out = door.host().exec(["cat", "/var/log/jitd/audit.jsonl"]).run()?;
    let whole = ["sshd", "sudo", "deny", "allow", &id].iter().all(|word| out.stdout.contains(word));
    steps.show("the audit of it all", "cat /var/log/jitd/audit.jsonl", &out, whole);
    Ok(steps.wrong)
}

const SSH_ID: &str = "ssh alice@web1.prod.example.com id";

/// The id of alice's live grant, as a program asks for it.
fn granted(door: &Door) -> Result<String> {
    let text = door.jitctl(["grants", "--json"]).run()?.stdout;
    let all: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| Trouble::new(format!("jitctl grants --json: {e}: {text}")))?;
    let hers = |grant: &&serde_json::Value| {
        grant["logins"].as_array().is_some_and(|l| l.iter().any(|l| l == "alice"))
    };
    let found = all["grants"]
        .as_array()
        .and_then(|grants| grants.iter().find(hers))
        .and_then(|grant| grant["id"].as_str());
    found
        .map(str::to_owned)
        .ok_or_else(|| Trouble::new(format!("jitctl grants --json names no grant of alice: {text}")))
}

/// Waits until jitd has heard of the end; a person's next login would come no sooner.
fn refused_from_now_on(door: &Door) -> Result<()> {
    let denied = || door.jitctl(["why", "alice"]).run().is_ok_and(|output| output.status == 1);
    until(std::time::Duration::from_secs(30), "jitd has heard of the revocation", denied)
}
