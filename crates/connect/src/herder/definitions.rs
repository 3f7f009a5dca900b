//! What properties there are, as Connect describes them to user interfaces, and what is wrong with which.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use tailwater_connector::property::Form;
use tailwater_connector::{Config, Look, Plugin, Problem, Property};

use super::framework::FRAMEWORK;
use super::validate::without_own_slot;
use super::{Herder, Refusal, mask};
use crate::{pipeline, transform};

/// Kafka Connect's `ConfigKeyInfo`, in its order of keys.
#[derive(Clone, Debug, Serialize)]
pub struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    default_value: Option<&'static str>,
    importance: &'static str,
    documentation: String,
    group: Option<Cow<'static, str>>,
    order_in_group: i32,
    width: &'static str,
    display_name: String,
    dependents: Vec<String>,
}

/// Kafka Connect's `ConfigInfos`.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    name: String,
    error_count: usize,
    groups: Vec<Cow<'static, str>>,
    configs: Vec<Validated>,
    /// Everything that was found, warnings included; not in the body, whose form is Connect's.
    #[serde(skip)]
    pub(crate) problems: Vec<Problem>,
}

#[derive(Clone, Debug, Serialize)]
struct Validated {
    definition: Definition,
    value: Value,
}

#[derive(Clone, Debug, Serialize)]
struct Value {
    name: String,
    value: Option<String>,
    recommended_values: Vec<&'static str>,
    errors: Vec<String>,
    visible: bool,
}

/// What each transform has besides its class and its own options.
const TRANSFORM: [(&str, &str, &str); 2] = [("predicate", "STRING", "MEDIUM"), ("negate", "BOOLEAN", "MEDIUM")];

impl Herder {
    /// The properties of a connector or a transform.
    pub fn definitions(&self, class: &str) -> Result<Vec<Definition>, Refusal> {
        if let Ok(plugin) = self.registry.find(class) {
            return Ok(of_connector(plugin.as_ref()));
        }
        let named = |name: &str| name == class || name.rsplit('.').next() == Some(class);
        let options = match transform::classes().find(|known| known.names.iter().any(|name| named(name))) {
            Some(found) => found.properties,
            None => match pipeline::classes().find(|(name, _)| named(name)) {
                Some((name, "predicate")) => pipeline::predicate_properties(name),
                Some((name, _)) => pipeline::converter_properties(name),
                None => return Err(Refusal::not_found(format!("Unknown plugin {class}."))),
            },
        };
        Ok(options.iter().filter(|property| !property.name.ends_with('*')).map(option).collect())
    }

    /// Looks at a configuration and at what is outside, and hangs what is wrong on the properties that it is about.
    pub fn validate(&self, class: &str, config: &Config) -> Result<Validation, Refusal> {
        let inner = |refusal: Refusal| {
            let cause =
                format!("org.apache.kafka.connect.runtime.rest.errors.BadRequestException: {}", refusal.message);
            Refusal::failed(cause)
        };
        let given = config.text("connector.class").trim();
        let named = self.registry.find(class);
        let same = |asked: &Arc<dyn Plugin>| self.registry.find(given).is_ok_and(|plugin| Arc::ptr_eq(&plugin, asked));
        if !given.is_empty() && given != class && !named.as_ref().is_ok_and(same) {
            return Err(Refusal::bad(format!("Included connector type {given} does not match request type {class}")));
        }
        let plugin = self.class_of(config).map_err(inner)?;
        let before = self.known(config.text("name"));
        let mut config = config.clone();
        // Interfaces validate what they were shown before they send it.
        let inherited = self.inherit(&mut config, before.as_ref(), &|_| true);
        let config = &config;
        let mut problems = self.findings(config, &inherited)?;
        without_own_slot(&mut problems, before.and_then(|before| before.config).as_ref(), config);
        let mut definitions = of_connector(plugin.as_ref());
        definitions.extend(of_chain(config));
        let properties = plugin.properties();
        let mut configs: Vec<Validated> = definitions
            .into_iter()
            .map(|definition| Validated { value: value(&definition, config, properties), definition })
            .collect();
        for name in ["name", "connector.class"].into_iter().filter(|name| config.get(name).is_none()) {
            let missing = format!("Missing required configuration \"{name}\" which has no default value.");
            hang(&mut configs, name, missing);
        }
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            let name = about(problem, plugin.as_ref(), &configs);
            let remedy = if problem.remedy.is_empty() { String::new() } else { format!("\nTo do: {}", problem.remedy) };
            hang(&mut configs, &name, format!("{}{remedy}", problem.cause));
        }
        let mut groups: Vec<Cow<'static, str>> = Vec::new();
        for group in configs.iter().filter_map(|config| config.definition.group.as_ref()) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        let error_count = configs.iter().map(|config| config.value.errors.len()).sum();
        Ok(Validation { name: given.to_owned(), error_count, groups, configs, problems })
    }

    /// Errors in the order in which their properties are presented.
    pub(super) fn in_order(plugin: &dyn Plugin, problems: &mut [Problem]) {
        let names: Vec<String> = of_connector(plugin).into_iter().map(|d| d.name).collect();
        let place = |problem: &Problem| {
            let quoted = quoted(&problem.cause).find_map(|name| names.iter().position(|known| known == name));
            quoted.unwrap_or(names.len())
        };
        problems.sort_by_key(place);
    }
}

