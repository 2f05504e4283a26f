//! Summarizes all descriptors of a kind together.

use std::collections::BTreeMap;
use std::time::SystemTime;

use scape::netdoc::{
    Document, DocumentKind, ExtraInfo, KeyCertificate, Microdescriptor, ServerDescriptor,
};

use super::page::{Summary, Unit};
use crate::base::units;

/// The numbers that summarize descriptors, separately for each kind.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    servers: Servers,
    extra_infos: ExtraInfos,
    microdescriptors: Microdescriptors,
    certificates: Certificates,
}

impl Descriptors {
    /// Includes a descriptor in the numbers. Returns false if documents of this
    /// kind aren't summarized together.
    pub(super) fn add(&mut self, document: &Document<'_>) -> bool {
        match document {
            Document::ServerDescriptor(descriptor) => self.servers.add(descriptor),
            Document::ExtraInfo(document) => self.extra_infos.add(document),
            Document::Microdescriptor(descriptor) => self.microdescriptors.add(descriptor),
            Document::KeyCertificate(certificate) => self.certificates.add(certificate),
            _ => return false,
        }
        true
    }

    /// Returns a summary of each kind of descriptors that [`add`](Self::add)
    /// got.
    pub(super) fn summaries(&self) -> Vec<Summary> {
        let all = [
            self.servers.summary(),
            self.extra_infos.summary(),
            self.microdescriptors.summary(),
            self.certificates.summary(),
        ];
        all.into_iter().flatten().collect()
    }
}

/// The earliest and the latest of the times that were added. `None` before the
/// first one.
#[derive(Debug, Default)]
struct Span(Option<(SystemTime, SystemTime)>);

impl Span {
    fn add(&mut self, time: Option<SystemTime>) {
        let Some(time) = time else { return };
        let (first, last) = self.0.unwrap_or((time, time));
        self.0 = Some((first.min(time), last.max(time)));
    }

    fn describe(&self, page: &mut Summary) {
        page.time("first_published", self.0.map(|(first, _)| first));
        page.time("last_published", self.0.map(|(_, last)| last));
    }
}

#[derive(Debug, Default)]
struct Servers {
    count: u64,
    published: Span,
    platforms: BTreeMap<String, u64>,
    systems: BTreeMap<String, u64>,
    properties: BTreeMap<String, u64>,
    bandwidth: u64,
}

impl Servers {
    fn add(&mut self, descriptor: &ServerDescriptor<'_>) {
        self.count += 1;
        self.published.add(descriptor.published);
        let platform = descriptor.platform.as_deref().unwrap_or("unknown");
        let (version, system) = platform.split_once(" on ").unwrap_or((platform, "unknown"));
        *self.platforms.entry(version.to_owned()).or_insert(0) += 1;
        *self.systems.entry(system.to_owned()).or_insert(0) += 1;
        let bandwidth = descriptor.bandwidth.as_ref();
        let usable = bandwidth.map(|bandwidth| bandwidth.average.min(bandwidth.observed));
        self.bandwidth = self.bandwidth.saturating_add(usable.unwrap_or(0) / 1_000);
        let is_exit = descriptor.exit_policy().is_ok_and(|policy| policy.is_exiting_allowed());
        for (name, is_so) in [
            ("exit policy that accepts", is_exit),
            ("IPv6 address", descriptor.or_addresses.iter().any(|address| address.is_ipv6())),
            ("contact", descriptor.contact.is_some()),
            ("family", !descriptor.family().is_empty()),
            ("hibernating", descriptor.is_hibernating),
            ("overloaded", descriptor.overload_general.is_some()),
        ] {
            *self.properties.entry(name.to_owned()).or_insert(0) += u64::from(is_so);
        }
    }

    fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let title = units::plural(self.count, "server descriptor");
        let mut page = Summary::new(DocumentKind::ServerDescriptor, title);
        page.number("documents", self.count);
        self.published.describe(&mut page);
        page.rate("bandwidth", self.bandwidth);
        page.counts("versions", self.platforms.clone(), self.count, Unit::Number);
        page.counts("systems", self.systems.clone(), self.count, Unit::Number);
        page.counts("relays_with", self.properties.clone(), self.count, Unit::Number);
        Some(page)
    }
}

