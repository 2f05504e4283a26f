//! Sends thousands of requests with one agent. None may fail, and no file or
//! thread may stay behind.
#![cfg(all(feature = "http", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use scape::http::AgentBuilder;
use scape::http::ureq::Agent;
use support::web::{SOON, Web, ok};

const TIMES: usize = 1000;
const THREADS: usize = 8;

/// Returns the number of open files and the number of threads of this process.
/// The server runs in the same process, so its files and threads are included.
fn held() -> (usize, usize) {
    let count = |folder| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

fn fetch(agent: &Agent, number: usize) {
    let url = format!("http://host-{}.test/{number}", number % 5);
    let body = agent.get(url).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(body, format!("host-{}.test /{number}", number % 5));
}

#[test]
fn many_http_requests_leave_no_files_and_threads() {
    let web = Web::http(|asked, head| ok(format!("{} {}", asked.host, head.path)));
    let before = held();
    let agent = AgentBuilder::new(web.proxy()).stall_timeout(SOON).build().unwrap();
    for number in 0..TIMES {
        fetch(&agent, number);
    }
    let sequential = web.asked().len();
    assert!(sequential <= 5, "{sequential} connections to 5 hosts");
    thread::scope(|scope| {
        for part in 0..THREADS {
            let agent = &agent;
            scope.spawn(move || {
                (part..TIMES).step_by(THREADS).for_each(|number| fetch(agent, number));
            });
        }
    });
    drop(agent);
    // The server's threads and sockets end when they see the end of the
    // connection.
    let deadline = Instant::now() + SOON;
    while held() != before {
        assert!(Instant::now() < deadline, "before {before:?}, after {:?}", held());
        thread::sleep(Duration::from_millis(5));
    }
}
