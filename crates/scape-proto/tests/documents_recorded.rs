//! Documents of the public Tor network, and test data of tor: kinds that a
//! private network can't make. `data/documents/README.md` names the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use scape_proto::netdoc::{
    BandwidthFile, BandwidthFileVersion, BridgeNetworkStatus, DirectoryList, DocumentKind,
    DocumentSplitter, ExitList, ExtraInfo, FamilyMember, KeyCertificate, LineProblem,
    Microdescriptor, NetworkStatusV2, RawDocument, RouterFlags, ServerDescriptor, Vote,
};

macro_rules! documents {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("data/documents/", $name)).as_slice())),*]
    };
}

/// The documents that `parse_strict` accepts, with the names of their files.
const DOCUMENTS: [(&str, &[u8]); 11] = documents![
    "collector-bandwidth-file-1.0",
    "collector-bandwidth-file-1.4",
    "collector-bridge-extra-info",
    "collector-bridge-network-status",
    "collector-bridge-server-descriptor",
    "collector-exit-list",
    "collector-network-status-2",
    "collector-server-descriptor-2005",
    "tor-microdescriptor-family",
    "tor-microdescriptor-without-ntor",
    "tor-vote-2015",
];

const OLD_CERTIFICATE: &[u8] = include_bytes!("data/documents/collector-key-certificate-2007");
const AUTHORITIES: &[u8] = include_bytes!("data/documents/tor-authorities");
const FALLBACKS: &[u8] = include_bytes!("data/documents/tor-fallbacks");

/// Returns the document in a file that contains exactly one.
fn split(text: &[u8]) -> RawDocument {
    let mut splitter = DocumentSplitter::default();
    splitter.feed(text);
    splitter.finish();
    let document = splitter.next_document().unwrap().expect("a document");
    assert_eq!(splitter.next_document(), Ok(None));
    document
}

fn document(name: &str) -> RawDocument {
    split(DOCUMENTS.iter().find(|(known, _)| *known == name).expect("the file's name").1)
}

fn time(time: Option<std::time::SystemTime>) -> String {
    humantime::format_rfc3339_seconds(time.expect("the time")).to_string()
}

#[test]
fn recorded_documents_are_read_strictly() {
    for (name, text) in DOCUMENTS {
        let raw = split(text);
        let document = raw.parse_strict().unwrap_or_else(|error| panic!("{name}: {error}"));
        let lenient = raw.parse().unwrap();
        assert_eq!(document.kind(), lenient.kind(), "{name}");
        assert_eq!(*lenient.skipped(), [], "{name}");
        let is_of_collector = name.starts_with("collector");
        assert_eq!(raw.type_annotation().is_some(), is_of_collector, "{name}");
    }
}

#[test]
fn half_of_a_recorded_document_never_panics() {
    for (_, text) in DOCUMENTS {
        for end in (0..text.len()).step_by(7) {
            let mut splitter = DocumentSplitter::default();
            splitter.feed(&text[..end]);
            splitter.finish();
            while let Some(raw) = splitter.next_document().unwrap() {
                let _ = (raw.parse().is_ok(), raw.parse_strict().is_ok());
            }
        }
    }
}

#[test]
fn sanitized_server_descriptor_of_a_bridge() {
    let raw = document("collector-bridge-server-descriptor");
    assert_eq!(raw.type_annotation().unwrap().version(), (1, 2));
    let bridge = ServerDescriptor::parse_strict(raw.text()).unwrap();
    assert!(bridge.is_sanitized() && bridge.signing_key.is_none());
    assert_eq!((bridge.nickname, bridge.or_port), (Some("Bimaculoides"), Some(52161)));
    assert_eq!(bridge.address, Some([10, 11, 42, 232].into()));
    assert_eq!(time(bridge.published), "2019-02-02T04:59:44Z");
    assert_eq!(bridge.uptime, Some(4_284_124));
    assert_eq!(bridge.bandwidth.unwrap().observed, 87_862);
    assert_eq!(bridge.bridge_distribution_request, Some("any"));
    assert_eq!(bridge.contact.as_deref(), Some("somebody"));
    assert!(bridge.master_key_ed25519.is_some() && bridge.ntor_onion_key.is_some());
    assert!(bridge.protocols().unwrap().supports("Link", 5));
    assert!(!bridge.exit_policy().unwrap().allows([192, 0, 2, 1].into(), 80));
    let digest = bridge.digest().unwrap().to_string();
    assert_eq!(digest, "01A2A52E3860A669805DC32A88D118A801BF56B1");
    assert!(bridge.router_digest_sha256.is_some() && bridge.extra_info_sha256.is_some());
    assert_eq!(bridge.unknown_items().count(), 0);
}