#[derive(Debug, Default)]
struct ExtraInfos {
    count: u64,
    published: Span,
    read: u64,
    written: u64,
    transports: BTreeMap<String, u64>,
    clients: BTreeMap<String, u64>,
}

impl ExtraInfos {
    fn add(&mut self, document: &ExtraInfo<'_>) {
        self.count += 1;
        self.published.add(document.published);
        for (history, sum) in [
            (document.read_history.as_ref(), &mut self.read),
            (document.write_history.as_ref(), &mut self.written),
        ] {
            let values = history.into_iter().flat_map(|history| history.values());
            let bytes = values.filter_map(|value| u64::try_from(value).ok());
            // The sum saturates, because relays can claim any number.
            *sum = bytes.fold(*sum, u64::saturating_add);
        }
        for transport in &document.transports {
            *self.transports.entry(transport.name.to_string()).or_insert(0) += 1;
        }
        for (name, is_so) in [
            ("statistics about directory requests", document.dirreq.period.is_some()),
            ("overloaded bandwidth", document.overload_ratelimits.is_some()),
            ("too few file descriptors", document.overload_fd_exhausted.is_some()),
        ] {
            *self.clients.entry(name.to_owned()).or_insert(0) += u64::from(is_so);
        }
    }

    fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let title = units::plural(self.count, "extra-info document");
        let mut page = Summary::new(DocumentKind::ExtraInfo, title);
        page.number("documents", self.count);
        self.published.describe(&mut page);
        page.bytes("bytes_read", self.read);
        page.bytes("bytes_written", self.written);
        page.counts("transports", self.transports.clone(), self.count, Unit::Number);
        page.counts("relays_with", self.clients.clone(), self.count, Unit::Number);
        Some(page)
    }
}

#[derive(Debug, Default)]
struct Microdescriptors {
    count: u64,
    properties: BTreeMap<String, u64>,
}

impl Microdescriptors {
    fn add(&mut self, descriptor: &Microdescriptor<'_>) {
        self.count += 1;
        for (name, is_so) in [
            ("exit policy that accepts", descriptor.policy().is_exiting_allowed()),
            ("IPv6 address", descriptor.ipv6().is_some()),
            ("family", !descriptor.family().is_empty()),
            ("family certificate", descriptor.family_ids().next().is_some()),
            ("ntor key", descriptor.ntor_onion_key().is_some()),
        ] {
            *self.properties.entry(name.to_owned()).or_insert(0) += u64::from(is_so);
        }
    }

    fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let title = units::plural(self.count, "microdescriptor");
        let mut page = Summary::new(DocumentKind::Microdescriptor, title);
        page.number("documents", self.count);
        page.counts("relays_with", self.properties.clone(), self.count, Unit::Number);
        Some(page)
    }
}

#[derive(Debug, Default)]
struct Certificates {
    count: u64,
    published: Span,
    authorities: BTreeMap<String, u64>,
    /// The time at which the first of the certificates expires.
    expires: Option<SystemTime>,
}

impl Certificates {
    fn add(&mut self, certificate: &KeyCertificate<'_>) {
        self.count += 1;
        self.published.add(certificate.published);
        let authority = certificate.fingerprint.map(|fingerprint| fingerprint.to_string());
        let authority = authority.unwrap_or_else(|| "unknown".into());
        *self.authorities.entry(authority).or_insert(0) += 1;
        self.expires = match (self.expires, certificate.expires) {
            (Some(first), Some(other)) => Some(first.min(other)),
            (first, other) => first.or(other),
        };
    }

    fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let title = format!("{} of authorities", units::plural(self.count, "certificate"));
        let mut page = Summary::new(DocumentKind::KeyCertificate, title);
        page.number("documents", self.count);
        self.published.describe(&mut page);
        page.time("first_expires", self.expires);
        page.counts("authorities", self.authorities.clone(), self.count, Unit::Number);
        Some(page)
    }
}
