//! Calls methods of a controller with a real tor: accepted and refused
//! commands.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/failing_end.rs"]
mod failing_end;
mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::thread;
use std::time::{Duration, Instant};

use failing_end::fails_at_end;
use scape::connection::{CloseCause, Closed, ConnectionStatus};
use scape::control::{
    AddOnion, ArgumentError, ArgumentProblem, CircuitError, Command, ExtendCircuit, Signal,
};
use scape::error::{AnswerError, Phase, Timeout};
use scape::event::{CircuitPurpose, EventBody, EventKind};
use scape::word::{CircuitId, OnionAddress};
use scape::{Connect, Controller};
use support::real_tor::RealTor;
use support::wiretap::Wiretap;

const SOON: Duration = Duration::from_secs(20);

/// A valid address of no existing service.
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

/// Returns the code and text of tor's refusal.
fn refusal<T: std::fmt::Debug>(result: scape::Result<T>) -> (u16, String) {
    let error = result.unwrap_err();
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error:?}"));
    (refusal.code(), refusal.text())
}

/// Returns the name of the argument that the library refused, and the problem.
fn argument<T: std::fmt::Debug>(result: scape::Result<T>) -> (String, ArgumentProblem) {
    let error = result.unwrap_err();
    let Some(error) = error.get::<ArgumentError>() else { panic!("{error:?}") };
    (error.argument().to_owned(), error.problem().clone())
}

/// Checks that the next answer belongs to the next command.
fn in_step(controller: &Controller) {
    assert!(controller.is_alive());
    assert_eq!(controller.get_info("config-can-saveconf").unwrap(), "1");
}

#[test]
fn get_info_returns_values_and_refusals() {
    let tor = RealTor::start("ContactInfo someone\n");
    let c = tor.controller();
    assert!(c.version().unwrap().to_string().starts_with(&c.get_info("version").unwrap()));
    assert_eq!(c.get_info("process/uid").unwrap(), rustix::process::getuid().as_raw().to_string());

    let text = c.get_info("config-text").unwrap();
    assert!(text.contains("ContactInfo someone\n") && !text.ends_with('\n'), "{text:?}");
    assert_eq!(c.info().get_bytes("config-text").unwrap(), format!("{text}\n").as_bytes());
    assert_eq!(c.info().get_bytes("config-can-saveconf").unwrap(), b"1");

    // The values have the order of the keys, also if keys are repeated.
    let many = c
        .info()
        .get_many(["config-can-saveconf", "config-text", "version", "config-text"])
        .unwrap();
    assert_eq!((many[0].as_str(), &many[1], &many[3]), ("1", &text, &text));
    assert_eq!(many.len(), 4);
    assert_eq!(c.info().get_many(Vec::<String>::new()).unwrap(), Vec::<String>::new());
    assert_eq!(c.get_info("onions/current").unwrap(), "");

    assert_eq!(refusal(c.get_info("nope")), (552, "Unrecognized key \"nope\"".into()));
    let error = c.info().get_many(["nope", "version", "never"]).unwrap_err();
    let refused = error.refusal().unwrap();
    assert!(refused.is_unknown() && refused.lines().len() == 2, "{refused:?}");
    assert_eq!(refused.text(), "Unrecognized key \"nope\"\nUnrecognized key \"never\"");
    assert_eq!(refused.command(), "GETINFO nope version never");
    assert_eq!(refusal(c.get_info("address")).0, 551);

    let each =
        c.info().get_each(["version", "nope", "address", "dir/status/a=b", "config-text"]).unwrap();
    assert!(each[0].as_ref().unwrap().starts_with("0."));
    assert_eq!(each[1].as_ref().unwrap_err().code(), Some(552));
    assert_eq!(each[2].as_ref().unwrap_err().code(), Some(551));
    let answer: &AnswerError = each[3].as_ref().unwrap_err().get().unwrap();
    assert!(answer.problem().contains("cannot encode"), "{each:?}");
    assert_eq!(each[4].as_ref().unwrap(), &text);
    assert!(c.info().get_each(Vec::<String>::new()).unwrap().is_empty());
    assert!(c.get_info("dir/status/a=b").unwrap_err().get::<AnswerError>().is_some());
    in_step(&c);
}

