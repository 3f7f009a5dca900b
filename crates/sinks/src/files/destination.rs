//! Where files go: a directory or a bucket, behind one face.

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use tailwater_connector::{Problem, Stop};

use super::directory::Directory;
use super::location::Location;
use super::plan::FilePlan;
use super::s3::S3;

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
    ObjectPath::parse(key).map_err(|e| Problem::internal("SINK_KEY_INVALID", format!("no object can be named so: {e}")))
}
