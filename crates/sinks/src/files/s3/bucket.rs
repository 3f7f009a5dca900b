//! What a configuration says of a bucket: its server, how it is addressed, and who we are there.

use std::fmt;
use std::time::Duration;

use object_store::aws::AmazonS3ConfigKey;
use tailwater_connector::{Config, HostAliases, Problem};
use url::{Host, Url};

use crate::Surroundings;
use crate::files::location::Names;
use crate::limits::{S3_PART_BYTES, S3_RETRIES, S3_RETRY_FIRST_MS};

/// A bucket and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// A server other than AWS.
    pub(crate) endpoint: Option<Endpoint>,
    /// Whether the bucket stands in the path of addresses rather than in their host.
    pub(crate) path_style: bool,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// How the server encrypts, when it is not to do it its own way.
    pub(crate) encryption: Option<Encryption>,
    /// Bytes of a part; larger objects go up in parts.
    pub(crate) part_bytes: usize,
    /// Further attempts of one request.
    pub(crate) retries: usize,
    /// The pause before the first of them; the next ones are longer.
    pub(crate) retry_first: Duration,
    /// How the connector calls its properties, for remedies.
    pub(crate) names: Names,
}

/// Who we are for the server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// From the properties.
    Keys { id: String, secret: String },
    /// What the process was given for AWS; where that is nothing, what the machine itself is given by AWS.
    Surroundings(Vec<(AmazonS3ConfigKey, String)>),
    /// Nobody: requests are not signed.
    Nobody,
}

/// Encryption by the server, in the words of S3's header `x-amz-server-side-encryption`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    pub(crate) algorithm: String,
    pub(crate) key: Option<String>,
}

/// Never shows what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::Keys { .. } => "Keys",
            Credentials::Surroundings(_) => "Surroundings",
            Credentials::Nobody => "Nobody",
        })
    }
}

/// An S3 server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// As it was configured.
    pub(crate) shown: String,
    /// Its host, an IPv6 address in brackets: what certificates and buckets' names are about.
    pub(crate) host: String,
    /// The host that an alias gives in its place.
    pub(crate) leads_to: Option<String>,
    /// After aliases.
    port: u16,
    pub(crate) tls: bool,
    /// The name that was configured when a look-up is needed for it.
    pub(crate) looked_up: Option<String>,
}

