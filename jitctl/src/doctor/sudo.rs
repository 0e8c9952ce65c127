//! sudo: whether it asks PAM's account phase of a service that is guarded, for everybody and every command. sudoers(5) is read by sudo's own parser
//! (`cvtsudoers -f json`), with its includes and the defaults bound to users, hosts, commands and targets; and sudo.conf(5) by its one line that matters.

use serde_json::Value;

use crate::doctor::ask::{Mute, ask, first_of};
use crate::doctor::host::Host;
use crate::doctor::settings::Settings;
use crate::doctor::{Findings, Level, nsswitch, rules};

const SUDO: &str = "/usr/bin/sudo";

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("sudo");
    if !host.path(SUDO).exists() {
        return found;
    }
    let file = match ask(host, &[SUDO, "-V"]) {
        Ok(said) if said.out.starts_with("sudo-rs ") => {
            found.push(
                Level::Note,
                "sudo-rs",
                SUDO,
                "it is sudo-rs, which always asks PAM; of its settings nothing was examined",
                "",
            );
            return found;
        }
        Ok(said) => sudoers(&said.out),
        Err(mute) => Err(mute.to_string()),
    };
    match (file, first_of(host, &["/usr/bin/cvtsudoers", "/usr/sbin/cvtsudoers"])) {
        (Err(why), _) => found.unexamined(format!("sudoers: {why}")),
        (Ok(_), None) => found.unexamined("sudoers: cvtsudoers is not on this host".to_owned()),
        // Its own configuration may leave things out.
        (Ok(file), Some(program)) => match ask(host, &[program, "-c", "/dev/null", "-f", "json", &file]) {
            Err(mute) => found.unexamined(format!("sudoers: {mute}")),
            Ok(said) => match serde_json::from_str::<Value>(&said.out) {
                Ok(sudoers) if said.well => {
                    let guarded = rules::guarded(host);
                    judge(&sudoers, &guarded, &|word| place(host, &file, word), &mut found);
                }
                Ok(_) | Err(_) => {
                    found.unexamined(format!("sudoers: what {file} says of PAM"));
                    found.push(
                        Level::Warning,
                        "sudo-config",
                        &file,
                        format!(
                            "it, or what it includes, has a fault; sudo goes by some of it: {}",
                            said.complaint()
                        ),
                        "visudo -c; visudo",
                    );
                }
            },
        },
    }
    for service in nsswitch::services(host, "sudoers").iter().filter(|service| *service != "files") {
        found.unexamined(format!(
            "the rules and defaults that sudo has from {service} (nsswitch.conf, sudoers)"
        ));
    }
    groups(host, &mut found);
    found
}

/// The file that sudo itself says it goes by, as root asks it for its version: sudo.conf may name another, or another policy altogether.
fn sudoers(version: &str) -> Result<String, String> {
    let path = version.lines().find_map(|line| line.strip_prefix("Sudoers path:"));
    path.map(|path| path.trim().to_owned())
        .ok_or_else(|| "sudo goes by a policy of its own, and not by a file (sudo -V, sudo.conf)".to_owned())
}

/// A setting, and for whom it is.
struct Setting<'a> {
    name: &'a str,
    value: &'a Value,
    bound: String,
}

/// All settings of PAM that count: of those for everybody the last of each name, and each that is bound to somebody or something. Of these none is taken for
/// another's successor: cvtsudoers writes `Defaults:root` and `Defaults>root` alike.
fn settings(sudoers: &Value) -> Vec<Setting<'_>> {
    let mut all: Vec<Setting<'_>> = Vec::new();
    for default in sudoers["Defaults"].as_array().into_iter().flatten() {
        let bound = match &default["Binding"] {
            Value::Array(bound) => bound.iter().map(words).collect::<Vec<_>>().join(" "),
            Value::Null => String::new(),
            odd => odd.to_string(),
        };
        let options =
            default["Options"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
        for (name, value) in options {
            all.retain(|earlier| !(bound.is_empty() && earlier.name == name && earlier.bound.is_empty()));
            all.push(Setting { name, value, bound: bound.clone() });
        }
    }
    all
}

/// `{ "username": "alice" }` as `alice`.
fn words(bound: &Value) -> String {
    let named = bound.as_object().into_iter().flatten();
    let named = named.filter_map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
    if bound["negated"] == true { format!("all but {named}") } else { named }
}

