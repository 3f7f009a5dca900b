//! The control socket: how a second process reads the topics of a directory that a server holds, changes its users, and comes
//! in to its Kafka listener and to Connect's REST.
//!
//! `DIR/control.sock`, mode 0600. The client implements [`TopicReader`](tailwater_connector::TopicReader), so that
//! whoever reads topics does not know whether they are in this process or in another.

pub mod client;
pub mod protocol;
pub mod server;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
const SOCKET: &str = "control.sock";

/// A path of the socket that fits into a socket address, whatever the length of the directory's own path. Linux
/// limits it to 107 bytes, so it goes through the directory's descriptor, which must stay open while it is used.
fn socket_path(dir: &Path) -> io::Result<(File, PathBuf)> {
    let handle = File::open(dir)?;
    let direct = dir.join(SOCKET);
    let path = if direct.as_os_str().len() < 100 {
        direct
    } else {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", handle.as_raw_fd()))
    };
    Ok((handle, path))
}
