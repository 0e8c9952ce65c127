//! `grants` in the directory.

use jit_tests::trouble::Result;

use super::desk::{Desk, GRANTS, person};

#[test]
fn what_waits_is_shown_to_whom_it_waits_for() -> Result<()> {
    let desk = Desk::up()?;
    desk.asks("alice", "first", "ops", "")?;
    desk.asks("alice", "data", "db", "")?;
    desk.asks("bob", "own", "ops", "")?;
    let bob = desk.run("bob", &["--json", "grants", "--pending"]);
    assert_eq!(bob.status, 0, "{}", bob.err);
    let waits: Vec<(String, bool)> = bob.json()["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| (grant["id"].as_str().unwrap().to_owned(), grant["waits_for_me"].as_bool().unwrap()))
        .collect();
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert_eq!(waits[2], ("own".to_owned(), false), "his own waits for others, and stands last");
    assert!(waits[..2].iter().all(|(_, for_him)| *for_him), "{waits:?}");

    let carol = desk.run("carol", &["grants", "--pending"]);
    assert_eq!(carol.out.lines().filter(|line| line.starts_with("*  ")).count(), 2, "{}", carol.out);
    assert!(carol.out.contains("1 of leads") && !carol.out.contains("dba"), "{}", carol.out);
    let alice = desk.run("alice", &["--json", "grants", "--pending"]);
    assert!(alice.json()["grants"].as_array().unwrap().iter().all(|grant| grant["waits_for_me"] == false));
    assert_eq!(
        desk.run("mallory", &["grants", "--pending"]).out,
        "nothing that you can see waits for approval\n"
    );

    desk.approves("carol", "first")?;
    assert_eq!(desk.run("bob", &["--json", "grants", "--pending"]).ids().len(), 2);
    assert_eq!(desk.run("alice", &["--json", "grants", "--live"]).ids(), ["first"]);
    Ok(())
}

#[test]
fn what_is_mine_is_told_from_what_i_may_see() -> Result<()> {
    let desk = Desk::up()?;
    desk.asks("alice", "mine", "ops", "")?;
    desk.asks("alice", "denied", "ops", "")?;
    desk.asks("bob", "bobs", "ops", "")?;
    desk.takes("bob", "denied", "not today")?;
    let mut mine = desk.run("alice", &["--json", "grants", "--mine"]).ids();
    mine.sort();
    assert_eq!(mine, ["denied", "mine"]);
    let text = desk.run("alice", &["grants", "--mine"]).out;
    assert!(text.contains("revoked") && text.contains("not today") && text.contains("by uid=bob"), "{text}");
    // Where no daemon is, `grants` means the directory.
    assert_eq!(desk.run("alice", &["--json", "grants"]).ids(), ["mine"]);
    assert_eq!(desk.run("alice", &["--json", "grants", "--all"]).ids().len(), 2);
    assert_eq!(desk.run("carol", &["--json", "grants", "--all"]).ids().len(), 3);
    Ok(())
}

#[test]
fn what_can_come_to_nothing_waits_for_nobody() -> Result<()> {
    let desk = Desk::up()?;
    let (role, alice) = ("cn=ops,ou=roles,ou=jit,dc=example,dc=com", person("alice"));
    desk.slapd.change(&format!(
        "dn: cn=late,{GRANTS}\nchangetype: add\nobjectClass: jitGrant\ncn: late\njitSubject: {alice}\njitRoleDN: {role}\n\
         jitHost: *\njitNotBefore: 20200101000000Z\njitNotAfter: 20200101010000Z\njitReason: old\n"
    ))?;
    let bob = desk.run("bob", &["grants", "--pending"]);
    assert!(bob.out.contains("nothing") && bob.err.contains("1 more"), "{}{}", bob.out, bob.err);
    Ok(())
}
