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

    /// A copy of a text, with a zero after it. What a map gives away has none in it ([`jit_proto::map::layout::is_field`]).
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<*mut c_char, Failure> {
        let to = self.take(text.len().saturating_add(1))?;
        // The zero by itself: so the loop is a plain copy, and fast.
        let (end, start) = to.split_last_mut().ok_or(Failure::TooSmall)?;
        for (to, from) in start.iter_mut().zip(text) {
            to.write(*from);
        }
        end.write(0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_one_another_to_the_last_byte() {
        let mut bytes = [MaybeUninit::new(b'#'); 12];
        let start: *mut c_char = bytes.as_mut_ptr().cast();
        let mut room = Room::new(&mut bytes);
        assert_eq!(room.text(b"alice"), Ok(start));
        assert_eq!(room.text(b""), Ok(start.wrapping_add(6)));
        assert_eq!(room.text(b"bob12"), Err(Failure::TooSmall));
        assert_eq!(room.text(b"bob"), Err(Failure::TooSmall), "a room that was too small stays so");
    }

    #[test]
    fn pointers_are_aligned_from_wherever_they_begin() {
        for from in 0..8 {
            let mut bytes = [MaybeUninit::<u8>::uninit(); 48];
            let shift = bytes.as_ptr().align_offset(8).wrapping_add(from);
            let mut room = Room::new(bytes.split_at_mut(shift).1);
            let pointers = room.pointers(2).unwrap();
            assert_eq!((pointers.as_ptr().addr() % 8, pointers.len()), (0, 2));
            let none = room.pointers(usize::MAX).map(|pointers| pointers.len());
            assert_eq!(none, Err(Failure::TooSmall));
        }
    }
}
