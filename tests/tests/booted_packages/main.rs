//! Debian's packages on a host with systemd, installed, upgraded and removed while people log in over ssh all the time: no login fails that
//! should pass, none passes that should not, and in the end the host is what it was. (What each step does to the files of a host, without
//! logins: packages_deb.)

mod stage;

use jit_tests::door::{NAME, SOON};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::seat::Seat;
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use stage::{ALICE, MALLORY, Mishap, PACKAGES, RESCUE, Stage, Version};

/// From the first installation to the purge, as an admin goes through it.
#[test]
fn a_whole_life_under_logins() -> Result<()> {
    let stage = Stage::up()?;
    let (files, ours) = (stage.others_files()?, stage.ours()?);

    // It observes: whoever got in before gets in now.
    let crowd = stage.crowd()?;
    crowd.go_on(1)?;
    stage.install(Version::Built)?;
    crowd.go_on(1)?;
    stage.configure()?;
    crowd.go_on(1)?;
    stage.open(crowd)?;

    stage.enforce()?;
    let mut seat = Seat::at(&stage.host, &["ssh", "-tt", &format!("{ALICE}@{NAME}")])?;
    seat.types("echo in-$((40 + 2))")?;
    seat.shows("in-42")?;
    let crowd = stage.crowd()?;
    for version in [Version::Next, Version::Built, Version::Next, Version::Next] {
        crowd.go_on(1)?;
        stage.install(version)?;
    }
    crowd.go_on(1)?;
    stage.held(crowd)?;
    // Who was in is still in, and what let her in is still known: it ends with her grant.
    seat.types("echo still-$((40 + 2))")?;
    seat.shows("still-42")?;
    let alices = Grant::live("all", ALICE);
    let revoked = Ldif::containers().person(ALICE).grant(&alices).revocation(&alices);
    stage.host.write("/etc/jitd/grants.ldif", 0o644, revoked.to_string())?;
    seat.ends(SOON, &[])?;

    // Gone, it keeps nobody out. (alice's grant is over: she is one more who only passes because nobody asks.)
    assert!(!stage.enters(ALICE)?);
    let (last, middle) = PACKAGES.split_last().map(|(last, rest)| (*last, rest)).unwrap_or_default();
    assert_eq!(last, "libpam-jit");
    let crowd = stage::rescued(&stage)?;
    stage.done(&["--remove", "libpam-jit"])?;
    assert!(stage.enters(ALICE)? && stage.enters(MALLORY)?);
    stage.done(&[&["--remove"], middle].concat())?;
    crowd.go_on(1)?;
    stage.open(crowd)?;
    assert_eq!(stage.others_files()?, files);

    // Back, it observes.
    let crowd = stage.crowd()?;
    stage.install(Version::Built)?;
    crowd.go_on(1)?;
    stage.done(&[&["--purge"], &PACKAGES[..]].concat())?;
    crowd.go_on(1)?;
    stage.open(crowd)?;
    assert_eq!(stage.others_files()?, files);
    stage.sh("rm /etc/jitd/grants.ldif && rmdir /etc/jitd")?;
    assert_eq!(stage.ours()?, ours, "something was left behind");
    let units = stage.sh("systemctl daemon-reload; systemctl list-units --all --no-legend 'jitd*'")?;
    assert_eq!(units, "", "systemd knows our units");
    Ok(())
}

/// An upgrade of an enforcing host that fails or is killed in the middle of each of its steps. Then it is done again, as an admin would.
#[test]
fn an_upgrade_that_breaks_off_locks_nobody_out_and_lets_nobody_in() -> Result<()> {
    let stage = Stage::enforcing(Version::Next)?;
    let crowd = stage.crowd()?;
    let (mut from, mut to) = (Version::Next, Version::Last);
    for (package, script, mishap) in [
        ("jitd", "prerm", Mishap::Killed),
        ("jitd", "preinst", Mishap::Fails),
        ("jitd", "postrm", Mishap::Killed),
        ("jitd", "postinst", Mishap::Fails),
        ("jitd", "postinst", Mishap::Killed),
        ("libpam-jit", "preinst", Mishap::Killed),
        ("libpam-jit", "postinst", Mishap::Fails),
        ("libnss-jit", "postinst", Mishap::Killed),
        ("jitctl", "preinst", Mishap::Killed),
    ] {
        let what = format!("{package}.{script} {mishap:?}");
        stage.trap(package, script, mishap)?;
        let output = stage.try_to_install(to)?;
        assert!(!output.ok(), "{what}: it went well: {output}");
        assert!(
            !stage.host.path(&format!("/run/trap/{package}.{script}")).exists(),
            "{what}: not run: {output}"
        );
        crowd.go_on(1)?;
        // What apt says to type first. It may not be enough.
        stage.dpkg(&["--configure", "-a"])?;
        crowd.go_on(1)?;
        stage.install(to)?;
        (from, to) = (to, from);
    }
    crowd.go_on(1)?;
    stage.held(crowd)
}

