//! `jitctl directory check` on real servers: it finds no hole in the rules of packaging/ldap, names each one in rules that were
//! weakened, and leaves nothing behind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jit_control::Answer;
use jit_control::directory::Checked;
use jit_tests::built;
use jit_tests::ds389::{self, Ds389};
use jit_tests::root::workspace;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use rustix::process::{Pid, Signal, kill_process};

const BASE: &str = "dc=example,dc=com";
const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";

/// Runs it; what it answers, and how it ended.
fn check(uri: &str, ca: &Path, admin: &str, password_file: &Path) -> Result<(Checked, i32)> {
    let mut command = Command::new(built::jitctl()?);
    command.args(["--json", "directory", "check", "--base", BASE, "--uri", uri, "--admin", admin]);
    command.arg("--ca").arg(ca).arg("--admin-password-file").arg(password_file);
    // Nobody's own configuration.
    command.env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
    let output = command.output().map_err(|e| Trouble::new(format!("jitctl: {e}")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match serde_json::from_str(&text) {
        Ok(Answer::Checked(checked)) => Ok((checked, output.status.code().unwrap_or(-1))),
        _ => Err(Trouble::new(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))),
    }
}

fn lines(checked: &Checked) -> String {
    let shown = checked
        .tries
        .iter()
        .map(|t| format!("{} | {} | {} | {} | {}", t.verdict, t.who, t.what, t.expected, t.got));
    shown
        .chain(checked.holes.iter().cloned())
        .chain(checked.notes.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Everything in the directory, but for what changes at each change.
fn content(ldif: &str) -> String {
    let noise = ["contextCSN", "entryusn", "modifyTimestamp", "modifiersName", "numSubordinates", "entryCSN"];
    let entry = |entry: &str| -> String {
        let said = entry.lines().filter(|line| !noise.iter().any(|name| line.starts_with(name)));
        said.map(|line| format!("{line}\n")).collect()
    };
    let mut entries: Vec<String> = ldif.split("\n\n").map(entry).collect();
    // Their order is the server's own business.
    entries.sort();
    entries.join("\n")
}

fn slapd_checked(slapd: &Slapd) -> Result<(Checked, i32)> {
    check(
        &slapd.named(),
        &slapd.tls_file("ca.crt"),
        "cn=admin,dc=example,dc=com",
        &slapd.secret("admin-secret")?,
    )
}

fn shipped(name: &str) -> Result<String> {
    let path = workspace().join("packaging/ldap/openldap").join(name);
    std::fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))
}

#[test]
fn the_shipped_rules_of_openldap_have_no_hole() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let before = content(&slapd.search(BASE, &["*", "+"])?);
    let (checked, exit) = slapd_checked(&slapd)?;
    assert_eq!((checked.holes.len(), exit), (0, 0), "{}", lines(&checked));
    assert!(checked.tries.iter().all(|tried| tried.verdict == "ok"), "{}", lines(&checked));
    assert!(checked.tries.len() > 80 && checked.notes.is_empty(), "{}", lines(&checked));
    assert_eq!(content(&slapd.search(BASE, &["*", "+"])?), before, "it leaves nothing behind");
    Ok(())
}

/// What must be among the holes when this part of the rules is replaced by that.
struct Weakened {
    name: &'static str,
    changes: &'static [(&'static str, &'static str)],
    finds: &'static [&'static str],
}

