use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jit_directory::decode::decode;
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_model::assess::{Memory, assess};
use jit_model::decide::decide;
use jit_model::question::Question;
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::text::civil;
use jit_model::time::Timestamp;

use super::*;
use crate::config;
use crate::offers::Offers;

const HOST: &str = "[host]\nname = \"web1.prod.example.com\"\n";
const LDAP: &str = "[source.ldap]\nuris = [\"ldaps://l.example.com\"]\nbind = { method = \"anonymous\" }\n\
    ca = \"/etc/ssl/ca.crt\"\nbase = \"dc=x\"\n";
const FILE: &str = "[source.night]\npath = \"/etc/jitd/grants.ldif\"\nbase = \"dc=x\"\n";
const NOW: Timestamp = Timestamp(1_795_359_600);

/// What the first source shows, all of it under one base.
struct World {
    config: String,
    ldif: String,
    heard: Option<Timestamp>,
}

fn world(config: &str) -> World {
    let ldif = "dn: ou=grants,ou=jit,dc=x\nobjectClass: organizationalUnit\nou: grants\n\n\
        dn: uid=alice,ou=people,dc=x\nobjectClass: account\nuid: alice\n\n\
        dn: cn=devs,ou=groups,dc=x\nobjectClass: groupOfNames\ncn: devs\nmember: uid=alice,ou=people,dc=x\n\n";
    World { config: format!("{HOST}{config}"), ldif: ldif.to_owned(), heard: Some(NOW) }
}

impl World {
    fn role(mut self, name: &str, more: &str) -> World {
        self.ldif.push_str(&format!(
            "dn: cn={},ou=roles,ou=jit,dc=x\nobjectClass: jitRole\ncn:: {}\njitEligible: cn=devs,ou=groups,dc=x\n\
             jitHost: *.prod.example.com\njitApproverGroup: cn=leads,ou=groups,dc=x\n{more}\n\n",
            escaped(name),
            STANDARD.encode(name)
        ));
        self
    }

    /// A grant of alice's for two hours, made an hour ago.
    fn grant(mut self, id: &str, role: &str, more: &str) -> World {
        let alice = "uid=alice,ou=people,dc=x";
        let (uuid, made) = (self.ldif.len(), generalized(-3_600));
        self.ldif.push_str(&format!(
            "dn: cn={},ou=grants,ou=jit,dc=x\nobjectClass: jitGrant\ncn:: {}\njitHost: *\njitSubject: {alice}\n\
             jitRoleDN: cn={role},ou=roles,ou=jit,dc=x\ncreatorsName: {alice}\nmodifiersName: {alice}\n\
             createTimestamp: {made}\nmodifyTimestamp: {made}\nentryUUID: 00000000-0000-0000-0000-{uuid:012x}\n{more}\n\n",
            escaped(id),
            STANDARD.encode(id),
        ));
        self
    }

    fn view(&self) -> View {
        let config = Arc::new(config::parse(&self.config).unwrap());
        let host = &config.policy.host;
        let (name, source) = config.sources.iter().next().unwrap();
        let entries = gather(parse(self.ldif.as_bytes()).unwrap(), &source.bases).unwrap();
        let decoded = decode(&entries, &source.bases, &source.reading);
        let grants = assess(&decoded, host, &Memory::default());
        let fresh = |place: &Place| Freshness {
            heard: self.heard,
            max_offline: matches!(place, Place::Ldap { .. }).then_some(Span(86_400)),
        };
        let sources = config.sources.iter().map(|(name, source)| (name.clone(), fresh(&source.place)));
        let snapshot = Snapshot::new(
            config.policy.clone(),
            sources.collect(),
            grants.into_iter().map(Arc::new).collect(),
            Aside::of(&decoded),
            BTreeSet::new(),
        );
        let offers = BTreeMap::from([(name.clone(), Arc::new(Offers::of(&decoded, host)))]);
        View {
            config: Arc::clone(&config),
            snapshot,
            sources: BTreeMap::new(),
            people: BTreeMap::new(),
            offers,
            conferred: Arc::default(),
            served: Arc::default(),
            concerns: Vec::new(),
        }
    }

    /// What `login` reads at the door, without the line that says why.
    fn told(&self, login: &str, service: &str) -> String {
        let text = self.text(login, service);
        text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or(text)
    }

