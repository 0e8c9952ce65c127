//! The group map that a real daemon writes, read as every process on the host reads it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use jit_proto::Verdict;
use jit_proto::map::layout::{FIXED, SUPERSEDED};
use jit_proto::map::read::{Clocks, Map};
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::host::{Daemon, Host, PEOPLE, SOMEBODY, sshd, until};

/// In a range of their own, whatever else the machine has.
const GROUPS: &str = "\n[groups]\nallow = [\"jit-dba\", \"jit-web\"]\n";

/// A role that confers groups on whoever has it.
fn role(groups: &[&str]) -> String {
    let groups: String = groups.iter().map(|group| format!("jitLocalGroup: {group}\n")).collect();
    format!(
        "dn: cn=dba,ou=roles,ou=jit,dc=local\nobjectClass: jitRole\ncn: dba\njitHost: *\njitMaxDuration: 315360000\n\
         jitApprovalsRequired: 0\njitEligible: uid=alice,ou=people,dc=local\njitEligible: uid=bob,ou=people,dc=local\n{groups}\n"
    )
}

/// A grant in that role that is live for years.
fn grant(id: &str, who: &str) -> String {
    let role = "jitRoleDN: cn=dba,ou=roles,ou=jit,dc=local\n\n";
    format!("{}{role}", crate::host::grant(id, who).trim_end_matches('\n').to_owned() + "\n")
}

/// A host that confers, with these grants.
fn host(grants: &str) -> Host {
    let host = Host::new();
    host.write("enforcing", "");
    host.write("jitd.toml", &format!("{}{GROUPS}", host.config()));
    set(&host, grants);
    host
}

fn set(host: &Host, grants: &str) {
    host.write("grants.ldif", &format!("{PEOPLE}{}{grants}", role(&["jit-dba", "jit-admin"])));
}

fn map(host: &Host) -> PathBuf {
    host.path("run/pub/groups.map")
}

fn clocks() -> Clocks {
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap();
    let real = clock_gettime(ClockId::CLOCK_REALTIME).unwrap().tv_sec();
    Clocks { real, boot_ms: boot.tv_sec() * 1000 + boot.tv_nsec() / 1_000_000 }
}

