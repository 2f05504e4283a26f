//! The chapters of `docs/guide` and the READMEs as documentation, so that
//! `cargo test --doc` compiles their code, and runs it unless it is marked
//! `no_run`.
#![cfg(doctest)]

#[doc = include_str!("../../../docs/guide/src/asking-and-setting.md")]
mod asking_and_setting {}
#[doc = include_str!("../../../docs/guide/src/circuits-and-streams.md")]
mod circuits_and_streams {}
#[doc = include_str!("../../../docs/guide/src/clients.md")]
mod clients {}
#[doc = include_str!("../../../docs/guide/src/configuration.md")]
mod configuration {}
#[doc = include_str!("../../../docs/guide/src/connecting.md")]
mod connecting {}
#[doc = include_str!("../../../docs/guide/src/daemons.md")]
mod daemons {}
#[doc = include_str!("../../../docs/guide/src/documents.md")]
mod documents {}
#[doc = include_str!("../../../docs/guide/src/errors.md")]
mod errors {}
#[doc = include_str!("../../../docs/guide/src/events.md")]
mod events {}
#[doc = include_str!("../../../docs/guide/src/faq.md")]
mod faq {}
#[doc = include_str!("../../../docs/guide/src/from-stem.md")]
mod from_stem {}
#[doc = include_str!("../../../docs/guide/src/from-txtorcon.md")]
mod from_txtorcon {}
#[doc = include_str!("../../../docs/guide/src/gui-programs.md")]
mod gui_programs {}
#[doc = include_str!("../../../docs/guide/src/http.md")]
mod http {}
#[doc = include_str!("../../../docs/guide/src/introduction.md")]
mod introduction {}
#[doc = include_str!("../../../docs/guide/src/launching.md")]
mod launching {}
#[doc = include_str!("../../../docs/guide/src/onion-services.md")]
mod onion_services {}
#[doc = include_str!("../../../docs/guide/src/performance.md")]
mod performance {}
#[doc = include_str!("../../../README.md")]
mod readme {}
#[doc = include_str!("../../scape-manual/README.md")]
mod readme_of_scape_manual {}
#[doc = include_str!("../../scape-proto/README.md")]
mod readme_of_scape_proto {}
#[doc = include_str!("../../../docs/guide/src/security.md")]
mod security {}
#[doc = include_str!("../../../docs/guide/src/setting-up-tor.md")]
mod setting_up_tor {}
#[doc = include_str!("../../../docs/guide/src/state.md")]
mod state {}
#[doc = include_str!("../../../docs/guide/src/testing.md")]
mod testing {}
#[doc = include_str!("../../../docs/guide/src/tor-quirks.md")]
mod tor_quirks {}
