//! What people can type: the definitions and nothing else, so that completions and man pages can be made from them
//! without building the rest. Depends on clap alone; texts are checked where they are used.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// What stands below every help text.
const EXIT: &str = "\
Exit status:
  0  done; allowed; healthy
  1  no: denied, refused, degraded
  2  usage
  3  not applicable: not guarded here, or not this tool's to change
  4  jitd cannot be reached";

/// What stands in the column LEFT.
const LEFT: &str = "\
A session has no end when
  permissive   it was opened, or found, while this host was permissive
  lifted       this host was made permissive after it was opened
  exempt       an entry of [[exempt]] lets its person in, or did when it was opened
  break-glass  break-glass does, or did
  unguarded    its service, or this host, is guarded no longer
  warned       its grant has ended, and on_end = \"warn\"
  found        it was there before jitd, and is yet to be judged

Exit status:
  0  done
  1  no: there is no such session, or it is not yours to end
  2  usage
  4  jitd cannot be reached";

/// Other exit statuses than elsewhere.
const KEYS: &str = "\
Exit status:
  0  done, also when there is no key to print, or jitd cannot be reached
  1  no: you may not ask
  2  usage";

/// What the levels mean.
const DOCTOR: &str = "\
Levels:
  lock-out   enforcing, nobody might get in to repair this host; `jitctl mode enforcing` refuses
  hole       somebody gets in, or becomes root, without a grant
  warning    works today, and will not go on doing so, or not everywhere
  note       worth knowing; nothing to do

Exit status:
  0  nothing of the levels lock-out, hole and warning
  1  something
  2  usage
  4  what there is could not be examined (not root)";

/// What `audit verify` says with its exit status.
const VERIFY: &str = "\
Exit status:
  0  nothing is wrong
  1  something is: a line does not follow from the one before, is torn, or missing; or a file cannot be read
  2  usage

That lines were cut off the end since jitd wrote the last one, or that all of it was written anew, no file shows by itself: compare with \
what another host collected.";

/// Of the other commands that read the audit.
const READ: &str = "\
Times are UTC: 2026-11-22T15:00Z, 2026-11-22T16:00:00+01:00, now-10m, or 15:00 (the last time that a UTC clock showed it). \
Durations are a whole number and a unit: 90s, 15m, 2h, 30d.

Exit status:
  0  done
  1  a file cannot be read
  2  usage";

/// How times are written.
const TIMES: &str = "\
Times are UTC. Write one of
  2026-11-22T15:00Z  2026-11-22T16:00:00+01:00   a point in time (RFC 3339), always with its zone
  15:00                                          the next time a UTC clock shows it, today or tomorrow
  now  now+2h  now-10m                           from now
Durations are a whole number and a unit: 90s, 15m, 2h, 30d.

Exit status:
  0  done; allowed
  1  no: denied, refused
  2  usage
  3  not applicable: not guarded here, or not this tool's to change
  4  jitd cannot be reached";

