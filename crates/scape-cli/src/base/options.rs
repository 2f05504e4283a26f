//! The options that every command has.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use scape::transport::Address;

/// The global options.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// The control port of tor: a port, HOST:PORT, or the path of a Unix socket
    ///
    /// Without this option, TOR_CONTROL_IPC_PATH, TOR_CONTROL_HOST and
    /// TOR_CONTROL_PORT name the control port. Without these variables, the
    /// usual places are tried, such as 127.0.0.1:9051 and
    /// /run/tor/control.
    #[arg(long, global = true, value_name = "ADDRESS", env = "SCAPE_CONTROL")]
    pub(crate) control: Option<Address>,

    /// The SOCKS port of tor: HOST:PORT, or unix: and the path of a socket
    ///
    /// Default: the SOCKS port that tor names on its control connection.
    #[arg(long, global = true, value_name = "ADDRESS", env = "SCAPE_SOCKS")]
    pub(crate) socks: Option<Address>,

    /// A file whose first line is the password of the control port
    ///
    /// Without this option, the password is taken from TOR_CONTROL_PASSWD. If
    /// tor wants a password and there is a terminal, scape asks for it.
    #[arg(long, global = true, value_name = "FILE", env = "SCAPE_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// The longest time to wait for tor, such as 10s or 2min
    ///
    /// Default: 30 seconds, or two minutes if the command needs the network.
    #[arg(long, global = true, value_name = "TIME", env = "SCAPE_TIMEOUT", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// Print JSON: one value, or one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) color: colorchoice_clap::Color,
}

/// Parses a time such as `10s`, `2min`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds >= 0.0);
    let time = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
        None => humantime::parse_duration(text).map_err(|error| error.to_string())?,
    };
    if time.is_zero() {
        return Err("the time must be longer than zero".into());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2min"), Ok(Duration::from_secs(120)));
        for wrong in ["", "0", "-1", "soon", "1e30", "NaN"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
