//! Checks that every GETINFO answer in the transcripts of a real tor is read by
//! the method for its key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use scape::control::{ArgumentError, Refusal, Reply};
use scape::error::AnswerError;
use scape::event::Hibernation;
use scape::info::{
    ConfigType, EntryGuardStatus, InfoName, ListenerKind, MappingSource, VersionStatus,
};
use scape::netdoc::{AddressPattern, ConsensusFlavor, ExitAction};
use scape::testing::ScriptedTor;
use scape::word::Expiry;
use scape::{Connect, Controller};
use scape_proto::control::{Decoder, parse_getinfo};
use support::info::{METHODS, NOT_LISTED, WITHOUT_METHOD, has_method, read};
use support::transcript::Transcript;

/// Keys that tor answered in the transcripts, but for which no method exists.
const NOT_READ: &[&str] = &["consensus/nope", "dir/status/all", "downloads/desc/descs"];

/// Keys that tor refused in the transcripts, with the outcome of the key's
/// method: the code of the error, `None`, or "not asked".
const REFUSED: &[(&str, &str)] = &[
    ("address", "None"),
    ("address-mappings/nope", "not asked"),
    ("address/v4", "None"),
    ("address/v6", "None"),
    ("consensus/params", "not asked"),
    ("desc-annotations/id/0000000000000000000000000000000000000000", "None"),
    ("desc/id/0000000000000000000000000000000000000000", "552"),
    ("desc/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF", "552"),
    ("desc/name/relay07", "None"),
    ("desc/name/x", "552"),
    ("dir/server/all", "None"),
    ("dir/server/authority", "None"),
    ("dir/server/nope", "not asked"),
    ("dir/status-vote/current/consensus", "None"),
    ("dir/status-vote/current/consensus-microdesc", "None"),
    ("downloads/bridge/0000000000000000000000000000000000000000", "None"),
    ("downloads/bridge/bridges", "None"),
    ("downloads/cert/fp/0000000000000000000000000000000000000000", "None"),
    ("downloads/cert/nope", "not asked"),
    ("downloads/desc/0000000000000000000000000000000000000000", "None"),
    ("downloads/desc/descs", "not asked"),
    ("downloads/networkstatus/nope", "551"),
    ("downloads/nope", "not asked"),
    ("exit-policy/full", "551"),
    ("exit-policy/full", "552"),
    ("exit-policy/ipv4", "552"),
    ("exit-policy/ipv6", "552"),
    ("exit-policy/nope", "not asked"),
    ("exit-policy/reject-private/relay", "552"),
    ("extra-info/digest/0000000000000000000000000000000000000000", "None"),
    ("fingerprint", "None"),
    ("hs/client/desc/id/h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad", "None"),
    ("hs/client/desc/id/x", "not asked"),
    ("hs/client/desc/id/yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid", "None"),
    ("hs/service/desc/id/yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid", "None"),
    ("ip-to-country/nope", "not asked"),
    ("md/id/0000000000000000000000000000000000000000", "None"),
    ("md/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF", "None"),
    ("md/name/x", "None"),
    ("net/listeners/nope", "552"),
    ("network-status", "not asked"),
    ("ns/id/0000000000000000000000000000000000000000", "None"),
    ("ns/id/zz", "not asked"),
    ("ns/name/nope", "None"),
    ("ns/purpose/nope", "551"),
    ("stats/ntor/nope", "not asked"),
    ("stats/ntor_v3/assigned", "not asked"),
    ("status/fresh-relay-descs", "551"),
    ("status/nope", "not asked"),
    ("status/version/num-concurring", "not asked"),
];

/// tor's answer for a key in a transcript.
#[derive(Debug, Clone)]
enum Answer {
    Value(Vec<u8>),
    Refused(u16, String),
}

type Answers = BTreeMap<String, Answer>;

/// Returns the transcripts that contain GETINFO commands.
fn transcripts() -> Vec<Transcript> {
    let number = |name: &str| name.split('-').next().and_then(|number| number.parse().ok());
    let wanted = |number: u32| (10..=38).contains(&number) || number == 99;
    Transcript::load_all().into_iter().filter(|t| number(&t.name).is_some_and(wanted)).collect()
}

