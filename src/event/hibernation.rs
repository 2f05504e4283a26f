//! Hibernation.

open_enum! {
    /// Whether tor hibernates, as it does when what accounting allows is used
    /// up.
    pub enum Hibernation {
        /// It does not.
        Awake = "awake",
        /// It accepts no new connections and circuits.
        Soft = "soft",
        /// It sleeps: every connection is closed.
        Hard = "hard",
        /// It is about to end.
        Exiting = "exiting",
    }
}
