//! The stream cipher of rend-spec-v3: AES-256 in counter mode.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};

/// Creates the key stream for a key and an initial counter.
pub(super) fn key_stream(key: &[u8; 32], iv: &[u8; 16]) -> Ctr128BE<Aes256> {
    Ctr128BE::new(&(*key).into(), &(*iv).into())
}

/// Encrypts or decrypts data in place, with AES-256 in counter mode.
pub(super) fn apply(key: &[u8; 32], iv: &[u8; 16], data: &mut [u8]) {
    key_stream(key, iv).apply_keystream(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_cipher_is_aes_256_in_counter_mode() {
        // NIST SP 800-38A, section F.5.5.
        let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        let iv = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
        let plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
        let cipher = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5";
        let mut data = hex::decode(plain).unwrap();
        let key = hex::decode(key).unwrap().try_into().unwrap();
        let iv = hex::decode(iv).unwrap().try_into().unwrap();
        apply(&key, &iv, &mut data);
        assert_eq!(hex::encode(&data), cipher);
        apply(&key, &iv, &mut data);
        assert_eq!(hex::encode(data), plain);
    }
}
