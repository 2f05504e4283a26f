//! A fast decoder for base64 without padding. A consensus has tens of thousands
//! of digests and keys in this format.

/// The value of each byte as a base64 character, or `NONE` if the byte isn't a
/// base64 character.
const VALUES: [i8; 256] = values();

const NONE: i8 = -1;

const fn values() -> [i8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < alphabet.len() {
        values[alphabet[i] as usize] = i as i8;
        i += 1;
    }
    values
}

#[inline]
fn value(character: u8) -> u32 {
    // `NONE` is negative, so this conversion sets all high bits. A shift to the
    // left keeps the highest ones.
    VALUES[usize::from(character)] as u32
}

/// Decodes a text that stands for exactly `N` bytes. The padding with `=` at
/// the end must be complete or missing. Returns `None` if the text is malformed
/// or stands for another number of bytes.
#[inline]
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (text, padding) = text.split_at_checked((N * 8).div_ceil(6))?;
    if !padding.is_empty() && padding != b"==".get(..(3 - N % 3) % 3)? {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    let (groups, last) = text.as_chunks::<4>();
    let (outs, last_out) = bytes.as_chunks_mut::<3>();
    for ([a, b, c, d], out) in groups.iter().zip(outs) {
        // Valid characters only fill the 24 bits of a group. `NONE` sets higher
        // bits, too.
        let bits = value(*a) << 18 | value(*b) << 12 | value(*c) << 6 | value(*d);
        seen |= bits;
        let [_, group @ ..] = bits.to_be_bytes();
        *out = group;
    }
    // The last group is shorter than four characters, and may be empty.
    let mut bits: u32 = 0;
    for character in last {
        bits = bits << 6 | value(*character);
    }
    bits <<= 6 * (4 - last.len());
    seen |= bits;
    let [_, group @ ..] = bits.to_be_bytes();
    for (byte, value) in last_out.iter_mut().zip(group) {
        *byte = value;
    }
    (seen >> 24 == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, BASE64_NOPAD};
    use proptest::prelude::*;

    #[test]
    fn padding_is_whole_or_missing() {
        for padding in ["", "=", "==", "===", "====", "=====", "=A", " "] {
            let text = |digits| "A".repeat(digits) + padding;
            let good = |number| padding.is_empty() || padding == "=".repeat(number);
            assert_eq!(decode::<32>(text(43).as_bytes()).is_some(), good(1), "{padding}");
            assert_eq!(decode::<64>(text(86).as_bytes()).is_some(), good(2), "{padding}");
            assert_eq!(decode::<33>(text(44).as_bytes()).is_some(), good(0), "{padding}");
        }
    }

    #[test]
    fn malformed_base64_is_refused() {
        let text = "+A23Vs20RarVApgai4C6dEik/qw";
        assert!(decode::<20>(text.as_bytes()).is_some());
        assert!(decode::<20>(format!("{text}=").as_bytes()).is_some());
        for bad in [
            "",
            "=",
            "====",
            "A",
            text.split_at(1).1,
            &format!("{text}A"),
            &format!("{text}=="),
            &text.replace('/', "_"),
        ] {
            assert_eq!(decode::<20>(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn base64_round_trips(short: [u8; 20], long: [u8; 32]) {
            prop_assert_eq!(decode(BASE64_NOPAD.encode(&short).as_bytes()), Some(short));
            prop_assert_eq!(decode(BASE64_NOPAD.encode(&long).as_bytes()), Some(long));
            prop_assert_eq!(decode(BASE64.encode(&short).as_bytes()), Some(short));
            prop_assert_eq!(decode(BASE64.encode(&long).as_bytes()), Some(long));
        }

        #[test]
        fn decoding_base64_never_panics(text in prop::collection::vec(any::<u8>(), 0..50)) {
            decode::<20>(&text);
            decode::<32>(&text);
        }
    }
}
