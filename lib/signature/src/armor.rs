//! The armour of a signature (OpenSSH's PROTOCOL.sshsig §1), in exactly the form that ssh-keygen writes: 70 characters a line. A value
//! that is written differently is another value, so that no signature has two forms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The first line, with its end.
pub(crate) const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
/// The last line, with its end.
const END: &str = "-----END SSH SIGNATURE-----\n";
/// sshbuf_dtob64 of OpenSSH ends a line here.
const WIDTH: usize = 70;

/// The bytes in an armour, however its lines are broken and ended: sshsig_dearmor, which ignores white space (b64_pton).
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_ascii().strip_prefix(BEGIN.trim_ascii_end())?;
    let body = body.strip_suffix(END.trim_ascii_end())?;
    // Both borders stand on lines of their own.
    if !body.starts_with(['\r', '\n']) || !body.ends_with('\n') {
        return None;
    }
    let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(base64).ok()
}

/// The armour as ssh-keygen writes it.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let mut text = String::with_capacity(base64.len() + base64.len() / WIDTH + BEGIN.len() + END.len() + 1);
    text.push_str(BEGIN);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII: every offset is a border between characters.
        let (line, after) = rest.split_at_checked(WIDTH).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(END);
    text
}
