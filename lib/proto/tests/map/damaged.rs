//! What a disk, a kernel or a hand does to a file: whatever it is, it is no map then. The word before the covered part is the daemon's.

use jit_proto::map::MAX;
use jit_proto::map::layout::{COVERED, FIXED, MAGIC, MemberRow, checksum};
use jit_proto::map::read::{Damaged, Map, is_map};
use proptest::prelude::*;

use crate::draft::Draft;
use crate::{ask, config, open};

/// Some pages.
fn large() -> Vec<u8> {
    let mut draft = Draft::small();
    let members = if cfg!(miri) { 60 } else { 900 };
    let rows: Vec<MemberRow> = (0..members)
        .map(|n| MemberRow { name: draft.text(format!("user{n:05}")), from: n, until: n * 7919 })
        .collect();
    (draft.groups[0].first, draft.groups[0].count) = (0, u32::try_from(rows.len()).unwrap());
    draft.members = rows;
    let file = draft.file();
    assert!(ask(&file).unwrap() > 0);
    file
}

proptest! {
    #![proptest_config(config())]
    /// Any bytes at all, in the place of some of it.
    #[test]
    fn a_stretch_of_it_is_something_else(from in any::<prop::sample::Index>(), with in proptest::collection::vec(any::<u8>(), 1..600)) {
        let whole = large();
        let from = FIXED + from.index(whole.len() - FIXED);
        let to = whole.len().min(from + with.len());
        let mut file = whole.clone();
        file[from..to].copy_from_slice(&with[..to - from]);
        prop_assert_eq!(open(&file).is_ok(), file == whole);
    }

    /// Two bits, wherever they are: those 32 bytes from each other too, which one lane of the sum sees one after the other.
    #[test]
    fn two_bits_of_it_are_others(first in any::<prop::sample::Index>(), bits in (0_u32..64, 0_u32..64), apart in prop_oneof![Just(32_usize), 0_usize..5000]) {
        let mut file = large();
        let at = COVERED + first.index(file.len() - COVERED) / 8 * 8;
        for (at, bit) in [(at, bits.0), (at + apart, bits.1)] {
            if let Some(byte) = file.get_mut(at + (bit / 8) as usize) {
                *byte ^= 1 << (bit % 8);
            }
        }
        prop_assert_eq!(open(&file).is_ok(), file == large());
    }

    /// Any bytes whatever.
    #[test]
    fn something_else_altogether(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Map::open(&bytes).is_err());
    }
}

/// Any bit of a word and any of the next that the same lane of the sum sees: a lane that mixes too little forgets some pair in every file.
#[test]
fn two_bits_of_one_lane() {
    let mut file = Draft::small().file();
    for (first, second) in (0..64).flat_map(|first| (0..64).map(move |second| (first, 256 + second))) {
        for bit in [first, second] {
            file[COVERED + 32 + bit / 8] ^= 1 << (bit % 8);
        }
        assert!(open(&file).is_err(), "{first} and {second}");
        for bit in [first, second] {
            file[COVERED + 32 + bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(open(&file).is_ok());
}

/// Blocks that changed places, or are zero, or were taken twice: by word, row, cache line and page.
#[test]
fn blocks_that_are_not_in_their_place() {
    let whole = large();
    for size in [8_usize, 16, 24, 32, 48, 64, 512, 4096] {
        let blocks = (whole.len() - COVERED) / size;
        for (n, other) in (0..blocks).map(|n| (n, (n * 7 + 1) % blocks)).step_by(blocks / 40 + 1) {
            let [at, there] = [n, other].map(|n| COVERED + n * size);
            let (one, two) = (whole[at..at + size].to_vec(), whole[there..there + size].to_vec());
            let mut swapped = whole.clone();
            swapped[at..at + size].copy_from_slice(&two);
            let mut twice = swapped.clone();
            swapped[there..there + size].copy_from_slice(&one);
            twice[there..there + size].copy_from_slice(&two);
            let mut zero = whole.clone();
            zero[at..at + size].fill(0);
            for file in [swapped, twice, zero] {
                assert_eq!(open(&file).is_ok(), file == whole, "{size} at {at} and {there}");
            }
        }
    }
}

/// Cut anywhere, and also where it says that it ends there.
#[test]
fn cut_short_or_longer() {
    let whole = large();
    for length in (0..whole.len()).step_by(if cfg!(miri) { 501 } else { 1 }) {
        assert!(open(&whole[..length]).is_err(), "{length}");
        let mut short = whole[..length].to_vec();
        if length >= COVERED {
            short[16..24].copy_from_slice(&(length as u64).to_le_bytes());
        }
        assert!(open(&short).is_err(), "{length}");
    }
    for more in [1, 8, 4096] {
        let longer = [&whole[..], &vec![0; more]].concat();
        assert!(open(&longer).is_err());
    }
    // All of its pages were never written: a sum of nothing but zeros is not zero.
    for length in [0, 1, 16, 112, 4096] {
        assert!(open(&vec![0; length]).is_err());
        assert_ne!(checksum(&vec![0; length]), 0);
    }
}

/// The lengths that a file may say, and those that it may have.
#[test]
fn not_larger_than_allowed() {
    let file = Draft::small().file();
    for length in [0, 1, file.len() as u64 + 1, MAX as u64, MAX as u64 + 1, u64::MAX] {
        assert!(open(&Draft::small().file_with(|header| header.length = length)).is_err(), "{length}");
    }
    if !cfg!(miri) {
        let mut draft = Draft::new();
        draft.text = vec![b'x'; MAX];
        assert_eq!(open(&draft.file()).unwrap_err(), Damaged);
        draft.text.truncate(MAX - 128);
        assert!(open(&draft.file()).is_ok());
    }
}

/// Another version is no map, and says so before anything of it is read.
#[test]
fn of_another_version_or_none_of_ours() {
    let file = Draft::small().file();
    let first = |file: &[u8]| is_map(file.first_chunk::<FIXED>().unwrap());
    assert!(first(&file));
    for (at, byte) in (0..MAGIC.len()).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
        let mut other = file.clone();
        other[at] = byte;
        assert_eq!(first(&other), byte == MAGIC[at], "{at}: {byte}");
    }
    // The superseded word is not part of it: whether it counts is asked elsewhere, with one atomic read.
    let mut superseded = file.clone();
    superseded[8..16].fill(255);
    assert!(first(&superseded) && open(&superseded).is_ok());
}
