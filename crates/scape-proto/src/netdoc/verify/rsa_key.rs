//! RSA public keys and the signatures that Tor's documents have.

use std::ops::RangeInclusive;

use crypto_bigint::modular::BoxedMontyForm;
use rsa::pkcs1::{DecodeRsaPublicKey, EncodeRsaPublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PublicKey};
use sha1::{Digest, Sha1};

use crate::netdoc::Object;
use crate::word::Fingerprint;

/// The exponent of every RSA key in Tor.
const EXPONENT: u64 = 65537;

/// The allowed sizes of a relay's RSA keys, in bits.
pub(super) const RELAY_BITS: RangeInclusive<u32> = 1024..=1024;

/// The allowed sizes of an authority's RSA keys, in bits. Today, identity keys
/// have 3072 bits, and signing keys 2048.
pub(super) const AUTHORITY_BITS: RangeInclusive<u32> = 1024..=4096;

/// An RSA public key.
pub(super) struct RsaKey {
    key: PublicKey,
    fingerprint: Fingerprint,
}

impl RsaKey {
    /// Decodes a key. Returns `None` if the key's size isn't in `bits`, or if
    /// its exponent or its form is wrong.
    pub(super) fn decode(object: Object<'_>, bits: RangeInclusive<u32>) -> Option<Self> {
        let der = object.decode()?;
        let key = PublicKey::from_pkcs1_der(&der).ok()?;
        let has_size = bits.contains(&key.n().bit_width());
        if !has_size || *key.e() != BoxedUint::from(EXPONENT) {
            return None;
        }
        // The fingerprint is that of the canonical form, so other forms are
        // refused.
        let canonical = key.to_pkcs1_der().ok()?;
        let fingerprint = Fingerprint::from_bytes(Sha1::digest(canonical.as_bytes()).into());
        (canonical.as_bytes() == der).then_some(RsaKey { key, fingerprint })
    }

    /// Returns the SHA-1 digest of the key, which identifies its owner.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns true if the key's owner signed exactly these bytes. For Tor's
    /// signatures, pass the digest alone: Tor signs no name of the digest's
    /// algorithm.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: Object<'_>) -> bool {
        self.recover(signature).is_some_and(|signed| signed == bytes)
    }

    /// Returns the bytes that the key's owner signed: dir-spec, "Signing
    /// documents"; PKCS#1 v1.5. Returns `None` if the signature wasn't made
    /// with this key or is malformed.
    pub(super) fn recover(&self, signature: Object<'_>) -> Option<Vec<u8>> {
        let signature = signature.decode()?;
        if signature.len() != self.key.size() {
            return None;
        }
        let number = BoxedUint::from_be_slice(&signature, self.key.n().bits_precision()).ok()?;
        if number >= *self.key.n().as_ref() {
            return None;
        }
        let message = self.power(number).to_be_bytes();
        let message = message.get(message.len().checked_sub(self.key.size())?..)?;
        let padded = message.strip_prefix(&[0, 1])?;
        let padding = padded.iter().take_while(|byte| **byte == 0xff).count();
        // PKCS#1 demands at least eight bytes of padding.
        let (_, rest) = padded.split_at_checked(padding).filter(|_| padding >= 8)?;
        rest.strip_prefix(&[0]).map(<[u8]>::to_vec)
    }

    /// Raises a number to the power of the key's exponent, modulo the key. The
    /// exponent is 2 to the power of 16, plus 1, so 16 squarings and a
    /// multiplication are enough. The general functions of the crate `rsa` make
    /// tables first and take twice as long.
    fn power(&self, number: BoxedUint) -> BoxedUint {
        let number = BoxedMontyForm::new(number, self.key.n_params());
        let mut power = number.clone();
        for _ in 0..EXPONENT.ilog2() {
            power = power.square();
        }
        power.mul(&number).retrieve()
    }
}

#[cfg(test)]
#[path = "../../../tests/support/rsa.rs"]
mod test_key;

#[cfg(test)]
mod tests {
    use super::test_key::{TestKey, object};
    use super::*;
    use crate::netdoc::Item;

    /// Calls `run` with an object that contains these bytes.
    fn with_object<T>(bytes: &[u8], run: impl FnOnce(Object<'_>) -> T) -> T {
        let text = format!("k\n{}", object("K", bytes));
        run(Item::parse_all(text.as_bytes()).next().unwrap().object().unwrap())
    }

    fn decode(der: &[u8]) -> Option<RsaKey> {
        with_object(der, |object| RsaKey::decode(object, RELAY_BITS))
    }

    /// Encodes a value in DER: the tag, the length and the content.
    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let head = match content.len() {
            0..128 => vec![tag, low],
            128..256 => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, content.to_vec()].concat()
    }

