//! Who is asked about: sshd asks about the one who logs in; sudo, su and doas about the one who calls, whatever PAM says about
//! users; and root's own tools ask nobody.

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;

/// alice holds a grant for everything, bob holds none; both know each other's and root's password.
fn door() -> Result<Door> {
    let entries = Ldif::new().person("alice").person("bob").grant(&Grant::live("all", "alice"));
    let door = Door::up(&["alice", "bob"], Mode::Enforcing, CONFIG, &entries)?;
    door.host().exec(["chpasswd"]).stdin("alice:pw\nbob:pw\nroot:pw\n").run()?.must()?;
    Ok(door)
}

/// Commands by which a person becomes another, and what tells that it worked.
fn becoming() -> Vec<(&'static str, Vec<&'static str>, &'static str)> {
    vec![
        ("sudo", vec!["sudo", "id", "-un"], "root\n"),
        ("sudo to bob", vec!["sudo", "-u", "bob", "id", "-un"], "bob\n"),
        ("sudo to alice", vec!["sudo", "-u", "alice", "id", "-un"], "alice\n"),
        ("sudo -i", vec!["sudo", "-i", "id", "-un"], "root\n"),
        ("sudo -s", vec!["sudo", "-s", "id", "-un"], "root\n"),
        ("su", vec!["su", "-c", "id -un"], "root\n"),
        ("su -", vec!["su", "-", "-c", "id -un"], "root\n"),
        ("su to bob", vec!["su", "bob", "-c", "id -un"], "bob\n"),
        ("su to alice", vec!["su", "alice", "-c", "id -un"], "alice\n"),
        ("su - to alice", vec!["su", "-", "alice", "-c", "id -un"], "alice\n"),
        ("doas", vec!["doas", "-n", "id", "-un"], "root\n"),
    ]
}

fn check(door: &Door, mark: &str, commands: &[(&str, Vec<&str>, &str)]) -> Result<()> {
    for (name, argv, expected) in commands {
        let allowed = door.host().exec_as("alice", argv).stdin("pw\n").run()?;
        assert!(allowed.ok() && allowed.stdout == *expected, "{mark}: alice's {name}: {allowed}");
        let refused = door.host().exec_as("bob", argv).stdin("pw\n").run()?;
        assert!(!refused.ok() && refused.stdout.is_empty(), "{mark}: bob's {name}: {refused}");
        assert!(refused.stderr.contains("no grant"), "{mark}: bob's {name} should say why: {refused}");
    }
    Ok(())
}

#[test]
fn the_caller_is_judged_not_the_target() -> Result<()> {
    let door = door()?;
    check(&door, "as installed", &becoming())?;
    let event = door.decided("bob's su to alice", |e| {
        e["service"] == "su" && e["name"] == "bob" && e["target"] == "alice"
    })?;
    assert_eq!(event["verdict"], "deny", "{event}");
    let event = door.decided("alice's sudo", |e| e["service"] == "sudo" && e["name"] == "alice")?;
    assert!(event["verdict"] == "allow" && event.to_string().contains("the reason of all"), "{event}");

    // sudo can be told to hide from PAM who calls, and to ask for the target's password: the caller is still judged.
    for defaults in ["!pam_ruser", "targetpw", "!pam_ruser, targetpw", "!pam_rhost", "!pam_session"] {
        door.host().write("/etc/sudoers.d/zz", 0o440, format!("Defaults {defaults}\n"))?;
        let sudo: Vec<_> = becoming().into_iter().filter(|(name, ..)| name.starts_with("sudo")).collect();
        check(&door, defaults, &sudo)?;
    }
    Ok(())
}

#[test]
fn roots_own_tools_ask_nobody() -> Result<()> {
    let door = door()?;
    let tools = [
        vec!["su", "-", "-c", "id -un"],
        vec!["su", "bob", "-c", "id -un"],
        vec!["sudo", "id", "-un"],
        vec!["sudo", "-u", "bob", "id", "-un"],
        vec!["sudo", "-i", "id", "-un"],
        vec!["doas", "-n", "-u", "bob", "id", "-un"],
        vec!["runuser", "-u", "bob", "--", "id", "-un"],
    ];
    door.host().write("/etc/doas.conf", 0o600, "permit nopass :people\npermit nopass root\n")?;
    let check = |when: &str| -> Result<()> {
        for tool in &tools {
            let output = door.host().exec(tool).run()?;
            assert!(output.ok() && output.stderr.is_empty(), "{when}: root's {tool:?}: {output}");
        }
        Ok(())
    };
    check("daemon alive")?;
    door.kill_jitd()?;
    check("daemon dead")?;
    // And the module is as strict as ever with everybody else.
    let refused = door.host().exec_as("alice", ["sudo", "id", "-un"]).run()?;
    assert!(!refused.ok() && refused.stdout.is_empty(), "{refused}");
    Ok(())
}
