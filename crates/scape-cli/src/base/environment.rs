//! The variables of the environment that lead to a tor.

/// The variables that name a tor, its password, or a private network. A program
/// that gets another tor must not inherit them: many programs prefer some of
/// them, such as `TOR_CONTROL_IPC_PATH`, to those that scape sets.
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
