//! People's visits to a real OpenLDAP under the project's own access rules: who they are, what they see, what they add, and what comes of
//! it when the server is away, hangs, hangs up, or sends nonsense.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jit_directory::ldap::{Bind, Cause, LdapConfig, Secret, StartTls, Visit};
use jit_directory::write::{self, NewEntry};
use jit_model::dn::Dn;
use jit_model::grant::{End, EntryUuid, Grant, Provenance};
use jit_model::host::{HostNames, HostPattern};
use jit_model::time::{Span, Timestamp};
use jit_tests::follow::{access, config, dn, grant, person};
use jit_tests::proxy::{Manners, Proxy};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";
const LIMIT: Duration = Duration::from_secs(30);

/// As a person would have it.
fn as_person(slapd: &Slapd, uris: &[String], who: &str, password: &str) -> Result<LdapConfig> {
    let mut config = config(slapd, uris, StartTls::No)?;
    config.host = HostNames::everywhere();
    config.bind = Bind::Password { dn: dn(who), password: Secret::new(password.to_owned()) };
    Ok(config)
}

async fn alice(slapd: &Slapd, uris: &[String]) -> Result<Visit> {
    begin(as_person(slapd, uris, ALICE, "alice-secret")?).await
}

async fn begin(config: LdapConfig) -> Result<Visit> {
    Visit::begin(config).await.map_err(|error| Trouble::new(error.to_string()))
}

/// A request of alice's.
fn request(id: &str) -> NewEntry {
    let at = dn(&format!("cn={id},{GRANTS}"));
    write::grant(&Grant {
        uuid: EntryUuid([0; 16]),
        id: id.to_owned(),
        dn: at,
        subject: dn(ALICE),
        role: Some(dn("cn=operator,ou=roles,ou=jit,dc=example,dc=com")),
        hosts: HostPattern::new("web1.prod.example.com").into_iter().collect(),
        services: BTreeSet::new(),
        not_before: None,
        end: End::After(Span(3_600)),
        reason: Some("a test".to_owned()),
        ticket: None,
        provenance: Provenance::default(),
    })
}

/// How many entries of this name the server has.
fn there(slapd: &Slapd, id: &str) -> Result<usize> {
    Ok(slapd.search(GRANTS, &[&format!("(cn={id})"), "1.1"])?.matches("dn: ").count())
}

#[tokio::test]
async fn a_person_is_known_sees_and_adds() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    slapd.add(&grant("bobs", "uid=bob,ou=people,dc=example,dc=com"))?;
    let mut visit = alice(&slapd, &[slapd.tls()]).await?;
    assert_eq!(visit.server(), slapd.tls());
    assert_eq!(visit.who_am_i().await.unwrap(), Some(dn(ALICE)));
    assert_eq!(visit.person("bob").await.unwrap(), Some(dn("uid=bob,ou=people,dc=example,dc=com")));
    assert_eq!(visit.person("nobody").await.unwrap(), None);
    assert_eq!(visit.person("*").await.unwrap(), None, "a login is no filter");

    let carol = dn("uid=carol,ou=people,dc=example,dc=com");
    let before = visit.whole(&BTreeSet::from([carol.clone()])).await.unwrap();
    assert!(access(&before, "cn=operator,ou=roles,ou=jit,dc=example,dc=com").is_some());
    assert!(person(&before, carol.as_str()).is_some(), "who was asked for is there, whoever refers to her");
    assert!(
        access(&before, &format!("cn=bobs,{GRANTS}")).is_none(),
        "what does not concern her is not hers to see"
    );

    visit.add(&request("mine")).await.unwrap();
    let after = visit.whole(&BTreeSet::new()).await.unwrap();
    let mine = access(&after, &format!("cn=mine,{GRANTS}")).expect("what she has written is there");
    assert_eq!(mine.attributes["creatorsname"], [ALICE.as_bytes()]);

    let again = visit.add(&request("mine")).await.unwrap_err();
    assert!(matches!(again.cause, Cause::Refused { code: 68, .. }), "{again}");
    let forbidden = Dn::parse("cn=theirs,ou=roles,ou=jit,dc=example,dc=com").unwrap();
    let refused = visit.add(&NewEntry { dn: forbidden, ..request("theirs") }).await.unwrap_err();
    assert!(matches!(refused.cause, Cause::Refused { .. }), "{refused}");
    assert_eq!(visit.who_am_i().await.unwrap(), Some(dn(ALICE)), "a refusal ends no visit");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_said_once() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| Trouble::new(e.to_string()))?;
    second.set_nonblocking(true).unwrap();
    let uris = [slapd.plain(), format!("ldap://{}", second.local_addr().unwrap())];
    let error = Visit::begin(as_person(&slapd, &uris, ALICE, "wrong")?).await.err().expect("it is wrong");
    assert_eq!(error.0.len(), 1, "{error}");
    assert!(matches!(error.0[0].cause, Cause::Refused { code: 49, .. }), "{error}");
    assert!(!error.to_string().contains("wrong\""), "no password is in a message");
    assert!(second.accept().is_err(), "the second server was never spoken to");
    Ok(())
}

