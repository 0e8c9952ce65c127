//! How long a revocation takes from the administrator's hands to a whole set on the host. Reported, never asserted: run it
//! with `cargo test -p jit-tests --test directory_latency -- --ignored --nocapture`.

use std::time::Instant;

use jit_directory::ldap::StartTls;
use jit_tests::follow::{Following, access, config, grant, revocation};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a figure, not a test"]
async fn revocation_to_whole_set() -> Result<()> {
    let grants: String = (0..20)
        .map(|n| format!("{}\n", grant(&format!("g{n}"), "uid=alice,ou=people,dc=example,dc=com")))
        .collect();
    let slapd = Slapd::plan().with(&grants).up()?;
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    following.until("all are there", |e| e.access.len() == 21).await?;
    let mut sent_to_known = Vec::new();
    let mut acknowledged_to_known = Vec::new();
    for n in 0..20 {
        let ldif = revocation(&format!("g{n}"));
        let name = format!("cn=r,cn=g{n},ou=grants,ou=jit,dc=example,dc=com");
        let sent = Instant::now();
        slapd.add(&ldif)?;
        let acknowledged = Instant::now();
        following.until("it is known", |e| access(e, &name).is_some()).await?;
        let known = Instant::now();
        sent_to_known.push(known - sent);
        acknowledged_to_known.push(known - acknowledged);
    }
    sent_to_known.sort();
    acknowledged_to_known.sort();
    println!("ldapadd started → whole set: median {:?}, worst {:?}", sent_to_known[10], sent_to_known[19]);
    println!(
        "ldapadd ended → whole set: median {:?}, worst {:?}",
        acknowledged_to_known[10], acknowledged_to_known[19]
    );
    Ok(())
}
