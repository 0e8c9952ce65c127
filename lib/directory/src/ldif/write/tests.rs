//! Adding to the text. Every test reads the result as the daemon would.

use jit_model::time::Span;
use proptest::prelude::*;

use super::*;
use crate::ldif::bases;

const NOW: Timestamp = Timestamp(1_795_359_845);

fn b() -> Bases {
    bases().unwrap()
}

fn new_grant(login: &str) -> NewGrant {
    NewGrant {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        uuid: EntryUuid([7; 16]),
        login: Login::new(login).unwrap(),
        hosts: BTreeSet::from([HostPattern::new("web1.example.com").unwrap()]),
        services: BTreeSet::new(),
        role: None,
        not_before: None,
        end: End::After(Span(7_200)),
        reason: Some("INC-1: disk full".to_owned()),
        ticket: None,
        by: None,
        now: NOW,
    }
}

fn revoke(grant: &str) -> NewRevocation {
    NewRevocation {
        grant: grant.to_owned(),
        by: Some(Login::new("root").unwrap()),
        reason: Some("done".to_owned()),
        now: NOW,
    }
}

#[test]
fn an_empty_text_becomes_a_whole_file() {
    let written = add_grant(b"", &b(), &new_grant("alice")).unwrap();
    let expected = "version: 1\n\n\
        dn: ou=jit,dc=local\nobjectClass: organizationalUnit\nou: jit\n\n\
        dn: ou=roles,ou=jit,dc=local\nobjectClass: organizationalUnit\nou: roles\n\n\
        dn: ou=grants,ou=jit,dc=local\nobjectClass: organizationalUnit\nou: grants\n\n\
        dn: ou=people,dc=local\nobjectClass: organizationalUnit\nou: people\n\n\
        dn: ou=groups,dc=local\nobjectClass: organizationalUnit\nou: groups\n\n\
        dn: uid=alice,ou=people,dc=local\nobjectClass: account\nuid: alice\n\n\
        dn: cn=0123456789abcdef0123456789abcdef,ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\n\
        cn: 0123456789abcdef0123456789abcdef\nentryUUID: 07070707-0707-0707-0707-070707070707\n\
        jitSubject: uid=alice,ou=people,dc=local\njitHost: web1.example.com\njitDuration: 7200\n\
        jitReason: INC-1: disk full\ncreateTimestamp: 20261122150405Z\n";
    assert_eq!(String::from_utf8(written.text.clone()).unwrap(), expected);
    let source = understood(&written.text, &b()).unwrap();
    assert_eq!(source.set_aside, vec![]);
    assert_eq!(source.grants[&EntryUuid([7; 16])].grant.provenance.created, Some(NOW));
}

#[test]
fn what_is_there_is_used_and_kept() {
    let text = b"# mine\r\ndn: uid=alice.smith,ou=people,dc=local\r\nuid: alice\r\n\r\n# last words\r\n";
    let written = add_grant(text, &b(), &new_grant("alice")).unwrap();
    assert!(written.text.starts_with(text));
    let added = String::from_utf8(written.text[text.len()..].to_vec()).unwrap();
    assert!(added.contains("jitSubject: uid=alice.smith,ou=people,dc=local\r\n"), "{added}");
    assert!(!added.contains("objectClass: account"), "{added}");
    let again = add_grant(&written.text, &b(), &new_grant("alice"));
    assert!(matches!(&again, Err(WriteError::Refused(why)) if why.contains("same DN")), "{again:?}");
}

#[test]
fn a_broken_file_is_not_added_to() {
    let good = add_grant(b"", &b(), &new_grant("alice")).unwrap().text;
    let broken = [good.as_slice(), b"nonsense\n"].concat();
    let outcome = add_grant(&broken, &b(), &new_grant("alice"));
    assert!(matches!(&outcome, Err(WriteError::Broken(fault)) if fault.line == 36), "{outcome:?}");
    assert!(matches!(add_revocation(&broken, &b(), &revoke("0123")), Err(WriteError::Broken(_))));
    let twice = [good.as_slice(), b"\ndn: ou=jit,dc=local\nou: jit\n"].concat();
    assert!(matches!(add_grant(&twice, &b(), &new_grant("bob")), Err(WriteError::Broken(_))));
    assert!(matches!(add_revocation(&twice, &b(), &revoke("0123")), Err(WriteError::Broken(_))));
}

