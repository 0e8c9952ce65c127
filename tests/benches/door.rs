//! `make bench`: what the door costs, beside a floor and beside what people would use instead, all in one run on one host.
//! Figures are reported and never fail a run. What does fail it: something that could not be measured, and a door that let
//! the wrong person in or kept the right one out, ours or another's: the time of such a door means nothing.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use jit_proto::{Answer, Verdict};
use jit_tests::bench::census::kibibytes;
use jit_tests::bench::company::{self, HOLDERS};
use jit_tests::bench::place::{ADMIN, Door, Place, wait_for};
use jit_tests::bench::report::{Part, Report, Row, Unit, said};
use jit_tests::bench::samples::{Samples, read};
use jit_tests::built;
use jit_tests::door::NAME;
use jit_tests::ldif::BASE;
use jit_tests::libpam::rig::sshds_question;
use jit_tests::libpam::{PERM_DENIED, SUCCESS};
use jit_tests::trouble::{Result, Trouble};
use rustix::thread::{CpuSet, sched_getaffinity};

const BLOCKS: u32 = 30;
const REVOCATIONS: u32 = 40;
const FIRST_SYNCS: u32 = 9;

fn main() -> ExitCode {
    let mut json = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => json = words.next().map(PathBuf::from),
            // What cargo adds.
            "--bench" => {}
            other => {
                eprintln!("{other:?}: the only option is --json FILE");
                return ExitCode::from(2);
            }
        }
    }
    let report = measure();
    println!("{report}");
    if let Some(path) = json {
        if let Err(trouble) = report.save(&path, None) {
            eprintln!("{trouble}");
            return ExitCode::FAILURE;
        }
        println!("The same as JSON: {}", path.display());
    }
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures one thing.
type Measure = fn(&mut Place) -> Result<Part>;

fn measure() -> Report {
    let mut report = Report::new();
    let mut place = match Place::up() {
        Ok(place) => place,
        Err(trouble) => {
            report.failures.push(trouble.to_string());
            return report;
        }
    };
    let parts: [(&str, Measure); 6] = [
        ("who gets in", verify),
        ("the account check", account_check),
        ("the whole transaction", transaction),
        ("memory and size", size),
        ("revocation", revocation),
        ("first sync", first_sync),
    ];
    for (title, part) in parts {
        eprintln!("measuring: {title} …");
        match part(&mut place) {
            Ok(part) if part.rows.is_empty() => {}
            Ok(part) => report.parts.push(part),
            Err(trouble) => report.failures.push(format!("{title}: {trouble}")),
        }
    }
    report
}

/// A case of pamtime: everybody with a grant comes in, and nobody else.
fn case(door: Door, person: u32, count: u32) -> String {
    let code = if person < HOLDERS || door == Door::Permit { SUCCESS } else { PERM_DENIED };
    format!("{}:pam:{}:{}:{code}:{count}", door.name(), door.directory(), company::login(person))
}

/// Runs pamtime in the host.
fn pamtime(
    place: &Place,
    cpu: &str,
    blocks: u32,
    mode: &str,
    cases: &[String],
) -> Result<BTreeMap<String, Samples>> {
    let blocks = blocks.to_string();
    let line = ["pamtime", cpu, &blocks, mode].into_iter().chain(cases.iter().map(String::as_str));
    let output = place.host().exec(line).deadline(Duration::from_secs(300)).run()?;
    read(&output.must()?)
}

fn of<'a>(samples: &'a BTreeMap<String, Samples>, name: &str) -> Result<&'a Samples> {
    samples.get(name).ok_or_else(|| Trouble::new(format!("{name} was not measured")))
}

/// Before anything is timed: each door lets a person with a grant in and keeps one without out.
fn verify(place: &mut Place) -> Result<Part> {
    for door in [Door::Jit, Door::Nslcd, Door::Sssd] {
        for person in [0, HOLDERS] {
            pamtime(place, "any", 1, "fresh", &[case(door, person, 5)])
                .map_err(|trouble| Trouble::new(format!("{}: {trouble}", door.name())))?;
        }
    }
    Ok(Part { title: String::new(), rows: Vec::new(), note: String::new() })
}

