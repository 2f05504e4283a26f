//! The content of an onion service's descriptor, for output. The encrypted part
//! is included if it can be decrypted.

use std::time::{Duration, SystemTime};

use scape::Controller;
use scape::netdoc::onion::{
    IntroductionPoint, LinkSpecifier, OnionDescriptor, OpenDescriptorError, OpenedDescriptor,
    PowParams,
};
use scape::word::{ClientKey, Fingerprint, OnionAddress};
use serde::Serialize;

use super::fetch::nickname;
use crate::base::failure::Failure;
use crate::commands::shared::json::seconds;

/// The descriptor of an onion service, as it is printed with `--json`. A value
/// is `null` if the descriptor doesn't contain it.
#[derive(Debug, Serialize)]
pub(super) struct Descriptor {
    /// The revision counter. Within a time period, each new descriptor has a
    /// higher one.
    pub(super) revision: Option<u64>,
    /// The time that directories keep the descriptor, in seconds.
    pub(super) lifetime: Option<u64>,
    /// The time when the signing certificate in the descriptor expires, in RFC
    /// 3339.
    #[serde(serialize_with = "seconds")]
    pub(super) certificate_expires: Option<SystemTime>,
    /// True if the service accepts only authorized clients. `null` if this is
    /// unknown, because decrypting has failed for another reason.
    pub(super) client_authorization: Option<bool>,
    /// The reason why the encrypted part of the descriptor couldn't be read.
    /// `null` if it was read.
    pub(super) problem: Option<String>,
    /// The encrypted part of the descriptor, decrypted. `null` if it couldn't
    /// be read.
    pub(super) inside: Option<Inside>,
}

/// The encrypted part of a descriptor.
#[derive(Debug, Serialize)]
pub(super) struct Inside {
    pub(super) introduction_points: Vec<Point>,
    /// True if the service isn't anonymous, because its circuits have only one
    /// hop.
    pub(super) single_onion_service: bool,
    /// The kinds of authorization that the introduction points require.
    pub(super) introduction_authorization: Vec<String>,
    /// The versions of flow control that the service supports, such as `1-2`.
    /// `null` if the descriptor lists none.
    pub(super) flow_control: Option<String>,
    /// The proofs of work that the service asks clients for. Empty if it asks
    /// for none.
    pub(super) proof_of_work: Vec<Pow>,
}

/// A relay that is an introduction point of the service.
#[derive(Debug, Serialize)]
pub(super) struct Point {
    pub(super) fingerprint: Option<Fingerprint>,
    /// The nickname of the relay. `null` if the relay isn't in the consensus.
    pub(super) nickname: Option<String>,
    pub(super) addresses: Vec<String>,
    /// The time when the certificate for the introduction point's key expires,
    /// in RFC 3339.
    #[serde(serialize_with = "seconds")]
    pub(super) expires: Option<SystemTime>,
}

/// The parameters of a proof of work that clients have to solve.
#[derive(Debug, Serialize)]
pub(super) struct Pow {
    /// The scheme of the proof of work, such as `v1`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The effort that the service suggests to clients. 0 means that clients
    /// need no proof of work now.
    pub(super) effort: Option<u32>,
    /// The time when the seed of the proof of work expires, in RFC 3339.
    #[serde(serialize_with = "seconds")]
    pub(super) expires: Option<SystemTime>,
}

impl Descriptor {
    /// Parses and decrypts the descriptor `text` of the service `address`.
    /// `key` is the client key, which is only used if the service requires one.
    /// If decrypting fails, `problem` contains the reason. Returns a failure if
    /// the text is malformed.
    pub(super) fn new(
        controller: &Controller,
        address: &OnionAddress,
        text: &[u8],
        key: Option<&ClientKey>,
    ) -> Result<Self, Failure> {
        let parsed = OnionDescriptor::parse(text).map_err(|error| {
            Failure::failed(format_args!("the descriptor is malformed: {error}"))
        })?;
        let mut descriptor = Descriptor {
            revision: parsed.revision_counter,
            lifetime: parsed.lifetime.as_ref().map(Duration::as_secs),
            certificate_expires: parsed.signing_key_cert.as_ref().map(|it| it.expires()),
            client_authorization: None,
            problem: None,
            inside: None,
        };
        // If the descriptor can be opened without a key, the service accepts
        // everybody. The descriptor itself doesn't say if a key is necessary.
        let opened = match parsed.open(address, None) {
            Err(OpenDescriptorError::NeedsClientKey) => {
                descriptor.client_authorization = Some(true);
                parsed.open(address, key)
            }
            opened => {
                descriptor.client_authorization = opened.is_ok().then_some(false);
                opened
            }
        };
        match opened {
            Ok(opened) => descriptor.inside = Some(inside(controller, &opened)?),
            Err(OpenDescriptorError::NeedsClientKey) => {
                let text = "the service accepts only authorized clients; use --client-key";
                descriptor.problem = Some(text.to_owned());
            }
            Err(error) => descriptor.problem = Some(error.to_string()),
        }
        Ok(descriptor)
    }
}

fn inside(controller: &Controller, opened: &OpenedDescriptor) -> Result<Inside, Failure> {
    let layer = &opened.second;
    let points = layer.introduction_points.iter().map(|point| read_point(controller, point));
    Ok(Inside {
        introduction_points: points.collect::<Result<_, Failure>>()?,
        single_onion_service: layer.is_single_onion_service,
        introduction_authorization: layer
            .intro_auth_required
            .iter()
            .map(ToString::to_string)
            .collect(),
        flow_control: layer.flow_control.as_ref().map(|it| it.versions.to_string()),
        proof_of_work: layer.pow_params.iter().map(read_pow).collect(),
    })
}

fn read_point(controller: &Controller, point: &IntroductionPoint) -> Result<Point, Failure> {
    let mut fingerprint = None;
    let mut addresses = Vec::new();
    for specifier in &point.link_specifiers {
        match specifier {
            LinkSpecifier::Ipv4(address) => addresses.push(address.to_string()),
            LinkSpecifier::Ipv6(address) => addresses.push(address.to_string()),
            LinkSpecifier::LegacyId(relay) => fingerprint = Some(*relay),
            _ => {}
        }
    }
    let nickname = fingerprint.map(|relay| nickname(controller, relay)).transpose()?.flatten();
    let expires = point.auth_key_cert.as_ref().map(|it| it.expires());
    Ok(Point { fingerprint, nickname, addresses, expires })
}

fn read_pow(params: &PowParams) -> Pow {
    match params {
        PowParams::V1 { suggested_effort, expires, .. } => {
            Pow { kind: "v1".to_owned(), effort: Some(*suggested_effort), expires: Some(*expires) }
        }
        other => {
            let text = other.to_string();
            let kind = text.split(' ').next().unwrap_or_default().to_owned();
            Pow { kind, effort: None, expires: None }
        }
    }
}
