//! Reads every key of GETINFO that a real tor lists, with the key's method. The
//! tor is a client or a relay.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use scape::Controller;
use scape::control::{
    AddOnion, ArgumentError, ArgumentProblem, DirServerQuery, Refusal, RouterPurpose, Signal,
};
use scape::event::{BootstrapTag, EventKind, Hibernation};
use scape::info::{
    ConfigType, DownloadPhase, DownloadSchedule, HandshakeType, ListenerKind, MappingSource,
    VersionStatus,
};
use scape::netdoc::{ConsensusFlavor, DescriptorDigest};
use scape::word::{Expiry, Fingerprint, OnionAddress};
use support::info::{NOT_LISTED, WITHOUT_METHOD, has_method, read};
use support::real_tor::RealTor;
use tempfile::TempDir;

/// A valid address of no existing service.
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
/// A fingerprint or digest of nothing that exists.
const NOTHING: &str = "0000000000000000000000000000000000000000";
const FP: &str =
    "fp/0000000000000000000000000000000000000000+0000000000000000000000000000000000000000";
const D: &str = "d/0000000000000000000000000000000000000000";

/// The torrc of a relay, the same as in the transcript `25-getinfo-relay.txt`
/// of `scape-proto`.
const RELAY: &str = "Nickname testrelay\nORPort 127.0.0.1:9001\nAddress 127.0.0.1\nAssumeReachable 1\n\
     PublishServerDescriptor 0\nExitRelay 1\nExitPolicy accept *:80\nExitPolicy reject *:*\n";

/// Returns the texts that the tests append to a key that is a prefix.
fn members(prefix: &str) -> &'static [&'static str] {
    match prefix {
        "address-mappings/" => &["all", "cache", "config", "control"],
        "config/" => &["names", "defaults"],
        "consensus/" => &["valid-after", "fresh-until", "valid-until", "packages"],
        "current-time/" => &["local", "utc"],
        "desc-annotations/id/" | "desc/id/" | "md/id/" | "ns/id/" | "extra-info/digest/" => {
            &[NOTHING]
        }
        "desc/name/" | "md/name/" | "ns/name/" => &["nobody"],
        "dir/server/" => &["all", "authority", FP, D],
        "downloads/bridge/" => &["bridges", NOTHING],
        "downloads/cert/" => &["fps"],
        "downloads/desc/" => &[NOTHING],
        "downloads/networkstatus/" => &["ns", "microdesc", "ns/bootstrap", "microdesc/running"],
        // tor leaves out the slash.
        "hs/client/desc/id" => &["/2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid"],
        "hs/service/desc/id/" => &[NOBODY],
        "ip-to-country/" => &["8.8.8.8", "2001:4860::1", "ipv4-available", "ipv6-available"],
        "net/listeners/" => &[
            "or",
            "extor",
            "dir",
            "socks",
            "trans",
            "natd",
            "httptunnel",
            "dns",
            "control",
            "metrics",
        ],
        "ns/purpose/" => &["general", "bridge", "controller"],
        "stats/ntor/" | "stats/tap/" => &["assigned", "requested"],
        other => panic!("{other}* is new: what may follow it?"),
    }
}

/// Returns every key that this tor lists. Prefixes are replaced by keys that
/// begin with them.
fn keys(tor: &Controller) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for name in tor.info().info_names().unwrap() {
        if WITHOUT_METHOD.iter().any(|(key, _)| *key == name.to_string()) {
            continue;
        }
        assert!(has_method(&name.to_string()), "{name}");
        if name.is_prefix {
            keys.extend(members(&name.key).iter().map(|member| format!("{}{member}", name.key)));
        } else {
            keys.insert(
                name.key
                    .replace("<fp>", NOTHING)
                    .replace("<sk>", NOTHING)
                    .replace("<desc>", NOTHING),
            );
        }
    }
    keys.extend(NOT_LISTED.iter().map(ToString::to_string));
    keys
}

/// Requests every key with its method. Returns the keys that tor refused, with
/// the codes. Panics on any other error.
fn refused(tor: &Controller) -> Vec<(String, u16)> {
    let mut refused = Vec::new();
    let keys = keys(tor);
    assert!(keys.len() > 120, "{keys:?}");
    for key in keys {
        match read(tor, &key) {
            Some(Ok(_)) => {}
            Some(Err(error)) => match error.get::<Refusal>() {
                Some(refusal) => refused.push((key, refusal.code())),
                None => panic!("{key}: {error:?}"),
            },
            None => panic!("{key} is not read"),
        }
    }
    refused
}

