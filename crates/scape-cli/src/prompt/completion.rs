//! Finds the words that complete a line.

use super::vocabulary::List;

/// Returns the position where the last word of a line begins, and the words
/// that can complete it. Case is ignored. `words` returns the words of a list.
/// It is only called for the lists whose words can stand at this position.
pub(super) fn complete(line: &str, words: impl Fn(List) -> Vec<String>) -> (usize, Vec<String>) {
    // A word may also follow a comma, as in a list of relays, or the `+` of a
    // command with data.
    let begin = line.rfind([' ', ',', '+']).map_or(0, |at| at + 1);
    let word = line.get(begin..).unwrap_or_default();
    let last_space = line.rfind(' ').map_or(0, |at| at + 1);
    let before = line.get(..last_space).unwrap_or_default();
    let before: Vec<&str> = before.split_whitespace().collect();
    let begins = |candidate: &String| {
        candidate.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let mut found: Vec<String> =
        lists(&before).iter().flat_map(|list| words(*list)).filter(begins).collect();
    found.sort();
    found.dedup();
    (begin, found)
}

/// Returns the lists whose words can follow `before`, the words in front of the
/// one that is being completed.
fn lists(before: &[&str]) -> &'static [List] {
    let Some(command) = before.first() else { return &[List::Commands] };
    match (command.to_ascii_uppercase().as_str(), before.len()) {
        ("GETINFO", _) => &[List::Keys],
        ("GETCONF" | "SETCONF" | "RESETCONF", _) => &[List::Options],
        ("SETEVENTS" | "/EVENTS", _) => &[List::Events],
        ("SIGNAL", 1) => &[List::Signals],
        ("USEFEATURE", _) => &[List::Features],
        ("/INFO", 1) | ("EXTENDCIRCUIT", 2) => &[List::Relays],
        ("EXTENDCIRCUIT" | "CLOSECIRCUIT" | "SETCIRCUITPURPOSE", 1) | ("ATTACHSTREAM", 2) => {
            &[List::Circuits]
        }
        ("CLOSESTREAM" | "REDIRECTSTREAM" | "ATTACHSTREAM", 1) => &[List::Streams],
        ("/HELP", 1) => &[List::Commands, List::Keys, List::Options],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: List) -> Vec<String> {
        let words = match list {
            List::Commands => "GETINFO GETCONF /help",
            List::Keys => "version circuit-status config/names",
            List::Options => "Nickname NumCPUs",
            List::Relays => "relay0 relay1 other",
            List::Circuits => "1 12",
            _ => "",
        };
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn words_are_completed_by_their_place() {
        for (line, begin, expected) in [
            ("", 0, "/help GETCONF GETINFO"),
            ("get", 0, "GETCONF GETINFO"),
            ("GETINFO c", 8, "circuit-status config/names"),
            ("getinfo version VER", 16, "version"),
            ("SETCONF n", 8, "Nickname NumCPUs"),
            ("/info rel", 6, "relay0 relay1"),
            ("EXTENDCIRCUIT 0 relay0,o", 23, "other"),
            ("CLOSECIRCUIT 1", 13, "1 12"),
            ("/help Num", 6, "NumCPUs"),
            ("+getc", 1, "GETCONF"),
            ("CLOSECIRCUIT 1 x", 15, ""),
            ("ä", 0, ""),
        ] {
            let (at, found) = complete(line, words);
            assert_eq!((at, found.join(" ").as_str()), (begin, expected), "{line}");
        }
    }

    #[test]
    fn only_lists_that_fit_are_asked_for() {
        for (line, expected) in [
            ("", &[List::Commands][..]),
            ("GETINFO ver", &[List::Keys]),
            ("ATTACHSTREAM 1", &[List::Streams]),
            ("ATTACHSTREAM 1 2", &[List::Circuits]),
            ("ADD_ONION x", &[]),
        ] {
            let asked = std::cell::RefCell::new(Vec::new());
            complete(line, |list| {
                asked.borrow_mut().push(list);
                Vec::new()
            });
            assert_eq!(asked.into_inner(), expected, "{line}");
        }
    }
}
