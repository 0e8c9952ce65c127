//! Where there is no map, or none that may be believed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use jit_proto::map::layout::COVERED;
use jit_tests::host::Host;
use jit_tests::nss::now;
use jit_tests::trouble::{Result, Trouble};
use jitd::groups::encode::{Content, encode};

use crate::{DRIVER, company, drive, host};

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