/// Explain, grant, revoke and audit temporary access to this host.
#[derive(Clone, Debug, Parser)]
#[command(name = "jitctl", version, after_help = EXIT, max_term_width = 100)]
pub struct Cli {
    /// One line of JSON on stdout instead of text for people; refusals too.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where jitd listens.
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/jitd/jitd.sock")]
    pub socket: PathBuf,
    /// How the directory is reached as a person [default: ~/.config/jit/config.toml, else /etc/jit/client.toml]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// How the daemon is: mode, sources, clock, live grants, sessions; exits 1 when something is degraded
    Status,
    /// The verdict for a user and the road to it; exits 0 allow, 1 deny, 3 not guarded
    #[command(after_help = TIMES)]
    Why(WhyArgs),
    /// The grants for this host, or those in the directory, each with its state and, if refused, the reason
    #[command(
        long_about = "The grants for this host, or those in the directory, each with its state and, if refused, the reason.\n\nOn a host its \
        daemon is asked: you see your own; root and members of the local group jit-admin see all. Ended and refused ones are shown with \
        --all.\n\nWith --pending, --mine, --live, --resting-on or --directory, and where there is no daemon, the directory is asked, as you: \
        you see what concerns you there, of the last month and a bit and of times to come; with --all everything that there ever was."
    )]
    Grants(GrantsArgs),
    /// Ask the directory for access
    #[command(after_help = TIMES, long_about = "Ask the directory for access.\n\nWhether you are eligible, and whether role, hosts, duration and \
        ticket fit, is found out before anything is written. On a terminal, what is missing is asked for.")]
    Request(RequestArgs),
    /// Approve somebody's request, after a look at what exactly is asked
    #[command(after_help = TIMES)]
    Approve(ApproveArgs),
    /// Refuse somebody's request, for good
    Deny(TakeArgs),
    /// Take a grant away, yours or one that you may approve: at once, and for good
    Revoke(TakeArgs),
    /// Give your own access back before its end
    Release(ReleaseArgs),
    /// Ask for more time: a new grant that begins where the old one ends, to be approved as that was; the session goes on
    #[command(after_help = TIMES)]
    Extend(ExtendArgs),
    /// The roles that there are, and what each lets whom do
    #[command(subcommand, arg_required_else_help = true)]
    Role(RoleCommand),
    /// A table of the requests that wait for you, kept up to date
    Watch,
    /// Set up the directory's side, and prove it
    #[command(subcommand, arg_required_else_help = true)]
    Directory(DirectoryCommand),
    /// Give or take back access through this host's LDIF file, as root
    #[command(subcommand, arg_required_else_help = true)]
    Grant(GrantCommand),
    /// The open sessions on this host and when each ends; or end one
    #[command(
        after_help = LEFT,
        args_conflicts_with_subcommands = true,
        long_about = "The open sessions on this host: whose, since when, under which grant, and how long it will last.\n\nYou see your own; root and \
        members of the local group jit-admin see all, and may end one. Known are the sessions of the services whose file in /etc/pam.d has \
        the session line of pam_jit.so."
    )]
    Sessions(SessionsArgs),
    /// Show or set the mode: permissive logs what would be denied, enforcing denies it
    #[command(
        long_about = "Show the mode, or set it (as root).\n\nPermissive: what would be denied is logged, and nobody is \
        denied. Enforcing: it is denied, also when jitd is dead.\n\nThe mode is one file, /etc/jitd/enforcing: there or \
        not there. `mode enforcing` asks the running jitd to render it from its configuration and writes it; run it again after a change of \
        jitd.toml. It refuses while `jitctl doctor` finds that nobody could get in.\n\nTyped at a terminal it is for ten minutes: then the host is \
        permissive again by itself, also without jitd and across a reboot, unless `jitctl mode confirm` is typed from a new login. A host that enforces \
        for good already goes on so, unless --confirm-within is given; a script that comes by while it is unconfirmed confirms nothing.\n\n\
        `mode permissive` removes the file and needs no jitd; open sessions lose their ends by it, and do not get them back."
    )]
    Mode(ModeArgs),
    /// Whether a denial here is one, and whether somebody gets in to repair it: this host's real PAM stacks, sshd, sudo, files, clock
    #[command(
        after_help = DOCTOR,
        long_about = "Examine this host, as root: whether a denial by jit really ends in a denial for each guarded service, whether root at the console \
        and break-glass get in with jitd dead, and whatever else makes the difference between what jitd.toml says and what happens.\n\nNothing is changed. \
        Every finding names its place and says what to type."
    )]
    Doctor(DoctorArgs),
    /// What the audit says: who was in and why, what enforcing would have refused, and whether the chain is whole
    #[command(subcommand, arg_required_else_help = true)]
    Audit(AuditCommand),
    /// What jitd holds for the time
    #[command(subcommand, arg_required_else_help = true)]
    Clock(ClockCommand),
    /// The SSH keys of a user with a live grant for sshd: for sshd's AuthorizedKeysCommand
    #[command(
        name = "authorized-keys",
        after_help = KEYS,
        long_about = "The SSH keys of a user with a live grant for sshd, as lines of authorized_keys that end with the grant. For sshd, in \
        /etc/ssh/sshd_config:\n\n  AuthorizedKeysCommand /usr/bin/jitctl authorized-keys %u\n  AuthorizedKeysCommandUser jit-keys\n\nand in \
        /etc/jitd/jitd.toml:\n\n  [keys]\n  user = \"jit-keys\"\n\nAbout others may ask that user, root and members of the local group jit-admin. Nothing \
        is printed for who has no such grant, and where jitd does not answer within a second."
    )]
    AuthorizedKeys(AuthorizedKeysArgs),
}

/// `jitctl authorized-keys`
#[derive(Clone, Debug, Args)]
pub struct AuthorizedKeysArgs {
    /// Login of the person.
    #[arg(allow_hyphen_values = true)]
    pub user: String,
}

/// `jitctl why`
#[derive(Clone, Debug, Args)]
pub struct WhyArgs {
    /// Login of the person. Yourself for everybody; others for root and jit-admin.
    pub user: String,
    /// PAM service, the name of its file in /etc/pam.d [default: sshd]
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,
    /// As it would be at this time, by what is known now [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
}

