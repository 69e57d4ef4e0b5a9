//! Users and passwords.

use bytes::Bytes;

/// Error for a wrong password.
pub(crate) const WRONG_PASSWORD: &str =
    "WRONGPASS invalid username-password pair or user is disabled.";

/// Returns whether this is the password, or none is required.
pub(crate) fn accepts_password(password: Option<&Bytes>, given: Option<&[u8]>) -> bool {
    match (password, given) {
        (None, _) => true,
        (Some(password), Some(given)) => constant_time_eq(password, given),
        (Some(_), None) => false,
    }
}

/// Verifies a user and a password. The only user is `default`.
///
/// # Errors
///
/// The text of the error reply.
pub(crate) fn log_in(password: Option<&Bytes>, user: &[u8], given: &[u8]) -> Result<(), String> {
    match accepts_password(password, Some(given)) && user == b"default" {
        true => Ok(()),
        false => Err(WRONG_PASSWORD.to_owned()),
    }
}

/// Verifies the arguments of AUTH.
///
/// # Errors
///
/// The text of the error reply.
pub(crate) fn authenticate(password: Option<&Bytes>, credentials: &[Bytes]) -> Result<(), String> {
    match credentials {
        [given] if password.is_some() => log_in(password, b"default", given),
        [_] => Err(
            "ERR AUTH <password> called without any password configured for the default user. Are \
             you sure your configuration is correct?"
                .to_owned(),
        ),
        [user, given] => log_in(password, user, given),
        [] => Err("ERR wrong number of arguments for 'auth' command".to_owned()),
        _ => Err("ERR syntax error".to_owned()),
    }
}

/// Compares without leaking through timing how much of a guess is correct.
fn constant_time_eq(password: &[u8], given: &[u8]) -> bool {
    password.len() == given.len()
        && (password.iter().zip(given)).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
