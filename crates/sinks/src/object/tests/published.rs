//! Configurations that people published, as they posted them (`published.json`; keys are made up): each is taken, or refused
//! by the names of the properties that cannot be as it wants them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tailwater_connector::{Config, Plugin, Problem};

use super::super::{AivenSinkPlugin, ObjectSinkPlugin};
use crate::Surroundings;

#[derive(Deserialize)]
struct Published {
    /// Properties that are refused.
    refused: BTreeSet<String>,
    config: BTreeMap<String, String>,
}

#[test]
fn what_people_post_is_taken_or_refused_by_the_names_of_its_properties() {
    let all: Vec<Published> = serde_json::from_str(include_str!("published.json")).unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "K"), ("AWS_SECRET_ACCESS_KEY", "S")];
    let surroundings = Surroundings::default().with_aws(keys.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let (confluents, aivens) = (ObjectSinkPlugin::new(&surroundings), AivenSinkPlugin::new(&surroundings));
    for Published { refused, config: posted } in &all {
        let config: Config = posted.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let plugin: &dyn Plugin = match posted["connector.class"].contains("aiven") {
            true => &aivens,
            false => &confluents,
        };
        let (Ok((_, found)) | Err(found)) = plugin.configure(&config);
        let named =
            |problem: &Problem| posted.keys().find(|name| problem.cause.contains(&format!("'{name}'"))).cloned();
        let errors: BTreeSet<_> =
            found.iter().filter(|p| p.is_error()).map(|p| named(p).unwrap_or_else(|| format!("{p:?}"))).collect();
        assert_eq!(errors, *refused, "{posted:?}");
        for problem in &found {
            assert!(!problem.remedy.is_empty() && !format!("{problem:?}").contains("HIDDEN"), "{problem:?}");
        }
    }
    assert!(all.len() > 40 && all.iter().filter(|p| p.refused.is_empty()).count() > 28);
}
