//! What an S3 server's refusal means, in words that help.
//!
//! S3 answers an error as XML with a `Code` (Amazon S3 API reference, "Error responses"); its `Message` and what is
//! around it may name keys and signatures, and so only codes and regions are taken from it.

use std::error::Error;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};
use tailwater_connector::{Problem, ProblemKind};

use super::bucket::{Bucket, Credentials, Endpoint};

/// What went wrong, as far as it can be told.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// S3's own code.
    Code(String),
    /// An answer with an HTTP status and without S3's code.
    Status(u16),
    /// An answer that S3 does not give: a web page, or none of what an object's upload is answered with.
    NotS3,
    /// A redirect to another region's server.
    OtherRegion,
    /// No connection: the name is unknown, nothing listens, no route.
    NoConnection(String),
    /// The name has no address.
    NoSuchHost,
    /// TLS with a server that does not speak it.
    NoTls,
    /// A certificate that is not trusted, or another failure of TLS.
    Tls(String),
    /// No answer in time, or an answer cut off.
    NoAnswer,
    /// The machine has no keys of its own.
    NoKeys,
    /// None of these.
    Other,
}

/// Whether the server knows us and refuses this alone.
pub(super) fn is_denied(error: &object_store::Error) -> bool {
    fault(error) == Fault::Code("AccessDenied".to_owned())
}

/// The problem behind an error of the store.
pub(super) fn of(error: &object_store::Error, bucket: &Bucket) -> Problem {
    let text = chain(error);
    problem(fault(error), between(&text, "<Region>", "</Region>"), bucket)
}

/// The problem of a server that takes too long.
pub(super) fn no_answer(bucket: &Bucket) -> Problem {
    problem(Fault::NoAnswer, None, bucket)
}

