//! `${env:NAME}` in values, as Kafka's `EnvVarConfigProvider` resolves it (KIP-887).
//!
//! Values only, after parsing, and once: what a placeholder stands for is never read as syntax again. Other
//! providers are refused by name; `${x}` without a provider is plain text, as in Connect.

use tailwater_connector::{Config, Problem};

/// Looks an environment variable up. Only the binary crate may pass one that looks at the real environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The configuration with every placeholder replaced.
pub(crate) fn resolve(config: &Config, environment: &Environment<'_>) -> Result<Config, Problem> {
    config
        .iter()
        .map(|(name, value)| Ok((name.to_owned(), resolve_value(name, value, environment)?)))
        .collect::<Result<Config, Problem>>()
}

/// One property's value with every placeholder replaced.
///
/// # Errors
/// `PLACEHOLDER_UNSUPPORTED`, `PLACEHOLDER_UNRESOLVED`: they name the property and the variable, never a value.
pub fn resolve_value(property: &str, value: &str, environment: &Environment<'_>) -> Result<String, Problem> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((provider, key, tail)) = reference(after) else {
            out.push_str("${");
            rest = after;
            continue;
        };
        if provider != "env" {
            return Err(Problem::config(
                "PLACEHOLDER_UNSUPPORTED",
                format!("'{property}' uses ${{{provider}:{key}}}, and only ${{env:NAME}} is supported"),
                format!("Put the value into an environment variable and write ${{env:NAME}} for '{property}'."),
            ));
        }
        match environment(key).filter(|text| !text.is_empty()) {
            Some(text) => out.push_str(&text),
            None => {
                return Err(Problem::config(
                    "PLACEHOLDER_UNRESOLVED",
                    format!("'{property}' uses ${{env:{key}}}, and that variable is not set or empty"),
                    format!("export {key}=…"),
                ));
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether a value is one placeholder and nothing else.
pub(crate) fn is_reference(value: &str) -> bool {
    value.strip_prefix("${").and_then(reference).is_some_and(|(_, _, tail)| tail.is_empty())
}

/// Splits `provider:key}tail`; `None` for what is no reference.
fn reference(text: &str) -> Option<(&str, &str, &str)> {
    let (inside, tail) = text.split_once('}')?;
    let (provider, key) = inside.split_once(':')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    provider.chars().all(is_word).then_some((provider, key, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: &str) -> Result<String, String> {
        let environment = |name: &str| match name {
            "PW" => Some("s3cret".to_owned()),
            "TWICE" => Some("${env:PW}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        resolve_value("p", value, &environment).map_err(|p| p.code)
    }

    #[test]
    fn variables_are_replaced_once_and_nothing_else_is_touched() {
        for (value, expected) in [
            ("plain", "plain"),
            ("${env:PW}", "s3cret"),
            ("a${env:PW}b${env:PW}", "as3cretbs3cret"),
            ("${env:TWICE}", "${env:PW}"),
            ("$1 ${routedByValue} ${", "$1 ${routedByValue} ${"),
            ("${x ${env:PW}", "${x s3cret"),
        ] {
            assert_eq!(resolved(value).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_resolved_is_refused_by_name_and_never_left_in_place() {
        assert_eq!(resolved("${file:/run/secret:key}"), Err("PLACEHOLDER_UNSUPPORTED".into()));
        assert_eq!(resolved("${env:NO}"), Err("PLACEHOLDER_UNRESOLVED".into()));
        assert_eq!(resolved("${env:EMPTY}"), Err("PLACEHOLDER_UNRESOLVED".into()));
    }
}
