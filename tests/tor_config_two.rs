//! Two programs that change the configuration of one tor at the same time.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "support/seed.rs"]
mod seed;
mod support;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scape::Config;
use scape::config::{ConfigConflict, ConfigDiff, ConfigError, ConfigProblem};
use scape::control::{Caching, ConfLine};
use scape::{Connect, Controller};
use support::real_tor::RealTor;

const SOON: Duration = Duration::from_secs(20);

/// The options that both programs change. They are of every kind.
const UNITS: [&str; 6] = [
    "ContactInfo",
    "MaxCircuitDirtiness",
    "BandwidthRate",
    "ExitNodes",
    "SocksPortLines",
    "ExcludeNodes",
];

struct Program {
    config: Config,
    /// Changes of the other program that this one has overwritten before it
    /// learned of them. The live configuration must report them.
    overwritten: Vec<(String, Vec<ConfLine>)>,
    told: Vec<ConfigConflict>,
}

/// Returns tor's own lines of an option or of a group of options. Asks tor,
/// because a program's [`Config`] could be wrong. Lines without a value are
/// left out.
fn asked(controller: &Controller, unit: &str) -> Vec<ConfLine> {
    let lines = controller.get_conf_lines([unit]).unwrap();
    lines
        .into_iter()
        .filter(|line| line.value.as_ref().is_some_and(|value| !value.is_empty()))
        .collect()
}

impl Program {
    fn new(tor: &RealTor) -> Self {
        let config = tor.controller().config().unwrap();
        Program { config, overwritten: Vec::new(), told: Vec::new() }
    }

    fn edit(&mut self, step: u32, random: &mut StdRng) {
        let number = random.random_range(1000..9999);
        // tor refuses a port that occurs twice.
        let port = 20_000 + step;
        let result = match random.random_range(0..12) {
            0 => self.config.set("ContactInfo", format!("me {number}")),
            1 => self.config.unset("ContactInfo"),
            2 => self.config.set("MaxCircuitDirtiness", format!("{number} minutes")),
            3 => self.config.reset("MaxCircuitDirtiness"),
            4 => self.config.set("BandwidthRate", format!("{number} KB")),
            5 => self.config.append("ExitNodes", format!("relay{number}")),
            6 => self.config.append("SocksPort", format!("{port} SessionGroup={number}")),
            7 => self.config.insert("__SocksPort", 0, port.to_string()),
            8 => self.config.append("ExcludeNodes", format!("relay{number}")),
            what => {
                let list = ["ExitNodes", "SocksPort", "ExcludeNodes"][what - 9];
                let length = self.config.list(list).unwrap().len();
                if length == 0 {
                    return;
                }
                self.config.remove(list, random.random_range(0..length)).map(drop)
            }
        };
        match result {
            Ok(()) => {}
            // The other program has made the list shorter since it was read.
            Err(error) => {
                let config: &ConfigError = error.get().unwrap_or_else(|| panic!("{error}"));
                assert!(matches!(config.problem, ConfigProblem::NoElement { .. }), "{error}");
            }
        }
    }

    /// Saves the changes. Returns true if they were saved. If they conflict
    /// with changes of the other program, resolves the conflicts and returns
    /// false.
    fn save(&mut self, watcher: &Controller, random: &mut StdRng) -> bool {
        let before: Vec<(ConfigDiff, Vec<ConfLine>)> = self
            .config
            .diff()
            .into_iter()
            .map(|diff| (diff.clone(), asked(watcher, &diff.name)))
            .collect();
        match self.config.save() {
            Ok(()) => {
                let is_lost = |(diff, now): &(ConfigDiff, Vec<ConfLine>)| {
                    *now != diff.before && *now != asked(watcher, &diff.name)
                };
                let lost = before.into_iter().filter(is_lost).map(|(diff, now)| (diff.name, now));
                self.overwritten.extend(lost);
                true
            }
            Err(error) if error.get().is_some_and(ConfigError::is_conflict) => {
                for conflict in self.config.conflicts() {
                    if random.random_bool(0.5) {
                        assert!(self.config.overwrite(&conflict.name));
                    } else {
                        assert!(self.config.discard(&conflict.name));
                    }
                }
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn listen(&mut self) {
        self.told.extend(self.config.take_overwritten());
    }
}

#[test]
fn two_programs_edit_the_configuration_and_no_change_is_lost_silently() {
    let tor = RealTor::start("SocksPort 19999\n");
    let watcher = Connect::to(tor.port()).unwrap().caching(Caching::Off).connect().unwrap();
    let mut programs = [Program::new(&tor), Program::new(&tor)];
    let seed = seed::seed();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut saved, mut conflicts) = (0, 0);
    for step in 0..1000 {
        let program = &mut programs[random.random_range(0..2)];
        program.edit(step, &mut random);
        if random.random_bool(0.4) {
            match program.save(&watcher, &mut random) {
                true => saved += 1,
                false => conflicts += 1,
            }
        }
        program.listen();
    }
    for program in &mut programs {
        program.config.discard_all();
    }
    let lost: usize = programs.iter().map(|program| program.overwritten.len()).sum();
    println!("seed {seed}: {saved} saved, {conflicts} conflicts, {lost} overwritten unawares");
    assert!(saved > 100 && conflicts > 20);

    // In the end, both programs agree with tor.
    let deadline = Instant::now() + SOON;
    loop {
        let agree = UNITS.iter().all(|unit| {
            let truth = asked(&watcher, unit);
            programs.iter().all(|program| program.config.group(unit).unwrap() == truth)
        });
        programs.iter_mut().for_each(Program::listen);
        let all_told = programs.iter().all(|program| {
            let is_told = |(unit, theirs): &(String, Vec<ConfLine>)| {
                program.told.iter().any(|told| told.name == *unit && told.theirs == *theirs)
            };
            program.overwritten.iter().all(is_told)
        });
        if agree && all_told {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "seed {seed}: they agree: {agree}, all is told: {all_told}: {:?}, told {:?}",
            programs.each_ref().map(|program| &program.overwritten),
            programs.each_ref().map(|program| &program.told)
        );
        std::thread::yield_now();
    }
}