/// Returns the keys that a transcript requests, in order, each with tor's
/// answer.
fn dialogue(transcript: &Transcript) -> Vec<(String, Answer)> {
    let mut dialogue = Vec::new();
    for exchange in &transcript.exchanges {
        let mut decoder = Decoder::default();
        decoder.feed(&exchange.received);
        let replies = std::iter::from_fn(|| decoder.next_reply().unwrap());
        for (command, reply) in exchange.commands().zip(replies.filter(|reply| !reply.is_event())) {
            if let Some(keys) = command.strip_prefix("GETINFO ") {
                dialogue.extend(answers(&keys.split(' ').collect::<Vec<_>>(), &reply));
            }
        }
    }
    dialogue
}

fn answers(keys: &[&str], reply: &Reply) -> Vec<(String, Answer)> {
    if !reply.is_ok() {
        let [key] = keys else { panic!("{keys:?}: {reply}") };
        let text = String::from_utf8(reply.first().text.to_vec()).unwrap();
        return vec![((*key).to_owned(), Answer::Refused(reply.first().code, text))];
    }
    let values = parse_getinfo(reply, keys).unwrap();
    keys.iter().map(|key| (*key).to_owned()).zip(values.into_iter().map(Answer::Value)).collect()
}

/// Returns a scripted tor that answers GETINFO from `answers`, and a controller
/// for it.
fn scripted(answers: &Arc<Mutex<Answers>>) -> (ScriptedTor, Controller) {
    let answers = answers.clone();
    let tor = ScriptedTor::builder()
        .on_any(move |command| {
            let keys = command.strip_prefix("GETINFO ")?;
            Some(reply(&answers.lock(), keys))
        })
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    (tor, controller)
}

fn reply(answers: &Answers, keys: &str) -> Vec<u8> {
    let mut reply = Vec::new();
    for key in keys.split(' ') {
        match answers.get(key) {
            None => return format!("552 Unrecognized key \"{key}\"\r\n").into_bytes(),
            Some(Answer::Refused(code, text)) => return format!("{code} {text}\r\n").into_bytes(),
            Some(Answer::Value(value)) if value.contains(&b'\n') => {
                reply.extend(format!("250+{key}=\r\n").bytes());
                for line in value.strip_suffix(b"\n").unwrap_or(value).split(|b| *b == b'\n') {
                    reply.extend(line.starts_with(b".").then_some(b'.'));
                    reply.extend(line);
                    reply.extend(b"\r\n");
                }
                reply.extend(b".\r\n");
            }
            Some(Answer::Value(value)) => {
                reply.extend(format!("250-{key}=").bytes());
                reply.extend(value);
                reply.extend(b"\r\n");
            }
        }
    }
    reply.extend(b"250 OK\r\n");
    reply
}

/// Returns a scripted tor that answers from this transcript, and a controller
/// for it. If the transcript requests a key several times, the last answer is
/// used.
fn controller_of(name: &str) -> (ScriptedTor, Controller) {
    let answers = dialogue(&Transcript::load(name)).into_iter().collect();
    scripted(&Arc::new(Mutex::new(answers)))
}

fn utc(text: &str) -> SystemTime {
    let Expiry::At(time) = Expiry::from(text) else { panic!("{text}") };
    time
}

