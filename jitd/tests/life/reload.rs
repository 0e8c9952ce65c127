//! SIGHUP, restarts, crashes and damaged files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jit_proto::Verdict;
use nix::sys::signal::Signal;

use crate::host::{Host, PEOPLE, SOMEBODY, grant, sshd, until};

#[test]
fn a_good_configuration_counts_and_a_bad_one_changes_nothing_but_the_status() {
    let host = Host::granted();
    let jitd = host.start_for("alice");

    host.write("jitd.toml", "[host]\nname = 7\n");
    jitd.signal(Signal::SIGHUP);
    let faults = until("it says so", || {
        jitd.degraded().into_iter().find(|text| text.contains("the one from before is in force"))
    });
    assert!(faults.contains("jitd.toml:2:8: host.name"), "{faults}");
    host.audited("the refusal", |event| event["event"] == "config" && event["outcome"] == "refused");
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Allow);

    host.write("jitd.toml", &host.config().replace("web1.", "web2."));
    jitd.signal(Signal::SIGHUP);
    until("the new name", || (jitd.status()["host"] == "web2.prod.example.com").then_some(()));
    host.audited("the change", |event| event["event"] == "config" && event["outcome"] == "done");
    // No question in between was answered from nothing: the same file's grants were kept.
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Allow);
    until("health", || {
        let sick = jitd.degraded().iter().any(|text| text.contains("configuration"));
        (!sick).then_some(())
    });
}

#[test]
fn what_root_alone_can_read_cannot_be_read_again() {
    let host = Host::new();
    let mut command = host.command();
    command.arg("--user=nobody");
    let jitd = host.run(command);
    fs::set_permissions(host.path("jitd.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    jitd.signal(Signal::SIGHUP);
    until("it says what to type", || jitd.degraded().into_iter().find(|text| text.contains("chmod 640")));
}

#[test]
fn another_file_is_another_source() {
    let host = Host::granted();
    host.write("others.ldif", &format!("{PEOPLE}{}", grant("g2", "bob")));
    let jitd = host.start_for("alice");
    host.write("jitd.toml", &host.config().replace("grants.ldif", "others.ldif"));
    jitd.signal(Signal::SIGHUP);
    jitd.comes_to("bob", Verdict::Allow);
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Deny);
    // A change of the configuration deletes no grant: back with the old file, its grants are back.
    host.write("jitd.toml", &host.config());
    jitd.signal(Signal::SIGHUP);
    jitd.comes_to("alice", Verdict::Allow);
}

#[test]
fn a_restart_knows_its_grants_without_a_source_and_its_removals_for_ever() {
    let host = Host::new();
    host.write("enforcing", "");
    host.write("grants.ldif", &format!("{PEOPLE}{}{}", grant("g1", "alice"), grant("g2", "bob")));
    let jitd = host.start_for("alice");
    host.write("grants.ldif", &format!("{PEOPLE}{}", grant("g1", "alice")));
    jitd.comes_to("bob", Verdict::Deny);
    until("the removal is on disk", || fs::read(host.path("state/ledger")).ok());
    assert!(jitd.stop().success());
    host.audited("the end", |event| event["event"] == "stop" && event["reason"] == "SIGTERM");

    fs::remove_file(host.path("grants.ldif")).unwrap();
    let jitd = host.start();
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Allow, "from the first question on");
    until("the trouble shows", || jitd.degraded().into_iter().find(|text| text.contains("does not exist")));
    jitd.kill();

    host.write("grants.ldif", &format!("{PEOPLE}{}{}", grant("g1", "alice"), grant("g2", "bob")));
    let jitd = host.start();
    until("the file is read", || jitd.degraded().is_empty().then_some(()));
    jitd.comes_to("alice", Verdict::Allow);
    assert_eq!(jitd.ask(&sshd("bob", SOMEBODY)).0, Verdict::Deny, "deleted is deleted");
}

#[test]
fn damaged_files_are_reported_and_let_nobody_in() {
    let host = Host::granted();
    let jitd = host.start_for("alice");
    assert!(jitd.stop().success());
    for file in ["state/store", "state/ledger"] {
        let path = host.path(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_file(host.path("grants.ldif")).unwrap();
    let jitd = host.start();
    assert_eq!(jitd.ask(&sshd("alice", SOMEBODY)).0, Verdict::Deny);
    let degraded = jitd.degraded();
    for file in ["store", "ledger"] {
        let told = |text: &&String| text.contains(&format!("state/{file} is not used"));
        assert!(degraded.iter().any(|text| told(&text)), "{file}: {degraded:?}");
        host.audited(file, |event| {
            event["event"] == "disk" && event["path"].as_str().unwrap().ends_with(file)
        });
    }
}
