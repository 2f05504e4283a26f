//! A table of all keys of GETINFO, each with the method of `Controller` that
//! reads it.

use std::fmt::Debug;
use std::str::FromStr;

use scape::control::DirServerQuery;
use scape::info::{DownloadPhase, HandshakeType, ListenerKind, MappingSource};
use scape::netdoc::ConsensusFlavor;
use scape::word::OnionAddress;
use scape::{Controller, Result};

/// A function that calls the method for a key, and formats the value with
/// `Debug`. The text argument is empty, or the rest of the key if the table
/// contains only a prefix. The rest can be a fingerprint. The function returns
/// `None` if the method's arguments can't express that rest.
type Read = fn(&Controller, &str) -> Option<Result<String>>;

/// Keys that tor 0.4.9 answers, but doesn't list in `info/names`.
pub(crate) const NOT_LISTED: &[&str] = &[
    "fingerprint",
    "helper-nodes",
    "desc/all-recent-extrainfo-hack",
    "status/good-server-descriptor",
    "status/accepted-server-descriptor",
    "status/reachability-succeeded",
    "status/reachability-succeeded/or",
    "status/reachability-succeeded/dir",
];

/// The keys with their methods. A key that ends in `*` is a prefix of keys with
/// more text.
pub(crate) const METHODS: &[(&str, Read)] = &[
    ("accounting/bytes", |c, _| show(c.info().accounting())),
    ("accounting/bytes-left", |c, _| show(c.info().accounting())),
    ("accounting/enabled", |c, _| show(c.info().accounting())),
    ("accounting/hibernating", |c, _| show(c.info().accounting())),
    ("accounting/interval-end", |c, _| show(c.info().accounting())),
    ("accounting/interval-start", |c, _| show(c.info().accounting())),
    ("accounting/interval-wake", |c, _| show(c.info().accounting())),
    ("address", |c, _| show(c.info().address())),
    ("address/v4", |c, _| show(c.info().address_v4())),
    ("address/v6", |c, _| show(c.info().address_v6())),
    ("address-mappings/all", |c, _| show(c.info().address_mappings(&MappingSource::All))),
    ("address-mappings/cache", |c, _| show(c.info().address_mappings(&MappingSource::Cache))),
    ("address-mappings/config", |c, _| show(c.info().address_mappings(&MappingSource::Config))),
    ("address-mappings/control", |c, _| show(c.info().address_mappings(&MappingSource::Control))),
    ("bw-event-cache", |c, _| show(c.info().bw_event_cache())),
    ("circuit-status", |c, _| show(c.circuits())),
    ("config-can-saveconf", |c, _| show(c.info().config_can_saveconf())),
    ("config-defaults-file", |c, _| show(c.info().config_defaults_file())),
    ("config-file", |c, _| show(c.info().config_file())),
    ("config-text", |c, _| show(c.info().config_text())),
    ("config/defaults", |c, _| show(c.info().config_defaults())),
    ("config/names", |c, _| show(c.info().config_names())),
    ("consensus/fresh-until", |c, _| show(c.info().consensus_lifetime())),
    ("consensus/packages", |c, _| show(c.info().consensus_packages())),
    ("consensus/valid-after", |c, _| show(c.info().consensus_lifetime())),
    ("consensus/valid-until", |c, _| show(c.info().consensus_lifetime())),
    ("current-time/local", |c, _| show(c.info().current_time_local())),
    ("current-time/utc", |c, _| show(c.info().current_time())),
    ("desc-annotations/id/*", |c, member| show(c.info().desc_annotations(argument(member)?))),
    ("desc/all-recent", |c, _| show(c.info().desc_all_recent())),
    ("desc/all-recent-extrainfo-hack", |c, _| show(c.info().desc_all_recent_with_extra_info())),
    ("desc/download-enabled", |c, _| show(c.info().desc_download_enabled())),
    ("desc/id/*", |c, member| show(c.info().desc_id(argument(member)?))),
    ("desc/name/*", |c, member| show(c.info().desc_name(member))),
    ("dir/server/*", |c, member| show(c.info().dir_server(&query(member)?))),
    ("dir/status-vote/current/consensus", |c, _| {
        show(c.info().consensus_document(&ConsensusFlavor::Ns))
    }),
    ("dir/status-vote/current/consensus-microdesc", |c, _| {
        show(c.info().consensus_document(&ConsensusFlavor::Microdesc))
    }),
    ("dormant", |c, _| show(c.info().dormant())),
    ("downloads/bridge/*", |c, member| show(c.info().downloads_bridge(argument(member)?))),
    ("downloads/bridge/bridges", |c, _| show(c.info().downloads_bridges())),
    ("downloads/cert/fp/*", |c, member| match member.split_once('/') {
        None => show(c.info().downloads_cert(argument(member)?)),
        Some((authority, "sks")) => show(c.info().downloads_cert_sks(argument(authority)?)),
        Some((authority, key)) => {
            show(c.info().downloads_cert_sk(argument(authority)?, argument(key)?))
        }
    }),
    ("downloads/cert/fps", |c, _| show(c.info().downloads_cert_fps())),
    ("downloads/desc/*", |c, member| show(c.info().downloads_desc(argument(member)?))),
    ("downloads/networkstatus/*", |c, member| match member.split_once('/') {
        None => show(c.info().downloads_networkstatus(&ConsensusFlavor::from(member), None)),
        Some((flavor, phase)) => show(
            c.info().downloads_networkstatus(&flavor.into(), Some(&DownloadPhase::from(phase))),
        ),
    }),
    ("entry-guards", |c, _| show(c.info().entry_guards())),
    ("events/names", |c, _| show(c.info().known_events())),
    ("exit-policy/default", |c, _| show(c.info().exit_policy_default())),
    ("exit-policy/full", |c, _| show(c.info().exit_policy_full())),
    ("exit-policy/ipv4", |c, _| show(c.info().exit_policy_ipv4())),
    ("exit-policy/ipv6", |c, _| show(c.info().exit_policy_ipv6())),
    ("exit-policy/reject-private/default", |c, _| {
        show(c.info().exit_policy_reject_private_default())
    }),
    ("exit-policy/reject-private/relay", |c, _| show(c.info().exit_policy_reject_private_relay())),
    ("extra-info/digest/*", |c, member| show(c.info().extra_info(argument(member)?))),
    ("features/names", |c, _| show(c.info().known_features())),
    ("fingerprint", |c, _| show(c.info().fingerprint())),
    // This is an older name of `entry-guards`.
    ("helper-nodes", |c, _| show(c.info().entry_guards())),
    ("hs/client/desc/id/*", |c, member| {
        show(c.info().hs_client_desc(&argument::<OnionAddress>(member)?))
    }),
    ("hs/service/desc/id/*", |c, member| {
        show(c.info().hs_service_desc(&argument::<OnionAddress>(member)?))
    }),
    ("info/names", |c, _| show(c.info().info_names())),
    ("ip-to-country/*", |c, member| {
        show(c.info().ip_to_country(argument(member.trim_matches(['[', ']']))?))
    }),
    ("ip-to-country/ipv4-available", |c, _| show(c.info().ip_to_country_ipv4_available())),
    ("ip-to-country/ipv6-available", |c, _| show(c.info().ip_to_country_ipv6_available())),
    ("limits/max-mem-in-queues", |c, _| show(c.info().max_mem_in_queues())),
    ("md/all", |c, _| show(c.info().md_all())),
    ("md/download-enabled", |c, _| show(c.info().md_download_enabled())),
    ("md/id/*", |c, member| show(c.info().md_id(argument(member)?))),
    ("md/name/*", |c, member| show(c.info().md_name(member))),
    ("net/listeners/*", |c, member| show(c.info().listeners(&ListenerKind::from(member)))),
    ("network-liveness", |c, _| show(c.info().network_liveness())),
    ("ns/all", |c, _| show(c.info().ns_all())),
    ("ns/id/*", |c, member| show(c.info().ns_id(argument(member)?))),
    ("ns/name/*", |c, member| show(c.info().ns_name(member))),
    ("ns/purpose/*", |c, member| show(c.info().ns_purpose(&member.into()))),
    ("onions/current", |c, _| show(c.info().onions_current())),
    ("onions/detached", |c, _| show(c.info().onions_detached())),
    ("orconn-status", |c, _| show(c.info().or_connections())),
    ("process/descriptor-limit", |c, _| show(c.info().process())),
    ("process/pid", |c, _| show(c.info().process())),
    ("process/uid", |c, _| show(c.info().process())),
    ("process/user", |c, _| show(c.info().process())),
    ("signal/names", |c, _| show(c.info().known_signals())),
    ("sr/current", |c, _| show(c.info().shared_random())),
    ("sr/previous", |c, _| show(c.info().shared_random())),
    ("stats/ntor/assigned", |c, _| show(c.info().handshake_stats(&HandshakeType::Ntor))),
    ("stats/ntor/requested", |c, _| show(c.info().handshake_stats(&HandshakeType::Ntor))),
    ("stats/tap/assigned", |c, _| show(c.info().handshake_stats(&HandshakeType::Tap))),
    ("stats/tap/requested", |c, _| show(c.info().handshake_stats(&HandshakeType::Tap))),
    ("status/accepted-server-descriptor", |c, _| show(c.info().accepted_server_descriptor())),
    ("status/bootstrap-phase", |c, _| show(c.info().bootstrap_phase())),
    ("status/circuit-established", |c, _| show(c.info().circuit_established())),
    ("status/clients-seen", |c, _| show(c.info().clients_seen())),
    ("status/enough-dir-info", |c, _| show(c.info().enough_dir_info())),
    ("status/fresh-relay-descs", |c, _| show(c.info().fresh_relay_descs())),
    ("status/good-server-descriptor", |c, _| show(c.info().good_server_descriptor())),
    ("status/reachability-succeeded", |c, _| show(c.info().reachability())),
    ("status/reachability-succeeded/dir", |c, _| show(c.info().dir_reachable())),
    ("status/reachability-succeeded/or", |c, _| show(c.info().or_reachable())),
    ("status/version/current", |c, _| show(c.info().version_status())),
    ("status/version/recommended", |c, _| show(c.info().recommended_versions())),
    ("stream-status", |c, _| show(c.streams())),
    ("traffic/read", |c, _| show(c.info().traffic())),
    ("traffic/written", |c, _| show(c.info().traffic())),
    ("uptime", |c, _| show(c.info().uptime())),
    ("version", |c, _| show(c.version())),
];

