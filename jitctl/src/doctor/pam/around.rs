//! What stands around our lines: the module's file, its place among the session's, lines that do nothing or stand twice, and services that nobody guards.

use std::os::unix::fs::MetadataExt as _;

use super::able;
use super::cure;
use super::deny::{DENIALS, enters};
use super::services::Purpose;
use super::view::{Cure, Ledger, View, is_ours, ours};
use crate::doctor::Level;
use crate::doctor::stack::chain::{File, Handler, Phase, Service};
use crate::doctor::stack::code::{Code, Codes};
use crate::doctor::stack::control::Action;
use crate::doctor::stack::explore::explore;

/// Modules that mark a session, by which it is known.
const MARKS: [&str; 3] = ["pam_loginuid", "pam_systemd", "pam_elogind"];
/// Modules that recognise nobody, and whose yes is none.
const BESIDE: [&str; 14] = [
    "pam_echo",
    "pam_env",
    "pam_faildelay",
    "pam_faillock",
    "pam_group",
    "pam_issue",
    "pam_keyinit",
    "pam_lastlog",
    "pam_mail",
    "pam_motd",
    "pam_nologin",
    "pam_selinux",
    "pam_umask",
    "pam_warn",
];

/// Whether the module that is called is the one that was installed, and root's alone.
pub(super) fn module(view: &View, service: &Service, ledger: &mut Ledger) {
    for phase in [Phase::Auth, Phase::Account, Phase::Session] {
        for (handler, module) in ours(service.chain(phase)) {
            let File::Found(path) = &module.file else { continue };
            if let Some(who) = not_roots_alone(view, path) {
                let text = format!("{who} is not root's alone: whoever can write it decides who gets in");
                let cure = Cure::Once(format!("chown root:root {who}; chmod go-w {who}"));
                ledger.note(Level::Hole, "pam-module", path, text, &service.name, cure);
            }
            let usual = view
                .libpam
                .modules
                .iter()
                .any(|place| path.strip_prefix(place.as_str()) == Some("pam_jit.so"));
            let same = view.libpam.modules.iter().any(|place| {
                let installed = format!("{place}pam_jit.so");
                view.tree
                    .look(&installed)
                    .zip(view.tree.look(path))
                    .is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
            });
            if !usual && !same {
                let text = format!(
                    "{path} is called, which no upgrade replaces: a name without a path is the installed one"
                );
                let cure = Cure::Once(format!(
                    "sed -i '{}s|{}|pam_jit.so|' {}",
                    handler.place.line, module.name, handler.place.file
                ));
                ledger.note(Level::Warning, "pam-module", &handler.place, text, &service.name, cure);
            }
        }
    }
}

/// The file or directory on the way that somebody else may change.
fn not_roots_alone(view: &View, path: &str) -> Option<String> {
    let root = view.tree.look("/")?.uid();
    let real = view.tree.leads_to(path).ok()?;
    let way: Vec<String> =
        real.ancestors().map(|at| at.display().to_string()).filter(|at| at != "/").collect();
    way.into_iter()
        .find(|at| view.tree.look(at).is_none_or(|found| found.uid() != root || found.mode() & 0o022 != 0))
}

/// Whether a session is known by its marks when we are told of it.
pub(super) fn marks(service: &Service, ledger: &mut Ledger) {
    let chain = service.chain(Phase::Session);
    let Some(last) = chain.iter().rposition(is_ours) else { return };
    let late = |handler: &&Handler| handler.module().is_some_and(|module| MARKS.contains(&module.stem()));
    let Some(handler) = chain.get(last..).and_then(|rest| rest.iter().find(late)) else { return };
    let Some(ours) = chain.get(last) else { return };
    let text = format!(
        "in the session phase, pam_jit.so is told of a session before {} ({}) marks it, so less of it is known to belong to it when it ends",
        handler.module().map_or("a module", |module| module.stem()),
        handler.place
    );
    let own = service.own.file.as_deref().unwrap_or(&ours.place.file);
    let cure = Cure::Each(format!("sed -i '$a session    required     pam_jit.so' {own}"));
    ledger.note(Level::Warning, "pam-early", &ours.place, text, &service.name, cure);
}