#[tokio::test]
async fn when_a_server_is_away_the_next_one_is_asked() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).unwrap();
    let nobody = format!("ldap://{nobody}");
    let mut visit = alice(&slapd, &[nobody.clone(), slapd.plain()]).await?;
    assert_eq!(visit.server(), slapd.plain());
    assert_eq!(visit.who_am_i().await.unwrap(), Some(dn(ALICE)));
    let error = Visit::begin(as_person(&slapd, &[nobody.clone(), nobody], ALICE, "alice-secret")?).await;
    assert_eq!(error.err().expect("nobody is there").0.len(), 2, "what each of them said");
    Ok(())
}

#[tokio::test]
async fn silence_ends_at_the_deadline() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let mut config = as_person(&slapd, &[slapd.plain()], ALICE, "alice-secret")?;
    config.patience.operation = Duration::from_millis(300);
    let mut visit = begin(config).await?;
    slapd.signal(Signal::STOP)?;
    for outcome in [visit.whole(&BTreeSet::new()).await.map(drop), visit.add(&request("never")).await] {
        let trouble = outcome.unwrap_err();
        assert!(matches!(trouble.cause, Cause::Silence(_)), "{trouble}");
    }
    slapd.signal(Signal::CONT)?;
    assert_eq!(there(&slapd, "never")?, 0, "what the server did not answer before was not sent");
    Ok(())
}

#[tokio::test]
async fn a_hidden_container_is_an_error_and_not_an_empty_list() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let mut visit = alice(&slapd, &[slapd.plain()]).await?;
    slapd.rules(&format!(
        "{{0}}to dn.subtree=\"{GRANTS}\" by * none\n{{1}}to attrs=userPassword by * auth\n{{2}}to * by * read"
    ))?;
    let trouble = visit.whole(&BTreeSet::new()).await.unwrap_err();
    assert!(matches!(trouble.cause, Cause::Hidden(_)), "{trouble}");
    Ok(())
}

