//! A daemon that reads a real LDIF file with the real code, without a thread that follows it: it reads when it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jit_control::{Answer, Grant, Grants, Request, Status};
use jit_directory::decode::{Reading, decode};
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::{self, parse};
use jit_model::assess::{Assessed, AssessedGrant, Memory, assess};
use jit_model::name::SourceName;
use jit_model::role::Role;
use jit_model::source::Proof;
use jit_model::state::{State, state};
use jit_model::time::{Span, Timestamp};

use super::{Daemon, ldif_source, status};

/// What this daemon does differently from what jitctl expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    None,
    /// Never shows anything.
    Blind,
    /// Refuses everything.
    Strict,
}

pub(crate) fn daemon(file: &Path, quirk: Quirk) -> Daemon {
    let file: PathBuf = file.to_owned();
    Daemon::answering(move |request| match request {
        Request::Status {} => {
            Answer::Status(Status { sources: vec![ldif_source(file.to_str().unwrap())], ..status() })
        }
        Request::Grants { all: true } => {
            Answer::Grants(Grants { grants: read(&file, quirk), ..Grants::default() })
        }
        other => panic!("{other:?}"),
    })
}

/// The file's grants as they are for `web1.prod.example.com` now.
pub(crate) fn read(file: &Path, quirk: Quirk) -> Vec<Grant> {
    let text = match std::fs::read(file) {
        Ok(text) if quirk != Quirk::Blind => text,
        _ => return Vec::new(),
    };
    let bases = ldif::bases().unwrap();
    let entries = gather(parse::parse(&text).unwrap(), &bases).unwrap();
    let role = Role::default_of(Span(if quirk == Quirk::Strict { 1 } else { 8 * 3_600 }));
    let reading = Reading {
        name: SourceName::new("ldif").unwrap(),
        proof: Proof::Source,
        writers: BTreeSet::new(),
        default_role: Some(Arc::new(role)),
        login_attribute: "uid".to_owned(),
    };
    let names = jitctl::foresee::host_names(&status()).unwrap();
    assess(
        &decode(&entries, &bases, &reading),
        &names,
        &Memory { began: BTreeMap::new(), ..Memory::default() },
    )
    .iter()
    .map(shown)
    .collect()
}

fn shown(judged: &AssessedGrant) -> Grant {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (why, window) = match &judged.assessed {
        Assessed::Refused(why) => (Some(why.to_string()), None),
        Assessed::Pending { missing, .. } => (Some(format!("needs {missing} more")), None),
        Assessed::Revoked(_) => (None, None),
        Assessed::Granted { window, .. } => (None, Some(window)),
    };
    let word = match state(&judged.assessed, Timestamp(i64::try_from(now).unwrap())) {
        State::Pending => "pending",
        State::Refused => "refused",
        State::Revoked => "revoked",
        State::Scheduled => "scheduled",
        State::Live => "live",
        State::Expired => "expired",
    };
    Grant {
        id: judged.grant.id.clone(),
        dn: judged.grant.dn.to_string(),
        source: "ldif".to_owned(),
        subject: judged.grant.subject.to_string(),
        logins: judged.logins.keys().map(|login| login.as_str().to_owned()).collect(),
        role: judged.role.as_ref().map(|role| role.name.clone()),
        hosts: judged.grant.hosts.iter().map(|host| host.as_str().to_owned()).collect(),
        services: judged.grant.services.iter().map(|service| service.as_str().to_owned()).collect(),
        groups: Vec::new(),
        state: word.to_owned(),
        why,
        start: window.map(|window| window.start().0),
        end: window.map(|window| window.end().0),
        reason: judged.grant.reason.clone(),
        ticket: judged.grant.ticket.clone(),
        approved: Vec::new(),
        groups_refused: Vec::new(),
        digest: None,
        ..Grant::default()
    }
}
