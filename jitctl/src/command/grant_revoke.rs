//! `jitctl grant revoke`: a revocation entry under a grant of the LDIF file. A grant of a directory is not this tool's to take
//! back: it says where, and with which entry.

use jit_control::{Answer, Grant, SourceStatus, Status, Written};
use jit_directory::ldif::replace::ReplaceError;
use jit_directory::ldif::write::{NewRevocation, WriteError, add_revocation};
use jit_model::time::Timestamp;

use crate::cli::RevokeArgs;
use crate::command::ldif_file::{self, EditError, Found, LdifFile};
use crate::command::{grants, settle};
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{clean, quoted};
use crate::when;

/// The shortest beginning of an id that will do.
const SHORTEST: usize = 4;

/// `jitctl grant revoke ID`
///
/// # Errors
/// When no grant, or more than one, is meant; when it is not in an LDIF file; when the file cannot be written.
pub fn run(context: &Context, args: &RevokeArgs) -> Result<Report, Failure> {
    let again = format!("jitctl grant revoke {}", args.id);
    let status = match context.status() {
        Ok(status) => Some(status),
        Err(failure) if failure.exit == Exit::Unreachable => None,
        Err(failure) => return Err(failure),
    };
    let meant = match &status {
        Some(_) => pick(&args.id, &grants::all(context, true)?)?,
        None => None,
    };
    let source = meant.as_ref().zip(status.as_ref()).and_then(|(grant, status)| source_of(grant, status));
    if let (Some(grant), Some(source)) = (&meant, source) {
        if source.kind != "ldif" {
            return Err(elsewhere(grant, source, args.reason.as_deref()));
        }
    }
    context.root_only("writing the LDIF file", &again)?;
    if let Some(grant) = meant.as_ref().filter(|grant| grant.state == "expired") {
        let ended =
            grant.end.map(|end| format!(" ({})", when::ago(Timestamp(end), context.now))).unwrap_or_default();
        return Err(Failure::not_applicable(
            "over",
            format!("the grant {} is over{ended}: nothing to revoke", grant.id),
        ));
    }
    let (file, notes) = match (source, args.file.as_deref()) {
        (Some(source), None) => (ldif_file::of_source(context, source)?, Vec::new()),
        (_, named) => {
            let Found { file, notes, .. } = ldif_file::find(context, named)?;
            (file, notes)
        }
    };
    write(context, args, &file, meant.as_ref(), status.as_ref(), notes)
}

fn write(
    context: &Context,
    args: &RevokeArgs,
    file: &LdifFile,
    meant: Option<&Grant>,
    status: Option<&Status>,
    mut notes: Vec<String>,
) -> Result<Report, Failure> {
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| clean(reason) != reason) {
        return Err(Failure::usage("the reason holds control characters: write one line of plain text"));
    }
    let revocation = NewRevocation {
        grant: meant.map_or_else(|| args.id.clone(), |grant| grant.dn.clone()),
        by: ldif_file::writer(),
        reason: reason.map(str::to_owned),
        now: context.now,
    };
    let (mut dn, mut id) = (String::new(), String::new());
    let edited = file.edit(context, |text| {
        let written = add_revocation(text, &file.bases, &revocation).map_err(EditError::Write)?;
        (dn, id) = (written.dn.to_string(), written.grant);
        Ok(written.text)
    });
    match edited {
        Ok(()) => {}
        // What was wanted is so; a script that says it twice has not failed.
        Err(ReplaceError::Edit(EditError::Write(WriteError::Revoked(grant, entry)))) => {
            notes.push("it was revoked before; nothing was written".to_owned());
            (id, dn) = (grant, entry.to_string());
        }
        Err(e) => return Err(ldif_file::failure(&e)),
    }
    let gone = |all: &[Grant]| {
        let it = all.iter().find(|grant| grant.id == id);
        // What the daemon never showed (malformed, or for another host) has no state that could change.
        if meant.is_none() && it.is_none() {
            Some(None)
        } else {
            it.filter(|g| g.state == "revoked").cloned().map(Some)
        }
    };
    let shown = if file.source.is_some() { settle::until(context, gone) } else { Some(None) };
    let Some(shown) = shown else {
        let text = format!(
            "the revocation of {id} is written to {}, but jitd does not show it yet; until it does, the grant holds. See `jitctl status`",
            file.shown()
        );
        return Err(Failure::no("not-revoked", text));
    };
    let who = shown.as_ref().or(meant).filter(|grant| !grant.logins.is_empty());
    let who = who.map(|grant| format!(" of {}", grant.logins.join(", "))).unwrap_or_default();
    let text = format!("revoked: the grant {id}{who}");
    notes.extend(status.map(|status| sessions(status, context.now)));
    let written = Written { id, dn, file: file.shown(), grant: shown, text: text.clone() };
    Ok(Report {
        answer: Answer::Written(Box::new(written)),
        text: format!("{}\n", clean(&text)),
        notes,
        exit: Exit::Done,
    })
}

