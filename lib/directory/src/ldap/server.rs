//! Which server, over what: an LDAP URL, checked before anything else sees it. A plain connection is possible only to a
//! literal loopback address or a Unix socket; everywhere else passwords and answers travel under TLS or not at all. Must
//! never ask a resolver: `localhost` is a name, and a name can point anywhere.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Whether plain `ldap://` connections are turned into TLS (RFC 4511 §4.14) before anything else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// They are. `ldaps` and `ldapi` are what they are anyway.
    Use,
    /// They stay plain, which only loopback may.
    No,
}

/// A server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    uri: String,
    pub(crate) route: Route,
}

/// How to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `ldap://` to a literal loopback address.
    Plain(SocketAddr),
    /// `ldap://` and StartTLS.
    StartTls { host: String, port: u16 },
    /// `ldaps://`
    Tls { host: String, port: u16 },
    /// `ldapi://`
    Unix(PathBuf),
}

/// Why a text is no server we would talk to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Not one of the three schemes.
    #[error(
        "`{0}` is no LDAP URL: write ldaps://host, ldap://host (with start_tls = true) or ldapi://%2Fpath%2Fto%2Fsocket"
    )]
    Scheme(String),
    /// No host, or a character that no host name has.
    #[error("`{0}` names no host: write a name or an address, without user, path or query")]
    Host(String),
    /// Not a port.
    #[error("`{0}` has no usable port: write a number from 1 to 65535")]
    Port(String),
    /// Plain text over a network.
    #[error(
        "`{0}` would send everything in the clear: set start_tls = true, or use ldaps:// (plain is for 127.0.0.0/8, ::1 and ldapi only, written as addresses)"
    )]
    Plain(String),
    /// rustls as we reach it verifies no certificate against a bracketed address.
    #[error(
        "`{0}`: a certificate cannot be checked against an IPv6 address here: use the server's name (a line in /etc/hosts will do)"
    )]
    TlsToIpv6(String),
    /// Not an absolute path.
    #[error(
        "`{0}` names no socket: write its absolute path with each / as %2F, such as ldapi://%2Frun%2Fslapd%2Fldapi"
    )]
    Socket(String),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl Server {
    /// Checks a URL.
    ///
    /// # Errors
    /// When it is none, or would send secrets in the clear.
    pub fn parse(uri: &str, start_tls: StartTls) -> Result<Server, ServerError> {
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| ServerError::Scheme(uri.to_owned()))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let route = match scheme.to_ascii_lowercase().as_str() {
            "ldapi" => Route::Unix(socket(uri, rest)?),
            "ldaps" => {
                let (host, port) = host_and_port(uri, rest, 636)?;
                Route::Tls { host: certifiable(uri, host)?, port }
            }
            "ldap" => {
                let (host, port) = host_and_port(uri, rest, 389)?;
                match (start_tls, address(&host)) {
                    (StartTls::Use, _) => Route::StartTls { host: certifiable(uri, host)?, port },
                    (StartTls::No, Some(ip)) if ip.is_loopback() => Route::Plain(SocketAddr::new(ip, port)),
                    (StartTls::No, _) => return Err(ServerError::Plain(uri.to_owned())),
                }
            }
            _ => return Err(ServerError::Scheme(uri.to_owned())),
        };
        Ok(Server { uri: uri.to_owned(), route })
    }

    /// Whether the connection is under TLS, so that a client certificate can be shown.
    pub fn has_tls(&self) -> bool {
        matches!(self.route, Route::StartTls { .. } | Route::Tls { .. })
    }

    /// Its name, if it is reached by TCP and named by a name; without a final dot.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.route {
            Route::StartTls { host, .. } | Route::Tls { host, .. } if address(host).is_none() => {
                Some(host.strip_suffix('.').unwrap_or(host))
            }
            _ => None,
        }
    }

    /// Whether it is a Unix socket, so that EXTERNAL means our own uid.
    pub fn is_socket(&self) -> bool {
        matches!(self.route, Route::Unix(_))
    }
}

