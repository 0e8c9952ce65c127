//! `jitctl sessions`: who is in, and for how long; and the order to end a session. The daemon decides who sees and who may.

use jit_control::{Answer, Request, Session, Sessions};
use jit_model::time::{Span, Timestamp};

use crate::cli::TerminateArgs;
use crate::command::grants::short_id;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Table, Tone, clean, some_of};
use crate::when;

/// When little is left: the first of the usual warnings.
const SOON: Span = Span(15 * 60);

/// `jitctl sessions`
///
/// # Errors
/// When the daemon cannot be reached.
pub fn list(context: &Context) -> Result<Report, Failure> {
    let Answer::Sessions(sessions) = context.ask(&Request::Sessions {})? else {
        return Err(context.beside_the_point());
    };
    let text = if sessions.sessions.is_empty() {
        "no open sessions here that jitd knows of and you may see\n".to_owned()
    } else {
        table(&sessions, context.colour)
    };
    Ok(Report { answer: Answer::Sessions(sessions), text, notes: Vec::new(), exit: Exit::Done })
}

fn table(sessions: &Sessions, colour: Colour) -> String {
    let now = Timestamp(sessions.now);
    let grants: Vec<&str> =
        sessions.sessions.iter().flat_map(|session| &session.grants).map(String::as_str).collect();
    let heading = ["ID", "USER", "SERVICE", "FROM", "SINCE (UTC)", "GRANT", "UNTIL (UTC)", "LEFT"];
    let mut table = Table::new(&heading);
    for session in &sessions.sessions {
        let service = match &session.target {
            Some(target) => format!("{} as {target}", session.service),
            None => session.service.clone(),
        };
        let short: Vec<String> = session.grants.iter().map(|id| short_id(id, &grants)).collect();
        let rests = if short.is_empty() { "-".to_owned() } else { some_of(&short, 2) };
        let until = session.until.map_or("-".to_owned(), |until| when::short(Timestamp(until), now));
        let (tone, left) = left(session, now);
        table.row([
            (Tone::Plain, session.id.as_str()),
            (Tone::Plain, &session.user),
            (Tone::Plain, &service),
            (Tone::Plain, session.from.as_deref().unwrap_or("-")),
            (Tone::Plain, &when::short(Timestamp(session.since), now)),
            (Tone::Plain, &rests),
            (Tone::Plain, &until),
            (tone, &left),
        ]);
        if session.state == "closed" {
            table.note(
                Tone::Faint,
                &format!("{} has left; what may remain of this session goes on", session.user),
            );
        }
    }
    table.render(colour)
}

/// How long it still goes on.
fn left(session: &Session, now: Timestamp) -> (Tone, String) {
    match (session.state.as_str(), session.until.map(Timestamp), session.standing.as_deref()) {
        ("ending", _, _) => (Tone::Bad, "ending".to_owned()),
        (_, Some(until), _) if until <= now => (Tone::Bad, "over".to_owned()),
        (_, Some(until), _) => {
            let left = until.since(now);
            (if left <= SOON { Tone::Fair } else { Tone::Good }, when::about(left))
        }
        (_, None, Some("break-glass")) => (Tone::Fair, "no end: break-glass".to_owned()),
        (_, None, Some(why)) => (Tone::Plain, format!("no end: {why}")),
        (_, None, None) => (Tone::Plain, "no end".to_owned()),
    }
}

/// `jitctl sessions terminate ID --reason TEXT`
///
/// # Errors
/// When the daemon cannot be reached, knows no such session, or says no.
pub fn terminate(context: &Context, args: &TerminateArgs) -> Result<Report, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("say why: --reason 'gone home, shell left open'; the person reads it"));
    }
    if clean(reason) != reason {
        return Err(Failure::usage("the reason holds control characters: write one line of plain text"));
    }
    let request = Request::Terminate { id: args.id.clone(), reason: reason.to_owned() };
    match context.ask(&request)? {
        Answer::Done { text } => {
            let line = format!("{}\n", clean(&text));
            Ok(Report { answer: Answer::Done { text }, text: line, notes: Vec::new(), exit: Exit::Done })
        }
        _ => Err(context.beside_the_point()),
    }
}
