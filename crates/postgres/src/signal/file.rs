//! The file channel: JSON lines in `signal.file`, which is emptied once they were read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde_json::Value;
use tailwater_connector::{Problem, Signal};

use crate::limits::SIGNAL_FILE_BYTES;

/// The file somebody puts signals into.
#[derive(Debug)]
pub(crate) struct SignalFile(PathBuf);

impl SignalFile {
    /// It need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        SignalFile(path)
    }

    /// Takes what is in it, and a warning for each line that is no signal. A line that is not ended yet stays.
    pub fn take(&self) -> Result<(Vec<Signal>, Vec<Problem>), Problem> {
        let text = match self.drain() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(self.unusable(&error)),
        };
        let (mut signals, mut problems) = (Vec::new(), Vec::new());
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match parse(line) {
                Some(signal) => signals.push(signal),
                None => problems.push(self.not_a_signal(number + 1)),
            }
        }
        Ok((signals, problems))
    }

    fn drain(&self) -> io::Result<String> {
        let file = OpenOptions::new().read(true).write(true).open(&self.0)?;
        loop {
            let length = file.metadata()?.len();
            if length == 0 {
                return Ok(String::new());
            }
            if length > SIGNAL_FILE_BYTES {
                return Err(io::Error::other(format!("it has {length} bytes; {SIGNAL_FILE_BYTES} are the most")));
            }
            let mut bytes = Vec::new();
            (&file).take(SIGNAL_FILE_BYTES).read_to_end(&mut bytes)?;
            // What was appended meanwhile would be lost.
            if file.metadata()?.len() == length {
                let rest = bytes.split_off(ended(&bytes));
                rewind(&file)?;
                file.set_len(0)?;
                (&file).write_all(&rest)?;
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            rewind(&file)?;
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

fn rewind(mut file: &File) -> io::Result<()> {
    io::Seek::rewind(&mut file)
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

    #[test]
    fn lines_are_taken_once_and_the_bad_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        assert_eq!(file.take().unwrap(), (Vec::new(), Vec::new()));
        std::fs::write(
            &path,
            "{\"id\":\"1\",\"type\":\"log\",\"data\":{\"message\":\"a\"}}\n\nnonsense\n{\"type\":\"log\",\"data\":\"{}\"}\n",
        )
        .unwrap();
        let (signals, problems) = file.take().unwrap();
        let data: Vec<_> = signals.iter().map(|s| (s.id.as_str(), s.data.as_str())).collect();
        assert_eq!(data, [("1", "{\"message\":\"a\"}"), ("", "{}")]);
        assert!(problems.len() == 1 && problems[0].cause.contains("line 3"), "{problems:?}");
        assert_eq!(file.take().unwrap(), (Vec::new(), Vec::new()));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_line_that_is_not_ended_stays_and_a_file_too_large_is_left_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signals");
        let file = SignalFile::new(path.clone());
        std::fs::write(&path, "{\"type\":\"log\"}\n{\"type\":\"pause-sn").unwrap();
        let (signals, problems) = file.take().unwrap();
        assert_eq!((signals.len(), problems.len()), (1, 0));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"apshot\"}").unwrap();
        let (signals, problems) = file.take().unwrap();
        assert!(problems.is_empty() && signals.len() == 1 && signals[0].kind == "pause-snapshot", "{signals:?}");
        let large = "{\"type\":\"log\"}\n".repeat(80_000);
        std::fs::write(&path, &large).unwrap();
        assert_eq!(file.take().unwrap_err().code, "SIGNAL_FILE");
        assert_eq!(std::fs::read(&path).unwrap().len(), large.len());
    }
}
