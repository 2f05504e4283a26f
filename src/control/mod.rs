//! The control connection to tor, and tor's commands as methods of
//! [`Controller`].
//!
//! [`Connect`] finds a control port, authenticates, and returns a `Controller`.
//! The methods of `Controller` are spread over the files of this module, one
//! file for each family of commands: information, configuration, events,
//! signals, circuits, streams, onion services, ownership.
//!
//! For maintainers: start reading with `session.rs`, the state that the handles
//! of a connection share. The socket and its threads are in
//! [`connection`](crate::connection).

// The families of commands come in the order in which the documentation shows
// the methods of `Controller`. Those that can do harm come last.
mod conf;
mod events;
mod info;
mod signals;

mod addresses;
mod circuits;
mod resolve;
mod streams;

mod client_auth;
mod descriptors;
mod hs_descriptors;
mod hs_dirs;
mod hs_post;
mod onions;

pub(crate) mod controller;
mod features;
mod reconnect;

mod added;
mod attaching;
mod auth;
mod auth_error;
mod cache;
mod circuit_error;
mod client_auth_files;
mod client_keys;
pub(crate) mod connect;
mod connect_error;
mod credentials;
mod hs_fetch_error;
mod keeper;
mod late;
mod latest;
mod leave_streams;
mod listeners;
mod lost_onions;
mod places;
mod questions;
mod recipe;
mod reload;
mod resolve_error;
mod restorables;
mod retake;
mod session;
mod shared;
mod stream_error;
mod time_limits;
mod undo;
mod warnings;

mod guards;
mod ownership;

pub use added::AddedOnion;
pub use addresses::{MappedAddress, Mapping};
pub use auth_error::AuthError;
pub use cache::Caching;
pub use circuit_error::CircuitError;
pub use circuits::ExtendCircuit;
pub use client_auth::{ClientAuth, ClientAuthAdded, OnionClientAuth};
pub use connect::PasswordRequest;
pub use connect_error::{ConnectAttempt, ConnectError};
pub use controller::WeakController;
pub use descriptors::{PostDescriptor, PostedDescriptor};
pub use hs_descriptors::{FetchedHsDescriptor, HsDescriptors, HsFetch};
pub use hs_fetch_error::{HsFetchError, HsFetchFailure, HsFetchProblem};
pub use hs_post::{HsPostAnswer, HsPostOutcome};
pub use info::{
    Accounting, ConsensusLifetime, DirServerQuery, HandshakeStats, Info, ProcessInfo, Reachability,
    SharedRandom,
};
pub use onions::{AddOnion, OnionTarget};
pub use reconnect::Reconnect;
pub use resolve_error::ResolveError;
pub use stream_error::{StreamError, StreamProblem};

pub use scape_proto::control::{
    ArgumentError, ArgumentProblem, AuthMethod, Command, CommandBuilder, ConfLine, DecodeError,
    HashedPassword, Limits, ParseHashedPasswordError, ProtocolInfo, REDACTED, Refusal, Reply,
    ReplyLine, RouterPurpose, Signal, is_secret_option,
};

pub(crate) use connect::Connect;
pub(crate) use controller::{Controller, InternalController};
pub(crate) use leave_streams::OPTION as LEAVE_STREAMS;
pub(crate) use listeners::{Function, ListenerGuard, Listeners, Subject};
pub(crate) use lost_onions::Never;
pub(crate) use places::environment_socks;
pub(crate) use questions::Questions;
pub(crate) use shared::ReconnectHook;
pub(crate) use streams::{close_command, leave_to_tor_command};
pub(crate) use time_limits::UNDO_WITHIN;
pub(crate) use warnings::{Warnings, may_have_closed_ports};
