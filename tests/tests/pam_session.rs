//! The module when a session opens and closes: exact codes, never a word (it would land on standard output), the question that the
//! daemon sees, and a logout that waits for nobody. Real libpam, the release build of the module.

use std::os::unix::net::UnixListener;

use jit_proto::{Phase, Question, Verdict};
use jit_tests::libpam::fake::{Fake, Manner};
use jit_tests::libpam::rig::{Rig, alice, sshds_question};
use jit_tests::libpam::{
    AUTHINFO_UNAVAIL, Call, Hardship, IGNORED, PERM_DENIED, RETURNED, Report, SERVICE_ERR, SUCCESS,
    SYSTEM_ERR, Spec, UNDER_PLAIN_CONTROL_WORDS,
};
use jit_tests::trouble::{Result, Trouble};

fn with(verdict: Verdict) -> Result<(Rig, Fake)> {
    Rig::answered(verdict, "jit: no grant")
}

fn calling(call: Call) -> Spec {
    Spec { calls: vec![call], ..alice() }
}

#[track_caller]
fn assert_code(report: &Report, code: i32, what: &str) {
    assert_eq!(report.codes, [code], "{what}");
    assert_eq!(report.said, [], "{what}: text in a session phase lands on standard output");
    assert_eq!(report.open_before, report.open_after, "{what}: descriptors were left open");
}

#[test]
fn opening_says_what_the_daemon_says_and_never_a_word() -> Result<()> {
    for (verdict, code) in RETURNED {
        let (rig, fake) = with(verdict)?;
        assert_code(&rig.run("", &calling(Call::OpenSession))?, code, &format!("{verdict:?}"));
        assert_eq!(rig.logged(), Vec::<String>::new());
        let questions = fake.questions();
        let [frame] = questions.as_slice() else { panic!("{} questions", questions.len()) };
        let expected = Question { phase: Phase::Open, ..sshds_question("alice", 1000) };
        assert_eq!(Question::decode(frame), Ok(expected));
    }
    Ok(())
}

/// As an admin writes it. sudo goes on at PAM_SESSION_ERR (14), so that must never come out of a denial.
#[test]
fn under_plain_control_words() -> Result<()> {
    for (control, verdict, code) in UNDER_PLAIN_CONTROL_WORDS {
        let (rig, _fake) = with(verdict)?;
        let stack = format!("session {control} /jit/pam_jit.so\nsession required pam_permit.so\n");
        let report = rig.run_stack(&stack, &calling(Call::OpenSession))?;
        assert_code(&report, code, &format!("{control} {verdict:?}"));
        let both = Spec { calls: vec![Call::OpenSession, Call::CloseSession], ..alice() };
        let report = rig.run_stack(&stack, &both)?;
        // libpam takes each module's answer at the opening for its answer at the close.
        assert_eq!(report.codes, [code; 2], "{control} {verdict:?}");
    }
    Ok(())
}

#[test]
fn closing_tells_the_daemon_and_succeeds_whatever_it_says() -> Result<()> {
    for verdict in [Verdict::Allow, Verdict::Deny, Verdict::Unguarded] {
        let (rig, fake) = with(verdict)?;
        assert_code(&rig.run("", &calling(Call::CloseSession))?, SUCCESS, &format!("{verdict:?}"));
        assert_eq!(rig.logged(), Vec::<String>::new());
        let questions = fake.questions();
        let told = questions.iter().map(|frame| {
            Question::decode(frame).map(|told| (told.phase, told.service, told.subject, told.uid))
        });
        assert_eq!(told.collect::<Vec<_>>(), [Ok((Phase::Close, "sshd", "alice", None))]);
    }
    Ok(())
}

/// Whoever leaves does not wait ten seconds because the stack says so for those who come in.
#[test]
fn closing_does_not_wait_for_a_daemon_that_hangs() -> Result<()> {
    const SAID: u64 = 10_000;
    let options = format!("timeout={SAID}");
    let accepts = Rig::released()?;
    let _fake = Fake::start(&accepts.socket(), Manner::SendsAndHangs(Vec::new()))?;
    let listens = Rig::released()?;
    let _listener = UnixListener::bind(listens.socket()).map_err(|e| Trouble::io(&listens.socket(), e))?;
    for (what, rig) in [("accepts and is silent", accepts), ("never accepts", listens)] {
        let report = rig.run(&options, &calling(Call::CloseSession))?;
        assert_code(&report, SUCCESS, what);
        assert!(report.millis < SAID, "{what}: {} ms", report.millis);
        assert_eq!(rig.logged().len(), 1, "{what}");
    }
    Ok(())
}

const FILE: &str = "\
guard sshd
guard sudo
exempt user bob
break-glass-user rescue
end enforcing
";

