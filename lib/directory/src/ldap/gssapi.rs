//! Binding by Kerberos (SASL GSSAPI, RFC 4752), under TLS only: the ticket says who we are, TLS protects what is said, and the ticket is
//! bound to this TLS connection where the server checks that. The Kerberos library asks files and KDCs and blocks meanwhile, so each
//! attempt has a thread of its own; it must never block the runtime's, outlast the deadline of a request, or keep the process from ending.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use ldap3::{Ldap, LdapError};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::oid::{GSS_MECH_KRB5, OidSet};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::search::Search;
use super::tls;
use super::trouble::{Cause, Step};

mod keytab;

/// By whose ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The one that the person has already, by `kinit` or from logging in, wherever the library looks for it.
    Ticket,
    /// One that is fetched anew for each connection, by a key in a file.
    Keytab {
        /// The file, which others than owner and group may not read.
        keytab: PathBuf,
        /// Whose key, such as `host/web1.example.com`; of the default realm unless it says which.
        principal: String,
    },
}

/// Attempts that still wait for a KDC when their deadline has passed end by the library's own time limits, at most a minute later; more
/// of them than this are not begun.
static ATTEMPTS: Semaphore = Semaphore::const_new(16);

/// Binds. `host` is the server's name: its principal is `ldap/<host>`.
pub(super) async fn bind(
    search: &mut Search,
    host: &str,
    credentials: &Credentials,
) -> Result<(), (Step, Cause)> {
    if let Credentials::Keytab { keytab, .. } = credentials {
        tls::secret(keytab).map_err(|what| (Step::Prepare, Cause::File(format!("keytab {what}"))))?;
    }
    let waited = search.patience();
    let outcome = timeout(waited, attempted(search.handle().clone(), host.to_owned(), credentials.clone()));
    let outcome = outcome.await.unwrap_or_else(|_| Err(silence(waited)));
    outcome.map_err(|cause| (Step::Bind, cause))
}

fn silence(waited: Duration) -> Cause {
    Cause::Kerberos(format!(
        "no answer within {waited:?} from the KDC or the server: is the KDC of krb5.conf reachable (port 88)?"
    ))
}

async fn attempted(ldap: Ldap, host: String, credentials: Credentials) -> Result<(), Cause> {
    let permit = ATTEMPTS.try_acquire();
    let permit =
        permit.map_err(|_| Cause::Kerberos("too many attempts still wait for the KDC".to_owned()))?;
    let (tx, rx) = oneshot::channel();
    let runtime = Handle::current();
    // Not spawn_blocking: a runtime that ends waits for those, and this may wait for a KDC.
    let spawned = thread::Builder::new().name("gssapi".to_owned()).spawn(move || {
        let outcome = attempt(&runtime, ldap, &host, &credentials);
        drop(permit);
        // Nobody waits any more when the deadline has passed.
        let _ = tx.send(outcome);
    });
    spawned.map_err(|error| Cause::Kerberos(format!("no thread can be started: {error}")))?;
    // The crate panics on an answer that is too short; that ends the thread, and the sender with it.
    rx.await.unwrap_or_else(|_| Err(Cause::Nonsense("what it sent is not SASL GSSAPI".to_owned())))
}

/// Everything that blocks.
fn attempt(runtime: &Handle, mut ldap: Ldap, host: &str, credentials: &Credentials) -> Result<(), Cause> {
    let keyed;
    let cred = match credentials {
        Credentials::Ticket => own_ticket().map_err(Cause::Kerberos)?,
        Credentials::Keytab { keytab, principal } => {
            let failed = |what: String| {
                // What the library says of a keytab without this key is about tickets.
                let absent = what.contains("No credentials cache found");
                let what = if absent { "contains no suitable keys".to_owned() } else { what };
                Cause::Kerberos(format!("{} for {principal}: {what}", keytab.display()))
            };
            keyed = keytab::Keyed::acquire(keytab, principal).map_err(failed)?;
            keyed.cred()
        }
    };
    // Without a timeout of the crate's: its timer must not be made on a runtime that has ended meanwhile.
    let result = runtime.block_on(ldap.sasl_gssapi_cred_bind(cred.into(), host));
    match result {
        Ok(result) if result.rc == 0 => Ok(()),
        Ok(result) => {
            let (code, text) = (result.rc, result.text.escape_debug());
            Err(Cause::Kerberos(format!("the server, as ldap/{host}, refuses with {code} ({text})")))
        }
        Err(LdapError::GssapiOperationError(what)) => {
            Err(Cause::Kerberos(format!("for ldap/{host}: {what}")))
        }
        Err(error) => Err(Cause::of(error, Duration::ZERO)),
    }
}

fn own_ticket() -> Result<Cred, String> {
    let mut mechanisms = OidSet::new().map_err(|error| error.to_string())?;
    mechanisms.add(&GSS_MECH_KRB5).map_err(|error| error.to_string())?;
    Cred::acquire(None, None, CredUsage::Initiate, Some(&mechanisms)).map_err(|error| error.to_string())
}

/// Whether whoever runs this process has a ticket that has not expired. Looks into the ticket cache, which may block for as long as the
/// cache's keeper takes.
pub fn has_ticket() -> bool {
    own_ticket().is_ok_and(|cred| cred.lifetime().is_ok_and(|left| !left.is_zero()))
}

/// What to do about what the Kerberos library says. It says it in English: we never call setlocale(3).
pub(super) fn way_out(what: &str) -> &'static str {
    const KDC: &str =
        "no KDC of the realm answers: see [realms] in krb5.conf, and whether port 88 of the KDC is reachable";
    const STALE: &str = "the key in the keytab is not the one that the KDC has: fetch a new keytab";
    const NO_TICKET: &str = "there is no ticket: kinit";
    const HINTS: &[(&str, &str)] = &[
        ("Cannot contact any KDC", KDC),
        ("Cannot find KDC", KDC),
        ("lock skew", "the clocks of this host, the KDC and the server differ too much: set them right"),
        ("icket expired", "the ticket has expired: kinit"),
        ("redentials have expired", "the ticket has expired: kinit"),
        ("No Kerberos credentials available", NO_TICKET),
        ("No credentials cache", NO_TICKET),
        ("contains no suitable keys", "the keytab has no key of this principal: klist -k shows whose it has"),
        ("No key table entry", "the keytab has no key of this principal: klist -k shows whose it has"),
        ("authentication failed", STALE),
        ("Password incorrect", STALE),
        ("ntegrity check failed", STALE),
        ("Server not found", SERVER),
        ("Server ldap/", SERVER),
        ("Client not found", CLIENT),
        ("Client '", CLIENT),
        ("have been revoked", "the principal is locked in the KDC"),
        ("default realm", "write default_realm into [libdefaults] of krb5.conf"),
        ("refuses with 7 ", "it does not offer GSSAPI: it needs the SASL module and a keytab"),
        ("refuses with 49 ", TAKEN),
        ("refuses with 80 ", TAKEN),
    ];
    const TAKEN: &str = "it does not take the ticket: its keytab must hold the newest key, and its clock must be right; its log says more";
    const SERVER: &str = "the KDC knows no such server: write its name in uris as its principal ldap/<name> has it, or make that principal";
    const CLIENT: &str = "the KDC knows no such principal: make it, or correct `principal`";
    HINTS.iter().find(|(word, _)| what.contains(word)).map_or("", |(_, hint)| hint)
}