    fn text(&self, login: &str, service: &str) -> String {
        let view = self.view();
        let (login, service) = (Login::new(login).unwrap(), Service::new(service).unwrap());
        let question = Question {
            service: service.clone(),
            subject: login.clone(),
            uid: 5_001,
            local: true,
            local_groups: BTreeSet::new(),
            rhost: None,
            tty: None,
        };
        for_person(&view, &decide(&view.snapshot, &question, NOW), &login, &service)
    }
}

/// A value in a DN, whatever it holds (RFC 4514 section 2.4).
fn escaped(value: &str) -> String {
    value.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

/// So many seconds from now, as directories write it.
fn generalized(seconds: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(Timestamp(NOW.0 + seconds));
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

const FREE: &str = "jitMaxDuration: 28800\njitApprovalsRequired: 0";
const CAREFUL: &str = "jitMaxDuration: 28800\njitApprovalsRequired: 1";
const HERE: &str = "--host web1.prod.example.com";

#[test]
fn a_denial_names_the_command() {
    let world = world(LDAP).role("web-ops", CAREFUL);
    assert_eq!(
        world.text("alice", "sshd"),
        "jit: sshd on web1.prod.example.com is closed to alice: no grant\n\
         ask: jitctl request --role web-ops --host web1.prod.example.com --for 2h --reason '...'"
    );
    // Nobody knows what for.
    assert_eq!(world.told("mallory", "sshd"), format!("ask: jitctl request {HERE}"));
}

#[test]
fn the_role_fits_what_was_wanted() {
    let for_sudo = format!("{FREE}\njitService: sudo");
    let short = "jitMaxDuration: 1800\njitApprovalsRequired: 0\njitTicketPattern: INC-[0-9]+";
    let base = || world(LDAP).role("sudoers", &for_sudo).role("quick", short);
    assert_eq!(
        base().told("alice", "sshd"),
        format!("ask: jitctl request --role quick {HERE} --for 30m --ticket '...' --reason '...'")
    );
    // Of several the first by name, for as long as each of them allows.
    assert_eq!(
        base().told("alice", "sudo"),
        format!(
            "ask: jitctl request --role quick {HERE} --for 30m --ticket '...' --reason '...'\nor with --role sudoers"
        )
    );
    let many = base().role("a", FREE).role("on call", FREE).role("z", FREE);
    assert_eq!(
        many.told("alice", "sshd"),
        format!(
            "ask: jitctl request --role a {HERE} --for 30m --reason '...'\nor with --role 'on call' or --role quick; \
             jitctl role list shows all"
        )
    );
    // The one that was had before comes first; and not where it does not open the service.
    let before = "jitDuration: 60";
    assert_eq!(
        many.grant("g1", "z", before).told("alice", "sshd"),
        format!("ask: jitctl request --role z {HERE} --for 2h --reason '...'")
    );
    let other = base().grant("g1", "sudoers", "jitDuration: 7200");
    assert!(other.text("alice", "sshd").contains("not for sshd"));
    assert!(other.told("alice", "sshd").contains("--role quick"));
}

#[test]
fn what_waits_is_named() {
    let lasting = "jitDuration: 7200";
    let world = world(LDAP).role("web-ops", CAREFUL);
    let asked = "3fa9c2d1000000000000000000000000";
    let pending = world.grant(asked, "web-ops", lasting);
    assert_eq!(
        pending.text("alice", "sshd"),
        format!(
            "jit: sshd on web1.prod.example.com is closed to alice: pending: needs 1 more approval from leads\n\
             ask them: jitctl approve {asked}"
        )
    );
    let scheduled = self::world(LDAP).role("web-ops", FREE);
    let from = format!("{lasting}\njitNotBefore: {}", generalized(3_600));
    assert_eq!(
        scheduled.grant("g1", "web-ops", &from).text("alice", "sshd"),
        "jit: sshd on web1.prod.example.com is closed to alice: starts at 2026-11-22 16:00 UTC\ncome back then"
    );
    let mut flood = self::world(LDAP).role("web-ops", CAREFUL);
    for n in 0..21 {
        flood = flood.grant(&format!("g{n}"), "web-ops", lasting);
    }
    assert!(flood.text("alice", "sshd").contains("more than 20 pending grants"));
    assert!(flood.told("alice", "sshd").contains("jitctl release ID"));
}

#[test]
fn who_may_no_longer_is_not_sent_to_ask_for_the_same() {
    let world =
        world(LDAP).role("web-ops", FREE).role("others", FREE).grant("g1", "others", "jitDuration: 7200");
    let world =
        World { ldif: world.ldif.replacen("jitEligible: cn=devs", "jitEligible: cn=dbas", 2), ..world };
    let world =
        World { ldif: world.ldif.replacen("jitEligible: cn=dbas", "jitEligible: cn=devs", 1), ..world };
    assert!(world.text("alice", "sshd").contains("not eligible"), "{}", world.text("alice", "sshd"));
    assert_eq!(
        world.told("alice", "sshd"),
        format!("ask: jitctl request --role web-ops {HERE} --for 2h --reason '...'")
    );
}

#[test]
fn root_is_named_where_root_gives() {
    let root = "root can grant it on this host: jitctl grant add alice --for 2h --reason '...'";
    assert_eq!(world(FILE).role("web-ops", FREE).told("alice", "sshd"), root);
    // The file beside a directory is for the night when that is gone.
    let both = world(&format!("{LDAP}{FILE}")).role("web-ops", FREE);
    assert!(both.told("alice", "sshd").starts_with("ask: jitctl request --role web-ops "));
    // Its roles are root's to give.
    let file = world(&format!("{}{LDAP}", FILE.replace("night", "a"))).role("web-ops", FREE);
    assert_eq!(file.told("alice", "sshd"), format!("ask: jitctl request {HERE}"));
    let silent = |config: &str| World { heard: None, ..world(config).role("web-ops", FREE) };
    assert_eq!(silent(&format!("{LDAP}{FILE}")).told("alice", "sshd"), root);
    assert!(silent(LDAP).told("alice", "sshd").contains("tell those who run it"));
}

/// What a shell would make of a line that somebody copies: the words, as a POSIX shell splits them.
fn split(command: &str) -> Vec<String> {
    let printed = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("set -f; printf '%s\\0' {command}")])
        .env_clear()
        .output()
        .unwrap();
    assert!(printed.status.success(), "{command:?}");
    let text = String::from_utf8(printed.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn no_name_smuggles_anything_into_a_command() {
    let names = [
        "web ops",
        "x; rm -rf ~",
        "$(touch /tmp/owned)",
        "`id`",
        "a' ; id ; '",
        "\\",
        "a\\",
        "--config=/tmp/evil",
        "-rf",
        "a\nid",
        "a\r\x1b[2J",
        "\u{202e}txt",
        "a!b",
        "*",
        "a|b&c>d<e",
        "#",
        "~root",
        "a\"b",
        &"x".repeat(64),
        &"y".repeat(65),
    ];
    for name in names {
        let world = world(LDAP).role(name, FREE).grant(name, "missing", "jitDuration: 60");
        let waiting = self::world(LDAP).role("ok", CAREFUL).grant(name, "ok", "jitDuration: 60");
        for text in [world.text("alice", "sshd"), waiting.text("alice", "sshd")] {
            assert_eq!(text.lines().count(), 2, "{text:?}");
            for line in text.lines() {
                assert!(
                    line.len() <= 400 && line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()),
                    "{line:?}"
                );
            }
            let (_, command) = text.rsplit_once("\n").unwrap().1.split_once(": ").unwrap();
            if command.contains("shows grant") {
                continue;
            }
            let words = split(command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let here = "web1.prod.example.com";
            let full = |role| {
                ["jitctl", "request", "--role", role, "--host", here, "--for", "2h", "--reason", "..."]
            };
            // `ok` where the hostile grant could not be read at all.
            let right = words == full(name)
                || words == full("ok")
                || words == ["jitctl", "request", "--host", here]
                || words == ["jitctl", "approve", name];
            assert!(right, "{words:?}");
        }
    }
}

/// The longest of everything still is a whole command, and the whole text fits an answer.
#[test]
fn the_longest_text() {
    let label = "h".repeat(60);
    let host = format!("{label}.{label}.{label}.{label}.example.com");
    let mut world = world(LDAP);
    world.config = world.config.replace("web1.prod.example.com", &host);
    for n in 1..5 {
        let role = format!("jitMaxDuration: 719{n}\njitApprovalsRequired: 0\njitTicketPattern: .");
        world = world.role(&format!("{n} {}", "r".repeat(62)), &role);
    }
    world.ldif = world.ldif.replace("jitHost: *.prod.example.com", "jitHost: *");
    let text = world.text("alice", "sshd");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.len() <= jit_proto::answer::MAX_TEXT, "{}", text.len());
    assert!(text.lines().all(|line| line.len() <= LONGEST_LINE), "{text}");
    assert!(text.lines().nth(1).unwrap().ends_with(" --reason '...'"), "{text}");
    assert!(text.ends_with("; jitctl role list shows all"), "{text}");
}
