//! A simulated disk for crash tests: it forgets, tears and reorders what was not synced, and fails on demand.
//!
//! Every file has what the programs see and what the platter has; unsynced writes, cuts and names lie between. At a
//! power loss each of them, writes by lines of 512 bytes, is kept or lost on its own, whatever its order. Everything is
//! drawn from one seed.

mod disk;

use super::{Fs, ReadFile, WriteFile};
use disk::{Change, Disk, File, Loss, NameChange, off, put};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A disk in memory. Clones share it.
#[derive(Clone)]
pub struct SimFs {
    disk: Arc<Mutex<Disk>>,
}

impl SimFs {
    /// An empty disk whose mishaps follow from the seed.
    pub fn new(seed: u64) -> Self {
        let disk = Disk { powered: true, capacity: u64::MAX, random: seed, ..Disk::default() };
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// The power fails at the change (write, sync, name) after this many more.
    pub fn power_off_after(&self, changes: u64) {
        self.disk().fuse = Some(changes);
    }

    /// The power fails now.
    pub fn power_off(&self) {
        self.disk().powered = false;
    }

    /// Whether the machine runs.
    pub fn is_powered(&self) -> bool {
        self.disk().powered
    }

    /// The machine starts after a power loss: what was not synced is kept or lost by chance.
    pub fn reboot(&self) {
        let mut disk = self.disk();
        disk.lose();
        disk.restart();
    }

    /// The process was killed: nothing is lost, but locks and open files are gone.
    pub fn restart(&self) {
        self.disk().restart();
    }

    /// The next `count` syncs of files fail with EIO; what they should have written is then clean in the cache and
    /// missing on the platter, as on Linux.
    pub fn fail_syncs(&self, count: u64) {
        self.disk().failing_syncs = count;
    }

    /// Writes are often short, and sometimes interrupted; reads that must not wait read something now and then.
    pub fn be_awkward(&self, awkward: bool) {
        self.disk().awkward = awkward;
    }

    /// Sets how many bytes all files together may have.
    pub fn set_capacity(&self, bytes: u64) {
        self.disk().capacity = bytes;
    }

    /// Bytes of all files.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// Content of a file.
    pub fn content(&self, file: &Path) -> Option<Vec<u8>> {
        let disk = self.disk();
        disk.names.get(file).and_then(|number| disk.files.get(*number)).map(|file| file.current.clone())
    }

    /// Replaces the content of a file, durably, as an editor of tests.
    pub fn set_content(&self, file: &Path, content: Vec<u8>) {
        let mut disk = self.disk();
        let number = disk.files.len();
        disk.files.push(File { current: content.clone(), durable: content, pending: Vec::new() });
        disk.names.insert(file.to_path_buf(), number);
        disk.durable_names.insert(file.to_path_buf(), number);
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, number: usize, life: u64) -> Handle {
        Handle { disk: self.clone(), number, life }
    }
}

impl Fs for SimFs {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.disk().alive()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let disk = self.disk();
        disk.alive()?;
        let inside = disk.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, number): (&PathBuf, &usize)| {
            let size = disk.files.get(*number)?.current.len() as u64;
            Some((path.file_name()?.to_str()?.to_string(), size))
        };
        Ok(inside.filter_map(entry).collect())
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        let disk = self.disk();
        let number = disk.number(file)?;
        Ok(Box::new(self.handle(number, disk.life)))
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut disk = self.disk();
        disk.change()?;
        let known = disk.names.get(file).copied();
        let number = known.unwrap_or(disk.files.len());
        match known.and_then(|number| disk.files.get_mut(number)) {
            Some(existing) => {
                existing.current.clear();
                existing.pending.push(Change::Resize(0));
            }
            None => {
                disk.files.push(File::default());
                disk.names.insert(file.to_path_buf(), number);
                disk.pending_names.push(NameChange::Link(file.to_path_buf(), number));
            }
        }
        Ok(Box::new(self.handle(number, disk.life)))
    }

    fn open_write(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        let disk = self.disk();
        let number = disk.number(file)?;
        Ok(Box::new(self.handle(number, disk.life)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.change()?;
        let number = disk.number(from)?;
        let change = NameChange::Rename(from.to_path_buf(), to.to_path_buf(), number);
        change.clone().apply(&mut disk.names);
        disk.pending_names.push(change);
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.change()?;
        disk.number(file)?;
        let change = NameChange::Unlink(file.to_path_buf());
        change.clone().apply(&mut disk.names);
        disk.pending_names.push(change);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.change()?;
        let (here, elsewhere) =
            std::mem::take(&mut disk.pending_names).into_iter().partition(|change| change.is_in(dir));
        disk.pending_names = elsewhere;
        let here: Vec<NameChange> = here;
        for change in here {
            change.apply(&mut disk.durable_names);
        }
        Ok(())
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut disk = self.disk();
        disk.alive()?;
        if !disk.locks.insert(file.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock { disk: self.clone(), file: file.to_path_buf(), life: disk.life }))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let disk = self.disk();
        Ok(disk.capacity.saturating_sub(disk.used()))
    }
}

