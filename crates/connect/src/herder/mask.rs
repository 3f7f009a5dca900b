//! Secrets are never shown: what stands in their place, and how it is recognised when it comes back.
//!
//! A property is secret when its plugin declares it so, or when its name says so and nobody declares it otherwise. A value that
//! is nothing but a placeholder is shown, because it tells no secret; in addresses only the password is hidden.

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Property};

use crate::placeholder;

/// What is shown for a secret, as Kafka's passwords print.
pub const MASK: &str = "[hidden]";

/// Words in names of secrets; `user.info` is Schema Registry's `USER:PASSWORD`, `keystore.key` a private key in Kafka's
/// `ssl.keystore.key`.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "jaas",
    "private.key",
    "api.key",
    "apikey",
    "account.key",
    "keystore.key",
    "user.info",
];

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

/// A value that came back as it was shown stands for the value that was there. The properties of which that is so.
pub fn restore(new: &mut Config, old: &Config, properties: &[Property]) -> Vec<String> {
    let same: Vec<(String, String)> = new
        .iter()
        .filter_map(|(name, value)| {
            let before = old.get(name)?;
            let masked = value != before && value == shown_value(name, before, properties);
            masked.then(|| (name.to_owned(), before.to_owned()))
        })
        .collect();
    for (name, value) in &same {
        new.set(name, value);
    }
    same.into_iter().map(|(name, _)| name).collect()
}

/// Secrets that were given as what is shown for them, where there is nothing that it could stand for.
pub fn left_over<'a>(config: &'a Config, properties: &'a [Property]) -> impl Iterator<Item = &'a str> {
    let left = |name: &str, value: &str| match is_secret(name, properties) {
        true => value == MASK,
        false => value.contains(MASK) && without_passwords(value) == value,
    };
    config.iter().filter(move |(name, value)| left(name, value)).map(|(name, _)| name)
}

/// Whether a value has a part that is never shown.
pub fn hides(name: &str, value: &str, properties: &[Property]) -> bool {
    shown_value(name, value, properties) != value
}

/// The changed properties that say where a connector goes, and with that where its secrets go.
pub fn moved<'a>(old: &'a Config, new: &'a Config) -> Vec<&'a str> {
    const PLACES: [&str; 9] = ["host", "hostname", "port", "url", "uri", "address", "endpoint", "server", "servers"];
    let last = |name: &str| name.rsplit(['.', '_', '-']).next().unwrap_or_default().to_ascii_lowercase();
    let is_place = |name: &str| name == "connector.class" || PLACES.contains(&last(name).as_str());
    let names = old.iter().chain(new.iter().filter(|(name, _)| old.get(name).is_none())).map(|(name, _)| name);
    names.filter(|name| is_place(name) && old.get(name) != new.get(name)).collect()
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

/// Addresses without the passwords in them: `scheme://user:PASSWORD@host`, and `password=` among their parameters. Rather
/// too much is hidden than too little.
fn without_passwords(value: &str) -> String {
    let mut schemes = value.split("://");
    let mut out = schemes.next().unwrap_or_default().to_owned();
    for rest in schemes {
        out.push_str("://");
        out.push_str(&without_login(rest));
    }
    without_parameter(&out)
}

/// What follows `scheme://`.
fn without_login(rest: &str) -> String {
    let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // An @ in a parameter's value ends no login; passwords have all sorts of characters.
    let in_value = parameters.split('@').next().is_some_and(|first| first.contains('='));
    let within = if before.contains('@') || in_value { before } else { rest };
    let login = within.rsplit_once('@').map(|(login, _)| login);
    match login.and_then(|login| login.split_once(':').map(|(user, _)| (user, login.len()))) {
        Some((user, end)) => format!("{user}:{MASK}{}", rest.get(end..).unwrap_or_default()),
        None => rest.to_owned(),
    }
}

fn without_parameter(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("password=").map(|at| at + "password=".len()) {
        let (before, value) = rest.split_at(at);
        let end = value.find(['&', ';', ' ', '\n']).unwrap_or(value.len());
        out.push_str(before);
        if end > 0 {
            out.push_str(MASK);
        }
        rest = value.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
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
            ("connection.url", "jdbc:postgresql://h:1/d?user=a@b", "jdbc:postgresql://h:1/d?user=a@b"),
            (
                "connection.url",
                "jdbc:postgresql://h/d?sslpassword=p&PASSWORD=q",
                "jdbc:postgresql://h/d?sslpassword=[hidden]&PASSWORD=[hidden]",
            ),
            ("connection.url", "jdbc:postgresql://u:p/q?r,s@h/d", "jdbc:postgresql://u:[hidden]@h/d"),
            ("urls", "http://u:p@a,http://u:q@b", "http://u:[hidden]@a,http://u:[hidden]@b"),
            ("dsn", "host=h password=p dbname=d", "host=h password=[hidden] dbname=d"),
            ("value.converter.basic.auth.user.info", "u:p", MASK),
            ("ssl.keystore.key", "-----BEGIN", MASK),
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
        assert_eq!(restore(&mut new, &old, PROPERTIES), ["pw", "connection.url"]);
        assert_eq!((new.get("pw"), new.get("connection.url"), new.get("a")), (Some("old"), Some(url), Some("2")));
        let fresh = config(&[("pw", MASK), ("a", MASK)]);
        assert_eq!(left_over(&fresh, PROPERTIES).collect::<Vec<_>>(), ["pw", "a"]);
        let elsewhere = config(&[("connection.url", "jdbc:postgresql://u:[hidden]@other/d"), ("a", "[hidden")]);
        let mut restored = elsewhere.clone();
        assert!(restore(&mut restored, &old, PROPERTIES).is_empty());
        assert_eq!(left_over(&restored, PROPERTIES).collect::<Vec<_>>(), ["connection.url"]);
    }

    #[test]
    fn where_a_connector_goes_is_told_from_what_it_does() {
        let config =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<Config>();
        let old = config(&[("database.hostname", "a"), ("topic.prefix", "p"), ("database.server.name", "n")]);
        let new = config(&[("database.hostname", "b"), ("topic.prefix", "q"), ("database.server.name", "m")]);
        assert_eq!(moved(&old, &new), ["database.hostname"]);
        let more = config(&[("database.hostname", "a"), ("aws_s3_endpoint", "x"), ("connector.class", "C")]);
        assert_eq!(moved(&old, &more), ["aws_s3_endpoint", "connector.class"]);
    }
}