/// The CPUs that we may use, and the last of them.
fn cpus() -> Result<(CpuSet, CpuSet, usize)> {
    let all = sched_getaffinity(None).map_err(|e| Trouble::new(format!("sched_getaffinity: {e}")))?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| all.is_set(cpu)).unwrap_or(0);
    let mut one = CpuSet::new();
    one.set(last);
    Ok((all, one, last))
}

/// Does something while all daemons are on one CPU.
fn on_one_cpu<T>(place: &Place, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let (all, one, last) = cpus()?;
    place.keep_on(&one)?;
    let done = work(&last.to_string());
    place.keep_on(&all)?;
    done
}

fn account_check(place: &mut Place) -> Result<Part> {
    let bad = |e: jit_proto::frame::FrameError| Trouble::new(e.to_string());
    let asked = sshds_question(&company::login(0), company::uid(0)).encode().map_err(bad)?.as_bytes().len();
    let answer = Answer { verdict: Verdict::Allow, until: Some(i64::from(u32::MAX)), text: "" };
    let answered = answer.encode().map_err(bad)?.as_bytes().len();
    let (directory, login) = (Door::Permit.directory(), company::login(0));
    let floor = format!("floor:echo:{directory}:{login}:{SUCCESS}:400:{asked}:{answered}");
    let cases = [case(Door::Permit, 0, 400), floor, case(Door::Jit, 0, 400)];
    let samples = on_one_cpu(place, |cpu| pamtime(place, cpu, BLOCKS, "acct", &cases))?;
    let (permit, floor, jit) = (of(&samples, "permit")?, of(&samples, "floor")?, of(&samples, "jit")?);
    let ratio = jit.median() / floor.median();
    let rows = vec![
        Row::times("pam_permit", Unit::Microseconds, permit),
        Row::times(
            format!("pam_permit; then connect, {asked} bytes there, {answered} back, close"),
            Unit::Microseconds,
            floor,
        ),
        Row::times("pam_jit, jitd enforcing, audit on", Unit::Microseconds, jit)
            .compared(format!("{ratio:.2} × the floor above"))
            .target("≤ 1.5 ×", ratio <= 1.5),
    ];
    Ok(Part {
        title: "pam_acct_mgmt alone, a live grant".to_owned(),
        rows,
        note: "Both ends on one CPU; modules loaded, a fresh handle each time, one question after the other. The floor's other end is a C program that does nothing else.".to_owned(),
    })
}

fn transaction(place: &mut Place) -> Result<Part> {
    let cases = [
        case(Door::Permit, 0, 60),
        case(Door::Jit, 0, 60),
        case(Door::Nslcd, 0, 40),
        case(Door::Sssd, 0, 15),
    ];
    let free = pamtime(place, "any", BLOCKS, "fresh", &cases)?;
    let pinned = on_one_cpu(place, |cpu| pamtime(place, cpu, BLOCKS, "fresh", &cases))?;
    let again = pamtime(place, "any", BLOCKS, "whole", &cases)?;
    let denied =
        [case(Door::Jit, HOLDERS, 40), case(Door::Nslcd, HOLDERS, 40), case(Door::Sssd, HOLDERS, 15)];
    let denied = pamtime(place, "any", BLOCKS, "fresh", &denied)?;
    let mut rows = Vec::new();
    // The targets come from a measurement in one process; what a login sees is the first time in its process.
    let runs = [
        (&again, "again and again in one process", true),
        (&free, "first in its process", true),
        (&pinned, "first in its process, all on one CPU", false),
    ];
    for (samples, how, judged) in runs {
        let jit = of(samples, "jit")?.median();
        let permit = of(samples, "permit")?.median();
        for door in Door::ALL {
            let times = of(samples, door.name())?;
            let row = Row::times(format!("{}, {how}", door.module()), Unit::Microseconds, times);
            rows.push(match door {
                Door::Permit => row,
                Door::Jit => row.compared(format!("{:.1} × pam_permit", jit / permit)),
                Door::Nslcd | Door::Sssd => {
                    let (times, least) = (times.median() / jit, if door == Door::Nslcd { 2.0 } else { 8.0 });
                    let row = row.compared(format!("{times:.1} × pam_jit"));
                    if judged { row.target(format!("≥ {least:.0} ×"), times >= least) } else { row }
                }
            });
        }
    }
    for door in [Door::Jit, Door::Nslcd, Door::Sssd] {
        let times = of(&denied, door.name())?;
        rows.push(Row::times(
            format!("{}, first in its process, denied", door.module()),
            Unit::Microseconds,
            times,
        ));
    }
    Ok(Part {
        title: "pam_start, pam_acct_mgmt, pam_end, modules loaded each time".to_owned(),
        rows,
        note: "pam_ldap.so is nslcd with pam_authz_search over the grants, pam_sss.so is sssd with ldap_access_filter; both against the same slapd, without TLS. Who gets in and who does not was checked each time.".to_owned(),
    })
}

