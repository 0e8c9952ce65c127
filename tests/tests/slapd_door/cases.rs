//! One person for each thing that can be written in a directory, by whom it may be written and by whom not. Where the rules of
//! packaging/ldap would have stopped it, it was written before they were there: a host relies on its own judgement.

use std::time::Duration;

use jit_tests::ldif::{BASE, Grant, Ldif, from_now, group, person};
use jit_tests::slapd::Slapd;
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use serde_json::Value;

use jit_tests::company::{Company, START_TLS, TICKETS, additions, altering, careful, free};

/// What a person finds at the door.
#[derive(Clone, Copy, Debug)]
enum Finds {
    /// ssh lets him in, without a word.
    In,
    /// ssh shows him this; the audit's word for it.
    Out(&'static str, &'static str),
}
use Finds::{In, Out};

/// Something that happens, in order.
enum Step {
    /// Written when everybody could write everything, and before jitd started.
    Before { who: String, ldif: Ldif },
    /// Written under the rules, while jitd listens.
    Adds { who: String, ldif: Ldif },
    /// Written by the administrator, as LDIF of changes.
    Admin(String),
    /// Waits until jitd holds the grant so.
    State(&'static str),
}

struct Case {
    who: &'static str,
    grant: Grant,
    steps: Vec<Step>,
    /// What jitd holds the grant for in the end; nothing when it does not concern the host.
    state: Option<&'static str>,
    finds: Finds,
    approvers: &'static [&'static str],
}

impl Case {
    fn before(mut self, who: &str, ldif: impl FnOnce(Ldif, &Grant) -> Ldif) -> Case {
        let ldif = ldif(Ldif::new(), &self.grant);
        self.steps.push(Step::Before { who: who.to_owned(), ldif });
        self
    }

    fn adds(mut self, who: &str, ldif: impl FnOnce(Ldif, &Grant) -> Ldif) -> Case {
        let ldif = ldif(Ldif::new(), &self.grant);
        self.steps.push(Step::Adds { who: who.to_owned(), ldif });
        self
    }

    fn asks(self) -> Case {
        let who = self.who;
        self.adds(who, |l, g| l.grant(g))
    }

