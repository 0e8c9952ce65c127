//! `make demo`: one throw-away host with real sshd and sudo, and a grant from its beginning to its end. Each step says what
//! it shows, shows the real output, and is checked; the exit status is 0 only when every step showed what it should.

mod groups;
mod openldap;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use jit_tests::door::{CONFIG, Door, NAME};
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Ldif, person};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

const SSH_ID: &str = "ssh alice@web1.prod.example.com id";

fn main() -> ExitCode {
    let shown = match std::env::var("DIRECTORY").as_deref() {
        Err(_) | Ok("ldif") => with_ldif(),
        Ok("slapd") => openldap::with_slapd(),
        Ok(other) => Err(Trouble::new(format!("DIRECTORY={other}: say ldif or slapd"))),
    };
    match shown {
        Ok(Steps { wrong: 0, .. }) => {
            println!("\nAll of it as it should be. The host is gone; nothing outside target/ was changed.");
            ExitCode::SUCCESS
        }
        Ok(Steps { wrong, .. }) => {
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
        for line in output.stderr.lines().chain(output.stdout.trim_end().lines()) {
            println!("   | {line}");
        }
        if right {
            println!("   exit {}: as it should be", output.status);
        } else {
            self.wrong += 1;
            println!("   exit {}: THIS IS NOT WHAT IT SHOULD SHOW", output.status);
        }
    }

    /// alice is refused by ssh, and told `why`.
    fn refused(&mut self, door: &Door, what: &str, why: &str) -> Result<()> {
        let out = door.ssh("alice", "id")?;
        self.show(what, SSH_ID, &out, !out.ok() && out.stdout.is_empty() && out.stderr.contains(why));
        Ok(())
    }

    /// alice gets in by ssh and becomes root by sudo, and `why` knows the reason.
    fn welcome(&mut self, door: &Door, reason: &str) -> Result<()> {
        let out = door.ssh("alice", "id")?;
        let right = out.ok() && out.stderr.is_empty() && out.stdout.contains("(alice)");
        self.show("ssh lets her in, and adds not a word", SSH_ID, &out, right);

        let out = door.ssh("alice", "sudo id")?;
        let right = out.ok() && out.stderr.is_empty() && out.stdout.contains("uid=0(root)");
        self.show("sudo works too", &format!("ssh alice@{NAME} sudo id"), &out, right);

        let out = door.jitctl(["why", "alice"]).run()?;
        self.show("why she may", "jitctl why alice", &out, out.ok() && out.stdout.contains(reason));
        Ok(())
    }

    /// Every line of the audit, which must tell of the grant, its end and all of `words`.
    fn audit(&mut self, door: &Door, words: &[&str]) -> Result<()> {
        let decided = |verdict: &'static str| {
            door.audited(verdict, move |e| {
                e["service"] == "sshd" && e["name"] == "alice" && e["verdict"] == verdict
            })
        };
        decided("allow")?;
        let last = decided("deny")?;
        let out = door.host().exec(["cat", "/var/log/jitd/audit.jsonl"]).run()?;
        let told = words.iter().chain(&["\"sudo\"", "\"revocation\""]).all(|word| out.stdout.contains(word));
        self.show(
            "the audit of it all",
            "cat /var/log/jitd/audit.jsonl",
            &out,
            told && last["code"] == "revoked",
        );
        Ok(())
    }
}

/// The LDIF file as the directory, and jitctl as root.
fn with_ldif() -> Result<Steps> {
    println!(
        "raising {NAME}: real sshd and sudo, pam_jit.so in their PAM files, jitd enforcing on one LDIF file"
    );
    let config = format!("{CONFIG}{}{}", session::QUICK, groups::ALLOWED);
    let door = Door::without_daemon(&["alice"], &config)?;
    let dba = [("jitHost", NAME), ("jitEligible", &person("alice")), ("jitLocalGroup", groups::GROUP)];
    door.start_jitd()?;
    door.grants(&Ldif::new().person("alice").role("dba", &dba))?;
    door.enforce()?;
    let mut steps = Steps::default();

    steps.refused(
        &door,
        "alice has no grant: ssh refuses her and says what to do",
        "jitctl grant add alice --for 2h --reason",
    )?;

    let out = door.jitctl(["grant", "add", "alice", "--for", "2h", "--reason", "disk full on web1"]).run()?;
    let typed = "jitctl grant add alice --for 2h --reason 'disk full on web1'";
    steps.show("root grants her two hours", typed, &out, out.ok());

    steps.welcome(&door, "disk full on web1")?;

    let id = granted(&door)?;
    let out = door.jitctl(["grant", "revoke", &id, "--reason", "disk is fine again"]).run()?;
    let typed = format!("jitctl grant revoke {id} --reason 'disk is fine again'");
    steps.show("root takes it back", &typed, &out, out.ok());

    steps.refused(&door, "the next ssh is refused", "revoked")?;

    groups::come_and_go(&mut steps, &door, |steps| {
        let lasting = format!("{}s", groups::SECONDS);
        let what = ["grant", "add", "alice", "--role", "dba", "--for", &lasting, "--reason", "slow queries"];
        let out = door.jitctl(what).run()?;
        let typed = format!("jitctl grant add alice --role dba --for {lasting} --reason 'slow queries'");
        let what = "root grants her a role, which names the group jit-dba (jitLocalGroup)";
        steps.show(what, &typed, &out, out.ok());
        Ok(())
    })?;

    session::shell_until_the_end(&mut steps, &door, |steps| {
        let lasting = format!("{}s", session::SECONDS);
        let out =
            door.jitctl(["grant", "add", "alice", "--for", &lasting, "--reason", "one last look"]).run()?;
        let typed = format!("jitctl grant add alice --for {lasting} --reason 'one last look'");
        steps.show(&format!("root grants her {} seconds", session::SECONDS), &typed, &out, out.ok());
        Ok(())
    })?;
    steps.audit(&door, &[&id, "disk full on web1", "disk is fine again"])?;
    Ok(steps)
}

/// The id of alice's live grant, as a program asks for it.
fn granted(door: &Door) -> Result<String> {
    let text = door.jitctl(["grants", "--json"]).run()?.stdout;
    let all: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| Trouble::new(format!("jitctl grants --json: {e}: {text}")))?;
    let hers = |grant: &&serde_json::Value| {
        grant["logins"].as_array().is_some_and(|l| l.iter().any(|l| l == "alice"))
    };
    let found = all["grants"].as_array().and_then(|grants| grants.iter().find(hers));
    let id = found.and_then(|grant| grant["id"].as_str()).map(str::to_owned);
    id.ok_or_else(|| Trouble::new(format!("jitctl grants --json names no grant of alice: {text}")))
}

/// Waits until jitd shows the grant whose id begins so in this state.
fn known(door: &Door, id: &str, state: &str) -> Result<()> {
    let is_it = |grant: &serde_json::Value| {
        grant["id"].as_str().is_some_and(|full| full.starts_with(id)) && grant["state"] == state
    };
    until(Duration::from_secs(30), &format!("jitd knows of {id} as {state}"), || {
        let listed = door.jitctl(["grants", "--all", "--json"]).run();
        let text = listed.map(|output| output.stdout).unwrap_or_default();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        all["grants"].as_array().is_some_and(|grants| grants.iter().any(is_it))
    })
}
