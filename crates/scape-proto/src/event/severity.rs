//! Severity levels of log messages and status events.

open_enum! {
    /// The severity of a log message or a status event.
    #[doc(alias = "Runlevel")]
    pub enum Severity {
        /// Details that only developers want.
        Debug = "DEBUG",
        /// Details of normal operation.
        Info = "INFO",
        /// Information that users want to know.
        Notice = "NOTICE",
        /// A problem that users should act on.
        Warn = "WARN",
        /// An error that stops tor from working.
        Err = "ERR",
    }
}
