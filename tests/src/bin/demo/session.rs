//! The end of a grant is the end of the session: a live shell and what runs in its background are warned and ended.

use std::time::Duration;

use jit_tests::door::Door;
use jit_tests::host::exec::Output;
use jit_tests::marked::list;
use jit_tests::trouble::Result;
use jit_tests::wait::until;

use super::Steps;

/// What the demo's host says about sessions: as short as its grant.
pub(super) const QUICK: &str = "\n[session]\nwarn = [\"4s\"]\ngrace = \"2s\"\n";

/// How long the short grant lasts.
pub(super) const SECONDS: u32 = 9;

const JOB: &str = "setsid nohup sleep 4711 >/dev/null 2>&1 &";

/// alice sits in a shell under a grant of [`SECONDS`] that `grant` has just made, and a job of hers runs in the background.
pub(super) fn shell_until_the_end(
    steps: &mut Steps,
    door: &Door,
    grant: impl FnOnce(&mut Steps) -> Result<()>,
) -> Result<()> {
    grant(steps)?;
    let mut shell = door.terminal("alice", "demo")?;
    shell.types(JOB)?;
    door.marked_running("demo", "sleep 4711")?;

    let out = door.jitctl(["sessions"]).run()?;
    let right = out.ok() && out.stdout.contains("alice") && out.stdout.contains("sshd");
    steps.show("alice has a shell, and a job in its background", "jitctl sessions", &out, right);

    let ended = shell.ends();
    let screen = shell.screen().replace("\r\n", "\n");
    // From the job on: what the system says to everybody who comes is not of interest.
    let words = screen.rsplit(JOB).next().unwrap_or_default();
    let words: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    let status = shell.status().unwrap_or(-1);
    let right = ended.is_ok() && screen.contains("ends in") && screen.contains("has ended");
    let out =
        Output { status, stdout: format!("{}\n{}", words.join("\n"), shell.errors()), stderr: String::new() };
    steps.show(
        "nobody touches anything: her terminal warns her, and then her session is over",
        "ssh -t alice@web1.prod.example.com",
        &out,
        right,
    );

    let gone = until(Duration::from_secs(5), "her processes are gone", || door.marked("demo").is_empty());
    let left = list(&door.marked("demo"));
    let out = Output { status: i32::from(gone.is_err()), stdout: left, stderr: String::new() };
    let typed = "grep -l JIT_MARK=demo /proc/[0-9]*/environ     (what she started, by its environment)";
    steps.show("the job in the background is gone too, setsid and nohup or not", typed, &out, gone.is_ok());

    let event = door.audited("the session's end", |e| {
        e["event"] == "session" && e["state"] == "ended" && e["service"] == "sshd" && e["code"] == "expired"
    })?;
    let out = Output { status: 0, stdout: event.to_string(), stderr: String::new() };
    let right = event["name"] == "alice" && event["id"].is_string();
    steps.show("and the audit says so", "grep '\"ended\"' /var/log/jitd/audit.jsonl | tail -1", &out, right);
    Ok(())
}