#[test]
fn sanitized_extra_info_of_a_bridge() {
    let raw = document("collector-bridge-extra-info");
    let info = ExtraInfo::parse_strict(raw.text()).unwrap();
    let fingerprint = info.fingerprint.unwrap().to_string();
    assert_eq!(fingerprint, "EAF037E2DFA0210A607EE4DA9B72E066CEC8B415");
    let written = info.write_history.unwrap();
    assert_eq!(
        written.values().collect::<Vec<_>>(),
        [4_978_688, 4_815_872, 6_117_376, 4_694_016, 4_898_816]
    );
    assert_eq!(info.dirreq.period.unwrap().length.as_secs(), 86_400);
    let seen = info.hidden_service_v2.dir_onions_seen.unwrap();
    assert_eq!((seen.value, seen.bin_size), (-43, Some(8)));
    assert_eq!(info.padding.unwrap().get("write-total"), Some(10_000));
    let digest = info.digest().unwrap().to_string();
    assert_eq!(digest, "01A0B388DA4D2539DBDD1314873963F862615DEF");
    assert!(info.router_digest_sha256.is_some() && info.router_signature.is_none());
    assert_eq!(info.unknown_items().count(), 0);
}

#[test]
fn network_status_of_a_bridge_authority() {
    let raw = document("collector-bridge-network-status");
    let status = BridgeNetworkStatus::parse_strict(raw.text()).unwrap();
    assert_eq!(time(status.published), "2019-05-01T00:28:57Z");
    let fingerprint = status.fingerprint.unwrap().to_string();
    assert_eq!(fingerprint, "BA44A889E64B93FAA2B114E02C2A279A8555C533");
    assert!(status.flag_thresholds.contains(&("guard-wfu", 0.98)));
    let bridges: Vec<_> = status.bridges().collect();
    let bandwidths: Vec<_> = bridges.iter().map(|bridge| bridge.bandwidth().unwrap()).collect();
    assert_eq!(bandwidths, [56, 498, 859]);
    assert!(bridges[1].flags().contains(RouterFlags::RUNNING));
    assert_eq!(bridges[2].ipv6(), "[fd9f:2e19:3bcf::2f:1c42]:64006".parse().ok());
}

#[test]
fn list_of_exits() {
    let raw = document("collector-exit-list");
    assert_eq!(raw.kind(), Some(DocumentKind::ExitList));
    let list = ExitList::parse_strict(raw.text()).unwrap();
    assert_eq!(time(list.downloaded), "2018-11-01T00:02:01Z");
    let exits: Vec<_> = list.exits().collect();
    assert_eq!(exits.len(), 3);
    assert_eq!(time(exits[2].published), "2018-10-31T05:59:10Z");
    assert_eq!(time(exits[2].last_status), "2018-10-31T07:03:26Z");
    let [address] = &*exits[2].addresses else { panic!("{exits:?}") };
    assert_eq!(address.address, std::net::IpAddr::from([185, 24, 218, 171]));
    assert_eq!(time(Some(address.time)), "2018-10-31T07:04:23Z");
}

#[test]
fn network_status_of_version_2() {
    let raw = document("collector-network-status-2");
    assert_eq!(raw.kind(), Some(DocumentKind::NetworkStatusV2));
    let status = NetworkStatusV2::parse_strict(raw.text()).unwrap();
    assert_eq!(status.hostname.as_deref(), Some("18.244.0.114"));
    assert_eq!(status.contact.as_deref(), Some("arma at mit dot edu"));
    assert_eq!(time(status.published), "2005-12-16T00:13:46Z");
    assert_eq!(*status.options, ["Names".into(), "Versions".into()]);
    assert_eq!(status.client_versions.last().map(|v| &**v), Some("0.1.1.10-alpha-cvs"));
    assert_eq!(status.signing_authority, Some("moria2"));
    let relays: Vec<_> = status.relays().collect();
    let nicknames: Vec<_> = relays.iter().map(|relay| relay.nickname()).collect();
    assert_eq!(nicknames, ["moria2", "stnv", "nggrplz"]);
    assert_eq!(relays[0].dir_port(), 80);
    assert_eq!(time(relays[2].published()), "2005-12-15T23:25:50Z");
    assert!(relays[2].flags().contains(RouterFlags::STABLE));
}