const WEAKENED: [Weakened; 12] = [
    Weakened {
        name: "approvers add values",
        changes: &[(
            "by set=\"this/jitRoleDN/jitApproverGroup/member* & user\" read\n  by set=\"this/-1/jitRoleDN/jitApproverGroup/member* & user\" read\n  by * none\n# Roles",
            "by set=\"this/jitRoleDN/jitApproverGroup/member* & user\" add\n  by set=\"this/-1/jitRoleDN/jitApproverGroup/member* & user\" add\n  by * none\n# Roles",
        )],
        finds: &["approver adds a host to a grant", "approver adds a host to an approval"],
    },
    Weakened {
        name: "subjects do not read",
        changes: &[(
            "  by set=\"this/jitSubject & user\" read\n  by set=\"this/-1/jitSubject & user\" read\n",
            "",
        )],
        finds: &["other eligible reads his grant", "other eligible reads the approval of his grant"],
    },
    Weakened {
        name: "members give nothing back",
        changes: &[("  by set=\"this/-1/jitSubject/member* & user\" add\n", "")],
        finds: &["other eligible gives back what was asked for a group that he is in"],
    },
    Weakened {
        name: "groups' roles anywhere",
        changes: &[(
            "| (this/jitRoleDN & [ldap:///ou=roles,ou=jit,dc=example,dc=com??one?(objectClass=jitRole)]/entryDN)/jitEligible/member*)",
            "| this/jitRoleDN/jitEligible/member*)",
        )],
        finds: &[
            "stranger asks under a role that stands elsewhere, eligible by a group",
            "stranger asks under a role that stands below a role",
        ],
    },
    Weakened {
        name: "subjects write",
        changes: &[(
            "  by set=\"this/jitSubject & user\" read\n  by set=\"this/-1/jitSubject & user\" read\n  by set=\"this/jitSubject/member* & user\" read\n  by set=\"this/-1",
            "  by set=\"this/jitSubject & user\" write\n  by set=\"this/-1/jitSubject & user\" read\n  by set=\"this/jitSubject/member* & user\" read\n  by set=\"this/-1",
        )],
        finds: &[
            "subject widens his grant",
            "subject lengthens his grant",
            "subject gives his grant to somebody else",
        ],
    },
    Weakened {
        name: "no guard against oneself",
        changes: &[(
            "  by set=\"this/-1/jitSubject & user\" read\n  by set=\"this/-1/jitSubject/member* & user\" read\n  by set=\"this/-1/creatorsName & user\" read\n  by set=\"(this",
            "  by set=\"(this",
        )],
        finds: &[
            "subject approves his own",
            "approver approves his own",
            "approver approves for a group that he is in himself",
        ],
    },
    Weakened {
        name: "jitApprover is not tied",
        changes: &[(
            "/jitApproverGroup/member* & this/jitApprover & user\" add",
            "/jitApproverGroup/member* & user\" add",
        )],
        finds: &["approver approves in somebody else's name"],
    },
    Weakened {
        name: "everybody asks for anybody",
        changes: &[(
            "  by set=\"((this/jitRoleDN",
            "  by dn.children=\"ou=people,dc=example,dc=com\" add\n  by set=\"((this/jitRoleDN",
        )],
        finds: &[
            "other eligible asks for somebody else",
            "stranger asks under a role without being eligible",
            "stranger asks under a role that stands elsewhere",
            "subject asks under no role",
            "subject asks for a group under no role",
            "stranger asks for a group",
            "stranger asks under a role that stands below a role",
            "stranger asks for himself with somebody else's name besides",
        ],
    },
    Weakened {
        name: "approvers write roles",
        changes: &[(
            "  by users read\n",
            "  by set=\"this/jitApproverGroup/member* & user\" write\n  by users read\n",
        )],
        finds: &["approver makes his role need no approval"],
    },
    Weakened {
        name: "strangers read",
        changes: &[
            (
                "  by set=\"this/-1/jitRoleDN/jitApproverGroup/member* & user\" read\n  by * none\n# Roles",
                "  by users read\n# Roles",
            ),
            (
                "  by set=\"this/jitRoleDN/jitApproverGroup/member* & user\" read\n  by * none\n# What stands",
                "  by users read\n# What stands",
            ),
        ],
        finds: &[
            "stranger reads somebody else's grant",
            "other eligible reads somebody else's grant",
            "approver of another role reads why somebody asked",
            "stranger reads why somebody asked",
            "stranger guesses why somebody asked",
            "stranger sees that somebody asked",
        ],
    },
    Weakened {
        name: "roles anywhere",
        changes: &[(
            "((this/jitRoleDN & [ldap:///ou=roles,ou=jit,dc=example,dc=com??one?(objectClass=jitRole)]/entryDN)/jitEligible |",
            "(this/jitRoleDN/jitEligible |",
        )],
        finds: &["stranger asks under a role that stands elsewhere"],
    },
    Weakened {
        name: "hosts write",
        changes: &[(
            "olcAccess: {6}to dn.children=\"ou=grants,ou=jit,dc=example,dc=com\"\n  by dn.children=\"ou=hosts,dc=example,dc=com\" read",
            "olcAccess: {6}to dn.children=\"ou=grants,ou=jit,dc=example,dc=com\"\n  by dn.children=\"ou=hosts,dc=example,dc=com\" write",
        )],
        finds: &["host changes a grant", "host adds a host to a grant", "host adds a host to an approval"],
    },
];