#[test]
fn get_conf_returns_options_lists_and_groups() {
    let tor = RealTor::start("Log info file /dev/null\nNickname someone\n");
    let c = tor.controller();
    let get = |name: &str| c.get_conf(name).unwrap();
    assert_eq!(get("ContactInfo"), None);
    assert_eq!(get("ExitNodes").as_deref(), Some(""));
    assert_eq!(get("MaxCircuitDirtiness").as_deref(), Some("600"));
    assert_eq!(get("Nickname").as_deref(), Some("someone"));
    // Names may be in any case, and abbreviated as far as they are unambiguous.
    assert_eq!(get("nickNAME").as_deref(), Some("someone"));
    assert_eq!(get("Nickna").as_deref(), Some("someone"));
    assert_eq!(c.get_conf_list("ContactInfo").unwrap(), Vec::<String>::new());
    assert_eq!(c.get_conf_list("Log").unwrap().len(), 2);
    assert_eq!(c.get_conf_list("ExitNodes").unwrap(), [""; 0]);
    let error = c.get_conf("Log").unwrap_err();
    assert!(
        error.get::<AnswerError>().is_some() && error.to_string().contains("get_conf_list"),
        "{error}"
    );

    let lines = c.get_conf_lines(["nickname", "ContactInfo", "log"]).unwrap();
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Nickname", "ContactInfo", "Log", "Log"]);
    assert!(c.get_conf_lines(Vec::<String>::new()).unwrap().is_empty());

    // A group, which is empty at first, has the lines of its options.
    assert_eq!(get("HiddenServiceOptions"), None);
    let dir = tor.folder().join("service");
    let options =
        [("HiddenServiceDir", dir.to_str().unwrap()), ("HiddenServicePort", "80 127.0.0.1:8080")];
    c.set_conf(options).unwrap();
    let lines = c.get_conf_lines(["HiddenServiceOptions"]).unwrap();
    let lines: Vec<_> =
        lines.iter().map(|line| (line.name.as_str(), line.value.as_deref().unwrap())).collect();
    assert_eq!(lines, options);

    assert_eq!(
        refusal(c.get_conf("Nope")),
        (552, "Unrecognized configuration key \"Nope\"".into())
    );
    let (code, text) = refusal(c.get_conf_lines(["Nope", "Nickname", "Never"]));
    assert_eq!((code, text.lines().count()), (552, 2), "{text}");
    in_step(&c);
}

#[test]
fn set_conf_sends_any_text() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let long = "long ".repeat(5000);
    for text in [
        "plain",
        "two words",
        "a \"quoted\" 'text'",
        "\"",
        "\\",
        "back\\slash \\n \\\" \\101",
        "# no comment",
        "a # b",
        "k=v, k2=\"v2\"",
        "ünïcödé ☃ 𐍈",
        "tab\there",
        "\u{1}\u{7f}",
        "  spaces before",
        "spaces after  ",
        "ends with a backslash \\",
        "$HOME %include ; ` | & { } < >",
        &long,
    ] {
        c.set_conf([("ContactInfo", text)]).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(c.get_conf("ContactInfo").unwrap().as_deref(), Some(text), "{text:?}");
    }
    c.set_conf([("ContactInfo", "")]).unwrap();
    assert_eq!(c.get_conf("ContactInfo").unwrap(), None);
    in_step(&c);
}

