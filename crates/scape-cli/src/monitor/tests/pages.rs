//! Tests that pages show the data of a model and react to keys.

use std::sync::Arc;
use std::time::SystemTime;

use crossterm::event::KeyCode;
use scape::Connect;
use scape::event::Severity;
use scape::netdoc::Consensus;
use scape::testing::ScriptedTor;
use scape::word::StreamId;
use scape_manual::Manual;

use super::{Message, Page, Request, Screen, full, relays, time};
use crate::base::clock;
use crate::commands::shared::log::line::LogLine;
use crate::monitor::data::Options;
use crate::monitor::data::programs::Program;
use crate::monitor::data::relays::{Network, Place, Relays};

#[test]
fn overview_shows_state_graphs_and_warnings() {
    let mut screen = full(Page::Overview);
    screen.has(&[
        "Tor      0.4.9.8 (recommended), up 1d 1h, process 123, user debian-tor",
        "Network  ready",
        "Relay    somebody 000000000000000000000000000000000000002A",
        "Flags    Fast Guard Running",
        "Ports    or 0.0.0.0:9001, control 127.0.0.1:9051",
        "Traffic  12.3 MB read, 4.50 MB written",
        "Account  awake, 1.00 MB to read and 2.00 MB to write until",
        "Usage    CPU 2.5 %, memory 40.0 MB, descriptors 50 of 1024",
        "read 3.00 kB/s avg 2.00 kB max 3.00 kB",
        "written 500 B/s",
        "█",
        "Something is \"odd\" (x2)",
    ]);
    let wide = screen.text_of_size(120, 40);
    assert!(wide.contains("memory 40.0 MB avg 40.0 MB max 40.0 MB"), "{wide}");
    assert!(wide.contains("connections 0"), "{wide}");
    assert!(wide.contains("CPU 2.5 % avg 2.5 % max 2.5 %"), "{wide}");
    screen.press("t");
    assert!(screen.text_of_size(120, 40).contains("graphs by minutes"));
}

#[test]
fn connections_show_circuits_with_their_streams() {
    let mut screen = full(Page::Connections);
    screen.has(&[
        "2 circuits, 1 stream, 2 OR connections  all, by age",
        "circ 5      one > two > three         us BUILT",
        "  str 9     example.com:80               SUCCEEDED",
        "2.10 kB USER",
        "or out      one                       de LAUNCHED",
        // The peer of an incoming connection may be a person, so it is hidden.
        "or in       (hidden)",
    ]);
    screen.press("a");
    screen.has(&["or in       203.0.113.9:4567"]);
    screen.press("f");
    screen.has_not(&["or out"]);
    screen.press("f");
    screen.has_not(&["circ 5"]);
    screen.press("fe");
    screen.has(&["  relay     two                       fr 0.4.9.8"]);
    screen.press("/EXAMPLE");
    screen.has(&["search: EXAMPLE", "str 9"]);
    screen.has_not(&["circ 6"]);
}

#[test]
fn connections_are_sorted_and_the_selection_stays() {
    let mut screen = full(Page::Connections);
    screen.events(&["CIRC_BW ID=6 READ=1 WRITTEN=90000", "CIRC 7 LAUNCHED"]);
    screen.press("ss");
    screen.has(&["by purpose"]);
    let order = |screen: &mut Screen| {
        let text = screen.text();
        let circuits = text.lines().filter_map(|line| line.strip_prefix("circ "));
        circuits.filter_map(|line| line.chars().next()).collect::<String>()
    };
    assert_eq!(order(&mut screen), "756");
    screen.press("S");
    assert_eq!(order(&mut screen), "657");
    screen.press("sss");
    assert_eq!(order(&mut screen), "657", "by bytes");
}

