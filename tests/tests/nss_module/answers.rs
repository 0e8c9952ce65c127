//! What glibc hears, entry point by entry point.

use std::process::Command;

use jit_tests::nss::{empty, group, now, person};
use jit_tests::trouble::{Result, Trouble};
use jitd::groups::encode::Membership;

use crate::{company, drive, host};

#[test]
fn glibc_finds_groups_and_people() -> Result<()> {
    let (host, place) = host("nss-glibc", "files [SUCCESS=merge] jit")?;
    place.put(&company())?;
    host.user("carol", 20_003)?;
    let sh = |script: &str| host.sh(script).run()?.must();
    assert_eq!(
        sh("getent group dba 50001; getent passwd alice 20001")?.lines().collect::<Vec<_>>(),
        [
            "dba:*:50000:alice,bob",
            "idle:*:50001:",
            "alice:*:20001:20001:alice of the house:/home/alice:/bin/bash",
            "alice:*:20001:20001:alice of the house:/home/alice:/bin/bash",
        ]
    );
    // Merged with the local group of that name.
    assert_eq!(sh("getent group adm")?, "adm:x:4:alice\n");
    assert_eq!(sh("id -G alice")?, "20001 4 50000\n");
    assert_eq!(sh("id -G carol; id -Gn bob 2>&1 || true")?, "20003\nid: ‘bob’: no such user\n");
    assert_eq!(sh("getent passwd | grep -c alice; getent group | grep -c '^dba:'")?, "1\n1\n");
    assert_eq!(
        sh("getent -s jit group; getent -s jit passwd | wc -l")?,
        "adm:*:4:alice\ndba:*:50000:alice,bob\nidle:*:50001:\n1\n"
    );
    assert_eq!(sh("setpriv --reuid=alice --regid=20001 --init-groups id -G")?, "20001 4 50000\n");
    // Taken away, it is gone at once.
    place.put(&empty())?;
    assert_eq!(
        sh("id -G 20001 2>&1 || true; getent group dba || echo none")?,
        "id: ‘20001’: no such user\nnone\n"
    );
    Ok(())
}

#[test]
fn an_initgroups_line_decides_who_is_asked() -> Result<()> {
    let (host, place) = host("nss-initgroups", "files jit")?;
    place.put(&company())?;
    host.user("carol", 20_003)?;
    host.append("/etc/group", "local:x:30000:alice\n")?;
    let mut asked = Vec::new();
    let nsswitch = host.read("/etc/nsswitch.conf")?;
    for line in [
        "",
        "initgroups: files jit",
        "initgroups: files [SUCCESS=continue] jit",
        "initgroups: jit files",
        "initgroups: jit [SUCCESS=continue] files",
    ] {
        host.write("/etc/nsswitch.conf", 0o644, format!("{nsswitch}{line}\n"))?;
        asked.push(drive(&host, &["groups", "alice"])?.trim().to_owned());
    }
    // Without a line everybody is asked. With one the first who knows something ends it, unless it says otherwise.
    assert_eq!(
        asked,
        [
            "[7, 30000, 4, 50000]",
            "[7, 30000]",
            "[7, 30000, 4, 50000]",
            "[7, 4, 50000]",
            "[7, 4, 50000, 30000]"
        ]
    );
    // Who has none here is asked for there.
    host.append("/etc/group", "other:x:30001:carol\n")?;
    host.write("/etc/nsswitch.conf", 0o644, format!("{nsswitch}initgroups: jit files\n"))?;
    assert_eq!(drive(&host, &["groups", "carol"])?.trim(), "[7, 30001]");
    Ok(())
}

#[test]
fn each_entry_point_answers_whole() -> Result<()> {
    let (host, place) = host("nss-whole", "files jit")?;
    place.put(&company())?;
    let asked = drive(
        &host,
        &[
            "ask",
            "g:dba",
            "g:idle",
            "g:nothing",
            "g:",
            "G:4",
            "G:0",
            "G:5",
            "G:4294967295",
            "p:alice",
            "p:bob",
            "P:20001",
            "P:0",
            "i:alice",
            "i:bob",
            "i:",
            "i:nobody",
            &format!("g:{}", "x".repeat(255)),
            &format!("g:{}", "x".repeat(256)),
            &format!("p:{}", "x".repeat(100_000)),
        ],
    )?;
    let asked = asked.replace('x', "");
    let alice = "alice:*:20001:20001:alice of the house:/home/alice:/bin/bash";
    let expected = [
        "g:dba 1 0 dba:*:50000:alice,bob",
        "g:idle 1 0 idle:*:50001:",
        "g:nothing 0 2 ",
        "g: 0 2 ",
        "G:4 1 0 adm:*:4:alice",
        "G:0 0 2 ",
        "G:5 0 2 ",
        "G:4294967295 0 2 ",
        &format!("p:alice 1 0 {alice}"),
        "p:bob 0 2 ",
        &format!("P:20001 1 0 {alice}"),
        "P:0 0 2 ",
        "i:alice 1 0 [7, 4, 50000]",
        "i:bob 1 0 [7, 50000]",
        "i: 0 2 ",
        "i:nobody 0 2 ",
        "g: 0 2 ",
        "g: 0 2 ",
        "p: 0 2 ",
    ];
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    let all = [
        "adm:*:4:alice",
        "dba:*:50000:alice,bob",
        "idle:*:50001:",
        "0 2",
        alice,
        "0 2",
        "adm:*:4:alice",
        alice,
        "0 2",
    ];
    assert_eq!(drive(&host, &["list"])?.lines().collect::<Vec<_>>(), all);
    Ok(())
}

