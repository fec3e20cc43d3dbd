//! The page's folders import downwards only: app → screens → parts → platform, texts; a screen never imports another one.

use crate::{files, root};
use std::path::{Component, Path, PathBuf};

/// The folders of `ui/src`, and what each may import besides itself.
const FOLDERS: [(&str, &[&str]); 5] = [
    ("app", &["screens", "parts", "platform", "texts"]),
    ("screens", &["parts", "platform", "texts"]),
    ("parts", &["platform", "texts"]),
    ("platform", &[]),
    ("texts", &["platform"]),
];

/// What may import everything: where the page begins, what its tests share, and the tests themselves.
fn is_free(file: &Path) -> bool {
    file == Path::new("main.ts") || file.starts_with("test") || file.to_string_lossy().ends_with(".test.ts")
}

/// What a file imports from the page's own files, as paths from `ui/src`.
fn imports(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().expect("a file lies in a folder");
    let starts = ["from", "import", "import(", "@import"];
    let quoted = |line: &str| {
        starts.into_iter().find_map(|start| {
            let (_, after) = line.split_once(&format!("{start} ")).or_else(|| line.split_once(start))?;
            let quote = after.trim_start().chars().next().filter(|first| ['"', '\''].contains(first))?;
            after.trim_start().get(1..)?.split(quote).next().map(str::to_owned)
        })
    };
    text.lines()
        .filter_map(quoted)
        .filter(|path| path.starts_with('.'))
        .map(|path| resolved(&folder.join(path)))
        .collect()
}

/// Without `.` and `..`; what leads out of `ui/src` begins with `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if clean.file_name().is_some() => _ = clean.pop(),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

fn first(path: &Path) -> &str {
    path.iter().next().and_then(|part| part.to_str()).unwrap_or_default()
}

/// The screen that a file belongs to; none: what all of them share.
fn screen(path: &Path) -> Option<&str> {
    let mut parts = path.iter().filter_map(|part| part.to_str());
    let is_screens = parts.next() == Some("screens");
    let screen = parts.next()?;
    let is_folder = parts.next().is_some() || root().join("ui/src").join(path).is_dir();
    (is_screens && is_folder).then_some(screen)
}

/// Why a file may not import another; nothing: it may.
fn fault(from: &Path, to: &Path) -> Option<String> {
    let arrow = format!("{} → {}", from.display(), to.display());
    let (_, below) = FOLDERS.iter().find(|(name, _)| *name == first(from))?;
    if first(from) != first(to) && !below.contains(&first(to)) {
        return Some(arrow);
    }
    let (of, other) = (screen(from)?, to.strip_prefix("screens").ok()?);
    // The list of screens knows them all.
    let lists = other == Path::new("") || other == Path::new("index");
    (lists || screen(to).is_some_and(|to| to != of)).then_some(arrow)
}

#[test]
fn ui_folders_import_only_downwards() {
    let ui = root().join("ui/src");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in ["ts", "svelte", "css"].into_iter().flat_map(|ending| files(&ui, ending)) {
        let from = file.strip_prefix(&ui).expect("a file of the page").to_path_buf();
        if is_free(&from) {
            continue;
        }
        assert!(
            FOLDERS.iter().any(|(name, _)| *name == first(&from)),
            "{} lies in none of the page's folders",
            from.display()
        );
        let text = std::fs::read_to_string(&file).expect("a source file");
        for to in imports(&from, &text) {
            seen += 1;
            wrong.extend(fault(&from, &to));
        }
    }
    assert!(seen > 100, "only {seen} imports were found: they are written in a way that is not read");
    assert!(wrong.is_empty(), "forbidden imports: {wrong:#?}; the permitted ones are in ARCHITECTURE.md");
}

#[test]
fn an_import_is_read_however_it_is_written() {
    let text = "import { a } from \"../../app/app.svelte\";\n\
        import type { B } from './b';\n\
        } from \"../parts/c\";\n\
        import \"./d.css\";\n\
        const e = await import(\"../../screens/board\");\n\
        @import \"../tokens.css\";\n\
        export { f } from \"./f\";\n\
        import { mount } from \"svelte\";\n";
    let found = imports(Path::new("screens/board/x.ts"), text);
    let expected = [
        "app/app.svelte",
        "screens/board/b",
        "screens/parts/c",
        "screens/board/d.css",
        "screens/board",
        "screens/tokens.css",
        "screens/board/f",
    ];
    assert_eq!(found, expected.map(PathBuf::from));
}

#[test]
fn upwards_sideways_and_to_the_list_of_screens_is_a_fault() {
    let faulty = |from: &str, to: &str| fault(Path::new(from), Path::new(to)).is_some();
    assert!(faulty("parts/grid/Grid.svelte", "app/app.svelte"));
    assert!(faulty("parts/details/Detail.svelte", "screens/screen"));
    assert!(faulty("screens/board/Board.svelte", "app/app.svelte"));
    assert!(faulty("screens/board/Board.svelte", "screens/intake/state.svelte"));
    assert!(faulty("screens/board/Board.svelte", "screens/index"));
    assert!(faulty("screens/board/Board.svelte", "test/fake"));
    assert!(faulty("texts/names.ts", "parts/scene"));
    assert!(faulty("platform/tauri.ts", "texts/names"));
    assert!(!faulty("screens/board/Board.svelte", "screens/screen"));
    assert!(!faulty("screens/board/Board.svelte", "screens/board/columns"));
    assert!(!faulty("screens/index.ts", "screens/board"));
    assert!(!faulty("app/app.svelte.ts", "screens"));
    assert!(!faulty("texts/names.ts", "platform/contract"));
}
