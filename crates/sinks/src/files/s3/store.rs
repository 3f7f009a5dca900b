//! An open bucket: objects go up whole, or in parts that become visible together.

use std::future::Future;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::multipart::MultipartStore;
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientOptions, MultipartId, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use tailwater_connector::{Problem, Stop};
use tokio::runtime::Runtime;

use super::bucket::{Bucket, Credentials, Encryption};
use super::connector::Aliased;
use super::problems;
use crate::limits::{
    S3_CHECK, S3_CONNECT, S3_IDLE, S3_REQUEST, S3_RETRIES_TIME, S3_RETRY_MAX, S3_STOP_GRACE, S3_STOP_LOOK,
};

/// An open bucket.
pub(crate) struct S3 {
    bucket: Bucket,
    store: AmazonS3,
    runtime: Runtime,
    stop: Stop,
}

impl S3 {
    /// Prepares connections; asks nothing of the server yet. A server that hangs does not hold up the stop for long.
    pub(crate) fn open(bucket: &Bucket, stop: &Stop) -> Result<S3, Problem> {
        let store = builder(bucket).build().map_err(|e| problems::of(&e, bucket))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| {
            Problem::retry("SINK_WRITE_FAILED", format!("no runtime could be started: {e}"), "ulimit -a")
        })?;
        Ok(S3 { bucket: bucket.clone(), store, runtime, stop: stop.clone() })
    }

    /// Asks for the names below one that nobody uses: the cheapest question that needs server, keys and bucket. Who may
    /// write but not list is let through.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let nowhere = ObjectPath::from(".tailwater-probe");
        let question = async {
            let asked = tokio::time::timeout(S3_CHECK, self.store.list_with_delimiter(Some(&nowhere))).await;
            match asked {
                Err(_) => Err(problems::no_answer(&self.bucket)),
                Ok(Err(error)) if !problems::is_denied(&error) => Err(problems::of(&error, &self.bucket)),
                Ok(_) => Ok(()),
            }
        };
        self.runtime.block_on(question)
    }

    /// Writes an object over whatever is there. It has its name only once the server has all of it. An upload in parts has a
    /// name of the server's, which `begun` is told before the first part goes.
    pub(crate) fn put(
        &self,
        location: &ObjectPath,
        pieces: Vec<Bytes>,
        begun: &mut dyn FnMut(String) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        if bytes <= self.bucket.part_bytes {
            return self.unless_stopped(self.store.put(location, PutPayload::from_iter(pieces))).map(|_| ());
        }
        let upload = self.unless_stopped(self.store.create_multipart(location))?;
        // What this leaves behind has no parts, and costs nothing.
        begun(upload.clone())?;
        self.unless_stopped(self.put_parts(location, &upload, parts(pieces, self.bucket.part_bytes)))
    }

    /// Removes the parts of an upload that was not completed, as far as they are there and the server lets us.
    pub(crate) fn remove_parts(&self, location: &ObjectPath, upload: &MultipartId) {
        let removed = self.unless_stopped(self.store.abort_multipart(location, upload));
        tracing::debug!(%location, ?removed, "parts of an earlier upload");
    }

    /// Waits for an upload; gives it up some time after the sink was asked to stop. It is planned, and so written again.
    fn unless_stopped<T>(&self, upload: impl Future<Output = object_store::Result<T>>) -> Result<T, Problem> {
        let given_up = async {
            while !self.stop.is_set() {
                tokio::time::sleep(S3_STOP_LOOK).await;
            }
            tokio::time::sleep(S3_STOP_GRACE).await;
        };
        self.runtime.block_on(async {
            tokio::select! {
                written = upload => written.map_err(|e| problems::of(&e, &self.bucket)),
                () = given_up => Err(problems::no_answer(&self.bucket)),
            }
        })
    }

    /// One part after the other. What an error leaves behind is removed as far as the server still answers.
    async fn put_parts(
        &self,
        location: &ObjectPath,
        upload: &MultipartId,
        parts: Vec<PutPayload>,
    ) -> object_store::Result<()> {
        let all = async {
            let mut ids = Vec::with_capacity(parts.len());
            for (index, part) in parts.into_iter().enumerate() {
                ids.push(self.store.put_part(location, upload, index, part).await?);
            }
            self.store.complete_multipart(location, upload, ids).await.map(|_| ())
        };
        let outcome = all.await;
        if outcome.is_err()
            && let Err(error) = self.store.abort_multipart(location, upload).await
        {
            tracing::debug!(%location, "parts of an upload stay until the file is written again: {error}");
        }
        outcome
    }
}

