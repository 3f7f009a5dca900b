//! Connections to a server whose host's name is an alias: the name stays in requests, in certificates and before buckets, and only
//! where it leads is another.

use std::net::SocketAddr;
use std::sync::Arc;

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::bucket::Endpoint;
use crate::limits::{S3_CONNECT, S3_IDLE, S3_REQUEST};

/// Looks an alias up in the place of its name.
#[derive(Clone, Debug)]
pub(super) struct Aliased {
    name: String,
    leads_to: String,
}

impl Aliased {
    /// `None` where the host is no alias.
    pub(super) fn of(endpoint: &Endpoint) -> Option<Aliased> {
        let leads_to = endpoint.leads_to.clone()?;
        Some(Aliased { name: endpoint.host.to_ascii_lowercase(), leads_to })
    }

    /// What is looked up for a name, which may have a bucket before it.
    fn host<'a>(&'a self, asked: &'a str) -> &'a str {
        let before = asked.to_ascii_lowercase();
        match before.strip_suffix(&self.name) {
            Some(before) if before.is_empty() || before.ends_with('.') => &self.leads_to,
            _ => asked,
        }
    }
}

impl HttpConnector for Aliased {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(self.clone()))
            .connect_timeout(S3_CONNECT)
            .timeout(S3_REQUEST)
            .pool_idle_timeout(S3_IDLE)
            // As the store's own: objects have the length that was sent.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .build();
        client.map(HttpClient::new).map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })
    }
}

impl Resolve for Aliased {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.host(name.as_str()).to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok::<Addrs, _>(Box::new(found.into_iter()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use tailwater_connector::{HostAliases, Stop};
    use url::Url;

    use super::*;
    use crate::Surroundings;
    use crate::files::Location;
    use crate::files::properties::CONFLUENT_NAMES;
    use crate::files::s3::S3;

    #[test]
    fn an_alias_answers_for_its_name_and_for_buckets_before_it() {
        let aliases = HostAliases::parse(["Minio=127.0.0.1:1"]).unwrap();
        let endpoint = Endpoint::from_url(&Url::parse("https://minio:9000").unwrap(), &aliases).unwrap();
        let aliased = Aliased::of(&endpoint).unwrap();
        for (asked, host) in [("minio", "127.0.0.1"), ("lake.MINIO", "127.0.0.1"), ("xminio", "xminio"), ("x", "x")] {
            assert_eq!(aliased.host(asked), host);
        }
    }

    #[test]
    fn tls_is_asked_for_by_the_name_of_the_configuration_at_the_address_of_the_alias() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alias = format!("minio.test={}", listener.local_addr().unwrap());
        let surroundings = Surroundings::default().with_aliases(HostAliases::parse([alias.as_str()]).unwrap());
        let pairs = [
            ("store.url", "https://minio.test:9000"),
            ("s3.bucket.name", "lake"),
            ("s3.region", "us-east-1"),
            ("aws.access.key.id", "K"),
            ("aws.secret.access.key", "S"),
            ("s3.path.style.access.enabled", "false"),
            ("s3.part.retries", "0"),
        ];
        let config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let (location, _) = Location::from_config(&config, &config, &CONFLUENT_NAMES, &surroundings).unwrap();
        let Location::Bucket(bucket) = location else { unreachable!() };
        let asking = std::thread::spawn(move || S3::open(&bucket, &Stop::default()).unwrap().check().unwrap_err());
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = vec![0; 4096];
        let read = stream.read(&mut hello).unwrap();
        drop(stream);
        let name = b"lake.minio.test";
        assert!(hello[..read].windows(name.len()).any(|part| part == name), "no name of a server in the first message");
        assert!(!asking.join().unwrap().code.is_empty());
    }
}