/// Those of Connect, then the connector's own.
fn of_connector(plugin: &dyn Plugin) -> Vec<Definition> {
    let mut all = framework(plugin);
    all.extend(own(plugin).into_iter().filter(|own| !is_framework(&own.name)));
    all
}

fn framework(plugin: &dyn Plugin) -> Vec<Definition> {
    let mut orders = Orders::default();
    let kind = plugin.kind();
    let of_kind = FRAMEWORK.iter().filter(|framework| framework.only.is_none_or(|only| only == kind));
    let describe = |framework: &super::framework::Framework| {
        let Look { name, kind, importance, group, width, label } = framework.look;
        let help = plugin.properties().iter().find(|property| property.matches(name)).map_or("", |p| p.help);
        Definition {
            name: name.to_owned(),
            kind,
            required: matches!(name, "name" | "connector.class"),
            default_value: framework.default,
            importance,
            documentation: help.to_owned(),
            group: Some(group.into()),
            order_in_group: orders.next(group),
            width,
            display_name: label.to_owned(),
            dependents: Vec::new(),
        }
    };
    of_kind.map(describe).collect()
}

/// The properties that a plugin declares, in the order of their presentation.
fn own(plugin: &dyn Plugin) -> Vec<Definition> {
    let mut orders = Orders::default();
    let looks = plugin.looks();
    let properties = plugin.properties();
    let find = |name: &str| properties.iter().find(|property| property.name == name);
    let known = looks.iter().filter_map(|look| Some((find(look.name)?, Some(look))));
    let others = properties.iter().filter(|property| !looks.iter().any(|look| look.name == property.name));
    let all = known.chain(others.map(|property| (property, None)));
    let plain = all.filter(|(property, _)| !property.name.ends_with('*'));
    plain.map(|(p, look)| definition(p, look, orders.next(look.map_or("Connector", |look| look.group)))).collect()
}

/// An option of a transform, a predicate or a converter.
fn option(property: &Property) -> Definition {
    let importance = if property.required { "HIGH" } else { "MEDIUM" };
    let default_value = property.default;
    Definition {
        default_value,
        importance,
        group: None,
        order_in_group: -1,
        width: "NONE",
        ..definition(property, None, 0)
    }
}

/// The properties of the transforms and predicates that a configuration names, in groups of their own.
fn of_chain(config: &Config) -> Vec<Definition> {
    let mut all = Vec::new();
    for (list, title, about) in [
        ("transforms", "Transforms", &[("type", "CLASS", "HIGH"), TRANSFORM[0], TRANSFORM[1]][..]),
        ("predicates", "Predicates", &[("type", "CLASS", "HIGH")][..]),
    ] {
        for alias in config.list(list) {
            let prefix = format!("{list}.{alias}.");
            let class = config.text(&format!("{prefix}type"));
            let options = match list {
                "predicates" => pipeline::predicate_properties(class),
                _ => transform::classes()
                    .find(|known| known.names.contains(&class))
                    .map_or(&[][..], |known| known.properties),
            };
            let plain = about.iter().map(|(name, kind, importance)| Definition {
                name: (*name).to_owned(),
                kind,
                required: *name == "type",
                default_value: (*name == "negate").then_some("false"),
                importance,
                documentation: String::new(),
                group: None,
                order_in_group: 0,
                width: if *name == "type" { "LONG" } else { "NONE" },
                display_name: (*name).to_owned(),
                dependents: Vec::new(),
            });
            let options = options.iter().filter(|property| !property.name.ends_with('*'));
            let options = options.map(option);
            for (order, one) in (1..).zip(plain.chain(options)) {
                let group = Some(format!("{title}: {alias}").into());
                all.push(Definition { name: prefix.clone() + &one.name, group, order_in_group: order, ..one });
            }
        }
    }
    all
}

