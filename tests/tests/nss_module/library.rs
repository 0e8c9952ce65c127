//! What is installed: its symbols, its name, its size, and what it asks of others.

use std::collections::BTreeSet;
use std::fs;

use jit_tests::built::{self, output};
use jit_tests::trouble::{Result, Trouble};

#[test]
fn it_exports_glibcs_entry_points_and_nothing_else() -> Result<()> {
    let symbols =
        output("nm", &["--dynamic", "--defined-only", "--format=just-symbols"], Some(&built::nss_jit()?))?;
    let symbols: BTreeSet<&str> = symbols.split_whitespace().collect();
    let expected = BTreeSet::from([
        "_nss_jit_endgrent",
        "_nss_jit_endpwent",
        "_nss_jit_getgrent_r",
        "_nss_jit_getgrgid_r",
        "_nss_jit_getgrnam_r",
        "_nss_jit_getpwent_r",
        "_nss_jit_getpwnam_r",
        "_nss_jit_getpwuid_r",
        "_nss_jit_initgroups_dyn",
        "_nss_jit_setgrent",
        "_nss_jit_setpwent",
    ]);
    assert_eq!(symbols, expected);
    Ok(())
}

/// What it may ask of libc: nothing that allocates but realloc(3), for the list that glibc wants to have added to; nothing that locks, prints
/// or ends the process; no function that is a cancellation point.
#[test]
fn it_asks_little_of_libc() -> Result<()> {
    let symbols =
        output("nm", &["--dynamic", "--undefined-only", "--format=just-symbols"], Some(&built::nss_jit()?))?;
    let symbols: BTreeSet<&str> = symbols.lines().filter_map(|line| line.trim().split('@').next()).collect();
    let weak =
        ["_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize", "__gmon_start__"];
    let memory = ["memchr", "memcmp", "bcmp", "memcpy", "memmove", "memset", "strlen"];
    let system = [
        "__errno_location",
        "clock_gettime",
        "fcntl",
        "fcntl64",
        "fstat",
        "fstat64",
        "mmap",
        "munmap",
        "realloc",
        "syscall",
    ];
    let known: BTreeSet<&str> = weak.into_iter().chain(memory).chain(system).collect();
    assert_eq!(symbols.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    Ok(())
}

#[test]
fn it_links_libc_alone_under_its_name() -> Result<()> {
    let dynamic = output("readelf", &["--dynamic", "--wide"], Some(&built::nss_jit()?))?;
    let named = |tag: &str| -> Vec<String> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines.filter_map(|line| line.split(['[', ']']).nth(1)).map(str::to_owned).collect()
    };
    assert_eq!(named("(NEEDED)"), ["libc.so.6"]);
    assert_eq!(named("(SONAME)"), ["libnss_jit.so.2"]);
    assert!(dynamic.contains("BIND_NOW") && dynamic.contains("FLAGS_1"), "not fully relocated: {dynamic}");
    // It stays once it is there: threads may be in it, and what it has mapped would have no owner.
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH") && !dynamic.contains("TEXTREL"));
    Ok(())
}

/// Nothing to write to that could be run, nothing of the linker's left to write to, nothing of a thread's own, and no code that chooses at
/// load what a name means; what it exports is code.
#[test]
fn its_memory_is_either_written_or_run() -> Result<()> {
    let segments = output("readelf", &["--segments", "--wide"], Some(&built::nss_jit()?))?;
    let headers: Vec<Vec<&str>> = segments.lines().map(|line| line.split_whitespace().collect()).collect();
    // The flags stand in one to three words between six numbers and the alignment.
    let flags = |kind: &str| -> Vec<String> {
        let of_kind = headers.iter().filter(|words| words.first() == Some(&kind) && words.len() > 7);
        of_kind.map(|words| words[6..words.len() - 1].concat()).collect()
    };
    assert!(flags("LOAD").len() >= 3, "{segments}");
    assert!(flags("LOAD").iter().all(|flags| !(flags.contains('W') && flags.contains('E'))), "{segments}");
    assert_eq!(flags("GNU_STACK"), ["RW"]);
    assert_eq!(flags("GNU_RELRO"), ["R"]);
    assert_eq!(flags("TLS"), Vec::<String>::new());
    let symbols = output("readelf", &["--dyn-syms", "--wide"], Some(&built::nss_jit()?))?;
    let exported: Vec<&str> = symbols.lines().filter(|line| line.contains(" _nss_jit_")).collect();
    assert_eq!(exported.len(), 11, "{symbols}");
    assert!(exported.iter().all(|line| line.contains(" FUNC ")), "{symbols}");
    assert!(!symbols.contains("IFUNC"), "{symbols}");
    Ok(())
}

#[test]
fn it_is_small() -> Result<()> {
    let path = built::nss_jit()?;
    let size = fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.len();
    assert!(size <= 40 * 1024, "{size} bytes");
    Ok(())
}
