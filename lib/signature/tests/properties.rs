//! Statements and lists that nobody would write.

use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, GrantDigest};
use jit_model::time::{Span, Timestamp};
use jit_signature::{AllowedSigners, Statement, attribute, check, split};
use proptest::prelude::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIObpHsQGUeYyFLj0EjYzXkMYXoyCN7cbwo2UIMjB7Hp5";

fn statements() -> impl Strategy<Value = Statement> {
    let time = || (-62_167_219_200_i64..=253_402_300_799).prop_map(Timestamp);
    let name = prop_oneof!["[a-z]{1,8}", "\\PC{1,20}", "[ ,+=#\\\\\"<>;\n\r\t*!]{1,6}[a-z]"];
    let dn = name
        .prop_filter_map("no name", |name| Dn::parse("ou=people,dc=example").ok()?.child("uid", &name).ok());
    let only = proptest::option::of((1_u64..).prop_map(Span));
    (any::<[u8; 16]>(), any::<[u8; 32]>(), dn, only, time(), time()).prop_map(
        |(uuid, digest, approver, duration, at, latest_end)| Statement {
            grant: EntryUuid(uuid),
            digest: GrantDigest(digest),
            approver,
            duration,
            at,
            latest_end,
        },
    )
}

proptest! {
    #[test]
    fn a_statement_is_read_as_it_was_written(statement in statements()) {
        let text = statement.text();
        let lines = 6 + usize::from(statement.duration.is_some());
        prop_assert_eq!(text.lines().count(), lines);
        prop_assert_eq!(text.matches('\n').count(), lines);
        prop_assert_eq!(Statement::parse(&text), Ok(statement));
    }

    #[test]
    fn what_is_read_is_what_was_written(statement in statements(), at in any::<prop::sample::Index>(), with in ".{0,3}") {
        let mut text = statement.text();
        let at = at.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &with);
        }
        if let Ok(read) = Statement::parse(&text) {
            prop_assert_eq!(read.text(), text);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}", base64 in "[A-Za-z0-9+/]{0,40}={0,2}", statement in statements()) {
        let bob = Dn::parse("uid=bob,dc=example").unwrap();
        let list = AllowedSigners::parse(format!("* {KEY}\n"));
        check(&bytes, &bob, &list);
        check(text.as_bytes(), &bob, &list);
        AllowedSigners::parse(&bytes);
        AllowedSigners::parse(&text);
        let _ = Statement::parse(&text);
        let armored = format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n");
        if let Ok(value) = attribute(&statement, &armored) {
            let (again, _) = split(&value).unwrap();
            prop_assert_eq!(&again, &statement);
            check(&value, &statement.approver, &list);
        }
    }

    #[test]
    fn a_bad_line_takes_nothing_but_itself(lines in prop::collection::vec("[ -~\t]{0,80}", 0..8), at in any::<prop::sample::Index>()) {
        let alone = AllowedSigners::parse(lines.join("\n"));
        let mut with = lines.clone();
        let place = at.index(lines.len() + 1);
        with.insert(place, format!("bob {KEY}"));
        let with = AllowedSigners::parse(with.join("\n"));
        prop_assert_eq!(with.signers().len(), alone.signers().len() + 1);
        prop_assert!(with.signers().iter().any(|signer| signer.line == place + 1 && signer.principals == "bob"));
        prop_assert_eq!(with.skipped().len(), alone.skipped().len());
    }

    #[test]
    fn options_never_panic(options in "(cert-authority|namespaces=|valid-after=|valid-before=|\"|\\\\|,|\\PC|20261231|Z| |\t){0,12}") {
        AllowedSigners::parse(format!("bob {options} {KEY}\n\"bob{options}\" {KEY}\n"));
    }
}
