//! `jitctl deny`, `revoke` and `release`.

use jit_tests::trouble::Result;

use super::desk::{Desk, GRANTS};

#[test]
fn a_request_is_denied_with_a_reason() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    desk.run("bob", &["deny", &id]).must(2, &["say why", "--reason", "nothing was written"]);
    desk.run("alice", &["deny", &id, "--reason", "x"]).must(3, &["it is your own request", "jitctl release"]);
    desk.run("mallory", &["deny", &id, "--reason", "x"]).must(1, &["no grant"]);
    assert_eq!(desk.count("jitRevocation"), 0);
    let denied = desk.types("bob", &["deny", &id], &[("reason:", ""), ("reason:", "not today")], || ());
    denied.must(0, &["the reason is empty", "denied: ops for alice", "taken away by bob"]);
    assert_eq!(desk.values("jitRevocation", "jitReason"), ["not today"]);
    let again = desk.run("carol", &["--json", "deny", &id, "--reason", "x"]).must(0, &[]).json();
    assert_eq!(again["kind"], "nothing");
    assert!(
        again["dn"].as_str().is_some_and(|dn| dn.starts_with("cn=revocation-") && dn.ends_with(GRANTS)),
        "{again}"
    );
    assert_eq!(again["grant"]["state"], "revoked");
    assert_eq!(desk.count("jitRevocation"), 1);
    Ok(())
}

#[test]
fn a_live_grant_is_revoked_or_given_back() -> Result<()> {
    let desk = Desk::up()?;
    let [one, two] = ["x", "y"]
        .map(|reason| desk.ask("alice", "ops", &["--service", if reason == "x" { "sshd" } else { "sudo" }]));
    for id in [&one, &two] {
        desk.run("bob", &["approve", id, "-y"]).must(0, &[]);
    }
    desk.run("carol", &["deny", &one, "--reason", "x"]).must(3, &["approved already", "jitctl revoke"]);
    desk.run("bob", &["release", &one]).must(1, &["somebody else's grant", "jitctl revoke"]);
    // In an emergency no reason is asked of a script.
    desk.run("carol", &["revoke", &one]).must(0, &["revoked: ops for alice", "taken away by carol"]);
    let back = desk.run("alice", &["--json", "release", &two]).must(0, &[]).json();
    assert_eq!(
        (back["kind"].as_str(), back["grant"]["state"].as_str()),
        (Some("revocation"), Some("revoked"))
    );
    desk.run("alice", &["release", &two]).must(0, &["it was taken away before; nothing was written"]);
    assert_eq!(desk.count("jitRevocation"), 2);
    Ok(())
}

#[test]
fn who_may_not_take_away_is_told_by_whom_the_directory_lets() -> Result<()> {
    let desk = Desk::up()?;
    let id = desk.ask("alice", "ops", &[]);
    let read = "{0}to attrs=userPassword by anonymous auth by * none\n{1}to * by users read";
    desk.slapd.rules(read)?;
    desk.run("mallory", &["revoke", &id, "--reason", "x"]).must(
        1,
        &[
            "the directory's rules do not let mallory take it away",
            "its subject, or a member of leads",
            "nothing was written",
        ],
    );
    Ok(())
}
