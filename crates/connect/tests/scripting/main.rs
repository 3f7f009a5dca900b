//! `Filter` and `ContentBasedRouter` against Debezium's own with Groovy and GraalJS: `vectors.jsonl`, recorded over `cases.py`.
//!
//! An expression gives the same answer for every record, or is refused before anything runs; what differs is listed, with why.

// A broken promise of a helper is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/recorded.rs"]
mod recorded;

use recorded::record;
use serde_json::{Value as Json, json};
use tailwater_connect::transform::{STRICT, Transform, classes};
use tailwater_connector::Config;
use tailwater_event::connect::ConnectRecord;

const VECTORS: &str = include_str!("vectors.jsonl");

/// A part of an expression (or of its configuration), and why our answer is another one.
type Wanted = (&'static str, &'static str);

/// We answer where Debezium fails.
const ANSWERED: &[Wanted] = &[
    (" =~ ", "whether it is found is a boolean by itself"),
    ("headers", "Debezium's guide says headers where the variable is called header"),
    ("value.source.schema\"", "the field, not the Java object's schema, which is no text"),
    ("?.n ?:", "a null stays null where the column has a default, which is no text"),
];

/// We fail, with the reason, where Debezium answers.
const FAILED: &[Wanted] = &[
    ("value.class.name", "there are no Java objects"),
    ("value.schema == null", "the field is asked for"),
    ("'a' * 3", "a text is not repeated"),
    ("[1, 2] + [3]", "lists are not added"),
    ("[1, 2] - [2]", "lists are not subtracted"),
    ("tags + 'x'", "lists are not added"),
    ("(value.after?.raw)", "bytes have no text"),
    ("(valueSchema)", "a schema has no text"),
    ("value.after?.big * value.after?.big", "a number beyond 38 digits"),
    ("(value.after?.tags)", "a list has no text in JavaScript"),
    ("[1, 2]", "lists are objects in JavaScript"),
    ("value.after?.price", "a decimal is an object in JavaScript: it is compared, no more"),
    ("value.before", "a row is an object in JavaScript: its fields are looked at"),
    ("value.after > 1", "the same"),
    ("value.after == 'x'", "the same"),
    ("'0x7'", "numbers in texts are decimal"),
    ("valueSchema.type() ==", "a type has its text by toString()"),
];

/// By default the answer is the right one; strict compatibility gives Debezium's.
const RIGHT: &[Wanted] = &[
    ("?.n", "a null stays null where the column has a default"),
    ("schema", "the field, not the Java object's schema"),
];

#[test]
fn an_expression_gives_debeziums_answer_or_is_refused() {
    let (records, vectors) = vectors();
    assert!(records.len() >= 10 && vectors.len() > 1000, "{} {}", records.len(), vectors.len());
    let typed: Vec<_> = records.iter().map(record).collect();
    let lists = [ANSWERED, FAILED, RIGHT];
    let mut used = lists.map(|list| vec![false; list.len()]);
    let (mut wrong, mut refused, mut compared) = (Vec::new(), 0, 0);
    for (vector, strict) in vectors.iter().flat_map(|vector| [(vector, false), (vector, true)]) {
        let config = vector["config"].to_string();
        let Some(mut transform) = configured(vector, strict) else {
            refused += 1;
            continue;
        };
        if vector["answers"] == "refused" {
            wrong.push(format!("{config}\n  theirs refused\n"));
            continue;
        }
        for ((record, typed), theirs) in records.iter().zip(&typed).zip(vector["answers"].as_array().unwrap()) {
            compared += 1;
            let ours = answer(transform.as_mut(), vector, typed.clone());
            if ours == *theirs {
                continue;
            }
            let list = if theirs.is_null() {
                0
            } else if ours.is_null() {
                1
            } else {
                2
            };
            match lists[list].iter().position(|(part, _)| config.contains(part)).filter(|_| !(strict && list == 2)) {
                Some(at) => used[list][at] = true,
                None => {
                    let op = record["value"]["payload"]["op"].to_string();
                    let topic = &record["topic"];
                    wrong.push(format!("{config} {topic} {op} {strict}\n  theirs {theirs}\n  ours   {ours}\n"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
    for (list, used) in lists.iter().zip(used) {
        let unused: Vec<_> = list.iter().zip(used).filter(|(_, used)| !used).collect();
        assert!(unused.is_empty(), "wanted, but no case shows it: {unused:?}");
    }
    assert!(compared > 15_000 && refused < 500, "{compared} {refused}");
}

/// The records, and each expression with an answer for each of them.
fn vectors() -> (Vec<Json>, Vec<Json>) {
    let lines = VECTORS.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines.partition(|line| line.get("topic").is_some())
}

fn configured(vector: &Json, strict: bool) -> Option<Box<dyn Transform>> {
    let name = format!("io.debezium.transforms.{}", vector["class"].as_str().unwrap());
    let class = classes().find(|class| class.names.contains(&name.as_str())).unwrap();
    let options = vector["config"].as_object().unwrap().iter();
    let mode = strict.then(|| (STRICT.to_owned(), "strict".to_owned()));
    let options = options.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let config: Config = options.chain(mode).collect();
    (class.configure)(&name, &config).ok().map(|(transform, _)| transform)
}

/// Of a filter whether the record goes on, of a router its topic; null for an error.
fn answer(transform: &mut dyn Transform, vector: &Json, record: ConnectRecord) -> Json {
    match transform.apply(record) {
        Ok(after) if vector["class"] == "Filter" => after.is_some().into(),
        Ok(after) => after.map_or(json!("dropped"), |after| (*after.topic).into()),
        Err(problem) => {
            assert!(problem.code == "EXPRESSION_FAILED" && !problem.remedy.is_empty(), "{problem:?}");
            Json::Null
        }
    }
}
