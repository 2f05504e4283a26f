//! Checks that the proxy variables of the environment are ignored: neither is a
//! proxy used, nor is tor bypassed.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::env;
use std::process::{Command, Stdio};

use scape::http::AgentBuilder;
use scape::socks::SocksProxy;
use scape::transport::Address;
use support::web::{SOON, Trap, Web, ok};

/// The environment variable that contains the SOCKS port for the child process.
const PORT: &str = "SCAPE_TEST_SOCKS_PORT";
const URL: &str = "http://somewhere.example/";

#[test]
fn proxy_variables_of_the_environment_are_ignored() {
    if let Ok(port) = env::var(PORT) {
        return fetch(&port.parse().unwrap());
    }
    let web = Web::http(|asked, _| ok(&asked.host));
    let trap = Trap::set();
    let mut expected = 0;
    for name in ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]
    {
        for scheme in ["http", "https", "socks4", "socks5", "socks5h"] {
            for no_proxy in ["", "*", "somewhere.example"] {
                let proxy = format!("{scheme}://{}", trap.address);
                run(&web, &[(name, &proxy), ("NO_PROXY", no_proxy), ("no_proxy", no_proxy)]);
                expected += 1;
            }
        }
    }
    assert_eq!(web.asked().len(), expected);
    assert!(web.asked().iter().all(|asked| asked.kind == 3 && asked.host == "somewhere.example"));
    trap.assert_empty();
}

/// Runs this test again, in a child process with these environment variables.
fn run(web: &Web, variables: &[(&str, &str)]) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "proxy_variables_of_the_environment_are_ignored", "--nocapture"])
        .env(PORT, web.address().to_string())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("fetched"), "{variables:?}: {output:?}");
}

fn fetch(port: &Address) {
    let agent =
        AgentBuilder::new(SocksProxy::new(port).timeout(SOON)).timeout(SOON).build().unwrap();
    assert!(agent.config().proxy().is_none());
    let body = agent.get(URL).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(body, "somewhere.example");
    let _ = std::io::Write::write_all(&mut std::io::stdout(), b"fetched\n");
}
