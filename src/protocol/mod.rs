//! The control protocol without a connection: bytes in, values out.
//!
//! Nothing here opens a socket, reads a clock or starts a thread. [`Decoder`]
//! turns bytes, in whatever pieces they come, into [`Reply`]s (events are
//! replies too, with code 650); [`Command`] is a command that is known to be
//! harmless to send. The rest reads and writes what is inside: quoted strings,
//! `KEY=value` words, the answers of PROTOCOLINFO, AUTHCHALLENGE, GETINFO and
//! GETCONF, and SAFECOOKIE's arithmetic.
//!
//! ```
//! use scape::protocol::{Command, Decoder};
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
mod config_type;
mod cut;
mod decoder;
mod excerpt;
mod getconf;
mod getinfo;
mod hashed_password;
mod hazard;
mod info;
mod keyword;
mod known_secrets;
pub(crate) mod loadconf;
mod mapping;
mod options;
mod protocolinfo;
mod quote;
mod redact;
mod refusal;
mod reply;
mod router_purpose;
mod safecookie;
mod signal;
pub(crate) mod torrc_error;
pub(crate) mod torrc_line;
mod wire_buffer;
pub use config_type::ConfigType;
pub use hashed_password::{HashedPassword, ParseHashedPasswordError};
pub use info::EntryGuardStatus;
pub use info::HandshakeType;
pub use info::MappingSource;
pub use info::Traffic;
pub use info::VersionStatus;
pub use info::{
    ConsensusFlavor, DownloadBackoff, DownloadIncrement, DownloadPhase, DownloadSchedule,
    DownloadWant,
};
pub use info::{ListenerAddress, ListenerKind, ParseListenerAddressError};
pub use info::{LocalTime, ParseLocalTimeError};
pub(crate) use mapping::{
    MAPS_TO_DISGUISED_ONION, is_leaking_mapping, is_map_address, mapped_addresses,
};
pub use options::ConfLine;
pub(crate) use options::{REDACTED, is_secret_option};
pub use router_purpose::RouterPurpose;
pub use signal::Signal;

pub use argument::{ArgumentError, ArgumentProblem};
pub use command::{Command, CommandBuilder};
pub use decoder::{DecodeError, Decoder, Limits};
pub(crate) use excerpt::excerpt;
pub(crate) use getconf::parse_conf_line;
pub use getconf::parse_getconf;
pub use getinfo::parse_getinfo;
pub(crate) use hazard::check_option_value;
pub(crate) use info::parse_config_default;
pub use info::{AddressMapping, ConfigName, DownloadStatus, EntryGuard, InfoName};
pub use keyword::{Value, Word, Words};
pub(crate) use known_secrets::KnownSecrets;
pub use protocolinfo::{AuthMethod, ProtocolInfo};
pub use quote::{c_string, quoted_string, unquote};
pub(crate) use quote::{c_string_of_bytes, read_quoted_string};
pub use refusal::Refusal;
pub use reply::{Reply, ReplyLine};
pub use safecookie::{AuthChallenge, SafeCookie};
