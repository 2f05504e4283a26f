//! Options that tor doesn't allow to be changed while it runs.

/// The immutable options of tor 0.4.9. With `Sandbox 1` there are more, which
/// tor itself refuses.
const IMMUTABLE: [&str; 22] = [
    "AccelDir",
    "AccelName",
    "CacheDirectory",
    "DataDirectory",
    "DisableAllSwap",
    "DisableDebuggerAttachment",
    "FamilyKeyDirectory",
    "HardwareAccel",
    "HiddenServiceNonAnonymousMode",
    "HiddenServiceSingleHopMode",
    "KeepBindCapabilities",
    "KeyDirectory",
    "NoExec",
    "PidFile",
    "RunAsDaemon",
    "Sandbox",
    "SyslogIdentityTag",
    "TestingTorNetwork",
    "TokenBucketRefillInterval",
    "User",
    "__DisableSignalHandlers",
    "__OwningControllerFD",
];

/// Returns true if tor refuses every change of this option.
pub(super) fn is_immutable(name: &str) -> bool {
    IMMUTABLE.iter().any(|known| known.eq_ignore_ascii_case(name))
}
