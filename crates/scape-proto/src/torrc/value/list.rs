//! Lists: one line for each element, or one comma-separated line.

use std::slice;

use super::routers::split_at_commas;
use super::whitespace::is_space;
use super::{ConfigValueProblem, FromConfigValue, ToConfigValue};
use crate::info::ConfigType;

/// The form in which a list is written: one line for each element, or one line
/// with commas.
enum Form {
    Lines,
    Commas,
}

impl Form {
    fn of(ty: &ConfigType) -> Option<Self> {
        match ty {
            ConfigType::LineList | ConfigType::Dependent | ConfigType::Other(_) => {
                Some(Form::Lines)
            }
            ConfigType::CommaList | ConfigType::RouterList => Some(Form::Commas),
            _ => None,
        }
    }
}

/// Supports lists. No element may be empty. In a `CommaList` or a `RouterList`,
/// no element may contain a comma, or white space at its beginning or end.
impl<T: ToConfigValue> ToConfigValue for [T] {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        let form = match ty {
            ConfigType::Virtual => return Err(ConfigValueProblem::Virtual),
            ty => Form::of(ty).ok_or_else(|| ConfigValueProblem::NoList { ty: ty.clone() })?,
        };
        let mut elements = Vec::with_capacity(self.len());
        for (index, value) in self.iter().enumerate() {
            elements.push(element(ty, &form, value).map_err(|problem| at(index, problem))?);
        }
        Ok(match form {
            Form::Commas if !elements.is_empty() => vec![elements.join(",")],
            _ => elements,
        })
    }
}

fn at(index: usize, problem: ConfigValueProblem) -> ConfigValueProblem {
    ConfigValueProblem::Element { index, problem: Box::new(problem) }
}

/// Converts an element of a list to its text. Returns an error if the text is
/// empty, has several lines, or can't be an element of a comma-separated list.
fn element<T: ToConfigValue>(
    ty: &ConfigType,
    form: &Form,
    value: &T,
) -> Result<String, ConfigValueProblem> {
    let mut lines = value.to_config(ty)?;
    let line = lines.pop().filter(|line| !line.is_empty()).ok_or(ConfigValueProblem::Empty)?;
    if !lines.is_empty() {
        return Err(ConfigValueProblem::ManyLines { lines: lines.len() + 1 });
    }
    let splits = line.contains(',') || line.starts_with(is_space) || line.ends_with(is_space);
    match form {
        Form::Commas if splits => Err(ConfigValueProblem::Splits { ty: ty.clone() }),
        _ => Ok(line),
    }
}

/// Converts the list in the same way as a slice.
impl<T: ToConfigValue> ToConfigValue for Vec<T> {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        self.as_slice().to_config(ty)
    }
}

/// Converts the list in the same way as a slice.
impl<T: ToConfigValue, const N: usize> ToConfigValue for [T; N] {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        self.as_slice().to_config(ty)
    }
}

/// Supports lists. An unset option is an empty list. For a group (`Virtual`),
/// each given line is one element.
impl<T: FromConfigValue> FromConfigValue for Vec<T> {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        let elements: Vec<String> = match (ty, Form::of(ty)) {
            (ConfigType::Virtual, _) | (_, Some(Form::Lines)) => {
                lines.iter().filter(|line| !line.is_empty()).cloned().collect()
            }
            (_, Some(Form::Commas)) => {
                lines.iter().flat_map(|line| split_at_commas(line)).map(str::to_owned).collect()
            }
            _ => return Err(ConfigValueProblem::NoList { ty: ty.clone() }),
        };
        let read = |(index, element)| {
            T::from_config(ty, slice::from_ref(element)).map_err(|problem| at(index, problem))
        };
        elements.iter().enumerate().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem_of(list: &[&str], ty: ConfigType) -> (usize, ConfigValueProblem) {
        match list.to_config(&ty) {
            Err(ConfigValueProblem::Element { index, problem }) => (index, *problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn list_of_lines_and_list_with_commas() {
        let list = ["80", "443"];
        assert_eq!(list.to_config(&ConfigType::LineList).unwrap(), list);
        assert_eq!(list.to_config(&ConfigType::CommaList).unwrap(), ["80,443"]);
        assert_eq!(vec![80, 443].to_config(&ConfigType::CommaList).unwrap(), ["80,443"]);
        let lines = [" 80 , 443,,".to_owned()];
        assert_eq!(Vec::<u16>::from_config(&ConfigType::CommaList, &lines), Ok(vec![80, 443]));
        assert_eq!(
            Vec::<String>::from_config(&ConfigType::CommaList, &[String::new()]),
            Ok(vec![])
        );
        for ty in [ConfigType::LineList, ConfigType::CommaList, ConfigType::RouterList] {
            assert_eq!([""; 0].to_config(&ty), Ok(vec![]));
            assert_eq!(Vec::<String>::from_config(&ty, &[]), Ok(vec![]));
        }
    }

    #[test]
    fn list_element_that_would_change_is_rejected() {
        let ty = ConfigType::CommaList;
        for bad in ["a,b", " a", "a\t"] {
            assert_eq!(
                problem_of(&["x", bad], ty.clone()),
                (1, ConfigValueProblem::Splits { ty: ty.clone() })
            );
        }
        // An empty line would clear the whole list.
        assert_eq!(problem_of(&["x", ""], ConfigType::LineList), (1, ConfigValueProblem::Empty));
        assert_eq!(
            problem_of(&["a\0"], ConfigType::LineList),
            (0, ConfigValueProblem::Nul { position: 1 })
        );
        let ty = ConfigType::Boolean;
        assert_eq!([true].to_config(&ty), Err(ConfigValueProblem::NoList { ty: ty.clone() }));
        assert_eq!(Vec::<bool>::from_config(&ty, &[]), Err(ConfigValueProblem::NoList { ty }));
        assert_eq!(["x"].to_config(&ConfigType::Virtual), Err(ConfigValueProblem::Virtual));
        let nested = vec![vec!["a", "b"]].to_config(&ConfigType::LineList).unwrap_err();
        assert_eq!(nested.to_string(), "element 0: it has 2 lines: ask for a Vec");
        let wrong =
            Vec::<u8>::from_config(&ConfigType::CommaList, &["1,x".to_owned()]).unwrap_err();
        assert_eq!(wrong.to_string(), "element 1: it cannot be read as an integer");
    }

    proptest! {
        #[test]
        fn list_round_trip(
            lines in proptest::collection::vec("[^\0\r\n]+", 0..5),
            words in proptest::collection::vec("[^\0, \t\n\r\x0b\x0c]([^\0\r\n,]*[^\0, \t\n\r\x0b\x0c])?", 0..5),
        ) {
            for ty in [ConfigType::LineList, ConfigType::Dependent, ConfigType::Other("New".into())] {
                let written = lines.to_config(&ty).unwrap();
                prop_assert_eq!(Vec::<String>::from_config(&ty, &written), Ok(lines.clone()));
            }
            let ty = ConfigType::CommaList;
            let written = words.to_config(&ty).unwrap();
            prop_assert!(written.len() <= 1);
            prop_assert_eq!(Vec::<String>::from_config(&ty, &written), Ok(words));
        }
    }
}
