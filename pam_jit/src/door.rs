//! From question to PAM code. Two roads lead past the daemon's word, and both are in [`crate::alone`]; here only an answer that
//! says `allow` about an account that is certain becomes PAM_SUCCESS.

use core::time::Duration;

use jit_proto::frame::MAX_FRAME;
use jit_proto::log::{self, Severity};
use jit_proto::{Phase, Question, Verdict, client};
use pam::constants::PamResultCode;

use crate::alone;
use crate::facts::{Call, Facts};
use crate::host::Host;
use crate::options::{BadOption, Options};

/// How log lines are signed.
pub(crate) const TAG: &str = "pam_jit";

/// How long a logout waits for the daemon at most.
const FAREWELL: Duration = Duration::from_millis(500);

/// The account phase, where it is decided; the auth phase, where it is decided early for stacks that refuse before they ask for a
/// password; and the opening of a session, where it is decided anew (a grant may have been revoked since) and the daemon
/// takes the session down. In auth nothing is said, and nothing but PAM_IGNORE lets pass: under `sufficient` PAM_SUCCESS would
/// mean "no password". At the opening a denial is never PAM_SESSION_ERR: sudo runs the command all the same.
pub(crate) fn decide(
    host: &mut Host<'_>,
    phase: Phase,
    options: Result<Options<'_>, BadOption>,
) -> PamResultCode {
    let options = match options {
        Ok(options) => options,
        Err(error) => {
            log::line(
                Severity::Error,
                TAG,
                format_args!("{error}: see pam_jit in /etc/pam.d; access is denied"),
            );
            return PamResultCode::PAM_SERVICE_ERR;
        }
    };
    let facts = match Facts::gather(host, phase) {
        Call::Ask(facts) => facts,
        Call::RootItself => return PamResultCode::PAM_IGNORE,
        // Not PAM_USER_UNKNOWN: stacks are about that do not mind it.
        Call::Nameless => return PamResultCode::PAM_PERM_DENIED,
    };
    let question = facts.question();
    let frame = match question.encode() {
        Ok(frame) => frame,
        Err(error) => {
            // Cannot be: every text was made to fit. Should it be, nobody gets in by it.
            log::line(Severity::Error, TAG, format_args!("cannot ask about {:?}: {error}", question.subject));
            return PamResultCode::PAM_SYSTEM_ERR;
        }
    };
    let mut room = [0; MAX_FRAME];
    let answer = match client::ask(options.socket, &frame, options.timeout, &mut room) {
        Ok(answer) => answer,
        Err(error) => return alone::decide(host, &question, options.socket, error),
    };
    match answer.verdict {
        Verdict::Unguarded => PamResultCode::PAM_IGNORE,
        Verdict::Allow if question.uid.is_some() => allowed(&question),
        Verdict::Allow => {
            let (service, subject) = (question.service, question.subject);
            log::line(
                Severity::Error,
                TAG,
                format_args!(
                    "{service:?}: jitd allowed {subject:?}, which is no account's exact name here: denied"
                ),
            );
            PamResultCode::PAM_PERM_DENIED
        }
        Verdict::Deny => {
            let text = if answer.text.is_empty() { "jit: access is denied." } else { answer.text };
            tell(host, &question, text);
            PamResultCode::PAM_PERM_DENIED
        }
    }
}

/// The end of a session: the daemon is told, and nothing that it says or does not say holds anybody up. Should it never hear of
/// it, it finds out when the process that opened the session is gone.
pub(crate) fn close(host: &Host<'_>, options: Result<Options<'_>, BadOption>) -> PamResultCode {
    let options = match options {
        Ok(options) => options,
        Err(error) => {
            log::line(Severity::Error, TAG, format_args!("{error}: see pam_jit in /etc/pam.d"));
            return PamResultCode::PAM_SERVICE_ERR;
        }
    };
    let facts = match Facts::at_close(host) {
        Call::Ask(facts) => facts,
        Call::RootItself => return PamResultCode::PAM_IGNORE,
        // Nobody could have opened it by that name either.
        Call::Nameless => return PamResultCode::PAM_SUCCESS,
    };
    let question = facts.question();
    if let Ok(frame) = question.encode() {
        let mut room = [0; MAX_FRAME];
        let timeout = options.timeout.min(FAREWELL);
        if let Err(error) = client::ask(options.socket, &frame, timeout, &mut room) {
            log::line(
                Severity::Notice,
                TAG,
                format_args!("{:?}: jitd was not told that a session ended: {error}", question.service),
            );
        }
    }
    PamResultCode::PAM_SUCCESS
}

/// The code for somebody who may.
pub(crate) fn allowed(question: &Question<'_>) -> PamResultCode {
    match question.phase {
        Phase::Account | Phase::Open => PamResultCode::PAM_SUCCESS,
        Phase::Auth | Phase::Close => PamResultCode::PAM_IGNORE,
    }
}

/// Says something to the person, where that is allowed. sudo wants silence (PAM_SILENT) from every account module and then says
/// no more than "PAM account management error": who is denied would never learn why, so sudo is not obeyed. Only a denial is
/// ever told, and sudo's conversation goes to the terminal or standard error, never to standard output. In a session phase
/// nothing is ever said: sshd puts it on standard output, into the middle of somebody's scp.
pub(crate) fn tell(host: &mut Host<'_>, question: &Question<'_>, text: &str) {
    match (question.phase, question.service) {
        (Phase::Account, "sudo" | "sudo-i") => host.insist(text),
        (Phase::Account, _) => host.tell(text),
        (Phase::Auth | Phase::Open | Phase::Close, _) => {}
    }
}