fn revocation(place: &mut Place) -> Result<Part> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|e| Trouble::new(e.to_string()))?;
    let trouble = |e: ldap3::LdapError| Trouble::new(format!("ldapi: {e}"));
    let socket = place.host().path("/run/slapd/ldapi").display().to_string().replace('/', "%2F");
    let mut ldap = runtime.block_on(async {
        let (connection, mut ldap) =
            ldap3::LdapConnAsync::new(&format!("ldapi://{socket}")).await.map_err(trouble)?;
        tokio::spawn(connection.drive());
        ldap.simple_bind(ADMIN, company::PASSWORD)
            .await
            .and_then(ldap3::LdapResult::success)
            .map_err(trouble)?;
        Ok(ldap)
    })?;
    let (mut question, mut from_request, mut from_acknowledgement) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..REVOCATIONS {
        let person = HOLDERS + 10 + round;
        let grant = place.grant(&format!("round{round}"), person)?;
        wait_for(place, person, Verdict::Allow)?;
        let (dn, attributes) = company::revocation(&grant);
        let attributes = attributes.into_iter().map(|(name, value)| (name, HashSet::from([value]))).collect();
        let before = Instant::now();
        place.ask(person)?;
        let requested = Instant::now();
        let added = runtime.block_on(ldap.add(&dn, attributes));
        let acknowledged = Instant::now();
        added.and_then(ldap3::LdapResult::success).map_err(trouble)?;
        while place.ask(person)? != Verdict::Deny {
            if acknowledged.elapsed() > Duration::from_secs(30) {
                return Err(Trouble::new(format!("{dn} was never heeded")));
            }
        }
        let denied = Instant::now();
        question.push(requested - before);
        from_request.push(denied - requested);
        from_acknowledgement.push(denied - acknowledged);
    }
    let (question, from_request) = (Samples::of(question)?, Samples::of(from_request)?);
    let from_acknowledgement = Samples::of(from_acknowledgement)?;
    let median = from_acknowledgement.median() / 1e6;
    let rows = vec![
        Row::times("one question over pam.sock", Unit::Milliseconds, &question),
        Row::times("revocation sent → first deny", Unit::Milliseconds, &from_request),
        Row::times("revocation acknowledged → first deny", Unit::Milliseconds, &from_acknowledgement)
            .target("≤ 20 ms", median <= 20.0),
    ];
    Ok(Part {
        title: "A revocation, from slapd to a denied login".to_owned(),
        rows,
        note: format!(
            "jitd follows slapd over TLS (RFC 4533); {} grants in the directory; questions one after the other from the acknowledgement on.",
            company::GRANTS
        ),
    })
}

