//! `jitctl request`: ask the directory for access. What hosts would refuse is found out before anything is written.

use std::io::{self, Write};

use jit_directory::write;
use jit_model::assess::Assessed;
use jit_model::dn::Dn;
use jit_model::grant::Grant;

use crate::cli::{Cli, RequestArgs};
use crate::command::ldif_file::random;
use crate::context::Context;
use crate::person::ask::Terminal;
use crate::person::outcome::{self, Done, Kind};
use crate::person::propose::{draft, foresee};
use crate::person::session::Session;
use crate::person::stopwatch::Stopwatch;
use crate::person::wishes::wish;
use crate::person::{config, wait, who};
use crate::report::{Failure, Report};

/// `jitctl request`
///
/// # Errors
/// When something is missing or makes no sense, hosts would refuse it, or the directory does.
pub fn run(context: &Context, cli: &Cli, args: &RequestArgs) -> Result<Report, Failure> {
    let watch = Stopwatch::from(context.now);
    let mut session = Session::open(config::load(cli)?)?;
    let mut terminal = Terminal;
    let mut asker = terminal.asker();
    let me = session.me().clone();
    let subject = match args.group.as_deref() {
        None => me.clone(),
        Some(group) => of_group(&mut session, &me, group)?,
    };
    let roles = session.config().directory.bases.roles.clone();
    let wish = wish(args, session.source(), &roles, &subject, &mut asker, context.now)?;
    let now = watch.now();
    let grant = draft(&wish, &session.config().directory.bases.grants, &me, random::<16>()?, now)?;
    // Somebody who answered questions for minutes is judged by what the directory says then.
    session.refresh()?;
    let (_, notes) = foresee(session.source(), &wish, &grant)?;
    written(context, &mut session, &grant, args.wait, notes, watch)
}

/// Writes a grant that was judged, and says what has come of it.
///
/// # Errors
/// When the directory refuses it.
pub fn written(
    context: &Context,
    session: &mut Session,
    grant: &Grant,
    waits: bool,
    notes: Vec<String>,
    watch: Stopwatch,
) -> Result<Report, Failure> {
    let who_may = "whoever is eligible for its role, for himself or for a group that he is in";
    outcome::add(session, &write::grant(grant), "ask for it", who_may)?;
    session.settle();
    let judged = session.grants().iter().find(|judged| judged.grant.dn == grant.dn);
    let (verb, mut next) = match judged.map(|judged| &judged.assessed) {
        Some(Assessed::Granted { .. }) => ("granted, for it needs no approval", Vec::new()),
        Some(Assessed::Pending { .. }) | None => {
            ("asked", vec!["hand this to one of them: jitctl approve {id}".to_owned()])
        }
        Some(Assessed::Refused(_) | Assessed::Revoked(_)) => ("written", Vec::new()),
    };
    next.push("give it back: jitctl release {id}".to_owned());
    let done = Done { kind: Kind::Request, entry: grant.dn.clone(), grant: grant.dn.clone(), verb, next };
    let report = outcome::report(session, done, notes, watch.now());
    if !waits {
        return Ok(report);
    }
    // What to hand to an approver is needed while we wait.
    let _ = io::stderr().write_all(report.text.as_bytes());
    wait::wait(context, session, &grant.id)
}

/// The group that is asked for: one that the person is in, for the directory takes no other from him.
fn of_group(session: &mut Session, me: &Dn, named: &str) -> Result<Dn, Failure> {
    let groups = session.config().directory.bases.groups.clone();
    let dn = who::meant(named, &groups)?;
    session.also(dn.clone());
    session.refresh()?;
    let people = &session.source().people;
    if people.group(&dn).is_none() {
        let text = format!("there is no group {dn} that you can see; nothing was written");
        return Err(Failure::no("subject-missing", text));
    }
    if !people.is_member(me, &dn) {
        let text = format!(
            "{} is not in {}, and nobody asks for a group that he is not in; nothing was written",
            who::name(people, me),
            who::called(&dn)
        );
        return Err(Failure::no("not-a-member", text));
    }
    Ok(dn)
}
