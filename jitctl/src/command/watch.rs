//! `jitctl watch`: the requests that wait, kept up to date by push. On a terminal a table that is drawn anew when something happens and
//! as times count down; elsewhere a line for each change.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};

use jit_control::{Answer, Change, Grant};
use jit_model::time::Timestamp;

use crate::cli::Cli;
use crate::command::asked;
use crate::context::Context;
use crate::person::config;
use crate::person::following::{self, Event, following};
use crate::person::session::Session;
use crate::person::shown::{self, Shown};
use crate::person::stopwatch::Stopwatch;
use crate::report::{Exit, Failure, Report};
use crate::screen::{Screen, Size};
use crate::terminal::{Colour, Tone, clean, clean_json};

mod change;

use change::changes;

/// `jitctl watch`
///
/// # Errors
/// When the directory cannot be reached at the beginning; afterwards it is tried again.
pub fn run(context: &Context, cli: &Cli) -> Result<Report, Failure> {
    let session = Session::open(config::load(cli)?)?;
    let clock = Stopwatch::from(context.now);
    let mut view: Box<dyn View> = if !cli.json && io::stdout().is_terminal() {
        Box::new(Table { screen: Screen::enter(), colour: context.colour, rung: None })
    } else {
        Box::new(Lines { json: cli.json })
    };
    let mut watching = Watching::default();
    following(&session, |event| {
        let now = clock.now();
        let changes = match event {
            Event::Picture(picture) => {
                let grants = shown::all(picture, session.me(), now);
                let changes = changes(watching.grants.as_deref(), &grants, now);
                watching.grants = Some(grants);
                changes
            }
            Event::Trouble(why) => {
                let new = watching.trouble.is_none();
                watching.trouble = Some(why.to_owned());
                if new { vec![change::trouble(why, now)] } else { Vec::new() }
            }
            Event::Back => {
                watching.trouble = None;
                vec![change::back(now)]
            }
            Event::Link(link) => {
                watching.way = following::way(link);
                Vec::new()
            }
            Event::Tick | Event::Resized => Vec::new(),
        };
        // Nobody looks any more: `jitctl watch | head`.
        view.shows(&watching, changes, now).is_err().then_some(())
    })?;
    drop(view);
    Ok(Report {
        answer: Answer::Done { text: "the watch was ended".to_owned() },
        text: String::new(),
        notes: Vec::new(),
        exit: Exit::Done,
    })
}

/// What is known while somebody watches.
#[derive(Debug, Default)]
struct Watching {
    grants: Option<Vec<Shown>>,
    trouble: Option<String>,
    way: Option<String>,
}

impl Watching {
    /// What still waits, as it is at `now`.
    fn pending(&self, now: Timestamp) -> Vec<Grant> {
        shown::waiting(self.grants.as_deref().unwrap_or_default(), now)
    }
}

/// How a watch is shown.
trait View {
    /// What has happened since the last time, which may be nothing.
    fn shows(&mut self, watching: &Watching, changes: Vec<Change>, now: Timestamp) -> io::Result<()>;
}

/// A line for each change.
struct Lines {
    json: bool,
}

impl View for Lines {
    fn shows(&mut self, _: &Watching, changes: Vec<Change>, _: Timestamp) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for change in changes {
            if self.json {
                let json =
                    serde_json::to_string(&Answer::Change(Box::new(change))).map_err(io::Error::other)?;
                writeln!(out, "{}", clean_json(&json))?;
            } else {
                writeln!(out, "{}", clean(&change::line(&change)))?;
            }
        }
        out.flush()
    }
}

/// A table on a terminal.
struct Table {
    screen: Screen,
    colour: Colour,
    /// The requests that the bell has rung for, or that were there at the beginning.
    rung: Option<BTreeSet<String>>,
}

impl View for Table {
    fn shows(&mut self, watching: &Watching, _: Vec<Change>, now: Timestamp) -> io::Result<()> {
        let pending = watching.pending(now);
        let rings = self.rings(&pending);
        let lines = page(watching, &pending, now, self.colour, self.screen.size());
        self.screen.draw(&lines, rings)
    }
}

impl Table {
    /// Whether something new waits for the person who looks; once for each request.
    fn rings(&mut self, pending: &[Grant]) -> bool {
        let mine: BTreeSet<String> = pending
            .iter()
            .filter(|grant| grant.waits_for_me == Some(true))
            .map(|grant| grant.dn.clone())
            .collect();
        let Some(rung) = &mut self.rung else {
            self.rung = Some(mine);
            return false;
        };
        let before = rung.len();
        rung.extend(mine);
        rung.len() > before
    }
}

/// The lines of a page, as many as the terminal has.
fn page(watching: &Watching, pending: &[Grant], now: Timestamp, colour: Colour, size: Size) -> Vec<String> {
    let mine = pending.iter().filter(|grant| grant.waits_for_me == Some(true)).count();
    let title = match (pending.len(), mine) {
        (0, _) => "nothing waits for approval".to_owned(),
        (all, mine) => format!("{all} wait for approval, {mine} for yours"),
    };
    let mut lines = vec![format!(
        "{}   {}",
        colour.paint(Tone::Strong, &title),
        colour.paint(Tone::Faint, &jit_model::text::clock_time(now))
    )];
    if !pending.is_empty() {
        lines.push(String::new());
        lines.extend(asked::pending(pending, now, colour).lines().map(str::to_owned));
    }
    let state = match (&watching.trouble, &watching.way) {
        (Some(why), _) => {
            let first = why.lines().next().unwrap_or_default();
            colour.paint(Tone::Bad, &format!("not followed at the moment, this may be old: {}", clean(first)))
        }
        (None, Some(way)) => colour.paint(Tone::Faint, &format!("{}; Ctrl-C ends", clean(way))),
        (None, None) => colour.paint(Tone::Faint, "connecting; Ctrl-C ends"),
    };
    // The title and the state are always to be seen, whatever has to go.
    let room = size.rows.saturating_sub(2).max(1);
    if lines.len() > room {
        let hidden = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        lines.push(colour.paint(Tone::Faint, &format!("and {hidden} more lines: jitctl grants --pending")));
    }
    lines.push(String::new());
    lines.push(state);
    lines
}

#[cfg(test)]
#[path = "watch/tests.rs"]
mod tests;
