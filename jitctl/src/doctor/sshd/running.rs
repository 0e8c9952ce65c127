//! The ssh servers that run as root: which program each is, by which name it was started (before OpenSSH 9.8 that is the PAM service it asks), and which
//! configuration it was given. What somebody else runs makes nobody another, and is not looked at: its options would be his word to root's sshd.

use crate::doctor::host::Host;
use crate::doctor::processes::{self, Process};

/// sshd(8): the options that take a value.
const VALUED: &str = "CEbcfghkopu";

/// A server, or the one that a host would start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Server {
    /// Its program.
    pub(super) program: String,
    /// The last part of the name that it was started by.
    pub(super) name: String,
    /// `-f FILE` and `-o OPTION`, as it was given them.
    pub(super) options: Vec<String>,
}

impl Server {
    /// The configuration file that it was given.
    pub(super) fn file(&self) -> Option<&str> {
        let at = self.options.iter().position(|option| option == "-f")?;
        self.options.get(at.saturating_add(1)).map(String::as_str)
    }
}

/// Each server that listens, once.
pub(super) fn servers(host: &Host) -> Vec<Server> {
    let all = processes::of(host).into_iter().filter(Process::is_roots);
    let mut servers: Vec<Server> = all.filter_map(|process| server(&process)).collect();
    servers.sort();
    servers.dedup();
    servers
}

fn server(process: &Process) -> Option<Server> {
    let line = process.line();
    let listens = line.contains(" [listener]");
    if process.program() != "sshd" && !listens {
        return None;
    }
    let (name, options) = given(&line)?;
    Some(Server { program: process.exe.to_str()?.to_owned(), name, options })
}

/// The name and the options in a command line. A listener shows its own between `NAME: ` and ` [listener]`; `None` of a process that serves one connection.
fn given(line: &str) -> Option<(String, Vec<String>)> {
    let titled = line.split_once(": ").filter(|(name, _)| !name.contains([' ', '/']));
    let line = match titled {
        Some((_, rest)) => rest.split_once(" [listener]")?.0,
        None => line,
    };
    let mut words = line.split_whitespace().peekable();
    let name = words.next()?.rsplit('/').next()?.to_owned();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else { continue };
        // getopt(3): `-Df FILE`, `-oUsePAM=no`.
        let Some((at, letter)) = letters.char_indices().find(|(_, letter)| VALUED.contains(*letter)) else {
            continue;
        };
        let glued = letters.get(at.saturating_add(letter.len_utf8())..).unwrap_or_default();
        let mut value: Vec<&str> = Some(glued).filter(|glued| !glued.is_empty()).into_iter().collect();
        // A value with blanks (`-o 'UsePAM no'`) is several words by now.
        while let Some(word) = words.next_if(|word| !word.starts_with('-')) {
            value.push(word);
        }
        if matches!(letter, 'f' | 'o') {
            options.extend([format!("-{letter}"), value.join(" ")]);
        }
    }
    Some((name, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_a_listener() {
        let of = |line: &str| given(line).map(|(name, options)| format!("{name} {}", options.join(" ")));
        assert_eq!(of("/usr/sbin/sshd -D -e").as_deref(), Some("sshd "));
        let line = "sshd: /usr/sbin/sshd -D -f /etc/ssh/two -oUsePAM=no [listener] 0 of 10-100 startups";
        assert_eq!(of(line).as_deref(), Some("sshd -f /etc/ssh/two -o UsePAM=no"));
        assert_eq!(of("sshd: alice [priv]"), None);
        // Letters together, a value with blanks, values of other options.
        assert_eq!(of("/usr/sbin/sshd -Def /etc/ssh/two -p 22").as_deref(), Some("sshd -f /etc/ssh/two"));
        let line =
            "sshd: /usr/sbin/sshd -p 2222 -o UsePAM no -E /var/log/foo [listener] 0 of 10-100 startups";
        assert_eq!(of(line).as_deref(), Some("sshd -o UsePAM no"));
        // The name is what it was started by.
        let line = "sshd-two: /usr/local/sbin/sshd-two -p 2222 [listener] 0 of 10-100 startups";
        assert_eq!(of(line).as_deref(), Some("sshd-two "));
    }
}
