//! Fetching and posting onion service descriptors, and the keys of their
//! clients.

use std::time::{Duration, Instant};

use data_encoding::{BASE64, BASE64_NOPAD};
use scape::Controller;
use scape::control::{
    AddOnion, ClientAuth, ClientAuthAdded, HsFetch, HsFetchError, HsFetchFailure, HsFetchProblem,
};
use scape::event::{EventBody, EventKind, HsDescAction};
use scape::testing::TestNetwork;
use scape::word::{ClientPublicKey, OnionAddress};

use crate::SOON;
use crate::onions::added::{is_final, publish, read, server};

cases! {
    ONIONS:
    onion_descriptor_is_fetched = fetched,
    fetch_of_a_missing_onion_descriptor_fails = missing,
    onion_descriptor_is_posted_for_a_service_that_does_not_publish = posted,
    client_with_the_key_reaches_the_onion_service = client_key,
}

/// A valid address of no existing service. `NOBODY_ELSE` is another one.
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
const NOBODY_ELSE: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
/// A client's private key. The client's public key is `PUBLIC_KEY`.
const KEY: &str = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
const PUBLIC_KEY: &str = "2VTGLHGDACYDUJ5DNTTEGU6NDP7AAYD4S5FFD2G5Y42XLGWIUZQQ";

fn fetched(network: &TestNetwork) {
    let tor = network.client();
    let added = publish(tor, &AddOnion::new().port(80, server(b"fetched")));
    let first = tor.hs_descriptors().fetch(added.address, SOON).unwrap();
    assert!(first.text().starts_with("hs-descriptor 3\n"), "{}", first.text());
    assert!(first.text().contains("\nsuperencrypted\n-----BEGIN MESSAGE-----\n"));
    assert_eq!(first.address, added.address);
    assert_eq!(first.descriptor_id.len(), 43);
    // A named directory may be asked again at once.
    let hsdir = first.hsdir.unwrap();
    for _ in 0..3 {
        let again =
            tor.hs_descriptors().fetch(HsFetch::new(added.address).server(&hsdir), SOON).unwrap();
        assert_eq!(
            (again.hsdir.as_ref(), again.descriptor_id),
            (Some(&hsdir), first.descriptor_id.clone())
        );
    }
    // tor asks each directory that it chooses once, and then none for a while
    // (15 seconds in a testing network). During that time it sends no event.
    let mut asked = 0;
    let error = loop {
        match tor.hs_descriptors().fetch(added.address, Duration::from_secs(10)) {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
        assert!(asked < 20, "tor asks and asks");
    };
    assert!(error.is_timeout(), "{error}");
    assert!(
        error.to_string().contains("asked all of this service's directories lately"),
        "{error}"
    );
    assert!(tor.hs_descriptors().fetch(HsFetch::new(added.address).server(&hsdir), SOON).is_ok());
    // A fetch can also be started without waiting for its end.
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    tor.hs_descriptors()
        .begin_fetch(HsFetch::new(added.address).server(hsdir.fingerprint().unwrap()))
        .unwrap();
    loop {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::HsDesc(told) = event.body()
            && told.address == Some(added.address)
            && told.action == HsDescAction::Received
        {
            break;
        }
    }
    tor.del_onion(&added.address).unwrap();
}

fn missing(network: &TestNetwork) {
    let tor = network.client();
    let nobody: OnionAddress = NOBODY.parse().unwrap();
    // On a busy machine, tor may ask the next directory after the fetch has
    // ended. When it is then told to fetch again, it asks none for 15 seconds.
    // So a fetch is repeated until every directory has replied that it has no
    // such descriptor, and `also` is true.
    let fails = |fetch: HsFetch, also: &dyn Fn(&HsFetchError) -> bool| {
        let deadline = Instant::now() + 3 * SOON;
        loop {
            let fetched = tor.hs_descriptors().fetch(fetch.clone(), Duration::from_secs(20));
            let error = fetched.unwrap_err();
            match error.get::<HsFetchError>() {
                Some(error) if error.is_not_found() && also(error) => return error.clone(),
                Some(_) if Instant::now() < deadline => println!("  once more: {error}"),
                _ => panic!("{error:?}"),
            }
        }
    };

    // tor asks the directories that it chooses one after the other.
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    let begun = Instant::now();
    let error = fails(nobody.into(), &|_| true);
    println!("  after {:.1} s: {error}", begun.elapsed().as_secs_f32());
    assert!(error.is_not_found() && error.unanswered.is_empty(), "{error}");
    assert_eq!(error.problem, HsFetchProblem::AllFailed);
    let is_request = |body: &EventBody| {
        matches!(
            body,
            EventBody::HsDesc(told) if told.action == HsDescAction::Requested
        )
    };
    let requested = events.try_iter().filter(|event| is_request(event.body())).count();
    assert!(requested >= error.failures.len(), "{requested} requests: {error}");

    // After it has asked them all, tor may ask them again.
    fails(nobody.into(), &|_| true);
    // A named directory is asked first. If it has no such descriptor, tor goes
    // on with the responsible directories.
    let relay = network.relays().next().unwrap().fingerprint().unwrap();
    let asked = |failure: &HsFetchFailure| failure.hsdir.as_ref().unwrap().fingerprint().unwrap();
    let fetch = HsFetch::new(NOBODY_ELSE.parse().unwrap()).server(relay);
    fails(fetch, &|error| error.failures.len() > 1 && asked(&error.failures[0]) == relay);
}

/// Returns the blinded key that identifies a descriptor. It is read from an
/// extension of the certificate at the beginning of the document.
fn descriptor_id(document: &[u8]) -> String {
    let text = String::from_utf8_lossy(document);
    let after = text.split_once("-----BEGIN ED25519 CERT-----\n").unwrap().1;
    let base64: String = after.lines().take_while(|line| !line.starts_with("-----")).collect();
    let certificate = BASE64.decode(base64.as_bytes()).unwrap();
    BASE64_NOPAD.encode(&certificate[44..76])
}

/// A guard that stops a tor from publishing descriptors until it is dropped.
struct Silent<'a>(&'a Controller);

