//! The options of an endpoint and the parsers for their values.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::grammar::{self, Part};
use crate::endpoint::{EndpointError, EndpointProblem};
use crate::io::transport::Address;
use scape_proto::control::REDACTED;

/// A kind of endpoint and its options.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The name of the kind: `tor` or `onion`.
    pub(super) kind: &'static str,
    /// The names of the options that can be set by a value alone, such as
    /// `port` in `onion:80`. The first such value sets the first option, and so
    /// on.
    pub(super) unnamed: &'static [&'static str],
    /// The names of all options.
    pub(super) known: &'static [&'static str],
    /// The options that one endpoint may set several times.
    pub(super) repeated: &'static [&'static str],
    /// Aliases: the alias and the option's name.
    pub(super) also: &'static [(&'static str, &'static str)],
}

/// The options that one endpoint string sets. [`take`](Self::take) removes an
/// option when it is read.
#[derive(Debug)]
pub(super) struct Options {
    end: usize,
    values: Vec<Value>,
}

/// The value of an option in an endpoint string.
#[derive(Debug)]
pub(super) struct Value {
    option: &'static str,
    position: usize,
    text: Zeroizing<String>,
}

/// Returns true if `text` is an endpoint of this kind, judging by the part
/// before the first colon.
pub(super) fn is_kind(text: &str, kind: &str) -> bool {
    text.split(':').next().is_some_and(|first| first.eq_ignore_ascii_case(kind))
}

impl Options {
    /// Parses the options of `text`, an endpoint of this vocabulary's kind.
    pub(super) fn read(text: &str, vocabulary: &Vocabulary) -> Result<Self, EndpointError> {
        if !is_kind(text, vocabulary.kind) {
            let is_other = ["tor", "onion"].iter().any(|kind| is_kind(text, kind));
            let other = EndpointProblem::OtherKind { needed: vocabulary.kind };
            return Err(
                EndpointError::new(if is_other { other } else { EndpointProblem::Kind }).at(0)
            );
        }
        let mut values: Vec<Value> = Vec::new();
        let mut unnamed = vocabulary.unnamed.iter();
        // The first part is the kind, which was read before.
        for part in grammar::split(text)?.into_iter().skip(1) {
            let option = match &part.name {
                Some(name) => vocabulary.option(name, part.position)?,
                None if part.value.is_empty() => {
                    return Err(EndpointError::new(EndpointProblem::Empty).at(part.position));
                }
                None => unnamed.next().copied().ok_or_else(|| {
                    let known = vocabulary.known.to_vec();
                    EndpointError::new(EndpointProblem::Unnamed { known }).at(part.position)
                })?,
            };
            let Part { position, value: text, .. } = part;
            let value = Value { option, position, text };
            if value.text.is_empty() {
                return Err(value.error(EndpointProblem::Empty));
            }
            if values.iter().any(|v| v.option == option) && !vocabulary.repeated.contains(&option) {
                return Err(value.error(EndpointProblem::Doubled));
            }
            values.push(value);
        }
        Ok(Options { end: text.len(), values })
    }

    /// Removes and returns the first value of `option`. Returns `None` if the
    /// option isn't set, or if all of its values were taken.
    pub(super) fn take(&mut self, option: &str) -> Option<Value> {
        let at = self.values.iter().position(|value| value.option == option)?;
        Some(self.values.remove(at))
    }

    /// Removes and returns the value of `option`. Returns an error if the
    /// option isn't set.
    pub(super) fn need(&mut self, option: &str) -> Result<Value, EndpointError> {
        let end = self.end;
        self.take(option).ok_or_else(|| EndpointError::of(option, EndpointProblem::Missing).at(end))
    }

    /// Returns an error if `option` and one of `others` are both set.
    pub(super) fn exclude(
        &self,
        option: &str,
        others: &[&'static str],
    ) -> Result<(), EndpointError> {
        let Some(value) = self.values.iter().find(|value| value.option == option) else {
            return Ok(());
        };
        match others.iter().find(|other| self.values.iter().any(|value| value.option == **other)) {
            Some(with) => Err(value.error(EndpointProblem::Conflict { with })),
            None => Ok(()),
        }
    }
}

impl Vocabulary {
    /// Returns the option with this name or alias, ignoring case. Returns an
    /// error at `position` if there is no such option.
    fn option(&self, name: &str, position: usize) -> Result<&'static str, EndpointError> {
        if name.is_empty() {
            return Err(EndpointError::new(EndpointProblem::Empty).at(position));
        }
        let known =
            self.known.iter().map(|option| (*option, *option)).chain(self.also.iter().copied());
        for (spelled, option) in known {
            if spelled.eq_ignore_ascii_case(name) {
                return Ok(option);
            }
        }
        // The error doesn't repeat the name, because it may be a piece of a
        // secret whose colons weren't escaped.
        Err(EndpointError::new(EndpointProblem::Unknown { known: self.known.to_vec() })
            .at(position))
    }
}

