//! Permissive and enforcing, and what the file says.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use jit_proto::Verdict;
use serde_json::json;

use crate::host::{Daemon, Host, SOMEBODY, sshd, until};

fn verdict(jitd: &Daemon<'_>) -> Verdict {
    jitd.ask(&sshd("alice", SOMEBODY)).0
}

#[test]
fn the_file_is_the_mode_from_one_question_to_the_next() {
    let host = Host::new();
    let jitd = host.start();
    assert_eq!(verdict(&jitd), Verdict::Unguarded);
    for _ in 0..20 {
        host.write("enforcing", "");
        assert_eq!(verdict(&jitd), Verdict::Deny);
        fs::remove_file(host.path("enforcing")).unwrap();
        assert_eq!(verdict(&jitd), Verdict::Unguarded);
    }
    // What cannot be understood, or trusted, or read, enforces.
    host.write("enforcing", "gaurd sshd\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Deny);
    assert!(jitd.degraded().iter().any(|text| text.contains("line 1")), "{:?}", jitd.degraded());
    host.write("enforcing", "guard sshd\nuntil 2020-01-01T00:00:00Z\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Unguarded, "void");
    let writable = host.path("enforcing");
    fs::set_permissions(&writable, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny, "anybody could have written `until`");
    fs::set_permissions(&writable, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Unguarded);
    chown(&writable, Some(SOMEBODY), None).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    fs::remove_file(&writable).unwrap();
    fs::create_dir(&writable).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    fs::remove_dir(&writable).unwrap();
    // A link that leads nowhere (a file system that is not mounted) is not the same as nothing; the module refuses every link.
    symlink(host.path("elsewhere"), &writable).unwrap();
    assert_eq!(verdict(&jitd), Verdict::Deny);
    host.write("elsewhere", "production no\nend enforcing\n");
    assert_eq!(verdict(&jitd), Verdict::Deny);
    assert!(jitd.degraded().iter().any(|text| text.contains("symbolic link")), "{:?}", jitd.degraded());
}

#[test]
fn a_change_is_written_down_though_nobody_asks() {
    let host = Host::new();
    let _jitd = host.start();
    host.write("enforcing", "");
    let change = host.audited("the change", |event| event["event"] == "mode");
    assert_eq!((&change["from"], &change["to"]), (&"permissive".into(), &"enforcing".into()));
    fs::remove_file(host.path("enforcing")).unwrap();
    host.audited("the change back", |event| event["to"] == "permissive");
}

#[test]
fn status_says_when_the_file_and_the_configuration_differ() {
    let host = Host::new();
    let config = format!(
        "{}[guard]\nservices = [\"sshd\", \"sudo\"]\n[[exempt]]\nuser = \"ansible\"\nservices = [\"sshd\"]\nfrom = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n\
         [break_glass]\nusers = [\"rescue\"]\n",
        host.config()
    );
    host.write("jitd.toml", &config);
    host.write("enforcing", "");
    let jitd = host.start();
    let differs = || jitd.degraded().iter().any(|text| text.contains("enforcing file says something else"));
    assert!(differs(), "{:?}", jitd.degraded());
    let rendered = jitd.control(&json!({ "ask": "render-enforcing" }));
    let text = rendered["text"].as_str().unwrap();
    for line in [
        "guard sudo",
        "exempt user ansible services sshd from 10.0.0.0/8,2001:db8::/32",
        "break-glass-user rescue",
        "break-glass-console yes",
        "end enforcing",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    host.write("enforcing", text);
    assert!(!differs(), "{:?}", jitd.degraded());
    host.write("enforcing", &text.replace("end enforcing", "until 2038-01-01T00:00:00Z\nend enforcing"));
    assert!(!differs(), "until is not a difference");
    until("the mode", || (jitd.status()["until"] == 2_145_916_800_i64).then_some(()));
    host.write("enforcing", &text.replace("guard sudo\n", ""));
    assert!(differs());
}

#[test]
fn an_empty_file_fits_an_empty_configuration() {
    let host = Host::new();
    host.write("enforcing", "");
    let jitd = host.start();
    until("the file is read", || jitd.degraded().is_empty().then_some(()));
}
