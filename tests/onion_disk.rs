//! Onion services in tor's configuration, and the keys of their clients, with a
//! scripted tor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, const_mutex};
use scape::control::{ArgumentError, ClientAuth};
use scape::error::AnswerError;
use scape::onion::client_auth::ClientAuthGuard;
use scape::onion::disk::{DiskOnion, DiskOnionError, DiskOnionProblem, DiskOnions};
use scape::testing::{Script, ScriptedTor};
use scape::{CancelToken, Connect, Controller, Error};

const ADDRESS: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
const KEY: &str = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
const OTHER_KEY: &str = "x25519:CFqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
const NO_KEYS: &str = "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n";

/// A logger that keeps the lines that the tests of this file log, at any level.
struct Logged(Mutex<Vec<String>>);

static LOGGED: Logged = Logged(const_mutex(Vec::new()));

impl log::Log for Logged {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn connect(tor: &ScriptedTor) -> Controller {
    Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()
}

/// Returns the commands that tor has received with this keyword.
fn sent(tor: &ScriptedTor, keyword: &str) -> Vec<String> {
    tor.sent().into_iter().filter(|command| command.starts_with(keyword)).collect()
}

fn getconf(lines: &[&str]) -> String {
    let (last, others) = lines.split_last().unwrap();
    let others: String = others.iter().map(|line| format!("250-{line}\r\n")).collect();
    format!("{others}250 {last}\r\n")
}

#[test]
fn disk_onion_edit_keeps_the_other_services_unchanged() {
    let lines = [
        "HiddenServiceDir=/srv/a",
        "HiddenServicePort=  80   8080 ",
        "HiddenServiceFutureThing=a=b \"c\"",
        r#"HiddenServiceDir="/srv/caf\303\251 #1""#,
        "HiddenServicePort=80 localhost:90",
        "HiddenServicePort=80",
        "HiddenServicePort=80",
        "HiddenServiceVersion=2",
    ];
    let tor = ScriptedTor::builder()
        .on("GETCONF HiddenServiceOptions", getconf(&lines))
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_prefix("SETCONF", "250 OK\r\n")
        .start()
        .unwrap();
    let onions = DiskOnions::of(&connect(&tor));
    onions
        .edit(|services| {
            services.insert(1, DiskOnion::new("/srv/new").local_port(22));
            Ok(())
        })
        .unwrap();
    assert_eq!(
        sent(&tor, "SETCONF"),
        [concat!(
            r#"SETCONF HiddenServiceDir="/srv/a" HiddenServicePort="  80   8080 " "#,
            r#"HiddenServiceFutureThing="a=b \"c\"" HiddenServiceDir="/srv/new" HiddenServicePort="22" "#,
            r#"HiddenServiceDir="/srv/café #1" HiddenServicePort="80 localhost:90" HiddenServicePort="80" "#,
            r#"HiddenServicePort="80" HiddenServiceVersion="2""#
        )]
    );
    // An edit without changes sends nothing.
    onions.edit(|_| Ok(())).unwrap();
    assert_eq!(sent(&tor, "SETCONF").len(), 1);
    onions.reread().unwrap();
    assert_eq!(sent(&tor, "SETCONF").len(), 2);
}

/// Returns a scripted tor with these configuration lines of onion services, and
/// a list that always contains tor's present lines. tor answers the first
/// SETCONF too late for calls with this `timeout`.
fn late_tor(lines: &[&str], timeout: Duration) -> (ScriptedTor, Arc<Mutex<Vec<String>>>) {
    let configured =
        Arc::new(Mutex::new(lines.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let (of_tor, mut is_late) = (configured.clone(), true);
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_any(move |command| {
            let mut lines = of_tor.lock();
            if command == "GETCONF HiddenServiceOptions" {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                return Some(
                    getconf(if lines.is_empty() { &["HiddenServiceOptions"] } else { &lines })
                        .into(),
                );
            }
            let group = command.strip_prefix("SETCONF ")?;
            *lines = group
                .split(' ')
                .filter(|line| line.contains('='))
                .map(|line| line.replace('"', ""))
                .collect();
            drop(lines);
            if std::mem::take(&mut is_late) {
                std::thread::sleep(timeout * 2);
            }
            Some(b"250 OK\r\n".to_vec())
        })
        .start()
        .unwrap();
    (tor, configured)
}

#[test]
fn late_change_of_a_disk_onion_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("new");
    let timeout = Duration::from_millis(500);
    let before = ["HiddenServiceDir=/srv/a", "HiddenServicePort=80"];
    type Change<'a> = (&'a str, Box<dyn Fn(&DiskOnions) -> Error + 'a>);
    let other = DiskOnion::new("/srv/a").local_port(81);
    let new = DiskOnion::new(&directory).local_port(80);
    let clear = |services: &mut Vec<DiskOnion>| {
        services.clear();
        Ok(())
    };
    let changes: [Change<'_>; 4] = [
        ("add", Box::new(|onions| onions.add(&new).unwrap_err())),
        ("change", Box::new(|onions| onions.change("/srv/a", &other).unwrap_err())),
        ("remove", Box::new(|onions| onions.remove("/srv/a").unwrap_err())),
        ("edit", Box::new(|onions| onions.edit(clear).unwrap_err())),
    ];
    for (name, change) in &changes {
        let (tor, configured) = late_tor(&before, timeout);
        let token = CancelToken::new();
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                tor.wait_for("SETCONF").unwrap();
                token.cancel();
            });
            change(&DiskOnions::of(&connect(&tor).cancel_with(&token)))
        });
        assert!(error.is_cancelled(), "{name}: {error}");
        assert_eq!(*configured.lock(), before, "{name}");
        assert_eq!(sent(&tor, "SETCONF").len(), 2, "{name}");
    }
    for (name, change) in changes {
        let (tor, configured) = late_tor(&before, timeout);
        let error = change(&DiskOnions::of(&connect(&tor).with_timeout(timeout)));
        assert!(error.is_timeout(), "{name}: {error}");
        assert_eq!(*configured.lock(), before, "{name}");
        assert_eq!(sent(&tor, "SETCONF").len(), 2, "{name}");
    }
}

