//! Beside other name services, in the ways in which nsswitch.conf(5) can be written.

use jit_tests::door::{Door, Mode, NAME};
use jit_tests::host::Host;
use jit_tests::ldif::Ldif;
use jit_tests::root::NAMES;
use jit_tests::trouble::{Result, Trouble};

use crate::{PEOPLE, config, dba, group_line, groups_of, roles, sorted, up, with_allow, with_roles};

fn alices() -> Ldif {
    Ldif::new().grant(&dba("alices", "alice"))
}

/// bob is a member of the local group `adm`, in /etc/group.
fn with_a_local_member(host: &Host) -> Result<()> {
    host.sh("sed -i 's/^adm:x:4:.*/adm:x:4:bob/' /etc/group").run()?.must().map(drop)
}

/// Whether `getent group adm` shows the people of grants beside the local members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merged {
    Yes,
    No,
}

/// What must be right whatever stands in nsswitch.conf. alice has a live grant that confers `jit-dba` and `adm`.
fn answers_are_right(door: &Door, services: &str, merged: Merged) -> Result<u32> {
    let host = door.host();
    assert_eq!(groups_of(host, "alice")?, ["adm", "alice", "jit-dba", "people"], "{services}");
    assert_eq!(groups_of(host, "bob")?, ["adm", "bob", "people"], "{services}");
    assert_eq!(groups_of(host, "root")?, ["root"], "{services}");
    let session = sorted(&door.ssh("alice", "id -nG")?.must()?);
    assert_eq!(session, ["adm", "alice", "jit-dba", "people"], "{services}");

    let (gid, members) = group_line(host, "jit-dba")?;
    assert_eq!(members, ["alice"], "{services}");
    assert_eq!(group_line(host, &gid.to_string())?, (gid, members), "{services}: by its number");
    // Who is a member by two services is listed twice.
    let once = |line: (u32, Vec<String>)| {
        let mut members = line.1;
        members.sort_unstable();
        members.dedup();
        (line.0, members)
    };
    let of_adm = if merged == Merged::Yes {
        vec!["alice".to_owned(), "bob".to_owned()]
    } else {
        vec!["bob".to_owned()]
    };
    assert_eq!(once(group_line(host, "adm")?), (4, of_adm.clone()), "{services}");
    assert_eq!(once(group_line(host, "4")?), (4, of_adm), "{services}");

    let all = host.exec(["getent", "group"]).run()?.must()?;
    let lines = |name: &str| all.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(lines("jit-dba:"), 1, "{services}: {all}");
    assert_eq!(
        lines("root:"),
        host.read("/etc/group")?.lines().filter(|line| line.starts_with("root:")).count()
    );
    assert!(
        all.lines().filter(|line| line.starts_with("adm:")).all(|line| line.contains(":4:")),
        "{services}: {all}"
    );
    for (question, status) in [
        (["getent", "group", "nobody-at-all"], 2),
        (["getent", "group", "4242"], 2),
        (["getent", "passwd", "nobody-at-all"], 2),
        (["getent", "passwd", "alice"], 0),
        (["id", "-u", "nobody-at-all"], 1),
    ] {
        let output = host.exec(question).run()?;
        assert_eq!(output.status, status, "{services}: {question:?}: {output}");
    }
    Ok(gid)
}

#[test]
fn beside_files_with_and_without_a_line_for_initgroups() -> Result<()> {
    let door = up("files jit", Mode::Enforcing, &alices())?;
    with_a_local_member(door.host())?;
    answers_are_right(&door, "files jit", Merged::No)?;
    for services in ["files [SUCCESS=merge] jit", "files [SUCCESS=merge UNAVAIL=continue] jit"] {
        door.host().name_service(services)?;
        answers_are_right(&door, services, Merged::Yes)?;
    }

    // glibc stops at the first service that knows a group of the person, if there is a line of its own for this. So it must say to go on.
    door.host().name_service("files jit")?;
    door.host().append("/etc/nsswitch.conf", "initgroups: files [SUCCESS=continue] jit\n")?;
    answers_are_right(&door, "initgroups: files [SUCCESS=continue] jit", Merged::No)?;
    door.host().name_service("files jit")?;
    door.host().append("/etc/nsswitch.conf", "initgroups: files jit\n")?;
    assert_eq!(groups_of(door.host(), "alice")?, ["alice", "people"], "stopped at files");
    Ok(())
}

