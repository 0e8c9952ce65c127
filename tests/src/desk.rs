//! People at their own machines, with a real slapd under the shipped rules: each has a configuration and a password in a file, and runs
//! jitctl in a script or at a terminal. No host and no daemon is there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::built;
pub use crate::ldif::{BASE, person};
use crate::slapd::Slapd;
use crate::trouble::{Result, Trouble};

mod terminal;

pub use terminal::{Terminal, Text};

/// Where grants stand.
pub const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";
/// Only ends a hopeless wait.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The directory, and where people keep their files.
#[derive(Debug)]
pub struct Desk {
    /// The directory.
    pub slapd: Slapd,
    dir: tempfile::TempDir,
    jitctl: PathBuf,
}

/// What a run of jitctl left behind; at a terminal everything is in `err`.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status; -1 when a signal ended it.
    pub status: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Ran {
    /// Its standard output as the one line of JSON that it must be.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The ids of the grants that it lists, in their order.
    ///
    /// # Panics
    /// When it lists none.
    pub fn ids(&self) -> Vec<String> {
        let json = self.json();
        let grants = json["grants"].as_array().unwrap_or_else(|| panic!("{json}"));
        grants.iter().filter_map(|grant| grant["id"].as_str().map(str::to_owned)).collect()
    }

    /// It must have ended so, and have said all of this.
    ///
    /// # Panics
    /// When it has not.
    pub fn must(self, status: i32, said: &[&str]) -> Ran {
        assert_eq!(self.status, status, "{self:?}");
        for part in said {
            assert!(self.out.contains(part) || self.err.contains(part), "`{part}` in {self:?}");
        }
        self
    }
}

impl Desk {
    /// For these people, who reach the directory at `uri`.
    ///
    /// # Errors
    /// When files cannot be written, or there is no jitctl.
    pub fn of(slapd: Slapd, uri: &str, logins: &[&str]) -> Result<Desk> {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let desk = Desk { slapd, dir, jitctl: built::jitctl()? };
        for login in logins {
            desk.configure_at(uri, login, "", "")?;
        }
        Ok(desk)
    }

    /// Writes somebody's configuration: more lines of `[directory]`, and what follows it.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn configure(&self, login: &str, directory: &str, more: &str) -> Result<()> {
        self.configure_at(&self.slapd.plain(), login, directory, more)
    }

    /// The same, for another way to the server.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn configure_at(&self, uri: &str, login: &str, directory: &str, more: &str) -> Result<()> {
        let secret = self.write(&format!("{login}.secret"), &format!("{login}-secret\n"))?;
        let text = format!(
            "[directory]\nuris = [\"{uri}\"]\nbase = \"{BASE}\"\n{directory}\n\
             bind = {{ method = \"simple\", dn = \"{}\", password_file = \"{}\" }}\n{more}\n",
            person(login),
            secret.display()
        );
        self.write(&format!("{login}.toml"), &text).map(drop)
    }

    /// A file that is ours alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        let io = |e| Trouble::io(&path, e);
        fs::write(&path, text).map_err(io)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(io)?;
        Ok(path)
    }

    /// Where a file is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line of jitctl as somebody.
    pub fn argv(&self, login: &str, args: &[&str]) -> Vec<String> {
        let shown = |path: PathBuf| path.display().to_string();
        let (config, socket) = (shown(self.path(&format!("{login}.toml"))), shown(self.path("none")));
        let fixed =
            [shown(self.jitctl.clone()), "--config".to_owned(), config, "--socket".to_owned(), socket];
        fixed.into_iter().chain(args.iter().map(|arg| (*arg).to_owned())).collect()
    }

    /// Runs jitctl as somebody's script.
    pub fn run(&self, login: &str, args: &[&str]) -> Ran {
        self.run_with(login, args, &[])
    }

    /// The same with these variables in the environment, and no agent but what they name.
    ///
    /// # Panics
    /// When it cannot be run, or what it says is not UTF-8.
    pub fn run_with(&self, login: &str, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let argv = self.argv(login, args);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_remove("SSH_AUTH_SOCK").envs(env.iter().copied());
        let output = command.stdin(Stdio::null()).output().expect("jitctl runs");
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}