/// Everything that is configured, and nothing of the environment.
fn builder(bucket: &Bucket) -> AmazonS3Builder {
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: bucket.retry_first, max_backoff: S3_RETRY_MAX, base: 2.0 },
        max_retries: bucket.retries,
        retry_timeout: S3_RETRIES_TIME,
    };
    let client = ClientOptions::new()
        .with_allow_http(bucket.endpoint.as_ref().is_some_and(|endpoint| !endpoint.tls))
        .with_connect_timeout(S3_CONNECT)
        .with_timeout(S3_REQUEST)
        .with_pool_idle_timeout(S3_IDLE);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_virtual_hosted_style_request(!bucket.path_style)
        .with_retry(retry)
        .with_client_options(client);
    if let Some(aliased) = bucket.endpoint.as_ref().and_then(Aliased::of) {
        builder = builder.with_http_connector(aliased);
    }
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint.address((!bucket.path_style).then_some(&bucket.name)));
    }
    if let Some(Encryption { algorithm, key }) = &bucket.encryption {
        // Their type has no public name.
        let named = |name: &str| name.parse::<AmazonS3ConfigKey>().ok();
        let key = key.iter().filter_map(|key| Some((named("aws_sse_kms_key_id")?, key)));
        let all = named("aws_server_side_encryption").map(|name| (name, algorithm)).into_iter().chain(key);
        builder = all.fold(builder, |builder, (name, value)| builder.with_config(name, value));
    }
    match &bucket.credentials {
        Credentials::Nobody => builder.with_skip_signature(true),
        Credentials::Keys { id, secret } => builder.with_access_key_id(id).with_secret_access_key(secret),
        Credentials::Surroundings(given) => {
            given.iter().fold(builder, |builder, (key, value)| builder.with_config(*key, value))
        }
    }
}

/// The same bytes in parts of equal size, of which only the last may be smaller. Nothing is copied.
fn parts(pieces: Vec<Bytes>, part_bytes: usize) -> Vec<PutPayload> {
    let mut parts = vec![Vec::new()];
    let mut room = part_bytes;
    for mut piece in pieces {
        while !piece.is_empty() {
            if room == 0 {
                parts.push(Vec::new());
                room = part_bytes;
            }
            let taken = piece.split_to(piece.len().min(room));
            room -= taken.len();
            parts.last_mut().into_iter().for_each(|part| part.push(taken.clone()));
        }
    }
    parts.into_iter().map(PutPayload::from_iter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_one_size_but_for_the_last_and_all_the_bytes() {
        let pieces = ["abc", "", "defghij", "k"].map(Bytes::from);
        let flat = |part: &PutPayload| part.iter().flat_map(|b| b.to_vec()).collect::<Vec<u8>>();
        let cut: Vec<_> = parts(pieces.to_vec(), 4).iter().map(flat).collect();
        assert_eq!(cut, [b"abcd".to_vec(), b"efgh".to_vec(), b"ijk".to_vec()]);
        let even: Vec<_> = parts(vec![Bytes::from_static(b"abcd")], 2).iter().map(flat).collect();
        assert_eq!(even, [b"ab".to_vec(), b"cd".to_vec()]);
    }
}
