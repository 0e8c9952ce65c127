//! glibc's own cache, nscd, stands before all name services: why docs/roles.md says that its cache of groups must be off.

use jit_tests::door::{Door, Mode, NAME, SOON};
use jit_tests::host::Host;
use jit_tests::ldif::Ldif;
use jit_tests::root::NAMES;
use jit_tests::trouble::Result;
use jit_tests::wait::until;

use crate::{PEOPLE, config, dba, is_in, roles, with_roles};

#[test]
fn nscd_knows_no_end_of_a_membership() -> Result<()> {
    let door = Door::on(Host::named(NAME).of(NAMES).up()?, &PEOPLE, &config())?;
    let live = with_roles(&Ldif::new().grant(&dba("alices", "alice")));
    let door = door.opened(Mode::Permissive, &live)?;
    let host = door.host();
    host.name_service("files jit")?;
    let start = || -> Result<_> {
        host.sh("rm -rf /run/nscd /var/cache/nscd; mkdir -p /run/nscd /var/cache/nscd").run()?.must()?;
        let mut nscd = host.start("nscd", ["nscd", "--foreground"])?;
        nscd.wait_until("nscd answers", || {
            host.exec(["nscd", "--statistics"]).run().is_ok_and(|output| output.ok())
        })?;
        Ok(nscd)
    };
    let nscd = start()?;
    assert!(is_in(host, "alice", "jit-dba")?);
    door.grants(&roles())?;
    assert!(is_in(host, "alice", "jit-dba")?, "what the docs warn of is not so: nscd has forgotten it");
    host.exec(["nscd", "--invalidate=group"]).run()?.must()?;
    until(SOON, "nscd has forgotten it", || is_in(host, "alice", "jit-dba").is_ok_and(|is_in| !is_in))?;
    nscd.stop()?;

    host.sh("sed -i -E 's/^(\\s*enable-cache\\s+group\\s+)yes/\\1no/' /etc/nscd.conf; grep -q 'group.*no' /etc/nscd.conf").run()?.must()?;
    let _nscd = start()?;
    for again in ["second", "third", "fourth"] {
        door.grants(&with_roles(&Ldif::new().grant(&dba(again, "alice"))))?;
        assert!(is_in(host, "alice", "jit-dba")?);
        door.grants(&roles())?;
        assert!(!is_in(host, "alice", "jit-dba")?);
    }
    Ok(())
}
