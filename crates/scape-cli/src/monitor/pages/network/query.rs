//! Parses a search on the page Network, and finds the relays that it matches.

use scape::netdoc::RouterFlags;

use crate::monitor::data::relays::RelayRow;
use crate::monitor::ui::text;

/// A condition in a search for relays, from one word of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// A text that the nickname, fingerprint or address must contain, in lower
    /// case.
    Word(String),
    Country(String),
    Flag(RouterFlags),
    /// The text with which the version of the relay must begin.
    Version(String),
    /// The minimum weight that the relay must have in the consensus.
    Weight(u32),
    /// The number of the autonomous system that must contain the relay's
    /// address.
    Network(u32),
}

/// A search for relays. A relay must fulfil all terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    terms: Vec<Term>,
}

impl Query {
    /// Parses a search. The words are like `moria`, `country=de`, `flag=Exit`,
    /// `version=0.4.9`, `network=AS64496` and `weight=1000`. Returns a message
    /// for the user if a word is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let terms = text.split_whitespace().map(|word| {
            let Some((key, value)) = word.split_once('=') else {
                return Ok(Term::Word(word.trim_start_matches('$').to_lowercase()));
            };
            match key {
                "country" => Ok(Term::Country(value.to_lowercase())),
                "version" => Ok(Term::Version(value.to_owned())),
                "flag" => flag(value).map(Term::Flag),
                "weight" => {
                    let weight = value.parse().map(Term::Weight);
                    weight.map_err(|_| format!("{value} isn't a weight; use a whole number"))
                }
                "network" => {
                    let number = value.trim_start_matches(['A', 'S', 'a', 's']).parse();
                    number.map(Term::Network).map_err(|_| {
                        format!("{value} isn't the number of a network; use a number such as 64496")
                    })
                }
                _ => {
                    Err(format!("unknown key {key}: use country, flag, network, version or weight"))
                }
            }
        });
        Ok(Query { terms: terms.collect::<Result<_, _>>()? })
    }

    /// Returns true if a relay fulfils all terms.
    pub(super) fn matches(&self, row: &RelayRow) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Word(word) => {
                text::contains(&row.nickname, word)
                    || text::contains(&row.fingerprint.to_string(), word)
                    || row.address.to_string().contains(word)
            }
            Term::Country(country) => row.country() == country,
            Term::Flag(flag) => row.flags.contains(*flag),
            Term::Version(version) => row.version().starts_with(version.as_str()),
            Term::Weight(weight) => row.weight >= *weight,
            Term::Network(number) => row.asn == Some(*number),
        })
    }
}

/// Returns the flag with this name. Case is ignored. Returns a message for the
/// user if there is no such flag.
fn flag(name: &str) -> Result<RouterFlags, String> {
    let all = RouterFlags::all();
    let known = all.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.and_then(RouterFlags::from_name).ok_or_else(|| format!("unknown flag {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::tests::relay;

    #[test]
    fn relays_fulfil_all_terms() {
        let row = relay(7, "Moria", RouterFlags::EXIT | RouterFlags::FAST, 500, "de");
        let row = RelayRow { asn: Some(64496), ..row };
        let matches = |text| Query::parse(text).unwrap().matches(&row);
        let matching = [
            "",
            "oria",
            "$00000",
            "10.0.0.7",
            "country=DE flag=exit",
            "version=0.4",
            "weight=500",
            "network=AS64496",
        ];
        for text in matching {
            assert!(matches(text), "{text}");
        }
        for text in
            ["x", "network=1", "country=fr", "flag=Guard", "weight=501", "moria version=0.3"]
        {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn wrong_terms_are_explained() {
        assert_eq!(Query::parse("flag=Nonsense"), Err("unknown flag Nonsense".into()));
        assert!(Query::parse("colour=red").unwrap_err().contains("use country"));
        assert!(Query::parse("weight=x").is_err());
    }
}
