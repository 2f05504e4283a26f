//! RSA keys for tests, with which they sign documents in the same way as tor.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// Two keys. Each has the public part in DER, as base64, and the private
/// exponent. They were made for these tests and sign nothing else.
const KEYS: [(&str, &str); 2] = [
    (
        "MIGJAoGBAKsek+p/zz378zV0yo/90RxSFcuEbLoFiVbuPcGgUhlj7aaVFEEDQSk6\
         Lnck/f5PsVgSvoNI9UGsxY+gvDH5OSF5OTlWwMTGkZuGnD8ylHQvjVPsHEUwm3DD\
         bzwvmEAY3Zk7iv971/imqMS1DKU9LssBvsbMhcJVaLHzEdrmGNGjAgMBAAE=",
        "6fc948fdef42b68e6a2268ca8f68537bf9cfcd2514562d99bbd56538a18020a0\
         1c372fba8c8210c65b00d1cab3b6b7def5d740e7c8f8974fc3bc015810196c8c\
         f4637ce152cab4b123220c0c85db897b0e6275d77b9b627ad4c3f85344c971bc\
         0cdb79295e4ed818f36fa52b4f75a5def32defe286679c45fdff387a5b2301e1",
    ),
    (
        "MIGJAoGBAObBHwtLMExAQPLBHgNGc9+klX01B4uFCdnVQa8Ve9Q012rj1vUUusb1\
         5VJWKu/kkp+prcturWT5q7Jud/9UKEDZjcKVDWObneD7tQ7SAzplqO2YVtP3xqWE\
         WYRNLbBbk3cf+MTs8BJynS0WZcr/1MV8VUCwrlp2yIxvgNeD6VKFAgMBAAE=",
        "d46646d0fa70867f4e4924811fbaa5c5e194c81f1bc6ccba788bd75df584799b\
         f9fd25a3230be5b0657ea3ff349e83e2829c88a08c4b867a5a146fa27c9f563c\
         3b55a58fd9fa16ae56309975a2dfee09cd91c35116349f9f95d5a9c05ff392b7\
         852fbb435aafd0b398b370382e6a8b1005438bfea79215646315a458a4a85381",
    ),
];

/// An RSA key of 1024 bits.
pub(crate) struct TestKey {
    /// The public key in DER.
    pub(crate) der: Vec<u8>,
    exponent: BoxedUint,
    params: BoxedMontyParams,
}

impl TestKey {
    /// Returns the key with this number, 0 or 1.
    pub(crate) fn new(number: usize) -> Self {
        let (der, exponent) = KEYS[number];
        let der = BASE64.decode(der.as_bytes()).unwrap();
        let uint = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 1024).unwrap();
        let modulus = Odd::new(uint(&der[7..135])).into_option().unwrap();
        let exponent = uint(&hex::decode(exponent).unwrap());
        TestKey { der, exponent, params: BoxedMontyParams::new(modulus) }
    }

    pub(crate) fn fingerprint(&self) -> [u8; 20] {
        Sha1::digest(&self.der).into()
    }

    /// Applies the RSA private-key operation to 128 bytes, without any padding.
    pub(crate) fn encrypt(&self, block: &[u8; 128]) -> Vec<u8> {
        let number = BoxedUint::from_be_slice(block, 1024).unwrap();
        let power = BoxedMontyForm::new(number, &self.params).pow(&self.exponent);
        power.retrieve().to_be_bytes().into_vec()
    }

    /// Signs bytes with PKCS#1 padding. Like tor, doesn't hash them and adds no
    /// name of a hash algorithm.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let mut block = [0xff; 128];
        (block[0], block[1], block[127 - bytes.len()]) = (0, 1, 0);
        block[128 - bytes.len()..].copy_from_slice(bytes);
        self.encrypt(&block)
    }
}

/// Encodes an object of a directory document: the bytes in base64, between a
/// `BEGIN` and an `END` line with this label.
pub(crate) fn object(label: &str, bytes: &[u8]) -> String {
    let base64 = BASE64.encode(bytes);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
