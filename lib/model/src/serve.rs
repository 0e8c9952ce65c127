//! Which people of a directory this host shows as accounts, for those who hold or lately held a grant: so that they can log in where they
//! have no local account, and files keep the names of their owners. A function of values. Opens no door: the account phase still denies.
//!
//! Must never show an account with the number of root, with the number or the name of another local account, or with a primary group
//! that would make its holder a member of a local group.

use std::collections::BTreeMap;

use crate::confer::IdRange;
use crate::name::Login;
use crate::people::Account;
use crate::time::{Span, Timestamp};

/// What the host takes of a directory's people: `[people]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleRules {
    /// Where uidNumber and gidNumber must lie.
    pub ids: IdRange,
    /// Login shells that are taken as they are; for any other the first of these. Never empty.
    pub shells: Vec<String>,
    /// How long somebody is shown after his last grant.
    pub linger: Span,
}

/// Somebody who holds or held a grant here, as the directory has him, or had him when it last showed him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// uidNumber.
    pub uid_number: Option<u32>,
    /// What else it says.
    pub account: Account,
    /// The end of the last of his grants here, known so far; it may lie ahead.
    pub last: Timestamp,
    /// Whether the directory shows him now. Of two who claim one number, one who is only remembered gives way.
    pub shown: bool,
}

/// An account as passwd(5) has it, fit for a line of it: no colon, no control character anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedPerson {
    /// Number.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Real name.
    pub gecos: String,
    /// Home directory, absolute.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// Until when he is shown, which is not included.
    pub until: Timestamp,
}

/// Who is shown, and who is not though he should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// By login.
    pub people: BTreeMap<Login, ServedPerson>,
    /// Why somebody is not shown, or not as the directory has him: a sentence with the way out.
    pub refused: BTreeMap<Login, String>,
}
