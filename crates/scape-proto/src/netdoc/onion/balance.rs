//! Descriptors for OnionBalance: clients connect to a frontend, and several
//! backends accept the frontend's connections.

use super::second_layer::MOST_POINTS;
use super::{NewIntroductionPoint, OnionDescriptorBuilder, OpenedDescriptor};

impl OnionDescriptorBuilder {
    /// Returns builders for the descriptors of a frontend, which contain the
    /// introduction points of its backends: OnionBalance. See
    /// [the module](super) for the whole procedure.
    ///
    /// If a descriptor has room for all introduction points, the result is one
    /// builder. Otherwise, they are divided among several descriptors, which
    /// different directories store. `directories` is the number of directories
    /// that clients ask: see [`replicas`](super::HsDirParams::replicas) and
    /// [`spread_fetch`](super::HsDirParams::spread_fetch). There are at most
    /// `directories` builders. If possible, the number of builders divides
    /// `directories`, so that clients find each descriptor with the same
    /// probability.
    ///
    /// Each backend has the same number of introduction points in the result,
    /// unless it has fewer. The order of the backends and of their introduction
    /// points in the result is the same for the same introduction points. So
    /// builders can be compared to find out if a backend has changed. The
    /// result is empty if no backend has an introduction point.
    ///
    /// Clients use congestion control if all backends support the same
    /// versions. The descriptor says that the service is a single onion service
    /// if one of the backends is. Parameters for a proof of work aren't copied,
    /// because each backend has its own.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    ///
    /// assert!(OnionDescriptorBuilder::balance(&[], 6).is_empty());
    /// ```
    #[must_use]
    pub fn balance(backends: &[OpenedDescriptor], directories: usize) -> Vec<Self> {
        let points: Vec<Vec<NewIntroductionPoint>> = backends.iter().map(sorted_points).collect();
        let most = directories.max(1).saturating_mul(MOST_POINTS);
        let points: Vec<NewIntroductionPoint> = by_turns(&points).take(most).cloned().collect();
        let common = common_lines(backends);
        divide(&points, directories)
            .into_iter()
            .map(|points| points.iter().cloned().fold(common.clone(), Self::introduction_point))
            .collect()
    }
}

/// Returns the introduction points of a backend. They are sorted, because tor
/// may write the same ones in another order the next time.
fn sorted_points(backend: &OpenedDescriptor) -> Vec<NewIntroductionPoint> {
    let points = backend.second.introduction_points.iter();
    let mut points: Vec<_> = points.filter_map(NewIntroductionPoint::copy).collect();
    points.sort_by_key(|point| point.auth_key);
    points
}

/// Returns the first item of each list, then the second item of each list, and
/// so on.
fn by_turns<T>(lists: &[Vec<T>]) -> impl Iterator<Item = &T> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(move |turn| lists.iter().filter_map(move |list| list.get(turn)))
}

/// Returns a builder without introduction points. The builder supports
/// congestion control if all backends do so in the same way. It says that the
/// service is a single onion service if one of the backends is.
fn common_lines(backends: &[OpenedDescriptor]) -> OnionDescriptorBuilder {
    let is_single = backends.iter().any(|backend| backend.second.is_single_onion_service);
    let builder = OnionDescriptorBuilder::default().single_onion_service(is_single);
    let mut flow_controls = backends.iter().map(|backend| &backend.second.flow_control);
    match flow_controls.next().cloned().flatten() {
        Some(first) if flow_controls.all(|other| other.as_ref() == Some(&first)) => {
            builder.flow_control(first)
        }
        _ => builder,
    }
}

