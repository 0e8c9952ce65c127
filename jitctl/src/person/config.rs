//! `~/.config/jit/config.toml`, else `/etc/jit/client.toml`: where the directory is, as whom to bind, with which key to sign. The file
//! says where a password goes, so it is believed only if nobody but the person and root can have written it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jit_directory::decode::Reading;
use jit_directory::ldap::config::Follow;
use jit_directory::ldap::{Bind, Credentials, LdapConfig, Patience};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::name::SourceName;
use jit_settings::directory::{self, Directory};
use jit_settings::{ConfigError, Faults, Problem, Section, file, values};
use nix::unistd::{User, geteuid, getuid};

use crate::cli::Cli;
use crate::report::{Exit, Failure};

/// For everybody on this machine.
pub const SYSTEM: &str = "/etc/jit/client.toml";

/// Where the person's own lies, under `$XDG_CONFIG_HOME` or `~/.config`.
const OWN: &str = "jit/config.toml";

/// What is enough, shown to whoever has no file.
pub const EXAMPLE: &str = "\
[directory]
uris = [\"ldaps://ldap1.example.com\"]
base = \"dc=example,dc=com\"
ca = \"/etc/ssl/certs/ca-certificates.crt\"
";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Which file it is.
    pub path: PathBuf,
    /// How the directory is reached. Its `bind` is not complete: [`ClientConfig::bound`] asks for what is missing.
    pub directory: LdapConfig,
    /// As whom.
    pub identity: Identity,
    /// How its entries are to be read.
    pub reading: Reading,
    /// What approvals are signed with, where they must be: a public key whose private half the agent has, or the file of the key. None:
    /// the first key of the agent that a list of signers would take.
    pub key: Option<PathBuf>,
    /// A list of signers to check other people's signatures by; without one they are shown as they claim to be, and hosts check them.
    pub allowed_signers: Option<PathBuf>,
}

/// As whom the person binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// As the file says, and nothing is missing: a ticket, a certificate, or a password in a file.
    Said(Bind),
    /// By this name, with a password that is asked for.
    Asked(Dn),
    /// By the Kerberos ticket where there is one, and otherwise by this name with a password that is asked for: the file does not say.
    TicketOrAsked(Dn),
}

/// Who runs the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The login on this machine, for `{login}`.
    pub login: String,
    /// The home directory, for `~/…`.
    pub home: PathBuf,
}

impl Person {
    /// Of this process: `$HOME`, as shells take `~`, and the login of the real user.
    ///
    /// # Errors
    /// When this machine knows the user by no name.
    pub fn of_process() -> Result<Person, Failure> {
        let uid = getuid();
        let user = User::from_uid(uid).ok().flatten();
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let user = user
            .ok_or_else(|| fault(format!("this machine knows uid {uid} by no name: getent passwd {uid}")))?;
        Ok(Person { login: user.name, home: home.unwrap_or(user.dir) })
    }
}

/// Finds and reads the file. Asks nobody anything: [`ClientConfig::bound`] does.
///
/// # Errors
/// When there is none, with what to write; or with every fault and its line.
pub fn load(cli: &Cli) -> Result<ClientConfig, Failure> {
    let person = Person::of_process()?;
    let xdg = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let own = xdg.unwrap_or_else(|| person.home.join(".config")).join(OWN);
    match &cli.config {
        Some(path) => read(path, &person)?.ok_or_else(|| absent(&[path])),
        None => {
            for path in [own.as_path(), Path::new(SYSTEM)] {
                if let Some(config) = read(path, &person)? {
                    return Ok(config);
                }
            }
            Err(absent(&[&own, Path::new(SYSTEM)]))
        }
    }
}

fn fault(text: String) -> Failure {
    Failure { exit: Exit::Usage, code: "config".to_owned(), text }
}

fn absent(paths: &[&Path]) -> Failure {
    let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let first = shown.first().map_or("", String::as_str);
    fault(format!(
        "no directory is configured: there is no {}. Write one, such as {first} with\n\n{EXAMPLE}",
        shown.join(", and no ")
    ))
}

/// Reads one file; `None` when it is not there.
fn read(path: &Path, person: &Person) -> Result<Option<ClientConfig>, Failure> {
    match trusted(path) {
        Ok(None) => Ok(None),
        Ok(Some(text)) => parse(path, &text, person)
            .map(Some)
            .map_err(|problems| fault(ConfigError::Faults { path: path.to_owned(), problems }.to_string())),
        Err(error) => Err(fault(error.to_string())),
    }
}

/// The text of a file that nobody but the person and root can have written.
fn trusted(path: &Path) -> Result<Option<String>, ConfigError> {
    let refuse = |what: String| ConfigError::File { path: path.to_owned(), what };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(refuse(format!("cannot be opened: {error}"))),
    };
    let meta = file.metadata().map_err(|error| refuse(format!("cannot be examined: {error}")))?;
    let (shown, uid) = (path.display(), geteuid().as_raw());
    if !meta.is_file() {
        return Err(refuse("is no regular file".to_owned()));
    }
    if meta.uid() != 0 && meta.uid() != uid {
        let owner = meta.uid();
        return Err(refuse(format!(
            "belongs to uid {owner}, and says where your password goes: it must be yours or root's: chown {uid} {shown}"
        )));
    }
    if meta.mode() & 0o022 != 0 {
        let mode = meta.mode() & 0o7777;
        return Err(refuse(format!(
            "may be written by others (mode {mode:04o}), and says where your password goes: chmod go-w {shown}"
        )));
    }
    file::text(path, file).map(Some)
}

