//! `[kafka-broker]` of `tailwater.toml`: settings of the Kafka listener under the names that a broker has for them.
//!
//! Each is honoured, or refused with where it is said here instead.

use tailwater_connector::Problem;
use tailwater_connector::property::nearest;
use tailwater_journal::limits::PARTITIONS_MAX;
use tailwater_kafka::limits::{CONNECTIONS, GROUP_MEMBERS_MAX};
use tailwater_kafka::server as kafka;

/// What a setting does.
#[derive(Clone, Copy)]
enum Sets {
    Bool(fn(&mut kafka::Settings, bool)),
    /// A number from the first to the second.
    Number(u64, u64, fn(&mut kafka::Settings, u64)),
}

/// Kafka's greatest number of its type INT.
const INT: u64 = i32::MAX as u64;

const SETTINGS: [(&str, Sets); 8] = [
    ("auto.create.topics.enable", Sets::Bool(|all, value| all.auto_create_topics = value)),
    ("group.initial.rebalance.delay.ms", Sets::Number(0, INT, |all, ms| all.groups.initial_rebalance_delay = ms)),
    ("group.max.session.timeout.ms", Sets::Number(1, INT, |all, ms| all.groups.session_timeout_max = ms)),
    (
        "group.max.size",
        Sets::Number(1, GROUP_MEMBERS_MAX as u64, |all, members| all.groups.members_max = members as usize),
    ),
    ("group.min.session.timeout.ms", Sets::Number(1, INT, |all, ms| all.groups.session_timeout_min = ms)),
    ("max.connections", Sets::Number(1, CONNECTIONS as u64, |all, most| all.connections = most as usize)),
    ("num.partitions", Sets::Number(1, PARTITIONS_MAX as u64, |all, count| all.partitions = count as u32)),
    ("offsets.retention.minutes", Sets::Number(1, INT, |all, minutes| all.groups.offsets_retention = minutes * 60_000)),
];

/// What is said elsewhere: how the names of a broker begin, and where.
const ELSEWHERE: [(&str, &str); 8] = [
    ("advertised.", "Use kafka-advertised = \"HOST:PORT\"."),
    ("listener", "Use kafka = \"HOST:PORT\"."),
    ("log.dir", "Use data-dir = \"DIR\"."),
    ("log.", "Set it topic by topic: kafka-configs.sh --alter --entity-type topics --entity-name TOPIC --add-config …"),
    ("message.max.bytes", "Set max.message.bytes topic by topic: kafka-configs.sh --alter --entity-type topics …"),
    ("compression.type", "Set it topic by topic: kafka-configs.sh --alter --entity-type topics --entity-name TOPIC …"),
    ("ssl.", "Use kafka-tls-certificate, kafka-tls-key and kafka-tls-client-ca."),
    ("sasl.", "Use kafka-authentication = true, and tailwater users."),
];

/// Keys of `tailwater.toml` that say the same as a setting.
const SAME: [(&str, &str); 2] =
    [("num.partitions", "kafka-partitions"), ("auto.create.topics.enable", "kafka-auto-create-topics")];

/// Settles the table into settings; what is wrong goes to the problems. `keys`: those of [`SAME`] that the file has.
pub fn settle(table: &toml::Table, keys: &[&str], settings: &mut kafka::Settings, problems: &mut Vec<Problem>) {
    let mut all = Vec::new();
    flatten("", table, &mut all);
    for (name, value) in &all {
        if let Some((_, key)) = SAME.iter().find(|(same, key)| same == name && keys.contains(key)) {
            problems.push(Problem::config(
                "SETTING_TWICE",
                format!("{name} and {key} say the same, and both are there"),
                format!("Take one of them out of tailwater.toml, such as {key}."),
            ));
        } else if let Err(problem) = set(name, value, settings) {
            problems.push(problem);
        }
    }
    let (least, most) = (settings.groups.session_timeout_min, settings.groups.session_timeout_max);
    if least > most {
        problems.push(Problem::config(
            "SETTING_INVALID",
            format!("group.min.session.timeout.ms is {least}, and group.max.session.timeout.ms is {most}"),
            "Let the first be no more than the second.",
        ));
    }
}

