//! Names of files from a template with `{{variables}}`, as Aiven's S3 sink has them.

use object_store::path::Path as ObjectPath;

use super::PartitionId;
use crate::datetime;

/// A template that was understood, and that gives every file a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Topic,
    /// With ten digits where it is padded.
    Partition {
        padded: bool,
    },
    /// With twenty digits where it is padded.
    StartOffset {
        padded: bool,
    },
    Year,
    Month,
    Day,
    Hour,
}

impl Template {
    /// Reads a template; else why it is none. Leading slashes fall, so that no level without a name begins the key.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text.trim().trim_start_matches('/');
        while let Some((before, after)) = rest.split_once("{{") {
            let (variable, after) = after.split_once("}}").ok_or("a {{ has no }}")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.extend(Part::parse(variable)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let has = |wanted: fn(&Part) -> bool| parts.iter().any(wanted);
        if !has(|p| *p == Part::Topic)
            || !has(|p| matches!(p, Part::Partition { .. }))
            || !has(|p| matches!(p, Part::StartOffset { .. }))
        {
            return Err("without {{topic}}, {{partition}} and {{start_offset}} files would overwrite each other".into());
        }
        let template = Template(parts);
        let sample = template.key(&PartitionId { topic: "t".into(), partition: 0 }, 0, 0);
        ObjectPath::parse(&sample).map_err(|error| format!("it gives no name for an object: {error}"))?;
        Ok(template)
    }

    /// The key of a file that was begun at `begun_us`, whose first line comes from the record at `offset`.
    pub(crate) fn key(&self, id: &PartitionId, offset: i64, begun_us: i64) -> String {
        let (year, month, day, hour) = datetime::hour(begun_us);
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Topic => id.topic.clone(),
            Part::Partition { padded: true } => format!("{:010}", id.partition),
            Part::Partition { padded: false } => id.partition.to_string(),
            Part::StartOffset { padded: true } => format!("{offset:020}"),
            Part::StartOffset { padded: false } => offset.to_string(),
            Part::Year => format!("{year:04}"),
            Part::Month => format!("{month:02}"),
            Part::Day => format!("{day:02}"),
            Part::Hour => format!("{hour:02}"),
        };
        self.0.iter().map(part).collect()
    }
}

impl Part {
    /// What stands between the braces: a name, and for some a parameter after a colon. The old names of dates are three
    /// parts and what joins them.
    fn parse(text: &str) -> Result<Vec<Part>, String> {
        let (name, parameter) =
            text.split_once(':').map_or((text.trim(), None), |(name, p)| (name.trim(), Some(p.trim())));
        let padded = || match parameter {
            None | Some("padding=false") => Ok(false),
            Some("padding=true") => Ok(true),
            Some(other) => Err(format!("{{{{{name}}}}} takes padding=true or padding=false, not {other}")),
        };
        let dash = || Part::Text("-".to_owned());
        Ok(match name {
            "topic" => vec![Part::Topic],
            "partition" => vec![Part::Partition { padded: padded()? }],
            "start_offset" => vec![Part::StartOffset { padded: padded()? }],
            "timestamp" => vec![match parameter {
                Some("unit=yyyy") => Part::Year,
                Some("unit=MM") => Part::Month,
                Some("unit=dd") => Part::Day,
                Some("unit=HH") => Part::Hour,
                _ => return Err("{{timestamp}} takes unit=yyyy, unit=MM, unit=dd or unit=HH".into()),
            }],
            "utc_date" => vec![Part::Year, dash(), Part::Month, dash(), Part::Day],
            "key" => return Err("one file for each key ({{key}}) is not supported: every change is kept".into()),
            other => {
                return Err(format!(
                    "there is no variable {{{{{other}}}}}; there are topic, partition, start_offset and timestamp"
                ));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN_US: i64 = 1_795_233_906_123_456;

    fn key(template: &str) -> String {
        let id = PartitionId { topic: "debezium.commerce.products".into(), partition: 3 };
        Template::parse(template).unwrap().key(&id, 42, BEGUN_US)
    }

    #[test]
    fn the_template_of_the_tutorial_gives_its_keys_without_an_empty_first_level() {
        let template = "/{{topic}}/{{timestamp:unit=yyyy}}-{{timestamp:unit=MM}}-{{timestamp:unit=dd}}/{{timestamp:unit=HH}}/{{partition:padding=true}}-{{start_offset:padding=true}}.json";
        assert_eq!(key(template), "debezium.commerce.products/2026-11-21/04/0000000003-00000000000000000042.json");
    }

    #[test]
    fn blanks_plain_numbers_and_the_old_name_of_the_date_are_understood() {
        assert_eq!(
            key("{{ topic }}-{{partition}}-{{ start_offset:padding=false }}.gz"),
            "debezium.commerce.products-3-42.gz"
        );
        assert_eq!(
            key("{{utc_date}}/{{topic}}{{partition}}+{{start_offset}}"),
            "2026-11-21/debezium.commerce.products3+42"
        );
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (template, word) in [
            ("{{topic}}-{{partition}}", "overwrite"),
            ("", "overwrite"),
            ("{{topic}}-{{partition}}-{{start_offset", "no }}"),
            ("{{topic}}-{{partition}}-{{start_offset}}-{{key}}", "one file for each key"),
            ("{{topic}}-{{partition}}-{{start_offset}}-{{offset}}", "{{offset}}"),
            ("{{topic}}-{{partition}}-{{start_offset:padding=yes}}", "padding=yes"),
            ("{{topic}}-{{partition}}-{{start_offset}}-{{timestamp}}", "unit=yyyy"),
            ("{{topic}}//{{partition}}-{{start_offset}}", "no name for an object"),
            ("{{topic}}/../{{partition}}-{{start_offset}}", "no name for an object"),
        ] {
            let why = Template::parse(template).unwrap_err();
            assert!(why.contains(word), "{template}: {why}");
        }
    }
}
