use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use scape::Tor;
use scape::process::TorProcess;
use scape::testing::TestNetwork;

use crate::echo::{Echo, Visit};
use crate::terminal::Monitor;
use crate::{NAME, line_with, quit};

cases! { MONITORED:
    monitor_follows_a_tor_that_restarts = restart,
}

/// Starts a client of the network with its files in `folder`. Another client
/// that is started later with this folder has the same state and control
/// socket.
fn client(network: &TestNetwork, folder: &Path) -> TorProcess {
    let launch = network.launch_empty().data_directory(folder.join("data"));
    launch.option("ControlSocket", folder.join("control").display().to_string()).start().unwrap()
}

fn restart(network: &TestNetwork) {
    // tor makes a control socket only in a folder that nobody else can read.
    let permissions = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(permissions).tempdir().unwrap();
    let first = client(network, folder.path());
    let control = format!("unix:{}", folder.path().join("control").display());
    let mut monitor = Monitor::open(control, 40, 120, &["--page", "connections"]);
    let echo = Echo::start();
    let visit = Visit::to(&Tor::from(first.controller().clone()), (NAME, echo.port));
    monitor.see(&echo.target());
    first.stop().unwrap();
    visit.wait_closed();
    monitor.see("connection lost, reconnecting");

    let second = client(network, folder.path());
    monitor.lose("reconnecting");
    // The circuits and streams are those of the new process.
    monitor.wait("no old stream", |screen| line_with(screen, &echo.target()).is_none());
    let visit = Visit::to(&Tor::from(second.controller().clone()), (NAME, echo.port));
    let id = echo.stream(second.controller()).unwrap().id;
    monitor.wait("new stream", |screen| {
        let line = line_with(screen, &format!("str {id} ")).unwrap_or_default();
        line.contains(&echo.target()) && line.contains("SUCCEEDED")
    });
    monitor.press("1");
    monitor.see(&format!("process {}", second.pid()));
    monitor.see("ready");
    monitor.press("3");
    monitor.see("connected to tor again");
    quit(monitor);
    drop(visit);
    second.stop().unwrap();
}