/// Divides items into parts of at most [`MOST_POINTS`] items. Neighbors stay
/// together, so that a part has items of as many backends as possible. The
/// lengths of two parts differ by at most 1. If possible, the number of parts
/// divides `directories`, which is the number of directories that clients ask.
fn divide<T>(items: &[T], directories: usize) -> Vec<&[T]> {
    let least = items.len().div_ceil(MOST_POINTS);
    let divides = |count: &usize| directories.is_multiple_of(*count);
    let count = (least.max(1)..=items.len().min(directories)).find(divides).unwrap_or(least);
    let (mut rest, mut parts) = (items, Vec::new());
    for left in (1..=count).rev() {
        let (part, after) = rest.split_at_checked(rest.len().div_ceil(left)).unwrap_or_default();
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::netdoc::onion::{
        BlindedSecretKey, FlowControl, LinkSpecifier, OnionDescriptor, TimePeriod,
    };
    use crate::word::{ClientKey, OnionKey};
    use proptest::prelude::*;

    fn curve25519(seed: u8) -> [u8; 32] {
        *ClientKey::from_bytes([seed; 32]).public_key().as_bytes()
    }

    /// Returns an introduction point whose address contains `backend` and
    /// `number`.
    fn point(backend: u8, number: u8) -> NewIntroductionPoint {
        let address = format!("192.0.{backend}.{number}:9001").parse().unwrap();
        let mut seed = [0; 32];
        (seed[0], seed[1]) = (backend, number);
        NewIntroductionPoint {
            link_specifiers: vec![LinkSpecifier::Ipv4(address)],
            onion_key: curve25519(1),
            auth_key: OnionKey::from_seed(&seed).public_key(),
            enc_key: curve25519(3),
        }
    }

    fn opened(builder: &OnionDescriptorBuilder, key: &OnionKey) -> OpenedDescriptor {
        let blinded = BlindedSecretKey::new(key, TimePeriod { number: 20_700, minutes: 1440 });
        let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
        let text = builder.build(&key.address(), &blinded, 42, expires, &[9; 32]).unwrap();
        let descriptor = OnionDescriptor::parse_strict(text.as_bytes()).unwrap();
        descriptor.open_strict(&key.address(), None).unwrap()
    }

    /// Returns the descriptor of a backend with `points` introduction points.
    /// `number` tells backends apart.
    fn backend(number: u8, points: u8) -> OpenedDescriptor {
        let builder = (1..=points)
            .map(|at| point(number, at))
            .fold(OnionDescriptorBuilder::default(), OnionDescriptorBuilder::introduction_point);
        opened(&builder, &OnionKey::from_seed(&[number; 32]))
    }

    /// Returns the numbers of the backends whose introduction points are in
    /// each of the frontend's descriptors.
    fn numbers(builders: &[OnionDescriptorBuilder]) -> Vec<Vec<u8>> {
        let frontend = OnionKey::from_seed(&[99; 32]);
        let number = |specifier: &LinkSpecifier| match specifier {
            LinkSpecifier::Ipv4(address) => address.ip().octets()[2],
            other => panic!("{other:?}"),
        };
        let numbers = |builder| {
            let opened = opened(builder, &frontend);
            let points = opened.second.introduction_points.iter();
            points.map(|point| number(&point.link_specifiers[0])).collect()
        };
        builders.iter().map(numbers).collect()
    }

    #[test]
    fn few_points_are_in_one_descriptor() {
        let builders = OnionDescriptorBuilder::balance(&[backend(1, 3), backend(2, 1)], 6);
        assert_eq!(numbers(&builders), [[1, 2, 1, 1]]);
        assert!(OnionDescriptorBuilder::balance(&[backend(1, 0)], 6).is_empty());
    }

    #[test]
    fn many_points_are_divided_fairly() {
        let backends: Vec<_> = (1..=3).map(|number| backend(number, 10)).collect();
        let builders = OnionDescriptorBuilder::balance(&backends, 6);
        let numbers = numbers(&builders);
        assert_eq!(numbers.iter().map(Vec::len).collect::<Vec<_>>(), [15, 15]);
        for list in numbers {
            for backend in 1..=3 {
                assert_eq!(list.iter().filter(|number| **number == backend).count(), 5);
            }
        }
    }

    #[test]
    fn too_many_points_are_left_out_fairly() {
        let backends = [backend(1, 20), backend(2, 20), backend(3, 2)];
        let numbers = numbers(&OnionDescriptorBuilder::balance(&backends, 1));
        let count = |backend| numbers[0].iter().filter(|number| **number == backend).count();
        assert_eq!((numbers.len(), [1, 2, 3].map(count)), (1, [9, 9, 2]));
        assert_eq!(OnionDescriptorBuilder::balance(&backends, 0).len(), 1);
    }

    #[test]
    fn order_of_introduction_points_makes_no_difference() {
        let key = OnionKey::from_seed(&[1; 32]);
        let in_order = |numbers: [u8; 3]| {
            let points = numbers.map(|number| point(1, number)).into_iter();
            let builder = OnionDescriptorBuilder::default();
            opened(&points.fold(builder, OnionDescriptorBuilder::introduction_point), &key)
        };
        let balance = |numbers| OnionDescriptorBuilder::balance(&[in_order(numbers)], 6);
        assert_eq!(balance([1, 2, 3]), balance([3, 1, 2]));
        assert_ne!(balance([1, 2, 3]), balance([1, 2, 4]));
    }

    #[test]
    fn flow_control_is_copied_if_all_backends_agree() {
        let with = |number: u8, versions: Option<&str>| {
            let builder = OnionDescriptorBuilder::default().introduction_point(point(number, 1));
            let flow_control = versions.and_then(|versions| FlowControl::new(versions, 31));
            let builder = match flow_control {
                Some(flow_control) => builder.flow_control(flow_control),
                None => builder,
            };
            opened(&builder, &OnionKey::from_seed(&[number; 32]))
        };
        let frontend = |backends: &[OpenedDescriptor]| {
            let builders = OnionDescriptorBuilder::balance(backends, 6);
            opened(&builders[0], &OnionKey::from_seed(&[99; 32])).second.flow_control
        };
        let agreed = [with(1, Some("1-2")), with(2, Some("1-2"))];
        assert_eq!(frontend(&agreed), FlowControl::new("1-2", 31));
        assert_eq!(frontend(&[with(1, Some("1-2")), with(2, Some("1"))]), None);
        assert_eq!(frontend(&[with(1, Some("1-2")), with(2, None)]), None);
        assert_eq!(frontend(&[with(1, None), with(2, Some("1-2"))]), None);
    }

    #[test]
    fn single_onion_service_is_not_concealed() {
        let single = OnionDescriptorBuilder::default()
            .single_onion_service(true)
            .introduction_point(point(1, 1));
        let single = opened(&single, &OnionKey::from_seed(&[1; 32]));
        let frontend = |backends: &[OpenedDescriptor]| {
            let builders = OnionDescriptorBuilder::balance(backends, 6);
            opened(&builders[0], &OnionKey::from_seed(&[99; 32])).second.is_single_onion_service
        };
        assert!(frontend(&[backend(2, 1), single]));
        assert!(!frontend(&[backend(2, 1)]));
    }

    proptest! {
        #[test]
        fn parts_have_all_items_and_similar_lengths(
            length in 0usize..400,
            directories in 0usize..40,
        ) {
            let items: Vec<usize> = (0..length.min(directories.max(1) * MOST_POINTS)).collect();
            let parts = divide(&items, directories);
            prop_assert_eq!(parts.concat(), items.clone());
            let lengths = parts.iter().map(|part| part.len());
            let (least, most) = (lengths.clone().min(), lengths.max().unwrap_or(0));
            prop_assert!(most <= MOST_POINTS && least.is_none_or(|least| least + 1 >= most));
            prop_assert!(least != Some(0) && parts.len() <= directories.max(1));
            if items.len() <= MOST_POINTS && !items.is_empty() {
                prop_assert_eq!(parts.len(), 1);
            }
            if items.len() >= directories && directories > 0 && !items.is_empty() {
                prop_assert_eq!(directories % parts.len(), 0);
            }
        }
    }
}
