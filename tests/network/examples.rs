//! The examples, as a user runs them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use scape::AddOnion;
use scape::testing::TestNetwork;

use crate::Case;
use crate::onions::publish;

pub(crate) const CASES: &[Case] = &[
    ("example exits_in_use", exits_in_use),
    ("example bandwidth_meter", bandwidth_meter),
    ("example circuit_watcher", circuit_watcher),
    ("example event_logger", event_logger),
    ("example hs_descriptor", hs_descriptor),
    ("example client_auth", client_auth),
    ("example new_identity", new_identity),
];

/// A built example, set up for the network's client.
fn example(network: &TestNetwork, name: &str, arguments: &[&str]) -> Command {
    // This test is in target/PROFILE/deps.
    let mut program: PathBuf = std::env::current_exe().unwrap();
    program.pop();
    program.set_file_name("examples");
    program.push(name);
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    let mut command = Command::new(program);
    command.args(arguments).env("SCAPE_CONTROL", network.control_address().to_string());
    command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What it prints, where all goes well.
fn run(network: &TestNetwork, name: &str, arguments: &[&str]) -> String {
    let output = example(network, name, arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{text}{errors}", output.status);
    text
}

/// Ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until one that runs on and on has printed a line with each of these.
fn prints(network: &TestNetwork, name: &str, arguments: &[&str], mut expected: Vec<&str>) {
    let mut child = example(network, name, arguments).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _running = Running(child);
    for line in lines {
        let line = line.unwrap();
        expected.retain(|text| !line.contains(text));
        if expected.is_empty() {
            return;
        }
    }
    panic!("{name} has ended without {expected:?}");
}

fn exits_in_use(network: &TestNetwork) {
    let text = run(network, "exits_in_use", &[]);
    assert!(text.lines().all(|line| line.starts_with("circuit ") && line.contains(" leaves at ")), "{text}");
}

fn bandwidth_meter(network: &TestNetwork) {
    let text = run(network, "bandwidth_meter", &["2"]);
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| line.starts_with("read |") && line.contains("total")), "{text}");
}

fn circuit_watcher(network: &TestNetwork) {
    prints(network, "circuit_watcher", &[], vec!["circuits now"]);
}

fn event_logger(network: &TestNetwork) {
    prints(network, "event_logger", &["bw"], vec!["BW "]);
    prints(network, "event_logger", &[], vec!["BW ", "DEBUG "]);
}

fn hs_descriptor(network: &TestNetwork) {
    let tor = network.client();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let service = publish(tor, &AddOnion::new().port(80, target));
    let text = run(network, "hs_descriptor", &[&service.address.to_string()]);
    assert!(text.starts_with("hs-descriptor 3\n"), "{text}");
    tor.del_onion(&service.address).unwrap();
}

fn client_auth(network: &TestNetwork) {
    const ADDRESS: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    const KEY: &str = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
    let mut add =
        example(network, "client_auth", &["add", ADDRESS, "bob"]).stdin(Stdio::piped()).spawn().unwrap();
    writeln!(add.stdin.take().unwrap(), "{KEY}").unwrap();
    let added = add.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&added.stdout), "added\n", "{added:?}");
    assert_eq!(run(network, "client_auth", &[]), format!("{ADDRESS} bob\n"));
    assert_eq!(run(network, "client_auth", &["remove", ADDRESS]), "removed\n");
    assert_eq!(run(network, "client_auth", &["remove", ADDRESS]), "there was no key for it\n");
    let wrong = example(network, "client_auth", &["nonsense"]).output().unwrap();
    assert!(!wrong.status.success());
}

fn new_identity(network: &TestNetwork) {
    let text = run(network, "new_identity", &[]);
    assert!(text.starts_with("a new identity, after "), "{text}");
}
