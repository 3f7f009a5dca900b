//! `--alias`, and `[aliases]` of the settings file: names of hosts that lead elsewhere, in any connector and of brokers.

use clap::Args;
use tailwater_connector::{HostAliases, Problem};

use crate::settings::Settings;

/// The flag.
#[derive(Debug, Args)]
pub struct Aliases {
    /// Where a host's name leads, such as postgres=127.0.0.1:5432 for one of a container network; repeatable
    #[arg(long = "alias", value_name = "NAME=HOST:PORT")]
    aliases: Vec<String>,
}

impl Aliases {
    /// Those of the file, over which the flags win.
    ///
    /// # Errors
    /// Everything that is no alias.
    pub fn resolve(&self, file: &Settings) -> Result<HostAliases, Vec<Problem>> {
        let of_file = file.aliases.iter().flatten().map(|(name, target)| format!("{name}={target}"));
        let all: Vec<String> = of_file.chain(self.aliases.iter().cloned()).collect();
        HostAliases::parse(all.iter().map(String::as_str))
    }

    /// The same with the settings file that lies here, for verbs that need no other settings.
    ///
    /// # Errors
    /// Also when that file cannot be read.
    pub fn usual(&self) -> Result<HostAliases, Vec<Problem>> {
        self.resolve(&Settings::load(None).map_err(|problem| vec![problem])?)
    }
}