/// Rows that have ended, or not yet begun, are not there; the group keeps its name, and the person his number only until his own end.
#[test]
fn rows_begin_and_end_by_themselves() -> Result<()> {
    let (host, place) = host("nss-rows", "files jit")?;
    let mut content = company();
    let row = |login: &str, from: i64, until: i64| Membership {
        login: login.to_owned(),
        from: now() + from,
        until: now() + until,
    };
    content.groups.insert("turns".to_owned(), group(50_002, []));
    if let Some(turns) = content.groups.get_mut("turns") {
        turns.members = vec![row("early", -9, 0), row("late", 3600, 7200), row("zoe", -9, 3600)];
    }
    // The daemon never writes somebody twice at the same time.
    content.groups.insert("twice".to_owned(), group(50_003, ["twin", "twin"]));
    let mut gone = person("gone", 20_009);
    gone.until = now();
    content.people.insert("gone".to_owned(), gone);
    place.put(&content)?;
    let asked =
        drive(&host, &["ask", "g:turns", "i:early", "i:late", "i:zoe", "p:gone", "P:20009", "i:twin"])?;
    let expected = [
        "g:turns 1 0 turns:*:50002:zoe",
        "i:early 0 2 ",
        "i:late 0 2 ",
        "i:zoe 1 0 [7, 50002]",
        "p:gone 0 2 ",
        "P:20009 0 2 ",
        "i:twin 1 0 [7, 50003]",
    ];
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    assert!(!drive(&host, &["list"])?.contains("gone"));
    Ok(())
}

#[test]
fn every_size_of_buffer_is_taken_as_it_is() -> Result<()> {
    let (host, place) = host("nss-rooms", "files jit")?;
    let mut content = company();
    let crowd: Vec<String> = (0..40).map(|n| format!("member{n}")).collect();
    content.groups.insert("crowd".to_owned(), group(50_007, crowd.iter().map(String::as_str)));
    place.put(&content)?;
    let said = drive(&host, &["rooms", "crowd", "alice"])?;
    // To the byte: 41 pointers, 40 names, the group's, "*"; and what is lost at the beginning until a pointer fits.
    let members: usize = crowd.iter().map(|name| name.len() + 1).sum();
    let needed = 41 * 8 + members + "crowd".len() + 1 + 2;
    let lost = [0, 7, 6, 5, 4, 3, 2, 1].map(|lost| needed + lost);
    let person = ["alice", "*", "alice of the house", "/home/alice", "/bin/bash"].map(|text| text.len() + 1);
    let person = [person.iter().sum::<usize>(); 8];
    assert_eq!(said, format!("group {lost:?}\nperson {person:?}\n"));
    Ok(())
}

#[test]
fn five_hundred_groups() -> Result<()> {
    let (host, place) = host("nss-many", "files jit")?;
    let mut content = empty();
    for n in 0..500 {
        content.groups.insert(format!("group{n:03}"), group(60_000 + n, ["alice"]));
    }
    place.put(&content)?;
    let expected: Vec<u32> = [7].into_iter().chain(60_000..60_500).collect();
    assert_eq!(drive(&host, &["groups", "alice"])?, format!("{expected:?}\n"));
    let added = drive(&host, &["added", "alice"])?;
    assert_eq!(
        added.lines().collect::<Vec<_>>(),
        [
            "1 0 501 512 true",
            "1 0 501 512 true",
            "1 0 500 512 true",
            "1 0 5 5 false",
            "0 2 3 3 false",
            "-2 34 1 64 false",
            "1 0 501 1024 true",
            "1 0 64 64 false",
            "0 2 [7] 1",
        ]
    );
    Ok(())
}

const STATIC: &str = r#"
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    for (int room = 1; room < 1024; room *= 2) {
        int count = room;
        gid_t *groups = malloc(room * sizeof *groups);
        getgrouplist("alice", 7, groups, &count);
        free(groups);
        printf("%d ", count);
    }
    return 0;
}
"#;

/// A program with a C library of its own has a malloc(3) of its own: what that made, the module's must not make longer.
#[test]
fn a_static_program_gets_what_it_has_room_for() -> Result<()> {
    let (host, place) = host("nss-static", "files jit")?;
    let mut content = empty();
    for n in 0..100 {
        content.groups.insert(format!("group{n:02}"), group(60_000 + n, ["alice"]));
    }
    place.put(&content)?;
    let [source, program] = ["/usr/local/src/static.c", "/usr/local/bin/static"].map(|path| host.path(path));
    host.write("/usr/local/src/static.c", 0o644, STATIC)?;
    let built = Command::new("gcc").args(["-static", "-o"]).args([&program, &source]).output();
    let built = built.map_err(|e| Trouble::new(format!("gcc does not start ({e}): apt-get install gcc")))?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert_eq!(host.exec(["/usr/local/bin/static"]).run()?.must()?, "1 1 1 1 1 1 1 101 101 101 ");
    Ok(())
}
