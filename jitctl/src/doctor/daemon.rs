//! jitd itself: whether it runs, would start again, is started at boot, is of one version with jitctl, and what it complains of. What has a rule of its
//! own (sources, clock, the enforcing file) is said there and not twice.

use jit_control::Status;
use jit_proto::enforcing::Reading;
use sha2::{Digest, Sha256};

use crate::doctor::ask::{Mute, ask, ask_patiently};
use crate::doctor::host::Host;
use crate::doctor::{Findings, Level};
use crate::doctor::{directory, mode};

/// Where packages put it.
const JITD: &str = "/usr/sbin/jitd";

/// What holds its sockets while it is started again.
const SOCKETS: [&str; 2] = ["jitd.socket", "jitd-control.socket"];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("jitd");
    check(host, &mut found);
    match &host.status {
        None => down(host, &mut found),
        Some(status) => {
            version(status, &mut found);
            if !found.findings.iter().any(|finding| finding.code == "jitd-check") {
                unread(host, status, &mut found);
            }
            degraded(status, &mut found);
        }
    }
    unit(host, &mut found);
    found
}

fn down(host: &Host, found: &mut Findings) {
    let start = if booted(host) {
        "systemctl status jitd; systemctl start jitd"
    } else {
        "start it as root: jitd --user jitd"
    };
    let denies =
        mode::with_reading(host, |reading| !matches!(reading, Reading::Permissive | Reading::Void(_)));
    let comes_of_it = if denies {
        "guarded services are denied to everybody but exempt and break-glass people, and no session ends with its grant"
    } else {
        "permissive, so everybody passes as if jit were not there, and nothing is written down"
    };
    found.push(Level::Warning, "jitd-down", "jitd", format!("it does not answer: {comes_of_it}"), start);
}

fn version(status: &Status, found: &mut Findings) {
    let ours = env!("CARGO_PKG_VERSION");
    if status.version != ours {
        found.push(
            Level::Warning,
            "jitd-version",
            "jitd",
            format!(
                "the running one is {}, jitctl is {ours}: what one writes, the other may not understand",
                status.version
            ),
            "bring both from one package, then: systemctl restart jitd",
        );
    }
}

/// A file that was changed and not read again does nothing until the next start, and then all of it at once.
fn unread(host: &Host, status: &Status, found: &mut Findings) {
    let Some(read) = &status.config else { return };
    let Ok(text) = std::fs::read(host.path(&host.config)) else { return };
    let there: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    if there != *read {
        found.push(
            Level::Warning,
            "jitd-reload",
            host.config.display().to_string(),
            "it was changed, and jitd goes by what it read before",
            "jitd --check; systemctl reload jitd",
        );
    }
}

/// What no other rule says.
fn degraded(status: &Status, found: &mut Findings) {
    let said_elsewhere = |sentence: &str| {
        status.clock.as_deref() == Some(sentence)
            || sentence.starts_with("the enforcing file ")
            // By `jitd --check`, with every fault in it.
            || sentence.starts_with("the configuration on disk ")
            || sentence.starts_with(directory::UNSIGNED)
            || status.sources.iter().any(|source| sentence.starts_with(&format!("source {}: ", source.name)))
    };
    for sentence in status.degraded.iter().filter(|sentence| !said_elsewhere(sentence)) {
        found.push(
            Level::Warning,
            "jitd-degraded",
            "jitd",
            sentence,
            "jitctl status says which; jitd's log says since when",
        );
    }
}

fn check(host: &Host, found: &mut Findings) {
    let config = host.config.display().to_string();
    match ask_patiently(host, &[JITD, "--check", "--config", &config]) {
        Ok(said) if said.well => {}
        Ok(said) => {
            // The rule about files says the second, and what to type.
            let known = |line: &str| {
                line == "jitd would not start" || line.contains("may be written by others than root")
            };
            let why: Vec<&str> = said.err.lines().filter(|line| !known(line)).collect();
            if why.is_empty() && said.err.contains("may be written by others than root") {
                return;
            }
            found.push(
                Level::Warning,
                "jitd-check",
                &config,
                format!("jitd would not start again: {}", why.join("; ")),
                "mend what it names, until this says good: jitd --check",
            );
        }
        Err(Mute::Missing(program)) => found.push(
            Level::Warning,
            "jitd-missing",
            program,
            "there is no such program, so jitd cannot start again",
            "install the package jitd again, or go permissive: jitctl mode permissive",
        ),
        Err(mute) => found.unexamined(format!("whether jitd would start: {mute}")),
    }
}

