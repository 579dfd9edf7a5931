//! Templates as stern takes them: the part of Go's template language that they are written in.
//!
//! Texts, fields, strings, variables, pipes, `if`, `with` and the functions of `stern_words.rs`. Whatever else Go has is
//! refused when the template is read, so that nobody waits for lines that never look right.

use serde_json::Value;

use super::{
    stern_tokens::{Token, end_of, tokens},
    stern_words::{self, FUNCTIONS, Failed},
};
use crate::config::nearest;

/// What a line has.
pub const FIELDS: [&str; 6] = [
    "Message",
    "Namespace",
    "PodName",
    "ContainerName",
    "PodColor",
    "ContainerColor",
];

/// A template that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SternTemplate(Vec<Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Print(Pipe),
    Set(String, Pipe),
    If {
        /// The variable that the value is bound to.
        name: Option<String>,
        pipe: Pipe,
        /// Whether the dot means the value inside.
        with: bool,
        then: Vec<Self>,
        otherwise: Vec<Self>,
    },
}

/// Calls, of which each gets the value of the one before as its last argument.
type Pipe = Vec<Vec<Operand>>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Constant(Value),
    Function(&'static str),
    /// The fields of the dot.
    Dot(Vec<String>),
    /// The fields of a variable; that without a name is the line.
    Variable(String, Vec<String>),
    Group(Pipe),
}

impl SternTemplate {
    /// Whether a text is in this language and not in the one of here, where `{{` is a brace.
    pub fn is_meant(text: &str) -> bool {
        text.split("{{").skip(1).any(|action| {
            let action = action.strip_prefix('-').unwrap_or(action).trim_start();
            let word = action.split(|c: char| !c.is_ascii_alphanumeric()).next();
            let keyword = ["if", "with", "range", "end", "else"];
            action.starts_with(['.', '"', '`', '$', '(', '/'])
                || word.is_some_and(|word| FUNCTIONS.contains(&word) || keyword.contains(&word))
        })
    }

    /// Reads a template.
    ///
    /// # Errors
    /// Says what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            rest: text,
            dot_is_line: true,
            variables: vec![String::new()],
        };
        let (nodes, end) = parser.nodes()?;
        match end {
            None => Ok(Self(nodes)),
            Some(end) => Err(format!(
                "there is nothing that this {{{{{end}}}}} belongs to"
            )),
        }
    }

    /// Writes what it makes of a line's fields.
    ///
    /// # Errors
    /// When a value is not what a function takes, such as a text that is no JSON.
    pub fn write(&self, line: &Value, colour: bool, out: &mut String) -> Result<(), Failed> {
        let mut scope = Scope {
            variables: vec![(String::new(), line.clone())],
            colour,
        };
        run(&self.0, line, &mut scope, out)
    }
}

/// What is known at a place of a template.
struct Scope {
    variables: Vec<(String, Value)>,
    /// Whether functions may colour.
    colour: bool,
}

fn run(nodes: &[Node], dot: &Value, scope: &mut Scope, out: &mut String) -> Result<(), Failed> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Print(pipe) => out.push_str(&stern_words::text(&value(pipe, dot, scope)?)),
            Node::Set(name, pipe) => {
                let value = value(pipe, dot, scope)?;
                scope.variables.push((name.clone(), value));
            }
            Node::If {
                name,
                pipe,
                with,
                then,
                otherwise,
            } => {
                let found = value(pipe, dot, scope)?;
                let known = scope.variables.len();
                if let Some(name) = name {
                    scope.variables.push((name.clone(), found.clone()));
                }
                if stern_words::is_true(&found) {
                    run(then, if *with { &found } else { dot }, scope, out)?;
                } else {
                    run(otherwise, dot, scope, out)?;
                }
                scope.variables.truncate(known);
            }
        }
    }
    Ok(())
}

