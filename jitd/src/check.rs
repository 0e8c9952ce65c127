//! `jitd --check`: whether the daemon would start, and everything that stands in its way. Starts nothing, changes nothing.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use jit_directory::ldap::{Bind, Credentials, probe};
use jit_directory::ldif::file::ROOT;
use jit_directory::ldif::watch::{LdifSource, read_once};
use jit_model::source::Proof;
use tokio::runtime::Builder;

use crate::accounts::Accounts;
use crate::args::Args;
use crate::config::{self, Config, Place};
use crate::groups::local::Locals;
use crate::privileges::{self, User};
use crate::signers::Signers;

mod names;

/// Prints what is wrong; 0 if the daemon would start, 1 if not. A source that cannot be reached is no reason not to start.
pub fn check(args: &Args) -> ExitCode {
    let mut against = Vec::new();
    let mut notes = Vec::new();
    match config::load(&args.config) {
        Ok(config) => notes = look_around(&config),
        Err(error) => against.push(error.to_string()),
    }
    if let Some(name) = &args.user {
        match privileges::user(name, &mut Accounts::of_host()) {
            Ok(user) => {
                notes.extend(unreadable(&args.config, &user));
                notes.extend(silent(&user));
            }
            Err(error) => against.push(error.to_string()),
        }
    }
    for line in notes.iter().flat_map(|note| note.lines()) {
        println!("note: {line}");
    }
    for line in against.iter().flat_map(|problem| problem.lines()) {
        eprintln!("{line}");
    }
    if against.is_empty() {
        println!("{}: good, jitd would start", args.config.display());
        ExitCode::SUCCESS
    } else {
        eprintln!("jitd would not start");
        ExitCode::FAILURE
    }
}

/// The daemon starts with a configuration that only root can read, but could not read it again.
fn unreadable(config: &Path, user: &User) -> Option<String> {
    let meta = std::fs::metadata(config).ok()?;
    let by_group = meta.mode() & 0o040 != 0 && (meta.gid() == user.gid || user.groups.contains(&meta.gid()));
    let (shown, gid) = (config.display(), user.gid);
    (!by_group && meta.mode() & 0o004 == 0).then(|| {
        format!(
            "{shown} may not be read by {}, so a reload would fail: chgrp {gid} {shown}; chmod 640 {shown}",
            user.name
        )
    })
}

/// It would start, and nobody would be warned before his session ends.
fn silent(user: &User) -> Option<String> {
    user.terminals.is_none().then(|| {
        "there is no group tty in /etc/group, so no words would reach a terminal: groupadd --system tty"
            .to_owned()
    })
}

/// What the list of signers has. That there is none is said where it is sure to be needed; which roles require it stands in the directory.
fn signers(config: &Config) -> Vec<String> {
    let signers = Signers::at(&config.signatures.allowed_signers);
    let (list, shown) = (signers.list(), signers.path().display());
    let mut notes: Vec<String> =
        list.skipped().iter().chain(list.remarks()).map(|note| format!("{shown}: {note}")).collect();
    let needed = config.sources.values().any(|source| source.reading.proof == Proof::Signature);
    match list.trouble() {
        Some(why) if needed || signers.path().exists() => {
            notes.push(format!("signatures: nobody's would count: {why}"));
        }
        Some(_) => {}
        None => {
            let count = list.signers().iter().filter(|signer| signer.signs_approvals()).count();
            notes.push(format!("{shown}: {count} keys may sign approvals"));
        }
    }
    notes
}

/// What would make the daemon less than healthy, though it would start.
fn look_around(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if !config.policy.production {
        notes.push("production = false: nothing is guarded on this host".to_owned());
    }
    let local = Locals::new(Accounts::of_host()).get();
    notes.extend(names::notes(config, &local, &names::Mapped::of_host(), Path::exists));
    notes.extend(signers(config));
    for (name, source) in &config.sources {
        match &source.place {
            Place::Ldif(path) => {
                let file = LdifSource {
                    name: name.clone(),
                    path: path.clone(),
                    bases: source.bases.clone(),
                    owner: ROOT,
                    heartbeat: std::time::Duration::ZERO,
                };
                if let Err(error) = read_once(&file) {
                    notes.push(format!("source {name}: {error}"));
                }
            }
            Place::Ldap { session, .. } => {
                let secrets: Vec<&Path> = match &session.bind {
                    Bind::Simple { password_file, .. } => vec![password_file],
                    Bind::Gssapi { credentials: Credentials::Keytab { keytab, .. } } => vec![keytab],
                    Bind::External { certificate: Some(shown) } => vec![&shown.cert, &shown.key],
                    Bind::Gssapi { credentials: Credentials::Ticket }
                    | Bind::Password { .. }
                    | Bind::External { certificate: None }
                    | Bind::Anonymous => Vec::new(),
                };
                for file in secrets.into_iter().chain(session.ca.as_deref()) {
                    if let Err(error) = std::fs::File::open(file) {
                        notes.push(format!("source {name}: {} cannot be opened: {error}", file.display()));
                    }
                }
                let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { continue };
                for (server, outcome) in runtime.block_on(probe(session)) {
                    match outcome {
                        Ok(offer) => notes.push(format!("source {name}: {server} answers ({:?})", offer.way)),
                        Err(trouble) => notes.push(format!("source {name}: {trouble}")),
                    }
                }
            }
        }
    }
    notes
}
