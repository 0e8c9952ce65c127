//! Frames: what is encoded decodes to the same, what decodes encodes to the same bytes, and nothing else decodes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail"
)]

use jit_proto::frame::{HEADER, Kind, MAX_FRAME, needed};
use jit_proto::{Answer, Cleaned, FrameError, Phase, Question, Verdict};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const FULL: Question<'static> = Question {
    phase: Phase::Account,
    service: "sudo",
    subject: "alice",
    uid: Some(1000),
    target: Some("root"),
    ruser: Some("alice"),
    rhost: Some("192.0.2.7"),
    tty: Some("/dev/pts/0"),
    auth_info: Some("publickey ssh-ed25519 AAAA\npassword\n"),
    auth_info_cut: true,
};

fn line(max: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..max).prop_map(move |chars| {
        let text: String = chars.into_iter().collect();
        Cleaned::<255>::line(text.as_bytes()).as_str().to_owned()
    })
}

fn lines<const N: usize>() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..N).prop_map(|chars| {
        let text: String = chars.into_iter().collect();
        Cleaned::<N>::lines(text.as_bytes()).as_str().to_owned()
    })
}

#[test]
fn the_longest_question_fits() {
    let name = "x".repeat(255);
    let info = "y".repeat(2500);
    let question = Question {
        service: &name,
        subject: &name,
        target: Some(&name),
        ruser: Some(&name),
        rhost: Some(&name),
        tty: Some(&name),
        auth_info: Some(&info),
        ..FULL
    };
    let frame = question.encode().unwrap();
    assert_eq!(Question::decode(frame.as_bytes()), Ok(question));
}

#[test]
fn the_layout_is_fixed() {
    let question = Question {
        phase: Phase::Account,
        service: "sshd",
        subject: "bob",
        uid: Some(0x0102_0304),
        target: None,
        ruser: None,
        rhost: Some(""),
        tty: Some("ssh"),
        auth_info: None,
        auth_info_cut: false,
    };
    let expected =
        b"JITP\x01\x01\x1e\x00\x01\x02\x04\x03\x02\x01\x04\x00sshd\x03\x00bob\xff\xff\xff\xff\x00\x00\x03\x00ssh\xff\xff";
    assert_eq!(question.encode().unwrap().as_bytes(), expected.as_slice());
    let answer = Answer { verdict: Verdict::Deny, until: None, text: "no" };
    let expected = b"JITP\x01\x02\x0e\x00\xa5\x00\0\0\0\0\0\0\0\0\x02\x00no";
    assert_eq!(answer.encode().unwrap().as_bytes(), expected.as_slice());
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = "x".repeat(256);
    let refused = [
        (Question { service: "", ..FULL }, FrameError::Empty("service")),
        (Question { subject: "", ..FULL }, FrameError::Empty("subject")),
        (Question { service: &long, ..FULL }, FrameError::TooLong("service")),
        (Question { tty: Some(&long), ..FULL }, FrameError::TooLong("tty")),
        (Question { rhost: Some("a\nb"), ..FULL }, FrameError::Control("rhost")),
        (Question { subject: "al\u{202e}ice", ..FULL }, FrameError::Control("subject")),
        (Question { auth_info: Some("a\0b"), ..FULL }, FrameError::Control("auth_info")),
        (Question { auth_info: None, ..FULL }, FrameError::Code("flags", 1)),
    ];
    for (question, error) in refused {
        assert_eq!(question.encode().unwrap_err(), error, "{question:?}");
    }
    let long = "x".repeat(1025);
    let answer = Answer { verdict: Verdict::Deny, until: None, text: &long };
    assert_eq!(answer.encode().unwrap_err(), FrameError::TooLong("text"));
    let answer = Answer { verdict: Verdict::Deny, until: None, text: "\u{1b}[2J" };
    assert_eq!(answer.encode().unwrap_err(), FrameError::Control("text"));
}

#[test]
fn every_truncation_and_every_changed_length_is_refused() {
    let frame = FULL.encode().unwrap();
    let whole = frame.as_bytes();
    for end in 0..whole.len() {
        assert!(Question::decode(&whole[..end]).is_err(), "{end}");
    }
    let mut longer = whole.to_vec();
    longer.push(0);
    assert_eq!(Question::decode(&longer), Err(FrameError::Trailing));
    for body in 0..=u16::MAX {
        let mut changed = whole.to_vec();
        changed[6..8].copy_from_slice(&body.to_le_bytes());
        assert_eq!(Question::decode(&changed).is_ok(), usize::from(body) == whole.len() - HEADER);
    }
}

