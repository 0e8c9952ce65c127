//! The directories: whether each server is reached, by this host's own credentials and TLS; how fresh jitd's word of them is; and until when certificates
//! last: the server's, those of `ca`, this host's own. And the list of signers, where approvals have to be signed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jit_control::SourceStatus;
use jit_directory::ldap::config::{Bind, LdapConfig};
use jit_directory::ldap::probe;
use jit_model::source::Proof;
use jit_model::time::Timestamp;
use tokio::runtime::Builder;

use crate::doctor::certificates::{self, Certificate};
use crate::doctor::host::Host;
use crate::doctor::settings::{Place, Settings};
use crate::doctor::{Findings, Level, accounts};
use crate::when;

/// How jitd's complaint begins when signatures are needed and the list cannot be used.
pub(super) const UNSIGNED: &str = "signatures are required, and nobody's can count";

pub(super) fn examine(host: &Host) -> Findings {
    let mut found = Findings::of("directory");
    let settings = match Settings::of(host) {
        Ok(settings) => settings,
        Err(why) => {
            found.unexamined(format!("the sources: {why}"));
            return found;
        }
    };
    for (name, session, _) in settings.directories() {
        let shown = servers(host, name, session, &mut found);
        authorities(host, name, session, &shown, &mut found);
        own(host, name, session, &mut found);
    }
    heard(host, &settings, &mut found);
    // By the configuration; or by a role, of which only jitd knows.
    let complaint =
        host.status.iter().flat_map(|status| &status.degraded).find(|why| why.starts_with(UNSIGNED));
    if complaint.is_some() || settings.directories().any(|(_, _, proof)| proof == Proof::Signature) {
        signers(host, &settings.signers, complaint.map(String::as_str), &mut found);
    }
    found
}

/// Reaches each server; returns what they show.
fn servers(host: &Host, name: &str, session: &LdapConfig, found: &mut Findings) -> Vec<Certificate> {
    if host.root != Path::new("/") {
        found.unexamined(format!("source {name}: no server is asked about a tree that is not this host"));
        return Vec::new();
    }
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        found.unexamined(format!("source {name}: no server could be asked"));
        return Vec::new();
    };
    let mut shown = Vec::new();
    for (server, outcome) in runtime.block_on(probe(session)) {
        match outcome {
            Ok(offer) => {
                if let Some(certificate) = offer.certificate.as_deref().and_then(certificates::of_der) {
                    let cure =
                        "have the directory's administrators renew it; until then: another server in uris";
                    ending(host, &certificate, "server-certificate", &server, cure, found);
                    shown.push(certificate);
                }
            }
            Err(trouble) => found.push(
                Level::Warning,
                "directory-unreachable",
                format!("source {name}, {server}"),
                trouble.to_string(),
                "mend what it names; all servers of a source gone, its grants count for max_offline",
            ),
        }
    }
    shown
}

/// One that ends soon, or has ended.
fn ending(
    host: &Host,
    certificate: &Certificate,
    code: &'static str,
    place: &str,
    cure: &str,
    found: &mut Findings,
) {
    if certificate.ends > host.now.plus(host.within) {
        return;
    }
    let when = if certificate.ends <= host.now {
        format!("has ended {}", when::ago(certificate.ends, host.now))
    } else {
        format!("ends {}", when::until(certificate.ends, host.now))
    };
    found.push(
        Level::Warning,
        code,
        place,
        format!("the certificate of {} {when}; then no grant is heard of", certificate.subject),
        cure,
    );
}

/// Of the authorities in `ca` those that the servers' certificates come from; where none could be seen, all if they all end. A bundle of the world's has
/// always some that end.
fn authorities(host: &Host, name: &str, session: &LdapConfig, shown: &[Certificate], found: &mut Findings) {
    let Some(ca) = &session.ca else { return };
    let place = format!("source {name}, {}", ca.display());
    let all = match certificates::of_file(&host.path(ca)) {
        Ok(all) => all,
        Err(why) => {
            found.push(
                Level::Warning,
                "ca-end",
                place,
                format!("it {why}: no server can be trusted"),
                "put the authority's certificate (PEM) there, readable by jitd",
            );
            return;
        }
    };
    if let Some(certificate) = worst(&all, shown) {
        ending(
            host,
            certificate,
            "ca-end",
            &place,
            "put the authority's next certificate beside it in that file; both count",
            found,
        );
    }
}

/// The one that lasts longest of those that matter: any of them will do.
fn worst<'a>(all: &'a [Certificate], shown: &[Certificate]) -> Option<&'a Certificate> {
    let issuing = |authority: &&Certificate| shown.iter().any(|server| server.issuer == authority.subject);
    all.iter().filter(issuing).max_by_key(|one| one.ends).or_else(|| all.iter().max_by_key(|one| one.ends))
}

/// What this host shows of itself.
fn own(host: &Host, name: &str, session: &LdapConfig, found: &mut Findings) {
    let Bind::External { certificate: Some(own) } = &session.bind else { return };
    let place = format!("source {name}, {}", own.cert.display());
    match certificates::of_file(&host.path(&own.cert)) {
        Ok(all) => {
            if let Some(first) = all.first() {
                ending(
                    host,
                    first,
                    "own-certificate",
                    &place,
                    "have a new one issued to this host, and put it there; it is read at each connection",
                    found,
                );
            }
        }
        Err(why) => found.push(
            Level::Warning,
            "own-certificate",
            place,
            format!("it {why}: jitd cannot authenticate"),
            "put this host's certificate (PEM) there",
        ),
    }
}

