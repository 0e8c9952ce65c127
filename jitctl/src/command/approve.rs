//! `jitctl approve`: say yes to somebody's request, after a look at exactly what is asked. What is shown, what is signed and what is approved are the
//! same words: the grant is read again before the approval is written, and a digest binds them.

use jit_directory::write::{NewApproval, approval};
use jit_model::assess::AssessedGrant;
use jit_model::digest::digest;
use jit_model::grant::EntryUuid;
use jit_model::role::Role;
use jit_model::signature::Signature;
use jit_model::time::Span;
use jit_signature::statement::Statement;

use crate::cli::{ApproveArgs, Cli};
use crate::command::ldif_file::random;
use crate::command::take::name;
use crate::context::Context;
use crate::person::approval::{By, Plan, plan};
use crate::person::ask::{Asker, Terminal};
use crate::person::judging::Signers;
use crate::person::outcome::{self, Done, Kind};
use crate::person::session::Session;
use crate::person::stopwatch::Stopwatch;
use crate::person::{config, describe, propose, sign, who};
use crate::report::{Failure, Report};
use crate::terminal::{clean, columns, quoted};
use crate::when;

/// `jitctl approve`
///
/// # Errors
/// When hosts would not count it, nobody says yes, it cannot be signed, or the directory refuses it.
pub fn run(context: &Context, cli: &Cli, args: &ApproveArgs) -> Result<Report, Failure> {
    let watch = Stopwatch::from(context.now);
    let only = args.for_.as_deref().map(when::parse_span).transpose().map_err(Failure::usage)?;
    let mut session = Session::open(config::load(cli)?)?;
    let mut terminal = Terminal;
    let mut asker = terminal.asker();
    let me = session.me().clone();

    session.reach(&args.id)?;
    let judged = session.find(&args.id)?;
    let (uuid, shown, role) = (judged.grant.uuid, digest(&judged.grant), judged.role.clone());
    let needed = judged.role.as_ref().is_some_and(|role| propose::wants_signature(session.source(), role));
    let named = args.key.as_deref().or(session.config().key.as_deref()).map(ToOwned::to_owned);
    let signs = needed || named.is_some();
    let by = if signs { By::SignatureToCome } else { By::Word };
    let planned = plan(session.source(), judged, &me, only, &by, watch.now())?;
    asker.show(&describe::request(
        session.source(),
        session.grants(),
        judged,
        only,
        watch.now(),
        context.colour,
        columns(),
    ));
    agree(&mut asker, args)?;

    // The time until which it is good is signed, and that depends on whether others are still needed: as it is now.
    session.refresh()?;
    let planned = planned_again(&session, &planned, role.as_deref(), only, &by, &watch)?;
    let (signature, by, key) = if signs {
        let listed = |print: &str| may_sign(session.judging().signers(), print);
        let key = sign::key(named.as_deref(), &session.config().path, listed)?;
        let statement = Statement {
            grant: uuid,
            digest: shown,
            approver: me.clone(),
            duration: planned.duration,
            at: watch.now(),
            latest_end: planned.latest_end,
        };
        let print = sign::shown(&key);
        asker.show(&format!("signing with {}\n", clean(&print)));
        let made = sign::sign(&statement, &key)?;
        let by = match session.judging().signers().check(&made, &me) {
            Signature::Good(signed) => By::Signature(signed),
            Signature::Bad(why) => {
                let text = format!("no host would count your signature by {print}: {why}");
                return Err(sign::unsigned(text));
            }
            Signature::Absent | Signature::Unchecked(_) => By::SignatureToCome,
        };
        (Some(made), by, Some(print))
    } else {
        (None, By::Word, None)
    };

    let planned = if signs {
        // Signing may have taken as long as a person takes.
        session.refresh()?;
        planned_again(&session, &planned, role.as_deref(), only, &by, &watch)?
    } else {
        planned
    };
    let judged = of(&session, uuid)?;
    let new = NewApproval {
        grant: &judged.grant,
        id: name("approval", watch.now(), random::<8>()?),
        approver: me,
        digest: shown,
        duration: planned.duration,
        not_after: None,
        signature,
    };
    let entry = approval(&new).map_err(|e| Failure::no("file", e.to_string()))?;
    let grant = judged.grant.dn.clone();
    let groups = judged.role.as_ref().map(|role| who::names(&role.approver_groups)).unwrap_or_default();
    let who_may =
        format!("a member of {groups} who is not its subject, in no group that is, and did not write it");
    outcome::add(&mut session, &entry, "approve it", &who_may)?;
    session.settle();
    let mut next: Vec<String> = key.map(|key| format!("signed by {key}")).into_iter().collect();
    next.push("take it away again: jitctl revoke --reason '...' {id}".to_owned());
    let done = Done { kind: Kind::Approval, entry: entry.dn, grant, verb: "approved", next };
    Ok(outcome::report(&session, done, Vec::new(), watch.now()))
}

/// Whether it is meant.
fn agree(asker: &mut Asker<'_>, args: &ApproveArgs) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !asker.is_person() {
        let text = format!(
            "nobody is there to ask whether it is meant; nothing was written\nAfter a look at the above: jitctl approve --yes {}",
            quoted(&args.id)
        );
        return Err(Failure::usage(text));
    }
    if asker.agrees("approve?") { Ok(()) } else { Err(Failure::no("declined", "nothing was written")) }
}

/// Whether a key stands in the list of signers; where there is none here, hosts will tell.
fn may_sign(signers: &Signers, fingerprint: &str) -> bool {
    match signers {
        Signers::Claimed => true,
        Signers::Listed(list) => {
            list.signers().iter().any(|signer| signer.key == fingerprint && signer.signs_approvals())
        }
    }
}

/// The grant, as it was read last.
fn of(session: &Session, grant: EntryUuid) -> Result<&AssessedGrant, Failure> {
    let found = session.grants().iter().find(|judged| judged.grant.uuid == grant);
    found.ok_or_else(|| {
        Failure::no(
            "changed",
            "the grant was deleted, or changed into something else, meanwhile; nothing was written",
        )
    })
}

/// The same plan by what the directory says now: for the words that were shown, or not at all.
fn planned_again(
    session: &Session,
    before: &Plan,
    role: Option<&Role>,
    only: Option<Span>,
    by: &By,
    watch: &Stopwatch,
) -> Result<Plan, Failure> {
    let judged = of(session, before.grant)?;
    if digest(&judged.grant) != before.digest {
        let text =
            "the grant was changed while you looked at it; nothing was written\nLook again: jitctl approve";
        return Err(Failure::no("changed", text));
    }
    // The digest binds the role's name; what the role gives was shown, too.
    if judged.role.as_deref() != role {
        let text =
            "the grant's role was changed while you looked; nothing was written\nLook again: jitctl approve";
        return Err(Failure::no("changed", text));
    }
    plan(session.source(), judged, session.me(), only, by, watch.now())
}
