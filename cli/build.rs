//! Puts the built page, `web/dist`, into the executable.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let variable =
        |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other("cargo did not start this"));
    let package = variable("CARGO_MANIFEST_DIR")?;
    // In the repository the page is beside this package; in its archive it is inside.
    let web = package.join("../web");
    let dist = if web.join("Cargo.toml").is_file() { web.join("dist") } else { package.join("page") };
    // A path that is not there would make every build a new one.
    let there = [&dist, &web].into_iter().find(|path| path.is_dir());
    println!("cargo::rerun-if-changed={}", there.map_or_else(|| "Cargo.toml".into(), |path| path.to_string_lossy()));
    let mut files = BTreeMap::new();
    if dist.is_dir() {
        collect(&dist, "", &mut files)?;
    }
    fs::write(variable("OUT_DIR")?.join("page.rs"), table(&files)?)
}

/// All files, by their path in the page.
fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else {
            files.insert(path, entry.path());
        }
    }
    Ok(())
}

fn table(files: &BTreeMap<String, PathBuf>) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for (path, file) in files.iter().filter(|(path, _)| !path.ends_with(".gz")) {
        let mut hasher = DefaultHasher::new();
        fs::read(file)?.hash(&mut hasher);
        let gzip = files.get(&format!("{path}.gz")).map(|gzip| format!("include_bytes!({gzip:?})"));
        let gzip = gzip.map_or_else(|| "None".to_owned(), |gzip| format!("Some({gzip})"));
        let tag = format!("\"{:016x}\"", hasher.finish());
        let line = format!("File::new({path:?}, include_bytes!({file:?}), {gzip}, {tag:?}),");
        writeln!(text, "    {line}").map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    Ok(text)
}
