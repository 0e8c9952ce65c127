//! What admins and people write into configuration files: TOML, read strictly, each fault with its line and column. Shared by
//! jitd (`jitd.toml`) and jitctl (`client.toml`), so that a directory is named the same way in both.
