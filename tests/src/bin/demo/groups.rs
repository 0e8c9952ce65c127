//! Roles become groups: `id alice` and a sudo rule before, during and after a grant in a role, with jitd killed in the middle.

use std::time::Duration;

use jit_tests::door::Door;
use jit_tests::host::exec::Output;
use jit_tests::root::workspace;
use jit_tests::trouble::Result;
use jit_tests::wait::until;

use super::Steps;

/// What the demo's host lets a directory confer.
pub(super) const ALLOWED: &str = "\n[groups]\nallow = [\"jit-dba\"]\n";

/// What the role confers.
pub(super) const GROUP: &str = "jit-dba";

/// How long the grant in the role lasts.
pub(super) const SECONDS: u32 = 8;

/// A grant in the role, by `grant`, comes and goes, and her group and her rule in sudo with it.
pub(super) fn come_and_go(
    steps: &mut Steps,
    door: &Door,
    grant: impl FnOnce(&mut Steps) -> Result<()>,
) -> Result<()> {
    let host = door.host();
    host.name_service("files jit")?;
    host.system_user("postgres", 991)?;
    host.install(&workspace().join("packaging/sudoers/jit"), "/etc/sudoers.d/jit", 0o440)?;
    host.sh("rm /etc/sudoers.d/people").run()?.must()?;
    println!(
        "\n   From here on /etc/sudoers.d holds packaging/sudoers/jit, and nsswitch.conf says: group: files jit"
    );

    let is_in = |id: &Output| id.ok() && id.stdout.contains(GROUP);
    let id = host.exec(["id", "alice"]).run()?;
    steps.show("she is a person like any other", "id alice", &id, id.ok() && !is_in(&id));
    let rules = host.exec(["sudo", "-l", "-U", "alice"]).run()?;
    let none = "is not allowed to run sudo";
    steps.show("sudo has no rule for her", "sudo -l -U alice", &rules, rules.stdout.contains(none));

    grant(steps)?;
    let id = host.exec(["id", "alice"]).run()?;
    steps.show("the role has put her into its group", "id alice", &id, is_in(&id));
    let out = door.ssh("alice", "sudo -u postgres id -un")?;
    let right = out.ok() && out.stdout.trim() == "postgres" && out.stderr.is_empty();
    let typed = "ssh alice@web1.prod.example.com sudo -u postgres id -un";
    steps.show("and what sudo allows the group, she may", typed, &out, right);

    door.kill_jitd()?;
    let id = host.exec(["id", "alice"]).run()?;
    steps.show("jitd is killed: the group is there", "killall -9 jitd; id alice", &id, is_in(&id));
    let gone = until(Duration::from_secs(u64::from(SECONDS) + 5), "her group ends with the grant", || {
        host.exec(["id", "alice"]).run().is_ok_and(|id| id.ok() && !is_in(&id))
    });
    let id = host.exec(["id", "alice"]).run()?;
    steps.show("and ends with the grant, though jitd is dead", "id alice", &id, gone.is_ok());
    let rules = host.exec(["sudo", "-l", "-U", "alice"]).run()?;
    steps.show("so does the rule in sudo", "sudo -l -U alice", &rules, rules.stdout.contains(none));
    door.start_jitd()
}
