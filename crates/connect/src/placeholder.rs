//! Placeholders in values: `${env:NAME}`, `${file:PATH:KEY}` and `${dir:PATH:FILE}`, as Kafka's configuration providers
//! resolve them (`EnvVarConfigProvider`, `FileConfigProvider`, `DirectoryConfigProvider`).
//!
//! Values only, after parsing, and once: what a placeholder stands for is never read as syntax again. What cannot be
//! resolved is refused, where Connect would hand the placeholder on as it stands; `${x}` without a provider is plain text,
//! as in Connect. A file is read only below directories that the operator allowed, or beside the connector's own file: who
//! may post a connector could otherwise read every file of this account.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tailwater_connector::java_regex::Whole;
use tailwater_connector::{Config, Problem};

use crate::java_properties;
use crate::limits::SECRET_FILE_BYTES;

/// Looks an environment variable up. Only the binary crate may pass one that looks at the real environment.
pub type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The flag and key that allow directories.
pub(crate) const ALLOW: &str = "--connect-files-allowed";

/// What a provider's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `${NAME:VARIABLE}`
    Environment,
    /// `${NAME:PATH:KEY}`, a key of a `.properties` file
    File,
    /// `${NAME:PATH:FILE}`, the content of a file of a directory
    Directory,
}

/// Names of variables, by a pattern for the whole name.
#[derive(Clone, Debug)]
pub struct Variables {
    typed: String,
    pattern: Whole,
}

impl PartialEq for Variables {
    fn eq(&self, other: &Self) -> bool {
        self.typed == other.typed
    }
}

impl Eq for Variables {}

impl Variables {
    /// `None` when it is no pattern that is understood.
    pub fn parse(typed: &str) -> Option<Variables> {
        Some(Variables { typed: typed.to_owned(), pattern: Whole::new(typed).ok()? })
    }
}

/// What placeholders are looked up in.
pub struct Secrets {
    environment: Environment,
    providers: BTreeMap<String, Provider>,
    allowed: Vec<PathBuf>,
    connectors: Option<PathBuf>,
    /// Which variables may be read; all where nothing is said.
    variables: Vec<Variables>,
}

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A file in this directory, beside which it may read.
    Beside(&'a Path),
    /// Somebody who asked for it over the network: only what the operator allowed.
    Asked,
}

impl Secrets {
    /// Placeholders of the environment, under the usual names of providers; no files.
    pub fn new(environment: Environment) -> Secrets {
        let usual = [("env", Provider::Environment), ("file", Provider::File), ("dir", Provider::Directory)];
        let also = [("directory", Provider::Directory)];
        let providers = usual.into_iter().chain(also).map(|(name, provider)| (name.to_owned(), provider)).collect();
        Secrets { environment, providers, allowed: Vec::new(), connectors: None, variables: Vec::new() }
    }

    /// The same with directories whose files anyone's placeholders may read.
    #[must_use]
    pub fn allow(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Secrets {
        self.allowed.extend(directories);
        self
    }

    /// The same with the directory of connector files, which may read beside themselves.
    #[must_use]
    pub fn connectors(mut self, directory: Option<PathBuf>) -> Secrets {
        self.connectors = directory;
        self
    }

    /// The same with some variables alone, whatever the name of the provider is; with none of these, all.
    #[must_use]
    pub fn only(mut self, variables: impl IntoIterator<Item = Variables>) -> Secrets {
        self.variables.extend(variables);
        self
    }

    /// Whose configuration it is that came of a connector file, or of nobody's.
    pub(crate) fn origin(&self, of_file: bool) -> Origin<'_> {
        self.connectors.as_deref().filter(|_| of_file).map_or(Origin::Asked, Origin::Beside)
    }

    /// The same with further names of providers.
    #[must_use]
    pub fn name(mut self, providers: impl IntoIterator<Item = (String, Provider)>) -> Secrets {
        self.providers.extend(providers);
        self
    }

    /// The configuration with every placeholder replaced.
    ///
    /// # Errors
    /// Every placeholder that cannot be replaced.
    pub fn resolve(&self, config: &Config, origin: Origin<'_>) -> Result<Config, Vec<Problem>> {
        self.resolve_each(config, |_| origin)
    }

