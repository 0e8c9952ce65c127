//! What a host must do whatever confines jitd: door.sh asks, and this judges.

use jit_tests::trouble::{Result, Trouble};
use jit_tests::vm::Report;

/// The questions; `$BOBS` is the id of bob's grant.
pub(crate) const QUESTIONS: &str = include_str!("door.sh");

/// That each step went as on a host that confines nothing.
pub(crate) fn judge(report: &Report) -> Result<()> {
    let says = |name: &str, words: &[&str]| {
        let said = report.good(name)?;
        match words.iter().find(|word| !said.contains(**word)) {
            None => Ok(()),
            Some(word) => Err(Trouble::new(format!("{name} should have said {word:?}:\n{report}"))),
        }
    };
    for name in ["answers", "enforcing", "root_adds", "revoked", "killed", "stop", "start", "again"] {
        report.good(name)?;
    }
    refused(report, "refused", "jit:")?;
    says("allowed", &["alice\nroot\n"])?;
    says("group", &["jit-dba"])?;
    says("by_ldap", &["carol", "jit-dba"])?;
    says("key", &["dave"])?;
    says("status", &["healthy"])?;
    says("why", &["allow: alice"])?;
    says("as_alice", &["healthy", "allow: alice"])?;
    // It has its say about this host, and nothing about how jitd is confined: its findings are tried elsewhere (door_doctor).
    let doctor = &report.step("doctor")?.said;
    if !doctor.contains("\"findings\"") || doctor.contains("unconfined") {
        return Err(Trouble::new(format!("doctor said {doctor}")));
    }
    for name in ["console", "terminal", "ended", "nothing_left"] {
        report.good(name)?;
    }
    says("told", &["in\n", "your sshd session has ended", "was revoked"])?;
    says("after_the_kill", &["alice"])?;
    refused(report, "without_jitd", "does not answer")?;
    says("group_without_jitd", &["jit-dba"])
}

/// Refused by us, in these words, and not by anything else.
fn refused(report: &Report, name: &str, words: &str) -> Result<()> {
    let said = report.bad(name)?;
    if said.contains(words) {
        return Ok(());
    }
    Err(Trouble::new(format!("{name} should have been refused with {words:?}:\n{report}")))
}