#[test]
fn server_descriptor_of_2005() {
    let raw = document("collector-server-descriptor-2005");
    let relay = ServerDescriptor::parse_strict(raw.text()).unwrap();
    assert_eq!((relay.nickname, relay.or_port), (Some("krypton"), Some(8000)));
    assert_eq!(relay.platform.as_deref(), Some("Tor 0.1.0.14 on FreeBSD i386"));
    let fingerprint = relay.fingerprint.unwrap().to_string();
    assert_eq!(fingerprint, "3E2F63E2356F52318B536A12B6445373808A5D6C");
    // These lines have the word `opt` before the keyword.
    assert!(relay.is_hibernating);
    let read = relay.read_history.unwrap();
    assert_eq!(
        (time(Some(read.end)), read.interval.as_secs()),
        ("2005-12-16T18:00:48Z".into(), 900)
    );
    assert_eq!(read.values().take(3).collect::<Vec<_>>(), [20_774, 489_973, 510_022]);
    assert!(relay.write_history.is_some() && relay.ntor_onion_key.is_none());
    let policy = relay.exit_policy().unwrap();
    let address = [192, 0, 2, 1].into();
    assert!(policy.allows(address, 443) && !policy.allows(address, 25));
    let digest = relay.digest().unwrap().to_string();
    assert_eq!(digest, "00BB5385C0DF28DC6765AC465D0CC7BC6A41AD33");
    #[cfg(feature = "verify")]
    assert_eq!(relay.verify(relay.published.unwrap()), Ok(()));
}

#[test]
fn microdescriptors_of_old_and_future_forms() {
    let raw = document("tor-microdescriptor-without-ntor");
    let relay = Microdescriptor::parse_strict(raw.text()).unwrap();
    assert!(relay.onion_key().is_some() && relay.ntor_onion_key().is_none());
    assert!(relay.policy().is_reject_all());

    let raw = document("tor-microdescriptor-family");
    let relay = Microdescriptor::parse_strict(raw.text()).unwrap();
    let family = relay.family();
    assert_eq!(family[0], FamilyMember::Other("!Strange".into()));
    assert!(matches!(family[1], FamilyMember::Fingerprint(_)));
    assert_eq!(family[2], FamilyMember::Nickname("othernode".into()));
    assert!(relay.skipped().is_empty() && relay.ed25519().is_some());
}

#[test]
fn vote_of_2015() {
    let raw = document("tor-vote-2015");
    assert_eq!(raw.kind(), Some(DocumentKind::Vote));
    let vote = Vote::parse_strict(raw.text()).unwrap();
    assert_eq!(vote.consensus_methods, [13, 14, 15, 16, 17, 18, 19, 20, 21]);
    assert_eq!(time(vote.valid_after), "2015-09-02T19:50:55Z");
    assert_eq!(*vote.unknown_flags, ["MadeOfCheese".into(), "MadeOfTin".into()]);
    assert_eq!((vote.param("circuitwindow"), vote.param("foo")), (Some(80), Some(660)));
    assert_eq!(vote.legacy_dir_key.unwrap().to_string(), "41".repeat(20));
    let certificate = vote.certificate.as_ref().unwrap();
    assert_eq!(time(certificate.expires), "2009-12-12T18:07:24Z");
    let measured: Vec<_> = vote.relays().map(|relay| relay.measured()).collect();
    assert_eq!(measured, [Some(30), Some(120), None, None]);
}

/// Reads a key certificate of 2007. It lacks the line `dir-key-crosscert`,
/// which dir-spec demands now.
#[test]
fn key_certificate_of_2007_is_read_leniently_only() {
    let raw = split(OLD_CERTIFICATE);
    let certificate = KeyCertificate::parse(raw.text()).unwrap();
    assert_eq!(time(certificate.published), "2007-12-02T21:24:31Z");
    assert!(certificate.skipped().is_empty() && certificate.certification.is_some());
    let error = KeyCertificate::parse_strict(raw.text()).unwrap_err();
    assert_eq!((error.keyword(), error.problem()), ("dir-key-crosscert", LineProblem::Missing));
}

