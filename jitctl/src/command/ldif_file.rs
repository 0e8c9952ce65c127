//! Which LDIF file `grant add` and `grant revoke` write, where its entries stand, and how the text is put in its place. The
//! running daemon says; without it the file itself is asked, so that an emergency needs no configuration to be read here.
//! Must never write a file that it would not trust itself: that is lib/directory's check, made again for each write. Nor may
//! the daemon, which is not root, choose where root writes: what it names must be, or be about to become, a file of grants.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jit_control::{SourceStatus, Status};
use jit_directory::decode::Bases;
use jit_directory::ldif::file::FileError;
use jit_directory::ldif::replace::{Ownership, ReplaceError, replace};
use jit_directory::ldif::write::WriteError;
use jit_directory::ldif::{self, file, parse};
use jit_model::dn::Dn;
use jit_model::name::Login;

use crate::context::Context;
use crate::report::{Exit, Failure};

/// The file to write.
#[derive(Clone, Debug)]
pub struct LdifFile {
    /// Its path.
    pub path: PathBuf,
    /// Where its entries stand.
    pub bases: Bases,
    /// The daemon's source that reads it; none when the daemon does not answer, or reads another.
    pub source: Option<SourceStatus>,
}

/// What is known before the file is touched.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub file: LdifFile,
    /// The daemon, if it answers.
    pub status: Option<Status>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// Finds the file: the one that `--file` names, or the one that the running daemon reads, or the usual one.
///
/// # Errors
/// When the daemon reads no LDIF file, or several, or is of another kind than expected.
pub fn find(context: &Context, named: Option<&Path>) -> Result<Found, Failure> {
    let status = match context.status() {
        Ok(status) => status,
        Err(failure) if failure.exit == Exit::Unreachable => return without_daemon(context, named, &failure),
        Err(failure) => return Err(failure),
    };
    let sources: Vec<&SourceStatus> = status.sources.iter().filter(|s| s.kind == "ldif").collect();
    let source = match (named, sources.as_slice()) {
        (Some(path), all) => match all.iter().find(|s| Path::new(&s.at) == path) {
            Some(source) => *source,
            None => {
                let note = format!(
                    "jitd does not read {}: the grant counts only once jitd.toml names it",
                    path.display()
                );
                let file =
                    LdifFile { path: path.to_owned(), bases: bases_of(path, context.owner)?, source: None };
                return Ok(Found { file, status: Some(status), notes: vec![note] });
            }
        },
        (None, [one]) => *one,
        (None, []) => {
            return Err(Failure::not_applicable(
                "not-here",
                "jitd has no LDIF source on this host: grants are written in its directory. For an LDIF source beside it, add to \
                 jitd.toml:\n  [source.ldif]\n  path = \"/etc/jitd/grants.ldif\"\nand reload jitd.",
            ));
        }
        (None, several) => {
            let paths: Vec<&str> = several.iter().map(|s| s.at.as_str()).collect();
            return Err(Failure::usage(format!(
                "jitd reads several LDIF files; say which with --file: {}",
                paths.join(", ")
            )));
        }
    };
    let file = match named {
        Some(_) => described(source)?,
        None => of_source(context, source)?,
    };
    Ok(Found { file, status: Some(status), notes: Vec::new() })
}

/// The file of a source of the daemon's, by the daemon's word alone.
///
/// # Errors
/// When the daemon does not say where its entries stand, or they are not as `grant add` would write them; and when what it
/// names is not certainly a file of grants.
pub fn of_source(context: &Context, source: &SourceStatus) -> Result<LdifFile, Failure> {
    let file = described(source)?;
    if is_for_grants(context, &file)? {
        return Ok(file);
    }
    let text = format!(
        "jitd says that it reads {path}, which is no file of grants yet and not in {etc}; root writes no other file by jitd's word. \
         If it is right, say so: --file {path}",
        path = source.at,
        etc = context.etc.display()
    );
    Err(Failure::usage(text))
}

/// Whether root may write here because the daemon says so. Whoever has taken the daemon over must not be able to have root make a
/// script of an entry's text, or put a file where its mere existence means something.
fn is_for_grants(context: &Context, file: &LdifFile) -> Result<bool, Failure> {
    if file.path.parent() == Some(&context.etc) && file.path.extension().is_some_and(|end| end == "ldif") {
        return Ok(true);
    }
    let text = match file::open(&file.path, context.owner).and_then(|mut opened| opened.read()) {
        Ok(text) => text,
        Err(FileError::Missing(_) | FileError::NoDirectory(_)) => return Ok(false),
        Err(e) => return Err(Failure::no("file", e.to_string())),
    };
    let records = parse::parse(&text).map_err(|e| Failure::no("file", format!("{}, {e}", file.shown())))?;
    Ok(records.iter().any(|record| record.dn == file.bases.grants))
}

/// The file of a source, as the daemon describes it.
fn described(source: &SourceStatus) -> Result<LdifFile, Failure> {
    if source.login_attribute.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case(ldif::LOGIN_ATTRIBUTE))
    {
        let text = format!(
            "the source {} of jitd.toml has a login_attribute other than {}: write its entries by hand, into {}",
            source.name,
            ldif::LOGIN_ATTRIBUTE,
            source.at
        );
        return Err(Failure::not_applicable("not-here", text));
    }
    let bases = match (&source.grants_base, &source.roles_base, &source.people_base, &source.groups_base) {
        (Some(grants), Some(roles), Some(people), Some(groups)) => {
            Bases { grants: dn(grants)?, roles: dn(roles)?, people: dn(people)?, groups: dn(groups)? }
        }
        _ => ldif::bases().map_err(|e| Failure::no("file", e.to_string()))?,
    };
    Ok(LdifFile { path: PathBuf::from(&source.at), bases, source: Some(source.clone()) })
}