/// `jitctl grants`
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("which").args(["all", "pending", "mine", "live", "resting_on"])))]
pub struct GrantsArgs {
    /// Ended, revoked and refused ones too.
    #[arg(long)]
    pub all: bool,
    /// Those that wait for approvals; first the ones that wait for yours.
    #[arg(long)]
    pub pending: bool,
    /// Those that are for you.
    #[arg(long)]
    pub mine: bool,
    /// Those that can be used now.
    #[arg(long)]
    pub live: bool,
    /// Live and scheduled ones that would end if this person left: approved by him, or for him.
    #[arg(long, value_name = "USER")]
    pub resting_on: Option<String>,
    /// Ask the directory, also where there is a daemon.
    #[arg(long)]
    pub directory: bool,
}

/// `jitctl request`
#[derive(Clone, Debug, Args)]
pub struct RequestArgs {
    /// Under which role: its name (see `jitctl role list`).
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// On which hosts: a full name, *.domain, @group or *; may be repeated.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub host: Vec<String>,
    /// For which PAM services; may be repeated [default: those of the role]
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub service: Vec<String>,
    /// How long.
    #[arg(long = "for", id = "for_", value_name = "DURATION")]
    pub for_: Option<String>,
    /// From when [default: as soon as it is approved]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// Why, in a sentence that will make sense in a year.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The ticket that belongs to it.
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// For a group that you are in, by its DN, instead of yourself.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Wait until it is live or refused, and show who has approved and who is still needed.
    #[arg(long)]
    pub wait: bool,
}

/// `jitctl approve`
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// The grant's id as `jitctl grants --pending` shows it; a beginning of at least 4 characters will do if it fits one grant only.
    pub id: String,
    /// Only for this long; never longer than was asked.
    #[arg(long = "for", id = "for_", value_name = "DURATION")]
    pub for_: Option<String>,
    /// Do not ask whether it is meant: for scripts. What is asked is shown all the same.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// The public key, or the file of the key, to sign with [default: `sign.key` of the configuration, or the agent's]
    #[arg(long, value_name = "PATH")]
    pub key: Option<PathBuf>,
}

/// `jitctl deny` and `jitctl revoke`
#[derive(Clone, Debug, Args)]
pub struct TakeArgs {
    /// The grant's id; a beginning of at least 4 characters will do if it fits one grant only.
    pub id: String,
    /// Why: the person reads it, and it stands in the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `jitctl release`
#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// The grant's id; a beginning of at least 4 characters will do if it fits one grant only.
    pub id: String,
}

/// `jitctl extend`
#[derive(Clone, Debug, Args)]
pub struct ExtendArgs {
    /// The id of the grant that ends too soon.
    pub id: String,
    /// How much longer.
    #[arg(long = "for", id = "for_", value_name = "DURATION")]
    pub for_: String,
    /// Why it takes longer [default: the reason of the old one]
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Wait until it is approved or refused.
    #[arg(long)]
    pub wait: bool,
}

/// `jitctl role …`
#[derive(Clone, Debug, Subcommand)]
pub enum RoleCommand {
    /// The roles, with what each is for and whether you are eligible or approve
    List,
    /// One role: who is eligible, who approves, how long, where, for what
    Show {
        /// Its name.
        role: String,
    },
}

/// `jitctl directory …`
#[derive(Clone, Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Print what a directory needs: schema, containers, indexes, access rules; with --apply, load it
    Init(InitArgs),
    /// Prove on the live directory, by trying, that what must be refused is refused
    Check(CheckArgs),
}

/// `jitctl directory init`
#[derive(Clone, Debug, Args)]
pub struct InitArgs {
    /// What kind of directory it is.
    #[arg(long, value_enum)]
    pub kind: DirectoryKind,
    /// Where it begins, such as dc=example,dc=com [default: that of the configuration]
    #[arg(long, value_name = "DN")]
    pub base: Option<String>,
    /// Print, or load, only one part: the server's configuration, or what stands in the directory.
    #[arg(long, value_enum, value_name = "PART")]
    pub part: Option<DirectoryPart>,
    /// Also the rules for passwords, names and membership: for a database that has no access rules of its own.
    #[arg(long)]
    pub fresh: bool,
    /// Load it, as one who may.
    #[arg(long)]
    pub apply: bool,
    /// As whom, with --apply [default: over ldapi as root by EXTERNAL; else asked for]
    #[arg(long, value_name = "DN", requires = "apply")]
    pub admin: Option<String>,
    /// The file with that one's password [default: asked for]
    #[arg(long, value_name = "PATH", requires = "admin")]
    pub admin_password_file: Option<PathBuf>,
    /// Where, with --apply: an LDAP URL [default: ldapi:///]
    #[arg(long, value_name = "URL", requires = "apply")]
    pub uri: Option<String>,
    /// The file with the certificates to trust, with --apply [default: that of the configuration, or this system's]
    #[arg(long, value_name = "PATH", requires = "apply")]
    pub ca: Option<PathBuf>,
    /// Which database holds the base, such as {1}mdb (OpenLDAP) or userroot (389 Directory Server) [default: with --apply, the one whose
    /// suffix it is]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
}

