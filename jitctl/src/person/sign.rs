//! Signing an approval with `ssh-keygen -Y sign` (ssh-keygen(1)): OpenSSH's own tool, so that agents, passphrases and security keys work
//! as they do elsewhere. What is signed lies in a directory that nobody else can look into and is gone afterwards. No shell; the
//! terminal is handed on, for passphrases and PINs are asked for there. Must never see a private key.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;

use jit_signature::NAMESPACE;
use jit_signature::statement::{Statement, attribute};

use super::uninterrupted::Uninterrupted;
use crate::report::Failure;
use crate::terminal::clean;

/// Key types that hosts take (docs of lib/signature); of the agent's keys the first of these is taken.
const TYPES: [&str; 6] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp384",
    "ssh-rsa",
];

/// What an approval is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A file: a private key, or a public one whose private half lies beside it or in the agent.
    File(PathBuf),
    /// A key of the agent: its public half as a line.
    Agent(String),
}

/// The key that was asked for, or the first of the agent that hosts would take. `listed`: whether a key, by its fingerprint as
/// `ssh-keygen -l` shows it, stands in the list of signers, if there is one here.
///
/// # Errors
/// When there is none, with what would do.
pub fn key(named: Option<&Path>, config: &Path, listed: impl Fn(&str) -> bool) -> Result<Key, Failure> {
    if let Some(path) = named {
        let path = expanded(path);
        if !path.exists() {
            return Err(unsigned(format!("there is no key {}", path.display())));
        }
        return Ok(Key::File(path));
    }
    let none = |why: &str| {
        unsigned(format!(
            "{why}\nSay what to sign with: --key FILE, or `key` under [sign] in {}, or load a key: ssh-add",
            config.display()
        ))
    };
    let keys = agent("-L")?;
    if !keys.status.success() {
        return Err(none(match keys.status.code() {
            Some(1) => "the ssh-agent has no keys",
            _ => "there is no ssh-agent (SSH_AUTH_SOCK)",
        }));
    }
    let (keys, prints) = (text(&keys), text(&agent("-l")?));
    // Both lists have the same order.
    let mut usable = keys.lines().zip(prints.lines()).filter(|(key, print)| {
        let takes = key.split(' ').next().is_some_and(|kind| TYPES.contains(&kind));
        takes && print.split(' ').nth(1).is_some_and(&listed)
    });
    let found = usable.next().map(|(key, _)| Key::Agent(key.to_owned()));
    found.ok_or_else(|| none("none of the ssh-agent's keys is one that hosts would take"))
}

/// Signs: the value of jitSignature.
///
/// # Errors
/// When ssh-keygen is not there or does not sign, in its own words.
pub fn sign(statement: &Statement, key: &Key) -> Result<Vec<u8>, Failure> {
    // ssh-keygen hears Ctrl-C itself; we end when what was put down for it is gone.
    let _held = Uninterrupted::begin();
    let io = |e: io::Error| unsigned(format!("what is signed cannot be put into a temporary file: {e}"));
    let dir = tempfile::Builder::new()
        .prefix("jitctl-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir()
        .map_err(io)?;
    let text = dir.path().join("approval");
    fs::write(&text, statement.text()).map_err(io)?;
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE]);
    let file = match key {
        Key::File(path) => path.clone(),
        Key::Agent(line) => {
            let path = dir.path().join("key.pub");
            fs::write(&path, format!("{line}\n")).map_err(io)?;
            command.arg("-U");
            path
        }
    };
    command.arg("-f").arg(&file).arg(&text);
    let (status, said) = watched(command)?;
    if !status.success() {
        return Err(unsigned(format!("ssh-keygen did not sign ({status}): {}", of_it(&said))));
    }
    let armored = fs::read_to_string(dir.path().join("approval.sig")).map_err(io)?;
    attribute(statement, &armored).map_err(|e| unsigned(format!("what ssh-keygen made: {e}")))
}

/// Runs it with our terminal. What it says is shown at once, for it may wait for a touch, but for its own chatter about files.
fn watched(mut command: Command) -> Result<(ExitStatus, Vec<String>), Failure> {
    let child = command.stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child =
        child.map_err(|e| unsigned(format!("ssh-keygen: {e}; signing takes OpenSSH's ssh-keygen")))?;
    let said = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        let Some(said) = said else { return lines };
        // Bytes, for nothing promises UTF-8.
        for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
            let line = clean(String::from_utf8_lossy(&line).trim_end());
            if line.is_empty() || line.starts_with("Signing file ") || line.starts_with("Write signature to ")
            {
                continue;
            }
            let _ = writeln!(io::stderr(), "{line}");
            lines.push(line);
        }
        lines
    });
    let status = child.wait().map_err(|e| unsigned(format!("ssh-keygen: {e}")))?;
    Ok((status, reader.join().unwrap_or_default()))
}

/// The last thing it said.
fn of_it(said: &[String]) -> &str {
    said.last().map_or("it did not say why", String::as_str)
}

/// The key as `ssh-keygen -l` shows it: size, `SHA256:…`, comment, type; the file where ssh-keygen cannot say it.
pub fn shown(key: &Key) -> String {
    let (file, line) = match key {
        Key::File(path) => (path.as_path(), None),
        Key::Agent(line) => (Path::new("-"), Some(line)),
    };
    let otherwise = || line.cloned().unwrap_or_else(|| file.display().to_string());
    let listed = Command::new("ssh-keygen")
        .arg("-l")
        .arg("-f")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut listing) = listed else { return otherwise() };
    if let (Some(mut input), Some(line)) = (listing.stdin.take(), line) {
        let _ = writeln!(input, "{line}");
    }
    let done = listing.wait_with_output().ok().filter(|done| done.status.success());
    let print = done.map(|done| text(&done).trim().to_owned());
    print.filter(|print| !print.is_empty()).unwrap_or_else(otherwise)
}

fn agent(how: &str) -> Result<Output, Failure> {
    let done = Command::new("ssh-add").arg(how).stdin(Stdio::null()).output();
    done.map_err(|e| unsigned(format!("ssh-add: {e}; signing takes OpenSSH's tools")))
}

fn text(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// `~/` at the front is the home directory: in `--key=~/key` not every shell says so.
fn expanded(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    }
}

/// Nothing was signed, so nothing was written.
pub fn unsigned(why: impl AsRef<str>) -> Failure {
    Failure::unwritten("unsigned", why.as_ref())
}
