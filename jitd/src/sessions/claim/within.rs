//! The other way round: which session a process is in. By the tree first, for a parent that lives is the plainest evidence there is; then by
//! the mark or the scope of the login, for what has lost its parents (a terminal multiplexer's server, and every window in it, is its first
//! login's). A login that was typed within another one (`login -f`, which asks for no password) is in that one, and so is what an sshd that
//! runs there takes in; an ssh to this very host comes from the host's own sshd, and is one by itself.
//!
//! Asked to find out what somebody has proved by coming in, so in doubt he is in none, or in the older one.

use std::sync::Arc;

use super::Kind;
use super::rules::{ancestors, is_nobodys, parent};
use crate::sessions::process::{Process, ProcessId, Table, session_scope};
use crate::sessions::record::{Life, Session};

/// The open sessions that a process is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Within<'s> {
    /// The login: ssh, the console. What became another within it (sudo) is no login.
    pub login: Option<&'s Session>,
    /// The nearest session in which somebody became another.
    pub became: Option<&'s Session>,
}

/// In which of these a process is; none if it is gone.
pub fn within<'s>(process: ProcessId, table: &Table, sessions: &'s [Arc<Session>]) -> Within<'s> {
    let Some(process) = table.alive(process) else { return Within::default() };
    let above: Vec<ProcessId> =
        [process.id].into_iter().chain(ancestors(table, process).into_iter().map(|above| above.id)).collect();
    let open = |kind: Kind| {
        sessions
            .iter()
            .map(Arc::as_ref)
            .filter(move |session| session.life == Life::Open && session.mark.kind == kind)
    };
    let led = |kind: Kind| move |id: &ProcessId| open(kind).find(|session| session.mark.leader == *id);
    let marked = |process: &Process| {
        let audit = process.audit?;
        open(Kind::Login).find(|session| session.mark.audit == Some(audit))
    };
    let scoped = |process: &Process| {
        // Another login's mark says as firmly that it is not this one.
        let scope = session_scope(&process.cgroup).filter(|_| process.audit.is_none())?;
        open(Kind::Login).find(|session| session.mark.scope.as_deref() == Some(scope))
    };
    let outermost = above.iter().rev().find_map(led(Kind::Login));
    let login = outermost.or_else(|| marked(process)).or_else(|| scoped(process));
    // In a window of a multiplexer no living parent leads to the login around it; and that may be one that nobody told us of.
    let shell = login
        .filter(|login| is_typed(login))
        .and_then(|login| parent(table, table.alive(login.mark.leader)?))
        .filter(|shell| is_in_a_login(table, shell) || scoped(shell).is_some());
    let login = match shell {
        Some(shell) => marked(shell).or_else(|| scoped(shell)),
        None => login,
    };
    Within { login, became: above.iter().find_map(led(Kind::Become)) }
}

/// Whether a process bears the mark of a login; not one that process 1 or this daemon bears as well, as they do where somebody has raised the
/// whole host from a login.
fn is_in_a_login(table: &Table, process: &Process) -> bool {
    let everybodys = |audit| table.iter().any(|process| is_nobodys(process) && process.audit == Some(audit));
    process.audit.is_some_and(|audit| !everybodys(audit))
}

/// Whether somebody may have typed the login in a shell, instead of coming in by it: what getty(8) starts is what root can start, too. Not so
/// sshd, which bears the mark of the login in which it was last started anew by hand.
fn is_typed(login: &Session) -> bool {
    matches!(login.service.as_str(), "login" | "remote")
}

#[cfg(test)]
mod tests {
    use jit_model::name::Service;

    use super::*;
    use crate::sessions::process::AuditMark;
    use crate::sessions::testing;

    const OLD: AuditMark = AuditMark { login_uid: 1000, session: 3 };
    const NEW: AuditMark = AuditMark { login_uid: 1000, session: 4 };
    const THIRD: AuditMark = AuditMark { login_uid: 1000, session: 5 };
    const FOURTH: AuditMark = AuditMark { login_uid: 1000, session: 6 };
    const FIFTH: AuditMark = AuditMark { login_uid: 0, session: 7 };
    const SIXTH: AuditMark = AuditMark { login_uid: 1000, session: 9 };
    const STRANGE: AuditMark = AuditMark { login_uid: 1000, session: 8 };

    fn id(pid: i32) -> ProcessId {
        ProcessId { pid, start: u64::from(pid.unsigned_abs()) }
    }

    fn process(pid: i32, parent: i32, audit: Option<AuditMark>) -> Process {
        Process { audit, ..testing::process(id(pid), parent) }
    }

    fn session(pid: i32, kind: Kind, audit: Option<AuditMark>) -> Arc<Session> {
        let mut session = testing::session(pid);
        (session.mark.leader, session.mark.kind, session.mark.audit) = (id(pid), kind, audit);
        Arc::new(session)
    }

    fn scope(pid: i32) -> String {
        format!("/user.slice/user-1000.slice/session-{pid}.scope")
    }