fn value(pipe: &Pipe, dot: &Value, scope: &Scope) -> Result<Value, Failed> {
    let mut piped = None;
    for call in pipe {
        let mut values = Vec::new();
        for operand in call {
            values.push(match operand {
                Operand::Constant(value) => value.clone(),
                Operand::Function(_) => continue,
                Operand::Dot(path) => field(dot, path),
                Operand::Variable(name, path) => {
                    let found = scope
                        .variables
                        .iter()
                        .rev()
                        .find(|(known, _)| known == name);
                    found.map_or(Value::Null, |(_, value)| field(value, path))
                }
                Operand::Group(pipe) => value(pipe, dot, scope)?,
            });
        }
        values.extend(piped.take());
        piped = Some(match call.first() {
            Some(Operand::Function(name)) => stern_words::call(name, values, scope.colour)?,
            _ => values.into_iter().next().unwrap_or(Value::Null),
        });
    }
    Ok(piped.unwrap_or(Value::Null))
}

fn field(value: &Value, path: &[String]) -> Value {
    let found = path.iter().try_fold(value, |value, name| value.get(name));
    found.cloned().unwrap_or(Value::Null)
}

struct Parser<'a> {
    rest: &'a str,
    /// Whether the dot is the line, whose fields are known.
    dot_is_line: bool,
    variables: Vec<String>,
}

impl Parser<'_> {
    /// Nodes up to an `else` or `end`, whose words are returned.
    fn nodes(&mut self) -> Result<(Vec<Node>, Option<String>), String> {
        let mut nodes = Vec::new();
        loop {
            let Some((text, action)) = self.rest.split_once("{{") else {
                nodes.push(Node::Text(std::mem::take(&mut self.rest).to_owned()));
                return Ok((nodes, None));
            };
            let trimmed = action.strip_prefix("- ");
            let text = if trimmed.is_some() {
                text.trim_end()
            } else {
                text
            };
            nodes.push(Node::Text(text.to_owned()));
            let action = trimmed.unwrap_or(action);
            let end = end_of(action).ok_or("a {{ is not closed")?;
            self.rest = &action[end + 2..];
            let mut words = action[..end].trim();
            if let Some(kept) = words.strip_suffix(" -") {
                words = kept.trim_end();
                self.rest = self.rest.trim_start();
            }
            if words.starts_with("/*") && words.ends_with("*/") {
                continue;
            }
            let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
            match first {
                "end" | "else" => return Ok((nodes, Some(words.to_owned()))),
                "if" | "with" => nodes.push(self.branch(first == "with", rest)?),
                "range" | "block" | "define" | "template" | "break" | "continue" => {
                    return Err(format!("{first} is not understood here"));
                }
                _ => {
                    let (name, pipe) = self.pipe(words)?;
                    nodes.push(match name {
                        Some(name) => {
                            self.variables.push(name.clone());
                            Node::Set(name, pipe)
                        }
                        None => Node::Print(pipe),
                    });
                }
            }
        }
    }

    fn branch(&mut self, with: bool, condition: &str) -> Result<Node, String> {
        let (name, pipe) = self.pipe(condition)?;
        let known = self.variables.len();
        let outside = self.dot_is_line;
        self.variables.extend(name.clone());
        self.dot_is_line &= !with;
        let (then, end) = self.nodes()?;
        self.dot_is_line = outside;
        let end = end.ok_or("an {{end}} is missing")?;
        let otherwise = match end.strip_prefix("else") {
            None => Vec::new(),
            Some("") => match self.nodes()? {
                (otherwise, Some(end)) if end == "end" => otherwise,
                _ => return Err("an {{end}} is missing".to_owned()),
            },
            Some(next) => match next.trim().split_once(' ') {
                Some((word @ ("if" | "with"), rest)) => vec![self.branch(word == "with", rest)?],
                _ => return Err(format!("{end:?} is not understood")),
            },
        };
        self.variables.truncate(known);
        Ok(Node::If {
            name,
            pipe,
            with,
            then,
            otherwise,
        })
    }

    /// A pipe, and the variable that it is bound to.
    fn pipe(&self, text: &str) -> Result<(Option<String>, Pipe), String> {
        let tokens = tokens(text)?;
        let (name, tokens) = match &tokens[..] {
            [
                Token::Variable(name, path),
                Token::Sign(":=" | "="),
                rest @ ..,
            ] if path.is_empty() => (Some(name.clone()), rest),
            all => (None, all),
        };
        let mut rest = tokens.iter();
        let pipe = self.calls(&mut rest, false)?;
        Ok((name, pipe))
    }

    fn calls(
        &self,
        tokens: &mut std::slice::Iter<'_, Token>,
        inside: bool,
    ) -> Result<Pipe, String> {
        let mut pipe = vec![Vec::new()];
        let mut closed = false;
        while let Some(token) = tokens.next() {
            let operand = match token {
                Token::Constant(value) => Operand::Constant(value.clone()),
                Token::Dot(path) => {
                    if self.dot_is_line {
                        known_field(path)?;
                    }
                    Operand::Dot(path.clone())
                }
                Token::Variable(name, path) => {
                    if !self.variables.contains(name) {
                        return Err(format!("there is no variable ${name}"));
                    }
                    if name.is_empty() {
                        known_field(path)?;
                    }
                    Operand::Variable(name.clone(), path.clone())
                }
                Token::Word(word) => Operand::Function(function(word)?),
                Token::Sign("(") => Operand::Group(self.calls(tokens, true)?),
                Token::Sign("|") => {
                    pipe.push(Vec::new());
                    continue;
                }
                Token::Sign(")") if inside => {
                    closed = true;
                    break;
                }
                Token::Sign(sign) => return Err(format!("{sign:?} is not understood there")),
            };
            if let Some(call) = pipe.last_mut() {
                if !call.is_empty() && !matches!(call[0], Operand::Function(_)) {
                    return Err("only a function takes arguments".to_owned());
                }
                if !call.is_empty() && matches!(operand, Operand::Function(_)) {
                    return Err("a function among arguments needs ( ) around it".to_owned());
                }
                call.push(operand);
            }
        }
        for call in &pipe {
            if let [
                Operand::Function("printf"),
                Operand::Constant(Value::String(format)),
                ..,
            ] = &call[..]
                && !stern_words::is_format(format)
            {
                return Err(format!("{format:?}: printf has %s, %v, %d, %q and %% here"));
            }
        }
        if inside && !closed {
            return Err("a ( is not closed".to_owned());
        }
        let later = pipe.iter().skip(1);
        if later
            .clone()
            .any(|call| !matches!(call.first(), Some(Operand::Function(_))))
            || pipe[0].is_empty()
        {
            return Err("a function is missing".to_owned());
        }
        Ok(pipe)
    }
}