#[test]
fn disk_onion_lines_that_cannot_be_sent_back_are_left_alone() {
    for (lines, shown) in [
        (vec!["HiddenServicePort=80", "HiddenServiceDir=/srv/a"], "HiddenServicePort 80"),
        (vec![r#"HiddenServiceDir="/srv/\377""#, "HiddenServicePort=80"], "not UTF-8"),
    ] {
        let tor = ScriptedTor::builder()
            .on("GETCONF HiddenServiceOptions", getconf(&lines))
            .on_prefix("SETCONF", "250 OK\r\n")
            .start()
            .unwrap();
        let onions = DiskOnions::of(&connect(&tor));
        let error = onions
            .edit(|services| {
                services.push(DiskOnion::new("/srv/b").local_port(80));
                Ok(())
            })
            .unwrap_err();
        assert!(
            error.get::<AnswerError>().is_some() && error.to_string().contains(shown),
            "{error}"
        );
        assert!(sent(&tor, "SETCONF").is_empty());
    }
}

#[test]
fn invalid_disk_onion_change_is_not_sent() {
    let tor = ScriptedTor::builder()
        .on(
            "GETCONF HiddenServiceOptions",
            getconf(&["HiddenServiceDir=/srv/a", "HiddenServicePort=80"]),
        )
        .start()
        .unwrap();
    let onions = DiskOnions::of(&connect(&tor));
    let push = |service: DiskOnion| {
        onions.edit(|services| {
            services.push(service);
            Ok(())
        })
    };
    let good = DiskOnion::new("/srv/b").local_port(80);
    assert!(push(DiskOnion::new("/srv/b")).unwrap_err().get::<ArgumentError>().is_some());
    let error = push(good.clone().option("HiddenServiceX", "a\r\nQUIT")).unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "{error}");
    // The path is refused even if it is spelled differently.
    for twice in ["/srv/a", "/srv/a/", "/srv//a"] {
        let error = push(DiskOnion::new(twice).local_port(81)).unwrap_err();
        assert!(error.to_string().contains("is configured already"), "{error}");
    }
    let error = onions.change("/srv/none", &good).unwrap_err();
    let disk: &DiskOnionError = error.get().unwrap();
    assert!(matches!(disk.problem, DiskOnionProblem::NotConfigured), "{error}");
    assert!(onions.remove("/srv/none").is_err());
    assert!(onions.open("/srv/none").unwrap().is_none());
    assert!(sent(&tor, "SETCONF").is_empty());
}

#[test]
fn disk_onion_refusal_contains_the_log_of_tor() {
    let script = Script::new()
        .login()
        .expect("GETCONF HiddenServiceOptions")
        .send("250 HiddenServiceOptions\r\n")
        .expect("SETEVENTS WARN")
        .send("250 OK\r\n")
        .expect("ONION_CLIENT_AUTH_VIEW")
        .send(NO_KEYS)
        .expect("ONION_CLIENT_AUTH_VIEW")
        .send(NO_KEYS)
        .expect(r#"SETCONF HiddenServiceDir="/srv/a" HiddenServicePort="80""#)
        .send("513 Unacceptable option value: See logs for details.\r\n")
        .send("650 WARN The directory is haunted.\r\n")
        .send("650 WARN Controller gave us config lines that didn't validate: See logs.\r\n")
        .answer();
    let tor = ScriptedTor::follow(script).unwrap();
    let onions = DiskOnions::of(&connect(&tor));
    let error = onions
        .edit(|services| {
            services.push(DiskOnion::new("/srv/a").local_port(80));
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.code(), Some(513));
    let text = error.to_string();
    assert!(
        text.contains("See logs for details.") && text.ends_with("The directory is haunted."),
        "{text}"
    );
}

#[test]
fn disk_onion_edit_works_behind_a_minimal_filter() {
    let tor = ScriptedTor::builder()
        .on(
            "GETCONF HiddenServiceOptions",
            getconf(&["HiddenServiceDir=/srv/a", "HiddenServicePort=80"]),
        )
        .on_prefix("SETEVENTS", "510 Command filtered\r\n")
        .on("SETCONF HiddenServiceDir", "250 OK\r\n")
        .start()
        .unwrap();
    let removed = DiskOnions::of(&connect(&tor)).remove("/srv/a").unwrap();
    assert_eq!(removed, DiskOnion::new("/srv/a").local_port(80));
}

#[test]
fn client_keys_that_tor_forgets_are_added_again() {
    let view = format!(
        "250-ONION_CLIENT_AUTH_VIEW\r\n250-CLIENT {ADDRESS} {KEY} ClientName=bob\r\n\
         250-CLIENT 2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid {KEY} Flags=Permanent\r\n250 OK\r\n"
    );
    let tor = ScriptedTor::builder()
        .on(
            "GETCONF HiddenServiceOptions",
            getconf(&["HiddenServiceDir=/srv/a", "HiddenServicePort=80"]),
        )
        .on("ONION_CLIENT_AUTH_VIEW", view)
        .on("SETCONF HiddenServiceDir", "250 OK\r\n")
        .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
        .start()
        .unwrap();
    DiskOnions::of(&connect(&tor)).remove("/srv/a").unwrap();
    assert_eq!(
        sent(&tor, "ONION_CLIENT_AUTH_ADD"),
        [format!("ONION_CLIENT_AUTH_ADD {ADDRESS} {KEY} ClientName=bob")]
    );
}

#[test]
fn disk_onion_without_an_address_is_removed_again() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("service");
    let group =
        getconf(&[&format!("HiddenServiceDir={}", directory.display()), "HiddenServicePort=80"]);
    let is_added = Arc::new(Mutex::new(false));
    // This tor accepts the service but never writes its address.
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_any(move |command| {
            let mut is_added = is_added.lock();
            if command == "GETCONF HiddenServiceOptions" {
                let none = "250 HiddenServiceOptions\r\n".to_owned();
                return Some(if *is_added { group.clone() } else { none }.into_bytes());
            }
            *is_added |= command.starts_with("SETCONF");
            command.starts_with("SETCONF").then(|| b"250 OK\r\n".to_vec())
        })
        .start()
        .unwrap();
    let onions = DiskOnions::of(&connect(&tor).with_timeout(Duration::from_secs(2)));
    let error = onions.add(&DiskOnion::new(&directory).local_port(80)).unwrap_err();
    let Some(error) = error.get::<DiskOnionError>() else { panic!("{error:?}") };
    assert!(matches!(error.problem, DiskOnionProblem::NoHostname(_)), "{error}");
    assert_eq!(sent(&tor, "SETCONF").last().unwrap(), "SETCONF HiddenServiceDir");
}

/// Returns a scripted tor with one service, and the service's directory, which
/// contains only the file `hostname`. The first `answers` answers about
/// services list the service. Later ones don't.
fn tor_with_a_service(mut answers: usize) -> (ScriptedTor, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hostname"), format!("{ADDRESS}.onion\n")).unwrap();
    let directory = format!("HiddenServiceDir={}", folder.path().display());
    let group = getconf(&[&directory, "HiddenServicePort=80"]);
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_any(move |command| {
            command.strip_prefix("GETCONF HiddenServiceOptions")?;
            let has_it = answers > 0;
            answers = answers.saturating_sub(1);
            let none = "250 HiddenServiceOptions\r\n";
            Some(if has_it { group.clone().into() } else { none.into() })
        })
        .start()
        .unwrap();
    (tor, folder)
}

#[test]
fn unusable_files_of_a_disk_onion_are_named() {
    let (tor, folder) = tor_with_a_service(usize::MAX);
    let service = DiskOnions::of(&connect(&tor)).open(folder.path()).unwrap().unwrap();
    for file in ["hs_ed25519_secret_key", "hs_ed25519_public_key"] {
        std::fs::write(folder.path().join(file), "nonsense").unwrap();
    }
    std::fs::remove_file(folder.path().join("hostname")).unwrap();
    for (error, part) in [
        (service.secret_key().unwrap_err(), "its hs_ed25519_secret_key contains no valid key"),
        (service.public_key().unwrap_err(), "its hs_ed25519_public_key contains no valid key"),
        (service.hostname().unwrap_err(), "has no hostname file with an address yet"),
    ] {
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
        for untrue in ["was not added", "nothing was sent", "0ns"] {
            assert!(!text.contains(untrue), "{text}");
        }
    }
}

#[test]
fn disk_onion_guard_of_a_removed_service_logs_nothing() {
    log::set_logger(&LOGGED).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    // Opening the service sends one question, whose answer contains the
    // service. The guard's question finds that the service is gone.
    let (tor, folder) = tor_with_a_service(1);
    let controller = connect(&tor);
    let service = DiskOnions::of(&controller).open(folder.path()).unwrap().unwrap();
    drop(service.guard());
    assert_eq!(sent(&tor, "GETCONF HiddenServiceOptions").len(), 2);
    assert!(sent(&tor, "SETCONF").is_empty());
    let about_it = |line: &String| line.contains("remove") && line.contains(ADDRESS);
    let logged = LOGGED.0.lock();
    assert!(!logged.iter().any(about_it), "{logged:?}");
}

#[test]
fn disk_onion_edits_wait_for_each_other_until_their_deadline() {
    // This tor keeps the configuration and answers slowly.
    let kept = Arc::new(Mutex::new("250 HiddenServiceOptions\r\n".to_owned()));
    let config = kept.clone();
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_any(move |command| {
            if command == "GETCONF HiddenServiceOptions" {
                return Some(config.lock().clone().into_bytes());
            }
            let lines: Vec<String> = command
                .strip_prefix("SETCONF ")?
                .split(' ')
                .map(|line| line.replacen("=\"", "=", 1).trim_end_matches('"').to_owned())
                .collect();
            *config.lock() = getconf(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            Some(b"250 OK\r\n".to_vec())
        })
        .start()
        .unwrap();
    let controllers = [connect(&tor), connect(&tor)];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let onions = DiskOnions::of(&controllers[number % 2]);
            scope.spawn(move || {
                onions.edit(|services| {
                    services.push(DiskOnion::new(format!("/srv/{number}")).local_port(80));
                    Ok(())
                })
            });
        }
    });
    let onions = DiskOnions::of(&controllers[0]);
    assert_eq!(onions.list().unwrap().len(), 8);

    // An edit within another edit would wait for itself.
    let hasty = DiskOnions::of(&controllers[0].with_timeout(Duration::from_millis(50)));
    let error = onions.edit(|_| hasty.remove("/srv/1")).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn client_key_guard_restores_the_former_key() {
    let before = format!(
        "250-ONION_CLIENT_AUTH_VIEW\r\n250-CLIENT {ADDRESS} {OTHER_KEY} ClientName=eve\r\n250 OK\r\n"
    );
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", before)
        .on_prefix("ONION_CLIENT_AUTH_ADD", "251 Client for onion existed and replaced\r\n")
        .start()
        .unwrap();
    let controller = connect(&tor);
    let auth = ClientAuth::new(ADDRESS.parse().unwrap(), KEY.parse().unwrap());
    let guard = ClientAuthGuard::add(&controller, &auth).unwrap();
    assert_eq!(guard.before().unwrap().name.as_deref(), Some("eve"));
    guard.renew().unwrap();
    drop(guard);
    ClientAuthGuard::add(&controller, &auth).unwrap().keep();
    let added: Vec<bool> =
        sent(&tor, "ONION_CLIENT_AUTH_ADD").iter().map(|add| add.contains(OTHER_KEY)).collect();
    assert_eq!(added, [false, false, true, false]);
}

#[test]
fn client_key_guard_does_not_keep_the_connection_open() {
    let tor = ScriptedTor::builder()
        .on("ONION_CLIENT_AUTH_VIEW", NO_KEYS)
        .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
        .start()
        .unwrap();
    let controller = connect(&tor);
    let auth = ClientAuth::new(ADDRESS.parse().unwrap(), KEY.parse().unwrap());
    let guard = ClientAuthGuard::add(&controller, &auth).unwrap();
    let other = ClientAuthGuard::add(&controller, &auth).unwrap();
    drop(controller);
    assert!(guard.close().unwrap_err().is_closed());
    drop(other);
    assert!(sent(&tor, "ONION_CLIENT_AUTH_REMOVE").is_empty());
}
