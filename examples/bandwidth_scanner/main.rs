//! Measures the bandwidth of every relay and writes a bandwidth file for a
//! directory authority, like sbws (simple bandwidth scanner).
//!
//! `cargo run --example bandwidth_scanner --features http -- [OPTIONS] URL FILE`
//! downloads parts of the file at URL through each relay. The web server must
//! support range requests. `https://` needs `--features https`. An authority
//! reads FILE if its torrc has the line `V3BandwidthsFile FILE`.
//!
//! ```text
//!   --downloads N  the number of downloads through each relay, by default 5
//!   --largest N    the maximum size of a download in bytes, by default 1 GiB
//!   --authorities  also measures directory authorities, which clients don't
//!                  choose by bandwidth
//! ```
//!
//! Each relay is measured in a circuit of two hops, together with a faster
//! relay: an exit, or an entry if the relay is an exit itself. The size of the
//! downloads grows until one takes between 5 and 10 seconds.
//!
//! A relay's bandwidth in the file is its bandwidth so far, times its measured
//! speed compared with the average (bandwidth-file-spec, "Torflow scaling").
//! The bandwidth so far is the smallest one in the server descriptor and the
//! consensus. Only a tor with `UseMicrodescriptors 0` has server descriptors.
//!
//! A real scanner keeps the measurements of several days. This program measures
//! once. Please be kind to the network and to the server. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place. If tor
//! needs a password, it is read from `TOR_CONTROL_PASSWD`, or the program asks
//! for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod scaling;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use parking_lot::Mutex;
use scape::event::CircuitPurpose;
use scape::netdoc::{
    BandwidthFileBuilder, BandwidthFileVersion, BandwidthValue, Directory, Relay, RouterFlags,
};
use scape::path::PathBuilder;
use scape::word::Fingerprint;
use scape::{CircuitBuilder, Connect, State};
use ureq::Agent;
use ureq::http::Uri;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The size of the first download in bytes.
const FIRST_SIZE: u64 = 16 * 1024;
/// The timeout of each download.
const PATIENCE: Duration = Duration::from_secs(30);
/// The maximum number of downloads through a relay, including those that don't
/// count because they took too short or too long.
const MOST_DOWNLOADS: usize = 50;
/// The number of relays that are measured at the same time.
const WORKERS: usize = 3;
/// The minimum share of the relays, in percent, with measurements. Below it,
/// the file tells authorities not to vote with its lines.
const MIN_PERCENT: u64 = 60;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    let controller = Connect::from_env()?.connect_interactive()?;
    let state = State::new(&controller)?;
    let directory = state.directory()?;
    // Choose relays by the same rule as tor.
    let distinct = controller.get_conf("EnforceDistinctSubnets")?.is_none_or(|value| value != "0");
    let path = PathBuilder::new().length(2).random_guard().distinct_subnets(distinct).fast(false);
    let (host, port) = options.target()?;
    let with_exit = path.clone().exit_to((host, port));
    let chooser = with_exit.prepare(directory.clone(), &[])?;
    let scanner = Scanner {
        exits: chooser.candidates(2).map(Relay::fingerprint).collect(),
        with_exit,
        path,
        state,
        directory: directory.clone(),
        options,
    };
    println!("{} relays, {} exits", scanner.relays().count(), scanner.exits.len());
    let measured = scanner.measure_all();
    let descriptors = descriptor_bandwidths(&scanner.state)?;
    let text = bandwidth_file(&measured, &directory, &descriptors)?;
    replace(&scanner.options.file, &text)?;
    println!("measured {} relays: {}", measured.len(), scanner.options.file.display());
    Ok(())
}

/// The data that all measurements share.
struct Scanner {
    state: State,
    directory: Arc<Directory>,
    /// The relays that allow exit connections to the web server.
    exits: HashSet<Fingerprint>,
    /// The settings of a two-hop path that ends at the relay to measure. They
    /// are used for the relays in `exits`.
    path: PathBuilder,
    /// The settings of a two-hop path that begins at the relay to measure, and
    /// ends at an exit that allows connections to the web server. They are used
    /// for all other relays.
    with_exit: PathBuilder,
    options: Options,
}

/// The results of the downloads through a relay.
struct Measured {
    relay: Fingerprint,
    /// The speed of each download, in bytes per second.
    speeds: Vec<f64>,
    time: SystemTime,
}

impl Scanner {
    /// Returns the relays to measure: all relays with `--authorities`, and
    /// otherwise all except the directory authorities.
    fn relays(&self) -> impl Iterator<Item = &Relay> {
        let is_authority = |relay: &Relay| relay.flags().contains(RouterFlags::AUTHORITY);
        let all = self.directory.relays().iter();
        all.filter(move |relay| self.options.authorities || !is_authority(relay))
    }