#[test]
fn every_getinfo_key_of_a_client_is_read() {
    let (_folder, geoip) = geoip();
    let tor = RealTor::start(&geoip);
    let expected = [
        (format!("desc/id/{NOTHING}"), 552),
        ("desc/name/nobody".to_owned(), 552),
        ("exit-policy/full".to_owned(), 552),
        ("exit-policy/ipv4".to_owned(), 552),
        ("exit-policy/ipv6".to_owned(), 552),
        ("exit-policy/reject-private/relay".to_owned(), 552),
        ("status/fresh-relay-descs".to_owned(), 551),
    ];
    assert_eq!(refused(&tor.controller()), expected);
}

#[test]
fn every_getinfo_key_of_a_relay_is_read() {
    let (_folder, geoip) = geoip();
    let tor = RealTor::start(&format!("{RELAY}{geoip}"));
    let refused = refused(&tor.controller());
    // It depends on the time whether the relay has a descriptor of its own yet.
    let always = |(key, _): &&(String, u16)| !key.starts_with("exit-policy/");
    let refused_always: Vec<_> =
        refused.iter().filter(always).map(|(key, code)| (key.as_str(), *code)).collect();
    assert_eq!(refused_always, []);
    assert!(refused.iter().all(|(_, code)| *code == 551), "{refused:?}");
}

#[test]
fn client_information_is_read() {
    let tor =
        RealTor::start("ContactInfo someone\nMapAddress a.example b.example\nSocksPort auto\n");
    let c = tor.controller();
    assert_eq!(c.info().config_file().unwrap(), tor.folder().join("torrc"));
    assert_eq!(fs::read(c.info().config_defaults_file().unwrap()).unwrap(), b"");
    assert!(c.info().config_text().unwrap().contains("ContactInfo someone\n"));
    assert!(c.info().config_can_saveconf().unwrap());
    let rate =
        c.info().config_names().unwrap().into_iter().find(|option| option.name == "BandwidthRate");
    assert_eq!(rate.unwrap().ty, ConfigType::DataSize);
    assert!(
        c.info().config_defaults().unwrap().iter().any(|line| line.name == "MaxCircuitDirtiness")
    );

    assert!(
        c.info().info_names().unwrap().iter().any(|name| name.key == "version" && !name.is_prefix)
    );
    assert!(c.info().known_events().unwrap().contains(&EventKind::Circ));
    assert!(c.info().known_signals().unwrap().contains(&Signal::NewNym));
    assert!(c.info().known_features().unwrap().iter().any(|feature| feature == "EXTENDED_EVENTS"));

    let process = c.info().process().unwrap();
    assert_eq!(process.uid, Some(rustix::process::getuid().as_raw()));
    assert!(process.pid > 0 && process.descriptor_limit > 0);
    assert!(c.info().max_mem_in_queues().unwrap() > 1 << 20);
    assert!(c.info().uptime().unwrap() < Duration::from_secs(600));
    let difference = c.info().current_time().unwrap().duration_since(SystemTime::now());
    assert!(difference.unwrap_or_else(|e| e.duration()) < Duration::from_secs(600));
    assert!(c.info().current_time_local().unwrap().year >= 2025);
    let traffic = c.info().traffic().unwrap();
    assert_eq!((traffic.read, traffic.written), (0, 0));

    assert_eq!(
        (
            c.info().address().unwrap(),
            c.info().address_v4().unwrap(),
            c.info().address_v6().unwrap()
        ),
        (None, None, None)
    );
    assert_eq!(c.info().fingerprint().unwrap(), None);
    assert_eq!(c.info().bootstrap_phase().unwrap().tag, BootstrapTag::Starting);
    assert!(!c.info().circuit_established().unwrap() && !c.info().enough_dir_info().unwrap());
    assert!(
        !c.info().good_server_descriptor().unwrap()
            && !c.info().accepted_server_descriptor().unwrap()
    );
    let reachability = c.info().reachability().unwrap();
    assert_eq!(
        (reachability.or, reachability.dir),
        (c.info().or_reachable().unwrap(), c.info().dir_reachable().unwrap())
    );
    assert!(!c.info().network_liveness().unwrap());
    assert_eq!(c.info().clients_seen().unwrap().started, SystemTime::UNIX_EPOCH);
    assert_eq!(c.info().version_status().unwrap(), VersionStatus::Unknown);
    assert_eq!(c.info().recommended_versions().unwrap(), None);

    // While the network is disabled, there are only listeners for controllers.
    let listeners = c.info().listeners(&ListenerKind::Control).unwrap();
    assert!(
        listeners.iter().any(|address| address.socket_addr() == Some(tor.port())),
        "{listeners:?}"
    );
    assert!(
        listeners.iter().any(|address| address.path() == Some(&*tor.socket())),
        "{listeners:?}"
    );
    assert_eq!(c.info().listeners(&ListenerKind::Socks).unwrap(), []);
    assert_eq!(c.info().listeners(&ListenerKind::from("nope")).unwrap_err().code(), Some(552));

    let mappings = c.info().address_mappings(&MappingSource::Config).unwrap();
    assert_eq!(
        mappings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a.example -> b.example"]
    );
    assert!(c.msg("MAPADDRESS c.example=192.0.2.1").unwrap().is_ok());
    let mappings = c.info().address_mappings(&MappingSource::Control).unwrap();
    assert_eq!((mappings.len(), &mappings[0].expires), (1, &Expiry::Never));
    assert_eq!(c.info().address_mappings(&MappingSource::All).unwrap().len(), 2);
    assert_eq!(c.info().address_mappings(&MappingSource::Cache).unwrap(), []);

    assert!(!c.info().exit_policy_default().unwrap().allows([198, 51, 100, 7].into(), 25));
    let private = c.info().exit_policy_reject_private_default().unwrap();
    assert!(
        !private.allows([10, 0, 0, 1].into(), 80) && private.allows([198, 51, 100, 7].into(), 80)
    );
    assert_eq!(c.info().exit_policy_full().unwrap_err().code(), Some(552));
    assert_eq!(c.info().accounting().unwrap(), None);
    assert_eq!(c.info().handshake_stats(&HandshakeType::Ntor).unwrap().requested, 0);
}

