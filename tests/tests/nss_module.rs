//! The release build of libnss_jit.so.2, as a file and as glibc calls it, on throw-away hosts whose group map is the test's own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use jit_proto::map::layout::COVERED;
use jit_tests::built;
use jit_tests::door::SOON;
use jit_tests::host::Host;
use jit_tests::nss::{ENOUGH, Place, empty, group, now, person, standing};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use jitd::groups::encode::{Content, Membership, encode};

const DRIVER: &str = "/usr/local/bin/nss_driver";

fn output(program: &str, arguments: &[&str], path: &Path) -> Result<String> {
    let output = Command::new(program).args(arguments).arg(path).env("LC_ALL", "C").output();
    let output = output
        .map_err(|e| Trouble::new(format!("{program} does not start ({e}): apt-get install binutils")))?;
    if !output.status.success() {
        return Err(Trouble::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn it_exports_glibcs_entry_points_and_nothing_else() -> Result<()> {
    let symbols =
        output("nm", &["--dynamic", "--defined-only", "--format=just-symbols"], &built::nss_jit()?)?;
    let symbols: BTreeSet<&str> = symbols.split_whitespace().collect();
    let expected = BTreeSet::from([
        "_nss_jit_endgrent",
        "_nss_jit_endpwent",
        "_nss_jit_getgrent_r",
        "_nss_jit_getgrgid_r",
        "_nss_jit_getgrnam_r",
        "_nss_jit_getpwent_r",
        "_nss_jit_getpwnam_r",
        "_nss_jit_getpwuid_r",
        "_nss_jit_initgroups_dyn",
        "_nss_jit_setgrent",
        "_nss_jit_setpwent",
    ]);
    assert_eq!(symbols, expected);
    Ok(())
}

/// What it may ask of libc: nothing that allocates but realloc(3), for the list that glibc wants to have added to; nothing that locks, prints
/// or ends the process; no function that is a cancellation point.
#[test]
fn it_asks_little_of_libc() -> Result<()> {
    let symbols =
        output("nm", &["--dynamic", "--undefined-only", "--format=just-symbols"], &built::nss_jit()?)?;
    let symbols: BTreeSet<&str> = symbols.lines().filter_map(|line| line.trim().split('@').next()).collect();
    let weak =
        ["_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize", "__gmon_start__"];
    let memory = ["memchr", "memcmp", "bcmp", "memcpy", "memmove", "memset", "strlen"];
    let system = [
        "__errno_location",
        "clock_gettime",
        "fcntl",
        "fcntl64",
        "fstat",
        "fstat64",
        "mmap",
        "munmap",
        "realloc",
        "syscall",
    ];
    let known: BTreeSet<&str> = weak.into_iter().chain(memory).chain(system).collect();
    assert_eq!(symbols.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    Ok(())
}

#[test]
fn it_links_libc_alone_under_its_name() -> Result<()> {
    let dynamic = output("readelf", &["--dynamic", "--wide"], &built::nss_jit()?)?;
    let named = |tag: &str| -> Vec<String> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines.filter_map(|line| line.split(['[', ']']).nth(1)).map(str::to_owned).collect()
    };
    assert_eq!(named("(NEEDED)"), ["libc.so.6"]);
    assert_eq!(named("(SONAME)"), ["libnss_jit.so.2"]);
    assert!(dynamic.contains("BIND_NOW") && dynamic.contains("FLAGS_1"), "not fully relocated: {dynamic}");
    // It stays once it is there: threads may be in it, and what it has mapped would have no owner.
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH") && !dynamic.contains("TEXTREL"));
    Ok(())
}

/// Nothing to write to that could be run, nothing of the linker's left to write to, nothing of a thread's own, and no code that chooses at
/// load what a name means; what it exports is code.
#[test]
fn its_memory_is_either_written_or_run() -> Result<()> {
    let segments = output("readelf", &["--segments", "--wide"], &built::nss_jit()?)?;
    let headers: Vec<Vec<&str>> = segments.lines().map(|line| line.split_whitespace().collect()).collect();
    // The flags stand in one to three words between six numbers and the alignment.
    let flags = |kind: &str| -> Vec<String> {
        let of_kind = headers.iter().filter(|words| words.first() == Some(&kind) && words.len() > 7);
        of_kind.map(|words| words[6..words.len() - 1].concat()).collect()
    };
    assert!(flags("LOAD").len() >= 3, "{segments}");
    assert!(flags("LOAD").iter().all(|flags| !(flags.contains('W') && flags.contains('E'))), "{segments}");
    assert_eq!(flags("GNU_STACK"), ["RW"]);
    assert_eq!(flags("GNU_RELRO"), ["R"]);
    assert_eq!(flags("TLS"), Vec::<String>::new());
    let symbols = output("readelf", &["--dyn-syms", "--wide"], &built::nss_jit()?)?;
    let exported: Vec<&str> = symbols.lines().filter(|line| line.contains(" _nss_jit_")).collect();
    assert_eq!(exported.len(), 11, "{symbols}");
    assert!(exported.iter().all(|line| line.contains(" FUNC ")), "{symbols}");
    assert!(!symbols.contains("IFUNC"), "{symbols}");
    Ok(())
}

#[test]
fn it_is_small() -> Result<()> {
    let path = built::nss_jit()?;
    let size = fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.len();
    assert!(size <= 40 * 1024, "{size} bytes");
    Ok(())
}

/// A host with the module and the driver, and where its map is to be.
fn host(name: &str, services: &str) -> Result<(Host, Place)> {
    let host = Host::named(name).up()?;
    host.name_service(services)?;
    host.install(&PathBuf::from(env!("CARGO_BIN_EXE_nss_driver")), DRIVER, 0o755)?;
    let place = Place::of(&host)?;
    Ok((host, place))
}

fn drive(host: &Host, words: &[&str]) -> Result<String> {
    host.exec([DRIVER].iter().chain(words)).run()?.must()
}

/// With alice in dba and adm, both local names and a number of our own, and one group without anybody.
fn company() -> Content {
    let mut content = empty();
    content.groups.insert("adm".to_owned(), group(4, ["alice"]));
    content.groups.insert("dba".to_owned(), group(50_000, ["alice", "bob"]));
    content.groups.insert("idle".to_owned(), group(50_001, []));
    content.people.insert("alice".to_owned(), person("alice", 20_001));
    content
}

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

/// Where there is no map, or none that can be believed, nothing is said at all, and never that somebody is not there.
#[test]
fn what_is_no_map_is_no_answer() -> Result<()> {
    const UNAVAILABLE: &str = "g:dba -1 2 \ng:nothing -1 2 \nG:50000 -1 2 \np:alice -1 2 \nP:20001 -1 2 \ni:alice -1 2 \ni:nobody -1 2 \n";
    let (host, place) = host("nss-none", "files jit")?;
    let ask = |host: &Host| {
        drive(host, &["ask", "g:dba", "g:nothing", "G:50000", "p:alice", "P:20001", "i:alice", "i:nobody"])
    };
    assert_eq!(ask(&host)?, UNAVAILABLE, "none");
    assert_eq!(drive(&host, &["list"])?, "-1 2\n-1 2\n-1 2\n-1 2\n");
    assert_eq!(host.sh("getent group dba; echo $?; id -G root").run()?.must()?, "2\n0\n");
    let whole = encode(&company()).map_err(|e| Trouble::new(e.to_string()))?;
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let with = |change: fn(&mut Content)| {
        let mut content = company();
        change(&mut content);
        encode(&content).unwrap_or_default()
    };
    let root = |content: &mut Content| {
        content.groups.values_mut().for_each(|group| group.gid = 0);
        content.people.values_mut().for_each(|person| person.uid = 0);
    };
    let cases: [(&str, Vec<u8>); 12] = [
        ("nothing in it", Vec::new()),
        ("the first half", whole[..whole.len() / 2].to_vec()),
        ("one byte less", whole[..whole.len() - 1].to_vec()),
        ("one byte more", whole.iter().copied().chain([0]).collect()),
        ("another magic", changed(0)),
        ("another version", changed(7)),
        ("another length", changed(16)),
        ("another checksum", changed(24)),
        ("a changed header", changed(COVERED)),
        ("a changed row", changed(whole.len() - 3)),
        ("too old", with(|content| content.valid_until = now())),
        ("from another boot", with(|content| content.boot_ms += 1_000_000)),
    ];
    for (what, bytes) in cases {
        place
            .put_bytes(&bytes)
            .or_else(|_| fs::rename(&place.next, &place.map).map_err(|e| Trouble::io(&place.map, e)))?;
        assert_eq!(ask(&host)?, UNAVAILABLE, "{what}");
    }
    place.put_bytes(&with(root))?;
    let rooted = ask(&host)?;
    assert!(rooted.lines().all(|line| !line.contains(" 1 0 ")), "{rooted}");
    place.put_bytes(&whole)?;
    assert!(ask(&host)?.starts_with("g:dba 1 0 dba:*:50000:alice,bob\n"));
    // Superseded, with none that follows it.
    place.supersede()?;
    assert_eq!(ask(&host)?, UNAVAILABLE, "superseded");
    // The next one, not yet in its place.
    host.write("/run/jitd/pub/groups.map.next", 0o644, &whole)?;
    assert!(ask(&host)?.starts_with("g:dba 1 0 "), "the next one");
    // Kinds of files.
    fs::rename(&place.next, &place.map).map_err(|e| Trouble::io(&place.map, e))?;
    for mode in [0o664, 0o646, 0o666] {
        fs::set_permissions(&place.map, fs::Permissions::from_mode(mode))
            .map_err(|e| Trouble::io(&place.map, e))?;
        assert_eq!(ask(&host)?, UNAVAILABLE, "{mode:o}");
    }
    fs::set_permissions(&place.map, fs::Permissions::from_mode(0o600))
        .map_err(|e| Trouble::io(&place.map, e))?;
    host.user("dora", 20_004)?;
    let other = host.exec_as("dora", [DRIVER, "ask", "g:dba"]).run()?.must()?;
    assert_eq!(other, "g:dba -1 2 \n", "not to be read");
    let aside = place.map.with_file_name("aside");
    fs::rename(&place.map, &aside).map_err(|e| Trouble::io(&aside, e))?;
    symlink("aside", &place.map).map_err(|e| Trouble::io(&place.map, e))?;
    assert_eq!(ask(&host)?, UNAVAILABLE, "a link");
    host.sh("cd /run/jitd/pub; rm groups.map; mkfifo groups.map").run()?.must()?;
    assert_eq!(ask(&host)?, UNAVAILABLE, "a FIFO");
    host.sh("cd /run/jitd/pub; rm groups.map; mkdir groups.map").run()?.must()?;
    assert_eq!(ask(&host)?, UNAVAILABLE, "a directory");
    host.sh("cd /run/jitd/pub; rmdir groups.map; truncate -s 65M groups.map").run()?.must()?;
    assert_eq!(ask(&host)?, UNAVAILABLE, "too large");
    Ok(())
}

/// A map counts where it is root's word that the daemon writes there: in no tree of somebody else's, into which root may change its root
/// directory, and behind no symbolic link.
#[test]
fn a_map_in_a_directory_that_is_not_roots_is_no_answer() -> Result<()> {
    const FOUND: &str = "g:dba 1 0 dba:*:50000:alice,bob\n";
    const NOT: &str = "g:dba -1 2 \n";
    let (host, place) = host("nss-whose", "files jit")?;
    place.put(&company())?;
    host.user("dora", 20_004)?;
    let after = |script: &str| -> Result<String> {
        host.sh(script).run()?.must()?;
        drive(&host, &["ask", "g:dba"])
    };
    let cases = [
        ("chown 20004 /run/jitd/pub /run/jitd/pub/groups.map", FOUND),
        ("chmod 0775 /run/jitd/pub", NOT),
        ("chmod 0757 /run/jitd/pub", NOT),
        ("chmod 0755 /run/jitd/pub", FOUND),
        ("chmod 0775 /run/jitd", NOT),
        ("chmod 1777 /run/jitd", NOT),
        ("chmod 0711 /run/jitd", FOUND),
        ("chown 20004 /run/jitd", NOT),
        // Root, as those see it in whose user namespace it has no number.
        ("chown 65534 /run/jitd", FOUND),
        ("chown 0:0 /run/jitd; cd /run/jitd; mv pub other; ln -s other pub", NOT),
        ("cd /run/jitd; rm pub; mv other pub", FOUND),
        ("cd /run; mv jitd other; ln -s other jitd", NOT),
        ("cd /run; rm jitd; mv other jitd", FOUND),
        ("cd /run; mv jitd other; touch jitd", NOT),
        ("cd /run; rm jitd; mv other jitd; mkdir -p /srv/run; cp -a jitd /srv/run", FOUND),
    ];
    for (script, expected) in cases {
        assert_eq!(after(script)?, expected, "{script}");
    }
    // Root in a tree of its own, and in one of a user's.
    assert_eq!(drive(&host, &["chroot", "not-asked"])?, FOUND);
    host.sh("chown -R 20004 /srv").run()?.must()?;
    assert_eq!(drive(&host, &["chroot", "not-asked"])?, NOT);
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

#[test]
fn a_lookup_in_the_steady_state_calls_nobody() -> Result<()> {
    let (host, place) = host("nss-steady", "files jit")?;
    place.put(&company())?;
    assert_eq!(drive(&host, &["steady"])?, "done\n");
    Ok(())
}

#[test]
fn a_host_that_may_do_little_is_told_quickly() -> Result<()> {
    const FOUND: &str = "g:dba 1 0 dba:*:50000:alice,bob\n";
    const NOT: &str = "g:dba -1 2 \n";
    let (host, place) = host("nss-little", "files jit")?;
    place.put(&company())?;
    assert_eq!(drive(&host, &["sandboxed"])?, NOT);
    // Not that there is none: there is no descriptor left to look with.
    assert_eq!(drive(&host, &["without-files"])?, "g:dba -2 11 \np:alice -2 11 \ni:alice -2 11 \n");
    assert_eq!(drive(&host, &["chroot", "not-asked"])?, NOT);
    // Who has asked before goes on with what is mapped.
    assert_eq!(drive(&host, &["chroot", "asked"])?, format!("{FOUND}{FOUND}"));
    assert_eq!(drive(&host, &["cancelled"])?, "dba:*:50000:alice,bob true\n");
    assert_eq!(drive(&host, &["without-streams"])?, "");
    assert_eq!(host.read("/run/without-streams")?, "dba:*:50000:alice,bob true");
    Ok(())
}

/// Starts what has no end of its own, lets `meanwhile` happen once it is under way, and ends it: what it said.
fn while_it_runs(host: &Host, what: &str, meanwhile: impl FnOnce() -> Result<()>) -> Result<String> {
    let driver = host.start(what, [DRIVER, what])?;
    let said = |lines: usize| driver.output().lines().count() >= lines;
    until(SOON, "it is under way", || said(1))?;
    meanwhile()?;
    host.write(ENOUGH, 0o644, "")?;
    until(SOON, "it ends", || said(2)).map_err(|e| Trouble::new(format!("{e}: {}", driver.output())))?;
    Ok(driver.output())
}

#[test]
fn threads_see_each_map_whole_and_never_an_older_one() -> Result<()> {
    let (host, place) = host("nss-threads", "files jit")?;
    place.put(&standing(0))?;
    let said = while_it_runs(&host, "threads", || {
        (1..=1000).try_for_each(|generation| place.put(&standing(generation)))
    })?;
    assert_eq!(said, "begun\ndescriptors 0 mappings 1\n");
    Ok(())
}

#[test]
fn forks_and_signals_in_the_middle_of_a_lookup() -> Result<()> {
    let (host, place) = host("nss-forks", "files jit")?;
    place.put(&standing(0))?;
    let replace = || (1..=300).try_for_each(|generation| place.put(&standing(generation)));
    assert_eq!(while_it_runs(&host, "forks", replace)?, "begun\nall\n");
    host.remove(ENOUGH)?;
    assert_eq!(while_it_runs(&host, "signals", replace)?, "begun\nwrong 0\n");
    Ok(())
}

/// An enumeration ends, whatever becomes of the map meanwhile.
#[test]
fn an_enumeration_goes_on_in_the_next_map() -> Result<()> {
    let (host, place) = host("nss-list", "files jit")?;
    let maps = [company(), standing(1), empty()];
    place.put(&maps[0])?;
    let replace = || maps.iter().cycle().take(600).try_for_each(|content| place.put(content));
    assert_eq!(while_it_runs(&host, "lists", replace)?, "begun\nended\n");
    Ok(())
}
