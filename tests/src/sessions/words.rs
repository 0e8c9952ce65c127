//! What people read, and where: on every terminal of theirs, on nobody else's, and in the log where there is none.

use super::jobs::{COMMAND, SHELL, SUDO_SHELL};
use super::{Kind, for_seconds, is, people};
use crate::door::NAME;
use crate::ldif::Grant;
use crate::trouble::Result;

/// How a warning begins.
fn warning() -> String {
    format!("jit: your access to {NAME} by sshd ends in ")
}

/// A second session over the same connection has a terminal of its own; both are warned and both are told.
///
/// # Errors
/// When something is not as it should be.
pub fn every_terminal_of_a_connection_is_told(kind: Kind) -> Result<()> {
    let long = people().grant(&Grant::live("bobs", "bob"));
    let door = kind.door(&long.clone().grant(&Grant::live("alices", "alice")))?;
    let shared = |plan: crate::client::Plan<'_>| {
        plan.marked("one")
            .option("ControlPath=/run/shared-%r")
            .with_a_terminal()
            .sitting_at_a_terminal()
            .start()
    };
    let mut first = shared(door.client("alice").option("ControlMaster=yes"))?;
    first.types("echo first-$((1 + 1))")?;
    first.shows("first-2")?;
    let mut second = shared(door.client("alice"))?;
    second.types("echo second-$((1 + 1))")?;
    second.shows("second-2")?;
    assert_eq!(door.running("sshd: alice@pts").len(), 1, "two terminals over one connection");
    let bob = SHELL.start(&door, "bob")?;
    door.grants(&long.grant(&for_seconds("alices", "alice", 6)))?;
    for screen in [&first, &second] {
        screen.shows(&warning())?;
        screen.shows("(grant alices: the reason of alices).")?;
        screen.shows("jitctl grant add alice")?;
    }
    for screen in [&first, &second] {
        screen.shows(&format!("jit: your sshd session has ended: grant alices for {NAME} ended at "))?;
        assert_eq!(screen.screen().matches(&warning()).count(), 1, "{screen:?}");
        assert_eq!(screen.screen().matches("has ended").count(), 1, "{screen:?}");
        screen.ends()?;
    }
    door.gone("one")?;
    let warned = door.session_is("warned", "alice", "sshd")?;
    assert_eq!(warned["told"].as_array().map(Vec::len), Some(2), "{warned}");
    bob.goes_on(&door)?;
    assert!(bob.clients.iter().all(|client| !client.screen().contains("jit:")), "{bob:?}");
    Ok(())
}

/// Inside sudo's own terminal, which is shown on hers, she reads of each session once.
///
/// # Errors
/// When something is not as it should be.
pub fn a_terminal_inside_a_terminal_is_told_once(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("alices", "alice")))?;
    let job = SUDO_SHELL.start(&door, "alice")?;
    door.grants(&people().grant(&for_seconds("alices", "alice", 6)))?;
    job.is_over(&door)?;
    let screen = job.clients.first().map(crate::client::Client::screen).unwrap_or_default();
    for service in ["sshd", "sudo"] {
        let warning = format!("jit: your access to {NAME} by {service} ends in ");
        assert_eq!(screen.matches(&warning).count(), 1, "the warning of {service}: {screen:?}");
    }
    assert!((1..=2).contains(&screen.matches("session has ended: grant alices").count()), "{screen:?}");
    Ok(())
}

/// Who has no terminal finds it in the log; nothing is mixed into what the command prints.
///
/// # Errors
/// When something is not as it should be.
pub fn without_a_terminal_the_log_has_it(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("alices", "alice")))?;
    let job = COMMAND.start(&door, "alice")?;
    door.grants(&people().grant(&for_seconds("alices", "alice", 5)))?;
    let warned = door.session_is("warned", "alice", "sshd")?;
    assert!(warned["told"].is_null(), "{warned}");
    job.is_over(&door)?;
    let ending =
        door.audited("why it ends", |event| is(event, "ending", "alice") && event["id"] == warned["id"])?;
    assert_eq!((&ending["code"], &ending["told"]), (&"expired".into(), &serde_json::Value::Null), "{ending}");
    let said =
        |what: &str| door.host().syslog().iter().any(|line| line.contains("alice") && line.contains(what));
    for event in [&warned, &ending] {
        let text = event["text"].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{event}");
        crate::wait::until(crate::door::SOON, &format!("syslog has {text:?}"), || said(text))?;
    }
    assert!(job.clients.iter().all(|client| client.screen().is_empty()), "{job:?}");
    Ok(())
}

