//! Is a configuration good? What it says, and what the preflight finds outside, all at once.

use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, Problem, ProblemKind};

use super::{Herder, Refusal, mask};
use crate::file;
use crate::placeholder::Origin;

/// In Connect's words, the gap for the name included.
const NAME_EMPTY: &str = "Invalid value  for configuration name: String may not be empty";

impl Herder {
    /// Everything that is wrong with a configuration, warnings included, the outside looked at. Takes as long as the
    /// preflight.
    ///
    /// # Errors
    /// When it is not known what to run.
    pub fn findings(&self, config: &Config) -> Result<Vec<Problem>, Refusal> {
        let plugin = self.class_of(config)?;
        let mut problems: Vec<Problem> = mask::left_over(config, plugin.properties()).map(masked).collect();
        let resolved = match self.secrets.resolve(config, Origin::Asked) {
            Ok(resolved) => resolved,
            Err(found) => {
                problems.extend(found);
                return Ok(problems);
            }
        };
        match plugin.configure(&resolved) {
            Err(faults) => problems.extend(faults),
            Ok((_, warnings)) if problems.iter().any(Problem::is_error) => problems.extend(warnings),
            Ok((instance, warnings)) => {
                problems.extend(warnings);
                problems.extend(match instance {
                    Instance::Source(mut source) => source.preflight(),
                    Instance::Sink(mut sink) => sink.preflight(),
                });
            }
        }
        Ok(problems)
    }

    /// Refuses what cannot work, else gives the warnings. What may pass by itself, such as a database that does not answer,
    /// is no reason.
    pub(super) fn refuse_faulty(&self, name: &str, config: &Config, nulls: bool) -> Result<Vec<Problem>, Refusal> {
        let mut problems = Vec::new();
        if nulls {
            problems.push(Problem::config(
                "PROPERTY_INVALID",
                "Null value can not be supplied as the configuration value.",
                "",
            ));
        }
        problems.extend(match name {
            "" => Some(Problem::config("CONNECTOR_NAME_INVALID", NAME_EMPTY, "Set \"name\" to a short word.")),
            name => file::check_name(name).err(),
        });
        problems.extend(self.findings(config)?);
        let (mut errors, others): (Vec<Problem>, Vec<Problem>) =
            problems.into_iter().partition(|p| p.is_error() && p.kind != ProblemKind::Retry);
        if errors.is_empty() {
            return Ok(others);
        }
        let plugin = self.class_of(config)?;
        Herder::in_order(plugin.as_ref(), &mut errors);
        errors.sort_by_key(|problem| problem.code != "CONNECTOR_NAME_INVALID");
        errors.extend(others);
        Err(Refusal::invalid(&errors))
    }

    /// The plugin that a configuration names.
    pub(super) fn class_of(&self, config: &Config) -> Result<std::sync::Arc<dyn tailwater_connector::Plugin>, Refusal> {
        let class = config.text("connector.class").trim();
        if class.is_empty() {
            let shown = mask::shown(config, &[]);
            let name = shown.get("name").map(|name| ("name", name));
            let pairs = name.into_iter().chain(shown.iter().filter(|(name, _)| *name != "name"));
            let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
            return Err(Refusal::bad(format!("Connector config {{{}}} contains no connector type", pairs.join(", "))));
        }
        self.registry.find(class).map_err(|problem| self.unknown_class(class, &problem))
    }

    pub(super) fn unknown_class(&self, class: &str, problem: &Problem) -> Refusal {
        let describe = |plugin: &std::sync::Arc<dyn tailwater_connector::Plugin>| {
            let kind = super::view::kind_word(plugin.kind());
            let one = |class: &&str| {
                format!(
                    "PluginDesc{{klass=class {class}, name='{class}', version='{version}', encodedVersion={version}, \
                     type={kind}, typeName='{kind}', location='classpath'}}",
                    version = super::view::VERSION
                )
            };
            plugin.classes().iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let all: Vec<String> = self.registry.plugins().map(describe).collect();
        let near = problem.remedy.split("Known classes").next().unwrap_or_default().trim();
        let near = if near.is_empty() { String::new() } else { format!(". {near}") };
        Refusal::bad(format!(
            "Failed to find any class that implements Connector and which name matches {class}, available connectors are: \
             {}{near}",
            all.join(", ")
        ))
    }
}

/// The connector that is changed by a configuration holds its slot itself, and lets go of it first.
pub(super) fn without_own_slot(problems: &mut Vec<Problem>, before: Option<&Config>, config: &Config) {
    let same_slot = before.is_some_and(|before| before.get("slot.name") == config.get("slot.name"));
    problems.retain(|problem| !(same_slot && problem.code == "SLOT_IN_USE"));
}

fn masked(name: &str) -> Problem {
    Problem::config(
        "SECRET_MASKED",
        format!("The '{name}' value is invalid: it is what is shown instead of a secret, and no secret is stored"),
        format!("Give '{name}' its value, or a placeholder such as ${{env:NAME}}."),
    )
}
