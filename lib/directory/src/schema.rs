//! The names of the directory's schema, in one place: attributes, classes, OIDs. Lower case, because attribute names and
//! classes are compared without case (RFC 4512 §2.5) and [`crate::entry::Entry`] keeps them so. Nothing here is ever
//! renamed or given another meaning: directories hold it for years.

/// The arc that all our OIDs stand under: `.1.n` classes, `.2.n` attributes. Made from a fresh GUID in the range that any
/// directory accepts, Active Directory too.
pub const BASE_OID: &str = "1.2.840.113556.1.8000.2554.29126.64261.28795.18364.33186.9047275.13068248";

/// Every attribute of ours begins with this; one that is not listed in [`ATTRIBUTES`] needs a newer jitd.
pub const PREFIX: &str = "jit";

/// Person or group that gets the access (DN, single-valued).
pub const SUBJECT: &str = "jitsubject";
/// The role that a grant is written under (DN, single-valued). A class and an attribute may not share a name in Active
/// Directory, hence not `jitRole`.
pub const ROLE_DN: &str = "jitroledn";
/// FQDN, `*.domain`, `@hostgroup` or `*`.
pub const HOST: &str = "jithost";
/// PAM service name.
pub const SERVICE: &str = "jitservice";
/// Start of the window (GeneralizedTime, single-valued).
pub const NOT_BEFORE: &str = "jitnotbefore";
/// End of the window (GeneralizedTime, single-valued).
pub const NOT_AFTER: &str = "jitnotafter";
/// Seconds from the last needed approval (INTEGER, single-valued).
pub const DURATION: &str = "jitduration";
/// Why (single-valued).
pub const REASON: &str = "jitreason";
/// The ticket that belongs to it (single-valued).
pub const TICKET: &str = "jitticket";
/// Who approves (DN, single-valued).
pub const APPROVER: &str = "jitapprover";
/// Hexadecimal SHA-256 of the grant that was approved (single-valued).
pub const GRANT_DIGEST: &str = "jitgrantdigest";
/// SSHSIG blob over the digest (single-valued).
pub const SIGNATURE: &str = "jitsignature";
/// People or groups who may hold the role (DN).
pub const ELIGIBLE: &str = "jiteligible";
/// Groups whose members may approve (DN).
pub const APPROVER_GROUP: &str = "jitapprovergroup";
/// How many approvals (INTEGER, single-valued).
pub const APPROVALS_REQUIRED: &str = "jitapprovalsrequired";
/// At least one approval from each approver group (BOOLEAN, single-valued).
pub const APPROVALS_FROM_EACH: &str = "jitapprovalsfromeach";
/// Longest duration in seconds (INTEGER, single-valued).
pub const MAX_DURATION: &str = "jitmaxduration";
/// Unix group that a live grant confers.
pub const LOCAL_GROUP: &str = "jitlocalgroup";
/// A reason must be given (BOOLEAN, single-valued).
pub const REASON_REQUIRED: &str = "jitreasonrequired";
/// Regular expression that the ticket must match (single-valued).
pub const TICKET_PATTERN: &str = "jitticketpattern";
/// Approvals count only when signed (BOOLEAN, single-valued).
pub const SIGNATURE_REQUIRED: &str = "jitsignaturerequired";

/// Every attribute of ours that this version knows.
pub const ATTRIBUTES: &[&str] = &[
    SUBJECT,
    ROLE_DN,
    HOST,
    SERVICE,
    NOT_BEFORE,
    NOT_AFTER,
    DURATION,
    REASON,
    TICKET,
    APPROVER,
    GRANT_DIGEST,
    SIGNATURE,
    ELIGIBLE,
    APPROVER_GROUP,
    APPROVALS_REQUIRED,
    APPROVALS_FROM_EACH,
    MAX_DURATION,
    LOCAL_GROUP,
    REASON_REQUIRED,
    TICKET_PATTERN,
    SIGNATURE_REQUIRED,
];

/// The class of a grant.
pub const CLASS_GRANT: &str = "jitgrant";
/// The class of an approval.
pub const CLASS_APPROVAL: &str = "jitapproval";
/// The class of a revocation.
pub const CLASS_REVOCATION: &str = "jitrevocation";
/// The class of a role.
pub const CLASS_ROLE: &str = "jitrole";
/// An entry of this class can carry any attribute, so nothing that a class rules out holds for it: refused.
pub const CLASS_EXTENSIBLE: &str = "extensibleobject";

/// RFC 4512 §3.3
pub const OBJECT_CLASS: &str = "objectclass";
/// RFC 4519 §2.3
pub const CN: &str = "cn";
/// RFC 4519 §2.17
pub const MEMBER: &str = "member";
/// RFC 4519 §2.40; a DN, perhaps with `#` and an optional UID behind it.
pub const UNIQUE_MEMBER: &str = "uniquemember";
/// RFC 2307
pub const UID_NUMBER: &str = "uidnumber";
/// RFC 2307
pub const GID_NUMBER: &str = "gidnumber";
/// RFC 2307
pub const GECOS: &str = "gecos";
/// RFC 2307; in Active Directory a share of Windows.
pub const HOME_DIRECTORY: &str = "homedirectory";
/// The home directory in Active Directory.
pub const UNIX_HOME_DIRECTORY: &str = "unixhomedirectory";
/// RFC 2307
pub const LOGIN_SHELL: &str = "loginshell";
/// The schema that OpenSSH's LDAP key patch brought (openssh-lpk): a line of authorized_keys.
pub const SSH_PUBLIC_KEY: &str = "sshpublickey";
/// RFC 4530
pub const ENTRY_UUID: &str = "entryuuid";
/// RFC 4512 §3.4.3
pub const CREATORS_NAME: &str = "creatorsname";
/// RFC 4512 §3.4.4
pub const CREATE_TIMESTAMP: &str = "createtimestamp";
/// RFC 4512 §3.4.5
pub const MODIFIERS_NAME: &str = "modifiersname";
/// RFC 4512 §3.4.6
pub const MODIFY_TIMESTAMP: &str = "modifytimestamp";
