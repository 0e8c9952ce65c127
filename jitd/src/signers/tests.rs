use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use tempfile::TempDir;

use super::*;

const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIObpHsQGUeYyFLj0EjYzXkMYXoyCN7cbwo2UIMjB7Hp5";
const CAROL: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKtHzUA1AJ1uPrMr1NRnPqGSzCTiqOVTyYGgkvHmsDVV";

/// A list of root's, in a directory of its own. These tests need root, as jitd does.
struct Rig(TempDir);

impl Rig {
    fn new(text: &str) -> (Rig, Signers) {
        let rig = Rig(tempfile::tempdir().unwrap());
        rig.write(text);
        let signers = Signers::at(&rig.path());
        (rig, signers)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("allowed_signers")
    }

    fn write(&self, text: &str) {
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

fn who(signers: &Signers) -> Vec<&str> {
    signers.list().signers().iter().map(|signer| signer.principals.as_str()).collect()
}

#[test]
fn a_change_counts_when_it_is_seen_twice_and_says_who_came_and_went() {
    let (rig, mut signers) = Rig::new(&format!("bob {BOB}\n"));
    assert_eq!(who(&signers), ["bob"], "at once at the start");
    assert_eq!(signers.introduction().unwrap().came.len(), 1);
    assert_eq!(signers.look(), None);

    rig.write(&format!("carol {CAROL}\n"));
    assert_eq!(signers.look(), None, "it may be half of something");
    assert_eq!(who(&signers), ["bob"]);
    let change = signers.look().unwrap();
    assert_eq!(who(&signers), ["carol"]);
    assert!(change.came[0].starts_with("SHA256:") && change.came[0].ends_with(" carol"), "{change:?}");
    assert!(change.went[0].starts_with("SHA256:") && change.went[0].ends_with(" bob"), "{change:?}");
    assert_eq!(signers.look(), None);

    // Written in pieces: only what stays is believed.
    rig.write("");
    rig.write(&format!("carol {CAROL}\nbob {BOB}\n"));
    assert_eq!(signers.look(), None);
    rig.write(&format!("carol {CAROL}\n"));
    assert_eq!(signers.look(), None);
    assert_eq!(signers.look(), None);
    assert_eq!(who(&signers), ["carol"]);

    // The same keys for another time, or another name, are another list.
    rig.write(&format!("carol valid-before=\"20400101Z\" {CAROL}\n"));
    assert_eq!(signers.look(), None);
    let change = signers.look().unwrap();
    assert_eq!((change.came.len(), change.went.len()), (1, 1));
    assert!(change.came[0].ends_with(" carol until 20400101000000Z"), "{change:?}");
}

#[test]
fn a_list_that_may_not_be_trusted_is_gone_at_once_and_back_when_seen_twice() {
    let good = format!("bob {BOB}\n");
    let (rig, mut signers) = Rig::new(&good);
    let elsewhere = rig.0.path().join("elsewhere");
    fs::write(&elsewhere, &good).unwrap();
    let spoil: [(&str, &dyn Fn()); 7] = [
        ("there is no ", &|| fs::remove_file(rig.path()).unwrap()),
        ("does not belong to root alone", &|| {
            fs::set_permissions(rig.path(), Permissions::from_mode(0o664)).unwrap()
        }),
        ("does not belong to root alone", &|| {
            fs::set_permissions(rig.path(), Permissions::from_mode(0o646)).unwrap()
        }),
        ("does not belong to root alone", &|| chown(rig.path(), Some(54_321), None).unwrap()),
        ("no line that can be used", &|| rig.write("\u{1}\u{2} rubbish\n\nmore of it\n")),
        ("is a symbolic link", &|| {
            fs::remove_file(rig.path()).unwrap();
            symlink(&elsewhere, rig.path()).unwrap();
        }),
        ("cannot be read", &|| {
            fs::remove_file(rig.path()).unwrap();
            fs::create_dir(rig.path()).unwrap();
        }),
    ];
    for (said, spoil) in spoil {
        spoil();
        let change = signers.look().unwrap_or_else(|| panic!("{said}"));
        assert!(
            change.text.starts_with("nobody's signature counts: ") && change.text.contains(said),
            "{change:?}"
        );
        assert_eq!((change.came.len(), change.went.len()), (0, 1));
        assert!(signers.concern().unwrap().contains(said), "{:?}", signers.concern());
        assert_eq!(who(&signers), <[&str; 0]>::default());
        assert_eq!(signers.introduction(), None);
        let _ = fs::remove_dir(rig.path());
        rig.write(&good);
        assert_eq!(signers.look(), None, "{said}");
        let change = signers.look().unwrap();
        assert_eq!((change.came.len(), change.went.len()), (1, 0), "{said}");
        assert_eq!((who(&signers), signers.concern()), (vec!["bob"], None));
    }
}

/// `cat > allowed_signers` empties it first and then writes it in pieces. No session ends for an empty list, nor may one for half of it.
#[test]
fn a_list_that_was_emptied_first_is_not_believed_by_halves() {
    let whole = format!("bob {BOB}\ncarol {CAROL}\n");
    let (rig, mut signers) = Rig::new(&whole);
    rig.write("");
    assert!(signers.look().is_some());
    rig.write(&format!("bob {BOB}\n"));
    assert_eq!(signers.look(), None, "carol is not gone: nobody is here yet");
    assert!(signers.list().trouble().is_some());
    rig.write(&whole);
    assert_eq!(signers.look(), None);
    assert_eq!(signers.look().unwrap().came.len(), 2);
    assert_eq!(who(&signers), ["bob", "carol"]);
}

#[test]
fn bad_lines_are_a_concern_and_those_for_other_purposes_are_not() {
    let (_rig, signers) =
        Rig::new(&format!("bob namespaces=\"git\" {CAROL}\nbob {BOB}\n# nothing\ncarol\nx y z\n"));
    let concern = signers.concern().unwrap();
    assert!(concern.starts_with("line 4 of ") && concern.contains("and 1 more"), "{concern}");
    assert_eq!(signers.introduction().unwrap().came.len(), 1, "who may not sign approvals is not named");
}

#[test]
fn the_audit_names_many_and_counts_the_others() {
    let lines: String = (0..50).map(|n| format!("p{n} {BOB}\n")).collect();
    let (_rig, signers) = Rig::new(&lines);
    let Event::Signers { came, went, text } = Event::from(signers.introduction().unwrap()) else { panic!() };
    assert_eq!((came.len(), went.len()), (NAMED, 0));
    assert!(text.as_str().ends_with("; 18 more lines came or went"), "{text:?}");
}