fn known_field(path: &[String]) -> Result<(), String> {
    let Some(name) = path.first() else {
        return Ok(());
    };
    if FIELDS.contains(&name.as_str()) {
        return Ok(());
    }
    let meant = nearest(name, FIELDS).map_or_else(
        || format!("there are .{}", FIELDS.join(", .")),
        |meant| format!("did you mean .{meant}?"),
    );
    Err(format!("a line has no .{name} here; {meant}"))
}

fn function(word: &str) -> Result<&'static str, String> {
    let known = FUNCTIONS.iter().find(|known| **known == word);
    known.copied().ok_or_else(|| {
        let meant = nearest(word, FUNCTIONS).map_or_else(
            || format!("there are {}", FUNCTIONS.join(", ")),
            |meant| format!("did you mean {meant}?"),
        );
        format!("there is no function {word} here; {meant}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(template: &str, message: &str) -> String {
        let line = json!({
            "Message": message, "Namespace": "shop", "PodName": "web-1", "ContainerName": "app",
            "PodColor": "", "ContainerColor": "",
        });
        let mut out = String::new();
        let done = SternTemplate::parse(template)
            .unwrap()
            .write(&line, true, &mut out);
        done.map_or_else(|Failed| "!".to_owned(), |()| out)
    }

    #[test]
    fn the_templates_of_stern_s_handbook_are_understood() {
        let own = r#"{"level":"warn","msg":"slow","n":2}"#;
        for (template, message, want) in [
            (
                r#"{{.PodName}} {{.Message}}{{"\n"}}"#,
                "hello",
                "web-1 hello\n",
            ),
            (
                r#"{{color .PodColor .PodName}} {{color .ContainerColor .ContainerName}} {{.Message}}{{"\n"}}"#,
                "x",
                "web-1 app x\n",
            ),
            (
                r#"{{printf "%s (%s/%-6s/%5s)\n" .Message .Namespace .PodName .ContainerName}}"#,
                "x",
                "x (shop/web-1 /  app)\n",
            ),
            ("{{ .Message | json }}", "a \"b\"", r#""a \"b\"""#),
            (
                "{{with $d := .Message | parseJSON}}[{{$d.level}}] {{$d.msg}} {{.n}} {{$.PodName}}{{end}}",
                own,
                "[warn] slow 2 web-1",
            ),
            (
                r#"{{ with $msg := .Message | tryParseJSON }}{{ $msg.msg }}{{ else }}{{ .Message }}{{ end }}{{ "\n" }}"#,
                "no }} JSON",
                "no }} JSON\n",
            ),
            (
                r#"{{$d := parseJSON .Message}}{{if eq $d.level "info"}}i{{else if (eq $d.level "warn")}}w{{else}}?{{end -}}  !"#,
                own,
                "w!",
            ),
            (
                r#"{{extractJSONParts .Message "level" "n"}}"#,
                own,
                "warn, 2",
            ),
            (
                r#"{{tryExtractJSONParts .Message "level"}}"#,
                "plain",
                "plain",
            ),
            ("a {{- /* nothing */ -}} b{{`}}`}}", "", "ab}}"),
        ] {
            assert!(SternTemplate::is_meant(template), "{template}");
            assert_eq!(written(template, message), want, "{template}");
        }
        assert!(written("{{parseJSON .Message}}", "plain").starts_with('!'));
    }

    #[test]
    fn what_a_program_hid_in_json_does_not_reach_a_terminal() {
        let evil = r#"{"a":"x\u001b[2Jy\u202ez\nw"}"#;
        assert_eq!(
            written("{{with .Message | parseJSON}}{{.a}}{{end}}", evil),
            "xyz\nw"
        );
        assert_eq!(
            written(r#"{{extractJSONParts .Message "a"}}"#, evil),
            "xyz\nw"
        );
        assert_eq!(
            written("{{.Message | parseJSON | json}}", evil),
            r#"{"a":"xyz\nw"}"#
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_there_is() {
        for (template, why) in [
            ("{{.Mesage}}", "did you mean .Message?"),
            ("{{.NodeName}}", "a line has no .NodeName here"),
            ("{{.Labels.app}}", "there are .Message"),
            ("{{$.Labels}}", "a line has no .Labels"),
            ("{{range .Message}}x{{end}}", "range is not understood"),
            ("{{if .Message}}x", "{{end}} is missing"),
            (
                "{{.Message}}{{end}}",
                "nothing that this {{end}} belongs to",
            ),
            ("{{.Message | jsn}}", "did you mean json?"),
            ("{{.Message .PodName}}", "only a function takes arguments"),
            ("{{json (.Message}}", "a ( is not closed"),
            ("{{.Message", "a {{ is not closed"),
            ("{{$x}}", "no variable $x"),
            ("{{printf \"%-5s %% %x\" .Message}}", "printf has %s"),
            ("{{\"\\q\"}}", "is not understood"),
        ] {
            let refused = SternTemplate::parse(template).unwrap_err();
            assert!(refused.contains(why), "{template}: {refused}");
        }
    }

    #[test]
    fn the_language_of_here_is_not_taken_for_it() {
        for text in ["{pod} {{x}} {message}", "{{{pod}}}", "plain", "{{", "{{ }}"] {
            assert!(!SternTemplate::is_meant(text), "{text}");
        }
    }
}