#[test]
fn set_conf_and_reset_conf_change_options() {
    let tor = RealTor::start("ContactInfo before\n");
    let c = tor.controller();
    c.set_conf([("MaxCircuitDirtiness", "60"), ("ContactInfo", "after")]).unwrap();
    assert_eq!(c.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("60"));

    // Lists are replaced as a whole, in their order.
    let log = tor.folder().join("log");
    let logs = [format!("notice file {}", log.display()), "err file /dev/null".to_owned()];
    c.set_conf(logs.iter().map(|line| ("Log", line))).unwrap();
    assert_eq!(c.get_conf_list("Log").unwrap(), logs);

    // Either all options are set or none.
    let (code, text) =
        refusal(c.set_conf([("ContactInfo", "changed"), ("MaxCircuitDirtiness", "soon")]));
    assert_eq!(code, 513, "{text}");
    assert!(text.contains("MaxCircuitDirtiness"), "{text}");
    assert_eq!(c.get_conf("ContactInfo").unwrap().as_deref(), Some("after"));
    assert_eq!(refusal(c.set_conf([("ContactInfo", "changed"), ("Nope", "1")])).0, 552);
    assert_eq!(refusal(c.set_conf([("DataDirectory", "/nonexistent")])).0, 553);
    assert_eq!(c.get_conf("ContactInfo").unwrap().as_deref(), Some("after"));
    c.set_conf(Vec::<(String, String)>::new()).unwrap();

    c.reset_conf(["ContactInfo", "maxcircuitdirtiness"]).unwrap();
    assert_eq!(c.get_conf("ContactInfo").unwrap(), None);
    assert_eq!(c.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("600"));
    assert_eq!(refusal(c.reset_conf(["ContactInfo", "Nope"])).0, 552);
    c.reset_conf(Vec::<String>::new()).unwrap();
    in_step(&c);
}

#[test]
fn load_conf_and_save_conf_change_the_torrc() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let torrc = tor.torrc();
    let load = |lines: &str| c.load_conf(&format!("{torrc}{lines}"));
    let contact = || c.get_conf("ContactInfo").unwrap();

    load("ContactInfo loaded # a comment\r\n\n# .\n").unwrap();
    assert_eq!(contact().as_deref(), Some("loaded"));
    // The text may lack a line end, and a line may begin with a dot.
    load("ContactInfo \\\n.dots.\nNickname dotty").unwrap();
    assert_eq!(contact().as_deref(), Some(".dots."));
    assert_eq!(c.get_conf("Nickname").unwrap().as_deref(), Some("dotty"));

    // If any line is wrong, nothing changes.
    let (code, text) = refusal(load("ContactInfo changed\nNope 1\n"));
    assert!(code == 552 && text.contains("Nope"), "{code} {text}");
    assert_eq!(refusal(load("ContactInfo changed\n.\nMaxCircuitDirtiness 1\n")).0, 552);
    assert_eq!(refusal(c.load_conf("ContactInfo changed\n")).0, 553);
    assert_eq!(argument(c.load_conf("ContactInfo changed\rNickname x\n")).0, "torrc");
    assert_eq!(argument(c.load_conf("ContactInfo a\0b\n")).0, "torrc");
    assert_eq!(contact().as_deref(), Some(".dots."));

    c.save_conf().unwrap();
    let saved = tor.torrc();
    assert!(saved.contains("\nNickname dotty\n") && saved.contains("generated by Tor"), "{saved}");
    assert_eq!(fs::read_to_string(tor.folder().join("torrc.orig.1")).unwrap(), torrc);

    // A torrc that includes another one is not saved by accident.
    let included = tor.folder().join("included");
    fs::write(&included, "ContactInfo included\n").unwrap();
    load(&format!("%include {}\n", included.display())).unwrap();
    assert_eq!(contact().as_deref(), Some("included"));
    let error = c.save_conf().unwrap_err();
    assert!(error.refusal().unwrap().is_not_allowed() && error.code() == Some(551), "{error}");
    assert_eq!(tor.torrc(), saved);
    assert_eq!(c.get_info("config-can-saveconf").unwrap(), "0");
    c.save_conf_force().unwrap();
    assert!(tor.torrc().contains("\nContactInfo included\n"), "{}", tor.torrc());
}

