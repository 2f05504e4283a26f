//! Summarizes a consensus: its validity and signatures, and its relays by flag,
//! bandwidth, version, protocol and country.
//!
//! ```text
//! consensus [--certs FILE] [--geoip DATABASE]… [SOURCE]
//!
//!   --certs FILE      certificates of authorities, such as tor's cached-certs;
//!                     all authorities in the file are trusted
//!   --geoip DATABASE  a database with countries, in MaxMind's format
//! ```
//!
//! SOURCE is a file, `-` for the standard input, or tor's data directory, whose
//! certificates are used, too. Without a SOURCE, the running tor's consensus is
//! shown, and tor is asked for the countries. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place. If tor
//! needs a password, it is read from `TOR_CONTROL_PASSWD`, or the program asks
//! for it.
//!
//! Signatures are checked with the feature `verify`, and databases are read
//! with the feature `geoip`. With the feature `archives`, the file may be
//! compressed. The exit status is 1 if too few signatures are valid.
//!
//! The output is as wide as `COLUMNS` says. It has no colors if `NO_COLOR` is
//! set, and is plain ASCII without colors if it isn't for a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use scape::documents::{DataDirectory, DocumentReader, FoundDocument};
use scape::geoip::GeoIp;
use scape::netdoc::{
    BandwidthWeights, Consensus, ConsensusFlavor, DocumentKind, KeyCertificate, Protocols,
    RouterFlags, RouterStatus,
};
use scape::{Connect, Controller};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: consensus [--certs FILE] [--geoip DATABASE]… [SOURCE]";
/// The maximum number of rows in tables that could become long.
const MOST_ROWS: usize = 15;
/// The timeout of fetching the consensus from tor. A consensus can have 3 MB.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<ExitCode> {
    let options = Options::read(std::env::args().skip(1))?;
    let source = Source::read(&options)?;
    let consensus = Consensus::parse(&source.consensus)?;
    let certificates: Vec<KeyCertificate<'_>> =
        source.certificates.iter().flat_map(|text| KeyCertificate::parse_all(text)).collect();
    let relays: Vec<RouterStatus<'_>> = consensus.relays().collect();

    let mut page = Page::new();
    let is_trusted = overview(&mut page, &consensus, &relays, &certificates);
    flags(&mut page, &relays);
    bandwidths(&mut page, &consensus.bandwidth_weights, &relays);
    versions(&mut page, &consensus, &relays);
    protocols(&mut page, &consensus, &relays);
    if let Some(geoip) = &source.geoip {
        countries(&mut page, geoip, &relays)?;
    }
    match io::stdout().write_all(page.text.as_bytes()) {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(if is_trusted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The arguments of the program.
#[derive(Default)]
struct Options {
    /// The file with the authorities' certificates. `None` without `--certs`.
    certificates: Option<PathBuf>,
    /// The GeoIP databases. Without any, a running tor is asked for countries.
    databases: Vec<PathBuf>,
    /// The consensus to show: a file, `-` for the standard input, or tor's data
    /// directory. `None` stands for the consensus of the running tor.
    source: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().map(PathBuf::from).ok_or(USAGE);
            match argument.as_str() {
                "--certs" => options.certificates = Some(value()?),
                "--geoip" => options.databases.push(value()?),
                option if option.starts_with('-') && option != "-" => return Err(USAGE.into()),
                path if options.source.is_none() => options.source = Some(path.into()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

/// The input of the summary: the texts of documents, and the sources of
/// countries.
struct Source {
    consensus: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    geoip: Option<GeoIp>,
}

impl Source {
    fn read(options: &Options) -> Result<Self> {
        let texts = |found: Vec<FoundDocument>| -> Vec<Vec<u8>> {
            found.iter().map(|document| document.text().to_vec()).collect()
        };
        let mut certificates = Vec::new();
        if let Some(path) = &options.certificates {
            let found = DocumentReader::new().path(path).collect::<scape::Result<_>>()?;
            certificates = texts(found);
        }
        let mut geoip = databases(&options.databases)?;
        let consensus = match &options.source {
            Some(path) if path.is_dir() => {
                let directory = DataDirectory::open(path)?;
                certificates.extend(texts(directory.certificates()?));
                stored(&directory)?
            }
            Some(path) => in_file(path)?,
            None => {
                let tor = Connect::from_env()?.connect_interactive()?.with_timeout(PATIENCE);
                geoip = Some(geoip.unwrap_or_default().tor(&tor));
                current(&tor)?
            }
        };
        Ok(Source { consensus, certificates, geoip })
    }
}

/// Reads the consensus that tor has stored in its data directory.
fn stored(directory: &DataDirectory) -> Result<Vec<u8>> {
    for flavor in [ConsensusFlavor::Microdesc, ConsensusFlavor::Ns] {
        if let Some(found) = directory.consensus(&flavor)? {
            return Ok(found.text().to_vec());
        }
    }
    Err(format!("{} has no consensus", directory.path().display()).into())
}

/// Reads the first consensus in a file.
fn in_file(path: &Path) -> Result<Vec<u8>> {
    let reader = match path.to_str() {
        Some("-") => DocumentReader::new().stream("standard input", io::stdin()),
        _ => DocumentReader::new().path(path),
    };
    for found in reader {
        let found = found?;
        if found.kind() == Some(DocumentKind::Consensus) {
            return Ok(found.text().to_vec());
        }
    }
    Err(format!("{} contains no consensus", path.display()).into())
}

/// Fetches the consensus from a running tor.
fn current(tor: &Controller) -> Result<Vec<u8>> {
    for flavor in [ConsensusFlavor::Microdesc, ConsensusFlavor::Ns] {
        if let Some(text) = tor.info().consensus_document(&flavor)? {
            return Ok(text.into_bytes());
        }
    }
    Err("tor has no consensus".into())
}

/// Opens the databases with countries. Returns `None` if none are given.
#[cfg(feature = "geoip")]
fn databases(paths: &[PathBuf]) -> Result<Option<GeoIp>> {
    match paths {
        [] => Ok(None),
        paths => Ok(Some(paths.iter().try_fold(GeoIp::new(), GeoIp::database)?)),
    }
}

#[cfg(not(feature = "geoip"))]
fn databases(paths: &[PathBuf]) -> Result<Option<GeoIp>> {
    match paths {
        [] => Ok(None),
        _ => Err("databases take the feature geoip".into()),
    }
}

/// Writes the consensus's validity and its authorities to the page. Returns
/// false if too few signatures are valid.
fn overview(
    page: &mut Page,
    consensus: &Consensus<'_>,
    relays: &[RouterStatus<'_>],
    certificates: &[KeyCertificate<'_>],
) -> bool {
    page.title(&format!("Consensus with {} relays", relays.len()));
    let method = consensus.method.map_or("unknown".to_owned(), |method| method.to_string());
    page.line("flavor", &format!("{}, method {method}", consensus.flavor));
    page.line("valid after", &time(consensus.valid_after));
    page.line("fresh until", &time(consensus.fresh_until));
    let expiry = consensus.valid_until.and_then(|end| SystemTime::now().duration_since(end).ok());
    let expired = expiry.map(|elapsed| {
        let elapsed = humantime::format_duration(Duration::from_secs(elapsed.as_secs()));
        // The two largest units are enough.
        let words: Vec<String> =
            elapsed.to_string().split(' ').take(2).map(str::to_owned).collect();
        format!(", expired {} ago", words.join(" "))
    });
    page.line("valid until", &(time(consensus.valid_until) + &expired.unwrap_or_default()));
    let lines = consensus.skipped().len();
    let entries = consensus.relays().results().filter(|entry| entry.is_err()).count();
    if lines + entries > 0 {
        page.line("skipped", &format!("{lines} lines, {entries} relays"));
    }

    page.title(&format!("{} authorities", consensus.dir_sources.len()));
    for authority in &consensus.dir_sources {
        page.line(&authority.nickname, signature(consensus, authority.identity, certificates));
    }
    let check = check(consensus, certificates);
    let is_trusted = check.is_ok();
    let (Ok(text) | Err(text)) = check;
    if !text.is_empty() {
        page.line("all", &text);
    }
    is_trusted
}

/// Returns a text that says if an authority has signed, and if its signature is
/// valid.
fn signature(
    consensus: &Consensus<'_>,
    authority: scape::word::Fingerprint,
    certificates: &[KeyCertificate<'_>],
) -> &'static str {
    if !consensus.signatures.iter().any(|signature| signature.identity == authority) {
        return "not signed";
    }
    if !certificates.iter().any(|certificate| certificate.fingerprint == Some(authority)) {
        return "signed, not checked";
    }
    match has_signed(consensus, authority, certificates) {
        Some(true) => "signed, and the signature is valid",
        Some(false) => "signed, but the signature is not valid",
        None => "signed, not checked",
    }
}

/// Returns true if the authority's signature is valid, false if it isn't or is
/// missing, and `None` if signatures can't be checked.
#[cfg(feature = "verify")]
fn has_signed(
    consensus: &Consensus<'_>,
    authority: scape::word::Fingerprint,
    certificates: &[KeyCertificate<'_>],
) -> Option<bool> {
    Some(consensus.verify(certificates, &[authority], consensus.valid_after?).is_ok())
}

#[cfg(not(feature = "verify"))]
fn has_signed(
    _consensus: &Consensus<'_>,
    _authority: scape::word::Fingerprint,
    _certificates: &[KeyCertificate<'_>],
) -> Option<bool> {
    None
}

/// Checks that more than half of the authorities with a certificate have
/// signed. Returns a text for the page, or an error text if the check fails.
#[cfg(feature = "verify")]
fn check(
    consensus: &Consensus<'_>,
    certificates: &[KeyCertificate<'_>],
) -> std::result::Result<String, String> {
    let authorities: Vec<_> =
        certificates.iter().filter_map(|certificate| certificate.fingerprint).collect();
    let Some(at) = consensus.valid_after.filter(|_| !authorities.is_empty()) else {
        return Ok(String::new());
    };
    match consensus.verify(certificates, &authorities, at) {
        Ok(()) => Ok("enough signatures are valid".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(not(feature = "verify"))]
fn check(
    _consensus: &Consensus<'_>,
    certificates: &[KeyCertificate<'_>],
) -> std::result::Result<String, String> {
    match certificates {
        [] => Ok(String::new()),
        _ => Ok("checking signatures takes the feature verify".to_owned()),
    }
}

fn flags(page: &mut Page, relays: &[RouterStatus<'_>]) {
    let mut counts = BTreeMap::new();
    for relay in relays {
        for flag in relay.flags().iter() {
            *counts.entry(flag.to_owned()).or_insert(0) += 1;
        }
        for flag in relay.unknown_flags() {
            *counts.entry(String::from_utf8_lossy(flag).into_owned()).or_insert(0) += 1;
        }
    }
    page.title("Flags");
    page.table(rows(counts, usize::MAX), relays.len() as u64, u64::to_string);
}

/// Writes to the page: the bandwidth of guards, exits and other relays, and the
/// share of this bandwidth that clients use at each position in a circuit.
fn bandwidths(page: &mut Page, weights: &BandwidthWeights, relays: &[RouterStatus<'_>]) {
    const KINDS: [&str; 4] = ["guards", "guards and exits", "exits", "others"];
    /// The names of the consensus weights (path-spec, "Weighting node
    /// selection"). Each row is a kind of relay, in the order of `KINDS`; the
    /// columns are the guard, middle and exit positions. An empty name means
    /// that such relays are never used at that position.
    const WEIGHTS: [[&str; 3]; 4] =
        [["Wgg", "Wmg", ""], ["Wgd", "Wmd", "Wed"], ["", "Wme", "Wee"], ["", "Wmm", ""]];
    let mut sums = [0u64; 4];
    for relay in relays {
        let has = |flag| relay.flags().contains(flag);
        // Clients don't leave the network at an exit with the flag BadExit.
        let is_exit = has(RouterFlags::EXIT) && !has(RouterFlags::BAD_EXIT);
        let kind = match (has(RouterFlags::GUARD), is_exit) {
            (true, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        sums[kind] += u64::from(relay.bandwidth().unwrap_or(0));
    }
    let total: u64 = sums.iter().sum();
    page.title(&format!("Bandwidth: {}", rate(&total)));
    let rows = KINDS.iter().zip(sums).map(|(kind, sum)| Row::new(*kind, sum)).collect();
    page.table(rows, total, rate);

    if weights.is_empty() {
        return;
    }
    let weighted = |position: usize| -> u64 {
        let parts = WEIGHTS.iter().zip(sums).map(|(names, sum)| {
            let weight = names.get(position).and_then(|name| weights.get(name)).unwrap_or(0);
            sum * u64::from(weight) / u64::from(weights.scale())
        });
        parts.sum()
    };
    let positions = ["guard", "middle", "exit"].into_iter().enumerate();
    let rows: Vec<Row> = positions.map(|(at, name)| Row::new(name, weighted(at))).collect();
    page.title("Bandwidth by position in circuits");
    page.table(rows, total, rate);
}

fn versions(page: &mut Page, consensus: &Consensus<'_>, relays: &[RouterStatus<'_>]) {
    let mut counts = BTreeMap::new();
    for relay in relays {
        let version = relay.version_text().map_or("unknown".into(), String::from_utf8_lossy);
        let number = version.strip_prefix("Tor ").unwrap_or(&version);
        let is_recommended = consensus.server_versions.iter().any(|known| **known == *number);
        let mark = if is_recommended { " *" } else { "" };
        *counts.entry(format!("{version}{mark}")).or_insert(0) += 1;
    }
    page.title("Versions (*: recommended)");
    page.table(rows(counts, MOST_ROWS), relays.len() as u64, u64::to_string);
}

/// Shows the newest version of each subprotocol.
fn protocols(page: &mut Page, consensus: &Consensus<'_>, relays: &[RouterStatus<'_>]) {
    let lists: Vec<Protocols> = relays.iter().filter_map(RouterStatus::protocols).collect();
    let mut newest: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, versions) in lists.iter().flat_map(Protocols::iter) {
        let highest = versions.map(|(_, highest)| highest).max().unwrap_or(0);
        let known = newest.entry(name).or_default();
        *known = highest.max(*known);
    }
    let rows = newest.into_iter().map(|(name, version)| {
        let supports = |list: &Option<Protocols>| {
            list.as_ref().is_some_and(|list| list.supports(name, version))
        };
        let demand = if supports(&consensus.required_relay_protocols) {
            " (required)"
        } else if supports(&consensus.recommended_relay_protocols) {
            " (recommended)"
        } else {
            ""
        };
        let count = lists.iter().filter(|list| list.supports(name, version)).count();
        Row::new(format!("{name}={version}{demand}"), count as u64)
    });
    page.title("Newest protocol versions");
    page.table(rows.collect(), relays.len() as u64, u64::to_string);
}

fn countries(page: &mut Page, geoip: &GeoIp, relays: &[RouterStatus<'_>]) -> Result<()> {
    // Look up all addresses at once. One by one, each would take a round trip.
    let addresses = relays.iter().map(|relay| (*relay.or_address().ip()).into());
    let (mut counts, mut bandwidths) = (BTreeMap::new(), BTreeMap::new());
    for (location, relay) in geoip.lookup_all(addresses)?.into_iter().zip(relays) {
        let country = location?.country.map_or("??".to_owned(), |country| country.to_string());
        *counts.entry(country.clone()).or_insert(0) += 1;
        *bandwidths.entry(country).or_insert(0) += u64::from(relay.bandwidth().unwrap_or(0));
    }
    let total = bandwidths.values().sum();
    page.title("Countries");
    page.table(rows(counts, MOST_ROWS), relays.len() as u64, u64::to_string);
    page.title("Bandwidth by country");
    page.table(rows(bandwidths, MOST_ROWS), total, rate);
    Ok(())
}

/// Formats a time from a consensus.
fn time(time: Option<SystemTime>) -> String {
    time.map_or("unknown".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// Formats a bandwidth in a consensus, where the unit is 1000 bytes per second.
fn rate(kilobytes: &u64) -> String {
    match *kilobytes as f64 {
        kilobytes if kilobytes >= 1e6 => format!("{:.1} GB/s", kilobytes / 1e6),
        kilobytes => format!("{:.1} MB/s", kilobytes / 1e3),
    }
}

/// A row of a table: a label and a number.
struct Row {
    label: String,
    value: u64,
}

impl Row {
    fn new(label: impl Into<String>, value: u64) -> Self {
        Row { label: label.into(), value }
    }
}

/// Returns at most `most` rows, the largest value first. If there are more
/// values than rows, the last row is the sum of the smallest values.
fn rows(values: BTreeMap<String, u64>, most: usize) -> Vec<Row> {
    let mut rows: Vec<Row> =
        values.into_iter().map(|(label, value)| Row::new(label, value)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.value));
    if rows.len() > most {
        let others = rows.split_off(most - 1);
        let sum = others.iter().map(|row| row.value).sum();
        rows.push(Row::new(format!("{} others", others.len()), sum));
    }
    rows
}

/// The text of the output. It is collected here and written at once.
struct Page {
    text: String,
    width: usize,
    has_colors: bool,
    has_blocks: bool,
}

impl Page {
    fn new() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Page {
            text: String::new(),
            width: columns.unwrap_or(80),
            has_colors: is_terminal && !no_color,
            has_blocks: is_terminal,
        }
    }

    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let (begin, end) = if self.has_colors { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let _ = writeln!(self.text, "{begin}{title}{end}");
    }

    fn line(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "  {label:<14}{value}");
    }

    /// Writes rows with their values, their shares of `total`, and bars for the
    /// shares. `show` formats a value.
    fn table(&mut self, rows: Vec<Row>, total: u64, show: impl Fn(&u64) -> String) {
        let values: Vec<String> = rows.iter().map(|row| show(&row.value)).collect();
        let widest = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let labels = widest(&mut rows.iter().map(|row| row.label.as_str()));
        let numbers = widest(&mut values.iter().map(String::as_str));
        // Two spaces before the label, two columns and spaces between them.
        let room = self.width.saturating_sub(2 + labels + 2 + numbers + 2 + 7 + 2);
        for (row, value) in rows.iter().zip(values) {
            let share = row.value as f64 / total.max(1) as f64;
            let bar = self.bar(share, room);
            let text = format!(
                "  {:<labels$}  {value:>numbers$}  {:5.1} %  {bar}",
                row.label,
                share * 100.0
            );
            self.text.push_str(text.trim_end());
            self.text.push('\n');
        }
    }

    /// Returns a bar for a share between 0 and 1. A share of 1 is `room`
    /// columns wide. In a terminal, the bar is exact to an eighth of a column.
    fn bar(&self, share: f64, room: usize) -> String {
        const BLOCKS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let columns = share.clamp(0.0, 1.0) * room as f64;
        if !self.has_blocks {
            return "#".repeat(columns.round() as usize);
        }
        let eighths = (columns * 8.0).round() as usize;
        let bar = "█".repeat(eighths / 8) + BLOCKS[eighths % 8];
        if self.has_colors && !bar.is_empty() { format!("\x1b[36m{bar}\x1b[0m") } else { bar }
    }
}
