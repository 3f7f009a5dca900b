//! The door to the file system: all that the journal does to a disk goes through [`Fs`].

use std::io::{self, IoSlice};
use std::path::Path;

/// A file system, real or simulated.
pub trait Fs: Send + Sync {
    /// Makes a directory and its parents.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Names and sizes of the files in a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;
    /// Opens a file for reading.
    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Makes an empty file, or empties it, for writing.
    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens an existing file for writing.
    fn open_write(&self, file: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Renames a file, replacing what has the new name; durable after [`Fs::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; durable after [`Fs::sync_dir`].
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the lock of a file, made when missing, until the answer is dropped; `WouldBlock` when another has it.
    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send + Sync>>;
    /// Bytes that a user may still write below a directory.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// A file open for reading.
pub trait ReadFile: Send + Sync {
    /// Reads at a position; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// The same without waiting for a disk: of what is in the system's cache, `WouldBlock` when that is nothing.
    fn read_ready_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let _ = (buffer, position);
        Err(io::ErrorKind::WouldBlock.into())
    }
    /// Bytes in the file.
    fn size(&self) -> io::Result<u64>;
}

/// A file open for writing.
pub trait WriteFile: Send {
    /// Writes at a position; may write less than it was given.
    fn write_at(&mut self, position: u64, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Makes content and size durable (fdatasync).
    fn sync_data(&mut self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&mut self, size: u64) -> io::Result<()>;
}

mod real;
mod sim;
pub use real::RealFs;
pub use sim::SimFs;