fn whole(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

fn counts(bytes: &[u8]) -> bool {
    bytes[SUPERSEDED..SUPERSEDED + 4] == [0; 4]
}

/// What the map in force says, by the reader's rule: the one at the path, or the next one.
fn in_force<T>(map: &Path, read: impl Fn(&Map<'_>) -> T) -> Option<T> {
    let next = map.with_extension("map.next");
    let found = [map, &next, map].into_iter().filter_map(whole).find(|bytes| counts(bytes))?;
    Some(read(&Map::open(&found[FIXED..]).expect("a whole map")))
}

/// Who is in a group now.
fn members(map: &Path, group: &str) -> Vec<String> {
    let read = |map: &Map<'_>| {
        let now = map.at(clocks()).expect("in time");
        let group = map.group(group.as_bytes()).unwrap()?;
        let name = |name: Result<&[u8], _>| String::from_utf8(name.unwrap().to_vec()).unwrap();
        Some(map.members(&group, now).unwrap().map(name).collect())
    };
    in_force(map, read).flatten().unwrap_or_default()
}

fn gid(map: &Path, group: &str) -> Option<u32> {
    in_force(map, |map| map.group(group.as_bytes()).unwrap().map(|group| group.gid)).flatten()
}

fn door(jitd: &Daemon<'_>, who: &str) -> Verdict {
    jitd.ask(&sshd(who, SOMEBODY)).0
}

/// An old map that somebody still has mapped.
fn is_superseded(file: &File) -> bool {
    let mut word = [0; 4];
    file.read_exact_at(&mut word, SUPERSEDED as u64).unwrap();
    word != [0; 4]
}

/// Whoever is let in has his groups already; whoever is turned away has them no more.
#[test]
fn the_map_is_there_before_the_door_knows() {
    let host = host("");
    let jitd = host.start();
    let map = map(&host);
    until("the first map", || gid(&map, "jit-dba"));
    assert_eq!(fs::metadata(&map).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(members(&map, "jit-dba"), [""; 0], "a name for its number, and nobody in it");
    for round in 0..10 {
        // Another one each time: what is gone from a file is gone for good.
        set(&host, &grant(&format!("g{round}"), "alice"));
        until("alice comes in", || (door(&jitd, "alice") == Verdict::Allow).then_some(()));
        assert_eq!(members(&map, "jit-dba"), ["alice"], "with the door");
        set(&host, "");
        until("alice stays out", || (door(&jitd, "alice") == Verdict::Deny).then_some(()));
        assert_eq!(members(&map, "jit-dba"), [""; 0], "with the door");
    }
    assert_eq!(members(&map, "jit-admin"), [""; 0]);
    assert_eq!(gid(&map, "jit-admin"), None);
}

#[test]
fn who_confers_what_is_told_and_written_down() {
    let host = host(&grant("g1", "alice"));
    let jitd = host.start_for("alice");
    let map = map(&host);
    assert_eq!(members(&map, "jit-dba"), ["alice"]);
    let refused = json!({ "group": "jit-admin", "roles": ["dba"], "reason": GROUP_NEVER });
    assert_eq!(jitd.status()["groups_refused"], json!([refused]));
    assert_eq!(jitd.degraded(), [""; 0], "what the host does not want is no fault of its");
    let why = jitd.control(&json!({ "ask": "why", "user": "alice" }));
    let shown = &why["grants"][0];
    assert_eq!((&shown["groups"], &shown["groups_refused"]), (&json!(["jit-dba"]), &json!([refused])));
    let told = host.audited("the refusal", |event| event["event"] == "group-refused");
    assert_eq!(
        (&told["group"], &told["roles"], &told["reason"]),
        (&json!("jit-admin"), &json!(["dba"]), &json!(GROUP_NEVER))
    );

    let lives = |host: &Host| -> Vec<Value> {
        host.audit()
            .into_iter()
            .filter(|event| event["event"] == "grant" && event["state"] == "live")
            .collect()
    };
    let first = until("the grant's beginning", || lives(&host).pop());
    assert_eq!(
        (&first["grant"]["groups"], &first["grant"]["logins"]),
        (&json!(["jit-dba"]), &json!(["alice"]))
    );

    // Another configuration: the grant lives on and confers nothing, on a host that guards nothing.
    let config = host.config().replace("[host]", "[host]\nproduction = false");
    host.write("jitd.toml", &format!("{config}\n[groups]\nallow = [\"jit-web\"]\n"));
    jitd.signal(Signal::SIGHUP);
    until("the map follows", || gid(&map, "jit-dba").is_none().then_some(()));
    assert_eq!(members(&map, "jit-web"), [""; 0]);
    let second = until("it is told", || lives(&host).into_iter().nth(1));
    assert_eq!(second["grant"]["groups"], Value::Null);
    assert_eq!(jitd.control(&json!({ "ask": "grants", "all": false }))["grants"][0]["groups"], json!([]));
    // And conferred it is there as well as anywhere.
    host.write("jitd.toml", &format!("{config}{GROUPS}"));
    jitd.signal(Signal::SIGHUP);
    until("he is in it again", || (members(&map, "jit-dba") == ["alice"]).then_some(()));
    let third = until("it is told", || lives(&host).into_iter().nth(2));
    assert_eq!(third["grant"]["groups"], json!(["jit-dba"]));

    set(&host, "");
    let gone = host.audited("the grant's end", |event| event["event"] == "deletion");
    assert_eq!(
        (&gone["grant"]["groups"], &gone["grant"]["logins"]),
        (&json!(["jit-dba"]), &json!(["alice"]))
    );
    until("he is out of it", || members(&map, "jit-dba").is_empty().then_some(()));
}

const GROUP_NEVER: &str =
    "it lets its members past the rule (jit-admin, break-glass), so no directory may confer it";

#[test]
fn whatever_ends_the_daemon_the_map_stays_and_the_next_life_supersedes_it() {
    let host = host(&grant("g1", "alice"));
    let map = map(&host);
    for end in [Daemon::kill, |jitd: Daemon<'_>| assert!(jitd.stop().success())] {
        let jitd = host.start_for("alice");
        let held = File::open(&map).unwrap();
        end(jitd);
        assert!(!is_superseded(&held));
        assert_eq!(members(&map, "jit-dba"), ["alice"], "right with nobody to ask");
        // While the daemon is away, the host allows no group any more.
        host.write("jitd.toml", &host.config());
        let jitd = host.start();
        until("another map", || gid(&map, "jit-dba").is_none().then_some(()));
        assert!(is_superseded(&held), "whoever has the old one mapped sees it");
        host.write("jitd.toml", &format!("{}{GROUPS}", host.config()));
        jitd.kill();
    }
}

/// A host on which jitd ran as root before it had a user of its own.
#[test]
fn what_root_left_goes_on_as_another_user() {
    let host = host(&grant("g1", "alice"));
    let jitd = host.start_for("alice");
    until("the ledger", || host.path("state/ledger").exists().then_some(()));
    assert!(jitd.stop().success());
    let map = map(&host);
    let held = File::open(&map).unwrap();
    fs::copy(&map, map.with_extension("map.next")).unwrap();
    let as_nobody = || {
        let mut command = host.command();
        command.arg("--user=nobody");
        host.run(command)
    };
    let jitd = as_nobody();
    jitd.comes_to("alice", Verdict::Allow);
    assert!(is_superseded(&held));
    assert_eq!(members(&map, "jit-dba"), ["alice"]);
    for name in ["run/pub/groups.map", "state/ledger", "state/store", "log/audit.jsonl"] {
        assert_ne!(fs::metadata(host.path(name)).unwrap().uid(), 0, "{name}");
    }
    assert_eq!(jitd.degraded(), [""; 0]);

    // Root brings one back, as a restore does: its word is not nobody's to set.
    let bytes = fs::read(&map).unwrap();
    fs::remove_file(&map).unwrap();
    fs::write(&map, bytes).unwrap();
    let told =
        host.audited("the stranger", |event| event["event"] == "disk" && event["state"] == "set-aside");
    assert!(told["text"].as_str().unwrap().contains("uid 0's"), "{told}");
    assert_ne!(fs::metadata(&map).unwrap().uid(), 0);
    assert_eq!((members(&map, "jit-dba"), jitd.degraded()), (vec!["alice".to_owned()], vec![]));
    // One that can be neither superseded nor replaced is told as what it is.
    let bytes = fs::read(&map).unwrap();
    let new = map.with_extension("map.new");
    fs::create_dir(&new).unwrap();
    fs::remove_file(&map).unwrap();
    fs::write(&map, &bytes).unwrap();
    let told =
        || jitd.degraded().iter().any(|text| text.contains("the one before is still in force")).then_some(());
    until("it is told", told);
    fs::remove_dir(&new).unwrap();
    until("health", || jitd.degraded().is_empty().then_some(()));
    assert_eq!(members(&map, "jit-dba"), ["alice"]);
}

/// Nothing but these lines says who was in a group, so nobody is left out, and nobody can bury the others under his own.
#[test]
fn every_member_is_told_however_many_come_at_once() {
    let host = host("");
    let jitd = host.start();
    let own = |prefix: &str| {
        let is = |event: &Value| {
            event["event"] == "grant"
                && event["grant"]["id"].as_str().is_some_and(|id| id.starts_with(prefix))
        };
        host.audit().iter().filter(|event| is(event)).count()
    };
    let more = |state: &str, groups: &Value| -> Vec<Value> {
        let is = |event: &Value| {
            event["event"] == "more-grants" && event["state"] == state && event["groups"] == *groups
        };
        host.audit().into_iter().filter(is).collect()
    };
    let (dba, none) = (json!(["jit-dba"]), Value::Null);
    let count = |events: &[Value]| events.iter().filter_map(|event| event["count"].as_u64()).sum::<u64>();
    let plain: String = (0..250).map(|n| crate::host::grant(&format!("plain{n}"), "bob")).collect();
    let conferring: String = (0..250).map(|n| grant(&format!("dba{n}"), "alice")).collect();
    set(&host, &format!("{plain}{conferring}"));
    until("the rest", || (!more("live", &dba).is_empty() && !more("live", &none).is_empty()).then_some(()));
    let rest = more("live", &dba);
    assert_eq!((rest.len(), &rest[0]["logins"]), (1, &json!(["alice"])));
    assert_eq!(own("dba") as u64 + count(&rest), 250);
    assert_eq!(own("plain") as u64 + count(&more("live", &none)), 250);
    assert_eq!(rest[0]["end"], "2029-01-01T00:00:00Z");
    assert!(own("dba") + own("plain") <= 220);
    assert_eq!(members(&map(&host), "jit-dba"), ["alice"]);
    set(&host, "");
    jitd.comes_to("alice", Verdict::Deny);
    let gone = until("and their end", || more("deleted", &dba).pop());
    let own = host
        .audit()
        .into_iter()
        .filter(|event| event["event"] == "deletion" && event["grant"]["groups"] == dba);
    assert_eq!(own.count() as u64 + gone["count"].as_u64().unwrap(), 250);
}

/// Files keep the name of their owner when his grant is over, and nobody has his groups any more.
#[test]
fn who_held_a_grant_keeps_his_name_for_a_while() {
    let host = host("");
    host.write("jitd.toml", &format!("{}{GROUPS}\n[people]\nserve = true\n", host.config()));
    let account = "objectClass: posixAccount\nuidNumber: 54321\ngidNumber: 54321\nhomeDirectory: /home/carol\nloginShell: /bin/sh\n";
    let carol = format!(
        "dn: uid=carol,ou=people,dc=local\nobjectClass: inetOrgPerson\n{account}uid: carol\ncn: Carol\nsn: C\n\n"
    );
    let role = role(&["jit-dba"]).replace("uid=bob,", "uid=carol,");
    let with = |grants: &str| host.write("grants.ldif", &format!("{PEOPLE}{carol}{role}{grants}"));
    with(&grant("g1", "carol"));
    let mut jitd = host.start_for("carol");
    let map = map(&host);
    let shown = || {
        let read = |map: &Map<'_>| {
            let now = map.at(clocks()).expect("in time");
            let person = map.person(b"carol", now).unwrap()?;
            assert_eq!(
                map.person_of_uid(54_321, now).unwrap().map(|person| person.name),
                Some(&b"carol"[..])
            );
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            Some((person.uid, person.gid, text(person.gecos), text(person.home), text(person.shell)))
        };
        in_force(&map, read).flatten()
    };
    let as_in_the_directory =
        (54_321, 54_321, "Carol".to_owned(), "/home/carol".to_owned(), "/bin/sh".to_owned());
    assert_eq!(shown(), Some(as_in_the_directory.clone()));
    assert_eq!(members(&map, "jit-dba"), ["carol"]);
    with("");
    jitd.comes_to("carol", Verdict::Deny);
    assert_eq!((shown(), members(&map, "jit-dba")), (Some(as_in_the_directory.clone()), vec![]));
    let held = File::open(&map).unwrap();
    assert!(jitd.stop().success());
    jitd = host.start();
    assert!(is_superseded(&held), "before it answers, there is a map of its own");
    assert_eq!(shown(), Some(as_in_the_directory));
    host.write("jitd.toml", &format!("{}{GROUPS}", host.config()));
    jitd.signal(Signal::SIGHUP);
    until("nobody is shown", || shown().is_none().then_some(()));
}

/// The daemon in a mount namespace of its own, after some commands there.
fn apart<'h>(host: &'h Host, first: &str) -> Daemon<'h> {
    let mut command = unshared(first);
    command.args(host.arguments());
    host.run(command)
}