#[test]
fn details_of_circuits_and_streams_have_their_relays() {
    let mut screen = full(Page::Connections);
    screen.key(KeyCode::Enter);
    screen.has(&[
        "Circuit 5",
        "Purpose      GENERAL",
        "Relay 2      two",
        "10.0.0.2:9001 fr 0.4.9.8",
        "Fast Running",
    ]);
    screen.key(KeyCode::Esc);
    screen.press("j");
    screen.key(KeyCode::Enter);
    screen.has(&["Stream 9", "Source       127.0.0.1:5000", "Circuit      5"]);
    screen.key(KeyCode::Esc);
    // Details of an OR connection with a relay include the relay's descriptor,
    // so it is requested.
    screen.press("Gk");
    screen.key(KeyCode::Enter);
    let fingerprint = "0000000000000000000000000000000000000001".parse().unwrap();
    assert_eq!(screen.asked(), [Request::Relay(fingerprint)]);
    let lines = vec!["Contact      somebody\u{1b}[31m".to_owned()];
    screen.message(Message::Details("Relay one".into(), lines));
    screen.has(&["Relay one", "Contact      somebody\\u{1b}[31m"]);
}

#[test]
fn log_is_filtered_by_regular_expressions() {
    let mut screen = full(Page::Log);
    screen.has(&["2 lines", "[NOTICE] Bootstrapped 100% (done): Done", "[WARN] (x2) Something"]);
    screen.press("/boot.*[");
    screen.has(&["search: boot.*[", "this isn't a regular expression yet"]);
    screen.key(KeyCode::Backspace);
    screen.key(KeyCode::Enter);
    screen.has(&["1 line  matching boot.*", "Bootstrapped"]);
    screen.has_not(&["Something"]);
    screen.key(KeyCode::Esc);
    screen.has(&["2 lines"]);
    let old = LogLine {
        time: SystemTime::UNIX_EPOCH,
        severity: Severity::Notice,
        message: "old line".into(),
        at: 0,
    };
    screen.message(Message::OldLog(vec![old]));
    screen
        .has(&["3 lines", &format!("[NOTICE] {} old line", clock::local(SystemTime::UNIX_EPOCH))]);
}

#[test]
fn log_hides_addresses_of_others_on_relays() {
    let mut screen = full(Page::Log);
    let at = scape::event::EventKind::KNOWN
        .iter()
        .position(|kind| *kind == scape::event::EventKind::OrConn)
        .unwrap();
    screen.press(&format!("f{} f", "j".repeat(at)));
    screen.events(&[
        "ORCONN 203.0.113.9:4567 CLOSED ID=2",
        "ORCONN $FF00000000000000000000000000000000000001~guest CLOSED ID=3",
        "ORCONN $0000000000000000000000000000000000000001~one CLOSED ID=4",
    ]);
    screen.has(&["[ORCONN] (hidden) CLOSED ID=2", "(hidden) CLOSED ID=3"]);
    screen.has(&["01~one"]);
    screen.press("a");
    screen.has(&["[ORCONN] 203.0.113.9:4567 CLOSED ID=2", "01~guest"]);
}

/// Returns the options of a scripted tor that has only three options. One of
/// them has a pending change.
fn options() -> Options {
    let names = "MaxCircuitDirtiness TimeInterval\nHashedControlPassword LineList\n\
                 ExcludeNodes RouterList\n";
    let tor = ScriptedTor::builder()
        .info("config/names", names)
        .info("config/defaults", "MaxCircuitDirtiness \"600\"\n")
        .on("SETEVENTS CONF_CHANGED", "250 OK\r\n")
        .on_any(|command| {
            let names = command.strip_prefix("GETCONF ")?.split(' ');
            let values = names.map(|name| match name {
                "MaxCircuitDirtiness" => "250-MaxCircuitDirtiness=600\r\n".to_owned(),
                "HashedControlPassword" => "250-HashedControlPassword=16:ABC\r\n".to_owned(),
                other => format!("250-{other}\r\n"),
            });
            let mut reply: String = values.collect();
            let last = reply.rfind("250-")? + 3;
            reply.replace_range(last..=last, " ");
            Some(reply.into_bytes())
        })
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let mut config = controller.config().unwrap();
    config.set("ExcludeNodes", ["{de}", "{fr}"]).unwrap();
    Options { all: config.options().unwrap(), changes: config.diff() }
}

