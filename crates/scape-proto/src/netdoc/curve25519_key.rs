//! Curve25519 keys as Ed25519 keys: proposal 228, "Converting Curve25519 keys
//! to Ed25519 keys".

use curve25519_dalek::MontgomeryPoint;

/// Returns the Ed25519 public key that belongs to a Curve25519 public key.
///
/// A certificate needs this key, because Curve25519 keys can't sign and can't
/// be certified. Two Ed25519 keys, which differ in their sign, belong to each
/// Curve25519 key. `is_negative` chooses one of them. For a server descriptor,
/// pass the bit in the line `ntor-onion-key-crosscert`. For an onion service
/// descriptor, pass false. Returns `None` if no Ed25519 key belongs to the key.
///
/// ```
/// use scape_proto::netdoc::ed25519_from_curve25519;
///
/// let mut base_point = [0; 32];
/// base_point[0] = 9;
/// let key = ed25519_from_curve25519(&base_point, false).expect("a point of the curve");
/// assert_eq!(key[..3], [0x58, 0x66, 0x66]);
/// ```
pub fn ed25519_from_curve25519(key: &[u8; 32], is_negative: bool) -> Option<[u8; 32]> {
    let point = MontgomeryPoint(*key).to_edwards(u8::from(is_negative))?;
    Some(point.compress().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve25519_keys_match_the_test_vectors_of_tor() {
        // These are the first keys in tor's src/test/ed25519_vectors.inc.
        for (curve25519, ed25519) in [
            (
                "17ba77846e04c7ee5ca17cade774ac1884408f9701f439d4df32cbd8736c6a1f",
                "c2247870536a192d142d056abefca68d6193158e7c1a59c1654c954eccaff894",
            ),
            (
                "022be2124bc1899a78ba2b4167d191af3b59cadf94f0382bc31ce183a117f161",
                "1519a3b15816a1aafab0b213892026ebf5c0dc232c58b21088d88cb90e9b940d",
            ),
            (
                "bf4fd38ef22f718f03c0a12ba5127bd1e3afd494793753f519728b29cc577571",
                "081faa81992e360ea22c06af1aba096e7a73f1c665bc8b3e4e531c46455fd1dd",
            ),
        ] {
            let bytes =
                |digits: &str| -> [u8; 32] { hex::decode(digits).unwrap().try_into().unwrap() };
            let (curve25519, ed25519) = (bytes(curve25519), bytes(ed25519));
            let is_negative = ed25519[31] & 0x80 != 0;
            assert_eq!(ed25519_from_curve25519(&curve25519, is_negative), Some(ed25519));
            let mut other = ed25519;
            other[31] ^= 0x80;
            assert_eq!(ed25519_from_curve25519(&curve25519, !is_negative), Some(other));
        }
    }

    #[test]
    fn curve25519_key_without_ed25519_key_is_none() {
        // The first key is a point of the twist. For the second one, the
        // conversion would divide by 0.
        let mut two = [0; 32];
        two[0] = 2;
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        for key in [two, minus_one] {
            assert_eq!(ed25519_from_curve25519(&key, false), None);
        }
    }
}
