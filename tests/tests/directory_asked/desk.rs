//! A directory, people with their configurations, and jitctl as each of them. What is asked and approved is written by ldapmodify, as the
//! person, so that only reading is tried here.

use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Stdio};

use jit_tests::desk::{self, BASE, Terminal, Text};
pub(crate) use jit_tests::desk::{GRANTS, LIMIT, person};
use jit_tests::proxy::Proxy;
use jit_tests::slapd::Slapd;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::runtime::Runtime;

/// Beyond the usual company (alice and bob are operators, bob and carol are leads): a stranger, and roles of all kinds.
const MORE: &str = "
dn: uid=mallory,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: mallory
cn: Mallory
sn: Moore
userPassword: mallory-secret

dn: cn=night,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: night
member: cn=operators,ou=groups,dc=example,dc=com

dn: cn=dba,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: dba
member: uid=bob,ou=people,dc=example,dc=com

dn: cn=ops,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: ops
jitHost: *.prod.example.com
jitEligible: cn=night,ou=groups,dc=example,dc=com
jitMaxDuration: 28800
jitApprovalsRequired: 1
jitApproverGroup: cn=leads,ou=groups,dc=example,dc=com
jitReasonRequired: TRUE

dn: cn=db,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: db
jitHost: *
jitEligible: cn=operators,ou=groups,dc=example,dc=com
jitMaxDuration: 7200
jitApprovalsRequired: 1
jitApproverGroup: cn=dba,ou=groups,dc=example,dc=com

dn: cn=broken,ou=roles,ou=jit,dc=example,dc=com
objectClass: jitRole
cn: broken
jitHost: *
jitEligible: cn=operators,ou=groups,dc=example,dc=com
jitMaxDuration: 7200
jitApprovalsRequired: 2
";

/// Where people look.
pub(crate) struct Desk {
    desk: desk::Desk,
    /// What lies between people and the server.
    proxy: Proxy,
    /// Where the proxy works, and whoever else does not wait for it.
    pub(crate) runtime: Runtime,
}

impl Deref for Desk {
    type Target = desk::Desk;
    fn deref(&self) -> &desk::Desk {
        &self.desk
    }
}

impl DerefMut for Desk {
    fn deref_mut(&mut self) -> &mut desk::Desk {
        &mut self.desk
    }
}

impl Desk {
    pub(crate) fn up() -> Result<Desk> {
        let slapd = Slapd::plan().with(MORE).up()?;
        let runtime = Runtime::new().expect("a runtime");
        let proxy = runtime.block_on(Proxy::before(slapd.port(), Ipv4Addr::LOCALHOST))?;
        let uri = format!("ldap://{}", proxy.address());
        let desk = desk::Desk::of(slapd, &uri, &["alice", "bob", "carol", "mallory"])?;
        Ok(Desk { desk, proxy, runtime })
    }

    /// How often grants were asked for: each search for them names jitHost in its filter.
    pub(crate) fn searches(&self) -> usize {
        self.proxy.heard(b"jitHost")
    }

    /// Starts jitctl as somebody, with pipes.
    pub(crate) fn start(&self, login: &str, args: &[&str]) -> Running {
        let argv = self.argv(login, args);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (out, err) = (Text::default(), Text::default());
        out.keep(child.stdout.take().expect("a pipe"));
        err.keep(child.stderr.take().expect("a pipe"));
        Running { child, out, err, terminal: None }
    }

    /// The same on a terminal of its own.
    pub(crate) fn start_on_a_terminal(&self, login: &str, args: &[&str]) -> Running {
        let Terminal { child, keyboard, screen, .. } = Terminal::at(&self.argv(login, args), "xterm");
        Running { child, out: screen, err: Text::default(), terminal: Some(keyboard) }
    }

    /// Somebody asks for himself.
    pub(crate) fn asks(&self, login: &str, id: &str, role: &str, more: &str) -> Result<()> {
        self.slapd.change_as(
            &person(login),
            &format!("{login}-secret"),
            &format!(
                "dn: cn={id},{GRANTS}\nchangetype: add\nobjectClass: jitGrant\ncn: {id}\njitSubject: {}\n\
                 jitRoleDN: cn={role},ou=roles,ou=jit,{BASE}\njitHost: web1.prod.example.com\njitDuration: 7200\njitReason: deploy\n{more}",
                person(login)
            ),
        )
    }

    /// Somebody approves a grant as it stands.
    pub(crate) fn approves(&self, login: &str, id: &str) -> Result<()> {
        let shown = self.run(login, &["--json", "grants", "--all", "--directory"]).json();
        let grants = shown["grants"].as_array().expect("grants");
        let grant =
            grants.iter().find(|grant| grant["id"] == id).unwrap_or_else(|| panic!("{id} in {shown}"));
        self.slapd.change_as(
            &person(login),
            &format!("{login}-secret"),
            &format!(
                "dn: cn=by-{login},cn={id},{GRANTS}\nchangetype: add\nobjectClass: jitApproval\ncn: by-{login}\njitApprover: {}\n\
                 jitHost: web1.prod.example.com\njitGrantDigest: {}\n",
                person(login),
                grant["digest"].as_str().expect("a digest")
            ),
        )
    }

    /// Somebody takes a grant away.
    pub(crate) fn takes(&self, login: &str, id: &str, reason: &str) -> Result<()> {
        self.slapd.change_as(
            &person(login),
            &format!("{login}-secret"),
            &format!(
                "dn: cn=no-by-{login},cn={id},{GRANTS}\nchangetype: add\nobjectClass: jitRevocation\ncn: no-by-{login}\n\
                 jitHost: web1.prod.example.com\njitReason: {reason}\n"
            ),
        )
    }
}

/// jitctl at work; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) out: Text,
    pub(crate) err: Text,
    terminal: Option<File>,
}

impl Running {
    /// Waits until it has printed this.
    pub(crate) fn prints(&self, what: &str) -> Result<()> {
        until(LIMIT, &format!("it prints {what:?}"), || self.all().contains(what))
            .map_err(|e| Trouble::new(format!("{e}: {}", self.all())))
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out.now(), self.err.now())
    }

    /// Waits for a change of this kind of a grant, of `watch --json`.
    pub(crate) fn tells(&self, change: &str, id: Option<&str>) -> Result<Value> {
        let found = || {
            let out = self.out.now();
            let lines = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut lines = lines.filter(|line| line["change"] == change);
            lines.find(|line| id.is_none_or(|id| line["grant"]["id"] == id))
        };
        until(LIMIT, &format!("it tells of {change} {id:?}"), || found().is_some())
            .map_err(|e| Trouble::new(format!("{e}: {}", self.all())))?;
        found().ok_or_else(|| Trouble::new("it is gone"))
    }

    /// Interrupts it.
    pub(crate) fn interrupt(&mut self) {
        match &mut self.terminal {
            Some(terminal) => terminal.write_all(b"\x03").expect("a keyboard"),
            None => {
                let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
                kill_process(pid, Signal::INT).expect("it runs");
            }
        }
    }

    /// Waits for its end.
    pub(crate) fn ends(&mut self) -> Result<i32> {
        let mut status = None;
        until(LIMIT, "it ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        })
        .map_err(|e| Trouble::new(format!("{e}: {}", self.all())))?;
        Ok(status.and_then(|status| status.code()).unwrap_or(-1))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
