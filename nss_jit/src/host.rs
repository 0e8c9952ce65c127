//! Where glibc comes in: the entry points, the buffers it hands over, the mapped file. All of the crate's unsafe code is here.
#![allow(unsafe_code, reason = "the one place for it")]

/// In what is installed, a panic is a call of a function that nobody has: if one could be reached, the link would fail.
#[cfg(panic = "abort")]
mod never {
    unsafe extern "C" {
        safe fn a_panic_can_be_reached_in_libnss_jit() -> !;
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        a_panic_can_be_reached_in_libnss_jit()
    }
}