fn first_sync(place: &mut Place) -> Result<Part> {
    let (mut floor, mut first, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let filter = format!("(jitHost={NAME})");
    for _ in 0..FIRST_SYNCS {
        let bind = format!("cn=web1,ou=hosts,{BASE}");
        let search =
            ["ldapsearch", "-LLL", "-x", "-H", "ldaps://127.0.0.1", "-D", &bind, "-w", company::PASSWORD];
        let search = ["env", "LDAPTLS_CACERT=/srv/tls/ca.crt"].into_iter().chain(search);
        let search = search.chain(["-b", BASE, &filter, "*", "+"]);
        let began = Instant::now();
        place.host().exec(search).run()?.must()?;
        floor.push(began.elapsed());
        for (times, forget) in [(&mut first, true), (&mut again, false)] {
            place.stop_jitd()?;
            if forget {
                place.forget()?;
            }
            let began = Instant::now();
            place.launch_jitd()?;
            while !place.ask(0).is_ok_and(|verdict| verdict == Verdict::Allow) {
                thread::sleep(Duration::from_micros(200));
                if began.elapsed() > Duration::from_secs(60) {
                    return Err(Trouble::new("jitd never let the first in"));
                }
            }
            times.push(began.elapsed());
        }
    }
    let rows = vec![
        Row::times(
            "ldapsearch of the same, from its start to its end",
            Unit::Milliseconds,
            &Samples::of(floor)?,
        ),
        Row::times("jitd that knows nothing: start → first allow", Unit::Milliseconds, &Samples::of(first)?),
        Row::times("jitd with its store: start → first allow", Unit::Milliseconds, &Samples::of(again)?),
    ];
    let ours = HOLDERS + REVOCATIONS;
    Ok(Part {
        title: format!("The first sync: {ours} grants of this host out of {}", company::GRANTS + ours),
        rows,
        note: "Over TLS, with approvals, revocations, the role, its groups and their people. Entering the host (nsenter, env) is in all three.".to_owned(),
    })
}

fn size(place: &mut Place) -> Result<Part> {
    let mut rows = Vec::new();
    for (name, family) in place.processes()? {
        let (mut rss, mut pss) = (0.0, 0.0);
        for pid in &family {
            rss += kibibytes(pid.as_raw_nonzero().get(), "Rss:")?;
            pss += kibibytes(pid.as_raw_nonzero().get(), "Pss:")?;
        }
        let processes = match family.len() {
            1 => String::new(),
            more => format!(", {more} processes"),
        };
        let row = Row::one(format!("{name}, resident{processes}"), Unit::Kibibytes, rss)
            .compared(format!("{pss:.0} KiB if shared pages are shared out (PSS)"));
        rows.push(if name == "jitd" { row.target("≤ 12 MiB", rss <= 12.0 * 1024.0) } else { row });
    }
    for door in [Door::Jit, Door::Nslcd, Door::Sssd] {
        let path = match door {
            Door::Jit => built::pam_jit()?,
            _ => place.host().path(&format!(
                "/usr/lib/{}-linux-gnu/security/{}",
                std::env::consts::ARCH,
                door.module()
            )),
        };
        let bytes = fs::metadata(&path).map_err(|e| Trouble::io(&path, e))?.len();
        let dynamic = said("readelf", &["--dynamic", "--wide", &path.display().to_string()]);
        let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
        let needed: Vec<&str> = needed.filter_map(|line| line.split(['[', ']']).nth(1)).collect();
        let kibibytes = bytes as f64 / 1024.0;
        let row = Row::one(format!("{}, stripped", door.module()), Unit::Kibibytes, kibibytes)
            .compared(format!("needs {}", needed.join(" ")));
        rows.push(if door == Door::Jit { row.target("≤ 400 KiB", kibibytes <= 400.0) } else { row });
    }
    Ok(Part {
        title: format!("Size, after all of the above; jitd with {HOLDERS} live grants"),
        rows,
        note: String::new(),
    })
}
