use super::*;
use crate::person::testing::{NOW, OPERATORS, TWO_HOURS, approve, company, grant, person, picture, role};

#[test]
fn who_is_needed_is_said() {
    let each = "jitApprovalsFromEach: TRUE\n";
    let mut source = company(&[
        role("ops", OPERATORS, 1, &["leads"], ""),
        role("two", OPERATORS, 2, &["leads"], ""),
        role("db", OPERATORS, 1, &["dba"], ""),
        role("both", OPERATORS, 1, &["leads", "dba"], each),
        role("own", "uid=bob,ou=people,dc=local", 1, &["leads"], ""),
        grant("by-bob", "alice", "ops", TWO_HOURS),
    ]);
    approve(&mut source, "by-bob", "bob", 30);
    let report = report(&picture(&source), &person("bob"), "bob", NOW, Colour::Off);
    let Answer::Grants(answer) = &report.answer else { panic!() };
    let roles: Vec<(&str, &str)> =
        answer.roles.iter().map(|role| (role.role.as_str(), role.part.as_str())).collect();
    assert_eq!(roles, [("both", "approver"), ("db", "approver"), ("own", "eligible"), ("two", "approver")]);
    for said in [
        "without bob: it would end, and need 1 more approval from leads",
        "role both: dba must be heard, and bob is alone in it",
        "role db: it takes 1 to approve, and without bob nobody else can",
        "role own: nobody but bob is eligible for it",
        "role two: it takes 2 to approve, and without bob only carol can",
    ] {
        assert!(report.text.contains(said), "{said} in {}", report.text);
    }
    let alice = super::report(&picture(&source), &person("alice"), "alice", NOW, Colour::Off);
    let Answer::Grants(answer) = &alice.answer else { panic!() };
    assert_eq!((answer.grants.len(), answer.roles.len()), (1, 0), "{}", alice.text);
}
