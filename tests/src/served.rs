//! A host whose people are in the directory only: accounts by libnss_jit, keys by `jitctl authorized-keys`, homes by pam_mkhomedir, as
//! docs/keys-and-people.md sets it up.

use crate::door::{Door, NAME, SOON};
use crate::host::Host;
use crate::ldif::{Ldif, person};
use crate::trouble::Result;
use crate::wait::until;

/// As whom sshd asks for keys.
pub const ASKER: &str = "jit-keys";

/// What an admin adds to his jitd.toml.
pub const MORE: &str = "[people]\nserve = true\n\n[keys]\nuser = \"jit-keys\"\n";

/// sshd asks jitctl for keys; who has a local account has no authorized_keys.
const SSHD: &str =
    "AuthorizedKeysCommand /usr/bin/jitctl authorized-keys %u\nAuthorizedKeysCommandUser jit-keys\n";

/// Homes are made at the first login.
const HOMES: &str = "session required pam_mkhomedir.so umask=0077\n";

/// Such a host with these local accounts, on which jitd does not run yet.
///
/// # Errors
/// When something is not built, or does not come up.
pub fn door(local: &[&str], config: &str) -> Result<Door> {
    let door = Door::without_daemon(local, &format!("{config}\n{MORE}"))?;
    let host = door.host();
    host.system_user(ASKER, 991)?;
    for person in local {
        host.remove(&format!("/etc/ssh/keys/{person}"))?;
    }
    host.name_service("files jit")?;
    host.append("/etc/pam.d/sshd", HOMES)?;
    host.append("/etc/ssh/sshd_config", SSHD)?;
    restart_sshd(host)?;
    Ok(door)
}

/// Has sshd read its configuration, and the host's name services, anew.
fn restart_sshd(host: &Host) -> Result<()> {
    let listening =
        || host.read("/var/log/sshd.out").unwrap_or_default().matches("Server listening on").count();
    let before = listening();
    host.sh("kill -HUP $(cat /run/sshd.pid)").run()?.must()?;
    until(SOON, "sshd listens again", || listening() > before && host.path("/run/sshd.pid").exists())
}

/// The public key with which root of the host comes in as somebody.
///
/// # Errors
/// When it cannot be read.
pub fn key(host: &Host) -> Result<String> {
    Ok(host.read("/root/.ssh/id_ed25519.pub")?.trim().to_owned())
}

/// A person with an account of this number and these keys.
pub fn account(ldif: Ldif, login: &str, uid: u32, keys: &[&str]) -> Ldif {
    account_at(ldif, login, uid, &format!("/home/{login}"), keys)
}

/// The same, with this home directory.
pub fn account_at(ldif: Ldif, login: &str, uid: u32, home: &str, keys: &[&str]) -> Ldif {
    let uid = uid.to_string();
    let gecos = format!("{login} of {NAME}");
    let mut attributes = vec![
        ("objectClass", "inetOrgPerson"),
        ("objectClass", "posixAccount"),
        ("uid", login),
        ("cn", login),
        ("sn", login),
        ("uidNumber", &uid),
        ("gidNumber", &uid),
        ("gecos", &gecos),
        ("homeDirectory", home),
        ("loginShell", "/bin/bash"),
    ];
    attributes.extend(keys.iter().map(|key| ("sshPublicKey", *key)));
    ldif.entry(&person(login), &attributes)
}