#[test]
fn signals_are_sent_and_reported() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let events = c.subscribe([EventKind::Signal]).unwrap();
    let mut expected = Vec::new();
    for signal in [
        Signal::Heartbeat,
        Signal::ClearDnsCache,
        Signal::Dump,
        Signal::Debug,
        Signal::Dormant,
        Signal::Active,
        Signal::Reload,
        Signal::from("HUP"),
        Signal::from("hup"),
        Signal::from("usr1"),
        Signal::from("heartbeat"),
    ] {
        expected.push(signal.canonical());
        c.signal(signal).unwrap();
    }
    for expected in expected {
        let event = events.next_timeout(SOON).unwrap();
        assert_eq!(event.body(), &EventBody::Signal(expected));
    }
    let (name, problem) = argument(c.signal(Signal::from("NEWNIM")));
    let ArgumentProblem::Unknown { known } = problem else { panic!("{problem:?}") };
    assert!(name == "signal" && known.iter().any(|name| name == "NEWNYM"), "{known:?}");
    in_step(&c);
}

#[test]
fn signals_that_end_tor() {
    for signal in [Signal::Shutdown, Signal::Halt, Signal::from("INT"), Signal::from("term")] {
        let mut tor = RealTor::start("");
        let c = tor.controller();
        c.signal(signal.clone()).unwrap_or_else(|e| panic!("{signal}: {e}"));
        let status =
            tor.wait_for_end(SOON).unwrap_or_else(|| panic!("{signal}: tor has not ended"));
        let log = tor.log();
        let is_well = status.success() || fails_at_end(status.signal(), &log);
        assert!(is_well, "{signal}: {status}\n{log}");
        let closed = c.wait_closed(SOON).unwrap();
        assert!(matches!(closed.cause(), CloseCause::Remote { .. }), "{closed}");
        assert!(c.get_info("version").unwrap_err().is_closed());
    }
}

#[test]
fn new_identity_waits_for_its_signal_event() {
    // tor acts on the signal only if it has a port for clients, even if that
    // port can't be opened without a network.
    let tor = RealTor::start("SocksPort auto");
    let c = tor.controller();
    c.new_identity(SOON).unwrap();
    // A second signal within ten seconds is delayed.
    let start = Instant::now();
    let error = c.new_identity(Duration::from_millis(200)).unwrap_err();
    let Some(timeout) = error.get::<Timeout>() else { panic!("{error:?}") };
    assert_eq!((timeout.phase(), timeout.after()), (Phase::Signal, Duration::from_millis(200)));
    assert!(start.elapsed() < Duration::from_secs(5));
    in_step(&c);

    let tor = RealTor::start("SocksPort 0");
    assert!(tor.controller().new_identity(Duration::from_millis(300)).unwrap_err().is_timeout());
}

