//! `make bench`, of sessions: how long after the grant the last process of a session is there, how long after its revocation, and what
//! happens when very many end at once. Real sshd, real shells with something in their background; the ends are seen from outside, by
//! pidfds. Figures are reported and never fail a run. What does fail it: something that could not be measured, a session
//! that ended before its time, and one that did not end.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jit_tests::bench::census::Census;
use jit_tests::bench::command_line;
use jit_tests::bench::company::revocation;
use jit_tests::bench::place::ADMIN;
use jit_tests::bench::report::{Part, Report, Row, Unit, load};
use jit_tests::bench::samples::Samples;
use jit_tests::bench::watch::Watch;
use jit_tests::client::Client;
use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::host::Host;
use jit_tests::ldif::{Grant, Ldif, generalized, group, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

mod crowd;

/// Nobody is warned, as a warning is no part of an ending; the grace is the usual one.
const SESSION: &str = "\n[session]\nwarn = []\n";
/// What goes on in the background of each shell, and has turned its back to the terminal.
const JOB: &str = "setsid nohup sleep 4711 >/dev/null 2>&1 &";
/// Shells that are open at the same time, each with an end of its own.
const SHELLS: usize = 10;
/// The end of a hopeless wait.
const LIMIT: Duration = Duration::from_secs(60);
/// How much is measured.
struct Plan {
    rounds: usize,
    crowds: usize,
    logins: usize,
}

const WHOLE: Plan = Plan { rounds: 3, crowds: 3, logins: 20 };
const QUICK: Plan = Plan { rounds: 1, crowds: 1, logins: 10 };

fn main() -> ExitCode {
    let parts = "deadline|revocation|crowd";
    command_line::run([WHOLE, QUICK], parts, "sessions", measure)
}

/// Measures one thing.
type Measure = fn(&Plan) -> Result<Vec<Part>>;

fn measure(plan: &Plan, wanted: &[String]) -> Report {
    let mut report = Report::new();
    let all: [(&str, Measure); 3] =
        [("deadline", deadline), ("revocation", revoked), ("crowd", crowd::crowd)];
    for (title, part) in all {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == title) {
            continue;
        }
        let load = load();
        eprintln!("measuring: {title} (load {load}) …");
        match part(plan) {
            Ok(parts) => report.parts.extend(parts.into_iter().map(|mut part| {
                part.note.push_str(&format!(" Load {load} when this began."));
                part
            })),
            Err(trouble) => report.failures.push(format!("{title}: {trouble}")),
        }
    }
    report
}

/// The second that it is, by this machine's clock, which is the host's too.
fn second() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// How long after this second of the clock.
fn after(second: i64, at: SystemTime) -> Result<Duration> {
    let second = UNIX_EPOCH + Duration::from_secs(u64::try_from(second).unwrap_or(0));
    at.duration_since(second).map_err(|early| {
        let early = early.duration().as_millis();
        Trouble::new(format!("a session was over {early} ms before its time"))
    })
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn at_most(samples: &Samples) -> String {
    format!("at most {:.0} ms", samples.percentile(100) / 1e6)
}

/// Whether they obeyed TERM, by the audit: what had to be killed took the whole grace.
fn killed(door: &Door) -> Result<String> {
    let killed =
        |event: &serde_json::Value| event["killed"].as_array().is_some_and(|names| !names.is_empty());
    Ok(match door.audit()?.iter().filter(|event| killed(event)).count() {
        0 => "Nothing had to be killed.".to_owned(),
        some => format!("In {some} endings something had to be killed."),
    })
}

/// Everybody's entry, and a grant of each that ends at these times.
fn grants<'a>(ends: impl IntoIterator<Item = (&'a str, i64)>) -> Ldif {
    ends.into_iter().fold(Ldif::new(), |ldif, (login, end)| {
        let grant = Grant::live(&format!("grant-of-{login}"), login);
        ldif.person(login).grant(&grant.with("jitNotAfter", generalized(end)))
    })
}

