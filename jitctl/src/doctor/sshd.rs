//! sshd: whether it asks PAM at all, by sshd's own word for its configuration (`sshd -T`), of the default one and of each that is running. Without `UsePAM
//! yes` nobody is asked for a grant. Other ssh servers that ask no PAM are looked for among the processes.

use std::collections::BTreeMap;

use crate::doctor::ask::{Mute, ask};
use crate::doctor::host::Host;
use crate::doctor::settings::Settings;
use crate::doctor::{Findings, Level, processes, rules};

const SSHD: &str = "/usr/sbin/sshd";

/// Servers that let people in by keys without asking PAM's account phase.
const OTHERS: [(&str, &str); 3] = [
    ("dropbear", "it asks PAM about passwords at most, and about keys never"),
    ("tinysshd", "it knows no PAM"),
    ("lshd", "it asks PAM about passwords at most"),
];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("sshd");
    let running = running(host);
    let mut all = vec![Vec::new()];
    all.extend(running.iter().filter(|options| !options.is_empty()).cloned());
    for options in all {
        server(host, &options, &mut found);
    }
    for process in processes::of(host) {
        if let Some((name, why)) = OTHERS.iter().find(|(name, _)| *name == process.program()) {
            let place = format!("process {} ({})", process.pid, process.line());
            found.push(
                Level::Hole,
                "other-sshd",
                place,
                format!("{name} lets people in without a grant: {why}"),
                format!("stop and disable it (systemctl disable --now {name}), or bind it to where only break-glass comes from"),
            );
        }
    }
    found
}

/// What `sshd -T` says, by keyword in lower case; values of one that stands several times are joined by a line break.
pub(super) type Words = BTreeMap<String, String>;

/// sshd's word for its configuration as `user` from this host itself would meet it.
pub(super) fn effective(host: &Host, options: &[String], user: &str) -> Result<Words, Answerless> {
    let meeting = format!("user={user},host=localhost,addr=127.0.0.1");
    let mut argv = vec![SSHD, "-T", "-C", &meeting];
    argv.extend(options.iter().map(String::as_str));
    match ask(host, &argv) {
        Ok(said) if said.well => Ok(words(&said.out)),
        Ok(said) if said.err.contains("Missing privilege separation directory") => Err(Answerless::Unasked(
            "sshd was not started since the last boot: /run/sshd is missing".to_owned(),
        )),
        Ok(said) => Err(Answerless::Refuses(said.complaint())),
        Err(mute @ Mute::Missing(_)) => Err(Answerless::Absent(mute.to_string())),
        Err(mute) => Err(Answerless::Unasked(mute.to_string())),
    }
}

/// Why sshd does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answerless {
    /// There is none.
    Absent(String),
    /// It does not understand its configuration.
    Refuses(String),
    /// It could not be asked.
    Unasked(String),
}

fn words(text: &str) -> Words {
    let mut words = Words::new();
    for line in text.lines() {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        let all = words.entry(word.to_ascii_lowercase()).or_default();
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(value);
    }
    words
}

fn server(host: &Host, options: &[String], found: &mut Findings) {
    let place = shown(options);
    let words = match effective(host, options, "root") {
        Ok(words) => words,
        Err(Answerless::Absent(_)) => return,
        Err(Answerless::Unasked(why)) => {
            found.unexamined(format!("{place}: {why}"));
            return;
        }
        Err(Answerless::Refuses(why)) => {
            found.push(
                Level::Warning,
                "sshd-config",
                place,
                format!("sshd does not understand its configuration and will not start again: {why}"),
                "mend it until this is silent: sshd -t",
            );
            return;
        }
    };
    judge(&words, &place, &rules::guarded(host), found);
    if let Ok(Some(asker)) = Settings::of(host).map(|settings| settings.asker) {
        keys(&words, &place, &asker, found);
    }
}

fn shown(options: &[String]) -> String {
    match options.iter().position(|option| option == "-f").and_then(|at| options.get(at + 1)) {
        Some(file) => file.clone(),
        None if options.is_empty() => "/etc/ssh/sshd_config".to_owned(),
        None => format!("sshd {}", options.join(" ")),
    }
}

fn judge(words: &Words, place: &str, guarded: &[String], found: &mut Findings) {
    let value = |word: &str| words.get(word).map(String::as_str);
    if value("usepam") != Some("yes") {
        let text = match value("usepam") {
            Some(value) => format!("UsePAM {value}: sshd asks nobody for a grant"),
            None => "this sshd was built without PAM: it asks nobody for a grant".to_owned(),
        };
        found.push(
            Level::Hole,
            "use-pam",
            place,
            text,
            "UsePAM yes, before any Match; then: systemctl reload ssh (sshd on RHEL)",
        );
        return;
    }
    // OpenSSH 9.8 and later.
    let service = value("pamservicename").unwrap_or("sshd");
    if !guarded.iter().any(|name| name == service) {
        found.push(
            Level::Hole,
            "sshd-service",
            place,
            format!("sshd goes by the PAM service {service}, which [guard] services does not name"),
            format!("PAMServiceName sshd; or add \"{service}\" to [guard] services in jitd.toml"),
        );
    }
}

