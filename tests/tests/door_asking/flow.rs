//! The whole way, whatever directory it is and however people log in to it.

use jit_tests::company::laptop::Laptop;
use jit_tests::door::{Door, NAME, SOON};
use jit_tests::host::exec::Output;
use jit_tests::ldif::from_now;
use jit_tests::sessions::is;
use jit_tests::sessions::jobs::{Running, SHELL};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;
use serde_json::Value;

/// Warned and killed quickly.
pub(crate) const QUICK: &str = "[session]\nwarn = [\"3s\"]\ngrace = \"1s\"\n";

/// How long the first grant lasts: long enough to be extended on a busy machine, short enough to be waited for.
const SHORT: &str = "40s";

/// The door, and where people ask.
pub(crate) struct Place<'a> {
    pub(crate) door: &'a Door,
    pub(crate) laptop: &'a Laptop,
    /// The role that is asked for: one approval, by bob for one.
    pub(crate) role: &'a str,
}

impl Place<'_> {
    /// Somebody asks; the grant's id.
    pub(crate) fn asks(&self, who: &str, how_long: &str) -> Result<String> {
        let request = [
            "request",
            "--role",
            self.role,
            "--host",
            NAME,
            "--for",
            how_long,
            "--reason",
            "disk full on web1",
        ];
        let asked = self.laptop.does(who, request)?;
        assert_eq!(asked["kind"], "request", "{asked}");
        id_of(&asked)
    }

    /// bob says yes.
    pub(crate) fn approves(&self, id: &str) -> Result<()> {
        let approved = self.laptop.does("bob", ["approve", id, "--yes"])?;
        assert_eq!((&approved["kind"], &approved["id"]), (&"approval".into(), &id.into()), "{approved}");
        Ok(())
    }

    /// Waits until ssh shows this and lets nobody in.
    pub(crate) fn until_out(&self, who: &str, all: &[&str]) -> Result<Output> {
        let mut last = None;
        let waited = until(SOON, &format!("{who} is out: {all:?}"), || {
            last = self.door.ssh(who, "id -u").ok();
            last.as_ref()
                .is_some_and(|output| !output.ok() && all.iter().all(|one| output.stderr.contains(one)))
        });
        match (waited, last) {
            (Ok(()), Some(output)) => Ok(output),
            (waited, last) => Err(self.trouble(waited.err(), last)),
        }
    }

    /// Waits until ssh and sudo let him in, without a word.
    pub(crate) fn until_in(&self, who: &str) -> Result<()> {
        let mut last = None;
        let waited = until(SOON, &format!("{who} is in"), || {
            last = self.door.ssh(who, "sudo id -u").ok();
            last.as_ref()
                .is_some_and(|output| output.ok() && output.stdout == "0\n" && output.stderr.is_empty())
        });
        waited.map_err(|trouble| self.trouble(Some(trouble), last))
    }

    fn trouble(&self, trouble: Option<Trouble>, last: Option<Output>) -> Trouble {
        let said = last.map(|output| output.to_string()).unwrap_or_default();
        let held =
            self.door.jitctl(["grants", "--all"]).run().map(|output| output.stdout).unwrap_or_default();
        let status = self.door.jitctl(["status"]).run().map(|output| output.stdout).unwrap_or_default();
        let trouble = trouble.map(|trouble| trouble.to_string()).unwrap_or_default();
        Trouble::new(format!("{trouble}; ssh: {said}\njitd holds: {held}\n{status}"))
    }

    /// When his open ssh session ends, in Unix seconds. An earlier one may be closed and not forgotten yet.
    fn end(&self, who: &str) -> Result<i64> {
        let sessions = self.door.sessions()?;
        let open = |session: &&Value| {
            session["user"] == who && session["service"] == "sshd" && session["state"] == "open"
        };
        let end = sessions.iter().find(open).and_then(|session| session["until"].as_i64());
        end.ok_or_else(|| Trouble::new(format!("no open session of {who} with an end: {sessions:?}")))
    }

    /// Request, approve, ssh and sudo, extend, on past the old end in the same session, revoke, out again. alice asks.
    pub(crate) fn goes_the_whole_way(&self) -> Result<()> {
        // What the door says to who has nothing is what to type.
        let role = format!("--role {}", self.role);
        self.until_out(
            "alice",
            &["no grant", "ask: jitctl request --role ", &format!(" --host {NAME} "), &role],
        )?;

        let id = self.asks("alice", SHORT)?;
        self.until_out("alice", &["1 more approval", &format!("jitctl approve {id}")])?;
        let pending = self.laptop.jitctl("bob", ["grants", "--pending"])?.must()?;
        assert!(pending.contains(&id[..8]) && pending.contains("alice"), "{pending}");

        self.approves(&id)?;
        self.until_in("alice")?;
        let job = SHELL.start(self.door, "alice")?;
        let first = self.end("alice")?;

        let extended = self.laptop.does("alice", ["extend", &id, "--for", "1h"])?;
        let longer = id_of(&extended)?;
        assert_ne!(longer, id, "{extended}");
        self.approves(&longer)?;
        until(SOON, "the session's end moves", || self.end("alice").is_ok_and(|end| end > first + 3000))?;
        self.goes_on_past(&job, first)?;

        let revoked = self.laptop.does("bob", ["revoke", &longer, "--reason", "it was the wrong disk"])?;
        assert_eq!(revoked["kind"], "revocation", "{revoked}");
        job.is_over(self.door)?;
        let ended = self.door.audited("its end", |event| is(event, "ended", "alice"))?;
        assert_eq!(ended["code"], "revoked", "{ended}");
        self.until_out("alice", &["revoked by", "bob"])?;
        self.why_tells_the_chain(&id, &longer)
    }

    /// The same processes, after the time at which they would have ended.
    fn goes_on_past(&self, job: &Running, end: i64) -> Result<()> {
        let end = jit_tests::ldif::generalized(end + 3);
        until(2 * SOON, "the old end is over", || {
            let going = job.goes_on(self.door);
            assert!(going.is_ok(), "it ended at {}, although it was extended: {going:?}", from_now(0));
            from_now(0) >= end
        })
    }

    /// Role, eligibility and approvals, of both grants.
    fn why_tells_the_chain(&self, id: &str, longer: &str) -> Result<()> {
        let why = self.door.jitctl(["why", "alice"]).run()?;
        let told = [&id[..8], &longer[..8], self.role, "bob"].iter().all(|word| why.stdout.contains(word));
        assert!(why.status == 1 && told, "{why}");
        Ok(())
    }
}

/// The id of what was asked for.
pub(crate) fn id_of(asked: &Value) -> Result<String> {
    asked["id"].as_str().map(str::to_owned).ok_or_else(|| Trouble::new(format!("no id in {asked}")))
}
