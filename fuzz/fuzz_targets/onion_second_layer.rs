//! Parses second layers of onion service descriptors, with their introduction
//! points.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::{FlowControl, LinkSpecifier, PowParams, SecondLayer};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (SecondLayer::parse(data), SecondLayer::parse_strict(data));
    // Annotations have no meaning inside of a layer.
    let is_complete = common::begins_with(data, "create2-formats")
        && !data.starts_with(b"@")
        && !contains(data, b"\n@")
        && !data.contains(&0);
    common::check(data, is_complete, &lenient, &strict, |layer| layer.skipped().to_vec());
    if let Some(list) = LinkSpecifier::parse_list(data) {
        assert_eq!(LinkSpecifier::write_list(&list).as_deref(), Some(data));
    }
    let Ok(layer) = lenient else { return };
    common::use_items(layer.unknown_items());
    assert!(data.starts_with(layer.text()));
    for point in &layer.introduction_points {
        assert_eq!(point.auth_key().is_some(), point.auth_key_cert.is_some());
        let list = LinkSpecifier::write_list(&point.link_specifiers).expect("at most 255");
        assert_eq!(LinkSpecifier::parse_list(&list).as_ref(), Some(&point.link_specifiers));
    }
    if let Some(flow) = &layer.flow_control {
        let _ = (flow.supports(2), flow.to_string());
        assert!(FlowControl::new(&flow.versions, flow.sendme_increment).is_some());
    }
    for params in &layer.pow_params {
        let text = format!("create2-formats 2\npow-params {params}\n");
        let again = SecondLayer::parse(text.as_bytes()).expect("a layer");
        if !matches!(params, PowParams::Other(_)) {
            assert_eq!(&again.pow_params[0], params);
        }
    }
});

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
