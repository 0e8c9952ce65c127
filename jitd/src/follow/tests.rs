use std::sync::Arc;

use jit_directory::decode::Bases;
use jit_directory::entry::Entries;
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_directory::update::{Membership, Update, Word};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::snapshot::Silence;
use jit_model::state::{State, state};

use super::*;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::config;
use crate::mode::{Mode, ModeFile};
use crate::remember::Found;
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldap]\nbind = { method = \"anonymous\" }\nuris = [\"ldaps://ldap.example.com\"]\nca = \"/etc/ssl/ca.crt\"\n\
    base = \"dc=example,dc=com\"\nmax_offline = \"24h\"\n";

fn follower(dir: &std::path::Path) -> Follower {
    follower_of(dir, CONFIG)
}

fn follower_of(dir: &std::path::Path, config: &str) -> Follower {
    let config = Arc::new(config::parse(config).unwrap());
    let found = Found::read(dir);
    let clock = Arc::new(SystemClock::start(found.ratchet()).unwrap());
    let syslog = Syslog::new(dir.join("no-syslog"));
    let audit = Audit::start(dir.join("audit.jsonl"), clock.boot(), "web1.example.com", syslog).unwrap();
    let scribe = Scribe::new(Arc::new(audit), Arc::clone(&clock), Mode::Enforcing);
    let remembered = Remembered::start(found, &scribe).unwrap();
    std::fs::write(dir.join("passwd"), "root:x:0:0:::\n").unwrap();
    std::fs::write(dir.join("group"), "root:x:0:\n").unwrap();
    let groups = Groups::new(dir, Accounts::at(dir.join("passwd"), dir.join("group")), scribe.clone());
    Follower::new(config, clock, scribe, remembered, groups)
}

fn corp() -> SourceName {
    SourceName::new("ldap").unwrap()
}

fn set(grants: usize) -> Arc<Entries> {
    let mut text =
        "dn: ou=grants,ou=jit,dc=example,dc=com\nobjectClass: organizationalUnit\nou: grants\n\n".to_owned();
    for n in 0..grants {
        text.push_str(&format!(
            "dn: cn=g{n},ou=grants,ou=jit,dc=example,dc=com\nobjectClass: jitGrant\ncn: g{n}\n\
             jitSubject: uid=alice,ou=people,dc=example,dc=com\njitHost: *\njitNotAfter: 20400101000000Z\n\n"
        ));
    }
    let bases = Bases::under(&Dn::parse("dc=example,dc=com").unwrap()).unwrap();
    Arc::new(gather(parse(text.as_bytes()).unwrap(), &bases).unwrap())
}

fn hear(follower: &mut Follower, word: Word) {
    follower.hear(Update { source: corp(), word });
}

fn whole(grants: usize, membership: Membership) -> Word {
    Word::Whole { entries: set(grants), membership, directory_time: None }
}

/// How the source stands for those who answer, how many grants they know, and whether it is in trouble.
fn seen(follower: &Follower) -> (Silence, usize, bool) {
    let view = follower.current().get();
    let silence = view.snapshot.silence(&corp(), follower.clock.now().login);
    (silence, view.snapshot.grants().len(), view.sources[&corp()].trouble.is_some())
}

#[test]
fn a_set_without_its_people_counts_and_keeps_nothing_fresh() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path());
    let trouble = || Word::Trouble { why: "people and groups cannot be read".to_owned() };
    hear(&mut follower, trouble());
    hear(&mut follower, whole(1, Membership::Kept));
    assert_eq!(seen(&follower), (Silence::NeverHeard, 1, true));
    hear(&mut follower, whole(1, Membership::Read));
    assert_eq!(seen(&follower), (Silence::Fresh, 1, false));

    let heard = follower.sources[&corp()].heard;
    hear(&mut follower, trouble());
    // The clock counts milliseconds.
    while follower.clock.moment() == heard.unwrap() {
        std::thread::yield_now();
    }
    for grants in [2, 0, 3] {
        hear(&mut follower, whole(grants, Membership::Kept));
        assert_eq!(seen(&follower), (Silence::Fresh, grants, true));
        assert_eq!(follower.sources[&corp()].heard, heard, "as old as the last reading of the people");
    }
    // And so it is after a restart.
    assert!(follower.end());
    let again = self::follower(dir.path());
    assert_eq!(again.sources[&corp()].heard, heard);
    assert_eq!(again.sources[&corp()].entries, Some(set(3)));
}

/// What is on disk may lack what was added just before the daemon was killed: what it does not show is no proof.
#[test]
fn a_set_from_disk_is_no_word_of_this_run() {
    let spoken = |follower: &Follower| follower.current().get().snapshot.has_spoken(&corp());
    let dir = tempfile::tempdir().unwrap();
    let mut first = follower(dir.path());
    assert!(!spoken(&first));
    hear(&mut first, whole(1, Membership::Read));
    assert!(spoken(&first));
    hear(&mut first, Word::Trouble { why: "gone".to_owned() });
    assert!(spoken(&first), "it has spoken");
    assert!(first.end());
    let mut again = follower(dir.path());
    assert_eq!(seen(&again), (Silence::Fresh, 1, false));
    assert!(!spoken(&again));
    // The same set again: nothing else changes.
    hear(&mut again, whole(1, Membership::Read));
    assert!(spoken(&again));
}

