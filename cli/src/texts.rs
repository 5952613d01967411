//! Texts made from the definitions: completions and the man page.

use clap_complete::Shell;

use super::{
    exit::{self, Fault},
    screen::Stdout,
};

/// `fourfold completions SHELL`
pub(crate) fn completions(shell: Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "fourfold", &mut text);
    write(&text)
}

/// `fourfold man`: the command and its subcommands in one page.
pub(crate) fn man() -> Result<u8, Fault> {
    let mut text = Vec::new();
    let mut command = super::command();
    command.build();
    render(&command, &mut text).map_err(Fault::source)?;
    for subcommand in command.get_subcommands() {
        render(subcommand, &mut text).map_err(Fault::source)?;
    }
    Ok(write(&text))
}

fn render(command: &clap::Command, text: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)
}

fn write(text: &[u8]) -> u8 {
    let stdout = Stdout::new(None);
    stdout.write(text);
    stdout.exit_code().unwrap_or(exit::DONE)
}
