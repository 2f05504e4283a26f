//! The options that select guards.

use clap::Args;
use scape::info::{EntryGuard, EntryGuardStatus};
use scape::word::CountryCode;

use super::GuardRow;
use crate::base::failure::Failure;
use crate::commands::shared::words::{self, contains};

/// The conditions that a guard must fulfil to be printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Guards with this status, such as up. Can be repeated to select several
    /// statuses
    #[arg(
        long,
        value_name = "STATUS",
        value_parser = words::parser(EntryGuardStatus::KNOWN, EntryGuardStatus::as_str),
    )]
    status: Vec<String>,

    /// Guards in this country, such as de. Can be repeated to select several
    /// countries
    #[arg(long, value_name = "COUNTRY")]
    country: Vec<CountryCode>,

    /// Guards whose nickname contains this text. Can be repeated to select
    /// several guards
    #[arg(long, value_name = "TEXT")]
    name: Vec<String>,
}

impl Filter {
    /// Returns a failure if the user asked for a status that the library
    /// doesn't know and no guard has.
    pub(super) fn check(&self, guards: &[EntryGuard]) -> Result<(), Failure> {
        let known: Vec<_> = EntryGuardStatus::KNOWN.iter().map(EntryGuardStatus::as_str).collect();
        words::check("status", "statuses", &self.status, &known, |word| {
            guards.iter().any(|guard| guard.status.as_str().eq_ignore_ascii_case(word))
        })
    }

    pub(super) fn needs_countries(&self) -> bool {
        !self.country.is_empty()
    }

    /// Returns true if the guard fulfils all conditions.
    pub(super) fn fits(&self, guard: &GuardRow) -> bool {
        let has_name = |text: &String| {
            guard.nickname.as_ref().is_some_and(|nickname| contains(nickname, text))
        };
        words::fits(&self.status, Some(guard.status.as_str()))
            && (self.country.is_empty()
                || guard.country.is_some_and(|country| self.country.contains(&country)))
            && (self.name.is_empty() || self.name.iter().any(has_name))
    }
}
