//! Checks Ed25519 signatures.

use ed25519_dalek::{Signature, VerifyingKey};

/// Returns true if `signature` is a signature of `message` by the owner of
/// `key`. Keys of small order are rejected, because anyone can make signatures
/// for such a key.
///
/// Signatures are checked one by one, although checking several together is
/// faster. Checking them together accepts small orders, other encodings of a
/// point, and signatures that are wrong by a point of small order.
pub(super) fn is_signed_by(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(key) else {
        return false;
    };
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::Ed25519SecretKey;

    #[test]
    fn ed25519_signature_by_another_key_is_rejected() {
        let key = Ed25519SecretKey::from_seed(&[7; 32]);
        let signature = key.sign(b"message");
        assert!(is_signed_by(key.public_key(), b"message", &signature));
        assert!(!is_signed_by(key.public_key(), b"massage", &signature));
        let other = Ed25519SecretKey::from_seed(&[8; 32]);
        assert!(!is_signed_by(other.public_key(), b"message", &signature));
        for position in 0..64 {
            let mut changed = signature;
            changed[position] ^= 1;
            assert!(!is_signed_by(key.public_key(), b"message", &changed), "byte {position}");
        }
    }

    #[test]
    fn ed25519_signature_for_a_key_of_small_order_is_rejected() {
        // The key is the identity point. With it, R = B and S = 1 sign every
        // message.
        let mut identity = [0; 32];
        identity[0] = 1;
        let base = "5866666666666666666666666666666666666666666666666666666666666666";
        let mut signature = [0; 64];
        hex::decode_to_slice(base, &mut signature[..32]).unwrap();
        signature[32] = 1;
        let key = VerifyingKey::from_bytes(&identity).unwrap();
        let lenient = ed25519_dalek::Verifier::verify;
        assert!(lenient(&key, b"message", &Signature::from_bytes(&signature)).is_ok());
        assert!(!is_signed_by(&identity, b"message", &signature));
        assert!(!is_signed_by(&[2; 32], b"message", &signature));
    }

    #[test]
    fn ed25519_signature_in_another_form_is_rejected() {
        let key = Ed25519SecretKey::from_seed(&[7; 32]);
        let signature = key.sign(b"message");
        // Adding the order of the group to S doesn't change the point S * B,
        // but S must be smaller than the order.
        let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
        let order = hex::decode(order).unwrap();
        let mut changed = signature;
        let mut carry = 0;
        for (byte, addend) in changed[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(addend) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert!(!is_signed_by(key.public_key(), b"message", &changed));
        // These values of R have a small order: the identity, its other
        // encoding, and a point of order 4.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut other_identity = [0xff; 32];
        (other_identity[0], other_identity[31]) = (0xee, 0x7f);
        for small in [identity, other_identity, [0; 32]] {
            let mut changed = signature;
            changed[..32].copy_from_slice(&small);
            assert!(!is_signed_by(key.public_key(), b"message", &changed));
            changed[32..].fill(0);
            assert!(!is_signed_by(&small, b"message", &changed));
        }
    }
}