    /// The same, each property by its own origin.
    pub(crate) fn resolve_each<'a>(
        &'a self,
        config: &Config,
        origin: impl Fn(&str) -> Origin<'a>,
    ) -> Result<Config, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut resolve = |(name, value): (&str, &str)| match self.resolve_value(name, value, origin(name)) {
            Ok(value) => Some((name.to_owned(), value)),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        let resolved = config.iter().filter_map(&mut resolve).collect();
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    /// One property's value with every placeholder replaced.
    ///
    /// # Errors
    /// `PLACEHOLDER_UNSUPPORTED`, `PLACEHOLDER_INVALID`, `PLACEHOLDER_UNRESOLVED`, `PLACEHOLDER_FORBIDDEN`: they name the
    /// property and what the placeholder says, never a value.
    pub fn resolve_value(&self, property: &str, value: &str, origin: Origin<'_>) -> Result<String, Vec<Problem>> {
        let mut out = String::with_capacity(value.len());
        let mut problems = Vec::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((provider, key, tail)) = reference(after) else {
                out.push_str("${");
                rest = after;
                continue;
            };
            match self.look_up(property, provider, key, origin) {
                Ok(text) => out.push_str(&text),
                Err(problem) => problems.push(problem),
            }
            rest = tail;
        }
        out.push_str(rest);
        if problems.is_empty() { Ok(out) } else { Err(problems) }
    }

    fn look_up(&self, property: &str, provider: &str, key: &str, origin: Origin<'_>) -> Result<String, Problem> {
        let Some(kind) = self.providers.get(provider) else {
            return Err(Problem::config(
                "PLACEHOLDER_UNSUPPORTED",
                format!("'{property}' uses ${{{provider}:{key}}}, and no provider is named '{provider}'"),
                "Use ${env:NAME}, ${file:PATH:KEY} (a .properties file) or ${dir:PATH:FILE}.",
            ));
        };
        let shown = format!("'{property}' uses ${{{provider}:{key}}}");
        let unresolved = |why: String, remedy: String| Problem::config("PLACEHOLDER_UNRESOLVED", why, remedy);
        if *kind == Provider::Environment {
            if !self.variables.is_empty() && !self.variables.iter().any(|some| some.pattern.is_match(key)) {
                return Err(Problem::config(
                    "PLACEHOLDER_FORBIDDEN",
                    format!("{shown}, and the worker's allowlist.pattern does not let that variable be read"),
                    format!("Add {key} to config.providers.NAME.param.allowlist.pattern."),
                ));
            }
            return (self.environment)(key).filter(|text| !text.is_empty()).ok_or_else(|| {
                unresolved(format!("{shown}, and that variable is not set or empty"), format!("export {key}=…"))
            });
        }
        let Some((path, key)) = key.split_once(':').filter(|(path, key)| !path.is_empty() && !key.is_empty()) else {
            let form = if *kind == Provider::File { "PATH:KEY" } else { "PATH:FILE" };
            return Err(Problem::config(
                "PLACEHOLDER_INVALID",
                format!("{shown}, which does not say {form}"),
                format!("Write ${{{provider}:{form}}} for '{property}'."),
            ));
        };
        if *kind == Provider::File {
            let text = self.read(&shown, Path::new(path), origin)?;
            let properties = java_properties::parse(&text).map_err(|problem| {
                unresolved(format!("{shown}, and that file is no .properties file: {}", problem.cause), problem.remedy)
            })?;
            let found = properties.into_iter().find(|(name, _)| name == key).map(|(_, value)| value);
            return found.ok_or_else(|| {
                unresolved(format!("{shown}, and that file has no such key"), format!("echo '{key}=…' >> '{path}'"))
            });
        }
        if key.contains(['/', '\\']) || key == ".." || key == "." {
            return Err(Problem::config(
                "PLACEHOLDER_INVALID",
                format!("{shown}, which does not name a file of that directory"),
                format!("Write ${{{provider}:PATH:FILE}} with the whole directory in PATH."),
            ));
        }
        let mut text = self.read(&shown, &Path::new(path).join(key), origin)?;
        // What editors and `echo` add is no part of a secret.
        text.truncate(text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(&text).len());
        Ok(text)
    }

    /// Whether a configuration that nobody's file gave may use a file or directory, which need not be there yet.
    pub(crate) fn may_touch(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else { return false };
        if path.components().any(|part| part == std::path::Component::ParentDir) {
            return false;
        }
        // What is there tells where links lead; what is not has none.
        let real = path.ancestors().find_map(|there| Some((there, there.canonicalize().ok()?)));
        let whole = real.and_then(|(there, real)| Some(real.join(path.strip_prefix(there).ok()?)));
        let dangling = path.ancestors().any(|part| part.is_symlink() && !part.exists());
        let allowed = || self.allowed.iter().filter_map(|dir| dir.canonicalize().ok());
        !dangling && whole.is_some_and(|whole| allowed().any(|dir| whole.starts_with(dir)))
    }

    /// The text of a file that this configuration may read.
    fn read(&self, shown: &str, path: &Path, origin: Origin<'_>) -> Result<String, Problem> {
        let whole = match origin {
            Origin::Beside(directory) => directory.join(path),
            Origin::Asked => path.to_owned(),
        };
        // First what may be read, so that nobody learns which other files there are.
        let beside = match origin {
            Origin::Beside(directory) => Some(directory),
            Origin::Asked => None,
        };
        let real = whole.canonicalize();
        let directories = || self.allowed.iter().map(PathBuf::as_path).chain(beside);
        let below =
            |path: &Path| directories().filter_map(|dir| dir.canonicalize().ok()).any(|dir| path.starts_with(dir));
        if !real.as_deref().is_ok_and(below) {
            let parent = whole.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let plain = !whole.components().any(|part| part == std::path::Component::ParentDir);
            let within = real.is_err() && plain && directories().any(|dir| whole.starts_with(dir));
            return Err(if within {
                missing(shown, &whole)
            } else {
                Problem::config(
                    "PLACEHOLDER_FORBIDDEN",
                    format!("{shown}, and files there may not be read"),
                    format!("Allow its directory: tailwater serve {ALLOW} '{}'", parent.display()),
                )
            });
        }
        let unreadable = |why: &dyn std::fmt::Display| {
            Problem::environment(
                "PLACEHOLDER_UNRESOLVED",
                format!("{shown}, and that file cannot be read: {why}"),
                format!("ls -l '{}'", whole.display()),
            )
        };
        let file = real.and_then(|real| {
            // Opening a pipe would wait.
            if real.is_file() { File::open(real) } else { Err(std::io::Error::other("it is no file")) }
        });
        let mut text = String::new();
        let file = file.map_err(|error| unreadable(&error))?;
        file.take(SECRET_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
        if text.len() as u64 > SECRET_FILE_BYTES {
            return Err(unreadable(&format!("it is larger than {SECRET_FILE_BYTES} bytes")));
        }
        Ok(text)
    }
}

