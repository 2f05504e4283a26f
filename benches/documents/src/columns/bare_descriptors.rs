//! A hand-written loop that reads server descriptors once, as a measure of how
//! fast any parser could be. Keys, digests, times, addresses and numbers are
//! parsed, and everything else is borrowed. Nothing is checked, so malformed
//! input gives wrong values.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};

use crate::bare_relays::{decode, seconds};

/// A server descriptor. It borrows the text that it was parsed from.
#[derive(Default)]
struct BareDescriptor<'a> {
    nickname: &'a str,
    address: Option<Ipv4Addr>,
    ports: [u16; 3],
    or_addresses: Vec<SocketAddr>,
    master_key: [u8; 32],
    bandwidths: [u64; 3],
    published: i64,
    fingerprint: [u8; 20],
    uptime: i64,
    extra_info_digest: [u8; 20],
    extra_info_sha256: [u8; 32],
    ntor_key: [u8; 32],
    signature: Vec<u8>,
    /// The keyword and the rest of each line whose values aren't parsed.
    others: Vec<(&'a str, &'a str)>,
    /// The base64 texts between BEGIN and END lines. Each comes after the
    /// keyword of the line that precedes BEGIN.
    objects: Vec<(&'a str, &'a str)>,
}

/// Parses all server descriptors in a text, and returns their number.
pub(super) fn read(text: &str) -> usize {
    let mut all: Vec<BareDescriptor<'_>> = Vec::new();
    let (mut start, mut last) = (0, "");
    let mut object = None;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        let (begin, line) = (start, &text[start..end]);
        start = end + 1;
        if let Some(from) = object {
            if line.starts_with("-----END ") {
                if let Some(relay) = all.last_mut() {
                    relay.objects.push((last, &text[from..begin]));
                }
                object = None;
            }
            continue;
        }
        if line.starts_with("-----BEGIN ") {
            object = Some(start);
            continue;
        }
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        last = keyword;
        if keyword == "router" {
            all.push(BareDescriptor::default());
        }
        if let Some(relay) = all.last_mut() {
            read_line(relay, keyword, rest);
        }
    }
    black_box(all).len()
}

fn read_line<'a>(relay: &mut BareDescriptor<'a>, keyword: &'a str, rest: &'a str) {
    match keyword {
        "router" => {
            let mut words = rest.split(' ');
            relay.nickname = words.next().unwrap_or_default();
            relay.address = words.next().and_then(|word| word.parse().ok());
            for (port, word) in relay.ports.iter_mut().zip(words) {
                *port = word.parse().unwrap_or(0);
            }
        }
        "or-address" => relay.or_addresses.extend(rest.parse::<SocketAddr>()),
        "master-key-ed25519" => decode(rest, &mut relay.master_key),
        "ntor-onion-key" => decode(rest, &mut relay.ntor_key),
        "router-sig-ed25519" => {
            relay.signature = vec![0; 64];
            decode(rest, &mut relay.signature);
        }
        "bandwidth" => {
            for (number, word) in relay.bandwidths.iter_mut().zip(rest.split(' ')) {
                *number = word.parse().unwrap_or(0);
            }
        }
        "published" => relay.published = seconds(&rest[..10], &rest[11..]),
        "uptime" => relay.uptime = rest.parse().unwrap_or(0),
        "fingerprint" => hex(rest, &mut relay.fingerprint),
        "extra-info-digest" => {
            let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
            hex(first, &mut relay.extra_info_digest);
            decode(second, &mut relay.extra_info_sha256);
        }
        // The exit policy isn't kept, because it can be found again when it is
        // needed.
        "accept" | "reject" => {}
        _ => relay.others.push((keyword, rest)),
    }
}

/// Decodes hexadecimal digits into `into`. Spaces between the digits are
/// skipped.
fn hex(text: &str, into: &mut [u8]) {
    let mut digits = text.bytes().filter(|digit| *digit != b' ').map(|digit| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a' - 10),
    });
    for byte in into {
        *byte = digits.next().unwrap_or(0) << 4 | digits.next().unwrap_or(0);
    }
}
