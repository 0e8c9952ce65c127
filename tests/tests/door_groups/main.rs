//! Groups by role, on hosts as an admin sets them up: roles in the directory, grants, and the real glibc, sshd, sudo, newgrp, id and getent as
//! the witnesses of who is in what.

mod away;
mod hostile;
mod life;
mod order;
mod other_caches;
mod refused;
mod sessions;
mod switch;

use std::process::Command;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::host::Host;
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::trouble::{Result, Trouble};

/// What this host lets a directory confer. `adm` is a local group; the others are not.
const ALLOW: &str = r#"["jit-dba", "jit-web", "adm"]"#;

/// Who has a local account.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn config() -> String {
    with_allow(ALLOW)
}

fn with_allow(allow: &str) -> String {
    format!("{CONFIG}\n[groups]\nallow = {allow}\n")
}

/// [`PEOPLE`], who are all eligible for the roles `dba` (which confers `jit-dba` and `adm`) and `web` (`jit-web`).
fn roles() -> Ldif {
    let people = PEOPLE.map(person);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let everybody = group("everybody");
    let confers = |ldif: Ldif, name: &str, groups: &[&'static str]| {
        let mut attributes = vec![("jitHost", "*"), ("jitEligible", everybody.as_str())];
        attributes.extend(groups.iter().map(|group| ("jitLocalGroup", *group)));
        ldif.role(name, &attributes)
    };
    let ldif =
        PEOPLE.iter().fold(Ldif::new(), |ldif, person| ldif.person(person)).group("everybody", &people);
    confers(confers(ldif, "dba", &["jit-dba", "adm"]), "web", &["jit-web"])
}

/// A live grant in the role `dba`.
fn dba(id: &str, login: &str) -> Grant {
    Grant::live(id, login).under("dba")
}

/// A host with these entries beside [`roles`], whose groups come from these services.
fn up(services: &str, mode: Mode, entries: &Ldif) -> Result<Door> {
    let door = Door::up(&PEOPLE, mode, &config(), &with_roles(entries))?;
    door.host().name_service(services)?;
    Ok(door)
}

fn with_roles(entries: &Ldif) -> Ldif {
    roles().raw(&entries.to_string())
}

/// The groups of a person by name, in the order of names, as `id` finds them.
fn groups_of(host: &Host, login: &str) -> Result<Vec<String>> {
    Ok(sorted(&host.exec(["id", "-nG", login]).run()?.must()?))
}

/// Words in order.
fn sorted(words: &str) -> Vec<String> {
    let mut words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    words.sort_unstable();
    words
}

fn is_in(host: &Host, login: &str, group: &str) -> Result<bool> {
    Ok(groups_of(host, login)?.iter().any(|name| name == group))
}

/// A line of group(5): its number, and its members.
fn group_line(host: &Host, name: &str) -> Result<(u32, Vec<String>)> {
    let line = host.exec(["getent", "group", name]).run()?.must()?;
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    match fields[..] {
        [_, _, gid, members] => {
            let gid = gid.parse().map_err(|e| Trouble::new(format!("{line}: {e}")))?;
            Ok((gid, members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()))
        }
        _ => Err(Trouble::new(format!("not one line of a group: {line:?}"))),
    }
}

/// Puts the program that is made of asks.c into the host.
fn install_asks(host: &Host) -> Result<()> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/door_groups/asks.c");
    cc(host, &["-O1", "-Wall", "-Wextra", "-Werror", source], "/usr/local/bin/asks")
}

/// Compiles into a file of the host.
fn cc(host: &Host, arguments: &[&str], inside: &str) -> Result<()> {
    let mut gcc = Command::new("gcc");
    gcc.args(arguments).arg("-o").arg(host.path(inside));
    let said = gcc.output().map_err(|e| Trouble::new(format!("gcc ({e}): apt-get install gcc")))?;
    if said.status.success() { Ok(()) } else { Err(Trouble::new(String::from_utf8_lossy(&said.stderr))) }
}