#[test]
fn bandwidth_files_of_torflow_and_sbws() {
    let raw = document("collector-bandwidth-file-1.0");
    let file = BandwidthFile::parse_strict(raw.text()).unwrap();
    assert_eq!(file.version, BandwidthFileVersion::FIRST);
    assert_eq!(time(Some(file.timestamp)), "2019-05-14T11:43:39Z");
    let relays: Vec<_> = file.relays().collect();
    assert_eq!((relays.len(), relays[1].nick()), (3, Some("CanineGift")));
    assert_eq!(relays[1].bandwidth, 22_000);
    assert_eq!(time(relays[1].measured_at()), "2019-05-03T15:54:25Z");

    let raw = document("collector-bandwidth-file-1.4");
    let file = BandwidthFile::parse_strict(raw.text()).unwrap();
    assert_eq!(file.version, BandwidthFileVersion::new(1, 4, 0));
    assert_eq!((file.software, file.software_version), (Some("sbws"), Some("1.1.0")));
    assert_eq!(time(file.generator_started), "2019-04-20T11:40:01Z");
    assert_eq!(file.recent_measurement_failure_count, Some(191_602));
    assert_eq!(file.scanner_country.unwrap().to_string(), "us");
    assert_eq!(file.unknown_header().count(), 0);
    let last = file.relays().last().unwrap();
    assert_eq!((last.nick(), last.get("bw_median")), (Some("nodeofswarm"), Some("355871")));
    assert!(last.ed25519.is_some());
    assert_eq!(last.consensus_bandwidth_is_unmeasured(), Some(false));
}

/// Checks generated bandwidth files of the versions 1.1 to 1.9.
/// bandwidth-file-spec says which version added which lines.
#[test]
fn bandwidth_files_of_every_other_version() {
    let relay = "node_id=$256498816C85C6ABA4DF222205CF3FA091E63CCE bw=7 nick=relay04";
    let of_1_1 = "software=sbws\nsoftware_version=0.1.0\nearliest_bandwidth=2018-05-08T16:13:26\n\
        latest_bandwidth=2018-05-08T16:13:36\nfile_created=2018-05-08T16:13:41\n\
        generator_started=2018-05-08T16:13:26\n";
    let of_1_2 = "number_eligible_relays=3\nminimum_percent_eligible_relays=60\n\
        number_consensus_relays=4\npercent_eligible_relays=75\nminimum_number_eligible_relays=2\n\
        scanner_country=TH\ndestinations_countries=TH,ZZ\n";
    let of_1_4 = "recent_consensus_count=34\ntime_to_report_half_network=5\ntor_version=0.3.5.10\n";
    let of_1_5 = format!("{of_1_1}{of_1_2}{of_1_4}");
    let (of_1_7, of_1_8) = ("mu=1200.5\nmuf=1300.5\n", "dirauth_nickname=auth1\n");
    for (version, lines, separator, words) in [
        ("1.1.0", of_1_1.to_owned(), "====", ""),
        ("1.2.0", format!("{of_1_1}{of_1_2}"), "=====", " bw_mean=6 error_circ=1"),
        ("1.3.0", format!("{of_1_1}{of_1_2}"), "=====", " xoff_recv=1"),
        ("1.4.0", format!("{of_1_1}{of_1_2}{of_1_4}"), "=====", " vote=0 unmeasured=1"),
        ("1.5.0", of_1_5.clone(), "=====", " under_min_report=1 vote=0"),
        ("1.6.0", of_1_5.clone(), "=====", " vote=0 xoff_recv=1 xoff_sent=2"),
        ("1.7.0", format!("{of_1_5}{of_1_7}"), "=====", " vote=0 r_strm=1.5 r_strm_filt=2"),
        ("1.8.0", format!("{of_1_5}{of_1_7}{of_1_8}"), "=====", " vote=0"),
        ("1.9.0", format!("{of_1_5}{of_1_7}{of_1_8}"), "=====", " vote=0"),
    ] {
        // Since version 1.9, no `$` precedes the fingerprint.
        let relay = if version == "1.9.0" { relay.replace('$', "") } else { relay.to_owned() };
        let text = format!("1525795996\nversion={version}\n{lines}{separator}\n{relay}{words}\n");
        let raw = split(text.as_bytes());
        assert_eq!(raw.kind(), Some(DocumentKind::BandwidthFile));
        let file = BandwidthFile::parse_strict(raw.text()).unwrap();
        assert_eq!(file.version.to_string(), version);
        assert_eq!(time(file.latest_bandwidth), "2018-05-08T16:13:36Z");
        assert_eq!(file.percent_eligible_relays.is_some(), version > "1.1.0");
        assert_eq!(file.tor_version.is_some(), version >= "1.4.0");
        assert_eq!(file.muf, (version >= "1.7.0").then_some(1300.5));
        assert_eq!(file.dirauth_nickname, (version >= "1.8.0").then_some("auth1"));
        assert_eq!((file.relays().count(), file.skipped().len()), (1, 0), "{version}");
        assert_eq!(file.relays().all(|relay| relay.vote()), version < "1.4.0");
        let of_relay = file.relays().next().unwrap();
        let number = |key| of_relay.get(key).map(|value| value.parse::<f64>().unwrap());
        let (sent, streams) = (number("xoff_sent"), number("r_strm"));
        assert_eq!(sent, (version == "1.6.0").then_some(2.0));
        assert_eq!(streams, (version == "1.7.0").then_some(1.5));
    }
}

