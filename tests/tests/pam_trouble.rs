//! The module and a daemon that is absent, hangs or talks nonsense: the exact code, within the deadline, no descriptor left
//! open, nothing printed (the rig sees to that), and one line in the log. Never an "allow".

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use jit_proto::{Answer, Verdict};
use jit_tests::libpam::fake::{Fake, Full, Manner};
use jit_tests::libpam::rig::{Rig, alice, set_mode, sshds_question};
use jit_tests::libpam::{AUTHINFO_UNAVAIL, Call, ERROR_MSG, IGNORED, SUCCESS, Spec};
use jit_tests::trouble::{Result, Trouble};

/// Proof of not hanging, and no measure of speed: a deadline of 300 ms must be over by then, twice.
const HANGS: u64 = 20_000;

fn allow() -> Result<Vec<u8>> {
    let answer = Answer { verdict: Verdict::Allow, until: None, text: "" };
    answer.encode().map(|frame| frame.as_bytes().to_vec()).map_err(|e| Trouble::new(e.to_string()))
}

/// Enforcing: all phases say "unavailable", account with one line of text. Permissive: all ignore. The end of a session succeeds.
fn assert_no_answer(rig: &Rig, what: &str) -> Result<()> {
    let all = Spec { calls: vec![Call::Account, Call::Authenticate, Call::OpenSession], ..alice() };
    for (enforcing, codes, lines) in [(true, [AUTHINFO_UNAVAIL; 3], 1), (false, [IGNORED; 3], 0)] {
        if enforcing {
            rig.enforce("")?;
        } else {
            fs::remove_file(rig.path("etc/jitd/enforcing")).map_err(|e| Trouble::new(e.to_string()))?;
        }
        rig.logged();
        let report = rig.run("timeout=300", &all)?;
        assert_eq!(report.codes, codes, "{what}, enforcing {enforcing}");
        assert_eq!(report.open_before, report.open_after, "{what}: descriptors were left open");
        assert!(report.millis < HANGS, "{what}: {} ms", report.millis);
        assert_eq!(report.said.len(), lines, "{what}");
        assert!(report.said.iter().all(|(style, text)| *style == ERROR_MSG && !text.contains('\n')));
        let logged = rig.logged();
        assert_eq!(logged.len(), 3, "{what}: {logged:?}");
        let silent = rig.run("timeout=300", &Spec { silent: true, ..alice() })?;
        assert_eq!((silent.codes.first(), silent.said.len()), (codes.first(), 0), "{what}");
    }
    rig.logged();
    let close = rig.run("timeout=300", &Spec { calls: vec![Call::CloseSession], ..alice() })?;
    assert_eq!((close.codes.as_slice(), close.said.len()), ([SUCCESS].as_slice(), 0), "{what}");
    assert_eq!(close.open_before, close.open_after, "{what}: descriptors were left open");
    let logged = rig.logged();
    assert!(logged.len() == 1 && logged[0].starts_with("<85>pam_jit["), "{what}: {logged:?}");
    Ok(())
}

#[test]
fn no_socket() -> Result<()> {
    let rig = Rig::released()?;
    assert_no_answer(&rig, "no socket")?;
    fs::remove_dir(rig.path("run/jitd")).map_err(|e| Trouble::new(e.to_string()))?;
    assert_no_answer(&rig, "no directory")
}

#[test]
fn nobody_listens_any_more() -> Result<()> {
    let rig = Rig::released()?;
    drop(UnixListener::bind(rig.socket()).map_err(|e| Trouble::io(&rig.socket(), e))?);
    assert_no_answer(&rig, "refused")
}

#[test]
fn not_a_stream_socket() -> Result<()> {
    let one = Rig::released()?;
    fs::write(one.socket(), "").map_err(|e| Trouble::io(&one.socket(), e))?;
    assert_no_answer(&one, "a file")?;
    let two = Rig::released()?;
    let _socket = UnixDatagram::bind(two.socket()).map_err(|e| Trouble::io(&two.socket(), e))?;
    assert_no_answer(&two, "a datagram socket")
}

