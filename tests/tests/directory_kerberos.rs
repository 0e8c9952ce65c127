//! Kerberos against a real KDC and a real OpenLDAP: a host by its keytab, a person by a ticket, and what is said when there is none.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jit_directory::ldap::{Bind, Credentials, LdapConfig, StartTls, Visit, Way, gssapi, probe};
use jit_tests::follow::{Following, access, config, dn, grant, revocation};
use jit_tests::kdc::alone;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use rustix::process::Signal;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const G1: &str = "cn=g1,ou=grants,ou=jit,dc=example,dc=com";
const R1: &str = "cn=r,cn=g1,ou=grants,ou=jit,dc=example,dc=com";
static TURNS: AtomicU32 = AtomicU32::new(0);
const HOST: &str = "host/web1.prod.example.com";

/// On a runtime with as few threads as the daemon has.
fn run(body: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Trouble::new(e.to_string()))?.block_on(body)
}

fn keyed(keytab: PathBuf, principal: &str) -> Bind {
    Bind::Gssapi { credentials: Credentials::Keytab { keytab, principal: principal.to_owned() } }
}

fn by(slapd: &Slapd, bind: Bind) -> Result<LdapConfig> {
    Ok(LdapConfig { bind, ..config(slapd, &[slapd.tls()], StartTls::No)? })
}

/// What is said of the only server, when it cannot be used.
async fn trouble(config: &LdapConfig) -> String {
    let mut outcomes = probe(config).await;
    match outcomes.pop() {
        Some((_, Err(trouble))) => trouble.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The fault is told with these words in it.
async fn told(config: &LdapConfig, words: &[&str]) {
    let text = trouble(config).await;
    assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
}

#[test]
fn a_host_follows_by_its_keytab_and_hears_of_a_revocation() -> Result<()> {
    alone("a_host_follows_by_its_keytab_and_hears_of_a_revocation", |kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let bind = keyed(kdc.keytab(HOST)?, HOST);
        for (uri, start_tls) in [(slapd.tls(), StartTls::No), (slapd.named(), StartTls::Use)] {
            run(async {
                let config = LdapConfig {
                    bind: bind.clone(),
                    ..config(&slapd, std::slice::from_ref(&uri), start_tls)?
                };
                config.check().map_err(|e| Trouble::new(e.to_string()))?;
                let mut following = Following::begin(config);
                slapd.add(&grant("g1", ALICE))?;
                following.until("the grant is there", |e| access(e, G1).is_some()).await?;
                slapd.add(&revocation("g1"))?;
                following.until("the revocation is there", |e| access(e, R1).is_some()).await?;
                assert_eq!(following.connected().await?, (uri, Way::Push));
                slapd.delete(R1)?;
                slapd.delete(G1)
            })?;
        }
        Ok(())
    })
}

#[test]
fn a_keytab_that_will_not_do_is_named_with_what_would() -> Result<()> {
    alone("a_keytab_that_will_not_do_is_named_with_what_would", |kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let keytab = kdc.keytab(HOST)?;
        let with = |keytab: &PathBuf, principal: &str| by(&slapd, keyed(keytab.clone(), principal));
        run(async {
            assert!(probe(&with(&keytab, HOST)?).await[0].1.is_ok());
            told(&with(&keytab.with_extension("gone"), HOST)?, &["own files", "No such file"]).await;
            told(&with(&keytab, "host/web2.prod.example.com")?, &["bind: ", "klist -k"]).await;
            let unknown = kdc.keytab("host/db1.prod.example.com")?;
            kdc.admin("delprinc -force host/db1.prod.example.com")?;
            let db1 = "host/db1.prod.example.com";
            told(&with(&unknown, db1)?, &["not found in Kerberos database", "make it, or correct"]).await;
            // The KDC has a newer key than the file.
            kdc.admin(&format!("cpw -randkey {HOST}"))?;
            told(&with(&keytab, HOST)?, &["bind: ", "fetch a new keytab"]).await;
            std::fs::set_permissions(&keytab, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
            told(&with(&keytab, HOST)?, &["own files", "chmod o="]).await;
            let empty = keytab.with_extension("empty");
            std::fs::write(&empty, "").unwrap();
            std::fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            told(&with(&empty, HOST)?, &["bind: "]).await;
            Ok(())
        })
    })
}

#[test]
fn a_server_that_has_no_key_or_an_old_one_is_named() -> Result<()> {
    alone("a_server_that_has_no_key_or_an_old_one_is_named", |kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let config = by(&slapd, keyed(kdc.keytab(HOST)?, HOST))?;
        run(async {
            kdc.admin("cpw -randkey ldap/localhost")?;
            told(&config, &["bind: ", "ldap/localhost", "newest key"]).await;
            kdc.admin("delprinc -force ldap/localhost")?;
            told(&config, &["not found in Kerberos database", "ldap/<name>"]).await;
            Ok(())
        })
    })
}