    /// Measures all relays, several of them at a time. Relays that can't be
    /// measured are left out.
    fn measure_all(&self) -> Vec<Measured> {
        let relays = Mutex::new(self.relays());
        let next = || relays.lock().next();
        let work = || {
            let mut measured = Vec::new();
            while let Some(relay) = next() {
                match self.measure(relay) {
                    Ok(speeds) => {
                        println!("{relay} {:.0} bytes/s", scaling::mean(&speeds));
                        let (relay, time) = (relay.fingerprint(), SystemTime::now());
                        measured.push(Measured { relay, speeds, time });
                    }
                    Err(error) => println!("{relay} failed: {error}"),
                }
            }
            measured
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        })
    }

    /// Measures a relay, and returns the speeds of its downloads.
    fn measure(&self, relay: &Relay) -> Result<Vec<f64>> {
        let circuit = CircuitBuilder::along(self.choose(relay)?)
            .purpose(CircuitPurpose::Controller)
            .attempts(1)
            .build(&self.state)?;
        let speeds = circuit
            .client()
            .and_then(|client| client.timeout(PATIENCE).http())
            .map_err(Box::from)
            .and_then(|agent| self.download_all(&agent));
        // Close the circuit, even if a download failed.
        circuit.close()?;
        speeds
    }

    /// Chooses the relays of a circuit: `relay`, and another one with at least
    /// twice the bandwidth if possible, so that `relay` is the slower part.
    fn choose(&self, relay: &Relay) -> Result<Vec<Fingerprint>> {
        let fingerprint = relay.fingerprint();
        let path = match self.exits.contains(&fingerprint) {
            true => self.path.clone().exit(fingerprint),
            false => self.with_exit.clone().relay(1, fingerprint),
        };
        let bandwidth = relay.bandwidth().unwrap_or(0);
        for least in [bandwidth.saturating_mul(2), bandwidth] {
            let path = path.clone().min_bandwidth(least).prepare(self.directory.clone(), &[]);
            if let Ok(relays) = path.and_then(|path| Ok(path.choose()?)) {
                return Ok(relays);
            }
        }
        Ok(path.prepare(self.directory.clone(), &[])?.choose()?)
    }

    /// Downloads parts of the file until enough downloads took between 5 and 10
    /// seconds, and returns their speeds in bytes per second.
    fn download_all(&self, agent: &Agent) -> Result<Vec<f64>> {
        let mut size = FIRST_SIZE.min(self.options.largest);
        // The size of the file is known after the first download.
        let mut whole = 0;
        let mut speeds = Vec::new();
        for _ in 0..MOST_DOWNLOADS {
            let begun = Instant::now();
            whole = self.download(agent, size, whole)?;
            let seconds = begun.elapsed().as_secs_f64();
            let largest = self.options.largest.min(whole);
            match scaling::next_size(size, largest, seconds) {
                Some(next) => size = next,
                None => speeds.push(size.min(largest) as f64 / seconds),
            }
            if speeds.len() == self.options.downloads {
                return Ok(speeds);
            }
        }
        Err("its speed changes too much".into())
    }

    /// Downloads `size` bytes from a random place in the file. `whole` is the
    /// size of the file, or 0 before the first download. Returns the size of
    /// the file.
    fn download(&self, agent: &Agent, size: u64, whole: u64) -> Result<u64> {
        let begin = rand::random_range(0..=whole.saturating_sub(size));
        let range = format!("bytes={begin}-{}", begin + size - 1);
        let request = agent.get(&self.options.url).header("Range", range);
        let mut answer = request.config().timeout_global(Some(PATIENCE)).build().call()?;
        let content_range = answer.headers().get("content-range").and_then(|it| it.to_str().ok());
        let whole = content_range.and_then(|it| it.rsplit('/').next()?.parse::<u64>().ok());
        let whole = whole.ok_or("the server doesn't support range requests")?;
        let mut body = answer.body_mut().with_config().limit(size + 1).reader();
        match io::copy(&mut body, &mut io::sink())? == size.min(whole) {
            true => Ok(whole),
            false => Err("the server sent a part of another size".into()),
        }
    }
}

