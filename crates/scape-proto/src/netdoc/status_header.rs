//! The lines that the headers of consensuses and votes have in common.

use std::time::{Duration, SystemTime};

use super::document_error::LineProblem;
use super::item::Item;
use super::keyed;
use super::line::{first_word, lossy};
use super::rules::Depth;
use super::{Package, Protocols, RouterFlags, SharedRandomValue};
use crate::word::Version;

/// The values of the lines that consensuses and votes have in common. See the
/// fields of [`Consensus`](super::Consensus) with the same names.
#[derive(Debug, Default)]
pub(super) struct StatusHeader<'a> {
    pub(super) valid_after: Option<SystemTime>,
    pub(super) fresh_until: Option<SystemTime>,
    pub(super) valid_until: Option<SystemTime>,
    pub(super) voting_delay: Option<(Duration, Duration)>,
    pub(super) client_versions: Vec<Box<str>>,
    pub(super) server_versions: Vec<Box<str>>,
    pub(super) packages: Vec<Package<'a>>,
    pub(super) known_flags: RouterFlags,
    pub(super) unknown_flags: Vec<Box<str>>,
    pub(super) recommended_client_protocols: Option<Protocols>,
    pub(super) recommended_relay_protocols: Option<Protocols>,
    pub(super) required_client_protocols: Option<Protocols>,
    pub(super) required_relay_protocols: Option<Protocols>,
    pub(super) params: Vec<(Box<str>, i32)>,
    pub(super) shared_random_current: Option<SharedRandomValue>,
    pub(super) shared_random_previous: Option<SharedRandomValue>,
}

impl<'a> StatusHeader<'a> {
    /// Sets the field for a line. Lines without a field are ignored.
    pub(super) fn read_item(&mut self, item: &Item<'a>, depth: Depth) -> Result<(), LineProblem> {
        match item.keyword() {
            b"network-status-version" => check_version(item)?,
            b"valid-after" => self.valid_after = Some(item.time()?),
            b"fresh-until" => self.fresh_until = Some(item.time()?),
            b"valid-until" => self.valid_until = Some(item.time()?),
            b"voting-delay" => self.voting_delay = Some(delays(item)?),
            b"client-versions" => self.client_versions = versions(item, depth)?,
            b"server-versions" => self.server_versions = versions(item, depth)?,
            b"package" => self.packages.push(Package::parse(item)?),
            b"known-flags" => {
                (self.known_flags, self.unknown_flags) = flags(item);
            }
            b"recommended-client-protocols" => {
                self.recommended_client_protocols = Some(protocols(item)?);
            }
            b"recommended-relay-protocols" => {
                self.recommended_relay_protocols = Some(protocols(item)?);
            }
            b"required-client-protocols" => self.required_client_protocols = Some(protocols(item)?),
            b"required-relay-protocols" => self.required_relay_protocols = Some(protocols(item)?),
            b"params" => {
                keyed::params(&mut item.arguments_reader(), &mut self.params)?;
                if depth == Depth::Strict {
                    keyed::check_sorted(&self.params)?;
                }
            }
            b"shared-rand-current-value" => {
                self.shared_random_current = Some(SharedRandomValue::parse(item)?);
            }
            b"shared-rand-previous-value" => {
                self.shared_random_previous = Some(SharedRandomValue::parse(item)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Checks the first line of a consensus or a vote: the version must be 3.
fn check_version(item: &Item<'_>) -> Result<(), LineProblem> {
    match item.words().next() {
        Some(b"3") => Ok(()),
        _ => Err(LineProblem::Value("the version must be 3")),
    }
}

fn delays(item: &Item<'_>) -> Result<(Duration, Duration), LineProblem> {
    const FORM: &str = "the delays must be two numbers of seconds";
    let mut words = item.arguments_reader();
    let mut delay = || words.number::<u32>(FORM).map(|seconds| Duration::from_secs(seconds.into()));
    Ok((delay()?, delay()?))
}

/// Returns the versions in a line, without empty ones. Only a strict reading
/// checks that they are versions of tor. Words after the list are ignored,
/// because later versions of tor may add some.
pub(super) fn versions(item: &Item<'_>, depth: Depth) -> Result<Vec<Box<str>>, LineProblem> {
    const FORM: &str = "the versions must be versions of tor, separated by commas";
    let is_comma = |b: &u8| *b == b',';
    if depth == Depth::Strict {
        let list = item.words().next().map(|list| list.split(is_comma).map(lossy));
        let is_version = |version: Box<str>| version.parse::<Version>().is_ok();
        if list.is_some_and(|mut list| !list.all(is_version)) {
            return Err(LineProblem::Value(FORM));
        }
    }
    let all = item.arguments().split(is_comma).map(first_word);
    Ok(all.filter(|version| !version.is_empty()).map(lossy).collect())
}

/// Returns the known and the unknown flags in a line.
fn flags(item: &Item<'_>) -> (RouterFlags, Vec<Box<str>>) {
    let is_unknown = |word: &&[u8]| RouterFlags::from_bytes(word).is_none();
    let known = item.words().filter_map(RouterFlags::from_bytes).collect();
    (known, item.words().filter(is_unknown).map(lossy).collect())
}

fn protocols(item: &Item<'_>) -> Result<Protocols, LineProblem> {
    const FORM: &str = "the entries must be names with versions, such as Link=1-5";
    Protocols::from_bytes(item.arguments()).ok_or(LineProblem::Value(FORM))
}

/// Checks that the line `vote-status` has this value.
pub(super) fn check_status(item: &Item<'_>, status: &'static str) -> Result<(), LineProblem> {
    match item.words().next() {
        Some(word) if word == status.as_bytes() => Ok(()),
        _ if status == "vote" => Err(LineProblem::Value("the status must be vote")),
        _ => Err(LineProblem::Value("the status must be consensus")),
    }
}
