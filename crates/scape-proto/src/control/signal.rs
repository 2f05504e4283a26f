//! Signals to tor: control-spec, command SIGNAL.

open_enum! {
    /// A signal to tor. `GETINFO signal/names` lists the signals that a running
    /// tor knows.
    ///
    /// ```
    /// use scape_proto::control::Signal;
    ///
    /// assert_eq!(Signal::NewNym.as_str(), "NEWNYM");
    /// assert_eq!(Signal::from("RELOAD").as_str(), "RELOAD");
    /// ```
    pub enum Signal {
        /// Reload the configuration. If the torrc is broken, tor exits and
        /// doesn't answer the command SIGNAL.
        Reload = "RELOAD",
        /// Shut down. A client exits at once. A relay exits after the time that
        /// the option `ShutdownWaitLength` sets.
        Shutdown = "SHUTDOWN",
        /// Log statistics.
        Dump = "DUMP",
        /// Set the log level to debug.
        Debug = "DEBUG",
        /// Exit at once.
        Halt = "HALT",
        /// Use new circuits for new streams. tor does this at most every ten
        /// seconds, and delays a signal that comes sooner.
        NewNym = "NEWNYM",
        /// Clear the cache of resolved names.
        ClearDnsCache = "CLEARDNSCACHE",
        /// Log a heartbeat message.
        Heartbeat = "HEARTBEAT",
        /// Leave dormant mode.
        Active = "ACTIVE",
        /// Enter dormant mode.
        Dormant = "DORMANT",
    }
}

impl Signal {
    /// Returns true if tor exits on this signal. All names of the signal count,
    /// for example `TERM` and `HALT`; see [`canonical`](Self::canonical). tor
    /// might close the connection before it answers the command SIGNAL.
    ///
    /// ```
    /// use scape_proto::control::Signal;
    ///
    /// assert!(Signal::Halt.is_exit() && Signal::from("TERM").is_exit());
    /// assert!(!Signal::NewNym.is_exit());
    /// ```
    pub fn is_exit(&self) -> bool {
        matches!(self.canonical(), Signal::Shutdown | Signal::Halt)
    }

    /// Returns the same signal with its canonical name. tor also accepts the
    /// names `HUP`, `INT`, `TERM`, `USR1` and `USR2` for some signals. A name
    /// that this version of the library doesn't know is only changed to upper
    /// case.
    ///
    /// ```
    /// use scape_proto::control::Signal;
    ///
    /// assert_eq!(Signal::from("HUP").canonical(), Signal::Reload);
    /// assert_eq!(Signal::from("INT").canonical(), Signal::Halt);
    /// ```
    #[must_use]
    pub fn canonical(&self) -> Signal {
        match self {
            Signal::Other(name) => match name.to_ascii_uppercase().as_str() {
                "HUP" => Signal::Reload,
                "INT" | "TERM" => Signal::Halt,
                "USR1" => Signal::Dump,
                "USR2" => Signal::Debug,
                name => Signal::from(name),
            },
            known => known.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_have_a_canonical_signal() {
        assert_eq!(Signal::from("HUP").canonical(), Signal::Reload);
        assert_eq!(Signal::from("int").canonical(), Signal::Halt);
        assert_eq!(Signal::from("newnym").canonical(), Signal::NewNym);
        assert_eq!(Signal::from("NEVER").canonical(), Signal::from("NEVER"));
        for name in ["TERM", "int", "HALT", "halt", "Shutdown"] {
            assert!(Signal::from(name).is_exit(), "{name}");
        }
        for name in ["RELOAD", "hup", "NEVER"] {
            assert!(!Signal::from(name).is_exit(), "{name}");
        }
    }
}
