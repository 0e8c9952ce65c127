//! What may stand in a line of passwd(5) or group(5): eight bytes at once say the same as one after the other.

use jit_proto::map::layout::{FIELD, NAME, is_field, is_name};
use proptest::prelude::*;

/// Said plainly.
fn field(text: &[u8]) -> bool {
    text.len() <= FIELD && text.iter().all(|byte| !byte.is_ascii_control() && *byte != b':')
}

fn name(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= NAME && field(text) && !text.contains(&b',')
}

fn agree(text: &[u8]) {
    assert_eq!((is_field(text), is_name(text)), (field(text), name(text)), "{text:?}");
}

#[test]
fn each_byte_at_each_place_is_seen() {
    for length in 0..=24 {
        for byte in 0..=255 {
            for at in 0..length {
                // Beside letters, beside the lowest and beside the highest byte that may be there.
                for other in [b'a', b' ', b'!', 0x80, 0x81, 0xff] {
                    let mut text = vec![other; length];
                    text[at] = byte;
                    agree(&text);
                }
            }
        }
    }
}

#[test]
fn lengths_count() {
    for length in [0, 1, NAME, NAME + 1, FIELD, FIELD + 1] {
        agree(&vec![b'x'; length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged_alike(
        text in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(&b"\0\x01\x1f :,9;+-\x7e\x7f\x80\xff"[..])],
            0..40,
        ),
    ) {
        agree(&text);
    }
}
