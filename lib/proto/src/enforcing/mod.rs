//! The enforcing file: what a module goes by when it cannot reach the daemon. Its existence is the mode: no file means permissive.
//!
//! Root's jitctl writes it, modules and daemon read it. One `word value` a line, lines starting with `#` and empty ones are skipped:
//!
//! ```text
//! guard sshd                               the rule applies to this service
//! exempt user ansible services sshd,sudo from 10.0.0.0/8,2001:db8::/32
//! exempt group backup                      every guarded service, from anywhere
//! break-glass-user rescue                  in /etc/passwd
//! break-glass-group jit-breakglass         in /etc/group
//! break-glass-console yes                  root on a local console
//! production no                            nothing is guarded on this host
//! until 2026-11-22T15:04:05Z               not yet confirmed: after this time, and more than a day before it, the file is void
//! end enforcing                            the last line; without it the file was cut off
//! ```
//!
//! A file with no such line is the built-in defaults. A file with anything else in it is broken as a whole, and broken means
//! enforcing with the built-in defaults: no road leads from here to "allow". Nothing is allocated: the text stays in the
//! caller's buffer, is checked once and read again line by line.

mod read;
mod standing;

use core::fmt;
use core::net::IpAddr;

pub use read::{MAX_FILE, MOST_UNCONFIRMED, Reading, Unreadable, is_void, judge, read};
pub use standing::{Asked, Standing};

use crate::time::Rfc3339;

/// What holds when the file is empty or broken.
const BUILT_IN: &str = "\
guard sshd
guard login
guard remote
guard sudo
guard sudo-i
guard su
guard su-l
guard doas
guard polkit-1
guard cockpit
guard gdm-password
guard lightdm
guard sddm
guard xrdp-sesman
break-glass-group jit-breakglass
break-glass-console yes
end enforcing
";

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule<'a> {
    /// The rule applies to this service.
    Guard(&'a str),
    /// Standing access.
    Exempt(Exempt<'a>),
    /// This local user passes every guarded service.
    BreakGlassUser(&'a str),
    /// So do the members of this local group.
    BreakGlassGroup(&'a str),
    /// Whether root passes on a local console.
    BreakGlassConsole(Switch),
    /// Whether anything is guarded on this host. Unless said, it is.
    Production(Switch),
    /// After this time, in Unix seconds, the file is void: see [`is_void`].
    Until(i64),
    /// The last line.
    End,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `yes`
    Yes,
    /// `no`
    No,
}

/// Standing access, as narrow as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exempt<'a> {
    /// For whom.
    pub who: Who<'a>,
    /// Services, separated by commas; `None` for every guarded one.
    pub services: Option<&'a str>,
    /// Networks such as `10.0.0.0/8`, separated by commas; `None` for anywhere.
    pub from: Option<&'a str>,
}

/// For whom an exemption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// One login, local or not.
    User(&'a str),
    /// Members of a group in /etc/group.
    Group(&'a str),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not UTF-8, or a control character.
    NotText,
    /// A word that this version does not know, or a value that does not suit the word.
    NotUnderstood,
    /// A line that may stand only once stands again.
    Repeated,
    /// Something follows the last line.
    AfterEnd,
    /// The last line is missing, so the file was cut off.
    NoEnd,
    /// No service is guarded, and `production no` does not say that this is meant.
    NothingGuarded,
}

/// Why a text is no enforcing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::NotText => "is not printable UTF-8 text",
            Fault::NotUnderstood => "is not understood",
            Fault::Repeated => "repeats what may be said only once",
            Fault::AfterEnd => "follows the end of the file",
            Fault::NoEnd => "should be `end enforcing`: the file was cut off",
            Fault::NothingGuarded => {
                "ends a file that guards nothing; write `production no` if that is meant"
            }
        };
        write!(f, "line {} {fault}", self.line)
    }
}

impl core::error::Error for Broken {}

/// A whole file that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules<'a> {
    text: &'a str,
    until: Option<i64>,
    console: Switch,
    production: Switch,
}

impl Rules<'static> {
    /// What holds when there is nothing better to go by.
    pub fn built_in() -> Rules<'static> {
        Rules { text: BUILT_IN, until: None, console: Switch::Yes, production: Switch::Yes }
    }
}

