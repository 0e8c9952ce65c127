//! The module and a daemon that answers: exact codes, exact words, and the question that the daemon sees.
//! Real libpam, the release build of the module.

use jit_proto::{Phase, Question, Verdict};
use jit_tests::libpam::fake::{Fake, Manner};
use jit_tests::libpam::rig::{Rig, alice, sshds_question};
use jit_tests::libpam::{
    Call, ERROR_MSG, IGNORED, PERM_DENIED, Report, SERVICE_ERR, SUCCESS, Spec, UNDER_PLAIN_CONTROL_WORDS,
};
use jit_tests::trouble::Result;

const WHY: &str =
    "jit: no grant.\nroot can grant it on this host: jitctl grant add alice --for 2h --reason '...'";

fn with(verdict: Verdict) -> Result<(Rig, Fake)> {
    Rig::answered(verdict, WHY)
}

fn assert_clean(report: &Report) {
    assert_eq!(report.open_before, report.open_after, "descriptors were left open");
}

#[test]
fn account_says_what_the_daemon_says() -> Result<()> {
    for (verdict, code, said) in [
        (Verdict::Allow, SUCCESS, vec![]),
        (Verdict::Deny, PERM_DENIED, vec![(ERROR_MSG, WHY.to_owned())]),
        (Verdict::Unguarded, IGNORED, vec![]),
    ] {
        let (rig, _fake) = with(verdict)?;
        let report = rig.run("", &alice())?;
        assert_eq!((report.codes.as_slice(), &report.said), ([code].as_slice(), &said), "{verdict:?}");
        assert_clean(&report);
        assert_eq!(rig.logged(), Vec::<String>::new());
        let silent = rig.run("", &Spec { silent: true, ..alice() })?;
        assert_eq!((silent.codes.as_slice(), silent.said.len()), ([code].as_slice(), 0), "{verdict:?}");
    }
    Ok(())
}

/// sudo asks for silence whatever happens, and then says nothing of use itself. Needs root, for the other real uid.
#[test]
fn sudo_is_told_why_though_it_wants_silence() -> Result<()> {
    for (verdict, said) in [(Verdict::Deny, vec![(ERROR_MSG, WHY.to_owned())]), (Verdict::Allow, vec![])] {
        let (rig, _fake) = with(verdict)?;
        let service = "sudo".to_owned();
        let spec =
            Spec { service, user: Some("root".to_owned()), real_uid: Some(1000), silent: true, ..alice() };
        assert_eq!(rig.run("", &spec)?.said, said, "{verdict:?}");
    }
    Ok(())
}

#[test]
fn auth_never_succeeds_and_never_speaks() -> Result<()> {
    for (verdict, code) in
        [(Verdict::Allow, IGNORED), (Verdict::Deny, PERM_DENIED), (Verdict::Unguarded, IGNORED)]
    {
        let (rig, fake) = with(verdict)?;
        let report = rig.run("", &Spec { calls: vec![Call::Authenticate], ..alice() })?;
        assert_eq!((report.codes.as_slice(), report.said.len()), ([code].as_slice(), 0), "{verdict:?}");
        assert_clean(&report);
        let questions = fake.questions();
        let phases = questions.iter().map(|frame| Question::decode(frame).map(|question| question.phase));
        assert_eq!(phases.collect::<Vec<_>>(), [Ok(Phase::Auth)]);
    }
    Ok(())
}

/// In a stack as an admin writes it, without the rig's translation of PAM_IGNORE.
#[test]
fn under_plain_control_words() -> Result<()> {
    for (control, verdict, code) in UNDER_PLAIN_CONTROL_WORDS {
        let (rig, _fake) = with(verdict)?;
        let stack = format!("account {control} /jit/pam_jit.so\naccount required pam_permit.so\n");
        assert_eq!(rig.run_stack(&stack, &alice())?.codes, [code], "{control} {verdict:?}");
    }
    // `sufficient` in auth must not mean "no password".
    let (rig, _fake) = with(Verdict::Allow)?;
    let stack = "auth sufficient /jit/pam_jit.so\nauth required pam_deny.so\n";
    let report = rig.run_stack(stack, &Spec { calls: vec![Call::Authenticate], ..alice() })?;
    assert_eq!(report.codes, [7]);
    Ok(())
}

#[test]
fn the_other_phases_have_no_opinion_and_ask_nothing() -> Result<()> {
    let (rig, fake) = with(Verdict::Deny)?;
    let calls = vec![Call::Setcred, Call::Chauthtok];
    let report = rig.run("", &Spec { calls, ..alice() })?;
    assert_eq!(report.codes, [IGNORED; 2]);
    assert_clean(&report);
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}

#[test]
fn the_question_holds_what_pam_knows() -> Result<()> {
    let (rig, fake) = with(Verdict::Allow)?;
    let keys = format!("publickey ssh-ed25519 {}\n", "A".repeat(3000));
    let spec = Spec {
        ruser: Some("eve\u{1b}[2J".to_owned()),
        environment: vec![format!("SSH_AUTH_INFO_0={keys}")],
        ..alice()
    };
    rig.run("", &spec)?;
    let questions = fake.questions();
    let [frame] = questions.as_slice() else { panic!("{} questions", questions.len()) };
    let expected = Question {
        ruser: Some("eve?[2J"),
        auth_info: keys.get(..2500),
        auth_info_cut: true,
        ..sshds_question("alice", 1000)
    };
    assert_eq!(Question::decode(frame), Ok(expected));
    Ok(())
}