#[test]
fn without_tls_no_ticket_is_shown() -> Result<()> {
    alone("without_tls_no_ticket_is_shown", |kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let bind = keyed(kdc.keytab(HOST)?, HOST);
        run(async {
            for uri in [slapd.plain(), slapd.socket()] {
                let config = LdapConfig { bind: bind.clone(), ..config(&slapd, &[uri], StartTls::No)? };
                assert!(config.check().unwrap_err().to_string().contains("under TLS only"));
                // Nor when nobody has asked.
                told(&config, &["under TLS only"]).await;
            }
            Ok(())
        })
    })
}

#[test]
fn a_kdc_that_is_gone_or_hangs_costs_no_more_than_the_deadline_and_is_found_again() -> Result<()> {
    alone("a_kdc_that_is_gone_or_hangs_costs_no_more_than_the_deadline_and_is_found_again", |mut kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let mut config = by(&slapd, keyed(kdc.keytab(HOST)?, HOST))?;
        run(async {
            kdc.kill()?;
            told(&config, &["bind: ", "Cannot contact any KDC", "port 88"]).await;
            kdc.start(&[])?;
            assert!(probe(&config).await[0].1.is_ok());

            kdc.signal(Signal::STOP)?;
            config.patience.operation = Duration::from_millis(300);
            // Another task of the same thread goes on meanwhile: a second source, the answers to the modules.
            let other = tokio::spawn(async {
                let mut turns = 0_u32;
                loop {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    turns += 1;
                    TURNS.store(turns, Ordering::Relaxed);
                }
            });
            told(&config, &["bind: ", "no answer within 300ms", "krb5.conf"]).await;
            assert!(TURNS.load(Ordering::Relaxed) > 10, "the runtime's thread was blocked");
            other.abort();
            let mut following = Following::begin(config);
            following.trouble("port 88").await?;
            kdc.signal(Signal::CONT)?;
            following.until("it is found again", |e| !e.access.is_empty()).await?;
            Ok(())
        })
    })
}

#[test]
fn a_connection_outlives_its_ticket_and_the_next_one_fetches_another() -> Result<()> {
    alone("a_connection_outlives_its_ticket_and_the_next_one_fetches_another", |kdc| {
        let mut slapd = Slapd::plan().kerberos(&kdc).up()?;
        let keytab = kdc.keytab(HOST)?;
        kdc.admin(&format!("modprinc -maxlife 2seconds {HOST}"))?;
        let config = by(&slapd, keyed(keytab.clone(), HOST))?;
        run(async {
            let mut following = Following::begin(config);
            following.until("the role is there", |e| !e.access.is_empty()).await?;
            // A ticket of the same life that was fetched later has expired: so has the connection's.
            kdc.expired_by_keytab(&keytab, HOST)?;
            slapd.add(&grant("g1", ALICE))?;
            following.until("the grant is there", |e| access(e, G1).is_some()).await?;
            let given = kdc.given(HOST);
            slapd.kill()?;
            following.trouble("").await?;
            slapd.start()?;
            slapd.add(&revocation("g1"))?;
            following.until("the revocation is there", |e| access(e, R1).is_some()).await?;
            assert!(kdc.given(HOST) > given, "the old ticket was used again");
            Ok(())
        })
    })
}

#[test]
fn clocks_that_differ_are_named() -> Result<()> {
    alone("clocks_that_differ_are_named", |mut kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let config = by(&slapd, keyed(kdc.keytab(HOST)?, HOST))?;
        let shift = format!("LD_PRELOAD={}", kdc.clock_shift(3_600)?.display());
        run(async {
            kdc.kill()?;
            kdc.start(&["env", &shift])?;
            told(&config, &["bind: ", "clock"]).await;
            kdc.kill()?;
            kdc.start(&[])?;
            assert!(probe(&config).await[0].1.is_ok());
            Ok(())
        })
    })
}

#[test]
fn a_person_visits_by_the_ticket_and_is_told_to_fetch_one() -> Result<()> {
    alone("a_person_visits_by_the_ticket_and_is_told_to_fetch_one", |mut kdc| {
        let slapd = Slapd::plan().kerberos(&kdc).up()?;
        let config = by(&slapd, Bind::Gssapi { credentials: Credentials::Ticket })?;
        run(async {
            assert!(!gssapi::has_ticket());
            told(&config, &["bind: ", "kinit"]).await;
            kdc.kinit("alice", &[])?;
            assert!(gssapi::has_ticket());
            let mut visit = Visit::begin(config.clone()).await.map_err(|e| Trouble::new(e.to_string()))?;
            let me = visit.who_am_i().await.map_err(|e| Trouble::new(e.to_string()))?;
            assert_eq!(me, Some(dn(ALICE)));
            kdc.kdestroy();
            // A ticket is good for a while after its end, for clocks differ.
            kdc.allow_skew(1)?;
            kdc.kill()?;
            kdc.start(&[])?;
            kdc.kinit("bob", &["-l", "2s"])?;
            kdc.expired()?;
            assert!(!gssapi::has_ticket());
            let until = tokio::time::Instant::now() + Duration::from_secs(20);
            while tokio::time::Instant::now() < until && probe(&config).await[0].1.is_ok() {}
            told(&config, &["bind: ", "expired", "kinit"]).await;
            Ok(())
        })
    })
}