/// Understands the text of the file at `path`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(path: &Path, text: &str, person: &Person) -> Result<ClientConfig, Vec<Problem>> {
    jit_settings::parse(text, |root, faults| understand(path, root, faults, person))
}

fn understand(
    path: &Path,
    root: Section<'_, '_>,
    faults: &Faults<'_>,
    person: &Person,
) -> Option<ClientConfig> {
    let own_path = |text: &str| path_of(text, &person.home);
    let directory = root.table("directory");
    if directory.is_none() && !root.has("directory") {
        faults.add(0..0, "directory", "there is no [directory]; it must give `uris`, `base` and `ca`");
    }
    let directory = directory.and_then(|section| read_directory(section, person, &own_path));
    let (mut key, mut allowed_signers) = (None, None);
    if let Some(sign) = root.table("sign") {
        key = sign.parsed("key", own_path).map(|at| at.value);
        allowed_signers = sign.parsed("allowed_signers", own_path).map(|at| at.value);
        sign.finish();
    }
    root.finish();
    let (directory, identity, reading) = directory?;
    Some(ClientConfig { path: path.to_owned(), directory, identity, reading, key, allowed_signers })
}

fn read_directory(
    section: Section<'_, '_>,
    person: &Person,
    path: directory::PathRule<'_>,
) -> Option<(LdapConfig, Identity, Reading)> {
    let read = Directory::read(&section, path, |section| bind(section, person, path));
    let writers = section.list("writers", values::dn).unwrap_or_default();
    let Directory { servers, bases, ca, bind, login_attribute, proof } = read;
    if servers.is_none() && !section.has("uris") {
        section.fault("lacks `uris`: write where the directory is, such as [\"ldaps://ldap1.example.com\"]");
    }
    let usual = match (section.has("bind"), &bases) {
        (false, Some(bases)) => {
            let usual = bases.people.child(&login_attribute, &person.login);
            usual.map(Identity::TicketOrAsked).map_err(|error| section.fault(error)).ok()
        }
        _ => None,
    };
    let all = bases.zip(bind.or(usual)).zip(servers).zip(SourceName::new("directory").ok());
    let all = all.map(|(((bases, identity), servers), name)| {
        let session = LdapConfig {
            servers,
            ca,
            bind: match &identity {
                Identity::Said(bind) => bind.clone(),
                Identity::Asked(_) | Identity::TicketOrAsked(_) => Bind::Anonymous,
            },
            bases,
            login_attribute: login_attribute.clone(),
            writers: writers.clone(),
            host: HostNames::everywhere(),
            since: None,
            follow: Follow::Push,
            patience: Patience::default(),
        };
        if let Err(error) = session.check() {
            section.fault(error);
        }
        let writers = writers.into_iter().collect();
        (session, identity, Reading { name, proof, writers, default_role: None, login_attribute })
    });
    section.finish();
    all
}

fn bind(section: &Section<'_, '_>, person: &Person, path: directory::PathRule<'_>) -> Option<Identity> {
    let table = section.table("bind")?;
    let methods = "the methods are \"gssapi\", \"simple\" and \"external\"";
    let method = table.required("method", methods, |text| match text {
        "gssapi" | "simple" | "external" => Ok(text.to_owned()),
        "anonymous" => {
            Err("nobody can ask or approve as nobody: use \"gssapi\", \"simple\" or \"external\"".to_owned())
        }
        other => Err(format!("`{}` is unknown: {methods}", other.escape_debug())),
    });
    let identity = match method?.value.as_str() {
        "gssapi" => Some(Identity::Said(Bind::Gssapi { credentials: Credentials::Ticket })),
        "simple" => {
            let way_out = "write who binds, such as uid={login},ou=people,dc=example,dc=com";
            let dn = table.required("dn", way_out, |text| name_of(text, &person.login));
            let file = table.parsed("password_file", path).map(|at| at.value);
            let asked = !table.has("password_file");
            dn.and_then(|dn| match file {
                Some(password_file) => Some(Identity::Said(Bind::Simple { dn: dn.value, password_file })),
                None => asked.then_some(Identity::Asked(dn.value)),
            })
        }
        _ => directory::certificate(&table, path)
            .map(|certificate| Identity::Said(Bind::External { certificate })),
    };
    table.finish();
    identity
}

/// A name in which `{login}` stands for the login on this machine.
fn name_of(text: &str, login: &str) -> Result<Dn, String> {
    if !text.contains("{login}") {
        return values::dn(text);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-@$".contains(&b);
    if !login.bytes().all(plain) {
        let shown = login.escape_debug();
        return Err(format!(
            "`{{login}}` would be `{shown}`, which does not fit into a name: write yours in full"
        ));
    }
    values::dn(&text.replace("{login}", login))
}

/// An absolute path, or one under the home directory.
fn path_of(text: &str, home: &Path) -> Result<PathBuf, String> {
    match text.strip_prefix("~/") {
        Some(rest) if !rest.contains('\0') => Ok(home.join(rest.trim_start_matches('/'))),
        _ => values::path(text).map_err(|error| format!("{error} or `~/`")),
    }
}

#[cfg(test)]
mod tests;
