//! Digests and keys in base64 without padding, of which a consensus has tens of
//! thousands.

/// What each character stands for; `NONE` where it is none of base64's.
const VALUES: [u8; 256] = values();

const NONE: u8 = 0xff;

const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < alphabet.len() {
        values[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    values
}

/// Reads exactly `N` bytes, with or without `=` at the end.
#[inline]
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut text = text;
    if text.len().is_multiple_of(4) {
        while let Some(rest) = text.strip_suffix(b"=") {
            text = rest;
        }
    }
    if text.len() != (N * 8).div_ceil(6) {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (group, out) in text.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut bits: u32 = 0;
        for character in group {
            let value = VALUES[usize::from(*character)];
            seen |= value;
            bits = bits << 6 | u32::from(value);
        }
        // The last group may be short.
        bits <<= 6 * (4 - group.len());
        let [_, group @ ..] = bits.to_be_bytes();
        for (byte, value) in out.iter_mut().zip(group) {
            *byte = value;
        }
    }
    // Only `NONE` has the highest bit.
    (seen & 0x80 == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, BASE64_NOPAD};
    use proptest::prelude::*;

    #[test]
    fn what_is_no_base64_of_that_length() {
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
        fn bytes_go_there_and_back(short: [u8; 20], long: [u8; 32]) {
            prop_assert_eq!(decode(BASE64_NOPAD.encode(&short).as_bytes()), Some(short));
            prop_assert_eq!(decode(BASE64_NOPAD.encode(&long).as_bytes()), Some(long));
            prop_assert_eq!(decode(BASE64.encode(&short).as_bytes()), Some(short));
            prop_assert_eq!(decode(BASE64.encode(&long).as_bytes()), Some(long));
        }

        #[test]
        fn nothing_makes_it_fail(text in prop::collection::vec(any::<u8>(), 0..50)) {
            decode::<20>(&text);
            decode::<32>(&text);
        }
    }
}