/// On a host with systemd, by whose module glibc finds the users of services.
#[test]
fn beside_systemd() -> Result<()> {
    let host = Host::named(NAME).booted().of(NAMES).up()?;
    // It stands in the way of every answer; it has a test of its own.
    host.exec(["systemctl", "--quiet", "disable", "--now", "nscd"]).run()?.must()?;
    let door = Door::on(host, &PEOPLE, &config())?;
    let door = door.opened(Mode::Enforcing, &with_roles(&alices()))?;
    with_a_local_member(door.host())?;
    for (services, merged) in [
        ("files jit systemd", Merged::No),
        ("files systemd jit", Merged::No),
        ("files [SUCCESS=merge] jit [SUCCESS=merge] systemd", Merged::Yes),
        ("files [SUCCESS=merge] systemd [SUCCESS=merge] jit", Merged::Yes),
    ] {
        door.host().name_service(services)?;
        answers_are_right(&door, services, merged)?;
        // A user that only systemd knows, in a service that sees little of the host.
        let service = "--quiet --wait --pipe -p DynamicUser=yes -p User=passing";
        let inside = "getent group passing | cut -d: -f1; id -nG alice | tr ' ' '\\n' | grep jit";
        let output = door.host().sh(&format!("systemd-run {service} sh -c \"{inside}\"")).run()?;
        assert_eq!(output.stdout, "passing\njit-dba\n", "{services}: {output}");
    }
    Ok(())
}

/// sssd serves the local accounts, as on Fedora, and dies.
#[test]
fn beside_sssd() -> Result<()> {
    let door = Door::on(Host::named(NAME).of(NAMES).up()?, &PEOPLE, &config())?;
    with_a_local_member(door.host())?;
    let door = door.opened(Mode::Enforcing, &with_roles(&alices()))?;
    let host = door.host();
    let config = "[sssd]\nservices = nss\ndomains = files\n[nss]\n[domain/files]\nid_provider = files\n";
    host.write("/etc/sssd/sssd.conf", 0o600, config)?;
    let mut sssd = host.start("sssd", ["sssd", "-i"])?;
    sssd.wait_until("sssd knows alice", || {
        host.exec(["getent", "-s", "sss", "group", "people"]).run().is_ok_and(|output| output.ok())
    })?;
    for (services, merged) in [
        ("files jit sss", Merged::No),
        ("files sss jit", Merged::No),
        ("sss files jit", Merged::No),
        ("files [SUCCESS=merge] sss [SUCCESS=merge] jit", Merged::Yes),
        ("files [SUCCESS=merge] jit [SUCCESS=merge] sss", Merged::Yes),
    ] {
        host.name_service(services)?;
        answers_are_right(&door, services, merged).map_err(|e| Trouble::new(format!("{services}: {e}")))?;
    }
    sssd.kill()?;
    for services in ["files jit sss", "files sss jit"] {
        host.name_service(services)?;
        answers_are_right(&door, &format!("{services}, without sssd"), Merged::No)?;
    }
    Ok(())
}

/// A group that is not local has one number everywhere, whatever else a host allows; a local one keeps its own.
#[test]
fn a_group_has_the_same_number_on_every_host() -> Result<()> {
    let here = up("files jit", Mode::Permissive, &alices())?;
    let there = Door::up(
        &["zoe", "alice"],
        Mode::Permissive,
        &with_allow(r#"["aaa", "jit-dba", "jit-web"]"#),
        &roles(),
    )?;
    there.host().name_service("files jit")?;
    let (number, _) = group_line(here.host(), "jit-dba")?;
    assert!((2_013_265_920..=2_030_043_135).contains(&number), "{number}");
    assert_eq!(group_line(there.host(), "jit-dba")?, (number, vec![]));
    assert_ne!(group_line(there.host(), "jit-web")?.0, number);

    // Made local under another number, it has that one, and the grant's people are in it.
    here.host().append("/etc/group", "jit-dba:x:3000:\n")?;
    jit_tests::wait::until(jit_tests::door::SOON, "jitd has seen the local group", || {
        here.host()
            .exec(["id", "-G", "alice"])
            .run()
            .is_ok_and(|output| sorted(&output.stdout).contains(&"3000".to_owned()))
    })?;
    assert_eq!(groups_of(here.host(), "alice")?, ["adm", "alice", "jit-dba", "people"]);
    assert_eq!(here.host().exec(["getent", "group", &number.to_string()]).run()?.status, 2);
    Ok(())
}
