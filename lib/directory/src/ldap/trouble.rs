//! What can go wrong between us and a directory, said so that an admin knows which server, at which step, and what to do.

use std::fmt;
use std::time::Duration;

use ldap3::{LdapError, LdapResult};

use super::gssapi;

/// Why a server is of no use at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its URL.
    pub server: String,
    /// What we were doing.
    pub step: Step,
    /// What came of it.
    pub cause: Cause,
}

/// What we were doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading our own files: password, certificates.
    Prepare,
    /// Name, TCP or Unix socket, StartTLS, TLS.
    Connect,
    /// Saying who we are.
    Bind,
    /// Asking what the server can do, and how new it is.
    Look,
    /// Reading or following grants and roles.
    Grants,
    /// Reading or following people and groups.
    People,
    /// Asking whether it is still there.
    Heartbeat,
    /// Adding an entry.
    Write,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A file of ours.
    File(String),
    /// Nothing within this time.
    Silence(Duration),
    /// The connection: refused, reset, TLS.
    Connection(String),
    /// The server answered with this result code (RFC 4511 appendix A) and text.
    Refused {
        /// Result code.
        code: u32,
        /// The server's own words.
        text: String,
    },
    /// Kerberos: no ticket, or none that the server takes.
    Kerberos(String),
    /// It says that there is nothing where there must be something, so its answers are not believed.
    Hidden(String),
    /// It knows less than the directory has already shown us.
    Behind(String),
    /// It said something that is not LDAP, or not RFC 4533.
    Nonsense(String),
    /// More than we are willing to hold.
    TooMuch(String),
    /// It ended a search that never ends.
    Ended,
    /// An entry was sent, and what became of it is not known: the connection was lost, or the answer did not come, as this says.
    Unanswered(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Prepare => "own files",
            Step::Connect => "connect",
            Step::Bind => "bind",
            Step::Look => "root DSE",
            Step::Grants => "grants and roles",
            Step::People => "people and groups",
            Step::Heartbeat => "heartbeat",
            Step::Write => "write",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::File(what) => f.write_str(what),
            Cause::Silence(time) => {
                write!(f, "no answer within {time:?}: the server hangs, or something between drops packets")
            }
            Cause::Connection(what) => {
                let way_out = way_out_of_connection(what);
                write!(f, "{}{}{way_out}", one_line(what), if way_out.is_empty() { "" } else { ": " })
            }
            Cause::Refused { code, text } => {
                write!(f, "the server says {code} {}", name_of(*code))?;
                if !text.is_empty() {
                    write!(f, " ({})", text.escape_debug())?;
                }
                let way_out = way_out_of_code(*code);
                write!(f, "{}{way_out}", if way_out.is_empty() { "" } else { ": " })
            }
            Cause::Kerberos(what) => {
                let way_out = gssapi::way_out(what);
                write!(f, "{}{}{way_out}", one_line(what), if way_out.is_empty() { "" } else { ": " })
            }
            Cause::Hidden(what) => {
                write!(
                    f,
                    "{what}: the base is wrong, or an access rule hides it from this host; what is known stays"
                )
            }
            Cause::Behind(what) => write!(
                f,
                "it is behind what the directory has already shown ({what}): waiting for replication; after a restore from a backup, restart jitd"
            ),
            Cause::Nonsense(what) => write!(f, "the answer makes no sense: {what}"),
            Cause::TooMuch(what) => f.write_str(what),
            Cause::Ended => f.write_str("the server ended the subscription"),
            Cause::Unanswered(what) => {
                write!(
                    f,
                    "{what}; the entry may have been written all the same: look before it is tried again"
                )
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.server, self.step, self.cause)
    }
}

impl std::error::Error for Trouble {}

impl Cause {
    /// From the LDAP crate's error; `waited` is the deadline that it was given.
    pub(crate) fn of(error: LdapError, waited: Duration) -> Cause {
        match error {
            LdapError::Timeout { .. } => Cause::Silence(waited),
            LdapError::LdapResult { result } => Cause::refused(&result),
            LdapError::EndOfStream | LdapError::ResultRecv { .. } | LdapError::OpSend { .. } => {
                Cause::Connection("the server closed the connection, or sent what is not LDAP".to_owned())
            }
            LdapError::FilterParsing => Cause::Nonsense("our own filter cannot be parsed".to_owned()),
            other => Cause::Connection(other.to_string()),
        }
    }

