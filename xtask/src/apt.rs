//! Debian's packages.

use crate::shell;

/// Installs Debian packages; the list of what there is is renewed first, for a new machine has none.
pub(crate) fn install(packages: &[&str]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let by_hand = |why: &str| format!("{why}; install by hand: {list}");
    if shell::find("apt-get").is_none() {
        return Err(by_hand("there is no apt-get here"));
    }
    let root = shell::read(&mut shell::command("id", ["-u"]))? == "0";
    if !root && shell::find("sudo").is_none() {
        return Err(by_hand("this is not root and there is no sudo"));
    }
    println!("installing {list}");
    let apt_get = |arguments: &[&str]| {
        // Through env, for sudo does not hand an environment on.
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"].iter().chain(arguments);
        let mut command = if root {
            shell::command("env", words.skip(1))
        } else {
            shell::command("sudo", ["--non-interactive"].iter().chain(words))
        };
        shell::expect_success(&mut command).map_err(|error| by_hand(&error))
    };
    apt_get(&["update", "--quiet"])?;
    apt_get(&[&["install", "--quiet", "--yes", "--no-install-recommends"], packages].concat())
}
