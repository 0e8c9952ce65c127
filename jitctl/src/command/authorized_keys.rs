//! `jitctl authorized-keys`: what sshd runs as AuthorizedKeysCommand, as an unprivileged user and without an environment, at each login
//! by key. So it is done within a second, prints nothing but lines of authorized_keys, and where jitd is away prints none and ends
//! well: the keys that sshd finds elsewhere go on to count, and the account phase decides.

use std::time::Duration;

use jit_control::client::Client;
use jit_control::{Answer, Request};
use jit_model::name::Login;

use crate::cli::AuthorizedKeysArgs;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};

/// How long sshd, and the person behind it, are kept waiting.
const PATIENCE: Duration = Duration::from_millis(900);

/// `jitctl authorized-keys USER`
///
/// # Errors
/// When the one who runs it may not ask: sshd writes into its log that the command failed, and root sees that something is to be mended.
pub fn run(context: &Context, args: &AuthorizedKeysArgs) -> Result<Report, Failure> {
    let user = match Login::new(&args.user) {
        Ok(user) => user,
        Err(error) => return Ok(report(Vec::new(), vec![error.to_string()])),
    };
    let hasty = Client::new(context.client.socket(), PATIENCE);
    match hasty.ask(&Request::AuthorizedKeys { user: user.into() }) {
        Ok(Answer::AuthorizedKeys { lines }) => Ok(told(lines)),
        Ok(Answer::Refused { code, text }) if code == "busy" => Ok(report(Vec::new(), vec![text])),
        Ok(Answer::Refused { code, text }) => Err(Failure::refused(code, text)),
        Ok(_) => Err(context.beside_the_point()),
        Err(error) => Ok(report(Vec::new(), vec![error.to_string()])),
    }
}

/// The daemon's lines, as they are: cleaning would make other keys of them. One that is no line is none.
fn told(lines: Vec<String>) -> Report {
    let all = lines.len();
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.chars().any(char::is_control)).collect();
    let dropped = all - lines.len();
    let note =
        (dropped > 0).then(|| format!("{dropped} of jitd's lines hold control characters and are left out"));
    report(lines, note.into_iter().collect())
}

fn report(lines: Vec<String>, notes: Vec<String>) -> Report {
    let text = lines.iter().map(|line| format!("{line}\n")).collect();
    Report { answer: Answer::AuthorizedKeys { lines }, text, notes, exit: Exit::Done }
}
