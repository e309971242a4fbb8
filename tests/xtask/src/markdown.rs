//! Reads the repository's Markdown files: links, the anchors they lead to, and commands.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use crate::cmd::root;

/// A text at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Links, anchors and commands of one file.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) links: Vec<Found>,
    /// References without a definition.
    pub(crate) undefined: Vec<Found>,
    pub(crate) anchors: Vec<String>,
    /// Commands in blocks and in lines.
    pub(crate) commands: Vec<Found>,
}

/// Returns all Markdown files of the repository, without those in target directories.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
                collect(&path, files)?;
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
        Ok(())
    }
    let mut all = Vec::new();
    collect(root(), &mut all)?;
    all.sort();
    Ok(all)
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut undefined = Vec::new();
    let line = |offset: usize| text[..offset].matches('\n').count() + 1;
    let parser = Parser::new_with_broken_link_callback(
        text,
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES,
        Some(|link: pulldown_cmark::BrokenLink<'_>| {
            // A word in brackets alone is text.
            if link.link_type != LinkType::ShortcutUnknown && link.link_type != LinkType::Shortcut {
                undefined.push(Found { line: line(link.span.start), text: link.reference.to_string() });
            }
            None
        }),
    );
    let (mut heading, mut block) = (None::<String>, None::<(String, String)>);
    let mut used = HashMap::<String, usize>::new();
    for (event, span) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(Found { line: line(span.start), text: dest_url.to_string() });
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let count = used.entry(slug.clone()).or_default();
                page.anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, code)) = block.take() {
                    let first = line(span.start) + usize::from(text[span.start..].starts_with("```"));
                    page.commands.extend(block_commands(&language, &code, first));
                }
            }
            Event::Text(part) => {
                if let Some((_, code)) = &mut block {
                    code.push_str(&part);
                } else if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::Code(code) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&code);
                }
                if is_command(&code) {
                    page.commands.push(Found { line: line(span.start), text: code.to_string() });
                }
            }
            _ => {}
        }
    }
    page.undefined = undefined;
    page
}

/// Returns the commands of a block: each line of a shell's, and those lines of another that begin as a command does. A
/// backslash joins a line with the next.
fn block_commands(language: &str, code: &str, first: usize) -> Vec<Found> {
    let shell = matches!(language, "sh" | "bash" | "shell" | "console");
    let mut commands = Vec::new();
    let mut open = None::<Found>;
    for (index, line) in code.lines().enumerate() {
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        let mut command = open.take().unwrap_or(Found { line: first + index, text: String::new() });
        command.text.push_str(part.trim());
        if more {
            command.text.push(' ');
            open = Some(command);
        } else if is_command(&command.text)
            || (shell && !command.text.is_empty() && !command.text.trim_start().starts_with('#'))
        {
            commands.push(Found { text: command.text.split_whitespace().collect::<Vec<_>>().join(" "), ..command });
        }
    }
    commands
}

/// Says whether this is a command in a text: one of the programs that the documentation calls, with arguments.
fn is_command(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let program = words.next().unwrap_or_default();
    let programs = ["cargo", "redress", "modem", "qemu-system-arm", "qemu-system-riscv32"];
    program.starts_with(".ci/") || program.starts_with("./") || (programs.contains(&program) && words.next().is_some())
}

/// Returns the anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|char| match char {
            ' ' => Some('-'),
            '-' | '_' => Some(char),
            char => char.is_alphanumeric().then_some(char),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: usize, text: &str) -> Found {
        Found { line, text: text.to_owned() }
    }

    #[test]
    fn links_have_lines_and_images_are_links() {
        let page = read("# A\n\n[a](b.md#c) and\n![d](e.svg) and [f][g]\n\n[g]: h.md\n");
        assert_eq!(page.links, [found(3, "b.md#c"), found(4, "e.svg"), found(4, "h.md")]);
    }

    #[test]
    fn a_reference_without_a_definition_is_found_and_a_word_in_brackets_is_not() {
        let page = read("[a][b]\n\n[c]\n\n`[d][e]`\n");
        assert_eq!(page.undefined, [found(1, "b")]);
    }

    #[test]
    fn anchors_are_those_of_github() {
        let page = read("# A `b`, c!\n\n## Same\n\n## Same\n\n### x_y – z\n");
        assert_eq!(page.anchors, ["a-b-c", "same", "same-1", "x_y--z"]);
    }

    #[test]
    fn commands_are_found_in_blocks_and_in_lines() {
        let text = "Run `cargo test\n-p x` or `.ci/run`, not `cargo` or `Policy::call`.\n\n```sh\n# a comment\nfoo \\\n    --bar\n```\n\n```text\nan output\ncargo build\n```\n\n| `cargo run -p a` |\n|---|\n";
        let commands = read(text).commands;
        assert_eq!(
            commands,
            [
                found(1, "cargo test -p x"),
                found(2, ".ci/run"),
                found(6, "foo --bar"),
                found(12, "cargo build"),
                found(15, "cargo run -p a")
            ]
        );
    }

    #[test]
    fn the_repository_has_its_readme() {
        assert!(files().unwrap().contains(&root().join("README.md")));
    }
}
