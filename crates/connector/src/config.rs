//! A connector's properties as text, in the order they were typed.

/// Flat properties, as Kafka Connect has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(Vec<(String, String)>);

impl Config {
    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The value of a property, or the empty text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Whether a property says `true`, case ignored.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).trim().eq_ignore_ascii_case("true")
    }

    /// A whole number that was checked before; `fallback` when it is absent.
    pub fn integer(&self, name: &str, fallback: i64) -> i64 {
        self.text(name).trim().parse().unwrap_or(fallback)
    }

    /// A comma-separated list, parts trimmed, empty parts left out; `\,` is a comma.
    pub fn list(&self, name: &str) -> Vec<String> {
        split_list(self.text(name))
    }

    /// Sets a property.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, v)) => *v = value.to_owned(),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Removes a property.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| n != name);
    }

    /// All properties in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// A later value of the same name wins.
impl FromIterator<(String, String)> for Config {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut config = Config::default();
        for (name, value) in pairs {
            config.set(&name, &value);
        }
        config
    }
}

/// Splits at commas that no backslash precedes; trims, and leaves empty parts out.
pub fn split_list(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&',') => {
                chars.next();
                parts.last_mut().into_iter().for_each(|p| p.push(','));
            }
            ',' => parts.push(String::new()),
            _ => parts.last_mut().into_iter().for_each(|p| p.push(c)),
        }
    }
    parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_at_commas_but_not_at_escaped_ones() {
        assert_eq!(split_list(r" a , b\,c,, d.* "), ["a", "b,c", "d.*"]);
    }
}
