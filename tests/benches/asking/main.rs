//! `make bench`, of asking: how long after `jitctl approve` has returned somebody gets in, beside a login for which the grant was there
//! already, and what it costs to see what waits. Three hosts: a guarded one, a directory, and a laptop where people type; jitd follows
//! slapd over TLS, by push. Figures are reported and never fail a run. What does fail it: something that could not be measured, and a
//! door that opened before it was approved.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use jit_proto::Verdict;
use jit_tests::bench::command_line;
use jit_tests::bench::place::ask;
use jit_tests::bench::report::{Part, Report, Row, Unit, load};
use jit_tests::bench::samples::Samples;
use jit_tests::company::laptop::{Laptop, PASSWORDS};
use jit_tests::company::{Company, LDAPS, careful, welcome};
use jit_tests::door::NAME;
use jit_tests::ldif::Ldif;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

mod crowd;

/// The end of a hopeless wait.
const LIMIT: Duration = Duration::from_secs(30);
/// The uid of the first of the people on a guarded host.
const FIRST: u32 = 5001;

/// How much is measured.
struct Plan {
    rounds: u32,
    /// How many grants the directory holds when what waits is listed, and how often it is.
    crowds: &'static [(u32, u32)],
}

const WHOLE: Plan = Plan { rounds: 40, crowds: &[(1_000, 9), (10_000, 3)] };
const QUICK: Plan = Plan { rounds: 5, crowds: &[(1_000, 3)] };

fn main() -> ExitCode {
    command_line::run([WHOLE, QUICK], "approve|pending", "asking", measure)
}

/// Measures one thing.
type Measure = fn(&Plan) -> Result<Part>;

fn measure(plan: &Plan, wanted: &[String]) -> Report {
    let mut report = Report::new();
    let all: [(&str, Measure); 2] = [("approve", approved), ("pending", crowd::pending)];
    for (title, part) in all {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == title) {
            continue;
        }
        let load = load();
        eprintln!("measuring: {title} (load {load}) …");
        match part(plan) {
            Ok(mut part) => {
                part.note.push_str(&format!(" Load {load} when this began."));
                report.parts.push(part);
            }
            Err(trouble) => report.failures.push(format!("{title}: {trouble}")),
        }
    }
    report
}

/// The n-th person.
fn login(n: u32) -> String {
    format!("p{n}")
}

/// What bob does about somebody's request.
fn approve(laptop: &Laptop, who: &str) -> Result<(Duration, Instant)> {
    let id = careful(who).id().to_owned();
    let began = Instant::now();
    laptop.does("bob", ["approve", &id, "--yes"])?;
    let returned = Instant::now();
    Ok((returned - began, returned))
}

/// One question at the door.
fn allows(company: &Company, n: u32) -> Result<bool> {
    Ok(ask(company.door.host(), &login(n), FIRST + n)? == Verdict::Allow)
}

fn approved(plan: &Plan) -> Result<Part> {
    // For the check at the door, for the login, and for the floor.
    let people: Vec<String> = (0..2 * plan.rounds + 1).map(login).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let company = Company::up(&people, LDAPS)?;
    let laptop = company.laptop(&["bob"], PASSWORDS)?;
    for who in &people {
        company.adds(who, &Ldif::new().grant(&careful(who)))?;
    }
    let there = 2 * plan.rounds;
    approve(&laptop, &login(there))?;
    until(LIMIT, "the floor may come in", || allows(&company, there).unwrap_or(false))?;

    let (mut command, mut checked, mut entered, mut floor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let (first, second) = (2 * round, 2 * round + 1);
        for n in [first, second] {
            if allows(&company, n)? {
                return Err(Trouble::new(format!("{} may come in without an approval", login(n))));
            }
        }
        let (took, returned) = approve(&laptop, &login(first))?;
        command.push(took);
        while !allows(&company, first)? {
            hopeless(returned, &login(first))?;
        }
        checked.push(returned.elapsed());

        let (took, returned) = approve(&laptop, &login(second))?;
        command.push(took);
        while !welcome(&company.door.ssh(&login(second), "sudo id -u")?) {
            hopeless(returned, &login(second))?;
        }
        entered.push(returned.elapsed());

        let began = Instant::now();
        let output = company.door.ssh(&login(there), "sudo id -u")?;
        floor.push(began.elapsed());
        if !welcome(&output) {
            return Err(Trouble::new(format!("{} should be in: {output}", login(there))));
        }
    }
    let (command, checked) = (Samples::of(command)?, Samples::of(checked)?);
    let (entered, floor) = (Samples::of(entered)?, Samples::of(floor)?);
    let milliseconds = |samples: &Samples| samples.median() / 1e6;
    let more = milliseconds(&entered) - milliseconds(&floor);
    let rows = vec![
        Row::times("jitctl approve ID --yes, from its start to its end", Unit::Milliseconds, &command),
        Row::times("approve returns → the account check allows", Unit::Milliseconds, &checked)
            .target("≤ 100 ms", milliseconds(&checked) <= 100.0),
        Row::times("ssh and sudo, where the grant was there already", Unit::Milliseconds, &floor),
        Row::times("approve returns → ssh and sudo are done", Unit::Milliseconds, &entered)
            .compared(format!("{more:+.0} ms against the row above"))
            .target("≤ 100 ms", milliseconds(&entered) <= 100.0),
    ];
    Ok(Part {
        title: "An approval, from jitctl to a login that works".to_owned(),
        rows,
        note: format!(
            "jitctl runs on a laptop and binds by password over TLS; jitd on {NAME} follows the same slapd over TLS (RFC 4533). Questions at \
             the door one after the other from the moment the command has ended, as seen from outside. The login is a whole one: ssh, key, \
             PAM, a shell, `sudo id -u`, and back."
        ),
    })
}

fn hopeless(since: Instant, who: &str) -> Result<()> {
    if since.elapsed() < LIMIT {
        return Ok(());
    }
    Err(Trouble::new(format!("{who} was approved and never let in")))
}