#[test]
fn getinfo_answers_are_read_by_the_method_for_the_key() {
    let (mut granted, mut refused, mut not_read) = (0, BTreeSet::new(), BTreeSet::new());
    for transcript in transcripts() {
        let dialogue = dialogue(&transcript);
        // Methods that read several keys at once find the other keys of this
        // file too. Without a consensus, all its values are empty.
        let mut answers: Answers = dialogue.iter().cloned().collect();
        for key in ["consensus/fresh-until", "consensus/valid-until"] {
            answers.entry(key.to_owned()).or_insert(Answer::Value(Vec::new()));
        }
        let answers = Arc::new(Mutex::new(answers));
        let (_tor, controller) = scripted(&answers);
        for (key, answer) in dialogue {
            answers.lock().insert(key.clone(), answer.clone());
            let name = &transcript.name;
            match (answer, read(&controller, &key)) {
                (Answer::Value(_), Some(Ok(shown))) => {
                    assert_no_unknown_words(name, &key, &shown);
                    granted += 1;
                }
                (Answer::Value(_), None) => {
                    not_read.insert(key);
                }
                (Answer::Refused(..), Some(Ok(shown))) => {
                    assert_eq!(shown, "None", "{name}: {key}");
                    refused.insert((key, shown));
                }
                (Answer::Refused(code, text), Some(Err(error))) => {
                    let Some(refusal) = error.get::<Refusal>() else {
                        panic!("{name}: {key}: {error:?}")
                    };
                    assert_eq!((refusal.code(), refusal.text()), (code, text), "{name}: {key}");
                    refused.insert((key, code.to_string()));
                }
                (Answer::Refused(..), None) => {
                    refused.insert((key, "not asked".to_owned()));
                }
                (answer, result) => panic!("{name}: {key}: {answer:?} became {result:?}"),
            }
        }
    }
    assert!(granted > 130, "{granted}");
    let not_read: Vec<&str> = not_read.iter().map(String::as_str).collect();
    assert_eq!(not_read, NOT_READ);
    let refused: Vec<(&str, &str)> =
        refused.iter().map(|(k, r)| (k.as_str(), r.as_str())).collect();
    let listing = || refused.iter().map(|line| format!("    {line:?},\n")).collect::<String>();
    // One key is refused or empty, depending on whether there is a consensus.
    // It is in the list once.
    assert!(refused == REFUSED, "what was refused:\n{}", listing());
}

/// Checks that `shown`, a value formatted with `Debug`, contains no keyword or
/// word that the library doesn't know.
fn assert_no_unknown_words(file: &str, key: &str, shown: &str) {
    // Signals have other names in tor.
    if key != "signal/names" {
        assert!(!shown.contains("Other("), "{file}: {key}: {shown}");
    }
    assert!(!shown.contains("extra: [("), "{file}: {key}: {shown}");
    assert!(!shown.contains("extra_words: [\""), "{file}: {key}: {shown}");
}

#[test]
fn listed_getinfo_keys_have_a_method() {
    let (_tor, controller) = controller_of("10-getinfo-names");
    let listed: Vec<String> =
        controller.info().info_names().unwrap().iter().map(InfoName::to_string).collect();
    assert!(listed.len() > 100, "{}", listed.len());
    let without: Vec<&str> =
        listed.iter().map(String::as_str).filter(|name| !has_method(name)).collect();
    let expected: Vec<&str> = WITHOUT_METHOD.iter().map(|(key, _)| *key).collect();
    assert_eq!(without, expected);
    for key in NOT_LISTED {
        assert!(has_method(key) && !listed.iter().any(|name| name == key), "{key}");
    }
    // Every key that has a method is known to tor.
    for (key, _) in METHODS {
        let member = |name: &&String| {
            let prefix = name.find('<').or(name.strip_suffix('*').map(str::len));
            prefix
                .and_then(|length| name.get(..length))
                .is_some_and(|prefix| key.starts_with(prefix))
        };
        let known =
            listed.iter().any(|name| name == key) || listed.iter().any(|name| member(&name));
        assert!(known || NOT_LISTED.contains(key), "{key}");
    }
}

#[test]
fn info_names_and_known_events_are_read() {
    let (_tor, controller) = controller_of("10-getinfo-names");
    let names = controller.info().info_names().unwrap();
    let prefix = names.iter().find(|name| name.key == "ip-to-country/").unwrap();
    assert!(prefix.is_prefix && prefix.description == "Perform a GEOIP lookup");
    let events = controller.info().known_events().unwrap();
    assert!(events.len() > 25 && events.iter().all(|event| event.is_recognized()), "{events:?}");
    assert_eq!(controller.info().known_signals().unwrap().len(), 15);
    assert_eq!(controller.info().known_features().unwrap(), ["VERBOSE_NAMES", "EXTENDED_EVENTS"]);

    let (_tor, controller) = controller_of("11-getinfo-config-names");
    let options = controller.info().config_names().unwrap();
    assert_eq!(options.len(), 383);
    let count = |ty| options.iter().filter(|option| option.ty == ty).count();
    assert_eq!((count(ConfigType::Boolean), count(ConfigType::Virtual)), (109, 11));

    let (_tor, controller) = controller_of("12-getinfo-config-defaults");
    let defaults = controller.info().config_defaults().unwrap();
    let rate = defaults.iter().find(|line| line.name == "BandwidthRate").unwrap();
    assert_eq!(rate.value.as_deref(), Some("1 GB"));
    assert!(defaults.iter().filter(|line| line.name == "DirAuthority").count() > 5);
}

