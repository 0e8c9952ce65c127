//! What a source of kind `ldap` is told: where, as whom, what to look for, how patient to be. Values only; jitd reads them
//! from its file. Secrets are named by path and read anew at each connection, never kept, but for a password that a person has typed.

use std::path::PathBuf;
use std::time::Duration;

use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::time::Timestamp;

use super::gssapi::Credentials;
use super::secret::Secret;
use super::server::{Server, ServerError, StartTls};
use crate::decode::Bases;

/// Everything a session with a directory needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapConfig {
    /// The servers, in the order in which they are tried. They hold the same data.
    pub servers: Vec<Server>,
    /// The file with the certificates (PEM) that a server's certificate must lead to. Needed for TLS.
    pub ca: Option<PathBuf>,
    /// As whom.
    pub bind: Bind,
    /// Where things stand.
    pub bases: Bases,
    /// The attribute that holds a person's login, such as `uid`.
    pub login_attribute: String,
    /// Who may write grants for others where no approval is needed: these very names, not members of groups.
    pub writers: Vec<Dn>,
    /// The names that this host answers to: what is asked of the directory.
    pub host: HostNames,
    /// Only what was made since, or begins or ends later: for people, who look at a few grants of the many that there ever were. A host
    /// looks at all that concern it, for a time in the filter costs it a hundred times as much.
    pub since: Option<Timestamp>,
    /// Push where the server can, unless told otherwise.
    pub follow: Follow,
    /// How patient to be.
    pub patience: Patience,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// By push (RFC 4533) where the server has it, otherwise by polling.
    Push,
    /// By polling only.
    Poll,
}

/// As whom to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Name and password (RFC 4513 §5.1.3).
    Simple {
        /// The name.
        dn: Dn,
        /// The file with the password, which others than owner and group may not read; a final line break does not
        /// count.
        password_file: PathBuf,
    },
    /// The same with a password that somebody has typed: for a visit, never for a daemon.
    Password {
        /// The name.
        dn: Dn,
        /// The password.
        password: Secret,
    },
    /// SASL EXTERNAL (RFC 4422 appendix A): by the certificate shown under TLS; over `ldapi`, by our own uid.
    External {
        /// The certificate to show; needed for every server but `ldapi`.
        certificate: Option<ClientCertificate>,
    },
    /// SASL GSSAPI (RFC 4752), by a Kerberos ticket: under TLS, to servers that are named by name.
    Gssapi {
        /// By whose ticket.
        credentials: Credentials,
    },
    /// As nobody.
    Anonymous,
}

/// A certificate to show, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that lead from it towards the server's trust (PEM).
    pub cert: PathBuf,
    /// Its key (PEM: PKCS #8, PKCS #1 or SEC 1), which others than owner and group may not read.
    pub key: PathBuf,
}

/// Waiting times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the name of the server to the end of the TLS handshake.
    pub connect: Duration,
    /// For the answer to one request, or the next message of a refresh.
    pub operation: Duration,
    /// Between two signs of life.
    pub heartbeat: Duration,
    /// Between two looks where the server cannot push; and from a resumed sync to its verification from nothing.
    pub poll: Duration,
    /// Between two refreshes from nothing: what a lost event or a lost right to read could hide ends here.
    pub refresh: Duration,
    /// From one failed round of all servers to the next: at first, and at most. With jitter.
    pub retry: (Duration, Duration),
}

impl Default for Patience {
    fn default() -> Self {
        let s = Duration::from_secs;
        Patience {
            connect: s(10),
            operation: s(10),
            heartbeat: s(20),
            poll: s(60),
            refresh: s(3_600),
            retry: (s(1), s(30)),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LdapConfigError {
    /// A URL is not one.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// There is no server.
    #[error("no server is named: write uris = [\"ldaps://ldap1.example.com\"]")]
    NoServer,
    /// TLS without trust.
    #[error("`{0}` uses TLS, so ca must name the file with the certificates to trust")]
    NoCa(String),
    /// EXTERNAL without anything to show.
    #[error("bind method external over `{0}` needs cert and key")]
    NoCertificate(String),
    /// GSSAPI by itself does not protect a connection as we use it.
    #[error(
        "bind method gssapi over `{0}`: it is used under TLS only: use ldaps://, or set start_tls = true"
    )]
    GssapiWithoutTls(String),
    /// A KDC knows servers by name.
    #[error(
        "bind method gssapi over `{0}`: Kerberos knows servers by name, as ldap/<name>: write the name instead of the address"
    )]
    GssapiToAddress(String),
    /// Would be a filter, or nonsense.
    #[error("`{0}` is no attribute name: letters, digits and hyphens, such as uid or sAMAccountName")]
    LoginAttribute(String),
}

impl LdapConfig {
    /// A configuration with everything that has a usual value at that value. Check it with [`LdapConfig::check`] when
    /// the rest is filled in.
    ///
    /// # Errors
    /// When a URL cannot be used.
    pub fn new(
        uris: &[String],
        start_tls: StartTls,
        bases: Bases,
        host: HostNames,
    ) -> Result<LdapConfig, LdapConfigError> {
        let servers =
            uris.iter().map(|uri| Server::parse(uri, start_tls)).collect::<Result<Vec<_>, ServerError>>()?;
        Ok(LdapConfig {
            servers,
            ca: None,
            bind: Bind::Anonymous,
            bases,
            login_attribute: "uid".to_owned(),
            writers: Vec::new(),
            host,
            since: None,
            follow: Follow::Push,
            patience: Patience::default(),
        })
    }

    /// Whether its parts fit together. Looks at no file: they are read at each connection.
    ///
    /// # Errors
    /// What is wrong, and what would do.
    pub fn check(&self) -> Result<(), LdapConfigError> {
        if self.servers.is_empty() {
            return Err(LdapConfigError::NoServer);
        }
        let name = self.login_attribute.as_bytes();
        let good = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        if !name.first().is_some_and(u8::is_ascii_alphabetic) || !name.iter().all(good) {
            return Err(LdapConfigError::LoginAttribute(self.login_attribute.clone()));
        }
        for server in &self.servers {
            if server.has_tls() && self.ca.is_none() {
                return Err(LdapConfigError::NoCa(server.to_string()));
            }
            if matches!(self.bind, Bind::External { certificate: None }) && !server.is_socket() {
                return Err(LdapConfigError::NoCertificate(server.to_string()));
            }
            if matches!(self.bind, Bind::Gssapi { .. }) {
                if !server.has_tls() {
                    return Err(LdapConfigError::GssapiWithoutTls(server.to_string()));
                }
                if server.name().is_none() {
                    return Err(LdapConfigError::GssapiToAddress(server.to_string()));
                }
            }
        }
        Ok(())
    }
}
