//! Whose keys are told to whom, and when: by values, for a set of an LDIF source. Over the socket, see tests/life; with sshd, see
//! tests/tests/door_keys.rs.

use std::sync::Arc;

use jit_directory::decode::Bases;
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_directory::update::{Membership, Update, Word};
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::text::rfc3339;

use super::*;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::system::SystemClock;
use crate::config;
use crate::control::Reach;
use crate::desk::Peer;
use crate::follow::Follower;
use crate::groups::Groups;
use crate::mode::{Mode, ModeFile};
use crate::remember::{Found, Remembered};
use crate::scribe::Scribe;
use crate::syslog::Syslog;

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/etc/jitd/grants.ldif\"\nbase = \"dc=example,dc=com\"\n\
    [default_role]\nmax_duration = \"30d\"\n[keys]\nuser = \"jit-keys\"\noptions = [\"no-pty\"]\n";

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEFjcS1Zy1Q+vpkXJWcbGoqIYyV0xgcJDX7qg8zTZhGc";

/// A desk whose host knows these grants, each `(login, from, until, services)` in seconds from now.
struct Room {
    dir: tempfile::TempDir,
    desk: Desk,
    now: Timestamp,
}

type Grant<'a> = (&'a str, i64, i64, &'a str);

impl Room {
    fn new(config: &str, keys: &[&str], grants: &[Grant<'_>]) -> Room {
        Room::of_several(config, &[("ldif", keys, grants)])
    }

    /// The same with several sources.
    fn of_several(config: &str, sources: &[(&str, &[&str], &[Grant<'_>])]) -> Room {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("passwd"), "root:x:0:0::/:\njit-keys:x:997:997::/:\nbob:x:1002:1002::/:\n")
            .unwrap();
        let clock = Arc::new(SystemClock::start(None).unwrap());
        let audit = Audit::start(file("audit.jsonl"), clock.boot(), "web1", Syslog::new(file("no-syslog")));
        let scribe = Scribe::new(Arc::new(audit.unwrap()), Arc::clone(&clock), Mode::Enforcing);
        let remembered = Remembered::start(Found::read(dir.path()), &scribe).unwrap();
        let config = Arc::new(config::parse(config).unwrap());
        let accounts = || Accounts::at(file("passwd"), file("group"));
        let groups = Groups::new(dir.path(), accounts(), scribe.clone());
        let mut follower = Follower::new(config, Arc::clone(&clock), scribe.clone(), remembered, groups);
        let now = clock.now().login;
        for (source, keys, grants) in sources {
            let entries = Arc::new(entries(now, source, keys, grants));
            let word = Word::Whole { entries, membership: Membership::Read, directory_time: None };
            follower.hear(Update { source: SourceName::new(source).unwrap(), word });
        }
        let desk = Desk::new(follower.current(), clock, scribe, accounts(), ModeFile::at(file("enforcing")));
        Room { dir, desk, now }
    }

    fn lines(&self, uid: u32, login: &str, user: &str) -> Result<Vec<String>, String> {
        let login = Some(Login::new(login).unwrap());
        let reach = if uid == 0 { Reach::All } else { Reach::Himself };
        match authorized_keys(&self.desk, &Caller { peer: Peer { uid }, login, reach }, user) {
            Answer::AuthorizedKeys { lines } => Ok(lines),
            Answer::Refused { code, .. } => Err(code),
            other => panic!("{other:?}"),
        }
    }

    fn of(&self, user: &str) -> Vec<String> {
        self.lines(997, "jit-keys", user).unwrap()
    }

    fn ending(&self, seconds: i64, rest: &str) -> String {
        let end = Zone::of_host().write(Timestamp(self.now.0 + seconds));
        format!("expiry-time=\"{end}\" {rest}")
    }
}

/// Everybody has all of the keys, and root's number if he is called so.
fn entries(
    now: Timestamp,
    source: &str,
    keys: &[&str],
    grants: &[Grant<'_>],
) -> jit_directory::entry::Entries {
    let mut text =
        "dn: ou=grants,ou=jit,dc=example,dc=com\nobjectClass: organizationalUnit\nou: grants\n\n".to_owned();
    for login in ["alice", "bob", "root"] {
        text.push_str(&format!(
            "dn: uid={login},ou=people,dc=example,dc=com\nobjectClass: account\nuid: {login}\n"
        ));
        keys.iter().for_each(|key| text.push_str(&format!("sshPublicKey: {key}\n")));
        text.push('\n');
    }
    for (n, (login, from, until, service)) in grants.iter().enumerate() {
        let time = |seconds: &i64| rfc3339(Timestamp(now.0 + seconds)).replace(['-', ':', 'T'], "");
        let (from, until) = (time(from), time(until));
        text.push_str(&format!(
            "dn: cn={source}{n},ou=grants,ou=jit,dc=example,dc=com\nobjectClass: jitGrant\ncn: {source}{n}\njitHost: *\n\
             jitSubject: uid={login},ou=people,dc=example,dc=com\njitNotBefore: {from}\njitNotAfter: {until}\njitService: {service}\n\n"
        ));
    }
    let bases = Bases::under(&Dn::parse("dc=example,dc=com").unwrap()).unwrap();
    gather(parse(text.as_bytes()).unwrap(), &bases).unwrap()
}

#[test]
fn a_live_grant_for_sshd_brings_keys_until_its_end() {
    let room = Room::new(CONFIG, &[KEY], &[("alice", -60, 3_600, "sshd")]);
    assert_eq!(room.of("alice"), [room.ending(3_600, KEY)]);
    for user in ["bob", "nobody", "jit-keys"] {
        assert_eq!(room.of(user), [""; 0], "{user}");
    }
    // Grants that follow each other let him stay.
    let room = Room::new(CONFIG, &[KEY], &[("alice", -60, 60, "sshd"), ("alice", 60, 3_600, "sshd")]);
    assert_eq!(room.of("alice"), [room.ending(3_600, KEY)]);
    // A local account of that name comes in by its grant, too.
    let room = Room::new(CONFIG, &[KEY], &[("bob", -60, 3_600, "sshd")]);
    assert_eq!(room.of("bob"), [room.ending(3_600, KEY)]);
}

/// Who may write himself grants could have thousands, and each question of sshd's about him would hold up those about others.
#[test]
fn a_persons_keys_are_read_once_however_many_grants_he_has() {
    let grants: Vec<Grant<'_>> = (0..500).map(|n| ("alice", -60, 3_600 + n, "sshd")).collect();
    let room = Room::new(CONFIG, &[KEY, "nonsense"], &grants);
    let view = room.desk.view();
    let named =
        view.snapshot.grants().iter().flat_map(|grant| grant.logins.values().map(move |dn| (&**grant, dn)));
    assert_eq!((named.clone().count(), people(&view, named).len()), (500, 1));
    assert_eq!(room.of("alice"), [room.ending(3_600 + 499, KEY)]);
    assert_eq!(unusable(&view, room.now).len(), 1);
}

#[test]
fn nothing_else_brings_keys() {
    for grant in [
        ("alice", -60, -1, "sshd"),
        ("alice", 60, 3_600, "sshd"),
        ("alice", -60, 3_600, "sudo"),
        ("root", -60, 3_600, "sshd"),
    ] {
        let room = Room::new(CONFIG, &[KEY], &[grant]);
        assert_eq!(room.of(grant.0), [""; 0], "{grant:?}");
    }
    for more in [
        "[[exempt]]\nuser = \"bob\"\nservices = [\"sshd\"]\n",
        "[break_glass]\nusers = [\"bob\"]\n",
        "[guard]\nservices = [\"sudo\"]\n",
    ] {
        let room = Room::new(&format!("{CONFIG}{more}"), &[KEY], &[("bob", -60, 3_600, "sshd")]);
        assert_eq!(room.of("bob"), [""; 0], "{more}");
    }
    let no_production = CONFIG.replace("[host]\n", "[host]\nproduction = false\n");
    let room = Room::new(&no_production, &[KEY], &[("alice", -60, 3_600, "sshd")]);
    assert_eq!(room.of("alice"), [""; 0]);
}

/// A directory has its say while a grant of its own is live, and not by one that is yet to begin.
#[test]
fn of_two_directories_the_one_counts_whose_grant_is_live() {
    let config =
        format!("{CONFIG}[source.two]\npath = \"/etc/jitd/two.ldif\"\nbase = \"dc=example,dc=com\"\n");
    let (one, two) = (format!("{KEY} one"), format!("{KEY} two"));
    let now: [Grant<'_>; 1] = [("alice", -60, 600, "sshd")];
    for (begins, service, until, keys) in [
        (600, "sshd", 3_600, vec![&one]),
        (-60, "sshd", 3_600, vec![&one, &two]),
        (-60, "sudo", 600, vec![&one]),
    ] {
        let then: [Grant<'_>; 1] = [("alice", begins, 3_600, service)];
        let room = Room::of_several(&config, &[("ldif", &[&one], &now), ("two", &[&two], &then)]);
        let expected: Vec<String> = keys.into_iter().map(|key| room.ending(until, key)).collect();
        assert_eq!(room.of("alice"), expected, "{begins} {service}");
    }
}

#[test]
fn not_everybody_may_ask_about_others() {
    let room = Room::new(CONFIG, &[KEY], &[("alice", -60, 3_600, "sshd")]);
    assert_eq!(room.lines(0, "root", "alice").unwrap().len(), 1);
    assert_eq!(room.lines(10_000, "alice", "alice").unwrap().len(), 1);
    assert_eq!(room.lines(1_002, "bob", "alice"), Err("not-permitted".to_owned()));
    // By the number that /etc/passwd has, whatever the one who asks is called.
    assert_eq!(room.lines(4_711, "jit-keys", "alice"), Err("not-permitted".to_owned()));
    for wrong in ["", "-x", "a b", "--json", "../x"] {
        assert_eq!(room.lines(997, "jit-keys", wrong), Err("bad-request".to_owned()), "{wrong}");
    }
    assert_eq!(concern(&room.desk, &room.desk.view()), None);
    assert!(is_asker(&room.desk, 997) && !is_asker(&room.desk, 0));

    std::fs::write(room.dir.path().join("passwd"), "root:x:0:0::/:\n").unwrap();
    assert_eq!(room.lines(997, "jit-keys", "alice"), Err("not-permitted".to_owned()));
    let concern = concern(&room.desk, &room.desk.view()).unwrap();
    assert!(concern.contains("useradd"), "{concern}");
    let nobody =
        Room::new(&CONFIG.replace("user = \"jit-keys\"\n", ""), &[KEY], &[("alice", -60, 60, "sshd")]);
    assert_eq!(nobody.lines(997, "jit-keys", "alice"), Err("not-permitted".to_owned()));
}

#[test]
fn a_key_that_is_refused_is_told_and_keeps_no_other_back() {
    let (pty, agent) = (format!("no-pty {KEY} one"), format!("no-agent-forwarding {KEY} two"));
    let keys = [pty.as_str(), &agent, "ssh-dss AAAA three", "nonsense"];
    let room = Room::new(CONFIG, &keys, &[("alice", -60, 3_600, "sshd"), ("bob", 60, 3_600, "sudo")]);
    let line = room.of("alice");
    assert_eq!(line.len(), 1, "{line:?}");
    assert!(
        line[0].starts_with("no-pty,expiry-time=\"") && line[0].ends_with(&format!("{KEY} one")),
        "{line:?}"
    );

    let told = |at: Timestamp| -> Vec<(String, String)> {
        unusable(&room.desk.view(), at).into_iter().map(|refused| (refused.user, refused.reason)).collect()
    };
    let users: Vec<String> = told(room.now).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, ["alice", "alice", "alice", "bob", "bob", "bob"]);
    let all = format!("{:?}", told(room.now));
    for part in ["`two` is not handed out: it sets the option `no-agent-forwarding`", "ssh-dss", "`nonsense`"]
    {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(told(Timestamp(room.now.0 + 3_600)).is_empty(), "nobody's grant is to come");
}
