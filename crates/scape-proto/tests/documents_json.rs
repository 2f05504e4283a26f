//! Checks the JSON of directory documents that the feature `serde` produces.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use scape_proto::netdoc::{
    BandwidthFile, BridgeNetworkStatus, Consensus, ExitList, ExtraInfo, NetworkStatusV2,
    OnionDescriptorV2, Vote,
};
use serde_json::{Value, json};

const ID: &str = "256498816C85C6ABA4DF222205CF3FA091E63CCE";

fn json_of(document: impl serde::Serialize) -> Value {
    serde_json::to_value(document).unwrap()
}

#[test]
fn extra_info_json() {
    let text = format!(
        "extra-info relay04 {ID}\npublished 2026-11-21 03:16:05\n\
         transport obfs4 192.0.2.4:443 cert=AAAA\n\
         transport-info version=0.1.0 implementation=lyrebird\n\
         write-history 2026-11-21 03:00:00 (900 s) 1,2\n\
         geoip-db-digest {ID}\ndirreq-stats-end 2026-11-21 03:00:00 (86400 s)\n\
         dirreq-v3-ips us=16,??=8\ndirreq-v3-share 0.5%\n\
         hidserv-v3-stats-end 2026-11-21 03:00:00 (86400 s)\n\
         hidserv-dir-v3-onions-seen -21 delta_f=8 epsilon=0.30\n\
         cell-queued-cells 1.50,0.25\nexit-streams-opened 80=4,other=8\n\
         conn-bi-direct 2026-11-21 03:00:00 (86400 s) 1,2,3,4\n\
         padding-counts 2026-11-21 03:00:00 (86400 s) bin-size=10000\n\
         overload-fd-exhausted 1 2026-11-21 02:00:00\n"
    );
    let value = json_of(ExtraInfo::parse(text.as_bytes()).unwrap());
    assert_eq!((&value["nickname"], &value["fingerprint"]), (&json!("relay04"), &json!(ID)));
    assert_eq!(value["published"], "2026-11-21T03:16:05Z");
    assert_eq!(
        value["transports"],
        json!([{"name": "obfs4", "address": "192.0.2.4:443", "arguments": "cert=AAAA"}])
    );
    assert_eq!(value["transport_infos"][0]["implementation"], "lyrebird");
    assert_eq!(value["write_history"]["values"], json!([1, 2]));
    assert_eq!(value["geoip_db_digest"], ID);
    let dirreq = &value["dirreq"];
    assert_eq!(dirreq["period"], json!({"end": "2026-11-21T03:00:00Z", "length": 86400.0}));
    assert_eq!(dirreq["v3"]["ips"], json!({"us": 16, "??": 8}));
    assert_eq!((&dirreq["v3"]["share"], &dirreq["v2"]["ips"]), (&json!(0.5), &Value::Null));
    let seen = json!({"value": -21, "parameters": {"delta_f": "8", "epsilon": "0.30"}});
    assert_eq!(value["hidden_service_v3"]["dir_onions_seen"], seen);
    assert_eq!(value["cell"]["queued_cells"], json!([1.5, 0.25]));
    assert_eq!(value["exit"]["streams_opened"], json!({"80": 4, "other": 8}));
    assert_eq!(value["connections"]["written"], 3);
    assert_eq!(value["padding"]["counts"], json!({"bin-size": "10000"}));
    assert_eq!(value["overload_fd_exhausted"]["since"], "2026-11-21T02:00:00Z");
    assert_eq!(value["digest"], Value::Null);
}

