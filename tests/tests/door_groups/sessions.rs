//! What a login has, and what sudo, newgrp and sg make of it.

use jit_tests::client::Client;
use jit_tests::door::{Door, Mode};
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::root::workspace;
use jit_tests::trouble::Result;

use crate::{PEOPLE, config, dba, group_line, groups_of, roles, sorted, up, with_roles};

/// The rules by role as they are delivered, and one that does not depend on a group.
fn with_rules(door: Door) -> Result<Door> {
    let host = door.host();
    host.system_user("postgres", 991)?;
    host.install(&workspace().join("packaging/sudoers/jit"), "/etc/sudoers.d/jit", 0o440)?;
    host.write("/etc/sudoers.d/people", 0o440, "alice ALL=(bob) NOPASSWD: /usr/bin/id\n")?;
    host.exec(["visudo", "--check", "--strict", "--quiet"]).run()?.must()?;
    Ok(door)
}

/// As somebody who has just logged in: with the groups that he has now.
fn fresh(door: &Door, login: &str, argv: &[&str]) -> Result<Output> {
    door.host().exec_as(login, argv).run()
}

/// A login with a shell on a terminal.
fn with_a_prompt(door: &Door, login: &str) -> Result<Client> {
    let mut client = door.client(login).with_a_terminal().start()?;
    client.types("echo here-$((40 + 2))")?;
    client.shows("here-42")?;
    Ok(client)
}

const AS_POSTGRES: [&str; 6] = ["sudo", "-n", "-u", "postgres", "id", "-un"];

/// sudo itself, and not the door, did not want him: no rule is for him, so he is asked for a password, if any.
fn refused_by_sudo(output: &Output) {
    assert!(!output.ok() && output.stdout.is_empty(), "{output}");
    assert!(output.stderr.contains("a password is required"), "{output}");
}