#[test]
fn information_without_a_consensus_is_empty() {
    let tor = RealTor::start("");
    let c = tor.controller();
    let nobody: Fingerprint = NOTHING.parse().unwrap();
    let nothing: DescriptorDigest = NOTHING.parse().unwrap();
    assert!(c.info().ns_all().unwrap().is_empty());
    assert_eq!(
        (c.info().ns_id(nobody).unwrap(), c.info().ns_name("nobody").unwrap()),
        (None, None)
    );
    assert!(c.info().ns_purpose(&RouterPurpose::General).unwrap().is_empty());
    assert_eq!(
        (c.info().md_id(nobody).unwrap(), c.info().md_name("nobody").unwrap()),
        (None, None)
    );
    assert_eq!(
        (c.info().md_all().unwrap(), c.info().md_download_enabled().unwrap()),
        (Default::default(), true)
    );
    assert_eq!(
        (c.info().desc_all_recent().unwrap(), c.info().desc_download_enabled().unwrap()),
        (Default::default(), false)
    );
    let error = c.info().desc_id(nobody).unwrap_err();
    assert!(error.to_string().contains("We fetch microdescriptors"), "{error}");
    assert_eq!(
        (c.info().desc_annotations(nobody).unwrap(), c.info().extra_info(nothing).unwrap()),
        (None, None)
    );
    for query in [
        DirServerQuery::All,
        DirServerQuery::Authority,
        DirServerQuery::Fingerprints(vec![nobody, nobody]),
        DirServerQuery::Digests(vec![nothing]),
    ] {
        assert_eq!(c.info().dir_server(&query).unwrap(), None, "{query:?}");
    }
    assert_eq!(c.info().consensus_lifetime().unwrap(), None);
    assert_eq!(c.info().consensus_packages().unwrap(), Vec::<String>::new());
    for flavor in ConsensusFlavor::KNOWN {
        assert_eq!(c.info().consensus_document(flavor).unwrap(), None);
        for phase in DownloadPhase::KNOWN.iter().map(Some).chain([None]) {
            let status = c.info().downloads_networkstatus(flavor, phase).unwrap();
            assert_eq!((status.schedule, status.attempts), (DownloadSchedule::Consensus, 0));
        }
    }
    let random = c.info().shared_random().unwrap();
    assert_eq!((random.current, random.previous), (None, None));
    assert_eq!(c.info().downloads_cert_fps().unwrap(), []);
    assert_eq!(c.info().downloads_cert(nobody).unwrap(), None);
    assert_eq!(c.info().downloads_desc(nothing).unwrap(), None);
    // A tor that has a consensus may crash on this key.
    let error = c.get_info("downloads/desc/descs").unwrap_err();
    let problem = error.get().map(ArgumentError::problem);
    assert!(matches!(problem, Some(ArgumentProblem::Hazard(_))), "{error}");
    assert!(c.msg("GETINFO version downloads/desc/descs").is_err() && c.is_open());
    assert_eq!(c.info().downloads_bridges().unwrap(), None);
    assert!(
        c.info().entry_guards().unwrap().is_empty()
            && c.info().or_connections().unwrap().is_empty()
    );
    assert!(c.circuits().unwrap().is_empty() && c.streams().unwrap().is_empty());
}

