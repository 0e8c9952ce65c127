//! sshd: whether it asks PAM at all, by sshd's own word for its configuration (`sshd -T`), of the default one and of each that is running. Without `UsePAM
//! yes` nobody is asked for a grant. Other ssh servers that ask no PAM are looked for among the processes.

mod running;
mod texts;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use self::running::Server;
use crate::doctor::ask::{Mute, ask};
use crate::doctor::host::Host;
use crate::doctor::settings::Settings;
use crate::doctor::{Findings, Level, processes, rules};

const SSHD: &str = "/usr/sbin/sshd";
const CONFIG: &str = "/etc/ssh/sshd_config";
/// OpenSSH 9.8 and later; before, the name by which sshd was started.
const SERVICE: &str = "pamservicename";

/// Servers that let people in by keys without asking PAM's account phase.
const OTHERS: [(&str, &str); 4] = [
    ("dropbear", "it asks PAM about passwords at most, and about keys never"),
    ("dropbearmulti", "it asks PAM about passwords at most, and about keys never"),
    ("tinysshd", "it knows no PAM"),
    ("lshd", "it asks PAM about passwords at most"),
];

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("sshd");
    let usual = Server { program: SSHD.to_owned(), name: "sshd".to_owned(), options: Vec::new() };
    let mut all = running::servers(host);
    all.retain(|server| *server != usual);
    all.insert(0, usual);
    for server in &all {
        examine_server(host, server, &mut found);
    }
    for process in processes::of(host).iter().filter(|process| process.is_roots()) {
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

/// The default server's word for its configuration as `user` would meet it who comes from `address`.
pub(super) fn effective(host: &Host, user: &str, address: &str) -> Result<Words, Answerless> {
    said(host, SSHD, &[], user, address)
}

/// Addresses to be tried, so that each `Match Address` has its turn: somewhere, and one of each network that is named. None of this host's own.
///
/// # Errors
/// What could not be read.
pub(super) fn addresses(host: &Host) -> Result<Vec<String>, String> {
    // RFC 5737: nobody's.
    let mut all = vec!["192.0.2.1".to_owned()];
    if !host.path(CONFIG).exists() {
        return Ok(all);
    }
    for criteria in texts::lines(host, CONFIG, "match")? {
        for pair in criteria.windows(2) {
            let [what, patterns] = pair else { continue };
            if what.eq_ignore_ascii_case("address") {
                let first = |pattern: &str| pattern.split('/').next().unwrap_or_default().replace('*', "1");
                let named = patterns.split(',').filter(|pattern| !pattern.starts_with('!')).map(first);
                all.extend(named.filter(|address| {
                    address.parse::<std::net::IpAddr>().is_ok_and(|address| !address.is_loopback())
                }));
            }
        }
    }
    all.dedup();
    Ok(all)
}

/// A server's word for its configuration as `user` from `address` would meet it. Everything that a `Match` may ask for is told: without, sshd ends.
fn said(
    host: &Host,
    program: &str,
    options: &[String],
    user: &str,
    address: &str,
) -> Result<Words, Answerless> {
    let meeting = format!("user={user},host={address},addr={address},laddr=127.0.0.1,lport=22,rdomain=");
    let dump = |how: &str| {
        let mut argv = vec![program, how, "-C", &meeting];
        argv.extend(options.iter().map(String::as_str));
        ask(host, &argv)
    };
    const UNSTARTED: &str = "Missing privilege separation directory";
    match dump("-T") {
        Ok(said) if said.well => Ok(words(&said.out)),
        Ok(said) if said.err.contains(UNSTARTED) || said.err.contains("no hostkeys available") => {
            // OpenSSH 9.3 and later tell without either.
            match dump("-G") {
                Ok(again) if again.well && !again.out.is_empty() => Ok(words(&again.out)),
                _ if said.err.contains(UNSTARTED) => Err(Answerless::Unasked(
                    "sshd was not started since the last boot: /run/sshd is missing".to_owned(),
                )),
                _ => Err(Answerless::Refuses(said.complaint())),
            }
        }
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

fn examine_server(host: &Host, server: &Server, found: &mut Findings) {
    let place = shown(server);
    if server.program != SSHD && !is_roots_alone(&server.program) {
        found.unexamined(format!("{place}: {} is not root's alone, so it is not asked", server.program));
        return;
    }
    let words = match said(host, &server.program, &server.options, "nobody", "127.0.0.1") {
        Ok(words) => words,
        // No sshd; but one that runs was there.
        Err(Answerless::Absent(_)) if server.program == SSHD && server.options.is_empty() => return,
        Err(Answerless::Absent(why) | Answerless::Unasked(why)) => {
            found.unexamined(format!("{place}: {why}"));
            return;
        }
        Err(Answerless::Refuses(why)) => {
            found.unexamined(format!("{place}: whether sshd asks PAM"));
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
    let guarded = rules::guarded(host);
    judge(&words, &server.name, &place, &guarded, found);
    if words.contains_key(SERVICE) {
        let file = server.file().unwrap_or(CONFIG);
        match texts::values(host, file, SERVICE) {
            Ok(services) => {
                for service in services.iter().filter(|service| !guarded.contains(service)) {
                    by_service(service, &place, found);
                }
            }
            Err(why) => found.unexamined(format!("{place}: whether PAMServiceName stands in a Match: {why}")),
        }
    }
    if let Ok(Some(asker)) = Settings::of(host).map(|settings| settings.asker) {
        keys(&words, &place, &asker, found);
    }
}

/// What root runs here, others must not have written.
fn is_roots_alone(program: &str) -> bool {
    let mut way = std::path::Path::new(program).ancestors();
    way.all(|at| std::fs::metadata(at).is_ok_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0))
}

fn shown(server: &Server) -> String {
    match server.file() {
        Some(file) => file.to_owned(),
        None if server.options.is_empty() && server.program == SSHD && server.name == "sshd" => {
            CONFIG.to_owned()
        }
        None => {
            format!("{} ({}) {}", server.program, server.name, server.options.join(" ")).trim_end().to_owned()
        }
    }
}

/// `name`: by which it was started.
fn judge(words: &Words, name: &str, place: &str, guarded: &[String], found: &mut Findings) {
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
    let service = value(SERVICE).unwrap_or(name);
    if !guarded.iter().any(|name| name == service) {
        by_service(service, place, found);
    }
}

fn by_service(service: &str, place: &str, found: &mut Findings) {
    let text = format!("sshd goes by the PAM service {service}, which [guard] services does not name");
    if !found.findings.iter().any(|known| known.place == place && known.text == text) {
        let cure = format!(
            "PAMServiceName sshd (before OpenSSH 9.8: start it by the name sshd); or add \"{service}\" to [guard] services in jitd.toml"
        );
        found.push(Level::Hole, "sshd-service", place, text, cure);
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

/// Patterns of sshd_config(5): `AllowUsers` and its like name this one, wherever he comes from.
pub(super) fn names(patterns: &str, name: &str) -> bool {
    patterns.split_whitespace().any(|pattern| {
        let user = pattern.split_once('@').map_or(pattern, |(user, _)| user);
        fits(user.as_bytes(), name.as_bytes())
    })
}

/// The same of those that deny: one that is bound to where he comes from leaves him the rest of the world.
pub(super) fn names_everywhere(patterns: &str, name: &str) -> bool {
    patterns.split_whitespace().any(|pattern| match pattern.split_once('@') {
        Some((user, from)) => from == "*" && fits(user.as_bytes(), name.as_bytes()),
        None => fits(pattern.as_bytes(), name.as_bytes()),
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
        judge(&words(text), "sshd", "sshd_config", &guarded, &mut found);
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
    fn an_older_one_asks_by_its_name() {
        let judged = |text: &str| {
            let mut found = Findings::default();
            judge(&words(text), "sshd-two", "sshd-two", &["sshd".to_owned()], &mut found);
            codes(&found)
        };
        assert_eq!(judged("usepam yes\n"), [("hole", "sshd-service")]);
        assert_eq!(judged("usepam yes\npamservicename sshd\n"), []);
    }

    #[test]
    fn patterns() {
        assert!(names("alice ops-*@10.0.0.0/8", "ops-anna") && names("?ob", "bob") && names("*", "x"));
        assert!(!names("alice ops-*", "bob") && !names("?ob", "ob") && !names("", "bob"));
    }
}