fn judge(sudoers: &Value, guarded: &[String], place: &dyn Fn(&str) -> String, found: &mut Findings) {
    for Setting { name, value, bound } in settings(sudoers) {
        let who = if bound.is_empty() { "everybody".to_owned() } else { bound };
        match (name, value) {
            ("pam_acct_mgmt", Value::Bool(false)) => found.push(
                Level::Hole,
                "sudo-account",
                place(name),
                format!("!pam_acct_mgmt (for {who}): sudo does not ask whether anybody may, so no grant is needed to become root"),
                "take !pam_acct_mgmt out of it: visudo",
            ),
            ("pam_session", Value::Bool(false)) => found.push(
                Level::Warning,
                "sudo-session",
                place(name),
                format!("!pam_session (for {who}): jitd does not learn of what sudo opens, so it does not end with the grant for sudo"),
                "take !pam_session out of it: visudo",
            ),
            ("pam_service" | "pam_login_service" | "pam_askpass_service", Value::String(service)) if !guarded.contains(service) => found.push(
                Level::Hole,
                "sudo-service",
                place(name),
                format!("{name}={service} (for {who}): sudo goes by a PAM service that [guard] services does not name"),
                format!("take {name} out of it (visudo), or add \"{service}\" to [guard] services in jitd.toml"),
            ),
            ("pam_silent", Value::Bool(true)) => found.push(
                Level::Note,
                "sudo-silent",
                place(name),
                format!("pam_silent (for {who}): who is refused does not read why"),
                "!pam_silent: visudo",
            ),
            _ => {}
        }
    }
}

/// Where a word stands: the file and the line, of those that sudo reads by default; else the main file.
fn place(host: &Host, main: &str, word: &str) -> String {
    let mut files = vec![main.to_owned()];
    let more = std::fs::read_dir(host.path("/etc/sudoers.d")).into_iter().flatten().flatten();
    let mut more: Vec<String> = more
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| format!("/etc/sudoers.d/{name}"))
        .collect();
    more.sort();
    files.extend(more);
    for file in files.iter().rev() {
        let text = std::fs::read_to_string(host.path(file)).unwrap_or_default();
        let line =
            text.lines().position(|line| line.trim_start().starts_with("Defaults") && line.contains(word));
        if let Some(line) = line {
            return format!("{file}:{}", line + 1);
        }
    }
    main.to_owned()
}

/// `Set group_source dynamic`, where roles confer groups: otherwise sudo believes the groups that a session got when it began.
fn groups(host: &Host, found: &mut Findings) {
    match Settings::of(host) {
        Ok(settings) if !settings.groups.is_empty() => {}
        Ok(_) => return,
        Err(why) => {
            found.unexamined(format!("whether sudo believes groups of grants that are over: {why}"));
            return;
        }
    }
    let text = match std::fs::read_to_string(host.path("/etc/sudo.conf")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            found.unexamined(format!("/etc/sudo.conf: {error}"));
            return;
        }
    };
    if source(&text) != Some("dynamic") {
        found.push(
            Level::Warning,
            "sudo-groups",
            "/etc/sudo.conf",
            "sudo goes by the groups that a session got when it began: one whose grant for a role is over keeps that role's rules while another grant keeps the session open",
            "echo 'Set group_source dynamic' >>/etc/sudo.conf",
        );
    }
}

/// sudo.conf(5): the last one counts.
fn source(text: &str) -> Option<&str> {
    let mut found = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() == Some("Set") && words.next() == Some("group_source") {
            found = words.next();
        }
    }
    found
}

/// Whether a rule of sudo makes this one root, as `sudo -l -U` says it.
///
/// # Errors
/// Where sudo does not say.
pub(super) fn rule_for(host: &Host, name: &str) -> Result<Rooted, Mute> {
    let said = ask(host, &[SUDO, "-n", "-l", "-U", name])?;
    // Root itself may be refused, by a PAM stack that is broken.
    if said.well || told(&said.out) {
        Ok(rooted(&said.out))
    } else {
        Err(Mute::Failed(SUDO.to_owned(), said.complaint()))
    }
}

/// Whether sudo says anything about somebody's rules.
fn told(listed: &str) -> bool {
    [RULES, "is not allowed to run sudo"].iter().any(|words| listed.contains(words))
}

/// Behind these words `sudo -l` lists somebody's rules.
const RULES: &str = "may run the following commands";

