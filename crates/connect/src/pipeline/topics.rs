//! How the topics of a source are made: `topic.creation.*` (KIP-158), in the words of Kafka Connect 4.3.

use std::sync::Arc;

use tailwater_connector::config::split_list;
use tailwater_connector::java_regex::{self, Whole};
use tailwater_connector::transport::{NewTopic, TopicRules};
use tailwater_connector::{Config, Kind, Problem};

const PREFIX: &str = "topic.creation.";
pub(super) const GROUPS: &str = "topic.creation.groups";
const DEFAULT: &str = "default";
const INCLUDE: &str = "include";
const EXCLUDE: &str = "exclude";
const PARTITIONS: &str = "partitions";
const REPLICATION: &str = "replication.factor";

/// What topics can be in this process, and whether its worker lets connectors say how they are made.
#[derive(Clone, Copy, Debug)]
pub struct TopicCreation {
    /// The worker's `topic.creation.enable`.
    pub enabled: bool,
    /// Most partitions of a topic.
    pub partitions_max: u32,
    /// Looks at a setting of topics and its value: why it has no effect here, if it has none; what is wrong with it.
    pub check: fn(&str, &str) -> Result<Option<&'static str>, String>,
}

/// As many partitions as anybody wants and any setting: for who has no topics.
impl Default for TopicCreation {
    fn default() -> Self {
        TopicCreation { enabled: true, partitions_max: i32::MAX.unsigned_abs(), check: |_, _| Ok(None) }
    }
}

/// Topics that are made alike.
struct Group {
    include: Whole,
    exclude: Whole,
    topic: NewTopic,
}

impl TopicCreation {
    /// From a connector's properties, `None` where they say nothing that counts. All problems at once; with an error the
    /// rules are not to be used.
    pub(super) fn parse(&self, config: &Config, kind: Kind) -> (Option<TopicRules>, Vec<Problem>) {
        let ours = || config.iter().filter(|(name, _)| name.starts_with(PREFIX));
        if ours().next().is_none() {
            return (None, Vec::new());
        }
        let why = match kind {
            Kind::Sink => Some("a sink makes no topics"),
            Kind::Source if !self.enabled => Some("the worker's 'topic.creation.enable' is false"),
            Kind::Source => None,
        };
        if let Some(why) = why {
            return (None, ours().map(|(name, _)| without_effect(name, why)).collect());
        }
        let mut problems = Vec::new();
        let names = groups(config, &mut problems);
        for (name, _) in ours().filter(|(name, _)| *name != GROUPS) {
            match of_group(&names, name) {
                None if name == "topic.creation.enable" => {
                    problems.push(without_effect(name, "it is a setting of the worker"));
                }
                None => problems.push(without_effect(name, &format!("'{GROUPS}' does not name its group"))),
                Some((DEFAULT, INCLUDE | EXCLUDE)) => {
                    problems.push(without_effect(name, "the default group is for all topics that no other is for"));
                }
                Some(_) => {}
            }
        }
        let mut topic_of = |group: &str, default: Option<&NewTopic>| {
            let partitions = self.partitions(config, group, default, &mut problems);
            replication(config, group, &mut problems);
            let mut topic = NewTopic { partitions, ..NewTopic::default() };
            for (name, value) in ours() {
                let Some((_, setting)) = of_group(&names, name).filter(|(of, _)| *of == group) else { continue };
                if matches!(setting, INCLUDE | EXCLUDE | PARTITIONS | REPLICATION) {
                    continue;
                }
                match (self.check)(setting, value) {
                    Ok(effect) => problems.extend(effect.map(|why| without_effect(name, why))),
                    Err(why) => {
                        let remedy = format!("Correct '{name}', or remove it.");
                        problems.push(Problem::config("PROPERTY_INVALID", format!("'{name}': {why}"), remedy));
                    }
                }
                topic.config.insert(setting.to_owned(), value.to_owned());
            }
            topic
        };
        let default = topic_of(DEFAULT, None);
        let topics: Vec<NewTopic> = names.iter().map(|name| topic_of(name, Some(&default))).collect();
        let mut groups = Vec::new();
        for (name, topic) in names.iter().zip(topics) {
            let include = pattern(config, name, INCLUDE, &mut problems);
            let exclude = pattern(config, name, EXCLUDE, &mut problems);
            if let (Some(include), Some(exclude)) = (include, exclude) {
                groups.push(Group { include, exclude, topic });
            }
        }
        let rules = move |topic: &str| {
            let fits = |group: &&Group| group.include.is_match(topic) && !group.exclude.is_match(topic);
            groups.iter().find(fits).map_or(&default, |group| &group.topic).clone()
        };
        (Some(Arc::new(rules)), problems)
    }

