//! Where files go: a directory or a bucket, behind one face.

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use tailwater_connector::{Problem, Stop};

use super::directory::Directory;
use super::location::Location;
use super::plan::FilePlan;
use super::s3::S3;
use crate::limits::{FILE_NAME_BYTES, OBJECT_KEY_BYTES};

/// Characters of a name in a problem.
const SHOWN_CHARS: usize = 100;

/// An open destination.
pub(crate) enum Destination {
    /// A directory of this machine.
    Directory(Directory),
    /// A bucket of an S3 server.
    Bucket(Box<S3>),
}

impl Destination {
    /// Opens the destination. A directory is made and tried; of a bucket, nothing is asked yet.
    /// Once `stop` is set, an upload that hangs is given up.
    pub(crate) fn open(location: &Location, stop: &Stop) -> Result<Destination, Problem> {
        match location {
            Location::Directory { root, .. } => Directory::open(root).map(Destination::Directory),
            Location::Bucket(bucket) => S3::open(bucket, stop).map(|s3| Destination::Bucket(Box::new(s3))),
        }
    }

    /// Whether objects can be expected to arrive; writes nothing into a bucket.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self {
            Destination::Directory(_) => Ok(()),
            Destination::Bucket(s3) => s3.check(),
        }
    }

    /// Whether an object can be named so: topics that transforms make may be anything.
    pub(crate) fn takes(&self, key: &str) -> Result<(), Problem> {
        let location = named(key)?;
        let parts_fit = location.parts().all(|part| part.as_ref().len() <= FILE_NAME_BYTES);
        let is_staging =
            || location.filename().and_then(|name| name.rsplit_once('#')).is_some_and(|(_, n)| is_digits(n));
        match self {
            Destination::Directory(_) if !parts_fit => {
                Err(unnamable(key, &format!("a file's name has at most {FILE_NAME_BYTES} bytes here")))
            }
            Destination::Directory(_) if is_staging() => {
                Err(unnamable(key, "a name that ends with # and digits is that of an unfinished file"))
            }
            Destination::Bucket(_) if key.len() > OBJECT_KEY_BYTES => {
                Err(unnamable(key, &format!("S3 takes names of at most {OBJECT_KEY_BYTES} bytes")))
            }
            _ => Ok(()),
        }
    }

    /// Writes an object over whatever is there; durable when it returns, and never there in part under its name. Where it goes
    /// up in parts, `begun` is told the server's name for the upload before the first of them.
    pub(crate) fn put(
        &mut self,
        key: &str,
        pieces: Vec<Bytes>,
        begun: &mut dyn FnMut(String) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let location = named(key)?;
        match self {
            Destination::Directory(directory) => directory.put(&location, pieces),
            Destination::Bucket(s3) => s3.put(&location, pieces, begun),
        }
    }

    /// Removes what a killed upload of this object left beside it; in a bucket, parts that nobody sees and that are paid for.
    pub(crate) fn remove_staging(&self, plan: &FilePlan) -> Result<(), Problem> {
        match (self, &plan.upload) {
            (Destination::Directory(directory), _) => directory.remove_staging(&plan.key),
            (Destination::Bucket(s3), Some(upload)) => {
                s3.remove_parts(&named(&plan.key)?, upload);
                Ok(())
            }
            (Destination::Bucket(_), None) => Ok(()),
        }
    }
}

fn named(key: &str) -> Result<ObjectPath, Problem> {
    ObjectPath::parse(key).map_err(|_| unnamable(key, "a level is empty, '.' or '..', or it has a control character"))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unnamable(key: &str, why: &str) -> Problem {
    let shown: String = key.chars().take(SHOWN_CHARS).collect();
    let dots = if shown.len() < key.len() { "…" } else { "" };
    Problem::stop(
        "SINK_NAME_INVALID",
        format!("no object can be named '{}{dots}': {why}", shown.escape_debug()),
        "Change what gives the name: the topic that a transform gives records ('transforms'), 'topics.dir', or the template.",
    )
}
