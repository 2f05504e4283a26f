//! Secrets that were sent to the peer, and that must be hidden in its answers.

use std::fmt;

use data_encoding::{HEXLOWER, HEXUPPER_PERMISSIVE};
use memchr::memmem;
use zeroize::Zeroizing;

use super::command::Command;
use super::quote::read_quoted_string;
use super::redact::without;
use crate::control::REDACTED;

/// The minimum length of a text to hide, in bytes. Shorter texts occur in many
/// other words, where hiding them would protect nothing.
const SHORTEST: usize = 4;

/// The minimum length in bytes of an incomplete secret at the end of a text
/// that was cut off. A shorter part of a secret isn't hidden, because ordinary
/// words can contain the same bytes.
const SHORTEST_PART: usize = 8;

/// The secrets of one or more commands, in every form in which a peer might
/// send them back: as written in the command, unquoted, and in hexadecimal.
///
/// ```
/// use scape_proto::control::{Command, KnownSecrets};
///
/// let command = Command::raw("AUTHENTICATE \"open sesame\"", None)?;
/// let known = KnownSecrets::of(&command).expect("the password is a secret");
/// assert_eq!(known.hide_cut("bad password open sesame".into()), "bad password [redacted]");
/// # Ok::<(), scape_proto::control::ArgumentError>(())
/// ```
#[derive(Clone, Default)]
pub struct KnownSecrets {
    /// Secrets as plain texts. The search for them is case-sensitive.
    plain: Vec<Zeroizing<Vec<u8>>>,
    /// Secrets as hexadecimal digits in lower case. The search for them
    /// ignores case.
    digits: Vec<Zeroizing<Vec<u8>>>,
}

impl KnownSecrets {
    /// Returns the secrets of a command in all forms: as written, unquoted, and
    /// in hexadecimal. Forms of less than 4 bytes are left out, because such
    /// texts occur in many other words. Returns `None` if no form is left.
    ///
    /// ```
    /// use scape_proto::control::{Command, KnownSecrets};
    ///
    /// let command = Command::raw("SETCONF Socks5ProxyPassword=sesame", None)?;
    /// assert!(KnownSecrets::of(&command).is_some());
    /// let command = Command::raw("GETINFO version", None)?;
    /// assert!(KnownSecrets::of(&command).is_none());
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn of(command: &Command) -> Option<KnownSecrets> {
        if !command.has_secrets() {
            return None;
        }
        let mut known = KnownSecrets::default();
        let is_authentication = command.keyword().eq_ignore_ascii_case("AUTHENTICATE");
        for secret in command.secrets() {
            let secret = secret.strip_prefix(b"=").unwrap_or(secret);
            if let Some(text) = read_quoted_string(secret) {
                // Inside the quotes, keep the escapes as they were written.
                known.add(secret.get(1..secret.len() - 1).unwrap_or_default());
                known.add_with_digits(&text);
                if !is_authentication {
                    known.add_behind_colon(&text);
                }
            } else if is_authentication && let Ok(text) = HEXUPPER_PERMISSIVE.decode(secret) {
                known.add_with_digits(&Zeroizing::new(text));
            } else {
                // An opening quote isn't part of the secret, even if it is
                // never closed.
                let secret = secret.strip_prefix(b"\"").unwrap_or(secret);
                known.add(secret);
                known.add_behind_colon(secret);
            }
        }
        (!known.is_empty()).then_some(known)
    }

    /// Returns a copy that contains only the forms of 8 bytes or more. A form
    /// is a secret as it was written in the command, unquoted, or in
    /// hexadecimal.
    ///
    /// The forms in the copy can be hidden in everything that the peer sends
    /// from now on. Hide a shorter form only in the answer to the command that
    /// contained the secret. tor's other texts can contain the same bytes as an
    /// ordinary word.
    ///
    /// Returns `None` if all forms are shorter than 8 bytes.
    ///
    /// ```
    /// use scape_proto::control::{Command, KnownSecrets};
    ///
    /// let lasting = |line: &str| KnownSecrets::of(&Command::raw(line, None).ok()?)?.lasting();
    /// assert!(lasting("AUTHENTICATE \"open sesame\"").is_some());
    /// assert!(lasting("SETCONF Socks5ProxyPassword=circ").is_none());
    /// ```
    pub fn lasting(&self) -> Option<KnownSecrets> {
        let mut lasting = self.clone();
        lasting.plain.retain(|secret| secret.len() >= SHORTEST_PART);
        lasting.digits.retain(|secret| secret.len() >= SHORTEST_PART);
        (!lasting.is_empty()).then_some(lasting)
    }

