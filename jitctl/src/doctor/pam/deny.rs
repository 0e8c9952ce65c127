//! Does a denial of ours end in a denial? Adversarial: whoever else is in the stack returns what helps the person most.

use super::able;
use super::cure;
use super::services::Purpose;
use super::view::{Cure, Ledger, View, is_ours, ours};
use crate::doctor::Level;
use crate::doctor::stack::chain::{Handler, Phase, Service};
use crate::doctor::stack::code::{Code, Codes};
use crate::doctor::stack::control::Action;
use crate::doctor::stack::explore::{Mark, Way, explore};

/// What pam_jit says no with.
pub(super) const DENIALS: Codes = Codes::of([Code::PERM_DENIED, Code::AUTHINFO_UNAVAIL, Code::SERVICE_ERR]);

/// What a service owes to be called guarded.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// How bad it is if somebody gets by.
    pub(super) level: Level,
    /// The rule of the line that is missing.
    pub(super) missing: &'static str,
    /// What comes of that.
    pub(super) so: &'static str,
}

/// Looks at one stack of a service.
pub(super) fn examine(view: &View, service: &Service, phase: Phase, due: Due, ledger: &mut Ledger) {
    let chain = service.chain(phase);
    for doubt in service.doubts(phase) {
        let text = format!("this line {}, so nobody can say that a denial is one here", doubt.why);
        let cure = format!("$EDITOR {}", doubt.place.file);
        ledger.note(due.level, "pam-doubt", &doubt.place, text, &service.name, Cure::Once(cure));
    }
    let asked = ours(chain).next().is_some();
    let ways = explore(
        chain,
        |at, handler| match chain.get(at).is_some_and(is_ours) {
            true => DENIALS,
            false => able::hostile(&service.name, phase, handler),
        },
        |at| chain.get(at).is_some_and(is_ours),
    );
    let Ok(ways) = ways else {
        let text = format!("the {} phase is too tangled to be looked through", phase.word());
        let cure = Cure::Once(format!("less {}", file(service)));
        ledger.note(due.level, "pam-doubt", file(service), text, &service.name, cure);
        return;
    };
    // Two ways to one end by the same line are one fault.
    let mut known = Vec::new();
    for way in ways.iter().filter(|way| enters(way, phase) || sudo_enters(way, phase, &service.name)) {
        if known.contains(&way.mark) {
            continue;
        }
        known.push(way.mark);
        if asked {
            lost(view, service, phase, due, way, ledger);
        } else {
            missing(view, service, phase, due, ledger);
        }
    }
}

/// Whether somebody is in who went this way.
pub(super) fn enters(way: &Way, phase: Phase) -> bool {
    match phase {
        Phase::Account => way.enters(),
        Phase::Auth | Phase::Session | Phase::Password => way.status == Code::SUCCESS,
    }
}

/// sudo takes an expired password for a yes where a rule says NOPASSWD (or !authenticate).
fn sudo_enters(way: &Way, phase: Phase, service: &str) -> bool {
    phase == Phase::Account && matches!(service, "sudo" | "sudo-i") && way.status == Code::AUTHTOK_EXPIRED
}

fn file(service: &Service) -> String {
    service.own.file.as_ref().or(service.other.file.as_ref()).cloned().unwrap_or_else(|| service.name.clone())
}

fn missing(view: &View, service: &Service, phase: Phase, due: Due, ledger: &mut Ledger) {
    // `su-l` includes `su`: what is wrong there is said there, and only there.
    let mut elsewhere = service.own.files.iter().skip(1).filter_map(|file| file.rsplit('/').next());
    let said = |name: &str| {
        let mut guarded = view.with(Purpose::Guarded).filter(|other| other.name != service.name);
        guarded.any(|other| other.name == name && ours(other.chain(phase)).next().is_none())
    };
    if elsewhere.any(said) {
        return;
    }
    let phases = [Phase::Auth, Phase::Account, Phase::Session, Phase::Password];
    let wrong: Vec<&str> = phases
        .into_iter()
        .filter(|other| {
            !matches!(other, Phase::Account | Phase::Session) && ours(service.chain(*other)).next().is_some()
        })
        .map(Phase::word)
        .collect();
    let stands = match wrong.as_slice() {
        [] => String::new(),
        wrong => format!("; it stands in the {} phase, which does not count", wrong.join(" and ")),
    };
    let word = phase.word();
    if service.own.file.is_none() {
        let first = view.libpam.directories.first().map_or("/etc/pam.d", String::as_str);
        let own = format!("{first}/{}", service.name);
        let text = format!(
            "{own} is not there, so `other` stands in for it, whose {word} phase has no line for pam_jit.so: {}",
            due.so
        );
        let cure = format!(
            "have its package put {own} back (apt-get install --reinstall -o Dpkg::Options::=--force-confmiss PACKAGE, or dnf reinstall PACKAGE)"
        );
        ledger.note(due.level, due.missing, own, text, &service.name, Cure::Once(cure));
        return;
    }
    let text = format!("the {word} phase has no line for pam_jit.so{stands}: {}", due.so);
    let cure = cure::insert(view, service, phase);
    ledger.note(due.level, due.missing, file(service), text, &service.name, cure);
}

