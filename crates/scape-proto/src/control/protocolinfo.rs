//! The answer to PROTOCOLINFO.

use std::path::PathBuf;

use super::keyword::{Word, Words};
use super::reply::Reply;
use crate::word::path_of;

open_enum! {
    /// An authentication method. See control-spec, command PROTOCOLINFO.
    pub enum AuthMethod {
        /// No authentication is needed.
        Null = "NULL",
        /// A password, of which tor has a hash.
        HashedPassword = "HASHEDPASSWORD",
        /// The content of tor's cookie file. The controller reads the file and
        /// sends the content to tor.
        Cookie = "COOKIE",
        /// The content of tor's cookie file, without sending it: the controller
        /// and tor prove to each other that they know the content.
        SafeCookie = "SAFECOOKIE",
    }
}

/// The information that tor gives before authentication. See control-spec,
/// command PROTOCOLINFO.
///
/// ```
/// use scape_proto::control::{AuthMethod, Decoder, ProtocolInfo};
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n");
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// let info = ProtocolInfo::parse(&reply).expect("it is an answer to PROTOCOLINFO");
/// assert!(info.offers(&AuthMethod::Null));
/// # Ok::<(), scape_proto::control::DecodeError>(())
/// ```
#[doc(alias = "ProtocolInfoResponse")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProtocolInfo {
    /// The version of the control protocol. All versions of tor so far send 1.
    pub protocol: u32,
    /// The authentication methods that tor offers.
    pub methods: Vec<AuthMethod>,
    /// The path of the cookie file. `None` if cookie authentication isn't
    /// enabled.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::path"))]
    pub cookie_file: Option<PathBuf>,
    /// The version of tor, as tor writes it. `None` if tor didn't send it.
    pub tor_version: Option<String>,
}

impl ProtocolInfo {
    /// Parses the answer to PROTOCOLINFO. Unknown lines are ignored. Returns
    /// `None` if the line with the protocol version is missing or malformed.
    ///
    /// ```
    /// use scape_proto::control::{Decoder, ProtocolInfo};
    ///
    /// let mut decoder = Decoder::default();
    /// decoder.feed(b"250-PROTOCOLINFO 1\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n");
    /// let reply = decoder.next_reply()?.expect("the reply is complete");
    /// let info = ProtocolInfo::parse(&reply).expect("it is an answer to PROTOCOLINFO");
    /// assert_eq!(info.tor_version.as_deref(), Some("0.4.9.11"));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn parse(reply: &Reply) -> Option<Self> {
        let mut protocol = None;
        let (mut methods, mut cookie_file, mut tor_version) = (Vec::new(), None, None);
        for line in reply.lines() {
            let mut words = Words::new(line.text);
            match &*words.next_text() {
                "PROTOCOLINFO" => protocol = words.next_value().parse(),
                "AUTH" => {
                    for word in words {
                        match word {
                            Word::Pair("METHODS", value) => {
                                methods = value.text().split(',').map(AuthMethod::from).collect();
                            }
                            Word::Pair("COOKIEFILE", value) => {
                                cookie_file = Some(path_of(&value.bytes()));
                            }
                            _ => {}
                        }
                    }
                }
                "VERSION" => {
                    for word in words {
                        if let Word::Pair("Tor", value) = word {
                            tor_version = Some(value.text().into_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Some(ProtocolInfo { protocol: protocol?, methods, cookie_file, tor_version })
    }

    /// Returns true if tor offers this method.
    ///
    /// ```
    /// use scape_proto::control::AuthMethod;
    /// # use scape_proto::control::{Decoder, ProtocolInfo};
    /// # let mut decoder = Decoder::default();
    /// # decoder.feed(b"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=SAFECOOKIE\r\n250 OK\r\n");
    /// # let reply = decoder.next_reply()?.expect("the reply is complete");
    /// # let info = ProtocolInfo::parse(&reply).expect("it is an answer to PROTOCOLINFO");
    /// // `info` is from an answer with `AUTH METHODS=SAFECOOKIE`.
    /// assert!(info.offers(&AuthMethod::SafeCookie) && !info.offers(&AuthMethod::Null));
    /// # Ok::<(), scape_proto::control::DecodeError>(())
    /// ```
    pub fn offers(&self, method: &AuthMethod) -> bool {
        self.methods.contains(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Decoder;

    fn parse(text: &[u8]) -> Option<ProtocolInfo> {
        let mut decoder = Decoder::default();
        decoder.feed(text);
        ProtocolInfo::parse(&decoder.next_reply().unwrap().unwrap())
    }

    #[test]
    fn protocolinfo_of_a_real_tor() {
        let info = parse(
            b"250-PROTOCOLINFO 1\r\n\
              250-AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD,MAGIC COOKIEFILE=\"/caf\\303\\251 \\\"x/cookie\"\r\n\
              250-VERSION Tor=\"0.4.9.11\"\r\n250-NEW x\r\n250 OK\r\n",
        )
        .unwrap();
        assert_eq!(info.protocol, 1);
        assert_eq!(info.cookie_file, Some("/café \"x/cookie".into()));
        assert_eq!(info.tor_version.as_deref(), Some("0.4.9.11"));
        assert!(info.offers(&AuthMethod::SafeCookie) && !info.offers(&AuthMethod::Null));
        assert_eq!(info.methods[3], AuthMethod::from("MAGIC"));
    }

    #[test]
    fn malformed_protocolinfo_is_none() {
        assert_eq!(parse(b"250 OK\r\n"), None);
        assert_eq!(parse(b"250-PROTOCOLINFO x\r\n250 OK\r\n"), None);
    }
}