fn unshared(first: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-ec",
        &format!("{first}\nexec \"$@\""),
        "sh",
    ]);
    command.arg(env!("CARGO_BIN_EXE_jitd"));
    command
}

/// A file as the daemon sees it.
fn inside(jitd: &Daemon<'_>, path: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", jitd.pid(), path.display()))
}

#[test]
fn a_local_group_of_the_name_gives_its_number() {
    let host = host(&grant("g1", "alice"));
    let etc = fs::read_to_string("/etc/group").unwrap();
    host.write("group", &etc);
    let jitd = apart(&host, &format!("mount --bind {} /etc/group", host.path("group").display()));
    jitd.comes_to("alice", Verdict::Allow);
    let map = map(&host);
    let derived = gid(&map, "jit-dba").unwrap();
    assert!((0x7800_0000..=0x78ff_ffff).contains(&derived), "{derived}");
    // In its place: what is mounted is the file and not its name.
    let group = |text: &str| fs::write(host.path("group"), text).unwrap();
    group(&format!("{etc}jit-dba:x:54399:\n"));
    until("the local number", || (gid(&map, "jit-dba") == Some(54_399)).then_some(()));
    assert_eq!(members(&map, "jit-dba"), ["alice"]);
    // One that cannot be: an alias of another local group.
    group(&format!("{etc}jit-dba:x:54399:\njit-other:x:54399:\n"));
    until("it is refused", || gid(&map, "jit-dba").is_none().then_some(()));
    until("the admin is told", || {
        jitd.degraded().iter().any(|text| text.contains("[groups] allow")).then_some(())
    });
    group(&etc);
    until("its own number again", || (gid(&map, "jit-dba") == Some(derived)).then_some(()));
    until("health", || jitd.degraded().is_empty().then_some(()));
}

