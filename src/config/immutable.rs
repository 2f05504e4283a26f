//! Options that tor does not let be changed while it runs.

/// tor 0.4.9's. (With `Sandbox 1` there are more, of which tor itself tells.)
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

/// Whether tor refuses every change of this option.
pub(super) fn is_immutable(name: &str) -> bool {
    IMMUTABLE.iter().any(|known| known.eq_ignore_ascii_case(name))
}
