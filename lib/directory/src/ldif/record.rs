//! Writing records (RFC 2849): one value per line, in base64 where it would not survive as plain text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jit_model::dn::Dn;
use jit_model::text::civil;
use jit_model::time::Timestamp;

/// A text that grows at its end.
#[derive(Clone, Debug)]
pub struct Lines {
    text: Vec<u8>,
    end: &'static str,
    /// Whether what was there ends with an empty line, so that a record can begin.
    open: bool,
}

impl Lines {
    /// Behind a text that was read without error, in its style of line ends. An empty text gets its head.
    pub fn after(text: &[u8]) -> Lines {
        if text.is_empty() {
            return Lines { text: b"version: 1\n".to_vec(), end: "\n", open: false };
        }
        let first_line = text.split(|b| *b == b'\n').next().unwrap_or_default();
        let end = if first_line.ends_with(b"\r") { "\r\n" } else { "\n" };
        let open = text == b"\n" || text.ends_with(b"\n\n") || text.ends_with(b"\n\r\n");
        Lines { text: text.to_vec(), end, open }
    }

    /// The whole text.
    pub fn text(self) -> Vec<u8> {
        self.text
    }

    /// Begins a record.
    pub fn begin(&mut self, dn: &Dn) {
        if !self.open {
            self.text.extend_from_slice(self.end.as_bytes());
        }
        self.open = false;
        self.add("dn", &dn.to_string());
    }

    /// Adds a value.
    pub fn add(&mut self, name: &str, value: &str) {
        self.add_bytes(name, value.as_bytes());
    }

    /// Adds a value that need not be text.
    pub fn add_bytes(&mut self, name: &str, value: &[u8]) {
        self.text.extend_from_slice(name.as_bytes());
        if is_safe(value) {
            self.text.extend_from_slice(b": ");
            self.text.extend_from_slice(value);
        } else {
            self.text.extend_from_slice(b":: ");
            self.text.extend_from_slice(STANDARD.encode(value).as_bytes());
        }
        self.text.extend_from_slice(self.end.as_bytes());
    }

    /// Adds the record of a container.
    pub fn container(&mut self, dn: &Dn) {
        self.begin(dn);
        let rdn = dn.to_string();
        let kind = rdn.split_once('=').map_or("ou", |(kind, _)| kind).to_owned();
        let class = match kind.as_str() {
            "ou" => "organizationalUnit",
            "dc" => "domain",
            "o" => "organization",
            _ => "container",
        };
        self.add("objectClass", class);
        self.add(&kind, &dn.rdn_value());
    }
}

/// SAFE-STRING of RFC 2849, and no space at the end.
fn is_safe(value: &[u8]) -> bool {
    let safe = |b: &u8| matches!(b, 0x20..=0x7e);
    !value.is_empty()
        && !matches!(value.first(), Some(b' ' | b':' | b'<'))
        && !value.ends_with(b" ")
        && value.iter().all(safe)
}

/// `20261122150405Z` (RFC 4517 §3.3.13).
pub fn generalized_time(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = civil(at);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}
