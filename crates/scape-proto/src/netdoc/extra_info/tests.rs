use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const END: &str = "2026-11-21 03:16:05 (86400 s)";

/// Returns a document with every line that tor writes, and with the lines of
/// old versions.
fn whole() -> String {
    let counts = "us=16,de=8,??=8";
    let means = "1.50,0.25,0.00";
    let digest = "80B33F89F899A1FAAD047727404A817574705DB4";
    let downloads = "complete=68,timeout=4,running=0,min=2626,d1=7795,md=70626,max=181522";
    let noise = "delta_f=2048 epsilon=0.30 bin_size=1024";
    format!(
        "extra-info relay04 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
         identity-ed25519\n-----BEGIN ED25519 CERT-----\nAQID\n-----END ED25519 CERT-----\n\
         published 2026-11-21 03:16:05\n\
         transport obfs4 192.0.2.4:443 cert=AAAA,iat-mode=0\ntransport snowflake 192.0.2.4:444\n\
         transport-info version=0.1.0 implementation=lyrebird\n\
         write-history {END} 1,2,3\nread-history {END} 4,5\n\
         ipv6-write-history {END} 6\nipv6-read-history {END} 7\n\
         dirreq-write-history {END} 8\ndirreq-read-history {END} 9\n\
         geoip-db-digest {digest}\ngeoip6-db-digest {digest}\n\
         geoip-start-time 2026-11-20 03:16:05\ngeoip-client-origins {counts}\n\
         dirreq-stats-end {END}\ndirreq-v3-ips {counts}\ndirreq-v2-ips \ndirreq-v3-reqs {counts}\n\
         dirreq-v2-reqs\ndirreq-v3-share 0.37%\ndirreq-v2-share 101.00%\n\
         dirreq-v3-resp ok=72,busy=4\ndirreq-v2-resp ok=0\ndirreq-v3-direct-dl complete=0\n\
         dirreq-v2-direct-dl complete=4\ndirreq-v3-tunneled-dl {downloads}\n\
         dirreq-v2-tunneled-dl complete=8\n\
         hidserv-stats-end {END}\nhidserv-rend-relayed-cells 5238 {noise}\n\
         hidserv-dir-onions-seen -21 delta_f=8 epsilon=0.30 bin_size=8\n\
         hidserv-v3-stats-end {END}\nhidserv-rend-v3-relayed-cells 1 {noise}\n\
         hidserv-dir-v3-onions-seen 2\n\
         entry-stats-end {END}\nentry-ips {counts}\n\
         cell-stats-end {END}\ncell-processed-cells {means}\ncell-queued-cells {means}\n\
         cell-time-in-queue {means}\ncell-circuits-per-decile 17\n\
         exit-stats-end {END}\nexit-kibibytes-written 80=1,other=2\n\
         exit-kibibytes-read 443=3,other=4\nexit-streams-opened 80=5,other=6\n\
         conn-bi-direct {END} 1,2,3,4\nipv6-conn-bi-direct {END} 5,6,7,8\n\
         padding-counts {END} bin-size=10000 write-drop=1\n\
         overload-ratelimits 1 2026-11-21 03:00:00 1 2 3 4\n\
         overload-fd-exhausted 1 2026-11-21 02:00:00\n\
         bridge-stats-end {END}\nbridge-ips {counts}\nbridge-ip-versions v4=8,v6=16\n\
         bridge-ip-transports <OR>=8,obfs4=16\n\
         router-sig-ed25519 {signature}\n\
         router-signature\n-----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n",
        signature = "A".repeat(86),
    )
}

#[test]
fn document_with_every_line_is_read_strictly() {
    let text = whole();
    let info = ExtraInfo::parse_strict(text.as_bytes()).unwrap();
    assert!(info.skipped().is_empty() && info.unknown_items().count() == 0);
    assert!(info.fingerprint.is_some() && info.identity_ed25519.is_some() && !info.is_sanitized());
    assert_eq!((info.transports.len(), info.transport_infos[0].version), (2, Some("0.1.0")));
    let histories = [
        info.write_history,
        info.read_history,
        info.ipv6_write_history,
        info.ipv6_read_history,
        info.dirreq_write_history,
        info.dirreq_read_history,
    ];
    let first: Vec<i64> =
        histories.iter().filter_map(|history| history.unwrap().values().next()).collect();
    assert_eq!(first, [1, 4, 6, 7, 8, 9]);
    assert!(info.geoip_db_digest.is_some() && info.geoip6_db_digest.is_some());
    assert_eq!(info.router_sig_ed25519, Some([0; 64]));
    assert!(info.router_signature.is_some());
}

