//! What the demo shows of its results.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::latency::Latency;
use crate::limits::{DEMO_FILE_LINES, TREE_ENTRIES};
use crate::metrics::memory;
use crate::render::size;
use crate::render::style::{DIM, HELP, NAME, paint};

/// A heading.
pub fn heading(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{}", paint(NAME, text))
}

/// An event for people: every line of it, but its schema block only by its size.
pub fn event(out: &mut impl Write, topic: &str, value: &[u8]) -> io::Result<()> {
    let Ok(mut event) = serde_json::from_slice::<Value>(value) else { return out.write_all(value) };
    if let Some(schema) = event.get_mut("schema") {
        let bytes = schema.to_string().len();
        *schema = Value::String(format!("… {} that name and type every field", size::bytes(bytes as u64)));
    }
    writeln!(out, "{}", paint(DIM, format_args!("topic {topic}, {}", size::bytes(value.len() as u64))))?;
    writeln!(out, "{event:#}")
}

/// The files below a directory, as a tree.
pub fn tree(out: &mut impl Write, dir: &Path) -> io::Result<()> {
    writeln!(out, "{}/", dir.display())?;
    let mut left = TREE_ENTRIES;
    branch(out, dir, "", &mut left)
}

fn branch(out: &mut impl Write, dir: &Path, margin: &str, left: &mut usize) -> io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(dir)?.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let count = entries.len();
    for (at, entry) in entries.into_iter().enumerate() {
        if *left == 0 {
            return writeln!(out, "{margin}…");
        }
        *left -= 1;
        let last = at + 1 == count;
        let (stem, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let name = entry.file_name().to_string_lossy().into_owned();
        let meta = entry.metadata()?;
        if meta.is_dir() {
            writeln!(out, "{margin}{stem}{name}/")?;
            branch(out, &entry.path(), &format!("{margin}{below}"), left)?;
        } else {
            writeln!(out, "{margin}{stem}{name}  {}", paint(DIM, size::bytes(meta.len())))?;
        }
    }
    Ok(())
}

/// The text of all files below a directory whose path says what `which` says.
pub fn text_files(out: &mut impl Write, dir: &Path, which: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    files.retain(|file| which(file));
    files.sort();
    for file in files {
        for (at, line) in std::fs::read_to_string(&file)?.lines().enumerate() {
            if at == DEMO_FILE_LINES {
                writeln!(out, "{}", paint(DIM, "…"))?;
                break;
            }
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Latency and memory.
pub fn figures(out: &mut impl Write, latency: &Latency) -> io::Result<()> {
    let (p50, p99) = (size::millis(latency.p50), size::millis(latency.p99));
    writeln!(out, "commit to durable record   p50 {p50}, p99 {p99}   ({} one-row commits)", latency.commits)?;
    match memory("VmHWM") {
        Some(bytes) => writeln!(out, "memory at its peak         {}", size::bytes(bytes)),
        None => Ok(()),
    }
}

/// Commands to try next.
pub fn next(out: &mut impl Write, commands: &[String; 3]) -> io::Result<()> {
    heading(out, "Try next")?;
    commands.iter().try_for_each(|command| writeln!(out, "  {}", paint(HELP, command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn an_event_keeps_its_payload_and_only_the_size_of_its_schema() {
        let value = br#"{"schema":{"type":"struct"},"payload":{"op":"c"}}"#;
        let shown = text(|out| event(out, "t", value));
        assert!(shown.contains("\"op\": \"c\"") && shown.contains("… 17 B"), "{shown}");
        assert!(!shown.contains("struct"));
    }

    #[test]
    fn a_tree_shows_every_file_in_order_with_its_size() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("b/c")).unwrap();
        std::fs::write(dir.path().join("b/c/x.json"), "12345").unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        let shown = text(|out| tree(out, dir.path()));
        let lines: Vec<_> = shown.lines().skip(1).collect();
        assert_eq!(lines, ["├── a  0 B", "└── b/", "    └── c/", "        └── x.json  5 B"]);
    }
}
