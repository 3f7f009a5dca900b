//! Kafka brokers on the command line: where they are, and how to get in.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tailwater_connect::java_properties;
use tailwater_connect::placeholder::Origin;
use tailwater_connector::Problem;
use tailwater_kafka::client::{Access, properties};

use super::aliases::Aliases;
use crate::environment;
use crate::feed::Link;
use crate::limits::SETTINGS_BYTES;
use crate::render;
use crate::settings;

/// What verbs that speak to brokers take.
#[derive(Args)]
pub struct Brokers {
    /// Kafka brokers, several with commas
    #[arg(short, long, value_name = "HOST:PORT", env = "TAILWATER_BOOTSTRAP", hide_env_values = true)]
    bootstrap: Option<String>,
    /// A property of librdkafka or of Kafka's Java clients, as kcat takes it: security.protocol, sasl.*, ssl.*
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    properties: Vec<String>,
    /// File of such properties, as Kafka's tools take it; ${env:NAME} in a value is that variable
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
    #[command(flatten)]
    aliases: Aliases,
}

/// Where verbs go that need Kafka's protocol: to brokers, or into a data directory.
#[derive(Debug, Args)]
pub struct Target {
    #[command(flatten)]
    brokers: Brokers,
    /// A data directory instead, of a server that runs or of one that is stopped [default: the broker at 127.0.0.1:9092]
    #[arg(long, value_name = "DIR", env = "TAILWATER_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
}

impl Target {
    /// A client of what is named, or of the server of this machine.
    ///
    /// # Errors
    /// Everything that is wrong with the properties, or why there is no connection.
    pub fn link(&self) -> Result<Link, Vec<Problem>> {
        let usual = self.data_dir.is_none().then_some(settings::KAFKA);
        let link = match (self.brokers.reached(usual)?, &self.data_dir) {
            (Some(brokers), _) => Link::network(brokers),
            (None, Some(dir)) => Link::directory(dir),
            (None, None) => Link::network(Reached::usual()),
        };
        link.map_err(|problem| vec![problem])
    }
}

/// Brokers, and how to get in.
#[derive(Debug)]
pub struct Reached {
    /// HOST:PORT, several with commas.
    pub bootstrap: String,
    /// TLS and login.
    pub access: Access,
}

impl fmt::Debug for Brokers {
    /// Without the properties: there are passwords among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brokers").field("bootstrap", &self.bootstrap).finish_non_exhaustive()
    }
}

impl Reached {
    /// Where a server of this machine listens, unless it was told otherwise.
    pub fn usual() -> Reached {
        Reached { bootstrap: settings::KAFKA.to_owned(), access: Access::default() }
    }
}

impl Brokers {
    /// The brokers that are named; `None` when none are. `usual`: where brokers are that have properties and no name.
    ///
    /// # Errors
    /// Everything that is wrong with the properties, at once.
    pub fn reached(&self, usual: Option<&str>) -> Result<Option<Reached>, Vec<Problem>> {
        let (given, mut problems) = (self.given(), Vec::new());
        let mut all = Vec::new();
        let secrets = environment::secrets();
        let own = self.command_config.as_deref().and_then(Path::parent).filter(|own| !own.as_os_str().is_empty());
        let own = Origin::Beside(own.unwrap_or(Path::new(".")));
        for (name, value) in given.map_err(|problem| vec![problem])? {
            match secrets.resolve_value(&name, &value, own) {
                Ok(value) => all.push((name, value)),
                Err(found) => problems.extend(found),
            }
        }
        let settled = properties::settle(&all).map_err(|more| problems.extend(more));
        let Some(settled) = settled.ok().filter(|_| problems.is_empty()) else { return Err(problems) };
        if !settled.without_effect.is_empty() {
            let names = settled.without_effect.join("', '");
            let warning = Problem::config(
                "PROPERTY_WITHOUT_EFFECT",
                format!("'{names}' has no effect on the command line"),
                "Only security.protocol, sasl.*, ssl.* and bootstrap.servers have.",
            );
            // Nothing is lost when nobody reads it.
            let _ = write!(anstream::stderr(), "{}", render::problem::text(&warning.warning()));
        }
        let usual = usual.filter(|_| !all.is_empty()).map(str::to_owned);
        match self.bootstrap.clone().or(settled.bootstrap).or(usual) {
            Some(bootstrap) => {
                let access = settled.access.with_aliases(self.aliases.usual()?);
                Ok(Some(Reached { bootstrap, access }))
            }
            None if all.is_empty() => Ok(None),
            None => Err(vec![Problem::config(
                "BOOTSTRAP_MISSING",
                "properties of a client are given, and no brokers",
                "Name them: --bootstrap HOST:PORT",
            )]),
        }
    }

    /// All properties, those of the command line last.
    fn given(&self) -> Result<Vec<(String, String)>, Problem> {
        let mut all = self.command_config.as_deref().map(of_file).transpose()?.unwrap_or_default();
        for (place, property) in self.properties.iter().enumerate() {
            // What stands there may be a password: it is not repeated.
            let (name, value) = property.split_once('=').ok_or_else(|| {
                let cause = format!("-X number {} is not NAME=VALUE", place + 1);
                Problem::config("PROPERTY_INVALID", cause, "Use a form such as -X security.protocol=SASL_SSL.")
            })?;
            all.push((name.trim().to_owned(), value.to_owned()));
        }
        Ok(all)
    }
}

fn of_file(path: &Path) -> Result<Vec<(String, String)>, Problem> {
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(SETTINGS_BYTES).read_to_string(&mut text)).map_err(|error| {
        Problem::config(
            "COMMAND_CONFIG_UNREADABLE",
            format!("{} cannot be read: {error}", path.display()),
            "Name a file of properties that this account may read: --command-config FILE",
        )
    })?;
    java_properties::parse(&text).map_err(|problem| {
        let cause = format!("{}, {}", path.display(), problem.cause);
        Problem::config("COMMAND_CONFIG_INVALID", cause, problem.remedy)
    })
}