#[test]
fn bandwidth_file_json() {
    let text = format!(
        "1523911758\nversion=1.4.0\ndestinations_countries=TH,ZZ\ntor_version=0.3.5.10\n\
         time_to_report_half_network=15\n=====\nbw=1 node_id=${ID} new=x\n"
    );
    let value = json_of(BandwidthFile::parse(text.as_bytes()).unwrap());
    assert_eq!(value["timestamp"], "2018-04-16T20:49:18Z");
    assert_eq!((&value["version"], &value["software"]), (&json!("1.4.0"), &Value::Null));
    assert_eq!(value["destinations_countries"], json!(["th", "zz"]));
    assert_eq!((&value["tor_version"], &value["mu"]), (&json!("0.3.5.10"), &Value::Null));
    assert_eq!(value["time_to_report_half_network"], 15);
    assert_eq!(value["relays"], json!([{"bw": "1", "node_id": format!("${ID}"), "new": "x"}]));
}

#[test]
fn exit_list_json() {
    let text = format!(
        "Downloaded 2026-11-21 04:02:03\nExitNode {ID}\nPublished 2026-11-21 02:13:53\n\
         LastStatus today\nExitAddress 192.0.2.1 2026-11-21 03:18:51\n"
    );
    let value = json_of(ExitList::parse(text.as_bytes()).unwrap());
    let addresses = json!([{"address": "192.0.2.1", "time": "2026-11-21T03:18:51Z"}]);
    assert_eq!(
        value,
        json!({"downloaded": "2026-11-21T04:02:03Z", "exits": [{
            "fingerprint": ID, "published": "2026-11-21T02:13:53Z", "last_status": null,
            "addresses": addresses,
        }]})
    );
}

#[test]
fn onion_descriptor_v2_json() {
    let id = "y3olqqblqw2gbh6phimfuiroechjjafa";
    let points = "introduction-point y3olqqblqw2gbh6phimfuiroechjjafa\nonion-port 443\n";
    let text = format!(
        "rendezvous-service-descriptor {id}\nversion 2\nprotocol-versions 2,3\n\
         introduction-points\n-----BEGIN MESSAGE-----\n{}\n-----END MESSAGE-----\n",
        data_encoding::BASE64.encode(points.as_bytes())
    );
    let value = json_of(OnionDescriptorV2::parse(text.as_bytes()).unwrap());
    assert_eq!((&value["descriptor_id"], &value["version"]), (&json!(id), &json!(2)));
    assert_eq!(value["protocol_versions"], json!([2, 3]));
    assert_eq!(value["introduction_points"][0]["port"], 443);
    assert_eq!(value["introduction_points"][0]["address"], Value::Null);
    let encrypted = text.replace("aW50", "AQAB");
    let value = json_of(OnionDescriptorV2::parse(encrypted.as_bytes()).unwrap());
    assert_eq!(value["introduction_points"], Value::Null);
}

#[test]
fn entries_of_statuses_are_the_last_field() {
    let recorded = include_bytes!("data/documents/consensus-microdesc");
    let consensus = Consensus::parse(recorded).unwrap();
    let text = serde_json::to_string(&consensus).unwrap();
    let relays = serde_json::to_string(&consensus.relays().collect::<Vec<_>>()).unwrap();
    assert!(consensus.relays().count() > 7);
    assert!(text.ends_with(&format!("\"relays\":{relays}}}")), "{text}");

    let ns = Consensus::parse(include_bytes!("data/documents/consensus-ns")).unwrap();
    assert_eq!(json_of(&ns)["relays"], json_of(ns.relays().collect::<Vec<_>>()));
    let vote = Vote::parse(include_bytes!("data/documents/vote")).unwrap();
    assert_eq!(json_of(&vote)["relays"], json_of(vote.relays().collect::<Vec<_>>()));

    let entry = "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 \
        2005-12-15 06:57:18 127.0.0.14 9004 0\n";
    let bridges = format!("published 2026-11-21 03:00:00\n{entry}");
    let bridges = json_of(BridgeNetworkStatus::parse(bridges.as_bytes()).unwrap());
    let v2 = format!("network-status-version 2\n{entry}");
    let v2 = json_of(NetworkStatusV2::parse(v2.as_bytes()).unwrap());
    for entries in [&bridges["bridges"], &v2["relays"]] {
        assert_eq!(entries[0]["published"], "2005-12-15T06:57:18Z");
    }
}