/// Who loads what is not always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectoryPart {
    /// Schema, indexes, limits, modules, access rules: loaded as root on the server
    Configuration,
    /// Containers: loaded as the administrator of the content
    Content,
}

/// A kind of directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectoryKind {
    /// OpenLDAP 2.5 and later, configured in cn=config
    Openldap,
    /// 389 Directory Server 2 and later; FreeIPA and Red Hat Directory Server rest on it
    #[value(name = "389ds")]
    Ds389,
}

/// `jitctl directory check`
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// As whom throw-away entries are made and removed: an administrator of the directory [default: asked for]
    #[arg(long, value_name = "DN")]
    pub admin: Option<String>,
    /// The file with the administrator's password [default: asked for]
    #[arg(long, value_name = "PATH", requires = "admin")]
    pub admin_password_file: Option<PathBuf>,
    /// Where: an LDAP URL [default: that of the configuration]
    #[arg(long, value_name = "URL")]
    pub uri: Option<String>,
    /// The file with the certificates to trust [default: that of the configuration, or this system's]
    #[arg(long, value_name = "PATH")]
    pub ca: Option<PathBuf>,
    /// Where the directory begins, such as dc=example,dc=com, with the usual containers below it [default: those of the configuration]
    #[arg(long, value_name = "DN")]
    pub base: Option<String>,
}

/// `jitctl sessions`
#[derive(Clone, Debug, Args)]
pub struct SessionsArgs {
    /// What to do with one; without it they are listed.
    #[command(subcommand)]
    pub command: Option<SessionsCommand>,
}

/// `jitctl sessions …`
#[derive(Clone, Debug, Subcommand)]
pub enum SessionsCommand {
    /// End a session now, whatever its grant says: for root and jit-admin
    #[command(
        long_about = "End a session now, whatever its grant says: for root and jit-admin; a session of root's for root alone.\n\nThe person reads \
        the reason and has a moment (`grace` in jitd.toml) before what is left is killed. The grant goes on, and lets the person in \
        again: to keep somebody out, revoke the grant, which ends the sessions too."
    )]
    Terminate(TerminateArgs),
}

/// `jitctl sessions terminate`
#[derive(Clone, Debug, Args)]
pub struct TerminateArgs {
    /// The session's id as `jitctl sessions` shows it.
    pub id: String,
    /// Why: the person reads it, and it stands in the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `jitctl grant …`
#[derive(Clone, Debug, Subcommand)]
pub enum GrantCommand {
    /// Write a grant into the LDIF file: for a trial, and for the night when the directory is gone
    #[command(after_help = TIMES, long_about = "Write a grant into the LDIF file, as root: for a trial, and for the \
        night when the directory is gone.\n\nWaits until jitd shows the grant, and says how to take it back. A grant that jitd would refuse is not written, \
        or is taken back at once.")]
    Add(AddArgs),
    /// Take a grant of the LDIF file back
    #[command(
        long_about = "Take a grant of the LDIF file back, as root. It ends at once and cannot be revived; grant \
        anew instead.\n\nA grant that comes from LDAP is taken back there; this command says with which entry."
    )]
    Revoke(RevokeArgs),
}

/// `jitctl grant add`
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("end").required(true).args(["for_", "until"])))]
pub struct AddArgs {
    /// Login of the person who gets the access.
    pub user: String,
    /// How long, from now or from --from.
    #[arg(long = "for", id = "for_", value_name = "DURATION")]
    pub for_: Option<String>,
    /// Until when.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// From when [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// On which hosts: a full name, *.domain, @group or *; may be repeated [default: this host]
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub host: Vec<String>,
    /// For which PAM services; may be repeated [default: those of the role, or all that are guarded]
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub service: Vec<String>,
    /// Under which role: its name, or its DN [default: the default role of jitd.toml]
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Why, in a sentence that will make sense in a year; asked for on a terminal.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The ticket that belongs to it.
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// The LDIF file [default: what the running jitd reads; without jitd, /etc/jitd/grants.ldif]
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
}

