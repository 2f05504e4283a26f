//! Checks that every control port of a launched tor requires authentication, no
//! matter which setting opened the port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use scape::config::Torrc;
use scape::process::{Control, LaunchError, LaunchProblem, TorProcess};
use scape::transport::Address;
use scape::{Connect, Launch};

#[path = "support/tor.rs"]
mod tor;

use tor::{SOON, offline};

/// The hash of the password "secret".
const HASH: &str = "16:872860B76453A77D60CA2BB8C1A7042072093276A3D701AD684053EC4C";

/// Returns the addresses of tor's control ports.
fn ports(tor: &TorProcess) -> Vec<String> {
    let listeners = tor.controller().get_info("net/listeners/control").unwrap();
    listeners
        .split(' ')
        .map(|quoted| quoted.trim_matches('"').to_owned())
        .filter(|a| !a.is_empty())
        .collect()
}

/// Connects to a control port. Returns tor's answer to AUTHENTICATE without a
/// secret, and the authentication methods that tor offers.
fn knock(address: &str) -> (String, String) {
    fn talk(mut stream: impl Read + Write) -> String {
        stream.write_all(b"PROTOCOLINFO 1\r\nAUTHENTICATE\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
    let answer = match address.strip_prefix("unix:") {
        Some(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            talk(stream)
        }
        None => {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            talk(stream)
        }
    };
    let methods = answer.lines().find(|line| line.starts_with("250-AUTH METHODS=")).unwrap();
    let methods = methods.split_whitespace().nth(1).unwrap().to_owned();
    let after = answer.lines().skip_while(|line| *line != "250 OK").nth(1).unwrap().to_owned();
    (after, methods)
}

/// Checks that each control port refuses clients without a secret, and accepts
/// those that can read the cookie.
fn closed_to_strangers(tor: &TorProcess, count: usize) {
    let ports = ports(tor);
    assert_eq!(ports.len(), count, "{ports:?}");
    for port in ports {
        let (answer, methods) = knock(&port);
        assert!(answer.starts_with("515 "), "{port}: {answer}");
        assert_eq!(methods, "METHODS=COOKIE,SAFECOOKIE", "{port}");
        let address: Address = port.parse().unwrap();
        assert!(Connect::to(address).unwrap().timeout(SOON).connect().unwrap().is_alive());
    }
}

#[test]
fn control_port_from_any_source_has_authentication() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let socket = |name: &str| directory.path().join(name).display().to_string();
    let torrc = Torrc::parse("ControlPort auto\nControlPort 127.0.0.1:auto\n").unwrap();
    let launches: Vec<(Launch, usize)> = vec![
        (offline().option("ControlPort", "auto"), 1),
        (offline().option("controlpor", "auto"), 1),
        (offline().option("ControlSocket", socket("one")), 1),
        (offline().option("ControlPort", format!("unix:{} WorldWritable", socket("two"))), 1),
        (offline().torrc(&torrc), 2),
        (offline().control(Control::UnixSocket).option("ControlPort", "auto"), 2),
        (offline().control(Control::TcpPort).option("ControlSocket", socket("three")), 2),
        (offline().option("ControlPort", "auto").option("CookieAuthentication", "1"), 1),
        // tor takes this abbreviation for another option, whose value is a
        // number too.
        (offline().option("ControlPort", "auto").option("Co", "1"), 1),
    ];
    for (launch, count) in launches {
        let tor = launch.start().unwrap();
        closed_to_strangers(&tor, count);
        tor.stop().unwrap();
    }
}

#[test]
fn control_port_that_is_opened_later_has_authentication() {
    let tor = offline().start().unwrap();
    assert_eq!(ports(&tor), [""; 0]);
    tor.controller().set_conf([("ControlPort", "auto")]).unwrap();
    closed_to_strangers(&tor, 1);
    tor.stop().unwrap();
}

#[test]
fn configuration_changes_keep_authentication_unless_it_is_turned_off_by_name() {
    let tor = offline().start().unwrap();
    let controller = tor.controller();
    let text = format!(
        "DataDirectory {}\nDisableNetwork 1\nSocksPort 0\nControlPort auto\n",
        tor.data_directory().display()
    );
    controller.load_conf(&text).unwrap();
    closed_to_strangers(&tor, 1);
    assert!(controller.msg_with_data("+LOADCONF", text.as_bytes()).unwrap().is_ok());
    closed_to_strangers(&tor, 1);
    controller.reset_conf(["CookieAuthentication"]).unwrap();
    closed_to_strangers(&tor, 1);
    assert!(controller.msg("RESETCONF cookieauth ContactInfo").unwrap().is_ok());
    closed_to_strangers(&tor, 1);
    controller.set_conf([("CookieAuthentication", "")]).unwrap();
    closed_to_strangers(&tor, 1);
    // The option can still be turned off explicitly by its name.
    controller.set_conf([("CookieAuthentication", "0")]).unwrap();
    assert_eq!(knock(&ports(&tor)[0]).1, "METHODS=NULL");
    controller.load_conf(&text).unwrap();
    closed_to_strangers(&tor, 1);
    controller.load_conf(&format!("{text}CookieAuthentication 0\n")).unwrap();
    assert_eq!(knock(&ports(&tor)[0]).1, "METHODS=NULL");
    for cleared in [
        "CookieAuthentication\n",
        "CookieAuthentication 1\n/CookieAuthentication\n",
        "cookieauth\nContactInfo a\\\n",
        &format!("HashedControlPassword {HASH}\n/HashedControlPassword\n"),
    ] {
        controller.load_conf(&format!("{text}{cleared}")).unwrap();
        closed_to_strangers(&tor, 1);
    }
    tor.stop().unwrap();
}

#[test]
fn loadconf_without_data_keeps_replies_in_step() {
    let tor = offline().start().unwrap();
    let controller = tor.controller();
    assert!(!controller.msg("LOADCONF").unwrap().is_ok());
    assert!(controller.get_info("version").unwrap().starts_with("0."));
    assert!(controller.get_info("config-file").is_ok());
    tor.stop().unwrap();
}

#[test]
fn password_that_is_cleared_is_replaced_by_the_cookie() {
    for change in
        ["RESETCONF HashedControlPassword", "SETCONF HashedControlPassword=\"\" ContactInfo=me"]
    {
        let launch = offline().option("ControlPort", "auto").option("HashedControlPassword", HASH);
        let tor = launch.start().unwrap();
        assert_eq!(knock(&ports(&tor)[0]).1, "METHODS=HASHEDPASSWORD");
        assert!(tor.controller().msg(change).unwrap().is_ok());
        closed_to_strangers(&tor, 1);
        tor.stop().unwrap();
    }
}

#[test]
fn launch_without_authentication_stays_without_it() {
    let tor = offline().option("ControlPort", "auto").without_authentication().start().unwrap();
    tor.controller().reset_conf(["CookieAuthentication"]).unwrap();
    assert_eq!(knock(&ports(&tor)[0]).1, "METHODS=NULL");
    tor.stop().unwrap();
}

#[test]
fn launch_option_cannot_turn_authentication_off() {
    for (name, value) in
        [("CookieAuthentication", "0"), ("cookieauth", "0"), ("CookieAuthentication", "")]
    {
        let error =
            offline().option("ControlPort", "auto").option(name, value).start().unwrap_err();
        assert!(error.to_string().contains("setting of the launch is invalid"), "{error}");
        let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
        let LaunchProblem::Option(why) = error.problem() else { panic!("{error:?}") };
        assert!(why.to_string().contains("without_authentication"), "{why}");
    }
    let hidden = offline()
        .option("ControlPort", "auto")
        .option("CookieAuthentication", "0")
        .option("Co", "1");
    let error = hidden.start().unwrap_err();
    assert!(error.to_string().contains("setting of the launch is invalid"), "{error}");
    let open = offline().option("ControlPort", "auto").without_authentication().start().unwrap();
    let (answer, methods) = knock(&ports(&open)[0]);
    assert_eq!((answer.as_str(), methods.as_str()), ("250 OK", "METHODS=NULL"));
    open.stop().unwrap();
    for control in [Control::UnixSocket, Control::TcpPort] {
        let open = offline().control(control).without_authentication().start().unwrap();
        assert_eq!(knock(&ports(&open)[0]).0, "250 OK");
        open.stop().unwrap();
    }
}

#[test]
fn password_suffices_as_authentication() {
    let launch = offline().option("ControlPort", "auto").option("HashedControlPassword", HASH);
    let tor = launch.option("CookieAuthentication", "0").start().unwrap();
    let (answer, methods) = knock(&ports(&tor)[0]);
    assert!(answer.starts_with("515 "), "{answer}");
    assert_eq!(methods, "METHODS=HASHEDPASSWORD");
    tor.stop().unwrap();
    // With a control port of its own, `Launch` authenticates with the cookie.
    let launch = offline().control(Control::UnixSocket).option("HashedControlPassword", HASH);
    let tor = launch.start().unwrap();
    assert_eq!(knock(&ports(&tor)[0]).1, "METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD");
    tor.stop().unwrap();
    // An empty password doesn't count.
    let launch = offline().option("HashedControlPassword", "").option("CookieAuthentication", "0");
    assert!(launch.start().is_err());
}
