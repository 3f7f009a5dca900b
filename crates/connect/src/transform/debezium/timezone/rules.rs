//! `include.list` and `exclude.list`: which fields of which tables or topics.

/// Which struct of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
    Source,
}

/// The entries of a list.
#[derive(Debug)]
pub(super) struct Rules {
    entries: Vec<Entry>,
    included: bool,
}

#[derive(Debug)]
struct Entry {
    names: Names,
    name: String,
    field: Option<String>,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Names {
    Topic,
    Table,
    /// A topic, else a table.
    Either,
}

/// What is converted of a table's rows.
#[derive(Debug, PartialEq)]
pub(super) enum Choice<'a> {
    /// All fields of rows.
    All,
    Only(Vec<&'a str>),
    But(Vec<&'a str>),
}

impl Rules {
    /// With the entries that cannot be.
    pub(super) fn new(list: &[String], included: bool) -> (Rules, Vec<String>) {
        let (mut entries, mut wrong) = (Vec::new(), Vec::new());
        // A prefix holds for bare names that follow: source:a,b
        let mut prefix = Names::Either;
        for entry in list {
            let parts: Vec<&str> = entry.split(':').map(str::trim).collect();
            let kind = match parts.first().map(|first| first.to_ascii_lowercase()).as_deref() {
                Some("source") => Some(Names::Table),
                Some("topic") => Some(Names::Topic),
                _ => None,
            };
            prefix = kind.unwrap_or(prefix);
            let parsed = match (kind, parts.as_slice()) {
                (Some(_), [_, name]) | (None, [name]) => Some((*name, None)),
                (Some(_), [_, name, field]) | (None, [name, field]) => Some((*name, Some((*field).to_owned()))),
                _ => None,
            };
            // A bare name says what it is of only by what stands before it.
            let bare = parts.len() == 1 && prefix == Names::Either;
            match parsed.filter(|(name, field)| !bare && !name.is_empty() && field.as_deref() != Some("")) {
                Some((name, field)) => entries.push(Entry { names: prefix, name: name.to_owned(), field }),
                None => wrong.push(entry.clone()),
            }
        }
        (Rules { entries, included }, wrong)
    }

    /// What is converted for a topic and a table; `None` when nothing is.
    pub(super) fn choice(&self, topic: &str, table: Option<&str>) -> Option<Choice<'_>> {
        if self.entries.is_empty() {
            return Some(Choice::All);
        }
        let of = |names: Names, name: Option<&str>| -> Vec<&Entry> {
            self.entries.iter().filter(|entry| entry.names == names && Some(entry.name.as_str()) == name).collect()
        };
        let found =
            [(Names::Topic, Some(topic)), (Names::Table, table), (Names::Either, Some(topic)), (Names::Either, table)];
        let found = found.into_iter().map(|(names, name)| of(names, name)).find(|entries| !entries.is_empty());
        let Some(found) = found else { return (!self.included).then_some(Choice::All) };
        let fields: Vec<&str> = found.iter().filter_map(|entry| entry.field.as_deref()).collect();
        match (self.included, fields.is_empty()) {
            (true, true) => Some(Choice::All),
            (true, false) => Some(Choice::Only(fields)),
            (false, true) => None,
            (false, false) => Some(Choice::But(fields)),
        }
    }
}

impl Choice<'_> {
    /// Whether a field of a struct is converted. Those of `source` are only when the list names one of them.
    pub(super) fn takes(&self, side: Side, field: &str) -> bool {
        let of_side = |entry: &&str| -> bool {
            let (struct_name, named) = entry.split_once('.').unwrap_or(("", entry));
            match (struct_name, side) {
                ("source", Side::Source) | ("before", Side::Before) | ("after", Side::After) => named == field,
                ("source" | "before" | "after", _) | (_, Side::Source) => false,
                _ => **entry == *field,
            }
        };
        let names_source =
            |fields: &[&str]| side != Side::Source || fields.iter().any(|field| field.starts_with("source."));
        match self {
            Choice::All => side != Side::Source,
            Choice::Only(fields) => fields.iter().any(of_side),
            Choice::But(fields) => names_source(fields) && !fields.iter().any(of_side),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &str, included: bool) -> Rules {
        let list: Vec<String> = list.split(',').map(str::to_owned).collect();
        let (rules, wrong) = Rules::new(&list, included);
        assert_eq!(wrong, [""; 0]);
        rules
    }

    #[test]
    fn a_topic_is_looked_for_before_a_table() {
        let rules = rules("topic:srv.t:a,source:t,u,x:b", true);
        assert_eq!(rules.choice("srv.t", Some("t")), Some(Choice::Only(vec!["a"])));
        assert_eq!(rules.choice("o", Some("t")), Some(Choice::All));
        assert_eq!(rules.choice("o", Some("u")), Some(Choice::All));
        assert_eq!(rules.choice("x", Some("y")), None);
        assert_eq!(rules.choice("y", Some("x")), Some(Choice::Only(vec!["b"])));
    }

    #[test]
    fn what_is_excluded_stays_and_the_rest_is_converted() {
        let rules = rules("t:a,source:u", false);
        assert_eq!(rules.choice("o", Some("u")), None);
        assert_eq!(rules.choice("o", Some("v")), Some(Choice::All));
        let choice = rules.choice("o", Some("t")).unwrap();
        assert!(
            !choice.takes(Side::After, "a") && choice.takes(Side::Before, "b") && !choice.takes(Side::Source, "ts_ms")
        );
    }

    #[test]
    fn a_field_may_name_its_struct() {
        let choice = Choice::Only(vec!["after.a", "source.ts_ms"]);
        assert!(choice.takes(Side::After, "a") && !choice.takes(Side::Before, "a"));
        assert!(choice.takes(Side::Source, "ts_ms") && !choice.takes(Side::Source, "ts_us"));
        assert!(Choice::But(vec!["source.ts_ms"]).takes(Side::Source, "ts_us"));
    }

    #[test]
    fn entries_without_a_name_are_wrong() {
        let list = ["t", "a:b:c:d", "source:", "t:"].map(str::to_owned);
        assert_eq!(Rules::new(&list, true).1, list);
    }
}
