//! How a forgery is tried: written while the host listens, beside what differs in one thing and is no forgery.

use jit_tests::company::{Company, Source, free, refused, welcome};
use jit_tests::ldif::{Grant, Ldif, group, person};
use jit_tests::trouble::{Result, Trouble};
use serde_json::Value;

use super::signing::Keys;

/// Passwords count, and whoever is logged in writes what he likes.
const OPEN: &str = "{0}to attrs=userPassword by anonymous auth\n{1}to * by users write";

/// One of two that differ in one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// It must not open the door.
    Forged,
    /// It does.
    True,
}

/// A forgery and its control.
pub(crate) struct Forgery {
    /// The login of whom it would let in. Whom the control lets in has `-true` behind it.
    pub(crate) who: &'static str,
    /// Writes one of the two for this person.
    pub(crate) write: fn(&Office, &str, Which) -> Result<Grant>,
    /// What the host holds the forged one for.
    pub(crate) state: &'static str,
    /// The reason in the audit where there is one beyond the state.
    pub(crate) refusal: Option<&'static str>,
    /// What the host says is wrong with it.
    pub(crate) named: &'static str,
}

/// Whom the control lets in.
pub(crate) fn control(who: &str) -> String {
    format!("{who}-true")
}

/// A company without rules, and everybody's keys.
pub(crate) struct Office {
    pub(crate) company: Company,
    pub(crate) keys: Keys,
    /// Who writes what others approved: the approver himself, or an administrator where only the signature proves it.
    pub(crate) writers: Writers,
}

/// Whom creatorsName shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Each approver as himself.
    Themselves,
    /// An administrator for all of them.
    Administrator,
}

impl Office {
    /// With everybody whom these forgeries are about. bob and carol are leads, bob and dave seniors; `judged` is a role like `careful`, whose
    /// approvers are bob, selfish and selfish-true; `sealed`, `sealedjudged` and `sealedboth` are `careful`, `judged` and `both` with signatures.
    pub(crate) fn of(forgeries: &[Forgery], source: Source) -> Result<Office> {
        let names: Vec<String> =
            forgeries.iter().flat_map(|forgery| [forgery.who.to_owned(), control(forgery.who)]).collect();
        let mut people: Vec<&str> = names.iter().map(String::as_str).collect();
        people.push("last");
        let keys = Keys::make()?;
        let company = Company::new(&people, &roles(), source)?;
        company.door.host().write("/etc/jitd/allowed_signers", 0o644, keys.allowed_signers()?)?;
        company.open()?;
        company.slapd.rules(OPEN)?;
        let writers = if source.proof == "signature" { Writers::Administrator } else { Writers::Themselves };
        Ok(Office { company, keys, writers })
    }

    /// Somebody asks for an hour under a role.
    pub(crate) fn asks(&self, who: &str, role: &str) -> Result<Grant> {
        let grant = free(who).under(role);
        self.company.adds(who, &Ldif::new().grant(&grant))?;
        Ok(grant)
    }

    /// Writes LDIF of changes as somebody.
    pub(crate) fn as_himself(&self, who: &str, ldif: &str) -> Result<()> {
        self.company.slapd.change_as(&person(who), &format!("{who}-secret"), ldif)
    }

    /// Tries them all, and tells everything that is not as it should be.
    pub(crate) fn try_all(&self, forgeries: &[Forgery]) -> Result<()> {
        let mut written = Vec::new();
        for forgery in forgeries {
            let writes = |who: &str, which| {
                (forgery.write)(self, who, which)
                    .map_err(|trouble| Trouble::new(format!("{} ({which:?}): {trouble}", forgery.who)))
            };
            let truly = writes(&control(forgery.who), Which::True)?;
            written.push((forgery, truly, writes(forgery.who, Which::Forged)?));
        }
        // What was written before the last one has been heard when that one has.
        let last = free("last");
        self.company.adds("last", &Ldif::new().grant(&last))?;
        // Nobody answers for a grant that no approval is needed for, and nothing else proves anything.
        let state = if self.writers == Writers::Administrator { "refused" } else { "live" };
        self.company.until_state(&last, state)?;
        self.company.slapd.shipped_rules()?;
        let mut wrong = Vec::new();
        for (forgery, truly, forged) in &written {
            wrong.extend(self.lets_in(&control(forgery.who), truly)?);
            wrong.extend(self.finds_out(forgery, forged)?);
        }
        assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
        Ok(())
    }

    /// What is wrong with how the host takes what is true.
    fn lets_in(&self, who: &str, grant: &Grant) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let output = self.company.door.ssh(who, "sudo id -u")?;
        if !welcome(&output) {
            let why = self.company.door.jitctl(["why", who]).run()?;
            wrong.push(format!("{who} should be in: {output}\n{why}"));
        }
        let event = self.decided(who)?;
        if event["verdict"] != "allow" || event["grants"][0]["id"] != grant.id() {
            wrong.push(format!("{who} should be in by {}, but the audit says {event}", grant.id()));
        }
        Ok(wrong)
    }

    /// What is wrong with how the host takes what is forged.
    fn finds_out(&self, forgery: &Forgery, grant: &Grant) -> Result<Vec<String>> {
        let (who, mut wrong) = (forgery.who, Vec::new());
        let held = self.company.grant(grant);
        if held["state"] != forgery.state {
            wrong.push(format!("{who} should be {}, but `grants --all` says {held}", forgery.state));
        }
        let why = self.company.door.jitctl(["why", who, "--json"]).run()?;
        if why.status != 1 || !why.stdout.contains(forgery.named) {
            wrong.push(format!("{who} should be out ({}), but `why` says {why}", forgery.named));
        }
        let output = self.company.door.ssh(who, "sudo id -u")?;
        if !refused(&output, "jit:") {
            wrong.push(format!("{who} should be out: {output}"));
        }
        let event = self.decided(who)?;
        let right = event["verdict"] == "deny"
            && event["code"] == forgery.state
            && event["refusal"].as_str() == forgery.refusal
            && event["nearest"] == grant.id();
        if !right {
            wrong.push(format!("{who} should be out by {}, but the audit says {event}", forgery.state));
        }
        Ok(wrong)
    }

    /// What the audit says of his coming to sshd.
    fn decided(&self, who: &str) -> Result<Value> {
        self.company.door.decided(who, |event| event["service"] == "sshd" && event["name"] == who)
    }
}

/// Beyond those of every company.
fn roles() -> Ldif {
    let (everybody, leads, seniors, judges) =
        (group("everybody"), group("leads"), group("seniors"), group("judges"));
    let role = |ldif: Ldif, name: &str, number: &str, approvers: &str, signed: &str| {
        ldif.role(
            name,
            &[
                ("jitHost", "*"),
                ("jitEligible", &everybody),
                ("jitApprovalsRequired", number),
                ("jitApproverGroup", approvers),
                ("jitSignatureRequired", signed),
            ],
        )
    };
    let judging = ["bob".to_owned(), "selfish".to_owned(), control("selfish")].map(|who| person(&who));
    let judging: Vec<&str> = judging.iter().map(String::as_str).collect();
    let ldif = Ldif::new()
        .group("judges", &judging)
        .group("team", &[&person("team"), &person("bob")])
        .group(&control("team"), &[&person(&control("team"))]);
    let ldif = role(ldif, "judged", "1", &judges, "FALSE");
    let ldif = role(ldif, "sealed", "1", &leads, "TRUE");
    let ldif = role(ldif, "sealedjudged", "1", &judges, "TRUE");
    role(ldif, "sealedboth", "2", &seniors, "TRUE")
}