/// What jitd has heard.
fn heard(host: &Host, settings: &Settings, found: &mut Findings) {
    let Some(status) = &host.status else { return };
    for source in &status.sources {
        let reached = || {
            !found
                .findings
                .iter()
                .any(|finding| finding.place.starts_with(&format!("source {}, ", source.name)))
        };
        let writable = settings.sources.iter().any(|configured| {
            matches!(&configured.place, Place::Ldif(path) if configured.name == source.name && has_its_own_finding(host, path))
        });
        if let Some(text) = silence(source, Timestamp(status.now)).filter(|_| !writable && reached()) {
            found.push(
                Level::Warning,
                "source-silent",
                format!("source {} ({})", source.name, source.at),
                text,
                "jitctl status; jitd's log; and what stands between jitd and it: a firewall, SELinux, the file's owner",
            );
        }
    }
}

/// A file that others may write is refused by jitd, and found by the rule about files.
fn has_its_own_finding(host: &Host, path: &Path) -> bool {
    fs::metadata(host.path(path)).is_ok_and(|meta| meta.mode() & 0o022 != 0 || meta.uid() != 0)
}

fn silence(source: &SourceStatus, now: Timestamp) -> Option<String> {
    let trouble = source.trouble.as_deref().map(|trouble| format!(": {trouble}")).unwrap_or_default();
    match (source.heard, source.stale) {
        (None, _) => Some(format!("jitd has not heard of it yet, so it grants nothing{trouble}")),
        (Some(at), true) => Some(format!(
            "jitd has last heard of it {}, so its grants do not count{trouble}",
            when::ago(Timestamp(at), now)
        )),
        (Some(_), false) => source.trouble.clone(),
    }
}

/// The list that signatures are checked by; `complaint` is what jitd says of it.
fn signers(host: &Host, path: &Path, complaint: Option<&str>, found: &mut Findings) {
    let shown = path.display().to_string();
    let cure = format!("ssh-keygen(1), ALLOWED SIGNERS; chown root:jitd {shown}; chmod 640 {shown}");
    let jitd = accounts::Accounts::of(host).people.get("jitd").cloned();
    let text = match fs::metadata(host.path(path)) {
        Err(error) => Some(format!("{error}: nobody's signature counts, so no grant does")),
        Ok(meta) if meta.uid() != 0 && host.root == Path::new("/") => {
            Some(format!("it belongs to uid {}, so jitd does not use it: no grant counts", meta.uid()))
        }
        Ok(meta) if meta.mode() & 0o022 != 0 => Some(format!(
            "others than root may write it (mode {:04o}), so jitd does not use it: no grant counts",
            meta.mode() & 0o7777
        )),
        Ok(meta) => {
            let by_group = jitd.is_some_and(|jitd| jitd.gid == meta.gid()) && meta.mode() & 0o040 != 0;
            (meta.mode() & 0o004 == 0 && !by_group)
                .then(|| "jitd may not read it: no grant counts".to_owned())
        }
    };
    if let Some(text) = text.or_else(|| complaint.map(str::to_owned)) {
        found.push(Level::Warning, "signers", shown, text, cure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{NOW, codes, status, tree};

    fn certificate(subject: &str, issuer: &str, ends: i64) -> Certificate {
        Certificate { subject: subject.to_owned(), issuer: issuer.to_owned(), ends: Timestamp(ends) }
    }

    #[test]
    fn what_ends_within_is_found() {
        let (host, _root) = tree(&[]);
        let judged = |ends| {
            let mut found = Findings::default();
            ending(&host, &certificate("CN=x", "CN=ca", ends), "server-certificate", "ldap1", "", &mut found);
            found.findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>()
        };
        assert!(judged(NOW.0 + 15 * 86_400).is_empty());
        assert!(judged(NOW.0 + 3 * 86_400)[0].contains("CN=x ends "));
        assert!(judged(NOW.0 - 86_400)[0].contains("has ended"));
    }

    #[test]
    fn the_authority_that_matters() {
        let all = [
            certificate("CN=old", "CN=old", 1),
            certificate("CN=new", "CN=new", 9),
            certificate("CN=other", "CN=other", 5),
        ];
        assert_eq!(worst(&all, &[certificate("CN=ldap1", "CN=old", 7)]), all.first());
        assert_eq!(worst(&all, &[]).unwrap().subject, "CN=new");
        assert_eq!(worst(&[], &[]), None);
    }

    #[test]
    fn silence_is_told() {
        let mut source = status().sources.remove(0);
        assert_eq!(silence(&source, NOW), None);
        source.stale = true;
        assert!(silence(&source, NOW).unwrap().contains("do not count"));
        source.heard = None;
        assert!(silence(&source, NOW).unwrap().contains("not heard of it yet"));
    }

    #[test]
    fn signatures_need_a_list() {
        let judged = |files: &[(&str, &str)]| {
            let (host, _root) = tree(files);
            let mut found = Findings::default();
            signers(&host, Path::new("/etc/jitd/allowed_signers"), None, &mut found);
            codes(&found)
        };
        assert_eq!(judged(&[]), [("warning", "signers")]);
        assert_eq!(judged(&[("/etc/jitd/allowed_signers", "")]), []);
    }
}