/// Problems of a resolved configuration in the words of the typed one: what placeholders stand for is told to nobody, also
/// where it is quoted because it is faulty.
pub(crate) fn in_typed_words(problems: Vec<Problem>, typed: &Config, resolved: &Config) -> Vec<Problem> {
    let changed = resolved.iter().filter_map(|(name, value)| Some((typed.get(name).filter(|t| *t != value)?, value)));
    // Elements of lists are quoted alone.
    let parts = |(typed, value): (_, &'_ str)| {
        let parts = value.split([',', ';', ':', ' ', '\n']).chain([value, value.trim()]);
        parts.map(|part| (part.to_owned(), typed)).collect::<Vec<(String, &str)>>()
    };
    let mut told: Vec<(String, &str)> = changed.flat_map(parts).collect();
    // Short ones stand in other words.
    told.retain(|(part, typed)| part.len() >= 4 && !typed.contains(part.as_str()));
    told.sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
    let hide = |text: String| told.iter().fold(text, |text, (part, typed)| text.replace(part, typed));
    problems.into_iter().map(|p| Problem { cause: hide(p.cause), remedy: hide(p.remedy), ..p }).collect()
}

fn missing(shown: &str, path: &Path) -> Problem {
    Problem::environment(
        "PLACEHOLDER_UNRESOLVED",
        format!("{shown}, and there is no such file"),
        format!("ls -l '{}'", path.display()),
    )
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

    fn secrets() -> Secrets {
        Secrets::new(Box::new(|name: &str| match name {
            "PW" => Some("s3cret".to_owned()),
            "TWICE" => Some("${env:PW}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }))
    }

    fn codes(result: Result<String, Vec<Problem>>) -> Result<String, Vec<String>> {
        result.map_err(|problems| problems.into_iter().map(|problem| problem.code).collect())
    }

    fn resolved(value: &str) -> Result<String, Vec<String>> {
        codes(secrets().resolve_value("p", value, Origin::Asked))
    }

    #[test]
    fn variables_that_the_worker_does_not_allow_are_not_read_whatever_the_provider_is_called() {
        let some =
            secrets().only(Variables::parse(r"(?!PASS)(P\w|X_.*)")).name([("e".to_owned(), Provider::Environment)]);
        let resolved = |value: &str| codes(some.resolve_value("p", value, Origin::Asked));
        assert_eq!(resolved("${env:PW}${e:PW}"), Ok("s3crets3cret".to_owned()));
        for value in ["${env:TWICE}", "${e:TWICE}", "${env:PÄ}", "${env:APW}", "${env:NONE}"] {
            assert_eq!(resolved(value), Err(vec!["PLACEHOLDER_FORBIDDEN".to_owned()]), "{value}");
        }
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
    fn what_cannot_be_resolved_is_refused_by_name_all_at_once() {
        for (value, code) in [
            ("${vault:a:b}", "PLACEHOLDER_UNSUPPORTED"),
            ("${env:NO}", "PLACEHOLDER_UNRESOLVED"),
            ("${env:EMPTY}", "PLACEHOLDER_UNRESOLVED"),
            ("${file:key}", "PLACEHOLDER_INVALID"),
            ("${file::key}", "PLACEHOLDER_INVALID"),
            ("${dir:/run:}", "PLACEHOLDER_INVALID"),
            ("${dir:/run:../key}", "PLACEHOLDER_INVALID"),
            ("${file:/etc/passwd:key}", "PLACEHOLDER_FORBIDDEN"),
            ("${file:/no/such:key}", "PLACEHOLDER_FORBIDDEN"),
        ] {
            assert_eq!(resolved(value), Err(vec![code.to_owned()]), "{value}");
        }
        let config: Config = [("a", "${env:NO}${env:EMPTY}"), ("b", "${env:PW}"), ("c", "${x:y}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(secrets().resolve(&config, Origin::Asked).unwrap_err().len(), 3);
    }

    #[test]
    fn what_a_placeholder_stands_for_is_not_quoted_when_it_is_faulty() {
        let config = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let typed: Config = config(&[("a", "${env:A}"), ("b", "x:${env:B}"), ("c", "plain"), ("d", "${env:D}")]);
        let resolved: Config = config(&[("a", "s3cret"), ("b", "x:hunter2,other"), ("c", "plain"), ("d", "no")]);
        let problem = Problem::config("CODE", "'s3cret' is no number", "'hunter2' is not plain, nor no one's");
        let told = in_typed_words(vec![problem], &typed, &resolved);
        assert_eq!(told[0].cause, "'${env:A}' is no number");
        assert_eq!(told[0].remedy, "'x:${env:B}' is not plain, nor no one's");
    }

    #[test]
    fn files_are_read_below_what_is_allowed_and_beside_the_connectors_own() {
        let dir = tempfile::tempdir().unwrap();
        let (allowed, own) = (dir.path().join("allowed"), dir.path().join("own"));
        for directory in [&allowed, &own] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::write(allowed.join("db.properties"), "password=hun\\u0074er:2\nother=x\n").unwrap();
        std::fs::write(allowed.join("token"), "t0ken\n").unwrap();
        std::fs::write(own.join("mine.properties"), "key=value\n").unwrap();
        std::fs::write(dir.path().join("outside"), "k=s3cret\n").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), allowed.join("link")).unwrap();
        let secrets = secrets().allow([allowed.clone()]).name([("secrets".to_owned(), Provider::File)]);
        let at = |template: &str, origin| {
            let value = template.replace('@', &allowed.display().to_string());
            let result = secrets.resolve_value("p", &value, origin);
            if let Err(problems) = &result {
                let said = format!("{problems:?}");
                assert!(!["hunter", "t0ken", "s3cret"].iter().any(|secret| said.contains(secret)), "{said}");
            }
            codes(result)
        };
        let beside = Origin::Beside(&own);
        let ok = |text: &str| Ok(text.to_owned());
        let no = |code: &str| Err(vec![code.to_owned()]);
        assert_eq!(at("${file:@/db.properties:password}", Origin::Asked), ok("hunter:2"));
        assert_eq!(at("${secrets:@/db.properties:other}", Origin::Asked), ok("x"));
        assert_eq!(at("${dir:@:token}", beside), ok("t0ken"));
        assert_eq!(at("${file:mine.properties:key}", beside), ok("value"));
        assert_eq!(at("${file:mine.properties:key}", Origin::Asked), no("PLACEHOLDER_FORBIDDEN"));
        assert_eq!(at("${file:../outside:k}", beside), no("PLACEHOLDER_FORBIDDEN"));
        assert_eq!(at("${file:@/../outside:k}", Origin::Asked), no("PLACEHOLDER_FORBIDDEN"));
        assert_eq!(at("${file:@/link:k}", Origin::Asked), no("PLACEHOLDER_FORBIDDEN"), "links lead out");
        assert_eq!(at("${file:@/db.properties:nothing}", Origin::Asked), no("PLACEHOLDER_UNRESOLVED"));
        assert_eq!(at("${file:@/gone:k}", Origin::Asked), no("PLACEHOLDER_UNRESOLVED"));
        std::fs::write(allowed.join("large"), vec![b' '; SECRET_FILE_BYTES as usize + 1]).unwrap();
        assert_eq!(at("${dir:@:large}", Origin::Asked), no("PLACEHOLDER_UNRESOLVED"));
    }
}
