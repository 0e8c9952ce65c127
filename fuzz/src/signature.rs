//! Signatures of approvals and lists of signers: a value of jitSignature, a NUL, and the list by which it is judged.

use jit_model::dn::Dn;
use jit_model::signature::Signature;
use jit_signature::{AllowedSigners, Statement, attribute, check, split};

/// The seeds, each signed by a key of another type.
pub const SIGNED: [&str; 5] = ["ed25519", "ecdsa", "rsa", "sk-ed25519", "sk-ecdsa"];

/// What was ever signed: the statement of the first three seeds, and that of the others.
const STATEMENTS: [&[u8]; 2] =
    [include_bytes!("../seeds/signature/ed25519"), include_bytes!("../seeds/signature/sk-ed25519")];

fn bob() -> Dn {
    Dn::parse("uid=bob,ou=people,dc=example,dc=com").unwrap_or_else(|error| panic!("{error}"))
}

fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    let border = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    (&data[..border], data.get(border + 1..).unwrap_or_default())
}

/// Whether it is what its list lets count.
pub fn is_good(data: &[u8]) -> bool {
    let (value, list) = parts(data);
    matches!(check(value, &bob(), &AllowedSigners::parse(list)), Signature::Good(_))
}

/// Nobody has the keys of the seeds: whatever counts was signed with them over these very words, by bob, within what the list allows. What is
/// understood is what would have been written.
pub fn signature(data: &[u8]) {
    let (value, list) = parts(data);
    let allowed = AllowedSigners::parse(list);
    let lines = list.split(|byte| *byte == b'\n').count();
    assert!(allowed.signers().len() + allowed.skipped().len() <= lines);
    assert_eq!(allowed.trouble().is_some(), allowed.signers().is_empty());
    if let Ok(text) = std::str::from_utf8(value) {
        if let Ok(statement) = Statement::parse(text) {
            assert_eq!(statement.text(), text);
        }
    }
    if let Ok((statement, armored)) = split(value) {
        assert_eq!(attribute(&statement, armored).as_deref(), Ok(value));
    }
    let Signature::Good(signed) = check(value, &bob(), &allowed) else { return };
    assert_eq!(signed.principal, "bob");
    let (statement, _) = split(value).unwrap_or_else(|error| panic!("{error}"));
    assert!(STATEMENTS.iter().any(|signed| signed.starts_with(statement.text().as_bytes())), "forged");
    assert!(signed.latest_end <= statement.latest_end);
    let line = allowed.signers().iter().find(|signer| signer.key == signed.key && signer.signs_approvals());
    let line = line.unwrap_or_else(|| panic!("{} is in no line", signed.key));
    assert!(line.valid_before.is_none_or(|before| signed.at <= before) || allowed.signers().len() > 1);
}