    fn public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        value(0x30, &[value(2, modulus), value(2, exponent)].concat())
    }

    #[test]
    fn only_canonical_rsa_keys_of_1024_bits_are_decoded() {
        const E: &[u8] = &[1, 0, 1];
        let test_key = TestKey::new(0);
        let der = &test_key.der[..];
        let modulus = &der[6..135];
        assert_eq!(public_key(modulus, E), der);
        let key = decode(der).unwrap();
        assert_eq!(key.fingerprint().as_bytes(), &test_key.fingerprint());

        let mut even = modulus.to_vec();
        even[128] &= 0xfe;
        let mut short = modulus.to_vec();
        short[1] &= 0x7f;
        let mut long_length = der.to_vec();
        long_length.splice(1..3, [0x82, 0, 0x89]);
        let mut other_tag = der.to_vec();
        other_tag[0] = 0x31;
        for bad in [
            &public_key(&even, E),
            &public_key(&short[1..], E),
            &public_key(&[modulus, &[1]].concat(), E),
            // These numbers aren't minimal, because they have leading zeros.
            &public_key(&[&[0], modulus].concat(), E),
            &public_key(modulus, &[0, 1, 0, 1]),
            // This modulus is negative, because its first bit is 1.
            &public_key(&modulus[1..], E),
            &public_key(modulus, &[1]),
            &public_key(modulus, &[3]),
            &public_key(modulus, &[17]),
            &public_key(modulus, &[1, 0, 3]),
            &public_key(modulus, &[0]),
            &public_key(modulus, &[]),
            &public_key(&[0], E),
            &public_key(&[1], E),
            &[der, &[0]].concat(),
            &der[..der.len() - 1],
            &long_length,
            &other_tag,
            &Vec::new(),
        ] as [&[u8]; 19]
        {
            assert!(decode(bad).is_none(), "{}", hex::encode(bad));
        }
        let authority = with_object(der, |object| RsaKey::decode(object, AUTHORITY_BITS));
        assert!(authority.is_some());
        let four_thousand = 2048..=4096;
        assert!(with_object(der, |object| RsaKey::decode(object, four_thousand)).is_none());
    }

    #[test]
    fn authority_keys_of_every_size_check_any_signature() {
        for bits in (1020..1100).chain([2047, 2048, 2049, 3072, 4095, 4096, 4097]) {
            // The first bit of an integer in DER is its sign, so it must be 0.
            let mut modulus = vec![0; bits / 8 + 1];
            modulus[0] = if bits % 8 == 0 { 0 } else { 1 << (bits % 8 - 1) };
            if bits % 8 == 0 {
                modulus[1] = 0x80;
            }
            *modulus.last_mut().unwrap() |= 1;
            let der = public_key(&modulus, &[1, 0, 1]);
            let key = with_object(&der, |object| RsaKey::decode(object, AUTHORITY_BITS));
            assert_eq!(key.is_some(), (1024..=4096).contains(&bits), "{bits}");
            let Some(key) = key else { continue };
            for byte in [0, 1, 0x7f, 0xff] {
                for length in [0, 1, bits / 8, bits.div_ceil(8), bits / 8 + 2] {
                    let signature = vec![byte; length];
                    with_object(&signature, |object| assert!(!key.has_signed(&[7; 20], object)));
                }
            }
        }
    }

    #[test]
    fn padding_of_an_rsa_signature_is_checked_strictly() {
        let test_key = TestKey::new(0);
        let key = decode(&test_key.der).unwrap();
        let digest = [7; 20];
        let has_signed =
            |signature: &[u8]| with_object(signature, |object| key.has_signed(&digest, object));
        let good = test_key.sign(&digest);
        assert!(has_signed(&good));
        assert!(!has_signed(&TestKey::new(1).sign(&digest)));

        // The block is: 0, 1, 105 bytes of padding, 0, the digest.
        let mut block = [0xff; 128];
        (block[0], block[1], block[107]) = (0, 1, 0);
        block[108..].copy_from_slice(&digest);
        assert_eq!(test_key.encrypt(&block), good);
        let changed = |change: &dyn Fn(&mut [u8; 128])| {
            let mut changed = block;
            change(&mut changed);
            test_key.encrypt(&changed)
        };
        for position in 0..108 {
            let bad = changed(&|block| block[position] ^= 1);
            assert!(!has_signed(&bad), "byte {position}");
        }
        for (bad, reason) in [
            (changed(&|block| block[1] = 2), "a block for encryption"),
            (changed(&|block| block[1] = 0), "a block without type"),
            (changed(&|block| block[2..107].fill(0)), "zeros as padding"),
            // This is the attack of Bleichenbacher on keys with small
            // exponents.
            (
                changed(&|block| {
                    block[10] = 0;
                    block[11..31].copy_from_slice(&[7; 20]);
                    block[31..].fill(0x55);
                }),
                "bytes after the digest",
            ),
            (test_key.sign(&[7; 19]), "a shorter digest"),
            (test_key.sign(&[7; 21]), "a longer digest"),
            (test_key.sign(&[]), "no digest"),
            (
                // tor doesn't write the DigestInfo of SHA-1.
                test_key.sign(
                    &[&hex::decode("3021300906052b0e03021a05000414").unwrap()[..], &digest]
                        .concat(),
                ),
                "the name of the digest algorithm",
            ),
            ([&[0], &good[..]].concat(), "a leading zero"),
            ([&good[..], &[0]].concat(), "a byte more"),
            (good[1..].to_vec(), "a byte less"),
            (Vec::new(), "nothing"),
            (vec![0; 128], "zero"),
            ([vec![0; 127], vec![1]].concat(), "one"),
            (vec![0xff; 128], "a number greater than the modulus"),
            (test_key.der[7..135].to_vec(), "the modulus"),
        ] {
            assert!(!has_signed(&bad), "{reason}");
        }

        // At least eight of the 128 bytes must be padding.
        let longest = [7; 117];
        let recover = |signature: &[u8]| with_object(signature, |object| key.recover(object));
        assert_eq!(recover(&test_key.sign(&longest)), Some(longest.to_vec()));
        assert_eq!(recover(&test_key.sign(&[7; 118])), None);
    }
}