#[test]
fn nobody_accepts() -> Result<()> {
    let rig = Rig::released()?;
    let _listener = UnixListener::bind(rig.socket()).map_err(|e| Trouble::io(&rig.socket(), e))?;
    assert_no_answer(&rig, "not accepted")
}

#[test]
fn the_backlog_is_full() -> Result<()> {
    let rig = Rig::released()?;
    let _full = Full::start(&rig.socket())?;
    assert_no_answer(&rig, "full backlog")
}

/// A full backlog is no refusal: there may be room a moment later.
#[test]
fn the_backlog_empties_in_time() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce("")?;
    Full::start(&rig.socket())?
        .relent(Duration::from_millis(400), Manner::Answers(Verdict::Allow, String::new()))?;
    assert_eq!(rig.run("timeout=10000", &alice())?.codes, [SUCCESS]);
    Ok(())
}

#[test]
fn bad_answers() -> Result<()> {
    let good = allow()?;
    let cut = good.get(..good.len() - 1).unwrap_or_default().to_vec();
    let header = good.get(..8).unwrap_or_default().to_vec();
    let patched = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        if let Some(room) = bytes.get_mut(at) {
            *room = byte;
        }
        bytes
    };
    let question =
        sshds_question("alice", 1000).encode().map_err(|e| Trouble::new(e.to_string()))?.as_bytes().to_vec();
    let slow = Duration::from_millis(100);
    for (what, manner) in [
        ("hangs", Manner::SendsAndHangs(Vec::new())),
        ("hangs in the header", Manner::SendsAndHangs(header.clone())),
        ("hangs before the last byte", Manner::SendsAndHangs(cut.clone())),
        ("drips too slowly", Manner::Drips(good.clone(), slow)),
        ("closes", Manner::Closes),
        ("says nothing", Manner::Sends(Vec::new())),
        ("closes in the header", Manner::Sends(b"JITP\x01".to_vec())),
        ("closes in mid-frame", Manner::Sends(cut)),
        ("garbage", Manner::Sends(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())),
        ("zeroes", Manner::Sends(vec![0; 4096])),
        ("another version", Manner::Sends(patched(4, 2))),
        ("a question", Manner::Sends(question)),
        ("an unknown verdict", Manner::Sends(patched(8, 1))),
        ("unknown flags", Manner::Sends(patched(9, 2))),
        ("more than the answer", Manner::Sends([good.clone(), b"x".to_vec()].concat())),
        ("a length beyond the limit", Manner::Sends(b"JITP\x01\x02\xff\xff".to_vec())),
        ("good frames without end", Manner::SendsWithoutEnd(vec![good.clone(); 100].concat())),
        ("garbage without end", Manner::SendsWithoutEnd(vec![7; 65_536])),
        (
            "a header, then garbage without end",
            Manner::SendsWithoutEnd([b"JITP\x01\x02\xf8\x0f".to_vec(), vec![7; 8192]].concat()),
        ),
    ] {
        let rig = Rig::released()?;
        let _fake = Fake::start(&rig.socket(), manner)?;
        assert_no_answer(&rig, what)?;
    }
    Ok(())
}

/// A daemon that hangs up on the first questions, each after a while, and then allows. How often it was asked is in the counter.
fn hangs_up(rig: &Rig, times: usize, after: Duration) -> Result<Arc<AtomicUsize>> {
    let listener = UnixListener::bind(rig.socket()).map_err(|e| Trouble::io(&rig.socket(), e))?;
    let (asked, answer) = (Arc::new(AtomicUsize::new(0)), allow()?);
    let counter = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut header = [0; 8];
            // Half of an answer is none, neither then nor together with what comes later.
            let half = answer.get(..answer.len() / 2).unwrap_or_default();
            let _ = stream.read_exact(&mut header);
            let before = counter.fetch_add(1, Ordering::SeqCst);
            thread::sleep(after);
            let _ = stream.write_all(if before < times { half } else { &answer });
        }
    });
    Ok(asked)
}

