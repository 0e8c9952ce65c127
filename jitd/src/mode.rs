//! Permissive or enforcing: whether the enforcing file is there. The daemon reads of it only that, and `until`; what is
//! guarded stands in `jitd.toml`. No file means permissive (ENOENT, and nothing else); a file that cannot be read or understood
//! means enforcing, so that nothing that breaks opens a door.
//!
//! A file with `until` is void after that time, and then it is as if there were none: by the login time for who comes in, by the settled
//! time for what ends (`crate::clock`), so that a clock that jumps ahead and back lifts no deadline.

use std::path::PathBuf;
use std::sync::Arc;

use jit_model::policy::{Exempt, Network, Policy, Who};
use jit_model::time::Timestamp;
use jit_proto::enforcing::{self, MAX_FILE, Rule, Rules, Switch, is_void};
use sha2::{Digest, Sha256};

use crate::clock::Now;
use crate::watched::{Content, Links, Watched, Writers};

pub mod notice;

/// Whether a denial is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is only written down.
    Permissive,
    /// It is.
    Enforcing,
}

impl Mode {
    /// As `jitctl` and the audit write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Permissive => "permissive",
            Mode::Enforcing => "enforcing",
        }
    }
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum File {
    Absent,
    Good { text: Arc<[u8]>, id: FileId, until: Option<Timestamp> },
    Broken(String),
}

/// Which enforcing file: the SHA-256 of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId([u8; 32]);

impl FileId {
    /// Of this text.
    pub fn of(text: &[u8]) -> FileId {
        FileId(Sha256::digest(text).into())
    }
}

/// The enforcing file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    file: File,
}

impl Seen {
    /// The mode for who comes in at `now`, the login time.
    pub fn mode(&self, now: Timestamp) -> Mode {
        match &self.file {
            File::Absent => Mode::Permissive,
            File::Good { until: Some(until), .. } if is_void(until.0, now.0) => Mode::Permissive,
            File::Good { .. } | File::Broken(_) => Mode::Enforcing,
        }
    }

    /// The mode for what ends: by the settled time, so that an `until` which only a clock gone wrong has reached lifts no deadline. That it is
    /// further ahead than it can have been is judged by the login time all the same: the settled one may lag behind a clock that is right.
    pub fn settled_mode(&self, now: &Now) -> Mode {
        match self.written_until() {
            Some(until) if until <= now.settled => Mode::Permissive,
            Some(until) if until <= now.login => Mode::Enforcing,
            Some(_) | None => self.mode(now.login),
        }
    }

    /// Until when what is enforced at `now` is unconfirmed.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.written_until().filter(|until| !is_void(until.0, now.0))
    }

    /// Until when it had to be confirmed, if it was not, and so is void at `now`.
    pub fn lapsed(&self, now: Timestamp) -> Option<Timestamp> {
        self.written_until().filter(|until| is_void(until.0, now.0))
    }

    /// The time that stands in the file.
    fn written_until(&self) -> Option<Timestamp> {
        match &self.file {
            File::Good { until, .. } => *until,
            File::Absent | File::Broken(_) => None,
        }
    }

    /// The file that is enforced at `now` and waits to be confirmed, and its text.
    pub fn unconfirmed(&self, now: Timestamp) -> Option<(FileId, &[u8])> {
        self.until(now)?;
        match &self.file {
            File::Good { text, id, .. } => Some((*id, text)),
            File::Absent | File::Broken(_) => None,
        }
    }

    /// What is wrong with the file, if anything.
    pub fn fault(&self) -> Option<&str> {
        match &self.file {
            File::Broken(why) => Some(why),
            File::Absent | File::Good { .. } => None,
        }
    }

    /// Whether the module would go by other rules than this policy when it cannot reach the daemon. An empty file means the
    /// built-in defaults.
    pub fn differs_from(&self, policy: &Policy) -> bool {
        let File::Good { text, .. } = &self.file else { return false };
        meant(text) != meant(render(policy).as_bytes())
    }
}

/// What a file says, but for how long: its rules in one order, each once, without those that say what holds anyway. Nothing if it is none.
fn meant(file: &[u8]) -> Option<Vec<String>> {
    let silent = |rule: &Rule<'_>| {
        matches!(rule, Rule::Until(_) | Rule::Production(Switch::Yes) | Rule::BreakGlassConsole(Switch::No))
    };
    let rules = Rules::parse(file).ok()?;
    let mut lines: Vec<String> =
        rules.iter().filter(|rule| !silent(rule)).map(|rule| rule.to_string()).collect();
    lines.sort();
    lines.dedup();
    Some(lines)
}

/// The enforcing file, watched.
#[derive(Debug)]
pub struct ModeFile(Watched<Seen>);

impl ModeFile {
    /// Watches the file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> ModeFile {
        // Until it was looked at, the strict side.
        let at_first = Seen { file: File::Broken("not looked at yet".to_owned()) };
        // As for the module: a link is no such file, and one that leads nowhere does not mean permissive.
        ModeFile(Watched::new(path, Links::Refused, MAX_FILE as u64, at_first))
    }

    /// The file as it is now: one stat(2), and a read when it changed.
    pub fn look(&mut self) -> &Seen {
        self.0.get(|content, _| Seen {
            file: match content {
                Content::Absent => File::Absent,
                Content::Unreadable(error) => File::Broken(error.to_string()),
                Content::Bytes(_, Writers::Others) => {
                    File::Broken("it does not belong to root alone: chown root, chmod g-w,o-w".to_owned())
                }
                Content::Bytes(bytes, Writers::RootAlone) => match Rules::parse(bytes) {
                    Ok(rules) => File::Good {
                        text: bytes.into(),
                        id: FileId::of(bytes),
                        until: rules.until().map(Timestamp),
                    },
                    Err(broken) => File::Broken(broken.to_string()),
                },
            },
        })
    }
}

/// The enforcing file that says what the configuration says.
pub fn render(policy: &Policy) -> String {
    let mut text = String::from(
        "# Written by jitctl from the daemon's configuration. pam_jit goes by it when it cannot reach jitd.\n",
    );
    let mut put = |rule: Rule<'_>| {
        text.push_str(&rule.to_string());
        text.push('\n');
    };
    let switch = |on| if on { Switch::Yes } else { Switch::No };
    put(Rule::Production(switch(policy.production)));
    for service in &policy.guarded {
        put(Rule::Guard(service.as_str()));
    }
    for exempt in &policy.exempt {
        let (services, from) = (services(exempt), networks(exempt));
        let who = match &exempt.who {
            Who::User(login) => enforcing::Who::User(login.as_str()),
            Who::Group(group) => enforcing::Who::Group(group.as_str()),
        };
        put(Rule::Exempt(enforcing::Exempt { who, services: services.as_deref(), from: from.as_deref() }));
    }
    for user in &policy.break_glass.users {
        put(Rule::BreakGlassUser(user.as_str()));
    }
    for group in &policy.break_glass.groups {
        put(Rule::BreakGlassGroup(group.as_str()));
    }
    put(Rule::BreakGlassConsole(switch(policy.break_glass.console)));
    put(Rule::End);
    text
}

fn services(exempt: &Exempt) -> Option<String> {
    let names: Vec<&str> = exempt.services.iter().map(|service| service.as_str()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn networks(exempt: &Exempt) -> Option<String> {
    let shown = |network: &Network| format!("{}/{}", network.address, network.prefix);
    let networks: Vec<String> = exempt.from.iter().map(shown).collect();
    (!networks.is_empty()).then(|| networks.join(","))
}

#[cfg(test)]
mod tests;
