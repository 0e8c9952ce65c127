//! On 389 Directory Server, by passwords.

use jit_tests::company::laptop::{Laptop, PASSWORDS};
use jit_tests::company::{LDAPS, Source, guarded, joined};
use jit_tests::ds389::Ds389;
use jit_tests::ldif::{Ldif, group};
use jit_tests::trouble::Result;

use super::flow::{Place, QUICK};

#[test]
fn from_asking_to_revoking_on_389_ds_by_password() -> Result<()> {
    let (host, ldap) = joined()?;
    let entries = Ldif::new().role(
        "careful",
        &[
            ("jitHost", "*"),
            ("jitEligible", &group("operators")),
            ("jitApprovalsRequired", "1"),
            ("jitApproverGroup", &group("leads")),
        ],
    );
    let server = Ds389::plan().in_network_of(&ldap).with(&entries.to_string()).up()?;
    let door = guarded(host, &["alice"], Source { more: QUICK, ..LDAPS }, &server.tls_file("ca.crt"))?;
    let laptop = Laptop::joined(&ldap, &server.tls_file("ca.crt"), &["alice", "bob", "mallory"], PASSWORDS)?;
    door.start_jitd()?;
    door.enforce()?;
    Place { door: &door, laptop: &laptop, role: "careful" }.goes_the_whole_way()
}
