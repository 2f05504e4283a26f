//! Completion: the words that fit at the end of a line.

use super::vocabulary::Vocabulary;

/// Returns the words that can stand in place of the last word of a line, and
/// the place where that word begins. Case is ignored.
pub(super) fn complete(vocabulary: &Vocabulary, line: &str) -> (usize, Vec<String>) {
    // Relays are separated by commas.
    let begin = line.rfind([' ', ',', '+']).map_or(0, |at| at + 1);
    let word = line.get(begin..).unwrap_or_default();
    let last_space = line.rfind(' ').map_or(0, |at| at + 1);
    let before = line.get(..last_space).unwrap_or_default();
    let before: Vec<&str> = before.split_whitespace().collect();
    let begins = |candidate: &&String| {
        candidate.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let lists = candidates(vocabulary, &before);
    let mut found: Vec<String> =
        lists.into_iter().flatten().filter(begins).map(String::clone).collect();
    found.sort();
    found.dedup();
    (begin, found)
}

/// Returns the lists of words that fit behind these words.
fn candidates<'a>(vocabulary: &'a Vocabulary, before: &[&str]) -> Vec<&'a Vec<String>> {
    let Some(command) = before.first() else { return vec![&vocabulary.commands] };
    match (command.to_ascii_uppercase().as_str(), before.len()) {
        ("GETINFO", _) => vec![&vocabulary.keys],
        ("GETCONF" | "SETCONF" | "RESETCONF", _) => vec![&vocabulary.options],
        ("SETEVENTS" | "/EVENTS", _) => vec![&vocabulary.events],
        ("SIGNAL", 1) => vec![&vocabulary.signals],
        ("USEFEATURE", _) => vec![&vocabulary.features],
        ("/INFO", 1) => vec![&vocabulary.relays],
        ("EXTENDCIRCUIT", 1) | ("CLOSECIRCUIT" | "SETCIRCUITPURPOSE", 1) => {
            vec![&vocabulary.circuits]
        }
        ("EXTENDCIRCUIT", 2) => vec![&vocabulary.relays],
        ("CLOSESTREAM" | "REDIRECTSTREAM" | "ATTACHSTREAM", 1) => vec![&vocabulary.streams],
        ("ATTACHSTREAM", 2) => vec![&vocabulary.circuits],
        ("/HELP", 1) => {
            vec![&vocabulary.commands, &vocabulary.keys, &vocabulary.options]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Vocabulary {
            commands: words("GETINFO GETCONF /help"),
            keys: words("version circuit-status config/names"),
            options: words("Nickname NumCPUs"),
            relays: words("relay0 relay1 other"),
            circuits: words("1 12"),
            ..Vocabulary::default()
        }
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
            let (at, found) = complete(&vocabulary(), line);
            assert_eq!((at, found.join(" ").as_str()), (begin, expected), "{line}");
        }
    }
}
