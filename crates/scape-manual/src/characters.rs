//! Names of special characters in roff.

/// Returns the character that `name` stands for in roff. For `\(cq`, the name
/// is `cq`; for `\[u2014]`, it is `u2014`. Returns `None` for an unknown name;
/// the caller then omits the character, as roff does. Typographic quotes become
/// ASCII quotes, so that the text can be searched.
pub(super) fn character(name: &str) -> Option<char> {
    let known = match name {
        "aq" | "cq" | "oq" | "fm" => '\'',
        "dq" | "lq" | "rq" => '"',
        "ga" => '`',
        "aa" => '´',
        "ha" | "a^" => '^',
        "ti" | "a~" | "ap" => '~',
        "hy" | "mi" => '-',
        "en" => '–',
        "em" => '—',
        "bu" => '•',
        "ci" => '○',
        "sq" => '□',
        "co" => '©',
        "rg" => '®',
        "tm" => '™',
        "de" => '°',
        "mu" => '×',
        "di" => '÷',
        "+-" => '±',
        "sc" => '§',
        "ps" => '¶',
        "dg" => '†',
        "rs" => '\\',
        "sl" => '/',
        "ba" | "or" => '|',
        "at" => '@',
        "sh" => '#',
        "Do" => '$',
        "lB" => '[',
        "rB" => ']',
        "lC" => '{',
        "rC" => '}',
        "la" => '⟨',
        "ra" => '⟩',
        "Bq" => '„',
        "bq" => '‚',
        "Fo" => '«',
        "Fc" => '»',
        "->" => '→',
        "<-" => '←',
        "ua" => '↑',
        "da" => '↓',
        "<=" => '≤',
        ">=" => '≥',
        "!=" => '≠',
        "==" => '≡',
        "if" => '∞',
        "12" => '½',
        "14" => '¼',
        "34" => '¾',
        "Eu" => '€',
        "Po" => '£',
        "ct" => '¢',
        "ss" => 'ß',
        ":a" => 'ä',
        ":o" => 'ö',
        ":u" => 'ü',
        ":A" => 'Ä',
        ":O" => 'Ö',
        ":U" => 'Ü',
        "'e" => 'é',
        "`e" => 'è',
        "'a" => 'á',
        "'o" => 'ó',
        "'u" => 'ú',
        ",c" => 'ç',
        "~n" => 'ñ',
        _ => return numbered(name),
    };
    Some(known)
}

/// Returns the character whose number is part of this name: `u2014`
/// (hexadecimal) or `char232` (decimal). Returns `None` for any other name.
fn numbered(name: &str) -> Option<char> {
    let code = match name.strip_prefix("char") {
        Some(decimal) => decimal.parse().ok()?,
        None => u32::from_str_radix(name.strip_prefix('u')?, 16).ok()?,
    };
    match char::from_u32(code)? {
        // Typographic quotes become ASCII quotes.
        '‘' | '’' => Some('\''),
        '“' | '”' => Some('"'),
        character => Some(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_by_name_and_by_number() {
        assert_eq!(character("cq"), Some('\''));
        assert_eq!(character("u2014"), Some('—'));
        assert_eq!(character("u2019"), Some('\''));
        assert_eq!(character("char232"), Some('è'));
        for unknown in ["", "u", "zz", "ud800", "u110000", "char", "char99999999999", "uzz"] {
            assert_eq!(character(unknown), None, "{unknown}");
        }
    }
}
