//! Where there is no map, or none that counts, or none that can be reached: local names are what they are without the module.

use jit_tests::door::{Door, Mode, NAME};
use jit_tests::host::Host;
use jit_tests::ldif::Ldif;
use jit_tests::trouble::Result;

use crate::{PEOPLE, config, dba, group_line, groups_of, install_asks, is_in, up, with_roles};

const MAP: &str = "/run/jitd/pub/groups.map";

/// What programs ask, each to be done within some seconds.
const QUESTIONS: &str = r#"
for question in "id alice" "id -G alice" "id root" "id nobody-at-all" "groups bob" "getent group people" "getent group 4000" "getent group nobody-at-all" \
    "getent group 4242" "getent initgroups alice" "getent passwd alice" "getent passwd 5001" "getent passwd nobody-at-all" "getent group" "getent passwd" \
    "stat -c '%U %G' /home/alice /etc/shadow" "ls -ld /root" "sg people -c 'id -gn'" "sudo -n id -un" "newgrp nobody-at-all"
do timeout 20 sh -c "$question" </dev/null 2>&1; echo "$question: $?"; done
"#;

/// What they hear, with and without the module.
fn heard(host: &Host, services: &str, login: &str) -> Result<String> {
    host.name_service(services)?;
    let output = host.exec_as(login, ["sh", "-c", QUESTIONS]).run()?;
    Ok(format!("{}{}", output.stdout, output.stderr))
}

/// jitd was never started; not even its directories are there.
#[test]
fn without_a_map_everything_is_as_before() -> Result<()> {
    let door = Door::without_daemon(&PEOPLE, &config())?;
    for login in ["alice", "root"] {
        let before = heard(door.host(), "files", login)?;
        assert!(
            before.contains("4000(people)") && before.contains("getent group nobody-at-all: 2"),
            "{before}"
        );
        for services in ["files jit", "jit files", "files [SUCCESS=merge] jit"] {
            assert_eq!(heard(door.host(), services, login)?, before, "{login}: {services}");
        }
    }
    assert!(door.ssh("alice", "id")?.ok());
    Ok(())
}

/// Each is made anew, of the real map in /srv/map, where the map belongs.
const NO_MAPS: [(&str, &str); 15] = [
    ("nothing", ":"),
    ("empty", ": >$M"),
    ("its first bytes", "head -c 12 /srv/map >$M"),
    ("its header", "head -c 128 /srv/map >$M"),
    ("all but the last byte", "head -c -1 /srv/map >$M"),
    ("a byte too many", "cat /srv/map >$M; printf x >>$M"),
    ("damaged", "cp /srv/map $M; printf '\\377' | dd of=$M bs=1 seek=150 conv=notrunc status=none"),
    ("of another version", "cp /srv/map $M; printf '\\2' | dd of=$M bs=1 seek=7 conv=notrunc status=none"),
    ("superseded", "cp /srv/map $M; printf '\\1' | dd of=$M bs=1 seek=8 conv=notrunc status=none"),
    ("writable for others", "cp /srv/map $M; chmod 666 $M"),
    ("not readable", "cp /srv/map $M; chmod 600 $M"),
    ("a directory", "mkdir $M"),
    ("a pipe", "mkfifo $M; chmod 644 $M"),
    ("a link", "ln -s /srv/map $M"),
    ("too large", "cp /srv/map $M; truncate -s 65M $M"),
];

#[test]
fn what_is_no_map_says_nothing() -> Result<()> {
    let door = up("files jit", Mode::Permissive, &Ldif::new().grant(&dba("alices", "alice")))?;
    let host = door.host();
    door.kill_jitd()?;
    let place = format!("set -e; M={MAP}; cp $M /srv/map; chmod 644 /srv/map; rm -f $M*");
    host.sh(&place).run()?.must()?;
    let before = heard(host, "files", "alice")?;
    for (what, script) in NO_MAPS {
        host.sh(&format!("set -e; M={MAP}; rm -rf $M $M.next; umask 022; {script}")).run()?.must()?;
        assert_eq!(heard(host, "files jit", "alice")?, before, "{what}");
    }
    // The same file, whole and in its place, says something.
    host.sh(&format!("rm -rf {MAP}; cp /srv/map {MAP}")).run()?.must()?;
    assert!(is_in(host, "alice", "jit-dba")?);
    // And where it is to be when it is about to be replaced.
    host.sh(&format!("mv {MAP} {MAP}.next; cp /srv/map {MAP}; printf '\\1' | dd of={MAP} bs=1 seek=8 conv=notrunc status=none")).run()?.must()?;
    assert!(is_in(host, "alice", "jit-dba")?);
    Ok(())
}

