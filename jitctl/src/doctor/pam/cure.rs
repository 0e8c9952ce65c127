//! What to type. Where a package manages the lines, its tool is named; else one line of sed that puts ours where it belongs.

use super::view::{Cure, View};
use crate::doctor::stack::chain::{Handler, Phase, Place, Service};

/// Debian's profile, and the ones of authselect.
const PROFILE: &str = "/usr/share/pam-configs/jit";
const VENDOR: &str = "/usr/share/authselect/vendor";

/// Puts our line into a service.
pub(super) fn insert(view: &View, service: &Service, phase: Phase) -> Cure {
    let managed = match phase {
        Phase::Account => ["/common-account", "/system-auth", "/password-auth"],
        _ => ["/common-session", "/system-auth", "/password-auth"],
    };
    let includes = |end: &str| service.own.files.iter().any(|file| file.contains(end));
    let [debian, others @ ..] = managed;
    if view.tree.look(PROFILE).is_some() && includes(debian) {
        return Cure::Once("pam-auth-update --enable jit".to_owned());
    }
    let vendor = view.tree.names(VENDOR).unwrap_or_default().iter().any(|name| name.starts_with("jit-"));
    if vendor && others.iter().any(|file| includes(file)) {
        return Cure::Once("authselect select jit-$(authselect current --raw)".to_owned());
    }
    Cure::Each(by_hand(view, service, phase))
}

/// Puts our line first, or last, in a service's own file.
pub(super) fn by_hand(view: &View, service: &Service, phase: Phase) -> String {
    let first = view.libpam.directories.first().map_or("/etc/pam.d", String::as_str);
    let own = format!("{first}/{}", service.name);
    // What a package put elsewhere is copied, since the next version would overwrite it.
    let copy = match &service.own.file {
        Some(file) if *file != own => format!("cp {file} {own}; "),
        Some(_) | None => String::new(),
    };
    match phase {
        Phase::Account => format!(
            r"{copy}sed -i '0,/^-\?account\|^@include common-account/s//account    required     pam_jit.so\n&/' {own}"
        ),
        _ => format!("{copy}sed -i '$a session    required     pam_jit.so' {own}"),
    }
}

/// Gives our line a control that holds.
pub(super) fn hold(handler: &Handler, phase: Phase) -> Cure {
    let arguments = handler.module().map(|module| module.arguments.join(" ")).unwrap_or_default();
    let line = format!("{:<10} required     pam_jit.so {arguments}", phase.word());
    let Place { file, line: number } = &handler.place;
    let line = line.trim_end().replace(['\\', '\'', '|', '&'], "");
    Cure::Once(format!("sed -i '{number}s|.*|{line}|' {file}"))
}

/// Takes a line out.
pub(super) fn delete(place: &Place) -> Cure {
    Cure::Once(format!("sed -i {}d {}", place.line, place.file))
}

/// Puts our line above another.
pub(super) fn above(place: &Place, phase: Phase) -> Cure {
    Cure::Once(format!("sed -i '{}i {} required pam_jit.so' {}", place.line, phase.word(), place.file))
}

/// Takes the options away, and leaves the control.
pub(super) fn hold_without(handler: &Handler, _phase: Phase) -> Cure {
    let Place { file, line } = &handler.place;
    Cure::Once(format!(r"sed -i '{line}s/\(pam_jit\.so\).*/\1/' {file}"))
}
