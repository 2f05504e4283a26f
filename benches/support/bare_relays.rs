//! The baseline of parsing router status entries. Every line is split; base64,
//! addresses, times, flags and numbers are parsed; everything else is borrowed.
//! Nothing is checked, so malformed input gives wrong values.

#![allow(clippy::string_slice, reason = "nothing is checked, and all is ASCII")]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};

/// A relay's entry. It borrows the text that it was parsed from.
#[derive(Default)]
pub(crate) struct BareRelay<'a> {
    pub(crate) nickname: &'a str,
    pub(crate) identity: [u8; 20],
    pub(crate) digest: [u8; 32],
    pub(crate) published: i64,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) or_port: u16,
    pub(crate) dir_port: u16,
    pub(crate) ipv6: Option<SocketAddr>,
    pub(crate) flags: u32,
    pub(crate) version: &'a str,
    pub(crate) protocols: &'a str,
    pub(crate) bandwidth: u32,
    pub(crate) unmeasured: bool,
    pub(crate) policy: &'a str,
}

const FLAGS: [&str; 14] = [
    "Authority",
    "BadExit",
    "Exit",
    "Fast",
    "Guard",
    "HSDir",
    "MiddleOnly",
    "NoEdConsensus",
    "Running",
    "Stable",
    "StaleDesc",
    "Sybil",
    "V2Dir",
    "Valid",
];

/// The value of each base64 letter. The index is the letter's byte.
const BASE64: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [0; 256];
    let mut value = 0;
    while value < letters.len() {
        table[letters[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Parses all entries. `has_digest` is true if the `r` lines contain a digest.
/// They don't in a consensus of the `microdesc` flavor.
pub(crate) fn read(text: &str, has_digest: bool) -> Vec<BareRelay<'_>> {
    let mut relays: Vec<BareRelay<'_>> = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        let line = &text[start..end];
        start = end + 1;
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        if keyword == "r" {
            relays.push(read_r(rest, has_digest));
        } else if let Some(relay) = relays.last_mut() {
            read_line(relay, keyword, rest);
        }
    }
    black_box(relays)
}

fn read_r(rest: &str, has_digest: bool) -> BareRelay<'_> {
    let words: Vec<&str> = rest.split(' ').collect();
    let mut relay = BareRelay { nickname: words[0], ..BareRelay::default() };
    decode(words[1], &mut relay.identity);
    let at = if has_digest { 3 } else { 2 };
    if has_digest {
        decode(words[2], &mut relay.digest[..20]);
    }
    relay.published = seconds(words[at], words[at + 1]);
    relay.ip = words[at + 2].parse().ok();
    relay.or_port = words[at + 3].parse().unwrap_or(0);
    relay.dir_port = words[at + 4].parse().unwrap_or(0);
    relay
}

fn read_line<'a>(relay: &mut BareRelay<'a>, keyword: &str, rest: &'a str) {
    match keyword {
        "a" => relay.ipv6 = rest.parse().ok(),
        "m" => decode(rest, &mut relay.digest),
        "s" => {
            for flag in rest.split(' ') {
                if let Ok(bit) = FLAGS.binary_search(&flag) {
                    relay.flags |= 1 << bit;
                }
            }
        }
        "v" => relay.version = rest,
        "pr" => relay.protocols = rest,
        "w" => {
            for word in rest.split(' ') {
                match word.split_once('=') {
                    Some(("Bandwidth", number)) => relay.bandwidth = number.parse().unwrap_or(0),
                    Some(("Unmeasured", _)) => relay.unmeasured = true,
                    _ => {}
                }
            }
        }
        "p" => relay.policy = rest,
        _ => {}
    }
}

pub(crate) fn decode(text: &str, into: &mut [u8]) {
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for letter in text.bytes() {
        bits = bits << 6 | u32::from(BASE64[usize::from(letter)]);
        count += 6;
        if count >= 8 && at < into.len() {
            count -= 8;
            into[at] = (bits >> count) as u8;
            at += 1;
        }
    }
}

/// Converts a date such as `2026-07-27` and a time such as `10:11:12` to
/// seconds since 1970.
pub(crate) fn seconds(date: &str, time: &str) -> i64 {
    let number = |digits: &str| digits.parse::<i64>().unwrap_or(0);
    let (year, month, day) = (number(&date[..4]), number(&date[5..7]), number(&date[8..10]));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    days * 86_400 + number(&time[..2]) * 3_600 + number(&time[3..5]) * 60 + number(&time[6..8])
}