fn definition(property: &Property, look: Option<&Look>, order: i32) -> Definition {
    Definition {
        name: property.name.to_owned(),
        kind: look.map_or_else(|| kind_of(property.form), |look| look.kind),
        required: property.required,
        // Nothing is what Connect shows where nothing is meant.
        default_value: property.default.filter(|default| !default.is_empty()),
        importance: look.map_or(if property.required { "HIGH" } else { "MEDIUM" }, |look| look.importance),
        documentation: property.help.to_owned(),
        group: Some(look.map_or("Connector", |look| look.group).into()),
        order_in_group: order,
        width: look.map_or("MEDIUM", |look| look.width),
        display_name: look.map_or(property.name, |look| look.label).to_owned(),
        dependents: Vec::new(),
    }
}

fn kind_of(form: Form) -> &'static str {
    match form {
        Form::Bool => "BOOLEAN",
        Form::Integer(low, high) if low >= i64::from(i32::MIN) && high <= i64::from(i32::MAX) => "INT",
        Form::Integer(..) => "LONG",
        Form::List | Form::Patterns => "LIST",
        Form::Secret => "PASSWORD",
        Form::Text | Form::OneOf(_) => "STRING",
    }
}

/// Counts within groups.
#[derive(Default)]
struct Orders(Vec<(&'static str, i32)>);

impl Orders {
    fn next(&mut self, group: &'static str) -> i32 {
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| *known == group) {
            *count += 1;
            return *count;
        }
        self.0.push((group, 1));
        1
    }
}

fn is_framework(name: &str) -> bool {
    FRAMEWORK.iter().any(|framework| framework.look.name == name)
}

fn value(definition: &Definition, config: &Config, properties: &[Property]) -> Value {
    let property = properties.iter().find(|property| property.name == definition.name);
    let old = || property.and_then(|property| property.old_names.iter().find_map(|old| config.get(old)));
    let given = config.get(&definition.name).or_else(old);
    let value = given.map(|value| match definition.kind {
        "PASSWORD" => mask::MASK.to_owned(),
        _ => mask::shown_value(&definition.name, value, properties),
    });
    let words = match property.map(|property| property.form) {
        _ if definition.kind == "CLASS" => classes(&definition.name),
        Some(Form::OneOf(words)) => words.to_vec(),
        _ => Vec::new(),
    };
    Value {
        name: definition.name.clone(),
        value: value.or_else(|| definition.default_value.map(str::to_owned)),
        recommended_values: words,
        errors: Vec::new(),
        visible: true,
    }
}

/// The classes that the value of a property may be, in order of their names.
fn classes(name: &str) -> Vec<&'static str> {
    let of_kind = |kind: &'static str| pipeline::classes().filter(move |(_, of)| *of == kind).map(|(class, _)| class);
    let mut classes: Vec<&str> = match name {
        "key.converter" | "value.converter" => of_kind("converter").collect(),
        "header.converter" => of_kind("header_converter").collect(),
        _ if name.starts_with("predicates.") => of_kind("predicate").collect(),
        _ if name.starts_with("transforms.") => transform::classes().flat_map(|class| class.names).copied().collect(),
        _ => Vec::new(),
    };
    classes.sort_unstable();
    classes
}

fn hang(configs: &mut [Validated], name: &str, error: String) {
    if let Some(config) = configs.iter_mut().find(|config| config.definition.name == name) {
        config.value.errors.push(error);
    }
}

/// The property that a problem is about: one that it names, else the one that its code stands for, else the connection's or
/// the connector's own.
fn about(problem: &Problem, plugin: &dyn Plugin, configs: &[Validated]) -> String {
    let known = |name: &str| configs.iter().any(|config| config.definition.name == name);
    let today = |name: &str| {
        let renamed = plugin.properties().iter().find(|property| property.old_names.contains(&name));
        renamed.map_or(name, |property| property.name).to_owned()
    };
    // What there is once a group is shown by the names of the groups.
    let shown =
        |name: String| if name.starts_with("topic.creation.") { "topic.creation.groups".to_owned() } else { name };
    let named = |text: &str| quoted(text).map(today).map(shown).find(|name| known(name));
    let of_code = || plugin.property_of(&problem.code).map(str::to_owned);
    let usual = ["database.hostname", "connection.url", "topics", "connector.class"];
    named(&problem.cause)
        .or_else(of_code)
        .or_else(|| named(&problem.remedy))
        .or_else(|| usual.into_iter().find(|name| known(name)).map(str::to_owned))
        .unwrap_or_default()
}

/// The texts beside quotes; what is none of them matches no name.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\'', '"'])
}
