//! Names of files from a template with `{{variables}}`, as Aiven's S3 sink has them.

use object_store::path::Path as ObjectPath;

use super::PartitionId;
use super::layout::Begun;
use super::periods::PeriodRule;
use super::zone::Zone;
use crate::datetime;

/// A template that was understood, and that gives every file a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
    zone: Zone,
    /// Whether the time in names is that of a file's first record; else it is the clock's when the file was begun.
    by_record: bool,
}

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
    /// The day when the file was begun, in UTC whatever the zone is.
    UtcDate,
}

impl Template {
    /// Reads a template; else why it is none. Leading slashes fall, so that no level without a name begins the key.
    pub(crate) fn parse(text: &str, zone: Zone, by_record: bool) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text.trim().trim_start_matches('/');
        while let Some((before, after)) = rest.split_once("{{") {
            let (variable, after) = after.split_once("}}").ok_or("a {{ has no }}")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::parse(variable)?);
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
        let template = Template { parts, zone, by_record };
        let sample = template.key(&PartitionId { topic: "t".into(), partition: 0 }, &Begun::default());
        ObjectPath::parse(&sample).map_err(|error| format!("it gives no name for an object: {error}"))?;
        Ok(template)
    }

    /// What divides records by their time, where names have it: files are then of one hour, or of one day.
    pub(crate) fn rule(&self) -> Option<PeriodRule> {
        const HOUR_MS: i64 = 3_600_000;
        let has = |wanted: &[Part]| self.parts.iter().any(|part| wanted.contains(part));
        let hours = match () {
            () if !self.by_record => return None,
            () if has(&[Part::Hour]) => 1,
            () if has(&[Part::Day, Part::Month, Part::Year]) => 24,
            () => return None,
        };
        Some(PeriodRule { duration_ms: hours * HOUR_MS, by_record: true, zone: self.zone.clone() })
    }

    /// The key of a file.
    pub(crate) fn key(&self, id: &PartitionId, begun: &Begun) -> String {
        let Begun { first_offset: offset, first_ms, begun_us } = *begun;
        let ms = if self.by_record { first_ms } else { begun_us.div_euclid(1000) };
        let (year, month, day, hour) = datetime::hour(self.zone.local_ms(ms).saturating_mul(1000));
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
            Part::UtcDate => {
                let (year, month, day, _) = datetime::hour(begun_us);
                format!("{year:04}-{month:02}-{day:02}")
            }
        };
        self.parts.iter().map(part).collect()
    }
}

impl Part {
    /// What stands between the braces: a name, and for some a parameter after a colon.
    fn parse(text: &str) -> Result<Part, String> {
        let (name, parameter) =
            text.split_once(':').map_or((text.trim(), None), |(name, p)| (name.trim(), Some(p.trim())));
        let padded = || match parameter {
            None | Some("padding=false") => Ok(false),
            Some("padding=true") => Ok(true),
            Some(other) => Err(format!("{{{{{name}}}}} takes padding=true or padding=false, not {other}")),
        };
        Ok(match name {
            "topic" => Part::Topic,
            "partition" => Part::Partition { padded: padded()? },
            "start_offset" => Part::StartOffset { padded: padded()? },
            "timestamp" => match parameter {
                Some("unit=yyyy" | "unit=YYYY") => Part::Year,
                Some("unit=MM") => Part::Month,
                Some("unit=dd") => Part::Day,
                Some("unit=HH") => Part::Hour,
                _ => return Err("{{timestamp}} takes unit=yyyy, unit=MM, unit=dd or unit=HH".into()),
            },
            "utc_date" => Part::UtcDate,
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
        let begun = Begun { first_offset: 42, first_ms: 0, begun_us: BEGUN_US };
        Template::parse(template, Zone::UTC, false).unwrap().key(&id, &begun)
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
    fn the_time_of_names_is_that_of_the_zone_and_of_the_clock_or_the_record() {
        let template = "{{topic}}{{partition}}{{start_offset}}/{{timestamp:unit=YYYY}}-{{timestamp:unit=dd}}T{{timestamp:unit=HH}}/{{utc_date}}";
        let id = PartitionId { topic: "t".into(), partition: 0 };
        let begun = Begun { first_offset: 1, first_ms: 0, begun_us: BEGUN_US + 12 * 3_600_000_000 };
        let of = |by_record| Template::parse(template, Zone::parse("Asia/Seoul").unwrap(), by_record).unwrap();
        assert_eq!(of(false).key(&id, &begun), "t01/2026-22T01/2026-11-21");
        assert_eq!(of(true).key(&id, &begun), "t01/1970-01T09/2026-11-21");
        assert_eq!(of(false).rule(), None);
        assert!(of(true).rule().unwrap().parts_records(0, 3_600_000));
        let days = Template::parse(&template.replace("T{{timestamp:unit=HH}}", ""), Zone::UTC, true).unwrap();
        let rule = days.rule().unwrap();
        assert!(!rule.parts_records(0, 3_600_000) && rule.parts_records(0, 86_400_000));
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
            let why = Template::parse(template, Zone::UTC, false).unwrap_err();
            assert!(why.contains(word), "{template}: {why}");
        }
    }
}