#[test]
fn configuration_marks_changes_and_hides_passwords() {
    let mut screen = Screen::new(Page::Configuration);
    screen.message(Message::Options(Arc::new(options())));
    screen.has(&[
        "3 options  all  1 change isn't applied",
        "  MaxCircuitDirtiness              TimeInterval     600",
        "+ HashedControlPassword            LineList         (hidden)",
        "* ExcludeNodes                     RouterList       {de},{fr}",
    ]);
    screen.has_not(&["16:ABC"]);
    screen.press("f");
    screen.has(&["2 options  changed only"]);
    screen.press("f");
    screen.has(&["1 option  pending changes only"]);
    screen.press("d");
    screen.has(&["Changes that aren't applied yet", "+ ExcludeNodes {de},{fr}"]);
    screen.key(KeyCode::Esc);
    screen.press("ru");
    let name = "ExcludeNodes".to_owned();
    let expected = [Request::ResetOption(name.clone()), Request::DiscardOption(name)];
    assert_eq!(screen.asked(), expected);
    screen.press("A");
    screen.has(&["Apply 1 change?"]);
    screen.press("y");
    assert_eq!(screen.asked(), [Request::ApplyOptions]);
    screen.press("Wn");
    assert_eq!(screen.asked(), []);
}

#[test]
fn options_are_edited_line_by_line() {
    let mut screen = Screen::new(Page::Configuration);
    screen.message(Message::Options(Arc::new(options())));
    screen.press("/dirt");
    screen.key(KeyCode::Enter);
    screen.press("e");
    screen.has(&["MaxCircuitDirtiness (TimeInterval)", "> 600"]);
    screen.press("0");
    screen.key(KeyCode::Enter);
    let set = Request::SetOption("MaxCircuitDirtiness".into(), vec!["6000".into()]);
    assert_eq!(screen.asked(), [set]);
    screen.key(KeyCode::Esc);
    // A password isn't shown for editing either, and a list has several lines.
    screen.press("je");
    screen.press("16:DEF");
    screen.key(KeyCode::Down);
    screen.press("16:GHI");
    screen.has(&["HashedControlPassword (LineList)", "  16:DEF", "> 16:GHI"]);
    screen.key(KeyCode::Enter);
    let values = vec!["16:DEF".into(), "16:GHI".into()];
    assert_eq!(screen.asked(), [Request::SetOption("HashedControlPassword".into(), values)]);
    screen.press("e");
    screen.key(KeyCode::Esc);
    assert_eq!(screen.asked(), []);
}

#[test]
fn options_that_are_emptied_get_what_the_box_says() {
    let mut screen = Screen::new(Page::Configuration);
    screen.message(Message::Options(Arc::new(options())));
    let mut empty = |keys: &str, text: &str| {
        screen.press(&format!("{keys}e"));
        screen.has(&[text]);
        for _ in 0..20 {
            screen.key(KeyCode::Backspace);
        }
        screen.key(KeyCode::Enter);
        screen.asked()
    };
    let number = empty("", "If you enter nothing, the option gets its default.");
    assert_eq!(number, [Request::ResetOption("MaxCircuitDirtiness".into())]);
    assert_eq!(empty("j", "The current value isn't shown."), []);
    let list = empty("j", "If you enter nothing, the option has no value.");
    assert_eq!(list, [Request::SetOption("ExcludeNodes".into(), Vec::new())]);
}

#[test]
fn options_are_changed_on_a_paused_page() {
    let mut screen = Screen::new(Page::Configuration);
    screen.press("p");
    screen.message(Message::Options(Arc::new(options())));
    screen.has(&["3 options  all  1 change isn't applied", "PAUSED"]);
}

#[test]
fn current_line_of_a_long_list_is_visible() {
    let mut screen = Screen::new(Page::Configuration);
    screen.message(Message::Options(Arc::new(options())));
    screen.press("je");
    for line in 1..=40 {
        screen.press(&format!("line{line}"));
        screen.key(KeyCode::Down);
    }
    screen.press("last");
    screen.has(&["  line40", "> last"]);
    screen.has_not(&["line1 "]);
}

