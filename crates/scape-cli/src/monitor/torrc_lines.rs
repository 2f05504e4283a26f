//! Formats the torrc with remarks about its mistakes, for a box.

use scape::config::TorrcFiles;
use scape::{Controller, Result};

use crate::base::failure::Failure;
use crate::commands::conf::check::{self, Remark};

/// Returns the title and the lines of a box with the torrc and the files that
/// it includes. A remark about a mistake follows the line that it is about.
/// Comments and secrets are left out.
///
/// # Errors
///
/// Returns a failure if tor runs on another machine or doesn't answer, or if a
/// file can't be read.
pub(crate) fn read(controller: &Controller) -> std::result::Result<(String, Vec<String>), Failure> {
    let remarks = check::check(&controller.config()?)?;
    let path = controller.info().config_file()?;
    let files = TorrcFiles::read(&path);
    Ok((format!("torrc {}", path.display()), lines(files, &remarks)))
}

fn lines(files: Result<TorrcFiles>, remarks: &[Remark]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left: Vec<&Remark> = remarks.iter().collect();
    for file in files.iter().flat_map(TorrcFiles::files) {
        lines.push(format!("{}:", file.path.display()));
        for entry in file.torrc.entries() {
            lines.push(format!("{:>5}  {entry}", entry.line()));
            let is_here = |remark: &Remark| {
                remark.line == Some(entry.line()) && remark.file.as_ref() == Some(&file.path)
            };
            lines.extend(left.iter().filter(|remark| is_here(remark)).map(|remark| mark(remark)));
            left.retain(|remark| !is_here(remark));
        }
        lines.push(String::new());
    }
    // The other remarks are about files that aren't listed above, or about
    // options that no file contains.
    lines.extend(left.into_iter().map(|remark| match (&remark.file, remark.line) {
        (Some(file), Some(line)) => format!("{}:{line}: {}", file.display(), mark(remark).trim()),
        _ => mark(remark).trim().to_owned(),
    }));
    if remarks.is_empty() {
        lines.push("No mistakes.".into());
    }
    lines
}

fn mark(remark: &Remark) -> String {
    format!("     ^ {}: {}", remark.severity.name(), remark.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::conf::check::Severity;

    #[test]
    fn remarks_follow_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("torrc");
        std::fs::write(&path, "# mine\nNickname a\nNickname b\nHashedControlPassword x\n").unwrap();
        let files = TorrcFiles::read(&path);
        let remark = |line: Option<usize>, text: &str| Remark {
            file: line.is_some().then(|| files.as_ref().unwrap().files()[0].path.clone()),
            line,
            option: "Nickname".into(),
            severity: Severity::Warning,
            text: text.into(),
        };
        let remarks = [remark(Some(2), "replaced"), remark(None, "not in a file")];
        let lines = lines(files.clone(), &remarks);
        let expected = [
            "    2  Nickname a",
            "     ^ warning: replaced",
            "    3  Nickname b",
            "    4  HashedControlPassword [redacted]",
            "",
            "^ warning: not in a file",
        ];
        assert_eq!(lines[1..], expected);
    }
}
