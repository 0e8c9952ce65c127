//! A directory with its shipped rules, and people at their own machines: each with a configuration and a password in a file, at a terminal or
//! in a script.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jit_tests::built;
use jit_tests::slapd::{Plan, Slapd};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

pub(crate) const BASE: &str = "dc=example,dc=com";
pub(crate) const GRANTS: &str = "ou=grants,ou=jit,dc=example,dc=com";
pub(crate) const HOST: &str = "web1.prod.example.com";

/// Only ends a hopeless wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// The usual company (alice; bob and carol, who are leads), and more.
const MORE: &str = "
dn: uid=dave,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: dave
cn: Dave Doe
sn: Doe
userPassword: dave-secret

dn: uid=mallory,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: mallory
cn: Mallory
sn: Moore
userPassword: mallory-secret

dn: cn=devs,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: devs
member: uid=alice,ou=people,dc=example,dc=com
member: uid=bob,ou=people,dc=example,dc=com
member: uid=dave,ou=people,dc=example,dc=com

dn: cn=others,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: others
member: uid=mallory,ou=people,dc=example,dc=com

dn: cn=ops,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: ops
jitHost: *.prod.example.com
jitEligible: cn=devs,ou=groups,dc=example,dc=com
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=leads,ou=groups,dc=example,dc=com
jitLocalGroup: adm
jitReasonRequired: TRUE

dn: cn=db,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: db
jitHost: db1.prod.example.com
jitHost: @db
jitService: sshd
jitEligible: cn=devs,ou=groups,dc=example,dc=com
jitMaxDuration: 7200
jitApprovalsRequired: 2
jitApproverGroup: cn=leads,ou=groups,dc=example,dc=com
jitTicketPattern: OPS-[0-9]+

dn: cn=signed,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: signed
jitHost: *
jitEligible: cn=devs,ou=groups,dc=example,dc=com
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=leads,ou=groups,dc=example,dc=com
jitSignatureRequired: TRUE
";

pub(crate) fn person(login: &str) -> String {
    format!("uid={login},ou=people,{BASE}")
}

/// The directory, and where people keep their files.
pub(crate) struct Desk {
    pub(crate) slapd: Slapd,
    dir: tempfile::TempDir,
    jitctl: PathBuf,
}

/// What a run of jitctl left behind; at a terminal everything is in `err`.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its standard output as the one line of JSON that it must be.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// It must have ended so, and have said all of this.
    pub(crate) fn must(self, status: i32, said: &[&str]) -> Ran {
        assert_eq!(self.status, status, "{self:?}");
        for part in said {
            assert!(self.out.contains(part) || self.err.contains(part), "`{part}` in {self:?}");
        }
        self
    }
}

impl Desk {
    pub(crate) fn up() -> Result<Desk> {
        Desk::of(Slapd::plan())
    }

    pub(crate) fn of(plan: Plan<'_>) -> Result<Desk> {
        let dir = tempfile::tempdir().map_err(|e| Trouble::new(e.to_string()))?;
        let desk = Desk { slapd: plan.with(MORE).up()?, dir, jitctl: built::jitctl()? };
        for login in ["alice", "bob", "carol", "dave", "mallory"] {
            desk.configure(login, "", "")?;
        }
        Ok(desk)
    }

    /// Writes somebody's configuration: more lines of `[directory]`, and what follows it.
    pub(crate) fn configure(&self, login: &str, directory: &str, more: &str) -> Result<()> {
        self.configure_at(&self.slapd.plain(), login, directory, more)
    }

    /// The same, for another way to the server.
    pub(crate) fn configure_at(&self, uri: &str, login: &str, directory: &str, more: &str) -> Result<()> {
        let secret = self.write(&format!("{login}.secret"), &format!("{login}-secret\n"))?;
        let text = format!(
            "[directory]\nuris = [\"{}\"]\nbase = \"{BASE}\"\n{directory}\n\
             bind = {{ method = \"simple\", dn = \"{}\", password_file = \"{}\" }}\n{more}\n",
            uri,
            person(login),
            secret.display()
        );
        self.write(&format!("{login}.toml"), &text).map(drop)
    }

    /// A file that is ours alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        let io = |e| Trouble::io(&path, e);
        fs::write(&path, text).map_err(io)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(io)?;
        Ok(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, login: &str, args: &[&str]) -> Vec<String> {
        let mut argv = vec![self.jitctl.display().to_string()];
        argv.extend(["--config".to_owned(), self.path(&format!("{login}.toml")).display().to_string()]);
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        argv
    }

    /// Runs jitctl as somebody's script.
    pub(crate) fn run(&self, login: &str, args: &[&str]) -> Ran {
        self.run_with(login, args, &[])
    }