#[test]
fn onion_services_are_added_and_removed() {
    let tor = RealTor::start("");
    let (c, other) = (tor.controller(), tor.controller());
    let target = SocketAddr::from(([127, 0, 0, 1], 8080));
    let current = |c: &Controller| c.get_info("onions/current").unwrap();

    let added = c.add_onion(&AddOnion::new().port(80, target)).unwrap();
    let key = added.key.clone().expect("tor made a key and tells it");
    assert_eq!(current(&c), added.address.service_id());
    // The service belongs to this connection.
    assert_eq!(current(&other), "");
    let error = other.del_onion(&added.address).unwrap_err();
    assert!(error.refusal().unwrap().is_unknown(), "{error}");
    assert_eq!(refusal(c.add_onion(&AddOnion::new().key(key.clone()).local_port(80))).0, 550);
    c.del_onion(&added.address).unwrap();
    assert_eq!(current(&c), "");
    let error = c.del_onion(&added.address).unwrap_err();
    assert!(error.refusal().unwrap().is_unknown(), "{error}");
    assert!(
        c.del_onion(&NOBODY.parse::<OnionAddress>().unwrap())
            .unwrap_err()
            .refusal()
            .unwrap()
            .is_unknown()
    );

    // The same key gives the same address, and tor doesn't send the key again.
    let again = c.add_onion(&AddOnion::new().key(key.clone()).port(80, target).detach()).unwrap();
    assert_eq!(again.address, added.address);
    assert!(again.key.is_none());
    let discarded = c.add_onion(&AddOnion::new().local_port(80).discard_key()).unwrap();
    assert!(discarded.key.is_none());

    // This service has all settings at once.
    let client = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
    let service = AddOnion::new()
        .port(80, target)
        .port(81, SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 8081)))
        .port(82, tor.folder().join("app.sock"))
        .local_port(83)
        .client(client)
        .max_streams(5)
        .max_streams_close_circuit()
        .proof_of_work(Some(10), Some(20));
    assert_eq!(c.add_onion(&service).unwrap().clients, [client.parse().unwrap()]);

    // A detached service outlives its connection, and any other connection may
    // remove it. Any other service ends with its connection, and its address is
    // free then.
    let attached = c.add_onion(&AddOnion::new().local_port(80)).unwrap();
    let again = AddOnion::new().key(attached.key.expect("a new key")).local_port(80);
    c.close().unwrap();
    let deadline = Instant::now() + SOON;
    while let Err(error) = other.add_onion(&again) {
        assert!(error.code() == Some(550) && Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(other.get_info("onions/detached").unwrap(), added.address.service_id());
    other.del_onion(&added.address).unwrap();
    assert_eq!(other.get_info("onions/detached").unwrap(), "");
    in_step(&other);
}

#[test]
fn refused_onion_services_are_reported() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let service = AddOnion::new().local_port(80);
    let (code, text) = refusal(c.add_onion(&service.clone().non_anonymous()));
    assert!(code == 512 && text.contains("anonymous"), "{code} {text}");

    let target = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let socket = |path: &str| std::path::PathBuf::from(path);
    for (service, name) in [
        (AddOnion::new(), "list of ports"),
        (AddOnion::new().local_port(0), "port"),
        (AddOnion::new().port(0, target(80)), "port"),
        (AddOnion::new().port(80, target(0)), "port"),
        (service.clone().client("x"), "client's public key"),
        (service.clone().client("=".repeat(52)), "client's public key"),
        (service.clone().client(format!("{} ", "A".repeat(51))), "client's public key"),
        (AddOnion::new().port(80, socket("relative")), "target"),
        (AddOnion::new().port(80, socket("/tmp/a socket")), "Port"),
        (AddOnion::new().port(80, socket("/tmp/a\r\nSIGNAL HALT")), "Port"),
        (AddOnion::new().port(80, socket("/tmp/\"quoted\"")), "Port"),
    ] {
        assert_eq!(argument(c.add_onion(&service)).0, name, "{service:?}");
    }
    assert_eq!(c.get_info("onions/current").unwrap(), "");
    in_step(&c);
}

#[test]
fn ownership_ends_tor_with_its_owner() {
    // tor ends with its owner.
    let mut tor = RealTor::start("");
    let c = tor.controller();
    c.take_ownership().unwrap();
    drop(c);
    assert!(tor.wait_for_end(SOON).expect("tor ends").success());

    // A controller that has dropped the ownership or never took it doesn't end
    // tor.
    let mut tor = RealTor::start("");
    let (c, other) = (tor.controller(), tor.controller());
    c.take_ownership().unwrap();
    c.drop_ownership().unwrap();
    c.quit().unwrap();
    drop(tor.controller());
    // When a new connection is answered, tor has handled the end of the former
    // one.
    in_step(&tor.controller());
    in_step(&other);
    assert!(tor.is_running());
}

