//! Limits tor's bandwidth by the hour of the day until Enter is pressed, and
//! then restores the previous limits.
//!
//! For example, this sets 200 KB a second from 8:00 on, 2 MB from 20:00 on, and
//! the configured limits from 23:00 to 8:00. The hours are UTC.
//!
//! ```text
//! cargo run --example bandwidth_schedule -- '8=200 KBytes' '20=2 MBytes' 23=unlimited
//! ```
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.
//!
//! End the program with Enter. After Ctrl-C the present limit would stay until
//! tor is restarted.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use scape::Config;
use scape::config::ConfigOption;
use scape::config::value::DataSize;

/// The options that are set to the current limit: the average rate and the
/// burst. tor demands that the burst isn't less than the average.
const OPTIONS: [&str; 2] = ["BandwidthRate", "BandwidthBurst"];

/// The time between two looks at the clock. One long sleep until the next limit
/// wouldn't notice that the clock is set or that the machine sleeps.
const LOOK: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let schedule = Schedule::parse(std::env::args().skip(1))?;
    let mut config = scape::Connect::from_env()?.connect_interactive()?.config()?;
    let before = Limits::of(&config)?;
    println!("until Enter is pressed");
    let enter = enter();
    let mut ours = before.clone();
    let mut limit = None;
    loop {
        let next = schedule.at(hour());
        if next != limit {
            ours = ours.replace(&mut config, &before, next)?;
            limit = next;
        }
        match enter.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => break,
        }
    }
    ours.replace(&mut config, &before, None)?;
    Ok(())
}

/// The limits, each after the hour at which it begins, sorted by hour. `None`
/// stands for the limit in tor's configuration.
struct Schedule(Vec<(u64, Option<DataSize>)>);

impl Schedule {
    /// Parses arguments of the form `HOUR=LIMIT`.
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut hours = Vec::new();
        for argument in arguments {
            let (hour, limit) =
                argument.split_once('=').ok_or("a limit is HOUR=LIMIT, such as '8=200 KBytes'")?;
            let hour: u64 = hour.parse()?;
            if hour > 23 {
                return Err(format!("a day has no hour {hour}").into());
            }
            hours.push((hour, if limit == "unlimited" { None } else { Some(limit.parse()?) }));
        }
        if hours.is_empty() {
            return Err("which limits? Such as '8=200 KBytes' '20=2 MBytes'".into());
        }
        hours.sort_by_key(|(hour, _)| *hour);
        Ok(Schedule(hours))
    }

    /// Returns the limit at this hour. Before the first limit of a day begins,
    /// the last limit of the previous day is in force. `None` means the limit
    /// in tor's configuration.
    fn at(&self, hour: u64) -> Option<DataSize> {
        let begun = self.0.iter().rev().find(|(begin, _)| *begin <= hour);
        begun.or(self.0.last())?.1
    }
}

/// The values of the options in [`OPTIONS`].
#[derive(Clone)]
struct Limits(Vec<ConfigOption>);

impl Limits {
    fn of(config: &Config) -> scape::Result<Self> {
        OPTIONS.iter().map(|name| config.option(name)).collect::<Result<_, _>>().map(Limits)
    }

    fn values(&self) -> Vec<&[String]> {
        self.0.iter().map(|option| option.values.as_slice()).collect()
    }

    /// Sets `limit`, or restores the values in `before` if `limit` is `None`.
    /// Returns the values that tor has afterwards. Changes nothing if tor's
    /// values differ from those in `self`, because then somebody else has
    /// changed them.
    fn replace(
        self,
        config: &mut Config,
        before: &Limits,
        limit: Option<DataSize>,
    ) -> scape::Result<Self> {
        // Wait for the changes that others have made so far.
        config.controller().sync()?;
        if Limits::of(config)?.values() != self.values() {
            println!("somebody else has set a limit, which stays");
            return Ok(self);
        }
        for option in &before.0 {
            match (limit, option.values.first()) {
                (Some(limit), _) => config.set(&option.name, limit)?,
                (None, Some(value)) if !option.is_default => config.set(&option.name, value)?,
                (None, _) => config.reset(&option.name)?,
            }
        }
        config.save()?;
        println!(
            "{}",
            limit.map_or_else(|| "as before".to_owned(), |limit| format!("{limit} a second"))
        );
        Limits::of(config)
    }
}

/// Returns the present hour in UTC.
fn hour() -> u64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    seconds / 3600 % 24
}

/// Returns a channel that receives a message, or is disconnected, when Enter is
/// pressed.
fn enter() -> Receiver<()> {
    let (sender, enter) = bounded(1);
    thread::spawn(move || {
        if io::stdin().read_line(&mut String::new()).is_ok() {
            // The program may have ended already.
            let _ = sender.send(());
        }
    });
    enter
}
