use super::*;
use crate::person::testing::{
    NOW, OPERATORS, TWO_HOURS, approve, company, grant, later, person, picture, role,
};

fn waiting(source: &Source, who: &str) -> Vec<String> {
    let picture = picture(source);
    let found = wait_for(&picture, &person(who), NOW);
    let ids = picture.grants.iter().filter(|grant| found.contains(&grant.grant.uuid));
    ids.map(|grant| grant.grant.id.clone()).collect()
}

#[test]
fn what_waits_for_whom() {
    let each = "jitApprovalsFromEach: TRUE\n";
    let mut source = company(&[
        role("ops", OPERATORS, 1, &["leads"], ""),
        role("both", OPERATORS, 2, &["leads", "dba"], each),
        grant("hers", "alice", "ops", TWO_HOURS),
        grant("his", "bob", "ops", TWO_HOURS),
        grant("two", "alice", "both", TWO_HOURS),
        grant("late", "alice", "ops", "jitNotAfter: 20261122150000Z\njitReason: x\n"),
    ]);
    assert_eq!(waiting(&source, "alice"), [""; 0]);
    let sorted = |source: &Source, who| {
        let mut ids = waiting(source, who);
        ids.sort();
        ids
    };
    assert_eq!(sorted(&source, "bob"), ["hers", "two"]);
    assert_eq!(sorted(&source, "carol"), ["hers", "his", "two"]);
    // Heard for leads, she cannot speak for dba.
    approve(&mut source, "two", "carol", 10);
    assert_eq!(sorted(&source, "carol"), ["hers", "his"]);
    assert_eq!(sorted(&source, "bob"), ["hers", "two"]);
}

#[test]
fn for_ones_own_group_it_waits_for_others() {
    let group = grant("ours", "alice", "ops", TWO_HOURS)
        .replace("jitSubject: uid=alice,ou=people,dc=local", "jitSubject: cn=operators,ou=groups,dc=local");
    let source = company(&[role("ops", OPERATORS, 1, &["leads"], ""), group]);
    assert_eq!(waiting(&source, "bob"), [""; 0]);
    assert_eq!(waiting(&source, "carol"), ["ours"]);
}

#[test]
fn what_rests_on_whom() {
    let mut source = company(&[
        role("ops", OPERATORS, 1, &["leads"], ""),
        grant("by-bob", "alice", "ops", TWO_HOURS),
        grant("by-both", "alice", "ops", TWO_HOURS),
        grant("his", "bob", "ops", TWO_HOURS),
        grant("pending", "alice", "ops", TWO_HOURS),
    ]);
    for (id, who, ago) in
        [("by-bob", "bob", 30), ("by-both", "bob", 30), ("by-both", "carol", 20), ("his", "carol", 10)]
    {
        approve(&mut source, id, who, ago);
    }
    let picture = picture(&source);
    let rests = |who: &str, now| {
        let found = resting_on(&picture, &person(who), now);
        let mut named: Vec<(String, Without)> = picture
            .grants
            .iter()
            .filter_map(|grant| Some((grant.grant.id.clone(), found.get(&grant.grant.uuid)?.clone())))
            .collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named
    };
    let bobs = rests("bob", NOW);
    assert_eq!(bobs.len(), 2, "{bobs:?}");
    assert_eq!(bobs[0].0, "by-bob");
    assert!(
        matches!(&bobs[0].1, Without::Short(pending) if matches!(**pending, Assessed::Pending { missing: 1, .. }))
    );
    assert_eq!(bobs[1], ("his".to_owned(), Without::Over));
    assert_eq!(rests("carol", NOW).iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["his"]);
    assert_eq!(rests("bob", later(86_400)), [], "what is over rests on nobody");
}