impl Value {
    /// Creates an error that names this value's option and position.
    pub(super) fn error(&self, problem: EndpointProblem) -> EndpointError {
        EndpointError::of(self.option, problem).at(self.position)
    }

    /// Creates an error for an invalid value. `why` completes a sentence about
    /// the value, such as "must be a port".
    pub(super) fn invalid(&self, why: impl Into<String>) -> EndpointError {
        EndpointError::invalid(self.option, why).at(self.position)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns a secret value. Returns an error if the value is the placeholder
    /// `[redacted]`.
    pub(super) fn secret(&self) -> Result<&str, EndpointError> {
        if self.text.as_str() == REDACTED {
            return Err(self.invalid("was redacted when this text was displayed: insert it again"));
        }
        Ok(&self.text)
    }

    pub(super) fn boolean(&self) -> Result<bool, EndpointError> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(self.invalid("must be true or false")),
        }
    }

    /// Parses a port that isn't 0.
    pub(super) fn port(&self) -> Result<u16, EndpointError> {
        port(&self.text).ok_or_else(|| self.invalid("must be a port, 1 to 65535"))
    }

    /// Parses ports that are separated by commas. None of them may be 0.
    pub(super) fn ports(&self) -> Result<Vec<u16>, EndpointError> {
        let ports: Option<Vec<u16>> = self.text.split(',').map(port).collect();
        ports.ok_or_else(|| {
            self.invalid("must be a port, 1 to 65535, or several with commas between them")
        })
    }

    /// Parses a number from 0 to 65535.
    pub(super) fn number(&self) -> Result<u16, EndpointError> {
        digits(&self.text).ok_or_else(|| self.invalid("must be a number from 0 to 65535"))
    }

    pub(super) fn ip(&self) -> Result<IpAddr, EndpointError> {
        ip(&self.text).ok_or_else(|| {
            self.invalid("must be an IP address, such as 127.0.0.1 or [::1], and not a name")
        })
    }

    /// Parses the address of a control port or SOCKS port.
    pub(super) fn address(&self) -> Result<Address, EndpointError> {
        self.text.parse().map_err(|_| {
            self.invalid(
                "must be a port, HOST\\:PORT, [::1]\\:PORT or unix\\:/PATH, with its colons escaped",
            )
        })
    }

    /// Parses a path, which must not contain NUL or begin with `~`.
    pub(super) fn path(&self) -> Result<PathBuf, EndpointError> {
        if self.text.contains('\0') {
            return Err(self.invalid("must not contain a NUL"));
        }
        if self.text.starts_with('~') {
            return Err(self.invalid("must not begin with ~: write the whole path, or ./~"));
        }
        Ok(PathBuf::from(self.text.as_str()))
    }

    /// Parses a time in seconds that is more than 0.
    pub(super) fn seconds(&self) -> Result<Duration, EndpointError> {
        seconds(&self.text)
            .ok_or_else(|| self.invalid("must be a number of seconds above 0, such as 30 or 2.5"))
    }
}

/// Parses a number in decimal digits without a sign.
fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn port(text: &str) -> Option<u16> {
    digits(text).filter(|&port| port != 0)
}

/// Parses an IP address. An IPv6 address may be in brackets.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(bare) => bare.parse().map(|ip: Ipv6Addr| ip.into()).ok(),
        None => text.parse().ok(),
    }
}

/// Formats an IP address, with brackets for IPv6.
pub(super) fn show_ip(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Parses seconds with up to nine decimal places. Returns `None` if the text is
/// malformed or the time is zero.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > 9 {
        return None;
    }
    let nanoseconds = digits(&format!("{fraction:0<9}"))?;
    Some(Duration::new(digits(whole)?, nanoseconds))
        .filter(|time| !fraction.is_empty() && !time.is_zero())
}

/// Formats a time as a number of seconds, in the form that [`seconds`] parses.
pub(super) fn show_seconds(time: Duration) -> String {
    match time.subsec_nanos() {
        0 => time.as_secs().to_string(),
        nanoseconds => {
            format!("{}.{nanoseconds:09}", time.as_secs()).trim_end_matches('0').to_owned()
        }
    }
}