#[test]
fn without_a_daemon_the_file_says_who_opens() -> Result<()> {
    let rig = Rig::released()?;
    let opens = |service: &str, user: &str, code: i32, priority: Option<&str>| -> Result<()> {
        let spec =
            Spec { service: service.to_owned(), user: Some(user.to_owned()), ..calling(Call::OpenSession) };
        rig.logged();
        assert_code(&rig.run("", &spec)?, code, &format!("{service} {user}"));
        let logged = rig.logged();
        assert_eq!(logged.len(), usize::from(priority.is_some()), "{logged:?}");
        assert!(logged.iter().all(|line| line.starts_with(priority.unwrap_or_default())), "{logged:?}");
        Ok(())
    };
    rig.enforce(FILE)?;
    opens("sshd", "alice", AUTHINFO_UNAVAIL, Some("<83>"))?;
    opens("sshd", "bob", IGNORED, Some("<85>"))?;
    opens("sshd", "rescue", SUCCESS, Some("<81>"))?;
    opens("cron", "alice", IGNORED, None)?;
    std::fs::remove_file(rig.path("etc/jitd/enforcing")).map_err(|e| Trouble::new(e.to_string()))?;
    opens("sshd", "alice", IGNORED, Some("<84>"))
}

/// sudo's PAM_USER is root when its session opens; whose session it is, the real uid says. Needs root, for the other real uid.
#[test]
fn sudo_opens_for_its_caller() -> Result<()> {
    for service in ["sudo", "sudo-i", "su", "su-l", "doas"] {
        let (rig, fake) = with(Verdict::Allow)?;
        let by_bob = |call| Spec {
            service: service.to_owned(),
            user: Some("root".to_owned()),
            real_uid: Some(1001),
            ..calling(call)
        };
        assert_code(&rig.run("", &by_bob(Call::OpenSession))?, SUCCESS, service);
        assert_code(&rig.run("", &by_bob(Call::CloseSession))?, SUCCESS, service);
        let questions = fake.questions();
        let asked = questions
            .iter()
            .map(|frame| Question::decode(frame).map(|q| (q.phase, q.service, q.subject, q.uid, q.target)));
        let expected = [
            Ok((Phase::Open, service, "bob", Some(1001), Some("root"))),
            // No name service holds up a logout.
            Ok((Phase::Close, service, "#0000001001", None, None)),
        ];
        assert_eq!(asked.collect::<Vec<_>>(), expected);
        // A caller without a name is never allowed.
        let nameless = Spec { real_uid: Some(4242), ..by_bob(Call::OpenSession) };
        assert_code(&rig.run("", &nameless)?, PERM_DENIED, service);
    }
    Ok(())
}

#[test]
fn root_turns_into_others_unasked() -> Result<()> {
    let (rig, fake) = with(Verdict::Deny)?;
    for service in ["su", "su-l", "sudo", "sudo-i", "doas"] {
        for call in [Call::OpenSession, Call::CloseSession] {
            let spec = Spec { service: service.to_owned(), ..calling(call) };
            assert_code(&rig.run("", &spec)?, IGNORED, service);
        }
    }
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}

#[test]
fn without_a_name_nothing_opens_and_everything_closes() -> Result<()> {
    for user in [None, Some(String::new())] {
        let (rig, fake) = with(Verdict::Allow)?;
        let run = |call| rig.run("", &Spec { user: user.clone(), ..calling(call) });
        assert_eq!(run(Call::OpenSession)?.codes, [PERM_DENIED], "{user:?}");
        assert_code(&run(Call::CloseSession)?, SUCCESS, "nobody is asked for a name");
        assert_eq!(fake.questions().len(), 0);
    }
    let (rig, _fake) = with(Verdict::Allow)?;
    for user in ["Alice", "nobody-here", "al\u{202e}ice"] {
        let spec = Spec { user: Some(user.to_owned()), ..calling(Call::OpenSession) };
        assert_code(&rig.run("", &spec)?, PERM_DENIED, user);
    }
    Ok(())
}

#[test]
fn a_bad_option_opens_and_closes_nothing() -> Result<()> {
    let (rig, fake) = with(Verdict::Allow)?;
    for call in [Call::OpenSession, Call::CloseSession] {
        assert_code(&rig.run("timeout=1", &calling(call))?, SERVICE_ERR, &format!("{call:?}"));
        assert_eq!(rig.logged().len(), 1);
    }
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}

/// A caller can take from sudo what it needs; a session that cannot be asked about does not open, and every one closes. (Where libpam
/// is built with audit, its own want of a descriptor makes PAM_SYSTEM_ERR of whatever the module returned.)
#[test]
fn under_hardship() -> Result<()> {
    for (hardship, code) in [
        (Hardship::NoFiles, AUTHINFO_UNAVAIL),
        (Hardship::NoMemory, SUCCESS),
        (Hardship::NoStandardStreams, SUCCESS),
        (Hardship::Signals, SUCCESS),
    ] {
        let (rig, _fake) = with(Verdict::Allow)?;
        rig.enforce("")?;
        for (call, code) in [(Call::OpenSession, code), (Call::CloseSession, SUCCESS)] {
            let report = rig.run("", &Spec { hardship: vec![hardship], ..calling(call) })?;
            let starved = hardship == Hardship::NoFiles && report.codes == [SYSTEM_ERR];
            assert!(report.codes == [code] || starved, "{hardship:?} {call:?} {report:?}");
            assert_eq!((report.said.len(), &report.open_before), (0, &report.open_after), "{hardship:?}");
        }
    }
    Ok(())
}
