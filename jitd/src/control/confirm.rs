//! Who may confirm that this host enforces: somebody who has just shown that one gets in. An open shell proves nothing, root's least of all: it
//! would still be open if nobody else could come in any more. So what counts is the *login* that the caller's process is in, as the kernel
//! says (SO_PEERCRED, and the process table), and that login must have been let in by grant, exemption or break-glass under the very file
//! that is to be confirmed. sudo within an older login is no login, nor is `login -f`, nor a job. `ssh localhost` is one: it went through the same door as everybody else.
//!
//! Guards against a mistake, not against root, who can write the file himself.

use std::sync::Arc;

use jit_control::Answer;
use jit_model::name::Service;
use jit_model::policy::{BACKGROUND, Policy};
use jit_model::text::clock_time;
use tokio::net::UnixStream;

use super::refused;
use crate::audit::Event;
use crate::audit::event::{Outcome, Text};
use crate::desk::{Desk, Peer};
use crate::mode::notice::By;
use crate::mode::{FileId, Mode};
use crate::sessions::claim::{Kind, Within, within};
use crate::sessions::peer;
use crate::sessions::process::{ProcessId, Table};
use crate::sessions::record::{Basis, Session, Standing};
use crate::sessions::registry::Registry;

/// What to do about most refusals.
const CURE: &str = "Keep this one open; open a second one from outside (a new connection: a window of tmux or screen, or a multiplexed ssh, is the login \
    that it began with), and type there: jitctl mode confirm";

/// A refusal: its stable word, and why.
type Refusal = (&'static str, String);

/// Whether the caller may confirm.
pub(super) async fn confirm(
    desk: &Arc<Desk>,
    registry: &Arc<Registry>,
    peer: Peer,
    stream: &UnixStream,
) -> Answer {
    // Not written down: whoever is refused here could fill the audit with it.
    if peer.uid != 0 {
        return refused("not-permitted", "only root confirms; with sudo in front: jitctl mode confirm");
    }
    let now = desk.clock().now().login;
    let seen = desk.mode();
    let answer = match (seen.mode(now), seen.unconfirmed(now), seen.lapsed(now)) {
        (Mode::Enforcing, Some((file, text)), _) => {
            let caller = Caller::of(stream).await;
            caller
                .proves(registry, desk.view().snapshot.policy(), file)
                .map(|()| Answer::Enforcing { text: String::from_utf8_lossy(text).into_owned() })
        }
        (Mode::Enforcing, None, _) => match seen.fault() {
            None => Ok(Answer::Done { text: "this host enforces for good already".to_owned() }),
            Some(fault) => Err((
                "not-enforcing",
                format!(
                    "the enforcing file cannot be used ({fault}), so there is nothing to confirm; write it anew: jitctl mode enforcing"
                ),
            )),
        },
        (Mode::Permissive, _, Some(until)) => Err((
            "not-enforcing",
            format!(
                "too late: it had to be confirmed by {}, and this host is permissive since; to begin anew: jitctl mode enforcing",
                clock_time(until)
            ),
        )),
        (Mode::Permissive, _, None) => Err((
            "not-enforcing",
            "this host is permissive, so there is nothing to confirm; to enforce: jitctl mode enforcing"
                .to_owned(),
        )),
    };
    answer.unwrap_or_else(|(code, text)| {
        let request = Text::from("mode-confirm");
        let event =
            Event::Control { uid: peer.uid, request, outcome: Outcome::Refused, text: Text::from(&text) };
        desk.scribe().note(event);
        refused(code, text)
    })
}

/// Who asks, for the audit.
pub(super) async fn who(registry: &Registry, peer: Peer, stream: &UnixStream) -> By {
    let Caller(Some((process, table))) = Caller::of(stream).await else {
        return By { uid: peer.uid, ..By::default() };
    };
    let sessions = registry.shared();
    let session = within(process, &table, &sessions).login;
    By {
        uid: peer.uid,
        login_uid: table.alive(process).and_then(|process| process.audit).map(|audit| audit.login_uid),
        session: session.map(|session| (session.id.to_string(), session.login.to_string())),
    }
}

/// The process that asks, and all others, if it can be seen.
struct Caller(Option<(ProcessId, Table)>);

impl Caller {
    /// Off this thread: a busy host has many processes.
    async fn of(stream: &UnixStream) -> Caller {
        let Some(process) = peer::identify(stream) else { return Caller(None) };
        let table = tokio::task::spawn_blocking(Table::read).await;
        Caller(table.ok().and_then(Result::ok).map(|table| (process, table)))
    }

    /// Whether the login that it is in was let in by this file.
    fn proves(&self, registry: &Registry, policy: &Policy, file: FileId) -> Result<(), Refusal> {
        let unseen = || {
            let text = "jitd cannot see which process asks (it is in a container, or /proc is hidden from jitd): type it in the login itself";
            ("unseen", text.to_owned())
        };
        let (process, table) = self.0.as_ref().ok_or_else(unseen)?;
        // Listed after the table was read: whoever is in it and came by a module is known.
        let sessions = registry.shared();
        let found = within(*process, table, &sessions);
        judge(found, policy, |session| registry.under(&session.id) == Some(file))
    }
}

/// Whether what somebody is in proves that one gets in under the file of which `by_it` speaks.
fn judge(found: Within<'_>, policy: &Policy, by_it: impl Fn(&Session) -> bool) -> Result<(), Refusal> {
    // Nobody comes in by a job, guarded though it may be.
    let is_way_in = |service: &Service| !BACKGROUND.contains(&service.as_str());
    let comes_in =
        |session: &Session| policy.guarded.contains(&session.service) && is_way_in(&session.service);
    // Where no way in is guarded, what is guarded is to become another.
    let is_login = |service: &Service| is_way_in(service) && Kind::of(service.as_str()) == Kind::Login;
    let by_logins = policy.guarded.iter().any(is_login);
    let session = if by_logins { found.login } else { found.became };
    let Some(session) = session else {
        return Err((
            "no-session",
            format!(
                "jitd knows of no login that this shell is in: it is older than jitd's session line in PAM, that line is missing (jitctl doctor shows it), or \
                 it came from a service. {CURE}"
            ),
        ));
    };
    let (who, service) = (&session.login, &session.service);
    if !comes_in(session) {
        return Err((
            "no-session",
            format!("this shell came from {service}, for {who}, which is no way in that is guarded. {CURE}"),
        ));
    }
    if by_it(session) {
        return Ok(());
    }
    let before = match &session.basis {
        Basis::Standing(Standing::Permissive | Standing::Lifted | Standing::Found) => {
            "was not let in by what is enforced now"
        }
        Basis::Grants { .. }
        | Basis::Standing(Standing::Exempt | Standing::BreakGlass | Standing::Unguarded | Standing::Warned) => {
            "came in before this enforcing file was written, or before jitd was last started"
        }
    };
    Err((
        "old-session",
        format!(
            "this shell is in the login of {who} by {service} since {}, who {before}: that it is open does not show that anybody gets in now. {CURE}",
            clock_time(session.opened)
        ),
    ))
}

#[cfg(test)]
mod tests;