#[test]
fn a_role_must_be_there_and_good() {
    let text = "dn: cn=ops,ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: ops\njitHost: *\n\
        jitEligible: cn=devs,ou=groups,dc=local\njitMaxDuration: 28800\njitApprovalsRequired: 0\n\n\
        dn: cn=bad,ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: bad\n";
    let grant = |role: &str| NewGrant { role: Some(role.to_owned()), ..new_grant("alice") };
    let written = add_grant(text.as_bytes(), &b(), &grant("OPS")).unwrap();
    let source = understood(&written.text, &b()).unwrap();
    let role = source.grants[&EntryUuid([7; 16])].grant.role.clone();
    assert_eq!(role.unwrap().to_string(), "cn=ops,ou=roles,ou=jit,dc=local");
    assert!(matches!(add_grant(text.as_bytes(), &b(), &grant("bad")), Err(WriteError::BadRole(..))));
    let missing = add_grant(text.as_bytes(), &b(), &grant("dba")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no role `dba` in the file; there is: bad, ops");
}

#[test]
fn what_the_daemon_would_not_understand_is_not_written() {
    for grant in [
        NewGrant { hosts: BTreeSet::new(), ..new_grant("alice") },
        NewGrant { end: End::After(Span(0)), ..new_grant("alice") },
        NewGrant { reason: Some("two\nlines".to_owned()), ..new_grant("alice") },
        NewGrant { ticket: Some(String::new()), ..new_grant("alice") },
        NewGrant { id: "a\nb".to_owned(), ..new_grant("alice") },
        NewGrant { reason: Some("x".repeat(20_000)), ..new_grant("alice") },
    ] {
        let outcome = add_grant(b"", &b(), &grant);
        assert!(matches!(outcome, Err(WriteError::Refused(_))), "{outcome:?}");
    }
    let grant = NewGrant { hosts: BTreeSet::new(), ..new_grant("alice") };
    let why = add_grant(b"", &b(), &grant).unwrap_err().to_string();
    assert!(why.contains("jithost is missing"), "{why}");
}

#[test]
fn a_shared_login_gets_no_grant() {
    let text = "dn: uid=a,ou=people,dc=local\nuid: alice\n\ndn: uid=b,ou=people,dc=local\nuid: alice\n";
    assert!(matches!(
        add_grant(text.as_bytes(), &b(), &new_grant("alice")),
        Err(WriteError::LoginShared(..))
    ));
}

#[test]
fn a_revocation_by_id_by_its_beginning_and_by_dn() {
    let text = add_grant(b"", &b(), &new_grant("alice")).unwrap().text;
    for name in [
        "0123456789abcdef0123456789abcdef",
        "0123",
        "0123456789ABCDEF",
        "cn=0123456789abcdef0123456789abcdef,ou=grants,ou=jit,dc=local",
    ] {
        let written = add_revocation(&text, &b(), &revoke(name)).unwrap();
        assert!(written.text.starts_with(&text));
        let source = understood(&written.text, &b()).unwrap();
        let revocation = &source.grants[&EntryUuid([7; 16])].revocations[0];
        assert_eq!(revocation.by.as_ref().unwrap().to_string(), "uid=root,ou=people,dc=local");
        assert_eq!((revocation.at, revocation.reason.as_deref()), (Some(NOW), Some("done")));
        assert_eq!(written.grant, "0123456789abcdef0123456789abcdef");
        assert!(matches!(add_revocation(&written.text, &b(), &revoke(name)), Err(WriteError::Revoked(..))));
    }
    for name in ["012", "zzzz", "", "cn=x,ou=grants,ou=jit,dc=local", "uid=alice,ou=people,dc=local"] {
        assert!(matches!(add_revocation(&text, &b(), &revoke(name)), Err(WriteError::NoGrant(_))), "{name}");
    }
    let mut other = new_grant("alice");
    (other.id, other.uuid) = ("0123fff".to_owned(), EntryUuid([8; 16]));
    let two = add_grant(&text, &b(), &other).unwrap().text;
    assert!(matches!(add_revocation(&two, &b(), &revoke("0123")), Err(WriteError::Ambiguous(..))));
}

#[test]
fn a_malformed_grant_can_be_revoked() {
    let text = "dn: ou=grants,ou=jit,dc=local\nou: grants\n\n\
        dn: cn=g1,ou=grants,ou=jit,dc=local\nobjectClass: jitGrant\ncn: g1\njitHost: not a host\n";
    let written = add_revocation(text.as_bytes(), &b(), &revoke("g1")).unwrap();
    let source = understood(&written.text, &b()).unwrap();
    assert_eq!(source.revoked_aside.len(), 1);
}

proptest! {
    /// Whatever stands in a good file and whatever is asked for: the old text is kept, the grant comes back as asked.
    #[test]
    fn a_grant_comes_back_as_it_was_asked_for(
        login in "[a-zA-Z0-9._@+$][a-zA-Z0-9._@+$-]{0,12}",
        reason in prop::option::of("[^\\p{Cc}]{1,60}"),
        ticket in prop::option::of("[^\\p{Cc}]{1,20}"),
        seconds in 1_u64..10_000_000,
        comment in "[ -~]{0,30}",
        blank in 0_usize..3,
    ) {
        let before = format!("# {comment}\n{}", "\n".repeat(blank));
        let grant = NewGrant { reason, ticket, end: End::After(Span(seconds)), ..new_grant(&login) };
        let written = add_grant(before.as_bytes(), &b(), &grant).unwrap();
        prop_assert!(written.text.starts_with(before.as_bytes()));
        let source = understood(&written.text, &b()).unwrap();
        let found = &source.grants[&grant.uuid].grant;
        prop_assert_eq!(&found.reason, &grant.reason);
        prop_assert_eq!(&found.ticket, &grant.ticket);
        prop_assert_eq!(found.end, grant.end);
        prop_assert_eq!(&source.people.person(&found.subject).unwrap().login, &grant.login);
        let revoked = add_revocation(&written.text, &b(), &revoke(&grant.id)).unwrap();
        prop_assert!(revoked.text.starts_with(&written.text));
    }

    #[test]
    fn any_text_never_panics(text in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(written) = add_grant(&text, &b(), &new_grant("alice")) {
            prop_assert!(written.text.starts_with(&text));
        }
        let _ = add_revocation(&text, &b(), &revoke("0123"));
    }
}
