//! Made-up server descriptors, and the extra-info documents of the same relays.
//! Their keywords and lengths are like those in the public network.

use std::fmt::Write as _;

use data_encoding::{BASE64_NOPAD, HEXUPPER};
use scape_proto::netdoc::Ed25519SecretKey;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::SEED;
use super::extra_info;
use super::keys::Keys;
use crate::random::Random;

/// The number of different relays. A text with more relays repeats their
/// documents.
const RELAYS: usize = 60;
/// The number of sets of keys that these relays share.
const KEYS: usize = 6;

/// The time when each document was made. The certificates in it expire 30 days
/// later.
pub(crate) const PUBLISHED: &str = "2026-07-27 10:11:12";

/// The server descriptor and the extra-info document of a relay.
struct Documents {
    descriptor: String,
    extra_info: String,
}

pub(super) fn server_descriptors(count: usize) -> String {
    repeat(count, |documents| &documents.descriptor)
}

pub(super) fn extra_info_documents(count: usize) -> String {
    repeat(count, |documents| &documents.extra_info)
}

fn repeat(count: usize, text: fn(&Documents) -> &String) -> String {
    let all = documents();
    all.iter().cycle().take(count).map(|documents| text(documents).as_str()).collect()
}

fn documents() -> Vec<Documents> {
    let mut random = Random(SEED);
    let keys: Vec<Keys> = (0..KEYS).map(|_| Keys::new(&mut random)).collect();
    let family = Ed25519SecretKey::from_seed(&random.bytes());
    let members: Vec<String> =
        (0..300).map(|_| format!("${}", HEXUPPER.encode(&random.bytes::<20>()))).collect();
    let of = |number| documents_of(number, &keys[number % KEYS], &family, &members, &mut random);
    (0..RELAYS).map(of).collect()
}

fn documents_of(
    number: usize,
    keys: &Keys,
    family: &Ed25519SecretKey,
    members: &[String],
    random: &mut Random,
) -> Documents {
    let nickname = format!("quokka{number}");
    let fingerprint = keys.identity.fingerprint();
    let head = format!("extra-info {nickname} {}\n", HEXUPPER.encode(&fingerprint));
    let identity = format!("identity-ed25519\n{}\n", keys.signing_certificate());
    let mut extra_info = format!("{head}{identity}published {PUBLISHED}\n");
    extra_info::write_statistics(&mut extra_info, random);
    sign(&mut extra_info, keys);
    // The first digest doesn't cover the signature, and the second one does.
    let end = extra_info.find("\nrouter-signature\n").unwrap() + "\nrouter-signature\n".len();
    let digests = format!(
        "{} {}",
        HEXUPPER.encode(&Sha1::digest(&extra_info[..end])),
        BASE64_NOPAD.encode(&Sha256::digest(&extra_info))
    );

    let mut text = format!("router {nickname} {} 9001 0 0\n{identity}", address(random));
    let master_key = BASE64_NOPAD.encode(keys.master.public_key());
    writeln!(text, "master-key-ed25519 {master_key}").unwrap();
    if random.percent(60) {
        let [a, b] = [random.below(65_536), random.below(65_536)];
        writeln!(text, "or-address [2a01:{a:x}:{b:x}::1]:9001").unwrap();
    }
    let digits = HEXUPPER.encode(&fingerprint);
    let groups: Vec<&str> = (0..10).map(|at| &digits[4 * at..4 * at + 4]).collect();
    write!(
        text,
        "platform Tor 0.4.8.{} on Linux\n\
         proto Conflux=1 Cons=1-2 Desc=1-2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 \
         Link=1-5 LinkAuth=1,3 Microdesc=1-2 Padding=2 Relay=1-4\n\
         published {PUBLISHED}\nfingerprint {}\nuptime {}\nbandwidth 1073741824 1073741824 {}\n\
         extra-info-digest {digests}\n",
        random.below(20),
        groups.join(" "),
        random.below(10_000_000),
        random.below(100_000_000),
    )
    .unwrap();
    let master = keys.master.public_key();
    let certified = [&fingerprint[..], master].concat();
    let (sign_bit, ntor_certificate) = keys.ntor_certificate();
    write!(
        text,
        "onion-key\n{}signing-key\n{}onion-key-crosscert\n{}\
         ntor-onion-key-crosscert {}\n{ntor_certificate}\n",
        keys.onion.object(),
        keys.identity.object(),
        keys.onion.sign("CROSSCERT", &certified),
        u8::from(sign_bit),
    )
    .unwrap();
    if random.percent(40) {
        let listed: Vec<String> =
            (0..[2, 3, 5, 12, 40][random.index(5)]).map(|_| random.one(members)).collect();
        writeln!(text, "family {}", listed.join(" ")).unwrap();
    }
    if random.percent(20) {
        write!(text, "family-cert\n{}\n", keys.family_certificate(family)).unwrap();
    }
    text.push_str("hidden-service-dir\n");
    if random.percent(70) {
        let contact = "email:operator[]example.org url:https://relays.example.org/ ciissversion:2";
        writeln!(text, "contact {contact} proof:uri-rsa {number}").unwrap();
    }
    writeln!(text, "ntor-onion-key {}", BASE64_NOPAD.encode(&keys.ntor)).unwrap();
    write_policy(&mut text, random);
    text.push_str("tunnelled-dir-server\n");
    sign(&mut text, keys);
    Documents { descriptor: text, extra_info }
}

fn address(random: &mut Random) -> String {
    let mut part = || 1 + random.below(222);
    format!("{}.{}.{}.{}", part(), part(), part(), part())
}

/// Writes the exit policy of a relay. 28 percent of the relays are exits.
fn write_policy(text: &mut String, random: &mut Random) {
    if !random.percent(28) {
        text.push_str("reject *:*\n");
        return;
    }
    for network in ["0.0.0.0/8", "169.254.0.0/16", "127.0.0.0/8", "192.168.0.0/16", "10.0.0.0/8"] {
        writeln!(text, "reject {network}:*").unwrap();
    }
    writeln!(text, "reject {}:*", address(random)).unwrap();
    for _ in 0..[3, 8, 20, 70][random.index(4)] {
        let port = 1 + random.below(60_000);
        let last = port + random.below(3) * 100;
        match last == port {
            true => writeln!(text, "accept *:{port}").unwrap(),
            false => writeln!(text, "accept *:{port}-{last}").unwrap(),
        }
    }
    text.push_str("reject *:*\nipv6-policy accept 80,443,5222-5223,6660-6669\n");
}

/// Adds the signatures to a document.
fn sign(text: &mut String, keys: &Keys) {
    text.push_str("router-sig-ed25519 ");
    let mut digest = Sha256::new();
    digest.update("Tor router descriptor signature v1");
    digest.update(text.as_bytes());
    let signature = keys.signing.sign(&digest.finalize());
    writeln!(text, "{}", BASE64_NOPAD.encode(&signature)).unwrap();
    text.push_str("router-signature\n");
    let digest = Sha1::digest(text.as_bytes());
    text.push_str(&keys.identity.sign("SIGNATURE", &digest));
}
