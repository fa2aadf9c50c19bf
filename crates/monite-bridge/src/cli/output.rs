//! The only file that prints. stdout holds results and nothing else; notes, progress and errors go to stderr.

use std::io::{IsTerminal as _, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use super::failure::Failure;
use super::progress::Progress;
use crate::config::EnvVars;

/// Where a command's words go, and in which form.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    form: Form,
    style: Style,
    /// Bars are drawn on stderr, so only if somebody sees it.
    stderr_is_terminal: bool,
    bars: MultiProgress,
}

/// Who reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A person.
    Text,
    /// A program: one JSON document, and nothing else.
    Json,
}

impl Output {
    /// Colours and bars appear on terminals only; `NO_COLOR` (no-color.org) turns colours off there too.
    pub(crate) fn new(form: Form, env: &EnvVars) -> Self {
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let colours = form == Form::Text && std::io::stdout().is_terminal() && env.get("NO_COLOR").is_none();
        let target = if stderr_is_terminal && form == Form::Text {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self { form, style: Style { colours }, stderr_is_terminal, bars: MultiProgress::with_draw_target(target) }
    }

    /// How words are marked.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// The result of a command: the text for people, the document for programs.
    pub(crate) fn result(&self, text: &str, document: &impl Serialize) {
        match self.form {
            Form::Text => self.stdout(text),
            // One line, so that a reader of a service that goes on knows where the document ends.
            Form::Json => self.stdout(&compact(document)),
        }
    }

    /// A result that is JSON for everybody.
    pub(crate) fn document(&self, document: &impl Serialize) {
        self.stdout(&pretty(document));
    }

    /// A part of a result for people; programs get the whole at the end.
    pub(crate) fn line(&self, text: &str) {
        if self.form == Form::Text {
            self.stdout(text);
        }
    }

    /// A result of any length, printed as it is found: people see its items line by line, programs one document that holds
    /// them as an array under `key`.
    pub(crate) fn list(&self, key: &'static str) -> List<'_> {
        List { output: self, key, is_empty: true }
    }

    /// Something a person should know that is not the result.
    pub(crate) fn note(&self, text: &str) {
        if self.form == Form::Text {
            self.stderr(text);
        }
    }

    /// Why the command did not do its work.
    pub(crate) fn failure(&self, failure: &Failure) {
        match self.form {
            Form::Text => self.stderr(&format!("error: {failure}")),
            Form::Json => self.stderr(&compact(&serde_json::json!({ "error": failure }))),
        }
    }

    /// Shows how far `what` has come: a bar on a terminal, a line now and then elsewhere, nothing for programs.
    pub(crate) fn progress(&self, what: &'static str) -> Progress {
        match (self.form, self.stderr_is_terminal) {
            (Form::Json, _) => Progress::silent(),
            (Form::Text, true) => Progress::bar(what, &self.bars),
            (Form::Text, false) => Progress::lines(what, self.clone()),
        }
    }

    /// A line on stderr, drawn around the bars.
    pub(crate) fn stderr(&self, text: &str) {
        self.bars.suspend(|| write_line(std::io::stderr().lock(), text));
    }

    /// Bytes of the log, drawn around the bars.
    pub(crate) fn log_writer(&self) -> LogWriter {
        LogWriter(self.bars.clone())
    }

    fn stdout(&self, text: &str) {
        self.bars.suspend(|| write_line(std::io::stdout().lock(), text));
    }
}

/// A reader that went away (`| head`) is no reason to stop the work.
fn write_line(mut to: impl Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

fn pretty(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("results are structs, lists and maps with text keys: they serialize")
}

fn compact(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("results are structs, lists and maps with text keys: they serialize")
}

/// See [`Output::list`].
#[derive(Debug)]
pub(crate) struct List<'a> {
    output: &'a Output,
    key: &'static str,
    is_empty: bool,
}

impl List<'_> {
    /// One more item.
    pub(crate) fn push(&mut self, text: &str, item: &impl Serialize) {
        match self.output.form {
            Form::Text => self.output.stdout(text),
            Form::Json if self.is_empty => self.output.stdout(&format!("{{\"{}\": [\n{}", self.key, compact(item))),
            Form::Json => self.output.stdout(&format!(",{}", compact(item))),
        }
        self.is_empty = false;
    }

    /// The last words; `rest` is an object whose fields stand beside the list.
    pub(crate) fn end(self, text: &str, rest: &impl Serialize) {
        match self.output.form {
            Form::Text => self.output.stdout(text),
            Form::Json => {
                let rest = compact(rest);
                let rest = rest.strip_prefix('{').unwrap_or("}");
                let comma = if rest == "}" { "" } else { ", " };
                let start = if self.is_empty { format!("{{\"{}\": [", self.key) } else { String::new() };
                self.output.stdout(&format!("{start}]{comma}{rest}"));
            }
        }
    }
}

/// How words are marked: not at all where nobody sees colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colours: false };

    /// What stands out.
    pub(crate) fn bold(self, text: &str) -> String {
        self.mark("1", text)
    }

    /// What can be passed over.
    pub(crate) fn dim(self, text: &str) -> String {
        self.mark("2", text)
    }

    /// What is as it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.mark("32", text)
    }

    /// What somebody should look at.
    pub(crate) fn bad(self, text: &str) -> String {
        self.mark("31", text)
    }

    fn mark(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes log lines to stderr without tearing the bars.
#[derive(Debug)]
pub(crate) struct LogWriter(MultiProgress);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}
