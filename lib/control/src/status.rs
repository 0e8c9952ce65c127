//! How the daemon is.

use serde::{Deserialize, Serialize};

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of jitd.
    pub version: String,
    /// The host's own name.
    pub host: String,
    /// The names it answers to.
    pub answers_to: Vec<String>,
    /// Whether the host counts as production.
    pub production: bool,
    /// `permissive` or `enforcing`.
    pub mode: String,
    /// Unix seconds until which enforcing is unconfirmed.
    pub until: Option<i64>,
    /// Permissive, because enforcing was not confirmed: Unix seconds until which it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<i64>,
    /// Guarded services.
    pub guarded: Vec<String>,
    /// The SHA-256 of jitd.toml as the daemon has read it, in hexadecimal (only for root and jit-admin).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The daemon's idea of now, Unix seconds.
    pub now: i64,
    /// What is wrong with the clock, if anything.
    pub clock: Option<String>,
    /// Sources, in the order of their names.
    pub sources: Vec<SourceStatus>,
    /// How many grants are live here.
    pub live: usize,
    /// How many sessions are open here.
    #[serde(default)]
    pub sessions: usize,
    /// What becomes of a session when its grant ends, enforcing: `terminate`, or `warn`.
    #[serde(default)]
    pub on_end: Option<String>,
    /// How many entries could not be used, and which (only for root and jit-admin).
    pub set_aside: Vec<SetAside>,
    /// Unix groups that roles name, or `[groups] allow` does, and that are not conferred here (only for root and jit-admin).
    #[serde(default)]
    pub groups_refused: Vec<RefusedGroup>,
    /// People whom `[people]` does not show, or not as the directory has them, and keys that are not handed out (only for root and
    /// jit-admin).
    #[serde(default)]
    pub people_refused: Vec<RefusedPerson>,
    /// Endings that do not get on (only for root and jit-admin).
    #[serde(default)]
    pub stuck: Vec<Stuck>,
    /// Everything that makes the daemon less than healthy, a sentence each; empty is good.
    pub degraded: Vec<String>,
}

/// How a source is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name in the configuration.
    pub name: String,
    /// `ldap` or `ldif`.
    pub kind: String,
    /// The server it speaks with, or the file's path.
    pub at: String,
    /// Unix seconds of the last word from it.
    pub heard: Option<i64>,
    /// Whether its grants no longer count for want of word.
    pub stale: bool,
    /// What is wrong at the moment.
    pub trouble: Option<String>,
    /// Entries from its grants base.
    pub entries: usize,
    /// LDIF: the DN under which grants stand, such as `ou=grants,ou=jit,dc=example,dc=com`. What `grant add` writes under.
    #[serde(default)]
    pub grants_base: Option<String>,
    /// LDIF: the DN under which roles stand.
    #[serde(default)]
    pub roles_base: Option<String>,
    /// LDIF: the DN under which people stand.
    #[serde(default)]
    pub people_base: Option<String>,
    /// LDIF: the DN under which groups stand.
    #[serde(default)]
    pub groups_base: Option<String>,
    /// LDIF: the attribute that holds a person's login.
    #[serde(default)]
    pub login_attribute: Option<String>,
    /// LDIF: the longest duration, in seconds, of a grant without a role; none means that each grant must name one.
    #[serde(default)]
    pub default_max: Option<u64>,
}

/// An entry that could not be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// Which source.
    pub source: String,
    /// Which entry.
    pub dn: String,
    /// Which attribute, if it is one.
    pub attribute: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// A group that is not conferred here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedGroup {
    /// Its name.
    pub group: String,
    /// The roles that name it.
    pub roles: Vec<String>,
    /// Why, and what would do.
    pub reason: String,
}

/// Something of a person of the directory that is not taken over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedPerson {
    /// Login.
    pub user: String,
    /// Why, and what would do.
    pub reason: String,
}

/// An ending that does not get on: the kernel refuses signals, or a process survives SIGKILL. It is tried on and on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stuck {
    /// The session's id; none where everything of a person's is ended, or a connection that was denied.
    pub session: Option<String>,
    /// Whose.
    pub user: String,
    /// For how many seconds.
    pub seconds: u64,
    /// Why.
    pub why: String,
}