/// One that was killed and started again is asked again; one that hangs up on purpose gains nothing, and no second more.
#[test]
fn one_that_hangs_up_is_asked_three_times_by_one_deadline() -> Result<()> {
    for (times, after, timeout, code, most) in [
        (2, Duration::ZERO, "timeout=10000", SUCCESS, 3),
        (3, Duration::ZERO, "timeout=10000", AUTHINFO_UNAVAIL, 3),
        // Three times would be within three deadlines.
        (2, Duration::from_millis(250), "timeout=300", AUTHINFO_UNAVAIL, 2),
    ] {
        let rig = Rig::released()?;
        rig.enforce("")?;
        let asked = hangs_up(&rig, times, after)?;
        let report = rig.run(timeout, &alice())?;
        assert_eq!(report.codes, [code], "{times} times");
        assert_eq!(report.open_before, report.open_after, "descriptors were left open");
        let asked = asked.load(Ordering::SeqCst);
        assert!(asked <= most, "asked {asked} times");
        assert!(asked == most || timeout == "timeout=300", "asked {asked} times");
    }
    Ok(())
}

#[test]
fn one_byte_at_a_time_is_an_answer_too() -> Result<()> {
    let rig = Rig::released()?;
    let _fake = Fake::start(&rig.socket(), Manner::Drips(allow()?, Duration::from_micros(100)))?;
    let report = rig.run("timeout=10000", &alice())?;
    assert_eq!(report.codes, [SUCCESS]);
    Ok(())
}

/// Where somebody else than root could put a socket, it is not asked, whatever it would say.
#[test]
fn a_socket_where_others_may_write() -> Result<()> {
    for (directory, mode) in
        [("run/jitd", 0o777), ("run/jitd", 0o1777), ("run/jitd", 0o775), ("run", 0o757), ("run", 0o1777)]
    {
        let (rig, fake) = Rig::answered(Verdict::Allow, "")?;
        set_mode(&rig.path(directory), mode)?;
        assert_no_answer(&rig, &format!("{directory} {mode:o}"))?;
        assert_eq!(fake.questions().len(), 0);
    }
    Ok(())
}

/// Needs root, to give the directory away.
#[test]
fn a_socket_in_somebody_elses_directory() -> Result<()> {
    let (rig, fake) = Rig::answered(Verdict::Allow, "")?;
    let directory = rig.path("run/jitd");
    std::os::unix::fs::chown(&directory, Some(1000), None).map_err(|e| Trouble::io(&directory, e))?;
    assert_no_answer(&rig, "alice's directory")?;
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}

#[test]
fn a_socket_behind_a_symbolic_link() -> Result<()> {
    let rig = Rig::released()?;
    let fake = Fake::start(&rig.path("run/real.sock"), Manner::Answers(Verdict::Allow, String::new()))?;
    symlink("/run/real.sock", rig.socket()).map_err(|e| Trouble::io(&rig.socket(), e))?;
    assert_no_answer(&rig, "the socket is a link")?;
    fs::remove_file(rig.socket()).map_err(|e| Trouble::io(&rig.socket(), e))?;
    fs::remove_dir(rig.path("run/jitd")).map_err(|e| Trouble::new(e.to_string()))?;
    symlink("/run", rig.path("run/jitd")).map_err(|e| Trouble::new(e.to_string()))?;
    fs::rename(rig.path("run/real.sock"), rig.path("run/pam.sock"))
        .map_err(|e| Trouble::new(e.to_string()))?;
    assert_no_answer(&rig, "its directory is a link")?;
    assert_eq!(fake.questions().len(), 0);
    Ok(())
}