/// Whoever is let in has his groups: the map is tried before there is a view that lets him in.
#[test]
fn no_view_is_published_before_its_map() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path());
    let words = |follower: &Follower| follower.current().get().concerns.join(" ");
    assert_eq!(words(&follower), "");
    // The next map has to have a name, and cannot.
    std::fs::create_dir(dir.path().join("groups.map.new")).unwrap();
    let allow = format!("{CONFIG}[groups]\nallow = [\"jit-dba\"]\n");
    follower.reconfigure(Arc::new(config::parse(&allow).unwrap()));
    assert!(words(&follower).contains("the group map cannot be written"), "{}", words(&follower));
    assert!(
        !follower.current().get().conferred.groups.is_empty(),
        "in the first view that knows of the group"
    );
}

#[test]
fn a_source_that_was_taken_away_while_the_daemon_was_down_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut with = follower(dir.path());
    hear(&mut with, whole(1, Membership::Read));
    assert!(with.end());
    let without = follower_of(dir.path(), &CONFIG.replace("[source.ldap]", "[source.other]"));
    assert!(without.end());
    assert_eq!(follower(dir.path()).entries(&corp()), None);
}

/// A host that has lost its store, or cannot read that of another version: what it remembers of grants that its source will show again
/// is needed still, however long they are over.
#[test]
fn a_start_without_a_set_forgets_nothing() {
    const DAYS: i64 = 86_400;
    let dir = tempfile::tempdir().unwrap();
    let today = SystemClock::start(None).unwrap().now().settled;
    let ago = |days: i64| jit_model::time::Timestamp(today.0 - days * DAYS);
    let by = |who: &str, days: i64| {
        let (dn, at) = (format!("uid={who},ou=people,dc=example,dc=com"), ago(days).to_generalized());
        format!("creatorsName: {dn}\nmodifiersName: {dn}\ncreateTimestamp: {at}\nmodifyTimestamp: {at}\n\n")
    };
    let entry = |rdn: &str, below: &str, class: &str, lines: &str, by: &str| {
        let cn = rdn.split_once('=').unwrap();
        format!("dn: {rdn},{below},dc=example,dc=com\nobjectClass: {class}\n{}: {}\n{lines}{by}", cn.0, cn.1)
    };
    let person = |name: &str| entry(&format!("uid={name}"), "ou=people", "account", "", "\n");
    let set = |digest: &str, approvals: &[(&str, i64)]| {
        let dn = |name: &str| format!("uid={name},ou=people,dc=example,dc=com");
        let role = format!(
            "jitHost: *\njitEligible: {}\njitMaxDuration: {}\njitApprovalsRequired: 1\n\
             jitApproverGroup: cn=leads,ou=groups,dc=example,dc=com\n\n",
            dn("alice"),
            30 * DAYS
        );
        let grant = format!(
            "jitSubject: {}\njitRoleDN: cn=ops,ou=roles,ou=jit,dc=example,dc=com\njitHost: *\njitDuration: {}\n",
            dn("alice"),
            30 * DAYS
        );
        let mut text = entry("ou=grants", "ou=jit", "organizationalUnit", "", "\n")
            + &entry("cn=ops", "ou=roles,ou=jit", "jitRole", &role, "")
            + &entry(
                "cn=leads",
                "ou=groups",
                "groupOfNames",
                &format!("member: {}\nmember: {}\n\n", dn("bob"), dn("carol")),
                "",
            )
            + &person("alice")
            + &entry("cn=g0", "ou=grants,ou=jit", "jitGrant", &grant, &by("alice", 38));
        for (who, days) in approvals {
            let lines = format!("jitHost: *\njitApprover: {}\njitGrantDigest: {digest}\n", dn(who));
            let (rdn, below) = (format!("cn={who}"), "cn=g0,ou=grants,ou=jit");
            text += &entry(&rdn, below, "jitApproval", &lines, &by(who, *days));
        }
        let bases = Bases::under(&Dn::parse("dc=example,dc=com").unwrap()).unwrap();
        let entries = Arc::new(gather(parse(text.as_bytes()).unwrap(), &bases).unwrap());
        Word::Whole { entries, membership: Membership::Read, directory_time: None }
    };
    let stands = |follower: &Follower| {
        let grant = follower.current().get().snapshot.grants()[0].clone();
        state(&grant.assessed, follower.clock.now().login)
    };
    let digest = {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut follower = follower(elsewhere.path());
        hear(&mut follower, set(&"00".repeat(32), &[]));
        let digest = digest(&follower.current().get().snapshot.grants()[0].grant).to_string();
        assert!(follower.end());
        digest
    };
    let mut mode = ModeFile::at(dir.path().join("enforcing"));

    // Thirty days from bob's approval are over since eight. carol's came twenty days after his.
    let mut first = follower(dir.path());
    hear(&mut first, set(&digest, &[("bob", 38), ("carol", 18)]));
    hear(&mut first, set(&digest, &[("carol", 18)]));
    assert_eq!(stands(&first), State::Expired);
    assert!(first.end());
    std::fs::remove_file(dir.path().join("store")).unwrap();
    let mut again = follower(dir.path());
    again.look(mode.look());
    hear(&mut again, set(&digest, &[("carol", 18)]));
    assert_eq!(stands(&again), State::Expired, "as if bob had never approved it");
}