/// A shell with something in its background for each of these people, and the processes of each.
fn shells(door: &Door, people: &[&str], round: &str) -> Result<(Vec<Client>, Vec<Vec<i32>>)> {
    let mark = |login: &str| format!("{round}-{login}");
    let mut clients = Vec::new();
    for login in people {
        let mut client = door.terminal(login, &mark(login))?;
        client.types(JOB)?;
        clients.push(client);
    }
    let mut sessions = Vec::new();
    until(LIMIT, "every shell has its job", || {
        let Ok(census) = Census::of(door.host()) else { return false };
        sessions = people.iter().filter_map(|login| census.session(&mark(login)).ok()).collect();
        // sshd twice, the shell, the job; what has not become the job yet is another process.
        let whole = |pids: &Vec<i32>| pids.len() == 4 && pids.iter().any(|pid| census.is(*pid, "sleep"));
        sessions.len() == people.len() && sessions.iter().all(whole)
    })
    .map_err(|trouble| Trouble::new(format!("{trouble}; there are {sessions:?}")))?;
    Ok((clients, sessions))
}

fn deadline(plan: &Plan) -> Result<Vec<Part>> {
    let people = names("d", SHELLS);
    let people = borrowed(&people);
    let config = format!("{CONFIG}{SESSION}");
    let later = |seconds: i64| grants(people.iter().map(|login| (*login, second() + seconds)));
    let door = Door::up(&people, Mode::Enforcing, &config, &later(3600))?;
    let mut times = Vec::new();
    for round in 0..plan.rounds {
        door.grants(&later(3600))?;
        let (_clients, sessions) = shells(&door, &people, &format!("round{round}"))?;
        let watch = Watch::of(&sessions)?;
        let first = second() + 4;
        let ends: Vec<(&str, i64)> = people.iter().copied().zip(first..).collect();
        door.grants(&grants(ends.iter().copied()))?;
        for ((_, end), gone) in ends.iter().zip(watch.wait(LIMIT)?) {
            times.push(after(*end, gone)?);
        }
        for login in &people {
            door.gone(&format!("round{round}-{login}"))?;
        }
    }
    let times = Samples::of(times)?;
    let median = times.median() / 1e6;
    let row = Row::times("deadline → last process gone", Unit::Milliseconds, &times)
        .compared(at_most(&times))
        .target("≤ 100 ms", median <= 100.0);
    Ok(vec![Part {
        title: "A grant ends, and with it an ssh session".to_owned(),
        rows: vec![row],
        note: "A shell with a terminal and `setsid nohup sleep` in its background: two processes of sshd, bash, sleep. From the grant's last \
               second on the clock to the end of the last of the four, seen from outside by pidfds. "
            .to_owned()
            + &killed(&door)?,
    }])
}

/// A guarded host with slapd in its network, and jitd following it over TLS.
fn followed(people: &[&str]) -> Result<(Slapd, Door)> {
    let host = Host::named(NAME).up()?;
    let everybody: Vec<String> = people.iter().map(|login| person(login)).collect();
    let entries = people.iter().fold(Ldif::new(), |ldif, login| {
        let secret = format!("{login}-secret");
        let attributes = [
            ("objectClass", "account"),
            ("objectClass", "posixAccount"),
            ("uid", login),
            ("cn", login),
            ("uidNumber", "3000"),
            ("gidNumber", "3000"),
            ("homeDirectory", "/home/x"),
            ("userPassword", secret.as_str()),
        ];
        ldif.entry(&person(login), &attributes)
    });
    let entries = entries
        .group("everybody", &borrowed(&everybody))
        .role("free", &[("jitHost", "*"), ("jitEligible", &group("everybody"))]);
    let slapd = Slapd::plan().in_network_of(&host).with(&entries.to_string()).up()?;
    let config = format!(
        "[host]\nname = \"{NAME}\"\n[source.ldap]\nuris = [\"ldaps://localhost\"]\nbase = \"dc=example,dc=com\"\n\
         ca = \"/etc/jitd/ca.crt\"\nproof = \"creators-name\"\n\
         bind = {{ method = \"simple\", dn = \"cn=web1,ou=hosts,dc=example,dc=com\", password_file = \"/etc/jitd/ldap.secret\" }}\n\
         {SESSION}"
    );
    let door = Door::on(host, people, &config)?;
    door.host().install(&slapd.tls_file("ca.crt"), "/etc/jitd/ca.crt", 0o644)?;
    door.host().write("/etc/jitd/ldap.secret", 0o600, "host-secret\n")?;
    door.host().sh("chown jitd /etc/jitd/ldap.secret").run()?.must()?;
    door.start_jitd()?;
    door.enforce()?;
    Ok((slapd, door))
}