/// Not the account of that very name: the daemon is told, and even its "allow" does not count.
#[test]
fn a_name_that_is_no_accounts_name_is_never_allowed() -> Result<()> {
    let long = "x".repeat(300);
    for (user, subject) in [
        ("Alice", "Alice"),
        ("nobody-here", "nobody-here"),
        ("al\u{202e}ice", "al?ice"),
        (long.as_str(), &long[..255]),
    ] {
        let (rig, fake) = with(Verdict::Allow)?;
        let report = rig.run("", &Spec { user: Some(user.to_owned()), ..alice() })?;
        assert_eq!(report.codes, [PERM_DENIED], "{user}");
        let questions = fake.questions();
        let asked = questions.iter().map(|frame| Question::decode(frame).map(|q| (q.subject, q.uid)));
        assert_eq!(asked.collect::<Vec<_>>(), [Ok((subject, None))]);
        assert_eq!(rig.logged().len(), 1);
    }
    Ok(())
}

#[test]
fn without_a_user_nobody_comes_in() -> Result<()> {
    for user in [None, Some(String::new())] {
        let (rig, fake) = with(Verdict::Allow)?;
        for call in [Call::Account, Call::Authenticate] {
            let report = rig.run("", &Spec { user: user.clone(), calls: vec![call], ..alice() })?;
            assert_eq!(report.codes, [PERM_DENIED], "{user:?}");
        }
        assert_eq!(fake.questions().len(), 0);
    }
    Ok(())
}

/// su and sudo are judged by who asks, whatever PAM_USER and PAM_RUSER say. Needs root, for the other real uid.
#[test]
fn su_and_sudo_are_judged_by_the_real_uid() -> Result<()> {
    for service in ["su", "su-l", "sudo", "sudo-i", "doas", "polkit-1"] {
        for (user, ruser) in
            [("root", None), ("root", Some("root")), ("alice", Some("alice")), ("bob", Some(""))]
        {
            let (rig, fake) = with(Verdict::Allow)?;
            let spec = Spec {
                service: service.to_owned(),
                user: Some(user.to_owned()),
                ruser: ruser.map(str::to_owned),
                rhost: None,
                real_uid: Some(1001),
                ..alice()
            };
            assert_eq!(rig.run("", &spec)?.codes, [SUCCESS]);
            let questions = fake.questions();
            let asked =
                questions.iter().map(|frame| Question::decode(frame).map(|q| (q.subject, q.uid, q.target)));
            assert_eq!(
                asked.collect::<Vec<_>>(),
                // A target that is the subject himself is none: sudo names its caller here.
                [Ok(("bob", Some(1001), (user != "bob").then_some(user)))],
                "{service} {ruser:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_real_uid_without_a_name_is_never_allowed() -> Result<()> {
    let (rig, fake) = with(Verdict::Allow)?;
    let spec = Spec { service: "sudo".to_owned(), real_uid: Some(4242), ..alice() };
    assert_eq!(rig.run("", &spec)?.codes, [PERM_DENIED]);
    let questions = fake.questions();
    let asked = questions.iter().map(|frame| Question::decode(frame).map(|q| (q.subject, q.uid)));
    assert_eq!(asked.collect::<Vec<_>>(), [Ok(("#0000004242", None))]);
    Ok(())
}

/// Root's own su and sudo are nobody's business; polkit's helper run by systemd as root speaks of PAM_USER.
#[test]
fn root_turns_into_others_unasked() -> Result<()> {
    let (rig, fake) = with(Verdict::Deny)?;
    for service in ["su", "su-l", "sudo", "sudo-i", "doas"] {
        let calls = vec![Call::Authenticate, Call::Account];
        let report = rig.run("", &Spec { service: service.to_owned(), calls, ..alice() })?;
        assert_eq!(report.codes, [IGNORED, IGNORED], "{service}");
    }
    assert_eq!(fake.questions().len(), 0);
    for service in ["polkit-1", "login", "sshd", "runuser"] {
        let spec = Spec { service: service.to_owned(), user: Some("root".to_owned()), ..alice() };
        assert_eq!(rig.run("", &spec)?.codes, [PERM_DENIED], "{service}");
    }
    assert_eq!(fake.questions().len(), 4);
    Ok(())
}

#[test]
fn a_bad_option_is_an_error_and_lets_nobody_in() -> Result<()> {
    for options in [
        "debug",
        "timeout=1",
        "timeout=99999",
        "timeout=2s",
        "socket=run/jitd/pam.sock",
        "socket=",
        "timeout=100 timeout=100",
        "enforcing=/etc/jitd/other",
        "panic",
    ] {
        let (rig, fake) = with(Verdict::Allow)?;
        let spec = Spec { calls: vec![Call::Account, Call::Authenticate], ..alice() };
        let report = rig.run(options, &spec)?;
        assert_eq!(report.codes, [SERVICE_ERR; 2], "{options}");
        assert_clean(&report);
        assert_eq!(fake.questions().len(), 0);
        let logged = rig.logged();
        assert!(
            logged.iter().all(|line| line.starts_with("<83>pam_jit[")) && logged.len() == 2,
            "{logged:?}"
        );
    }
    Ok(())
}

#[test]
fn another_socket_can_be_named() -> Result<()> {
    let rig = Rig::released()?;
    let _fake = Fake::start(&rig.path("run/other.sock"), Manner::Answers(Verdict::Allow, String::new()))?;
    assert_eq!(rig.run("socket=/run/other.sock timeout=10000", &alice())?.codes, [SUCCESS]);
    Ok(())
}
