//! Following a real OpenLDAP: push and polling over each kind of connection, with the project's own access rules.

use jit_directory::ldap::{Bind, ClientCertificate, Follow, StartTls, Way};
use jit_tests::follow::{self, Following, config, dn, grant};
use jit_tests::slapd::{Push, Slapd};
use jit_tests::trouble::Result;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";

/// What every way of following must show, of a grant that the administrator adds.
async fn life_of_a_grant(slapd: &Slapd, following: &mut Following) -> Result<()> {
    follow::life_of_a_grant(slapd, following, || slapd.add(&grant("g1", ALICE))).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_over_start_tls_with_a_password() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let mut following = Following::begin(config(&slapd, &[slapd.named()], StartTls::Use)?);
    life_of_a_grant(&slapd, &mut following).await?;
    assert_eq!(following.connected().await?, (slapd.named(), Way::Push));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_over_ldaps_with_a_certificate() -> Result<()> {
    let slapd = Slapd::plan().push(Push::NoLog).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    let certificate = ClientCertificate { cert: slapd.tls_file("host.crt"), key: slapd.tls_file("host.key") };
    config.bind = Bind::External { certificate: Some(certificate) };
    let mut following = Following::begin(config);
    life_of_a_grant(&slapd, &mut following).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_over_a_unix_socket_as_ourselves() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let mut config = config(&slapd, &[slapd.socket()], StartTls::No)?;
    config.bind = Bind::External { certificate: None };
    let mut following = Following::begin(config);
    life_of_a_grant(&slapd, &mut following).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_where_the_server_cannot_push() -> Result<()> {
    let slapd = Slapd::plan().push(Push::None).up()?;
    let mut following = Following::begin(config(&slapd, &[slapd.plain()], StartTls::No)?);
    life_of_a_grant(&slapd, &mut following).await?;
    assert_eq!(following.connected().await?, (slapd.plain(), Way::Poll));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_where_we_are_told_to_as_nobody() -> Result<()> {
    let slapd = Slapd::plan().open().up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    config.bind = Bind::Anonymous;
    config.follow = Follow::Poll;
    let mut following = Following::begin(config);
    life_of_a_grant(&slapd, &mut following).await?;
    assert_eq!(following.connected().await?.1, Way::Poll);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_concerns_this_host_is_fetched() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    for (cn, host) in [
        ("own", "WEB1.prod.example.com"),
        ("domain", "*.example.com"),
        ("group", "@web"),
        ("all", "*"),
        ("other", "web2.prod.example.com"),
        ("near", "*.prod.example.org"),
    ] {
        slapd.add(&grant(cn, ALICE).replace("web1.prod.example.com", host))?;
    }
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    let first = following.until("all are there", |e| !e.access.is_empty()).await?;
    let names: Vec<String> = first.access.values().map(|entry| entry.dn.rdn_value()).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["all", "domain", "group", "operator", "own"]);
    assert!(first.access.values().all(|e| e.dn.is_below(&dn("ou=jit,dc=example,dc=com"))));
    Ok(())
}
