//! Which key opened the door: SSH_AUTH_INFO_0 (sshd_config(5), ExposeAuthInfo), as a fingerprint that `ssh-keygen -l` prints
//! and that an admin can search for. For the audit only: nothing is decided by it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The key of the first `publickey` line, as `SHA256:…`; of a certificate, the key that it certifies. `None` when there is no
/// such line or it cannot be understood.
pub fn of_auth_info(auth_info: &str) -> Option<String> {
    let mut words =
        auth_info.lines().find_map(|line| line.strip_prefix("publickey "))?.split_ascii_whitespace();
    let (kind, blob) = (words.next()?, words.next()?);
    let blob = STANDARD.decode(blob).ok()?;
    let (inner, fields) = string(&blob)?;
    if inner != kind.as_bytes() {
        return None;
    }
    let digest = match plain_kind(kind) {
        None => Sha256::digest(&blob),
        Some((plain, count)) => {
            // PROTOCOL.certkeys: type, nonce, the fields of the key, then what the authority says.
            let (_nonce, key) = string(fields)?;
            let mut rest = key;
            for _ in 0..count {
                (_, rest) = string(rest)?;
            }
            let key = key.get(..key.len().checked_sub(rest.len())?)?;
            let length = u32::try_from(plain.len()).ok()?;
            Sha256::new().chain_update(length.to_be_bytes()).chain_update(plain).chain_update(key).finalize()
        }
    };
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
}

/// The kind of key in a certificate, and of how many fields it is made.
fn plain_kind(kind: &str) -> Option<(&'static str, usize)> {
    Some(match kind {
        "ssh-ed25519-cert-v01@openssh.com" => ("ssh-ed25519", 1),
        "ssh-rsa-cert-v01@openssh.com" => ("ssh-rsa", 2),
        "ssh-dss-cert-v01@openssh.com" => ("ssh-dss", 4),
        "ecdsa-sha2-nistp256-cert-v01@openssh.com" => ("ecdsa-sha2-nistp256", 2),
        "ecdsa-sha2-nistp384-cert-v01@openssh.com" => ("ecdsa-sha2-nistp384", 2),
        "ecdsa-sha2-nistp521-cert-v01@openssh.com" => ("ecdsa-sha2-nistp521", 2),
        "sk-ssh-ed25519-cert-v01@openssh.com" => ("sk-ssh-ed25519@openssh.com", 2),
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" => ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
        _ => return None,
    })
}

/// A string of RFC 4251 §5 and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What ssh-keygen says in this directory.
    pub(crate) fn keygen(dir: &Path, arguments: &[&str]) -> String {
        let output = Command::new("ssh-keygen").current_dir(dir).args(arguments).output();
        let output = output.expect("no ssh-keygen here: apt-get install openssh-client");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn agrees_with_ssh_keygen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        keygen(path, &["-q", "-t", "ed25519", "-N", "", "-f", "ca"]);
        for kind in ["ed25519", "rsa", "ecdsa"] {
            keygen(path, &["-q", "-t", kind, "-N", "", "-C", "", "-f", kind]);
            keygen(path, &["-q", "-s", "ca", "-I", "id", "-n", "alice", &format!("{kind}.pub")]);
            for file in [format!("{kind}.pub"), format!("{kind}-cert.pub")] {
                let shown = keygen(path, &["-l", "-f", &file]);
                let wanted = shown.split(' ').nth(1).unwrap();
                let key = std::fs::read_to_string(path.join(&file)).unwrap();
                let auth_info = format!("password\npublickey {key}");
                assert_eq!(of_auth_info(&auth_info).as_deref(), Some(wanted), "{file}");
            }
        }
    }

    #[test]
    fn what_is_no_key_has_no_fingerprint() {
        for text in [
            "",
            "password",
            "publickey",
            "publickey ssh-ed25519",
            "publickey ssh-ed25519 !!!!",
            "publickey x AAAA",
        ] {
            assert_eq!(of_auth_info(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}", blob in proptest::collection::vec(any::<u8>(), 0..80)) {
            of_auth_info(&text);
            let kind = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com";
            of_auth_info(&format!("publickey {kind} {}", STANDARD.encode(&blob)));
            let mut framed = 43u32.to_be_bytes().to_vec();
            framed.extend_from_slice(kind.as_bytes());
            framed.extend_from_slice(&blob);
            of_auth_info(&format!("publickey {kind} {}", STANDARD.encode(&framed)));
        }
    }
}
