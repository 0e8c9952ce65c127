//! Single values of the configuration, each read in one way only, with an error that shows how it is written.

use std::net::IpAddr;

use jit_model::confer::{DYNAMIC, IdRange};
use jit_model::policy::{Network, NetworkError};
use jit_model::time::Span;
pub(super) use jit_settings::values::{attribute, dn, path, span};

/// A span above zero, for a warning: whoever is warned a day before has forgotten it an hour later.
pub(super) fn warning(text: &str) -> Result<Span, String> {
    const EARLIEST: Span = Span(86_400);
    match span(text)? {
        early if early > EARLIEST => {
            Err(format!("`{text}` is too early: warn at most 24h before the end, such as at 15m"))
        }
        good => Ok(good),
    }
}

/// A span that may be nothing, for the time to end in when asked to: a session must not outlive its grant by much.
pub(super) fn grace(text: &str) -> Result<Span, String> {
    const MOST: Span = Span(5 * 60);
    match text.parse::<Span>() {
        Ok(span) if span > MOST => Err(format!(
            "`{text}` is too long: write at most 5m; what needs longer to end needs a longer grant"
        )),
        Ok(span) => Ok(span),
        Err(error) => Err(error.to_string()),
    }
}

/// `10.0.0.0/8`, `2001:db8::/32`, or a single address. Bits behind the prefix must be zero, so that nobody writes
/// `10.1.2.3/8` and means one host.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let network: Network = text.parse().map_err(|error: NetworkError| error.to_string())?;
    let bits = match network.address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    if bits.checked_shl(network.prefix.into()).unwrap_or(0) != 0 {
        return Err(format!(
            "`{text}` sets bits behind /{}: write the network's own address",
            network.prefix
        ));
    }
    Ok(network)
}

/// What a range of numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// Numbers are given out from it, any of them.
    Assigned,
    /// Numbers that others gave out must lie in it; those that are kept for nobody are refused one by one.
    Spanned,
}

/// `first-last`: numbers of users or groups, both ends included.
pub(super) fn ids(text: &str, what: Ids) -> Result<IdRange, String> {
    let shown = text.escape_debug();
    let number = |digits: &str| {
        // parse() would take a sign.
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let ends = text.split_once('-').and_then(|(first, last)| number(first).zip(number(last)));
    let Some((first, last)) = ends else {
        return Err(format!(
            "`{shown}` is no range: write the first and the last number, such as \"10000-59999\""
        ));
    };
    let range = IdRange { first, last };
    if first > last {
        return Err(format!("`{shown}` begins after its end: write it as \"{last}-{first}\""));
    }
    if first == 0 {
        return Err(format!("`{shown}` holds 0, which is root: begin it later"));
    }
    if last >= u32::MAX - 1 {
        return Err(format!(
            "`{shown}` holds {} or {}, which are nobody's: end it earlier",
            u32::MAX - 1,
            u32::MAX
        ));
    }
    // (uid_t) -2 and -1 of 16 bits: nobody, and no answer.
    for nobody in [65_534, 65_535] {
        let touched = match what {
            Ids::Assigned => range.contains(nobody),
            Ids::Spanned => first == nobody || last == nobody,
        };
        if touched {
            return Err(format!(
                "`{shown}` holds {nobody}, which is nobody's: begin it later or end it earlier"
            ));
        }
    }
    // Sooner or later a group's number would be one of them.
    if what == Ids::Assigned && range.overlaps(DYNAMIC) {
        return Err(format!(
            "`{shown}` holds some of {DYNAMIC}, which systemd gives to services: begin it later or end it earlier"
        ));
    }
    Ok(range)
}

/// No path of an account is longer, in bytes: what is read for every account that is looked up has its bounds (glibc begins with 1024).
const LONGEST_FIELD: usize = 256;

/// An absolute path that fits into a line of passwd(5).
pub(super) fn field(text: &str) -> Result<String, String> {
    short(text)?;
    if text.contains(':') || text.chars().any(char::is_control) || text.ends_with('/') {
        return Err(format!(
            "`{}` is no program: write a path such as /bin/bash, without colons, control characters and a slash at its end",
            text.escape_debug()
        ));
    }
    Ok(text.to_owned())
}

/// A directory in which home directories lie.
pub(super) fn home(text: &str) -> Result<String, String> {
    short(text)?;
    let parts = || text.split('/').skip(1);
    let bad = |part: &str| part.is_empty() || part == "." || part == "..";
    if parts().any(bad) || text.contains(':') || text.chars().any(char::is_control) {
        return Err(format!(
            "`{}` is no place for home directories: write the directory that they lie in, such as /home",
            text.escape_debug()
        ));
    }
    Ok(text.to_owned())
}

fn short(text: &str) -> Result<(), String> {
    path(text)?;
    if text.len() > LONGEST_FIELD {
        return Err(format!("is longer than {LONGEST_FIELD} bytes: write a shorter path"));
    }
    Ok(())
}
