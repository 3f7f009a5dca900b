//! The file channel: JSON lines in `signal.file`, which is emptied once what they ask for is durable.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tailwater_connector::{Problem, Signal};

use crate::limits::SIGNAL_FILE_BYTES;

/// The file somebody puts signals into.
#[derive(Debug)]
pub(crate) struct SignalFile(PathBuf);

/// What the file has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The signals, in order.
    pub signals: Vec<Signal>,
    /// Lines that are none.
    pub problems: Vec<Problem>,
    /// What to forget when they were acted on.
    pub taken: Option<Taken>,
}

/// Lines that were read, and the file as it was then: one that is still so holds nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    length: u64,
    /// Where the lines end.
    ended: u64,
    /// Its last change, in microseconds since 1970.
    modified_us: u64,
}

impl SignalFile {
    /// It need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        SignalFile(path)
    }

    /// What is in it, and a warning for each line that is no signal. A line that is not ended yet stays for later. The lines
    /// stay in the file until [`SignalFile::forget`]; `done` is what was acted on before, perhaps by a process that ended before
    /// it could forget.
    pub fn read(&self, done: Option<&Taken>) -> Result<Found, Problem> {
        let (bytes, taken) = match self.look() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(self.unusable(&error)),
        };
        if taken.ended == 0 {
            return Ok(Found::default());
        }
        if done == Some(&taken) {
            self.forget(&taken)?;
            return Ok(Found::default());
        }
        let (mut signals, mut problems) = (Vec::new(), Vec::new());
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match parse(line) {
                Some(signal) => signals.push(signal),
                None => problems.push(self.not_a_signal(number + 1)),
            }
        }
        Ok(Found { signals, problems, taken: Some(taken) })
    }

    /// Takes lines out of the file; what was appended since stays.
    pub fn forget(&self, taken: &Taken) -> Result<(), Problem> {
        self.cut(taken.ended).map_err(|error| self.unusable(&error))
    }

    /// The lines that are ended, and how the file was.
    fn look(&self) -> io::Result<(Vec<u8>, Taken)> {
        // What could not be emptied later would be acted on and stay.
        let file = OpenOptions::new().read(true).write(true).open(&self.0)?;
        let about = file.metadata()?;
        if about.len() > SIGNAL_FILE_BYTES {
            return Err(io::Error::other(format!("it has {} bytes; {SIGNAL_FILE_BYTES} are the most", about.len())));
        }
        let mut bytes = Vec::new();
        (&file).take(about.len()).read_to_end(&mut bytes)?;
        bytes.truncate(ended(&bytes));
        let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let taken = Taken { length: about.len(), ended: bytes.len() as u64, modified_us };
        Ok((bytes, taken))
    }

    fn cut(&self, ended: u64) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(&self.0)?;
        loop {
            file.seek(SeekFrom::Start(ended))?;
            let mut rest = Vec::new();
            (&file).take(SIGNAL_FILE_BYTES).read_to_end(&mut rest)?;
            let length = file.metadata()?.len();
            // Somebody wrote the file anew: the lines are not in it.
            if length < ended {
                return Ok(());
            }
            if length - ended > SIGNAL_FILE_BYTES {
                return Err(io::Error::other(format!("it has {length} bytes; {SIGNAL_FILE_BYTES} are the most")));
            }
            // What was appended meanwhile would be lost.
            if length == ended + rest.len() as u64 {
                file.rewind()?;
                file.write_all(&rest)?;
                return file.set_len(rest.len() as u64);
            }
        }
    }

    fn unusable(&self, error: &io::Error) -> Problem {
        Problem::environment(
            "SIGNAL_FILE",
            format!("the signal file {} can not be read and emptied: {error}", self.0.display()),
            format!("chmod u+rw {}", self.0.display()),
        )
        .warning()
    }

    fn not_a_signal(&self, line: usize) -> Problem {
        Problem::config(
            "SIGNAL_IGNORED",
            format!("line {line} of the signal file {} is no signal", self.0.display()),
            r#"Write lines such as {"id":"1","type":"execute-snapshot","data":{"data-collections":["public.t"]}}"#,
        )
        .warning()
    }
}

/// Where the lines end that are complete: with a line break, or as a signal.
fn ended(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let is_signal = |line: &[u8]| parse(&String::from_utf8_lossy(line)).is_some();
    if bytes.get(last..).is_some_and(is_signal) { bytes.len() } else { last }
}

