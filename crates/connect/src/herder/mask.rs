//! Secrets are never shown: what stands in their place, and how it is recognised when it comes back.
//!
//! A property is secret when its plugin declares it so, or when its name says so and nobody declares it otherwise. A value that
//! is nothing but a placeholder is shown, because it tells no secret; in addresses only the password is hidden.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Property};

use crate::placeholder;

/// What is shown for a secret, as Kafka's passwords print.
pub const MASK: &str = "[hidden]";

const WORDS: [&str; 6] = ["password", "passwd", "secret", "token", "credential", "jaas"];

/// A configuration as it may be shown.
pub fn shown(config: &Config, properties: &[Property]) -> Config {
    config.iter().map(|(name, value)| (name.to_owned(), shown_value(name, value, properties))).collect()
}

/// One value as it may be shown.
pub fn shown_value(name: &str, value: &str, properties: &[Property]) -> String {
    if value.is_empty() || placeholder::is_reference(value) {
        value.to_owned()
    } else if is_secret(name, properties) {
        MASK.to_owned()
    } else {
        without_passwords(value)
    }
}

/// A value that came back as it was shown stands for the value that was there.
pub fn restore(new: &mut Config, old: &Config, properties: &[Property]) {
    let same: Vec<(String, String)> = new
        .iter()
        .filter_map(|(name, value)| {
            let before = old.get(name)?;
            let masked = value != before && value == shown_value(name, before, properties);
            masked.then(|| (name.to_owned(), before.to_owned()))
        })
        .collect();
    for (name, value) in same {
        new.set(&name, &value);
    }
}

/// Secrets that were given as what is shown for them, where there is nothing that it could stand for.
pub fn left_over<'a>(config: &'a Config, properties: &'a [Property]) -> impl Iterator<Item = &'a str> {
    config.iter().filter(|(name, value)| *value == MASK && is_secret(name, properties)).map(|(name, _)| name)
}

/// Whether a property's value must not be shown.
pub fn is_secret(name: &str, properties: &[Property]) -> bool {
    let form = properties.iter().find(|p| p.matches(name) || p.old_names.contains(&name)).map(|p| p.form);
    match form {
        Some(Form::Secret) => true,
        Some(Form::Text) | None => {
            let name = name.to_ascii_lowercase();
            WORDS.iter().any(|word| name.contains(word))
        }
        Some(_) => false,
    }
}

/// An address without the passwords in it: `scheme://user:PASSWORD@host`, and `password=` among its parameters.
fn without_passwords(value: &str) -> String {
    let mut out = value.to_owned();
    if let Some(start) = out.find("://").map(|at| at + 3) {
        let rest = out.get(start..).unwrap_or_default();
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) {
            let (from, to) = (start + user.len() + 1, start + authority.rfind('@').unwrap_or_default());
            out.replace_range(from..to, MASK);
        }
        let lower = out.to_ascii_lowercase();
        if let Some(from) = lower.find("password=").map(|at| at + "password=".len()) {
            let rest = out.get(from..).unwrap_or_default();
            let length = rest.find(['&', ';', ' ']).unwrap_or(rest.len());
            out.replace_range(from..from + length, MASK);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: &[Property] = &[
        Property::new("pw", Form::Secret, None, ""),
        Property::new("token.count", Form::Integer(0, 9), None, ""),
        Property::new("connection.url", Form::Text, None, ""),
        Property::new("driver.*", Form::Text, None, ""),
    ];

    #[test]
    fn secrets_are_hidden_and_placeholders_and_other_values_are_shown() {
        for (name, value, expected) in [
            ("pw", "s3cret", MASK),
            ("pw", "${env:PW}", "${env:PW}"),
            ("pw", "x${env:PW}", MASK),
            ("pw", "", ""),
            ("driver.password", "s3cret", MASK),
            ("sasl.jaas.config", "org… password=x", MASK),
            ("aws.secret.access.key", "x", MASK),
            ("token.count", "3", "3"),
            ("table.include.list", "public.passwords", "public.passwords"),
            (
                "connection.url",
                "jdbc:postgresql://h/d?user=u&password=p&ssl=true",
                "jdbc:postgresql://h/d?user=u&password=[hidden]&ssl=true",
            ),
            ("connection.url", "jdbc:postgresql://u:p@w@h:1/d", "jdbc:postgresql://u:[hidden]@h:1/d"),
            ("connection.url", "jdbc:postgresql://h:1/d", "jdbc:postgresql://h:1/d"),
        ] {
            assert_eq!(shown_value(name, value, PROPERTIES), expected, "{name}={value}");
        }
    }

    #[test]
    fn what_was_shown_comes_back_as_what_was_there() {
        let config =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<Config>();
        let url = "jdbc:postgresql://u:p@h/d";
        let old = config(&[("pw", "old"), ("connection.url", url), ("a", "1")]);
        let mut new = config(&[("pw", MASK), ("connection.url", "jdbc:postgresql://u:[hidden]@h/d"), ("a", "2")]);
        restore(&mut new, &old, PROPERTIES);
        assert_eq!((new.get("pw"), new.get("connection.url"), new.get("a")), (Some("old"), Some(url), Some("2")));
        let fresh = config(&[("pw", MASK), ("a", MASK)]);
        assert_eq!(left_over(&fresh, PROPERTIES).collect::<Vec<_>>(), ["pw"]);
    }
}