/// `jitctl grant revoke`
#[derive(Clone, Debug, Args)]
pub struct RevokeArgs {
    /// The grant's id as `jitctl grants` shows it; a beginning of at least 4 characters will do if it fits one grant only.
    pub id: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The LDIF file [default: what the running jitd reads; without jitd, /etc/jitd/grants.ldif]
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
}

/// `jitctl mode`
#[derive(Clone, Debug, Args)]
pub struct ModeArgs {
    /// The mode to set; shown when not given.
    #[arg(value_enum)]
    pub mode: Option<Mode>,
    /// Enforce for so long only, unless `jitctl mode confirm` is typed by then from a login that began under it, at most 24h; `never`: for good at
    /// once [default: 10m on a terminal, never elsewhere and where it is for good already]
    #[arg(long, value_name = "DURATION")]
    pub confirm_within: Option<String>,
    /// Enforce although `jitctl doctor` finds a lock-out, or nobody but a console could get in.
    #[arg(long)]
    pub force: bool,
    /// The file that is the mode.
    #[arg(long, value_name = "PATH", default_value = "/etc/jitd/enforcing", hide = true)]
    pub file: PathBuf,
    /// Where the host's file system begins.
    #[arg(long, value_name = "PATH", default_value = "/", hide = true)]
    pub root: PathBuf,
}

/// A mode to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Log what would be denied; deny nobody
    Permissive,
    /// Deny
    Enforcing,
    /// Go on enforcing after the time that --confirm-within gave: typed from a login that began under enforcement
    Confirm,
}

/// `jitctl doctor`
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Certificates, tickets and passwords that end within so long are findings.
    #[arg(long, value_name = "DURATION", default_value = "14d")]
    pub within: String,
    /// Everything that was examined, and found in order, too.
    #[arg(long, short)]
    pub verbose: bool,
    /// The daemon's configuration.
    #[arg(long, value_name = "PATH", default_value = "/etc/jitd/jitd.toml", hide = true)]
    pub jitd_config: PathBuf,
    /// The file that is the mode.
    #[arg(long, value_name = "PATH", default_value = "/etc/jitd/enforcing", hide = true)]
    pub enforcing: PathBuf,
}

/// `jitctl audit …`
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no line was changed, removed or inserted
    #[command(
        after_help = VERIFY,
        long_about = "Check that no line was changed, removed or inserted.\n\nWhole files, rotated ones among them, are followed line by line: each holds the hash \
        of the one before. Lines that were collected from hosts, in any order, have no such chain: with --collected their numbers are checked, and those \
        lines that follow directly upon each other."
    )]
    Verify(AuditVerifyArgs),
    /// Who was in: session, grant, approvers, reason; and which lines are missing
    #[command(after_help = READ)]
    Report(AuditReportArgs),
    /// What enforcing would have refused while this host was permissive, per person and service, with exemptions ready to paste
    #[command(after_help = READ)]
    Replay(AuditReplayArgs),
}

/// `jitctl audit verify`
#[derive(Clone, Debug, Args)]
pub struct AuditVerifyArgs {
    /// The lines were collected, of any hosts and in any order: check their numbers.
    #[arg(long)]
    pub collected: bool,
    /// Where from.
    #[command(flatten)]
    pub files: AuditFiles,
}

/// The files of an audit.
#[derive(Clone, Debug, Args)]
pub struct AuditFiles {
    /// Files or directories of audit lines, of any number of hosts; .gz too, `-` is standard input [default: /var/log/jitd/audit.jsonl and its
    /// rotated ones]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub input: Vec<PathBuf>,
}

/// `jitctl audit report`
#[derive(Clone, Debug, Args)]
pub struct AuditReportArgs {
    /// Only of this host (a full name, or *.domain); may be repeated.
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,
    /// Only of this login; may be repeated.
    #[arg(long, value_name = "USER")]
    pub user: Vec<String>,
    /// From when [default: the beginning]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Until when [default: the end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Comma-separated values (RFC 4180) instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Where from.
    #[command(flatten)]
    pub files: AuditFiles,
}

/// `jitctl audit replay`
#[derive(Clone, Debug, Args)]
pub struct AuditReplayArgs {
    /// Since when: a duration back from now, or a time.
    #[arg(long, value_name = "DURATION|TIME", default_value = "30d", allow_hyphen_values = true)]
    pub since: String,
    /// Where from.
    #[command(flatten)]
    pub files: AuditFiles,
}

/// `jitctl clock …`
#[derive(Clone, Debug, Subcommand)]
pub enum ClockCommand {
    /// Say, as root, that this host's wall clock is right after it jumped forward; jitd will not go back behind it
    Accept,
}
