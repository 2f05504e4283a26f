//! Balances the load of an onion service over several tors, like OnionBalance.
//!
//! ```text
//! onion_balance KEY_FILE                               makes the key and shows the address
//! onion_balance [OPTIONS] KEY_FILE BACKEND.onion…      publishes the service
//!
//!   --every SECONDS   the time between two looks at the backends, by default 600
//!   --check PORT      leaves out backends that can't be reached at this port
//! ```
//!
//! Clients connect to the address of the frontend, a service with its key in
//! KEY_FILE. If the file is missing, a new key is saved in it. Key files of tor
//! and of OnionBalance are read, too.
//!
//! The backends are onion services on any number of machines. They accept the
//! connections, so this program sees none of them. It only publishes the
//! frontend's descriptors with the backends' introduction points. To run a
//! backend, put this into its torrc, and the frontend's address into the file
//! `ob_config` in the service's directory:
//!
//! ```text
//! HiddenServiceDir /var/lib/tor/backend
//! HiddenServicePort 80 127.0.0.1:8080
//! HiddenServiceOnionBalanceInstance 1
//! ```
//!
//! ```text
//! MasterOnionAddress FRONTEND.onion
//! ```
//!
//! `scape::onion::disk::DiskOnionFiles::onion_balance` writes both.
//!
//! Descriptors have room for 20 introduction points. If the backends have more,
//! several descriptors are published to different directories. Clients then
//! find one of them by chance.
//!
//! Ctrl-C ends the program. The frontend then stays reachable until the
//! directories forget its descriptors, after three hours at most. Set
//! `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual
//! place. If tor needs a password, it is read from `TOR_CONTROL_PASSWD`, or the
//! program asks for it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use scape::control::{HsFetch, Reconnect};
use scape::netdoc::onion::{
    DescriptorUpload, HsDirs, OnionDescriptorBuilder, OpenedDescriptor, RingPeriod,
};
use scape::onion::{load_key, save_key};
use scape::word::{Fingerprint, OnionAddress, OnionKey};
use scape::{Connect, Controller, Tor, TorClient};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The timeout of each fetch and each post of a descriptor.
const PATIENCE: Duration = Duration::from_secs(60);
/// The timeout of checking that a backend accepts connections.
const CHECK_WITHIN: Duration = Duration::from_secs(30);
/// The maximum time between a failed round and the next attempt.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// The time after which descriptors are posted again. Directories keep them for
/// three hours.
const POST_AGAIN: Duration = Duration::from_secs(60 * 60);
/// The time after which a backend is left out if no descriptor of it could be
/// fetched.
const TOO_OLD: Duration = Duration::from_secs(60 * 60);
/// The time for which the certificates in a descriptor are valid, as in tor.
const CERTIFICATES: Duration = Duration::from_secs(54 * 60 * 60);

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    let key = load_or_make(&options.key_file)?;
    println!("frontend {}", key.address());
    if options.backends.is_empty() {
        return Ok(());
    }

    // Reconnect after a restart of tor, so that the frontend stays published.
    let tor = Connect::from_env()?.reconnect(Reconnect::new()).connect_interactive()?;
    let mut frontend = Frontend {
        hs_dirs: tor.hs_descriptors().directories()?,
        tor,
        check: options.check,
        key,
        backends: options.backends.into_iter().map(Backend::new).collect(),
        posted: Vec::new(),
    };
    for round in 0.. {
        let worked = frontend.work(round);
        if let Err(error) = &worked {
            eprintln!("{error}");
        }
        thread::sleep(if worked.is_ok() { options.every } else { options.every.min(TRY_AGAIN) });
    }
    Ok(())
}

/// The service that clients connect to, and the state of its backends and
/// descriptors.
struct Frontend {
    tor: Controller,
    /// The port for checking that backends are reachable. `None` if they aren't
    /// checked.
    check: Option<u16>,
    key: OnionKey,
    backends: Vec<Backend>,
    hs_dirs: HsDirs,
    /// The descriptors that were posted to the directories, with the time of
    /// each post.
    posted: Vec<(Plan, Instant)>,
}

