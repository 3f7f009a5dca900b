//! The machine's own file system.

use super::{Fs, ReadFile, WriteFile};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// The file system of the machine. Directories are made 0700 and files 0600: events are nobody else's business.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                // Removed between the listing and the look: retention of a running journal.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let (true, Some(name)) = (meta.is_file(), entry.file_name().to_str()) {
                files.push((name.to_string(), meta.len()));
            }
        }
        Ok(files)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(File::open(file)?))
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        Ok(Box::new(Writing { file, position: 0 }))
    }

    fn open_write(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(Writing { file: OpenOptions::new().write(true).open(file)?, position: 0 }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl ReadFile for File {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, position)
    }

    #[cfg(target_os = "linux")]
    fn read_ready_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        match preadv2(self, &mut [io::IoSliceMut::new(buffer)], position, ReadWriteFlags::NOWAIT) {
            // Not every file system tells what it has in memory.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read?),
        }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// A file with the position of its cursor, so that writing on needs no seek.
struct Writing {
    file: File,
    position: u64,
}

impl WriteFile for Writing {
    fn write_at(&mut self, position: u64, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if position != self.position {
            self.file.seek(SeekFrom::Start(position))?;
            self.position = position;
        }
        let written = self.file.write_vectored(buffers)?;
        self.position = self.position.saturating_add(written as u64);
        Ok(written)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }
}