#[test]
fn statistics_about_clients_are_read() {
    let text = whole();
    let info = ExtraInfo::parse_strict(text.as_bytes()).unwrap();
    let (v2, v3) = (info.dirreq.v2, info.dirreq.v3);
    assert_eq!((v2.ips.unwrap().is_empty(), v2.requests.unwrap().is_empty()), (true, true));
    assert_eq!((v3.ips.unwrap().get("??"), v3.requests.unwrap().get("us")), (Some(8), Some(16)));
    assert_eq!((v2.share, v3.share), (Some(101.0), Some(0.37)));
    assert_eq!(
        (v2.responses.unwrap().get("ok"), v3.responses.unwrap().get("busy")),
        (Some(0), Some(4))
    );
    let complete = |counts: Option<NamedCounts<'_>>| counts.unwrap().get("complete");
    assert_eq!((complete(v2.direct_downloads), complete(v3.direct_downloads)), (Some(4), Some(0)));
    assert_eq!(
        (complete(v2.tunneled_downloads), complete(v3.tunneled_downloads)),
        (Some(8), Some(68))
    );
    assert_eq!(info.entry.ips.unwrap().get("de"), Some(8));
    let bridge = info.bridge;
    assert_eq!(bridge.ips.unwrap().get("de"), Some(8));
    assert_eq!(bridge.ip_versions.unwrap().get("v6"), Some(16));
    assert_eq!(bridge.ip_transports.unwrap().get("<OR>"), Some(8));
    assert!(bridge.geoip_start_time.is_some() && bridge.geoip_client_origins.is_some());
    assert!(info.dirreq.period.is_some() && info.entry.period.is_some() && bridge.period.is_some());
}

#[test]
fn statistics_about_traffic_are_read() {
    let text = whole();
    let info = ExtraInfo::parse_strict(text.as_bytes()).unwrap();
    let (v2, v3) = (info.hidden_service_v2, info.hidden_service_v3);
    assert!(v2.period.is_some() && v3.period.is_some());
    assert_eq!(
        (v2.rend_relayed_cells.unwrap().value, v2.dir_onions_seen.unwrap().value),
        (5238, -21)
    );
    assert_eq!((v3.rend_relayed_cells.unwrap().value, v3.dir_onions_seen.unwrap().value), (1, 2));
    assert_eq!(v2.rend_relayed_cells.unwrap().delta_f, Some(2048));
    let cell = info.cell;
    assert!(
        cell.period.is_some() && cell.processed_cells.is_some() && cell.time_in_queue.is_some()
    );
    assert_eq!(
        (cell.queued_cells.unwrap().values().count(), cell.circuits_per_decile),
        (3, Some(17))
    );
    let exit = info.exit;
    assert!(exit.period.is_some());
    assert_eq!(exit.kibibytes_written.unwrap().get(80), Some(1));
    assert_eq!(exit.kibibytes_read.unwrap().other(), Some(4));
    assert_eq!(exit.streams_opened.unwrap().get(80), Some(5));
    assert_eq!((info.connections.unwrap().both, info.ipv6_connections.unwrap().written), (4, 7));
    assert_eq!(info.padding.unwrap().get("write-drop"), Some(1));
    let limits = info.overload_ratelimits.unwrap();
    assert_eq!((limits.rate, limits.burst, limits.read_count, limits.write_count), (1, 2, 3, 4));
    assert_eq!(info.overload_fd_exhausted.unwrap().version, 1);
}

#[test]
fn broken_rules_are_errors_of_the_strict_reading() {
    let text = whole();
    let moved = text.replace("entry-ips us=16,de=8,??=8\n", "") + "entry-ips us=16\n";
    let first = text.replace("extra-info relay04", "entry-ips\nextra-info relay04");
    for (changed, keyword, problem) in [
        (text.replace("published 2026-11-21 03:16:05\n", ""), "published", LineProblem::Missing),
        (text.replace("entry-ips", "entry-ips\nentry-ips"), "entry-ips", LineProblem::Repeated),
        (text.replace("snowflake", "obfs4"), "transport", LineProblem::Repeated),
        (moved, "router-sig-ed25519", LineProblem::Order),
        (first, "entry-ips", LineProblem::Start),
        (text.replace("BEGIN SIGNATURE", "BEGIN X"), "router-signature", LineProblem::Object),
        (text.replace("identity-ed25519", "x"), "identity-ed25519", LineProblem::Missing),
        (text.replace("router-sig-ed25519", "x"), "router-sig-ed25519", LineProblem::Missing),
        (text.replace("decile 17", "decile"), "cell-circuits-per-decile", LineProblem::Words),
    ] {
        let error = ExtraInfo::parse_strict(changed.as_bytes()).unwrap_err();
        assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
    }
}