/// What is said depends on why it ends: revoked, deleted, ordered.
///
/// # Errors
/// When something is not as it should be.
pub fn the_last_words_say_why(kind: Kind) -> Result<()> {
    let (first, second) = (Grant::live("first", "alice"), Grant::live("second", "alice"));
    let entries = people().grant(&first);
    let door = kind.door(&entries)?;
    let shell = door.terminal("alice", "one")?;
    door.grants(&entries.clone().revocation(&first))?;
    shell.shows(&format!("jit: your sshd session has ended: grant first for {NAME} was revoked"))?;
    shell.shows("jitctl grant add alice")?;
    shell.ends()?;
    assert!(!shell.screen().contains("ends in"), "nobody can be warned of a revocation");

    door.grants(&people().grant(&second))?;
    let shell = door.terminal("alice", "two")?;
    let id = door.session_of("alice", "sshd")?["id"].clone();
    door.grants(&people())?;
    shell.shows("jit: your sshd session has ended: grant second for")?;
    shell.ends()?;
    let ended = door.audited("its end", |event| is(event, "ended", "alice") && event["id"] == id)?;
    assert_eq!(ended["code"], "gone", "{ended}");
    door.gone("two")
}

/// `jitctl sessions` shows everybody to root and each his own, and an admin ends one with a reason; another one goes on.
///
/// # Errors
/// When something is not as it should be.
pub fn an_admin_ends_one_with_a_reason(kind: Kind) -> Result<()> {
    let entries = people().grant(&Grant::live("alices", "alice")).grant(&Grant::live("bobs", "bob"));
    let door = kind.door(&entries)?;
    let (hers, his) = (SHELL.start(&door, "alice")?, SHELL.start(&door, "bob")?);
    let session = door.session_of("alice", "sshd")?;
    assert_eq!(session["grants"], serde_json::json!(["alices"]), "{session}");
    assert!(
        session["until"].is_i64() && session["from"].is_string() && session["state"] == "open",
        "{session}"
    );
    assert_eq!(door.known()?.len(), 2);
    let as_seen_by = |who: &str| door.host().exec_as(who, ["jitctl", "sessions"]).run();
    let (seen, listed) = (as_seen_by("bob")?, door.jitctl(["sessions"]).run()?.must()?);
    assert!(seen.stdout.contains("bob") && !seen.stdout.contains("alice"), "{seen}");
    assert!(listed.contains("alice") && listed.contains("bob") && listed.contains("bobs"), "{listed}");

    let id = session["id"].as_str().unwrap_or_default();
    let terminate = ["jitctl", "sessions", "terminate", id, "--reason", "shell left open"];
    assert!(!door.host().exec_as("bob", terminate).run()?.ok(), "bob is nobody to end her session");
    hers.goes_on(&door)?;
    door.host().exec(terminate).run()?.must()?;
    hers.is_over(&door)?;
    his.goes_on(&door)?;
    let told = hers.clients.iter().all(|client| {
        client.screen().contains(&format!(
            "jit: your sshd session on {NAME} has ended, ordered by root: shell left open"
        ))
    });
    assert!(told, "{hers:?}");
    let ended = door.session_is("ended", "alice", "sshd")?;
    assert_eq!((&ended["code"], &ended["by"]), (&"ordered".into(), &0.into()), "{ended}");
    assert!(door.ssh("alice", "true")?.ok(), "her grant still holds");
    assert_eq!(door.host().exec(terminate).run()?.status, 1, "there is none of this id any more");
    his.goes_on(&door)
}