#[test]
fn accounting_is_read() {
    let tor = RealTor::start("AccountingMax 1 GB\nAccountingStart day 00:00\n");
    let accounting = tor.controller().info().accounting().unwrap().unwrap();
    assert_eq!(accounting.hibernating, Hibernation::Awake);
    assert_eq!(accounting.used.read + accounting.left.read, 1 << 30);
    assert!(accounting.interval_start <= accounting.interval_wake);
    let length = accounting.interval_end.duration_since(accounting.interval_start).unwrap();
    // An interval has one day, or an hour more or less on the two days on which
    // clocks are changed.
    assert!(
        length.abs_diff(Duration::from_secs(86_400)) <= Duration::from_secs(3600),
        "{length:?}"
    );
}

#[test]
fn onion_services_are_listed() {
    let tor = RealTor::start("");
    let (c, other) = (tor.controller(), tor.controller());
    let nobody: OnionAddress = NOBODY.parse().unwrap();
    let attached = c.add_onion(&AddOnion::new().local_port(80)).unwrap().address;
    let detached = c.add_onion(&AddOnion::new().local_port(80).detach()).unwrap().address;
    assert_eq!(c.info().onions_current().unwrap(), [attached]);
    assert_eq!(other.info().onions_current().unwrap(), []);
    assert_eq!(other.info().onions_detached().unwrap(), [detached]);
    assert_eq!(
        (c.info().hs_client_desc(&nobody).unwrap(), c.info().hs_service_desc(&nobody).unwrap()),
        (None, None)
    );
}

#[test]
fn bridge_downloads_are_read() {
    let bridge = "192.0.2.1:443 8E4E1F3A4E2E0E3A4D2D0C1B2A39485766758493";
    let tor = RealTor::start(&format!("UseBridges 1\nBridge {bridge}\n"));
    let c = tor.controller();
    let known = c.info().downloads_bridges().unwrap().unwrap();
    assert_eq!(known, ["8E4E1F3A4E2E0E3A4D2D0C1B2A39485766758493".parse().unwrap()]);
    assert_eq!(
        c.info().downloads_bridge(known[0]).unwrap().unwrap().schedule,
        DownloadSchedule::Bridge
    );
    assert_eq!(c.info().downloads_bridge(NOTHING.parse().unwrap()).unwrap(), None);
}

#[test]
fn relay_information_is_read() {
    let tor = RealTor::start(RELAY);
    let c = tor.controller();
    let fingerprint = c.info().fingerprint().unwrap().unwrap();
    let descriptors = String::from_utf8(c.info().fresh_relay_descs().unwrap()).unwrap();
    assert!(descriptors.starts_with("router testrelay 127.0.0.1 9001 "), "{descriptors}");
    assert!(
        descriptors.contains(&format!("\nextra-info testrelay {fingerprint}\n")),
        "{descriptors}"
    );
    // After making a descriptor, the relay knows its address.
    assert_eq!(c.info().address().unwrap(), Some([127, 0, 0, 1].into()));
    assert_eq!(c.info().address_v4().unwrap(), Some([127, 0, 0, 1].into()));
    assert_eq!(c.info().address_v6().unwrap(), None);
}

/// Writes files with GeoIP data of two networks. Returns a guard that deletes
/// the files' folder when dropped, and the torrc lines that name the files.
fn geoip() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let (v4, v6) = (folder.path().join("geoip"), folder.path().join("geoip6"));
    fs::write(&v4, "# 8.8.8.0/24\n134744064,134744319,US\n").unwrap();
    fs::write(&v6, "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,A1\n").unwrap();
    let lines = format!("GeoIPFile {}\nGeoIPv6File {}\n", v4.display(), v6.display());
    (folder, lines)
}

#[test]
fn countries_of_addresses_are_read() {
    let (_folder, geoip) = geoip();
    let tor = RealTor::start(&geoip);
    let c = tor.controller();
    assert!(
        c.info().ip_to_country_ipv4_available().unwrap()
            && c.info().ip_to_country_ipv6_available().unwrap()
    );
    for (ip, country) in
        [("8.8.8.8", Some("us")), ("8.8.9.1", None), ("2001:db8::1", Some("a1")), ("::1", None)]
    {
        let found = c.info().ip_to_country(ip.parse().unwrap()).unwrap();
        assert_eq!(found.as_ref().map(|found| found.as_str()), country, "{ip}");
    }

    let tor = RealTor::start("GeoIPFile /nonexistent\nGeoIPv6File /nonexistent\n");
    let c = tor.controller();
    assert!(
        !c.info().ip_to_country_ipv4_available().unwrap()
            && !c.info().ip_to_country_ipv6_available().unwrap()
    );
    for ip in ["8.8.8.8", "2001:db8::1"] {
        let error = c.info().ip_to_country(ip.parse().unwrap()).unwrap_err();
        assert_eq!(
            (error.code(), error.refusal().unwrap().text()),
            (Some(551), "GeoIP data not loaded".into())
        );
    }
}