    /// The same with these variables in the environment, and no agent but what they name.
    pub(crate) fn run_with(&self, login: &str, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let argv = self.command(login, args);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_remove("SSH_AUTH_SOCK").envs(env.iter().copied());
        let output = command.stdin(Stdio::null()).output().expect("jitctl runs");
        Ran {
            status: output.status.code().expect("it exits"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs jitctl at a terminal; each question is answered once, in this order, when it is the last thing on the screen. `meanwhile` happens
    /// before the last answer.
    pub(crate) fn types(
        &self,
        login: &str,
        args: &[&str],
        answers: &[(&str, &str)],
        meanwhile: impl FnOnce(),
    ) -> Ran {
        Desk::types_at(&self.command(login, args), answers, meanwhile)
    }

    /// Interrupts jitctl with Ctrl-C at its question, and says how it ended and what the terminal is like afterwards (stty(1)).
    pub(crate) fn interrupts(&self, login: &str, args: &[&str], question: &str) -> Ran {
        let script = "trap : INT; \"$@\"; echo ended $?; stty -a; ls -d ${TMPDIR:-/tmp}/jitctl-*";
        let mut argv = ["env", &format!("TMPDIR={}", self.dir.path().display()), "sh", "-c", script, "sh"]
            .map(str::to_owned)
            .to_vec();
        argv.extend(self.command(login, args));
        Desk::types_at(&argv, &[(question, "\x03")], || ())
    }

    fn types_at(argv: &[String], answers: &[(&str, &str)], meanwhile: impl FnOnce()) -> Ran {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).expect("a terminal");
        let name = ptsname(&keyboard, Vec::new()).expect("a terminal").into_string().expect("UTF-8");
        let open = || Stdio::from(File::options().read(true).write(true).open(&name).expect("a terminal"));
        let mut keyboard = File::from(keyboard);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).args(argv).env_remove("SSH_AUTH_SOCK").env("TERM", "dumb");
        let mut child = command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("setsid");
        drop(command);
        let screen = Arc::new(Mutex::new(String::new()));
        let (kept, mut reader) = (Arc::clone(&screen), keyboard.try_clone().expect("a terminal"));
        let reading = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO when the last program has closed it.
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                kept.lock().expect("a screen").push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        let shown = || screen.lock().expect("a screen").replace("\r\n", "\n");
        let (mut answered, mut meanwhile) = (0, Some(meanwhile));
        for (i, (question, answer)) in answers.iter().enumerate() {
            until(PATIENCE, &format!("jitctl asks {question}"), || {
                shown().get(answered..).is_some_and(|new| new.trim_end().ends_with(question))
            })
            .unwrap_or_else(|e| panic!("{e}: {}", shown()));
            answered = shown().len();
            if i + 1 == answers.len() {
                meanwhile.take().into_iter().for_each(|happens| happens());
            }
            keyboard.write_all(format!("{answer}\n").as_bytes()).expect("a keyboard");
        }
        let mut status = None;
        until(PATIENCE, "jitctl ends", || {
            status = child.try_wait().expect("a child");
            status.is_some()
        })
        .unwrap_or_else(|e| panic!("{e}: {}", shown()));
        reading.join().expect("a reader");
        Ran { status: status.and_then(|s| s.code()).unwrap_or(-1), out: String::new(), err: shown() }
    }

    /// Asks, and returns the id.
    pub(crate) fn ask(&self, login: &str, role: &str, more: &[&str]) -> String {
        let host = if role == "db" { "db1.prod.example.com" } else { HOST };
        let mut args =
            vec!["--json", "request", "--role", role, "--host", host, "--for", "2h", "--reason", "deploy"];
        args.extend(["--ticket", "OPS-7"]);
        args.extend(more);
        let asked = self.run(login, &args).must(0, &[]).json();
        assert_eq!(asked["kind"], "request");
        asked["id"].as_str().expect("an id").to_owned()
    }

    /// The id of the request that was written last.
    pub(crate) fn newest(&self) -> String {
        let found =
            self.slapd.search(GRANTS, &["(objectClass=jitGrant)", "cn", "entryCSN"]).expect("a search");
        let entry = |text: &str| {
            let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            Some((value("entryCSN: ")?, value("cn: ")?))
        };
        found.split("\n\n").filter_map(entry).max().expect("a request").1
    }

    /// How many entries of a class there are.
    pub(crate) fn count(&self, class: &str) -> usize {
        let found = self.slapd.search(GRANTS, &[&format!("(objectClass={class})"), "1.1"]).expect("a search");
        found.lines().filter(|line| line.starts_with("dn:")).count()
    }

    /// The values of an attribute of the entries of a class, in order: a directory keeps none.
    pub(crate) fn values(&self, class: &str, attribute: &str) -> Vec<String> {
        let filter = format!("(objectClass={class})");
        let found = self.slapd.search(GRANTS, &[&filter, attribute]).expect("a search");
        let plain = format!("{attribute}: ");
        let mut values: Vec<String> =
            found.lines().filter_map(|line| line.strip_prefix(&plain).map(str::to_owned)).collect();
        values.sort();
        values
    }

    /// A key pair of a person's; the path of the private half.
    pub(crate) fn key(&self, name: &str, passphrase: &str) -> Result<PathBuf> {
        let path = self.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f"])
            .arg(&path)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err(Trouble::new("ssh-keygen does not make a key: apt-get install openssh-client"));
        }
        Ok(path)
    }
}

/// The public half, as a line.
pub(crate) fn public(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).expect("a public key").trim().to_owned()
}