impl<'a> Rules<'a> {
    /// Reads a whole file.
    ///
    /// # Errors
    /// At the first line that is not understood, and for a file that was cut off or guards nothing.
    pub fn parse(file: &'a [u8]) -> Result<Rules<'a>, Broken> {
        let text = core::str::from_utf8(file).map_err(|error| {
            let good = file.get(..error.valid_up_to()).unwrap_or(&[]);
            Broken { line: newlines(good).saturating_add(1), fault: Fault::NotText }
        })?;
        let (mut until, mut console, mut production) = (None, None, None);
        let (mut guards, mut said, mut ended, mut number) = (false, false, false, 0_usize);
        for line in text.split_inclusive('\n') {
            number = number.saturating_add(1);
            let broken = |fault| Broken { line: number, fault };
            let Some(line) = line.strip_suffix('\n') else {
                return Err(broken(Fault::NoEnd));
            };
            if line.chars().any(|c| !crate::clean::printable(c)) {
                return Err(broken(Fault::NotText));
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if ended {
                return Err(broken(Fault::AfterEnd));
            }
            said = true;
            let once = |repeated: bool| if repeated { Err(broken(Fault::Repeated)) } else { Ok(()) };
            match Rule::parse(line).ok_or_else(|| broken(Fault::NotUnderstood))? {
                Rule::Guard(_) => guards = true,
                Rule::Exempt(_) | Rule::BreakGlassUser(_) | Rule::BreakGlassGroup(_) => {}
                Rule::BreakGlassConsole(switch) => once(console.replace(switch).is_some())?,
                Rule::Production(switch) => once(production.replace(switch).is_some())?,
                Rule::Until(at) => once(until.replace(at).is_some())?,
                Rule::End => ended = true,
            }
        }
        if !said {
            return Ok(Rules::built_in());
        }
        let broken = |fault| Broken { line: number.saturating_add(1), fault };
        if !ended {
            return Err(broken(Fault::NoEnd));
        }
        let production = production.unwrap_or(Switch::Yes);
        if !guards && production == Switch::Yes {
            return Err(broken(Fault::NothingGuarded));
        }
        Ok(Rules { text, until, console: console.unwrap_or(Switch::No), production })
    }

    /// After this time, in Unix seconds, the file is void.
    pub fn until(&self) -> Option<i64> {
        self.until
    }

    /// The lines, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Rule<'a>> + use<'a> {
        // Every line was checked when the value was made, so none is dropped here but comments.
        self.text.lines().filter(|line| !line.starts_with('#')).filter_map(Rule::parse)
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

impl<'a> Rule<'a> {
    fn parse(line: &'a str) -> Option<Rule<'a>> {
        let (word, value) = line.split_once(' ')?;
        match word {
            "guard" => is_service(value).then_some(Rule::Guard(value)),
            "exempt" => Exempt::parse(value).map(Rule::Exempt),
            "break-glass-user" => is_account(value).then_some(Rule::BreakGlassUser(value)),
            "break-glass-group" => is_account(value).then_some(Rule::BreakGlassGroup(value)),
            "break-glass-console" => Switch::parse(value).map(Rule::BreakGlassConsole),
            "production" => Switch::parse(value).map(Rule::Production),
            "until" => crate::time::parse(value).map(Rule::Until),
            "end" => (value == "enforcing").then_some(Rule::End),
            _ => None,
        }
    }
}

impl Switch {
    fn parse(value: &str) -> Option<Switch> {
        match value {
            "yes" => Some(Switch::Yes),
            "no" => Some(Switch::No),
            _ => None,
        }
    }
}

impl<'a> Exempt<'a> {
    fn parse(value: &'a str) -> Option<Exempt<'a>> {
        let mut words = value.split(' ');
        let who = match (words.next()?, words.next()?) {
            ("user", name) if is_account(name) => Who::User(name),
            ("group", name) if is_account(name) => Who::Group(name),
            _ => return None,
        };
        let (mut services, mut from) = (None, None);
        while let Some(word) = words.next() {
            let list = words.next()?;
            match word {
                "services" if services.is_none() && from.is_none() && list.split(',').all(is_service) => {
                    services = Some(list);
                }
                "from" if from.is_none() && list.split(',').all(|text| Network::parse(text).is_some()) => {
                    from = Some(list);
                }
                _ => return None,
            }
        }
        Some(Exempt { who, services, from })
    }
}

/// The alphabets are those of jit-model's names; a name outside them could not have been configured.
fn is_name(name: &str, extra: &[u8]) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || extra.contains(&byte);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('-') && name.bytes().all(good)
}

fn is_service(name: &str) -> bool {
    is_name(name, b"._-")
}

fn is_account(name: &str) -> bool {
    is_name(name, b"._-@+$")
}

/// An IP network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        if prefix.is_empty() || prefix.len() > 3 || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let prefix = prefix.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= most).then_some(Network { address, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(own.to_bits()), u128::from(other.to_bits()), 32_u32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        // Shifting by the whole width means that no bit counts, and is the one shift that u128 cannot do.
        let differ = (own ^ other).checked_shr(width.saturating_sub(self.prefix)).unwrap_or(0);
        differ == 0
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Switch::Yes => "yes",
            Switch::No => "no",
        })
    }
}

/// Prints the line without its newline. A file is made of these, ends with [`Rule::End`], and is good if [`Rules::parse`]
/// says so: printing does not check names.
impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Guard(service) => write!(f, "guard {service}"),
            Rule::Exempt(exempt) => {
                match exempt.who {
                    Who::User(name) => write!(f, "exempt user {name}")?,
                    Who::Group(name) => write!(f, "exempt group {name}")?,
                }
                if let Some(services) = exempt.services {
                    write!(f, " services {services}")?;
                }
                if let Some(from) = exempt.from {
                    write!(f, " from {from}")?;
                }
                Ok(())
            }
            Rule::BreakGlassUser(name) => write!(f, "break-glass-user {name}"),
            Rule::BreakGlassGroup(name) => write!(f, "break-glass-group {name}"),
            Rule::BreakGlassConsole(switch) => write!(f, "break-glass-console {switch}"),
            Rule::Production(switch) => write!(f, "production {switch}"),
            Rule::Until(at) => write!(f, "until {}", Rfc3339(*at)),
            Rule::End => f.write_str("end enforcing"),
        }
    }
}
