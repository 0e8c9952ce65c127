//! What an admin writes in `jitd.toml`, read strictly: an unknown key, a wrong type or a value that means nothing is a fault
//! with its line, its key and the way out, and a file with a fault is used for nothing. Reading it must never ask a
//! resolver, NSS or the directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use jit_model::confer::GroupRules;
use jit_model::host::{HostNames, HostPattern};
use jit_model::name::SourceName;
use jit_model::policy::Policy;
use jit_model::role::Role;
use jit_model::serve::PeopleRules;
use jit_model::time::Span;
use jit_settings::section::{self, Faults, Section};
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

mod bind;
mod groups;
mod guard;
mod keys;
mod people;
mod signatures;
mod source;
mod values;

pub use jit_settings::{ConfigError, Problem};
pub use keys::Keys;
pub use signatures::Signatures;
pub use source::{Place, SourceConfig};

/// Where the configuration lies unless told otherwise.
pub const PATH: &str = "/etc/jitd/jitd.toml";

/// Everything that `jitd.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// To whom and to what the rule applies.
    pub policy: Policy,
    /// Where grants come from, by name.
    pub sources: BTreeMap<SourceName, SourceConfig>,
    /// What happens to sessions at the end.
    pub session: Session,
    /// Which Unix groups a directory may confer.
    pub groups: GroupRules,
    /// Whether people of a directory are shown as accounts, and which.
    pub people: Option<PeopleRules>,
    /// Who may ask for keys, and what may stand in them.
    pub keys: Keys,
    /// Whose signatures count.
    pub signatures: Signatures,
    /// The SHA-256 of the text, in hexadecimal: by it others see whether the file has changed since.
    pub digest: String,
}

/// What happens to a session whose grant ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// How long before the end to warn: the earliest warning first, none twice; none at all if empty.
    pub warn: Vec<Span>,
    /// From the polite to the final signal; zero if there is no time between.
    pub grace: Span,
    /// Whether the end is carried out.
    pub on_end: OnEnd,
}

/// Whether the end of a grant ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEnd {
    /// It does.
    Terminate,
    /// The person is only told.
    Warn,
}

impl OnEnd {
    /// As it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            OnEnd::Terminate => "terminate",
            OnEnd::Warn => "warn",
        }
    }
}

/// Reads the file, which must belong to root and be writable by nobody else.
///
/// # Errors
/// When it cannot be read or trusted, or has faults.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let refuse = |what: String| ConfigError::File { path: path.to_owned(), what };
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            refuse("there is no such file; write one, or name another with --config".to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            let (user, path) = (geteuid(), path.display());
            refuse(format!(
                "may not be read by uid {user}, as which jitd runs: chgrp its group {path}; chmod 640 {path}"
            ))
        }
        _ => refuse(format!("cannot be opened: {error}")),
    })?;
    let meta = file.metadata().map_err(|error| refuse(format!("cannot be examined: {error}")))?;
    if !meta.is_file() {
        return Err(refuse("is no regular file".to_owned()));
    }
    if meta.uid() != 0 {
        let uid = meta.uid();
        return Err(refuse(format!("belongs to uid {uid}, not to root: chown root {}", path.display())));
    }
    if meta.mode() & 0o022 != 0 {
        let mode = meta.mode() & 0o7777;
        let way = format!("chmod g-w,o-w {}", path.display());
        return Err(refuse(format!("may be written by others than root (mode {mode:04o}): {way}")));
    }
    let text = jit_settings::file::text(path, file)?;
    parse(&text).map_err(|problems| ConfigError::Faults { path: path.to_owned(), problems })
}

/// Understands the text of a configuration.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    let config = section::parse(text, read)?;
    let digest = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Config { digest, ..config })
}

fn read(root: Section<'_, '_>, faults: &Faults<'_>) -> Option<Config> {
    let host = read_host(&root, faults);
    let names = host.as_ref().map(|(_, names)| names);
    let guarded = guard::services(&root);
    let exempt = guard::exempt(&root);
    let break_glass = guard::break_glass(&root);
    let default_role = read_default_role(&root);
    let sources = source::sources(&root, names, default_role.as_ref());
    let session = read_session(&root);
    let groups = groups::groups(&root, &break_glass);
    let people = people::people(&root, groups.gids);
    let keys = keys::keys(&root);
    let signatures = signatures::signatures(&root);
    root.finish();

    let (production, host) = host?;
    if production && !sources.written {
        faults.add(
            0..0,
            "source",
            "there is none, so nobody could ever be granted anything: add [source.ldap] or [source.ldif]",
        );
    }
    let background = guard::background(&guarded);
    let policy = Policy { production, host, guarded, background, exempt, break_glass };
    let sources = sources.configured;
    Some(Config { policy, sources, session, groups, people, keys, signatures, digest: String::new() })
}

fn read_host(root: &Section<'_, '_>, faults: &Faults<'_>) -> Option<(bool, HostNames)> {
    let Some(section) = root.table("host") else {
        if !root.has("host") {
            faults.add(0..0, "host", "there is no [host]; it must give `name`, the full name of this host");
        }
        return None;
    };
    let production = section.boolean("production").unwrap_or(true);
    let group = |text: &str| match text.strip_prefix('@') {
        Some(bare) => Err(format!("write {bare:?}, without `@`")),
        None => HostPattern::new(&format!("@{text}")).map(|_| text.to_owned()).map_err(|_| {
            format!("`{}` is no host group: use letters, digits, `-` and `_`", text.escape_debug())
        }),
    };
    let groups = section.list("groups", group).unwrap_or_default();
    let way_out = "write the full name of this host, such as name = \"web1.prod.example.com\"";
    let name =
        section.required("name", way_out, |text| HostNames::new(text, groups.iter().map(String::as_str)));
    section.finish();
    Some((production, name?.value))
}

fn read_default_role(root: &Section<'_, '_>) -> Option<Arc<Role>> {
    let section = root.table("default_role")?;
    let way_out = "write how long a grant without a role may last, such as max_duration = \"8h\"";
    let max_duration = section.required("max_duration", way_out, values::span);
    section.finish();
    Some(Arc::new(Role::default_of(max_duration?.value)))
}

fn read_session(root: &Section<'_, '_>) -> Session {
    let mut session = Session {
        warn: vec![Span(15 * 60), Span(5 * 60), Span(60)],
        grace: Span(10),
        on_end: OnEnd::Terminate,
    };
    let Some(section) = root.table("session") else { return session };
    // None at all is a choice: warn = [].
    if let Some(mut warn) = section.list("warn", values::warning) {
        warn.sort_unstable_by(|a, b| b.cmp(a));
        warn.dedup();
        session.warn = warn;
    }
    if let Some(grace) = section.parsed("grace", values::grace) {
        session.grace = grace.value;
    }
    let on_end = |text: &str| match text {
        "terminate" => Ok(OnEnd::Terminate),
        "warn" => Ok(OnEnd::Warn),
        other => Err(format!("`{}` is neither \"terminate\" nor \"warn\"", other.escape_debug())),
    };
    if let Some(on_end) = section.parsed("on_end", on_end) {
        session.on_end = on_end.value;
    }
    section.finish();
    session
}

#[cfg(test)]
mod tests;
