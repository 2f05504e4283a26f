//! Runs the built examples in the same way as a user. An example that takes too
//! long is killed, so that no test waits forever.

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use scape::testing::TestNetwork;

use crate::watchdog;

/// The maximum time that an example may run. It is then killed.
const LONGEST: Duration = Duration::from_secs(240);
/// The maximum time that a test waits for the end of an example.
const END_WITHIN: Duration = Duration::from_secs(60);

/// The lines that an example prints.
pub(crate) type Says = Lines<BufReader<ChildStdout>>;

/// Returns a command for a built example that controls the network's client.
pub(crate) fn example(network: &TestNetwork, name: &str, arguments: &[&str]) -> Command {
    // This test is in target/PROFILE/deps.
    let mut program: PathBuf = std::env::current_exe().unwrap();
    program.pop();
    program.set_file_name("examples");
    program.push(name);
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    let mut command = Command::new(program);
    command.args(arguments).env("SCAPE_CONTROL", network.control_address().to_string());
    command
}

/// Runs a program until it ends, with this standard input.
pub(crate) fn output(mut command: Command, input: &str) -> Output {
    use std::io::Write as _;
    command.stderr(Stdio::piped());
    let (running, mut says, mut hears) = Running::spawn(command);
    let mut errors = running.child.lock().stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).map(|_| text)
    });
    hears.write_all(input.as_bytes()).unwrap();
    drop(hears);
    let mut stdout = Vec::new();
    says.read_to_end(&mut stdout).unwrap();
    let stderr = errors.join().unwrap().unwrap();
    Output { status: running.ended(), stdout, stderr }
}

/// Runs an example that must succeed, and returns its output.
pub(crate) fn run(network: &TestNetwork, name: &str, arguments: &[&str]) -> String {
    let output = output(example(network, name, arguments), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{text}{errors}", output.status);
    text
}

/// Runs an example that must fail, and returns its output and exit status.
pub(crate) fn fails(network: &TestNetwork, name: &str, arguments: &[&str]) -> Output {
    let output = output(example(network, name, arguments), "");
    assert!(!output.status.success(), "{name} {arguments:?}: {output:?}");
    output
}

/// Starts an example that doesn't end by itself. Returns the running example,
/// its output, and its input.
pub(crate) fn start(
    network: &TestNetwork,
    name: &str,
    arguments: &[&str],
) -> (Running, Says, ChildStdin) {
    Running::start(example(network, name, arguments))
}

/// Reads lines until one begins with `beginning`, and returns the rest of that
/// line. The lines before it are dropped.
pub(crate) fn line(says: &mut Says, beginning: &str) -> String {
    let found =
        says.map(Result::unwrap).find_map(|line| line.strip_prefix(beginning).map(str::to_owned));
    found.unwrap_or_else(|| panic!("it has ended without {beginning:?}"))
}

/// Runs an example that doesn't end by itself. Returns when the example has
/// printed all of these texts, in any order.
pub(crate) fn prints(
    network: &TestNetwork,
    name: &str,
    arguments: &[&str],
    mut expected: Vec<&str>,
) {
    let (_running, says, _hears) = start(network, name, arguments);
    for line in says {
        let line = line.unwrap();
        expected.retain(|text| !line.contains(text));
        if expected.is_empty() {
            return;
        }
    }
    panic!("{name} has ended without {expected:?}");
}

/// A running example. It is killed when it is dropped or takes too long.
pub(crate) struct Running {
    child: Arc<Mutex<Child>>,
    _in_time: Sender<()>,
}

impl Running {
    pub(crate) fn start(command: Command) -> (Running, Says, ChildStdin) {
        let (running, says, hears) = Running::spawn(command);
        (running, BufReader::new(says).lines(), hears)
    }

    fn spawn(mut command: Command) -> (Running, ChildStdout, ChildStdin) {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = child.stdout.take().unwrap();
        let hears = child.stdin.take().unwrap();
        let child = Arc::new(Mutex::new(child));
        let (_in_time, over) = bounded::<()>(0);
        let late = child.clone();
        thread::spawn(move || {
            if over.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                watchdog::say(&format!(
                    "{command:?} has run for {} s and is ended",
                    LONGEST.as_secs()
                ));
                let _ = late.lock().kill();
            }
        });
        (Running { child, _in_time }, says, hears)
    }

    /// Waits until the example has ended by itself, and checks that it has
    /// succeeded.
    pub(crate) fn wait(self) {
        let status = self.ended();
        assert!(status.success(), "{status}");
    }

    /// Sends SIGTERM to the example.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child.lock());
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    fn ended(&self) -> std::process::ExitStatus {
        let deadline = Instant::now() + END_WITHIN;
        loop {
            if let Some(status) = self.child.lock().try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}