#[test]
fn a_map_that_cannot_be_written_is_withdrawn() {
    let host = host(&grant("g1", "alice"));
    let public = host.path("run/pub");
    fs::create_dir_all(&public).unwrap();
    let mount = format!("mount -t tmpfs -o size=64k,mode=755 tmpfs {}", public.display());
    let jitd = apart(&host, &mount);
    jitd.comes_to("alice", Verdict::Allow);
    let map = inside(&jitd, &map(&host));
    assert_eq!(members(&map, "jit-dba"), ["alice"]);
    let held = File::open(&map).unwrap();

    let filler = map.with_file_name("filler");
    let mut full = File::create(&filler).unwrap();
    let error = until("the disk is full", || full.write_all(&[0; 512]).err());
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    // A grant is added, and nothing taken away: it costs nobody his groups.
    let waits = |words: &str| {
        until("it is told", || jitd.degraded().iter().any(|text| text.contains(words)).then_some(()));
    };
    set(&host, &format!("{}{}", grant("g1", "alice"), grant("g3", "bob")));
    jitd.comes_to("bob", Verdict::Allow);
    waits("the one before stays in force");
    assert_eq!((is_superseded(&held), members(&map, "jit-dba")), (false, vec!["alice".to_owned()]));
    set(&host, "");
    jitd.comes_to("alice", Verdict::Deny);
    assert!(is_superseded(&held), "what was taken away does not stay for want of room");
    assert_eq!(in_force(&map, |_| ()), None);
    waits("nobody has a group by his grant");
    host.audited("the trouble", |event| event["event"] == "disk" && event["state"] == "failing");
    // Also who comes now is let in: his groups are what has to wait.
    set(&host, &grant("g2", "bob"));
    jitd.comes_to("bob", Verdict::Allow);

    fs::remove_file(&filler).unwrap();
    drop(full);
    until("the map is back", || (members(&map, "jit-dba") == ["bob"]).then_some(()));
    until("health", || jitd.degraded().is_empty().then_some(()));
    host.audited("the recovery", |event| event["event"] == "disk" && event["state"] == "recovered");
    let told =
        host.audit().iter().filter(|event| event["event"] == "disk" && event["state"] == "failing").count();
    assert_eq!(told, 2, "once for each, however often it is tried");
}