fn lost(view: &View, service: &Service, phase: Phase, due: Due, way: &Way, ledger: &mut Ledger) {
    let chain = service.chain(phase);
    let word = phase.word();
    let mut note = |code: &'static str, handler: &Handler, text: String, cure: Cure| {
        ledger.note(due.level, code, &handler.place, text, &service.name, cure);
    };
    match way.mark {
        Mark::Unasked => missing(view, service, phase, due, ledger),
        Mark::Passed(at) => {
            let Some(handler) = chain.get(at) else { return };
            let returned =
                way.steps.iter().find(|(line, _)| *line == at).map_or(Code::SUCCESS, |(_, code)| *code);
            let does = match handler.control.action(returned) {
                Action::Jump(_) => "skips the line of pam_jit.so",
                Action::Die => "ends the substack before pam_jit.so is asked",
                _ => "ends the phase before pam_jit.so is asked",
            };
            let text = format!("in the {word} phase, {} {does} when it returns {returned}", call(handler));
            let cure = match phase {
                Phase::Account => Cure::Each(cure::by_hand(view, service, phase)),
                _ => cure::above(&handler.place, phase),
            };
            note("pam-skipped", handler, text, cure);
        }
        Mark::Lost(at) => {
            let Some(handler) = chain.get(at) else { return };
            let void = handler.module().is_some_and(|module| module.file.is_void());
            if void {
                let text = format!(
                    "in the {word} phase, pam_jit.so cannot be loaded, and its line does not mind: nobody is asked"
                );
                note("pam-module", handler, text, cure::hold(handler, phase));
                return;
            }
            let codes: Vec<&str> = DENIALS
                .iter()
                .filter(|code| !matches!(handler.control.action(*code), Action::Bad | Action::Die))
                .map(Code::name)
                .collect();
            let text = format!(
                "in the {word} phase, this line of pam_jit.so throws a denial away: its control does not fail on {}",
                codes.join(", ")
            );
            note("pam-deny", handler, text, cure::hold(handler, phase));
        }
        Mark::Held(_) => {
            // Somebody failed before us, and by a code with which programs go on.
            let before = way.steps.iter().find_map(|(line, code)| {
                let handler = chain.get(*line)?;
                let fails = matches!(handler.control.action(*code), Action::Bad | Action::Die);
                (*code == way.status && fails).then_some((handler, *code))
            });
            let Some((handler, code)) = before else { return };
            let so = match code {
                Code::AUTHTOK_EXPIRED => "sudo takes that for a yes where a rule says NOPASSWD",
                _ => "programs have the password changed, and let in",
            };
            let text = format!(
                "in the {word} phase, {} fails with {code} before pam_jit.so is asked, which hides its denial: {so}",
                call(handler)
            );
            note("pam-deny", handler, text, Cure::Each(cure::by_hand(view, service, phase)));
        }
        Mark::Forgotten(at) => {
            let Some(handler) = chain.get(at) else { return };
            let text = format!(
                "in the {word} phase, {} makes the stack forget a denial by pam_jit.so: `reset`",
                call(handler)
            );
            let cure = Cure::Once(format!(
                "sed -i '{}s/=reset/=ignore/g' {}",
                handler.place.line, handler.place.file
            ));
            note("pam-deny", handler, text, cure);
        }
    }
}

/// A line in words.
pub(super) fn call(handler: &Handler) -> String {
    handler.module().map_or_else(|| "a line".to_owned(), |module| format!("{}.so", module.stem()))
}
