//! What a sink may use of the process around it. Only the program reads arguments and environment; it hands them in.

use object_store::aws::AmazonS3ConfigKey;
use tailwater_connector::HostAliases;

/// Variables of the environment that say who we are for AWS, by the names that its own tools read.
pub const AWS_VARIABLES: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// What the process hands to every sink.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Names of hosts that stand for other addresses.
    pub aliases: HostAliases,
    aws: Vec<(String, String)>,
}

impl Surroundings {
    /// The same with values of [`AWS_VARIABLES`]; others are left out. Used where a connector has no keys of its own.
    #[must_use]
    pub fn with_aws(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.aws = variables.into_iter().filter(|(name, _)| AWS_VARIABLES.contains(&name.as_str())).collect();
        self
    }

    /// The same with aliases of hosts.
    #[must_use]
    pub fn with_aliases(mut self, aliases: HostAliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// The variables as the store's own keys.
    pub(crate) fn aws_keys(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, String)> {
        let key = |name: &str| name.to_ascii_lowercase().parse().ok();
        self.aws.iter().filter_map(move |(name, value)| Some((key(name)?, value.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_knows_every_variable_that_is_handed_in() {
        let all = AWS_VARIABLES.map(|name| (name.to_owned(), "x".to_owned()));
        assert_eq!(Surroundings::default().with_aws(all).aws_keys().count(), AWS_VARIABLES.len());
        assert_eq!(Surroundings::default().with_aws([("AWS_REGION".to_owned(), "x".to_owned())]).aws_keys().count(), 0);
    }
}