    /// The number of partitions of a group's topics; -1 is as many as the broker makes by itself.
    fn partitions(
        &self,
        config: &Config,
        group: &str,
        default: Option<&NewTopic>,
        problems: &mut Vec<Problem>,
    ) -> Option<u32> {
        let name = format!("{PREFIX}{group}.{PARTITIONS}");
        let remedy = format!("Set '{name}' to a positive number, or to -1 for the broker's default.");
        let invalid = |value: &str, why: &str| {
            let cause = format!("Invalid value {value} for configuration {name}: {why}");
            Problem::config("PROPERTY_INVALID", cause, remedy.clone())
        };
        let Some(value) = config.get(&name).map(str::trim) else {
            return match default {
                Some(default) => default.partitions,
                None => {
                    problems.push(missing(&name, &remedy));
                    None
                }
            };
        };
        match value.parse::<i32>() {
            Ok(-1) => None,
            Ok(count) if count < 1 => {
                problems
                    .push(invalid(value, "Number of partitions must be positive, or -1 to use the broker's default"));
                None
            }
            Ok(count) if count.unsigned_abs() > self.partitions_max => {
                problems.push(invalid(value, &format!("a topic has {} partitions at most", self.partitions_max)));
                None
            }
            Ok(count) => Some(count.unsigned_abs()),
            Err(_) => {
                problems.push(invalid(value, "Not a number of type INT"));
                None
            }
        }
    }
}

/// The group that a property is of, and what it says of it.
fn of_group<'a>(names: &'a [String], property: &'a str) -> Option<(&'a str, &'a str)> {
    let rest = property.strip_prefix(PREFIX)?;
    let groups = names.iter().map(String::as_str).chain([DEFAULT]);
    let fits = groups.filter_map(|group| Some((group, rest.strip_prefix(group)?.strip_prefix('.')?)));
    fits.max_by_key(|(group, _)| group.len())
}

/// The groups besides the default one, in their order.
fn groups(config: &Config, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut names = split_list(config.text(GROUPS));
    let all = names.join(", ");
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    if unique.len() < names.len() {
        problems.push(Problem::config(
            "PROPERTY_INVALID",
            format!("Invalid value [{all}] for configuration {GROUPS}: Duplicate alias provided."),
            format!("Name each group once in '{GROUPS}'."),
        ));
        names = unique;
    }
    names.retain(|name| name != DEFAULT);
    names
}

/// What a group says of copies: there is one of everything here.
fn replication(config: &Config, group: &str, problems: &mut Vec<Problem>) {
    let name = format!("{PREFIX}{group}.{REPLICATION}");
    let remedy = format!("Set '{name}' to 1, or to -1 for the broker's default.");
    let Some(value) = config.get(&name).map(str::trim) else {
        if group == DEFAULT {
            problems.push(missing(&name, &remedy));
        }
        return;
    };
    let invalid = |why: &str| {
        let cause = format!("Invalid value {value} for configuration {name}: {why}");
        Problem::config("PROPERTY_INVALID", cause, remedy.clone())
    };
    match value.parse::<i16>() {
        Ok(-1 | 1) => {}
        Ok(count) if count > 1 => {
            problems.push(Problem { remedy, ..without_effect(&name, "there is one copy of every partition") });
        }
        Ok(_) => problems.push(invalid(
            "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use \
             the broker's default",
        )),
        Err(_) => problems.push(invalid("Not a number of type SHORT")),
    }
}

/// The expressions of a group as one for whole names. One without any fits no name.
fn pattern(config: &Config, group: &str, which: &str, problems: &mut Vec<Problem>) -> Option<Whole> {
    let name = format!("{PREFIX}{group}.{which}");
    let all = split_list(config.text(&name)).join("|");
    if all.is_empty() && which == INCLUDE {
        let why = format!("the group '{group}' is for no topic, as '{name}' is not set");
        let remedy = format!("Set '{name}' to a regular expression for whole names of topics, or remove '{group}'.");
        problems.push(Problem { remedy, ..without_effect(GROUPS, &why) });
    }
    java_regex::whole((&name, &all)).map_err(|problem| problems.push(problem)).ok()
}

fn missing(name: &str, remedy: &str) -> Problem {
    let cause = format!("Missing required configuration \"{name}\" which has no default value.");
    Problem::config("PROPERTY_MISSING", cause, remedy)
}

