//! `jitctl grant add`: a grant in the LDIF file, and the daemon's word that it counts. Refuses before writing what the daemon
//! would refuse afterwards, and leaves nothing behind that nobody knows how to take back.

use std::collections::BTreeSet;

use jit_control::{Answer, Grant, Status, Written};
use jit_directory::ldif::write::{NewGrant, NewRevocation, add_grant, add_revocation};
use jit_model::grant::{End, EntryUuid};
use jit_model::host::HostPattern;
use jit_model::name::{Login, Service};
use jit_model::text;
use jit_model::time::Timestamp;

use crate::account::{self, Account};
use crate::cli::AddArgs;
use crate::command::ldif_file::{self, EditError, Found};
use crate::command::{grants, settle};
use crate::context::Context;
use crate::foresee;
use crate::person::ask::{self, Asker, Terminal};
use crate::report::{Exit, Failure, Report};
use crate::terminal::clean;
use crate::when;

/// `jitctl grant add USER`
///
/// # Errors
/// When the command line makes no sense, the daemon would refuse the grant, or the file cannot be written.
pub fn run(context: &Context, args: &AddArgs) -> Result<Report, Failure> {
    let again = format!("jitctl grant add {} {} --reason '…'", args.user, typed_end(args));
    context.root_only("writing the LDIF file", &again)?;
    let login = Login::new(&args.user).map_err(|e| Failure::usage(e.to_string()))?;
    let (not_before, end) = window(context, args)?;
    let services = args.service.iter().map(|s| Service::new(s)).collect::<Result<_, _>>();
    let services: BTreeSet<Service> = services.map_err(|e| Failure::usage(e.to_string()))?;
    let asked = args.host.iter().map(|h| HostPattern::new(h)).collect::<Result<_, _>>();
    let mut hosts: BTreeSet<HostPattern> = asked.map_err(|e| Failure::usage(e.to_string()))?;

    let Found { file, status, mut notes } = ldif_file::find(context, args.file.as_deref())?;
    match account::look_up(&login) {
        Account::Uid(0) => {
            return Err(Failure::no(
                "not-granted",
                format!("{login} is root here, and root holds no grant: nothing was written"),
            ));
        }
        Account::NotThere => {
            notes.push(format!("no account {login} is known on this host; is that a typing error?"))
        }
        Account::Uid(_) | Account::Silent => {}
    }
    if hosts.is_empty() {
        let Some(status) = &status else {
            let text = "jitd does not answer, so nobody says how this host is called: add --host NAME, as `name` in jitd.toml";
            return Err(Failure {
                exit: Exit::Unreachable,
                code: "unreachable".to_owned(),
                text: text.to_owned(),
            });
        };
        hosts.insert(HostPattern::new(&status.host).map_err(|e| Failure::no("file", e.to_string()))?);
    }
    let reason = reason(args.reason.as_deref())?;
    let [id, uuid] = [ldif_file::random::<16>()?, ldif_file::random::<16>()?];
    let grant = NewGrant {
        id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        uuid: random_uuid(uuid),
        login,
        hosts,
        services,
        role: args.role.as_deref().map(|role| role_name(role, &file.bases)).transpose()?,
        not_before,
        end,
        reason: Some(reason),
        ticket: args.ticket.as_deref().map(|ticket| line("ticket", ticket)).transpose()?,
        by: ldif_file::writer(),
        now: context.now,
    };
    let here = status.as_ref().and_then(foresee::host_names).filter(|names| names.meets(&grant.hosts));
    let mut dn = String::new();
    let edited = file.edit(context, |text| {
        let written = add_grant(text, &file.bases, &grant).map_err(EditError::Write)?;
        if let (Some(names), Some(source)) = (&here, &file.source) {
            let judged = foresee::refusal(&written.text, &file.bases, source, names, grant.uuid);
            judged.map_err(EditError::Foreseen)?;
        }
        dn = written.dn.to_string();
        Ok(written.text)
    });
    edited.map_err(|e| ldif_file::failure(&e))?;

    let mut written =
        Written { id: grant.id.clone(), dn, file: file.shown(), grant: None, text: String::new() };
    if file.source.is_none() || here.is_none() {
        if file.source.is_some() {
            notes.push("it is not for this host, so this host's jitd makes nothing of it".to_owned());
        }
        written.text = format!("written: a grant for {} in {}", grant.login, written.file);
        let text = format!(
            "{}\n  id {}\n  take it back: jitctl grant revoke {}\n",
            clean(&written.text),
            grant.id,
            grant.id
        );
        return Ok(Report { answer: Answer::Written(Box::new(written)), text, notes, exit: Exit::Done });
    }
    let shown = settle::until(context, |all| all.iter().find(|g| g.id == grant.id).cloned());
    let Some(shown) = shown else {
        return Err(unseen(context, status.as_ref(), &written));
    };
    if let "refused" | "revoked" = shown.state.as_str() {
        let why = shown.why.clone().unwrap_or_else(|| shown.state.clone());
        let revocation = NewRevocation {
            grant: written.dn.clone(),
            by: grant.by.clone(),
            reason: Some("taken back by jitctl: jitd did not grant it".to_owned()),
            now: context.now,
        };
        let taken_back = file.edit(context, |text| {
            add_revocation(text, &file.bases, &revocation).map(|done| done.text).map_err(EditError::Write)
        });
        let end = match taken_back {
            Ok(()) => "It is taken back.".to_owned(),
            Err(e) => format!(
                "It stays in {}, where it opens nothing now; taking it back failed: {e}",
                written.file
            ),
        };
        return Err(Failure::no("not-granted", format!("jitd does not grant it: {}\n{end}", clean(&why))));
    }
    Ok(report(context, written, shown, notes))
}

