//! The modules of a crate as its files say them: what each imports, names and defines. What only tests see is left out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path from the crate's root, which is empty.
pub type ModulePath = Vec<String>;

/// What a module says.
#[derive(Default)]
pub struct Module {
    /// The file that it stands in.
    pub file: PathBuf,
    /// What it imports or exports again.
    pub imports: Vec<Import>,
    /// Paths in its code.
    pub named: Vec<Vec<String>>,
    /// Items of its own.
    pub defined: BTreeSet<String>,
}

/// One name of a `use`.
pub struct Import {
    /// As it is written: `["super", "order", "Place"]`.
    pub path: Vec<String>,
    /// What it is called here; `*` for everything.
    pub name: String,
}

/// Words that begin an item, after its visibility.
const DEFINES: [&str; 8] = ["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
/// Words that begin one in other ways. What follows them ends with a block or a semicolon, and may hold commas before.
const BEGINS: [&str; 8] = ["pub", "mod", "use", "impl", "unsafe", "async", "extern", "macro_rules"];

/// All modules below a target's root file.
pub fn modules(root: &Path) -> BTreeMap<ModulePath, Module> {
    let mut found = BTreeMap::new();
    let folder = root.parent().expect("a source file lies in a folder").to_path_buf();
    read_file(root, &folder, &Vec::new(), &mut found);
    found
}

fn read_file(file: &Path, folder: &Path, path: &ModulePath, found: &mut BTreeMap<ModulePath, Module>) {
    let text = std::fs::read_to_string(file).expect("a source file");
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    found.insert(path.clone(), Module { file: file.to_path_buf(), ..Module::default() });
    read_items(tokens, folder, path, found);
}

/// Reads what stands directly in a module; `folder` is where its children's files lie.
fn read_items(
    tokens: TokenStream,
    folder: &Path,
    path: &ModulePath,
    found: &mut BTreeMap<ModulePath, Module>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_cfg_test(&tokens[at..]) {
            at = end_of_item(&tokens, at);
            continue;
        }
        let child = || [path.clone(), vec![tokens[at + 1].to_string()]].concat();
        match (word(&tokens, at).as_deref(), tokens.get(at + 2)) {
            (Some("mod"), Some(TokenTree::Punct(end))) if end.as_char() == ';' => {
                let name = tokens[at + 1].to_string();
                let below = folder.join(&name);
                let beside = below.with_extension("rs");
                let file = if beside.exists() { beside } else { below.join("mod.rs") };
                // One that lies elsewhere, by an attribute `path`, belongs to what it lies in.
                if file.exists() {
                    read_file(&file, &below, &child(), found);
                }
                at += 3;
            }
            (Some("mod"), Some(TokenTree::Group(body))) if body.delimiter() == Delimiter::Brace => {
                let file = found[path].file.clone();
                found.insert(child(), Module { file, ..Module::default() });
                read_items(body.stream(), &folder.join(tokens[at + 1].to_string()), &child(), found);
                at += 3;
            }
            (begins, _) => {
                let module = found.get_mut(path).expect("it was put in before it was read");
                if begins.is_some_and(|word| DEFINES.contains(&word)) && at + 1 < tokens.len() {
                    module.defined.insert(tokens[at + 1].to_string());
                }
                at = read_code(&tokens, at, module);
            }
        }
    }
}

/// Reads one step of code: a `use`, a path, all of a group, or one token. Gives the place after it.
fn read_code(tokens: &[TokenTree], at: usize, module: &mut Module) -> usize {
    if word(tokens, at).as_deref() == Some("use") {
        let end = (at..tokens.len()).find(|end| is_punct(tokens.get(*end), ';')).unwrap_or(tokens.len());
        read_use(&tokens[at + 1..end], Vec::new(), module);
        return end + 1;
    }
    match &tokens[at] {
        TokenTree::Group(group) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut within = 0;
            while within < inner.len() {
                within = if is_cfg_test(&inner[within..]) {
                    end_of_item(&inner, within)
                } else {
                    read_code(&inner, within, module)
                };
            }
            at + 1
        }
        TokenTree::Ident(first) => {
            let (mut path, mut at) = (vec![first.to_string()], at + 1);
            while is_path_separator(tokens, at) {
                let Some(next) = word(tokens, at + 2) else { break };
                path.push(next);
                at += 3;
            }
            if path.len() > 1 {
                module.named.push(path);
            }
            at
        }
        TokenTree::Punct(_) | TokenTree::Literal(_) => at + 1,
    }
}

/// Reads a tree of imports: `a::{b, c as d, e::*}`.
fn read_use(tokens: &[TokenTree], mut path: Vec<String>, module: &mut Module) {
    let mut name = None;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')).filter(|part| !part.is_empty()) {
                    read_use(part, path.clone(), module);
                }
                return;
            }
            TokenTree::Ident(word) if word == "as" => {
                name = tokens.get(at + 1).map(ToString::to_string);
                break;
            }
            TokenTree::Ident(word) if word == "self" && at == 0 && !path.is_empty() => {}
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(star) if star.as_char() == '*' => name = Some("*".to_owned()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    module.imports.push(Import { path, name });
}

fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
        if hash.as_char() == '#' && attribute.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// The place after the item, field or statement whose attributes begin there.
fn end_of_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while is_punct(tokens.get(at), '#') {
        at += 2;
    }
    let begins = word(tokens, at);
    let is_item = begins.is_some_and(|word| DEFINES.contains(&&*word) || BEGINS.contains(&&*word));
    while at < tokens.len() {
        let is_block =
            matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let is_end = is_punct(tokens.get(at), ';') || !is_item && is_punct(tokens.get(at), ',');
        at += 1;
        if is_block || is_end {
            break;
        }
    }
    at
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        Some(TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_)) | None => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}