    fn in_scope(pid: i32, audit: AuditMark) -> Arc<Session> {
        let mut session = Session::clone(&session(pid, Kind::Login, Some(audit)));
        session.mark.scope = Some(scope(pid));
        Arc::new(session)
    }

    fn typed(pid: i32, audit: AuditMark) -> Arc<Session> {
        let mut session = Session::clone(&session(pid, Kind::Login, Some(audit)));
        session.service = Service::new("login").unwrap();
        Arc::new(session)
    }

    /// Two ssh logins, 10 (old) and 20 (new), each with a shell and a sudo in it; an sshd that runs in the old one took 60 in, and one that was
    /// started from it and has left it, 70; in a multiplexer's window of the old one (30), 80 was typed; 90 came in at the console.
    fn table() -> Table {
        Table::of([
            process(1, 0, None),
            process(5, 1, None),
            process(10, 5, Some(OLD)),
            process(11, 10, Some(OLD)),
            process(12, 11, Some(OLD)),
            process(13, 12, Some(OLD)),
            process(20, 5, Some(NEW)),
            process(21, 20, Some(NEW)),
            process(22, 21, Some(NEW)),
            process(23, 22, Some(NEW)),
            process(30, 1, Some(OLD)),
            process(31, 1, Some(NEW)),
            Process { cgroup: scope(10), ..process(32, 1, None) },
            Process { cgroup: scope(10), ..process(33, 1, Some(STRANGE)) },
            process(40, 1, None),
            process(60, 11, Some(OLD)),
            process(61, 60, Some(OLD)),
            process(65, 1, Some(OLD)),
            process(70, 65, Some(THIRD)),
            process(71, 70, Some(THIRD)),
            process(80, 30, Some(FOURTH)),
            process(81, 80, Some(FOURTH)),
            process(82, 1, Some(FOURTH)),
            process(90, 1, Some(FIFTH)),
            process(91, 90, Some(FIFTH)),
            process(100, 1, Some(STRANGE)),
            process(101, 100, Some(SIXTH)),
            process(102, 101, Some(SIXTH)),
        ])
    }

    fn sessions() -> Vec<Arc<Session>> {
        vec![
            in_scope(10, OLD),
            session(12, Kind::Become, Some(OLD)),
            session(20, Kind::Login, Some(NEW)),
            session(22, Kind::Become, Some(NEW)),
            session(60, Kind::Login, None),
            session(70, Kind::Login, Some(THIRD)),
            typed(80, FOURTH),
            typed(90, FIFTH),
            typed(101, SIXTH),
        ]
    }

    fn led(session: Option<&Session>) -> Option<i32> {
        session.map(|session| session.mark.leader.pid)
    }

    #[test]
    fn the_login_is_found_from_everywhere_in_it() {
        let (table, sessions) = (table(), sessions());
        for (pid, login, became) in [
            (11, Some(10), None),
            // What sudo started is in the login that it was typed in.
            (13, Some(10), Some(12)),
            (23, Some(20), Some(22)),
            (20, Some(20), None),
            // The window of a multiplexer, wherever it is looked at from.
            (30, Some(10), None),
            (31, Some(20), None),
            // Without a mark the scope says it; another mark says that it is not so.
            (32, Some(10), None),
            (33, None, None),
            // A daemon's, and what is gone.
            (40, None, None),
            (99, None, None),
            // What was let in within the old login shows nothing of the way in from outside,
            (61, Some(10), None),
            // unless it came by a listener that is a daemon, though somebody started it.
            (71, Some(70), None),
            // `login -f`, and what was left behind by it.
            (81, Some(10), None),
            (82, Some(10), None),
            (91, Some(90), None),
            // Typed in a login that is older than the session line, of which we know nothing.
            (102, None, None),
        ] {
            let found = within(id(pid), &table, &sessions);
            assert_eq!((led(found.login), led(found.became)), (login, became), "{pid}");
        }
        let another = ProcessId { start: 7, ..id(23) };
        assert_eq!(within(another, &table, &sessions), Within::default(), "its number was used again");
    }

    #[test]
    fn a_console_of_a_host_that_was_raised_from_a_login_is_one() {
        let table = Table::of([
            process(1, 0, Some(STRANGE)),
            process(90, 1, Some(FIFTH)),
            process(91, 90, Some(FIFTH)),
        ]);
        assert_eq!(led(within(id(91), &table, &sessions()).login), Some(90));
    }

    #[test]
    fn what_is_not_open_is_none() {
        let table = table();
        for life in [Life::Closed, Life::Ending] {
            let mut session = Session::clone(&sessions()[0]);
            session.life = life;
            assert_eq!(within(id(13), &table, &[Arc::new(session)]), Within::default());
        }
        // A leader of that number, but another process.
        let mut session = Session::clone(&sessions()[0]);
        (session.mark.leader.start, session.mark.audit) = (9, None);
        assert_eq!(within(id(13), &table, &[Arc::new(session)]), Within::default());
    }
}
