//! Permissive or enforcing: whether the enforcing file is there. The daemon reads of it only that, and `until`; what is
//! guarded stands in `jitd.toml`. No file means permissive (ENOENT, and nothing else); a file that cannot be read or understood
//! means enforcing, so that nothing that breaks opens a door.

use std::path::PathBuf;
use std::sync::Arc;

use jit_model::policy::{Exempt, Network, Policy, Who};
use jit_model::time::Timestamp;
use jit_proto::enforcing::{self, MAX_FILE, Rule, Rules, Switch};

use crate::watched::{Content, Links, Watched, Writers};

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
    Good { text: Arc<[u8]>, until: Option<Timestamp> },
    Broken(String),
}

/// The enforcing file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    file: File,
}

impl Seen {
    /// The mode at `now`. A file whose `until` has passed is void.
    pub fn mode(&self, now: Timestamp) -> Mode {
        match &self.file {
            File::Absent => Mode::Permissive,
            File::Good { until: Some(until), .. } if now >= *until => Mode::Permissive,
            File::Good { .. } | File::Broken(_) => Mode::Enforcing,
        }
    }

    /// Until when it is unconfirmed.
    pub fn until(&self) -> Option<Timestamp> {
        match &self.file {
            File::Good { until, .. } => *until,
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
        let ours = render(policy);
        let meant = |bytes: &[u8]| {
            let rules = Rules::parse(bytes).ok()?;
            // What a file says by not saying it.
            let silent = |rule: &Rule<'_>| {
                matches!(
                    rule,
                    Rule::Until(_) | Rule::Production(Switch::Yes) | Rule::BreakGlassConsole(Switch::No)
                )
            };
            let mut lines: Vec<String> =
                rules.iter().filter(|rule| !silent(rule)).map(|rule| rule.to_string()).collect();
            lines.sort();
            lines.dedup();
            Some(lines)
        };
        meant(text) != meant(ours.as_bytes())
    }
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
                    Ok(rules) => File::Good { text: bytes.into(), until: rules.until().map(Timestamp) },
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
