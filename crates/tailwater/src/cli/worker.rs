//! Settings of a Connect worker: its file, `[connect-worker]` of `tailwater.toml`, and the environment names of images.

use std::path::{Path, PathBuf};

use clap::Args;
use tailwater_connect::worker::{self, Environment, Worker};
use tailwater_connect::{file, java_properties};
use tailwater_connector::Problem;

use crate::broker_settings::flatten;
use crate::settings::Settings;

/// The flags.
#[derive(Debug, Args)]
pub struct WorkerFlags {
    /// Settings of a Connect worker (connect-distributed.properties): converters, listeners, providers of placeholders
    #[arg(long = "worker", value_name = "FILE", env = "TAILWATER_WORKER", hide_env_values = true)]
    file: Option<PathBuf>,
    /// Directory that connectors made over REST may use: for placeholders such as ${file:DIR/FILE:KEY}, certificates, signal
    /// files, and files of sinks; repeatable [default: none; connector files may use any, and read placeholders beside
    /// themselves]
    #[arg(long = "connect-files-allowed", value_name = "DIR")]
    allowed: Vec<PathBuf>,
}

impl WorkerFlags {
    /// What file, table, environment and flags make of it; a later one wins.
    ///
    /// # Errors
    /// Everything that cannot be followed.
    pub fn resolve(&self, settings: &Settings) -> Result<Worker, Vec<Problem>> {
        let of_file = self.file.as_deref().map(read).transpose().map_err(|problem| vec![problem])?;
        let mut of_table = Vec::new();
        if let Some(table) = &settings.connect_worker {
            flatten("", table, &mut of_table);
        }
        let of_table = of_table.into_iter().map(|(name, value)| match text(&value) {
            Some(text) => Ok((name, text)),
            None => Err(Problem::config(
                "SETTING_INVALID",
                format!("[connect-worker] {name} is neither text nor a number nor true or false"),
                format!("\"{name}\" = \"…\""),
            )),
        });
        let of_table = of_table.collect::<Result<Vec<_>, Problem>>().map_err(|problem| vec![problem])?;
        // A variable that is no text is none of ours.
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let Environment { settings: of_environment, notes } = worker::of_environment(variables);
        let mut worker = worker::settle(of_file.unwrap_or_default().into_iter().chain(of_table).chain(of_environment))?;
        worker.notes.splice(0..0, notes);
        let of_settings = settings.connect_files_allowed.iter().flatten().filter(|_| self.allowed.is_empty());
        worker.allowed.extend(self.allowed.iter().chain(of_settings).cloned());
        Ok(worker)
    }
}

fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

fn read(path: &Path) -> Result<Vec<(String, String)>, Problem> {
    let place = |problem: Problem| Problem { cause: format!("{}: {}", path.display(), problem.cause), ..problem };
    let bytes =
        file::read_bytes(path).map_err(|problem| Problem { code: "WORKER_FILE_UNREADABLE".into(), ..problem })?;
    let text = String::from_utf8_lossy(&bytes);
    let parsed = java_properties::parse_as_java(&text).map(|(properties, _)| properties);
    parsed.map_err(|problem| place(Problem { code: "WORKER_FILE_INVALID".into(), ..problem }))
}
