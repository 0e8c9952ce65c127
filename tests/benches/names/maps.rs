//! What the size of the map has to do with an answer, and what the first answer after a replacement costs.

use jit_tests::bench::names::people::{GROUPS_EACH, login, map};
use jit_tests::bench::names::place::{
    LOCAL, Place, SIZES, Service, WITHOUT, replaced as replaced_set, sized,
};
use jit_tests::bench::names::turns::{Case, How, Taken, ask};
use jit_tests::bench::report::{Part, Row, Unit, short};
use jit_tests::trouble::Result;

use super::Plan;

/// Whom every map has.
const FIRST: u32 = 7;
/// The case that the others are compared with.
const FLOOR: &str = "files";
/// Among how many by turns: sssd's cache holds them all.
const AMONG: u32 = 1_000;

fn case(name: impl Into<String>, set: impl Into<String>, how: How, whom: &str, expect: i64) -> Case {
    let (name, set, whom) = (name.into(), set.into(), whom.to_owned());
    let count = if matches!(how, How::Warm(_)) { 40 } else { 4 };
    Case { name, set, how, what: "initgroups", whom, range: 0, expect, count }
}

fn row(taken: &Taken, name: &str, shown: &str) -> Result<Row> {
    let (own, floor) = (taken.of(name)?, taken.of(FLOOR)?);
    let all = own.all()?;
    let last = format!("p99 {} µs", short(all.percentile(99) / 1e3));
    let over = format!("{:+.2} µs over `files`; {last}", own.over(floor) / 1e3);
    Ok(Row::times(shown, Unit::Microseconds, &all).compared(if name == FLOOR { last } else { over }))
}

/// How large a map is, in words.
fn large(users: u32) -> Result<String> {
    Ok(format!("{users} users in the map ({:.0} KiB)", map(users)?.len() as f64 / 1024.0))
}

/// Maps of several sizes.
pub(super) fn maps(place: &Place, plan: Plan) -> Result<Vec<Part>> {
    let (warm, person) = (How::Warm(8), login(FIRST));
    let (files, jit, sss) = (Service::Files.set(), Service::Jit.set(), Service::Sss.set());
    let mut cases = vec![
        case(FLOOR, files, warm, &person, 0),
        case("without", WITHOUT, warm, &person, 0),
        Case { range: AMONG, ..case("many", jit, warm, "u%d", GROUPS_EACH) },
        Case { range: AMONG, ..case("many-sss", sss, warm, "u%d", GROUPS_EACH) },
        Case { range: 10_000, ..case("all", jit, warm, "u%d", GROUPS_EACH) },
    ];
    for size in SIZES {
        cases.push(case(format!("hit{size}"), sized(size), warm, &person, GROUPS_EACH));
        cases.push(case(format!("local{size}"), sized(size), warm, LOCAL, 0));
    }
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let of = |name: &str, shown: &str| row(&taken, name, shown);
    let mut rows =
        vec![of(FLOOR, "`files`")?, of("without", "`files jit`, but the daemon has written no map")?];
    for size in SIZES {
        let large = large(size)?;
        rows.push(of(&format!("hit{size}"), &format!("somebody in {GROUPS_EACH} groups, {large}"))?);
        rows.push(of(&format!("local{size}"), &format!("a local user without grants, {large}"))?);
    }
    rows.push(of("all", "any of the 10000 users in the map, without an order")?);
    rows.push(of("many", &format!("any of {AMONG} of the 10000 users in the map, without an order"))?);
    rows.push(of("many-sss", &format!("the same of `files sss`, {AMONG} users in its memory cache"))?);
    Ok(vec![Part {
        title: "getgrouplist with maps of several sizes, in a process that has asked before".to_owned(),
        rows,
        note: "As above.".to_owned(),
    }])
}

/// The first answer from a map that has just taken another's place.
pub(super) fn replaced(place: &Place, plan: Plan) -> Result<Vec<Part>> {
    let person = login(FIRST);
    let mut cases = vec![case(FLOOR, Service::Files.set(), How::Warm(8), &person, 0)];
    cases.extend(SIZES.map(|size| {
        let name = format!("replaced{size}");
        case(name, replaced_set(size), How::Replaced, &person, GROUPS_EACH)
    }));
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let rows: Result<Vec<Row>> =
        SIZES.into_iter().map(|size| row(&taken, &format!("replaced{size}"), &large(size)?)).collect();
    Ok(vec![Part {
        title: "The first getgrouplist after another map has taken the place of the one before".to_owned(),
        rows: rows?,
        note:
            "In a process that has asked before: it maps the new one, checks it, and takes the old one out."
                .to_owned(),
    }])
}
