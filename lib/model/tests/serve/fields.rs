//! The text of an account: whatever a directory says, a line of passwd(5), and nothing that the host did not mean.

use super::*;

use proptest::prelude::*;

fn with(edit: impl FnOnce(&mut Account)) -> (ServedPerson, String) {
    let mut person = person(20_000, 20_000);
    edit(&mut person.account);
    let served = one("alice", person);
    let said = served.refused.get(&login("alice")).cloned().unwrap_or_default();
    (there(&served, "alice"), said)
}

#[test]
fn what_is_missing_is_the_hosts() {
    let (alice, said) = with(|account| (account.home, account.shell, account.gecos) = (None, None, None));
    assert_eq!(
        (alice.home.as_str(), alice.shell.as_str(), alice.gecos.as_str()),
        ("/home/alice", "/bin/bash", "")
    );
    assert_eq!(said, "");
}

#[test]
fn a_real_name_breaks_no_line() {
    for (said, clean) in [
        ("Alice Liddell,Room 4,555", "Alice Liddell,Room 4,555"),
        ("Jürgen Groß", "Jürgen Groß"),
        ("x\nroot:x:0:0:::", "x root x 0 0"),
        ("a:b\tc\0d\r\u{85}e\u{2028}f", "a b c d  e f"),
        ("\u{202e}toor", "toor"),
        ("   ", ""),
    ] {
        let (alice, _) = with(|account| account.gecos = Some(said.to_owned()));
        assert_eq!(alice.gecos, clean, "{said:?}");
    }
    let (alice, _) = with(|account| account.gecos = Some("ü".repeat(1_000)));
    assert_eq!(alice.gecos, "ü".repeat(128), "whole characters");
}

/// pam_mkhomedir makes it as root and gives it away.
#[test]
fn a_home_is_ones_own_and_lies_where_homes_lie() {
    let (alice, said) = with(|account| account.home = Some("/home/alice".to_owned()));
    assert_eq!((alice.home.as_str(), said.as_str()), ("/home/alice", ""));
    let long = format!("/home/{}", "a".repeat(300));
    for bad in [
        "",
        "/",
        "home/alice",
        "alice",
        "/home",
        "/home/",
        "/home/alice/",
        "/home//alice",
        "//home/alice",
        "/homes/alice",
        "/home/.",
        "/home/..",
        // Below what is somebody's, who may have made a link of it: /home/alice/x may be /etc/systemd/system.
        "/home/alice/x/ssh.service.d",
        "/home/alice/alice",
        "/home/bob/alice",
        // Bob's, should he never have been here: what he runs at his first login would be Alice's.
        "/home/bob",
        "/home/Alice",
        "/home/älice",
        "/home/../etc/systemd/system/ssh.service.d",
        "/home/bob/../bob",
        "/home/bob/.config/systemd/user/a.service.d",
        "/root",
        "/etc/cron.d",
        "/var/spool/cron",
        "/home/al:ice",
        "/home/al\nice",
        "/home/al\0ice",
        "/home/al\u{202e}ice",
        long.as_str(),
    ] {
        let (alice, said) = with(|account| account.home = Some(bad.to_owned()));
        assert_eq!(alice.home, "/home/alice", "{bad:?}");
        assert!(said.contains("[people] homes (/home)") && !said.contains(char::is_control), "{said:?}");
    }
    let rules =
        PeopleRules { homes: vec!["/srv/home".to_owned(), "/u".to_owned()], ..PeopleRules::default() };
    let mut carol = person(20_010, 20_010);
    carol.account.home = Some("/u/carol".to_owned());
    let all = known(&[("alice", person(20_000, 20_000)), ("carol", carol)]);
    let served = serve(&all, &rules, &local(), &BTreeMap::new());
    assert_eq!(
        (there(&served, "alice").home.as_str(), there(&served, "carol").home.as_str()),
        ("/srv/home/alice", "/u/carol")
    );
}

#[test]
fn a_shell_is_one_of_the_hosts() {
    for bad in
        ["", "bash", "/bin/zsh", "/bin/bash ", "/bin/../bin/bash", "/bin/bash\n/bin/sh", "/home/alice/evil"]
    {
        let (alice, said) = with(|account| account.shell = Some(bad.to_owned()));
        assert_eq!(alice.shell, "/bin/bash", "{bad:?}");
        assert!(said.contains("[people] shells") && !said.contains(char::is_control), "{said:?}");
    }
    // Whom the directory lets in nowhere, this host does not either.
    for no in ["/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"] {
        let (alice, said) = with(|account| account.shell = Some(no.to_owned()));
        assert_eq!((alice.shell.as_str(), said.as_str()), (no, ""));
    }
}

#[test]
fn all_that_is_wrong_is_said() {
    let (_, said) = with(|account| {
        account.home = Some("/etc".to_owned());
        account.shell = Some("/bin/zsh".to_owned());
    });
    assert!(said.contains("homeDirectory /etc") && said.contains("; loginShell /bin/zsh"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an entry says: a line of seven fields, of a number in the range, of a place and a program that the host meant.
    #[test]
    fn whatever_is_shown_is_fit_for_a_line(
        name in "[A-Za-z0-9_.@+$]{1,12}",
        uid in prop_oneof![any::<u32>(), 9_990_u32..10_010, 20_000_u32..20_060],
        gid in prop_oneof![any::<u32>(), 9_990_u32..10_010, 20_000_u32..20_060],
        gecos in ".{0,40}|(?s-u:[\\x00-\\x7f]{0,40})",
        home in "(/home)?(/|[a-z.]|\\PC|\n|:){0,30}",
        shell in "/bin/(ba|z)?sh|(?s-u:[\\x00-\\x7f]{0,20})",
        last in any::<i64>(),
    ) {
        let account = Account {
            gid_number: Some(gid),
            gecos: Some(gecos),
            home: Some(home),
            shell: Some(shell),
            ssh_keys: Vec::new(),
        };
        let person = KnownPerson { uid_number: Some(uid), account, last: at(last), shown: true };
        let served = one(&name, person);
        for (name, person) in &served.people {
            let ServedPerson { uid, gid, gecos, home, shell, until } = person;
            let line = format!("{name}:*:{uid}:{gid}:{gecos}:{home}:{shell}");
            prop_assert_eq!(line.split(':').count(), 7, "{}", line);
            prop_assert!(!line.contains(char::is_control), "{:?}", line);
            prop_assert!((10_000..=2_000_000_000).contains(uid) && (10_000..=2_000_000_000).contains(gid));
            prop_assert_eq!(home, &format!("/home/{name}"));
            prop_assert!(["/bin/bash", "/bin/sh"].contains(&shell.as_str()));
            prop_assert!(until.0 > last || last == i64::MAX);
            prop_assert!(line.len() < 1_024);
        }
        for said in served.refused.values() {
            prop_assert!(!said.contains(char::is_control), "{:?}", said);
        }
    }
}