/// Lines in the auth phase: harmless, useless, or worse.
pub(super) fn auth(service: &Service, ledger: &mut Ledger) {
    let chain = service.chain(Phase::Auth);
    for (handler, _) in ours(chain) {
        let open =
            DENIALS.iter().any(|code| !matches!(handler.control.action(code), Action::Bad | Action::Die));
        if open {
            let text = "this line of pam_jit.so denies nobody in the auth phase, and need not: the account phase does";
            ledger.note(
                Level::Note,
                "pam-auth",
                &handler.place,
                text,
                &service.name,
                cure::delete(&handler.place),
            );
        }
    }
    let Some((line, _)) = ours(chain).next() else { return };
    let without: Vec<Handler> = chain.iter().filter(|handler| !is_ours(handler)).cloned().collect();
    if opens_by_itself(chain) && !opens_by_itself(&without) {
        let text = "in the auth phase, the line of pam_jit.so leads past every module that asks for a password or a key";
        ledger.note(Level::Hole, "pam-auth", &line.place, text, &service.name, cure::delete(&line.place));
    }
}

/// Whether a stack says yes although nobody has recognised anybody.
fn opens_by_itself(chain: &[Handler]) -> bool {
    let returns = |_: usize, handler: &Handler| match handler.module() {
        Some(module) if module.stem() == "pam_permit" => Codes::of([Code::SUCCESS]),
        Some(_) if is_ours(handler) => DENIALS.with(Codes::of([Code::IGNORE])),
        Some(module) if BESIDE.contains(&module.stem()) => Codes::of([Code::SUCCESS, Code::IGNORE]),
        _ => Codes::of([Code::AUTH_ERR]),
    };
    explore(chain, returns, |_| false).is_ok_and(|ways| ways.iter().any(|way| enters(way, Phase::Auth)))
}

/// The same question asked twice in one phase.
pub(super) fn twice(service: &Service, ledger: &mut Ledger) {
    for phase in [Phase::Account, Phase::Session] {
        let chain = service.chain(phase);
        let Some((first, _)) = ours(chain).next() else { continue };
        // The one in the service's own file was written by hand.
        let own = |handler: &&Handler| Some(&handler.place.file) == service.own.file.as_ref();
        let lines: Vec<&Handler> = ours(chain).map(|(handler, _)| handler).collect();
        if lines.len() > 1 {
            let spare = lines.iter().copied().find(own).unwrap_or(first);
            let text = format!(
                "pam_jit.so is asked {} times in the {} phase: harmless, and one line is enough",
                lines.len(),
                phase.word()
            );
            ledger.note(
                Level::Note,
                "pam-twice",
                &spare.place,
                text,
                &service.name,
                cure::delete(&spare.place),
            );
        }
    }
}

/// A service that nobody guards.
pub(super) fn unguarded(view: &View, service: &Service, purpose: Purpose, ledger: &mut Ledger) {
    let name = &service.name;
    let chain = service.chain(Phase::Account);
    let returns = |_: usize, handler: &Handler| match is_ours(handler) {
        true => Codes::of([Code::IGNORE]),
        false => able::hostile(name, Phase::Account, handler),
    };
    let enters = explore(chain, returns, |_| false)
        .map_or(true, |ways| ways.iter().any(|way| enters(way, Phase::Account)));
    if !enters {
        return;
    }
    let place = service.own.file.as_ref().or(service.other.file.as_ref()).cloned().unwrap_or_default();
    let guard = format!("in jitd.toml, add {name:?} to `services` under [guard]");
    let open = format!("if it lets nobody in and makes nobody root, `open = [{name:?}]` there");
    let (level, code, text, cure) = match purpose {
        Purpose::Door => (
            Level::Hole,
            "pam-unguarded",
            "this service lets people in, or makes them root, and is not guarded",
            format!("{guard}; then: jitctl mode enforcing"),
        ),
        Purpose::Other => (
            Level::Note,
            "pam-other",
            "a program whose service has no file of its own is let in by this one, and no grant is asked for",
            "give such a program a file of its own, or let this one deny: account required pam_deny.so"
                .to_owned(),
        ),
        _ => (
            Level::Warning,
            "pam-unguarded",
            "this service is not guarded, and whether it lets people in is not known",
            format!("{guard}; {open}; then: jitctl mode enforcing"),
        ),
    };
    ledger.note(level, code, place, text, name, Cure::Each(cure));
    let _ = view;
}
