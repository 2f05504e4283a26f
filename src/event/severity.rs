//! Levels of log messages and status events.

open_enum! {
    /// A level, as log and status events carry it.
    pub enum Severity {
        /// What only developers want.
        Debug = "DEBUG",
        /// Details of normal operation.
        Info = "INFO",
        /// What users want to know.
        Notice = "NOTICE",
        /// What users should act on.
        Warn = "WARN",
        /// What stops tor from working.
        Err = "ERR",
    }
}
