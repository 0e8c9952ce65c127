//! A guest in other processes: among threads, forks and signals, and where little is allowed.

use jit_tests::door::SOON;
use jit_tests::host::Host;
use jit_tests::nss::{ENOUGH, empty, standing};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

use crate::{DRIVER, company, drive, host};

#[test]
fn a_lookup_in_the_steady_state_calls_nobody() -> Result<()> {
    let (host, place) = host("nss-steady", "files jit")?;
    place.put(&company())?;
    assert_eq!(drive(&host, &["steady"])?, "done\n");
    Ok(())
}

#[test]
fn a_host_that_may_do_little_is_told_quickly() -> Result<()> {
    const FOUND: &str = "g:dba 1 0 dba:*:50000:alice,bob\n";
    const NOT: &str = "g:dba -1 2 \n";
    let (host, place) = host("nss-little", "files jit")?;
    place.put(&company())?;
    assert_eq!(drive(&host, &["sandboxed"])?, NOT);
    // Not that there is none: there is no descriptor left to look with.
    assert_eq!(drive(&host, &["without-files"])?, "g:dba -2 11 \np:alice -2 11 \ni:alice -2 11 \n");
    assert_eq!(drive(&host, &["chroot", "not-asked"])?, NOT);
    // Who has asked before goes on with what is mapped.
    assert_eq!(drive(&host, &["chroot", "asked"])?, format!("{FOUND}{FOUND}"));
    assert_eq!(drive(&host, &["cancelled"])?, "dba:*:50000:alice,bob true\n");
    assert_eq!(drive(&host, &["without-streams"])?, "");
    assert_eq!(host.read("/run/without-streams")?, "dba:*:50000:alice,bob true");
    Ok(())
}

/// Starts what has no end of its own, lets `meanwhile` happen once it is under way, and ends it: what it said.
fn while_it_runs(host: &Host, what: &str, meanwhile: impl FnOnce() -> Result<()>) -> Result<String> {
    let driver = host.start(what, [DRIVER, what])?;
    let said = |lines: usize| driver.output().lines().count() >= lines;
    until(SOON, "it is under way", || said(1))?;
    meanwhile()?;
    host.write(ENOUGH, 0o644, "")?;
    until(SOON, "it ends", || said(2)).map_err(|e| Trouble::new(format!("{e}: {}", driver.output())))?;
    Ok(driver.output())
}

#[test]
fn threads_see_each_map_whole_and_never_an_older_one() -> Result<()> {
    let (host, place) = host("nss-threads", "files jit")?;
    place.put(&standing(0))?;
    let said = while_it_runs(&host, "threads", || {
        (1..=1000).try_for_each(|generation| place.put(&standing(generation)))
    })?;
    assert_eq!(said, "begun\ndescriptors 0 mappings 1\n");
    Ok(())
}

#[test]
fn forks_and_signals_in_the_middle_of_a_lookup() -> Result<()> {
    let (host, place) = host("nss-forks", "files jit")?;
    place.put(&standing(0))?;
    let replace = || (1..=300).try_for_each(|generation| place.put(&standing(generation)));
    assert_eq!(while_it_runs(&host, "forks", replace)?, "begun\nall\n");
    host.remove(ENOUGH)?;
    assert_eq!(while_it_runs(&host, "signals", replace)?, "begun\nwrong 0\n");
    Ok(())
}

/// An enumeration ends, whatever becomes of the map meanwhile.
#[test]
fn an_enumeration_goes_on_in_the_next_map() -> Result<()> {
    let (host, place) = host("nss-list", "files jit")?;
    let maps = [company(), standing(1), empty()];
    place.put(&maps[0])?;
    let replace = || maps.iter().cycle().take(600).try_for_each(|content| place.put(content));
    assert_eq!(while_it_runs(&host, "lists", replace)?, "begun\nended\n");
    Ok(())
}