    fn approved(mut self, who: &'static str, approvers: &'static [&'static str]) -> Case {
        self.approvers = approvers;
        self.adds(who, |l, g| l.approval(g, who))
    }

    fn admin(mut self, ldif: impl FnOnce(&Grant) -> String) -> Case {
        self.steps.push(Step::Admin(ldif(&self.grant)));
        self
    }

    fn first(mut self, state: &'static str) -> Case {
        self.steps.push(Step::State(state));
        self
    }

    fn then(mut self, state: &'static str, finds: Finds) -> Case {
        (self.state, self.finds) = (Some(state), finds);
        self
    }

    fn unknown(mut self, finds: Finds) -> Case {
        (self.state, self.finds) = (None, finds);
        self
    }
}

fn case(who: &'static str, grant: impl FnOnce(&str) -> Grant) -> Case {
    Case { who, grant: grant(who), steps: Vec::new(), state: None, finds: In, approvers: &[] }
}

const PENDING: Finds = Out("1 more approval from leads", "pending");
const NOTHING: Finds =
    Out("ask: jitctl request --role both --host web1.prod.example.com --for 2h --reason '...'", "no-grant");

/// Between two times, so many seconds from now.
fn within(who: &str, from: i64, until: i64) -> Grant {
    Grant::of(&format!("grant-of-{who}"), &person(who)).under("free").between(from, until)
}

fn deletion(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n\n")
}

/// Approved and live, and then its own attributes are changed.
fn altered(who: &'static str, change: &str) -> Case {
    case(who, careful)
        .asks()
        .approved("bob", &[])
        .first("live")
        .admin(|g| altering(&g.dn(), change))
        .then("refused", Out("changed after it was approved", "refused:changed-after-approval"))
}

fn cases() -> Vec<Case> {
    let touched = "replace: jitReason\njitReason: improved";
    vec![
        case("nobody", free).unknown(NOTHING),
        case("live", free).asks().then("live", In),
        case("later", |who| within(who, 3600, 7200)).asks().then("scheduled", Out("starts at", "scheduled")),
        case("over", |who| within(who, -7200, -3600))
            .asks()
            .then("refused", Out("ends before it begins", "refused:empty-window")),
        case("expired", |who| free(who).lasting(8))
            .asks()
            .first("live")
            .then("expired", Out("expired", "expired")),
        // The end.
        case("deleted", free)
            .asks()
            .first("live")
            .admin(|g| deletion(&g.dn()))
            .unknown(Out("no grant", "no-grant")),
        case("returned", free)
            .asks()
            .first("live")
            .adds("returned", |l, g| l.revocation(g))
            .then("revoked", Out("revoked by returned", "revoked")),
        case("taken", careful)
            .asks()
            .approved("bob", &[])
            .first("live")
            .adds("carol", |l, g| l.revocation(g))
            .then("revoked", Out("revoked by carol", "revoked")),
        case("unrevoked", free)
            .asks()
            .first("live")
            .adds("unrevoked", |l, g| l.revocation(g))
            .first("revoked")
            .admin(|g| deletion(&format!("cn=revoked,{}", g.dn())))
            .then("revoked", Out("revoked by unrevoked", "revoked")),
        case("garbled", free)
            .asks()
            .first("live")
            .admin(|g| {
                let odd = [
                    ("objectClass", "jitRevocation"),
                    ("objectClass", "extensibleObject"),
                    ("cn", "odd"),
                    ("cn", "odder"),
                    ("jitHost", jit_tests::door::NAME),
                    ("jitHost", "not a host, or is it?"),
                    ("jitDuration", "-5"),
                    ("jitLocalGroup", "wheel"),
                ];
                additions(&Ldif::new().entry(&format!("cn=odd,{}", g.dn()), &odd))
            })
            .then("revoked", Out("revoked", "revoked")),
        // Hosts. What concerns other hosts is not even read.
        case("elsewhere", |who| free(who).with("jitHost", "web2.prod.example.com")).asks().unknown(NOTHING),
        case("upper", |who| free(who).with("jitHost", "WEB1.Prod.Example.COM")).asks().then("live", In),
        case("byhostgroup", |who| free(who).with("jitHost", "@web")).asks().then("live", In),
        case("othergroup", |who| free(who).with("jitHost", "@db")).asks().unknown(NOTHING),
        case("bydomain", |who| free(who).with("jitHost", "*.prod.example.com")).asks().then("live", In),
        case("halflabel", |who| free(who).with("jitHost", "*.rod.example.com")).asks().unknown(NOTHING),
        case("everywhere", |who| free(who).with("jitHost", "*")).asks().then("live", In),
        case("dbrole", |who| free(who).under("db"))
            .asks()
            .then("refused", Out("or is not for this host", "refused:role-missing")),
        // Approvals.
        case("waiting", careful).asks().then("pending", PENDING),
        case("approved", careful).asks().approved("bob", &["bob"]).then("live", In),
        case("twoseniors", |who| free(who).under("both"))
            .asks()
            .approved("bob", &["bob"])
            .approved("dave", &["bob", "dave"])
            .then("live", In),
        case("onesenior", |who| free(who).under("both"))
            .asks()
            .approved("dave", &[])
            .then("pending", Out("1 more approval from seniors", "pending")),
        case("carol", careful)
            .before("carol", |l, g| l.grant(g))
            .before("carol", |l, g| l.approval(g, "carol"))
            .then("pending", PENDING),
        case("outsider", careful)
            .before("outsider", |l, g| l.grant(g))
            .before("mallory", |l, g| l.approval(g, "mallory"))
            .then("pending", PENDING),
        case("lied", careful)
            .before("lied", |l, g| l.grant(g))
            .before("mallory", |l, g| l.approval(g, "bob"))
            .then("pending", PENDING),
        case("forged", careful)
            .asks()
            .admin(|g| additions(&Ldif::new().approval(g, "bob")))
            .then("pending", PENDING),
        case("teamwork", |who| {
            Grant::of(&format!("grant-of-{who}"), &group("team")).under("careful").lasting(3600)
        })
        .before("bob", |l, g| l.grant(g))
        .before("bob", |l, g| l.approval(g, "bob"))
        .then("pending", PENDING),
        case("improved", careful)
            .asks()
            .approved("bob", &[])
            .first("live")
            .admin(|g| altering(&format!("cn=by-bob,{}", g.dn()), touched))
            .then("pending", PENDING),
        altered("edited", "replace: jitDuration\njitDuration: 7200"),
        altered("widened", "add: jitService\njitService: sudo"),
        // Roles.
        case("norole", |who| free(who).under("imagined"))
            .before("norole", |l, g| l.grant(g))
            .then("refused", Out("does not exist", "refused:role-missing")),
        case("ownrole", |who| {
            let grant = free(who);
            let own = format!("cn=mine,{}", grant.dn());
            grant.with("jitRoleDN", own)
        })
        .before("ownrole", |l, g| {
            let own = [
                ("objectClass", "jitRole"),
                ("cn", "mine"),
                ("jitHost", "*"),
                ("jitEligible", &person("ownrole")),
                ("jitMaxDuration", "3600"),
                ("jitApprovalsRequired", "0"),
            ];
            l.grant(g).entry(&format!("cn=mine,{}", g.dn()), &own)
        })
        .then("refused", Out("does not exist", "refused:role-missing")),
        case("uninvited", |who| free(who).under("chosen"))
            .before("uninvited", |l, g| l.grant(g))
            .then("refused", Out("not eligible", "refused:not-eligible")),
        case("toolong", |who| free(who).lasting(9 * 3600))
            .asks()
            .then("refused", Out("longer than", "refused:too-long")),
        case("toolate", |who| within(who, 0, 9 * 3600))
            .asks()
            .then("refused", Out("longer than", "refused:too-long")),
        // Who wrote it, where no approval is needed.
        case("gifted", free)
            .before("mallory", |l, g| l.grant(g))
            .then("refused", Out("neither its subject nor a listed writer", "refused:written-by-other")),
        case("ticketed", free).before(TICKETS, |l, g| l.grant(g)).then("live", In),
        // Who it is for.
        case("nested", |who| {
            Grant::of(&format!("grant-of-{who}"), &group("outer")).under("careful").lasting(3600)
        })
        .asks()
        .approved("bob", &["bob"])
        .then("live", In),
        case("shared", free)
            .asks()
            .then("refused", Out("belongs to more than one entry", "refused:login-shared")),
        case("zero", free).asks().then("refused", Out("root holds no grant", "refused:root")),
        case("toor", free).asks().then("live", Out("root holds no grant", "root")),
        case("root", free).asks().then("refused", Out("root holds no grant", "root")),
        // Strictness.
        case("openended", |who| free(who).and("objectClass", "extensibleObject"))
            .before("openended", |l, g| l.grant(g))
            .unknown(Out("malformed", "refused:malformed")),
        case("endless", |who| free(who).and("jitNotAfter", from_now(7200)))
            .asks()
            .unknown(Out("malformed", "refused:malformed")),
    ]
}

fn directory() -> Ldif {
    let shared = [("objectClass", "inetOrgPerson"), ("cn", "twin"), ("sn", "twin"), ("uid", "shared")];
    Ldif::new()
        .group("inner", &[&person("nested")])
        .group("outer", &[&group("inner"), &group("circle")])
        .group("circle", &[&group("outer")])
        .group("team", &[&person("teamwork"), &person("bob")])
        .role("db", &[("jitHost", "@db"), ("jitEligible", &group("everybody"))])
        .role("chosen", &[("jitHost", "*"), ("jitEligible", &person("alice"))])
        .entry(&format!("cn=twin,ou=people,{BASE}"), &shared)
}

#[test]
fn what_is_written_and_by_whom() -> Result<()> {
    let cases = cases();
    let people: Vec<&str> = cases.iter().map(|case| case.who).collect();
    // Its schema is of before it had content rules: hosts go by none.
    let company = Company::at(Slapd::plan().lenient(), &people, &directory(), START_TLS)?;
    company.door.host().sh("sed -i 's/^toor:x:[0-9]*:/toor:x:0:/' /etc/passwd").run()?.must()?;

    company.slapd.rules("{0}to attrs=userPassword by anonymous auth\n{1}to * by users write")?;
    for (who, ldif) in cases.iter().flat_map(|case| &case.steps).filter_map(|step| match step {
        Step::Before { who, ldif } => Some((who, ldif)),
        _ => None,
    }) {
        company.adds(who, ldif)?;
    }
    company.slapd.shipped_rules()?;
    company.open()?;
    for case in &cases {
        for step in &case.steps {
            match step {
                Step::Before { .. } => {}
                Step::Adds { who, ldif } => company.adds(who, ldif)?,
                Step::Admin(ldif) => company.slapd.change(ldif)?,
                Step::State(state) => company.until_state(&case.grant, state)?,
            }
        }
    }
    let held = |case: &Case| company.grant(&case.grant)["state"].as_str().map(str::to_owned);
    let settled = || cases.iter().all(|case| held(case).as_deref() == case.state);
    // Whoever does not get there is named below.
    let waited = until(Duration::from_secs(30), "jitd holds every grant as it should", settled);
    let mut wrong: Vec<String> = waited.err().iter().map(ToString::to_string).collect();
    for case in cases.iter().filter(|case| held(case).as_deref() != case.state) {
        wrong.push(format!("{} should be {:?}, but is {:?}", case.who, case.state, held(case)));
    }

    for case in &cases {
        let output = company.door.ssh(case.who, "echo inside")?;
        let right = match case.finds {
            In => output.ok() && output.stdout == "inside\n" && output.stderr.is_empty(),
            Out(why, _) => !output.ok() && output.stdout.is_empty() && output.stderr.contains(why),
        };
        if !right {
            wrong.push(format!("{} should find {:?}, but: {output}", case.who, case.finds));
        }
    }
    let decided = |event: &Value, who: &str| event["service"] == "sshd" && event["name"] == who;
    let last = cases.last().map(|case| case.who).unwrap_or_default();
    company.door.audited("the last of them", |event| decided(event, last))?;
    let audit = company.door.audit()?;
    for case in &cases {
        let event = audit.iter().find(|event| decided(event, case.who)).cloned().unwrap_or_default();
        wrong.extend(misjudged(case, &event));
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));