/// `{"id","type","data"}`; the data are an object, or text that is one.
fn parse(line: &str) -> Option<Signal> {
    let value: Value = serde_json::from_str(line).ok()?;
    let data = match &value["data"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Signal { id: text("id").unwrap_or_default(), kind: text("type")?, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads, and forgets what was read.
    fn take(file: &SignalFile) -> (Vec<Signal>, Vec<Problem>) {
        let found = file.read(None).unwrap();
        if let Some(taken) = &found.taken {
            file.forget(taken).unwrap();
        }
        (found.signals, found.problems)
    }

    fn append(path: &std::path::Path, text: &str) {
        OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_taken_once_and_the_bad_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        assert_eq!(take(&file), (Vec::new(), Vec::new()));
        std::fs::write(
            &path,
            "{\"id\":\"1\",\"type\":\"log\",\"data\":{\"message\":\"a\"}}\n\nnonsense\n{\"type\":\"log\",\"data\":\"{}\"}\n",
        )
        .unwrap();
        let (signals, problems) = take(&file);
        let data: Vec<_> = signals.iter().map(|s| (s.id.as_str(), s.data.as_str())).collect();
        assert_eq!(data, [("1", "{\"message\":\"a\"}"), ("", "{}")]);
        assert!(problems.len() == 1 && problems[0].cause.contains("line 3"), "{problems:?}");
        assert_eq!(take(&file), (Vec::new(), Vec::new()));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_line_that_is_not_ended_stays_and_a_file_too_large_is_left_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        std::fs::write(&path, "{\"type\":\"log\"}\n{\"type\":\"pause-sn").unwrap();
        let (signals, problems) = take(&file);
        assert_eq!((signals.len(), problems.len()), (1, 0));
        append(&path, "apshot\"}");
        let (signals, problems) = take(&file);
        assert!(problems.is_empty() && signals.len() == 1 && signals[0].kind == "pause-snapshot", "{signals:?}");
        let large = "{\"type\":\"log\"}\n".repeat(80_000);
        std::fs::write(&path, &large).unwrap();
        assert_eq!(file.read(None).unwrap_err().code, "SIGNAL_FILE");
        assert_eq!(std::fs::read(&path).unwrap().len(), large.len());
    }

    #[test]
    fn a_file_that_was_written_anew_or_grew_too_large_before_lines_are_forgotten_is_left_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        std::fs::write(&path, "{\"id\":\"the first\",\"type\":\"log\"}\n").unwrap();
        let taken = file.read(None).unwrap().taken.unwrap();
        std::fs::write(&path, "{\"type\":\"log\"}\n").unwrap();
        file.forget(&taken).unwrap();
        assert_eq!(file.read(Some(&taken)).unwrap().signals.len(), 1);
        let large = " ".repeat(2 * SIGNAL_FILE_BYTES as usize);
        std::fs::write(&path, &large).unwrap();
        assert_eq!(file.forget(&taken).unwrap_err().code, "SIGNAL_FILE");
        assert_eq!(std::fs::read(&path).unwrap().len(), large.len());
    }

    #[test]
    fn signals_stay_until_they_are_forgotten_and_what_was_acted_on_is_not_acted_on_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        let line = "{\"id\":\"1\",\"type\":\"log\"}\n";
        std::fs::write(&path, line).unwrap();
        let taken = file.read(None).unwrap().taken.unwrap();
        // Nobody remembered it before the process was killed: it comes again.
        assert_eq!(file.read(None).unwrap().signals.len(), 1);
        // Somebody appended before it was forgotten.
        append(&path, "{\"id\":\"2\",\"type\":\"log\"}\n");
        file.forget(&taken).unwrap();
        let found = file.read(Some(&taken)).unwrap();
        assert_eq!(found.signals.iter().map(|signal| signal.id.as_str()).collect::<Vec<_>>(), ["2"]);
        // Remembered, and killed before it was forgotten.
        let done = found.taken.unwrap();
        assert_eq!(file.read(Some(&done)).unwrap(), Found::default());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        // The same text later is another signal.
        std::fs::write(&path, line).unwrap();
        assert_eq!(file.read(Some(&taken)).unwrap().signals.len(), 1);
    }
}