/// An onion service that accepts connections from clients of the frontend.
struct Backend {
    address: OnionAddress,
    /// The last descriptor and the time at which it was fetched. `None` if
    /// there is no descriptor, or only an outdated one.
    descriptor: Option<(OpenedDescriptor, Instant)>,
    /// The number of introduction points in the last descriptor.
    points: usize,
}

/// The descriptors to post for a time period, in a form without keys, so that
/// changes can be found, and the directories for each descriptor.
#[derive(PartialEq)]
struct Plan {
    period: RingPeriod,
    descriptors: Vec<(OnionDescriptorBuilder, Vec<Fingerprint>)>,
}

impl Frontend {
    /// Fetches the backends' descriptors, and posts those of the frontend that
    /// have changed or are old. `round` is the number of earlier calls.
    fn work(&mut self, round: usize) -> Result<()> {
        let lifetime = self.tor.info().consensus_lifetime()?;
        if lifetime.is_some_and(|new| new.valid_after != self.hs_dirs.params().valid_after) {
            self.hs_dirs = self.tor.hs_descriptors().directories()?;
        }
        self.look_at_backends(round)?;
        let opened: Vec<OpenedDescriptor> = self
            .backends
            .iter()
            .filter_map(|backend| backend.descriptor.as_ref())
            .map(|(descriptor, _)| descriptor.clone())
            .collect();

        // Clients ask one of these directories.
        let params = self.hs_dirs.params();
        let asked = usize::from(params.replicas) * usize::from(params.spread_fetch);
        let builders = OnionDescriptorBuilder::balance(&opened, asked);
        if builders.is_empty() {
            return Err("no backend has introduction points".into());
        }
        let mut posted = Vec::new();
        for upload in self.hs_dirs.uploads(&self.key) {
            let plan = Plan::new(&upload, &builders);
            let last = self.posted.iter().find(|(last, _)| *last == plan).map(|(_, time)| *time);
            match last.filter(|time| time.elapsed() < POST_AGAIN) {
                Some(time) => posted.push((plan, time)),
                // If a directory fails, all of them are tried again next time.
                None if self.post(&upload, &plan)? => posted.push((plan, Instant::now())),
                None => {}
            }
        }
        self.posted = posted;
        Ok(())
    }

    /// Fetches the descriptors of all backends in parallel.
    fn look_at_backends(&mut self, round: usize) -> Result<()> {
        let check = match self.check {
            Some(port) => Some((Tor::from(self.tor.clone()).client()?.timeout(CHECK_WITHIN), port)),
            None => None,
        };
        let (tor, hs_dirs, check) = (&self.tor, &self.hs_dirs, &check);
        thread::scope(|scope| {
            for backend in &mut self.backends {
                scope.spawn(move || {
                    let fetched = fetch(tor, hs_dirs, &backend.address, round);
                    let reached = match (&fetched, check) {
                        (Ok(_), Some((client, port))) => reach(client, &backend.address, *port),
                        _ => Ok(()),
                    };
                    backend.update(fetched, reached);
                });
            }
        });
        Ok(())
    }

    /// Makes the descriptors of a time period and posts them. Returns true if
    /// all directories have accepted them.
    fn post(&self, upload: &DescriptorUpload, plan: &Plan) -> Result<bool> {
        let address = self.key.address();
        let (mut stored, mut refused) = (0, 0);
        for (builder, directories) in &plan.descriptors {
            let now = SystemTime::now();
            let counter = upload.revision_counter(now);
            let text = builder.build_random(&address, &upload.key, counter, now + CERTIFICATES)?;
            let hs_descriptors = self.tor.hs_descriptors();
            for answer in hs_descriptors.post(&address, text, directories, PATIENCE)? {
                match answer.is_uploaded() {
                    true => stored += 1,
                    false => {
                        refused += 1;
                        eprintln!("{answer}");
                    }
                }
            }
        }
        println!(
            "posted for period {}: {} on {}",
            plan.period.period.number,
            counted(plan.descriptors.len(), "descriptor"),
            if stored == 1 { "1 directory".to_owned() } else { format!("{stored} directories") },
        );
        Ok(refused == 0)
    }
}

