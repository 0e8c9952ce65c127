//! People who have no account on a host but in the directory: they come in with a grant, and their names stay for a while.

use jit_tests::door::{CONFIG, Door, Mode, SOON};
use jit_tests::ldif::{Grant, Ldif, person};
use jit_tests::served::{account, account_at, door, key};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use serde_json::Value;

/// Alice, who may hold a role that confers a group.
fn alice(key: &str) -> Ldif {
    account(Ldif::new(), "alice", 12_001, &[key])
        .role("dba", &[("jitHost", "*"), ("jitEligible", &person("alice")), ("jitLocalGroup", "jit-dba")])
}

fn passwd(door: &Door, who: &str) -> Result<String> {
    Ok(door.host().exec(["getent", "passwd", who]).run()?.stdout.trim_end().to_owned())
}

/// Who owns a file, by name if the name is known.
fn owner(door: &Door, file: &str) -> Result<String> {
    door.host().exec(["stat", "-c", "%U", file]).run()?.must().map(|name| name.trim_end().to_owned())
}

const ALICE: &str = "alice:*:12001:12001:alice of web1.prod.example.com:/home/alice:/bin/bash";

#[test]
fn a_person_without_an_account_comes_in_by_her_key_and_leaves_her_name() -> Result<()> {
    let door = door(&[], &format!("{CONFIG}\n[groups]\nallow = [\"jit-dba\"]\n"))?;
    let host = door.host();
    let alice = alice(&key(host)?);
    let door = door.opened(Mode::Enforcing, &alice)?;
    assert_eq!(passwd(&door, "alice")?, "", "nobody without a grant");
    assert!(!door.ssh("alice", "true")?.ok());

    let grant = Grant::live("g1", "alice").under("dba");
    door.grants(&alice.clone().grant(&grant))?;
    let came = door.ssh("alice", "id && pwd && umask && touch mine")?.must()?;
    let gid = door.host().exec(["getent", "group", "jit-dba"]).run()?.must()?;
    let gid = gid.split(':').nth(2).unwrap_or_default().to_owned();
    let id = format!("uid=12001(alice) gid=12001 groups=12001,{gid}(jit-dba)");
    assert_eq!(came.lines().take(2).collect::<Vec<_>>(), [id.as_str(), "/home/alice"]);
    assert_eq!(passwd(&door, "alice")?, ALICE);
    assert_eq!(passwd(&door, "12001")?, ALICE);
    let home = door.host().exec(["stat", "-c", "%U %a", "/home/alice"]).run()?.must()?;
    assert_eq!(home, "alice 700\n");

    // The end: no key, no group, but the name; also when her entry is gone from the directory.
    door.grants(&alice.clone().grant(&grant).revocation(&grant))?;
    let refused = door.ssh("alice", "true")?;
    assert!(!refused.ok() && refused.stderr.contains("Permission denied (publickey)"), "{refused}");
    door.grants(&Ldif::new())?;
    assert_eq!(passwd(&door, "alice")?, ALICE);
    assert_eq!(door.host().exec(["id", "-nG", "alice"]).run()?.stdout.trim(), "12001");
    assert_eq!(owner(&door, "/home/alice/mine")?, "alice");

    // With jitd dead, and with one that comes up when her entry is long gone.
    door.kill_jitd()?;
    assert_eq!(
        (passwd(&door, "alice")?.as_str(), owner(&door, "/home/alice/mine")?.as_str()),
        (ALICE, "alice")
    );
    assert!(!door.ssh("alice", "true")?.ok());
    door.start_jitd()?;
    assert_eq!(
        (passwd(&door, "alice")?.as_str(), owner(&door, "/home/alice/mine")?.as_str()),
        (ALICE, "alice")
    );
    let kept = door.host().exec(["stat", "-c", "%U %a", "/var/lib/jitd/people"]).run()?.must()?;
    assert_eq!(kept, "jitd 600\n");
    Ok(())
}