#[test]
fn malformed_lines_are_skipped_or_errors() {
    let text = whole();
    for (old, new, keyword) in [
        ("CCE\nidentity", "CCX\nidentity", "extra-info"),
        ("relay04", "relay_4", "extra-info"),
        ("(86400 s) 4,5", "(86400 s) 4;5", "read-history"),
        ("geoip6-db-digest 80B3", "geoip6-db-digest X0B3", "geoip6-db-digest"),
        ("geoip-start-time 2026-11-20", "geoip-start-time 2026-11-40", "geoip-start-time"),
        ("origins us=16", "origins usa=16", "geoip-client-origins"),
        ("dirreq-v3-ips us=16", "dirreq-v3-ips us=-16", "dirreq-v3-ips"),
        ("0.37%", "0.37", "dirreq-v3-share"),
        ("busy=4", "busy:4", "dirreq-v3-resp"),
        ("obfs4 192.0.2.4:443", "obfs4 192.0.2.4", "transport"),
        ("version=0.1.0", "version=", "transport-info"),
        ("5238", "many", "hidserv-rend-relayed-cells"),
        ("dir-v3-onions-seen 2", "dir-v3-onions-seen 2 x", "hidserv-dir-v3-onions-seen"),
        ("decile 17", "decile -17", "cell-circuits-per-decile"),
        ("time-in-queue 1.50", "time-in-queue 1.5x", "cell-time-in-queue"),
        ("read 443=3", "read 443443=3", "exit-kibibytes-read"),
        ("5,6,7,8", "5,6,7", "ipv6-conn-bi-direct"),
        ("bin-size=10000", "bin-size", "padding-counts"),
        ("03:00:00 1 2", "03:00:00 1 x", "overload-ratelimits"),
        ("exhausted 1", "exhausted one", "overload-fd-exhausted"),
        ("router-sig-ed25519 A", "router-sig-ed25519 !", "router-sig-ed25519"),
    ] {
        let changed = text.replace(old, new);
        assert_ne!(changed, text, "{old}");
        let error = ExtraInfo::parse_strict(changed.as_bytes()).unwrap_err();
        assert_eq!(error.keyword(), keyword, "{error}");
        assert!(matches!(error.problem(), LineProblem::Value(_)), "{error}");
        let info = ExtraInfo::parse(changed.as_bytes()).unwrap();
        assert_eq!(info.skipped(), [error]);
    }
}

#[test]
fn sanitized_document_of_a_bridge_needs_no_signature() {
    let text = format!(
        "extra-info Unnamed B8AB331047F1C1637EFE07FB1B94CCC0FE0ABFFA\n\
         master-key-ed25519 {KEY}\npublished 2015-08-21 16:08:15\ntransport obfs4\n\
         router-digest-sha256 {KEY}\nrouter-digest 80B33F89F899A1FAAD047727404A817574705DB4\n"
    );
    let info = ExtraInfo::parse_strict(text.as_bytes()).unwrap();
    assert!(info.is_sanitized() && info.master_key_ed25519 == Some([0; 32]));
    assert_eq!(info.digest_sha256(), Some([0; 32]));
    let digest = info.digest().map(|digest| digest.to_string());
    assert_eq!(digest.as_deref(), Some("80B33F89F899A1FAAD047727404A817574705DB4"));
    let whole = text.replace("router-digest 8", "x 8");
    let error = ExtraInfo::parse_strict(whole.as_bytes()).unwrap_err();
    assert_eq!(error.keyword(), "router-signature");
}

#[test]
fn digest_with_signature_ignores_text_after_the_document() {
    let text = whole();
    let longer = format!("@type extra-info 1.0\n{text}\n\n@type extra-info 1.0\n");
    let (info, other) =
        (ExtraInfo::parse(text.as_bytes()).unwrap(), ExtraInfo::parse(longer.as_bytes()).unwrap());
    assert!(info.digest_sha256().is_some() && info.digest().is_some());
    assert_eq!((info.digest_sha256(), info.digest()), (other.digest_sha256(), other.digest()));
}

#[test]
fn claimed_digests_of_a_document_with_signature_are_ignored() {
    let claimed = format!(
        "router-digest-sha256 {KEY}\nrouter-digest 80B33F89F899A1FAAD047727404A817574705DB4\n"
    );
    let text = whole().replace("geoip-db", &format!("{claimed}geoip-db"));
    let info = ExtraInfo::parse(text.as_bytes()).unwrap();
    assert!(info.router_digest.is_some() && info.digest().is_some() && !info.is_sanitized());
    assert_ne!((info.digest(), info.digest_sha256()), (info.router_digest, Some([0; 32])));
    for changed in [
        text.replace("\nrouter-signature\n", "\nrouter-signature \n"),
        text.replace('\n', "\r\n"),
        text.replace("\nrouter-signature\n", "\nopt router-signature\n"),
        text.replace("geoip-db", "router-signature-x\ngeoip-db"),
    ] {
        let info = ExtraInfo::parse(changed.as_bytes()).unwrap();
        assert_eq!((info.digest(), info.is_sanitized()), (None, false), "{changed}");
        assert!(info.digest_sha256().is_some_and(|digest| digest != [0; 32]), "{changed}");
    }
}

#[test]
fn documents_of_a_file_are_split_at_their_first_line() {
    let text = format!("@type extra-info 1.0\n{}\n@type extra-info 1.0\n{}", whole(), whole());
    let all: Vec<_> = ExtraInfo::parse_all(text.as_bytes()).strict().collect();
    assert!(all.len() == 2 && all.iter().all(Result::is_ok), "{all:?}");
}

proptest::proptest! {
    #[test]
    fn parsing_never_panics(lines in proptest::collection::vec("[ -~\u{e9}]{0,30}", 0..9)) {
        let text = format!("extra-info a\n{}", lines.join("\n"));
        let info = ExtraInfo::parse(text.as_bytes()).unwrap();
        proptest::prop_assert!(info.digest_sha256().is_none());
        let _ = ExtraInfo::parse_strict(text.as_bytes());
    }
}
