//! What the service manager is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::host::Host;

/// The next message that has this line; the others are passed over.
#[track_caller]
fn told(manager: &UnixDatagram, line: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let length = manager.recv(&mut bytes).unwrap_or_else(|error| panic!("{line} is never said: {error}"));
        let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
        if message.lines().any(|found| found == line) {
            return message;
        }
    }
}

#[test]
fn the_manager_hears_of_every_turn() {
    let host = Host::new();
    let path = host.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = host.command();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000");
    let jitd = host.run(command);
    told(&manager, "READY=1");
    told(&manager, "STATUS=permissive, 0 live grants");
    told(&manager, "WATCHDOG=1");
    host.write("enforcing", "");
    told(&manager, "STATUS=enforcing, 0 live grants");
    jitd.signal(Signal::SIGHUP);
    let message = told(&manager, "RELOADING=1");
    assert!(message.contains("MONOTONIC_USEC="), "{message}");
    told(&manager, "READY=1");
    // Twice, so that every thread has gone on since.
    told(&manager, "WATCHDOG=1");
    told(&manager, "WATCHDOG=1");
    assert!(jitd.stop().success());
    told(&manager, "STOPPING=1");
}
