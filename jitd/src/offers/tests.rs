use std::collections::BTreeSet;

use jit_directory::decode::{Bases, Reading, decode};
use jit_directory::ldif::gather::gather;
use jit_directory::ldif::parse::parse;
use jit_model::name::SourceName;
use jit_model::source::Proof;

use super::*;

const GROUPS: &str = "dn: cn=devs,ou=groups,dc=x\nobjectClass: groupOfNames\ncn: devs\n\
    member: cn=inner,ou=groups,dc=x\nmember: uid=Alice,ou=people,dc=x\n\n\
    dn: cn=inner,ou=groups,dc=x\nobjectClass: groupOfNames\ncn: inner\n\
    member: cn=devs,ou=groups,dc=x\nmember: cn=Eve Evans,ou=people,dc=x\nmember: uid=frank,ou=people,dc=x\n\n\
    dn: cn=Eve Evans,ou=people,dc=x\nobjectClass: account\ncn: Eve Evans\nuid: eve\n\n";

fn role(name: &str, host: &str, eligible: &str, more: &str) -> String {
    format!(
        "dn: cn={name},ou=roles,ou=jit,dc=x\nobjectClass: jitRole\ncn: {name}\njitHost: {host}\njitEligible: {eligible}\n\
         jitMaxDuration: 3600\njitApprovalsRequired: 0\n{more}\n"
    )
}

fn offers(roles: &[String]) -> Offers {
    let grants = "dn: ou=grants,ou=jit,dc=x\nobjectClass: organizationalUnit\nou: grants\n\n";
    let bases = Bases::under(&Dn::parse("dc=x").unwrap()).unwrap();
    let text = format!("{grants}{GROUPS}{}", roles.concat());
    let entries = gather(parse(text.as_bytes()).unwrap(), &bases).unwrap();
    let reading = Reading {
        name: SourceName::new("ldap").unwrap(),
        proof: Proof::CreatorsName,
        writers: BTreeSet::new(),
        default_role: None,
        login_attribute: "uid".to_owned(),
    };
    Offers::of(&decode(&entries, &bases, &reading), &HostNames::new("web1.example.com", ["web"]).unwrap())
}

fn seen(offers: &Offers, login: &str, service: &str) -> Vec<String> {
    let service = Service::new(service).unwrap();
    let roles = offers.for_whom(&Login::new(login).unwrap(), &service);
    roles.into_iter().map(|role| role.name.clone()).collect()
}

#[test]
fn who_seems_eligible_for_what() {
    let devs = "cn=devs,ou=groups,dc=x";
    let offers = offers(&[
        role("web", "@web", devs, ""),
        role("sudoers", "*.example.com", devs, "jitService: sudo\n"),
        role("db", "@db", devs, ""),
        role("one", "*", "uid=gina,ou=people,dc=x", "jitService: sshd\n"),
        role("broken", "*", devs, "jitLater: 1\n"),
    ]);
    let cases: [(&str, &str, &[&str]); 9] = [
        ("alice", "sshd", &["web"]),
        ("alice", "sudo", &["sudoers", "web"]),
        ("ALICE", "sshd", &["web"]),
        // By a group in a group.
        ("frank", "sshd", &["web"]),
        // Known by the login, as the entry is called otherwise.
        ("eve", "sshd", &["web"]),
        ("gina", "sshd", &["one"]),
        ("gina", "sudo", &[]),
        ("mallory", "sshd", &[]),
        // A group is nobody's name.
        ("devs", "sshd", &[]),
    ];
    for (login, service, roles) in cases {
        assert_eq!(seen(&offers, login, service), roles, "{login} {service}");
    }
}
