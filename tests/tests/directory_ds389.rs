//! Following a real 389 Directory Server: push and polling, with the project's own access rules.

use jit_directory::ldap::{Follow, StartTls, Way};
use jit_tests::ds389::Ds389;
use jit_tests::follow::{self, Following, access, config, grant, revocation};
use jit_tests::trouble::Result;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const G1: &str = "cn=g1,ou=grants,ou=jit,dc=example,dc=com";
const R1: &str = "cn=r,cn=g1,ou=grants,ou=jit,dc=example,dc=com";

/// What every way of following must show, of a grant that she asks for herself.
async fn life_of_a_grant(server: &Ds389, following: &mut Following) -> Result<()> {
    let asks = || server.add_as(ALICE, "alice-secret", &grant("g1", ALICE));
    let shown = follow::life_of_a_grant(server, following, asks).await?;
    assert_eq!(shown.attributes["creatorsname"], [ALICE.as_bytes()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_over_start_tls() -> Result<()> {
    let server = Ds389::plan().up()?;
    let mut following = Following::begin(config(&server, &[server.named()], StartTls::Use)?);
    life_of_a_grant(&server, &mut following).await?;
    assert_eq!(following.connected().await?, (server.named(), Way::Push));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_over_ldaps() -> Result<()> {
    let server = Ds389::plan().up()?;
    let mut config = config(&server, &[server.tls()], StartTls::No)?;
    config.follow = Follow::Poll;
    let mut following = Following::begin(config);
    life_of_a_grant(&server, &mut following).await?;
    assert_eq!(following.connected().await?.1, Way::Poll);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_it_was_down_is_known_afterwards() -> Result<()> {
    let mut server = Ds389::plan().up()?;
    server.add(&grant("g1", ALICE))?;
    let mut following = Following::begin(config(&server, &[server.named()], StartTls::Use)?);
    following.until("the grant is there", |e| access(e, G1).is_some()).await?;
    server.kill()?;
    following.trouble("").await?;
    server.start()?;
    server.add(&revocation("g1"))?;
    following.until("the revocation is there", |e| access(e, R1).is_some()).await?;
    Ok(())
}

/// What it says of an entry, one attribute.
fn says(server: &Ds389, dn: &str, attribute: &str) -> Result<String> {
    let shown = server.search(dn, &["-s", "base", attribute])?;
    let prefix = format!("{attribute}: ");
    Ok(shown.lines().find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default().to_owned())
}

#[test]
fn what_the_server_writes_is_taken_from_nobody() -> Result<()> {
    let server = Ds389::plan().up()?;
    for (n, (name, value)) in [
        ("creatorsName", "uid=bob,ou=people,dc=example,dc=com"),
        ("createTimestamp", "20200101000000Z"),
        ("entryUUID", "11111111-1111-4111-8111-111111111111"),
        ("nsUniqueId", "11111111-11111111-11111111-11111111"),
    ]
    .into_iter()
    .enumerate()
    {
        let forged = |id: &str| format!("{}\n{name}: {value}\n", grant(id, ALICE).trim_end());
        let (person, admin) = (format!("p{n}"), format!("d{n}"));
        server.add_as(ALICE, "alice-secret", &forged(&person))?;
        server.add(&forged(&admin))?;
        for id in [person, admin] {
            let dn = format!("cn={id},ou=grants,ou=jit,dc=example,dc=com");
            assert_ne!(says(&server, &dn, name)?, value, "{id} {name}");
            let change = format!("dn: {dn}\nchangetype: modify\nreplace: {name}\n{name}: {value}\n");
            assert!(server.change(&change).is_err(), "{name}");
        }
    }
    Ok(())
}

#[test]
fn nobody_opens_his_own_grant_by_rules_that_he_brings() -> Result<()> {
    let server = Ds389::plan().up()?;
    let open =
        "aci: (targetattr=\"*\")(version 3.0; acl \"x\"; allow (all,proxy) userdn=\"ldap:///anyone\";)\n";
    let mine = format!("{}\n{open}", grant("g1", ALICE).trim_end());
    let refused = server.add_as(ALICE, "alice-secret", &mine);
    assert!(refused.is_err_and(|error| error.to_string().contains("exit status: 50")));
    // And where such rules stand above, by whoever wrote them: what was written is not changed, and a revocation not deleted.
    server.add(&mine)?;
    server.add(&revocation("g1"))?;
    for change in [
        format!("dn: {G1}\nchangetype: modify\nadd: jitHost\njitHost: *\n"),
        format!("dn: {R1}\nchangetype: delete\n"),
    ] {
        for (dn, password) in [("", ""), (ALICE, "alice-secret")] {
            let refused = server.change_as(dn, password, &change);
            assert!(
                refused.is_err_and(|error| error.to_string().contains("exit status: 50")),
                "{dn}: {change}"
            );
        }
    }
    Ok(())
}
