use super::super::testing::{NOW, OPERATORS, asking, asking_signed, bases, grant as entry, person};
use super::*;
use jit_model::time::Span;

fn wish(source: &Source, role: &str, subject: Dn, hours: u64) -> Wish {
    Wish {
        role: super::role(source, &bases().roles, &subject, role).unwrap(),
        subject,
        hosts: BTreeSet::from([HostPattern::new("web1.example.com").unwrap()]),
        services: BTreeSet::new(),
        not_before: None,
        end: End::After(Span(hours * 3_600)),
        reason: Some("r".to_owned()),
        ticket: Some("OPS-1".to_owned()),
    }
}

fn foreseen(source: &Source, wish: &Wish) -> Result<(AssessedGrant, Vec<String>), Failure> {
    let grant = draft(wish, &bases().grants, &person("alice"), [7; 16], NOW).unwrap();
    foresee(source, wish, &grant)
}

#[test]
fn a_draft_is_named_by_its_random_bits() {
    let source = asking(&[]);
    let grant =
        draft(&wish(&source, "ops", person("alice"), 1), &bases().grants, &person("alice"), [0xab; 16], NOW);
    let grant = grant.unwrap();
    assert_eq!(grant.id, "ab".repeat(16));
    assert_eq!(grant.dn.as_str(), format!("cn={},ou=grants,ou=jit,dc=local", grant.id));
}

#[test]
fn what_hosts_would_say_is_said_before() {
    let source = asking(&[]);
    let (judged, notes) = foreseen(&source, &wish(&source, "ops", person("alice"), 1)).unwrap();
    assert!(matches!(judged.assessed, Assessed::Pending { missing: 1, .. }) && notes.is_empty());
    let (judged, _) = foreseen(&source, &wish(&source, "free", person("alice"), 1)).unwrap();
    assert_eq!(state_of(&judged, NOW), State::Live);

    let alice = || wish(&source, "two", person("alice"), 1);
    let ops = |hosts: &str| {
        let hosts = BTreeSet::from([HostPattern::new(hosts).unwrap()]);
        Wish { hosts, ..wish(&source, "ops", person("alice"), 1) }
    };
    let operators = Dn::parse(OPERATORS).unwrap();
    for (wish, code, said) in [
        (wish(&source, "ops", person("alice"), 9), "too-long", "--for 8h at most"),
        (
            wish(&source, "ops", person("mallory"), 1),
            "not-eligible",
            "being one of operators; nothing was written\nmallory can ask for no role",
        ),
        (wish(&source, "free", person("bob"), 1), "not-eligible", "bob can ask for: ops, two"),
        (wish(&source, "ops", person("nobody"), 1), "subject-missing", "bind as yourself"),
        (wish(&source, "free", operators, 1), "ok", ""),
        (Wish { reason: None, ..alice() }, "reason-required", "--reason"),
        (Wish { ticket: None, ..alice() }, "ticket-required", "such as OPS-1234"),
        (Wish { ticket: Some("x".to_owned()), ..alice() }, "ticket-required", "`x` does not"),
        (
            Wish { services: [Service::new("sudo").unwrap()].into(), ..alice() },
            "wrong-service",
            "but for sshd",
        ),
        (ops("web1.example.org"), "not-this-host", "but for *.example.com"),
        (ops("*"), "ok", "counts only on *.example.com"),
        (ops("@web"), "ok", "known on the host only"),
    ] {
        match foreseen(&source, &wish) {
            Ok((_, notes)) => assert!(code == "ok" && notes.join(" ").contains(said), "{wish:?} {notes:?}"),
            Err(failure) => {
                assert_eq!(failure.code, code, "{}", failure.text);
                assert!(failure.text.contains(said), "{}", failure.text);
                assert!(failure.text.contains("nothing was written"), "{}", failure.text);
            }
        }
    }
}

#[test]
fn the_twenty_first_is_not_written() {
    let many = |n: usize| {
        let each = (0..n).map(|i| entry(&format!("g{i}"), "alice", "ops", "jitDuration: 60\n"));
        asking(&each.collect::<Vec<_>>())
    };
    let source = many(19);
    assert!(foreseen(&source, &wish(&source, "ops", person("alice"), 1)).is_ok());
    let source = many(20);
    let failure = foreseen(&source, &wish(&source, "ops", person("alice"), 1)).unwrap_err();
    assert_eq!(failure.code, "too-many-pending");
    assert!(failure.text.contains("alice has 20 requests"), "{}", failure.text);
}

#[test]
fn where_approvals_are_signed_a_role_without_any_is_refused() {
    let source = asking_signed(&[]);
    assert_eq!(
        foreseen(&source, &wish(&source, "free", person("alice"), 1)).unwrap_err().code,
        "nobody-signs"
    );
}

#[test]
fn a_role_is_named_by_name_or_dn_and_never_guessed() {
    let source = asking(&[]);
    let named = |name: &str| super::role(&source, &bases().roles, &person("alice"), name);
    assert_eq!(named("OPS").unwrap().name, "ops");
    assert_eq!(named("cn=ops,ou=roles,ou=jit,dc=local").unwrap().name, "ops");
    for unknown in ["op", "ops two", "cn=ops,ou=groups,dc=local"] {
        let failure = named(unknown).unwrap_err();
        assert_eq!(failure.code, "role-missing", "{}", failure.text);
        assert!(failure.text.contains("you can ask for: free, ops, two"), "{}", failure.text);
    }
}

#[test]
fn durations_are_written_as_they_are_typed() {
    for (seconds, text) in [(90, "90s"), (120, "2m"), (5_400, "90m"), (28_800, "8h"), (172_800, "2d")] {
        assert_eq!(typed(Span(seconds)), text);
        assert_eq!(text.parse(), Ok(Span(seconds)));
    }
}
