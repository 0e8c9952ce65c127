//! /etc/nsswitch.conf: what is put in, where nothing is put in and why, and that exactly what was put in goes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use jit_tests::root::workspace;
use jit_tests::trouble::{Result, Trouble};

use crate::machine::Machine;

/// Runs the packages' script on a tree of its own; what it said.
fn run(root: &Path, what: &str) -> Result<String> {
    // What a test puts in the place of a program goes first.
    let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let script = workspace().join("packaging/nsswitch/nsswitch");
    let output = Command::new(&script)
        .arg(what)
        .env("DPKG_ROOT", root)
        .env("PATH", path)
        .output()
        .map_err(|e| Trouble::io(&script, e))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(Trouble::new(said)) }
}

/// What becomes of a file by `add`, and what was said; `remove` has to bring it back byte by byte.
fn there_and_back(before: &str) -> Result<(String, String)> {
    let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
    let conf = dir.path().join("etc/nsswitch.conf");
    let write = |text: &str| -> Result<()> {
        fs::create_dir_all(dir.path().join("etc")).map_err(|e| Trouble::io(&conf, e))?;
        fs::write(&conf, text).map_err(|e| Trouble::io(&conf, e))
    };
    let read = || fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e));
    write(before)?;
    let said = run(dir.path(), "add")?;
    let after = read()?;
    // An upgrade.
    run(dir.path(), "add")?;
    assert_eq!(read()?, after, "added twice: {before:?}");
    run(dir.path(), "remove")?;
    assert_eq!(read()?, before, "not as it was");
    run(dir.path(), "remove")?;
    assert_eq!(read()?, before, "removed twice");
    let left: Vec<String> = fs::read_dir(dir.path().join("etc"))
        .map_err(|e| Trouble::io(&conf, e))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left, ["nsswitch.conf"]);
    Ok((after, said))
}

#[test]
fn jit_stands_behind_files_and_goes_without_a_trace() -> Result<()> {
    for (before, after) in [
        ("group: files\n", "group: files jit\n"),
        ("group:          files systemd\n", "group:          files jit systemd\n"),
        (
            "passwd: files\ngroup: files sss\nhosts: dns\n",
            "passwd: files\ngroup: files jit sss\nhosts: dns\n",
        ),
        ("group: compat systemd\n", "group: compat jit systemd\n"),
        ("\tgroup:\tfiles\tsss\n", "\tgroup:\tfiles jit\tsss\n"),
        ("group: files sss\r\nhosts: dns\r\n", "group: files jit sss\r\nhosts: dns\r\n"),
        ("group: files\r\n", "group: files jit\r\n"),
        ("group:files", "group:files jit"),
        ("# group: files\ngroup: files # not jit\n", "# group: files\ngroup: files jit # not jit\n"),
        ("group: files#\n", "group: files jit#\n"),
        ("group: sss [NOTFOUND=continue] files ldap\n", "group: sss [NOTFOUND=continue] files jit ldap\n"),
        ("group: files [SUCCESS=merge] systemd\n", "group: files [SUCCESS=merge] jit systemd\n"),
        ("group: jitx filesx files\n", "group: jitx filesx files jit\n"),
        ("group: files\ninitgroups: files\n", "group: files jit\ninitgroups: files [SUCCESS=continue] jit\n"),
        (
            "initgroups: files sss\ngroup: files sss\n",
            "initgroups: files [SUCCESS=continue] jit sss\ngroup: files jit sss\n",
        ),
    ] {
        let (found, said) = there_and_back(before)?;
        assert_eq!((found.as_str(), said.as_str()), (after, ""), "{before:?}");
    }
    Ok(())
}

#[test]
fn what_it_does_not_understand_is_left_and_said() -> Result<()> {
    for (before, why) in [
        ("group: files [NOTFOUND=return] sss\n", "after files [NOTFOUND=RETURN]"),
        ("group: files [!SUCCESS=return] sss\n", "after files [!SUCCESS=RETURN]"),
        ("group: files [NOTFOUND=return sss\n", "no ]"),
        ("group: files jit systemd\n", "names jit"),
        ("group: sss [NOTFOUND=return]jit files\n", "names jit"),
        ("group: db sss\n", "neither files nor compat"),
        ("group:\n", "neither files nor compat"),
        ("group: files\ngroup: files sss\n", "more than one line"),
        ("passwd: files\n", "no line `group:`"),
        ("", "no line `group:`"),
    ] {
        let (found, said) = there_and_back(before)?;
        assert_eq!(found, before);
        assert!(said.contains(why) && said.contains("left as it is"), "{before:?}: {said}");
    }
    let (found, said) = there_and_back("group: files\ninitgroups: files [SUCCESS=continue] sss\n")?;
    assert_eq!(found, "group: files jit\ninitgroups: files [SUCCESS=continue] sss\n");
    assert!(said.contains("initgroups"), "{said}");
    Ok(())
}

