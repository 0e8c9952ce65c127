use super::*;
use crate::person::testing::{company, person, role};

const NIGHT: &str = "cn=night,ou=groups,dc=local";

fn roles(who: &str) -> Vec<Role> {
    let more =
        "jitService: sshd\njitLocalGroup: adm\njitTicketPattern: OPS-[0-9]+\njitSignatureRequired: TRUE\n";
    let source = company(&[
        role("ops", NIGHT, 2, &["leads", "gone"], more),
        role("broken", NIGHT, 1, &[], ""),
        role("both", NIGHT, 1, &["leads", "dba"], "jitApprovalsFromEach: TRUE\n"),
    ]);
    all(&source, &person(who))
}

#[test]
fn a_role_says_everything() {
    assert_eq!(
        show(&one(roles("alice"), "ops").unwrap(), Colour::Off),
        "\
role         ops
entry        cn=ops,ou=roles,ou=jit,dc=local
hosts        *
services     sshd
Unix groups  adm
at most      8h
approvals    2 of gone, leads; signed
             only signed ones count
reason       as you like
ticket       needed, of the form OPS-[0-9]+
eligible     night
approvers    gone: (there is no such group, or you cannot see it)
approvers    leads: bob, carol
you          may ask for it, as a member of operators, which is in night
to ask for it: jitctl request --role ops
"
    );
}

#[test]
fn the_list_says_what_each_is_to_me() {
    let text = list(&roles("bob"), Colour::Off);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[1].starts_with("both    may ask, approve") && lines[1].contains("one from each of dba, leads"),
        "{text}"
    );
    assert!(lines[2].starts_with("broken  malformed"), "{text}");
    assert!(lines[3].contains("jitapprovergroup"), "{text}");
    let carol = roles("carol");
    assert!(carol[0].approver && carol[0].eligible_by.is_none());
    assert_eq!(you(&carol[0]).1, "approve it, and may not have it yourself");
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let failure = one(roles("alice"), "nothing").unwrap_err();
    assert!(failure.text.contains("there are both, broken, ops"), "{}", failure.text);
    assert_eq!(one(roles("alice"), "cn=OPS, ou=roles,ou=jit,dc=local").unwrap().name, "ops");
}
