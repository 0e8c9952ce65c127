//! `jitctl audit replay`: what enforcing would have refused, who should ask for a grant, and what to exempt.

use std::collections::BTreeMap;

use jit_control::Answer;
use jit_control::audit::{Refused, Replay};
use jit_model::time::{Span, Timestamp};

use super::unread;
use crate::audit::input::gather;
use crate::audit::read::read;
use crate::audit::replay::Gathered;
use crate::cli::AuditReplayArgs;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Table, Tone, clean, quoted, some_of};
use crate::when;

/// `jitctl audit replay`
///
/// # Errors
/// When the time makes no sense.
pub fn replay(context: &Context, args: &AuditReplayArgs) -> Result<Report, Failure> {
    let Timestamp(since) = match args.since.parse::<Span>() {
        Ok(span) => Timestamp(context.now.0.saturating_sub_unsigned(span.0)),
        Err(_) => when::parse_past(&args.since, context.now)
            .map_err(|why| Failure::usage(format!("{why}, or how long ago: 30d")))?,
    };
    let mut gathered = Gathered::since(since);
    let reading = read(&gather(&args.files.input), |told| gathered.see(told));
    let exit = if reading.broken_files > 0 { Exit::No } else { Exit::Done };
    let replay = gathered.finish(reading);
    let text = text(context, &replay);
    let notes = unread(&replay.unread, replay.more_unread);
    Ok(Report { answer: Answer::AuditReplay(replay), text, notes, exit })
}

fn text(context: &Context, replay: &Replay) -> String {
    let since = when::short(Timestamp(replay.since), context.now);
    let mut text = String::new();
    if replay.refused.is_empty() {
        text.push_str(&format!(
            "since {since} UTC nobody would have been refused, as far as these lines say\n"
        ));
    } else {
        text.push_str(&format!("enforcing since {since} UTC would have refused:\n\n"));
        text.push_str(&table(context, replay));
    }
    let people = people(replay);
    if !people.is_empty() {
        text.push_str("\nPeople ask for a grant before that host enforces:\n");
        for line in people {
            text.push_str(&format!("{}\n", clean(&line)));
        }
    }
    if !replay.exempt.is_empty() {
        // Made by us, each word of it cleaned or escaped.
        text.push_str(&format!("\n{}", replay.exempt));
    }
    text.push_str("\nWhat these lines cannot tell:\n");
    for sentence in &replay.unknown {
        text.push_str(&format!("  {}\n", clean(sentence)));
    }
    text
}

fn table(context: &Context, replay: &Replay) -> String {
    let hosts = replay
        .refused
        .iter()
        .any(|refused| replay.refused.first().is_some_and(|first| first.host != refused.host));
    let mut heading = vec!["USER", "SERVICE", "TIMES", "LAST (UTC)", "FROM", "WHY"];
    if hosts {
        heading.insert(0, "HOST");
    }
    let mut table = Table::new(&heading);
    for refused in &replay.refused {
        let times = match refused.would_end {
            0 => refused.count.to_string(),
            ends => format!("{}, {ends} ended", refused.count),
        };
        let from = match refused.from.is_empty() {
            true => "-".to_owned(),
            false => {
                let more = usize::try_from(refused.more_from).unwrap_or(usize::MAX);
                let shown = some_of(&refused.from, 2);
                if more > 0 { format!("{shown}, and {more} beyond") } else { shown }
            }
        };
        let last = when::short(Timestamp(refused.last), context.now);
        let mut cells = vec![
            (Tone::Plain, refused.user.as_str()),
            (Tone::Plain, &refused.service),
            (Tone::Plain, &times),
            (Tone::Plain, &last),
            (Tone::Plain, &from),
            (Tone::Plain, refused.refusal.as_deref().unwrap_or(&refused.code)),
        ];
        if hosts {
            cells.insert(0, (Tone::Plain, &refused.host));
        }
        table.row(cells);
    }
    table.render(context.colour)
}

/// What those who are not like programs type.
fn people(replay: &Replay) -> Vec<String> {
    let is_automation = |refused: &Refused| {
        replay.automation.iter().any(|found| found.host == refused.host && found.user == refused.user)
    };
    let mut asking: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for refused in replay.refused.iter().filter(|refused| !is_automation(refused)) {
        asking.entry((&refused.user, &refused.host)).or_default().push(&refused.service);
    }
    let line = |((user, host), services): (&(&str, &str), &Vec<&str>)| {
        let (host, services) = (quoted(host), quoted(&services.join(",")));
        format!("  ask: jitctl request --host {host} --service {services} --for 2h --reason '…'    # {user}")
    };
    asking.iter().map(line).collect()
}