/// pam_mkhomedir is root, and follows links: who may write her own homeDirectory chooses no place by it.
#[test]
fn nobody_is_given_a_directory_by_what_her_entry_calls_her_home() -> Result<()> {
    let door = door(&[], CONFIG)?;
    door.host().sh("mkdir /srv/roots").run()?.must()?;
    let (key, grant) = (key(door.host())?, Grant::live("g1", "alice"));
    let alice = |home: &str| account_at(Ldif::new(), "alice", 12_001, home, &[&key]).grant(&grant);
    let door = door.opened(Mode::Enforcing, &alice("/home/alice"))?;
    door.ssh("alice", "ln -s /srv/roots link")?.must()?;
    for home in ["/home/alice/link/ssh.service.d", "/home/bob", "/srv/roots/alice"] {
        door.grants(&alice(home))?;
        assert_eq!(door.ssh("alice", "pwd")?.must()?, "/home/alice\n", "{home}");
        assert_eq!(passwd(&door, "alice")?, ALICE, "{home}");
    }
    assert_eq!(door.host().sh("ls /srv/roots; ls /home").run()?.must()?, "alice\n");
    Ok(())
}

#[test]
fn a_grant_that_ends_while_jitd_is_dead_leaves_the_name_and_no_door() -> Result<()> {
    let door = door(&[], &format!("{CONFIG}\n[groups]\nallow = [\"jit-dba\"]\n"))?;
    let alice = alice(&key(door.host())?);
    let door = door.opened(Mode::Enforcing, &alice)?;
    door.grants(&alice.grant(&Grant::live("g1", "alice").under("dba").between(-60, 20)))?;
    let groups = || door.host().exec(["id", "-nG", "alice"]).run().map(|out| out.stdout.trim().to_owned());
    assert_eq!(groups()?, "12001 jit-dba");
    door.kill_jitd()?;
    until(SOON, "the group is gone with the grant", || groups().is_ok_and(|groups| groups == "12001"))?;
    assert_eq!(passwd(&door, "alice")?, ALICE);
    Ok(())
}

#[test]
fn who_is_local_is_who_he_is_here() -> Result<()> {
    let door = door(&["bob"], CONFIG)?;
    door.host().user("carol", 12_004)?;
    let key = key(door.host())?;
    // Bob's name has another number here; dave has carol's number.
    let people = [("bob", 12_002), ("dave", 12_004), ("erin", 12_003)];
    let entries = people.iter().fold(Ldif::new(), |ldif, (login, uid)| account(ldif, login, *uid, &[&key]));
    let entries = people
        .iter()
        .fold(entries, |ldif, (login, _)| ldif.grant(&Grant::live(&format!("of-{login}"), login)));
    // And one who would be root: no grant is good for him.
    let entries = account(entries, "mallory", 0, &[&key]).grant(&Grant::live("of-mallory", "mallory"));
    let door = door.opened(Mode::Enforcing, &entries)?;
    assert_eq!(passwd(&door, "bob")?, "bob:x:5001:5001::/home/bob:/bin/bash");
    assert_eq!(door.ssh("bob", "id -u")?.must()?, "5001\n");
    assert_eq!(passwd(&door, "12004")?, "carol:x:12004:12004::/home/carol:/bin/bash");
    for nobody in ["dave", "mallory", "12002"] {
        assert_eq!(passwd(&door, nobody)?, "", "{nobody}");
        assert!(!door.ssh(nobody, "true")?.ok(), "{nobody}");
    }
    assert_eq!(passwd(&door, "0")?.split(':').next(), Some("root"));
    assert_eq!(door.ssh("erin", "id -un")?.must()?, "erin\n");

    let status = door.jitctl(["status", "--json"]).run()?;
    let status: Value =
        serde_json::from_str(&status.stdout).map_err(|e| Trouble::new(format!("{e}: {status}")))?;
    let refused: Vec<&str> = status["people_refused"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["user"].as_str())
        .collect();
    assert_eq!(refused, ["bob", "dave"], "{status}");
    Ok(())
}