#[test]
fn circuit_commands_without_a_network_are_refused() {
    let tor = RealTor::start("");
    let c = tor.controller();
    assert!(c.circuits().unwrap().is_empty());
    assert!(c.streams().unwrap().is_empty());

    let nobody = "A".repeat(40);
    let unknown = CircuitId::new(5);
    assert_eq!(
        refusal(c.launch_circuit(&ExtendCircuit::new())),
        (551, "Couldn't start circuit".into())
    );
    let named = ExtendCircuit::new().path([&nobody]);
    assert_eq!(refusal(c.launch_circuit(&named)), (552, format!("No such router \"{nobody}\"")));
    assert_eq!(refusal(c.build_circuit(&named, SOON)).0, 552);
    let purpose = ExtendCircuit::new().purpose(CircuitPurpose::from("NONSENSE"));
    assert_eq!(refusal(c.launch_circuit(&purpose)), (552, "Unknown purpose \"nonsense\"".into()));
    assert_eq!(
        refusal(c.extend_circuit(unknown, [&nobody])),
        (552, "Unknown circuit \"5\"".into())
    );

    assert!(c.close_circuit(unknown).unwrap_err().refusal().unwrap().is_unknown());
    assert!(c.close_circuit_if_unused(unknown).unwrap_err().refusal().unwrap().is_unknown());
    let start = Instant::now();
    let error = c.wait_built(unknown, Duration::from_secs(60)).unwrap_err();
    assert!(error.get::<CircuitError>().is_some_and(|circuit| circuit.id == unknown), "{error:?}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    assert_eq!(argument(c.extend_circuit(unknown, Vec::<String>::new())).0, "path");
    assert_eq!(argument(c.extend_circuit(CircuitId::new(0), [&nobody])).0, "circuit");
    for relay in ["", "a,b", "a b", "a\r\nQUIT", "é"] {
        assert_eq!(
            argument(c.launch_circuit(&ExtendCircuit::new().path([relay]))).0,
            "path",
            "{relay:?}"
        );
    }
    in_step(&c);
}

#[test]
fn raw_messages_are_sent_and_answered() {
    let tor = RealTor::start("");
    let c = tor.controller();
    assert_eq!(
        c.msg("getinfo   config-can-saveconf").unwrap().first().text,
        b"config-can-saveconf=1"
    );
    // A refusal is an answer too.
    let reply = c.msg("NONSENSE").unwrap();
    assert_eq!((reply.code(), reply.is_ok()), (510, false));
    assert_eq!(c.msg_with_data("+LOADCONF", b"").unwrap().code(), 553);
    assert_eq!(c.msg_with_data("+POSTDESCRIPTOR", b"router x\n.\r\n..\n").unwrap().code(), 554);
    assert!(c.msg_with_data("+loadconf", tor.torrc().as_bytes()).unwrap().is_ok());

    // These lines are not sent.
    for line in [
        "",
        " ",
        "GETINFO version\r\nQUIT",
        "GETINFO version\n",
        "GETINFO a\0",
        "+LOADCONF",
        "SETEVENTS",
        "setevents BW",
        "SETEVENTS\tBW",
        "ADD_ONION NEW:BEST Port=80 ClientAuth=bob",
        "HSPOST",
        "SETCIRCUITPURPOSE",
        "setcircuitpurpose ",
        &format!("ONION_CLIENT_AUTH_ADD {NOBODY} x25519:AAAA ClientName=longerthansixteenchars"),
        &format!("GETINFO {}", "x".repeat(1 << 20)),
    ] {
        assert!(
            c.msg(line).unwrap_err().get::<ArgumentError>().is_some(),
            "{:?}",
            line.get(..40).unwrap_or(line)
        );
    }
    for (line, data) in
        [("LOADCONF", "x"), ("+HSPOST", "x"), ("+LOADCONF", "a\0"), ("+LOADCONF\r\n", "a")]
    {
        assert!(
            c.msg_with_data(line, data.as_bytes()).unwrap_err().get::<ArgumentError>().is_some(),
            "{line}"
        );
    }
    in_step(&c);
}

#[test]
fn end_of_the_connection_is_reported() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let clone = c.clone();
    let events = c.subscribe([EventKind::Signal]).unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let _listener = clone.on_status(move |status| sender.send(status.clone()).unwrap()).unwrap();
    c.quit().unwrap();
    let error = clone.get_info("version").unwrap_err();
    assert!(error.get::<Closed>().is_some_and(Closed::is_local), "{error:?}");
    assert!(!clone.is_open() && clone.closed().unwrap().is_local());
    assert_eq!(events.iter().count(), 0);
    assert!(events.cause().unwrap().is_local());
    assert!(clone.subscribe([EventKind::Bw]).unwrap_err().is_closed());
    assert!(matches!(told.recv_timeout(SOON).unwrap(), ConnectionStatus::Connected));
    let ConnectionStatus::Closed(closed) = told.recv_timeout(SOON).unwrap() else {
        panic!("no end")
    };
    assert!(closed.is_local());

    // Weak handles don't keep the connection open.
    let c = tor.controller();
    let weak = c.downgrade();
    in_step(&weak.upgrade().unwrap());
    drop(c);
    assert!(weak.upgrade().is_none());

    // The connection also ends if tor ends.
    let c = tor.controller();
    drop(tor);
    let closed = c.wait_closed(SOON).unwrap();
    assert!(!closed.is_local(), "{closed}");
    assert_eq!(c.get_info("version").unwrap_err().to_string(), closed.to_string());
}

