//! Enforcing with a way back, across a reboot: the time goes on, also while nobody watches it.

use std::time::Duration;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use jit_tests::wait::until;

/// A boot takes a while on a busy machine.
const SOON: Duration = Duration::from_secs(180);

#[test]
fn a_reboot_neither_confirms_nor_forgets() -> Result<()> {
    let entries = Ldif::new().person("alice").person("bob").grant(&Grant::live("one", "alice"));
    let mut door = Door::booted(&["alice", "bob"], Mode::Permissive, CONFIG, &entries)?;
    let enforce = |door: &Door, within: &str| {
        door.jitctl(["mode", "enforcing", "--force", "--confirm-within", within]).run()?.must()
    };
    let bob = |door: &Door| door.ssh("bob", "true").is_ok_and(|output| output.ok());

    // In time: as before the reboot, and who comes in after it confirms.
    enforce(&door, "1h")?;
    door.reboot()?;
    door.start_jitd()?;
    assert!(!bob(&door));
    let console = door.jitctl(["mode", "confirm"]).run()?;
    assert_eq!(console.status, 1, "{console}");
    let confirmed = door.ssh("alice", "sudo -n jitctl mode confirm")?;
    assert!(confirmed.ok(), "{confirmed}");
    door.reboot()?;
    door.start_jitd()?;
    assert!(!bob(&door), "for good");
    door.jitctl(["mode", "permissive"]).run()?.must()?;

    // Too late, with jitd never started again: the module alone.
    enforce(&door, "45s")?;
    assert!(!bob(&door));
    door.host().exec(["chmod", "0", "/usr/sbin/jitd"]).run()?.must()?;
    door.reboot()?;
    until(SOON, "bob gets in again without jitd", || bob(&door))?;
    assert_eq!(door.jitctl(["mode"]).run()?.stdout, "permissive\n");

    // jitd, back again, says what happened meanwhile.
    door.host().exec(["chmod", "755", "/usr/sbin/jitd"]).run()?.must()?;
    door.host().exec(["systemctl", "reset-failed"]).run()?.must()?;
    door.start_jitd()?;
    door.audited("that it fell back", |event| event["event"] == "mode" && event["change"] == "fell-back")?;
    assert!(bob(&door));
    Ok(())
}
