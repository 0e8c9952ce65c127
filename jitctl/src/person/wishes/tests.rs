use clap::Parser;

use super::super::ask::fake::Script;
use super::super::testing::{NOW, asking, bases, person};
use super::*;
use crate::cli::{Cli, Command};

fn args(typed: &str) -> RequestArgs {
    let words = ["jitctl", "request"].into_iter().chain(typed.split_whitespace());
    match Cli::try_parse_from(words).unwrap().command {
        Command::Request(args) => args,
        other => panic!("{other:?}"),
    }
}

fn made(typed: &str, asker: &mut Asker<'_>) -> Result<Wish, Failure> {
    wish(&args(typed), &asking(&[]), &bases().roles, &person("alice"), asker, NOW)
}

#[test]
fn a_whole_command_line_asks_nothing() {
    let mut nobody = Script::default();
    let wish = made(
        "--role two --host a.example.com,b.example.com --for 1h --at now+1h --reason r --ticket OPS-1 --service sshd",
        &mut Asker::Person(&mut nobody),
    )
    .unwrap();
    assert_eq!(nobody.said, "");
    assert_eq!((wish.end, wish.not_before), (End::After(Span(3_600)), Some(NOW.plus(Span(3_600)))));
    assert_eq!((wish.hosts.len(), wish.services.len()), (2, 1));
    assert_eq!(
        made("--role ops --host a.example.com --for 1h --at now", &mut Asker::Nobody).unwrap().not_before,
        None
    );
}

#[test]
fn a_script_hears_of_all_that_is_missing_at_once() {
    let failure = made("", &mut Asker::Nobody).unwrap_err();
    assert_eq!(
        failure.text,
        "what is missing: --role ROLE (you can ask for: free, ops, two) --host HOST --for DURATION"
    );
    let failure = made("--host web1.example.org", &mut Asker::Nobody).unwrap_err();
    assert_eq!(failure.text, "what is missing: --role ROLE (you can ask for: free, two) --for DURATION");
    let failure = made("--role two --host a --for 1h", &mut Asker::Nobody).unwrap_err();
    assert!(failure.text.contains("the role two wants a reason: --reason"), "{}", failure.text);
    assert_eq!(failure.code, "usage");
}

#[test]
fn a_person_is_asked_for_what_is_missing_and_corrected() {
    let answers = [
        "0",
        "4",
        "nothing",
        "3",
        "a b!",
        "web1.example.com, web2.example.com",
        "0s",
        "3h",
        "1h",
        "",
        "why",
        "x",
        "OPS-9",
    ];
    let mut script = Script::of(&answers);
    let wish = made("", &mut Asker::Person(&mut script)).unwrap();
    assert_eq!(script.answers, [""; 0], "{}", script.said);
    assert_eq!(wish.role.name, "two");
    assert_eq!(wish.hosts.len(), 2);
    assert_eq!((wish.reason.as_deref(), wish.ticket.as_deref()), (Some("why"), Some("OPS-9")));
    for said in [
        "  1.  free  at most 2h",
        "`4` is none of them",
        "names no host",
        "allows 2h at most",
        "such as OPS-1234",
    ] {
        assert!(script.said.contains(said), "{said}: {}", script.said);
    }
}

#[test]
fn the_end_of_input_writes_nothing() {
    for (typed, answers, flag) in [
        ("", &[][..], "--role ROLE"),
        ("--role ops", &[], "--host HOST"),
        ("--role ops --host a.example.com", &[], "--for 2h"),
        ("--role ops --host a.example.com --for 1h", &[], "no reason was given"),
        ("--role two --host a.example.com --for 1h --reason r", &[], "--ticket TICKET"),
        ("--role ops", &["x y!", "x y!", "x y!", "x y!", "x y!", "web1.example.com"], "--host HOST"),
    ] {
        let failure = made(typed, &mut Asker::Person(&mut Script::of(answers))).unwrap_err();
        assert!(
            failure.text.contains(flag) && failure.text.contains("nothing was written"),
            "{typed}: {}",
            failure.text
        );
    }
}