/// What sudo lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rooted {
    /// Everything as root, without a password.
    Freely,
    /// The same with his own password.
    ByPassword,
    /// The same with root's.
    ByRootsPassword,
    /// Not everything.
    No,
}

fn rooted(listed: &str) -> Rooted {
    let (defaults, rules) = listed.split_once(RULES).unwrap_or((listed, ""));
    let set = |word: &str| defaults.split([',', ' ', '\n']).any(|item| item.trim() == word);
    let asks = match set("rootpw") || set("runaspw") || set("targetpw") {
        true => Rooted::ByRootsPassword,
        false => Rooted::ByPassword,
    };
    // Long rules go on in lines that stand deeper.
    let mut lines: Vec<String> = Vec::new();
    for line in rules.lines().skip(1) {
        match lines.last_mut() {
            Some(last) if line.starts_with("        ") => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.trim().to_owned()),
        }
    }
    // sudoers(5): of those that match, the last one counts.
    let mut last = Rooted::No;
    for line in lines {
        let Some((whom, commands)) = line.strip_prefix('(').and_then(|line| line.split_once(')')) else {
            continue;
        };
        if !as_root(whom.split(':').next().unwrap_or_default()) {
            continue;
        }
        let mut free = set("!authenticate");
        for command in commands.split(',') {
            let mut command = command.trim();
            while let Some((tag, rest)) = command.split_once(':') {
                match tag.trim() {
                    "NOPASSWD" => free = true,
                    "PASSWD" => free = false,
                    _ => {}
                }
                command = rest.trim();
            }
            match command {
                "ALL" if free => last = Rooted::Freely,
                "ALL" => last = asks,
                "!ALL" => last = Rooted::No,
                _ => {}
            }
        }
    }
    last
}

