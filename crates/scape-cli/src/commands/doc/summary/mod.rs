//! `scape doc summary` summarizes documents.
//!
//! `page.rs` formats a summary. Each of the other files summarizes some kinds
//! of documents.

mod descriptors;
mod others;
mod page;
mod relays;

use std::path::PathBuf;

use clap::Args;
use scape::geoip::GeoIp;
use scape::netdoc::Document;

use self::descriptors::Descriptors;
use self::page::Summary;
use super::input::{Input, Unread};
use crate::base::busy::Busy;
use crate::base::context::Context;
use crate::base::failure::Failure;

/// Summarize the contents of a consensus, a vote or many descriptors
///
/// Each consensus, vote or other single document gets its own summary: relays
/// by flag, bandwidth, version and protocol, and by country if --geoip or
/// --ask-tor is given. All descriptors of a kind are summarized together.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// A database with the countries of addresses, in MaxMind's format
    #[arg(long, value_name = "FILE")]
    geoip: Vec<PathBuf>,

    /// Ask the running tor for the countries of addresses
    #[arg(long)]
    ask_tor: bool,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let geoip = self.geoip(context)?;
        let mut descriptors = Descriptors::default();
        let mut malformed = Unread::default();
        let busy = Busy::new("reading documents");
        let mut is_first = true;
        let mut print = |summary: &Summary| {
            let separator = if is_first { "" } else { "\n" };
            is_first = false;
            match context.out.is_json() {
                true => context.out.value(summary),
                false => {
                    context.out.line(format_args!("{separator}{}", summary.describe(&context.out)))
                }
            }
        };
        let unread = self.input.read(context, |place, found| {
            busy.say(format_args!("reading {place}"));
            let document = match found.document().parse() {
                Ok(document) => document,
                Err(error) => {
                    malformed.report(&place.problem(&error));
                    return Ok(());
                }
            };
            if descriptors.add(&document) {
                return Ok(());
            }
            print(&single(&document, geoip.as_ref())?)
        })?;
        drop(busy);
        descriptors.summaries().iter().try_for_each(print)?;
        malformed.add(unread);
        malformed.check()
    }

    /// Returns the source for the countries of addresses: the databases of
    /// `--geoip`, the running tor, or both. Returns `None` if the user asked
    /// for neither.
    fn geoip(&self, context: &Context) -> Result<Option<GeoIp>, Failure> {
        if self.geoip.is_empty() && !self.ask_tor {
            return Ok(None);
        }
        let mut geoip = self.geoip.iter().try_fold(GeoIp::new(), GeoIp::database)?;
        if self.ask_tor {
            geoip = geoip.tor(&context.controller()?);
        }
        Ok(Some(geoip))
    }
}

/// Summarizes a single document, such as a consensus or a vote. Descriptors
/// aren't summarized here, but all of a kind together: see `descriptors.rs`.
fn single(document: &Document<'_>, geoip: Option<&GeoIp>) -> Result<Summary, Failure> {
    match document {
        Document::Consensus(consensus) => relays::consensus(consensus, geoip),
        Document::Vote(vote) => relays::vote(vote, geoip),
        Document::BridgeNetworkStatus(status) => Ok(relays::bridges(status)),
        Document::NetworkStatusV2(status) => relays::old_status(status, geoip),
        other => Ok(others::summary(other)),
    }
}
