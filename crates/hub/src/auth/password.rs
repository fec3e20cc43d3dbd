//! Passwords and their hashes: Argon2id, over memory that goes back to the system after each.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::OnceLock;

/// Bytes of salt.
const SALT_BYTES: usize = 16;
/// Blocks from which on an allocator takes memory from the system for one use and gives it back afterwards, whatever it
/// has learned of sizes: glibc keeps what is smaller than 32 MiB once it was freed, in each of its arenas. What is not
/// touched of it costs nothing.
const GIVEN_BACK: usize = (33 << 20) / Block::SIZE;

/// The hash of a password, as it is kept (some ten milliseconds of a core). None when the system gives no salt.
pub(super) fn hash(password: &str) -> Option<String> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).ok()?;
    let params = Params::default();
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: Some(output(Algorithm::Argon2id, Version::V0x13, params, password, &salt)?),
    };
    Some(hash.to_string())
}

/// Whether a password fits a hash. Without one (no such account) it takes the same time and never fits.
pub(super) fn verify(password: &str, kept: Option<&str>) -> bool {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let against = kept.or_else(|| NOBODY.get_or_init(|| hash("nobody")).as_deref());
    against.and_then(|hash| fits(password, hash)).unwrap_or(false) && kept.is_some()
}

/// None: the hash can't be read.
fn fits(password: &str, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
    let params = Params::try_from(&hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    // Compares in the same time wherever the two differ.
    Some(output(algorithm, version, params, password, &salt)? == expected)
}

fn output(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: &str,
    salt: &[u8],
) -> Option<Output> {
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let blocks = params.block_count();
    let mut memory: Vec<Block> = Vec::with_capacity(blocks.max(GIVEN_BACK));
    memory.resize(blocks, Block::new());
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut memory).ok()?;
    Output::new(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits() {
        let kept = hash("dispatcher").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("dispatcher", Some(&kept)));
        assert!(!verify("Dispatcher", Some(&kept)));
        assert!(!verify("nobody", None));
        assert!(!verify("dispatcher", Some("not a hash")));
        assert_ne!(hash("dispatcher").unwrap(), kept, "each has a salt of its own");
    }

    /// Hashes of other parameters and of other programs are read, too: these are of the reference implementation.
    #[test]
    fn hashes_of_others_are_read() {
        let made = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify("password", Some(made)) && !verify("passwort", Some(made)));
    }
}
