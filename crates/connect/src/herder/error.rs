//! Why something is refused, in Connect's codes.

use tailwater_connector::Problem;

/// The status of what is in conflict with how things are.
pub(super) const CONFLICT: u16 = 409;

/// A refusal: the HTTP status that Connect gives it, its text, and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, which is Connect's `error_code` too.
    pub status: u16,
    /// For people; never a secret.
    pub message: String,
    /// What is behind it, with the codes that Connect's form has no place for.
    pub problems: Vec<Problem>,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), problems: Vec::new() }
    }

    /// 400
    pub fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(400, message)
    }

    /// 404
    pub fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(404, message)
    }

    /// 409
    pub fn conflict(message: impl Into<String>) -> Refusal {
        Refusal::new(CONFLICT, message)
    }

    /// 500
    pub fn failed(message: impl Into<String>) -> Refusal {
        Refusal::new(500, message)
    }

    /// A faulty configuration, with every error and what to do about it.
    pub fn invalid(problems: &[Problem]) -> Refusal {
        let errors: Vec<&Problem> = problems.iter().filter(|problem| problem.is_error()).collect();
        let causes: Vec<&str> = errors.iter().map(|problem| problem.cause.as_str()).collect();
        let mut remedies: Vec<&str> = Vec::new();
        for problem in &errors {
            if !problem.remedy.is_empty() && !remedies.contains(&problem.remedy.as_str()) {
                remedies.push(&problem.remedy);
            }
        }
        let remedies: Vec<String> = remedies.iter().map(|remedy| format!("\n- {remedy}")).collect();
        let remedies = if remedies.is_empty() { String::new() } else { format!("\nTo do:{}", remedies.concat()) };
        let refusal = Refusal::bad(format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above \
             list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`{remedies}",
            errors.len(),
            causes.join("\n"),
        ));
        Refusal { problems: problems.to_vec(), ..refusal }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let refusal = Refusal::failed(format!("{problem}. {}", problem.remedy));
        Refusal { problems: vec![problem], ..refusal }
    }
}
