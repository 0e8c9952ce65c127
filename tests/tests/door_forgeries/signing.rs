//! Keys, the list of those that count, and signatures by OpenSSH's own tool, over statements written by hand: lib/signature is not asked.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jit_tests::ldif::{Grant, from_now, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use tempfile::TempDir;

/// Whose signatures are made here; `old` and `git` are keys of bob's, `shared` is bob's and dave's, `unknown` nobody's.
const KEYS: [&str; 9] = ["bob", "carol", "dave", "selfish", "twin", "old", "git", "shared", "unknown"];

/// Since when the key `old` does not count any more, in seconds from now.
const OLD: i64 = -24 * 3600;

/// Everybody's keys.
#[derive(Debug)]
pub(crate) struct Keys {
    dir: TempDir,
    made: Cell<u32>,
}

impl Keys {
    pub(crate) fn make() -> Result<Keys> {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(format!("no directory for keys: {e}")))?;
        let keys = Keys { dir, made: Cell::new(0) };
        for key in KEYS {
            let file = keys.file(key).display().to_string();
            ssh_keygen(&["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", &file], "")?;
        }
        Ok(keys)
    }

    fn file(&self, key: &str) -> PathBuf {
        self.dir.path().join(key)
    }

    /// Root's list of signers.
    pub(crate) fn allowed_signers(&self) -> Result<String> {
        let lines = [
            ("bob", "", "bob"),
            ("carol", "namespaces=\"jit-approval,file\" ", "carol"),
            ("dave", "", "dave"),
            ("selfish", "", "selfish"),
            ("bob", "", "twin"),
            ("bob", &format!("valid-before=\"{}\" ", from_now(OLD)), "old"),
            ("bob", "namespaces=\"git\" ", "git"),
            ("bob,dave", "", "shared"),
        ];
        let line = |(principals, options, key): &(&str, &str, &str)| {
            let path = self.file(key).with_extension("pub");
            let public = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
            Ok(format!("{principals} {options}{}\n", public.trim_end()))
        };
        lines.iter().map(line).collect()
    }

    /// A file with the value of jitSignature: this statement, signed with this key.
    pub(crate) fn sign(&self, statement: &Statement, key: &str) -> Result<PathBuf> {
        self.paste(statement, statement, key, "jit-approval")
    }

    /// The same for another purpose.
    pub(crate) fn sign_for(&self, statement: &Statement, key: &str, namespace: &str) -> Result<PathBuf> {
        self.paste(statement, statement, key, namespace)
    }

    /// What one statement says, over what was signed for another.
    pub(crate) fn paste(
        &self,
        shown: &Statement,
        signed: &Statement,
        key: &str,
        namespace: &str,
    ) -> Result<PathBuf> {
        let key = self.file(key).display().to_string();
        let signature = ssh_keygen(&["-q", "-Y", "sign", "-n", namespace, "-f", &key], &signed.text())?;
        self.made.set(self.made.get() + 1);
        let path = self.dir.path().join(format!("value{}", self.made.get()));
        fs::write(&path, format!("{}{signature}", shown.text())).map_err(|e| Trouble::io(&path, e))?;
        Ok(path)
    }
}

/// What an approver signs.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) grant: String,
    pub(crate) digest: String,
    pub(crate) approver: String,
    pub(crate) at: String,
    pub(crate) not_after: String,
}

impl Statement {
    /// That a grant may be used as it stands, said now and good for two hours.
    pub(crate) fn of(slapd: &Slapd, grant: &Grant, approver: &str) -> Result<Statement> {
        Ok(Statement {
            grant: uuid(slapd, grant)?,
            digest: grant.digest(),
            approver: person(approver),
            at: from_now(0),
            not_after: from_now(7200),
        })
    }

    /// As it is signed.
    fn text(&self) -> String {
        format!(
            "jit-approval-1\ngrant {}\ndigest {}\napprover {}\nsigned-at {}\nnot-after {}\n",
            self.grant, self.digest, self.approver, self.at, self.not_after
        )
    }
}

/// A grant's entryUUID, as the directory shows it.
pub(crate) fn uuid(slapd: &Slapd, grant: &Grant) -> Result<String> {
    let shown = slapd.search(&grant.dn(), &["-s", "base", "entryUUID"])?;
    let found = shown.lines().find_map(|line| line.strip_prefix("entryUUID: "));
    found
        .map(str::to_owned)
        .ok_or_else(|| Trouble::new(format!("{} shows no entryUUID: {shown}", grant.dn())))
}

fn ssh_keygen(arguments: &[&str], input: &str) -> Result<String> {
    let shown = |e| Trouble::io(Path::new("ssh-keygen"), e);
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(shown)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(shown)?;
    }
    let output = child.wait_with_output().map_err(shown)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Trouble::new(format!("ssh-keygen {arguments:?}: {said}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
