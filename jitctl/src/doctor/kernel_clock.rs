//! Whether the kernel holds its clock for synchronised: adjtimex(2), asked and never set. The one file of jitctl with unsafe code: no crate that we have
//! wraps this call.
#![allow(unsafe_code, reason = "the one place for it")]

use std::io;

/// Beyond so many microseconds the kernel no longer believes its clock (include/linux/timex.h, NTP_PHASE_LIMIT). Its flag STA_UNSYNC is not asked:
/// it is set, too, where a daemon steers the clock and tells the kernel nothing but that, and timedated(8) goes by this figure as well.
const LIMIT: libc::c_long = 16_000_000;

/// Whether it does.
///
/// # Errors
/// When the kernel does not say, as under a seccomp filter.
pub(super) fn synchronised() -> io::Result<bool> {
    // SAFETY: timex is a C structure of integers (and padding) alone, for which all zeroes is a value; `modes` 0 means that nothing is set.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, aligned, writable timex that nothing else refers to during the call; the kernel writes only into it and keeps
    // no pointer.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(state.maxerror < LIMIT) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernel_says() {
        super::synchronised().unwrap();
    }
}
