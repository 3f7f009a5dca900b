//! Where a configuration says that files go: a directory, or a bucket and what it takes to reach it.

use std::path::PathBuf;

use tailwater_connector::{Config, Problem};
use url::Url;

use super::properties::Checked;
use super::s3::{Bucket, Endpoint};
use crate::Surroundings;

/// The destination that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A directory of this machine.
    Directory {
        root: PathBuf,
        /// The property that names it.
        property: &'static str,
    },
    /// A bucket of an S3 server.
    Bucket(Box<Bucket>),
}

/// How one connector calls the properties that say where files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The address of the S3 server, or of a directory.
    pub(crate) url: &'static str,
    pub(crate) bucket: &'static str,
    pub(crate) region: &'static str,
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    /// Buckets in the path of addresses rather than in their host; `None`: always where there is an address.
    pub(crate) path_style: Option<&'static str>,
    /// Bytes of a part, from which on an object is uploaded in parts.
    pub(crate) part_size: &'static str,
    pub(crate) retries: &'static str,
    /// The first pause before a retry, in milliseconds.
    pub(crate) backoff: &'static str,
    /// The Java class that knows keys.
    pub(crate) provider: &'static str,
    /// How the server encrypts.
    pub(crate) encryption: &'static str,
    /// The key of that; `None`: the server's own.
    pub(crate) encryption_key: Option<&'static str>,
}

impl Names {
    /// The properties that matter for buckets only.
    fn of_buckets(&self) -> impl Iterator<Item = &'static str> {
        let Names { bucket, region, key_id, secret, part_size, retries, backoff, provider, encryption, .. } = *self;
        let all = [bucket, region, key_id, secret, part_size, retries, backoff, provider, encryption];
        all.into_iter().chain(self.path_style).chain(self.encryption_key)
    }
}

impl Location {
    /// From properties as they were given; every problem at once, warnings with the location.
    pub(crate) fn from_config(
        config: &Config,
        given: &Config,
        names: &Names,
        surroundings: &Surroundings,
    ) -> Checked<Location> {
        let url = config.text(names.url).trim();
        if url.is_empty() {
            if config.text(names.bucket).trim().is_empty() {
                return Err(vec![missing(names)]);
            }
            let bucket = Bucket::from_config(config, names, None, surroundings)?;
            return Ok((Location::Bucket(Box::new(bucket)), Vec::new()));
        }
        let parsed = Url::parse(url)
            .map_err(|_| vec![invalid(names, "it is not an address such as file:///DIR or http://HOST:9000")])?;
        match parsed.scheme() {
            "file" => {
                let root = parsed
                    .to_file_path()
                    .map_err(|()| vec![invalid(names, "file:// is followed by an absolute path")])?;
                let unused = names.of_buckets().filter(|name| given.get(name).is_some());
                let directory = Location::Directory { root, property: names.url };
                Ok((directory, unused.map(|name| no_bucket(name, names)).collect()))
            }
            "http" | "https" => {
                let endpoint =
                    Endpoint::from_url(&parsed, &surroundings.aliases).map_err(|why| vec![invalid(names, why)])?;
                let bucket = Bucket::from_config(config, names, Some(endpoint), surroundings)?;
                Ok((Location::Bucket(Box::new(bucket)), Vec::new()))
            }
            "s3" | "s3a" | "s3n" => {
                let bucket = parsed.host_str().unwrap_or("BUCKET");
                let mut problem = invalid(names, "a bucket is not named by an address");
                problem.remedy = format!(
                    r#"Write "{}": "{bucket}", and "{}": "http://HOST:PORT" for a server other than AWS."#,
                    names.bucket, names.url
                );
                Err(vec![problem])
            }
            scheme => Err(vec![invalid(names, &format!("there is no destination for {scheme}://"))]),
        }
    }
}

fn missing(names: &Names) -> Problem {
    Problem::config(
        "PROPERTY_MISSING",
        format!("neither '{}' nor '{}' says where files go", names.bucket, names.url),
        format!(r#"Add "{}": "BUCKET", or "{}": "file:///DIR" for a directory."#, names.bucket, names.url),
    )
}

fn invalid(names: &Names, why: &str) -> Problem {
    Problem::config(
        "PROPERTY_INVALID",
        format!("The '{}' value is invalid: {why}", names.url),
        format!(
            r#"Write "{0}": "http://HOST:PORT" for an S3 server, "{0}": "file:///DIR" for a directory."#,
            names.url
        ),
    )
}

fn no_bucket(name: &str, names: &Names) -> Problem {
    Problem::config(
        "PROPERTY_NO_EFFECT",
        format!("'{name}' has no effect: '{}' is a directory", names.url),
        format!("Remove '{name}'."),
    )
    .warning()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::properties::CONFLUENT_NAMES;

    fn location(pairs: &[(&str, &str)]) -> Checked<Location> {
        let config: Config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Location::from_config(&config, &config, &CONFLUENT_NAMES, &Surroundings::default())
    }

    #[test]
    fn a_directory_is_a_destination_and_leaves_the_buckets_properties_without_effect() {
        let (found, warnings) = location(&[("store.url", "file:///a/b%20c"), ("s3.bucket.name", "b")]).unwrap();
        assert_eq!(found, Location::Directory { root: "/a/b c".into(), property: "store.url" });
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].cause.contains("'s3.bucket.name'") && !warnings[0].is_error());
    }

    #[test]
    fn what_is_no_destination_is_refused_with_what_to_write() {
        for (url, word) in [
            ("s3://lake/x", r#""s3.bucket.name": "lake""#),
            ("gs://bucket", "http://HOST:PORT"),
            ("/a/b", "file:///DIR"),
            ("file://host/a", "file:///DIR"),
            ("http://minio:9000/lake", "http://HOST:PORT"),
            ("http://me:secret@minio:9000", "http://HOST:PORT"),
        ] {
            let problems = location(&[("store.url", url), ("s3.bucket.name", "b")]).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].code, "PROPERTY_INVALID", "{url}");
            assert!(problems[0].remedy.contains(word), "{url}: {:?}", problems[0]);
            assert!(!problems[0].cause.contains("secret"));
        }
        assert_eq!(location(&[]).unwrap_err()[0].code, "PROPERTY_MISSING");
    }
}
