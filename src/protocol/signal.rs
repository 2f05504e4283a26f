//! Signals: control-spec, command SIGNAL.

open_enum! {
    /// A signal to tor. What a given tor knows is in `GETINFO signal/names`.
    pub enum Signal {
        /// Read the configuration again. With a broken torrc tor ends, without
        /// an answer.
        Reload = "RELOAD",
        /// End: at once, or for a relay after `ShutdownWaitLength`.
        Shutdown = "SHUTDOWN",
        /// Log statistics.
        Dump = "DUMP",
        /// Log at level debug.
        Debug = "DEBUG",
        /// End at once.
        Halt = "HALT",
        /// Use new circuits for new streams. tor does it at most every ten
        /// seconds.
        NewNym = "NEWNYM",
        /// Forget the names that were resolved.
        ClearDnsCache = "CLEARDNSCACHE",
        /// Log a heartbeat message.
        Heartbeat = "HEARTBEAT",
        /// Wake from dormant mode.
        Active = "ACTIVE",
        /// Go into dormant mode.
        Dormant = "DORMANT",
    }
}

impl Signal {
    /// Whether tor ends on it, and so may close the connection before it
    /// answers.
    pub fn is_exit(&self) -> bool {
        match self {
            Signal::Shutdown | Signal::Halt => true,
            Signal::Other(name) => {
                ["INT", "TERM"].iter().any(|exit| name.eq_ignore_ascii_case(exit))
            }
            _ => false,
        }
    }

    /// The canonical signal of tor's other names for it (`HUP`, `INT`, `TERM`,
    /// `USR1`, `USR2`).
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
        assert!(
            Signal::from("TERM").is_exit()
                && Signal::Shutdown.is_exit()
                && !Signal::Reload.is_exit()
        );
    }
}
