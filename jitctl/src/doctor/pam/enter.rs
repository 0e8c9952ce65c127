//! Does somebody get in whom we let in? With everybody else content, an allowance of ours has to end in success, and so has our "not mine to say": that is
//! root's sudo, and everybody while this host is permissive. Else the host is locked by us. Break-glass and root's console with a dead jitd are such
//! allowances: the module gives them by itself.

use super::able;
use super::cure;
use super::deny::enters;
use super::view::{Cure, Ledger, View, is_ours, ours};
use crate::doctor::Level;
use crate::doctor::stack::chain::{File, Handler, Module, Phase, Service};
use crate::doctor::stack::code::{Code, Codes};
use crate::doctor::stack::control;
use crate::doctor::stack::explore::explore;

/// The phases that have to succeed.
const PHASES: [Phase; 3] = [Phase::Auth, Phase::Account, Phase::Session];

/// Looks at a service as a whole.
pub(super) fn examine(view: &View, service: &Service, ledger: &mut Ledger) {
    let name = service.name.as_str();
    if let Some(refused) = &service.refused {
        let text = format!("libpam gives up on this file, so nobody gets in: {}", refused.why);
        let cure = Cure::Once(format!("$EDITOR {}", refused.place.file));
        ledger.note(Level::LockOut, "pam-refused", &refused.place, text, name, cure);
        return;
    }
    for phase in PHASES {
        let chain = service.chain(phase);
        for (handler, module) in ours(chain) {
            options(service, phase, handler, module, ledger);
        }
        let Some((line, module)) = ours(chain).next() else {
            console(service, phase, chain, ledger);
            continue;
        };
        let without: Vec<Handler> = chain.iter().filter(|handler| !is_ours(handler)).cloned().collect();
        for (says, code) in answers(phase) {
            if reaches(chain, phase, *code) {
                continue;
            }
            if !without.is_empty() && !reaches(&without, phase, Code::IGNORE) {
                // Nobody got in before us, either.
                console(service, phase, &without, ledger);
                break;
            }
            let (code, text, cure) = blocked(phase, says, line, module, view, service);
            ledger.note(Level::LockOut, code, &line.place, text, name, cure);
            break;
        }
    }
}

/// What we say when somebody may come in, and when it is not for us to say.
fn answers(phase: Phase) -> &'static [(&'static str, Code)] {
    match phase {
        // Never success, which under `sufficient` would mean no password.
        Phase::Auth => &[("allows or leaves it to others", Code::IGNORE)],
        _ => &[("allows", Code::SUCCESS), ("leaves it to others", Code::IGNORE)],
    }
}

fn reaches(chain: &[Handler], phase: Phase, answer: Code) -> bool {
    let returns = |at: usize, handler: &Handler| match chain.get(at).is_some_and(is_ours) {
        true => Codes::of([answer]),
        false => able::content(handler),
    };
    // What cannot be looked through is a doubt of its own.
    explore(chain, returns, |_| false).map_or(true, |ways| ways.iter().any(|way| enters(way, phase)))
}

fn blocked(
    phase: Phase,
    says: &str,
    line: &Handler,
    module: &Module,
    view: &View,
    service: &Service,
) -> (&'static str, String, Cure) {
    let word = phase.word();
    match &module.file {
        File::Missing(path) => (
            "pam-module",
            format!(
                "in the {word} phase, pam_jit.so is called and is not there: libpam looks for {path}, and lets nobody in"
            ),
            reinstall(view, line),
        ),
        File::Foreign(path) => (
            "pam-module",
            format!(
                "in the {word} phase, {path} is no library for this host's libpam, which lets nobody in then"
            ),
            reinstall(view, line),
        ),
        File::Found(_) | File::Unknown => {
            // With a better control it might do where it stands; else out with it, and what is missing then is said the next time.
            let held = |handler: &Handler| match handler.place == line.place {
                true => Handler { control: control::required(), ..handler.clone() },
                false => handler.clone(),
            };
            let held: Vec<Handler> = service.chain(phase).iter().map(held).collect();
            let cure = match answers(phase).iter().all(|(_, code)| reaches(&held, phase, *code)) {
                true => cure::hold(line, phase),
                false => cure::delete(&line.place),
            };
            let text = format!(
                "in the {word} phase, nobody gets in even when pam_jit.so {says}: its control, or its place among lines that count on their order, \
                 makes the stack fail"
            );
            ("pam-lock-out", text, cure)
        }
    }
}

fn reinstall(view: &View, line: &Handler) -> Cure {
    let install =
        if view.libpam.debian { "apt-get install --reinstall libpam-jit" } else { "dnf reinstall pam_jit" };
    Cure::Once(format!("{install}; or take the line out: sed -i {}d {}", line.place.line, line.place.file))
}

/// Root's last way in, where it is not our doing.
fn console(service: &Service, phase: Phase, chain: &[Handler], ledger: &mut Ledger) {
    if service.name == "login" && !reaches(chain, phase, Code::IGNORE) {
        let text = format!("the {} phase lets nobody in at the console, with or without jit", phase.word());
        let place = chain.first().map_or_else(|| service.name.clone(), |handler| handler.place.file.clone());
        ledger.note(
            Level::LockOut,
            "pam-console",
            place,
            text,
            &service.name,
            Cure::Once("$EDITOR /etc/pam.d/login".to_owned()),
        );
    }
}

/// With an option that it does not know, the module denies everybody.
fn options(service: &Service, phase: Phase, handler: &Handler, module: &Module, ledger: &mut Ledger) {
    let mut known = Vec::new();
    for argument in &module.arguments {
        let (word, good) = match argument.split_once('=') {
            Some(("timeout", number)) => (
                "timeout",
                number.parse::<u64>().is_ok_and(|ms| (50..=10_000).contains(&ms) && number.len() <= 5),
            ),
            Some(("socket", path)) => {
                ("socket", path.starts_with('/') && path.len() <= jit_proto::client::MAX_PATH)
            }
            _ => ("", false),
        };
        if !good || known.contains(&word) {
            let text = format!(
                "in the {} phase, pam_jit.so denies everybody for the option {argument:?}: there are timeout=MS (50 to 10000) and socket=PATH, each once",
                phase.word()
            );
            let cure = cure::hold_without(handler, phase);
            ledger.note(Level::LockOut, "pam-option", &handler.place, text, &service.name, cure);
            return;
        }
        known.push(word);
        if word == "socket" && argument != &format!("socket={}", jit_proto::SOCKET) {
            let text = format!(
                "in the {} phase, pam_jit.so asks at another place than {}: where no jitd answers there, all are judged as without one",
                phase.word(),
                jit_proto::SOCKET
            );
            let cure = cure::hold_without(handler, phase);
            ledger.note(Level::Warning, "pam-option", &handler.place, text, &service.name, cure);
        }
    }
}
