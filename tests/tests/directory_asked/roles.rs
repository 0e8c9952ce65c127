//! `role list` and `role show`.

use jit_tests::trouble::Result;

use super::desk::Desk;

#[test]
fn roles_as_they_are_to_each() -> Result<()> {
    let desk = Desk::up()?;
    let list = desk.run("alice", &["role", "list"]).out;
    assert!(
        list.contains("broken") && list.contains("malformed") && list.contains("jitapprovergroup"),
        "{list}"
    );
    let ops = desk.run("alice", &["role", "show", "ops"]).out;
    for said in [
        "*.prod.example.com",
        "8h",
        "1 of leads",
        "leads: bob, carol",
        "as a member of operators, which is in night",
        "jitctl request --role ops",
    ] {
        assert!(ops.contains(said), "{said} in {ops}");
    }
    let bob = desk.run("bob", &["--json", "role", "show", "ops"]).json();
    let role = &bob["roles"][0];
    assert_eq!(role["approver"], true);
    assert_eq!(role["eligible_by"][1], "cn=night,ou=groups,dc=example,dc=com");
    let mallory = desk.run("mallory", &["--json", "role", "show", "OPS"]).json();
    assert!(mallory["roles"][0]["eligible_by"].is_null() && mallory["roles"][0]["approver"] == false);
    let none = desk.run("alice", &["role", "show", "nothing"]);
    assert_eq!(none.status, 1);
    assert!(none.err.contains("there are broken, db, operator, ops"), "{}", none.err);
    Ok(())
}