#[tokio::test]
async fn half_a_list_is_none_and_the_way_out_is_named() -> Result<()> {
    let limit = "olcLimits: dn.children=\"ou=people,dc=example,dc=com\" size=3\n";
    let slapd = Slapd::plan().limits(limit).up()?;
    for n in 0..5 {
        slapd.add(&grant(&format!("g{n}"), ALICE))?;
    }
    let trouble = alice(&slapd, &[slapd.plain()]).await?.whole(&BTreeSet::new()).await.unwrap_err();
    assert!(matches!(trouble.cause, Cause::Refused { code: 4, .. }), "{trouble}");
    let text = trouble.to_string();
    assert!(text.contains("olcLimits") && text.contains("nsslapd-sizelimit"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_hung_up_meanwhile_is_visited_anew() -> Result<()> {
    let mut slapd = Slapd::plan().up()?;
    let mut visit = alice(&slapd, &[slapd.plain()]).await?;
    visit.who_am_i().await.unwrap();
    visit.whole(&BTreeSet::new()).await.unwrap();
    slapd.kill()?;
    slapd.start()?;
    visit.add(&request("late")).await.unwrap();
    assert_eq!(there(&slapd, "late")?, 1);
    slapd.kill()?;
    slapd.start()?;
    let entries = visit.whole(&BTreeSet::new()).await.unwrap();
    assert!(access(&entries, &format!("cn=late,{GRANTS}")).is_some());
    slapd.kill()?;
    assert!(visit.add(&request("gone")).await.is_err(), "anew is once");
    slapd.start()?;
    assert_eq!(there(&slapd, "gone")?, 0);
    Ok(())
}

/// Passes everything on, but cuts the connection once the server has answered an entry's adding. Counts the addings.
async fn cutter(port: u16) -> Result<(String, Arc<AtomicUsize>)> {
    let io = |e: std::io::Error| Trouble::new(e.to_string());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let adds = Arc::new(AtomicUsize::new(0));
    let count = adds.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
                let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
                let mut cuts = false;
                loop {
                    tokio::select! {
                        Ok(n) = client.read(&mut asked) => {
                            // A small LDAPMessage: SEQUENCE, length (of a long one more bytes), INTEGER, one byte, and AddRequest is [8].
                            let head = &asked[..n.min(12)];
                            let adding = head.windows(4).any(|four| matches!(four, [2, 1, _, 0x68]));
                            count.fetch_add(usize::from(adding), Ordering::SeqCst);
                            cuts |= adding;
                            if n == 0 || server.write_all(&asked[..n]).await.is_err() { return }
                        }
                        Ok(n) = server.read(&mut answered) => {
                            if cuts || n == 0 || client.write_all(&answered[..n]).await.is_err() { return }
                        }
                        else => return,
                    }
                }
            });
        }
    });
    Ok((format!("ldap://{address}"), adds))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_whose_answer_is_lost_is_never_sent_again() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let (uri, adds) = cutter(slapd.port()).await?;
    let mut visit = alice(&slapd, &[uri, slapd.plain()]).await?;
    let trouble = visit.add(&request("once")).await.unwrap_err();
    assert!(matches!(trouble.cause, Cause::Unanswered(_)), "{trouble}");
    assert!(trouble.to_string().contains("may have been written"), "{trouble}");
    assert_eq!(adds.load(Ordering::SeqCst), 1);
    assert_eq!(there(&slapd, "once")?, 1);
    let entries = visit.whole(&BTreeSet::new()).await.unwrap();
    assert!(
        access(&entries, &format!("cn=once,{GRANTS}")).is_some(),
        "looking goes on over another connection"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_an_error_wherever_it_begins() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    slapd.add(&grant("g1", ALICE))?;
    let proxy = Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST).await?;
    let mut config = as_person(&slapd, &[format!("ldap://{}", proxy.address())], ALICE, "alice-secret")?;
    config.patience.operation = Duration::from_millis(150);
    for at in (0..2_000).step_by(37) {
        for bits in [0x01, 0x80, 0xff] {
            proxy.behave(Manners::Flip(at, bits));
            let Ok(mut visit) = Visit::begin(config.clone()).await else { continue };
            // Whatever comes of it, it comes to an end, and in this process.
            let _ = visit.who_am_i().await;
            let _ = visit.whole(&BTreeSet::new()).await;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_no_writes_leads_to_the_next_server_that_is_configured() -> Result<()> {
    let provider = Slapd::plan().up()?;
    let replica = Slapd::plan().empty().server_id(2).up()?;
    replica.change(&format!(
        "dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: rid=001 provider={} bindmethod=simple \
         binddn=\"cn=admin,dc=example,dc=com\" credentials=admin-secret searchbase=\"dc=example,dc=com\" \
         type=refreshAndPersist retry=\"1 +\"\n-\nadd: olcUpdateref\nolcUpdateref: {}\n",
        provider.plain(),
        provider.plain()
    ))?;
    until(LIMIT, "the replica has everything", || {
        replica.search(GRANTS, &["-s", "base", "1.1"]).is_ok_and(|found| found.contains("dn: "))
            && replica.search(ALICE, &["-s", "base", "1.1"]).is_ok_and(|found| found.contains("dn: "))
            && replica
                .search("cn=operator,ou=roles,ou=jit,dc=example,dc=com", &["-s", "base", "1.1"])
                .is_ok_and(|found| found.contains("dn: "))
    })?;
    let mut alone = alice(&replica, &[replica.plain()]).await?;
    let trouble = alone.add(&request("nowhere")).await.unwrap_err();
    assert!(matches!(trouble.cause, Cause::Refused { code: 10, .. }), "{trouble}");
    let text = trouble.to_string();
    assert!(text.contains(&provider.plain()) && text.contains("uris"), "{text}");

    let mut both = alice(&replica, &[replica.plain(), provider.plain()]).await?;
    both.who_am_i().await.unwrap();
    both.add(&request("here")).await.unwrap();
    assert_eq!(both.server(), provider.plain());
    assert_eq!(there(&provider, "here")?, 1);
    let entries = both.whole(&BTreeSet::new()).await.unwrap();
    assert!(
        access(&entries, &format!("cn=here,{GRANTS}")).is_some(),
        "what was written is seen, however the replica lags"
    );
    Ok(())
}

/// Grants of alice's that were made years ago, as a directory that is loaded keeps them: one with nothing about later, one that begins later.
fn from_long_ago() -> String {
    const MADE: &str = "createTimestamp: 20200101000000Z\nmodifyTimestamp: 20200101000000Z\n";
    let child = |grant: &str| {
        format!(
            "dn: cn=a,cn={grant},{GRANTS}\nobjectClass: jitApproval\ncn: a\njitApprover: uid=bob,ou=people,dc=example,dc=com\n\
             jitGrantDigest: {:064}\njitHost: {}\n{MADE}",
            0,
            jit_tests::follow::HOST
        )
    };
    let over = format!("{}{MADE}", grant("over", ALICE));
    let later = format!("{}jitNotBefore: 20990101000000Z\n{MADE}", grant("later", ALICE));
    [over, child("over"), later, child("later")].join("\n")
}

#[tokio::test]
async fn a_look_back_shows_what_is_of_late_and_what_begins_later_with_all_that_is_under_it() -> Result<()> {
    let slapd = Slapd::plan().with(&from_long_ago()).up()?;
    slapd.add(&grant("new", ALICE))?;
    let mut visit = alice(&slapd, &[slapd.tls()]).await?;
    let seen = async |visit: &mut Visit| {
        let entries = visit.whole(&BTreeSet::new()).await.unwrap();
        let names = ["over", "a,cn=over", "later", "a,cn=later", "new"];
        names.map(|name| access(&entries, &format!("cn={name},{GRANTS}")).is_some())
    };
    assert_eq!(seen(&mut visit).await, [true; 5]);
    visit.look_back_to(Some(Timestamp(1_735_689_600)));
    assert_eq!(seen(&mut visit).await, [false, false, true, true, true]);
    let roles = visit.whole(&BTreeSet::new()).await.unwrap();
    assert!(
        access(&roles, "cn=operator,ou=roles,ou=jit,dc=example,dc=com").is_some(),
        "a role is never too old"
    );
    visit.look_back_to(None);
    assert_eq!(seen(&mut visit).await, [true; 5]);

    // Where nobody may see when entries were made, a look back shows everything, and never nothing.
    slapd.rules("{0}to attrs=createTimestamp by * none\n{1}to * by * read")?;
    visit.look_back_to(Some(Timestamp(1_735_689_600)));
    assert_eq!(seen(&mut visit).await, [true; 5]);
    Ok(())
}