#[test]
fn a_login_has_the_groups_of_its_grant() -> Result<()> {
    let config = format!("{}[[exempt]]\nuser = \"bob\"\n[break_glass]\nusers = [\"carol\"]\n", config());
    let grants = Ldif::new().grant(&dba("alices", "alice")).grant(&Grant::live("daves", "dave"));
    let door = Door::up(&PEOPLE, Mode::Enforcing, &config, &with_roles(&grants))?;
    door.host().name_service("files jit")?;
    let door = with_rules(door)?;

    // sshd's own initgroups: what the kernel says of the session's processes.
    let in_session = |login: &str| Ok(sorted(&door.ssh(login, "id -nG")?.must()?));
    assert_eq!(in_session("alice")?, ["adm", "alice", "jit-dba", "people"]);
    // By exemption, by break-glass, and by a grant without a role, one comes in without any group.
    for login in ["bob", "carol", "dave"] {
        assert_eq!(in_session(login)?, [login, "people"]);
    }

    // By all that looks, from inside one session.
    let (gid, _) = group_line(door.host(), "jit-dba")?;
    let line = format!("jit-dba:{gid}:alice");
    let questions = [
        ("groups alice".to_owned(), "alice : alice people adm jit-dba".to_owned()),
        ("id -nG alice".to_owned(), "alice people adm jit-dba".to_owned()),
        ("id -G alice".to_owned(), format!("5001 4000 4 {gid}")),
        ("getent initgroups alice".to_owned(), format!("alice 4000 4 {gid}")),
        ("getent group jit-dba | cut -d: -f1,3,4".to_owned(), line.clone()),
        (format!("getent group {gid} | cut -d: -f1,3,4"), line.clone()),
        ("getent group | grep ^jit-dba: | cut -d: -f1,3,4".to_owned(), line),
        // As one's own group, for what one writes.
        ("echo 'id -gn' | newgrp jit-dba".to_owned(), "jit-dba".to_owned()),
        ("sg jit-dba -c 'id -gn'".to_owned(), "jit-dba".to_owned()),
        ("sg jit-dba 'touch theirs'; stat -c %G theirs".to_owned(), "jit-dba".to_owned()),
        ("chgrp jit-dba . && stat -c %G .".to_owned(), "jit-dba".to_owned()),
        ("sudo -n -u postgres id -un".to_owned(), "postgres".to_owned()),
    ];
    let script: String = questions.iter().map(|(question, _)| format!("{question}; echo ,\n")).collect();
    let output = door.ssh("alice", &script)?;
    let answers: Vec<&str> = output.stdout.split_terminator(",\n").collect();
    assert!(answers.len() == questions.len() && output.stderr.is_empty(), "{output}");
    for ((question, wanted), said) in questions.iter().zip(answers) {
        assert_eq!(sorted(said), sorted(wanted), "{question}");
    }
    let rules = door.ssh("alice", "sudo -n -l")?;
    assert!(rules.ok() && rules.stdout.contains("(postgres) NOPASSWD: ALL"), "{rules}");
    assert!(!door.ssh("alice", "sudo -n id")?.ok(), "as root is not her rule");
    // Others are let through, and sudo has no rule for them.
    refused_by_sudo(&door.ssh("carol", &AS_POSTGRES.join(" "))?);
    refused_by_sudo(&door.ssh("carol", "sudo -n -l")?);
    let output = door.ssh("carol", "(sg jit-dba -c 'id -gn'; echo 'id -gn' | newgrp jit-dba) </dev/null")?;
    assert!(!output.stdout.contains("jit-dba"), "{output}");

    // After the grant no rule is for her, and where one is, the door is closed.
    let as_bob = ["sudo", "-n", "-u", "bob", "id", "-un"];
    assert_eq!(fresh(&door, "alice", &as_bob)?.must()?, "bob\n");
    door.grants(&with_roles(&grants.revocation(&dba("alices", "alice"))))?;
    refused_by_sudo(&fresh(&door, "alice", &AS_POSTGRES)?);
    let refused = fresh(&door, "alice", &as_bob)?;
    assert!(!refused.ok() && refused.stdout.is_empty() && refused.stderr.contains("revoked"), "{refused}");
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

/// One grant ends, another holds the session open: the kernel leaves its processes their groups. sudo must be told to look.
#[test]
fn a_second_grant_leaves_a_session_the_groups_of_the_first() -> Result<()> {
    let web = Ldif::new().grant(&Grant::live("webs", "alice").under("web"));
    let door = with_rules(up("files jit", Mode::Enforcing, &web.clone().grant(&dba("dbas", "alice")))?)?;
    let mut session = with_a_prompt(&door, "alice")?;
    door.grants(&with_roles(&web))?;
    assert_eq!(groups_of(door.host(), "alice")?, ["alice", "jit-web", "people"]);
    session.types("id -nG alice; sudo -n -u postgres id -un; echo told-$?")?;
    session.shows("told-0")?;
    door.host().write("/etc/sudo.conf", 0o644, "Set group_source dynamic\n")?;
    session.types("sudo -n -u postgres id -un; echo looked-$?")?;
    session.shows("looked-1")?;
    assert!(session.screen().contains("a password is required"), "{session:?}");
    assert_eq!(session.status(), None, "the session goes on");
    Ok(())
}

/// Where nobody is kept out yet, the group alone decides.
#[test]
fn sudos_rule_ends_with_the_group() -> Result<()> {
    let grants = Ldif::new().grant(&dba("alices", "alice"));
    let door = with_rules(up("files jit", Mode::Permissive, &grants)?)?;
    let mut session = with_a_prompt(&door, "alice")?;
    assert_eq!(fresh(&door, "alice", &AS_POSTGRES)?.must()?, "postgres\n");
    refused_by_sudo(&fresh(&door, "bob", &AS_POSTGRES)?);
    assert!(fresh(&door, "alice", &["sg", "jit-dba", "-c", "id -gn"])?.stdout.contains("jit-dba"));

    door.grants(&roles())?;
    refused_by_sudo(&fresh(&door, "alice", &AS_POSTGRES)?);
    let listed = door.host().exec(["sudo", "-l", "-U", "alice"]).run()?;
    assert!(!listed.stdout.contains("postgres"), "{listed}");
    assert!(!fresh(&door, "alice", &["sg", "jit-dba", "-c", "id -gn"])?.stdout.contains("jit-dba"));

    // A session that was open has the group still, from the kernel; and sudo believes the kernel, unless it is told to look.
    session.types("sudo -n -u postgres id -un; echo over-$?")?;
    session.shows("over-0")?;
    // So it does not notice, either, that a second grant has begun; but sg and newgrp do.
    let mut early = with_a_prompt(&door, "bob")?;
    door.grants(&with_roles(&Ldif::new().grant(&dba("bobs", "bob"))))?;
    early.types(
        "sudo -n -u postgres id -un; echo early-$?; sg jit-dba -c 'sudo -n -u postgres id -un'; echo sg-$?",
    )?;
    early.shows("early-1")?;
    early.shows("sg-0")?;
    door.host().write("/etc/sudo.conf", 0o644, "Set group_source dynamic\n")?;
    session.types("sudo -n -u postgres id -un; echo looked-$?")?;
    session.shows("looked-1")?;
    assert!(session.screen().contains("a password is required"), "{session:?}");
    early.types("sudo -n -u postgres id -un; echo looked-$?")?;
    early.shows("looked-0")
}