impl Plan {
    fn new(upload: &DescriptorUpload, builders: &[OnionDescriptorBuilder]) -> Self {
        let directories = upload.divide(builders.len()).into_iter();
        // Given no directories, tor would choose some.
        let directories = directories.filter(|list| !list.is_empty());
        Plan {
            period: upload.period,
            descriptors: builders.iter().cloned().zip(directories).collect(),
        }
    }
}

impl Backend {
    fn new(address: OnionAddress) -> Self {
        Backend { address, descriptor: None, points: 0 }
    }

    /// Stores a new descriptor. If the backend can't be reached, or has no new
    /// descriptor for too long, removes its descriptor, which leaves out the
    /// backend.
    fn update(&mut self, fetched: Result<OpenedDescriptor>, reached: Result<()>) {
        match fetched {
            Ok(descriptor) => self.descriptor = Some((descriptor, Instant::now())),
            Err(error) => {
                eprintln!("backend {}: {error}", self.address);
                self.descriptor.take_if(|(_, time)| time.elapsed() > TOO_OLD);
            }
        }
        // A descriptor may outlive its service by hours, so forget the
        // descriptor of a backend that can't be reached.
        if let Err(error) = reached {
            eprintln!("backend {}: {error}", self.address);
            self.descriptor = None;
        }
        let opened = self.descriptor.as_ref().map(|(opened, _)| opened);
        let points = opened.map_or(0, |opened| opened.second.introduction_points.len());
        if points != self.points {
            println!("backend {}: {}", self.address, counted(points, "introduction point"));
            self.points = points;
        }
    }
}

/// Fetches and decrypts the descriptor of a backend. tor has checked the
/// descriptor's signature. Each `round` asks another directory.
fn fetch(
    tor: &Controller,
    hs_dirs: &HsDirs,
    backend: &OnionAddress,
    round: usize,
) -> Result<OpenedDescriptor> {
    // tor asks a directory only once in 15 minutes, unless it is named. Each
    // time, name another one.
    let directories = hs_dirs.responsible(backend);
    let mut fetch = HsFetch::new(*backend);
    if let Some(directory) = directories.iter().cycle().nth(round % directories.len().max(1)) {
        fetch = fetch.server(directory);
    }
    let fetched = tor.hs_descriptors().fetch(fetch, PATIENCE)?;
    Ok(fetched.content.parse()?.open(backend, None)?)
}

/// Checks that a backend accepts a connection at `port`.
fn reach(client: &TorClient, backend: &OnionAddress, port: u16) -> Result<()> {
    client.isolated().connect((backend.to_string(), port))?;
    Ok(())
}

/// Returns a number with a noun, in the plural unless the number is 1.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Loads the frontend's key. If the file is missing, creates a key and a file
/// that only its owner can read.
fn load_or_make(path: &Path) -> Result<OnionKey> {
    if !path.exists() {
        let key = OnionKey::random();
        save_key(&key, path)?;
    }
    Ok(load_key(path)?)
}

/// The arguments of the program.
struct Options {
    /// The time between two fetches of the backends' descriptors.
    every: Duration,
    /// The port at which backends must be reachable. `None` if backends aren't
    /// checked.
    check: Option<u16>,
    /// The file with the frontend's key.
    key_file: PathBuf,
    /// The addresses of the backends. Without any, the program only makes
    /// the key and shows the address.
    backends: Vec<OnionAddress>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        const USAGE: &str =
            "usage: onion_balance [--every SECONDS] [--check PORT] KEY_FILE [BACKEND.onion…]";
        let (mut every, mut check) = (Duration::from_secs(600), None);
        let (mut key_file, mut backends) = (None, Vec::new());
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--every" => every = Duration::from_secs(value()?.parse::<u64>()?.max(1)),
                "--check" => check = Some(value()?.parse()?),
                option if option.starts_with('-') => return Err(USAGE.into()),
                path if key_file.is_none() => key_file = Some(path.into()),
                backend => backends.push(backend.parse()?),
            }
        }
        Ok(Options { every, check, key_file: key_file.ok_or(USAGE)?, backends })
    }
}
