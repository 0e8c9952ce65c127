//! Whether a role is for the hosts that somebody asks for, as far as names tell: which hosts are in `@web` is known on the hosts only.
//! For advice before a grant is written; hosts decide by [`jit_model::host::HostNames`], and never by this.

use std::collections::BTreeSet;

use jit_model::host::HostPattern;

/// What names tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Every host of this name.
    Whole,
    /// Some of them: the role is narrower.
    Part,
    /// That depends on which hosts are in a host group.
    Unknown,
    /// None of them.
    Nothing,
}

/// Whether the role's hosts cover the name that is asked for.
pub fn cover(role: &BTreeSet<HostPattern>, asked: &HostPattern) -> Cover {
    let all = role.iter().map(HostPattern::as_str);
    if role.contains(asked) || all.clone().any(|name| name == "*") {
        return Cover::Whole;
    }
    let asked = asked.as_str();
    if asked == "*" {
        return Cover::Part;
    }
    let grouped = all.clone().any(|name| name.starts_with('@'));
    if asked.starts_with('@') {
        return Cover::Unknown;
    }
    // `*.a.b` and `w.a.b` are both below `b`, and so below `*.b`.
    let below = |domain: &str, name: &str| {
        let name = name.strip_prefix("*.").unwrap_or(name);
        name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
    };
    if all.clone().any(|name| name.strip_prefix("*.").is_some_and(|domain| below(domain, asked))) {
        return Cover::Whole;
    }
    if asked.strip_prefix("*.").is_some_and(|domain| all.clone().any(|name| below(domain, name))) {
        return Cover::Part;
    }
    if grouped { Cover::Unknown } else { Cover::Nothing }
}

/// The names, for people.
pub fn names(hosts: &BTreeSet<HostPattern>) -> String {
    hosts.iter().map(HostPattern::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_tell() {
        use Cover::{Nothing, Part, Unknown, Whole};
        for (role, asked, cover) in [
            ("*", "web1.prod.example.com", Whole),
            ("*", "@web", Whole),
            ("*", "*", Whole),
            ("web1.example.com", "WEB1.example.com.", Whole),
            ("web1.example.com", "web2.example.com", Nothing),
            ("web1.example.com", "eweb1.example.com", Nothing),
            ("*.example.com", "web1.example.com", Whole),
            ("*.example.com", "web1.prod.example.com", Whole),
            ("*.example.com", "example.com", Nothing),
            ("*.example.com", "web1.badexample.com", Nothing),
            ("*.example.com", "*.prod.example.com", Whole),
            ("*.prod.example.com", "*.example.com", Part),
            ("web1.example.com", "*.example.com", Part),
            ("web1.example.com", "*", Part),
            ("web1.example.com", "@web", Unknown),
            ("@web", "web1.example.com", Unknown),
            ("@web", "@web", Whole),
            ("@web", "@db", Unknown),
            ("@web", "*.example.com", Unknown),
            ("web1.example.com", "*.example.org", Nothing),
        ] {
            let role = BTreeSet::from([HostPattern::new(role).unwrap()]);
            assert_eq!(super::cover(&role, &HostPattern::new(asked).unwrap()), cover, "{role:?} {asked}");
        }
    }

    /// Whatever host answers to both names is one that a whole cover promises, and one that nothing rules out.
    #[test]
    fn hosts_agree() {
        use jit_model::host::HostNames;
        let names = ["*", "*.b.c", "*.c", "a.b.c", "x.c", "*.y", "@g"];
        let hosts = ["a.b.c", "b.c", "x.c", "d.x.c", "c", "q.y"];
        for role in names.map(|name| BTreeSet::from([HostPattern::new(name).unwrap()])) {
            for asked in names.map(|name| HostPattern::new(name).unwrap()) {
                let covered = super::cover(&role, &asked);
                for host in hosts {
                    for groups in [&[][..], &["g"]] {
                        let host = HostNames::new(host, groups.iter().copied()).unwrap();
                        if !host.meets(&BTreeSet::from([asked.clone()])) {
                            continue;
                        }
                        let meets = host.meets(&role);
                        assert!(covered != Cover::Whole || meets, "{role:?} {asked} {host:?}");
                        assert!(covered != Cover::Nothing || !meets, "{role:?} {asked} {host:?}");
                    }
                }
            }
        }
    }
}