/// docs/keys-and-people.md
fn keys(words: &Words, place: &str, asker: &str, found: &mut Findings) {
    let value = |word: &str| words.get(word).map(String::as_str).unwrap_or("none");
    let (command, user) = (value("authorizedkeyscommand"), value("authorizedkeyscommanduser"));
    let mut parts = command.split_whitespace();
    let asks = parts.next().is_some_and(|program| program.ends_with("/jitctl"))
        && parts.next() == Some("authorized-keys")
        && parts.next() == Some("%u");
    if !asks || user != asker {
        found.push(
            Level::Warning,
            "keys-command",
            place,
            format!("[keys] user = \"{asker}\" waits to be asked, but sshd asks `{command}` as {user}: no key of the directory opens anything"),
            format!("AuthorizedKeysCommand /usr/bin/jitctl authorized-keys %u, AuthorizedKeysCommandUser {asker}; then: systemctl reload ssh (sshd on RHEL)"),
        );
    }
}

/// The options of each sshd that listens, as far as they choose a configuration. A listener shows its command line between `sshd: ` and ` [listener]`.
fn running(host: &Host) -> Vec<Vec<String>> {
    let listeners = processes::of(host).into_iter().filter(|process| process.program() == "sshd");
    let mut all: Vec<Vec<String>> = listeners.filter_map(|process| options(&process.line())).collect();
    all.sort();
    all.dedup();
    all
}

/// `-f FILE` and `-o OPTION` of a listener's command line; `None` of a process that serves one connection.
fn options(line: &str) -> Option<Vec<String>> {
    let line = match line.strip_prefix("sshd: ") {
        Some(rest) => rest.split_once(" [listener]")?.0,
        None => line,
    };
    let mut words = line.split_whitespace();
    words.next()?;
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        for letter in ["-f", "-o"] {
            if let Some(glued) = word.strip_prefix(letter) {
                let value = if glued.is_empty() { words.next() } else { Some(glued) };
                options
                    .extend(value.map(|value| [letter.to_owned(), value.to_owned()]).into_iter().flatten());
            }
        }
    }
    Some(options)
}

/// Patterns of sshd_config(5): `AllowUsers` and its like name this one, wherever he comes from.
pub(super) fn names(patterns: &str, name: &str) -> bool {
    patterns.split_whitespace().any(|pattern| {
        let user = pattern.split_once('@').map_or(pattern, |(user, _)| user);
        fits(user.as_bytes(), name.as_bytes())
    })
}

/// `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            fits(rest, name) || name.split_first().is_some_and(|(_, tail)| fits(pattern, tail))
        }
        (Some((b'?', rest)), Some((_, tail))) => fits(rest, tail),
        (Some((p, rest)), Some((n, tail))) => p == n && fits(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::codes;

    fn judged(text: &str, guarded: &[&str]) -> Vec<(&'static str, &'static str)> {
        let mut found = Findings::default();
        let guarded: Vec<String> = guarded.iter().map(|name| (*name).to_owned()).collect();
        judge(&words(text), "sshd_config", &guarded, &mut found);
        codes(&found)
    }

    #[test]
    fn without_pam_nobody_is_asked() {
        assert_eq!(judged("port 22\nusepam yes\n", &["sshd"]), []);
        assert_eq!(judged("port 22\nusepam no\n", &["sshd"]), [("hole", "use-pam")]);
        assert_eq!(judged("port 22\n", &["sshd"]), [("hole", "use-pam")]);
        assert_eq!(judged("usepam yes\npamservicename ssh2\n", &["sshd"]), [("hole", "sshd-service")]);
        assert_eq!(judged("usepam yes\npamservicename ssh2\n", &["sshd", "ssh2"]), []);
    }

    #[test]
    fn the_directorys_keys_are_asked_for() {
        let asked = |text: &str| {
            let mut found = Findings::default();
            keys(&words(text), "sshd_config", "jit-keys", &mut found);
            codes(&found)
        };
        let good =
            "authorizedkeyscommand /usr/bin/jitctl authorized-keys %u\nauthorizedkeyscommanduser jit-keys\n";
        assert_eq!(asked(good), []);
        assert_eq!(asked(&good.replace("jit-keys", "root")), [("warning", "keys-command")]);
        assert_eq!(asked("authorizedkeyscommand none\n"), [("warning", "keys-command")]);
    }

    #[test]
    fn the_configuration_of_a_listener() {
        let of = |line: &str| options(line).map(|options| options.join(" "));
        assert_eq!(of("/usr/sbin/sshd -D -e").as_deref(), Some(""));
        let line = "sshd: /usr/sbin/sshd -D -f /etc/ssh/two -oUsePAM=no [listener] 0 of 10-100 startups";
        assert_eq!(of(line).as_deref(), Some("-f /etc/ssh/two -o UsePAM=no"));
        assert_eq!(of("sshd: alice [priv]"), None);
        assert_eq!(shown(&options(line).unwrap()), "/etc/ssh/two");
    }

    #[test]
    fn patterns() {
        assert!(names("alice ops-*@10.0.0.0/8", "ops-anna") && names("?ob", "bob") && names("*", "x"));
        assert!(!names("alice ops-*", "bob") && !names("?ob", "ob") && !names("", "bob"));
    }
}