#[test]
fn setevents_names_the_union_of_all_subscriptions() {
    let tor = RealTor::start("");
    let tap = Wiretap::start(tor.port());
    let c = Connect::to(tap.address()).unwrap().connect().unwrap();
    let told = || -> Vec<String> {
        in_step(&c);
        let sent = tap.sent();
        sent.into_iter()
            .filter_map(|line| line.strip_prefix("SETEVENTS").map(|l| l.trim().to_owned()))
            .collect()
    };
    let conf = c.subscribe([EventKind::ConfChanged]).unwrap();
    let both = c.subscribe([EventKind::Signal, EventKind::ConfChanged]).unwrap();
    assert_eq!(told().last().unwrap().split(' ').count(), 2);

    // A wrong kind doesn't affect other subscriptions.
    let (code, text) = refusal(c.subscribe([EventKind::Bw, EventKind::from("NONSENSE")]));
    assert!(code == 552 && text.contains("NONSENSE"), "{code} {text}");
    assert_eq!(refusal(c.subscribe([EventKind::PtLog])).0, 552);
    c.set_conf([("ContactInfo", "one")]).unwrap();
    c.signal(Signal::Heartbeat).unwrap();
    assert_eq!(conf.next_timeout(SOON).unwrap().kind(), &EventKind::ConfChanged);
    let kinds: Vec<_> = (0..2).map(|_| both.next_timeout(SOON).unwrap().kind().clone()).collect();
    assert!(
        kinds.contains(&EventKind::ConfChanged) && kinds.contains(&EventKind::Signal),
        "{kinds:?}"
    );
    let list = told().last().unwrap().clone();
    assert!(
        list.contains("SIGNAL") && list.contains("CONF_CHANGED") && !list.contains("BW"),
        "{list}"
    );

    // Kinds that a subscription still needs stay. Unneeded kinds are not sent
    // any more.
    drop(conf);
    assert!(told().last().unwrap().contains("CONF_CHANGED"));
    both.close(SOON).unwrap();
    assert_eq!(told().last().unwrap(), "");
    let signal = c.subscribe([EventKind::Signal]).unwrap();
    assert_eq!(told().last().unwrap(), "SIGNAL");
    let before = tap.received().iter().filter(|line| line.contains("CONF_CHANGED")).count();
    c.set_conf([("ContactInfo", "two")]).unwrap();
    c.signal(Signal::Heartbeat).unwrap();
    signal.next_timeout(SOON).unwrap();
    in_step(&c);
    assert_eq!(tap.received().iter().filter(|line| line.contains("CONF_CHANGED")).count(), before);
    assert_eq!(argument(c.subscribe([])).0, "list of events");
    assert_eq!(argument(c.subscribe([EventKind::from("BW SIGNAL")])).0, "event");
}

#[test]
fn events_of_any_spelling_and_log_messages_are_subscribed() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let events = c.subscribe([EventKind::from("notice"), EventKind::from("signal")]).unwrap();
    c.signal(Signal::Heartbeat).unwrap();
    let seen: Vec<_> = (0..2).map(|_| events.next_timeout(SOON).unwrap()).collect();
    assert!(
        seen.iter().any(|event| matches!(event.body(), EventBody::Signal(Signal::Heartbeat))),
        "{seen:?}"
    );
    assert!(seen.iter().any(|event| matches!(event.body(), EventBody::Log(_))), "{seen:?}");
}

