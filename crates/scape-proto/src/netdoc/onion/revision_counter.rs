//! Revision counters: rend-spec-v3, "Two methods for managing revision
//! counters".

use std::time::Duration;

use ctr::cipher::StreamCipher as _;
use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

use super::{BlindedSecretKey, stream_cipher};

/// The largest number that can be encrypted. The numbers count seconds, so this
/// is about 73 hours.
const MOST: u64 = 1 << 18;

/// Returns a revision counter for a descriptor: rend-spec-v3, "Encrypted time
/// in period".
///
/// Relays keep the descriptor with the highest counter. `elapsed` is the time
/// since [`RingPeriod::run_start`](super::RingPeriod::run_start). If it grows
/// by a second or more, the counter grows, too. Times of more than 2^18 seconds
/// have the same counter.
///
/// The counter is the encrypted time, so it doesn't reveal the service's clock.
/// tor computes the same counters. So several programs can publish descriptors
/// for the same service, and nobody sees which one made a descriptor. A call
/// encrypts up to 512 KiB, which takes about a millisecond.
///
/// ```
/// use std::time::Duration;
/// use scape_proto::netdoc::onion::{BlindedSecretKey, TimePeriod, revision_counter};
/// use scape_proto::word::OnionKey;
///
/// let key = OnionKey::from_seed(&[7; 32]);
/// let key = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
/// let first = revision_counter(&key, Duration::from_secs(3600));
/// assert!(first < revision_counter(&key, Duration::from_secs(3601)));
/// ```
pub fn revision_counter(key: &BlindedSecretKey, elapsed: Duration) -> u64 {
    let mut hash = Sha3_256::new();
    hash.update(b"rev-counter-generation\0");
    hash.update(&key.signing_key().expose()[..]);
    let key = Zeroizing::new(hash.finalize().into());
    encrypt(&key, elapsed.as_secs().saturating_add(1).min(MOST))
}

/// Encrypts a number and keeps the order of numbers: a greater number has a
/// greater result.
///
/// The result is the sum of the first `number` words of the key stream. Each
/// word is increased by 1, like in tor, so that no two numbers have the same
/// result.
fn encrypt(key: &[u8; 32], number: u64) -> u64 {
    let mut stream = stream_cipher::key_stream(key, &[0; 16]);
    let mut sum: u64 = 0;
    let mut left = number;
    while left > 0 {
        let mut words = [[0u8; 2]; 512];
        stream.apply_keystream(words.as_flattened_mut());
        for word in words.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            sum = sum.saturating_add(u64::from(u16::from_le_bytes(*word)) + 1);
        }
        left = left.saturating_sub(512);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::onion::TimePeriod;
    use crate::word::OnionKey;

    #[test]
    fn encrypted_numbers_match_the_tests_of_tor() {
        // tor's src/test/test_crypto_ope.c.
        let key = "19e05891d55232c08c2cad91d612fdb9cbd6691949a0742434a76c80bc6992fe";
        let key = hex::decode(key).unwrap().try_into().unwrap();
        for (number, expected) in [
            (121_132, 3_971_694_514),
            (82_283, 2_695_743_564),
            (7110, 234_966_492),
            (9612, 318_326_551),
            (46_889, 1_542_219_146),
            (57_720, 1_897_369_989),
        ] {
            assert_eq!(encrypt(&key, number), expected, "{number}");
        }
    }

    #[test]
    fn revision_counters_grow_until_the_limit() {
        let key = OnionKey::from_seed(&[7; 32]);
        let key = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
        let at = |seconds| revision_counter(&key, Duration::from_secs(seconds));
        assert!(at(0) > 0 && at(0) < at(1) && at(511) < at(512) && at(512) < at(513));
        assert!(at(MOST - 2) < at(MOST - 1));
        assert_eq!(at(MOST - 1), at(u64::MAX));
    }
}
