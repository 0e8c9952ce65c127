//! `jitctl directory check`: tries on the live directory what must be refused, and what must work, as a throw-away cast, and names each
//! hole. Must leave nothing behind, however it ends.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jit_control::Answer;
use jit_control::directory::Checked;
use jit_directory::decode::Bases;
use jit_directory::ldap::admin::{Admin, Operation, Reach};
use jit_directory::ldap::{Cause, LdapConfig, Trouble};
use jit_model::dn::Dn;
use tokio::signal::unix::{SignalKind, signal};

use super::attempt::{Act, Got, Must, Trial, Who};
use super::cast::Cast;
use super::connect::{self, Named};
use super::{files, trials};
use crate::cli::{CheckArgs, Cli, DirectoryKind};
use crate::context::Context;
use crate::person::config as client;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Tone, clean};

/// `jitctl directory check`
///
/// # Errors
/// When it cannot be tried at all.
pub(super) fn run(context: &Context, cli: &Cli, args: &CheckArgs) -> Result<Report, Failure> {
    let config = configured(cli, args)?;
    let checked = connect::runtime()?.block_on(checked(config))?;
    Ok(report(context, checked))
}

/// Where, and as whom.
fn configured(cli: &Cli, args: &CheckArgs) -> Result<LdapConfig, Failure> {
    let needed = args.base.is_none() || args.uri.is_none() || cli.config.is_some();
    let client = match client::load(cli) {
        Err(failure) if needed => return Err(failure),
        loaded => loaded.ok(),
    };
    let bases = match (&args.base, &client) {
        (Some(base), _) => {
            let base = Dn::parse(base).map_err(|error| Failure::usage(format!("--base {base}: {error}")))?;
            Bases::under(&base).map_err(|error| Failure::usage(error.to_string()))?
        }
        (None, Some(client)) => client.directory.bases.clone(),
        (None, None) => {
            return Err(Failure::usage("say where the directory begins: --base dc=example,dc=com"));
        }
    };
    let ca = args.ca.clone().or_else(|| client.as_ref().and_then(|client| client.directory.ca.clone()));
    let mut config = match (&args.uri, &client) {
        (None, Some(client)) => LdapConfig { bases, ca, ..client.directory.clone() },
        (Some(uri), client) => {
            let login = client.as_ref().map(|client| client.directory.login_attribute.clone());
            let config = connect::config(uri, bases, ca)?;
            LdapConfig { login_attribute: login.unwrap_or(config.login_attribute.clone()), ..config }
        }
        (None, None) => {
            return Err(Failure::usage("say where the directory is: --uri ldaps://ldap.example.com"));
        }
    };
    let named = Named { dn: args.admin.as_deref(), password_file: args.admin_password_file.as_deref() };
    config.bind = connect::bind(&named, &config)?;
    Ok(config)
}

async fn checked(config: LdapConfig) -> Result<Checked, Failure> {
    let broken = |trouble: Trouble| match trouble.cause {
        Cause::Refused { .. } => Failure::no(
            "forbidden",
            format!("the administrator may not make or remove what is tried with: {trouble}"),
        ),
        _ => connect::trouble(&trouble),
    };
    let mut admin = connect::connect(config.clone()).await?;
    let kind = kind(&mut admin).await.map_err(broken)?;
    let hosts = hosts(&mut admin, &config.bases).await.map_err(broken)?;
    let cast = Cast::new(&config, kind, hosts)
        .map_err(|error| Failure::no("file", format!("/dev/urandom: {error}")))?;
    let stop = stopped()?;
    let mut notes = Vec::new();
    let left = cast.tidy(&mut admin).await.map_err(broken)?;
    if left > 0 {
        notes.push(format!("{left} entries that an earlier run had left were removed"));
    }
    if !cast.has_host() {
        notes.push(
            "there is no ou=hosts beside the place of people: what hosts may do was not tried".to_owned(),
        );
    }
    let mut results = Vec::new();
    let tried = match cast.make(&mut admin).await {
        Ok(()) => attempts(&config, &mut admin, &cast, &stop, &mut results).await,
        Err(trouble) => Err(trouble),
    };
    // Whatever happened: first away with it.
    let tidied = match cast.tidy(&mut admin).await {
        Err(trouble) if !matches!(trouble.cause, Cause::Refused { .. }) => {
            let mut again = connect::connect(config.clone()).await?;
            cast.tidy(&mut again).await
        }
        other => other,
    };
    if let Err(trouble) = tidied {
        let first = tried.err().map(|trouble| format!("{trouble}; besides, ")).unwrap_or_default();
        return Err(Failure::no(
            "left-behind",
            format!("{first}something named jit-check-… was left behind: {trouble}; the next run removes it"),
        ));
    }
    tried.map_err(broken)?;
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::no("declined", "stopped; everything that was made is gone again"));
    }
    let mut holes = Vec::new();
    let mut tries = Vec::new();
    for (trial, got) in results {
        let (line, hole) = trial.judged(kind, &got);
        tries.push(line);
        holes.extend(hole);
    }
    Ok(Checked { server: admin.server(), kind: files::name_of(kind).to_owned(), tries, holes, notes })
}

