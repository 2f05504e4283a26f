//! Microdescriptors, which have no signatures.

use std::fmt::Write as _;

use data_encoding::{BASE64_NOPAD, HEXUPPER};

use super::SEED;
use super::keys::object;
use crate::random::Random;

const POLICIES: [&str; 4] =
    ["accept 80,443", "accept 53,80,443", "reject 25,119,135-139,445,563", "reject 25,465,587"];

pub(super) fn microdescriptors(count: usize) -> String {
    let mut random = Random(SEED);
    let members: Vec<String> =
        (0..3000).map(|_| format!("${}", HEXUPPER.encode(&random.bytes::<20>()))).collect();
    (0..count).map(|_| microdescriptor(&members, &mut random)).collect()
}

fn microdescriptor(members: &[String], random: &mut Random) -> String {
    // The key's numbers are random, because no parser checks them.
    let mut modulus: [u8; 128] = random.bytes();
    modulus[0] |= 0x80;
    modulus[127] |= 1;
    let key = [&[0x30, 0x81, 0x89, 2, 0x81, 0x81, 0], &modulus[..], &[2, 3, 1, 0, 1]].concat();
    let mut text = format!("onion-key\n{}", object("RSA PUBLIC KEY", &key));
    writeln!(text, "ntor-onion-key {}", BASE64_NOPAD.encode(&random.bytes::<32>())).unwrap();
    if random.percent(50) {
        let listed: Vec<String> =
            (0..[2, 3, 5, 12, 40][random.index(5)]).map(|_| random.one(members)).collect();
        writeln!(text, "family {}", listed.join(" ")).unwrap();
    }
    if random.percent(28) {
        let policy = random.one(&POLICIES);
        writeln!(text, "p {policy}").unwrap();
        if random.percent(60) {
            writeln!(text, "p6 {policy}").unwrap();
        }
    }
    writeln!(text, "id ed25519 {}", BASE64_NOPAD.encode(&random.bytes::<32>())).unwrap();
    text
}