#[test]
fn a_wrong_beginning_is_refused_at_its_first_byte() {
    assert_eq!(needed(Kind::Answer, b""), Ok(HEADER));
    assert_eq!(needed(Kind::Answer, b"X"), Err(FrameError::Magic));
    assert_eq!(needed(Kind::Answer, b"JITP\x02"), Err(FrameError::Version(2)));
    assert_eq!(needed(Kind::Answer, b"JITP\x01\x01"), Err(FrameError::Kind(1)));
    assert_eq!(needed(Kind::Answer, b"JITP\x01\x02\xf9\x0f"), Err(FrameError::Length(4089)));
    assert_eq!(needed(Kind::Answer, b"JITP\x01\x02\xf8\x0f"), Ok(MAX_FRAME));
}

#[test]
fn text_is_cleaned() {
    assert_eq!(Cleaned::<255>::line(b"a\nb\x1b[0m\xff\0").as_str(), "a?b?[0m??");
    assert_eq!(Cleaned::<255>::lines(b"a\nb\r\n").as_str(), "a\nb?\n");
    let cut = Cleaned::<4>::line("aaaé".as_bytes());
    assert!(cut.was_cut() && !cut.is_whole());
    assert_eq!(cut.as_str(), "aaa");
    assert!(Cleaned::<5>::line("aaaé".as_bytes()).is_whole());
    assert!(!Cleaned::<9>::line(b"\xc3").is_whole());
}

proptest! {
    #[test]
    fn questions_come_back(
        phase in prop_oneof![Just(Phase::Account), Just(Phase::Auth), Just(Phase::Open), Just(Phase::Close)],
        (service, subject) in (line(99), line(99)),
        uid in option::of(any::<u32>()),
        (target, ruser, rhost, tty) in (option::of(line(300)), option::of(line(9)), option::of(line(300)), option::of(line(9))),
        auth_info in option::of(lines::<2500>()),
        cut in any::<bool>(),
    ) {
        let question = Question {
            phase, service: &service, subject: &subject, uid, target: target.as_deref(), ruser: ruser.as_deref(),
            rhost: rhost.as_deref(), tty: tty.as_deref(), auth_info: auth_info.as_deref(),
            auth_info_cut: cut && auth_info.is_some(),
        };
        match question.encode() {
            Ok(frame) => prop_assert_eq!(Question::decode(frame.as_bytes()), Ok(question)),
            Err(error) => prop_assert!(service.is_empty() || subject.is_empty(), "{}", error),
        }
    }

    #[test]
    fn answers_come_back(
        verdict in prop_oneof![Just(Verdict::Allow), Just(Verdict::Deny), Just(Verdict::Unguarded)],
        until in option::of(any::<i64>()),
        text in lines::<1024>(),
    ) {
        let answer = Answer { verdict, until, text: &text };
        let frame = answer.encode().unwrap();
        prop_assert_eq!(Answer::decode(frame.as_bytes()), Ok(answer));
    }

    /// Random bytes, and good frames with a few bytes changed: no panic, and what decodes has only this one encoding.
    #[test]
    fn decoding_is_strict(
        noise in vec(any::<u8>(), 0..300),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let answer = Answer { verdict: Verdict::Allow, until: Some(7), text: "text" };
        let (question, answer) = (FULL.encode().unwrap(), answer.encode().unwrap());
        let mut inputs = vec![noise.clone()];
        for good in [question.as_bytes(), answer.as_bytes()] {
            let mut changed = good.to_vec();
            for (at, byte) in &changes {
                let at = at.index(changed.len());
                changed[at] = *byte;
            }
            inputs.push(changed);
            inputs.push([good.get(..HEADER).unwrap(), &noise].concat());
        }
        for input in &inputs {
            if let Ok(question) = Question::decode(input) {
                let frame = question.encode().unwrap();
                prop_assert_eq!(frame.as_bytes(), input.as_slice());
            }
            if let Ok(answer) = Answer::decode(input) {
                let frame = answer.encode().unwrap();
                prop_assert_eq!(frame.as_bytes(), input.as_slice());
            }
        }
    }

    #[test]
    fn cleaned_text_always_fits(raw in vec(any::<u8>(), 0..600)) {
        let cleaned = Cleaned::<255>::line(&raw);
        let question = Question { subject: "x", tty: Some(cleaned.as_str()), ..FULL };
        prop_assert!(question.encode().is_ok());
        prop_assert_eq!(cleaned.is_whole(), cleaned.as_str().as_bytes() == raw.as_slice());
        let cleaned = Cleaned::<1024>::lines(&raw);
        let answer = Answer { verdict: Verdict::Deny, until: None, text: cleaned.as_str() };
        prop_assert!(answer.encode().is_ok());
    }
}
