//! The journal behind a file system that tells what is done to it: other things happen meanwhile, or are noted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may")]

mod support;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::{LONG, batch, dir, open, small, transaction};
use tailwater_journal::fs::{Fs, ReadFile, RealFs, SimFs, WriteFile};
use tailwater_journal::{Body, ConnectorId, Journal, Options, SystemClock, TopicId, inspect};

/// What is done with a path.
#[derive(PartialEq, Clone, Copy, Debug)]
enum Act {
    Listed,
    Open,
    SyncDir,
}

/// A file system with somebody at the door.
struct Door<F, T> {
    fs: F,
    tell: T,
}

impl<F: Fs, T: Fn(Act, &Path) + Send + Sync> Fs for Door<F, T> {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.fs.create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let files = self.fs.list(dir);
        (self.tell)(Act::Listed, dir);
        files
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        (self.tell)(Act::Open, file);
        self.fs.open(file)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.fs.create(file)
    }

    fn open_write(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.fs.open_write(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fs.rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.fs.remove(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        (self.tell)(Act::SyncDir, dir);
        self.fs.sync_dir(dir)
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send + Sync>> {
        self.fs.lock(file)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.fs.free_bytes(dir)
    }
}

fn segment(number: u64) -> PathBuf {
    dir().join(format!("{number:020}.segment"))
}

fn append(journal: &Journal, topic: TopicId, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let body = Body::Transactions {
            position: vec![number as u8],
            transactions: vec![transaction(number)],
            batches: vec![batch(topic, 0, 1, 1000, number)],
        };
        let sequence = journal.append(ConnectorId(1), 0, body).unwrap();
        assert!(journal.wait_durable(sequence, LONG).unwrap());
    }
}

#[test]
fn verify_calls_nothing_damage_that_a_running_journal_does_meanwhile() {
    for place in [(Act::Listed, dir().to_path_buf()), (Act::Open, segment(5)), (Act::Open, segment(1))] {
        let disk = SimFs::new(1);
        let journal = open(&disk, Options { budget_bytes: Some(160 << 10), ..small() }).unwrap();
        journal.connector("c").unwrap();
        let topic = journal.create_topic("t", 1).unwrap();
        append(&journal, topic, 0..120);
        assert!(disk.content(&segment(1)).is_some() && disk.content(&segment(7)).is_some());
        // At one place of its work, the journal gets new segments and loses its first.
        let once = Mutex::new(Some((place.clone(), journal)));
        let tell = move |act, path: &Path| {
            let mut once = once.lock().unwrap();
            if let Some((_, journal)) = once.take_if(|(place, _)| (act, path) == (place.0, &place.1)) {
                append(&journal, topic, 120..240);
            }
        };
        let report = inspect::verify(&Door { fs: disk.clone(), tell }, dir()).unwrap();
        assert!(disk.content(&segment(5)).is_none(), "{place:?}");
        assert!(report.damage.is_empty(), "{place:?}: {:?}", report.damage);
        assert!(report.segments > 0 && report.recoverable.contains_key("c"));
    }
}

#[test]
fn what_recovery_copies_is_checked_once_more() {
    let disk = SimFs::new(1);
    let journal = open(&disk, small()).unwrap();
    journal.connector("c").unwrap();
    let topic = journal.create_topic("t", 1).unwrap();
    append(&journal, topic, 0..1);
    disk.power_off();
    drop(journal);
    disk.restart();
    let last = inspect::frames(&disk, dir()).unwrap().map(|frame| frame.unwrap()).last().unwrap();
    for at in [60, last.bytes - 1] {
        let whole = disk.content(&segment(1)).unwrap();
        // As after a failed fsync: the cache drops a page, and the disk never had it.
        let changed = disk.clone();
        let tell = move |act, _: &Path| {
            if act == Act::SyncDir {
                let mut content = changed.content(&segment(1)).unwrap();
                content[(last.offset + at) as usize] ^= 1;
                changed.set_content(&segment(1), content);
            }
        };
        let fs = Arc::new(Door { fs: disk.clone(), tell });
        let error = Journal::open(fs, dir(), small(), Arc::new(SystemClock)).err().unwrap();
        assert_eq!(error.code(), "CORRUPT");
        assert!(disk.content(&segment(2)).is_none(), "nothing is called durable");
        disk.set_content(&segment(1), whole);
    }
    assert_eq!(open(&disk, small()).unwrap().bounds(topic, 0).unwrap().high_watermark, 1);
}

#[test]
fn every_directory_that_is_made_has_its_name_synced() {
    let temporary = tempfile::tempdir().unwrap();
    let synced: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
    let noted = synced.clone();
    let tell = move |act, path: &Path| {
        if act == Act::SyncDir {
            noted.lock().unwrap().push(path.to_path_buf());
        }
    };
    let fs = Arc::new(Door { fs: RealFs, tell });
    let data = temporary.path().join("a/b/journal");
    Journal::open(fs, &data, small(), Arc::new(SystemClock)).unwrap().close().unwrap();
    for above in data.ancestors().skip(1).take(3) {
        assert!(synced.lock().unwrap().iter().any(|path| path == above), "{}", above.display());
    }
}
