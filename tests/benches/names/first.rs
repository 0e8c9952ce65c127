//! What a fresh process pays: each `ls -l`, each `id` and each login begins with nothing.

use jit_tests::bench::names::people::{GROUPS_EACH, PERSON, login};
use jit_tests::bench::names::place::{EMPTY, LOCAL, Place, SIZES, Service, WITHOUT, library, sized};
use jit_tests::bench::names::turns::{Case, How, Taken, Turns, ask};
use jit_tests::bench::report::{Part, Row, Unit};
use jit_tests::trouble::Result;

use super::Plan;

/// As many times as an empty library.
const LIKE_EMPTY: f64 = 1.3;
/// Users with grants on a usual host.
const FEW: u32 = 100;
/// Whom every map has.
const FIRST: u32 = 7;

fn case(name: impl Into<String>, set: &str, how: How, what: &'static str, whom: &str, expect: i64) -> Case {
    let (name, set, whom) = (name.into(), set.to_owned(), whom.to_owned());
    Case { name, set, how, what, whom, range: 0, expect, count: 6 }
}

fn times(taken: &Taken, name: &str, shown: impl Into<String>) -> Result<(Row, Turns)> {
    let own = taken.of(name)?;
    Ok((Row::times(shown, Unit::Microseconds, &own.all()?), own.clone()))
}

/// The libraries alone.
pub(super) fn load(place: &Place, plan: Plan) -> Result<Vec<Part>> {
    let services = ["nothing", "jit", "systemd", "sss", "ldap"];
    let mut cases = vec![case("empty", Service::Files.set(), How::Fresh, "load", EMPTY, 0)];
    for service in services {
        cases.push(case(service, Service::Files.set(), How::Fresh, "load", &library(service), 0));
    }
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let (row, empty) = times(&taken, "empty", "an empty C library")?;
    let mut rows = vec![row];
    for service in services {
        let (row, own) = times(&taken, service, format!("libnss_{service}.so.2"))?;
        let ratio = own.times(&empty);
        let row = row.compared(format!("{ratio:.2} × the empty one"));
        let less = ["systemd", "sss"].map(|other| Ok(own.times(taken.of(other)?) < 1.0));
        let [systemd, sss]: [Result<bool>; 2] = less;
        rows.push(match service {
            "jit" => row.target(
                "≤ 1.3 × the empty one; below systemd's and sssd's",
                ratio <= LIKE_EMPTY && systemd? && sss?,
            ),
            _ => row,
        });
    }
    Ok(vec![Part {
        title: "Loading a library into a process that has just been started (dlopen)".to_owned(),
        rows,
        note: "As glibc loads a service: bound at once. The process has the C library and nothing else."
            .to_owned(),
    }])
}

/// The first answer of a process, and the whole of id(1).
pub(super) fn first(place: &Place, plan: Plan) -> Result<Vec<Part>> {
    let mut cases = Vec::new();
    let person = login(PERSON);
    for service in Service::ALL {
        let (set, knows) = (service.set(), service.knows());
        let expect = if knows { GROUPS_EACH } else { 0 };
        cases.push(case(format!("{set}:hit"), set, How::Fresh, "initgroups", &person, expect));
        cases.push(case(format!("{set}:local"), set, How::Fresh, "initgroups", LOCAL, 0));
        // Exit status 1: no such user.
        cases.push(case(format!("{set}:id"), set, How::Whole, "id", &person, if knows { 0 } else { 1 }));
        cases.push(case(format!("{set}:id-local"), set, How::Whole, "id", LOCAL, 0));
    }
    cases.push(case("few:local", &sized(FEW), How::Fresh, "initgroups", LOCAL, 0));
    cases.push(case("few:id-local", &sized(FEW), How::Whole, "id", LOCAL, 0));
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let mut rows = Vec::new();
    let shown = [
        ("hit", format!("somebody in {GROUPS_EACH} groups"), "getgrouplist"),
        ("local", "a local user without grants".to_owned(), "getgrouplist"),
        ("id", person.clone(), "id"),
        ("id-local", LOCAL.to_owned(), "id"),
    ];
    for (key, whom, what) in shown {
        let files = taken.of(&format!("{}:{key}", Service::Files.set()))?.clone();
        for service in Service::ALL.into_iter().filter(|service| key != "id" || service.knows()) {
            let what = format!("{what}, {whom}: {}", service.shown());
            let (row, own) = times(&taken, &format!("{}:{key}", service.set()), what)?;
            let over = match (service, key) {
                (Service::Files, _) | (_, "id") => String::new(),
                _ => format!("{:+.0} µs over `files`", own.over(&files) / 1e3),
            };
            rows.push(row.compared(over));
        }
        if key.ends_with("local") {
            let what = format!("{what}, {whom}: {}, {FEW} users in the map", Service::Jit.shown());
            let (row, own) = times(&taken, &format!("few:{key}"), what)?;
            rows.push(row.compared(format!("{:+.0} µs over `files`", own.over(&files) / 1e3)));
        }
    }
    let by_size = sizes(place, plan)?;
    Ok(vec![
        Part {
            title: "The first answer in a process that has just been started, and the whole of `id`".to_owned(),
            rows,
            note: "getgrouplist: the call alone, with reading nsswitch.conf and loading what it names. id(1): from its start to its end. Where nothing else is said, the map has 10,000 users.".to_owned(),
        },
        by_size,
    ])
}

fn sizes(place: &Place, plan: Plan) -> Result<Part> {
    let person = login(FIRST);
    let mut cases = vec![case("nothing", Service::Nothing.set(), How::Fresh, "initgroups", &person, 0)];
    cases.push(case("without", WITHOUT, How::Fresh, "initgroups", &person, 0));
    for size in SIZES {
        let name = format!("first{size}");
        cases.push(case(name, &sized(size), How::Fresh, "initgroups", &person, GROUPS_EACH));
    }
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let (row, nothing) = times(&taken, "nothing", "`files nothing`")?;
    let mut rows = vec![row];
    let shown = SIZES.map(|size| (format!("first{size}"), format!("`files jit`, {size} users in the map")));
    let without = ("without".to_owned(), "`files jit`, but the daemon has written no map".to_owned());
    for (name, shown) in [without].into_iter().chain(shown) {
        let (row, own) = times(&taken, &name, shown)?;
        rows.push(row.compared(format!("{:+.0} µs over `files nothing`", own.over(&nothing) / 1e3)));
    }
    Ok(Part {
        title: "The first getgrouplist in a process that has just been started, by the size of the map"
            .to_owned(),
        rows,
        note: "The same; mapping the file and its checksum are what grows.".to_owned(),
    })
}
