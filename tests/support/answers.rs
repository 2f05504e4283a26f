//! Simple answers to all commands that the library sends, for a scripted tor.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) const ONION: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";

/// Returns the answer to a command line. Commands for circuits and streams
/// succeed, but no events follow. This tor never finishes bootstrapping, and
/// publishes no descriptor.
pub(crate) fn answer(line: &str) -> String {
    let mut words = line.split(' ');
    match words.next().unwrap_or_default() {
        "GETINFO" => {
            let values: String = words.map(|key| format!("250-{key}={}\r\n", info(key))).collect();
            format!("{values}250 OK\r\n")
        }
        "GETCONF" => {
            let names: Vec<&str> = words.collect();
            let lines = names.iter().enumerate().map(|(at, name)| {
                let separator = if at + 1 == names.len() { ' ' } else { '-' };
                format!("250{separator}{name}\r\n")
            });
            lines.collect()
        }
        "EXTENDCIRCUIT" => "250 EXTENDED 7\r\n".to_owned(),
        "ADD_ONION" => format!("250-ServiceID={ONION}\r\n250 OK\r\n"),
        "ONION_CLIENT_AUTH_VIEW" => "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n".to_owned(),
        "QUIT" => "250 closing connection\r\n".to_owned(),
        _ => "250 OK\r\n".to_owned(),
    }
}

fn info(key: &str) -> String {
    match key {
        "version" => "0.4.9.11",
        "signal/names" => "RELOAD NEWNYM ACTIVE DORMANT",
        "circuit-status" => "7 EXTENDED moria1 PURPOSE=GENERAL",
        "stream-status" => "9 SUCCEEDED 7 example.com:80",
        "status/bootstrap-phase" => "NOTICE BOOTSTRAP PROGRESS=50 TAG=loading SUMMARY=\"Loading\"",
        "status/enough-dir-info" => "0",
        "process/uid" => "0",
        "onions/current" => ONION,
        "config/names" => "ContactInfo String",
        "net/listeners/socks" => "\"127.0.0.1:1\"",
        _ => "",
    }
    .to_owned()
}