fn without_effect(name: &str, why: &str) -> Problem {
    Problem::config("PROPERTY_NO_EFFECT", format!("'{name}' has no effect: {why}"), format!("Remove '{name}'."))
        .warning()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(set: &[(&str, &str)], kind: Kind, creation: TopicCreation) -> (Option<TopicRules>, Vec<Problem>) {
        let config = set.iter().map(|(name, value)| (format!("topic.creation.{name}"), (*value).to_owned())).collect();
        creation.parse(&config, kind)
    }

    /// As the process has it: a setting `no.such` is not there, one of copies without effect.
    fn creation() -> TopicCreation {
        let check = |name: &str, value: &str| match name {
            "no.such" => Err(format!("Unknown topic config name: {name}")),
            "min.insync.replicas" => Ok(Some("there is one replica of every partition")),
            _ if value == "never" => Err("never".to_owned()),
            _ => Ok(None),
        };
        TopicCreation { enabled: true, partitions_max: 10_000, check }
    }

    fn said(set: &[(&str, &str)]) -> Vec<String> {
        let (_, problems) = parsed(set, Kind::Source, creation());
        problems.into_iter().map(|problem| problem.cause).collect()
    }

    const ONE: &[(&str, &str)] = &[("default.partitions", "1"), ("default.replication.factor", "1")];

    #[test]
    fn the_first_group_that_a_name_fits_says_how_its_topic_is_made() {
        let (rules, problems) = parsed(
            &[
                ("groups", "a, default ,a.b"),
                ("default.partitions", "2"),
                ("default.replication.factor", "-1"),
                ("default.retention.ms", "123456"),
                ("a.include", r"srv\.public\.(t|nk),srv\.x"),
                ("a.exclude", r"srv\.(?!public\.t$).*k"),
                ("a.partitions", "5"),
                ("a.cleanup.policy", "compact"),
                ("a.b.include", ".*nk"),
                ("a.b.replication.factor", "1"),
            ],
            Kind::Source,
            creation(),
        );
        assert_eq!(problems, []);
        let rules = rules.unwrap();
        let made = |topic: &str| {
            let NewTopic { partitions, config } = rules(topic);
            (partitions, config.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
        };
        assert_eq!(made("srv.public.t"), (Some(5), vec!["cleanup.policy=compact".to_owned()]));
        assert_eq!(made("srv.x"), made("srv.public.t"));
        // A group's settings are not those of the default one, its partitions are where it has none.
        assert_eq!(made("srv.public.nk"), (Some(2), vec![]));
        assert_eq!(made("srv.public.tt"), (Some(2), vec!["retention.ms=123456".to_owned()]));
    }

    #[test]
    fn minus_one_is_the_brokers_number() {
        let (rules, problems) =
            parsed(&[("default.partitions", "-1"), ("default.replication.factor", "1")], Kind::Source, creation());
        assert_eq!((rules.unwrap()("t").partitions, problems), (None, vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_in_connects_words_all_at_once() {
        let missing =
            |name| format!("Missing required configuration \"topic.creation.{name}\" which has no default value.");
        assert_eq!(said(&[("groups", "")]), [missing("default.partitions"), missing("default.replication.factor")]);
        assert_eq!(said(&[("default.partitions", "3")]), [missing("default.replication.factor")]);
        let all = said(&[
            ("groups", "g,g,h"),
            ("default.partitions", "x"),
            ("default.replication.factor", "0"),
            ("g.partitions", "0"),
            ("g.include", "("),
            ("g.no.such", "1"),
            ("h.include", "a"),
            ("h.partitions", "10001"),
            ("h.replication.factor", "many"),
            ("h.retention.ms", "never"),
        ]);
        for expected in [
            "Invalid value [g, g, h] for configuration topic.creation.groups: Duplicate alias provided.",
            "Invalid value x for configuration topic.creation.default.partitions: Not a number of type INT",
            "Invalid value 0 for configuration topic.creation.default.replication.factor: Replication factor must be positive and \
             not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default",
            "Invalid value 0 for configuration topic.creation.g.partitions: Number of partitions must be positive, or -1 to use \
             the broker's default",
            "'topic.creation.g.no.such': Unknown topic config name: no.such",
            "Invalid value 10001 for configuration topic.creation.h.partitions: a topic has 10000 partitions at most",
            "Invalid value many for configuration topic.creation.h.replication.factor: Not a number of type SHORT",
            "'topic.creation.h.retention.ms': never",
        ] {
            assert!(all.iter().any(|cause| cause == expected), "{expected}\n{all:#?}");
        }
        assert!(all.iter().any(|cause| cause.contains("'topic.creation.g.include'")), "{all:?}");
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn what_has_no_effect_is_said_by_name() {
        for (set, why) in [
            (("default.replication.factor", "3"), "there is one copy of every partition"),
            (("default.min.insync.replicas", "2"), "there is one replica of every partition"),
            (("default.include", "a"), "the default group is for all topics that no other is for"),
            (("other.partitions", "1"), "'topic.creation.groups' does not name its group"),
            (("enable", "false"), "it is a setting of the worker"),
            (("groups", "g"), "the group 'g' is for no topic, as 'topic.creation.g.include' is not set"),
        ] {
            let mut all = ONE.to_vec();
            all.retain(|(name, _)| *name != set.0);
            all.push(set);
            assert_eq!(said(&all), [format!("'topic.creation.{}' has no effect: {why}", set.0)]);
        }
        let ignored = |kind, enabled| {
            let (rules, problems) = parsed(ONE, kind, TopicCreation { enabled, ..creation() });
            assert!(rules.is_none() && problems.iter().all(|problem| !problem.is_error()));
            problems.len()
        };
        assert_eq!((ignored(Kind::Sink, true), ignored(Kind::Source, false)), (2, 2));
        assert!(parsed(&[], Kind::Source, creation()).0.is_none(), "without any there are no rules");
    }
}