fn report(context: &Context, mut written: Written, shown: Grant, mut notes: Vec<String>) -> Report {
    let who = match shown.logins.as_slice() {
        [] => shown.subject.clone(),
        logins => logins.join(", "),
    };
    let services =
        if shown.services.is_empty() { "all guarded services".to_owned() } else { shown.services.join(", ") };
    let (start, end) = (shown.start.map(Timestamp), shown.end.map(Timestamp));
    let until = match (start, end) {
        (Some(start), Some(end)) if start > context.now => {
            format!(" from {} until {}", text::clock_time(start), text::clock_time(end))
        }
        (_, Some(end)) => format!(" until {}", when::until(end, context.now)),
        (_, None) => String::new(),
    };
    let hosts = shown.hosts.join(", ");
    let verb = if shown.state == "pending" { "written" } else { "granted" };
    written.text = format!("{verb}: {who} on {hosts} for {services}{until}");
    if let (Some(why), true) = (&shown.why, shown.state != "live") {
        notes.push(format!("{}: {why}", shown.state));
    }
    let known = grants::all(context, true).unwrap_or_default();
    let ids: Vec<&str> = known.iter().map(|grant| grant.id.as_str()).collect();
    let short = grants::short_id(&written.id, &ids);
    let text = format!(
        "{}\n  id {}, {}\n  take it back: jitctl grant revoke {}\n",
        clean(&written.text),
        clean(&written.id),
        clean(&shown.state),
        clean(&short)
    );
    written.grant = Some(shown);
    Report { answer: Answer::Written(Box::new(written)), text, notes, exit: Exit::Done }
}

/// The entry is on disk, but the daemon does not show it.
fn unseen(context: &Context, before: Option<&Status>, written: &Written) -> Failure {
    let status = context.status().ok();
    let source = status.as_ref().or(before).and_then(|s| s.sources.iter().find(|s| s.at == written.file));
    let why = match (&status, source.and_then(|s| s.trouble.clone())) {
        (None, _) => "jitd does not answer any more".to_owned(),
        (Some(_), Some(trouble)) => format!("its source says: {}", clean(&trouble)),
        (Some(_), None) => "see `jitctl status`".to_owned(),
    };
    Failure::no(
        "not-granted",
        format!(
            "the grant {} is written to {}, but jitd does not show it yet; {why}\nTo take it back: jitctl grant revoke {}",
            written.id, written.file, written.id
        ),
    )
}

/// From when, and until when.
fn window(context: &Context, args: &AddArgs) -> Result<(Option<Timestamp>, End), Failure> {
    let time = |typed: &Option<String>| typed.as_deref().map(|t| when::parse(t, context.now)).transpose();
    let from = time(&args.from).map_err(Failure::usage)?;
    let until = time(&args.until).map_err(Failure::usage)?;
    let end = match (args.for_.as_deref(), until) {
        (Some(span), _) => End::After(when::parse_span(span).map_err(Failure::usage)?),
        (None, Some(until)) if until <= context.now => {
            return Err(Failure::usage(format!("--until {} is over", when::until(until, context.now))));
        }
        (None, Some(until)) if from.is_some_and(|from| until <= from) => {
            return Err(Failure::usage("--until is not later than --from"));
        }
        (None, Some(until)) => End::At(until),
        (None, None) => return Err(Failure::usage("say how long: --for 2h, or --until 15:00")),
    };
    Ok((from, end))
}

fn typed_end(args: &AddArgs) -> String {
    match (&args.for_, &args.until) {
        (Some(span), _) => format!("--for {span}"),
        (None, Some(until)) => format!("--until {until}"),
        (None, None) => "--for 2h".to_owned(),
    }
}

/// The reason that was given, or that a person at a terminal gives now.
fn reason(given: Option<&str>) -> Result<String, Failure> {
    if let Some(reason) = given {
        return line("reason", reason);
    }
    let missing = || Failure::usage("say why, for those who read the audit: --reason 'what is to be done'");
    let mut terminal = Terminal;
    let Asker::Person(talk) = terminal.asker() else { return Err(missing()) };
    talk.say("Reason: ");
    line("reason", &talk.hear().unwrap_or_default())
}

/// One line that says something.
fn line(what: &str, text: &str) -> Result<String, Failure> {
    ask::line(what, text).map_err(Failure::usage)
}

/// The name of a role given by name or by DN.
fn role_name(given: &str, bases: &jit_directory::decode::Bases) -> Result<String, Failure> {
    if !given.contains('=') {
        return line("role", given);
    }
    let dn = jit_model::dn::Dn::parse(given).map_err(|e| Failure::usage(e.to_string()))?;
    if !dn.is_directly_under(&bases.roles) {
        return Err(Failure::usage(format!("{dn} is no role: roles stand directly under {}", bases.roles)));
    }
    Ok(dn.rdn_value())
}

/// A version 4 UUID (RFC 9562 §5.4).
fn random_uuid(mut bytes: [u8; 16]) -> EntryUuid {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    EntryUuid(bytes)
}
