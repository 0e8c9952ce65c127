//! What jitctl and jitd say to each other over `/run/jitd/jitd.sock`: one JSON object per line, one request and one answer
//! per connection. The same types are what `--json` prints, so they are a public format: fields are added, never renamed.
//! Not for modules: they are guests in other processes and speak jit-proto.

pub mod chain;
pub mod client;
pub mod directory;
pub mod shown;

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
    /// To [`Request::RenderEnforcing`].
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
    /// Only from jitctl: the mode after `mode`.
    Mode(Mode),
    /// Done, with a sentence for people.
    Done {
        /// What was done.
        text: String,
    },
    /// Not done.
    Refused {
        /// A stable word. From jitd: `not-permitted`, `bad-request`, `no-such-user`, `no-such-session`, `busy`. From jitctl: `usage`,
        /// `unreachable`, `not-root`, `no-such-grant`, `ambiguous`, `not-here`, `not-granted`, `locked-out`, `file`, `forbidden` (by the
        /// directory's rules), `not-written` (hosts would not count it), `changed` (while it was looked at), `declined`, `unsigned`,
        /// `over`.
        code: String,
        /// Why, and what would do.
        text: String,
    },
}

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
    /// Guarded services.
    pub guarded: Vec<String>,
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

/// A verdict and the road to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// About whom.
    pub user: String,
    /// For what.
    pub service: String,
    /// At which time.
    pub at: i64,
    /// `allow`, `deny` or `unguarded`.
    pub verdict: String,
    /// A stable word for the reason of a deny or an unguarded: `no-grant`, `pending`, `scheduled`, `expired`, `wrong-service`,
    /// `revoked`, `refused`, `stale`, `root`, `exempt`, `service`, `not-production`, …
    #[serde(default)]
    pub code: Option<String>,
    /// The verdict in one sentence.
    pub text: String,
    /// Unix seconds of the end of an allow.
    pub until: Option<i64>,
    /// `permissive` or `enforcing`: whether a deny is carried out.
    pub mode: String,
    /// The steps of the decision, in order, a sentence each.
    pub road: Vec<String>,
    /// Every grant of this person here.
    pub grants: Vec<Grant>,
}

/// A list of grants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grants {
    /// In the order of their start; pending ones alone, the ones that wait for whoever asks first, and the longest wait first.
    pub grants: Vec<Grant>,
    /// Only from `grants --resting-on`: the roles that would be without enough approvers, or without anybody eligible.
    #[serde(default)]
    pub roles: Vec<RestingRole>,
}

/// A role that somebody's leaving would break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestingRole {
    /// Its name.
    pub role: String,
    /// `approver` or `eligible`: as what he would be missing.
    pub part: String,
    /// What would be, in a sentence.
    pub text: String,
}

/// The roles of a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roles {
    /// In the order of their names.
    pub roles: Vec<Role>,
}

/// A role as jitctl shows it. Of one that has a fault only name, DN and fault are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its cn.
    pub name: String,
    /// Its DN.
    pub dn: String,
    /// Why nobody can be in it, if it is malformed.
    #[serde(default)]
    pub fault: Option<String>,
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// The services it opens; empty means all guarded ones.
    pub services: Vec<String>,
    /// The Unix groups it confers, where a host lets it.
    pub groups: Vec<String>,
    /// The DNs of people and groups who may hold it.
    pub eligible: Vec<String>,
    /// The longest a grant may be live, in seconds.
    pub max_duration: u64,
    /// How many distinct people have to approve.
    pub approvals_required: u32,
    /// Whether each approver group has to be heard.
    pub approvals_from_each: bool,
    /// Whether only signed approvals count.
    pub signature_required: bool,
    /// Whether a grant must give a reason.
    pub reason_required: bool,
    /// What the ticket must look like, if one is wanted.
    #[serde(default)]
    pub ticket_pattern: Option<String>,
    /// Who may approve.
    pub approvers: Vec<ApproverGroup>,
    /// The groups by which whoever asks is eligible, his own first; empty when he is by name. None: he is not.
    #[serde(default)]
    pub eligible_by: Option<Vec<String>>,
    /// Whether whoever asks is in one of the approver groups.
    pub approver: bool,
}

/// Who may approve, by the group that makes him an approver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApproverGroup {
    /// The group's DN.
    pub group: String,
    /// Whether there is such a group, as far as whoever asks can see.
    pub found: bool,
    /// The DNs of the people in it, through groups in it too.
    pub people: Vec<String>,
}

/// Something happened in the directory: what `watch --json` prints, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Unix seconds, by the clock of this machine.
    pub at: i64,
    /// `waiting` (it was there when the watch began), `new`, `approved` (one more, and it still waits), `live`, `scheduled`, `refused`,
    /// `revoked`, `expired`, `gone`, `changed`; `trouble` (the directory cannot be followed) and `back` (it can again).
    pub change: String,
    /// The grant as it is now, or was last.
    #[serde(default)]
    pub grant: Option<Grant>,
    /// What happened, in a sentence.
    pub text: String,
}