#[test]
fn related_getinfo_keys_are_read_in_one_round_trip() {
    let (tor, controller) = controller_of("15-getinfo-process-limits-traffic");
    let process = controller.info().process().unwrap();
    assert_eq!((process.pid, process.uid, process.user.as_deref()), (30512, Some(0), Some("root")));
    assert_eq!(process.descriptor_limit, 19968);
    assert_eq!(controller.info().traffic().unwrap().written, 0);
    assert_eq!(controller.info().max_mem_in_queues().unwrap(), 8 << 30);
    let asked: Vec<String> =
        tor.sent().into_iter().filter(|line| line.starts_with("GETINFO")).collect();
    assert_eq!(
        asked,
        [
            "GETINFO process/pid process/uid process/user process/descriptor-limit",
            "GETINFO traffic/read traffic/written",
            "GETINFO limits/max-mem-in-queues",
        ]
    );
}

#[test]
fn accounting_is_read() {
    let (_tor, controller) = controller_of("16-getinfo-accounting");
    let accounting = controller.info().accounting().unwrap().unwrap();
    assert_eq!(accounting.hibernating, Hibernation::Awake);
    assert_eq!((accounting.used.read, accounting.left.written), (0, 1 << 30));
    assert_eq!(accounting.interval_start, utc("2026-11-21 00:00:00"));
    assert_eq!(accounting.interval_end, accounting.interval_wake + Duration::from_secs(86_400));
}

#[test]
fn exit_policies_are_read() {
    let (_tor, controller) = controller_of("19-getinfo-exit-policy");
    let default = controller.info().exit_policy_default().unwrap();
    assert_eq!(default.rules().len(), 11);
    assert!(
        default.allows([198, 51, 100, 7].into(), 443)
            && !default.allows([198, 51, 100, 7].into(), 6881)
    );
    let private = controller.info().exit_policy_reject_private_default().unwrap();
    assert!(private.rules().iter().all(|rule| rule.action == ExitAction::Reject));
    assert!(matches!(private.rules()[7].address, AddressPattern::V6 { prefix: 7, .. }));
    assert_eq!(controller.info().exit_policy_full().unwrap_err().code(), Some(552));
}

#[test]
fn guards_mappings_and_listeners_are_read() {
    let (_tor, controller) = controller_of("30-getinfo-entry-guards");
    let guards = controller.info().entry_guards().unwrap();
    let since: Vec<_> = guards.iter().filter(|guard| guard.since.is_some()).collect();
    assert_eq!((guards.len(), since.len()), (8, 1));
    assert_eq!(since[0].since, Some(utc("2026-11-15 00:00:00")));
    assert_eq!((&since[0].status, since[0].relay.nickname()), (&EntryGuardStatus::Unusable, None));

    let (_tor, controller) = controller_of("24-getinfo-address-mappings");
    let mappings = controller.info().address_mappings(&MappingSource::All).unwrap();
    assert!(mappings.iter().any(|mapping| mapping.to_string() == "*.e.example -> f.example"));
    assert!(mappings.len() == 5 && mappings.iter().all(|mapping| mapping.expires == Expiry::Never));
    assert_eq!(controller.info().address_mappings(&MappingSource::Config).unwrap().len(), 1);

    let (_tor, controller) = controller_of("06-addresses-time-zone-unix");
    let listeners = controller.info().listeners(&ListenerKind::Control).unwrap();
    let listeners: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    assert_eq!(
        listeners,
        ["127.0.0.1:19472", "[::1]:19473", "unix:/run/tor/c \"s.sock", "unix:/run/tor/control"]
    );
    assert_eq!(controller.info().current_time_local().unwrap().to_string(), "2026-11-20T21:13:05");
    assert_eq!(controller.info().current_time().unwrap(), utc("2026-11-21 02:13:05"));
}

