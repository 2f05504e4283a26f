//! The key derivation function of rend-spec-v3: SHAKE-256.

use shake::Shake256;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use zeroize::Zeroizing;

/// Derives `N` bytes from the concatenation of all parts, with SHAKE-256.
pub(super) fn derive<const N: usize>(parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut hash = Shake256::default();
    for part in parts {
        hash.update(part);
    }
    let mut output = Zeroizing::new([0; N]);
    hash.finalize_xof().read(&mut output[..]);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_are_shake_256() {
        // SHAKE-256 of the empty text: NIST, "SHAKE256 (Msg of length 0)".
        let expected = "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f";
        assert_eq!(hex::encode(*derive::<32>(&[])), expected);
        assert_eq!(*derive::<9>(&[b"ab", b"", b"c"]), *derive::<9>(&[b"abc"]));
    }
}
