//! The options that every command has.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use scape::transport::{Address, ParseAddressError};

use super::failure::Failure;

/// The options that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// The control port of tor: a port number, HOST:PORT, or the path of a Unix
    /// socket [env: SCAPE_CONTROL]
    ///
    /// Without this option, the control port is taken from
    /// TOR_CONTROL_IPC_PATH, or from TOR_CONTROL_HOST and TOR_CONTROL_PORT. If
    /// these variables aren't set either, the default addresses are tried, such
    /// as 127.0.0.1:9051 and /run/tor/control.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) control: Option<Address>,

    /// The SOCKS port of tor: HOST:PORT, or unix:PATH for a Unix socket [env:
    /// SCAPE_SOCKS]
    ///
    /// Default: the SOCKS port that tor reports on the control connection. With
    /// --control on the command line, SCAPE_SOCKS is ignored.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) socks: Option<Address>,

    /// A file whose first line is the password of the control port
    /// [env: SCAPE_PASSWORD_FILE]
    ///
    /// Without this option, the password is taken from TOR_CONTROL_PASSWD. If
    /// tor requires a password and none is set, scape asks for it at the
    /// terminal.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// The maximum time to wait for tor, such as 10s or 2min [env:
    /// SCAPE_TIMEOUT]
    ///
    /// Default: 30 seconds, or two minutes if the command needs the network.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// Print JSON: one line for each result, or for each value of a list
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) color: colorchoice_clap::Color,

    /// True if the command line specifies which tor to use. Then environment
    /// variables that describe a tor are ignored, because they may describe a
    /// different one.
    #[arg(skip)]
    pub(crate) names_tor: bool,
}

impl GlobalOptions {
    /// Sets options from environment variables, unless the command line sets
    /// them. An empty variable counts as not set.
    ///
    /// clap could read the variables, but its usage messages would then list
    /// them among the required arguments, and its errors would name the option
    /// instead of the variable.
    pub(crate) fn read_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let names_control = self.control.is_some();
        self.names_tor = names_control || self.socks.is_some();
        set_from(&mut self.control, "SCAPE_CONTROL", set, parse)?;
        // The variable may be about a different tor than --control.
        if !names_control {
            set_from(&mut self.socks, "SCAPE_SOCKS", set, parse)?;
        }
        set_from(&mut self.password_file, "SCAPE_PASSWORD_FILE", set, |path| Ok(path.into()))?;
        set_from(&mut self.timeout, "SCAPE_TIMEOUT", set, |text| duration(utf8(&text)?))
    }
}

/// Sets an option from the environment variable `name`, unless the command line
/// sets the option. `variable` looks up an environment variable, and `parse`
/// parses its value.
fn set_from<T>(
    option: &mut Option<T>,
    name: &str,
    variable: impl Fn(&str) -> Option<OsString>,
    parse: impl Fn(OsString) -> Result<T, String>,
) -> Result<(), Failure> {
    if option.is_none()
        && let Some(value) = variable(name)
    {
        *option = Some(parse(value).map_err(|why| Failure::usage(format!("{name}: {why}")))?);
    }
    Ok(())
}

fn parse(text: OsString) -> Result<Address, String> {
    utf8(&text)?.parse().map_err(|error: ParseAddressError| error.to_string())
}

fn utf8(text: &OsStr) -> Result<&str, String> {
    text.to_str().ok_or_else(|| "the value is not UTF-8".to_owned())
}

/// The maximum length of a time on the command line: about 100 years. The
/// clocks of some systems end a few centuries after their start, and adding a
/// longer time to a point in time would panic.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Parses a time such as `10s`, `2min`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let time = match text.parse::<f64>() {
        Ok(seconds) if seconds < 0.0 => return Err("the time must not be negative".into()),
        Ok(seconds) if seconds.is_nan() => Err(()),
        // A number that is too large for f64 is infinite.
        Ok(seconds) => match Duration::try_from_secs_f64(seconds) {
            Ok(time) => Ok(time),
            Err(_) => return Err(TOO_LONG.into()),
        },
        Err(_) => match humantime::parse_duration(text) {
            Ok(time) => Ok(time),
            Err(humantime::DurationError::NumberOverflow) => return Err(TOO_LONG.into()),
            Err(_) => Err(()),
        },
    };
    let Ok(time) = time else {
        return Err("expected a time such as 10s or 2min, or a number of seconds".into());
    };
    if time.is_zero() {
        return Err("the time must be longer than zero".into());
    }
    match time <= LONGEST {
        true => Ok(time),
        false => Err(TOO_LONG.into()),
    }
}

/// The error for a time that is longer than [`LONGEST`].
pub(crate) const TOO_LONG: &str = "the time is too long: the maximum is 100 years";

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: GlobalOptions,
    }

    #[test]
    fn tor_on_the_command_line_replaces_the_one_in_the_environment() {
        let environment = |_: &str| None;
        let socks = |name: &str| (name == "SCAPE_SOCKS").then(|| OsString::from("9050"));
        let read = |words: &[&str], variable: &dyn Fn(&str) -> Option<OsString>| {
            let mut options = Line::parse_from(words).options;
            options.read_environment(variable).unwrap();
            (options.names_tor, options.socks.is_some())
        };
        assert_eq!(read(&["scape"], &environment), (false, false));
        assert_eq!(read(&["scape"], &socks), (false, true));
        // The SOCKS port in the environment may belong to another tor.
        assert_eq!(read(&["scape", "--control", "9051"], &socks), (true, false));
        assert_eq!(read(&["scape", "--control", "9051", "--socks", "9052"], &socks), (true, true));
        assert_eq!(read(&["scape", "--socks", "9052"], &environment), (true, true));
        let both =
            |name: &str| ["SCAPE_CONTROL", "SCAPE_SOCKS"].contains(&name).then(|| "9".into());
        assert_eq!(read(&["scape"], &both), (false, true));
    }

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2min"), Ok(Duration::from_secs(120)));
        // A time that is accepted can be added to any point in time.
        let longest = duration("100y").unwrap();
        assert!(SystemTime::now().checked_add(longest * 2).is_some());
        assert!(Instant::now().checked_add(longest * 2).is_some());
        for wrong in ["", "0", "-1", "soon", "1e30", "NaN"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for (wrong, expected) in [
            ("abc", "expected a time such as 10s"),
            ("", "expected a time such as 10s"),
            ("10 parsecs", "expected a time such as 10s"),
            ("-1", "negative"),
            ("1e400", "too long"),
            ("1e19", "too long"),
            ("1000y", "too long"),
            ("99999999999999999999y", "too long"),
        ] {
            assert!(duration(wrong).is_err_and(|why| why.contains(expected)), "{wrong}");
        }
    }
}
