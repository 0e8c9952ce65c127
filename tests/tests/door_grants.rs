//! Which grants open the door: one person for each case, all in one LDIF file, asked through real sshd and sudo.

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif, from_now, group, person};
use jit_tests::trouble::Result;
use serde_json::Value;

/// What a person finds at the door.
#[derive(Clone, Copy, Debug)]
enum Finds {
    /// ssh lets him in, without a word.
    In,
    /// ssh shows him this.
    Out(&'static str),
}
use Finds::{In, Out};

struct Case {
    /// Login; named after the case.
    who: &'static str,
    finds: Finds,
    entries: Ldif,
}

fn case(who: &'static str, finds: Finds, entries: impl FnOnce(Ldif, Grant) -> Ldif) -> Case {
    let grant = Grant::live(&format!("grant-of-{who}"), who);
    Case { who, finds, entries: entries(Ldif::new().person(who), grant) }
}

/// Everybody in the directory is eligible for `ops` (no approval), `careful` (one approval from sre) and `both` (two).
fn roles(people: &[&str]) -> Ldif {
    let people: Vec<String> = people.iter().map(|who| person(who)).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let sre = [person("carol"), person("dave"), person("selfish")];
    let sre: Vec<&str> = sre.iter().map(String::as_str).collect();
    let (everybody, approvers) = (group("everybody"), group("sre"));
    let approved = |n| {
        [
            ("jitHost", "*"),
            ("jitEligible", everybody.as_str()),
            ("jitApprovalsRequired", n),
            ("jitApproverGroup", approvers.as_str()),
        ]
    };
    Ldif::new()
        .group("everybody", &people)
        .group("sre", &sre)
        .person("carol")
        .person("dave")
        .role("ops", &[("jitHost", "*"), ("jitEligible", &everybody)])
        .role("db", &[("jitHost", "@db"), ("jitEligible", &everybody)])
        .role("reading", &[("jitHost", "*"), ("jitEligible", &everybody), ("jitService", "sudo")])
        .role("chosen", &[("jitHost", "*"), ("jitEligible", &person("carol"))])
        .role("short", &[("jitHost", "*"), ("jitEligible", &everybody), ("jitMaxDuration", "600")])
        .role("broken", &[("jitHost", "*"), ("jitEligible", &everybody), ("jitApprovalsRequired", "some")])
        .role("careful", &approved("1"))
        .role("both", &approved("2"))
}

fn cases() -> Vec<Case> {
    vec![
        case("nobody", Out("no grant"), |l, _| l),
        case("live", In, |l, g| l.grant(&g)),
        case("later", Out("starts at"), |l, g| l.grant(&g.between(3600, 7200))),
        case("over", Out("expired"), |l, g| l.grant(&g.between(-7200, -3600))),
        case("revoked", Out("revoked"), |l, g| l.grant(&g).revocation(&g)),
        case("garbled", Out("revoked"), |l, g| {
            let dn = format!("cn=revoked,{}", g.dn());
            let malformed =
                [("objectClass", "jitRevocation"), ("cn", "revoked"), ("jitNotAfter", "whenever")];
            l.grant(&g).entry(&dn, &malformed)
        }),
        // Hosts: its own name without regard to case, its group, a domain only at a label's boundary.
        case("upper", In, |l, g| l.grant(&g.with("jitHost", "WEB1.Prod.Example.COM."))),
        case("elsewhere", Out("not for this host"), |l, g| {
            l.grant(&g.with("jitHost", "web2.prod.example.com"))
        }),
        case("byhostgroup", In, |l, g| l.grant(&g.with("jitHost", "@web"))),
        case("otherhostgroup", Out("not for this host"), |l, g| l.grant(&g.with("jitHost", "@db"))),
        case("bydomain", In, |l, g| l.grant(&g.with("jitHost", "*.prod.example.com"))),
        case("byparent", In, |l, g| l.grant(&g.with("jitHost", "*.example.com"))),
        case("halflabel", Out("not for this host"), |l, g| l.grant(&g.with("jitHost", "*.rod.example.com"))),
        case("ownsubdomain", Out("not for this host"), |l, g| {
            l.grant(&g.with("jitHost", "*.web1.prod.example.com"))
        }),
        case("severalhosts", In, |l, g| {
            l.grant(&g.with("jitHost", "db1.example.com").and("jitHost", "@web"))
        }),
        case("rolehost", Out("not for this host"), |l, g| l.grant(&g.under("db"))),
        // Services: narrowing only.
        case("sudoonly", Out("not for sshd"), |l, g| l.grant(&g.with("jitService", "sudo"))),
        case("roleservice", Out("not for sshd"), |l, g| l.grant(&g.under("reading"))),
        case("disjoint", Out("not for sshd"), |l, g| l.grant(&g.under("reading").with("jitService", "sshd"))),
        // Roles.
        case("byrole", In, |l, g| l.grant(&g.under("ops"))),
        case("norole", Out("does not exist"), |l, g| l.grant(&g.under("imagined"))),
        case("ownrole", Out("does not exist"), |l, g| {
            let own = format!("cn=mine,{}", g.dn());
            let role =
                [("objectClass", "jitRole"), ("cn", "mine"), ("jitHost", "*"), ("jitMaxDuration", "28800")];
            l.grant(&g.clone().with("jitRoleDN", own.as_str())).entry(&own, &role)
        }),
        case("brokenrole", Out("malformed"), |l, g| l.grant(&g.under("broken"))),
        case("uninvited", Out("not eligible"), |l, g| l.grant(&g.under("chosen"))),
        case("toolong", Out("longer than"), |l, g| l.grant(&g.between(-60, 9 * 3600))),
        case("longforrole", Out("longer than"), |l, g| l.grant(&g.under("short"))),
        // Approvals.
        case("waiting", Out("1 more approval"), |l, g| l.grant(&g.under("careful"))),
        case("selfish", Out("1 more approval"), |l, g| {
            let g = g.under("careful");
            l.grant(&g).filed_approval(&g, "selfish")
        }),
        case("flattered", Out("1 more approval"), |l, g| {
            let g = g.under("careful");
            l.grant(&g).filed_approval(&g, "live")
        }),
        case("approved", In, |l, g| {
            let g = g.under("careful");
            l.grant(&g).filed_approval(&g, "carol")
        }),
        case("halfapproved", Out("1 more approval"), |l, g| {
            let g = g.under("both");
            l.grant(&g).filed_approval(&g, "carol")
        }),
        case("twiceapproved", In, |l, g| {
            let g = g.under("both");
            l.grant(&g).filed_approval(&g, "carol").filed_approval(&g, "dave")
        }),
        case("edited", Out("changed after it was approved"), |l, g| {
            let before = g.under("careful").with("jitService", "sshd");
            let after = before.clone().and("jitService", "sudo");
            l.grant(&after).filed_approval_of(&after, "carol", &before.digest())
        }),
        // Who it is for.
        case("nested", In, |l, g| {
            l.group("inner", &[&person("nested")])
                .group("outer", &[&group("inner"), &group("circle")])
                .group("circle", &[&group("outer")])
                .grant(&g.with("jitSubject", group("outer")))
        }),
        case("shared", Out("belongs to more than one entry"), |l, g| {
            let twin = format!("cn=twin,ou=people,{}", jit_tests::ldif::BASE);
            l.entry(
                &twin,
                &[("objectClass", "inetOrgPerson"), ("cn", "twin"), ("sn", "twin"), ("uid", "shared")],
            )
            .grant(&g)
        }),
        case("root", Out("root holds no grant"), |l, g| l.grant(&g)),
        case("toor", Out("root holds no grant"), |l, g| l.grant(&g)),
        // Strictness: what cannot be understood opens nothing.
        case("future", Out("needs a newer jitd"), |l, g| l.grant(&g.with("jitWeekdaysOnly", "TRUE"))),
        case("doubled", Out("malformed"), |l, g| l.grant(&g.and("jitNotAfter", from_now(7200)))),
        case("extensible", Out("malformed"), |l, g| l.grant(&g.and("objectClass", "extensibleObject"))),
        case("endless", Out("malformed"), |l, g| l.grant(&g.with("jitNotAfter", "soon"))),
        case("backwards", Out("ends before it begins"), |l, g| l.grant(&g.between(3600, -60))),
    ]
}

/// Everything that opens no door, with the text that says why; and what does, with its grant in the audit.
#[test]
fn each_grant_opens_what_it_should() -> Result<()> {
    let cases = cases();
    let people: Vec<&str> = cases.iter().map(|case| case.who).collect();
    let locals: Vec<&str> = people.iter().copied().filter(|who| *who != "root").collect();
    let entries = cases.iter().fold(roles(&people), |all, case| all.raw(&case.entries.to_string()));
    let door = Door::up(&locals, Mode::Enforcing, CONFIG, &entries)?;
    door.host().sh("sed -i 's/^toor:x:[0-9]*:/toor:x:0:/' /etc/passwd").run()?.must()?;

    let mut wrong = Vec::new();
    for case in &cases {
        let output = door.ssh(case.who, "echo inside")?;
        let right = match case.finds {
            In => output.ok() && output.stdout == "inside\n" && output.stderr.is_empty(),
            Out(why) => !output.ok() && output.stdout.is_empty() && output.stderr.contains(why),
        };
        if !right {
            wrong.push(format!("{} should find {:?}, but: {output}", case.who, case.finds));
        }
    }
    let decided = |event: &Value, who: &str| event["event"] == "decision" && event["name"] == who;
    let last = cases.last().map(|case| case.who).unwrap_or_default();
    door.audited("the last of them", |event| decided(event, last))?;
    let audit = door.audit()?;
    for case in &cases {
        let Some(event) = audit.iter().find(|event| decided(event, case.who)) else {
            wrong.push(format!("{}: nothing in the audit", case.who));
            continue;
        };
        let grant = format!("grant-of-{}", case.who);
        let named = event["nearest"] == *grant || event["grants"][0]["id"] == *grant;
        let right = match case.finds {
            In => event["verdict"] == "allow" && named,
            Out(why) => {
                let none = ["nobody", "root", "toor"].contains(&case.who);
                event["verdict"] == "deny"
                    && event["reason"].as_str().is_some_and(|r| r.contains(why))
                    && (named || none)
            }
        };
        if !right || event["service"] != "sshd" || event["mode"] != "enforcing" {
            wrong.push(format!("{} should find {:?}, but the audit says {event}", case.who, case.finds));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));

    // Who let them in, and why they wanted it, stands in the same line.
    let event = door
        .audited("twiceapproved", |e| e["name"] == "twiceapproved" && e["verdict"] == "allow")?
        .to_string();
    for word in [person("carol"), person("dave"), "the reason of grant-of-twiceapproved".to_owned()] {
        assert!(event.contains(&word), "{word} is not in {event}");
    }
    Ok(())
}

/// One grant for sshd alone, one for sudo alone: each opens its own door.
#[test]
fn services_are_apart() -> Result<()> {
    let entries = Ldif::new()
        .person("walker")
        .grant(&Grant::live("walk", "walker").with("jitService", "sshd"))
        .person("worker")
        .grant(&Grant::live("work", "worker").with("jitService", "sudo"))
        .person("boss")
        .grant(&Grant::live("rule", "boss").with("jitService", "sudo").and("jitService", "sshd"));
    let door = Door::up(&["walker", "worker", "boss"], Mode::Enforcing, CONFIG, &entries)?;
    assert!(door.ssh("walker", "true")?.ok());
    let refused = door.ssh("walker", "sudo id -u")?;
    assert!(!refused.ok() && refused.stderr.contains("not for sudo"), "{refused}");
    assert!(!refused.stdout.contains('0'));
    assert!(!door.ssh("worker", "true")?.ok());
    let worked = door.host().exec_as("worker", ["sudo", "id", "-u"]).run()?;
    assert_eq!((worked.status, worked.stdout.as_str(), worked.stderr.as_str()), (0, "0\n", ""));
    // sudo -i is a service of its own.
    let login = door.host().exec_as("worker", ["sudo", "-i", "id", "-u"]).run()?;
    assert!(!login.ok() && login.stderr.contains("not for sudo-i"), "{login}");
    assert_eq!(door.ssh("boss", "sudo id -u")?.stdout, "0\n");
    Ok(())
}
