//! What stands after the module's name in pam.d: `socket=PATH` and `timeout=MS`, each at most once. Anything else is an error:
//! a misspelt option must not be a silent default.
//!
//! There is no option for the enforcing file's path: whoever can point a module at another file can turn enforcing off for one
//! service without a trace in `jitctl status`. Tests give the module an /etc of its own instead.

use core::ffi::CStr;
use core::fmt;
use core::time::Duration;

use jit_proto::client;

/// What was said, or its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options<'a> {
    /// Where the daemon listens.
    pub(crate) socket: &'a CStr,
    /// How long the whole exchange may take.
    pub(crate) timeout: Duration,
}

const SOCKET: &CStr = c"/run/jitd/pam.sock";
const TIMEOUT: Duration = Duration::from_millis(2000);
/// Shorter, and a busy host denies for nothing; longer, and sshd's LoginGraceTime or the person gives up first.
const TIMEOUT_MILLIS: core::ops::RangeInclusive<u64> = 50..=10_000;

/// Why the options are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadOption {
    /// No such option, or given twice: its place, counted from 1.
    Unknown(usize),
    /// The path is relative or too long.
    Socket,
    /// The timeout is no whole number of milliseconds, or out of range.
    Timeout,
    /// PAM handed over a list that is none.
    Arguments,
}

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadOption::Unknown(place) => {
                write!(f, "option {place} is unknown or given twice; there are socket=PATH and timeout=MS")
            }
            BadOption::Socket => {
                write!(f, "socket= wants an absolute path of at most {} bytes", client::MAX_PATH)
            }
            BadOption::Timeout => {
                let (least, most) = (TIMEOUT_MILLIS.start(), TIMEOUT_MILLIS.end());
                write!(f, "timeout= wants milliseconds from {least} to {most}")
            }
            BadOption::Arguments => f.write_str("PAM handed over no list of options"),
        }
    }
}

impl<'a> Options<'a> {
    /// Reads the options.
    pub(crate) fn parse(arguments: impl Iterator<Item = Option<&'a CStr>>) -> Result<Options<'a>, BadOption> {
        let (mut socket, mut timeout) = (None, None);
        for (index, argument) in arguments.enumerate() {
            let argument = argument.ok_or(BadOption::Arguments)?.to_bytes_with_nul();
            let unknown = BadOption::Unknown(index.saturating_add(1));
            if let Some(path) = argument.strip_prefix(b"socket=") {
                let path = CStr::from_bytes_with_nul(path).map_err(|_| BadOption::Socket)?;
                let bytes = path.to_bytes();
                if bytes.first() != Some(&b'/') || bytes.len() > client::MAX_PATH {
                    return Err(BadOption::Socket);
                }
                if socket.replace(path).is_some() {
                    return Err(unknown);
                }
            } else if let Some(number) = argument.strip_prefix(b"timeout=") {
                let number = number.strip_suffix(b"\0").ok_or(BadOption::Timeout)?;
                if timeout.replace(millis(number).ok_or(BadOption::Timeout)?).is_some() {
                    return Err(unknown);
                }
            } else {
                return Err(unknown);
            }
        }
        Ok(Options { socket: socket.unwrap_or(SOCKET), timeout: timeout.unwrap_or(TIMEOUT) })
    }
}

fn millis(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |sum, &digit| {
        let digit = char::from(digit).to_digit(10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    TIMEOUT_MILLIS.contains(&number).then(|| Duration::from_millis(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(arguments: &[&'a CStr]) -> Result<Options<'a>, BadOption> {
        Options::parse(arguments.iter().map(|&argument| Some(argument)))
    }

    #[test]
    fn the_default_is_the_daemons() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.socket.to_str(), Ok(jit_proto::SOCKET));
        assert_eq!(options.timeout, Duration::from_secs(2));
    }

    #[test]
    fn what_is_said_counts() {
        let options = parse(&[c"timeout=50", c"socket=/x"]).unwrap();
        assert_eq!(options, Options { socket: c"/x", timeout: Duration::from_millis(50) });
    }

    #[test]
    fn anything_else_is_an_error() {
        let long = std::ffi::CString::new(format!("socket=/{}", "x".repeat(107))).unwrap();
        for (arguments, error) in [
            (&[c"debug"][..], BadOption::Unknown(1)),
            (&[c""], BadOption::Unknown(1)),
            (&[c"panic"], BadOption::Unknown(1)),
            (&[c"enforcing=/tmp/x"], BadOption::Unknown(1)),
            (&[c"timeout=50", c"timeout=50"], BadOption::Unknown(2)),
            (&[c"socket=/a", c"socket=/b"], BadOption::Unknown(2)),
            (&[c"Socket=/a"], BadOption::Unknown(1)),
            (&[c"socket="], BadOption::Socket),
            (&[c"socket=run/x"], BadOption::Socket),
            (&[long.as_c_str()], BadOption::Socket),
            (&[c"timeout="], BadOption::Timeout),
            (&[c"timeout=49"], BadOption::Timeout),
            (&[c"timeout=10001"], BadOption::Timeout),
            (&[c"timeout=+100"], BadOption::Timeout),
            (&[c"timeout=1e3"], BadOption::Timeout),
            (&[c"timeout=000100"], BadOption::Timeout),
            (&[c"timeout=18446744073709551716"], BadOption::Timeout),
        ] {
            assert_eq!(parse(arguments), Err(error), "{arguments:?}");
        }
        assert_eq!(Options::parse([None].into_iter()), Err(BadOption::Arguments));
    }
}
