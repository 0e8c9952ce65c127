//! Sockets that systemd holds: a restart loses no login.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use jit_proto::Verdict;

use crate::host::{Host, SOMEBODY, connect, read_answer, sshd};

/// jitd as systemd starts it: two descriptors from 3 on, their names, and the process they are for.
fn activated(host: &Host, names: &str, first: OwnedFd, second: OwnedFd) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = "exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_jitd")]).args(host.arguments());
    command.env("LISTEN_FDNAMES", names).stdin(Stdio::from(first)).stdout(Stdio::from(second));
    command
}

#[test]
fn a_login_during_a_restart_is_answered_after_it() {
    let host = Host::granted();
    std::fs::create_dir(host.path("run")).unwrap();
    let pam = UnixListener::bind(host.path("run/pam.sock")).unwrap();
    let control = UnixListener::bind(host.path("run/jitd.sock")).unwrap();
    let start = || {
        let fds = (OwnedFd::from(pam.try_clone().unwrap()), OwnedFd::from(control.try_clone().unwrap()));
        host.run(activated(&host, "pam.sock:jitd.sock", fds.0, fds.1))
    };
    let jitd = start();
    jitd.comes_to("alice", Verdict::Allow);
    assert!(jitd.stop().success());

    // Nobody is there, but the socket is; and the order of the descriptors is systemd's.
    let mut early = connect(&host.path("run/pam.sock"));
    early.write_all(sshd("alice", SOMEBODY).encode().unwrap().as_bytes()).unwrap();
    let fds = (OwnedFd::from(control.try_clone().unwrap()), OwnedFd::from(pam.try_clone().unwrap()));
    let jitd = host.run(activated(&host, "jitd.sock:pam.sock", fds.0, fds.1));
    assert_eq!(read_answer(&mut early).unwrap().0, Verdict::Allow);
    jitd.comes_to("alice", Verdict::Allow);
}

#[test]
fn what_is_no_listening_socket_is_refused() {
    let host = Host::new();
    std::fs::create_dir(host.path("run")).unwrap();
    let listener = || OwnedFd::from(UnixListener::bind(host.path("run/x.sock")).unwrap());
    let file = || OwnedFd::from(File::create(host.path("file")).unwrap());
    let stream = || OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0);
    for (names, first, second, why) in [
        ("pam.sock:jitd.sock", listener(), file(), "jitd.sock, handed over by systemd, is not a listening"),
        ("pam.sock:jitd.sock", stream(), stream(), "pam.sock, handed over by systemd, is not a listening"),
        ("pam.sock:other", file(), file(), "is not a listening"),
        ("other:pam.sock", file(), file(), "socket named \"other\""),
    ] {
        let (status, said) = host.fails_keeping_stdio(activated(&host, names, first, second));
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
        let _ = std::fs::remove_file(host.path("run/x.sock"));
    }
}
