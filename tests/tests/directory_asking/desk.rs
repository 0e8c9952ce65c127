//! A directory with its shipped rules, and people who ask and approve at their own machines, at a terminal or in a script.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use jit_tests::desk::{self, Terminal};
pub(crate) use jit_tests::desk::{BASE, GRANTS, Ran, person};
use jit_tests::slapd::{Plan, Slapd};
use jit_tests::trouble::{Result, Trouble};

pub(crate) const HOST: &str = "web1.prod.example.com";

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

/// Where people ask and approve.
pub(crate) struct Desk(desk::Desk);

impl Deref for Desk {
    type Target = desk::Desk;
    fn deref(&self) -> &desk::Desk {
        &self.0
    }
}

impl Desk {
    pub(crate) fn up() -> Result<Desk> {
        Desk::of(Slapd::plan())
    }

    pub(crate) fn of(plan: Plan<'_>) -> Result<Desk> {
        let slapd = plan.with(MORE).up()?;
        let uri = slapd.plain();
        desk::Desk::of(slapd, &uri, &["alice", "bob", "carol", "dave", "mallory"]).map(Desk)
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
        Terminal::at(&self.argv(login, args), "dumb").answers(answers, meanwhile)
    }

    /// Interrupts jitctl with Ctrl-C at its question, and says how it ended and what the terminal is like afterwards (stty(1)).
    pub(crate) fn interrupts(&self, login: &str, args: &[&str], question: &str) -> Ran {
        let script = "trap : INT; \"$@\"; echo ended $?; stty -a; ls -d ${TMPDIR:-/tmp}/jitctl-*";
        let mut argv = ["env", &format!("TMPDIR={}", self.path("").display()), "sh", "-c", script, "sh"]
            .map(str::to_owned)
            .to_vec();
        argv.extend(self.argv(login, args));
        Terminal::at(&argv, "dumb").answers(&[(question, "\x03")], || ())
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