#[test]
fn each_hole_in_weakened_rules_of_openldap_is_named() -> Result<()> {
    let slapd = Slapd::plan().up()?;
    let (acl, people) = (shipped("acl.ldif")?, shipped("acl-people.ldif")?);
    let before = content(&slapd.search(BASE, &["*", "+"])?);
    for weakened in &WEAKENED {
        let mut changed = acl.clone();
        for (from, to) in weakened.changes {
            assert!(changed.contains(from), "{}: acl.ldif has changed", weakened.name);
            changed = changed.replacen(from, to, 1);
        }
        slapd.change(&people.replace("add: olcAccess", "replace: olcAccess"))?;
        slapd.change(&changed)?;
        let (checked, exit) = slapd_checked(&slapd)?;
        assert_eq!(exit, 1, "{}: {}", weakened.name, lines(&checked));
        for hole in weakened.finds {
            let named = checked.holes.iter().any(|said| {
                said.starts_with(hole)
                    && ["What closes it", "What lets it"].iter().any(|law| said.contains(law))
            });
            assert!(named, "{}: {hole}\n{}", weakened.name, lines(&checked));
        }
        // Nothing else is said to be open but what this weakening opens.
        let open: Vec<&String> = checked
            .holes
            .iter()
            .filter(|said| !weakened.finds.iter().any(|hole| said.starts_with(hole)))
            .filter(|said| !said.contains("what it rests on is not there"))
            .collect();
        assert!(open.len() <= 3, "{}: {open:#?}", weakened.name);
    }
    assert_eq!(content(&slapd.search(BASE, &["*", "+"])?), before, "it leaves nothing behind");
    // A server that asks for rights to each value of a new entry lets nobody ask.
    slapd.shipped_rules()?;
    slapd.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAddContentAcl\nolcAddContentAcl: TRUE\n")?;
    let (checked, exit) = slapd_checked(&slapd)?;
    assert_eq!(exit, 1);
    let said = "subject asks for himself: this must work";
    assert!(checked.holes.iter().any(|hole| hole.starts_with(said)), "{}", lines(&checked));
    Ok(())
}

#[test]
fn what_an_earlier_run_left_is_removed_and_nothing_else() -> Result<()> {
    let own = format!(
        "dn: cn=jit-check-out,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: jit-check-out\nmember: {BASE}\n"
    );
    // Somebody gives his own grant such a name: as it was written by him and for him, it stays, with what stands under it.
    let taken = format!(
        "\ndn: cn=jit-check-0123456789abcdef-mine,{GRANTS}\nobjectClass: jitGrant\ncn: jit-check-0123456789abcdef-mine\n\
         jitSubject: uid=alice,ou=people,{BASE}\njitHost: x\n\n\
         dn: cn=jit-check-0123456789abcdef-v,cn=jit-check-0123456789abcdef-mine,{GRANTS}\nobjectClass: jitRevocation\n\
         cn: jit-check-0123456789abcdef-v\njitHost: x\n"
    );
    let slapd = Slapd::plan().with(&own).up()?;
    slapd.add(&taken)?;
    let before = content(&slapd.search(BASE, &["*", "+"])?);
    let left = format!(
        "dn: cn=jit-check-0123456789abcdef-g1,{GRANTS}\nobjectClass: jitGrant\ncn: jit-check-0123456789abcdef-g1\n\
         jitSubject: uid=jit-check-0123456789abcdef-subject,ou=people,{BASE}\njitHost: x\n\n\
         dn: cn=other,cn=jit-check-0123456789abcdef-g1,{GRANTS}\nobjectClass: jitRevocation\ncn: other\njitHost: x\n"
    );
    slapd.add(&left)?;
    let (checked, _) = slapd_checked(&slapd)?;
    assert!(checked.notes.iter().any(|note| note.starts_with("2 entries")), "{}", lines(&checked));
    assert_eq!(content(&slapd.search(BASE, &["*", "+"])?), before);
    Ok(())
}

