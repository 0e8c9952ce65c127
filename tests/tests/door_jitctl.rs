//! What people type, on a host as an admin sets it up: jitd under its own user, jitctl as root and as somebody else.

use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use serde_json::Value;

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output}"))
}

fn add(door: &Door, more: &[&'static str]) -> Result<Output> {
    let base = ["grant", "add", "alice", "--reason", "INC-1 disk full", "--json"];
    door.jitctl(base.into_iter().chain(more.iter().copied())).run()
}

#[test]
fn the_first_grant_of_a_new_host() -> Result<()> {
    let door = Door::without_daemon(&["alice"], CONFIG)?;
    door.start_jitd()?;
    // No file yet: reported, and nobody is granted anything.
    let status = door.jitctl(["status"]).run()?;
    assert_eq!(status.status, 1, "{status}");
    assert!(status.stdout.contains("grants.ldif"), "{status}");
    // Nobody could get in, so enforcing wants to be asked twice.
    let refused = door.jitctl(["mode", "enforcing"]).run()?;
    assert_eq!(refused.status, 1, "{refused}");
    assert!(refused.stderr.contains("lock everybody out") && refused.stderr.contains("--force"), "{refused}");

    let added = add(&door, &["--for", "2h"])?;
    assert_eq!(added.status, 0, "{added}");
    let grant = json(&added);
    assert_eq!(grant["grant"]["state"], "live", "{added}");
    assert_eq!(grant["grant"]["hosts"][0], NAME, "{added}");
    let file = door.host().exec(["stat", "-c", "%U:%G %a", "/etc/jitd/grants.ldif"]).run()?.must()?;
    assert_eq!(file, "root:jitd 640\n", "readable for jitd, writable for root alone");

    // Now alice is a way in; it is said that she is the only one.
    let enforced = door.jitctl(["mode", "enforcing"]).run()?;
    assert_eq!((enforced.status, enforced.stdout.as_str()), (0, "enforcing\n"), "{enforced}");
    assert!(enforced.stderr.contains("1 live grant"), "{enforced}");
    assert!(door.ssh("alice", "true")?.ok());
    let why = door.jitctl(["why", "alice", "--json"]).run()?;
    assert_eq!((why.status, json(&why)["verdict"].as_str()), (0, Some("allow")), "{why}");
    let later = door.jitctl(["why", "alice", "--at", "now+3h", "--json"]).run()?;
    assert_eq!((later.status, json(&later)["verdict"].as_str()), (1, Some("deny")), "{later}");

    let id = grant["id"].as_str().unwrap_or_default();
    let revoked = door.jitctl(["grant", "revoke", &id[..4], "--json"]).run()?;
    assert_eq!(revoked.status, 0, "{revoked}");
    assert_eq!(json(&revoked)["grant"]["state"], "revoked", "{revoked}");
    // When jitctl says that it is revoked, it is.
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

#[test]
fn what_would_be_refused_is_not_written() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Permissive, CONFIG, &Ldif::new())?;
    let before = door.host().read("/etc/jitd/grants.ldif")?;
    let long = add(&door, &["--for", "9h"])?;
    assert_eq!((long.status, json(&long)["code"].as_str()), (1, Some("not-granted")), "{long}");
    let role = add(&door, &["--for", "1h", "--role", "none-such"])?;
    assert_eq!(role.status, 1, "{role}");
    let usage = add(&door, &["--for", "soon"])?;
    assert_eq!((usage.status, json(&usage)["code"].as_str()), (2, Some("usage")), "{usage}");
    assert_eq!(door.host().read("/etc/jitd/grants.ldif")?, before);
    Ok(())
}

#[test]
fn people_see_their_own() -> Result<()> {
    let entries = Ldif::new()
        .person("alice")
        .person("bob")
        .grant(&Grant::live("of-alice", "alice"))
        .grant(&Grant::live("of-bob", "bob"));
    let door = Door::up(&["alice", "bob", "carol"], Mode::Permissive, CONFIG, &entries)?;
    door.host().append("/etc/group", "jit-admin:x:995:carol\n")?;
    let as_user = |user: &str, args: &[&str]| {
        door.host().exec_as(user, ["jitctl"].into_iter().chain(args.iter().copied())).run()
    };
    let grants = as_user("alice", &["grants"])?;
    assert!(grants.stdout.contains("of-alice") && !grants.stdout.contains("of-bob"), "{grants}");
    let own = as_user("alice", &["why", "alice"])?;
    assert_eq!(own.status, 0, "{own}");
    let other = as_user("alice", &["why", "bob", "--json"])?;
    assert_eq!((other.status, json(&other)["code"].as_str()), (1, Some("not-permitted")), "{other}");
    let admin = as_user("carol", &["why", "bob"])?;
    assert_eq!(admin.status, 0, "{admin}");
    for args in [
        &["grant", "add", "alice", "--for", "1h", "--reason", "x", "--json"][..],
        &["grant", "revoke", "of-alice", "--json"],
        &["mode", "permissive", "--json"],
        &["mode", "enforcing", "--json"],
        &["clock", "accept", "--json"],
    ] {
        let refused = as_user("alice", args)?;
        assert_eq!(
            (refused.status, json(&refused)["code"].as_str()),
            (1, Some("not-root")),
            "{args:?}: {refused}"
        );
    }
    Ok(())
}

#[test]
fn with_jitd_dead() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &Ldif::new().person("alice"))?;
    door.kill_jitd()?;
    for args in
        [&["status"][..], &["why", "alice"], &["grants"], &["clock", "accept"], &["mode", "enforcing"]]
    {
        let output = door.jitctl(args.iter().copied()).run()?;
        assert_eq!(output.status, 4, "{args:?}: {output}");
    }
    let mode = door.jitctl(["mode"]).run()?;
    assert_eq!((mode.status, mode.stdout.as_str()), (0, "enforcing\n"), "{mode}");
    // A grant written now counts as soon as jitd is back.
    let unsaid = add(&door, &["--for", "1h"])?;
    assert_eq!(unsaid.status, 4, "{unsaid}");
    let added = add(&door, &["--for", "1h", "--host", NAME])?;
    assert_eq!(added.status, 0, "{added}");
    assert!(!door.ssh("alice", "true")?.ok());
    door.start_jitd()?;
    assert!(door.ssh("alice", "true")?.ok());
    door.kill_jitd()?;
    let permissive = door.jitctl(["mode", "permissive"]).run()?;
    assert_eq!((permissive.status, permissive.stdout.as_str()), (0, "permissive\n"), "{permissive}");
    assert!(door.ssh("alice", "true")?.ok());
    Ok(())
}
