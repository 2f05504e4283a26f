//! SAFECOOKIE authentication: both sides prove that they know the cookie,
//! without sending it.

use data_encoding::{HEXLOWER, HEXUPPER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::keyword::{Word, Words};
use super::reply::Reply;
use crate::word::Secret;

/// The length of a cookie in bytes.
const COOKIE_LENGTH: usize = 32;

const SERVER_KEY: &[u8] = b"Tor safe cookie authentication server-to-controller hash";
const CLIENT_KEY: &[u8] = b"Tor safe cookie authentication controller-to-server hash";

/// The answer to AUTHCHALLENGE: tor's nonce, and a hash which proves that tor
/// knows the cookie. See control-spec, command AUTHCHALLENGE.
#[doc(alias = "AuthChallengeResponse")]
#[derive(Clone, PartialEq, Eq)]
pub struct AuthChallenge {
    server_hash: [u8; 32],
    server_nonce: Vec<u8>,
}

impl AuthChallenge {
    /// Parses the answer to AUTHCHALLENGE. Returns `None` if the hash or the
    /// nonce is missing or malformed.
    ///
    /// ```
    /// use scape_proto::control::{AuthChallenge, Decoder};
    ///
    /// let hex = "00".repeat(32);
    /// let answer = format!("250 AUTHCHALLENGE SERVERHASH={hex} SERVERNONCE={hex}\r\n250 OK\r\n");
    /// let mut decoder = Decoder::default();
    /// decoder.feed(answer.as_bytes());
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// assert!(AuthChallenge::parse(&reply).is_some());
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// assert!(AuthChallenge::parse(&reply).is_none());
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn parse(reply: &Reply) -> Option<Self> {
        let mut words = Words::new(reply.first().text);
        if words.next_text() != "AUTHCHALLENGE" {
            return None;
        }
        let decode = |digits: &[u8]| HEXUPPER_PERMISSIVE.decode(digits).ok();
        let (mut server_hash, mut server_nonce) = (None, None);
        for word in words {
            match word {
                Word::Pair("SERVERHASH", value) => {
                    server_hash = decode(value.raw()).and_then(|hash| hash.try_into().ok());
                }
                Word::Pair("SERVERNONCE", value) => server_nonce = decode(value.raw()),
                _ => {}
            }
        }
        Some(AuthChallenge { server_hash: server_hash?, server_nonce: server_nonce? })
    }
}

impl std::fmt::Debug for AuthChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthChallenge([redacted])")
    }
}

/// The client's side of one SAFECOOKIE authentication: the cookie and the
/// client's nonce. The client sends the nonce with AUTHCHALLENGE, verifies the
/// answer of tor, and sends a hash with AUTHENTICATE.
///
/// ```
/// use scape_proto::control::{AuthChallenge, Decoder, SafeCookie};
/// use scape_proto::word::Secret;
///
/// let exchange = SafeCookie::new(Secret::new([7; 32]), [1; 32]).expect("the cookie has 32 bytes");
/// let command = format!("AUTHCHALLENGE SAFECOOKIE {}", exchange.client_nonce());
///
/// // An impostor that doesn't know the cookie can't answer correctly.
/// let answer = format!("250 AUTHCHALLENGE SERVERHASH={0} SERVERNONCE={0}\r\n", "00".repeat(32));
/// let mut decoder = Decoder::default();
/// decoder.feed(answer.as_bytes());
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// let challenge = AuthChallenge::parse(&reply).expect("it is an answer to AUTHCHALLENGE");
/// assert!(!exchange.verify(&challenge));
/// # let _ = command;
/// # Ok::<(), scape_proto::control::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct SafeCookie {
    cookie: Secret,
    client_nonce: [u8; 32],
}

impl SafeCookie {
    /// Starts an authentication. The nonce must be random and used only once.
    /// Returns `None` if the length of the cookie isn't 32 bytes.
    ///
    /// ```
    /// use scape_proto::control::SafeCookie;
    /// use scape_proto::word::Secret;
    ///
    /// # let nonce = [1; 32];
    /// // The cookie is the content of tor's cookie file.
    /// assert!(SafeCookie::new(Secret::new([7; 32]), nonce).is_some());
    /// assert!(SafeCookie::new(Secret::new([7; 31]), nonce).is_none());
    /// ```
    pub fn new(cookie: Secret, client_nonce: [u8; 32]) -> Option<Self> {
        (cookie.expose().len() == COOKIE_LENGTH).then_some(SafeCookie { cookie, client_nonce })
    }

    /// Returns the client's nonce in hexadecimal, for `AUTHCHALLENGE
    /// SAFECOOKIE`.
    pub fn client_nonce(&self) -> String {
        HEXLOWER.encode(&self.client_nonce)
    }