/// LDIF of an addition (RFC 2849).
fn addition(ldif: &Ldif) -> String {
    ldif.to_string().replacen('\n', "\nchangetype: add\n", 1)
}

fn revoked(plan: &Plan) -> Result<Vec<Part>> {
    let people = names("r", SHELLS);
    let people = borrowed(&people);
    let (slapd, door) = followed(&people)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|e| Trouble::new(e.to_string()))?;
    let trouble = |e: ldap3::LdapError| Trouble::new(format!("ldapi: {e}"));
    let mut ldap = runtime.block_on(async {
        let (connection, mut ldap) = ldap3::LdapConnAsync::new(&slapd.socket()).await.map_err(trouble)?;
        tokio::spawn(connection.drive());
        let bound = ldap.simple_bind(ADMIN, "admin-secret").await.and_then(ldap3::LdapResult::success);
        bound.map_err(trouble).map(|_| ldap)
    })?;
    let (mut from_request, mut from_acknowledgement) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let granted: Vec<Grant> = people
            .iter()
            .map(|login| {
                Grant::of(&format!("round{round}-{login}"), &person(login)).under("free").lasting(3600)
            })
            .collect();
        for (login, grant) in people.iter().zip(&granted) {
            let add = addition(&Ldif::new().grant(grant));
            slapd.change_as(&person(login), &format!("{login}-secret"), &add)?;
        }
        for login in &people {
            until(LIMIT, &format!("{login} may come in"), || {
                door.ssh(login, "true").is_ok_and(|output| output.ok())
            })?;
        }
        let (_clients, sessions) = shells(&door, &people, &format!("round{round}"))?;
        for (grant, session) in granted.iter().zip(sessions) {
            let watch = Watch::of(&[session])?;
            let (dn, attributes) = revocation(grant);
            let attributes = attributes.into_iter().map(|(name, value)| (name, HashSet::from([value])));
            let requested = SystemTime::now();
            let added = runtime.block_on(ldap.add(&dn, attributes.collect()));
            let acknowledged = SystemTime::now();
            added.and_then(ldap3::LdapResult::success).map_err(trouble)?;
            for gone in watch.wait(LIMIT)? {
                let since = |moment| gone.duration_since(moment).unwrap_or_default();
                from_request.push(since(requested));
                from_acknowledgement.push(since(acknowledged));
            }
        }
        for login in &people {
            door.gone(&format!("round{round}-{login}"))?;
        }
    }
    let (from_request, from_acknowledgement) =
        (Samples::of(from_request)?, Samples::of(from_acknowledgement)?);
    let median = from_acknowledgement.median() / 1e6;
    let rows = vec![
        Row::times("revocation sent → last process gone", Unit::Milliseconds, &from_request)
            .compared(at_most(&from_request)),
        Row::times("revocation acknowledged → last process gone", Unit::Milliseconds, &from_acknowledgement)
            .compared(at_most(&from_acknowledgement))
            .target("≤ 250 ms", median <= 250.0),
    ];
    Ok(vec![Part {
        title: "A revocation, from slapd to the end of an ssh session".to_owned(),
        rows,
        note: format!("The same shells; jitd follows slapd over TLS (RFC 4533). {}", killed(&door)?),
    }])
}
