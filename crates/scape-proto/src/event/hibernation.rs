//! The states of tor's hibernation, which begins when the allowed traffic is
//! used up.

open_enum! {
    /// The hibernation state of tor. tor hibernates when it has used up the
    /// traffic that its accounting options allow.
    pub enum Hibernation {
        /// tor isn't hibernating.
        Awake = "awake",
        /// tor accepts no new connections and circuits.
        Soft = "soft",
        /// tor is fully asleep: all connections are closed.
        Hard = "hard",
        /// tor is about to exit.
        Exiting = "exiting",
    }
}