    /// Adds the secrets of `other`.
    ///
    /// ```
    /// use scape_proto::control::{Command, KnownSecrets};
    ///
    /// let mut known = KnownSecrets::default();
    /// for line in ["AUTHENTICATE \"open sesame\"", "SETCONF Socks5ProxyPassword=abracadabra"] {
    ///     let command = Command::raw(line, None)?;
    ///     known.extend(&KnownSecrets::of(&command).unwrap_or_default());
    /// }
    /// assert_eq!(known.hide_cut("abracadabra, open sesame".into()), "[redacted], [redacted]");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn extend(&mut self, other: &KnownSecrets) {
        for plain in &other.plain {
            self.add(plain);
        }
        for digits in &other.digits {
            if !self.digits.contains(digits) {
                self.digits.push(digits.clone());
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.digits.is_empty()
    }

    /// Adds a secret as plain text, unless it is too short or known already.
    fn add(&mut self, secret: &[u8]) {
        if secret.len() >= SHORTEST && !self.plain.iter().any(|known| ***known == *secret) {
            self.plain.push(Zeroizing::new(secret.to_vec()));
        }
    }

    /// Adds the part of a secret after its first colon. In a secret such as
    /// `x25519:KEY`, the type of the key is before the colon, and tor sends
    /// back only the key. In a secret such as `user:password`, a peer might
    /// send back only the password.
    fn add_behind_colon(&mut self, secret: &[u8]) {
        if let Some(colon) = memchr::memchr(b':', secret) {
            self.add(secret.get(colon + 1..).unwrap_or_default());
        }
    }

    /// Adds a secret in two forms: as plain text and as hexadecimal digits.
    fn add_with_digits(&mut self, secret: &[u8]) {
        self.add(secret);
        let digits = Zeroizing::new(HEXLOWER.encode(secret).into_bytes());
        if digits.len() >= SHORTEST {
            self.digits.push(digits);
        }
    }

    /// Replaces the secrets in a text by `[redacted]`.
    pub(crate) fn hide(&self, text: String) -> String {
        let mut found = Vec::new();
        for plain in &self.plain {
            let at = memmem::find_iter(text.as_bytes(), &***plain);
            found.extend(at.map(|at| at..at + plain.len()));
        }
        if !self.digits.is_empty() {
            let lower = Zeroizing::new(text.to_ascii_lowercase());
            for digits in &self.digits {
                let at = memmem::find_iter(lower.as_bytes(), &***digits);
                found.extend(at.map(|at| at..at + digits.len()));
            }
        }
        if found.is_empty() {
            return text;
        }
        found.sort_by_key(|range| (range.start, range.end));
        let mut merged: Vec<std::ops::Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        without(&text, &merged)
    }

    /// Replaces the secrets in a text by `[redacted]`. Use this method for a
    /// text that may have been cut off: if the text ends with the first 8 or
    /// more bytes of a secret, these bytes are replaced, too.
    ///
    /// ```
    /// use scape_proto::control::{Command, KnownSecrets};
    ///
    /// let command = Command::raw("AUTHENTICATE \"open sesame\"", None)?;
    /// let known = KnownSecrets::of(&command).unwrap_or_default();
    /// assert_eq!(known.hide_cut("bad password open sesa".into()), "bad password [redacted]");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn hide_cut(&self, text: String) -> String {
        let mut text = self.hide(text);
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let ends = |text: &[u8], secret: &[u8]| {
            let longest = secret.len().saturating_sub(1).min(text.len());
            (SHORTEST_PART..=longest).rev().find(|length| text.ends_with(&secret[..*length]))
        };
        let plain = self.plain.iter().filter_map(|secret| ends(text.as_bytes(), secret)).max();
        let digits = self.digits.iter().filter_map(|secret| ends(lower.as_bytes(), secret)).max();
        if let Some(length) = plain.max(digits) {
            let mut end = text.len() - length;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push_str(REDACTED);
        }
        text
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownSecrets([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(line: &str) -> KnownSecrets {
        KnownSecrets::of(&Command::raw(line, None).unwrap()).unwrap()
    }

    fn hidden(line: &str, text: &str) -> String {
        known(line).hide(text.into())
    }

    #[test]
    fn echoed_password_is_hidden_in_each_form() {
        let digits = hex::encode("open sesame");
        for line in [format!("AUTHENTICATE {digits}"), "AUTHENTICATE \"open sesame\"".into()] {
            assert_eq!(hidden(&line, "515 open sesame, really"), "515 [redacted], really");
            assert_eq!(
                hidden(&line, &format!("515 AUTHENTICATE {digits}")),
                "515 AUTHENTICATE [redacted]"
            );
            let upper = digits.to_ascii_uppercase();
            assert_eq!(hidden(&line, &format!("{digits}x{upper}")), "[redacted]x[redacted]");
        }
        for spaced in ["AUTHENTICATE  \"open sesame\" ", &format!("AUTHENTICATE \t{digits}")] {
            assert_eq!(hidden(spaced, "515 open sesame, really"), "515 [redacted], really");
            assert_eq!(hidden(spaced, &format!("515 {digits}")), "515 [redacted]");
        }
        let escaped = "AUTHENTICATE \"say \\\"friend\\\"\"";
        assert_eq!(
            hidden(escaped, "a say \"friend\" b say \\\"friend\\\""),
            "a [redacted] b [redacted]"
        );
    }

    #[test]
    fn other_secrets_are_hidden_as_they_were_written() {
        assert_eq!(hidden("ADD_ONION ED25519-V3:abcdef Port=80", "bad abcdef"), "bad [redacted]");
        assert_eq!(hidden("SETCONF Socks5ProxyPass=hunter22", "x 'hunter22'"), "x '[redacted]'");
        assert_eq!(hidden("SETCONF Socks5ProxyPass=\"hunter 22\"", "x hunter 22"), "x [redacted]");
        let torrc: &[u8] =
            b"Nickname x\n  Socks5ProxyPass  hunter22 \n.x\nHTTPProxyAuth \"a:b c\"\n";
        let command = Command::raw("+LOADCONF", Some(torrc)).unwrap();
        assert_eq!(command.to_string(), "+LOADCONF (73 bytes of data)");
        let of_torrc = KnownSecrets::of(&command).unwrap();
        assert_eq!(
            of_torrc.hide("hunter22 in \"a:b c\" x".into()),
            "[redacted] in \"[redacted]\" x"
        );
        assert!(KnownSecrets::of(&Command::raw("GETINFO version", None).unwrap()).is_none());
        assert!(
            KnownSecrets::of(&Command::raw("SETCONF HashedControlPassword=1", None).unwrap())
                .is_none()
        );
        assert!(!format!("{:?}", known("AUTHENTICATE \"open sesame\"")).contains("sesame"));
    }

    #[test]
    fn secret_with_a_colon_is_hidden_with_what_is_before_the_colon() {
        for line in ["SETCONF Socks5ProxyPass=hunter:22", "RESETCONF HTTPProxyAuth=hunter:22"] {
            assert_eq!(hidden(line, "bad hunter:22"), "bad [redacted]", "{line}");
        }
        let of_torrc = Command::raw("+LOADCONF", Some(b"Socks5ProxyPass hunter:22")).unwrap();
        assert_eq!(
            KnownSecrets::of(&of_torrc).unwrap().hide("bad hunter:22".into()),
            "bad [redacted]"
        );
        for line in ["SETCONF HTTPProxyAuth=bob:hunter22", "SETCONF HTTPProxyAuth=\"bob:hunter22\""]
        {
            assert_eq!(hidden(line, "bad hunter22"), "bad [redacted]", "{line}");
        }
    }

    #[test]
    fn secret_that_is_continued_on_another_line_is_hidden() {
        for torrc in [
            "Socks5ProxyPass \\\nhunter22",
            "Socks5ProxyPass\\\r\nhunter22\r\n",
            "Socks5ProxyPass \\\n# x\nhunter22",
            "Socks5ProxyPass hun\\\nter22",
            "Socks5ProxyPass \"hunter22",
        ] {
            let command = Command::raw("+LOADCONF", Some(torrc.as_bytes())).unwrap();
            let known = KnownSecrets::of(&command).unwrap();
            let shown = known.hide("bad hunter22".into());
            assert_eq!(shown, "bad [redacted]", "{torrc}");
        }
    }

    #[test]
    fn secret_that_is_cut_off_at_the_end_is_hidden() {
        let known = known(&format!("AUTHENTICATE {}", hex::encode("é very long password")));
        for cut in 8..40 {
            let digits = hex::encode_upper("é very long password");
            let text = format!("AUTHENTICATE {}", digits.get(..cut).unwrap());
            assert_eq!(known.hide_cut(text), "AUTHENTICATE [redacted]");
        }
        assert_eq!(known.hide_cut("x é very lo".into()), "x [redacted]");
        assert_eq!(known.hide_cut("nothing".into()), "nothing");
    }
}
