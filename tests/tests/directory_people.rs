//! People and groups of a real OpenLDAP: nested, in circles, changed while we watch, sharing logins, hidden.

use std::time::Duration;

use jit_directory::ldap::{Follow, StartTls};
use jit_directory::update::Membership;
use jit_tests::follow::{Following, access, config, grant, person, revocation};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;

const ALICE: &str = "uid=alice,ou=people,dc=example,dc=com";
const CAROL: &str = "uid=carol,ou=people,dc=example,dc=com";
const G1: &str = "cn=g1,ou=grants,ou=jit,dc=example,dc=com";
const R1: &str = "cn=r,cn=g1,ou=grants,ou=jit,dc=example,dc=com";

fn group(cn: &str, class: &str, members: &[&str]) -> String {
    let attribute = if class == "groupOfNames" { "member" } else { "uniqueMember" };
    let members: String = members.iter().map(|member| format!("{attribute}: {member}\n")).collect();
    format!("dn: cn={cn},ou=groups,dc=example,dc=com\nobjectClass: {class}\ncn: {cn}\n{members}\n")
}

fn named(cn: &str) -> String {
    format!("cn={cn},ou=groups,dc=example,dc=com")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_groups_are_followed_and_circles_end() -> Result<()> {
    let groups = [
        group(
            "outer",
            "groupOfNames",
            &[&named("middle"), "uid=nobody,ou=people,dc=example,dc=com", "cn=x,dc=elsewhere"],
        ),
        group("middle", "groupOfUniqueNames", &[&format!("{}#'01'B", named("inner"))]),
        group("inner", "groupOfNames", &[&named("outer"), &named("inner"), CAROL]),
    ];
    let slapd = Slapd::plan().with(&groups.concat()).with(&grant("g1", &named("outer"))).up()?;
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    let first = following.until("the grant is there", |e| access(e, G1).is_some()).await?;
    for name in ["outer", "middle", "inner", "operators", "leads"] {
        assert!(person(&first, &named(name)).is_some(), "{name}");
    }
    assert!(person(&first, CAROL).is_some(), "a member of a subject's inner group");
    assert!(person(&first, ALICE).is_none(), "only a member of an eligible group");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_membership_is_pushed() -> Result<()> {
    let groups =
        [group("outer", "groupOfNames", &[&named("inner")]), group("inner", "groupOfNames", &[ALICE])];
    let slapd = Slapd::plan().with(&groups.concat()).with(&grant("g1", &named("outer"))).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    // Nothing but push can bring it in time.
    config.patience.poll = Duration::from_secs(3_600);
    let mut following = Following::begin(config);
    following.until("alice is in", |e| person(e, ALICE).is_some()).await?;

    let change = |cn: &str, how: &str, member: &str| {
        slapd.change(&format!("dn: {}\nchangetype: modify\n{how}: member\nmember: {member}\n", named(cn)))
    };
    change("inner", "add", CAROL)?;
    following.until("carol is in", |e| person(e, CAROL).is_some()).await?;
    change("inner", "delete", ALICE)?;
    following.until("alice is out", |e| person(e, ALICE).is_none()).await?;
    // Of an approver group only the group itself counts.
    change("leads", "add", ALICE)?;
    let is_lead = |value: &Vec<u8>| value == ALICE.as_bytes();
    let with = following
        .until("alice leads", |e| {
            person(e, &named("leads")).is_some_and(|g| g.attributes["member"].iter().any(is_lead))
        })
        .await?;
    assert!(person(&with, ALICE).is_none());
    // A group that was not there comes to be.
    change("outer", "add", &named("late"))?;
    slapd.add(&group("late", "groupOfNames", &[ALICE]))?;
    following.until("alice is in again", |e| person(e, ALICE).is_some()).await?;
    slapd.delete(&named("late"))?;
    following.until("alice is out again", |e| person(e, ALICE).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_membership_is_polled() -> Result<()> {
    let slapd = Slapd::plan().with(&grant("g1", &named("operators"))).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    config.follow = Follow::Poll;
    let mut following = Following::begin(config);
    following.until("alice is in", |e| person(e, ALICE).is_some()).await?;
    let ldif = format!("dn: {}\nchangetype: modify\ndelete: member\nmember: {ALICE}\n", named("operators"));
    slapd.change(&ldif)?;
    following.until("alice is out", |e| person(e, ALICE).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_somebodys_login_is_seen_at_once() -> Result<()> {
    let slapd = Slapd::plan().with(&grant("g1", ALICE)).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    config.patience.poll = Duration::from_secs(3_600);
    let mut following = Following::begin(config);
    following.until("alice is there", |e| person(e, ALICE).is_some()).await?;
    let double = "cn=double,ou=people,dc=example,dc=com";
    slapd.add(&format!(
        "dn: {double}\nobjectClass: inetOrgPerson\ncn: double\nsn: x\nuid: other\nuid: ALICE\n"
    ))?;
    following.until("the double is there", |e| person(e, double).is_some()).await?;
    slapd.delete(double)?;
    following.until("the double is gone", |e| person(e, double).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_people_stay_as_known_and_revocations_count() -> Result<()> {
    let slapd = Slapd::plan().with(&grant("g1", ALICE)).up()?;
    let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
    config.patience.refresh = Duration::from_millis(500);
    let mut following = Following::begin(config);
    let first = following.until("the grant is there", |e| access(e, G1).is_some()).await?;
    slapd.rules("{0}to dn.subtree=\"ou=people,dc=example,dc=com\" by * none\n{1}to attrs=userPassword by anonymous auth\n{2}to * by * read")?;
    let why = following.trouble("people and groups").await?;
    assert!(why.contains("hides it"), "{why}");
    slapd.add(&revocation("g1"))?;
    let revoked = following.until("the revocation is there", |e| access(e, R1).is_some()).await?;
    assert_eq!(revoked.people, first.people);
    assert_eq!(following.membership, Some(Membership::Kept), "it counts, but is no sign that all is well");
    // Whoever is new cannot be known now, and waits for nobody else.
    slapd.add(&grant("g2", CAROL))?;
    let g2 = "cn=g2,ou=grants,ou=jit,dc=example,dc=com";
    let with = following.until("the new grant is there", |e| access(e, g2).is_some()).await?;
    assert_eq!(with.people, first.people);
    slapd.shipped_rules()?;
    following.until("carol is there", |e| person(e, CAROL).is_some()).await?;
    assert_eq!(following.membership, Some(Membership::Read));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_and_its_subject_come_together() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    following.until("the role is there", |e| !e.access.is_empty()).await?;
    for number in 0..20 {
        let uid = format!("p{number}");
        let subject = format!("uid={uid},ou=people,dc=example,dc=com");
        slapd.add(&format!("dn: {subject}\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: x\nuid: {uid}\n"))?;
        slapd.add(&grant(&uid, &subject))?;
        let name = format!("cn={uid},ou=grants,ou=jit,dc=example,dc=com");
        let with = following.until("the grant is there", |e| access(e, &name).is_some()).await?;
        assert!(person(&with, &subject).is_some());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_forbid_searching_by_name_hide_nobody() -> Result<()> {
    let slapd = Slapd::plan().with(&grant("g1", &named("operators"))).up()?;
    slapd.rules(
        "{0}to attrs=userPassword by anonymous auth\n\
         {1}to dn.subtree=\"ou=jit,dc=example,dc=com\" by users read\n\
         {2}to attrs=entryDN by * none\n\
         {3}to * by users read",
    )?;
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    let first = following.until("the grant is there", |e| access(e, G1).is_some()).await?;
    assert!(person(&first, ALICE).is_some() && person(&first, &named("leads")).is_some());
    let ldif = format!("dn: {}\nchangetype: modify\ndelete: member\nmember: {ALICE}\n", named("operators"));
    slapd.change(&ldif)?;
    following.until("alice is out, by polling", |e| person(e, ALICE).is_none()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_cannot_be_searched_is_trouble() -> Result<()> {
    let slapd = Slapd::plan().with(&grant("g1", ALICE)).up()?;
    slapd.rules(
        "{0}to attrs=userPassword by anonymous auth\n\
         {1}to attrs=uid by dn.children=\"ou=people,dc=example,dc=com\" read by users =r\n\
         {2}to * by users read",
    )?;
    let mut following = Following::begin(config(&slapd, &[slapd.tls()], StartTls::No)?);
    let why = following.trouble("a search by uid does not find").await?;
    assert!(why.contains(ALICE), "{why}");
    let first =
        following.until("the grant is there, without its subject", |e| access(e, G1).is_some()).await?;
    assert!(person(&first, ALICE).is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_comes_without_passwords_and_pictures_and_its_changes_are_pushed() -> Result<()> {
    // By the rules that are shipped, and where everybody reads everything.
    for plan in [Slapd::plan(), Slapd::plan().open()] {
        let slapd = plan.with(&grant("g1", ALICE)).up()?;
        slapd.change(&format!(
        "dn: {ALICE}\nchangetype: modify\nadd: jpegPhoto\njpegPhoto: not really\n-\nadd: gecos\ngecos: Alice Adams\n"
    ))?;
        let mut config = config(&slapd, &[slapd.tls()], StartTls::No)?;
        // Nothing but push can bring it in time.
        config.patience.poll = Duration::from_secs(3_600);
        let mut following = Following::begin(config);
        let first = following.until("alice is there", |e| person(e, ALICE).is_some()).await?;
        let names: Vec<&str> = person(&first, ALICE)
            .into_iter()
            .flat_map(|alice| alice.attributes.keys().map(String::as_str))
            .collect();
        let account =
            ["cn", "entryuuid", "gecos", "gidnumber", "homedirectory", "objectclass", "uid", "uidnumber"];
        assert_eq!(
            names, account,
            "and neither userpassword nor jpegphoto, which may be read where everything may"
        );

        slapd.change(&format!("dn: {ALICE}\nchangetype: modify\nadd: loginShell\nloginShell: /bin/zsh\n"))?;
        let has_shell = |alice: &jit_directory::entry::Entry| alice.attributes.contains_key("loginshell");
        following.until("her shell", |e| person(e, ALICE).is_some_and(has_shell)).await?;
    }
    Ok(())
}