/// A process in a chroot keeps what it had mapped and gets nothing new; names of the chroot's own resolve.
#[test]
fn in_a_chroot_local_names_resolve() -> Result<()> {
    let grants = Ldif::new().grant(&dba("alices", "alice"));
    let door = up("files jit", Mode::Permissive, &grants)?;
    let host = door.host();
    install_asks(host)?;
    let (gid, _) = group_line(host, "jit-dba")?;
    host.sh("mkdir -p /srv/jail/etc /srv/jail/files; grep -e ^alice -e ^root /etc/passwd >/srv/jail/etc/passwd; echo inside:x:4001:alice >/srv/jail/etc/group")
        .run()?
        .must()?;
    let asked = |questions: &str| host.exec(["asks"]).stdin(questions).run()?.must();
    // Nothing loaded before: then the chroot has no module, either.
    assert_eq!(
        asked(
            "chroot /srv/jail\ngroup inside\ngroup jit-dba\ngroups alice\nuser alice\nuser nobody-at-all\n"
        )?,
        "in\ninside 4001 alice\nnone\n65534 4001\nalice 5001\nnone\n"
    );
    assert_eq!(
        asked(
            "group jit-dba\nchroot /srv/jail\ngroup inside\ngroup jit-dba\ngroups alice\nuser alice\ngroup nobody-at-all\n"
        )?,
        format!(
            "jit-dba {gid} alice\nin\ninside 4001 alice\njit-dba {gid} alice\n65534 4001 4 {gid}\nalice 5001\nnone\n"
        )
    );

    // It holds a map that is superseded by one which it cannot reach: then nobody is in a group by a grant.
    let mut inside = door.client("root").runs("asks")?;
    for (line, said) in [("group jit-dba", "jit-dba"), ("chroot /srv/jail", "in\n")] {
        inside.types(line)?;
        inside.shows(said)?;
    }
    door.grants(&with_roles(&grants.clone().grant(&dba("bobs", "bob"))))?;
    inside.types("group jit-dba\ngroup inside\ngroups alice\nmaps")?;
    inside.shows("in\nerror 2\ninside 4001 alice\n65534 4001\n0\n")?;

    // sshd's own way of doing it.
    host.sh("chown alice:4001 /srv/jail/files; cat >>/etc/ssh/sshd_config <<'END'\nMatch User alice\n ChrootDirectory /srv/jail\n ForceCommand internal-sftp\nEND\nkill -HUP $(cat /run/sshd.pid)").run()?.must()?;
    let list = || host.exec(["sftp", "-q", "-b", "-", &format!("alice@{NAME}")]).stdin("ls -l\n").run();
    jit_tests::wait::until(jit_tests::door::SOON, "sshd is back", || list().is_ok_and(|output| output.ok()))?;
    let listed = list()?.must()?;
    assert!(listed.contains("alice") && listed.contains("inside"), "{listed}");
    Ok(())
}

/// A process that may not open anything any more (seccomp).
#[test]
fn in_a_sandbox_nothing_breaks() -> Result<()> {
    let door = up("files jit", Mode::Permissive, &Ldif::new().grant(&dba("alices", "alice")))?;
    let host = door.host();
    install_asks(host)?;
    let (gid, _) = group_line(host, "jit-dba")?;
    let asked = |questions: &str| host.exec(["asks"]).stdin(questions).run();
    // Nothing can be loaded: as if the module were not there.
    let questions = "forbid\ngroup people\ngroup jit-dba\ngroup nobody-at-all\ngroups alice\nuser alice\n";
    let with = asked(questions)?;
    host.name_service("files")?;
    assert_eq!(with, asked(questions)?);
    assert!(with.ok(), "{with}");
    // Loaded and mapped before: it goes on to answer, without opening anything. Whatever opens or maps would be killed.
    host.name_service("jit files")?;
    let questions = format!("group jit-dba\nseal\ngroup jit-dba\ngid {gid}\ngroup adm\ngroup jit-web\n");
    let (web, _) = group_line(host, "jit-web")?;
    let line = format!("jit-dba {gid} alice\n");
    assert_eq!(asked(&questions)?.must()?, format!("{line}sealed\n{line}{line}adm 4 alice\njit-web {web}\n"));
    // A map that is superseded by one which cannot be opened is not there: ENOENT, as for a file that is missing.
    host.name_service("files jit")?;
    let mut inside = door.client("root").runs("asks")?;
    for (line, said) in [("group jit-dba", "alice"), ("forbid", "forbidden")] {
        inside.types(line)?;
        inside.shows(said)?;
    }
    door.grants(&with_roles(&Ldif::new()))?;
    inside.types("group jit-dba\nmaps\nuser root")?;
    inside.shows("forbidden\nerror 2\n0\nerror 2\n")
}

/// Whatever comes and goes, a process has one mapping, and no descriptor.
#[test]
fn a_process_that_lives_on_collects_nothing() -> Result<()> {
    let grants = Ldif::new().grant(&dba("alices", "alice"));
    let door = up("files jit", Mode::Permissive, &grants)?;
    install_asks(door.host())?;
    let mut lives = door.client("root").runs("asks")?;
    lives.types("group jit-dba\nmaps\nopen")?;
    lives.shows(" alice\n1\n")?;
    let mut lines = 3;
    let mut said = |lives: &mut jit_tests::client::Client, question: &str| -> Result<String> {
        lives.types(question)?;
        lines += 1;
        jit_tests::wait::until(jit_tests::door::SOON, "asks answers", || {
            lives.screen().lines().count() == lines
        })?;
        Ok(lives.screen().lines().last().unwrap_or_default().to_owned())
    };
    let open = said(&mut lives, "open")?;
    let first = groups_of(door.host(), "bob")?;
    for round in 0..10 {
        let with_bob = round % 2 == 0;
        // A new grant each time: one that was deleted stays so.
        let bobs = dba(&format!("bobs{round}"), "bob");
        let now = if with_bob { grants.clone().grant(&bobs) } else { grants.clone() };
        door.grants(&with_roles(&now))?;
        assert_eq!(said(&mut lives, "group jit-dba")?.ends_with(" bob"), with_bob, "{lives:?}");
        assert_eq!(said(&mut lives, "maps")?, "1");
        assert_eq!(said(&mut lives, "open")?, open);
    }
    assert_eq!(groups_of(door.host(), "bob")?, first);
    lives.hangs_up();
    assert_eq!(lives.ends()?, 0);
    Ok(())
}