/// Set when somebody wants it to end.
fn stopped() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(|error| Failure::no("file", error.to_string()))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
        });
    }
    Ok(stop)
}

/// What kind of server it is, by what it says of itself.
async fn kind(admin: &mut Admin) -> Result<DirectoryKind, Trouble> {
    let root = admin.entry("", &["vendorName", "vendorVersion", "objectClass"]).await?;
    let says = |name: &str, part: &str| {
        root.as_ref().is_some_and(|root| root.texts(name).any(|value| value.contains(part)))
    };
    let ds389 = says("vendorName", "389") || says("vendorVersion", "389-Directory");
    Ok(if ds389 { DirectoryKind::Ds389 } else { DirectoryKind::Openldap })
}

/// Where accounts of hosts stand: beside the people.
async fn hosts(admin: &mut Admin, bases: &Bases) -> Result<Option<Dn>, Trouble> {
    let Some(hosts) = bases.people.parent().and_then(|above| above.child("ou", "hosts").ok()) else {
        return Ok(None);
    };
    Ok(admin.entry(hosts.as_str(), &["1.1"]).await?.map(|_| hosts))
}

async fn attempts(
    config: &LdapConfig,
    admin: &mut Admin,
    cast: &Cast,
    stop: &AtomicBool,
    results: &mut Vec<(Trial, Got)>,
) -> Result<(), Trouble> {
    let mut connections: BTreeMap<Who, Result<Admin, String>> = BTreeMap::new();
    let mut made: BTreeSet<String> = BTreeSet::new();
    for trial in trials::all(cast) {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        // 389 Directory Server remembers for a connection that a rule did not let it see one entry, and hides the next one too.
        if !matches!(trial.act, Act::Perform(..)) {
            connections.remove(&trial.who);
        }
        let connection = match connections.entry(trial.who) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(bound(config, cast, trial.who).await),
        };
        let got = match (rests_on(&trial, &cast.grants()), connection) {
            (Some(needed), _) if !made.contains(needed) => {
                Got::Untried("what it rests on is not there".to_owned())
            }
            (_, Ok(connection)) => attempt(&trial, connection, admin).await?,
            // Who cannot even connect without a name can do nothing.
            (_, Err(_)) if trial.who == Who::Nobody => Got::Hidden,
            (_, Err(why)) => Got::Untried(format!("cannot log in: {why}")),
        };
        if matches!(got, Got::Done { .. }) {
            match &trial.act {
                Act::Perform(Operation::Add(_), _) => made.insert(trial.dn.clone()),
                Act::Perform(Operation::Delete | Operation::Rename { .. }, _) => made.remove(&trial.dn),
                _ => false,
            };
        }
        results.push((trial, got));
    }
    Ok(())
}

/// An entry that must be there, or a refusal proves nothing: the one that is changed, if an earlier attempt had to make it, or the one
/// above.
fn rests_on<'a>(trial: &'a Trial, grants: &str) -> Option<&'a String> {
    let adds = matches!(trial.act, Act::Perform(Operation::Add(_), _));
    let made_here = trial.dn != grants && trial.dn.ends_with(&format!(",{grants}"));
    if adds || !made_here { trial.needs.as_ref() } else { Some(&trial.dn) }
}

/// Somebody's own connection.
async fn bound(config: &LdapConfig, cast: &Cast, who: Who) -> Result<Admin, String> {
    let bind = cast.bind(who).ok_or("its name is none")?;
    Admin::begin(LdapConfig { bind, ..config.clone() }).await.map_err(|error| error.to_string())
}

