//! What `jitctl directory init --apply` and `directory check` answer.

use serde::{Deserialize, Serialize};

/// What was loaded into a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The server's URL.
    pub server: String,
    /// `openldap` or `389ds`.
    pub kind: String,
    /// Each thing that it needs.
    pub parts: Vec<Part>,
}

/// One thing that a directory needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The file of `packaging/ldap` that it comes from.
    pub file: String,
    /// What it is: an entry, or an attribute of one.
    pub what: String,
    /// `added`, `there` (it was before), `differs` (something else is there, and was left), or `failed`.
    pub outcome: String,
    /// In what it differs, or why it failed.
    pub text: Option<String>,
}

/// What was tried on a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The server's URL.
    pub server: String,
    /// `openldap` or `389ds`.
    pub kind: String,
    /// Each attempt, in order.
    pub tries: Vec<Tried>,
    /// Each hole, in a sentence, with what closes it.
    pub holes: Vec<String>,
    /// What could not be tried or tidied up, in sentences.
    pub notes: Vec<String>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// As whom: `subject`, `approver`, `eligible`, `stranger`, `host`, `nobody`, …
    pub who: String,
    /// What.
    pub what: String,
    /// `refused`, `done`, `seen` or `hidden`.
    pub expected: String,
    /// What the server did, with its result code.
    pub got: String,
    /// `ok`, `hole`, `hosts` (the directory lets it pass, and every host refuses it), or `unclear`.
    pub verdict: String,
}