#[test]
fn relay_information_is_read() {
    let (_tor, controller) = controller_of("25-getinfo-relay");
    let fingerprint = controller.info().fingerprint().unwrap().unwrap();
    assert_eq!(fingerprint.to_string(), "0B8748265424563FDCF4940B02A30B5F7AAC2AFE");
    assert_eq!(controller.info().address().unwrap(), Some([127, 0, 0, 1].into()));
    let descriptors = controller.info().fresh_relay_descs().unwrap();
    assert!(
        descriptors.starts_with(b"router testrelay ")
            && descriptors.ends_with(b"-----END SIGNATURE-----\n")
    );
    assert_eq!(controller.info().clients_seen().unwrap().started, utc("2026-11-21 02:09:44"));
}

#[test]
fn consensus_and_its_relays_are_read() {
    let (_tor, controller) = controller_of("33-getinfo-consensus-sr-versions");
    let random = controller.info().shared_random().unwrap();
    assert_eq!(random.current.unwrap()[..4], [0xb3, 0xca, 0x0b, 0x19]);
    assert!(random.previous.is_some());
    let lifetime = controller.info().consensus_lifetime().unwrap().unwrap();
    assert_eq!(lifetime.valid_after, utc("2026-11-21 02:00:00"));
    assert_eq!(lifetime.valid_until, utc("2026-11-21 05:00:00"));
    assert_eq!(controller.info().version_status().unwrap(), VersionStatus::Recommended);
    let versions = controller.info().recommended_versions().unwrap().unwrap();
    assert_eq!(versions, ["0.4.8.21".parse().unwrap(), "0.4.9.11".parse().unwrap()]);
    let authority = controller.info().downloads_cert_fps().unwrap()[0];
    assert_eq!(controller.info().downloads_cert(authority).unwrap().unwrap().attempts, 0);
    assert_eq!(controller.info().downloads_cert_sks(authority).unwrap(), Some(Vec::new()));

    let (_tor, controller) = controller_of("31-getinfo-ns-microdesc-flavour");
    let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse().unwrap();
    assert_eq!(
        controller.info().ns_id(relay).unwrap().unwrap().iter().filter(|b| **b == b'\n').count(),
        3
    );
    assert_eq!(controller.info().ns_name("nope").unwrap(), None);
    let entries = controller.info().ns_all().unwrap().to_string();
    assert_eq!(entries.lines().filter(|line| line.starts_with("r ")).count(), 12);

    let (_tor, controller) = controller_of("35-getinfo-desc-extrainfo");
    assert!(controller.info().desc_id(relay).unwrap().unwrap().starts_with(b"router relay03 "));
    assert!(
        controller.info().desc_annotations(relay).unwrap().unwrap().starts_with(b"@downloaded-at")
    );
    let extra_info = "80B33F89F899A1FAAD047727404A817574705DB4".parse().unwrap();
    assert!(
        controller
            .info()
            .extra_info(extra_info)
            .unwrap()
            .unwrap()
            .starts_with(b"extra-info relay03 ")
    );

    let (_tor, controller) = controller_of("34-getinfo-consensus-document-microdesc");
    let document =
        controller.info().consensus_document(&ConsensusFlavor::Microdesc).unwrap().unwrap();
    assert!(
        document.starts_with(b"network-status-version 3 microdesc\n") && document.ends_with(b"-\n")
    );

    let (_tor, controller) = controller_of("37-getinfo-downloads-desc");
    let descriptor = "17FF47E36128409C92842CB65241F6E46E9C0386".parse().unwrap();
    assert!(controller.info().downloads_desc(descriptor).unwrap().is_some());
}

#[test]
fn country_of_an_address_is_read() {
    let (_tor, controller) = controller_of("20-getinfo-ip-to-country");
    let country = |ip: &str| controller.info().ip_to_country(ip.parse().unwrap()).unwrap();
    assert_eq!(country("8.8.8.8").unwrap().as_str(), "us");
    assert_eq!(country("2001:4860::1").unwrap().as_str(), "us");
    assert_eq!(country("127.0.0.1"), None);
}

