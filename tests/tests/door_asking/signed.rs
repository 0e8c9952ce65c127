//! With signatures, by a key that ssh-agent holds: where they are the proof, nobody's rights in the directory matter.

use jit_tests::company::laptop::{Client, PASSWORDS};
use jit_tests::company::{Company, START_TLS, Source};
use jit_tests::trouble::Result;

use super::flow::{Place, QUICK};

#[test]
fn from_asking_to_revoking_with_signatures_by_an_agent() -> Result<()> {
    let source = Source { proof: "signature", more: QUICK, ..START_TLS };
    let company = Company::new(&["alice"], &jit_tests::ldif::Ldif::new(), source)?;
    let laptop = company.laptop(&["alice", "bob", "mallory"], Client { proof: "signature", ..PASSWORDS })?;
    let key = laptop.key_in_agent("bob")?;
    let line = format!("bob namespaces=\"jit-approval\" {key}");
    company.door.host().write("/etc/jitd/allowed_signers", 0o644, line)?;
    company.open()?;
    Place { door: &company.door, laptop: &laptop, role: "careful" }.goes_the_whole_way()
}
