//! Who wants to be in a group without a grant.

use jit_tests::door::{Door, Mode};
use jit_tests::host::exec::Output;
use jit_tests::ldif::Ldif;
use jit_tests::trouble::Result;

use crate::{cc, dba, groups_of, is_in, up};

/// bob holds no grant; sudo's rule is for the group.
fn door() -> Result<Door> {
    let door = up("files jit", Mode::Permissive, &Ldif::new().grant(&dba("alices", "alice")))?;
    door.host().write("/etc/sudoers.d/people", 0o440, "%jit-dba ALL=(ALL) NOPASSWD: ALL\n")?;
    assert!(door.host().exec_as("alice", ["sudo", "-n", "id"]).run()?.ok(), "who is in it may");
    Ok(door)
}

fn bob(door: &Door, script: &str) -> Result<Output> {
    door.host().exec_as("bob", ["env", "HOME=/home/bob", "sh", "-c", script]).run()
}

#[test]
fn nobody_else_writes_the_map() -> Result<()> {
    let door = door()?;
    let host = door.host();
    let modes =
        host.exec(["stat", "-c", "%U %a %n", "/run/jitd", "/run/jitd/pub", "/run/jitd/pub/groups.map"]);
    assert_eq!(
        modes.run()?.must()?,
        "root 755 /run/jitd\njitd 755 /run/jitd/pub\njitd 644 /run/jitd/pub/groups.map\n"
    );
    assert_eq!(host.sh("ls -A /run/jitd/pub").run()?.must()?, "groups.map\n", "nothing is left over");
    let before = host.sh("sha256sum /run/jitd/pub/groups.map").run()?.must()?;
    for attempt in [
        "echo x >>$M",
        "printf '\\1' | dd of=$M bs=1 seek=8 conv=notrunc",
        "truncate -s 0 $M",
        "chmod 666 $M",
        "rm -f $M",
        "mv $M $M.old",
        "cp $M ~/mine && mv ~/mine $M",
        "cp $M $M.next",
        "ln -sf ~/mine $M",
        "ln $M ~/hard",
        "mkdir /run/jitd/pub/here",
        "mv /run/jitd/pub /run/jitd/away",
        "touch /run/jitd/here",
        "perl -e 'open(my $f, \"+<\", $ENV{M}) or exit 1'",
        "perl -e 'open(my $f, \"<\", $ENV{M}) or exit 2; open(my $g, \"+<\", \"/proc/self/fd/\" . fileno $f) or exit 1'",
    ] {
        let output = bob(&door, &format!("export M=/run/jitd/pub/groups.map; {attempt}"))?;
        assert!(!output.ok(), "{attempt}: {output}");
    }
    assert_eq!(host.sh("sha256sum /run/jitd/pub/groups.map").run()?.must()?, before);
    assert!(is_in(host, "alice", "jit-dba")?);
    Ok(())
}

/// A library and a map of his own say to his own processes what he likes. What asks for him as root, does not hear it.
#[test]
fn a_person_lies_to_himself_alone() -> Result<()> {
    let door = door()?;
    let host = door.host();
    // As the C library's interface has it: he is in the group of that number.
    let (dba, _) = crate::group_line(host, "jit-dba")?;
    host.write("/srv/liar.c", 0o644, LIAR)?;
    let source = host.path("/srv/liar.c");
    let source = source.to_str().unwrap_or_default();
    host.sh("install -d -o bob /home/bob/lib").run()?.must()?;
    let number = format!("-DGID={dba}");
    cc(host, &["-shared", "-fPIC", &number, source], "/home/bob/lib/libnss_jit.so.2")?;
    let lies = bob(&door, "LD_LIBRARY_PATH=~/lib id -nG bob")?;
    assert!(lies.stdout.contains("jit-dba"), "the lie itself works: {lies}");
    for attempt in
        ["sudo -n id", "sudo -n -l", "sg jit-dba -c id", "LD_PRELOAD=~/lib/libnss_jit.so.2 sudo -n id"]
    {
        let output = bob(&door, &format!("export LD_LIBRARY_PATH=~/lib; {attempt} </dev/null"))?;
        assert!(
            !output.stdout.contains("uid=") && !output.stdout.contains("NOPASSWD"),
            "{attempt}: {output}"
        );
    }

    // A root and a /run of his own: the map there says that he is in it, but no program that is set-uid is root there.
    let other = up("files jit", Mode::Permissive, &Ldif::new().grant(&dba_of_bob()))?;
    assert!(is_in(other.host(), "bob", "jit-dba")?);
    let map = std::fs::read(other.host().path("/run/jitd/pub/groups.map"))
        .map_err(|e| jit_tests::trouble::Trouble::new(e.to_string()))?;
    host.write("/srv/bobs.map", 0o644, map)?;
    let own_run =
        "mount -t tmpfs tmpfs /run && mkdir -p /run/jitd/pub && cp /srv/bobs.map /run/jitd/pub/groups.map";
    let inside = |command: &str| {
        bob(
            &door,
            &format!("unshare --user --map-root-user --mount sh -c '{own_run} && {command}' </dev/null"),
        )
    };
    let lies = inside("id -nG bob")?;
    assert!(lies.stdout.contains("jit-dba"), "the lie itself works: {lies}");
    // Root of his namespace is bob outside of it.
    for attempt in [
        "sudo -n -u alice touch /home/alice/was-here",
        "sudo -n touch /root/was-here",
        "sg jit-dba \"touch /srv/was-here\"",
    ] {
        inside(attempt)?;
    }
    let host_side = host.sh("ls -A /root /home/alice /srv | grep was-here").run()?;
    assert_eq!(host_side.stdout, "", "{host_side}");
    // Not even the group's number is his to use.
    let chgrp = inside("touch /home/bob/mine; chgrp jit-dba /home/bob/mine")?;
    assert!(!chgrp.ok(), "{chgrp}");
    assert_eq!(groups_of(host, "bob")?, ["bob", "people"]);
    refused(&bob(&door, "sudo -n id")?);
    Ok(())
}

fn refused(output: &Output) {
    assert!(!output.ok() && output.stdout.is_empty(), "{output}");
}

fn dba_of_bob() -> jit_tests::ldif::Grant {
    dba("bobs", "bob")
}

const LIAR: &str = r#"
#include <grp.h>
#include <nss.h>
#include <string.h>
int _nss_jit_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit, int *error)
{
    (void)group; (void)limit; (void)error;
    if (strcmp(user, "bob") || *start >= *size)
        return NSS_STATUS_NOTFOUND;
    (*groups)[(*start)++] = GID;
    return NSS_STATUS_SUCCESS;
}
int _nss_jit_getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t length, int *error)
{
    static char *members[] = { "bob", 0 };
    (void)buffer; (void)length; (void)error;
    if (gid != GID)
        return NSS_STATUS_NOTFOUND;
    group->gr_name = "jit-dba"; group->gr_passwd = "x"; group->gr_gid = gid; group->gr_mem = members;
    return NSS_STATUS_SUCCESS;
}
"#;