fn set(name: &str, value: &toml::Value, settings: &mut kafka::Settings) -> Result<(), Problem> {
    let invalid = |wanted: String| {
        Err(Problem::config("SETTING_INVALID", format!("[kafka-broker] {name} cannot be {}", shown(value)), wanted))
    };
    let Some((_, sets)) = SETTINGS.iter().find(|(known, _)| *known == name) else {
        return Err(refused(name));
    };
    match *sets {
        Sets::Bool(set) => match value.as_bool() {
            Some(value) => set(settings, value),
            None => return invalid("Use true or false.".to_owned()),
        },
        Sets::Number(least, most, set) => {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            match number.filter(|number| (least..=most).contains(number)) {
                Some(number) => set(settings, number),
                None => return invalid(format!("Use a number from {least} to {most}.")),
            }
        }
    }
    Ok(())
}

fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::String(text) => format!("'{text}'"),
        other => format!("a {}", other.type_str()),
    }
}

fn refused(name: &str) -> Problem {
    if let Some((_, remedy)) = ELSEWHERE.iter().find(|(start, _)| name.starts_with(start)) {
        return Problem::config("SETTING_ELSEWHERE", format!("[kafka-broker] {name} is said elsewhere here"), *remedy);
    }
    let names = || SETTINGS.iter().map(|(name, _)| *name);
    let remedy = match nearest(name, names()) {
        Some(near) => format!("Did you mean {near}?"),
        None => format!("The settings are: {}.", names().collect::<Vec<_>>().join(", ")),
    };
    Problem::config("SETTING_UNKNOWN", format!("[kafka-broker] {name} cannot be set here"), remedy)
}

/// Names with dots are tables within tables to TOML, unless they are quoted; both are the same here.
/// The values of a table by their names with dots.
pub fn flatten(before: &str, table: &toml::Table, into: &mut Vec<(String, toml::Value)>) {
    for (key, value) in table {
        let name = if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, into),
            value => into.push((name, value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str, keys: &[&str]) -> (kafka::Settings, Vec<String>) {
        let (mut settings, mut problems) = (kafka::Settings::default(), Vec::new());
        settle(&text.parse().unwrap(), keys, &mut settings, &mut problems);
        (
            settings,
            problems
                .into_iter()
                .map(|problem| format!("{} {} {}", problem.code, problem.cause, problem.remedy))
                .collect(),
        )
    }

    #[test]
    fn settings_have_a_brokers_names_quoted_or_not() {
        let (settings, problems) = settled(
            "group.initial.rebalance.delay.ms = 3000\n\"group.min.session.timeout.ms\" = 1000\ngroup.max.session.timeout.ms = 60000\n\
             group.max.size = 10\noffsets.retention.minutes = 5\nauto.create.topics.enable = false\nnum.partitions = 3\nmax.connections = 9",
            &[],
        );
        assert_eq!(problems, Vec::<String>::new());
        let groups = settings.groups;
        assert_eq!(
            (groups.initial_rebalance_delay, groups.session_timeout_min, groups.session_timeout_max),
            (3000, 1000, 60_000)
        );
        assert_eq!((groups.members_max, groups.offsets_retention), (10, 300_000));
        assert_eq!((settings.auto_create_topics, settings.partitions, settings.connections), (false, 3, 9));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_and_by_name() {
        let (_, problems) = settled(
            "num.partitions = 0\nauto.create.topics.enable = \"yes\"\ngroup.max.size = 1000000\ngroup.min.session.timeout.ms = 2000000\n\
             group.max.sise = 1\nlog.retention.ms = 1\nlisteners = \"x\"\nbroker.rack = \"a\"\noffsets.retention.minutes = 1.5",
            &[],
        );
        let has = |code: &str, words: &str| problems.iter().any(|one| one.starts_with(code) && one.contains(words));
        assert_eq!(problems.len(), 9, "{problems:#?}");
        assert!(has("SETTING_INVALID", "num.partitions") && has("SETTING_INVALID", "true or false"));
        assert!(has("SETTING_INVALID", "from 1 to 2000") && has("SETTING_INVALID", "offsets.retention.minutes"));
        assert!(has("SETTING_INVALID", "group.max.session.timeout.ms is 1800000"));
        assert!(has("SETTING_UNKNOWN", "Did you mean group.max.size?") && has("SETTING_UNKNOWN", "broker.rack"));
        assert!(has("SETTING_ELSEWHERE", "log.retention.ms") && has("SETTING_ELSEWHERE", "Use kafka = "));
        let (_, problems) = settled("num.partitions = 2", &["kafka-partitions"]);
        assert!(problems[0].starts_with("SETTING_TWICE"), "{problems:?}");
    }
}
