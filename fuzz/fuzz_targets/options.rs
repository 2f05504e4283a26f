//! Parses lines of tor's configuration: ports, and services on disk. Writing a
//! value and parsing the result must give the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scape_proto::torrc::PortLine;
use scape::onion::disk::{DiskPort, format_group, parse_group};
use scape_proto::control::ConfLine;

fuzz_target!(|text: &str| {
    if let Ok(line) = text.parse::<PortLine>() {
        assert_eq!(line.to_string().parse(), Ok(line));
    }
    if let Ok(port) = text.parse::<DiskPort>() {
        assert_eq!(port.to_string().parse().ok(), Some(port));
    }
    let lines: Vec<ConfLine> = text
        .lines()
        .map(|line| match line.split_once(' ') {
            Some((name, value)) => ConfLine::new(name, Some(value.to_owned())),
            None => ConfLine::new(line, None),
        })
        .collect();
    if let Ok(services) = parse_group(lines.clone()) {
        for service in &services {
            let _ = (service.check(), service.settings(), service.ports());
        }
        assert_eq!(parse_group(format_group(&services)).unwrap(), services);
    }
});
