//! Building the directory from the documents that a tor has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use scape::error::AnswerError;
use scape::netdoc::{Directory, RouterFlags};
use scape::testing::ScriptedTor;
use scape::{Connect, Result};

const BOTH: &str = "GETINFO dir/status-vote/current/consensus-microdesc md/all";
const ALONE: &str = "GETINFO dir/status-vote/current/consensus-microdesc";
const FULL: &str = "GETINFO dir/status-vote/current/consensus";

const MICRODESCRIPTOR: &str = "onion-key\nntor-onion-key AAAA\np accept 80,443\n";

/// Returns a consensus with one relay. The flavor is microdesc if
/// `microdescriptors` is true, or else ns.
fn consensus(microdescriptors: bool) -> String {
    let (flavor, digest, more) = match microdescriptors {
        // This is the SHA-256 digest of the microdescriptor.
        true => (" microdesc", "", format!("m {}\n", digest_of(MICRODESCRIPTOR))),
        false => ("", " KXdvYkHWOjFsfOt1Bx+2e/ODOrs", "p accept 22\n".to_owned()),
    };
    format!(
        "network-status-version 3{flavor}\nvote-status consensus\nvalid-after 2026-11-21 02:00:00\n\
         fresh-until 2026-11-21 03:00:00\nvalid-until 2026-11-21 05:00:00\n\
         r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8{digest} 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
         {more}s Exit Fast Running Valid\nw Bandwidth=3000\ndirectory-footer\n"
    )
}

fn digest_of(text: &str) -> String {
    use sha2::{Digest, Sha256};
    data_encoding::BASE64_NOPAD.encode(&Sha256::digest(text))
}

fn data(key: &str, value: &str) -> String {
    format!("250+{key}=\r\n{}.\r\n", value.replace('\n', "\r\n"))
}

/// Returns the directory that a controller builds from a tor's answers, each a
/// key and a value.
fn directory(answers: &[(&str, String)]) -> Result<Directory> {
    let script = answers.iter().fold(ScriptedTor::builder(), |script, (question, answer)| {
        script.on(*question, answer.as_str())
    });
    let tor = script.start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    controller.info().directory()
}

fn both(microdescriptors: &str) -> String {
    data("dir/status-vote/current/consensus-microdesc", &consensus(true))
        + &data("md/all", microdescriptors)
        + "250 OK\r\n"
}

fn full() -> String {
    data("dir/status-vote/current/consensus", &consensus(false)) + "250 OK\r\n"
}

#[test]
fn directory_is_read_from_consensus_and_microdescriptors() {
    let directory = directory(&[(BOTH, both(MICRODESCRIPTOR))]).unwrap();
    let relay = &directory.relays()[0];
    assert!(relay.has_microdescriptor() && relay.flags().contains(RouterFlags::EXIT));
    assert!(relay.policy().unwrap().allows(443) && !relay.policy().unwrap().allows(22));
}

#[test]
fn last_microdescriptor_of_an_answer_has_the_right_digest() {
    let all = format!("onion-key\np reject 1-65535\n{MICRODESCRIPTOR}");
    let answer = data("md/all", &all) + "250 OK\r\n";
    let tor = ScriptedTor::builder().on("GETINFO md/all", answer).start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let text = controller.info().md_all().unwrap();
    assert_eq!(text.into_bytes(), all.as_bytes());
    // Values as text lose the last line end.
    let text = controller.get_info("md/all").unwrap();
    assert_eq!(format!("{text}\n"), all);
    let directory = Directory::parse(consensus(true).as_bytes(), text.as_bytes()).unwrap();
    assert!(directory.relays()[0].has_microdescriptor());
}

#[test]
fn directory_without_microdescriptors_is_read_from_the_full_consensus() {
    // Without microdescriptors, the full consensus has the exit policies.
    for answers in [
        vec![(BOTH, "552 Unrecognized key \"md/all\"\r\n".to_owned()), (FULL, full())],
        vec![(BOTH, both("")), (FULL, full())],
    ] {
        let directory = directory(&answers).unwrap();
        let relay = &directory.relays()[0];
        assert!(relay.policy().unwrap().allows(22) && !relay.has_microdescriptor());
    }
}

#[test]
fn directory_without_microdescriptors_and_full_consensus_has_no_policies() {
    let none =
        "551 Could not open cached consensus. Make sure FetchUselessDescriptors is set to 1.\r\n"
            .to_owned();
    // A filter may refuse the full consensus.
    let filtered = "552 Unrecognized key \"dir/status-vote/current/consensus\"\r\n".to_owned();
    for refusal in [none.clone(), filtered] {
        let found = directory(&[(BOTH, both("")), (FULL, refusal)]).unwrap();
        assert_eq!((found.relays().len(), found.relays()[0].policy()), (1, None));
    }
    // A filter refuses everything but the consensus.
    let refused = "552 Unrecognized key\r\n".to_owned();
    let alone =
        data("dir/status-vote/current/consensus-microdesc", &consensus(true)) + "250 OK\r\n";
    let found = directory(&[(BOTH, refused.clone()), (FULL, refused), (ALONE, alone)]).unwrap();
    assert_eq!((found.relays().len(), found.relays()[0].policy()), (1, None));
    // tor has no consensus at all.
    let error = directory(&[(BOTH, none.clone()), (FULL, none)]).unwrap_err();
    assert_eq!(error.code(), Some(551), "{error}");
}

#[test]
fn malformed_consensus_is_an_answer_error() {
    let nonsense = data("dir/status-vote/current/consensus-microdesc", "hello\n")
        + &data("md/all", "x\n")
        + "250 OK\r\n";
    let error = directory(&[(BOTH, nonsense)]).unwrap_err();
    let Some(answer) = error.get::<AnswerError>() else { panic!("{error:?}") };
    assert!(answer.command().contains("consensus-microdesc"), "{answer}");
}
