//! Options that tor doesn't allow to be changed while it runs.

/// The options that tor 0.4.9 never allows to be changed while it runs. With
/// `Sandbox 1`, more options are immutable. Those are not listed here, because
/// tor itself rejects changes of them.
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

/// Returns true if tor never allows this option to be changed while it runs.
pub(super) fn is_immutable(name: &str) -> bool {
    IMMUTABLE.iter().any(|known| known.eq_ignore_ascii_case(name))
}
