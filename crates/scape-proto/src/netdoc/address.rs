//! Hand-written parsers for the addresses and times in the line `r` of a
//! consensus entry. The parsers must be fast, because a consensus has thousands
//! of entries, and each entry has such a line.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::word::{days_in, parse_socket_addr};

/// Parses an IPv4 address in the form `192.0.2.1`. Leading zeros are allowed.
#[inline]
pub(super) fn parse_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split(|b| *b == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 {
            return None;
        }
        let mut number: u16 = 0;
        for digit in part {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u16::from(digit - b'0');
        }
        *octet = u8::try_from(number).ok()?;
    }
    parts.next().is_none().then_some(octets.into())
}

/// Parses an address such as `[2001:db8::1]:443` or `192.0.2.1:443`.
pub(super) fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(text).ok().and_then(parse_socket_addr)
}

/// Parses `YYYY-MM-DD` and `HH:MM:SS` in UTC. The year must be 1970 or later.
#[inline]
pub(super) fn parse_time(date: &[u8], time: &[u8]) -> Option<SystemTime> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let &[h1, h2, b':', i1, i2, b':', s1, s2] = time else { return None };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    if year < 1970
        || day == 0
        || day > days_in(year, month)?
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // If years begin in March, a leap day is the last day of the year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some(
        SystemTime::UNIX_EPOCH
            + Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second),
    )
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u64> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    digits.then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::parse_utc;
    use proptest::prelude::*;

    #[test]
    fn malformed_ipv4_addresses_are_rejected() {
        for bad in
            ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..3.4", "1.2.3.a", "1.2.3.4 ", "0001.2.3.4"]
        {
            assert_eq!(parse_ipv4(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn malformed_times_are_rejected() {
        for (date, time) in [
            ("2026-02-29", "00:00:00"),
            ("2100-02-29", "00:00:00"),
            ("2026-13-01", "00:00:00"),
            ("2026-00-01", "00:00:00"),
            ("2026-04-31", "00:00:00"),
            ("2026-04-00", "00:00:00"),
            ("1969-12-31", "23:59:59"),
            ("2026-04-01", "24:00:00"),
            ("2026-04-01", "00:60:00"),
            ("2026-04-1", "00:00:00"),
            ("2026-04-01", "0:00:00"),
            ("2026/04/01", "00:00:00"),
            ("", ""),
        ] {
            assert_eq!(parse_time(date.as_bytes(), time.as_bytes()), None, "{date} {time}");
        }
        assert!(parse_time(b"2000-02-29", b"23:59:59").is_some());
    }

    proptest! {
        #[test]
        fn addresses_round_trip(ip: Ipv4Addr, address: SocketAddr) {
            prop_assert_eq!(parse_ipv4(ip.to_string().as_bytes()), Some(ip));
            // Documents can't express the scope of an IPv6 address.
            if let SocketAddr::V4(_) = address {
                prop_assert_eq!(parse_address(address.to_string().as_bytes()), Some(address));
            }
        }

        #[test]
        fn times_match_general_parser(
            year in 1970..9999u32,
            month in 1..=12u32,
            day in 1..=28u32,
            h in 0..24u32,
            m in 0..60u32,
            s in 0..60u32,
        ) {
            let (date, time) = (format!("{year:04}-{month:02}-{day:02}"), format!("{h:02}:{m:02}:{s:02}"));
            let expected = parse_utc(&format!("{date} {time}"));
            prop_assert!(expected.is_some());
            prop_assert_eq!(parse_time(date.as_bytes(), time.as_bytes()), expected);
        }
    }
}