/// In orders in which nobody should. An enforcing host that loses jitd observes; mallory gets in then, but never before.
#[test]
fn removed_in_odd_orders_it_keeps_nobody_out() -> Result<()> {
    let stage = Stage::up()?;
    let files = stage.others_files()?;
    for orders in [
        &[&["--purge", "libnss-jit"][..], &["--purge", "libpam-jit"], &["--purge", "jitctl", "jitd"]][..],
        &[&["--force-depends", "--purge", "jitd"], &["--purge", "jitctl", "libpam-jit", "libnss-jit"]],
        &[
            &["--force-depends", "--remove", "jitctl"],
            &["--force-depends", "--purge", "jitd", "libpam-jit"],
            &["--purge", "libnss-jit", "jitctl"],
        ],
        &[&["--purge", "jitctl", "jitd", "libnss-jit", "libpam-jit"]],
        &[&["--purge", "libpam-jit", "libnss-jit", "jitd", "jitctl"]],
    ] {
        stage.install(Version::Built)?;
        stage.configure()?;
        stage.enforce()?;
        let crowd = stage::rescued(&stage)?;
        let entered = || Ok::<_, jit_tests::trouble::Trouble>((stage.enters(ALICE)?, stage.enters(MALLORY)?));
        assert_eq!(entered()?, (true, false));
        for order in orders {
            stage.done(order)?;
            assert!(stage.enters(ALICE)?, "{order:?} keeps alice out");
        }
        assert_eq!(entered()?, (true, true));
        stage.open(crowd)?;
        assert_eq!(stage.others_files()?, files, "{orders:?}");
    }
    Ok(())
}

/// The sockets are the same through an upgrade: systemd never lets go of them.
#[test]
fn an_upgrade_never_stops_the_sockets() -> Result<()> {
    let stage = Stage::enforcing(Version::Built)?;
    let state = "stat -c %i /run/jitd/pam.sock /run/jitd/jitd.sock; \
                 systemctl show --property=ActiveEnterTimestampMonotonic jitd.socket jitd-control.socket; \
                 systemctl is-enabled jitd.service jitd.socket jitd-control.socket";
    let before = stage.sh(state)?;
    let pid = || stage.sh("systemctl show --value --property=MainPID jitd");
    let running = pid()?;
    stage.install(Version::Next)?;
    assert_eq!(stage.sh(state)?, before, "{}", stage.journal());
    until(SOON, "the new jitd runs", || pid().is_ok_and(|now| now != running && now.trim() != "0"))?;
    assert!(stage.enters(ALICE)? && stage.enters(RESCUE)? && !stage.enters(MALLORY)?);
    // An admin who has stopped jitd for good meant it.
    stage.sh("systemctl disable --now jitd.socket jitd-control.socket jitd")?;
    stage.try_to_install(Version::Last)?.must()?;
    let units = "jitd.service jitd.socket jitd-control.socket";
    let shown = stage.host.sh(&format!("systemctl is-enabled {units}; systemctl is-active {units}")).run()?;
    assert_eq!(shown.stdout, format!("{}{}", "disabled\n".repeat(3), "inactive\n".repeat(3)));
    Ok(())
}

/// jitd.toml is broken on disk, and jitd goes by what it read before: an upgrade does not end it for one that would not start.
#[test]
fn a_jitd_that_answers_is_not_ended_for_one_that_would_not_start() -> Result<()> {
    let stage = Stage::enforcing(Version::Built)?;
    let config = stage.host.read("/etc/jitd/jitd.toml")?;
    let pid = || stage.sh("systemctl show --value --property=MainPID jitd");
    let running = pid()?;
    for broken in
        ["echo '[hst]' >>/etc/jitd/jitd.toml", "chmod 600 /etc/jitd/jitd.toml", "rm /etc/jitd/jitd.toml"]
    {
        stage.sh(broken)?;
        let said = stage.try_to_install(Version::Next)?.must()?;
        assert_eq!(pid()?, running, "{broken}: {said}");
        assert!(stage.enters(ALICE)? && stage.enters(RESCUE)? && !stage.enters(MALLORY)?, "{broken}");
        stage.host.write("/etc/jitd/jitd.toml", 0o640, &config)?;
        stage.sh("chown root:jitd /etc/jitd/jitd.toml")?;
    }
    stage.install(Version::Last)?;
    assert_ne!(pid()?, running);
    Ok(())
}