/// Whether systemd is process 1 (sd_booted(3)).
pub(super) fn booted(host: &Host) -> bool {
    host.path("/run/systemd/system").is_dir()
}

fn unit(host: &Host, found: &mut Findings) {
    if !booted(host) {
        found.unexamined("whether jitd starts at boot: systemd is not process 1 here".to_owned());
        return;
    }
    let state = |unit: &str| {
        ask(host, &["/usr/bin/systemctl", "is-enabled", unit]).map(|said| said.out.trim().to_owned())
    };
    match state("jitd.service") {
        Ok(word) if starts(&word) => {}
        Ok(word) if word.starts_with("masked") => found.push(
            Level::Warning,
            "jitd-unit",
            "jitd.service",
            "it is masked: jitd cannot be started, nor after the next boot",
            "systemctl unmask jitd.service; systemctl enable --now jitd.service",
        ),
        Ok(word) => found.push(
            Level::Warning,
            "jitd-unit",
            "jitd.service",
            format!(
                "it is {}: after the next boot jitd does not run",
                if word.is_empty() { "not there" } else { &word }
            ),
            "systemctl enable --now jitd.service",
        ),
        Err(mute) => found.unexamined(format!("whether jitd starts at boot: {mute}")),
    }
    for socket in SOCKETS {
        let places = ["/usr/lib/systemd/system", "/etc/systemd/system"];
        if !places.iter().any(|place| host.path(place).join(socket).exists()) {
            continue;
        }
        match state(socket) {
            Ok(word) if starts(&word) => {}
            Ok(word) => found.push(
                Level::Warning,
                "jitd-socket",
                socket,
                format!("it is {word}: who logs in while jitd is restarted is answered as with a dead one"),
                format!("systemctl unmask {socket}; systemctl enable {socket}; systemctl stop jitd; systemctl start {socket} jitd"),
            ),
            Err(mute) => found.unexamined(format!("whether {socket} holds jitd's socket: {mute}")),
        }
    }
}

/// systemctl(1), is-enabled: what begins with the host.
fn starts(word: &str) -> bool {
    matches!(word, "enabled" | "enabled-runtime" | "static" | "alias" | "indirect" | "generated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, status, tree};

    #[test]
    fn what_it_complains_of_is_said_once() {
        let (mut host, _root) = tree(&[]);
        let mut ill = status();
        ill.clock = Some("the clock jumped".to_owned());
        ill.degraded =
            ["the clock jumped", "source ldif: gone", "the enforcing file says", "the disk is full"]
                .map(str::to_owned)
                .to_vec();
        host.status = Some(ill);
        let found = examine(&host);
        assert_eq!(codes(&found), [("warning", "jitd-degraded")]);
        assert_eq!(found.findings[0].text, "the disk is full");
        assert!(found.unexamined.iter().any(|text| text.contains("would start")), "{found:?}");
    }

    #[test]
    fn a_file_that_was_not_read_again_is_found() {
        let (mut host, _root) = tree(&[("/etc/jitd/jitd.toml", "abc")]);
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        host.status = Some(Status { config: Some(of_abc), ..status() });
        assert_eq!(codes(&examine(&host)), []);
        std::fs::write(host.path("/etc/jitd/jitd.toml"), "abcd").unwrap();
        assert_eq!(codes(&examine(&host)), [("warning", "jitd-reload")]);
    }

    #[test]
    fn a_silent_or_foreign_one_is_found() {
        let (mut host, _root) = tree(&[]);
        assert_eq!(codes(&examine(&host)), [("warning", "jitd-down")]);
        host.status = Some(Status { version: "0.0.9".to_owned(), ..status() });
        assert_eq!(codes(&examine(&host)), [("warning", "jitd-version")]);
    }
}