/// Formats the address of a control port or SOCKS port. A port of 127.0.0.1 is
/// formatted as its number alone.
pub(super) fn show_address(address: &Address) -> String {
    match address.port() {
        Some(port) if *address == Address::from(port) => port.to_string(),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: Vocabulary = Vocabulary {
        kind: "tor",
        unnamed: &["host", "port"],
        known: &["host", "port", "timeout", "client"],
        repeated: &["client"],
        also: &[("patience", "timeout")],
    };

    fn problem(text: &str) -> (EndpointProblem, Option<usize>) {
        let error = Options::read(text, &WORDS).unwrap_err();
        (error.problem().clone(), error.position())
    }

    #[test]
    fn first_values_need_no_names() {
        for text in ["tor:a:1:timeout=3", "TOR:host=a:PORT=1:TimeOut=3", "tor:patience=3:port=1:a"]
        {
            let mut options = Options::read(text, &WORDS).unwrap();
            assert_eq!(options.need("host").unwrap().text(), "a");
            assert_eq!(options.need("port").unwrap().port(), Ok(1));
            assert_eq!(options.take("timeout").unwrap().seconds(), Ok(Duration::from_secs(3)));
            assert!(options.take("client").is_none());
            assert_eq!(options.need("host").unwrap_err().problem(), &EndpointProblem::Missing);
        }
        let mut options = Options::read("tor:client=1:client=2", &WORDS).unwrap();
        assert_eq!(options.take("client").unwrap().text(), "1");
        assert_eq!(options.take("client").unwrap().text(), "2");
    }

    #[test]
    fn option_errors_have_a_problem_and_a_position() {
        use EndpointProblem::{Doubled, Empty, Kind, OtherKind, Unknown, Unnamed};
        let known = WORDS.known.to_vec();
        let cases = [
            ("", Kind, 0),
            ("example.com:80", Kind, 0),
            (" tor:a:1", Kind, 0),
            ("onion:80", OtherKind { needed: "tor" }, 0),
            ("tor:", Empty, 4),
            ("tor:a:", Empty, 6),
            ("tor:a:1:timeout=", Empty, 8),
            ("tor:a:1:=3", Empty, 8),
            ("tor:a:1:3", Unnamed { known: known.clone() }, 8),
            ("tor:a:1:speed=3", Unknown { known }, 8),
            ("tor:a:1:timeout=3:TIMEOUT=3", Doubled, 18),
            ("tor:host=a:b", Doubled, 11),
            ("tor:a:1:timeout=3:patience=3", Doubled, 18),
        ];
        for (text, expected, position) in cases {
            assert_eq!(problem(text), (expected, Some(position)), "{text}");
        }
        let error = Options::read("tor:a:1:speed=3", &WORDS).unwrap_err().to_string();
        assert_eq!(
            error,
            "endpoint, at byte 8: unknown option; the options are host, port, timeout, client"
        );
    }

    #[test]
    fn option_values_are_parsed_or_refused() {
        let value =
            |text: &str| Value { option: "x", position: 0, text: Zeroizing::new(text.to_owned()) };
        for bad in ["", "0", "65536", "+1", "-1", "1 ", "http", "99999"] {
            assert!(value(bad).port().is_err(), "{bad}");
            assert!(value(&format!("80,{bad}")).ports().is_err(), "{bad}");
        }
        assert_eq!(value("80,443").ports(), Ok(vec![80, 443]));
        assert_eq!((value("0").number(), value("65535").number()), (Ok(0), Ok(65535)));
        assert!(value("+0").number().is_err() && value("65536").number().is_err());
        for (text, on) in [
            ("true", true),
            ("YES", true),
            ("1", true),
            ("false", false),
            ("No", false),
            ("0", false),
        ] {
            assert_eq!(value(text).boolean(), Ok(on));
        }
        assert!(value("2").boolean().is_err() && value("maybe").boolean().is_err());
        for bad in [
            "0",
            "-1",
            "+1",
            "1.",
            ".5",
            "1e3",
            "inf",
            "NaN",
            "1.0000000001",
            "0.0",
            "99999999999999999999",
            "1.+5",
        ] {
            assert!(value(bad).seconds().is_err(), "{bad}");
        }
        assert_eq!(value("2.5").seconds(), Ok(Duration::from_millis(2500)));
        for (text, ip) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1")] {
            assert_eq!(value(text).ip(), Ok(ip.parse().unwrap()));
        }
        for bad in ["localhost", "[127.0.0.1]", "127.1", "[::1", ""] {
            assert!(value(bad).ip().is_err(), "{bad}");
        }
        assert_eq!(value("9051").address(), Ok(Address::from(9051)));
        assert_eq!(value("/run/tor").address(), Ok(Address::Unix("/run/tor".into())));
        assert!(value("unix").address().is_err() && value("0").address().is_err());
        assert!(value("~/key").path().is_err() && value("a\0b").path().is_err());
        assert_eq!(value("./~").path(), Ok("./~".into()));
        assert!(value(REDACTED).secret().is_err());
    }

    proptest! {
        #[test]
        fn formatted_time_is_parsed_back(time in any::<Duration>()) {
            prop_assert_eq!(seconds(&show_seconds(time)), Some(time).filter(|t| !t.is_zero()));
        }

        #[test]
        fn formatted_ip_address_is_parsed_back(address in any::<IpAddr>()) {
            prop_assert_eq!(ip(&show_ip(address)), Some(address));
        }
    }
}