#[test]
fn network_filters_sorts_and_searches() {
    let mut screen = full(Page::Network);
    screen.has(&[
        "4 of 4 relays with 100.00% of the weight  all, by weight",
        "two                 fr    4000 40.00% 0.4.9.8  10.0.0.2        Fast Running",
    ]);
    screen.press("ff");
    screen.has(&["1 of 4 relays with 30.00% of the weight  Exit", "three"]);
    screen.has_not(&["four"]);
    screen.press("fffff");
    screen.press("/country=de weight=1500");
    screen.key(KeyCode::Enter);
    screen.has(&["1 of 4 relays", "four"]);
    screen.press("/");
    for _ in 0.."weight=1500".len() {
        screen.key(KeyCode::Backspace);
    }
    screen.key(KeyCode::Enter);
    screen.press("s");
    screen.has(&["2 of 4 relays", "by nickname"]);
    screen.key(KeyCode::Enter);
    let fingerprint = "0000000000000000000000000000000000000004".parse().unwrap();
    assert_eq!(screen.asked(), [Request::Relay(fingerprint)]);
}

#[test]
fn network_with_9000_relays_scrolls() {
    let mut screen = Screen::new(Page::Network);
    let row = relays().rows[0].clone();
    let rows = (0..9_000u16).map(|number| {
        let mut fingerprint = [0; 20];
        fingerprint[..2].copy_from_slice(&number.to_be_bytes());
        let fingerprint = scape::word::Fingerprint::from_bytes(fingerprint);
        let nickname = format!("relay{number}").into();
        crate::monitor::data::relays::RelayRow { fingerprint, nickname, ..row.clone() }
    });
    screen.message(Message::Relays(Arc::new(Relays::of(rows.collect(), None))));
    screen.has(&["9000 of 9000 relays", "relay0 "]);
    screen.press("G");
    screen.has(&["relay8999"]);
    screen.press("g");
    screen.key(KeyCode::PageDown);
    screen.has(&["relay19 "]);
}

#[test]
fn onion_services_have_uploads_and_circuits() {
    let mut screen = full(Page::Onions);
    screen.has(&[
        "2 onion services  all",
        "duckduckgogg42xjoc72 disk     1 uploaded           1       0 80 127.0.0.1:8080",
        "/var/lib/tor/other",
    ]);
    screen.key(KeyCode::Enter);
    screen.has(&[
        "Directory    /var/lib/tor/site",
        "Introduction circuits",
        "circuit 6 HSSI_ESTABLISHED $0000000000000000000000000000000000000001~one",
        "UPLOADED  ",
        "$0000000000000000000000000000000000000004~four",
    ]);
    screen.key(KeyCode::Esc);
    screen.press("f");
    screen.has(&["0 onion services  current"]);
    // A service of another controller isn't in the list, but its circuits show
    // it.
    screen.message(Message::Services(Vec::new()));
    screen.press("fff");
    screen.has(&["1 onion service  other", "duckduckgogg42xjoc72 other    1 uploaded"]);
}

#[test]
fn help_has_the_keys_of_the_page() {
    let mut screen = full(Page::Connections);
    screen.press("?");
    let text = screen.text_of_size(100, 40);
    for key in ["Enter ", "x                  close: the circuit or stream", "q or Ctrl-C"] {
        assert!(text.contains(key), "no {key:?} on\n{text}");
    }
    screen.press(" q");
    assert_eq!(screen.effects, []);
}

#[test]
fn manual_explains_the_selected_option() {
    let mut screen = Screen::new(Page::Configuration);
    screen.message(Message::Options(Arc::new(options())));
    screen.has(&["3 options  all", "MaxCircuitDirtiness", "tor's manual page isn't installed"]);
    let page =
        b".TH TOR 1\n.SH \"GENERAL OPTIONS\"\n.PP\n\\fBMaxCircuitDirtiness\\fR \\fINUM\\fR\n\
                 .RS 4\nFeel free to reuse a circuit\\&.\n.RE\n";
    let manual = Manual::parse(page);
    assert_eq!(manual.len(), 1);
    screen.message(Message::Manual(Arc::new(manual)));
    screen.has(&["Feel free to reuse a circuit"]);
}