/// Returns a bandwidth for each relay from its server descriptor, in bytes per
/// second. It is the smallest of the observed bandwidth and the limits that the
/// operator has set.
fn descriptor_bandwidths(state: &State) -> Result<HashMap<Fingerprint, f64>> {
    let text = state.controller().info().desc_all_recent()?;
    let bandwidths = text.documents().filter_map(|descriptor| {
        let bandwidth = descriptor.bandwidth?;
        let least = bandwidth.observed.min(bandwidth.average).min(bandwidth.burst);
        Some((descriptor.fingerprint?, least as f64))
    });
    Ok(bandwidths.collect())
}

/// Returns the text of the bandwidth file. `descriptors` has the bandwidths
/// from server descriptors, in bytes per second.
fn bandwidth_file(
    measured: &[Measured],
    directory: &Directory,
    descriptors: &HashMap<Fingerprint, f64>,
) -> Result<String> {
    let times = measured.iter().map(|relay| relay.time);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return Err("no relay could be measured".into());
    };
    let (count, all) = (measured.len() as u64, directory.relays().len() as u64);
    let is_enough = 100 * count >= MIN_PERCENT * all;
    let mut file = BandwidthFileBuilder::new(BandwidthFileVersion::new(1, 7, 0), last);
    file.header("software", "scape-bandwidth-scanner")?;
    file.header("software_version", env!("CARGO_PKG_VERSION"))?;
    file.header("file_created", SystemTime::now())?;
    file.header("earliest_bandwidth", first)?;
    file.header("latest_bandwidth", last)?;
    file.header("number_eligible_relays", count)?;
    file.header("minimum_percent_eligible_relays", MIN_PERCENT)?;
    file.header("number_consensus_relays", all)?;
    file.header("percent_eligible_relays", 100 * count / all.max(1))?;

    let so_far = |measured: &Measured| {
        let relay = directory.relay(measured.relay);
        let consensus = relay.filter(|relay| relay.is_measured() != Some(false));
        let consensus = consensus.and_then(|relay| Some(1000.0 * f64::from(relay.bandwidth()?)));
        let known = [descriptors.get(&measured.relay).copied(), consensus];
        known.into_iter().flatten().min_by(f64::total_cmp)
    };
    let speeds = measured.iter().map(|relay| (relay.speeds.as_slice(), so_far(relay)));
    let bandwidths = scaling::bandwidths(&speeds.collect::<Vec<_>>());
    for (measured, bandwidth) in measured.iter().zip(bandwidths) {
        let Some(relay) = directory.relay(measured.relay) else { continue };
        let mut line: Vec<(&str, BandwidthValue)> = vec![
            ("node_id", relay.fingerprint().into()),
            ("bw", bandwidth.into()),
            ("nick", relay.nickname().into()),
            ("time", measured.time.into()),
            ("success", (measured.speeds.len() as u64).into()),
            ("bw_mean", (scaling::mean(&measured.speeds) as u64).into()),
        ];
        if let Some(key) = relay.ed25519() {
            line.push(("master_key_ed25519", key.into()));
        }
        // Authorities don't vote with these lines.
        if !is_enough {
            line.extend([("under_min_report", true.into()), ("vote", false.into())]);
        }
        file.relay(&line)?;
    }
    Ok(file.to_string())
}

/// Replaces a file atomically, so that an authority never reads a partial file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

/// The arguments of the program.
struct Options {
    /// The URL of the file to download.
    url: String,
    /// The path of the bandwidth file to write.
    file: PathBuf,
    /// The number of downloads through each relay.
    downloads: usize,
    /// The maximum size of a download in bytes.
    largest: u64,
    /// True if directory authorities are also measured.
    authorities: bool,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        const USAGE: &str = "usage: bandwidth_scanner [--downloads N] [--largest BYTES] \
                             [--authorities] URL FILE";
        let (mut downloads, mut largest, mut authorities) = (5, 1 << 30, false);
        let mut rest = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--downloads" => downloads = value()?.parse::<usize>()?.clamp(1, MOST_DOWNLOADS),
                "--largest" => largest = value()?.parse::<u64>()?.max(1),
                "--authorities" => authorities = true,
                option if option.starts_with('-') => return Err(USAGE.into()),
                _ => rest.push(argument),
            }
        }
        let [url, file] = <[String; 2]>::try_from(rest).map_err(|_| USAGE)?;
        Ok(Options { url, file: file.into(), downloads, largest, authorities })
    }

    /// Returns the host and the port in the URL of the file to download.
    fn target(&self) -> Result<(String, u16)> {
        let url: Uri = self.url.parse()?;
        let host = url.host().ok_or("the URL has no host")?.to_owned();
        let default = if url.scheme_str() == Some("https") { 443 } else { 80 };
        Ok((host, url.port_u16().unwrap_or(default)))
    }
}
