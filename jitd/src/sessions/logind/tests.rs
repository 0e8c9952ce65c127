use std::fs;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use proptest::prelude::*;

use super::*;

/// As systemd 252 writes it.
const FILE: &str = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=1\nSTATE=active\n\
    REMOTE=1\nSTOPPING=0\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-4.scope\nFIFO=/run/systemd/sessions/4.ref\n\
    REMOTE_HOST=10.0.0.1\nSERVICE=sshd\nPOSITION=0\nLEADER=1234\nAUDIT=4\nREALTIME=1\nMONOTONIC=1\n";
const SCOPE: &str = "/user.slice/user-1000.slice/session-4.scope";

#[test]
fn a_login_has_a_leader() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("4"), FILE).unwrap();
    let login = login(home.path(), SCOPE).unwrap();
    assert_eq!((login.leader, login.scope.as_str()), (1234, "session-4.scope"));
}

#[test]
fn what_is_not_a_login_has_none() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("4"), FILE).unwrap();
    fs::write(home.path().join("5"), FILE).unwrap();
    fs::write(home.path().join("6"), "LEADER=1234\n").unwrap();
    std::os::unix::fs::symlink(home.path().join("4"), home.path().join("7")).unwrap();
    mkfifo(&home.path().join("8"), Mode::S_IRWXU).unwrap();
    fs::create_dir(home.path().join("9")).unwrap();
    for id in ["5", "6", "7", "8", "9", "10", "", "../4", ".", "4/4"] {
        assert_eq!(login(home.path(), &format!("/user.slice/session-{id}.scope")), None, "{id}");
    }
    assert_eq!(login(home.path(), "/system.slice/ssh.service"), None);
    assert_eq!(login(&home.path().join("none"), SCOPE), None);
}

#[test]
fn who_says_it_twice_says_nothing() {
    assert!(parse(FILE.as_bytes()).is_some());
    for line in ["LEADER=1", "LEADER=77", "SCOPE=session-4.scope"] {
        assert_eq!(parse(format!("{FILE}{line}\n").as_bytes()), None, "{line}");
    }
    for leader in ["", "-1", "0", "1", "4294967296", "12x", " 12"] {
        assert_eq!(parse(format!("SCOPE=session-4.scope\nLEADER={leader}\n").as_bytes()), None, "{leader}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(bytes in any::<Vec<u8>>(), cgroup in any::<String>()) {
        let _ = (parse(&bytes), login(Path::new("/nonexistent"), &cgroup));
    }
}
