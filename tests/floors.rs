//! The house stays as `docs/architecture.md` draws it: no file of `src` names
//! what is on a floor above its own, the floors below the transport touch no
//! socket, clock or thread, and no file grows beyond 800 lines.
//!
//! Documentation, comments and `#[cfg(test)]` items may name what they like,
//! and so may the crate's root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    missing_docs
)]

#[path = "support/floors/mod.rs"]
mod floors;

use floors::House;

/// Which floor a room is on. The longest path that fits counts; every file must
/// fit one.
const FLOORS: &[(&str, u8)] = &[
    ("error", 2),
    ("word", 0),
    ("protocol", 1),
    ("socks", 1),
    ("descriptor", 1),
    ("event", 2),
    ("socks/error", 2),
    ("regular_file", 3),
    ("transport", 3),
    ("undo", 3),
    ("cancel", 3),
    ("connection", 4),
    ("socks/client", 4),
    ("socks/stream", 4),
    ("controller", 5),
    ("config", 6),
    ("config/value", 1),
    ("config/port_line", 1),
    ("state", 6),
    ("geoip", 6),
    ("process/owner", 3),
    ("path", 7),
    ("attach", 7),
    ("onion", 7),
    ("process", 7),
    ("tor", 8),
    ("endpoint", 8),
    ("tls", 8),
    ("http", 8),
    ("testing", 9),
];

/// Up to this floor everything is bytes in, values out.
const SANS_IO: u8 = 2;

const LONGEST: usize = 800;

#[test]
fn nothing_looks_upstairs() {
    let house = House::read(concat!(env!("CARGO_MANIFEST_DIR"), "/src"), FLOORS, SANS_IO);
    let problems = house.problems();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let house = House::read(concat!(env!("CARGO_MANIFEST_DIR"), "/src"), FLOORS, SANS_IO);
    let long: Vec<String> = house
        .lengths()
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| format!("src/{file}: {lines} lines, and {LONGEST} are allowed"))
        .collect();
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

/// Calls of the library wait for events with `EventWait`, which looks at the
/// clock also while events are queued. `Subscription::next_timeout` in a loop
/// would not, and is for users only.
#[test]
fn calls_wait_for_events_with_event_wait_only() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code.take_while(|line| !line.starts_with("#[cfg(test)]")) {
                assert!(!line.contains(".next_timeout("), "{}: {line}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 100);
}

/// What is wrong in a house of these files.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    House::of(files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())), FLOORS, SANS_IO)
        .problems()
}

const LIB: (&str, &str) = (
    "lib.rs",
    "pub mod error; pub mod protocol; pub mod event; pub mod controller; mod tor;\n\
     pub use controller::{Controller, Connect as Dial}; pub use error::Error;",
);

#[test]
fn a_use_that_goes_up_is_found() {
    let bad =
        problems(&[LIB, ("event/mod.rs", "use std::fmt;\n\nuse crate::controller::Controller;\n")]);
    assert_eq!(
        bad,
        [
            "src/event/mod.rs:3: crate::controller::Controller goes from floor 2 (event) up to floor 5 (controller)"
        ]
    );
}

#[test]
fn going_down_or_sideways_is_right() {
    let fine = "use crate::error::Error;\nuse crate::event::{Event, Kind};\nuse super::Other;\nfn f() -> crate::Error {}";
    assert!(problems(&[LIB, ("controller/mod.rs", fine), ("error.rs", "")]).is_empty());
}

#[test]
fn every_branch_of_a_use_is_looked_at() {
    let bad = problems(&[
        LIB,
        (
            "protocol/reply.rs",
            "use crate::{\n    word::{self, Fingerprint},\n    event::{\n        Event,\n    },\n};",
        ),
    ]);
    assert_eq!(
        bad,
        [
            "src/protocol/reply.rs:4: crate::event::Event goes from floor 1 (protocol) up to floor 2 (event)"
        ]
    );
}

#[test]
fn a_path_in_code_is_found_too() {
    let bad =
        problems(&[LIB, ("event/bw.rs", "fn f() {\n    let _ = crate::controller::connect();\n}")]);
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert!(bad[0].starts_with("src/event/bw.rs:2: crate::controller::connect goes from floor 2"));
}

#[test]
fn super_is_followed_to_where_it_leads() {
    let up = [("event/bw.rs", "use super::super::controller::Controller;")];
    assert_eq!(problems(&[&[LIB], &up[..]].concat()).len(), 1);
    let inner =
        [("event/bw.rs", "mod inner {\n    use super::super::super::controller::Controller;\n}")];
    assert_eq!(problems(&[&[LIB], &inner[..]].concat()).len(), 1);
    let near = [("event/bw.rs", "mod inner {\n    use super::super::Event;\n}")];
    assert!(problems(&[&[LIB], &near[..]].concat()).is_empty());
}

