//! The answer to PROTOCOLINFO.

use std::path::PathBuf;

use super::keyword::{Word, Words};
use super::reply::Reply;
use crate::word::path_of;

open_enum! {
    /// A way to authenticate. control-spec, command PROTOCOLINFO.
    pub enum AuthMethod {
        /// None is needed.
        Null = "NULL",
        /// A password, whose hash tor has.
        HashedPassword = "HASHEDPASSWORD",
        /// The content of a file that only tor's user can read.
        Cookie = "COOKIE",
        /// The same file, without sending its content.
        SafeCookie = "SAFECOOKIE",
    }
}

/// What tor tells of itself before authentication. control-spec, command
/// PROTOCOLINFO.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtocolInfo {
    /// The version of the control protocol; always 1.
    pub protocol: u32,
    /// The ways to authenticate that tor offers.
    pub methods: Vec<AuthMethod>,
    /// The cookie file, as tor names it.
    pub cookie_file: Option<PathBuf>,
    /// tor's version, as it writes it.
    pub tor_version: Option<String>,
}

impl ProtocolInfo {
    /// Reads tor's answer. Returns `None` if it is malformed. Lines that are
    /// not known are passed over.
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

    /// Whether tor offers this method.
    pub fn offers(&self, method: &AuthMethod) -> bool {
        self.methods.contains(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Decoder;

    fn parse(text: &[u8]) -> Option<ProtocolInfo> {
        let mut decoder = Decoder::default();
        decoder.feed(text);
        ProtocolInfo::parse(&decoder.next_reply().unwrap().unwrap())
    }

    #[test]
    fn a_real_answer() {
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
    fn another_answer_is_none() {
        assert_eq!(parse(b"250 OK\r\n"), None);
        assert_eq!(parse(b"250-PROTOCOLINFO x\r\n250 OK\r\n"), None);
    }
}