/// Checks that a directory of version 1, the oldest format, is recognized by
/// its annotation or its first line, but can't be parsed.
#[test]
fn directory_of_version_1_is_unsupported() {
    let text = "signed-directory\npublished 2005-12-16 00:13:46\nrecommended-software 0.1.0.15\n";
    for text in [text.to_owned(), format!("@type directory 1.0\n{text}")] {
        let raw = split(text.as_bytes());
        assert_eq!(raw.kind(), Some(DocumentKind::DirectoryV1));
        for result in [raw.parse(), raw.parse_strict()] {
            let error = result.unwrap_err();
            assert_eq!(error.problem(), LineProblem::Unsupported);
            assert_eq!(error.document(), DocumentKind::DirectoryV1);
            let expected = "directory of version 1: the library doesn't parse such documents";
            assert_eq!((error.line(), error.to_string()), (None, expected.to_owned()));
        }
    }
}

#[test]
fn directory_lists_of_tor() {
    let authorities: Vec<_> =
        DirectoryList::parse(AUTHORITIES).authorities().collect::<Result<_, _>>().unwrap();
    assert_eq!(authorities.len(), 9);
    let bridge_authorities: Vec<_> =
        authorities.iter().filter(|authority| authority.is_bridge_authority).collect();
    assert_eq!(bridge_authorities.len(), 1);
    assert_eq!(authorities.iter().filter(|authority| authority.v3ident.is_some()).count(), 8);
    let fallbacks = DirectoryList::parse(FALLBACKS);
    assert_eq!(fallbacks.header("type"), Some("fallback"));
    let fallbacks: Vec<_> = fallbacks.fallbacks().collect::<Result<_, _>>().unwrap();
    assert_eq!((fallbacks.len(), fallbacks[3].nickname.as_deref()), (4, Some("dismail")));
}

#[cfg(feature = "serde")]
#[test]
fn recorded_documents_are_serialized() {
    for (name, text) in DOCUMENTS {
        let raw = split(text);
        let value = serde_json::to_value(raw.parse_strict().unwrap()).unwrap();
        // Both depths read the same values.
        assert_eq!(serde_json::to_value(raw.parse().unwrap()).unwrap(), value, "{name}");
        assert!(value["type"].is_string(), "{name}: {value}");
        assert!(!value.to_string().contains("BEGIN"), "{name}: the text is left out");
    }
    let raw = document("collector-exit-list");
    let value = serde_json::to_value(raw.parse_strict().unwrap()).unwrap();
    assert_eq!(value["exits"][0]["addresses"][0]["address"], "162.247.74.201");
    let raw = document("collector-bridge-server-descriptor");
    let value = serde_json::to_value(raw.parse_strict().unwrap()).unwrap();
    assert_eq!(value["digest"], "01A2A52E3860A669805DC32A88D118A801BF56B1");
    assert_eq!(value["published"], "2019-02-02T04:59:44Z");
}
