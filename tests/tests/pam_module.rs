//! The release build of pam_jit.so as a file: what it exports, what it links, how large it is, what went into it.

use std::collections::BTreeSet;
use std::fs;

use jit_tests::built::{self, output};
use jit_tests::root::target;
use jit_tests::trouble::{Result, Trouble};

#[test]
fn it_exports_the_six_entry_points_and_nothing_else() -> Result<()> {
    let symbols =
        output("nm", &["--dynamic", "--defined-only", "--format=just-symbols"], Some(&built::pam_jit()?))?;
    let symbols: BTreeSet<&str> = symbols.split_whitespace().collect();
    let expected = BTreeSet::from([
        "pam_sm_acct_mgmt",
        "pam_sm_authenticate",
        "pam_sm_chauthtok",
        "pam_sm_close_session",
        "pam_sm_open_session",
        "pam_sm_setcred",
    ]);
    assert_eq!(symbols, expected);
    Ok(())
}

#[test]
fn it_links_libc_and_libpam() -> Result<()> {
    let dynamic = output("readelf", &["--dynamic", "--wide"], Some(&built::pam_jit()?))?;
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let needed = needed.filter_map(|line| line.split(['[', ']']).nth(1));
    // The loader is glibc's other half (thread-local storage), and is in every process anyway.
    let beyond: Vec<&str> = needed.filter(|name| !name.starts_with("ld-linux-")).collect();
    // Not libgcc_s either: loading it would take longer than all the rest of a login's check.
    assert_eq!(beyond.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(["libc.so.6", "libpam.so.0"]));
    for line in ["BIND_NOW", "FLAGS_1"] {
        assert!(dynamic.contains(line), "not fully relocated read-only: {dynamic}");
    }
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH") && !dynamic.contains("TEXTREL"));
    Ok(())
}

#[test]
fn it_is_small() -> Result<()> {
    let path = built::pam_jit()?;
    let size = fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.len();
    assert!(size <= 400 << 10, "{size} bytes");
    Ok(())
}

/// Whatever is on this list runs inside sshd and sudo. Add to it only with a reason.
#[test]
fn nothing_else_went_into_it() -> Result<()> {
    let tree = output(
        env!("CARGO"),
        &[
            "tree",
            "--locked",
            "--package",
            "pam_jit",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
        None,
    )?;
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(crates, BTreeSet::from(["jit-proto", "libc", "pam-bindings", "pam_jit", "zeroize"]));
    assert!(tree.contains("pam-bindings v0.4.0"));
    Ok(())
}

/// With abort a panic would end sshd.
#[test]
fn it_does_not_compile_with_panic_abort() -> Result<()> {
    let check = ["check", "--quiet", "--locked", "--package", "pam_jit"];
    let abort = ["--config", "profile.dev.panic=\"abort\"", "--target-dir"];
    let compiled = output(env!("CARGO"), &[&check[..], &abort].concat(), Some(&target().join("panic-abort")));
    let refused = compiled.err().map(|trouble| trouble.to_string()).unwrap_or_default();
    assert!(refused.contains("pam_jit must be compiled with panic = \"unwind\""), "{refused}");
    Ok(())
}
