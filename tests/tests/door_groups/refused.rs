//! What a directory may not confer, whatever it says; and what an admin may not allow it.

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif, group};
use jit_tests::trouble::Result;
use serde_json::Value;

use crate::{PEOPLE, config, group_line, groups_of, up, with_allow, with_roles};

fn refused(door: &Door) -> Result<Vec<(String, String)>> {
    let status = door.jitctl(["status", "--json"]).run()?;
    let status: Value = serde_json::from_str(&status.stdout).unwrap_or_else(|e| panic!("{e}: {status}"));
    let listed = status["groups_refused"].as_array().cloned().unwrap_or_default();
    let word = |refused: &Value, field: &str| refused[field].as_str().unwrap_or_default().to_owned();
    Ok(listed.iter().map(|refused| (word(refused, "group"), word(refused, "reason"))).collect())
}

/// A role that names all it can think of, and a grant in it.
fn greedy(groups: &[&'static str]) -> Ldif {
    let everybody = group("everybody");
    let mut attributes = vec![("jitHost", "*"), ("jitEligible", everybody.as_str())];
    attributes.extend(groups.iter().map(|group| ("jitLocalGroup", *group)));
    Ldif::new().role("greedy", &attributes).grant(&Grant::live("alices", "alice").under("greedy"))
}

const WISHES: [&str; 6] = ["root", "jit-admin", "jit-breakglass", "rescuers", "docker", "jit-dba"];

#[test]
fn only_what_is_allowed_is_conferred() -> Result<()> {
    let config = format!("{}[break_glass]\ngroups = [\"jit-breakglass\", \"rescuers\"]\n", config());
    let door = Door::up(&PEOPLE, Mode::Enforcing, &config, &with_roles(&greedy(&WISHES)))?;
    let host = door.host();
    host.append("/etc/group", "docker:x:998:\njit-admin:x:995:\njit-breakglass:x:996:\nrescuers:x:994:\n")?;
    host.name_service("files [SUCCESS=merge] jit")?;
    door.grants(&with_roles(&greedy(&WISHES)))?;
    assert_eq!(groups_of(host, "alice")?, ["alice", "jit-dba", "people"]);
    for wish in ["root", "jit-admin", "jit-breakglass", "rescuers", "docker"] {
        assert_eq!(group_line(host, wish)?.1, [""; 0], "{wish}");
    }
    let refused = refused(&door)?;
    let reason =
        |wish: &str| refused.iter().find(|(group, _)| group == wish).map(|(_, reason)| reason.as_str());
    for (wish, why) in [
        ("root", "root's group"),
        ("jit-admin", "break-glass"),
        ("jit-breakglass", "break-glass"),
        ("rescuers", "break-glass"),
        ("docker", "[groups] allow"),
    ] {
        assert!(reason(wish).is_some_and(|reason| reason.contains(why)), "{wish}: {refused:?}");
    }
    assert_eq!(reason("jit-dba"), None, "{refused:?}");
    // To people, too, with the role.
    let shown = door.jitctl(["status"]).run()?;
    assert!(shown.stdout.contains("docker") && shown.stdout.contains("greedy"), "{shown}");
    // What she has is shown with the grant.
    let grants: Value =
        serde_json::from_str(&door.jitctl(["grants", "--json"]).run()?.stdout).unwrap_or_default();
    let hers = grants["grants"].as_array().and_then(|all| all.iter().find(|grant| grant["id"] == "alices"));
    assert_eq!(hers.map(|grant| grant["groups"].clone()), Some(serde_json::json!(["jit-dba"])), "{grants}");
    Ok(())
}

/// A number is a group, whatever its name: nobody gets into another one than the one that is meant.
#[test]
fn no_number_of_another_group_is_conferred() -> Result<()> {
    let door = up("files jit", Mode::Permissive, &greedy(&["jit-dba", "jit-web", "adm"]))?;
    let host = door.host();
    let (dba, _) = group_line(host, "jit-dba")?;
    assert_eq!(groups_of(host, "alice")?, ["adm", "alice", "jit-dba", "jit-web", "people"]);
    // Somebody makes a local group with the number that the name comes to; and another name for root's.
    host.sh(&format!("echo secrets:x:{dba}: >>/etc/group; sed -i 's/^adm:x:4:/adm:x:0:/' /etc/group"))
        .run()?
        .must()?;
    jit_tests::wait::until(jit_tests::door::SOON, "jitd has seen the local groups", || {
        refused(&door).is_ok_and(|refused| refused.len() == 2)
    })?;
    assert_eq!(groups_of(host, "alice")?, ["alice", "jit-web", "people"]);
    let refused = refused(&door)?;
    for (group, why) in [("jit-dba", "secrets"), ("adm", "root's group")] {
        assert!(refused.iter().any(|(name, reason)| name == group && reason.contains(why)), "{refused:?}");
    }
    // Made local, it has a number of its own.
    host.append("/etc/group", "jit-dba:x:3000:\n")?;
    jit_tests::wait::until(jit_tests::door::SOON, "it is conferred again", || {
        groups_of(host, "alice").is_ok_and(|groups| groups == ["alice", "jit-dba", "jit-web", "people"])
    })
}

#[test]
fn what_may_never_be_conferred_cannot_be_allowed() -> Result<()> {
    let door = Door::without_daemon(&["alice"], CONFIG)?;
    let break_glass = "[break_glass]\ngroups = [\"rescuers\"]\n";
    for never in ["root", "jit-admin", "rescuers"] {
        let config = with_allow(&format!("[\n  \"jit-dba\",\n  \"{never}\",\n]")) + break_glass;
        let line =
            config.lines().position(|line| line.contains(&format!("\"{never}\","))).unwrap_or_default() + 1;
        door.configure(&config)?;
        let check = door.host().exec(["jitd", "--check"]).run()?;
        let said = format!("{}{}", check.stdout, check.stderr);
        assert!(
            !check.ok() && said.contains(&format!("jitd.toml:{line}")) && said.contains(never),
            "{never}: {said}"
        );
    }
    door.configure(&with_allow(r#"["jit-dba"]"#))?;
    door.host().exec(["jitd", "--check"]).run()?.must().map(drop)
}