async fn attempt(trial: &Trial, connection: &mut Admin, admin: &mut Admin) -> Result<Got, Trouble> {
    let refused = |trouble: Trouble| match trouble.cause {
        Cause::Refused { code, text } => Ok(Got::Refused(code, text)),
        _ => Err(trouble),
    };
    match &trial.act {
        Act::Perform(operation, control) => {
            match connection.perform(&trial.dn, operation, control.as_ref()).await {
                Ok(()) => Ok(Got::Done { forged: forged(trial, admin).await? }),
                Err(trouble) => refused(trouble),
            }
        }
        Act::See(attribute) => match connection.entry(&trial.dn, &[attribute]).await {
            Ok(Some(entry)) if entry.texts(attribute).next().is_some() => Ok(Got::Done { forged: true }),
            Ok(_) => Ok(Got::Hidden),
            Err(trouble) => refused(trouble),
        },
        Act::Guess(attribute, value) => match connection.compare(&trial.dn, attribute, value).await {
            Ok(_) => Ok(Got::Done { forged: true }),
            Err(trouble) => refused(trouble),
        },
        Act::SeeBelow => {
            match connection.search(&trial.dn, Reach::Subtree, "(objectClass=*)", &["1.1"]).await {
                Ok(found) if found.is_empty() => Ok(Got::Hidden),
                Ok(_) => Ok(Got::Done { forged: true }),
                Err(trouble) => refused(trouble),
            }
        }
    }
}

/// Whether the entry says now what was forged.
async fn forged(trial: &Trial, admin: &mut Admin) -> Result<bool, Trouble> {
    let (Must::NotForge(name), Act::Perform(Operation::Add(wanted), _)) = (trial.must, &trial.act) else {
        return Ok(true);
    };
    let wanted = wanted.iter().find(|(said, _)| said == name).and_then(|(_, values)| values.first());
    let shown = admin.entry(&trial.dn, &[name]).await?;
    let shown =
        shown.and_then(|entry| entry.attributes.get(&name.to_lowercase()).cloned()).unwrap_or_default();
    Ok(wanted.is_none_or(|wanted| {
        shown.is_empty() || shown.iter().any(|value| value.eq_ignore_ascii_case(wanted))
    }))
}

/// As much of a server's words as a line of the table bears; all of them are in the JSON.
fn short(got: &str) -> String {
    match got.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", got.get(..at).unwrap_or_default().trim_end()),
        None => got.to_owned(),
    }
}

fn report(context: &Context, checked: Checked) -> Report {
    let width = |column: fn(&jit_control::directory::Tried) -> &String| {
        checked.tries.iter().map(|tried| column(tried).chars().count()).max().unwrap_or(0).min(70)
    };
    let (who, what) = (width(|tried| &tried.who), width(|tried| &tried.what));
    let mut text = String::new();
    for tried in &checked.tries {
        let tone = match tried.verdict.as_str() {
            "ok" => Tone::Good,
            "hosts" => Tone::Fair,
            _ => Tone::Bad,
        };
        let verdict = context.colour.paint(tone, &format!("{:7}", tried.verdict));
        text.push_str(&format!(
            "{verdict}  {:who$}  {:what$}  {:8}  {}\n",
            tried.who,
            tried.what,
            tried.expected,
            clean(&short(&tried.got))
        ));
    }
    let left: Vec<_> = checked.tries.iter().filter(|tried| tried.verdict == "hosts").collect();
    if !left.is_empty() {
        text.push_str("\nProved by the hosts instead, for this directory's access control cannot say it:\n");
        for tried in left {
            text.push_str(&format!("  {} {}\n", tried.who, tried.what));
        }
    }
    if !checked.holes.is_empty() {
        text.push('\n');
        for hole in &checked.holes {
            text.push_str(&format!("HOLE: {}\n", clean(hole)));
        }
    }
    let count = checked.tries.len();
    text.push_str(&match checked.holes.len() {
        0 => format!("\n{count} attempts, no hole.\n"),
        holes => format!("\n{count} attempts, {holes} not as they must be.\n"),
    });
    let exit = if checked.holes.is_empty() { Exit::Done } else { Exit::No };
    let notes = checked.notes.clone();
    Report { answer: Answer::Checked(checked), text, notes, exit }
}
