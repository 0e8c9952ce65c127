//! The buffer that glibc hands over for one answer, given out piece by piece. Must never write beyond it, and never give out a piece
//! twice.

use core::ffi::c_char;
use core::mem::{MaybeUninit, align_of, size_of};

use crate::answer::Failure;
use crate::host;

/// What is left of a buffer.
pub(crate) struct Room<'b> {
    rest: &'b mut [MaybeUninit<u8>],
}

impl<'b> Room<'b> {
    pub(crate) fn new(rest: &'b mut [MaybeUninit<u8>]) -> Room<'b> {
        Room { rest }
    }

    /// The next so many bytes.
    fn take(&mut self, length: usize) -> Result<&'b mut [MaybeUninit<u8>], Failure> {
        let (taken, rest) =
            core::mem::take(&mut self.rest).split_at_mut_checked(length).ok_or(Failure::TooSmall)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A copy of a text, with a zero after it. One that has a zero in it would be another text to who reads it: damaged.
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<*mut c_char, Failure> {
        if text.contains(&0) {
            return Err(Failure::Unavailable);
        }
        let to = self.take(text.len().saturating_add(1))?;
        for (to, from) in to.iter_mut().zip(text.iter().chain(&[0])) {
            to.write(*from);
        }
        Ok(to.as_mut_ptr().cast())
    }

    /// So many pointers, not yet filled, aligned as pointers are.
    pub(crate) fn pointers(&mut self, count: usize) -> Result<&'b mut [MaybeUninit<*mut c_char>], Failure> {
        self.take(self.rest.as_ptr().align_offset(align_of::<*mut c_char>()))?;
        let size = count.checked_mul(size_of::<*mut c_char>()).ok_or(Failure::TooSmall)?;
        let pointers = host::as_pointers(self.take(size)?);
        if pointers.len() == count { Ok(pointers) } else { Err(Failure::TooSmall) }
    }
}