fn problem(fault: Fault, region: Option<&str>, bucket: &Bucket) -> Problem {
    let (server, name, names) = (bucket.server(), &bucket.name, &bucket.names);
    match fault {
        Fault::Code(ref code) => of_code(code, region, bucket),
        Fault::OtherRegion => other_region(region, bucket),
        Fault::Status(400) if bucket.endpoint.as_ref().is_some_and(|endpoint| !endpoint.tls) => Problem::config(
            "S3_TLS_MISMATCH",
            format!("{server} refuses plain HTTP: it speaks TLS, or it is no S3 server"),
            format!(r#"Write https:// instead of http:// in "{}"."#, names.url),
        ),
        Fault::Status(status @ 500..) => Problem::retry(
            "S3_BUSY",
            format!("{server} answers with HTTP status {status}"),
            "Look into the server's log; it is tried again.",
        ),
        Fault::Status(_) | Fault::NotS3 => {
            let status = match fault {
                Fault::Status(status) => format!(" with HTTP status {status}"),
                _ => String::new(),
            };
            Problem::config(
                "S3_NOT_S3",
                format!("what answers at {server}{status} does not speak S3"),
                format!(
                    r#"Set "{}" to the address of the S3 service; a web console has another port (MinIO: S3 on 9000, console on 9001)."#,
                    names.url
                ),
            )
        }
        Fault::NoSuchHost => Problem::retry(
            "S3_UNREACHABLE",
            format!("the host name of {server} has no address"),
            alias(bucket)
                .unwrap_or_else(|| format!("Correct \"{}\", or the name server; it is tried again.", names.url)),
        ),
        Fault::NoConnection(why) => {
            let try_it = || format!("Try: curl -sv {}", address(bucket));
            Problem::retry(
                "S3_UNREACHABLE",
                format!("{server} cannot be reached: {why}"),
                format!(
                    "Start the server, or correct \"{}\"; it is tried again. {}",
                    names.url,
                    alias(bucket).unwrap_or_else(try_it)
                ),
            )
        }
        Fault::NoTls => Problem::config(
            "S3_TLS_MISMATCH",
            format!("{server} does not speak TLS"),
            format!(r#"Write http:// instead of https:// in "{}"."#, names.url),
        ),
        Fault::Tls(why) => Problem::config(
            "S3_TLS_FAILED",
            format!("no TLS connection to {server}: {why}"),
            "Add the certificate's issuer to the machine's trust store: cp CA.pem /usr/local/share/ca-certificates/ca.crt && update-ca-certificates",
        ),
        Fault::NoAnswer => Problem::retry(
            "S3_NO_ANSWER",
            format!("{server} gave no whole answer in time"),
            format!("Look at the server and the way to it; it is tried again. Try: curl -sv {}", address(bucket)),
        ),
        Fault::NoKeys => Problem::config(
            "S3_KEYS_MISSING",
            format!(
                "there are no keys for {server}: none in the properties, none in the environment, none from the machine"
            ),
            format!(r#"Add "{}": "KEY", "{}": "SECRET"."#, names.key_id, names.secret),
        ),
        Fault::Other => Problem::retry(
            "S3_WRITE_FAILED",
            format!("bucket '{name}' of {server} cannot be written to"),
            "Look into the server's log; it is tried again.",
        ),
    }
}

fn of_code(code: &str, region: Option<&str>, bucket: &Bucket) -> Problem {
    let (server, name, names) = (bucket.server(), &bucket.name, &bucket.names);
    let (key_property, secret_property) = match bucket.credentials {
        Credentials::Keys { .. } => (names.key_id, names.secret),
        Credentials::Surroundings(_) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        Credentials::Nobody => (names.key_id, names.secret),
    };
    match code {
        "InvalidAccessKeyId" => Problem::config(
            "S3_KEY_UNKNOWN",
            format!("{server} does not know the key of '{key_property}'"),
            format!("Correct '{key_property}' (MinIO: MINIO_ROOT_USER, or the access key of a user)."),
        ),
        "SignatureDoesNotMatch" => Problem::config(
            "S3_SECRET_WRONG",
            format!("the secret of '{secret_property}' is not the one that {server} has for that key"),
            format!("Correct '{secret_property}' (MinIO: MINIO_ROOT_PASSWORD, or the secret key of a user)."),
        ),
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => Problem::config(
            "S3_TOKEN_EXPIRED",
            format!("the session token for {server} has expired or is not valid"),
            "Set AWS_SESSION_TOKEN anew, or use keys that do not expire.",
        ),
        // A compose file may make the bucket a moment later.
        "NoSuchBucket" => Problem::retry(
            "S3_BUCKET_MISSING",
            format!("there is no bucket '{name}' on {server}"),
            format!("aws {}s3 mb s3://{name}", endpoint_option(bucket)),
        ),
        "InvalidBucketName" => Problem::config(
            "S3_BUCKET_INVALID",
            format!("{server} takes no bucket of the name '{name}'"),
            format!("Set '{}' to 3 to 63 small letters, digits, dots and hyphens.", names.bucket),
        ),
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Problem::config(
            "S3_ACCESS_DENIED",
            format!("{server} knows the key and does not let it write to bucket '{name}'"),
            format!(
                "Allow s3:PutObject and s3:AbortMultipartUpload on arn:aws:s3:::{name}/*, and s3:ListBucket on arn:aws:s3:::{name}."
            ),
        ),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            other_region(region, bucket)
        }
        "RequestTimeTooSkewed" => Problem::environment(
            "S3_CLOCK_WRONG",
            format!("the clocks of this machine and of {server} are more than 15 minutes apart"),
            "timedatectl set-ntp true",
        ),
        "XMinioStorageFull" | "QuotaExceeded" | "XMinioAdminBucketQuotaExceeded" => Problem::new(
            ProblemKind::Paused,
            "S3_FULL",
            format!("{server} has no room for bucket '{name}'"),
            "Free space on the server; work goes on by itself.",
        ),
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout" | "XMinioServerNotInitialized" => {
            Problem::retry(
                "S3_BUSY",
                format!("{server} is busy ({code})"),
                "Nothing to do unless it lasts; it is tried again.",
            )
        }
        other => Problem::retry(
            "S3_WRITE_FAILED",
            format!("{server} refuses to write to bucket '{name}' ({other})"),
            "Look the code up in the server's documentation; it is tried again.",
        ),
    }
}

fn other_region(region: Option<&str>, bucket: &Bucket) -> Problem {
    let (name, names) = (&bucket.name, &bucket.names);
    let place = region.map_or("another region".to_owned(), |region| format!("region {region}"));
    Problem::config(
        "S3_REGION_WRONG",
        format!("bucket '{name}' of {} is in {place}, not in {}", bucket.server(), bucket.region),
        format!(r#"Set "{}": "{}"."#, names.region, region.unwrap_or("REGION")),
    )
}

/// What to do about a name without a dot: most of the time it is one of a compose network.
fn alias(bucket: &Bucket) -> Option<String> {
    let name =
        bucket.endpoint.as_ref()?.looked_up.as_deref().filter(|name| !name.contains('.') && *name != "localhost")?;
    Some(format!(
        "'{name}' looks like a name inside a compose network. Say where it is from here: tailwater serve --alias {name}=127.0.0.1:9000"
    ))
}

fn address(bucket: &Bucket) -> String {
    let aws = || format!("https://s3.{}.amazonaws.com", bucket.region);
    bucket.endpoint.as_ref().map_or_else(aws, Endpoint::reached)
}

fn endpoint_option(bucket: &Bucket) -> String {
    bucket.endpoint.as_ref().map_or(String::new(), |endpoint| format!("--endpoint-url {} ", endpoint.reached()))
}

/// What an error says, read from its parts.
fn fault(error: &object_store::Error) -> Fault {
    let text = chain(error);
    // MinIO's console says so to whoever signs a request for S3.
    if text.contains("must be made to API port") {
        return Fault::NotS3;
    }
    if let Some(code) = between(&text, "<Code>", "</Code>") {
        return Fault::Code(code.to_owned());
    }
    if text.contains("redirect without LOCATION") {
        return Fault::OtherRegion;
    }
    if text.contains("169.254.169.254") || text.contains("InstanceCredential") {
        return Fault::NoKeys;
    }
    if let Some(status) = between(&text, "status code: ", " ").and_then(|status| status.parse().ok()) {
        return Fault::Status(status);
    }
    if ["invalid list response", "ETag Header missing", "invalid create multipart response"]
        .iter()
        .any(|said| text.contains(said))
    {
        return Fault::NotS3;
    }
    let Some(http) = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()) else {
        return Fault::Other;
    };
    let io = causes(http).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    if text.contains("InvalidContentType") {
        Fault::NoTls
    } else if let Some(at) = text.find("invalid peer certificate") {
        Fault::Tls(text[at..].lines().next().unwrap_or_default().to_owned())
    } else if text.contains("dns error") {
        Fault::NoSuchHost
    } else {
        match (http.kind(), io) {
            (HttpErrorKind::Connect, Some(io)) => Fault::NoConnection(io.to_string()),
            (HttpErrorKind::Connect, None) => Fault::NoConnection("no connection in time".to_owned()),
            _ => Fault::NoAnswer,
        }
    }
}

/// An error and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}

/// All of them as text, for their codes only.
fn chain(error: &object_store::Error) -> String {
    causes(error).map(|cause| format!("{cause}\n")).collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Surroundings;
    use crate::files::Location;
    use crate::files::properties::CONFLUENT_NAMES;

    fn bucket(url: &str) -> Bucket {
        let pairs = [
            ("store.url", url),
            ("s3.bucket.name", "lake"),
            ("s3.region", "us-west-2"),
            ("aws.access.key.id", "KEYID"),
            ("aws.secret.access.key", "HIDDEN"),
        ];
        let config = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        match Location::from_config(&config, &config, &CONFLUENT_NAMES, &Surroundings::default()).unwrap().0 {
            Location::Bucket(bucket) => *bucket,
            Location::Directory { .. } => unreachable!(),
        }
    }

    fn answered(body: &str) -> object_store::Error {
        let text = format!("Error performing GET http://h/b in 3ms - Server returned non-2xx status code: {body}");
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn every_code_of_the_server_has_its_problem_and_none_shows_what_the_server_repeats() {
        for (code, problem, kind) in [
            ("InvalidAccessKeyId", "S3_KEY_UNKNOWN", ProblemKind::Config),
            ("SignatureDoesNotMatch", "S3_SECRET_WRONG", ProblemKind::Config),
            ("ExpiredToken", "S3_TOKEN_EXPIRED", ProblemKind::Config),
            ("NoSuchBucket", "S3_BUCKET_MISSING", ProblemKind::Retry),
            ("InvalidBucketName", "S3_BUCKET_INVALID", ProblemKind::Config),
            ("AccessDenied", "S3_ACCESS_DENIED", ProblemKind::Config),
            ("PermanentRedirect", "S3_REGION_WRONG", ProblemKind::Config),
            ("RequestTimeTooSkewed", "S3_CLOCK_WRONG", ProblemKind::Environment),
            ("XMinioStorageFull", "S3_FULL", ProblemKind::Paused),
            ("SlowDown", "S3_BUSY", ProblemKind::Retry),
            ("SomethingNew", "S3_WRITE_FAILED", ProblemKind::Retry),
        ] {
            let body = format!(
                "403 Forbidden: <Error><Code>{code}</Code><Message>KEYID sent HIDDEN</Message><Region>eu-west-1</Region></Error>"
            );
            let found = of(&answered(&body), &bucket("http://minio:9000"));
            assert_eq!((found.code.as_str(), found.kind), (problem, kind), "{code}");
            let shown = format!("{} {}", found.cause, found.remedy);
            assert!(!shown.contains("HIDDEN") && !shown.contains("KEYID") && !found.remedy.is_empty(), "{shown}");
        }
        let found = of(
            &answered("400 Bad: <Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region>"),
            &bucket("http://minio:9000"),
        );
        assert!(found.remedy.contains(r#""s3.region": "eu-west-1""#), "{found:?}");
    }

    #[test]
    fn a_web_page_in_the_place_of_s3_is_named_whatever_its_status() {
        let of = |text: &str| {
            let error = object_store::Error::Generic { store: "S3", source: text.to_owned().into() };
            of(&error, &bucket("http://minio:9001"))
        };
        for text in [
            "Got invalid list response: expected element",
            "Unable to extract metadata from headers: ETag Header missing from response",
            "400 Bad Request: <Error><Code>InvalidArgument</Code><Message>S3 API Requests must be made to API port.</Message></Error>",
        ] {
            let problem = of(text);
            assert!(problem.code == "S3_NOT_S3" && problem.remedy.contains("9000"), "{problem}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_no_s3_or_the_wrong_scheme() {
        let code = |body: &str, url: &str| of(&answered(body), &bucket(url)).code;
        assert_eq!(code("404 Not Found: <html>", "http://minio:9001"), "S3_NOT_S3");
        assert_eq!(code("400 Bad Request: Client sent an HTTP request", "http://minio:9000"), "S3_TLS_MISMATCH");
        assert_eq!(code("400 Bad Request: what", "https://minio:9000"), "S3_NOT_S3");
        assert_eq!(code("503 Service Unavailable: ", "http://minio:9000"), "S3_BUSY");
    }
}
