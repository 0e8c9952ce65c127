//! `jitctl why`: the verdict for a person, the road to it, and what the grants rest on.

mod chain;

use jit_control::{Answer, Request, Why};
use jit_model::name::{Login, Service};
use jit_model::text;
use jit_model::time::Timestamp;

use crate::cli::WhyArgs;
use crate::command::grants;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Tone, clean};
use crate::when;

/// `jitctl why USER`
///
/// # Errors
/// When the daemon cannot be reached, or will not tell.
pub fn run(context: &Context, args: &WhyArgs) -> Result<Report, Failure> {
    let user = Login::new(&args.user).map_err(|e| Failure::usage(e.to_string()))?;
    let service =
        args.service.as_deref().map(Service::new).transpose().map_err(|e| Failure::usage(e.to_string()))?;
    let at = args
        .at
        .as_deref()
        .map(|typed| when::parse(typed, context.now))
        .transpose()
        .map_err(Failure::usage)?;
    let request = Request::Why {
        user: user.into(),
        service: service.map(String::from),
        at: at.map(|Timestamp(seconds)| seconds),
    };
    let Answer::Why(why) = context.ask(&request)? else { return Err(context.beside_the_point()) };
    let exit = match why.verdict.as_str() {
        "allow" => Exit::Done,
        "unguarded" => Exit::NotApplicable,
        _ => Exit::No,
    };
    let text = render(&why, args.at.is_some(), context.now, context.colour);
    Ok(Report { answer: Answer::Why(why), text, notes: Vec::new(), exit })
}

fn render(why: &Why, elsewhen: bool, now: Timestamp, colour: Colour) -> String {
    let tone = match why.verdict.as_str() {
        "allow" => Tone::Good,
        "unguarded" => Tone::Fair,
        _ => Tone::Bad,
    };
    let at = Timestamp(why.at);
    let mut out = format!(
        "{}: {} for {}",
        colour.paint(tone, &clean(&why.verdict)),
        clean(&why.user),
        clean(&why.service)
    );
    if elsewhen {
        out.push_str(&format!(" at {}, by what is known now", text::clock_time(at)));
    }
    out.push_str(&format!("\n  {}", clean(&why.text)));
    if let Some(until) = why.until.map(Timestamp).filter(|until| *until > at) {
        out.push_str(&format!(
            " ({} left{})",
            when::about(until.since(at)),
            if elsewhen { " then" } else { "" }
        ));
    }
    out.push('\n');
    if why.verdict == "deny" && why.mode == "permissive" {
        let line = "  this host is permissive: the denial is logged, and not carried out";
        out.push_str(&format!("{}\n", colour.paint(Tone::Fair, line)));
    }
    if !why.road.is_empty() {
        out.push_str("\nhow:\n");
        for (i, step) in why.road.iter().enumerate() {
            out.push_str(&format!("  {}. {}\n", i + 1, clean(step)));
        }
    }
    if !why.grants.is_empty() {
        out.push_str("\ngrants:\n");
        out.push_str(&grants::table(&why.grants, now, colour));
        out.push_str(&chain::render(&why.grants, colour));
    }
    out
}