/// Keys that are listed in `info/names` and have no method, each with the
/// reason.
pub(crate) const WITHOUT_METHOD: &[(&str, &str)] = &[
    (
        "dir/status/*",
        "there are no directories of version 2 any more, and tor always answers with nothing",
    ),
    ("downloads/desc/descs", "tor may crash on it, so it is never sent"),
    ("network-status", "tor lists it, and does not know it"),
];

/// Reads a key with its method. Returns `None` if the key has no method, or if
/// the method's arguments can't express it.
pub(crate) fn read(controller: &Controller, key: &str) -> Option<Result<String>> {
    let exact = METHODS.iter().find(|(name, _)| *name == key).map(|(_, method)| (*method, ""));
    let member = METHODS.iter().find_map(|(name, method)| {
        let member = key.strip_prefix(name.strip_suffix('*')?)?;
        Some((*method, member))
    });
    let (method, member) = exact.or(member)?;
    method(controller, member)
}

/// Returns true if there is a method for `name`, which is a line of
/// `info/names` without the description. `<name>` and a final `*` stand for any
/// text. It is enough if one key that begins with the text before them has a
/// method.
pub(crate) fn has_method(name: &str) -> bool {
    if WITHOUT_METHOD.iter().any(|(key, _)| *key == name) {
        return false;
    }
    let prefix = name.find('<').or(name.strip_suffix('*').map(str::len));
    METHODS.iter().any(|(key, _)| match prefix {
        None => {
            *key == name || key.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix))
        }
        Some(length) => key.starts_with(name.get(..length).expect("a prefix")),
    })
}

fn show<T: Debug>(result: Result<T>) -> Option<Result<String>> {
    Some(result.map(|value| format!("{value:?}")))
}

fn argument<T: FromStr>(member: &str) -> Option<T> {
    member.parse().ok()
}

fn query(member: &str) -> Option<DirServerQuery> {
    match member.split_once('/') {
        None if member == "all" => Some(DirServerQuery::All),
        None if member == "authority" => Some(DirServerQuery::Authority),
        Some(("fp", relays)) => Some(DirServerQuery::Fingerprints(
            relays.split('+').map(argument).collect::<Option<_>>()?,
        )),
        Some(("d", digests)) => {
            Some(DirServerQuery::Digests(digests.split('+').map(argument).collect::<Option<_>>()?))
        }
        _ => None,
    }
}
