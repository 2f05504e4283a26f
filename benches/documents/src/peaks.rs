//! Measures the peak memory of each column, each in a separate process. For
//! scape's columns, also measures time and peak memory with many more relays.

use std::process::Stdio;

use crate::columns::{Subject, subjects};
use crate::relays::RELAYS;
use crate::rounds::verdict;
use crate::{child, memory, timed};

/// The role of a child process that reads a file once with one column. The
/// arguments are the file, the number of documents, and the positions of the
/// subject and of the column.
pub(crate) const ROLE: &str = "peak";

/// The number of relays in the larger texts, about ten times as many as in the
/// public network.
const MANY: usize = 100_000;

/// The target for the peak of scape's columns, as a multiple of the text's
/// length.
const MOST: f64 = 3.0;

/// The target for the time per document in a larger text, as a multiple of the
/// time per document in a text of the usual size.
const MOST_SLOWER: f64 = 1.3;

/// The number of child processes for each column and text. The result is from
/// the fastest one.
const CHILDREN: usize = 3;

/// The time and the memory that a child process took to read the text.
struct Peak {
    seconds: f64,
    /// The peak memory in KiB, without the memory that the program took before
    /// it read the text.
    kibibytes: f64,
}

/// Prints the peak memory of each column. For scape's columns, also prints the
/// results with many more relays.
pub(crate) fn print(subjects: &[Subject]) {
    println!(
        "\npeak memory of a process that reads the text once, without the program itself, as a multiple of the text\n"
    );
    for (number, subject) in subjects.iter().enumerate() {
        let few = RELAYS / subject.one_of;
        let many = MANY / subject.one_of;
        let files = [few, many].map(|relays| File::new(&subject.input.text(relays)));
        println!("{}: {:.1} MB", subject.name, files[0].length / 1e6);
        for (position, column) in subject.columns.iter().enumerate() {
            let peak = run(&files[0], few, number, position);
            let ratio = peak.kibibytes * 1024.0 / files[0].length;
            print!("    {:<20} {:>7.0} KiB  {ratio:>6.2}", column.name, peak.kibibytes);
            if !column.name.starts_with("scape") {
                println!();
                continue;
            }
            let target = verdict(ratio <= MOST);
            let large = run(&files[1], many, number, position);
            let slower = (large.seconds / many as f64) / (peak.seconds / few as f64);
            println!(
                "  {target};  {many} documents: {:>6.2}, time of a document x {slower:.2}  {}",
                large.kibibytes * 1024.0 / files[1].length,
                verdict(slower <= MOST_SLOWER),
            );
        }
    }
}

/// A temporary file. It is removed when the value is dropped.
struct File {
    path: std::path::PathBuf,
    length: f64,
}

impl File {
    fn new(text: &str) -> File {
        let name = format!("scape-documents-{}-{}", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File { path, length: text.len() as f64 }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn run(file: &File, documents: usize, subject: usize, column: usize) -> Peak {
    let all = (0..CHILDREN).map(|_| run_once(file, documents, subject, column));
    all.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap()
}

fn run_once(file: &File, documents: usize, subject: usize, column: usize) -> Peak {
    let [documents, subject, column] = [documents, subject, column].map(|n| n.to_string());
    let path = file.path.to_str().unwrap();
    let mut command = child::command(ROLE, &[path, &documents, &subject, &column]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [seconds, kibibytes] = numbers[..] else { panic!("{text:?}") };
    Peak { seconds, kibibytes }
}

/// Runs the role [`ROLE`]: reads the file with one column. Prints the time in
/// seconds and the increase of the peak memory in KiB.
pub(crate) fn read(arguments: &[String]) {
    let before = memory::now();
    let [path, numbers @ ..] = arguments else { panic!("{arguments:?}") };
    let numbers: Vec<usize> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    let [documents, subject, column] = numbers[..] else { panic!("{arguments:?}") };
    let text = std::fs::read_to_string(path).unwrap();
    let run = subjects()[subject].columns[column].run;
    let seconds = timed(run, &text, documents);
    println!("{seconds} {}", memory::peak() - before);
}