#[test]
fn names_that_another_room_passes_on_are_followed() {
    // Through the crate's root, renamed or not.
    for name in ["Controller", "Dial"] {
        let import = format!("use crate::{name};");
        let bad = problems(&[LIB, ("controller/mod.rs", ""), ("event/mod.rs", &import)]);
        assert_eq!(bad.len(), 1, "{name}: {bad:?}");
    }
    // Through a room's front door, to a part that is on a higher floor than the
    // room.
    let socks = [
        (
            "socks/mod.rs",
            "mod client;\nmod machine;\npub use client::Client;\npub use self::machine::Machine;",
        ),
        ("socks/client.rs", "use super::Machine;"),
        ("socks/machine.rs", ""),
        ("event/mod.rs", "use crate::socks::Machine;\nuse crate::socks::Client;"),
    ];
    assert_eq!(
        problems(&socks),
        [
            "src/event/mod.rs:2: crate::socks::Client goes from floor 2 (event) up to floor 4 (socks/client)"
        ]
    );
}

#[test]
fn a_room_may_pass_on_its_own_parts_but_not_use_them() {
    let used =
        [("socks/mod.rs", "mod client;\nfn f() { client::connect(); }"), ("socks/client.rs", "")];
    assert_eq!(problems(&used).len(), 1);
    let private = [("socks/mod.rs", "mod client;\nuse client::Client;"), ("socks/client.rs", "")];
    assert_eq!(problems(&private).len(), 1);
}

#[test]
fn documentation_strings_and_tests_may_look_anywhere() {
    let text = r##"
//! [`Controller`](crate::controller::Controller)
/* crate::controller /* nested */ crate::controller */
/// use crate::controller::Controller;
fn f<'a>(x: &'a str) -> char { let _ = "crate::controller::X \" "; let _ = r#"crate::controller::Y"#; '"' }
#[cfg(test)]
use crate::controller::{Controller, Dial};
#[cfg(test)]
mod tests {
    use crate::controller::Controller;
    fn g() { { std::thread::sleep(x) } }
}
#[cfg(all(test, unix))]
fn h() { crate::controller::f(); }
"##;
    assert!(
        problems(&[LIB, ("event/mod.rs", text)]).is_empty(),
        "{:?}",
        problems(&[LIB, ("event/mod.rs", text)])
    );
    assert!(
        problems(&[LIB, ("event/tests.rs", "#![cfg(test)]\nuse crate::controller::Controller;")])
            .is_empty()
    );
    let declared = [
        ("event/mod.rs", "#[cfg(test)]\nmod tests;"),
        ("event/tests.rs", "use crate::controller::Controller;"),
    ];
    assert!(problems(&[&[LIB], &declared[..]].concat()).is_empty());
}

#[test]
fn what_follows_a_test_is_looked_at_again() {
    let text = "#[cfg(test)]\nmod tests { fn f() {} }\n#[cfg(not(test))]\nuse crate::controller::Controller;";
    assert_eq!(problems(&[LIB, ("event/mod.rs", text)]).len(), 1);
}

#[test]
fn the_low_floors_touch_no_socket_clock_or_thread() {
    for text in [
        "use std::net::TcpStream;",
        "use std::net::{IpAddr, TcpListener};",
        "use std::os::unix::net::UnixStream;",
        "use std::thread;",
        "use std::{fmt, thread::JoinHandle};",
        "fn f() { std::thread::yield_now(); }",
        "fn f() { let now = Instant::now(); }",
        "fn f() { let now = std::time::SystemTime::now(); }",
    ] {
        for room in ["protocol/a.rs", "event/a.rs", "error/a.rs"] {
            let bad = problems(&[(room, text)]);
            assert_eq!(bad.len(), 1, "{text}: {bad:?}");
            assert!(bad[0].contains("sans-IO"), "{bad:?}");
        }
        assert!(problems(&[("transport.rs", text)]).is_empty(), "{text}");
    }
    assert!(
        problems(&[("word/a.rs", "use std::time::{Duration, SystemTime}; use std::net::IpAddr;")])
            .is_empty()
    );
}

#[test]
fn a_room_that_is_not_in_the_table_is_refused() {
    let bad = problems(&[("utils.rs", "")]);
    assert_eq!(bad, ["src/utils.rs: no floor: the table in tests/floors.rs has no room for it"]);
    let into = problems(&[("event/mod.rs", "use crate::attic::X;"), ("attic/mod.rs", "")]);
    assert_eq!(into.len(), 2, "{into:?}");
}

#[test]
fn a_prefix_is_a_whole_name() {
    assert_eq!(problems(&[("torture.rs", "")]).len(), 1, "tor is another room");
}
