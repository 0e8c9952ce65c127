//! Everything that breaks between a host and its directory: the host keeps what it knew, says what is wrong, and catches up.
//! An error is never taken for a deletion.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jit_directory::entry::Entries;
use jit_directory::ldap::{Bind, ClientCertificate, Follow, LdapConfig, StartTls, Way, probe};
use jit_tests::follow::{Following, access, config, grant, person, revocation};
use jit_tests::proxy::{Manners, Proxy};
use jit_tests::slapd::{Push, Slapd};
use jit_tests::trouble::Result;
use rustix::process::Signal;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const BOB: &str = "uid=bob,ou=people,dc=example,dc=com";
const G1: &str = "cn=g1,ou=grants,ou=jit,dc=example,dc=com";
const G2: &str = "cn=g2,ou=grants,ou=jit,dc=example,dc=com";
const R1: &str = "cn=r,cn=g1,ou=grants,ou=jit,dc=example,dc=com";

fn two_grants() -> String {
    format!("{}\n{}", grant("g1", ALICE), grant("g2", BOB))
}

fn has_both(entries: &Entries) -> bool {
    access(entries, G1).is_some() && access(entries, G2).is_some()
}

fn plain(slapd: &Slapd) -> Result<LdapConfig> {
    config(slapd, &[slapd.plain()], StartTls::No)
}

