//! `jitctl audit` on a real host: what replay proposes lets automation in and nobody else, report tells who was in by which grant, and verify
//! finds one changed line among rotated files.

use jit_tests::door::{CONFIG, Door, Mode, NAME, SOON};
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use serde_json::Value;

/// More than `likeness` takes for few.
const LOGINS: usize = 14;

fn audit(door: &Door, arguments: &[&str]) -> Result<(i32, Value)> {
    let output = door.jitctl([&["--json", "audit"], arguments].concat()).run()?;
    let answer = serde_json::from_str(&output.stdout).map_err(|e| Trouble::new(format!("{e}: {output}")))?;
    Ok((output.status, answer))
}

/// carol has a grant that bob approved.
fn entries() -> Ldif {
    let (approvers, carol) = (group("leads"), person("carol"));
    let role = [
        ("jitHost", "*"),
        ("jitEligible", carol.as_str()),
        ("jitApprovalsRequired", "1"),
        ("jitApproverGroup", approvers.as_str()),
    ];
    let grant = Grant::live("g1", "carol").under("dba");
    Ldif::new()
        .person("carol")
        .person("bob")
        .group("leads", &[&person("bob")])
        .role("dba", &role)
        .grant(&grant)
        .filed_approval(&grant, "bob")
}

#[test]
fn replayed_enforced_reported_and_verified() -> Result<()> {
    let config = format!("{CONFIG}\n[break_glass]\nusers = [\"oncall\"]\n");
    let door = Door::up(&["alice", "ansible", "carol", "oncall"], Mode::Permissive, &config, &entries())?;
    let host = door.host();

    // Permissive: a person, at a terminal; and a program, again and again.
    door.ssh("alice", "true")?.must()?;
    host.exec(["ssh", "-tt", &format!("alice@{NAME}"), "sudo -n true"]).run()?.must()?;
    for _ in 0..LOGINS {
        door.ssh("ansible", "sudo -n true")?.must()?;
    }
    until(SOON, "the last session is over", || {
        let report = audit(&door, &["report", "--user", "ansible"]);
        report.is_ok_and(|(_, report)| {
            let sessions = report["sessions"].as_array().cloned().unwrap_or_default();
            let over = |service: &str| {
                sessions.iter().filter(|s| s["service"] == service && s["state"] == "closed").count()
            };
            over("sshd") == LOGINS && over("sudo") == LOGINS
        })
    })?;
    // logrotate, without a word to jitd.
    host.sh("mv /var/log/jitd/audit.jsonl /var/log/jitd/audit.jsonl.1 && gzip /var/log/jitd/audit.jsonl.1")
        .run()?
        .must()?;

    let (status, replay) = audit(&door, &["replay", "--since", "1h"])?;
    assert_eq!(status, 0, "{replay}");
    let count = |user: &str, service: &str| {
        let refused = replay["refused"].as_array().cloned().unwrap_or_default();
        refused.iter().find(|r| r["user"] == user && r["service"] == service).map(|r| r["count"].clone())
    };
    assert_eq!(
        (count("ansible", "sshd"), count("ansible", "sudo")),
        (Some(LOGINS.into()), Some(LOGINS.into())),
        "{replay}"
    );
    assert_eq!((count("alice", "sshd"), count("carol", "sshd")), (Some(2.into()), None), "{replay}");
    let blocks = replay["exempt"].as_str().unwrap_or_default();
    assert!(blocks.contains("user = \"ansible\"") && !blocks.contains("user = \"alice\""), "{blocks}");
    let shown = door.jitctl(["audit", "replay", "--since", "1h"]).run()?.must()?;
    assert!(shown.contains(blocks) && shown.contains("ask: jitctl request --host"), "{shown}");

    // Pasted, and enforced.
    door.configure(&format!("{config}\n{blocks}"))?;
    door.signal_jitd(rustix::process::Signal::HUP)?;
    door.audited("the new configuration", |e| e["event"] == "config" && e["outcome"] == "done")?;
    door.enforce()?;
    assert!(door.ssh("ansible", "sudo -n true")?.ok());
    assert!(!door.ssh("alice", "true")?.ok());
    door.ssh("carol", "sudo -n true")?.must()?;
    assert!(door.ssh("oncall", "true")?.ok());

    let of = |user: &str, report: &Value| -> Vec<Value> {
        let sessions = report["sessions"].as_array().cloned().unwrap_or_default();
        sessions.into_iter().filter(|s| s["user"] == user).collect()
    };
    until(SOON, "carol's sessions are over", || {
        let report = audit(&door, &["report", "--user", "carol"]);
        report.is_ok_and(|(_, report)| {
            of("carol", &report).iter().filter(|s| s["state"] == "closed").count() == 2
        })
    })?;
    let (status, report) = audit(&door, &["report", "--from", "now-1h"])?;
    assert_eq!((status, &report["missing"]), (0, &Value::Array(Vec::new())), "{report}");
    for session in of("carol", &report) {
        assert_eq!(
            (&session["verdict"], &session["kind"]),
            (&"allow".into(), &"session".into()),
            "{session}"
        );
        let grant = &session["grants"][0];
        assert_eq!((&grant["id"], &grant["role"]), (&"g1".into(), &"dba".into()), "{session}");
        assert_eq!(grant["reason"], "the reason of g1", "{session}");
        assert_eq!(grant["approvers"][0]["dn"].as_str(), Some(person("bob").as_str()), "{session}");
    }
    let last =
        |user: &str, service: &str| of(user, &report).into_iter().rev().find(|s| s["service"] == service);
    let verdict = |user: &str| last(user, "sshd").map(|s| s["verdict"].clone());
    assert_eq!(verdict("alice"), Some("deny".into()), "{report}");
    assert_eq!(verdict("ansible"), Some("exempt".into()), "{report}");
    assert_eq!(verdict("oncall"), Some("break-glass".into()), "{report}");

    let (status, whole) = audit(&door, &["verify"])?;
    assert_eq!((status, &whole["faults"]), (0, &Value::Array(Vec::new())), "{whole}");
    assert_eq!(whole["checked"][0]["files"].as_array().map(Vec::len), Some(2), "{whole}");
    host.sh(
        "sed -i '3s/alice/eve12/;3s/ansible/anybody/;3s/\"mode\":\"/\"mode\":\"x/' /var/log/jitd/audit.jsonl",
    )
    .run()?
    .must()?;
    let (status, changed) = audit(&door, &["verify"])?;
    assert_eq!(
        (status, &changed["faults"][0]["kind"], &changed["faults"][0]["line"]),
        (1, &"changed".into(), &4.into()),
        "{changed}"
    );
    // Nobody else reads who was in.
    let refused = host.exec_as("alice", ["jitctl", "audit", "report"]).run()?;
    assert!(refused.status == 1 && refused.stderr.contains("sudo"), "{refused}");
    Ok(())
}