    /// Returns true if tor's answer proves that tor knows the cookie. The
    /// comparison takes constant time.
    ///
    /// ```
    /// # use scape_proto::control::{AuthChallenge, Decoder, SafeCookie};
    /// # use scape_proto::word::Secret;
    /// let exchange = SafeCookie::new(Secret::new([7; 32]), [1; 32]).expect("32 bytes");
    /// # let hash = "27e886e51e4bfbd6adeb8f7b461ab5103455d4285ee321d6872e783e91a1aaa5";
    /// # let nonce = "00".repeat(32);
    /// # let answer = format!("250 AUTHCHALLENGE SERVERHASH={hash} SERVERNONCE={nonce}\r\n");
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(answer.as_bytes());
    /// # let reply = decoder.next_reply()?.expect("the reply is complete");
    /// // `reply` is the answer of a tor with the same cookie.
    /// let challenge = AuthChallenge::parse(&reply).expect("it is an answer to AUTHCHALLENGE");
    /// assert!(exchange.verify(&challenge));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn verify(&self, challenge: &AuthChallenge) -> bool {
        self.hmac(SERVER_KEY, challenge)
            .is_some_and(|mac| mac.verify_slice(&challenge.server_hash).is_ok())
    }

    /// Returns the argument of AUTHENTICATE, in hexadecimal. Send AUTHENTICATE
    /// only if [`verify`](Self::verify) has returned true. Returns `None` if
    /// the hash can't be computed, which doesn't happen in practice.
    ///
    /// ```
    /// # use scape_proto::control::{AuthChallenge, Command, Decoder, SafeCookie};
    /// # use scape_proto::word::Secret;
    /// # let exchange = SafeCookie::new(Secret::new([7; 32]), [1; 32]).expect("32 bytes");
    /// # let hex = "00".repeat(32);
    /// # let answer = format!("250 AUTHCHALLENGE SERVERHASH={hex} SERVERNONCE={hex}\r\n");
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(answer.as_bytes());
    /// # let reply = decoder.next_reply()?.expect("the reply is complete");
    /// # let challenge = AuthChallenge::parse(&reply).expect("it is an answer to AUTHCHALLENGE");
    /// let hash = exchange.response(&challenge).expect("the hash can be computed");
    /// let command = Command::build("AUTHENTICATE").secret_word("hash", &hash).finish()?;
    /// assert_eq!(command.to_string(), "AUTHENTICATE [redacted]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn response(&self, challenge: &AuthChallenge) -> Option<String> {
        self.hmac(CLIENT_KEY, challenge).map(|mac| HEXLOWER.encode(&mac.finalize().into_bytes()))
    }

    /// Returns the HMAC of the cookie and both nonces, before it is finalized.
    /// Returns `None` if `key` has a length that HMAC rejects, which doesn't
    /// happen in practice.
    fn hmac(&self, key: &[u8], challenge: &AuthChallenge) -> Option<Hmac<Sha256>> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
        mac.update(self.cookie.expose());
        mac.update(&self.client_nonce);
        mac.update(&challenge.server_nonce);
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Decoder;

    // These values are from a complete exchange with a real tor.
    const COOKIE: &str = "698b2561ce670253f1693d2255eff54a460095515c7b27d9770b6f659f6a3b6e";
    const NONCE: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
    const ANSWER: &str = "250 AUTHCHALLENGE SERVERHASH=5396333616F4BA313F2A1AA15DD94E6A7E2878D9EE9698C9A26C2A96CDB59BC0 SERVERNONCE=2990D819133218877ED0E396A4EE7875F7E9268F38307E49D2FF15ACFE506595";
    const RESPONSE: &str = "886E6B77C1981B85EBEEE1AFADAD401566DB8A7978CECAC3FED48E5EE863DD74";

    fn reply(line: &str) -> Reply {
        let mut decoder = Decoder::default();
        decoder.feed(format!("{line}\r\n").as_bytes());
        decoder.next_reply().unwrap().unwrap()
    }

    fn exchange(cookie: &str) -> SafeCookie {
        let nonce = hex::decode(NONCE).unwrap().try_into().unwrap();
        SafeCookie::new(Secret::new(hex::decode(cookie).unwrap()), nonce).unwrap()
    }

    #[test]
    fn safecookie_exchange_with_a_real_tor() {
        let challenge = AuthChallenge::parse(&reply(ANSWER)).unwrap();
        let exchange = exchange(COOKIE);
        assert_eq!(exchange.client_nonce(), NONCE.to_lowercase());
        assert!(exchange.verify(&challenge));
        assert_eq!(exchange.response(&challenge).unwrap().to_uppercase(), RESPONSE.to_uppercase());
    }

    #[test]
    fn server_without_the_cookie_is_not_verified() {
        let challenge = AuthChallenge::parse(&reply(ANSWER)).unwrap();
        assert!(!exchange(&COOKIE.replace('6', "7")).verify(&challenge));
        let mut wrong = challenge.clone();
        wrong.server_hash[31] ^= 1;
        assert!(!exchange(COOKIE).verify(&wrong));
    }

    #[test]
    fn malformed_authchallenge_is_none() {
        for bad in [
            "250 OK",
            "250 AUTHCHALLENGE SERVERHASH=00 SERVERNONCE=00",
            "250 AUTHCHALLENGE SERVERNONCE=00",
            "250 AUTHCHALLENGE SERVERHASH=zz",
        ] {
            assert_eq!(AuthChallenge::parse(&reply(bad)), None, "{bad}");
        }
        assert!(SafeCookie::new(Secret::new([0; 31]), [0; 32]).is_none());
    }
}