/// What becomes of the sessions that are open under it.
fn sessions(status: &Status, now: Timestamp) -> String {
    let enforcing = status.mode == "enforcing" && status.until.is_none_or(|until| now.0 < until);
    let what = match status.on_end.as_deref() {
        _ if !status.production || !enforcing => "stay open, for this host is not enforcing",
        Some("warn") => "are told, and stay open: on_end = \"warn\"",
        _ => "end now; see jitctl sessions",
    };
    format!("sessions that rest on this grant alone {what}")
}

fn source_of<'a>(grant: &Grant, status: &'a Status) -> Option<&'a SourceStatus> {
    status.sources.iter().find(|source| source.name == grant.source)
}

/// The grant that is meant, among those that the daemon shows; `None` if it shows none, for the file may hold it still.
fn pick(wanted: &str, all: &[Grant]) -> Result<Option<Grant>, Failure> {
    let exact: Vec<&Grant> =
        all.iter().filter(|g| g.id == wanted || g.dn.eq_ignore_ascii_case(wanted)).collect();
    let found = match exact.as_slice() {
        [] if wanted.chars().count() < SHORTEST => {
            return Err(Failure::usage(format!(
                "`{wanted}` is too short: at least {SHORTEST} characters of the id, or its DN"
            )));
        }
        [] => all.iter().filter(|g| g.id.starts_with(wanted)).collect(),
        _ => exact,
    };
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        several => {
            let mut text = format!("`{wanted}` begins more than one grant; write more of the id, or the DN:");
            for grant in several {
                let reason = grant.reason.as_deref().unwrap_or("-");
                text.push_str(&format!(
                    "\n  {}  {}  {}  {}",
                    grant.dn,
                    grant.state,
                    grant.logins.join(","),
                    clean(reason)
                ));
            }
            Err(Failure { exit: Exit::Usage, code: "ambiguous".to_owned(), text })
        }
    }
}

/// What to do about a grant that stands in a directory.
fn elsewhere(grant: &Grant, source: &SourceStatus, reason: Option<&str>) -> Failure {
    let mut text = format!(
        "the grant {} stands in the directory {} ({}), and is taken back there:\n  jitctl revoke {}\nor, by other tools, with an entry below it, \
         added by its subject or an approver,\n  dn: cn=revocation,{}\n  objectClass: jitRevocation\n  cn: revocation",
        clean(&grant.id),
        clean(&source.name),
        clean(&source.at),
        clean(&quoted(&grant.id)),
        clean(&grant.dn)
    );
    for host in &grant.hosts {
        text.push_str(&format!("\n  jitHost: {}", clean(host)));
    }
    text.push_str(&format!("\n  jitReason: {}", clean(reason.unwrap_or("…"))));
    Failure::not_applicable("not-here", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_becomes_of_the_sessions() {
        let said = |production: bool, mode: &str, until: Option<i64>, on_end: Option<&str>| {
            let status = serde_json::json!({
                "version": "0.1.0", "host": "web1", "answers_to": [], "production": production, "mode": mode, "until": until,
                "guarded": [], "now": 100, "clock": null, "sources": [], "live": 0, "sessions": 2, "on_end": on_end,
                "set_aside": [], "degraded": []
            });
            sessions(&serde_json::from_value(status).unwrap(), Timestamp(100))
        };
        for (until, on_end) in [(None, Some("terminate")), (Some(101), None)] {
            assert!(said(true, "enforcing", until, on_end).contains("end now"));
        }
        assert!(said(true, "enforcing", None, Some("warn")).contains("are told, and stay open"));
        let stay = [
            said(true, "permissive", None, Some("terminate")),
            said(false, "enforcing", None, Some("terminate")),
            said(true, "enforcing", Some(100), Some("terminate")),
        ];
        assert!(
            stay.iter().all(|text| text.contains("stay open, for this host is not enforcing")),
            "{stay:?}"
        );
    }
}
