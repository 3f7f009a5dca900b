//! Is a configuration good? What it says, and what the preflight finds outside, all at once.

use std::collections::BTreeSet;
use std::path::Path;

use tailwater_connector::plugin::Instance;
use tailwater_connector::{Config, Problem, ProblemKind, Property};

use super::{Connector, Herder, Refusal, mask};
use crate::file;
use crate::placeholder::{ALLOW, in_typed_words};
use crate::supervisor::Configured;

/// In Connect's words, the gap for the name included.
const NAME_EMPTY: &str = "Invalid value  for configuration name: String may not be empty";

/// What a configuration takes over from the one that it is to replace.
#[derive(Default)]
pub(super) struct Inherited {
    /// Values that an operator's file gave and that stay: they may name any file.
    trusted: BTreeSet<String>,
    /// Secrets that were not given again, although the connector is to go elsewhere.
    astray: Vec<String>,
    /// What says that it is to go elsewhere.
    moved: Vec<String>,
}

impl Herder {
    /// Puts secrets in the place of what is shown for them, and tells what else comes from `before`. `given` says which
    /// properties were named at all.
    pub(super) fn inherit(
        &self,
        config: &mut Config,
        before: Option<&Connector>,
        given: &dyn Fn(&str) -> bool,
    ) -> Inherited {
        let Some((before, of_file)) = before.and_then(|before| Some((before.config.as_ref()?, before.of_file))) else {
            return Inherited::default();
        };
        let plugin = self.plugin(config).or_else(|| self.plugin(before));
        let properties = plugin.as_ref().map_or(&[][..], |plugin| plugin.properties());
        let restored = mask::restore(config, before, properties);
        let moved: Vec<String> = mask::moved(before, config).into_iter().map(str::to_owned).collect();
        if moved.is_empty() {
            let same = config.iter().filter(|(name, value)| of_file && before.get(name) == Some(value));
            let trusted = same.map(|(name, _)| name.to_owned()).collect();
            return Inherited { trusted, ..Inherited::default() };
        }
        let kept = |name: &str| !given(name) || restored.iter().any(|restored| restored == name);
        let astray = config.iter().filter(|(name, value)| kept(name) && mask::hides(name, value, properties));
        Inherited { astray: astray.map(|(name, _)| name.to_owned()).collect(), moved, ..Inherited::default() }
    }

    /// Everything that is wrong with a configuration, warnings included, the outside looked at. Takes as long as the
    /// preflight.
    ///
    /// # Errors
    /// When it is not known what to run.
    pub(super) fn findings(&self, config: &Config, inherited: &Inherited) -> Result<Vec<Problem>, Refusal> {
        let plugin = self.class_of(config)?;
        let mut problems = masked(config, plugin.properties());
        problems.extend(inherited.astray.iter().map(|name| astray(name, &inherited.moved)));
        let trusted = |name: &str| inherited.trusted.contains(name);
        let origin = |name: &str| self.secrets.origin(trusted(name));
        let resolved = match self.secrets.resolve_each(config, origin) {
            Ok(resolved) => resolved,
            Err(found) => {
                problems.extend(found);
                return Ok(problems);
            }
        };
        match self.look(plugin.configure(&resolved), config, &resolved, trusted) {
            Err(faults) => problems.extend(faults),
            Ok((_, warnings)) if problems.iter().any(Problem::is_error) => problems.extend(warnings),
            Ok((instance, warnings)) => {
                problems.extend(warnings);
                let _turn = self.checks.take();
                problems.extend(match instance {
                    Instance::Source(mut source) => source.preflight(),
                    Instance::Sink(mut sink) => sink.preflight(),
                });
            }
        }
        Ok(problems)
    }

    /// What became of a configuration, as it may be told and done: no placeholder's value is quoted, and no file is used that
    /// nobody who asks over the network may have touched.
    pub(super) fn look(
        &self,
        configured: Configured,
        typed: &Config,
        resolved: &Config,
        trusted: impl Fn(&str) -> bool,
    ) -> Configured {
        let told = |problems| in_typed_words(problems, typed, resolved);
        let (instance, warnings) = configured.map_err(told)?;
        let files = match &instance {
            Instance::Source(source) => source.files(),
            Instance::Sink(sink) => sink.files(),
        };
        let forbidden =
            files.into_iter().filter(|(property, path)| !trusted(property) && !self.secrets.may_touch(path));
        let forbidden: Vec<Problem> = forbidden.map(|(property, path)| forbidden_file(property, &path)).collect();
        if forbidden.is_empty() { Ok((instance, told(warnings))) } else { Err(told([forbidden, warnings].concat())) }
    }

    /// Refuses what cannot work, else gives the warnings. What may pass by itself, such as a database that does not answer,
    /// is no reason.
    pub(super) fn refuse_faulty(
        &self,
        name: &str,
        config: &Config,
        inherited: &Inherited,
        nulls: bool,
    ) -> Result<Vec<Problem>, Refusal> {
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
        problems.extend(self.findings(config, inherited)?);
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

/// Secrets that were given as what is shown for them.
pub(super) fn masked(config: &Config, properties: &[Property]) -> Vec<Problem> {
    let problem = |name: &str| {
        Problem::config(
            "SECRET_MASKED",
            format!("The '{name}' value is invalid: it is what is shown instead of a secret, and no secret is stored"),
            format!("Give '{name}' its value, or a placeholder such as ${{env:NAME}}."),
        )
    };
    mask::left_over(config, properties).map(problem).collect()
}

/// Who may change where a connector goes would otherwise be sent its secrets.
fn astray(name: &str, moved: &[String]) -> Problem {
    let moved = moved.join("', '");
    Problem::config(
        "SECRET_ELSEWHERE",
        format!("The '{name}' value is missing: '{moved}' changes, and a stored secret goes nowhere else than before"),
        format!("Give '{name}' again, together with '{moved}'."),
    )
}

fn forbidden_file(property: &str, path: &Path) -> Problem {
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    Problem::config(
        "FILE_FORBIDDEN",
        format!("The '{property}' value is invalid: connectors made over REST may not use {}", path.display()),
        format!("Allow its directory: tailwater serve {ALLOW} '{}'", directory.display()),
    )
}