impl<'a> Silent<'a> {
    fn begin(tor: &'a Controller) -> Self {
        tor.set_conf([("PublishHidServDescriptors", "0")]).unwrap();
        Silent(tor)
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        let _ = self.0.reset_conf(["PublishHidServDescriptors"]);
    }
}

fn posted(network: &TestNetwork) {
    let tor = network.client();
    let _silent = Silent::begin(tor);
    let added = tor.add_onion(&AddOnion::new().port(80, server(b"posted"))).unwrap();
    let key = format!("hs/service/desc/id/{}", added.address.service_id());
    let deadline = Instant::now() + SOON;
    // tor makes the descriptor within some seconds, and sends no event about
    // it.
    let document = loop {
        match tor.info().get_bytes(&key) {
            Ok(document) => break document,
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => panic!("{error}"),
        }
    };

    let relay = network.relays().next().unwrap().fingerprint().unwrap();
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    let answers = tor.hs_descriptors().post(&added.address, &document, [relay], SOON).unwrap();
    assert!(answers.len() == 1 && answers[0].is_uploaded(), "{answers:?}");
    assert_eq!(answers[0].hsdir.fingerprint(), Some(relay));
    let posted = descriptor_id(&document);
    // Clients ask for the descriptor of the current time period. The posted one
    // may belong to the period before or after it.
    match tor.hs_descriptors().fetch(HsFetch::new(added.address).server(relay), SOON) {
        Ok(fetched) => assert_eq!(fetched.descriptor_id, posted),
        Err(error) => {
            let Some(error) = error.get::<HsFetchError>() else { panic!("{error:?}") };
            let requested = events.try_iter().find_map(|event| match event.body() {
                EventBody::HsDesc(told) if told.action == HsDescAction::Requested => {
                    told.descriptor_id.clone()
                }
                _ => None,
            });
            assert!(error.is_not_found(), "{error}");
            assert_ne!(requested.unwrap(), posted);
        }
    }
    tor.hs_descriptors().begin_post(&added.address, &document, Vec::<&str>::new()).unwrap();
    tor.del_onion(&added.address).unwrap();
}

fn client_key(network: &TestNetwork) {
    let tor = network.client();
    let public: ClientPublicKey = PUBLIC_KEY.parse().unwrap();
    let added = publish(tor, &AddOnion::new().port(80, server(b"welcome")).client(public));
    assert_eq!(added.clients, [public]);
    let error = read(network, &added.address, 80).unwrap_err();
    assert!(is_final(&error), "{error}");
    // tor has the descriptor by now, and can decrypt it with the key.
    let auth = ClientAuth::new(added.address, KEY.parse().unwrap()).name("welcome");
    assert_eq!(tor.onion_client_auth().add(&auth).unwrap(), ClientAuthAdded::Decrypted);
    assert_eq!(tor.onion_client_auth().get(&added.address).unwrap(), Some(auth.clone()));
    assert_eq!(read(network, &added.address, 80).unwrap(), "welcome");
    assert!(matches!(
        tor.onion_client_auth().add(&auth).unwrap(),
        ClientAuthAdded::Replaced | ClientAuthAdded::Decrypted
    ));
    assert!(tor.onion_client_auth().remove(&added.address).unwrap());
    assert!(!tor.onion_client_auth().remove(&added.address).unwrap());
    tor.del_onion(&added.address).unwrap();
}
