//! `[[exempt]]` blocks for jitd.toml, as narrow as what was seen: these services, and for those that tell PAM an address, from there. Every
//! word in them that came from the audit is checked or escaped: a login name must not become a key of the file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jit_model::name::{Login, Service};
use jit_model::policy::Network;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::Somebody;
use crate::terminal::clean;

/// What stands above the blocks.
pub const HEADING: &str = "\
# Standing access for what looks like automation, by what this audit shows. It is a guess, and root decides: strike out whoever is a person,
# or need not come in at all. Read each once more before it is pasted into /etc/jitd/jitd.toml.
";

/// Up to so many addresses are written down one by one.
const SINGLE: usize = 4;
/// Where they have no narrow network in common, up to so many.
const MOST: usize = 16;
/// The widest network that is proposed, of each family.
const WIDEST: (u8, u8) = (24, 64);

/// What is proposed for somebody.
#[derive(Debug, Default)]
pub struct Proposed {
    /// The blocks, with the evidence above.
    pub text: String,
    /// For these services.
    pub services: Vec<String>,
    /// From there, where a service tells an address.
    pub from: Vec<String>,
    /// What is not covered, and why.
    pub left_out: Vec<String>,
}

/// An address as `from` compares it; none for a name, of which the peer's own DNS may say anything.
pub fn address(place: &str) -> Option<IpAddr> {
    place.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The narrowest networks for some addresses; none where they are too many and too far apart.
pub fn networks(addresses: &BTreeSet<IpAddr>) -> Option<Vec<Network>> {
    let single =
        |address: &IpAddr| Network { address: *address, prefix: if address.is_ipv4() { 32 } else { 128 } };
    if addresses.len() <= SINGLE {
        return Some(addresses.iter().map(single).collect());
    }
    let four: Vec<u32> = addresses
        .iter()
        .filter_map(|a| if let IpAddr::V4(a) = a { Some(a.to_bits()) } else { None })
        .collect();
    let six: Vec<u128> = addresses
        .iter()
        .filter_map(|a| if let IpAddr::V6(a) = a { Some(a.to_bits()) } else { None })
        .collect();
    let mut found = Vec::new();
    // Sorted, so that the first and the last differ most.
    if let (Some(first), Some(last)) = (four.first(), four.last()) {
        let prefix = u8::try_from((first ^ last).leading_zeros()).unwrap_or(0);
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        found.push((
            prefix >= WIDEST.0,
            Network { address: Ipv4Addr::from_bits(first & mask).into(), prefix },
        ));
    }
    if let (Some(first), Some(last)) = (six.first(), six.last()) {
        let prefix = u8::try_from((first ^ last).leading_zeros()).unwrap_or(0);
        let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
        found.push((
            prefix >= WIDEST.1,
            Network { address: Ipv6Addr::from_bits(first & mask).into(), prefix },
        ));
    }
    match found.iter().all(|(narrow, _)| *narrow) {
        true => Some(found.into_iter().map(|(_, network)| network).collect()),
        false => (addresses.len() <= MOST).then(|| addresses.iter().map(single).collect()),
    }
}

/// Services that tell PAM no address of anybody.
fn is_local(service: &str) -> bool {
    matches!(service, "sudo" | "sudo-i" | "su" | "su-l" | "doas" | "polkit-1" | "login")
}

/// The blocks for somebody.
pub fn propose(
    host: &str,
    user: &str,
    somebody: &Somebody,
    evidence: &[String],
    name_host: bool,
) -> Proposed {
    let mut proposed = Proposed::default();
    if Login::new(user).is_err() {
        proposed.left_out.push("his name is none that jitd.toml takes".to_owned());
        return proposed;
    }
    let mut anywhere = Vec::new();
    let mut from: Vec<(Vec<Network>, Vec<&str>)> = Vec::new();
    for (service, count) in somebody.services.iter().filter(|(_, count)| count.times() > 0) {
        if Service::new(service).is_err() {
            proposed.left_out.push("a service whose name is none that jitd.toml takes".to_owned());
            continue;
        }
        if is_local(service) {
            anywhere.push(service.as_str());
            continue;
        }
        let addresses: BTreeSet<IpAddr> = count.places.keys().filter_map(|place| address(place)).collect();
        let odd = count.places.keys().filter(|place| address(place).is_none()).count();
        if odd > 0 {
            proposed.left_out.push(format!(
                "{service} from {odd} places without an address (a name proves nothing; UseDNS no has sshd tell addresses)"
            ));
        }
        match networks(&addresses) {
            Some(networks) if !networks.is_empty() => {
                match from.iter_mut().find(|(known, _)| *known == networks) {
                    Some((_, services)) => services.push(service),
                    None => from.push((networks, vec![service])),
                }
            }
            Some(_) => {}
            None => proposed.left_out.push(format!(
                "{service} from {} addresses with no narrow network in common: say yourself from where",
                addresses.len()
            )),
        }
    }
    let mut blocks = String::new();
    // Writing to a String cannot fail.
    for (networks, services) in &from {
        let shown: Vec<String> = networks.iter().map(ToString::to_string).collect();
        let _ = write!(
            blocks,
            "[[exempt]]\nuser = {}\nservices = {}\nfrom = {}\n",
            quoted(user),
            list(services),
            list(&shown)
        );
        proposed.services.extend(services.iter().map(|service| (*service).to_owned()));
        proposed.from.extend(shown);
    }
    if !anywhere.is_empty() {
        let note = "# (no `from`: these tell PAM no address, so an exemption with one would never match)";
        let _ =
            write!(blocks, "{note}\n[[exempt]]\nuser = {}\nservices = {}\n", quoted(user), list(&anywhere));
        proposed.services.extend(anywhere.iter().map(|service| (*service).to_owned()));
    }
    let mut text = String::from("\n");
    for line in comments(host, user, somebody, evidence, name_host).iter().chain(&proposed.left_out_lines()) {
        let _ = writeln!(text, "# {}", clean(line));
    }
    text.push_str(&blocks);
    proposed.text = text;
    proposed
}

impl Proposed {
    fn left_out_lines(&self) -> Vec<String> {
        self.left_out.iter().map(|what| format!("  left out: {what}")).collect()
    }
}

fn comments(
    host: &str,
    user: &str,
    somebody: &Somebody,
    evidence: &[String],
    name_host: bool,
) -> Vec<String> {
    let counts: Vec<String> = somebody
        .services
        .iter()
        .map(|(service, count)| format!("{service} {} times", count.times()))
        .collect();
    let last = somebody.services.values().map(super::Count::last).max().unwrap_or_default();
    let on = if name_host { format!(" on {host}") } else { String::new() };
    let first = format!("{user}{on}: {}, the last time {}", counts.join(", "), clock_time(Timestamp(last)));
    let mut lines = vec![first];
    if somebody.uid == Some(0) {
        lines.push("  this is root: whoever comes in so may do everything".to_owned());
    }
    lines.extend(evidence.iter().map(|sentence| format!("  {sentence}")));
    lines
}

fn list(items: &[impl AsRef<str>]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