    company.is_out("waiting", "ask them: jitctl approve grant-of-waiting")?;

    // What was learned is not forgotten by a daemon that is killed.
    company.door.kill_jitd()?;
    company.door.start_jitd()?;
    company.is_in("approved")?;
    company.is_out("unrevoked", "revoked by unrevoked")?;
    company.is_out("garbled", "revoked")?;
    company.is_out("deleted", "no grant")?;
    Ok(())
}

/// What is wrong with the audit's line about a case, if anything.
fn misjudged(case: &Case, event: &Value) -> Option<String> {
    let id = case.grant.id();
    let right = match case.finds {
        In => {
            let grant = &event["grants"][0];
            let approvers: Vec<&str> = grant["approvers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["dn"].as_str())
                .collect();
            let expected: Vec<String> = case.approvers.iter().map(|who| person(who)).collect();
            event["verdict"] == "allow" && grant["id"] == id && approvers == expected
        }
        Out(why, code) => {
            let (code, refusal) = code.split_once(':').map_or((code, Value::Null), |(c, r)| (c, r.into()));
            let nearest = if ["no-grant", "root"].contains(&code) { Value::Null } else { id.into() };
            let told = event["reason"].as_str().is_some_and(|reason| reason.contains(why));
            event["verdict"] == "deny"
                && event["code"] == code
                && event["refusal"] == refusal
                && event["nearest"] == nearest
                && (told || code == "no-grant")
        }
    };
    (!right).then(|| {
        format!("{} should find {:?} {:?}, but the audit says {event}", case.who, case.finds, case.approvers)
    })
}
