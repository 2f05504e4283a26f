//! Sans-IO implementation of the protocols that Tor controllers speak: bytes
//! in, values out.
//!
//! This crate opens no sockets, reads no clocks and starts no threads. So any
//! program can use it: with an async runtime, in a binding for another
//! language, or on recorded bytes. The `scape` crate is built on this crate and
//! adds connections, threads and state.
//!
//! ```
//! use std::time::SystemTime;
//! use scape_proto::control::{Command, Decoder};
//! use scape_proto::event::{Event, EventBody};
//!
//! let command = Command::build("SETEVENTS").word("event", "BW").finish()?;
//! assert_eq!(command.wire(), b"SETEVENTS BW\r\n"); // the bytes to send
//!
//! let mut decoder = Decoder::default();
//! decoder.feed(b"250 OK\r\n650 BW 1024 2048\r\n"); // the bytes that tor sent
//! while let Some(reply) = decoder.next_reply()? {
//!     if reply.is_event() {
//!         let event = Event::parse(reply, SystemTime::now());
//!         assert!(matches!(event.body(), EventBody::Bw(bandwidth) if bandwidth.read == 1024));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | content |
//! |---|---|
//! | [`control`] | the control protocol: commands, replies, quoting, authentication |
//! | [`event`] | asynchronous events, one type for each |
//! | [`info`] | GETINFO answers that are more than one word |
//! | [`netdoc`] | directory documents |
//! | [`torrc`] | the text of a torrc, and the values of tor's options |
//! | [`socks`] | the client side of the SOCKS5 handshake, with tor's extensions |
//! | [`word`] | identifiers, names, addresses and keys |
//!
//! # Features
//!
//! `rand` adds functions that create random keys, credentials and salts.
//! Without this feature, this crate never asks the operating system for
//! anything.
//!
//! `verify` checks and makes the signatures of documents and certificates.
//!
//! `onion-descriptor` decrypts and makes the descriptors of onion services: see
//! [`netdoc::onion`]. It includes `verify`.
//!
//! # serde
//!
//! With the feature `serde`, events, GETINFO answers, configuration values and
//! directory documents implement `Serialize`. So do the identifiers and other
//! values in them. In JSON, they have this form:
//!
//! - A struct is an object. The object's fields have the names of the Rust
//!   fields, or of the methods that return them. A field that is `None` becomes
//!   `null`.
//! - A value that tor writes as a single text is a string, exactly as tor
//!   writes it: a fingerprint, a version, an ID, a size, an exit policy, every
//!   open enum (see [`word`]). Bytes without a type of their own are
//!   hexadecimal digits, and descriptors are text.
//! - An enum whose variants have fields is an object. The field `type` is the
//!   variant's name: `{"type": "stream", "id": "7", …}`. Other enums are
//!   strings.
//! - A time is a string such as `2026-11-21T03:16:05Z`. It has a fraction if it
//!   isn't a whole second. A time before 1970 or after 9999 is `null`. A
//!   duration is a number of seconds.
//! - Lists of keywords with values, such as `extra` and `arguments`, are
//!   objects. If a keyword has several values, only the first one is written.
//!   Flags are an array.
//! - An [`Event`](event::Event) has the fields `kind`, `arrived` and `body`. A
//!   body of the type `unknown` has the field `text`, which is the event as
//!   `Display` writes it.
//!
//! Passwords, private keys and the values of secret options are replaced by
//! `[redacted]`. `Serialize` never writes them, not even for types with a
//! method `expose`.
//!
//! Types that are strings in JSON and can be parsed implement `Deserialize`
//! too, with the same checks as `FromStr`. Events, answers and documents don't,
//! because they come from tor: only their parsers can create them. Secrets
//! don't either, because they can't be restored from `[redacted]`.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The `word` module comes first because the other modules use its macro.
#[macro_use]
pub mod word;

pub mod control;
pub mod event;
pub mod info;
pub mod netdoc;
pub mod socks;
pub mod torrc;