struct Lock {
    disk: SimFs,
    file: PathBuf,
    life: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.life == self.life {
            disk.locks.remove(&self.file);
        }
    }
}

/// An open file.
struct Handle {
    disk: SimFs,
    number: usize,
    life: u64,
}

impl Handle {
    fn with<T>(&self, act: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.disk();
        if disk.life != self.life {
            return Err(off());
        }
        act(&mut disk)
    }
}

impl ReadFile for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|disk| {
            disk.alive()?;
            let file = disk.files.get(self.number).ok_or_else(off)?;
            let rest = usize::try_from(position).ok().and_then(|at| file.current.get(at..)).unwrap_or_default();
            let length = rest.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(rest) {
                *to = *from;
            }
            Ok(length)
        })
    }

    fn read_ready_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let length = self.with(|disk| {
            // Nothing is in memory, or some of it, by chance.
            let cached = disk.awkward && disk.draw(8) > 0;
            let length = disk.draw(2 * buffer.len() as u64) as usize + 1;
            if cached { Ok(length.min(buffer.len())) } else { Err(io::ErrorKind::WouldBlock.into()) }
        })?;
        self.read_at(buffer.get_mut(..length).unwrap_or_default(), position)
    }

    fn size(&self) -> io::Result<u64> {
        self.with(|disk| {
            disk.alive()?;
            Ok(disk.files.get(self.number).map_or(0, |file| file.current.len() as u64))
        })
    }
}

