//! Every reason for a refusal as a variant, with a text for people and a stable word for programs.
//! A reason never holds more than it needs: texts reach the person at the ssh prompt.

use crate::dn::Dn;
use crate::time::{Span, Timestamp};

/// Why a grant does not count at all, whatever the time (see the decision rules in docs/design.md).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The entry is set aside.
    #[error("its entry is malformed: {0}")]
    Malformed(String),
    /// It carries a `jit*` attribute that this version does not know.
    #[error("it uses `{0}`, which needs a newer jitd")]
    NeedsNewerJitd(String),
    /// It names no role, and its source has no default role.
    #[error("it names no role")]
    NoRole,
    /// The role is not where roles are kept, or not there at all; of a directory, roles for other hosts are not read.
    #[error("its role {0} does not exist where roles are kept, or is not for this host")]
    RoleMissing(Dn),
    /// The role is there but cannot be understood.
    #[error("its role {0} is malformed: {1}")]
    RoleMalformed(Dn, String),
    /// The grant (`it`) or its role (`its role dba`) does not mean this host.
    #[error("{0} is not for this host")]
    NotThisHost(String),
    /// The subject is neither a person nor a group that the source knows.
    #[error("its subject {0} does not exist or cannot be used")]
    SubjectMissing(Dn),
    /// The subject is a group of more than [`crate::assess::MAX_SUBJECTS`].
    #[error("its subject {0} holds more than {1} names; ask for a smaller group")]
    SubjectTooLarge(Dn, usize),
    /// Nobody the grant is for is eligible for the role.
    #[error("{0} is not eligible for the role {1}")]
    NotEligible(Dn, String),
    /// Two entries share the login.
    #[error("the login {0} belongs to more than one entry")]
    LoginShared(String),
    /// The login maps to uid 0.
    #[error("{0} is root, and root holds no grant")]
    Root(String),
    /// Longer than the role allows.
    #[error("{}", longer(*.asked, *.allowed))]
    TooLong {
        /// What the grant asks for.
        asked: Span,
        /// jitMaxDuration.
        allowed: Span,
    },
    /// It ends before it begins.
    #[error("it ends before it begins")]
    EmptyWindow,
    /// The role wants a reason.
    #[error("its role wants a reason")]
    ReasonRequired,
    /// The role wants a ticket of a certain form.
    #[error("its role wants a ticket that matches {0}")]
    TicketRequired(String),
    /// An approval is for other words than the grant says now.
    #[error("it was changed after it was approved")]
    ChangedAfterApproval,
    /// Needs no approval, but was not written by its subject or a listed writer.
    #[error("it was written by {0}, who is neither its subject nor a listed writer")]
    WrittenByOther(String),
    /// The directory does not say who wrote it or when, and the rules need to know.
    #[error("the directory does not show its {0}, which is needed as evidence")]
    EvidenceMissing(&'static str),
    /// The entry was seen deleted before and has come back.
    #[error("it was deleted and cannot come back; ask again")]
    Deleted,
    /// Its subject has too many pending grants.
    #[error("its subject has more than {0} pending grants")]
    TooManyPending(usize),
    /// Approvals must be signed here, and the role requires none, so that nobody would sign anything.
    #[error("approvals must be signed here, and its role {0} requires none: nobody answers for it")]
    NobodySigns(String),
}

/// In whole seconds where rounded spans would look the same.
fn longer(asked: Span, allowed: Span) -> String {
    match (asked.to_string(), allowed.to_string()) {
        (a, b) if a == b => format!("it lasts {}s, longer than the {}s its role allows", asked.0, allowed.0),
        (a, b) => format!("it lasts {a}, longer than the {b} its role allows"),
    }
}