    /// From a result that is not success. Of a referral (RFC 4511 §4.1.10) the servers that it names are told, and never followed.
    pub(crate) fn refused(result: &LdapResult) -> Cause {
        let named = result.refs.join(" ");
        let text = match (result.text.is_empty(), named.is_empty()) {
            (_, true) => result.text.clone(),
            (true, false) => format!("it names {named}"),
            (false, false) => format!("{}; it names {named}", result.text),
        };
        Cause::Refused { code: result.rc, text }
    }

    /// Whether the connection as such can still be used.
    pub(crate) fn spares_connection(&self) -> bool {
        matches!(self, Cause::Refused { .. } | Cause::Hidden(_) | Cause::TooMuch(_) | Cause::Silence(_))
    }
}

/// What a library says, and in it a KDC or the holder of a certificate, whoever that is: no line of its own.
fn one_line(what: &str) -> String {
    what.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// RFC 4511 appendix A and RFC 4533 §2.5, those that a search, a bind or an add can bring.
fn name_of(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        17 => "undefinedAttributeType",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        64 => "namingViolation",
        65 => "objectClassViolation",
        68 => "entryAlreadyExists",
        80 => "other",
        E_SYNC_REFRESH_REQUIRED => "e-syncRefreshRequired",
        _ => "",
    }
}

/// RFC 4533 §2.5: start again without a cookie.
pub(crate) const E_SYNC_REFRESH_REQUIRED: u32 = 4096;
/// RFC 4511: another server is meant.
pub(crate) const REFERRAL: u32 = 10;
/// RFC 4511: the search's base, or the read entry, is not there.
pub(crate) const NO_SUCH_OBJECT: u32 = 32;
/// RFC 4511: not a name, as this server understands names (invalidDNSyntax).
pub(crate) const INVALID_NAME: u32 = 34;
/// RFC 4511: this database has not what the control asks for.
pub(crate) const UNAVAILABLE_CRITICAL: u32 = 12;
/// RFC 4511: OpenLDAP says so to a cookie that is newer than itself.
pub(crate) const UNWILLING: u32 = 53;

fn way_out_of_code(code: u32) -> &'static str {
    match code {
        3 | 11 => "raise the server's time limit for this host, and index jitHost",
        4 => {
            "raise the server's size limit for this name (OpenLDAP: olcLimits, size=unlimited; 389-ds: nsslapd-sizelimit)"
        }
        8 | 13 => "it wants TLS: set start_tls = true or use ldaps://",
        7 | 48 => "it does not accept this bind method for this name",
        10 => {
            "it is a replica that takes no writes, or not the server for this base; referrals are not followed: name the right one in uris"
        }
        32 => "the base does not exist there, or an access rule hides it",
        49 => "wrong name or password, or a certificate that maps to no name: check bind",
        50 => "an access rule of the directory forbids it",
        _ => "",
    }
}

fn way_out_of_connection(what: &str) -> &'static str {
    const NAME: &str = "the server's certificate is for another name than the URL's";
    const EARLY: &str = "a certificate is not valid yet, or this host's clock is wrong";
    const HINTS: &[(&str, &str)] = &[
        ("UnknownIssuer", "the server's certificate does not lead to any in ca"),
        ("NotValidForName", NAME),
        ("not valid for name", NAME),
        ("xpired", "a certificate has expired, or this host's clock is wrong"),
        ("NotValidYet", EARLY),
        ("not valid yet", EARLY),
        ("CertificateRequired", "the server wants a client certificate: bind method external"),
        ("refused", "nothing listens there"),
        ("failed to lookup", "the name does not resolve"),
    ];
    HINTS.iter().find(|(word, _)| what.contains(word)).map_or("", |(_, hint)| hint)
}
