//! Checks that no copy of a password stays in memory after its use. The test
//! searches the memory of its process, so it needs a separate process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use scape::control::Command;
use scape::word::Secret;
use support::real_tor::RealTor;

/// The XOR mask for every byte of the secret in this program's code. Without
/// the mask, the code would contain another copy of the secret.
const MASK: u8 = 0x80;

/// The end of the secret, `needle-in-the-heap-93127`, with each byte masked by
/// [`MASK`].
const MASKED: [u8; 24] = [
    0xee, 0xe5, 0xe5, 0xe4, 0xec, 0xe5, 0xad, 0xe9, 0xee, 0xad, 0xf4, 0xe8, 0xe5, 0xad, 0xe8, 0xe5,
    0xe1, 0xf0, 0xad, 0xb9, 0xb3, 0xb1, 0xb2, 0xb7,
];

/// The beginning of the secret. An allocator overwrites the beginning of freed
/// memory and soon reuses small blocks. So the secret is long, and the test
/// searches for its end.
const BEFORE: [u8; 176] = [b'x'; 176];

/// The torrc line with the hash of the secret. The secret is [`BEFORE`]
/// followed by the unmasked bytes of [`MASKED`].
const HASH: &str =
    "HashedControlPassword 16:8E9118C170FB2F71609FD3B9D92183C33B0D760E91A6D9703E7CE567D4\n";

/// Makes the secret without leaving another copy.
fn secret() -> Vec<u8> {
    // The buffer has its final size from the start.
    let mut bytes = Vec::with_capacity(BEFORE.len() + MASKED.len());
    bytes.extend(BEFORE);
    bytes.extend(MASKED.iter().map(|byte| byte ^ MASK));
    bytes
}

/// Returns the number of copies of the secret's end in writable memory, as
/// bytes or in hexadecimal digits.
fn copies() -> usize {
    let digits: Vec<u8> = MASKED
        .iter()
        .flat_map(|byte| [(byte ^ MASK) >> 4, (byte ^ MASK) & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap() as u8 ^ MASK)
        .collect();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut fields = line.split(' ');
        let (range, access) = (fields.next().unwrap(), fields.next().unwrap());
        if !access.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (number(start), number(end));
        // One buffer is used for all parts. It is masked before it is searched,
        // and the first bytes of the next part overlap this one.
        let mut buffer = vec![0; 1 << 16];
        while at < end {
            let length = buffer.len().min((end - at) as usize);
            // A region may be gone by now.
            let Ok(count) = memory.read_at(&mut buffer[..length], at) else { break };
            buffer[..count].iter_mut().for_each(|byte| *byte ^= MASK);
            for masked in [&MASKED[..], &digits] {
                found += buffer[..count]
                    .windows(masked.len())
                    .filter(|window| *window == masked)
                    .count();
            }
            // This buffer is itself part of the memory, so it must be wiped.
            buffer.fill(0);
            if count <= 64 {
                break;
            }
            at += count as u64 - if at + count as u64 == end { 0 } else { 64 };
        }
    }
    found
}

#[test]
fn password_is_wiped_from_memory() {
    // The search finds an existing secret.
    let kept = secret();
    assert!(copies() >= 1);
    drop(Secret::new(kept));
    assert_eq!(copies(), 0);

    // A builder that contains the password grows.
    {
        let password = Secret::new(secret());
        let text = std::str::from_utf8(password.expose()).unwrap();
        let mut command = Command::build("SETCONF");
        command.quoted("Socks5ProxyPassword", text);
        let mut between = Vec::new();
        for _ in 0..100 {
            command.quoted("ContactInfo", "a long text about where to write to");
            // This keeps the buffer from growing in place.
            between.push(Box::new([0_u8; 24]));
        }
        drop(between);
        let command = command.finish().unwrap();
        assert!(copies() >= 2);
        drop((command.clone(), command));
    }
    assert_eq!(copies(), 0);
    {
        let password = Secret::new(secret());
        let data = [b"Socks5ProxyPassword ".as_slice(), password.expose()].concat();
        let command = Command::build("LOADCONF").data("torrc", &data).finish().unwrap();
        drop((Secret::new(data), command));
    }
    assert_eq!(copies(), 0);

    let tor = RealTor::start(HASH);
    let controller = tor.over_unix().password(Secret::new(secret())).connect().unwrap();
    assert!(controller.version().is_ok());
    controller.close().unwrap();
    assert_eq!(copies(), 0, "after a connection");
}