impl Refusal {
    /// A stable word for programs: part of the audit's and of jitctl's format, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "malformed",
            Refusal::NeedsNewerJitd(_) => "needs-newer-jitd",
            Refusal::NoRole => "no-role",
            Refusal::RoleMissing(_) => "role-missing",
            Refusal::RoleMalformed(..) => "role-malformed",
            Refusal::NotThisHost(_) => "not-this-host",
            Refusal::SubjectMissing(_) => "subject-missing",
            Refusal::SubjectTooLarge(..) => "subject-too-large",
            Refusal::NotEligible(..) => "not-eligible",
            Refusal::LoginShared(_) => "login-shared",
            Refusal::Root(_) => "root",
            Refusal::TooLong { .. } => "too-long",
            Refusal::EmptyWindow => "empty-window",
            Refusal::ReasonRequired => "reason-required",
            Refusal::TicketRequired(_) => "ticket-required",
            Refusal::ChangedAfterApproval => "changed-after-approval",
            Refusal::WrittenByOther(_) => "written-by-other",
            Refusal::EvidenceMissing(_) => "evidence-missing",
            Refusal::Deleted => "deleted",
            Refusal::TooManyPending(_) => "too-many-pending",
            Refusal::NobodySigns(_) => "nobody-signs",
        }
    }
}

/// Why somebody is denied: the nearest miss.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DenyReason {
    /// Nothing in the directory speaks for this person here.
    #[error("no grant")]
    NoGrant,
    /// A grant waits for approvals.
    #[error("pending: needs {missing} more approval{} from {from}", if *.missing == 1 { "" } else { "s" })]
    Pending {
        /// How many more.
        missing: u32,
        /// Names of the approver groups.
        from: String,
        /// The grant's id.
        grant: String,
    },
    /// A grant begins later.
    #[error("starts at {}", crate::text::clock_time(*.at))]
    Scheduled {
        /// When.
        at: Timestamp,
        /// The grant's id.
        grant: String,
    },
    /// A grant is over.
    #[error("expired {} ago", .ago)]
    Expired {
        /// How long ago.
        ago: Span,
        /// The grant's id.
        grant: String,
    },
    /// A live grant is for other services.
    #[error("not for {service}")]
    WrongService {
        /// What was asked for.
        service: String,
        /// The grant's id.
        grant: String,
    },
    /// A grant was revoked.
    #[error("revoked{}", .by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
    Revoked {
        /// Who, if the directory says.
        by: Option<String>,
        /// The grant's id.
        grant: String,
    },
    /// A grant is there but does not count.
    #[error("{why}")]
    Refused {
        /// Why.
        why: Refusal,
        /// The grant's id.
        grant: String,
    },
    /// The grant that a session rested on is gone from its directory, or is for others now. Never said at a door, where nobody
    /// remembers it.
    #[error("its grant is there no more, or for others now")]
    Gone {
        /// The grant's id.
        grant: String,
    },
    /// Every source that could allow has been silent for too long.
    #[error("no word from the directory for {0}")]
    Stale(Span),
    /// No source has ever been heard of.
    #[error("no word from the directory yet")]
    NeverHeard,
    /// uid 0 holds no grant.
    #[error("root holds no grant")]
    Root,
    /// The host has no account of exactly this name, so nobody can hold a grant under it.
    #[error("this host has no account of exactly this name")]
    NoAccount,
    /// A session that nobody could end again is not begun.
    #[error("its session could not be ended again: {0}")]
    Endless(&'static str),
}

impl DenyReason {
    /// A stable word for programs: part of the audit's and of jitctl's format, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            DenyReason::NoGrant => "no-grant",
            DenyReason::Pending { .. } => "pending",
            DenyReason::Scheduled { .. } => "scheduled",
            DenyReason::Expired { .. } => "expired",
            DenyReason::WrongService { .. } => "wrong-service",
            DenyReason::Revoked { .. } => "revoked",
            DenyReason::Refused { .. } => "refused",
            DenyReason::Gone { .. } => "gone",
            DenyReason::Stale(_) => "stale",
            DenyReason::NeverHeard => "never-heard",
            DenyReason::Root => "root",
            DenyReason::NoAccount => "no-account",
            DenyReason::Endless(_) => "endless",
        }
    }

    /// The id of the grant that it speaks of, if it does.
    pub fn grant(&self) -> Option<&str> {
        match self {
            DenyReason::Pending { grant, .. }
            | DenyReason::Scheduled { grant, .. }
            | DenyReason::Expired { grant, .. }
            | DenyReason::WrongService { grant, .. }
            | DenyReason::Revoked { grant, .. }
            | DenyReason::Refused { grant, .. }
            | DenyReason::Gone { grant } => Some(grant),
            DenyReason::NoGrant
            | DenyReason::Stale(_)
            | DenyReason::NeverHeard
            | DenyReason::Root
            | DenyReason::NoAccount
            | DenyReason::Endless(_) => None,
        }
    }
}