#[test]
fn program_of_a_stream_is_looked_for_and_shown() {
    let mut screen = full(Page::Connections);
    screen.events(&["STREAM 10 NEW 0 example.org:80 SOURCE_ADDR=127.0.0.1:5001 PURPOSE=USER"]);
    let source = "127.0.0.1:5001".parse().unwrap();
    assert_eq!(screen.asked(), [Request::FindProgram(StreamId::new(10), source)]);
    let id = StreamId::new(9);
    let program = Program { process: Some((77, "curl".into())), user: "alice".into() };
    screen.message(Message::Program(id, program.clone()));
    screen.has(&["curl (77)"]);
    screen.press("j");
    screen.key(KeyCode::Enter);
    screen.has(&["Program      curl (77), user alice"]);
    screen.key(KeyCode::Esc);
    screen.events(&["STREAM 9 CLOSED 5 example.com:80"]);
    // The stream has ended while its program was looked up, so the answer isn't
    // kept.
    screen.message(Message::Program(id, program));
    assert!(screen.model.data.connections.programs.get(id).is_none());
}

#[test]
fn relay_is_blocked_and_used_again_after_a_question() {
    let two = "0000000000000000000000000000000000000002".parse().unwrap();
    let mut screen = full(Page::Network);
    screen.asked();
    screen.press("b");
    screen.has(&["Should tor avoid relay two in new circuits (ExcludeNodes)?"]);
    screen.press("y");
    assert_eq!(screen.asked(), [Request::Exclude(two, true)]);
    let mut options = options();
    for option in options.all.iter_mut().filter(|option| option.name == "ExcludeNodes") {
        option.values = vec![format!("{{de}},${two}")];
    }
    screen.message(Message::Options(Arc::new(options)));
    screen.press("b");
    screen.has(&["Should tor use relay two again?"]);
    screen.press("y");
    assert_eq!(screen.asked(), [Request::Exclude(two, false)]);

    let mut screen = full(Page::Connections);
    screen.press("b");
    screen.has(&["select a relay"]);
}

#[test]
fn networks_of_relays_are_shown_if_they_are_known() {
    let mut screen = full(Page::Network);
    screen.has_not(&["NETWORK"]);
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/../scape-proto/tests/data/documents");
    let text = std::fs::read(format!("{text}/consensus-microdesc")).unwrap();
    let consensus = Consensus::parse(&text).unwrap();
    let network = Network { number: 64496, name: "Example".into() };
    let place = Place { country: None, network: Some(network) };
    let relays = Relays::new(&consensus, |addresses| vec![place; addresses.len()]);
    screen.message(Message::Relays(Arc::new(relays)));
    screen.has(&["NETWORK", "AS64496 Example"]);
    screen.press("/network=1");
    screen.has(&["0 of "]);
}

#[test]
fn torrc_is_checked_on_the_configuration_page() {
    let mut screen = full(Page::Configuration);
    screen.asked();
    screen.press("t");
    assert_eq!(screen.asked(), [Request::CheckTorrc]);
}

#[test]
fn graphs_are_kept_every_minute_if_the_user_wants_that() {
    let mut screen = full(Page::Overview);
    screen.asked();
    screen.message(Message::Tick(time(120)));
    assert!(screen.asked().is_empty());
    screen.model.keeps_graphs = true;
    screen.message(Message::Tick(time(121)));
    screen.message(Message::Tick(time(180)));
    let histories = Box::new(screen.model.data.histories.clone());
    assert_eq!(screen.asked(), [Request::KeepGraphs(histories)]);
    screen.message(Message::Tick(time(181)));
    assert_eq!(screen.asked().len(), 1);
}
