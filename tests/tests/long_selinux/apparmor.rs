//! Under AppArmor.

use std::process::Command;

use jit_tests::root::workspace;
use jit_tests::trouble::{Result, Trouble};

use super::{LIMIT, door, installed, machine, ours, questions, run};

const KERNEL: &str = "security=apparmor apparmor=1";

#[test]
fn apparmor_denies_nothing() -> Result<()> {
    let profile = workspace().join("packaging/apparmor/usr.sbin.jitd");
    // Read, and not loaded into this machine's kernel.
    run(Command::new("apparmor_parser").args(["-Q", "-K"]).arg(&profile))?;
    let machine = machine(&installed()?, include_str!("prepare_apparmor.sh"))?;
    let report = machine.boot(KERNEL, LIMIT, &questions(include_str!("apparmor.sh")))?;
    door::judge(&report)?;
    if !report.good("profile")?.starts_with("jitd (enforce)") {
        return Err(Trouble::new(format!("jitd should be confined:\n{report}")));
    }
    let denials = report.good("denials")?;
    if !ours(denials).is_empty() {
        return Err(Trouble::new(format!("denied: {}\n{report}", ours(denials).join("\n"))));
    }
    report.good("bare_gone")?;
    let without = ours(report.good("bare_denials")?).len();
    if without == 0 {
        return Err(Trouble::new(format!(
            "nothing is denied without our rules, so this test sees nothing:\n{report}"
        )));
    }
    let facts: Vec<&str> = report.good("facts")?.lines().collect();
    println!(
        "AppArmor: {}; denials of ours 0, of others {}, and {without} of ours without our rules; {:.0} s from power-on to off",
        facts.join(", "),
        denials.lines().count(),
        report.took.as_secs_f64()
    );
    Ok(())
}
