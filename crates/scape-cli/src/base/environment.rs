//! The environment variables that tell programs how to reach a tor.

/// The variables that contain the address of a tor, its password, or the
/// addresses of a private network. A program that scape runs with a different
/// tor must not inherit these variables. The reason is that many programs
/// prefer some of them, such as `TOR_CONTROL_IPC_PATH`, to the variables that
/// scape sets.
pub(crate) const OF_TOR: [&str; 14] = [
    "SCAPE_CONTROL",
    "SCAPE_PASSWORD_FILE",
    "SCAPE_SOCKS",
    "SCAPE_TESTNET_BRIDGES",
    "SCAPE_TESTNET_PROXY",
    "SCAPE_TESTNET_WEB",
    "TOR_CONTROL_COOKIE_AUTH_FILE",
    "TOR_CONTROL_HOST",
    "TOR_CONTROL_IPC_PATH",
    "TOR_CONTROL_PASSWD",
    "TOR_CONTROL_PORT",
    "TOR_SOCKS_HOST",
    "TOR_SOCKS_IPC_PATH",
    "TOR_SOCKS_PORT",
];
