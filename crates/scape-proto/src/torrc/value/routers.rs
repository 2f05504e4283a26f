//! Values of `RouterList` options, and other comma-separated lists.

use super::whitespace::is_space;
use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, holds_anything, only};
use crate::info::ConfigType;
use crate::word::Fingerprint;

const RUST: &str = "a Fingerprint";
const LONGEST_NICKNAME: usize = 19;

/// Returns the elements between commas, as tor does: without surrounding white
/// space, and without empty elements.
pub(super) fn split_at_commas(line: &str) -> impl Iterator<Item = &str> {
    line.split(',')
        .map(|element| element.trim_matches(is_space))
        .filter(|element| !element.is_empty())
}

/// Returns false if tor certainly refuses this element of a `RouterList`.
/// Returns true for any text that looks like an address pattern, because the
/// details of address patterns aren't checked here.
pub(super) fn may_be_routers(element: &str) -> bool {
    is_identity(element) || is_nickname(element) || is_country(element) || is_pattern(element)
}

/// Returns true if the element contains a character by which tor recognizes
/// address patterns.
pub(super) fn is_pattern(element: &str) -> bool {
    element.contains(['.', ':', '*'])
}

/// Returns true for a fingerprint, optionally with a leading `$` and a nickname
/// after it.
fn is_identity(element: &str) -> bool {
    identity(element).is_some()
}

pub(super) fn identity(element: &str) -> Option<Fingerprint> {
    let digits = element.strip_prefix('$').unwrap_or(element);
    let (digits, rest) = digits.split_at_checked(40)?;
    let named = rest.is_empty() || rest.strip_prefix(['~', '=']).is_some_and(is_nickname);
    digits.parse().ok().filter(|_| named && !digits.starts_with('$'))
}

pub(super) fn is_nickname(element: &str) -> bool {
    (1..=LONGEST_NICKNAME).contains(&element.len())
        && element.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Returns true for a country such as `{de}`. tor ignores text after the brace.
fn is_country(element: &str) -> bool {
    matches!(element.as_bytes(), [b'{', _, _, b'}', ..])
}

/// Supports `RouterList` options, and other lists of relays, such as
/// `MyFamily`.
impl ToConfigValue for Fingerprint {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        match *ty == ConfigType::RouterList || holds_anything(ty) {
            true => Ok(vec![format!("${self}")]),
            false => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST }),
        }
    }
}

/// Supports `RouterList` options, and other lists of relays, such as
/// `MyFamily`. A nickname after the fingerprint is ignored.
impl FromConfigValue for Fingerprint {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        if *ty != ConfigType::RouterList && !holds_anything(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST });
        }
        identity(only(lines)?).ok_or(ConfigValueProblem::Unreadable { rust: RUST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FP: &str = "9695DFC35FFEB861329B9F1AB04C46397020CE31";

    #[test]
    fn router_list_elements() {
        for fine in [
            "a",
            "nickname12345678901",
            "{de}",
            "{DE}",
            "{??}",
            "{de}x",
            FP,
            &format!("${FP}"),
            &FP.to_lowercase(),
            &format!("{FP}~nick"),
            &format!("${FP}=nick"),
            "1.2.3.4",
            "[::1]",
            "*",
            "accept 1.2.3.4",
        ] {
            assert!(may_be_routers(fine), "{fine}");
        }
        for bad in [
            "nickname123456789012",
            "nick name",
            "nick-name",
            "$nick",
            "{d}",
            "{abc}",
            "{}",
            "é",
            &format!("${FP}0"),
            &FP.replacen('9', "$", 1),
            &format!("{FP}~"),
            &format!("{FP}~a b"),
            &FP.replacen('9', "$$", 1),
        ] {
            assert!(!may_be_routers(bad), "{bad}");
        }
    }

    #[test]
    fn fingerprint_with_nickname_is_parsed() {
        let ty = ConfigType::RouterList;
        let lines = [format!("${FP}~moria1, {FP}")];
        let fingerprint: Fingerprint = FP.parse().unwrap();
        assert_eq!(Vec::<Fingerprint>::from_config(&ty, &lines), Ok(vec![fingerprint; 2]));
        let problem = Vec::<Fingerprint>::from_config(&ty, &["{de}".to_owned()]).unwrap_err();
        assert_eq!(problem.to_string(), "element 0: it cannot be read as a Fingerprint");
        assert!(fingerprint.to_config(&ConfigType::String).is_err());
    }

    proptest! {
        #[test]
        fn fingerprint_list_round_trip(
            bytes in proptest::collection::vec(any::<[u8; 20]>(), 0..4)
        ) {
            let list: Vec<Fingerprint> = bytes.into_iter().map(Fingerprint::from_bytes).collect();
            let lines = list.to_config(&ConfigType::RouterList).unwrap();
            prop_assert_eq!(
                Vec::<Fingerprint>::from_config(&ConfigType::RouterList, &lines),
                Ok(list)
            );
        }

        #[test]
        fn router_list_parser_never_panics(text in any::<String>()) {
            let _ = (may_be_routers(&text), split_at_commas(&text).count());
        }
    }
}