#[test]
fn what_others_did_meanwhile_stays() -> Result<()> {
    for (before, edit, left) in [
        // Another package put its name there.
        ("group: files\n", ("files jit", "files jit systemd"), "group: files systemd\n"),
        ("group: files\n", ("files jit", "sss files jit"), "group: sss files\n"),
        // jit was moved, or is gone: it is not what we put in.
        ("group: files sss\n", ("files jit sss", "files sss jit"), "group: files sss jit\n"),
        (
            "group: files sss\n",
            ("files jit sss", "files jit [NOTFOUND=return] sss"),
            "group: files jit [NOTFOUND=return] sss\n",
        ),
        ("group: files sss\n", ("files jit sss", "files sss"), "group: files sss\n"),
    ] {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let conf = dir.path().join("etc/nsswitch.conf");
        fs::create_dir_all(dir.path().join("etc")).map_err(|e| Trouble::io(&conf, e))?;
        fs::write(&conf, before).map_err(|e| Trouble::io(&conf, e))?;
        run(dir.path(), "add")?;
        let text = fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e))?;
        let edited = text.replace(edit.0, edit.1);
        fs::write(&conf, &edited).map_err(|e| Trouble::io(&conf, e))?;
        // An upgrade.
        run(dir.path(), "add")?;
        assert_eq!(fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e))?, edited);
        run(dir.path(), "remove")?;
        assert_eq!(fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e))?, left, "{edit:?}");
    }
    Ok(())
}

/// A full disk, for one: each program it is made with fails once, after half of its work. Then the file is what it was, or what it is to be.
#[test]
fn what_breaks_on_the_way_changes_nothing() -> Result<()> {
    let before = "passwd: files sss\ngroup: files sss\ninitgroups: files\nhosts: files dns\n";
    let after = "passwd: files sss\ngroup: files jit sss\ninitgroups: files [SUCCESS=continue] jit\nhosts: files dns\n";
    for (program, stand_in) in [
        ("cat", "head -c 9 \"$1\"; exit 1"),
        ("cat", "head -c 9 \"$1\""),
        ("cp", "head -c 9 \"$2\" >\"$3\"; exit 1"),
        ("cp", "head -c 9 \"$2\" >\"$3\""),
        ("awk", "printf group:; exit 2"),
        ("awk", "printf group:"),
        ("sync", "exit 1"),
        ("mv", "exit 1"),
        ("grep", "exit 2"),
    ] {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let conf = dir.path().join("etc/nsswitch.conf");
        let file = dir.path().join("bin").join(program);
        for made in [&conf, &file] {
            let parent = made.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, e))?;
        }
        let read = || fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e));
        fs::write(&conf, before).map_err(|e| Trouble::io(&conf, e))?;
        let fails = || -> Result<()> {
            fs::write(&file, format!("#!/bin/sh\n{stand_in}\n")).map_err(|e| Trouble::io(&file, e))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).map_err(|e| Trouble::io(&file, e))
        };
        let works = || fs::remove_file(&file).map_err(|e| Trouble::io(&file, e));
        fails()?;
        let broken = run(dir.path(), "add").is_err();
        let now = read()?;
        assert!(
            now == before || (program == "grep" && now.contains("group: files jit")),
            "{program} `{stand_in}`: {now:?}"
        );
        assert!(broken || program == "grep", "{program} `{stand_in}`: said nothing");
        works()?;
        run(dir.path(), "add")?;
        if program != "grep" {
            assert_eq!(read()?, after, "{program} `{stand_in}`");
        }
        fails()?;
        let _ = run(dir.path(), "remove");
        let now = read()?;
        assert!(now == before || now == after || program == "grep", "{program} `{stand_in}`: {now:?}");
        works()?;
        run(dir.path(), "remove")?;
        assert_eq!(read()?, before, "{program} `{stand_in}`");
    }
    Ok(())
}

/// Between the file and its record. What was put in is still known as ours, and goes.
#[test]
fn killed_before_it_had_noted_what_it_did() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
    let conf = dir.path().join("etc/nsswitch.conf");
    let record = dir.path().join("var/lib/jit-nsswitch");
    for folder in ["etc", "var/lib"] {
        fs::create_dir_all(dir.path().join(folder)).map_err(|e| Trouble::io(&conf, e))?;
    }
    for found in ["group: files sss\n", "group: files jit sss\n"] {
        fs::write(&conf, found).map_err(|e| Trouble::io(&conf, e))?;
        fs::write(record.with_extension("new"), "group\n").map_err(|e| Trouble::io(&record, e))?;
        run(dir.path(), "add")?;
        let read = || fs::read_to_string(&conf).map_err(|e| Trouble::io(&conf, e));
        assert_eq!(read()?, "group: files jit sss\n", "{found:?}");
        run(dir.path(), "remove")?;
        assert_eq!(read()?, "group: files sss\n", "{found:?}");
    }
    Ok(())
}

#[test]
fn a_package_is_not_stopped_by_a_file_that_is_not_there_or_somebody_elses() -> Result<()> {
    let machine = Machine::up("nss.example.com")?;
    let packages = ["jitctl", "jitd", "libnss-jit"];
    for (prepare, said, check) in [
        ("rm /etc/nsswitch.conf", "there is no /etc/nsswitch.conf", "[ ! -e /etc/nsswitch.conf ]"),
        (
            "echo 'group: files' >/etc/elsewhere; ln -sf elsewhere /etc/nsswitch.conf",
            "is a link",
            "[ -L /etc/nsswitch.conf ] && grep -qx 'group: files' /etc/elsewhere",
        ),
        (
            "rm /etc/nsswitch.conf; echo 'group: files jit' >/etc/nsswitch.conf",
            "names jit",
            "grep -qx 'group: files jit' /etc/nsswitch.conf",
        ),
    ] {
        machine.host.sh(prepare).run()?.must()?;
        let told = machine.install(&packages)?;
        assert!(told.contains(said), "{prepare}: {told}");
        machine.host.sh(check).run()?.must()?;
        machine.purge(&packages)?;
        machine.host.sh(check).run()?.must()?;
    }
    Ok(())
}