impl Endpoint {
    /// From an address of `http` or `https`; else why it is none.
    pub(crate) fn from_url(url: &Url, aliases: &HostAliases) -> Result<Endpoint, &'static str> {
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("nothing may follow host and port; the bucket has a property of its own");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("keys have properties of their own");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err("it names no host");
        };
        let named = match &host {
            Host::Domain(name) => (*name).to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let (reached, port) = aliases.resolve(&named, port);
        let shown = format!("{}://{host}{}", url.scheme(), url.port().map_or(String::new(), |port| format!(":{port}")));
        let is_name = matches!(host, Host::Domain(_));
        let looked_up = (reached == named && is_name).then(|| named.clone());
        let leads_to = (reached != named && is_name).then(|| reached.to_owned());
        // An address that is no name is not looked up, and so replaced.
        let host = bracketed(if is_name { &named } else { reached });
        Ok(Endpoint { shown, host, leads_to, port, tls: url.scheme() == "https", looked_up })
    }

    /// The address of requests; for a bucket in the host's name, with it.
    pub(crate) fn address(&self, bucket: Option<&str>) -> String {
        let before = bucket.map_or(String::new(), |bucket| format!("{bucket}."));
        self.at(&format!("{before}{}", self.host))
    }

    /// The address that is there for other programs of this machine, which know no aliases.
    pub(crate) fn reached(&self) -> String {
        self.at(&self.leads_to.as_deref().map_or_else(|| self.host.clone(), bracketed))
    }

    fn at(&self, host: &str) -> String {
        format!("{}://{host}:{}", if self.tls { "https" } else { "http" }, self.port)
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl Bucket {
    /// From checked properties; every further problem at once.
    pub(crate) fn from_config(
        config: &Config,
        names: &Names,
        endpoint: Option<Endpoint>,
        surroundings: &Surroundings,
    ) -> Result<Bucket, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = config.text(names.bucket).trim();
        if name.is_empty() {
            problems.push(Problem::config(
                "PROPERTY_MISSING",
                format!("The '{}' value is invalid: A value is required", names.bucket),
                format!(r#"Add "{}": the name of a bucket that exists."#, names.bucket),
            ));
        } else if name.contains('/') || name.contains(char::is_whitespace) {
            problems.push(Problem::config(
                "PROPERTY_INVALID",
                format!("The '{}' value is invalid: it is not the name of a bucket", names.bucket),
                "Write the bucket's name alone, such as \"lake\".",
            ));
        }
        let credentials = credentials(config, names, endpoint.is_some(), surroundings).map_err(|p| problems.push(p));
        let encryption = encryption(config, names).map_err(|p| problems.push(p));
        let number =
            |name, fallback| usize::try_from(config.integer(name, 0)).ok().filter(|n| *n > 0).unwrap_or(fallback);
        let retries = usize::try_from(config.integer(names.retries, S3_RETRIES)).unwrap_or_default();
        let backoff = u64::try_from(config.integer(names.backoff, S3_RETRY_FIRST_MS)).unwrap_or_default();
        match (credentials, encryption) {
            (Ok(credentials), Ok(encryption)) if problems.is_empty() => Ok(Bucket {
                name: name.to_owned(),
                path_style: names.path_style.map_or(endpoint.is_some(), |name| config.flag(name)),
                endpoint,
                region: config.text(names.region).trim().to_owned(),
                credentials,
                encryption,
                part_bytes: number(names.part_size, S3_PART_BYTES),
                retries,
                retry_first: Duration::from_millis(backoff),
                names: *names,
            }),
            _ => Err(problems),
        }
    }

    /// The server in a person's words.
    pub(crate) fn server(&self) -> String {
        self.endpoint.as_ref().map_or_else(|| format!("AWS S3 in {}", self.region), |endpoint| endpoint.shown.clone())
    }
}

/// What the SDKs for Java call the ways to keys that are gone here anyway: from the process and from the machine.
const USUAL_PROVIDERS: [&str; 11] = [
    "DefaultAWSCredentialsProviderChain",
    "DefaultCredentialsProvider",
    "EnvironmentVariableCredentialsProvider",
    "ProfileCredentialsProvider",
    "WebIdentityTokenCredentialsProvider",
    "WebIdentityTokenFileCredentialsProvider",
    "ContainerCredentialsProvider",
    "EC2ContainerCredentialsProviderWrapper",
    "InstanceProfileCredentialsProvider",
    "BasicAWSCredentials",
    "AWSStaticCredentialsProvider",
];

/// Both keys of the properties, or else what the process was given. A server other than AWS has nothing else to give.
fn credentials(config: &Config, names: &Names, elsewhere: bool, around: &Surroundings) -> Result<Credentials, Problem> {
    let (id, secret) = (config.text(names.key_id).trim(), config.text(names.secret).trim());
    let class = config.text(names.provider).trim();
    let last = class.rsplit(['.', '$']).next().unwrap_or_default();
    if matches!(last, "AnonymousAWSCredentials" | "AnonymousCredentialsProvider") {
        return Ok(Credentials::Nobody);
    }
    if !class.is_empty() && !USUAL_PROVIDERS.contains(&last) {
        return Err(Problem::config(
            "PROPERTY_REFUSED",
            format!("'{}' with {class} is not supported: Java classes cannot be loaded", names.provider),
            format!(
                "Remove '{}': without keys in the properties, those of the AWS_ variables, of the file of profiles and of \
                 the machine are used.",
                names.provider
            ),
        ));
    }
    match (id.is_empty(), secret.is_empty()) {
        (false, false) => Ok(Credentials::Keys { id: id.to_owned(), secret: secret.to_owned() }),
        (true, true) => {
            let given: Vec<_> = around.aws_keys().collect();
            if given.is_empty() && elsewhere {
                return Err(Problem::config(
                    "PROPERTY_MISSING",
                    format!(
                        "'{}' and '{}' are missing, and so are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                        names.key_id, names.secret
                    ),
                    format!(r#"Add "{}": "KEY", "{}": "SECRET"."#, names.key_id, names.secret),
                ));
            }
            Ok(Credentials::Surroundings(given))
        }
        (no_id, _) => {
            let (there, absent) = if no_id { (names.secret, names.key_id) } else { (names.key_id, names.secret) };
            Err(Problem::config(
                "PROPERTY_MISSING",
                format!("'{there}' is given without '{absent}'"),
                format!(r#"Add "{absent}", or remove "{there}"."#),
            ))
        }
    }
}

/// How the server is asked to encrypt.
fn encryption(config: &Config, names: &Names) -> Result<Option<Encryption>, Problem> {
    let algorithm = config.text(names.encryption).trim();
    let key = names.encryption_key.map(|name| config.text(name).trim()).filter(|key| !key.is_empty());
    let known = ["AES256", "aws:kms", "aws:kms:dsse"].into_iter().find(|known| known.eq_ignore_ascii_case(algorithm));
    let invalid = |why: String, remedy: String| {
        Problem::config("PROPERTY_INVALID", format!("The '{}' value is invalid: {why}", names.encryption), remedy)
    };
    match (known, key) {
        (None, _) if !algorithm.is_empty() => Err(invalid(
            format!("S3 encrypts with AES256 or aws:kms, not with {algorithm}"),
            format!(r#"Write "{}": "aws:kms", or remove it: AES256 is S3's default."#, names.encryption),
        )),
        (None | Some("AES256"), Some(_)) => Err(invalid(
            "a key of the key service is for aws:kms alone".to_owned(),
            format!(r#"Write "{}": "aws:kms"."#, names.encryption),
        )),
        (known, key) => Ok(known.map(|known| Encryption { algorithm: known.to_owned(), key: key.map(str::to_owned) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::properties::CONFLUENT_NAMES;

    fn endpoint(url: &str, aliases: &[&str]) -> Result<Endpoint, &'static str> {
        Endpoint::from_url(&Url::parse(url).unwrap(), &HostAliases::parse(aliases.iter().copied()).unwrap())
    }

    #[test]
    fn an_alias_answers_for_the_host_of_an_endpoint_and_the_file_keeps_its_words() {
        let plain = endpoint("http://minio:9000/", &[]).unwrap();
        assert_eq!(
            (plain.address(None), plain.shown),
            ("http://minio:9000".to_owned(), "http://minio:9000".to_owned())
        );
        assert_eq!(plain.looked_up.as_deref(), Some("minio"));
        let aliased = endpoint("http://minio:9000", &["minio=127.0.0.1:9123"]).unwrap();
        assert_eq!(
            (aliased.address(None).as_str(), aliased.shown.as_str(), aliased.reached().as_str()),
            ("http://minio:9123", "http://minio:9000", "http://127.0.0.1:9123")
        );
        assert_eq!(endpoint("http://minio", &["minio=[::1]"]).unwrap().reached(), "http://[::1]:80");
        assert_eq!(endpoint("http://10.0.0.1", &["10.0.0.1=localhost:1"]).unwrap().address(None), "http://localhost:1");
        assert_eq!(aliased.looked_up, None);
        assert_eq!(endpoint("https://s3.example.com", &[]).unwrap().address(Some("b")), "https://b.s3.example.com:443");
        assert_eq!(endpoint("http://[::1]:9000", &[]).unwrap().address(None), "http://[::1]:9000");
    }

    fn bucket(pairs: &[(&str, &str)], elsewhere: bool, around: &Surroundings) -> Result<Bucket, Vec<Problem>> {
        let config: Config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let endpoint = elsewhere.then(|| endpoint("http://minio:9000", &[]).unwrap());
        Bucket::from_config(&config, &CONFLUENT_NAMES, endpoint, around)
    }

    #[test]
    fn keys_come_from_the_properties_before_the_surroundings_and_half_of_a_pair_is_refused() {
        let keys = [("s3.bucket.name", "b"), ("aws.access.key.id", "K"), ("aws.secret.access.key", "S")];
        let around = Surroundings::default().with_aws([("AWS_ACCESS_KEY_ID".to_owned(), "E".to_owned())]);
        assert!(matches!(bucket(&keys, true, &around).unwrap().credentials, Credentials::Keys { .. }));
        let given = bucket(&keys[..1], true, &around).unwrap().credentials;
        assert_eq!(given, Credentials::Surroundings(vec![(AmazonS3ConfigKey::AccessKeyId, "E".to_owned())]));
        assert_eq!(
            bucket(&keys[..1], false, &Surroundings::default()).unwrap().credentials,
            Credentials::Surroundings(Vec::new())
        );
        let problems = bucket(&keys[..1], true, &Surroundings::default()).unwrap_err();
        assert!(problems[0].cause.contains("AWS_ACCESS_KEY_ID"), "{problems:?}");
        let problems = bucket(&keys[1..2], true, &around).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[1].cause.contains("without 'aws.secret.access.key'"), "{problems:?}");
    }

    #[test]
    fn the_ways_to_keys_of_the_java_sdks_are_understood_and_classes_of_ones_own_are_refused() {
        let of = |class: &str| {
            let properties = [("s3.bucket.name", "b"), ("s3.credentials.provider.class", class)];
            bucket(&properties, false, &Surroundings::default()).map(|bucket| bucket.credentials)
        };
        for class in [
            "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
            "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
            "com.amazonaws.auth.InstanceProfileCredentialsProvider",
            "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
        ] {
            assert_eq!(of(class).unwrap(), Credentials::Surroundings(Vec::new()), "{class}");
        }
        assert_eq!(of("com.amazonaws.auth.AnonymousAWSCredentials").unwrap(), Credentials::Nobody);
        let problems = of("io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider").unwrap_err();
        assert!(problems[0].cause.contains("AwsAssumeRoleCredentialsProvider"), "{problems:?}");
        assert!(problems[0].remedy.contains("AWS_"), "{problems:?}");
    }

    #[test]
    fn encryption_is_asked_for_in_words_that_s3_knows() {
        let of = |pairs: &[(&str, &str)]| {
            let all = [&[("s3.bucket.name", "b")], pairs].concat();
            bucket(&all, false, &Surroundings::default()).map(|bucket| bucket.encryption)
        };
        let asked = |algorithm: &str, key: Option<&str>| {
            Some(Encryption { algorithm: algorithm.to_owned(), key: key.map(str::to_owned) })
        };
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[("s3.ssea.name", "AES256")]).unwrap(), asked("AES256", None));
        let kms = [("s3.ssea.name", "aws:kms"), ("s3.sse.kms.key.id", "k")];
        assert_eq!(of(&kms).unwrap(), asked("aws:kms", Some("k")));
        assert!(of(&[("s3.ssea.name", "ROT13")]).unwrap_err()[0].cause.contains("ROT13"));
        assert!(of(&[("s3.sse.kms.key.id", "k")]).unwrap_err()[0].remedy.contains("aws:kms"));
    }

    #[test]
    fn nothing_secret_is_in_the_debug_form() {
        let keys = [("s3.bucket.name", "b"), ("aws.access.key.id", "KEY-ID"), ("aws.secret.access.key", "HIDDEN")];
        let shown = format!("{:?}", bucket(&keys, true, &Surroundings::default()).unwrap());
        assert!(!shown.contains("HIDDEN") && !shown.contains("KEY-ID"), "{shown}");
    }
}