/// One of root's that came into its place while there is no room for another: nobody can set its word, so it goes out of sight.
#[test]
fn a_map_that_can_only_be_taken_away_is() {
    let host = host(&grant("g1", "alice"));
    let public = host.path("run/pub");
    fs::create_dir_all(&public).unwrap();
    let mount = format!("mount -t tmpfs -o size=64k,mode=755 tmpfs {}", public.display());
    let mut command = unshared(&mount);
    command.args(host.arguments()).arg("--user=nobody");
    let jitd = host.run(command);
    jitd.comes_to("alice", Verdict::Allow);
    let map = inside(&jitd, &map(&host));
    let held = File::open(&map).unwrap();
    let roots = map.with_file_name("roots");
    fs::copy(&map, &roots).unwrap();
    // Held open, so that it makes no room when it loses its name.
    let _reader = File::open(&roots).unwrap();
    let filler = map.with_file_name("filler");
    let mut full = File::create(&filler).unwrap();
    until("the disk is full", || full.write_all(&[0; 512]).err());
    fs::rename(&roots, &map).unwrap();
    until("it is gone", || (!map.exists()).then_some(()));
    assert!(is_superseded(&held));
    until("it is told", || {
        jitd.degraded().iter().any(|text| text.contains("nobody has a group by his grant")).then_some(())
    });
    fs::remove_file(&filler).unwrap();
    drop(full);
    until("the map is back", || (members(&map, "jit-dba") == ["alice"]).then_some(()));
    until("health", || jitd.degraded().is_empty().then_some(()));
}