#[test]
fn answers_keep_their_order() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let keys = [
        "version",
        "config-text",
        "nope",
        "config-can-saveconf",
        "address",
        "process/pid",
        "onions/current",
    ];
    let commands = || {
        keys.iter()
            .cycle()
            .take(350)
            .map(|key| Command::build("GETINFO").word("key", key).finish().unwrap())
    };
    let belongs = |reply: &scape::control::Reply, key: &str| match key {
        "nope" => reply.first().text == b"Unrecognized key \"nope\"",
        "address" => reply.code() == 551,
        key => reply.first().text.starts_with(format!("{key}=").as_bytes()),
    };
    for (pending, key) in c.send_all(commands()).unwrap().into_iter().zip(keys.iter().cycle()) {
        let reply = pending.wait().unwrap();
        assert!(belongs(&reply, key), "{key}: {reply}");
    }
    // Several threads send commands without waiting, and nobody waits for some
    // of the answers.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let pending: Vec<_> = commands().map(|command| c.send(command).unwrap()).collect();
                for (i, (pending, key)) in pending.into_iter().zip(keys.iter().cycle()).enumerate()
                {
                    if i % 3 != 0 {
                        let reply = pending.wait().unwrap();
                        assert!(belongs(&reply, key), "{key}: {reply}");
                    }
                }
            });
        }
    });
    // The answer to a call that gave up is not given to the next call.
    let hasty = c.with_timeout(Duration::from_nanos(1));
    for _ in 0..20 {
        match hasty.get_info("config-text") {
            Ok(text) => assert!(text.contains("DisableNetwork")),
            Err(error) => assert!(error.get::<Timeout>().is_some(), "{error}"),
        }
        in_step(&c);
    }
}

#[test]
fn events_before_an_answer_are_queued_with_the_answer() {
    let tor = RealTor::start("");
    let tap = Wiretap::start(tor.port());
    let c = Connect::to(tap.address()).unwrap().connect().unwrap();
    let events = c.subscribe([EventKind::ConfChanged, EventKind::Signal]).unwrap();
    let mut queued = 0;
    for round in 0..60 {
        match round % 2 {
            0 => c.set_conf([("ContactInfo", format!("round {round}"))]).unwrap(),
            _ => c.signal(Signal::Heartbeat).unwrap(),
        }
        // tor may order the events in any way. Everything on the wire before
        // this answer must be in the queue after it.
        let marker = format!("GETINFO config/defaults?{round}");
        assert_eq!(c.msg(&marker).unwrap().code(), 552);
        queued += events.try_iter().count();
        let received = tap.received();
        let answer = format!("552 Unrecognized key \"config/defaults?{round}\"");
        let end = received.iter().position(|line| *line == answer).unwrap();
        let ends = |line: &&String| *line == "650 OK" || line.starts_with("650 SIGNAL");
        let on_the_wire = received[..end].iter().filter(ends).count();
        assert!(queued >= on_the_wire, "round {round}: {queued} of {on_the_wire}");
    }
    while queued < 60 {
        events.next_timeout(SOON).unwrap();
        queued += 1;
    }
}

#[test]
fn callbacks_have_seen_all_events_before_a_sync() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let (sender, seen) = crossbeam_channel::unbounded();
    let inner = c.downgrade();
    let listener = c
        .on_event([EventKind::ConfChanged], move |event| {
            // A callback may use the controller and wait for it.
            let version = inner.upgrade().unwrap().get_info("version").unwrap();
            inner.upgrade().unwrap().sync().unwrap();
            sender.send((event.kind().clone(), version)).unwrap();
        })
        .unwrap();
    for round in 0..10 {
        c.set_conf([("ContactInfo", format!("round {round}"))]).unwrap();
        assert_eq!(seen.recv_timeout(SOON).unwrap().0, EventKind::ConfChanged);
    }
    c.sync().unwrap();
    drop(listener);
    c.set_conf([("ContactInfo", "unheard")]).unwrap();
    c.sync().unwrap();
    assert!(seen.try_recv().is_err());
}
