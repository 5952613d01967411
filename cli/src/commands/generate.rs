//! `fourfold completions` and `fourfold man`: texts made from the definitions of the arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    args::Cli,
    exit::{CliError, Ending},
    terminal::Stdout,
};

/// Writes the completions for a shell.
pub(super) fn completions(shell: Shell) -> Ending {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fourfold", &mut text);
    write(&text)
}

/// Writes the man page: the command and its subcommands in one page.
pub(super) fn man() -> Result<Ending, CliError> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut text).map_err(CliError::source)?;
    for subcommand in command.get_subcommands() {
        render(subcommand, &mut text).map_err(CliError::source)?;
    }
    Ok(write(&text))
}

fn render(command: &clap::Command, text: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)
}

fn write(text: &[u8]) -> Ending {
    let stdout = Stdout::new(None);
    stdout.write(&String::from_utf8_lossy(text));
    stdout.ending()
}