fn address(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn certifiable(uri: &str, host: String) -> Result<String, ServerError> {
    match address(&host) {
        Some(IpAddr::V6(_)) => Err(ServerError::TlsToIpv6(uri.to_owned())),
        _ => Ok(host),
    }
}

fn host_and_port(uri: &str, text: &str, usual: u16) -> Result<(String, u16), ServerError> {
    let bad_host = || ServerError::Host(uri.to_owned());
    let end = match text.strip_prefix('[') {
        Some(inner) => inner.find(']').map(|n| n + 2).ok_or_else(bad_host)?,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at_checked(end).ok_or_else(bad_host)?;
    let good = match host.strip_prefix('[') {
        Some(_) => matches!(address(host), Some(IpAddr::V6(_))),
        None => {
            let label = |l: &str| {
                !l.is_empty()
                    && l.len() <= 63
                    && !l.starts_with('-')
                    && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            };
            host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
        }
    };
    if !good {
        return Err(bad_host());
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => usual,
        None => return Err(bad_host()),
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port != 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => return Err(ServerError::Port(uri.to_owned())),
        },
    };
    Ok((host.to_owned(), port))
}

/// `%2Frun%2Fldapi` → `/run/ldapi`.
fn socket(uri: &str, text: &str) -> Result<PathBuf, ServerError> {
    let bad = || ServerError::Socket(uri.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or_else(bad);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
            }
            0 | b'?' | b'#' => return Err(bad()),
            other => bytes.push(other),
        }
    }
    let path = String::from_utf8(bytes).map_err(|_| bad())?;
    if !Path::new(&path).is_absolute() || path.contains('\0') || path.len() > 107 {
        return Err(bad());
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(uri: &str, start_tls: StartTls) -> Result<Route, ServerError> {
        Server::parse(uri, start_tls).map(|server| server.route)
    }

    #[test]
    fn plain_only_to_literal_loopback() {
        for good in ["ldap://127.0.0.1", "ldap://127.9.8.7:3389/", "ldap://[::1]:389", "LDAP://127.0.0.1"] {
            assert!(matches!(route(good, StartTls::No), Ok(Route::Plain(_))), "{good}");
        }
        for bad in [
            "ldap://localhost",
            "ldap://127.1",
            "ldap://ldap.example.com",
            "ldap://10.0.0.1",
            "ldap://[::ffff:10.0.0.1]",
        ] {
            assert!(matches!(route(bad, StartTls::No), Err(ServerError::Plain(_))), "{bad}");
        }
    }

    #[test]
    fn what_the_ldap_crate_panics_on_never_reaches_it() {
        for bad in [
            "",
            "ldap:",
            "ldap:foo",
            "ldap:///",
            "ldap://",
            "ldaps:///x",
            "ldap://:389",
            "ldap://a:0",
            "ldap://a:99999",
            "ldap://a:+1",
            "ldap://u@h",
            "ldap://h/dc=x",
            "ldap://h?x",
            "ldap://%31",
            "ldapi://",
            "ldapi:///",
            "ldapi://rel",
            "ldapi://%2",
            "ldapi://%2Fa%00",
            "http://h",
            "ldap://[::1",
            "ldap://[1.2.3.4]",
            "ldap://a..b",
            "ldaps://[::1]",
        ] {
            assert!(route(bad, StartTls::Use).is_err(), "{bad}");
        }
    }

    #[test]
    fn tls_and_sockets() {
        let tls = |host: &str, port| Ok(Route::Tls { host: host.to_owned(), port });
        assert_eq!(route("ldaps://ldap1.example.com", StartTls::No), tls("ldap1.example.com", 636));
        assert_eq!(route("ldaps://10.0.0.1:3636", StartTls::No), tls("10.0.0.1", 3636));
        let start = Ok(Route::StartTls { host: "ldap1".to_owned(), port: 389 });
        assert_eq!(route("ldap://ldap1", StartTls::Use), start);
        assert_eq!(route("ldapi://%2Frun%2Fldapi", StartTls::Use), Ok(Route::Unix("/run/ldapi".into())));
    }
}
