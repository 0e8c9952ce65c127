//! `grants --resting-on`: before somebody leaves.

use jit_tests::trouble::Result;

use super::desk::Desk;

#[test]
fn before_somebody_leaves() -> Result<()> {
    let desk = Desk::up()?;
    for (who, id, role) in [
        ("alice", "by-bob", "ops"),
        ("alice", "by-carol", "ops"),
        ("alice", "by-both", "ops"),
        ("alice", "data", "db"),
        ("bob", "his", "ops"),
    ] {
        desk.asks(who, id, role, "")?;
    }
    for (who, id) in [
        ("bob", "by-bob"),
        ("carol", "by-carol"),
        ("bob", "by-both"),
        ("carol", "by-both"),
        ("bob", "data"),
        ("carol", "his"),
    ] {
        desk.approves(who, id)?;
    }
    let shown = desk.run("carol", &["--json", "grants", "--resting-on", "bob"]);
    let mut ids = shown.ids();
    ids.sort();
    assert_eq!(ids, ["by-bob", "his"], "carol does not see what concerns dba alone");
    let shown = desk.run("bob", &["--json", "grants", "--resting-on", "bob"]);
    let mut ids = shown.ids();
    ids.sort();
    assert_eq!(ids, ["by-bob", "data", "his"]);
    let json = shown.json();
    let roles: Vec<(&str, &str)> = json["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| (role["role"].as_str().unwrap(), role["part"].as_str().unwrap()))
        .collect();
    assert_eq!(roles, [("db", "approver")]);
    let text = desk.run("bob", &["grants", "--resting-on", "bob"]).out;
    assert!(
        text.contains("without bob: it is over") && text.contains("need 1 more approval from leads"),
        "{text}"
    );
    assert!(text.contains("role db: it takes 1 to approve, and without bob nobody else can"), "{text}");
    let nobody = desk.run("bob", &["grants", "--resting-on", "nobody"]);
    assert_eq!((nobody.status, nobody.err.contains("nobody under")), (1, true), "{}", nobody.err);
    Ok(())
}