#[test]
fn malformed_getinfo_value_is_an_error() {
    // Every key is answered with this text, which is not a valid value of these
    // keys.
    for nonsense in ["", "nonsense", "-1", "1 2 3", "\u{1}", "0x10", "\"", "yes"] {
        let answers: Answers = METHODS
            .iter()
            .map(|(key, _)| ((*key).to_owned(), Answer::Value(nonsense.as_bytes().to_vec())))
            .chain([("traffic/read".to_owned(), Answer::Value(b"5".to_vec()))])
            .collect();
        let (_tor, controller) = scripted(&Arc::new(Mutex::new(answers)));
        for key in [
            "accounting/enabled",
            "address",
            "address/v4",
            "address/v6",
            "config-can-saveconf",
            "current-time/local",
            "current-time/utc",
            "dormant",
            "fingerprint",
            "ip-to-country/ipv4-available",
            "limits/max-mem-in-queues",
            "network-liveness",
            "process/pid",
            "stats/ntor/assigned",
            "status/bootstrap-phase",
            "status/circuit-established",
            "status/clients-seen",
            "status/reachability-succeeded",
            "traffic/written",
            "uptime",
            "version",
        ] {
            let became = read(&controller, key).unwrap();
            let answer = became.as_ref().err().and_then(|error| error.get::<AnswerError>());
            let is_named = answer.is_some_and(|answer| answer.command().starts_with("GETINFO "));
            assert!(is_named, "{key}: {nonsense:?} became {became:?}");
        }
        // An empty value is valid for these keys.
        for key in [
            "consensus/valid-after",
            "exit-policy/default",
            "bw-event-cache",
            "sr/current",
            "onions/current",
        ] {
            let result = read(&controller, key).unwrap();
            assert_eq!(
                nonsense.is_empty(),
                result.is_ok(),
                "{key}: {nonsense:?} became {result:?}"
            );
        }
    }
}

#[test]
fn getinfo_methods_never_panic_on_nonsense() {
    let digest = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF";
    let onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
    for nonsense in
        ["", "\"", "\u{fffd} \u{1}", "=", "a\nb c\n\nd e f\n", "1,2 3", "accept", "? -- ?\n*", "\\"]
    {
        let tor = ScriptedTor::builder()
            .on_any(move |command| {
                let keys = command.strip_prefix("GETINFO ")?.split(' ');
                let value =
                    |key: &str| (key.to_owned(), Answer::Value(nonsense.as_bytes().to_vec()));
                Some(reply(&keys.map(value).collect(), command.strip_prefix("GETINFO ")?))
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        for (key, _) in METHODS {
            let member = match *key {
                "ip-to-country/*" => "8.8.8.8",
                "hs/client/desc/id/*" | "hs/service/desc/id/*" => onion,
                "desc/name/*" | "md/name/*" | "ns/name/*" => "relay03",
                "dir/server/*" => "all",
                "net/listeners/*" => "socks",
                "ns/purpose/*" => "bridge",
                "downloads/networkstatus/*" => "ns/running",
                _ => digest,
            };
            match read(&controller, &key.replace('*', member))
                .unwrap_or_else(|| panic!("{key} is not read"))
            {
                Ok(_) => {}
                Err(error) => assert!(
                    error.get::<AnswerError>().is_some(),
                    "{key}: {nonsense:?} became {error:?}"
                ),
            }
        }
    }
}

#[test]
fn invalid_getinfo_arguments_are_not_sent() {
    let (tor, controller) = scripted(&Arc::default());
    for nickname in ["", "a b", "x=y", "a\r\nQUIT", "twentycharactersorso"] {
        for result in [
            controller.info().ns_name(nickname).err(),
            controller.info().md_name(nickname).err(),
            controller.info().desc_name(nickname).err(),
        ] {
            let error = result.expect("an error");
            assert!(error.get::<ArgumentError>().is_some(), "{nickname:?}: {error:?}");
        }
    }
    for kind in ["", "a b", "a\r\nQUIT"] {
        let result = controller.info().listeners(&ListenerKind::from(kind));
        assert!(result.is_err(), "{kind:?}: {result:?}");
    }
    let none = scape::control::DirServerQuery::Fingerprints(Vec::new());
    assert!(controller.info().dir_server(&none).unwrap_err().get::<ArgumentError>().is_some());
    let asked: Vec<String> =
        tor.sent().into_iter().filter(|line| line.starts_with("GETINFO")).collect();
    assert_eq!(asked, ["GETINFO net/listeners/"]);
}
