//! Headings of descriptions: option names and the forms of their values.

use super::line::Line;

/// The maximum length of a heading, in characters. A longer line isn't a
/// heading.
const LONGEST: usize = 2000;

/// The maximum length of an option's name, in characters. A longer word isn't a
/// name.
const LONGEST_NAME: usize = 64;

/// An option's name in a heading, with the form of the option's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) name: String,
    /// The form of the value, as written. The form is empty if the heading
    /// contains only the name.
    pub(super) form: String,
}

/// Returns the terms of a heading: the options' names with the forms of their
/// values. The list is empty if the line isn't a heading of options.
///
/// An option's name is bold. A heading may contain several terms, separated by
/// commas. A comma separates two terms if the bold name of an option follows
/// the comma. Any other comma is part of a form.
pub(super) fn terms(line: &Line) -> Vec<Term> {
    let characters: Vec<(char, bool)> = line.characters().collect();
    let mut terms: Vec<Term> = Vec::new();
    if characters.len() > LONGEST || is_sentence(&characters) {
        return terms;
    }
    let mut rest = characters.as_slice();
    while let [(first, _), behind @ ..] = rest {
        if first.is_whitespace() {
            rest = behind;
            continue;
        }
        let Some((name, behind)) = name(rest) else { break };
        let end = (0..behind.len()).find(|at| is_separator(behind.get(*at..).unwrap_or_default()));
        let (form, next) = behind.split_at_checked(end.unwrap_or(behind.len())).unwrap_or_default();
        terms.push(Term { name, form: text(form) });
        rest = next.get(1..).unwrap_or_default();
    }
    terms
}

/// Returns true if the text begins with a comma, a space and an option's name.
fn is_separator(rest: &[(char, bool)]) -> bool {
    matches!(rest, [(',', _), (' ', _), next @ ..] if name(next).is_some())
}

/// Returns the option's name at the beginning of the text, and the rest of the
/// text. Returns `None` if the text doesn't begin with the name of an option.
fn name(characters: &[(char, bool)]) -> Option<(String, &[(char, bool)])> {
    let is_part = |&(character, bold): &(char, bool)| {
        bold && (character.is_ascii_alphanumeric() || character == '_')
    };
    let length = characters.iter().take(LONGEST_NAME + 1).take_while(|part| is_part(part)).count();
    let (name, behind) = characters.split_at_checked(length)?;
    let ends = matches!(behind, [] | [(' ' | ',', _), ..]);
    let name: String = name.iter().map(|(character, _)| *character).collect();
    let first = name.trim_start_matches('_').chars().next()?;
    // `SIGHUP` and other names in capitals aren't options.
    let is_option = first.is_ascii_uppercase() && name.contains(|c: char| c.is_ascii_lowercase());
    (ends && is_option && length <= LONGEST_NAME).then_some((name, behind))
}

/// Returns true if the text ends with `.`, `:`, `;`, `?` or `!`, like a
/// sentence. An ellipsis (`...`) doesn't count.
fn is_sentence(characters: &[(char, bool)]) -> bool {
    let mut last = characters.iter().rev().map(|(character, _)| *character).filter(|c| *c != ' ');
    match (last.next(), last.next()) {
        (Some('.'), before) => before != Some('.'),
        (Some(':' | ';' | '?' | '!'), _) => true,
        _ => false,
    }
}

/// Returns the characters as a text. Any white space becomes a single space.
fn text(characters: &[(char, bool)]) -> String {
    let text: String = characters.iter().map(|(character, _)| *character).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::line::{Strings, read};
    use super::*;

    fn shown(heading: &str) -> Vec<String> {
        let line = read(heading, false, &Strings::new());
        terms(&line).into_iter().map(|term| format!("{}={}", term.name, term.form)).collect()
    }

    #[test]
    fn heading_with_name_and_form() {
        assert_eq!(
            shown(r"\fBTeapotPort\fR [\fIaddress\fR:]\fIport\fR|\fBauto\fR"),
            ["TeapotPort=[address:]port|auto"]
        );
        assert_eq!(shown(r"\fBBrewTime \fR\fIN\fR  \fBminutes\fR"), ["BrewTime=N minutes"]);
        assert_eq!(
            shown(r"\fBGuests\fR \fIguest\fR,\fIguest\fR,\fI\&...\fR"),
            ["Guests=guest,guest,..."]
        );
        assert_eq!(shown(r"\fBLid\fP"), ["Lid="]);
    }

    #[test]
    fn heading_with_several_names() {
        assert_eq!(
            shown(r"\fBMilk\fR \fIN\fR, \fBSugar\fR [\fIN\fR, or \fBlump\fR], \fB__Cream\fR"),
            ["Milk=N", "Sugar=[N, or lump]", "__Cream="]
        );
    }

    #[test]
    fn other_headings_are_not_options() {
        for heading in [
            "",
            "Teapot 1",
            r"\fBSIGHUP\fR",
            r"\fB\-\-help\fR",
            r"\fB/etc/tea/potrc\fR",
            r"\fIFolder\fR/\fBleaves\fR",
            r"\fBPER POT OPTIONS:\fR",
            r"\fBTea\fR is hot\&.",
            r"\fBNote:\fR hot",
            r"\fBTea\fRpot",
        ] {
            assert!(shown(heading).is_empty(), "{heading}: {:?}", shown(heading));
        }
    }
}
