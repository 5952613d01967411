//! Compressed neighbours of the page's files, and how large all of it is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

/// The module, compressed.
const MODULE_MAX: usize = 140_000;
/// All that the page asks for before it is usable, compressed.
const FIRST_LOAD_MAX: usize = 220_000;

/// What is loaded later, or never by itself: the tests of the page measure the same in a browser.
const LATER: &[&str] = &[
    "vendor/",
    "sandbox.html",
    "code.json",
    "css/charts.css",
    "css/modes.css",
    "i18n/zh.json",
    "js/generated/parameters.js",
    "js/handlers/",
    "js/meter.js",
    "js/modes/compare.js",
    "js/modes/lab.js",
    "js/modes/live.js",
    "js/modes/own.js",
    "js/modes/replay.js",
    "js/panels/chart",
    "js/panels/differences.js",
    "js/panels/drop.js",
    "js/panels/editor.js",
    "js/panels/export.js",
    "js/panels/form.js",
    "js/panels/handler.js",
    "js/panels/log.js",
    "js/panels/picture.js",
    "js/panels/report.js",
    "js/panels/series.js",
    "js/panels/watch.js",
    "js/parameters.js",
    "js/sandbox",
];

/// Writes the neighbours, prints a table, and fails where a budget is exceeded.
pub(super) fn compress(dist: &Path, files: &[PathBuf]) -> Result<(), String> {
    let (mut module, mut first_load, mut all) = (0, 0, [0, 0]);
    println!("{:<44} {:>9} {:>9}", "", "bytes", "gzip");
    for path in files {
        let name = path.strip_prefix(dist).unwrap_or(path).to_string_lossy().into_owned();
        let [raw, small] = compress_one(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if name.ends_with(".d.ts") {
            continue;
        }
        let later = LATER.iter().any(|later| name.starts_with(later));
        println!("{name:<44} {raw:>9} {small:>9}{}", if later { "  later" } else { "" });
        all = [all[0] + raw, all[1] + small];
        first_load += if later { 0 } else { small };
        module += if name.ends_with(".wasm") { small } else { 0 };
    }
    println!("{:<44} {:>9} {:>9}", "all", all[0], all[1]);
    println!("{:<44} {:>9} {first_load:>9}  of {FIRST_LOAD_MAX}", "first load", "");
    for (what, size, max) in [("the module", module, MODULE_MAX), ("the first load", first_load, FIRST_LOAD_MAX)] {
        if size > max {
            return Err(format!("{what} is {size} bytes compressed, and {max} may be"));
        }
    }
    Ok(())
}

/// Without a name or a date in it: the same bytes give the same bytes.
fn compress_one(path: &Path) -> std::io::Result<[usize; 2]> {
    let bytes = fs::read(path)?;
    let small = gzip(&bytes, path.extension().is_some_and(|extension| extension == "wasm"))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".gz");
    fs::write(path.with_file_name(name), &small)?;
    Ok([bytes.len(), small.len()])
}

/// `thoroughly`: takes seconds for a megabyte, and saves a twenty-fifth.
fn gzip(bytes: &[u8], thoroughly: bool) -> std::io::Result<Vec<u8>> {
    if thoroughly {
        let mut small = Vec::new();
        zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, bytes, &mut small)?;
        return Ok(small);
    }
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressing_twice_gives_the_same_bytes() {
        let folder = std::env::temp_dir().join(format!("fourfold-xtask-gz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("page.js");
        fs::write(&path, "let x = 1;\n".repeat(1000)).unwrap();
        let [raw, small] = compress_one(&path).unwrap();
        let first = fs::read(folder.join("page.js.gz")).unwrap();
        compress_one(&path).unwrap();
        assert_eq!(first, fs::read(folder.join("page.js.gz")).unwrap());
        assert!((raw, small) == (11_000, first.len()) && small < 200, "{small}");
        fs::remove_dir_all(folder).unwrap();
    }
}
