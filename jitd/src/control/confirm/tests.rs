use jit_model::name::Service;
use jit_model::time::Timestamp;

use super::*;
use crate::config;
use crate::sessions::process::ProcessId;
use crate::sessions::state::StateDir;
use crate::sessions::testing::{BOOT, process, session};

const CONFIG: &str = "[host]\nname = \"web1.example.com\"\n[source.ldif]\npath = \"/x\"\n[default_role]\nmax_duration = \"8h\"\n";

fn policy(more: &str) -> Policy {
    config::parse(&format!("{CONFIG}{more}")).unwrap().policy.clone()
}

fn by(service: &str, basis: Option<Standing>) -> Session {
    let mut session = session(11);
    session.service = Service::new(service).unwrap();
    session.mark.kind = Kind::of(service);
    session.opened = Timestamp(1_795_348_800);
    if let Some(standing) = basis {
        session.basis = Basis::Standing(standing);
    }
    session
}

fn judged(
    login: Option<&Session>,
    became: Option<&Session>,
    policy: &Policy,
    by_it: bool,
) -> Result<(), Refusal> {
    judge(Within { login, became }, policy, |_| by_it)
}

#[test]
fn a_login_that_was_let_in_by_the_file_proves_it() {
    let policy = policy("");
    for session in
        [by("sshd", None), by("login", Some(Standing::BreakGlass)), by("sshd", Some(Standing::Exempt))]
    {
        assert_eq!(judged(Some(&session), None, &policy, true), Ok(()));
        assert_eq!(judged(Some(&session), Some(&by("sudo", None)), &policy, true), Ok(()));
    }
}

#[test]
fn only_the_very_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let login = by("sshd", None);
    let (leader, id) = (login.mark.leader, login.id.clone());
    let (registry, _heard) = Registry::new(StateDir::below(dir.path()), BOOT, (vec![login], vec![]));
    let shell = ProcessId { pid: leader.pid + 1, start: leader.start + 1 };
    let table = Table::of([process(leader, 1), process(shell, leader.pid)]);
    let caller = Caller(Some((shell, table)));
    let (policy, file) = (policy(""), FileId::of(b"one"));
    let code = |judged: Result<(), Refusal>| judged.map_err(|(code, _)| code);
    assert_eq!(code(caller.proves(&registry, &policy, file)), Err("old-session"), "by no file that waited");
    registry.let_in_under(id, file);
    assert_eq!(code(caller.proves(&registry, &policy, file)), Ok(()));
    assert_eq!(code(caller.proves(&registry, &policy, FileId::of(b"two"))), Err("old-session"), "by another");
    assert_eq!(code(Caller(None).proves(&registry, &policy, file)), Err("unseen"));
}

#[test]
fn nothing_else_does_and_each_refusal_says_what_to_do() {
    let policy = policy("");
    for (session, says) in [
        (by("sshd", Some(Standing::Permissive)), "was not let in by what is enforced now"),
        (by("sshd", Some(Standing::Lifted)), "was not let in by what is enforced now"),
        (by("sshd", Some(Standing::Found)), "was not let in by what is enforced now"),
        (by("sshd", None), "came in before this enforcing file was written"),
        (by("login", Some(Standing::BreakGlass)), "came in before this enforcing file was written"),
    ] {
        let (code, text) = judged(Some(&session), None, &policy, false).unwrap_err();
        assert_eq!(code, "old-session");
        assert!(
            text.contains(says) && text.contains("login of alice") && text.contains("open a second one"),
            "{text}"
        );
        assert!(text.contains("2026-11-22 12:00 UTC"), "{text}");
    }
    // sudo in no known login, a service that no one comes in by, a job, a user manager.
    let sudo = by("sudo", None);
    let (code, text) = judged(None, Some(&sudo), &policy, true).unwrap_err();
    assert!(
        code == "no-session" && text.contains("session line") && text.contains("jitctl doctor"),
        "{text}"
    );
    for service in ["cron", "atd", "systemd-user", "ftp"] {
        let session = by(service, None);
        let (code, text) = judged(Some(&session), None, &policy, true).unwrap_err();
        assert!(code == "no-session" && text.contains(service), "{text}");
    }
}

#[test]
fn where_no_login_is_guarded_becoming_another_is_the_door() {
    let policy = policy("[guard]\nservices = [\"sudo\"]\n");
    let (login, sudo) = (by("sshd", None), by("sudo", None));
    assert_eq!(judged(None, Some(&sudo), &policy, true), Ok(()));
    assert_eq!(judged(Some(&login), Some(&sudo), &policy, false).unwrap_err().0, "old-session");
    assert_eq!(judged(Some(&login), None, &policy, true).unwrap_err().0, "no-session");
}

#[test]
fn a_job_that_is_guarded_like_a_login_is_none() {
    for service in ["cron", "atd", "systemd-user"] {
        let policy = policy(&format!("[guard]\nservices = [\"sshd\", \"sudo\", \"{service}\"]\n"));
        let (job, sudo) = (by(service, Some(Standing::Exempt)), by("sudo", None));
        assert_eq!(judged(Some(&job), Some(&sudo), &policy, true).unwrap_err().0, "no-session");
        assert_eq!(judged(Some(&by("sshd", None)), None, &policy, true), Ok(()));
    }
    // Nor does it make a host of which only sudo is guarded one that could never be confirmed.
    let policy = policy("[guard]\nservices = [\"sudo\", \"cron\"]\n");
    assert_eq!(judged(None, Some(&by("sudo", None)), &policy, true), Ok(()));
    assert_eq!(judged(Some(&by("cron", None)), None, &policy, true).unwrap_err().0, "no-session");
}
