//! How an administrator's connection is made: where, as whom, and trusting what. A password comes from a file or is typed at the
//! terminal, never from the command line.

use std::path::{Path, PathBuf};

use jit_directory::decode::Bases;
use jit_directory::ldap::{Admin, Bind, LdapConfig, Secret, StartTls, Trouble};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use tokio::runtime::Runtime;

use crate::person::uninterrupted;
use crate::report::{Exit, Failure};
use crate::terminal;

/// Where the sockets of directory servers lie.
const SOCKETS: [&str; 4] = ["/run/slapd/ldapi", "/var/run/slapd/ldapi", "/run/ldapi", "/var/run/ldapi"];

/// What this system trusts.
const TRUSTED: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The administrator as the command line names him.
pub(super) struct Named<'a> {
    pub(super) dn: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
}

/// A configuration for one server; a plain connection is made to loopback and sockets only.
///
/// # Errors
/// When the URL cannot be used.
pub(super) fn config(uri: &str, bases: Bases, ca: Option<PathBuf>) -> Result<LdapConfig, Failure> {
    let uri = if uri == "ldapi:///" { local_socket()? } else { uri.to_owned() };
    let make = |tls| LdapConfig::new(std::slice::from_ref(&uri), tls, bases.clone(), HostNames::everywhere());
    let mut config = make(StartTls::No)
        .or_else(|_| make(StartTls::Use))
        .map_err(|error| Failure::usage(error.to_string()))?;
    config.ca = ca.or_else(|| TRUSTED.iter().map(PathBuf::from).find(|path| path.is_file()));
    Ok(config)
}

/// The one socket that a server of this machine listens on.
fn local_socket() -> Result<String, Failure> {
    let mut found: Vec<PathBuf> = SOCKETS.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
    let instances = std::fs::read_dir("/run").into_iter().flatten().flatten().map(|entry| entry.path());
    let name =
        |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    found
        .extend(instances.filter(|path| name(path).starts_with("slapd-") && name(path).ends_with(".socket")));
    match found.first() {
        Some(path) => Ok(format!("ldapi://{}", path.display().to_string().replace('/', "%2F"))),
        None => Err(Failure::usage("no directory server listens on a socket here: say where with --uri")),
    }
}

/// As whom: by name and password, or as root over a socket.
///
/// # Errors
/// When nobody is named and there is no socket, or no password can be had.
pub(super) fn bind(named: &Named<'_>, config: &LdapConfig) -> Result<Bind, Failure> {
    let socket = config.servers.iter().all(|server| server.is_socket());
    let Some(dn) = named.dn else {
        if socket {
            return Ok(Bind::External { certificate: None });
        }
        return Err(Failure::usage("say as whom: --admin DN, an administrator of the directory"));
    };
    let dn = Dn::parse(dn).map_err(|error| Failure::usage(format!("--admin {dn}: {error}")))?;
    if let Some(file) = named.password_file {
        return Ok(Bind::Simple { dn, password_file: file.to_owned() });
    }
    let typed = uninterrupted::password(&format!("Password of {}: ", terminal::clean(dn.as_str())));
    match typed {
        Ok(password) if !password.is_empty() => Ok(Bind::Password { dn, password: Secret::new(password) }),
        Ok(_) => Err(Failure::no("no-password", "no password was typed")),
        Err(error) => Err(Failure::no(
            "no-terminal",
            format!(
                "the password cannot be asked for ({error}): give it in a file with --admin-password-file"
            ),
        )),
    }
}

/// A runtime for one command.
///
/// # Errors
/// When the system refuses.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::no("file", error.to_string()))
}

/// Connects and binds.
///
/// # Errors
/// When it cannot.
pub(super) async fn connect(config: LdapConfig) -> Result<Admin, Failure> {
    config.check().map_err(|error| Failure::usage(error.to_string()))?;
    Admin::begin(config).await.map_err(|error| {
        let refused = error.0.iter().any(|trouble| trouble.step == jit_directory::ldap::Step::Bind);
        let exit = if refused { Exit::No } else { Exit::Unreachable };
        let code = if refused { "refused" } else { "unreachable" };
        Failure { exit, code: code.to_owned(), text: error.to_string() }
    })
}

/// A trouble that ends a command.
pub(super) fn trouble(trouble: &Trouble) -> Failure {
    Failure { exit: Exit::Unreachable, code: "unreachable".to_owned(), text: trouble.to_string() }
}
