//! `cargo xtask package`: the archives that would be published, and the command built from them.

use crate::shell::{self, cargo};
use crate::web;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What is published, in the order in which it has to be.
const PACKAGES: &[&str] = &["fourfold", "fourfold-cli"];

/// Makes the archives, builds the command from them in an empty folder, and sees the page that it serves.
pub(crate) fn run() -> Result<(), String> {
    web::build()?;
    let root = shell::root();
    web::replace(&root.join("web/dist"), &root.join("cli/page"))?;
    let archives = archive()?;
    let folder = EmptyFolder::new()?;
    let unpacked = archives.iter().map(|archive| unpack(archive, &folder.0)).collect::<Result<Vec<_>, _>>()?;
    for package in &unpacked {
        check_links(package)?;
    }
    let [library, command] = unpacked.as_slice() else { return Err("there are two archives".to_owned()) };
    let program = build(library, command)?;
    see_the_page(&program)?;
    for archive in &archives {
        println!("{}", archive.display());
    }
    Ok(())
}

/// The archives, as `cargo publish` would send them.
fn archive() -> Result<Vec<PathBuf>, String> {
    // They are built below, from what they hold alone. What is not committed yet may be looked at as well.
    let mut command = cargo(["package", "--no-verify", "--allow-dirty"]);
    command.args(PACKAGES.iter().flat_map(|name| ["--package", name]));
    shell::say_and_run(&mut command)?;
    let version = shell::value_in_manifest("version")?;
    let folder = shell::root().join("target/package");
    Ok(PACKAGES.iter().map(|name| folder.join(format!("{name}-{version}.crate"))).collect())
}

/// A folder outside of the repository, where cargo finds no workspace; gone when dropped.
struct EmptyFolder(PathBuf);

impl EmptyFolder {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("fourfold-package-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        // What stays behind is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn unpack(archive: &Path, folder: &Path) -> Result<PathBuf, String> {
    let mut tar = shell::command("tar", ["-xzf"]);
    shell::say_and_run(tar.arg(archive).arg("-C").arg(folder))?;
    let name = archive.file_stem().unwrap_or_default();
    Ok(folder.join(name))
}

/// Every file that the README of a package links to, pictures above all, is in its archive.
fn check_links(package: &Path) -> Result<(), String> {
    let readme = package.join("README.md");
    let text = fs::read_to_string(&readme).map_err(|error| format!("cannot read {}: {error}", readme.display()))?;
    let missing: Vec<&str> = links(&text).into_iter().filter(|link| !package.join(link).exists()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{}: not in the archive: {missing:?}", readme.display())) }
}

/// The files that a text in Markdown links to.
fn links(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = ends.map(|(target, _)| target.split('#').next().unwrap_or(target));
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// Builds the command from the archives, without a network; the program.
fn build(library: &Path, command: &Path) -> Result<PathBuf, String> {
    let target = shell::root().join("target/packaged");
    let patch = format!("patch.crates-io.fourfold.path={:?}", library.display().to_string());
    let mut build = cargo(["build", "--offline", "--config", &patch, "--target-dir"]);
    shell::say_and_run(build.arg(&target).current_dir(command))?;
    let mut core = cargo(["check", "--offline", "--no-default-features", "--target-dir"]);
    shell::say_and_run(core.arg(&target).current_dir(library))?;
    Ok(target.join("debug/fourfold"))
}

/// Serves the page, and looks at it as a browser would.
fn see_the_page(program: &Path) -> Result<(), String> {
    let server = Server::start(program)?;
    let index = server.get("/")?;
    let text = String::from_utf8_lossy(&index.body);
    if !index.head.starts_with("HTTP/1.1 200") || !text.contains("<script type=\"module\"") {
        return Err(format!("the page is not in the command: {}\n{text}", index.head));
    }
    let module = server.get("/fourfold_web_bg.wasm")?;
    let typed = module.head.to_ascii_lowercase().contains("content-type: application/wasm");
    if !module.head.starts_with("HTTP/1.1 200") || !typed || !module.body.starts_with(b"\0asm") {
        return Err(format!("the page's module is not in the command: {}", module.head));
    }
    println!("{}: {} bytes of page, {} bytes of module", server.address, index.body.len(), module.body.len());
    Ok(())
}

/// `fourfold web`, ended when it is dropped.
struct Server {
    child: Child,
    address: String,
}

struct Response {
    head: String,
    body: Vec<u8>,
}

impl Server {
    fn start(program: &Path) -> Result<Self, String> {
        let unable = |error: std::io::Error| format!("cannot start {}: {error}", program.display());
        let mut command = Command::new(program);
        command.args(["web", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(unable)?;
        let mut line = String::new();
        if let Some(stderr) = child.stderr.take() {
            BufReader::new(stderr).read_line(&mut line).map_err(unable)?;
        }
        let address =
            line.trim().strip_prefix("listening on http://").map(|rest| rest.trim_end_matches('/').to_owned());
        let server = Self { child, address: address.unwrap_or_default() };
        if server.address.is_empty() { Err(format!("{} said: {line}", program.display())) } else { Ok(server) }
    }

    fn get(&self, path: &str) -> Result<Response, String> {
        let unable = |error: std::io::Error| format!("GET {path}: {error}");
        let mut stream = TcpStream::connect(&self.address).map_err(unable)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).map_err(unable)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(unable)?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or_else(|| format!("GET {path}: no end of the head"))?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        Ok(Response { head, body: bytes.split_off(end + 4) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_those_to_elsewhere_left_alone() {
        let text = "![a](pictures/a.png) [b](https://example.org/b.png) [c](C.md#part) [d](#here) `x[0](y)`";
        assert_eq!(links(text), ["pictures/a.png", "C.md", "y"]);
    }
}