/// Whether a list of targets has root in it: of what names him, the last counts.
fn as_root(targets: &str) -> bool {
    let mut targets = targets.split(',').map(str::trim).rev();
    let named = targets.find_map(|target| match target.trim_start_matches('!') {
        "ALL" | "root" | "#0" => Some(!target.starts_with('!')),
        _ => None,
    });
    named.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{codes, tree};

    fn judged(json: &str) -> Vec<(&'static str, &'static str)> {
        let mut found = Findings::default();
        judge(
            &serde_json::from_str(json).unwrap(),
            &["sudo".to_owned()],
            &|word| word.to_owned(),
            &mut found,
        );
        codes(&found)
    }

    #[test]
    fn each_way_around_pam_is_found() {
        assert_eq!(
            judged(r#"{ "Defaults": [ { "Options": [ { "pam_acct_mgmt": false } ] } ] }"#),
            [("hole", "sudo-account")]
        );
        let bound = r#"{ "Defaults": [ { "Binding": [ { "username": "bob" } ], "Options": [ { "pam_session": false }, { "pam_silent": true } ] } ] }"#;
        assert_eq!(judged(bound), [("warning", "sudo-session"), ("note", "sudo-silent")]);
        assert_eq!(
            judged(r#"{ "Defaults": [ { "Options": [ { "pam_service": "x" } ] } ] }"#),
            [("hole", "sudo-service")]
        );
        assert_eq!(judged(r#"{ "Defaults": [ { "Options": [ { "pam_service": "sudo" } ] } ] }"#), []);
    }

    #[test]
    fn the_last_word_counts() {
        let off = r#"{ "Options": [ { "pam_acct_mgmt": false } ] }"#;
        let on = r#"{ "Options": [ { "pam_acct_mgmt": true } ] }"#;
        assert_eq!(judged(&format!(r#"{{ "Defaults": [ {off}, {on} ] }}"#)), []);
        assert_eq!(judged(&format!(r#"{{ "Defaults": [ {on}, {off} ] }}"#)), [("hole", "sudo-account")]);
    }

    #[test]
    fn what_is_bound_to_one_does_not_undo_what_is_bound_to_another() {
        let off = r#"{ "Binding": [ { "username": "root" } ], "Options": [ { "pam_acct_mgmt": false } ] }"#;
        // `Defaults>root` looks the same as `Defaults:root`, and for everybody else nothing was said.
        let on = off.replace("false", "true");
        assert_eq!(judged(&format!(r#"{{ "Defaults": [ {off}, {on} ] }}"#)), [("hole", "sudo-account")]);
        let but = off.replace(r#""root""#, r#""alice", "negated": true"#);
        let of_alice = on.replace("root", "alice");
        assert_eq!(
            judged(&format!(r#"{{ "Defaults": [ {but}, {of_alice} ] }}"#)),
            [("hole", "sudo-account")]
        );
        let askpass = r#"{ "Defaults": [ { "Options": [ { "pam_askpass_service": "x" } ] } ] }"#;
        assert_eq!(judged(askpass), [("hole", "sudo-service")]);
    }

    #[test]
    fn sudo_says_which_file_it_goes_by() {
        let said =
            "Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\nSudoers path: /etc/sudoers.two\n";
        assert_eq!(sudoers(said).as_deref(), Ok("/etc/sudoers.two"));
        assert!(sudoers("Sudo version 1.9.13p3\nSome policy version 2\n").is_err());
    }

    #[test]
    fn a_setting_has_its_line() {
        let (host, _root) = tree(&[
            ("/etc/sudoers", "root ALL=ALL\n"),
            ("/etc/sudoers.d/x", "# no\nDefaults:bob !pam_session\n"),
        ]);
        assert_eq!(place(&host, "/etc/sudoers", "pam_session"), "/etc/sudoers.d/x:2");
        assert_eq!(place(&host, "/etc/sudoers", "pam_service"), "/etc/sudoers");
    }

    #[test]
    fn sudo_looks_anew_where_roles_confer_groups() {
        let config = ("/etc/jitd/jitd.toml", "[groups]\nallow = [\"dba\"]\n");
        let judged = |conf: &str| {
            let (host, _root) = tree(&[config, ("/etc/sudo.conf", conf)]);
            let mut found = Findings::default();
            groups(&host, &mut found);
            codes(&found)
        };
        assert_eq!(judged("Set group_source dynamic\n"), []);
        assert_eq!(judged("# Set group_source dynamic\n"), [("warning", "sudo-groups")]);
        assert_eq!(
            judged("Set group_source dynamic\nSet group_source adaptive\n"),
            [("warning", "sudo-groups")]
        );
        let (host, _root) = tree(&[("/etc/jitd/jitd.toml", "")]);
        let mut found = Findings::default();
        groups(&host, &mut found);
        assert_eq!(codes(&found), []);
    }

    #[test]
    fn who_becomes_root() {
        let listed = |rule: &str| {
            rooted(&format!(
                "Matching Defaults entries for x on web1:\n    env_reset\n\nUser x may run the following commands on web1:\n    {rule}\n"
            ))
        };
        assert_eq!(listed("(ALL : ALL) NOPASSWD: ALL"), Rooted::Freely);
        assert_eq!(listed("(root) NOPASSWD: SETENV: ALL"), Rooted::Freely);
        assert_eq!(listed("(ALL) ALL"), Rooted::ByPassword);
        assert_eq!(listed("(postgres) NOPASSWD: ALL"), Rooted::No);
        assert_eq!(listed("(root) /bin/ls"), Rooted::No);
        assert_eq!(listed("(ALL, !root) NOPASSWD: ALL"), Rooted::No);
        // The last one counts: so a rule for a group below takes NOPASSWD away.
        assert_eq!(listed("(ALL) NOPASSWD: ALL\n    (ALL : ALL) ALL"), Rooted::ByPassword);
        assert_eq!(listed("(ALL : ALL) ALL\n    (ALL) NOPASSWD: ALL"), Rooted::Freely);
        assert_eq!(listed("(ALL) NOPASSWD: ALL\n    (root) !ALL"), Rooted::No);
        assert_eq!(listed("(root) /usr/bin/a,\n        /usr/bin/b,\n        NOPASSWD: ALL"), Rooted::Freely);
        let defaults = |set: &str| {
            rooted(&format!(
                "Matching Defaults entries for x on web1:\n    env_reset,\n    use_pty, {set}\n\nUser x may run the following commands on web1:\n    (ALL) ALL\n"
            ))
        };
        assert_eq!(defaults("!authenticate"), Rooted::Freely);
        assert_eq!(defaults("rootpw"), Rooted::ByRootsPassword);
        assert_eq!(rooted("User x is not allowed to run sudo on web1.\n"), Rooted::No);
        assert!(told("User x is not allowed to run sudo on web1.\n") && !told(""));
    }
}
