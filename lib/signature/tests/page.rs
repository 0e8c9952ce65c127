//! What docs/signatures.md shows is what the code and ssh-keygen make of it.

mod openssh;

use std::fs;
use std::process::Command;

use jit_model::signature::Signature;
use jit_signature::{AllowedSigners, Statement, attribute, check, split};
use openssh::OpenSsh;

const PAGE: &str = include_str!("../../../docs/signatures.md");

/// The only block of this kind on the page.
fn block(kind: &str) -> &'static str {
    let mut blocks = PAGE.split("```").filter_map(|block| block.strip_prefix(kind)?.strip_prefix('\n'));
    let block = blocks.next().unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!(blocks.next(), None, "{kind}");
    block
}

fn value() -> Vec<u8> {
    [block("statement"), block("signature")].concat().into_bytes()
}

#[test]
fn the_vector_is_what_we_write_and_what_counts() {
    let statement = Statement::parse(block("statement")).unwrap();
    assert_eq!(statement.text(), block("statement"));
    assert_eq!(attribute(&statement, block("signature")), Ok(value()));
    assert_eq!(split(&value()), Ok((statement.clone(), block("signature"))));
    for list in [format!("bob {}", block("key")), block("allowed_signers").to_owned()] {
        let allowed = AllowedSigners::parse(&list);
        assert_eq!((allowed.skipped(), allowed.remarks()), (&[][..], &[][..]), "{list}");
        let word = check(&value(), &statement.approver, &allowed);
        let Signature::Good(signed) = word else { panic!("{word:?}") };
        assert_eq!(
            (signed.principal.as_str(), signed.at, signed.latest_end),
            ("bob", statement.at, statement.latest_end)
        );
    }
}

#[test]
fn the_commands_do_what_the_page_says() {
    let ssh = OpenSsh::new();
    fs::write(ssh.path().join("approval"), value()).unwrap();
    fs::write(ssh.path().join("allowed_signers"), block("allowed_signers")).unwrap();
    let run = || {
        let output = Command::new("sh").current_dir(ssh.path()).args(["-euc", block("sh")]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (good, said) = run();
    assert!(good && said.contains("Good \"jit-approval\" signature for bob"), "{said}");
    assert_eq!(fs::read_to_string(ssh.path().join("statement")).unwrap(), block("statement"));
    let longer = String::from_utf8(value()).unwrap().replace("not-after 2026", "not-after 2027");
    fs::write(ssh.path().join("approval"), longer).unwrap();
    assert!(!run().0);
}
