use super::*;
use crate::person::testing::{
    NOW, OPERATORS, TWO_HOURS, approve, company, grant, person, picture, role, take,
};

fn text(source: &jit_model::source::Source, who: &str, which: Which) -> String {
    report(&picture(source), &person(who), which, NOW, Colour::Off).text
}

#[test]
fn pending_ones_as_bob_sees_them() {
    let mut source = company(&[
        role("ops", OPERATORS, 1, &["leads"], ""),
        role("both", OPERATORS, 2, &["leads"], ""),
        grant("aaaa1111", "bob", "ops", "jitDuration: 3600\n"),
        grant("bbbb2222", "alice", "both", "jitDuration: 7200\njitReason: deploy\njitTicket: OPS-1\n"),
        grant("cccc3333", "alice", "ops", "jitNotBefore: 20261122200000Z\njitNotAfter: 20261122220000Z\n"),
    ]);
    approve(&mut source, "bbbb2222", "carol", 30);
    assert_eq!(
        text(&source, "bob", Which::Pending),
        "   ID        WHO    ROLE  HOSTS             FOR                     ASKED   NEEDS       REASON
*  bbbb2222  alice  both  web1.example.com  2h                      1m ago  1 of leads  deploy [OPS-1]
    approved by carol 15:03
*  cccc3333  alice  ops   web1.example.com  until 22:00 from 20:00  1m ago  1 of leads  -
   aaaa1111  bob    ops   web1.example.com  1h                      1m ago  1 of leads  -
* waits for you: jitctl approve ID, or jitctl deny ID --reason …
"
    );
    assert!(!text(&source, "alice", Which::Pending).contains('*'));
}

#[test]
fn which_ones_are_listed() {
    let mut source = company(&[
        role("ops", OPERATORS, 1, &["leads"], ""),
        grant("live", "alice", "ops", TWO_HOURS),
        grant("waits", "alice", "ops", TWO_HOURS),
        grant("taken", "alice", "ops", TWO_HOURS),
        grant("bobs", "bob", "ops", TWO_HOURS),
    ]);
    approve(&mut source, "live", "bob", 30);
    take(&mut source, "taken", "carol", "no");
    let ids = |who: &str, which| {
        let mut ids: Vec<String> =
            listed(&picture(&source), &person(who), which, NOW).into_iter().map(|one| one.grant.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("alice", Which::Mine), ["live", "taken", "waits"]);
    assert_eq!(ids("alice", Which::Current), ["bobs", "live", "waits"]);
    assert_eq!(ids("bob", Which::Live), ["live"]);
    assert_eq!(ids("bob", Which::Mine), ["bobs"]);
    assert_eq!(ids("carol", Which::All), ["bobs", "live", "taken", "waits"]);
    assert_eq!(ids("carol", Which::Pending), ["bobs", "waits"]);
}

#[test]
fn nothing_is_said_in_words() {
    let source = company(&[]);
    for which in [Which::Pending, Which::Mine, Which::Live, Which::All, Which::Current] {
        assert_eq!(text(&source, "alice", which), format!("{}\n", which.nothing()));
    }
}
