//! The state of a simulated disk, and what a power loss makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// What the platter writes or loses as a whole.
pub(super) const LINE: usize = 512;

#[derive(Default)]
pub(super) struct Disk {
    pub(super) files: Vec<File>,
    /// Names as programs see them, and as the platter has them.
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    pub(super) pending_names: Vec<NameChange>,
    pub(super) locks: BTreeSet<PathBuf>,
    /// Handles of an earlier life of the machine do nothing.
    pub(super) life: u64,
    pub(super) powered: bool,
    /// Changes until the power fails.
    pub(super) fuse: Option<u64>,
    pub(super) failing_syncs: u64,
    pub(super) awkward: bool,
    pub(super) capacity: u64,
    pub(super) random: u64,
}

#[derive(Default)]
pub(super) struct File {
    pub(super) current: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
}

pub(super) enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

#[derive(Clone)]
pub(super) enum NameChange {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

/// How much a power loss takes.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    Everything,
    Nothing,
    /// Each piece is lost in this many of eight cases.
    Some(u64),
}

impl Disk {
    /// SplitMix64.
    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below.max(1)
    }

    pub(super) fn used(&self) -> u64 {
        self.names.values().filter_map(|number| self.files.get(*number)).map(|file| file.current.len() as u64).sum()
    }

    pub(super) fn alive(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(off()) }
    }

    /// Called before each change: burns the fuse.
    pub(super) fn change(&mut self) -> io::Result<()> {
        self.alive()?;
        match &mut self.fuse {
            Some(0) => {
                self.fuse = None;
                self.powered = false;
                Err(off())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn number(&self, path: &Path) -> io::Result<usize> {
        self.alive()?;
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn restart(&mut self) {
        self.locks.clear();
        self.life += 1;
        self.powered = true;
        self.fuse = None;
        self.failing_syncs = 0;
    }

    pub(super) fn lose(&mut self) {
        let loss = match self.draw(4) {
            0 => Loss::Everything,
            1 => Loss::Nothing,
            _ => Loss::Some(1 + self.draw(7)),
        };
        for change in std::mem::take(&mut self.pending_names) {
            if self.keeps(loss) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        for number in 0..self.files.len() {
            let changes = self.files.get_mut(number).map(|file| std::mem::take(&mut file.pending)).unwrap_or_default();
            let mut durable =
                self.files.get_mut(number).map(|file| std::mem::take(&mut file.durable)).unwrap_or_default();
            for change in changes {
                self.keep_some(&mut durable, change, loss);
            }
            if let Some(file) = self.files.get_mut(number) {
                file.current = durable.clone();
                file.durable = durable;
            }
        }
    }

    fn keeps(&mut self, loss: Loss) -> bool {
        match loss {
            Loss::Everything => false,
            Loss::Nothing => true,
            Loss::Some(eighths) => self.draw(8) >= eighths,
        }
    }

    pub(super) fn keep_some(&mut self, durable: &mut Vec<u8>, change: Change, loss: Loss) {
        match change {
            Change::Resize(size) => {
                if self.keeps(loss) {
                    durable.resize(size, 0);
                }
            }
            Change::Write(at, bytes) => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = bytes.len().min(from + LINE - (at + from) % LINE);
                    if self.keeps(loss) {
                        put(durable, at + from, bytes.get(from..to).unwrap_or_default());
                    }
                    from = to;
                }
                // The size may reach the platter without the data.
                if matches!(loss, Loss::Some(_)) && self.draw(8) == 0 && durable.len() < at + bytes.len() {
                    durable.resize(at + bytes.len(), 0);
                }
            }
        }
    }
}

impl NameChange {
    pub(super) fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link(path, number) => {
                names.insert(path, number);
            }
            Self::Unlink(path) => {
                names.remove(&path);
            }
            Self::Rename(from, to, number) => {
                names.remove(&from);
                names.insert(to, number);
            }
        }
    }

    pub(super) fn is_in(&self, dir: &Path) -> bool {
        let (Self::Link(path, _) | Self::Unlink(path) | Self::Rename(_, path, _)) = self;
        path.parent() == Some(dir)
    }
}

pub(super) fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    if let Some(place) = content.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

pub(super) fn off() -> io::Error {
    io::Error::other("the power is off")
}