fn dn(text: &str) -> Result<Dn, Failure> {
    Dn::parse(text).map_err(|e| Failure::no("file", format!("jitd names a base that is none: {e}")))
}

fn without_daemon(context: &Context, named: Option<&Path>, why: &Failure) -> Result<Found, Failure> {
    let path = named.unwrap_or(Path::new(ldif::PATH));
    let silent = why.text.lines().next().unwrap_or_default();
    let note = format!(
        "{silent}. The entry counts as soon as jitd reads it. If this host is enforcing, a grant helps nobody while jitd is dead: start jitd, or \
         type: jitctl mode permissive"
    );
    let file = LdifFile { path: path.to_owned(), bases: bases_of(path, context.owner)?, source: None };
    Ok(Found { file, status: None, notes: vec![note] })
}

/// Where the entries of a file stand, by its own container for grants; a new file gets the usual bases.
fn bases_of(path: &Path, owner: u32) -> Result<Bases, Failure> {
    let usual = || ldif::bases().map_err(|e| Failure::no("file", e.to_string()));
    let text = match file::open(path, owner).and_then(|mut opened| opened.read()) {
        Ok(text) => text,
        Err(FileError::Missing(_)) => return usual(),
        Err(e) => return Err(Failure::no("file", e.to_string())),
    };
    let records = parse::parse(&text).map_err(|e| Failure::no("file", format!("{}, {e}", path.display())))?;
    let suffix = |dn: &Dn| {
        let container = dn.rdn_value() == "grants" && dn.as_str().starts_with("ou=");
        let jit = dn.parent().filter(|above| above.as_str().starts_with("ou=jit,"));
        jit.filter(|_| container)?.parent()
    };
    let mut suffixes = records.iter().filter_map(|record| suffix(&record.dn));
    match (suffixes.next(), suffixes.next()) {
        (Some(one), None) => Bases::under(&one).map_err(|e| Failure::no("file", e.to_string())),
        (None, None) if records.is_empty() => usual(),
        _ => Err(Failure::no(
            "file",
            format!(
                "{} does not show under which base jitd reads it: it should have one container such as ou=grants,ou=jit,{}. Start jitd, which \
                 knows, or write the entry by hand",
                path.display(),
                ldif::SUFFIX
            ),
        )),
    }
}

/// Why the text was not changed.
#[derive(Debug)]
pub enum EditError {
    /// It cannot be written.
    Write(WriteError),
    /// The daemon would refuse the grant.
    Foreseen(String),
}

impl std::fmt::Display for EditError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EditError::Write(e) => e.fmt(f),
            EditError::Foreseen(why) => write!(f, "jitd would refuse this grant: {why}"),
        }
    }
}

impl std::error::Error for EditError {}

impl LdifFile {
    /// Replaces the text by what `edit` makes of it, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be trusted, the edit is refused, or writing fails; the file is as it was then.
    pub fn edit(
        &self,
        context: &Context,
        edit: impl FnOnce(&[u8]) -> Result<Vec<u8>, EditError>,
    ) -> Result<(), ReplaceError<EditError>> {
        let ownership = Ownership { owner: context.owner, group: group_of_jitd(&self.path) };
        replace(&self.path, ownership, edit)
    }

    /// The name of the daemon's source, for people.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// A failed edit as this tool says it.
pub fn failure(error: &ReplaceError<EditError>) -> Failure {
    let code = match error {
        ReplaceError::Edit(EditError::Foreseen(_)) => "not-granted",
        ReplaceError::Edit(EditError::Write(WriteError::NoGrant(_))) => "no-such-grant",
        ReplaceError::Edit(EditError::Write(WriteError::Ambiguous(..))) => {
            return Failure { exit: Exit::Usage, code: "ambiguous".to_owned(), text: error.to_string() };
        }
        _ => "file",
    };
    Failure::no(code, format!("{error}\nNothing was written."))
}

/// The group that lets the daemon read a new file: its own, or else that of the directory.
fn group_of_jitd(path: &Path) -> u32 {
    let group = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let own = group.lines().find_map(|line| line.strip_prefix("jitd:")?.split(':').nth(1)?.parse().ok());
    let above = || path.parent().and_then(|dir| dir.metadata().ok()).map_or(0, |meta| meta.gid());
    own.unwrap_or_else(above)
}

/// Who is behind root: the login that the kernel remembers (loginuid), else what sudo says. Evidence for the reader of the
/// file, not proof: root can write anything there.
pub fn writer() -> Option<Login> {
    let uid =
        std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse::<u32>().ok());
    let passwd = || std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let by_kernel = uid.filter(|uid| *uid != u32::MAX).and_then(|uid| login_of(uid, &passwd()));
    by_kernel.or_else(|| Login::new(&std::env::var("SUDO_USER").ok()?).ok())
}

fn login_of(uid: u32, passwd: &str) -> Option<Login> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| Login::new(name).ok())?
    })
}

/// Random bytes from the kernel.
///
/// # Errors
/// When there are none, which a running system rules out.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut urandom| urandom.read_exact(&mut bytes))
        .map_err(|e| Failure::no("file", format!("/dev/urandom cannot be read: {e}")))?;
    Ok(bytes)
}
