//! A session begins or ends. What the module is told about a beginning counts only together with a session that is known and can be
//! ended again, so it is registered, on disk, before the answer is sent.
//!
//! Who asks is known by the kernel's word: the peer's process number, and the time of its start, which is the asking process's as
//! long as the connection is not hung up, for it waits for its answer. Where that cannot be seen, nobody gets in whose session
//! would have to end; whoever has no deadline is let in unregistered.

use std::os::fd::AsFd;

use jit_model::decide::{Allow, Unguarded, Verdict};
use jit_model::name::{Login, Service};
use jit_model::reason::DenyReason;
use jit_model::session::Rest;
use jit_model::time::Timestamp;
use jit_proto::Question;

use crate::desk::Decided;
use crate::mode::{FileId, Mode};
use crate::sessions::claim::{Kind, Mark};
use crate::sessions::peer;
use crate::sessions::process::ProcessId;
use crate::sessions::record::{Basis, Life, Session, Standing};
use crate::sessions::registry::{Registry, Room, Word};

/// An uid that nobody has: for a peer without a certain account.
const NOBODY: u32 = u32::MAX;

/// What is decided about a beginning, and what the warden is to hear once the answer is sent.
pub(super) struct Opening {
    /// The verdict; another one than the rule's where the session could not be ended.
    pub(super) decided: Decided,
    /// For the warden.
    pub(super) after: Option<Word>,
}

/// A session begins at the settled time `now`, and `decided` is what the rule says about it.
pub(super) fn open(
    question: &Question<'_>,
    decided: Decided,
    now: Timestamp,
    registry: &Registry,
    connection: &impl AsFd,
) -> Opening {
    let leader = peer::identify(connection);
    match basis(&decided) {
        Some(basis) => {
            let refused = match leader {
                Some(leader) => register(question, basis, leader, now, decided.unconfirmed, registry),
                None => refusal(&basis, "the process that asks cannot be seen"),
            };
            let decided = match refused {
                // Nothing is said in this phase, so there is no text.
                Some(why) => Decided { verdict: Verdict::Deny(why), text: String::new(), ..decided },
                None => decided,
            };
            Opening { after: denied(question, &decided, leader), decided }
        }
        None => Opening { after: denied(question, &decided, leader), decided },
    }
}

/// A session ends.
pub(super) fn close(question: &Question<'_>, registry: &Registry, connection: &impl AsFd) {
    if let (Some(leader), Ok(service)) = (peer::identify(connection), Service::new(question.service)) {
        registry.close(leader, &service);
    }
}

/// Why a session may begin that is to be known; nothing for one that is nobody's business, or is denied.
fn basis(decided: &Decided) -> Option<Basis> {
    match (&decided.verdict, decided.mode) {
        (Verdict::Allow(Allow::Grants { grants, until }), Mode::Enforcing) => {
            let rests = grants.iter().filter_map(|grant| Rest::of(grant)).collect();
            Some(Basis::Grants { rests, until: *until })
        }
        (Verdict::Allow(Allow::Grants { .. }) | Verdict::Deny(_), Mode::Permissive) => {
            Some(Basis::Standing(Standing::Permissive))
        }
        (Verdict::Allow(Allow::BreakGlass), _) => Some(Basis::Standing(Standing::BreakGlass)),
        (Verdict::Unguarded(Unguarded::Exempt(_)), _) => Some(Basis::Standing(Standing::Exempt)),
        (Verdict::Unguarded(Unguarded::NotProduction | Unguarded::Service | Unguarded::Background), _)
        | (Verdict::Deny(_), Mode::Enforcing) => None,
    }
}

/// Makes a session known; why it must not begin, if it must not.
fn register(
    question: &Question<'_>,
    basis: Basis,
    leader: ProcessId,
    now: Timestamp,
    under: Option<FileId>,
    registry: &Registry,
) -> Option<DenyReason> {
    let (Ok(login), Ok(service), Some(uid)) =
        (Login::new(question.subject), Service::new(question.service), question.uid)
    else {
        // No grant is for such a name, so this is somebody who is let in because the host is permissive.
        return refusal(&basis, "it is no certain account's");
    };
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let full = refusal(&basis, "too many sessions are known already");
    let session = Session {
        id: registry.new_id(leader),
        boot: registry.boot(),
        mark: Mark::of(leader, Kind::of(question.service), uid),
        login,
        service,
        target: some(question.target),
        rhost: some(question.rhost),
        tty: some(question.tty),
        opened: now,
        basis,
        life: Life::Open,
        warned: now,
        order: None,
    };
    let id = session.id.clone();
    match registry.open(session) {
        Room::Found => {
            if let Some(file) = under {
                registry.let_in_under(id, file);
            }
            None
        }
        Room::Full => full,
    }
}

/// What becomes of a session that cannot be known: one with a deadline must not begin.
fn refusal(basis: &Basis, why: &'static str) -> Option<DenyReason> {
    match basis {
        Basis::Grants { .. } => Some(DenyReason::Endless(why)),
        Basis::Standing(_) => None,
    }
}

/// sshd keeps a connection up whose session is denied, so the warden ends a peer that would have come in. Whoever wanted to
/// become another is in already, and stays who he is.
fn denied(question: &Question<'_>, decided: &Decided, leader: Option<ProcessId>) -> Option<Word> {
    let (Verdict::Deny(_), Mode::Enforcing, Kind::Login, Some(leader)) =
        (&decided.verdict, decided.mode, Kind::of(question.service), leader)
    else {
        return None;
    };
    let mark = Mark::of(leader, Kind::Login, question.uid.unwrap_or(NOBODY));
    Some(Word::Denied {
        mark: Box::new(mark),
        login: question.subject.to_owned(),
        service: question.service.to_owned(),
    })
}

#[cfg(test)]
mod tests;
