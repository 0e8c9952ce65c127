//! What an answer costs in a process that has had one before: a shell, a file server, an `ls -l` from its second name on.

use jit_tests::bench::names::people::{DEPARTMENT, GROUPS_EACH, PERSON, TEAM, department, login, team, uid};
use jit_tests::bench::names::place::{LOCAL, Place, Service, UNKNOWN};
use jit_tests::bench::names::turns::{Case, How, Taken, Turns, ask};
use jit_tests::bench::report::{Part, Row, Unit, short};
use jit_tests::trouble::Result;

use super::Plan;

/// Over the files, in nanoseconds, where somebody has no grants.
const OVER_FILES: f64 = 300.0;
/// As many times as sssd takes, where somebody has.
const LIKE_SSS: f64 = 1.1;

/// A question.
struct Question {
    key: &'static str,
    shown: String,
    what: &'static str,
    whom: String,
    /// What those answer who know the company.
    expect: i64,
    /// Whether the answer is from the company: others do not know it.
    hit: bool,
}

fn questions() -> [Vec<Question>; 3] {
    let hit = |key, shown: String, what, whom: String, expect: i64| Question {
        key,
        shown,
        what,
        whom,
        expect,
        hit: true,
    };
    let miss = |key, shown: &str, what, whom: &str, expect| Question {
        key,
        shown: shown.to_owned(),
        what,
        whom: whom.to_owned(),
        expect,
        hit: false,
    };
    let (team, department) = (team(PERSON), department(PERSON));
    let groups = vec![
        hit("hit", format!("somebody in {GROUPS_EACH} groups"), "initgroups", login(PERSON), GROUPS_EACH),
        miss("local", "a local user without grants", "initgroups", LOCAL, 0),
        miss("unknown", "an unknown user", "initgroups", UNKNOWN, 0),
    ];
    let by = vec![
        hit("getgrnam-hit", format!("getgrnam, {TEAM} members"), "getgrnam", team.0, TEAM.into()),
        hit("getgrgid-hit", format!("getgrgid, {TEAM} members"), "getgrgid", team.1.to_string(), TEAM.into()),
        hit(
            "getgrnam-large",
            format!("getgrnam, {DEPARTMENT} members"),
            "getgrnam",
            department.0,
            DEPARTMENT.into(),
        ),
        miss("getgrnam-unknown", "getgrnam, unknown", "getgrnam", UNKNOWN, -1),
        miss("getgrgid-unknown", "getgrgid, unknown", "getgrgid", "60000", -1),
    ];
    let people = vec![
        hit("getpwnam-hit", "getpwnam".to_owned(), "getpwnam", login(PERSON), 1),
        hit("getpwuid-hit", "getpwuid".to_owned(), "getpwuid", uid(PERSON).to_string(), 1),
        miss("getpwnam-unknown", "getpwnam, unknown", "getpwnam", UNKNOWN, -1),
        miss("getpwuid-unknown", "getpwuid, unknown", "getpwuid", "60000", -1),
    ];
    [groups, by, people]
}

/// Whether this question is put to this service: there is no hit with who knows nobody, but for the files' sake.
fn put(question: &Question, service: Service) -> bool {
    !question.hit || service.knows() || service == Service::Files
}

fn case(question: &Question, service: Service) -> Case {
    // The slow ones one by one, and not as often.
    let (batch, count) = match service {
        Service::Ldap => (1, 10),
        Service::Sss if !question.hit => (8, 10),
        _ => (8, 40),
    };
    let none = if question.what == "initgroups" { 0 } else { -1 };
    let expect = if question.hit && !service.knows() { none } else { question.expect };
    Case {
        name: name(question, service),
        set: service.set().to_owned(),
        how: How::Warm(batch),
        what: question.what,
        whom: question.whom.clone(),
        range: 0,
        expect,
        count,
    }
}

fn name(question: &Question, service: Service) -> String {
    format!("{}:{}", question.key, service.set())
}

/// The groups of a user, groups, and people.
pub(super) fn warm(place: &Place, plan: Plan) -> Result<Vec<Part>> {
    let titles = ["The groups of a user (getgrouplist)", "Groups", "People"];
    let parts = titles.into_iter().zip(questions());
    parts.map(|(title, questions)| part(place, plan, title, &questions)).collect()
}

fn part(place: &Place, plan: Plan, title: &str, questions: &[Question]) -> Result<Part> {
    let pairs = questions.iter().flat_map(|question| Service::ALL.map(|service| (question, service)));
    let pairs: Vec<_> = pairs.filter(|(question, service)| put(question, *service)).collect();
    let cases: Vec<Case> = pairs.iter().map(|(question, service)| case(question, *service)).collect();
    let taken = ask(place, plan.runs, plan.rounds, &cases)?;
    let rows: Result<Vec<Row>> =
        pairs.into_iter().map(|(question, service)| row(&taken, question, service)).collect();
    Ok(Part {
        title: format!("{title}, in a process that has asked before"),
        rows: rows?,
        note: "Eight calls in a row are timed as one (not nslcd's), in turns; everything on one CPU. The map has 10,000 users, the directory too; \
               sssd's answers of people and groups come from its memory cache, nscd's from its own. systemd's service finds no systemd to ask."
            .to_owned(),
    })
}

fn row(taken: &Taken, question: &Question, service: Service) -> Result<Row> {
    let own = taken.of(&name(question, service))?;
    let files = taken.of(&name(question, Service::Files))?;
    let all = own.all()?;
    let row = Row::times(format!("{}: {}", question.shown, service.shown()), Unit::Microseconds, &all);
    let last = format!("p99 {} µs", short(all.percentile(99) / 1e3));
    if service == Service::Files {
        return Ok(row.compared(last));
    }
    let over = own.over(files);
    let last = format!("{:+.2} µs over `files`; {last}", over / 1e3);
    if service != Service::Jit {
        return Ok(row.compared(last));
    }
    let sss = taken.of(&name(question, Service::Sss))?;
    let row = row.compared(format!("{last}; {} × sssd's", times(own, sss)));
    let times = own.times(sss);
    Ok(match (question.key, question.hit) {
        ("local", _) => row.target("≤ 0.3 µs over `files`", over <= OVER_FILES),
        (_, true) => row.target("≤ 1.1 × sssd's", times <= LIKE_SSS),
        (_, false) => row.target("below sssd's", times < 1.0),
    })
}

fn times(own: &Turns, other: &Turns) -> String {
    format!("{:.2}", own.times(other))
}
