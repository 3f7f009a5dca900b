//! What must hold of what clients wrote and read: Jepsen's rules for Kafka (lost writes, duplicates, aborted reads, torn
//! transactions, what nobody wrote, order), decided from the outcomes that the writers were told.

use std::collections::{BTreeMap, HashMap};

use crate::writers::{Attempt, Outcome};

/// Values of each partition with their offsets, in order.
pub type View = BTreeMap<i32, Vec<(i64, String)>>;

/// What is wrong, a line each.
pub fn violations(attempts: &[Attempt], uncommitted: &View, committed: &View) -> Vec<String> {
    let mut found = Vec::new();
    repeated(uncommitted, "read_uncommitted", &mut found);
    repeated(committed, "read_committed", &mut found);
    let written: HashMap<&str, &Attempt> =
        attempts.iter().flat_map(|attempt| attempt.values.iter().map(move |value| (value.as_str(), attempt))).collect();
    for (partition, values) in uncommitted {
        for (offset, value) in values {
            match written.get(value.as_str()) {
                Some(attempt) if attempt.partition == *partition => {}
                _ => found.push(format!("nobody wrote {value} to {partition}, and it is at {offset}")),
            }
        }
        disordered(*partition, values, &mut found);
    }
    let at: HashMap<(i32, &str), i64> = places(uncommitted);
    let visible: HashMap<(i32, &str), i64> = places(committed);
    for attempt in attempts {
        let seen = |value: &String| visible.contains_key(&(attempt.partition, value.as_str()));
        let count = attempt.values.iter().filter(|value| seen(value)).count();
        let name = attempt.values.first().map_or("", String::as_str);
        match attempt.outcome {
            Outcome::Done(base) => {
                if count < attempt.values.len() {
                    found.push(format!("lost: {count} of {} of {name} are there", attempt.values.len()));
                }
                let first = at.get(&(attempt.partition, name));
                if base.is_some() && first != base.as_ref() {
                    found.push(format!("moved: {name} was acknowledged at {base:?}, and is at {first:?}"));
                }
            }
            Outcome::Aborted if count > 0 => found.push(format!("aborted read: {name}")),
            Outcome::Unknown if count != 0 && count != attempt.values.len() => {
                found.push(format!("torn: {count} of {} of {name} are there", attempt.values.len()));
            }
            _ => {}
        }
    }
    torn(attempts, &visible, &mut found);
    found
}

fn places(view: &View) -> HashMap<(i32, &str), i64> {
    view.iter()
        .flat_map(|(partition, values)| values.iter().map(|(offset, value)| ((*partition, value.as_str()), *offset)))
        .collect()
}

/// Values that are there more than once.
fn repeated(view: &View, what: &str, found: &mut Vec<String>) {
    let mut times: HashMap<&str, u32> = HashMap::new();
    for (_, value) in view.values().flatten() {
        *times.entry(value).or_default() += 1;
    }
    found.extend(times.iter().filter(|(_, times)| **times > 1).map(|(value, n)| format!("{what}: {value} {n} times")));
}

/// Records of one writer must be in the order in which it wrote them.
fn disordered(partition: i32, values: &[(i64, String)], found: &mut Vec<String>) {
    let mut last: HashMap<&str, u64> = HashMap::new();
    for (offset, value) in values {
        let mut parts = value.split(':');
        let (Some(name), Some(Ok(number))) = (parts.next(), parts.next().map(str::parse)) else { continue };
        if last.insert(name, number).is_some_and(|before| before > number) {
            found.push(format!("order: {value} at {offset} of {partition} follows a later one"));
        }
    }
}

/// A transaction is visible in all its partitions or in none.
fn torn(attempts: &[Attempt], visible: &HashMap<(i32, &str), i64>, found: &mut Vec<String>) {
    let mut transactions: BTreeMap<&(String, u64), Vec<bool>> = BTreeMap::new();
    for attempt in attempts {
        if let (Some(transaction), Some(value)) = (&attempt.transaction, attempt.values.first()) {
            let there = visible.contains_key(&(attempt.partition, value.as_str()));
            transactions.entry(transaction).or_default().push(there);
        }
    }
    for ((name, number), there) in transactions {
        if there.iter().any(|one| *one != there[0]) {
            found.push(format!("torn: transaction {number} of {name} is visible in part"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(values: &[&str], outcome: Outcome) -> Attempt {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Attempt { partition: 0, values, outcome, transaction: None }
    }

    fn view(values: &[&str]) -> View {
        View::from([(0, (0..).zip(values.iter().map(|&value| value.to_owned())).collect())])
    }

    fn judged(attempts: &[Attempt], values: &[&str]) -> String {
        violations(attempts, &view(values), &view(values)).join("; ")
    }

    #[test]
    fn what_is_as_it_was_acknowledged_is_well() {
        let attempts = [attempt(&["a:0", "a:1"], Outcome::Done(Some(0))), attempt(&["a:2"], Outcome::Unknown)];
        assert_eq!(judged(&attempts, &["a:0", "a:1"]), "");
        assert_eq!(judged(&attempts, &["a:0", "a:1", "a:2"]), "");
    }

    #[test]
    fn each_rule_is_found_broken() {
        let done = |values: &[&str]| attempt(values, Outcome::Done(Some(0)));
        assert!(judged(&[done(&["a:0", "a:1"])], &["a:0"]).contains("lost: 1 of 2"));
        assert!(judged(&[done(&["a:0"])], &["a:0", "a:0"]).contains("a:0 2 times"));
        assert!(judged(&[done(&["a:0"])], &["a:0", "z:9"]).contains("nobody wrote z:9"));
        assert!(judged(&[done(&["a:1"]), attempt(&["a:0"], Outcome::Unknown)], &["a:1", "a:0"]).contains("order"));
        assert!(judged(&[attempt(&["a:1"], Outcome::Done(Some(7)))], &["a:1"]).contains("moved"));
        assert!(judged(&[attempt(&["a:1"], Outcome::Aborted)], &["a:1"]).contains("aborted read"));
        assert!(judged(&[attempt(&["a:0", "a:1"], Outcome::Unknown)], &["a:0"]).contains("torn: 1 of 2"));
    }

    #[test]
    fn half_a_transaction_is_found() {
        let half = |partition, value: &str| Attempt {
            partition,
            transaction: Some(("t".to_owned(), 1)),
            ..attempt(&[value], Outcome::Unknown)
        };
        assert!(judged(&[half(0, "t:0"), half(1, "t:1")], &["t:0"]).contains("visible in part"));
    }
}
