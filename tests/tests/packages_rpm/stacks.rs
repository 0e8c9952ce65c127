//! What becomes of a login under the rendered profiles, in services as RHEL has them: by jitctl doctor's own evaluation of every way through the
//! stack, and by the real libpam with modules that return what they are told to.

use std::fs;
use std::path::Path;

use jit_proto::Verdict;
use jit_tests::authselect::template::render;
use jit_tests::libpam::rig::{Rig, alice};
use jit_tests::libpam::{AUTHINFO_UNAVAIL, Call, PERM_DENIED, SUCCESS};
use jit_tests::root::workspace;
use jit_tests::trouble::{Result, Trouble};
use jitctl::doctor::stack::chain::{Handler, Phase};
use jitctl::doctor::stack::code::{Code, Codes};
use jitctl::doctor::stack::explore::explore;
use jitctl::doctor::stack::libpam::Libpam;
use jitctl::doctor::stack::load::Loader;
use jitctl::doctor::stack::tree::Tree;

use crate::authselect::site;

/// Profiles and features that choose between lines of the account phase.
const SELECTIONS: [(&str, &[&str]); 6] = [
    ("sssd", &[]),
    ("sssd", &["with-faillock", "with-pamaccess", "with-mkhomedir"]),
    ("sssd", &["with-files-access-provider"]),
    ("sssd", &["with-smartcard", "with-fingerprint"]),
    ("local", &[]),
    ("local", &["with-systemd-homed", "with-pamaccess"]),
];
const SERVICES: [&str; 4] = ["sshd", "sudo", "su", "login"];
const PARTS: [&str; 5] = ["system-auth", "password-auth", "smartcard-auth", "fingerprint-auth", "postlogin"];

fn service(name: &str) -> Result<String> {
    let path = workspace().join("tests/tests/packages_rpm/services").join(name);
    fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))
}

/// pam.d of a host with one of the derived profiles, by the script of the package; its templates are read from the host `site`.
fn parts(derived: &Path, features: &[&str]) -> Result<Vec<(&'static str, String)>> {
    let mut parts = Vec::new();
    for name in PARTS {
        let path = derived.join(name);
        let template = fs::read_to_string(&path).unwrap_or_default();
        parts.push((name, render(&template, features)?));
    }
    Ok(parts)
}

fn is_ours(handler: &Handler) -> bool {
    handler.module().is_some_and(|module| module.stem() == "pam_jit")
}

#[test]
fn a_denial_is_final_whatever_the_others_return() -> Result<()> {
    let site = site("authselect-stacks", "sssd")?;
    site.install("1")?.must()?;
    for (profile, features) in SELECTIONS {
        let root = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let pam = root.path().join("etc/pam.d");
        fs::create_dir_all(&pam).map_err(|e| Trouble::io(&pam, e))?;
        let derived = site.host.path(&format!("/usr/share/authselect/vendor/jit-{profile}"));
        let mut files = parts(&derived, features)?;
        for name in SERVICES {
            files.push((name, service(name)?));
        }
        for (name, text) in &files {
            fs::write(pam.join(name), text).map_err(|e| Trouble::io(&pam, e))?;
        }
        let tree = Tree::new(root.path());
        let libpam = Libpam {
            file: None,
            directories: vec!["/etc/pam.d/".to_owned()],
            modules: vec!["/usr/lib64/security/".to_owned()],
            debian: false,
            machine: None,
        };
        for name in SERVICES {
            let shown = format!("{profile} {features:?} {name}");
            let service = Loader::new(&tree, &libpam).service(name);
            let chain = service.chain(Phase::Account);
            // root's own su passes before anybody is asked; our module would not ask either.
            let others = |handler: &Handler| match name {
                "su" if handler
                    .module()
                    .is_some_and(|m| m.arguments.iter().any(|word| word == "use_uid")) =>
                {
                    Codes::of([Code::IGNORE])
                }
                _ => Codes::ANY,
            };
            let with = |ours: Codes| {
                explore(
                    chain,
                    |_, handler| if is_ours(handler) { ours } else { others(handler) },
                    |at| chain.get(at).is_some_and(is_ours),
                )
                .map_err(|e| Trouble::new(format!("{shown}: {e:?}")))
            };
            for code in [Code::PERM_DENIED, Code::AUTHINFO_UNAVAIL, Code::SERVICE_ERR] {
                let way = with(Codes::of([code]))?.into_iter().find(|way| way.enters());
                assert!(way.is_none(), "{shown}: {way:?}");
            }
            for code in [Code::SUCCESS, Code::IGNORE] {
                assert!(with(Codes::of([code]))?.iter().any(|way| way.enters()), "{shown}: nobody passes");
            }
            let session = service.chain(Phase::Session);
            let ours = session
                .iter()
                .position(is_ours)
                .ok_or_else(|| Trouble::new(format!("{shown}: no session line")))?;
            let systemd = session.iter().position(|h| h.module().is_some_and(|m| m.stem() == "pam_systemd"));
            let marks = session.iter().position(|h| h.module().is_some_and(|m| m.stem() == "pam_loginuid"));
            assert!(systemd < Some(ours) && marks < Some(ours), "{shown}: {session:?}");
        }
    }
    Ok(())
}

