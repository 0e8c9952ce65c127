//! The daemon cannot be asked: the enforcing file has the word. Its absence means permissive; anything unreadable in it means
//! enforcing by the built-in defaults. Each use of a road past the directory is one line in the system log, with names in quotes: a
//! name is what somebody typed, and must not read like a sentence of ours.

use core::ffi::CStr;

use jit_proto::client::AskError;
use jit_proto::enforcing::{self, Asked, Reading, Rules, Standing};
use jit_proto::log::{self, Severity};
use jit_proto::sys::{self, Pages};
use jit_proto::{Question, local};
use pam::constants::PamResultCode;

use crate::door::{TAG, allowed, tell};
use crate::host::Host;

const ENFORCING: &CStr = c"/etc/jitd/enforcing";

const TEXT: &str = "jit: access is denied, because jitd on this host does not answer. An administrator finds the reason in the system log.";

/// Decides without the daemon.
pub(crate) fn decide(
    host: &mut Host<'_>,
    question: &Question<'_>,
    socket: &CStr,
    error: AskError,
) -> PamResultCode {
    let asked = Asked {
        service: question.service,
        user: question.subject,
        uid: question.uid,
        rhost: question.rhost,
        tty: question.tty,
    };
    let (service, subject) = (question.service, question.subject);
    let socket = jit_proto::Cleaned::<128>::line(socket.to_bytes());
    let socket = socket.as_str();
    let standing = match with_reading(|reading| {
        if let Reading::Broken(why) = reading {
            log::line(
                Severity::Error,
                TAG,
                format_args!("{}: {why}: enforcing with the built-in defaults", jit_proto::ENFORCING),
            );
        }
        reading.rules().map(|rules| rules.standing(&asked, &mut local::Files::etc()))
    }) {
        Some(standing) => standing,
        None => {
            log::line(
                Severity::Warning,
                TAG,
                format_args!(
                    "{service:?}: jitd was not asked about {subject:?} ({socket}: {error}): permissive, so let pass"
                ),
            );
            return PamResultCode::PAM_IGNORE;
        }
    };
    match standing {
        Standing::NotGuarded => PamResultCode::PAM_IGNORE,
        Standing::Exempt => {
            log::line(
                Severity::Notice,
                TAG,
                format_args!("{service:?}: jitd was not asked about {subject:?} ({socket}: {error}): exempt"),
            );
            PamResultCode::PAM_IGNORE
        }
        Standing::BreakGlass => {
            log::line(
                Severity::Alert,
                TAG,
                format_args!("{service:?}: BREAK-GLASS: {subject:?} passes without jitd ({socket}: {error})"),
            );
            allowed(question)
        }
        Standing::Guarded => {
            log::line(
                Severity::Error,
                TAG,
                format_args!(
                    "{service:?}: {subject:?} is denied, for jitd cannot be asked ({socket}: {error})"
                ),
            );
            tell(host, question, TEXT);
            PamResultCode::PAM_AUTHINFO_UNAVAIL
        }
    }
}

/// Reads the enforcing file, into memory that is given back before anything else happens.
fn with_reading<T>(judge: impl FnOnce(Reading<'_>) -> T) -> T {
    let Ok(now) = sys::unix_seconds() else {
        return judge(Reading::Enforcing(Rules::built_in()));
    };
    match Pages::new() {
        Ok(mut pages) => judge(enforcing::read(ENFORCING, now, pages.bytes())),
        Err(_) => judge(Reading::Enforcing(Rules::built_in())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_documented_one() {
        assert_eq!(ENFORCING.to_str(), Ok(jit_proto::ENFORCING));
    }
}
