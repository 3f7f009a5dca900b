//! Keys for AWS from the file of profiles that its own tools keep (`~/.aws/credentials`).
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::limits::SETTINGS_BYTES;

/// Keys of a profile and the variables that they stand for.
const KEYS: [(&str, &str); 3] = [
    ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    ("aws_session_token", "AWS_SESSION_TOKEN"),
];

/// Variables that say who we are without a profile, and before it.
const BEFORE: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// What the profile of `variable`s says that they do not say themselves; nothing where there is no file.
pub fn variables(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    if BEFORE.iter().any(|name| given(name).is_some()) {
        return Vec::new();
    }
    let usual = || Some(PathBuf::from(given("HOME")?).join(".aws/credentials"));
    let Some(path) = given("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(usual) else {
        return Vec::new();
    };
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(SETTINGS_BYTES).read_to_string(&mut text)) {
        Ok(_) => of_profile(&text, &given("AWS_PROFILE").unwrap_or_else(|| "default".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::warn!("{} cannot be read, so that no sink has keys from it: {error}", path.display());
            Vec::new()
        }
    }
}

fn of_profile(text: &str, profile: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = section.trim() == profile;
        } else if let (true, Some((name, value))) = (inside, line.split_once('='))
            && let Some((_, variable)) = KEYS.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.trim()))
        {
            found.push(((*variable).to_owned(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[default]\naws_access_key_id = D\naws_secret_access_key=DS\n\n# other\n[ work ]\n\
                        aws_access_key_id=W\nregion=x\naws_secret_access_key = a=b/c\naws_session_token=T\n";

    #[test]
    fn a_profile_has_its_keys_and_no_others() {
        let pairs =
            |profile| of_profile(FILE, profile).into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
        assert_eq!(pairs("default"), ["AWS_ACCESS_KEY_ID=D", "AWS_SECRET_ACCESS_KEY=DS"]);
        let work = ["AWS_ACCESS_KEY_ID=W", "AWS_SECRET_ACCESS_KEY=a=b/c", "AWS_SESSION_TOKEN=T"];
        assert_eq!(pairs("work"), work);
        assert!(pairs("none").is_empty());
    }

    #[test]
    fn the_file_is_found_as_awss_tools_find_it_and_keys_of_the_environment_go_before_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".aws")).unwrap();
        std::fs::write(dir.path().join(".aws/credentials"), FILE).unwrap();
        let home = dir.path().display().to_string();
        let of = |more: &[(&str, &str)]| {
            let more: Vec<_> = more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let home = home.clone();
            variables(move |name| match name {
                "HOME" => Some(home.clone()),
                name => more.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()),
            })
        };
        assert_eq!(of(&[])[0].1, "D");
        assert_eq!(of(&[("AWS_PROFILE", "work")])[0].1, "W");
        assert_eq!(of(&[("AWS_ACCESS_KEY_ID", "E")]), []);
        assert_eq!(of(&[("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/at/all")]), []);
    }
}