/// A grant as jitctl shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its cn.
    pub id: String,
    /// Its DN.
    pub dn: String,
    /// Where it comes from.
    pub source: String,
    /// The subject's DN.
    pub subject: String,
    /// The logins it is for.
    pub logins: Vec<String>,
    /// The role's name.
    pub role: Option<String>,
    /// The hosts it names.
    pub hosts: Vec<String>,
    /// The services it opens; empty means all guarded ones.
    pub services: Vec<String>,
    /// The Unix groups that it confers on this host while it is live.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Those that its role names and that it does not confer here.
    #[serde(default)]
    pub groups_refused: Vec<RefusedGroup>,
    /// `pending`, `refused`, `revoked`, `scheduled`, `live` or `expired`.
    pub state: String,
    /// Why it is in that state, where there is something to say.
    pub why: Option<String>,
    /// Unix seconds of its start.
    pub start: Option<i64>,
    /// Unix seconds of its end.
    pub end: Option<i64>,
    /// The reason given.
    pub reason: Option<String>,
    /// The ticket given.
    pub ticket: Option<String>,
    /// Who approved, when.
    pub approved: Vec<Approver>,
    /// What an approval of it as it stands must carry as `jitGrantDigest`, in hexadecimal.
    #[serde(default)]
    pub digest: Option<String>,
    /// Unix seconds of its writing (createTimestamp), if the directory says.
    #[serde(default)]
    pub asked: Option<i64>,
    /// Who wrote it (creatorsName), if the directory says.
    #[serde(default)]
    pub by: Option<String>,
    /// How many seconds it is for, if it does not name its end.
    #[serde(default)]
    pub duration: Option<u64>,
    /// Pending: how many more approvals it takes.
    #[serde(default)]
    pub missing: Option<u32>,
    /// Pending: members of these groups can give them (DNs).
    #[serde(default)]
    pub from: Vec<String>,
    /// Only in [`Why`]: why the person is eligible for its role; none where he is not shown to be, and in a default role.
    #[serde(default)]
    pub eligible: Option<Eligible>,
    /// Only in [`Why`]: every approval that was written under it, those that count first; 64 at most.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// How many more there are.
    #[serde(default)]
    pub more_approvals: usize,
    /// Only from jitctl: whether it waits for the approval of whoever asks.
    #[serde(default)]
    pub waits_for_me: Option<bool>,
    /// Only from `grants --resting-on`: what becomes of it without that person.
    #[serde(default)]
    pub without: Option<String>,
}

/// Why somebody is eligible for a grant's role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eligible {
    /// Login.
    pub login: String,
    /// His DN.
    pub dn: String,
    /// The DNs of the groups that lead from him to what the role names: the one that he is in first, the one that is named last. None if
    /// it names himself.
    pub by: Vec<String>,
}

/// An approval, and what it is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its DN.
    pub dn: String,
    /// The DN of who approves, by its own claim.
    pub approver: String,
    /// Whether it counts.
    pub counts: bool,
    /// If it counts, Unix seconds of the time since when: of the signing where signatures are needed.
    pub at: Option<i64>,
    /// If it counts, what proves it: `creators-name`, `signature` or `source`.
    pub evidence: Option<String>,
    /// The key that signed, as `ssh-keygen -l` shows it.
    pub key: Option<String>,
    /// If it counts, the approver groups that he speaks for: each as the DNs of the groups that lead there, the one that he is in first,
    /// the role's last.
    pub groups: Vec<Vec<String>>,
    /// If it does not count, a stable word: `own-grant`, `no-approver`, `unsigned`, `signature-unknown-key`, …
    pub code: Option<String>,
    /// The same in a sentence.
    pub why: Option<String>,
}

/// Who approved, when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approver {
    /// The approver's DN.
    pub dn: String,
    /// Unix seconds.
    pub at: i64,
    /// The key that he signed with, where signatures prove approvals. From jitctl without a list of signers it is not checked.
    #[serde(default)]
    pub signed: Option<String>,
}

/// The sessions on this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// The daemon's idea of now, Unix seconds: `until` is left from here.
    pub now: i64,
    /// Oldest first.
    pub sessions: Vec<Session>,
}

/// A session as jitctl shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What `sessions terminate` takes.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Of which PAM service.
    pub service: String,
    /// Whom the user became, for su and sudo.
    pub target: Option<String>,
    /// From where (PAM_RHOST); none for a local one.
    pub from: Option<String>,
    /// Its process.
    pub pid: i32,
    /// Unix seconds of its opening.
    pub since: i64,
    /// The ids of the grants it rests on.
    pub grants: Vec<String>,
    /// Unix seconds of its end; none if it has no deadline.
    pub until: Option<i64>,
    /// Why it has no deadline: `permissive`, `exempt`, `break-glass`, `lifted`, `unguarded`, `warned`, `found`.
    pub standing: Option<String>,
    /// `open`; `closed` when its person left and processes of it remain; `ending`.
    pub state: String,
}

/// What jitctl wrote into the LDIF file, and what the daemon made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The grant's id.
    pub id: String,
    /// The DN of the entry that was written.
    pub dn: String,
    /// The file.
    pub file: String,
    /// The grant as the daemon shows it now; none when it was not reached or had not read the file yet.
    pub grant: Option<Grant>,
    /// What was done, in a sentence.
    pub text: String,
}

/// What jitctl wrote into the directory, and what the grant is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What was written: `request`, `approval` or `revocation`; `nothing` where it was so already.
    pub kind: String,
    /// The grant's id.
    pub id: String,
    /// The DN of the entry that was written, or that was there.
    pub dn: String,
    /// The grant as the directory shows it now; none when it does not show it yet.
    pub grant: Option<Grant>,
    /// The logins of those who may approve, as far as they can be seen; empty when nobody's approval is needed any more.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// What was done, in a sentence.
    pub text: String,
}

/// The mode of this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// `permissive` or `enforcing`.
    pub mode: String,
    /// Unix seconds until which enforcing is unconfirmed.
    pub until: Option<i64>,
    /// The file whose existence is the mode.
    pub file: String,
    /// Who gets in while no grant is live, a sentence each; what to know before one's last shell closes.
    pub warnings: Vec<String>,
}