#[test]
fn the_rules_of_389_have_no_hole_but_what_hosts_prove_and_weakened_ones_have() -> Result<()> {
    let server = Ds389::plan().up()?;
    let attributes = ["*", "creatorsName", "createTimestamp", "entryUUID", "aci"];
    let before = content(&server.search(BASE, &attributes)?);
    let checked = |server: &Ds389| {
        check(
            &server.named(),
            &server.tls_file("ca.crt"),
            ds389::ADMIN,
            &server.secret(ds389::ADMIN_PASSWORD)?,
        )
    };
    let (passed, exit) = checked(&server)?;
    assert_eq!((passed.holes.len(), exit), (0, 0), "{}", lines(&passed));
    let left: Vec<&str> =
        passed.tries.iter().filter(|t| t.verdict == "hosts").map(|t| t.what.as_str()).collect();
    let wanted = [
        "asks under a role without being eligible",
        "asks under a role that stands elsewhere",
        "approves under a role that is not his",
        "asks under a role that stands elsewhere, eligible by a group",
        "asks for a group under a role that stands elsewhere",
        "asks under a role that stands below a role",
        "asks for a group under a role that stands below a role",
    ];
    assert_eq!(left, wanted, "{}", lines(&passed));
    assert_eq!(content(&server.search(BASE, &attributes)?), before, "it leaves nothing behind");

    let rules = server.search(GRANTS, &["-s", "base", "aci"])?;
    let rules: Vec<&str> = rules.lines().filter_map(|line| line.strip_prefix("aci: ")).collect();
    let rules = rules.join("\n");
    for (from, to, hole) in [
        (" and userdn=\"ldap:///($attr.jitSubject)\"", "", "other eligible asks for somebody else"),
        (" and userdn=\"ldap:///($attr.jitApprover)\"", "", "approver approves in somebody else's name"),
        (
            "userattr=\"parent[1].jitSubject#USERDN\" or userattr=\"parent[1].jitSubject#GROUPDN\" or userattr=\"parent[1].creatorsName#USERDN\");)",
            "userattr=\"parent[1].jitTicket#USERDN\");)",
            "subject approves his own",
        ),
        (
            "deny (write,delete) userdn=\"ldap:///anyone\"",
            "allow (write,delete) userattr=\"jitSubject#USERDN\"",
            "subject widens his grant",
        ),
        (
            "allow (read,search,compare) userdn=\"ldap:///cn=*,ou=hosts,dc=example,dc=com\"",
            "allow (read,search,compare) userdn=\"ldap:///anyone\"",
            "nobody reads grants",
        ),
        (
            "deny (add) userdn=\"ldap:///anyone\";)\n(target=\"ldap:///cn=*,ou=grants,ou=jit,dc=example,dc=com\")(targetattr=\"*\")",
            "deny (add) userdn=\"ldap:///self\";)\n(target=\"ldap:///cn=*,ou=grants,ou=jit,dc=example,dc=com\")(targetattr=\"*\")",
            "subject brings access rules of his own (aci) with a grant",
        ),
    ] {
        let weakened = rules.replacen(from, to, 1);
        assert_ne!(weakened, rules, "{hole}: acl.ldif has changed");
        server.rules(GRANTS, &weakened)?;
        let (checked, exit) = checked(&server)?;
        assert_eq!(exit, 1, "{hole}: {}", lines(&checked));
        assert!(checked.holes.iter().any(|said| said.starts_with(hole)), "{hole}\n{}", lines(&checked));
    }
    Ok(())
}

#[test]
fn who_stops_it_finds_nothing_left() -> Result<()> {
    let server = Ds389::plan().up()?;
    let attributes = ["*", "creatorsName", "createTimestamp", "entryUUID"];
    let before = content(&server.search(BASE, &attributes)?);
    let password = server.secret(ds389::ADMIN_PASSWORD)?;
    let mut command = Command::new(built::jitctl()?);
    command.args(["directory", "check", "--base", BASE, "--uri", &server.named(), "--admin", ds389::ADMIN]);
    command.arg("--ca").arg(server.tls_file("ca.crt")).arg("--admin-password-file").arg(&password);
    command
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| Trouble::new(format!("jitctl: {e}")))?;
    until(Duration::from_secs(30), "something is there to be taken away", || {
        server.search(GRANTS, &["(cn=jit-check-*)", "1.1"]).is_ok_and(|found| !found.is_empty())
    })?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Trouble::new("no pid"))?;
    kill_process(pid, Signal::INT).map_err(|e| Trouble::new(format!("jitctl: {e}")))?;
    let status = child.wait().map_err(|e| Trouble::new(format!("jitctl: {e}")))?;
    assert_eq!(status.code(), Some(1), "stopped by hand is not proved");
    assert_eq!(content(&server.search(BASE, &attributes)?), before);
    Ok(())
}
