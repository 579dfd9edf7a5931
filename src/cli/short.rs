//! The short forms of the first k3d, `coracle create --name demo --workers 2`: written out as the commands of today
//! before anything is parsed, so that they mean exactly the same and help shows the whole command.

use std::ffi::OsString;

use clap::CommandFactory;

use super::args::CommandLine;

/// The short forms, and what each stands for.
const FORMS: &[(&str, &[&str])] = &[
    ("create", &["cluster", "create"]),
    ("list", &["cluster", "list"]),
    ("ls", &["cluster", "list"]),
    ("start", &["cluster", "start"]),
    ("stop", &["cluster", "stop"]),
    ("delete", &["cluster", "delete"]),
    // It printed the path of the cluster's own file, as `kubeconfig merge` does.
    ("get-kubeconfig", &["kubeconfig", "merge"]),
    ("import-images", &["image", "import"]),
];

/// Flags that have another name today. An empty name is for what is no flag any more.
const FLAGS: &[(&str, &str)] = &[
    ("--name", ""),
    ("-n", ""),
    ("--workers", "--agents"),
    ("-w", "--agents"),
    ("--publish", "--port"),
    ("--server-arg", "--k3s-arg"),
    ("-x", "--k3s-arg"),
];

/// The arguments with a short form written out; all others as they are. The first one is the program's name.
#[must_use]
pub fn written_out(arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(place) = command(&arguments) else {
        return arguments;
    };
    let form = FORMS.iter().find(|(name, _)| arguments[place] == *name);
    let Some((name, words)) = form else {
        return arguments;
    };
    let mut rest = arguments.iter().skip(place + 1);
    let mut all: Vec<OsString> = arguments[..place].to_vec();
    all.extend(words.iter().map(OsString::from));
    while let Some(argument) = rest.next() {
        if argument == "--" {
            all.push(argument.clone());
            all.extend(rest.cloned());
            break;
        }
        let text = argument.to_string_lossy();
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) => (flag, Some(OsString::from(value))),
            None => (&*text, None),
        };
        let Some((_, today)) = FLAGS.iter().find(|(old, _)| *old == flag) else {
            all.push(argument.clone());
            continue;
        };
        match *today {
            "" if *name == "import-images" => all.push("--cluster".into()),
            "" => {}
            today => all.push(today.into()),
        }
        all.extend(value.or_else(|| rest.next().cloned()));
    }
    all
}

/// The place of the first word that is a command: neither a flag nor the value of one.
fn command(arguments: &[OsString]) -> Option<usize> {
    let known = CommandLine::command();
    let takes_value = |argument: &OsString| {
        let text = argument.to_string_lossy();
        known.get_arguments().any(|known| {
            let own = known
                .get_long()
                .is_some_and(|long| text == format!("--{long}"));
            own && known.get_action().takes_values() && !known.is_require_equals_set()
        })
    };
    let mut place = 1;
    while let Some(argument) = arguments.get(place) {
        if takes_value(argument) {
            place += 2;
        } else if argument.to_string_lossy().starts_with('-') {
            place += 1;
        } else {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(line: &str) -> String {
        let words = std::iter::once("coracle").chain(line.split_whitespace());
        let all = written_out(words.map(OsString::from).collect());
        let all: Vec<String> = all
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        all[1..].join(" ")
    }

    #[test]
    fn short_forms_are_written_out_with_the_flags_of_today() {
        for (short, whole) in [
            ("create", "cluster create"),
            (
                "create --name demo -w 2 --publish=80:80",
                "cluster create demo --agents 2 --port 80:80",
            ),
            (
                "--docker-host create list",
                "--docker-host create cluster list",
            ),
            (
                "--simulate start -n a --all",
                "--simulate cluster start a --all",
            ),
            ("get-kubeconfig --name=demo", "kubeconfig merge demo"),
            (
                "import-images a b --name demo",
                "image import a b --cluster demo",
            ),
            ("delete -- --name", "cluster delete -- --name"),
        ] {
            assert_eq!(out(short), whole, "{short}");
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for line in [
            "",
            "cluster list",
            "node create",
            "-h",
            "--ascii",
            "logs -n demo create",
        ] {
            assert_eq!(out(line), line);
        }
    }
}
