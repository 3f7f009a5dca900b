//! Debezium's engine beside us, through `conformance/player/measure_debezium.py`: its records are made into bytes, counted
//! and thrown away, with neither Kafka nor a disk behind it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tailwater_testkit::Postgres;

use super::report::{Percentiles, Used};
use super::subject::Form;
use crate::Outcome;

/// A connector with a slot, a publication and a folder of its own. Between two steps nothing runs.
pub struct Debezium {
    script: PathBuf,
    folder: PathBuf,
    name: String,
    tables: String,
    port: u16,
    form: Form,
}

impl Debezium {
    /// Starts nothing.
    pub fn new(root: &Path, work: &Path, server: &Postgres, name: &str, tables: &str, form: Form) -> Debezium {
        let script = root.join("conformance/player/measure_debezium.py");
        Debezium {
            script,
            folder: work.join(name),
            name: name.to_owned(),
            tables: tables.to_owned(),
            port: server.port(),
            form,
        }
    }

    /// Makes slot and publication.
    pub fn settle(&self) -> Outcome<()> {
        self.step("settle", 0, "no_data").map(drop)
    }

    /// From the start of the virtual machine until so many records were counted.
    pub fn drain(&self, events: u64) -> Outcome<Used> {
        used(&self.step("drain", events, "no_data")?)
    }

    /// The same for a snapshot.
    pub fn snapshot(&self, events: u64) -> Outcome<Used> {
        used(&self.step("drain", events, "initial")?)
    }

    /// From an acknowledged commit until its record was counted, one commit at a time.
    pub fn probe(&self, probes: u32) -> Outcome<Percentiles> {
        let answer = self.step("probe", u64::from(probes), "no_data")?;
        let times = answer["ms"].as_array().ok_or("no times came")?;
        Ok(Percentiles::of(
            times.iter().filter_map(Value::as_f64).map(|ms| Duration::from_secs_f64(ms / 1e3)).collect(),
        ))
    }

    fn step(&self, step: &str, events: u64, snapshot: &str) -> Outcome<Value> {
        let schemas = if matches!(self.form, Form::SchemaBlock) { "true" } else { "false" };
        let output = Command::new("python3")
            .arg(&self.script)
            .args([step, "--name", &self.name, "--tables", &self.tables, "--snapshot", snapshot, "--schemas", schemas])
            .args(["--port", &self.port.to_string(), "--events", &events.to_string()])
            .arg("--dir")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("Debezium: {step} failed").into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn used(answer: &Value) -> Outcome<Used> {
    let number = |name: &str| answer[name].as_f64().ok_or_else(|| format!("no {name} came"));
    let peak_bytes = answer["peak_bytes"].as_u64().ok_or("no peak_bytes came")?;
    Ok(Used { wall: number("wall")?, cpu: number("cpu")?, server_cpu: number("server_cpu")?, peak_bytes })
}
