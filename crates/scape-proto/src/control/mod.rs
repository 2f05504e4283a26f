//! The control protocol without a connection: bytes in, values out.
//!
//! Nothing here opens a socket, reads a clock or starts a thread. Start with
//! these types:
//!
//! - [`Decoder`] turns bytes, however they are split, into [`Reply`]s. An event
//!   is a reply with the code 650.
//! - [`Command`] is an encoded command that is safe to send.
//!
//! The other items read and write the content of replies and commands: quoted
//! strings, `KEY=value` words, the answers to PROTOCOLINFO, AUTHCHALLENGE,
//! GETINFO and GETCONF, and the SAFECOOKIE computations.
//!
//! ```
//! use scape_proto::control::{Command, Decoder};
//!
//! let command = Command::build("GETINFO").word("key", "version").finish()?;
//! assert_eq!(command.wire(), b"GETINFO version\r\n");
//!
//! let mut decoder = Decoder::default();
//! decoder.feed(b"250-version=0.4.9.11\r\n250 ");
//! assert!(decoder.next_reply()?.is_none());
//! decoder.feed(b"OK\r\n");
//! let reply = decoder.next_reply()?.expect("it is complete now");
//! assert_eq!(reply.lines().next().map(|line| line.text), Some(&b"version=0.4.9.11"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod argument;
mod command;
mod cut;
mod decoder;
mod excerpt;
mod getconf;
mod getinfo;
mod hashed_password;
mod hazard;
mod keyword;
mod known_secrets;
#[doc(hidden)]
pub mod loadconf;
mod mapping;
mod options;
mod protocolinfo;
mod quote;
mod redact;
mod refusal;
mod reply;
mod router_purpose;
mod safecookie;
#[cfg(feature = "serde")]
pub(crate) mod serial;
mod signal;
pub(crate) mod torrc_line;
mod wire_buffer;
pub use hashed_password::{HashedPassword, ParseHashedPasswordError};
pub use options::ConfLine;
pub(crate) use options::shown_name;
pub use options::{REDACTED, is_secret_option};
pub use router_purpose::RouterPurpose;
pub use signal::Signal;

pub use argument::{ArgumentError, ArgumentProblem};
pub use command::{Command, CommandBuilder};
pub use decoder::{DecodeError, Decoder, Limits};
pub use getconf::parse_conf_line;
pub use getconf::parse_getconf;
pub use getinfo::parse_getinfo;
pub use keyword::{Value, Word, Words};
pub use protocolinfo::{AuthMethod, ProtocolInfo};
pub use quote::{c_string, quoted_string, unquote};
pub use refusal::Refusal;
pub use reply::{Reply, ReplyLine};
pub use safecookie::{AuthChallenge, SafeCookie};

pub(crate) use mapping::{
    MAPS_TO_DISGUISED_ONION, is_leaking_mapping, is_map_address, mapped_addresses,
};
pub(crate) use quote::c_string_of_bytes;

// These are for `scape` only, and may change in any release.
#[doc(hidden)]
pub use excerpt::excerpt;
#[doc(hidden)]
pub use hazard::check_option_value;
#[doc(hidden)]
pub use known_secrets::KnownSecrets;
#[doc(hidden)]
pub use quote::read_quoted_string;
