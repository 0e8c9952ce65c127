//! Programs that use ssh as a pipe: not one byte of ours may reach them when the person may.

use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;

#[test]
fn pipes_carry_nothing_of_ours() -> Result<()> {
    let entries = Ldif::new().person("alice").grant(&Grant::live("one", "alice"));
    let door = Door::up(&["alice", "bob"], Mode::Enforcing, CONFIG, &entries)?;
    let host = door.host();
    host.sh("head -c 3000000 /dev/urandom >/root/file").run()?.must()?;
    let same = |what: &str| {
        let output = host.exec(["cmp", "/root/file", "/home/alice/file"]).run()?;
        assert!(output.ok(), "{what}: {output}");
        host.remove("/home/alice/file")
    };
    let silent = |what: &str, script: &str| {
        let output = host.sh(script).run()?;
        assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "", ""), "{what}");
        same(what)
    };
    silent("ssh and cat", &format!("ssh alice@{NAME} 'cat > file' </root/file"))?;
    silent("scp", &format!("scp -q /root/file alice@{NAME}:file"))?;
    silent("scp, the old protocol", &format!("scp -O -q /root/file alice@{NAME}:file"))?;
    silent(
        "sftp",
        &format!("echo 'put /root/file file' >/root/batch; sftp -q -b /root/batch alice@{NAME} >/dev/null"),
    )?;
    silent(
        "through sudo",
        &format!("ssh alice@{NAME} 'sudo -n dd of=/home/alice/file status=none' </root/file"),
    )?;
    for script in [
        format!("scp -q /root/file bob@{NAME}:file"),
        format!("scp -O -q /root/file bob@{NAME}:file"),
        format!("sftp -q -b /root/batch bob@{NAME}"),
        format!("ssh -N -L 9999:localhost:22 bob@{NAME}"),
        format!("ssh -s bob@{NAME} sftp"),
    ] {
        let output = host.sh(&script).run()?;
        assert!(!output.ok() && output.stdout.is_empty(), "{script}: {output}");
        assert!(!host.path("/home/bob/file").exists(), "{script}");
    }
    Ok(())
}

/// Many at once: nobody is refused because somebody else logs in.
#[test]
fn a_crowd_gets_in() -> Result<()> {
    let entries = Ldif::new().person("alice").grant(&Grant::live("one", "alice"));
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &entries)?;
    let crowd = format!("for i in $(seq 40); do ssh alice@{NAME} 'sudo -n id -u' & done; wait");
    let output = door.host().sh(&crowd).run()?;
    assert_eq!(output.stdout, "0\n".repeat(40), "{}", output.stderr);
    Ok(())
}
