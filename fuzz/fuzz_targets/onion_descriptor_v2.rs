//! Parses onion service descriptors of version 2, and their introduction
//! points.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{IntroductionPointV2, OnionDescriptorV2};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (OnionDescriptorV2::parse(data), OnionDescriptorV2::parse_strict(data));
    let is_complete = common::begins_with(data, "rendezvous-service-descriptor");
    common::check(data, is_complete, &lenient, &strict, |service| service.skipped().to_vec());
    if let Ok(service) = &lenient {
        common::use_items(service.unknown_items());
        let _ = (service.protocol_versions().count(), service.text());
        let points = service.introduction_points();
        assert!(points.is_none() || !service.has_encrypted_introduction_points());
        use_points(&points.unwrap_or_default());
    }
    let all = OnionDescriptorV2::parse_all(data).count();
    assert_eq!(all, OnionDescriptorV2::parse_all(data).strict().count());
    use_points(data);
});

fn use_points(text: &[u8]) {
    let mut points = 0;
    for point in IntroductionPointV2::parse_all(text) {
        points += 1;
        common::show(&point);
        common::check_errors(point.text(), point.skipped());
        let _ = point.authentication().count();
    }
    assert_eq!(points, IntroductionPointV2::parse_all(text).strict().count());
}