/// Local accounts, whom `sufficient pam_localuser.so` lets pass, and others, of whom sssd says yes.
#[test]
fn the_real_libpam_says_the_same() -> Result<()> {
    let site = site("authselect-libpam", "sssd")?;
    site.install("1")?.must()?;
    for profile in ["sssd", "local"] {
        let derived = site.host.path(&format!("/usr/share/authselect/vendor/jit-{profile}"));
        let plain = |text: &str| {
            // pam_unix wants a shadow file and a daemon's helper; the others are not on this machine. Each says yes here.
            let mut text =
                text.replace("pam_jit.so", "/jit/pam_jit.so").replace("pam_nologin.so", "pam_permit.so");
            for name in [
                "pam_unix.so",
                "pam_sss.so",
                "pam_limits.so",
                "pam_loginuid.so",
                "pam_lastlog.so",
                "pam_umask.so",
            ] {
                text = text.replace(name, "pam_permit.so");
            }
            text
        };
        for (verdict, code) in
            [(Verdict::Allow, SUCCESS), (Verdict::Deny, PERM_DENIED), (Verdict::Unguarded, SUCCESS)]
        {
            for name in ["sshd", "login"] {
                for user in ["alice", "nobody-local"] {
                    let (rig, _daemon) = Rig::answered(verdict, "no grant")?;
                    for (part, text) in parts(&derived, &[])? {
                        rig.write(&format!("etc/pam.d/{part}"), &plain(&text), 0o644)?;
                    }
                    let spec = jit_tests::libpam::Spec {
                        service: name.to_owned(),
                        user: Some(user.to_owned()),
                        calls: vec![Call::Account],
                        ..alice()
                    };
                    let report = rig.run_stack(&plain(&service(name)?), &spec)?;
                    // Who has no account at all is refused by the module itself, whatever the daemon says.
                    let refused = user != "alice" && report.codes != [SUCCESS];
                    assert!(
                        report.codes == [code] || refused,
                        "{profile} {name} {user} {verdict:?}: {report:?}"
                    );
                }
            }
        }
        // With no daemon, enforcing.
        let rig = Rig::released()?;
        rig.enforce("")?;
        for (part, text) in parts(&derived, &[])? {
            rig.write(&format!("etc/pam.d/{part}"), &plain(&text), 0o644)?;
        }
        let report = rig.run_stack(&plain(&service("sshd")?), &alice())?;
        assert_eq!(report.codes, [AUTHINFO_UNAVAIL], "{profile}");
    }
    Ok(())
}
