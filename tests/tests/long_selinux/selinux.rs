//! Under SELinux, enforcing, by Debian's build of the reference policy.

use std::path::Path;
use std::process::Command;

use jit_tests::root::workspace;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::vm::{Overlay, Report};

use super::{LIMIT, door, installed, machine, ours, questions, read, run};

const KERNEL: &str = "security=selinux selinux=1 enforcing=1";

/// What lies where, by its type.
const LABELS: [(&str, &str); 12] = [
    ("/etc/jitd", "jitd_etc_t"),
    ("/etc/jitd/enforcing", "jitd_etc_t"),
    ("/etc/jitd/ldap.secret", "jitd_secret_t"),
    ("/run/jitd", "jitd_var_run_t"),
    ("/run/jitd/jitd.sock", "jitd_var_run_t"),
    ("/run/jitd/pam.sock", "jitd_pam_sock_t"),
    ("/run/jitd/pub/groups.map", "jitd_map_t"),
    ("/run/jitd/state/sessions", "jitd_var_run_t"),
    ("/usr/sbin/jitd", "jitd_exec_t"),
    ("/var/lib/jitd/ledger", "jitd_var_lib_t"),
    ("/var/lib/jitd/store", "jitd_var_lib_t"),
    ("/var/log/jitd/audit.jsonl", "jitd_log_t"),
];

/// Confined domains that many hosts have, of programs that strangers or users reach.
const OTHERS: [&str; 9] = [
    "httpd_t",
    "named_t",
    "postfix_master_t",
    "ntpd_t",
    "cupsd_t",
    "dovecot_t",
    "user_t",
    "staff_t",
    "sshd_t",
];

#[test]
fn selinux_denies_nothing() -> Result<()> {
    let over = installed()?;
    over.write("/etc/jitd/ldap.secret", "unused\n")?;
    let whole = read(&workspace().join("packaging/selinux/jit.te"))?;
    let bare = whole.split_once("# jitd itself").map(|(declarations, _)| declarations);
    compile(&whole, &over, "whole")?;
    compile(bare.ok_or_else(|| Trouble::new("jit.te has no `# jitd itself`"))?, &over, "bare")?;
    let machine = machine(&over, include_str!("prepare_selinux.sh"))?;
    closed(&machine.policy())?;
    let report = machine.boot(KERNEL, LIMIT, &questions(include_str!("selinux.sh")))?;
    door::judge(&report)?;
    confined(&report)?;

    let denials = report.good("denials")?;
    if !ours(denials).is_empty() {
        return Err(Trouble::new(format!("denied: {}\n{report}", ours(denials).join("\n"))));
    }
    report.bad("bare_refused")?;
    let without = ours(report.good("bare_denials")?).len();
    if without == 0 {
        return Err(Trouble::new(format!(
            "nothing is denied without our rules, so this test sees nothing:\n{report}"
        )));
    }
    let facts: Vec<&str> = report.good("facts")?.lines().collect();
    println!(
        "SELinux: {}; denials of ours 0, of others {}, and {without} of ours without our rules; {:.0} s from power-on to off",
        facts.join(", "),
        denials.lines().count(),
        report.took.as_secs_f64()
    );
    Ok(())
}

/// Compiles a policy into /root/`name`, by the Makefile that is shipped.
fn compile(te: &str, over: &Overlay, name: &str) -> Result<()> {
    let source = workspace().join("packaging/selinux");
    let copy = format!("/root/{name}.source");
    for file in ["Makefile", "jit.fc", "jit.if"] {
        over.write(&format!("{copy}/{file}"), read(&source.join(file))?)?;
    }
    over.write(&format!("{copy}/jit.te"), te)?;
    let root = over.path().join("root");
    let out = format!("OUT={}", root.join(name).display());
    run(Command::new("make").arg("-sC").arg(root.join(format!("{name}.source"))).arg(out)).map(drop)
}

/// jitd runs in its domain, who logs in in his, and files have their types from the beginning.
fn confined(report: &Report) -> Result<()> {
    let processes = report.good("processes")?;
    let jitd: Vec<&str> = processes.lines().filter(|line| line.ends_with(" jitd")).collect();
    if jitd.len() != 1 || !jitd.iter().all(|line| line.starts_with("system_u:system_r:jitd_t:s0")) {
        return Err(Trouble::new(format!("jitd runs as {jitd:?}:\n{report}")));
    }
    let staff = report.good("staff")?;
    if !staff.contains("staff_u:staff_r:staff_t:") || !staff.contains("staff_u:sysadm_r:sysadm_t:") {
        return Err(Trouble::new(format!("carol should be confined:\n{report}")));
    }
    let labels = &report.step("labels")?.said;
    for (path, kind) in LABELS {
        let line =
            labels.lines().find(|line| line.split_whitespace().last() == Some(path)).unwrap_or_default();
        if !line.contains(&format!(":{kind}:")) {
            return Err(Trouble::new(format!("{path} should be of type {kind}: {line:?}\n{labels}")));
        }
    }
    Ok(())
}

/// What the policy as a whole does not allow, by asking it: what a try on a host would have to be tried with in every domain.
fn closed(policy: &Path) -> Result<()> {
    let allows = |from: &str, to: &str, class: &str, what: &str| {
        run(Command::new("sesearch")
            .args(["-A", "-s", from, "-rt", "-t", to, "-c", class, "-p", what])
            .arg(policy))
    };
    let none = |from: &str, to: &str, class: &str, what: &str| match allows(from, to, class, what)?.trim() {
        "" => Ok(()),
        rules => Err(Trouble::new(format!("{from} should not {what} {to}: {rules}"))),
    };
    // What is jitd's, nobody else writes, nor reads what is secret; the map is everybody's.
    const WRITE: &str = "write,append,create,unlink,rename";
    for other in OTHERS {
        none(other, "^jitd_(etc|secret|map|var_run|var_lib|log)_t$", "file", WRITE)?;
        none(other, "^jitd_secret_t$", "file", "read")?;
    }
    for other in ["httpd_t", "user_t"] {
        none(other, "^jitd_t$", "process", "signal,sigkill,ptrace")?;
        // Who is no door does not ask as one.
        none(other, "^jitd_pam_sock_t$", "sock_file", "write")?;
        if allows(other, "^jitd_map_t$", "file", "map")?.trim().is_empty() {
            return Err(Trouble::new(format!("{other} cannot map the groups")));
        }
    }
    // And jitd writes nothing of root's or of people's, runs nothing, reads no password, traces nobody.
    none("jitd_t", "^(jitd_etc|jitd_secret|etc|shadow|bin|user_home)_t$", "file", WRITE)?;
    none("jitd_t", "^(bin|shell_exec|user_home)_t$", "file", "execute_no_trans")?;
    none("jitd_t", "^shadow_t$", "file", "read")?;
    none("jitd_t", "^(init|initrc|unconfined|sshd)_t$", "process", "transition,dyntransition,ptrace")
}
