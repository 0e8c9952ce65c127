//! What an ordinary person may write into a real OpenLDAP under the project's own access rules, and what comes of it on a
//! host: never that the host stops following, for then nobody's revocation would reach it any more.

use jit_directory::ldap::{Follow, LdapConfig, StartTls};
use jit_model::assess::MAX_SUBJECTS;
use jit_tests::follow::{Following, access, config, grant, person, revocation};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";

fn plain(slapd: &Slapd, follow: Follow) -> Result<LdapConfig> {
    let mut config = config(slapd, &[slapd.plain()], StartTls::No)?;
    config.follow = follow;
    Ok(config)
}

/// Adds entries as alice, who may ask for herself.
fn by_alice(slapd: &Slapd, ldif: &str) -> Result<()> {
    slapd.change_as(ALICE, "alice-secret", &ldif.replace("\nobjectClass", "\nchangetype: add\nobjectClass"))
}

/// A grant whose name the DN of an entry writes in another way than its cn does.
fn named(rdn: &str, cn: &str) -> String {
    grant("x", ALICE).replace("dn: cn=x", &format!("dn: {rdn}")).replace("\ncn: x", &format!("\ncn:{cn}"))
}

/// Names that we cannot read, and names that are two to OpenLDAP and one to us.
async fn odd_names(follow: Follow) -> Result<()> {
    let slapd = Slapd::plan().up()?;
    // A space.
    by_alice(&slapd, &named(r"cn=\20", ": IA=="))?;
    by_alice(&slapd, &named("cn=ß", " ß"))?;
    by_alice(&slapd, &named("cn=ẞ", " ẞ"))?;
    by_alice(&slapd, &grant("g1", ALICE))?;
    let mut following = Following::begin(plain(&slapd, follow)?);
    let g1 = format!("cn=g1,{GRANTS}");
    let first = following.until("the grant is there", |e| access(e, &g1).is_some()).await?;
    assert!(access(&first, &format!("unreadable=cn=\\5c20,{GRANTS}")).is_some());
    let twins = |e: &jit_directory::entry::Entries| {
        e.access.values().filter(|entry| entry.dn.rdn_value() == "ß").count()
    };
    assert_eq!(twins(&first), 2);

    // The same while it follows.
    by_alice(&slapd, &named("cn=ⰰ", " ⰰ"))?;
    by_alice(&slapd, &named("cn=Ⰰ", " Ⰰ"))?;
    let of_g1 = revocation("g1").replace("dn: cn=r", r"dn: cn=\20").replace("\ncn: r", "\ncn:: IA==");
    by_alice(&slapd, &of_g1)?;
    let revoked = format!("unreadable=cn=\\5c20,{g1}");
    following.until("her revocation is seen", |e| access(e, &revoked).is_some()).await?;
    slapd.add(&grant("g2", ALICE))?;
    let g2 = format!("cn=g2,{GRANTS}");
    following.until("others are followed", |e| access(e, &g2).is_some()).await?;
    following.quiet(2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_stops_the_pushing() -> Result<()> {
    odd_names(Follow::Push).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_stops_the_polling() -> Result<()> {
    odd_names(Follow::Poll).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_a_host_read_the_whole_company() -> Result<()> {
    let staff = |more: usize| {
        let name = |n: usize| format!("member: uid=p{n},ou=people,dc=example,dc=com\n");
        let members: String = (0..more).map(name).collect();
        format!(
            "dn: cn=staff{more},ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: staff{more}\nmember: {ALICE}\n{members}\n"
        )
    };
    let (most, more) = (MAX_SUBJECTS - 1, MAX_SUBJECTS);
    let groups = [staff(most), staff(more)].concat();
    let slapd = Slapd::plan().with(&groups).up()?;
    let subject = |n: usize| format!("cn=staff{n},ou=groups,dc=example,dc=com");
    by_alice(&slapd, &grant("large", &subject(more)))?;
    let mut following = Following::begin(plain(&slapd, Follow::Push)?);
    let large = format!("cn=large,{GRANTS}");
    let first = following.until("the grant is there", |e| access(e, &large).is_some()).await?;
    assert!(
        person(&first, &subject(more)).is_some(),
        "the group itself is known, so that the grant is refused for its size"
    );
    assert!(person(&first, ALICE).is_none(), "nobody in it is read");
    by_alice(&slapd, &grant("small", &subject(most)))?;
    following.until("who is in the smaller one is read", |e| person(e, ALICE).is_some()).await?;
    Ok(())
}

/// OpenLDAP takes this name as a member, and refuses to be asked for it as we write it, for we know nothing of bit strings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_member_keeps_a_host_from_reading_the_others() -> Result<()> {
    let team = "cn=team,ou=groups,dc=example,dc=com";
    let group = format!(
        "dn: {team}\nobjectClass: groupOfNames\ncn: team\nmember: {ALICE}\n\
         member: x500UniqueIdentifier='01'B,ou=people,dc=example,dc=com\n"
    );
    let slapd = Slapd::plan().with(&group).up()?;
    by_alice(&slapd, &grant("g1", team))?;
    let mut following = Following::begin(plain(&slapd, Follow::Push)?);
    let first =
        following.until("the grant is there", |e| access(e, &format!("cn=g1,{GRANTS}")).is_some()).await?;
    assert!(person(&first, ALICE).is_some());
    following.quiet(2).await
}
