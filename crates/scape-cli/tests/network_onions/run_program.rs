use scape::testing::TestNetwork;

use crate::run::Scape;
use crate::server::Server;
use crate::{NAME, scape};

cases! {
    ONIONS:
    run_sets_variables_for_proxies = variables,
    run_refuses_programs_that_leak = refuses,
}

fn shell(network: &TestNetwork, script: &str) -> Scape {
    scape(network, ["run"]).arg("--").arg("sh").arg("-c").arg(script)
}

fn variables(network: &TestNetwork) {
    let script =
        "echo $ALL_PROXY $https_proxy $NO_PROXY-; echo $TOR_SOCKS_HOST:$TOR_SOCKS_PORT; exit 7";
    let done = shell(network, script).env("NO_PROXY", "example.com").run().expect(7);
    let (urls, socks) = done.out.trim_end().split_once('\n').unwrap();
    assert_eq!(socks, network.socks().to_string());
    let words: Vec<&str> = urls.split(' ').collect();
    let [all, https, "-"] = words[..] else { panic!("{urls}") };
    assert_eq!(all, https);
    let address = all.strip_prefix("socks5h://").unwrap();
    assert!(address.ends_with(&format!("@{socks}")), "{address}");
    let again = shell(network, "echo $ALL_PROXY").ok();
    assert_ne!(again.trim_end(), all);
    // This program uses the variables.
    let url = Server::start().url("/");
    let get = format!("{} get {url} && {0} resolve {NAME}", env!("CARGO_BIN_EXE_scape"));
    assert_eq!(shell(network, &get).ok(), "hello\n127.0.0.1\n");
    // git runs this ssh, which connects with scape.
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let folder = tempfile::tempdir().unwrap();
    let ssh = folder.path().join("ssh");
    let port = address.rsplit(':').next().unwrap();
    // This script runs the ProxyCommand as ssh does.
    let fake = format!(
        "#!/bin/sh\ncommand=$(echo \"$2\" | sed 's/ProxyCommand=//; s/%h/{NAME}/; s/%p/{port}/')\n\
         printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sh -c \"$command\" | tail -n 1 >&2\n"
    );
    std::fs::write(&ssh, fake).unwrap();
    std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = folder.path().display();
    let script = format!("PATH={path}:$PATH; eval \"$GIT_SSH_COMMAND git@{NAME} x\"");
    let done = shell(network, &script).run();
    assert!(done.error.starts_with("hello\n"), "{done:?}");
    let done = scape(network, ["run", "--", "/nowhere/x"]).run().expect(127);
    assert!(done.error.contains("cannot run \"/nowhere/x\""), "{done:?}");
}

fn refuses(network: &TestNetwork) {
    let done = scape(network, ["run", "nslookup", "example.com"]).run().expect(1);
    assert!(done.error.contains("scape resolve") && done.error.contains("--force"), "{done:?}");
    assert_eq!(done.out, "");
    let folder = tempfile::tempdir().unwrap();
    let ping = folder.path().join("ping");
    std::os::unix::fs::symlink("/bin/echo", &ping).unwrap();
    let found = |words: &[&str]| {
        let command = scape(network, ["run"]).env("PATH", folder.path());
        words.iter().fold(command, |command, word| command.arg(word))
    };
    assert_eq!(found(&["--force", "--", "ping", "pong"]).ok(), "pong\n");
    let done = found(&["--", "ping", "pong"]).run().expect(1);
    assert!(done.error.contains("ICMP"), "{done:?}");
    // This program of the user only has the name of the known program.
    assert_eq!(scape(network, ["run", "--"]).arg(&ping).arg("pong").ok(), "pong\n");
    // The program must not get the password.
    let script = "echo ${TOR_CONTROL_PASSWD-none} ${SCAPE_PASSWORD_FILE-none}";
    let command = shell(network, script).env("TOR_CONTROL_PASSWD", "x");
    assert_eq!(command.ok(), "none none\n");
    // The program must not get the control port of another tor, either.
    let script = "echo ${TOR_CONTROL_IPC_PATH-none} ${SCAPE_CONTROL-none}";
    let command = shell(network, script).env("TOR_CONTROL_IPC_PATH", "/nowhere/control");
    assert_eq!(command.env("SCAPE_CONTROL", "1").ok(), "none none\n");
}
