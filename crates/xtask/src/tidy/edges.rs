//! Which crate may see which: the table of ARCHITECTURE.md, in full. Any other edge is a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::Outcome;

/// Crates of the product and what each of them may use; the binary may use all of them, the bench speaks the protocol.
const EDGES: [(&str, &[&str]); 10] = [
    ("tailwater-event", &[]),
    ("tailwater-wire", &[]),
    ("tailwater-connector", &["tailwater-event"]),
    ("tailwater-journal", &["tailwater-wire"]),
    ("tailwater-postgres", &["tailwater-connector", "tailwater-event"]),
    ("tailwater-sinks", &["tailwater-connector", "tailwater-event"]),
    ("tailwater-connect", &["tailwater-connector", "tailwater-event"]),
    ("tailwater-kafka", &["tailwater-connector", "tailwater-event", "tailwater-journal", "tailwater-wire"]),
    ("tailwater", &[]),
    ("xtask", &["tailwater-wire"]),
];
const BINARY: &str = "tailwater";
/// Crates for development, never linked into the product.
const DEVELOPMENT: [&str; 2] = ["tailwater-testkit", "xtask"];

/// A crate of the workspace: for each crate of the workspace it depends on, whether only its tests do.
pub type Graph = BTreeMap<String, Vec<(String, bool)>>;

/// The graph as cargo sees it.
pub fn read(root: &Path) -> Outcome<Graph> {
    let metadata = MetadataCommand::new().no_deps().current_dir(root).exec()?;
    let members: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let edges = metadata.packages.iter().map(|package| {
        let inside = package.dependencies.iter().filter(|dependency| members.contains(&dependency.name));
        let inside = inside.map(|edge| (edge.name.clone(), edge.kind == DependencyKind::Development));
        (package.name.to_string(), inside.collect())
    });
    Ok(edges.collect())
}

/// Edges that the table does not have, and crates that it does not know.
pub fn check(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, dependencies) in graph {
        let known = EDGES.iter().find(|(known, _)| known == name);
        let development = DEVELOPMENT.contains(&name.as_str());
        if known.is_none() && !development {
            findings.push(format!("{name}: is not in the table of crates (xtask, tidy/edges.rs, and ARCHITECTURE.md)"));
        }
        for (other, only_tests) in dependencies {
            let tool = DEVELOPMENT.contains(&other.as_str());
            let listed = known.is_some_and(|(_, edges)| edges.contains(&other.as_str()));
            let allowed = if tool { *only_tests || development } else { listed || name == BINARY };
            if !allowed {
                findings.push(format!("{name}: must not depend on {other}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(name: &str, other: &str, only_tests: bool) -> Graph {
        Graph::from([(name.to_owned(), vec![(other.to_owned(), only_tests)])])
    }

    #[test]
    fn an_edge_outside_the_table_is_found() {
        assert_eq!(check(&graph("tailwater-journal", "tailwater-event", false)).len(), 1);
        assert_eq!(check(&graph("tailwater-sinks", "tailwater-postgres", true)).len(), 1);
        assert_eq!(check(&graph("tailwater-new", "tailwater-event", false)).len(), 2);
        assert!(check(&graph("tailwater-journal", "tailwater-wire", false)).is_empty());
        assert!(check(&graph("tailwater", "tailwater-sinks", false)).is_empty());
    }

    #[test]
    fn tools_for_tests_are_never_linked() {
        assert!(check(&graph("xtask", "tailwater-testkit", false)).is_empty());
        assert_eq!(check(&graph("xtask", "tailwater-event", false)).len(), 1);
        assert!(check(&graph("tailwater-postgres", "tailwater-testkit", true)).is_empty());
        assert_eq!(check(&graph("tailwater", "tailwater-testkit", false)).len(), 1);
    }
}