impl WriteFile for Handle {
    fn write_at(&mut self, position: u64, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|disk| {
            disk.alive()?;
            let at = usize::try_from(position).map_err(|_| off())?;
            let mut bytes: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
            if disk.awkward && disk.draw(8) == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if disk.awkward && disk.draw(4) == 0 {
                let length = 1 + disk.draw(bytes.len() as u64) as usize;
                bytes.truncate(length);
            }
            let size = disk.files.get(self.number).map_or(0, |file| file.current.len());
            let grows = (at + bytes.len()).saturating_sub(size) as u64;
            let free = disk.capacity.saturating_sub(disk.used());
            if grows > free {
                let fits = bytes.len() as u64 - (grows - free).min(bytes.len() as u64);
                if fits == 0 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                bytes.truncate(fits as usize);
            }
            let cut = disk.change();
            if cut.is_err() {
                // The write during which the power fails is one of those that may be kept in part.
                let length = disk.draw(bytes.len() as u64 + 1) as usize;
                bytes.truncate(length);
            }
            let written = bytes.len();
            if let Some(file) = disk.files.get_mut(self.number) {
                put(&mut file.current, at, &bytes);
                file.pending.push(Change::Write(at, bytes));
            }
            cut.map(|()| written)
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.with(|disk| {
            disk.change()?;
            let fails = disk.failing_syncs > 0;
            disk.failing_syncs = disk.failing_syncs.saturating_sub(1);
            let changes =
                disk.files.get_mut(self.number).map(|file| std::mem::take(&mut file.pending)).unwrap_or_default();
            let mut durable =
                disk.files.get_mut(self.number).map(|file| std::mem::take(&mut file.durable)).unwrap_or_default();
            let loss = if fails { Loss::Some(4) } else { Loss::Nothing };
            for change in changes {
                disk.keep_some(&mut durable, change, loss);
            }
            if let Some(file) = disk.files.get_mut(self.number) {
                file.durable = durable;
            }
            if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
        })
    }

    fn set_len(&mut self, size: u64) -> io::Result<()> {
        self.with(|disk| {
            disk.change()?;
            let size = usize::try_from(size).map_err(|_| off())?;
            if let Some(file) = disk.files.get_mut(self.number) {
                file.current.resize(size, 0);
                file.pending.push(Change::Resize(size));
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::disk::LINE;
    use super::*;
    use std::collections::BTreeSet;

    fn write(fs: &SimFs, name: &str, bytes: &[u8], sync: bool) {
        let mut file = fs.create(Path::new(name)).unwrap();
        file.write_at(0, &[IoSlice::new(bytes)]).unwrap();
        if sync {
            file.sync_data().unwrap();
        }
    }

    /// Over many seeds, the set of what a power loss can leave of an act.
    fn outcomes(act: impl Fn(&SimFs)) -> BTreeSet<Option<Vec<u8>>> {
        let after = |seed| {
            let fs = SimFs::new(seed);
            act(&fs);
            fs.reboot();
            fs.content(Path::new("/d/f"))
        };
        (0..200).map(after).collect()
    }

    #[test]
    fn what_was_synced_with_its_name_survives() {
        let left = outcomes(|fs| {
            write(fs, "/d/f", b"all", true);
            fs.sync_dir(Path::new("/d")).unwrap();
        });
        assert_eq!(left, [Some(b"all".to_vec())].into());
    }

    #[test]
    fn a_name_without_its_sync_may_be_lost_though_the_content_was_synced() {
        let left = outcomes(|fs| write(fs, "/d/f", b"all", true));
        assert_eq!(left, [None, Some(b"all".to_vec())].into());
    }

    #[test]
    fn unsynced_lines_are_lost_each_on_its_own() {
        let left = outcomes(|fs| {
            write(fs, "/d/f", b"", true);
            fs.sync_dir(Path::new("/d")).unwrap();
            let mut file = fs.open_write(Path::new("/d/f")).unwrap();
            file.write_at(0, &[IoSlice::new(&[1; 2 * LINE])]).unwrap();
        });
        let second_only = [vec![0; LINE], vec![1; LINE]].concat();
        for expected in [vec![], vec![1; LINE], second_only, vec![1; 2 * LINE]] {
            assert!(left.contains(&Some(expected)));
        }
    }

    #[test]
    fn a_failed_sync_loses_data_that_the_cache_still_shows() {
        let fs = SimFs::new(3);
        write(&fs, "/d/f", &[], true);
        fs.sync_dir(Path::new("/d")).unwrap();
        fs.fail_syncs(1);
        let mut file = fs.open_write(Path::new("/d/f")).unwrap();
        file.write_at(0, &[IoSlice::new(&[7; 64 * LINE])]).unwrap();
        assert!(file.sync_data().is_err());
        assert!(file.sync_data().is_ok(), "the second one lies");
        assert_eq!(fs.content(Path::new("/d/f")), Some(vec![7; 64 * LINE]));
        fs.reboot();
        assert_ne!(fs.content(Path::new("/d/f")), Some(vec![7; 64 * LINE]));
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_then_nothing() {
        let fs = SimFs::new(1);
        fs.set_capacity(10);
        let mut file = fs.create(Path::new("/d/f")).unwrap();
        assert_eq!(file.write_at(0, &[IoSlice::new(&[1; 16])]).unwrap(), 10);
        let error = file.write_at(10, &[IoSlice::new(&[1; 6])]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn the_lock_is_held_once_and_survives_neither_drop_nor_restart() {
        let fs = SimFs::new(1);
        let held = fs.lock(Path::new("/d/LOCK")).unwrap();
        assert!(fs.lock(Path::new("/d/LOCK")).is_err());
        drop(held);
        let held = fs.lock(Path::new("/d/LOCK")).unwrap();
        fs.restart();
        let again = fs.lock(Path::new("/d/LOCK")).unwrap();
        drop(held);
        assert!(fs.lock(Path::new("/d/LOCK")).is_err(), "an old holder does not free the new one's lock");
        drop(again);
    }
}
