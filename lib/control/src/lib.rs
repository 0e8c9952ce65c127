//! What jitctl and jitd say to each other over `/run/jitd/jitd.sock`: one JSON object per line, one request and one answer
//! per connection. The same types are what `--json` prints, so they are a public format: fields are added, never renamed.
//! Not for modules: they are guests in other processes and speak jit-proto.

pub mod audit;
pub mod chain;
pub mod client;
pub mod directory;
pub mod doctor;
mod grant;
mod role;
mod session;
pub mod shown;
mod status;

pub use grant::{Approval, Approver, Asked, Change, Eligible, Grant, Grants, RestingRole, Why, Written};
pub use role::{ApproverGroup, Role, Roles};
pub use session::{Session, Sessions};
pub use status::{RefusedGroup, RefusedPerson, SetAside, SourceStatus, Status, Stuck};

use serde::{Deserialize, Serialize};

/// Where the daemon listens unless told otherwise.
pub const SOCKET: &str = "/run/jitd/jitd.sock";

/// The longest request or answer, in bytes.
pub const MAX_LINE: usize = 16 << 20;

/// What jitctl asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the daemon is.
    Status {},
    /// The verdict for a user and the road to it. About oneself for everybody; about others for root and jit-admin.
    Why {
        /// Login.
        user: String,
        /// PAM service, `sshd` unless given.
        service: Option<String>,
        /// Unix seconds; now unless given.
        at: Option<i64>,
    },
    /// The grants for this host: one's own, or all for root and jit-admin.
    Grants {
        /// Ended and refused ones too.
        all: bool,
    },
    /// Root says that the wall clock is right.
    ClockAccept {},
    /// The enforcing file as the daemon's configuration would have it; jitctl, as root, writes it.
    RenderEnforcing {},
    /// Whether the caller may confirm that this host enforces: he came in after it began to, by a grant, an exemption or break-glass. Root only;
    /// who he is is found out by the process that asks. The answer is [`Answer::Enforcing`] with the file as it stands, or [`Answer::Done`] where
    /// there is nothing to confirm.
    Confirm {},
    /// The caller has just written or removed the enforcing file: who he is belongs into the audit. Root only; who he is is found out by the
    /// process that asks.
    ModeSet {},
    /// The keys of a user with a live grant for `sshd`, as lines of authorized_keys. For root, jit-admin, `[keys] user`, and about oneself.
    AuthorizedKeys {
        /// Login.
        user: String,
    },
    /// The sessions on this host: one's own, or all for root and jit-admin.
    Sessions {},
    /// End a session, whatever its grant says. For root and jit-admin.
    Terminate {
        /// Its id, from [`Request::Sessions`].
        id: String,
        /// Why; its person reads it.
        reason: String,
    },
}

/// What jitd answers, and what jitctl prints for what it does itself ([`Answer::Written`], [`Answer::Mode`], some refusals).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Why`].
    Why(Why),
    /// To [`Request::Grants`].
    Grants(Grants),
    /// To [`Request::Sessions`].
    Sessions(Sessions),
    /// To [`Request::AuthorizedKeys`].
    AuthorizedKeys {
        /// Lines of authorized_keys, each with `expiry-time`; none without a live grant.
        lines: Vec<String>,
    },
    /// To [`Request::RenderEnforcing`] and [`Request::Confirm`].
    Enforcing {
        /// The file's whole content.
        text: String,
    },
    /// Only from jitctl: what `grant add` and `grant revoke` wrote.
    Written(Box<Written>),
    /// Only from jitctl: what `request`, `approve`, `deny`, `revoke`, `release` and `extend` wrote into the directory.
    Asked(Box<Asked>),
    /// Only from jitctl: to `role list` and `role show`.
    Roles(Roles),
    /// Only from jitctl: one line of `watch`.
    Change(Box<Change>),
    /// Only from jitctl: what `directory init --apply` loaded.
    Prepared(directory::Prepared),
    /// Only from jitctl: what `directory check` tried.
    Checked(directory::Checked),
    /// Only from jitctl: what `doctor` found.
    Doctor(doctor::Doctor),
    /// Only from jitctl: to `audit verify`.
    AuditVerified(audit::Verified),
    /// Only from jitctl: to `audit report`.
    AuditReport(audit::Report),
    /// Only from jitctl: to `audit replay`.
    AuditReplay(audit::Replay),
    /// Only from jitctl: the mode after `mode`.
    Mode(Mode),
    /// Done, with a sentence for people.
    Done {
        /// What was done.
        text: String,
    },
    /// Not done.
    Refused {
        /// A stable word. From jitd: `not-permitted`, `bad-request`, `no-such-user`, `no-such-session`, `busy`, `not-enforcing`, `unseen`, `no-session`,
        /// `old-session` (these four to [`Request::Confirm`]). From jitctl: `usage`,
        /// `unreachable`, `not-root`, `no-such-grant`, `ambiguous`, `not-here`, `not-granted`, `locked-out`, `file`, `forbidden` (by the
        /// directory's rules), `not-written` (hosts would not count it), `changed` (while it was looked at), `declined`, `unsigned`,
        /// `over`.
        code: String,
        /// Why, and what would do.
        text: String,
    },
}

/// The mode of this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// `permissive` or `enforcing`.
    pub mode: String,
    /// Unix seconds until which enforcing is unconfirmed.
    pub until: Option<i64>,
    /// Permissive, because enforcing was not confirmed: Unix seconds until which it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<i64>,
    /// The file whose existence is the mode.
    pub file: String,
    /// Who gets in while no grant is live, a sentence each; what to know before one's last shell closes.
    pub warnings: Vec<String>,
}