async fn after_a_crash(push: Push) -> Result<()> {
    let mut slapd = Slapd::plan().push(push).with(&two_grants()).up()?;
    let mut config = plain(&slapd)?;
    if push != Push::None {
        // Nothing but the resumed sync can bring it in time.
        config.patience.poll = Duration::from_secs(3_600);
    }
    let mut following = Following::begin(config);
    following.until("both grants are there", has_both).await?;
    slapd.kill()?;
    following.trouble("connect").await?;
    // Nobody saw these happen, and no log tells of them.
    slapd.unseen("dn: cn=g1,ou=grants,ou=jit,dc=example,dc=com\nchangetype: delete\n")?;
    slapd.start()?;
    slapd.add(&grant("g3", ALICE))?;
    let after = following.until("the deletion is seen", |e| access(e, G1).is_none()).await?;
    assert!(access(&after, G2).is_some());
    following.until("and the new grant", |e| access(e, &G1.replace("g1", "g3")).is_some()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_during_a_crash_is_seen() -> Result<()> {
    after_a_crash(Push::Log).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_during_a_crash_is_seen_without_a_session_log() -> Result<()> {
    after_a_crash(Push::NoLog).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_during_a_crash_is_seen_by_polling() -> Result<()> {
    after_a_crash(Push::None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_behind_a_partition_is_seen() -> Result<()> {
    // The last one never tells what it lost; only the verification from nothing that follows a resumed sync finds it.
    let hour = Duration::from_secs(3_600);
    let plans = [
        (Slapd::plan(), hour),
        (Slapd::plan().push(Push::NoLog), hour),
        (Slapd::plan().lossy(), Duration::from_millis(300)),
    ];
    for (plan, poll) in plans {
        let slapd = plan.with(&two_grants()).up()?;
        let proxy = Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST).await?;
        let mut config = config(&slapd, &[format!("ldap://{}", proxy.address())], StartTls::No)?;
        config.patience.poll = poll;
        let mut following = Following::begin(config);
        following.until("both grants are there", has_both).await?;
        proxy.behave(Manners::Refuse);
        following.trouble("ldap://").await?;
        slapd.add(&revocation("g1"))?;
        slapd.delete(G2)?;
        slapd.change(&format!("dn: {ALICE}\nchangetype: modify\nreplace: uid\nuid: alice\nuid: al\n"))?;
        proxy.behave(Manners::Honest);
        let caught_up = |e: &Entries| access(e, R1).is_some() && access(e, G2).is_none();
        let after = following.until("both changes are seen", caught_up).await?;
        assert!(access(&after, G1).is_some());
        following
            .until("and alice's", |e| {
                person(e, ALICE).is_some_and(|alice| alice.attributes["uid"].len() == 2)
            })
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_noticed() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    config.patience.operation = Duration::from_millis(500);
    config.patience.connect = Duration::from_millis(500);
    let mut following = Following::begin(config);
    let known = following.until("both grants are there", has_both).await?;
    slapd.signal(Signal::STOP)?;
    let why = following.trouble("no answer within").await?;
    assert!(why.starts_with(&slapd.tls()), "{why}");
    following.trouble("connect: no answer within").await?;
    slapd.signal(Signal::CONT)?;
    slapd.delete(G1)?;
    let after = following.until("the deletion is seen", |e| access(e, G1).is_none()).await?;
    assert_eq!(after.access.len() + 1, known.access.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_verified() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    for (uri, start_tls) in [(slapd.tls(), StartTls::No), (slapd.named(), StartTls::Use)] {
        let mut config = config(&slapd, &[uri], start_tls)?;
        config.ca = Some(slapd.tls_file("stranger.crt"));
        let why = Following::begin(config).trouble("UnknownIssuer").await?;
        assert!(why.contains("does not lead to any in ca"), "{why}");
    }
    // The same server under an address that its certificate does not name.
    let proxy = Proxy::before(slapd.port(), Ipv4Addr::new(127, 0, 0, 2)).await?;
    let elsewhere = config(&slapd, &[format!("ldap://{}", proxy.address())], StartTls::Use)?;
    let why = Following::begin(elsewhere).trouble("another name").await?;
    assert!(why.contains("127.0.0.2"), "{why}");

    let mut missing = config(&slapd, &[slapd.tls()], StartTls::No)?;
    missing.ca = Some("/nonexistent/ca.crt".into());
    Following::begin(missing).trouble("/nonexistent/ca.crt").await?;

    // A certificate of somebody else's authority proves nobody.
    let mut stranger = config(&slapd, &[slapd.tls()], StartTls::No)?;
    let certificate =
        ClientCertificate { cert: slapd.tls_file("stranger.crt"), key: slapd.tls_file("stranger.key") };
    stranger.bind = Bind::External { certificate: Some(certificate) };
    Following::begin(stranger).trouble(&slapd.tls()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_a_corrected_one_is_used() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let good = config(&slapd, &[slapd.tls()], StartTls::No)?;
    slapd.secret("wrong")?;
    let mut following = Following::begin(good);
    let why = following.trouble("49 invalidCredentials").await?;
    assert!(why.contains("wrong name or password"), "{why}");
    slapd.secret("host-secret")?;
    following.until("it is in", |e| !e.access.is_empty()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_no_secret_is_not_sent() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let config = plain(&slapd)?;
    let secret = slapd.secret("")?;
    Following::begin(config.clone()).trouble("is empty").await?;
    slapd.secret("host-secret")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o604)).unwrap();
    let why = Following::begin(config.clone()).trouble("everybody may read").await?;
    assert!(why.contains("chmod o="), "{why}");
    fs::remove_file(&secret).unwrap();
    Following::begin(config).trouble("No such file").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_is_tried() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let uris = ["ldap://127.0.0.1:1".to_owned(), slapd.plain()];
    let mut following = Following::begin(config(&slapd, &uris, StartTls::No)?);
    following.until("it is in", |e| !e.access.is_empty()).await?;
    assert_eq!(following.connected().await?.0, slapd.plain());
    let outcomes = probe(&config(&slapd, &uris, StartTls::No)?).await;
    assert!(outcomes[0].1.as_ref().unwrap_err().to_string().contains("nothing listens there"));
    assert_eq!(outcomes[1].1.as_ref().unwrap().way, Way::Push);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_result_is_no_result() -> Result<()> {
    let many: String = (0..10).map(|n| format!("{}\n", grant(&format!("m{n}"), ALICE))).collect();
    let limits = "olcLimits: dn.children=\"ou=hosts,dc=example,dc=com\" size=3\n";
    let slapd = Slapd::plan().with(&many).limits(limits).up()?;
    for follow in [Follow::Push, Follow::Poll] {
        let mut config = plain(&slapd)?;
        config.follow = follow;
        let mut following = Following::begin(config);
        let why = following.trouble("sizeLimitExceeded").await?;
        assert!(why.contains("raise the server's size limit"), "{why}");
        following.trouble("sizeLimitExceeded").await?;
        assert_eq!(following.sets, 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_hides_everything_deletes_nothing() -> Result<()> {
    for follow in [Follow::Push, Follow::Poll] {
        let slapd = Slapd::plan().with(&two_grants()).up()?;
        let mut config = plain(&slapd)?;
        config.follow = follow;
        config.patience.refresh = Duration::from_millis(700);
        let mut following = Following::begin(config.clone());
        following.until("both grants are there", has_both).await?;
        slapd.rules("{0}to dn.subtree=\"ou=jit,dc=example,dc=com\" by * none\n{1}to attrs=userPassword by anonymous auth\n{2}to * by * read")?;
        for _ in 0..4 {
            let why = following.trouble("ou=grants,ou=jit,dc=example,dc=com is not to be seen").await?;
            assert!(why.contains("what is known stays"), "{why}");
        }
        // Whoever knows nothing yet learns nothing from it.
        let mut newcomer = Following::begin(config);
        newcomer.trouble("is not to be seen").await?;
        slapd.shipped_rules()?;
        newcomer.until("both grants are there", has_both).await?;
        // The last words of the trouble may still have been under way.
        let mut troubles = 0;
        while let Err(trouble) = following.quiet(2).await {
            troubles += 1;
            if troubles == 20 || !trouble.to_string().contains("not to be seen") {
                return Err(trouble);
            }
        }
        assert!(has_both(&following.entries));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_breaks_at_any_byte_deletes_nothing() -> Result<()> {
    for push in [Push::Log, Push::NoLog, Push::None] {
        let slapd = Slapd::plan().push(push).with(&two_grants()).up()?;
        let proxy = Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST).await?;
        let mut config = config(&slapd, &[format!("ldap://{}", proxy.address())], StartTls::No)?;
        config.patience.retry = (Duration::from_millis(2), Duration::from_millis(4));
        let mut following = Following::begin(config);
        following.until("both grants are there", has_both).await?;
        let mut cuts = 0;
        for bytes in (0..6_000).step_by(67) {
            proxy.behave(Manners::CutAfter(bytes));
            // Until it has run into it, or has come through and is quiet.
            let name = format!("c{bytes}");
            slapd.add(&grant(&name, ALICE))?;
            cuts += usize::from(following.trouble_or_quiet(has_both).await?);
            slapd.delete(&G1.replace("g1", &name))?;
        }
        assert!(cuts > 20, "{cuts} cuts");
        proxy.behave(Manners::Honest);
        slapd.delete(G1)?;
        let expected =
            |e: &Entries| access(e, G1).is_none() && access(e, G2).is_some() && e.access.len() == 2;
        following.until("all is as it is", expected).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_data_costs_a_connection_and_no_more() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    let proxy = Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST).await?;
    let mut config = config(&slapd, &[format!("ldap://{}", proxy.address())], StartTls::No)?;
    config.patience.retry = (Duration::from_millis(2), Duration::from_millis(4));
    config.patience.operation = Duration::from_millis(200);
    config.patience.heartbeat = Duration::from_millis(20);
    for place in (0..3_000).step_by(23) {
        for bits in [0xff, 0x20, 0x01] {
            proxy.behave(Manners::Flip(place, bits));
            // What comes of it depends on the byte; that something comes of it does not.
            Following::begin(config.clone()).any_word().await?;
        }
    }
    proxy.behave(Manners::Honest);
    let after = Following::begin(config).until("all is as it is", has_both).await?;
    assert_eq!(after.access.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_grant_takes_its_children_along() -> Result<()> {
    let slapd = Slapd::plan().with(&format!("{}\n{}", two_grants(), revocation("g1"))).up()?;
    let mut following = Following::begin(plain(&slapd)?);
    following.until("the revocation is there", |e| access(e, R1).is_some()).await?;
    slapd.change(&format!("dn: {G1}\nchangetype: modrdn\nnewrdn: cn=n1\ndeleteoldrdn: 1\n"))?;
    let renamed = G1.replace("g1", "n1");
    let after = following.until("the grant has its new name", |e| access(e, &renamed).is_some()).await?;
    assert!(access(&after, G1).is_none() && access(&after, R1).is_none());
    assert!(access(&after, &R1.replace("g1", "n1")).is_some());
    Ok(())
}

/// Two servers, of which the second stops taking over changes; then the first is changed so that `seen` holds, and dies.
async fn behind(change: impl Fn(&Slapd) -> Result<()>, seen: impl Fn(&Entries) -> bool) -> Result<()> {
    let mut first = Slapd::plan().server_id(1).open().with(&two_grants()).up()?;
    let second = Slapd::plan().server_id(2).open().empty().up()?;
    let config = config(&first, &[first.plain(), second.plain()], StartTls::No)?;
    second.replicate(Some(&first))?;
    let same = || {
        jit_tests::wait::until(Duration::from_secs(20), "the mirror has everything", || {
            let show = |slapd: &Slapd| slapd.search("dc=example,dc=com", &["*", "entryCSN"]).ok();
            show(&first).is_some() && show(&first) == show(&second)
        })
    };
    same()?;
    let mut following = Following::begin(config);
    following.until("both grants are there", has_both).await?;
    assert_eq!(following.connected().await?.0, first.plain());

    second.replicate(None)?;
    change(&first)?;
    following.until("the change is seen", &seen).await?;
    first.kill()?;
    for _ in 0..3 {
        let why = following.trouble("behind").await?;
        assert!(why.contains(&second.plain()), "{why}");
    }
    assert!(seen(&following.entries));

    // It catches up, and is believed.
    first.start()?;
    second.replicate(Some(&first))?;
    jit_tests::wait::until(Duration::from_secs(20), "the mirror has everything", || {
        let show = |slapd: &Slapd| slapd.search("dc=example,dc=com", &["-s", "base", "contextCSN"]).ok();
        show(&first).is_some() && show(&first) == show(&second)
    })?;
    first.kill()?;
    second.delete(G2)?;
    let after = following.until("the mirror is followed", |e| access(e, G2).is_none()).await?;
    assert!(seen(&after));
    assert_eq!(following.connected().await?.0, second.plain());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_lags_is_not_believed() -> Result<()> {
    behind(|first| first.add(&revocation("g1")), |e| access(e, R1).is_some()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_lags_in_membership_is_not_believed() -> Result<()> {
    let operators = "cn=operators,ou=groups,dc=example,dc=com";
    let without = format!("dn: {operators}\nchangetype: modify\ndelete: member\nmember: {ALICE}\n");
    let left = |e: &Entries| {
        person(e, operators).is_some_and(|group| group.attributes["member"] == [BOB.as_bytes()])
    };
    behind(|first| first.change(&without), left).await
}

/// A mirror that is being filled answers every question with success, and with what it has so far. Taken for the truth, every
/// grant that it lacks would be deleted, and a deleted grant never comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_being_filled_is_not_believed() -> Result<()> {
    let mut first = Slapd::plan().open().with(&two_grants()).up()?;
    let second = Slapd::plan().with(&grant("g1", ALICE)).up()?;
    // Nor has it a number to show yet.
    second.rules(
        "{0}to attrs=contextCSN by * none\n{1}to attrs=userPassword by anonymous auth\n{2}to * by * read",
    )?;
    let mut following = Following::begin(config(&first, &[first.plain(), second.plain()], StartTls::No)?);
    following.until("both grants are there", has_both).await?;
    following.quiet(1).await?;
    first.kill()?;
    for _ in 0..3 {
        let why = following.trouble("contextCSN").await?;
        assert!(why.contains(&second.plain()), "{why}");
    }
    assert!(has_both(&following.entries));
    Ok(())
}

/// OpenLDAP forgets its newest change number in a crash when that change was a deletion; nothing will ever show it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_only_its_number_is_followed() -> Result<()> {
    for follow in [Follow::Push, Follow::Poll] {
        let mut slapd = Slapd::plan().forgetful().with(&two_grants()).up()?;
        let mut config = plain(&slapd)?;
        config.follow = follow;
        let mut following = Following::begin(config);
        following.until("both grants are there", has_both).await?;
        slapd.delete(G1)?;
        following.until("one is gone", |e| access(e, G1).is_none()).await?;
        // So that the number of the deletion has been seen.
        following.until("and its subject", |e| person(e, ALICE).is_none()).await?;
        following.quiet(2).await?;
        let before = slapd.search("dc=example,dc=com", &["-s", "base", "contextCSN"])?;
        slapd.kill()?;
        following.trouble("connect").await?;
        slapd.start()?;
        assert_ne!(before, slapd.search("dc=example,dc=com", &["-s", "base", "contextCSN"])?);
        let mut troubles = 0;
        while following.trouble_or_quiet(|_| false).await? {
            troubles += 1;
            assert!(troubles < 50, "it is not believed");
        }
        following.quiet(3).await?;
        slapd.delete(G2)?;
        following.until("the other is gone", |e| access(e, G2).is_none()).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_numbers_that_cannot_be_read_are_no_trouble() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    slapd.rules(
        "{0}to attrs=contextCSN by * none\n{1}to attrs=userPassword by anonymous auth\n{2}to * by * read",
    )?;
    let mut following = Following::begin(plain(&slapd)?);
    following.until("both grants are there", has_both).await?;
    slapd.delete(G1)?;
    following.until("one is gone", |e| person(e, ALICE).is_none()).await?;
    following.quiet(3).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshing_from_nothing_changes_nothing() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    let mut config = plain(&slapd)?;
    config.patience.refresh = Duration::from_millis(60);
    let mut following = Following::begin(config);
    following.until("both grants are there", has_both).await?;
    following.quiet(6).await?;
    slapd.delete(G1)?;
    following.until("the deletion is seen", |e| access(e, G1).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_it_leaves_nothing_behind() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    let mut proxy = Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST).await?;
    let config = config(&slapd, &[format!("ldap://{}", proxy.address())], StartTls::No)?;
    let mut following = Following::begin(config);
    following.until("both grants are there", has_both).await?;
    proxy.until_open(1).await?;
    drop(following);
    proxy.until_open(0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_run_knew_of_people_is_kept() -> Result<()> {
    let slapd = Slapd::plan().with(&two_grants()).up()?;
    let config = plain(&slapd)?;
    let known = Following::begin(config.clone()).until("both grants are there", has_both).await?;
    slapd.rules("{0}to dn.subtree=\"ou=people,dc=example,dc=com\" by * none\n{1}to attrs=userPassword by anonymous auth\n{2}to * by * read")?;
    slapd.delete(G2)?;
    let mut following = Following::begin_with(config, Some(known.clone()));
    let after = following.until("the deletion is seen", |e| access(e, G2).is_none()).await?;
    assert_eq!(after.people, known.people);
    following.trouble("people and groups").await?;
    Ok(())
}
