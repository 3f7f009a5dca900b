//! Connector files: Kafka Connect's JSON (`{"name", "config"}` or the flat map) and Java `.properties`.
//!
//! Forms: KIP-980 and Connect's REST for JSON, `java.util.Properties` for the other. A file that can be read two ways
//! (a key twice) is refused rather than guessed at.

use std::path::Path;

use tailwater_connector::limits::NAME_MAX_BYTES;
use tailwater_connector::{Config, Problem};

use crate::limits::FILE_MAX_BYTES;
use crate::placeholder::{Origin, Secrets};
use crate::{java_properties, json};

/// A connector as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorFile {
    /// The connector's name: from the file's text, else the file's name without its ending.
    pub name: String,
    /// Its properties; `name` is among them, as in Connect.
    pub config: Config,
}

/// The two forms, told apart by the file name's ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `.json`
    Json,
    /// `.properties`
    Properties,
}

impl Form {
    /// The form of a file by its name; `None` for files that are no connector files, hidden ones among them.
    pub fn of(path: &Path) -> Option<Form> {
        if path.file_name()?.to_str()?.starts_with('.') {
            return None;
        }
        match path.extension()?.to_str()? {
            "json" => Some(Form::Json),
            "properties" => Some(Form::Properties),
            _ => None,
        }
    }
}

/// Reads a connector file from disk, placeholders resolved; it may read beside itself.
pub fn read(path: &Path, secrets: &Secrets) -> Result<ConnectorFile, Vec<Problem>> {
    let ConnectorFile { name, config } = read_typed(path).map_err(|problem| vec![problem])?;
    let own = path.parent().filter(|own| !own.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(ConnectorFile { name, config: secrets.resolve(&config, Origin::Beside(own))? })
}

/// Reads a connector file from disk, as it is typed.
pub fn read_typed(path: &Path) -> Result<ConnectorFile, Problem> {
    let file = path.display();
    let form = Form::of(path).ok_or_else(|| {
        Problem::config(
            "CONNECTOR_FILE_INVALID",
            format!("{file} is neither a .json nor a .properties file"),
            "Name the file NAME.json or NAME.properties.",
        )
    })?;
    parse_typed(&stem(path), form, &read_bytes(path)?)
}

/// The bytes of a connector file, bounded.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    use std::io::Read;

    let unreadable = |error: std::io::Error| {
        Problem::environment(
            "CONNECTOR_FILE_UNREADABLE",
            format!("{} cannot be read: {error}", path.display()),
            format!("ls -l '{}'", path.display()),
        )
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(Problem::config(
            "CONNECTOR_FILE_INVALID",
            format!("{} is larger than {FILE_MAX_BYTES} bytes", path.display()),
            "Check that it is a connector file.",
        ));
    }
    Ok(bytes)
}

/// A connector from a file's bytes, as it is typed. `stem` is the file's name without its ending: the connector's name when the text has
/// none.
pub fn parse_typed(stem: &str, form: Form, bytes: &[u8]) -> Result<ConnectorFile, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::config(
            "CONNECTOR_FILE_INVALID",
            format!("the file is not UTF-8 text (byte {})", error.valid_up_to()),
            "Save the file as UTF-8.",
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (outer_name, properties) = match form {
        Form::Json => json::parse(text)?,
        Form::Properties => (None, java_properties::parse(text)?),
    };
    let mut config = Config::from_iter(properties);
    let name = match (outer_name, config.get("name")) {
        (Some(outer), _) => outer,
        (None, Some(inner)) => inner.to_owned(),
        (None, None) => stem.to_owned(),
    };
    check_name(&name)?;
    // An inner name of its own stays what it is: a property, which events may show.
    if config.get("name").is_none() {
        config.set("name", &name);
    }
    Ok(ConnectorFile { name, config })
}

/// A file's name without its ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The rule for names: they stand in paths of REST and in labels of metrics.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let fault = if name.trim().is_empty() {
        "it is empty"
    } else if name.len() > NAME_MAX_BYTES {
        "it is longer than 249 bytes"
    } else if name.contains('/') {
        "it contains '/'"
    } else if name.chars().any(char::is_control) {
        "it contains control characters"
    } else if name.trim() != name {
        "it starts or ends with a space"
    } else {
        return Ok(());
    };
    Err(Problem::config(
        "CONNECTOR_NAME_INVALID",
        format!("the connector's name is not usable: {fault}"),
        "Set \"name\" to a short word, such as \"inventory-connector\".",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<ConnectorFile, Problem> {
        parse_typed("stem", Form::Json, text.as_bytes())
    }

    fn pairs(file: &ConnectorFile) -> Vec<(&str, &str)> {
        file.config.iter().collect()
    }

    #[test]
    fn both_json_forms_and_properties_give_the_same_connector() {
        let posted = json(r#"{"name":"c","config":{"connector.class":"X","tasks.max":1,"flag":true}}"#).unwrap();
        let flat = json(r#"{"name":"c","connector.class":"X","tasks.max":"1","flag":"true"}"#).unwrap();
        let text = b"name = c\nconnector.class=X\ntasks.max: 1\nflag true\n";
        let properties = parse_typed("stem", Form::Properties, text).unwrap();
        assert_eq!(posted.name, "c");
        assert_eq!(pairs(&flat), pairs(&properties));
        for (name, value) in pairs(&flat) {
            assert_eq!(posted.config.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_file_without_a_name_is_named_by_its_file() {
        let file = json(r#"{"connector.class":"X"}"#).unwrap();
        assert_eq!((file.name.as_str(), file.config.get("name")), ("stem", Some("stem")));
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_text() {
        assert_eq!(json("\u{feff}{\"name\":\"c\"}").unwrap().name, "c");
    }

    #[test]
    fn names_that_cannot_stand_in_a_path_are_refused() {
        let long = "x".repeat(250);
        for name in ["", "  ", "a/b", r"a\nb", " a", long.as_str()] {
            let problem = json(&format!("{{\"name\":\"{name}\"}}")).unwrap_err();
            assert_eq!(problem.code, "CONNECTOR_NAME_INVALID", "{name}");
        }
    }

    #[test]
    fn the_outer_name_is_the_connectors_and_an_inner_one_is_a_property() {
        let file = json(r#"{"name":"a","config":{"name":"b"}}"#).unwrap();
        assert_eq!((file.name.as_str(), file.config.get("name")), ("a", Some("b")));
    }

    #[test]
    fn only_visible_json_and_properties_files_are_connector_files() {
        assert_eq!(Form::of(Path::new("d/a.json")), Some(Form::Json));
        assert_eq!(Form::of(Path::new("d/a.b.properties")), Some(Form::Properties));
        for other in ["README", "a.json~", ".a.json", "a.txt", ".json"] {
            assert_eq!(Form::of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_or_not_there_or_not_text_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large.json");
        std::fs::write(&large, vec![b' '; FILE_MAX_BYTES as usize + 1]).unwrap();
        assert_eq!(read_typed(&large).unwrap_err().code, "CONNECTOR_FILE_INVALID");
        assert_eq!(read_typed(&dir.path().join("no.json")).unwrap_err().code, "CONNECTOR_FILE_UNREADABLE");
        assert_eq!(read_typed(&dir.path().join("no.txt")).unwrap_err().code, "CONNECTOR_FILE_INVALID");
        let problem = parse_typed("s", Form::Json, b"{\"a\":\"\xff\"}").unwrap_err();
        assert!(problem.cause.contains("byte 6"), "{problem}");
    }
}
